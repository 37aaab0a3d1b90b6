"""Levenberg-Marquardt: certified problems, its decisions step by step, bounds, units."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.optimize import covariance, minimize
from optimize.problems import (
    FREUDENSTEIN_ROTH,
    FUNCTIONS,
    MGH10,
    MISRA1A,
    NIST,
    ROSENBROCK,
    THURBER,
    Fit,
    FitBoth,
)

# The certified values have eleven digits, so half of the last may be 5e-11 of a value that begins with 1.
CERTIFIED = 6e-11
# BoxBOD's and MGH10's first starts lie beyond a plateau and a canyon; see the tests of failure below.
SOLVABLE = [(p, k) for p in NIST for k in (0, 1) if (p.name, k) not in {("BoxBOD", 0), ("MGH10", 0)}]


@pytest.mark.parametrize(("problem", "start"), SOLVABLE, ids=str)
@pytest.mark.parametrize("kind", [Fit, FitBoth])
def test_nist_problems_to_all_certified_digits(problem, start, kind):
    outcome = minimize(problem.objective(kind), problem.starts[start])
    assert outcome.success, outcome.message
    np.testing.assert_allclose(outcome.x, problem.certified, rtol=CERTIFIED)
    np.testing.assert_allclose(outcome.value, problem.residual_sum, rtol=CERTIFIED)
    dof = len(problem.x) - len(problem.certified)
    cov, undetermined = covariance(outcome.jacobian, scale=outcome.value / dof)
    assert not undetermined.any()
    # NIST's deviations were computed in higher precision; ours are limited by the condition of J, 1e5 at worst.
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), problem.deviations, rtol=1e-9)


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_more_garbow_hillstrom(function):
    outcome = minimize(function.fit, function.start)
    assert outcome.success, outcome.message
    # The minimum of a sum of squares is as flat as a parabola: 1e-14 of the start's misfit is the attainable level.
    first = float(np.sum(function.fit.residuals(np.array(function.start)) ** 2))
    assert abs(outcome.value - function.value) <= 1e-14 * first + 1e-11 * function.value
    # Powell's singular function is quartic along two directions: x only to the fourth root of the misfit. Bard's
    # minimum is printed with seven digits. Elsewhere J has full rank, or nearly (Freudenstein-Roth).
    atol = {"Powell singular": 1e-5, "Bard": 1e-7, "Freudenstein-Roth": 1e-7}.get(function.name, 1e-9)
    np.testing.assert_allclose(outcome.x, function.minimum, rtol=1e-9, atol=atol)


class Recorded(Fit):
    """Keeps every x at which residuals are asked for."""

    def __init__(self, residuals, jacobian):
        super().__init__(residuals, jacobian)
        self.seen = []

    def residuals(self, x):
        self.seen.append(x.copy())
        return super().residuals(x)


def test_accepted_steps_follow_nielsens_rule():
    """Linear residuals (x - 5, 1): the model is exact, so each ratio is 1 and the damping falls by 3 every time."""
    fit = Recorded(lambda x: [x[0] - 5.0, 1.0], lambda x: [[1.0], [0.0]])
    minimize(fit, [0.0], damping=1.0)
    expected, mu = 0.0, 1.0
    for x in fit.seen[:6]:
        # A handful of operations per step, each to rounding.
        assert x[0] == pytest.approx(expected, rel=1e-13)
        expected += (5.0 - expected) / (1.0 + mu)
        mu /= 3.0


def test_rejected_steps_follow_nielsens_rule():
    """The first two trials meet a wall: the damping grows by 2, then by 4."""
    calls = []

    def residuals(x):
        calls.append(x[0])
        return [1e3, 1.0] if len(calls) in (2, 3) else [x[0] - 5.0, 1.0]

    minimize(Fit(residuals, lambda x: [[1.0], [0.0]]), [0.0], damping=1.0)
    # Steps 5/(1 + mu) with mu = 1, 2, 8, to rounding.
    np.testing.assert_allclose(calls[1:4], [5.0 / 2.0, 5.0 / 3.0, 5.0 / 9.0], rtol=1e-13)


def test_an_infinite_misfit_is_a_rejected_step():
    def residuals(x):
        return [np.inf, 0.0] if x[0] > 3.0 else [x[0] - 2.9, 10.0 * (x[0] ** 2 - 2.9**2)]

    fit = Recorded(residuals, lambda x: [[1.0], [20.0 * x[0]]])
    outcome = minimize(fit, [0.05])
    assert any(x[0] > 3.0 for x in fit.seen)
    assert outcome.success
    assert outcome.x[0] == pytest.approx(2.9, rel=1e-10)  # a well-posed problem


def test_the_path_does_not_depend_on_units():
    """Powers of two are exact, so the two runs differ by nothing at all."""
    units = np.array([2.0**40, 2.0**-33])
    fit = MISRA1A.objective()
    scaled = Fit(lambda x: fit.residuals(x * units), lambda x: fit.jacobian(x * units) * units)
    plain = minimize(fit, MISRA1A.starts[0])
    other = minimize(scaled, np.array(MISRA1A.starts[0]) / units)
    np.testing.assert_array_equal(other.x * units, plain.x)
    assert other.n_evaluations == plain.n_evaluations


def test_1e_7_beside_1e3():
    """A background of 1e-7 beside a thickness of 1460, both found to the digits that a double has to spare."""
    q = np.linspace(1e-4, 1.5e-3, 60)
    rng = np.random.default_rng(20240501)
    y1 = np.exp(-1460.0 * q) + 1e-3 * rng.standard_normal(q.size)
    y2 = 1.7e-7 + 1e-9 * rng.standard_normal(q.size)
    fit = Fit(
        lambda x: np.concatenate([(np.exp(-x[0] * q) - y1) / 1e-3, (x[1] - y2) / 1e-9]),
        lambda x: np.column_stack(
            [np.concatenate([-q * np.exp(-x[0] * q) / 1e-3, 0.0 * q]), np.concatenate([0.0 * q, 1e9 + 0.0 * q])]
        ),
    )
    outcome = minimize(fit, [900.0, 1e-6], bounds=([500.0, 0.0], [3000.0, 1e-5]))
    assert outcome.success
    assert outcome.x[1] == pytest.approx(y2.mean(), rel=1e-10)
    # The slope of the misfit with thickness vanishes: to 1e-10 of its terms.
    slope = (fit.jacobian(outcome.x)[:, 0] * fit.residuals(outcome.x))[: q.size]
    assert abs(slope.sum()) <= 1e-10 * np.abs(slope).sum()


def test_active_bound_is_met_exactly_and_the_rest_is_optimal():
    fit = THURBER.objective()
    lower = np.full(7, -np.inf)
    upper = np.full(7, np.inf)
    upper[1], lower[5] = 1400.0, 0.42  # the free minimum has 1491 and 0.398
    start = np.array(THURBER.starts[1])
    start[1], start[5] = 1300.0, 0.5
    outcome = minimize(fit, start, (lower, upper))
    assert outcome.success
    assert outcome.x[1] == 1400.0
    assert outcome.x[5] == 0.42
    np.testing.assert_array_equal(outcome.at_bounds, [False, True, False, False, False, True, False])
    jacobian, residuals = fit.jacobian(outcome.x), fit.residuals(outcome.x)
    cosines = jacobian.T @ residuals / (np.linalg.norm(jacobian, axis=0) * np.linalg.norm(residuals))
    # Karush-Kuhn-Tucker: free parameters stationary, active ones pushed outwards.
    assert np.max(np.abs(cosines[~outcome.at_bounds])) < 1e-10
    assert cosines[1] < -1e-6
    assert cosines[5] > 1e-6


def test_a_start_on_a_bound_leaves_it():
    outcome = minimize(MISRA1A.objective(), [500.0, 1e-4], ([100.0, 1e-4], [500.0, 1e-2]))
    np.testing.assert_allclose(outcome.x, MISRA1A.certified, rtol=CERTIFIED)
    assert not outcome.at_bounds.any()


def test_a_corner_is_found_through_correlated_parameters():
    """Two nearly parallel columns: clipping a free step would stop short of the corner's best point."""
    a = np.array([[1.0, 0.999], [0.0, 0.05]])
    y = np.array([3.0, -1.0])
    outcome = minimize(Fit(lambda x: a @ x - y, lambda x: a), [0.5, 0.5], (0.0, [2.0, 1.0]))
    # With x[1] pressed to 0, x[0] = 3 is beyond its bound 2: the corner (2, 0), or a point on an edge if better.
    edge = np.clip((a[:, 1] @ (y - 2.0 * a[:, 0])) / (a[:, 1] @ a[:, 1]), 0.0, 1.0)
    np.testing.assert_allclose(outcome.x, [2.0, edge], rtol=1e-14, atol=1e-14)
    assert outcome.success


