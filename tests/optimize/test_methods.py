"""Every method on the same problems: what is promised for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from kiessig.errors import InvalidValueError
from kiessig.optimize import METHODS, StopSearch, minimize
from optimize.problems import (
    BARD,
    BEALE,
    BOXBOD,
    BROWN_BADLY_SCALED,
    HELICAL_VALLEY,
    MISRA1A,
    ROSENBROCK,
    THURBER,
    WOOD,
    Fit,
    FitBoth,
)

# For global searches see test_scipy_global; COBYLA's linear models take thousands of steps along any valley.
ALL = [name for name in METHODS if not METHODS[name].searches_box and name != "COBYLA"]
BOUNDED = [name for name in ALL if name != "lm"]
LEAST_SQUARES = ["levenberg-marquardt", "trf", "dogbox", "lm"]
DERIVATIVE_FREE = ["Nelder-Mead", "Powell", "COBYQA"]
# Plain gradient descent needs a box, or units, to know how far a step should go.
DESCENTS = ["gradient-descent", "nesterov", "rmsprop", "adam", "amsgrad", "adabelief"]
NEWTON_LIKE = [name for name in ALL if name not in DESCENTS]
# Narrow valleys along bounds take first-order descents longer than a test has; what they do there, test_descent tells.
PRECISE = [name for name in BOUNDED if name not in DESCENTS or name == "adam"]


class Counting(Fit):
    """Counts what is asked for and refuses points outside the bounds."""

    def __init__(self, fit, lower=-np.inf, upper=np.inf):
        super().__init__(fit._residuals, fit._jacobian)
        self.lower, self.upper = lower, upper
        self.n_residuals = self.n_jacobian = self.n_gradient = self.n_both = 0

    def _inside(self, x):
        assert np.all(x >= self.lower)
        assert np.all(x <= self.upper)

    def residuals(self, x):
        self._inside(x)
        self.n_residuals += 1
        return super().residuals(x)

    def jacobian(self, x):
        self._inside(x)
        self.n_jacobian += 1
        return super().jacobian(x)

    def value_and_gradient(self, x):
        self._inside(x)
        self.n_gradient += 1
        r = Fit.residuals(self, x)
        return float(r @ r), 2.0 * Fit.jacobian(self, x).T @ r


class CountingBoth(Counting):
    def residuals_and_jacobian(self, x):
        self._inside(x)
        self.n_both += 1
        return Fit.residuals(self, x), Fit.jacobian(self, x)


@pytest.mark.parametrize("method", NEWTON_LIKE)
@pytest.mark.parametrize(("problem", "start"), [(MISRA1A, 0), (MISRA1A, 1), (BOXBOD, 1), (THURBER, 1)], ids=str)
def test_nist_problems(method, problem, start):
    if (method, problem) == ("COBYQA", THURBER):
        pytest.skip("it finds it, in ten seconds")
    if (method, problem) == ("SLSQP", BOXBOD):
        pytest.skip("without bounds it steps to where the model overflows, which is an error")
    outcome = minimize(problem.objective(), problem.starts[start], method=method)
    assert outcome.success, outcome.message
    # What every method promises: the misfit to 1e-6 of itself.
    assert outcome.value == pytest.approx(problem.residual_sum, rel=1e-6)
    assert outcome.method == method


@pytest.mark.parametrize("method", NEWTON_LIKE)
@pytest.mark.parametrize("function", [ROSENBROCK, BROWN_BADLY_SCALED, BEALE, HELICAL_VALLEY, BARD, WOOD], ids=str)
def test_more_garbow_hillstrom(method, function):
    outcome = minimize(function.fit, function.start, method=method)
    assert outcome.success, outcome.message
    first = float(np.sum(function.fit.residuals(np.array(function.start)) ** 2))
    # Success is a misfit within 1e-6 of its minimum, or within 1e-6 of 1e-10 of the start's.
    assert outcome.value <= function.value * (1.0 + 1e-6) + 1e-15 * first


@pytest.mark.parametrize("method", ALL)
def test_upper_and_lower_case_are_alike(method):
    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[1], method=method.swapcase(), max_evaluations=3)
    assert outcome.method == method


def _held(b1: float) -> float:
    """The second parameter of Misra1a that is best for a first one held at `b1`, by root finding."""
    fit = MISRA1A.objective()

    def slope(b2: float) -> float:
        b = np.array([b1, b2])
        return float(fit.jacobian(b)[:, 1] @ fit.residuals(b))

    return brentq(slope, 1e-5, 1e-2, xtol=1e-18, rtol=1e-14)


@pytest.mark.parametrize("method", PRECISE)
def test_an_active_bound(method):
    """The free minimum has 238.9 for the first parameter; the box ends at 220."""
    lower, upper = np.array([100.0, 1e-4]), np.array([220.0, 1e-2])
    fit = Counting(MISRA1A.objective(), lower, upper)
    # The bound lies along a valley a hundred times longer than wide, which gradient descent follows slowly.
    options = {"beta2": 0.97, "max_evaluations": 6000} if method == "adam" else {}
    outcome = minimize(fit, [150.0, 5e-4], (lower, upper), method=method, **options)
    assert outcome.success, outcome.message
    assert outcome.x[0] == 220.0
    np.testing.assert_array_equal(outcome.at_bounds, [True, False])
    best = np.array([220.0, _held(220.0)])
    # A misfit within 1e-6 of its minimum, so x within the root of that; 3e-4 allows for the curvature.
    assert outcome.value == pytest.approx(np.sum(MISRA1A.objective().residuals(best) ** 2), rel=1e-6)
    assert outcome.x[1] == pytest.approx(best[1], rel=3e-4)
    gradient = MISRA1A.objective().value_and_gradient(outcome.x)[1]
    assert gradient[0] < 0.0  # pushed outwards


@pytest.mark.parametrize("method", PRECISE)
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_start_on_bounds_gets_away(method, corner):
    lower, upper = np.array([150.0, 3e-4]), np.array([400.0, 9e-4])
    start = np.where(np.array(corner) == 1, upper, lower)
    outcome = minimize(Counting(MISRA1A.objective(), lower, upper), start, (lower, upper), method=method)
    assert outcome.success, outcome.message
    assert outcome.value == pytest.approx(MISRA1A.residual_sum, rel=1e-6)  # what every method promises
    assert not outcome.at_bounds.any()


@pytest.mark.parametrize("method", PRECISE)
@pytest.mark.parametrize("bounds", [(0.0, np.inf), ([0.0, -np.inf], [np.inf, 1.0])], ids=["below", "mixed"])
def test_one_sided_bounds(method, bounds):
    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[1], bounds, method=method)
    assert outcome.success, outcome.message
    assert outcome.value == pytest.approx(MISRA1A.residual_sum, rel=1e-6)  # what every method promises


def _reflectivity_like():
    """Thickness 1460 from a decay, background 1.7e-7 from a flat part, independent of each other."""
    q = np.linspace(1e-4, 1.5e-3, 60)
    rng = np.random.default_rng(20240502)
    y1 = np.exp(-1460.0 * q) + 1e-3 * rng.standard_normal(q.size)
    y2 = 1.7e-7 + 1e-9 * rng.standard_normal(q.size)
    one, none = np.ones(q.size), np.zeros(q.size)
    fit = Fit(
        lambda x: np.concatenate([(np.exp(-x[0] * q) - y1) / 1e-3, (x[1] - y2) / 1e-9]),
        lambda x: np.column_stack(
            [np.concatenate([-q * np.exp(-x[0] * q) / 1e-3, none]), np.concatenate([none, one / 1e-9])]
        ),
    )
    thickness = brentq(lambda d: np.sum(q * np.exp(-d * q) * (np.exp(-d * q) - y1)), 1000.0, 2000.0, rtol=1e-14)
    return fit, np.array([thickness, y2.mean()])


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("boxed", [True, False], ids=["boxed", "free"])
def test_1e_7_beside_1e3(method, boxed):
    if method == "lm" and boxed:
        pytest.skip("takes no bounds")
    if method == "amsgrad" and boxed:
        pytest.skip("its steps stay as short as the steepest slope on the way has made them")
    fit, best = _reflectivity_like()
    bounds = ([500.0, 0.0], [3000.0, 1e-5]) if boxed else None
    outcome = minimize(fit, [1000.0, 1e-6], bounds, method=method)
    assert outcome.success, outcome.message
    value = np.sum(fit.residuals(best) ** 2)
    assert outcome.value == pytest.approx(value, rel=1e-6)  # what every method promises
    # 1e-6 of a misfit of about 120 is 1e-4 of the unit by which a standard error raises it: 0.01 standard errors.
    errors = 1.0 / np.linalg.norm(fit.jacobian(best), axis=0)
    assert np.all(np.abs(outcome.x - best) <= 0.012 * errors)


@pytest.mark.parametrize("method", [name for name in ALL if name != "adam"])
def test_the_path_does_not_depend_on_units(method):
    """Units of powers of two change no digit, so the paths are the same as long as every step scales with them."""
    units = np.array([2.0**40, 2.0**-33])
    fit = MISRA1A.objective()
    scaled = Fit(lambda x: fit.residuals(x * units), lambda x: fit.jacobian(x * units) * units)
    plain = minimize(fit, MISRA1A.starts[1], method=method)
    other = minimize(scaled, np.array(MISRA1A.starts[1]) / units, method=method)
    np.testing.assert_allclose(other.x * units, plain.x, rtol=1e-6)  # both converged, by their own tests
    assert abs(other.n_evaluations - plain.n_evaluations) <= 0.1 * plain.n_evaluations


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("kind", [Counting, CountingBoth])
def test_evaluations_are_counted(method, kind):
    fit = kind(MISRA1A.objective())
    outcome = minimize(fit, MISRA1A.starts[1], method=method, max_evaluations=40)
    assert outcome.n_evaluations == fit.n_residuals + fit.n_gradient + fit.n_both
    assert outcome.n_jacobian_evaluations == fit.n_jacobian + fit.n_gradient + fit.n_both
    if kind is CountingBoth:
        assert fit.n_both > 0
        # Where both are offered, both are asked for; a method without derivatives turns back to a point it has seen.
        assert fit.n_jacobian <= (2 if method in DERIVATIVE_FREE else 0)
    if method in LEAST_SQUARES:
        assert fit.n_gradient == 0
    if method in DERIVATIVE_FREE:
        assert outcome.n_jacobian_evaluations <= 4


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("limit", [1, 2, 7])
def test_the_limit_is_kept_and_said(method, limit):
    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[0], method=method, max_evaluations=limit)
    assert outcome.n_evaluations <= limit
    assert not outcome.success
    assert method in (*DESCENTS, "natural-gradient") or f"limit of {limit} evaluations" in outcome.message
    assert "raise max_evaluations" in outcome.message
    assert np.isfinite(outcome.value)


@pytest.mark.parametrize("method", ALL)
def test_the_outcome_is_the_best_point_and_what_belongs_to_it(method):
    fit = MISRA1A.objective()
    seen = []
    outcome = minimize(
        fit, MISRA1A.starts[1], method=method, max_evaluations=30, callback=lambda n, f: seen.append((n, f))
    )
    np.testing.assert_array_equal(outcome.residuals, fit.residuals(outcome.x))
    np.testing.assert_array_equal(outcome.jacobian, fit.jacobian(outcome.x))
    assert outcome.value == pytest.approx(np.sum(outcome.residuals**2), rel=1e-14)  # order of summation
    assert [n for n, _ in seen] == list(range(1, outcome.n_evaluations + 1))
    values = [f for _, f in seen]
    assert values == sorted(values, reverse=True)
    # The polished point may lie above the best one by rounding.
    assert outcome.value == pytest.approx(values[-1], rel=1e-12)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("error", [RuntimeError, StopIteration])
def test_what_the_callback_raises_arrives(method, error):
    raised = error("enough")

    def callback(n, misfit):
        if n == 4:
            raise raised

    with pytest.raises(error) as caught:
        minimize(MISRA1A.objective(), MISRA1A.starts[1], method=method, callback=callback)
    assert caught.value is raised


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("raised", [StopSearch("seen enough"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", [1, 2])
def test_a_search_that_is_ended_keeps_its_best_point(method, raised, call):
    lowest = []

    def callback(n, misfit):
        lowest.append(misfit)
        if n == call:
            raise raised

    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[1], method=method, callback=callback)
    assert outcome.value == lowest[-1]
    assert not outcome.success
    assert ("seen enough" if isinstance(raised, StopSearch) else "interrupted") in outcome.message


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("kind", [Fit, FitBoth])
def test_nan_never_passes(method, kind):
    """NaN from the second evaluation on: an error with the values of x, whatever the method."""
    calls = []

    def residuals(x):
        calls.append(x.copy())
        r = MISRA1A.objective().residuals(x)
        if len(calls) > 1:
            r[3] = np.nan
        return r

    with pytest.raises(InvalidValueError) as caught:
        minimize(kind(residuals, MISRA1A.objective().jacobian), MISRA1A.starts[1], method=method)
    assert "must be finite" in str(caught.value)
    assert str(calls[-1].tolist()) in str(caught.value)


@pytest.mark.parametrize("method", [m for m in ALL if m not in DERIVATIVE_FREE])
def test_nan_derivatives_never_pass(method):
    calls = []

    def jacobian(x):
        calls.append(x)
        j = MISRA1A.objective().jacobian(x)
        if len(calls) > 2:
            j[5, 1] = np.nan
        return j

    with pytest.raises(InvalidValueError, match=r"jacobian\[5, 1\] = nan|gradient\[1\] = nan"):
        minimize(Fit(MISRA1A.objective().residuals, jacobian), MISRA1A.starts[1], method=method)


@pytest.mark.parametrize("method", ALL)
def test_parameters_that_do_the_same_thing_do_no_harm(method):
    t = np.linspace(0.0, 3.0, 40)
    y = 2.0 * np.exp(-1.3 * t) + 0.01 * np.random.default_rng(8).standard_normal(t.size)
    fit = Fit(
        lambda x: (x[0] + x[1]) * np.exp(-x[2] * t) - y,
        lambda x: np.column_stack([np.exp(-x[2] * t)] * 2 + [-(x[0] + x[1]) * t * np.exp(-x[2] * t)]),
    )
    bounds = None if method == "lm" else (0.01, 5.0)
    outcome = minimize(fit, [0.6, 0.7, 0.9], bounds, method=method)
    best = minimize(fit, [1.0, 1.0, 1.3])
    assert outcome.success, outcome.message
    assert outcome.value == pytest.approx(best.value, rel=1e-6)  # what every method promises


@pytest.mark.parametrize("method", ALL)
def test_the_objective_may_do_what_it_likes_with_x(method):
    """Methods hand out copies: an objective that overwrites its argument, and its own buffers, changes nothing."""
    reference = MISRA1A.objective()
    buffer = np.empty(len(MISRA1A.x))

    class Rude(Fit):
        def residuals(self, x):
            buffer[:] = reference.residuals(x)
            x[:] = np.nan
            return buffer

        def jacobian(self, x):
            j = reference.jacobian(x)
            x[:] = np.nan
            return j

        def value_and_gradient(self, x):
            result = reference.value_and_gradient(x)
            x[:] = np.nan
            return result

    start = np.array(MISRA1A.starts[1])
    polite = minimize(reference, start, method=method, max_evaluations=60)
    rude = minimize(Rude(None, None), start, method=method, max_evaluations=60)
    np.testing.assert_array_equal(rude.x, polite.x)
    np.testing.assert_array_equal(rude.residuals, polite.residuals)
    np.testing.assert_array_equal(rude.residuals, reference.residuals(rude.x))
    np.testing.assert_array_equal(start, MISRA1A.starts[1])