@pytest.mark.parametrize("kind", [Fit, FitBoth])
def test_parameters_that_do_the_same_thing(kind):
    """Only the sum of the first two matters: no crash, the sum and the third are right, and the covariance says so."""
    t = np.linspace(0.0, 3.0, 40)
    rng = np.random.default_rng(7)
    y = 2.0 * np.exp(-1.3 * t) + 0.01 * rng.standard_normal(t.size)
    fit = kind(
        lambda x: (x[0] + x[1]) * np.exp(-x[2] * t) - y,
        lambda x: np.column_stack([np.exp(-x[2] * t)] * 2 + [-(x[0] + x[1]) * t * np.exp(-x[2] * t)]),
    )
    outcome = minimize(fit, [0.3, 0.4, 0.5])
    assert outcome.success
    single = minimize(
        Fit(
            lambda x: x[0] * np.exp(-x[1] * t) - y,
            lambda x: np.column_stack([np.exp(-x[1] * t), -x[0] * t * np.exp(-x[1] * t)]),
        ),
        [0.7, 0.5],
    )
    # Least-norm steps through the singular system leave rounding times its condition.
    np.testing.assert_allclose([outcome.x[0] + outcome.x[1], outcome.x[2]], single.x, rtol=1e-9)
    cov, undetermined = covariance(outcome.jacobian)
    np.testing.assert_array_equal(undetermined, [True, True, False])
    assert np.isinf(cov[0, 0])
    assert cov[2, 2] == pytest.approx(covariance(single.jacobian)[0][1, 1], rel=1e-6)  # differs by x within 1e-9


def test_a_parameter_without_effect_is_named():
    fit = Fit(lambda x: [x[0] - 1.0, 2.0 * x[0]], lambda x: [[1.0, 0.0], [2.0, 0.0]])
    outcome = minimize(fit, [5.0, 3.0])
    assert outcome.success
    assert outcome.x[0] == pytest.approx(0.2, rel=1e-12)
    assert outcome.x[1] == 3.0
    assert "do not depend on x[1]" in outcome.message


def test_more_parameters_than_residuals():
    fit = Fit(lambda x: [x[0] + 2.0 * x[1] - x[2] - 4.0], lambda x: [[1.0, 2.0, -1.0]])
    outcome = minimize(fit, [0.0, 0.0, 0.0])
    assert outcome.success
    assert outcome.value <= 1e-20


def test_an_exact_fit_ends_at_rounding_level():
    outcome = minimize(ROSENBROCK.fit, [1.0, 1.0])
    assert outcome.value == 0.0
    assert outcome.success
    assert outcome.n_evaluations == 1


def test_a_minimum_with_large_residuals_and_singular_jacobian():
    outcome = minimize(FREUDENSTEIN_ROTH.fit, FREUDENSTEIN_ROTH.start)
    assert outcome.success
    assert outcome.value == pytest.approx(FREUDENSTEIN_ROTH.value, rel=1e-11)


def test_a_plateau_and_a_canyon_are_not_reported_as_minima():
    """From here BoxBOD runs on to exp(-b x) = 0 and MGH10 does not arrive in time: both must be said."""
    stuck = minimize(NIST[1].objective(), NIST[1].starts[0])
    late = minimize(MGH10.objective(), MGH10.starts[0], max_evaluations=50)
    for outcome, problem in ((stuck, NIST[1]), (late, MGH10)):
        assert not outcome.success
        assert outcome.value > 2.0 * problem.residual_sum
        assert outcome.message.startswith("not converged: ")
    assert "raise max_evaluations" in late.message


def test_a_wrong_jacobian_is_not_reported_as_a_minimum():
    fit = Fit(MISRA1A.objective().residuals, lambda x: -MISRA1A.objective().jacobian(x))
    outcome = minimize(fit, MISRA1A.starts[1])
    assert not outcome.success


def test_cost_on_a_well_posed_problem():
    """Joint evaluation: as many evaluations with Jacobian as without, and no more than twenty in all."""
    outcome = minimize(MISRA1A.objective(FitBoth), MISRA1A.starts[1])
    assert outcome.n_jacobian_evaluations == outcome.n_evaluations
    assert outcome.n_evaluations <= 20


@pytest.mark.parametrize("options", [{"ftol": -1.0}, {"xtol": np.nan}, {"damping": 0.0}, {"damping": np.inf}])
def test_options_out_of_range(options):
    (name,) = options
    with pytest.raises(InvalidValueError, match=f"levenberg_marquardt: {name} must be"):
        minimize(MISRA1A.objective(), MISRA1A.starts[1], **options)
