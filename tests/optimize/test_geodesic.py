"""Geodesic acceleration of Levenberg-Marquardt steps, of one start and of many."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from fitting.films import TRUTH, Q, film, measured
from kiessig.optimize import minimize
from kiessig.optimize.batch import minimize_batch
from kiessig.optimize.batch.checkpoint import Checkpoint
from kiessig.optimize.batch.levenberg_marquardt import LevenbergMarquardt
from kiessig.optimize.geodesic import PROBE, bend_of_residuals
from kiessig.optimize.linear_model import LinearModel
from optimize.batches import Batch, Lines
from optimize.problems import MISRA1A, ROSENBROCK, THURBER, Fit
from optimize.strd import LANCZOS3, MGH10, MGH17, STRD

LOST = {("BoxBOD", 0), ("MGH10", 0)}
BOTH = [pytest.param(p, k, id=f"{p.name}-{k + 1}") for p in STRD for k in (0, 1) if (p.name, k) not in LOST]
CANYONS = [(LANCZOS3, 0), (MGH10, 1), (MGH17, 1)]


def batched(objective, starts, *, limit=1000, bounds=None, geodesic=True, **keywords):
    starts = np.array(starts, dtype=float)
    free = np.full(starts.shape[1], np.inf)
    algorithm = LevenbergMarquardt(geodesic=geodesic)
    with np.errstate(over="ignore", invalid="ignore"):  # steps to where a model overflows are rejected
        return minimize_batch(
            Batch(objective), starts, *(bounds or (-free, free)), algorithm, max_evaluations=limit, **keywords
        )


def test_the_second_derivative_of_quadratic_residuals_is_exact():
    rng = np.random.default_rng(3)
    forms, x, v = rng.standard_normal((5, 3, 3)), rng.standard_normal(3), rng.standard_normal(3)

    def residuals(x):
        return np.einsum("mij,i,j->m", forms, x, x)

    slope = np.einsum("mij,i,j->m", forms + forms.swapaxes(1, 2), x, v)
    bend = bend_of_residuals(residuals(x + PROBE * v), residuals(x), slope)
    np.testing.assert_allclose(bend, 2.0 * np.einsum("mij,i,j->m", forms, v, v), atol=1e-12)  # rounding / PROBE**2


def test_the_acceleration_solves_the_damped_equations():
    rng = np.random.default_rng(5)
    jacobian, residuals, bend = rng.standard_normal((8, 3)) * [1.0, 1e3, 1e-4], *rng.standard_normal((2, 8))
    x, free = np.zeros(3), np.full(3, np.inf)
    model = LinearModel(x, residuals, jacobian, -free, free)
    scale = np.linalg.norm(jacobian, axis=0)
    step, _ = model.step(0.3)
    acceleration, length = model.acceleration(step, jacobian, bend, 0.3)
    expected = np.linalg.solve(jacobian.T @ jacobian + 0.3 * np.diag(scale**2), -jacobian.T @ bend)
    np.testing.assert_allclose(acceleration, expected, rtol=1e-10)  # condition, scaled, below 1e3
    assert length == pytest.approx(np.linalg.norm(scale * expected) / np.linalg.norm(scale * step), rel=1e-10)
    # what a step puts on its bound stays there
    narrow = LinearModel(x, residuals, jacobian, -free, np.array([np.inf, 0.5 * abs(step[1]), np.inf]))
    narrow._below = np.where(step < 0, 0.5 * step, -np.inf)
    held, _ = narrow.step(0.3)
    stopped = (held <= narrow._below) | (held >= narrow._above)
    assert stopped.any()
    acceleration, _ = narrow.acceleration(held, jacobian, bend, 0.3)
    assert not acceleration[stopped].any()


class Recorded(Fit):
    def __init__(self, fit):
        super().__init__(fit._residuals, fit._jacobian)
        self.seen = []

    def residuals(self, x):
        self.seen.append(x.copy())
        return super().residuals(x)


def test_the_first_step_is_the_papers():
    """A transcription of its equations, from a start whose first acceleration is within the rule."""
    fit, x, mu = Recorded(ROSENBROCK.fit), np.array([0.9, 0.7]), 1.0
    minimize(fit, x, damping=mu, geodesic=True)
    r, j = ROSENBROCK.fit.residuals(x), ROSENBROCK.fit.jacobian(x)
    matrix = j.T @ j + mu * np.diag(np.sum(j**2, axis=0))
    v = np.linalg.solve(matrix, -j.T @ r)
    bend = 2.0 / PROBE * ((ROSENBROCK.fit.residuals(x + PROBE * v) - r) / PROBE - j @ v)
    a = np.linalg.solve(matrix, -j.T @ bend)
    # some operations on numbers of a condition below 1e3
    np.testing.assert_allclose(fit.seen[1], x + PROBE * v, rtol=1e-12)
    np.testing.assert_allclose(fit.seen[2], x + v + 0.5 * a, rtol=1e-12)
    many = batched(Fit(*[fit._residuals, fit._jacobian]), [x, x])
    np.testing.assert_allclose(many.x, 1.0, atol=1e-6)


@pytest.mark.parametrize(("problem", "start"), BOTH)
def test_nist(problem, start):
    outcome = minimize(problem.objective(), problem.starts[start], geodesic=True, max_evaluations=1000)
    assert outcome.success, outcome.message
    found = batched(problem.objective(), problem.starts)
    assert found.reasons[start].converged
    # ftol is 1e-10 in a batch; Lanczos2's residuals keep ten digits of their squares
    assert outcome.value == pytest.approx(problem.residual_sum, rel=4e-10)
    assert found.value[start] == pytest.approx(problem.residual_sum, rel=4e-10)


@pytest.mark.parametrize(("problem", "start"), CANYONS, ids=str)
def test_canyons_take_less_than_two_thirds_of_the_jacobians(problem, start):
    """What it is for: single and batched, and both in the same number of steps or nearly."""
    fit, x0 = problem.objective(), problem.starts[start]
    plain, bent = (minimize(fit, x0, geodesic=geodesic) for geodesic in (False, True))
    assert bent.n_jacobian_evaluations < 0.67 * plain.n_jacobian_evaluations
    plain_many, bent_many = (batched(fit, [x0], geodesic=geodesic) for geodesic in (False, True))
    assert bent_many.n_jacobian_evaluations[0] < 0.67 * plain_many.n_jacobian_evaluations[0]


@pytest.mark.parametrize("module", ["kiessig.optimize.levenberg_marquardt", "kiessig.optimize.batch.geodesic"])
def test_an_acceleration_that_is_too_long_is_left_out(monkeypatch, module):
    """With a limit that nothing keeps, the path is the plain one, but for the points ahead."""
    monkeypatch.setattr(importlib.import_module(module), "ALPHA", -1.0)
    fit = THURBER.objective()
    if "batch" in module:
        bent, plain = (batched(fit, THURBER.starts, geodesic=geodesic) for geodesic in (True, False))
        np.testing.assert_array_equal(bent.n_jacobian_evaluations, plain.n_jacobian_evaluations)
        assert np.all(bent.n_evaluations > 1.5 * plain.n_evaluations)
    else:
        bent, plain = (minimize(fit, THURBER.starts[0], geodesic=geodesic) for geodesic in (True, False))
        assert bent.n_jacobian_evaluations == plain.n_jacobian_evaluations
    np.testing.assert_array_equal(bent.x, plain.x)


def test_where_residuals_are_linear_nothing_bends():
    lines, free = Lines(9), np.full(2, np.inf)
    bent, plain = (
        minimize_batch(
            lines, np.full((9, 2), 3.0), -free, free, LevenbergMarquardt(geodesic=geodesic), max_evaluations=99
        )
        for geodesic in (True, False)
    )
    np.testing.assert_allclose(bent.x, plain.x, atol=1e-12)  # second differences of rounding
    np.testing.assert_array_equal(bent.n_jacobian_evaluations, plain.n_jacobian_evaluations)


def test_members_with_bounds_stay_inside():
    lower, upper = np.array([100.0, 1e-4]), np.array([220.0, 1e-2])

    class Inside(Fit):
        def residuals(self, x):
            assert np.all((x >= lower) & (x <= upper))
            return super().residuals(x)

    fit = Inside(MISRA1A.objective()._residuals, MISRA1A.objective()._jacobian)
    starts = lower + (upper - lower) * np.random.default_rng(1).random((12, 2))
    found = batched(fit, starts, bounds=(lower, upper))
    alone = minimize(fit, starts[0], (lower, upper), geodesic=True)
    assert alone.success
    assert alone.x[0] == 220.0
    np.testing.assert_allclose(found.value, alone.value, rtol=1e-9)
    np.testing.assert_array_equal(found.x[:, 0], 220.0)


def test_a_point_ahead_without_a_model_leaves_the_step_as_it_is():
    starts, free = np.array(MISRA1A.starts), np.full(2, np.inf)
    paths = []
    for geodesic in (True, False):
        seen = []

        def undefined(x, seen=seen, geodesic=geodesic):
            seen.append(x)
            return geodesic and len(seen) in (3, 4)  # the first points ahead of two members

        objective, algorithm = Batch(MISRA1A.objective(), undefined), LevenbergMarquardt(geodesic=geodesic)
        found = minimize_batch(objective, starts, -free, free, algorithm, max_evaluations=99)
        np.testing.assert_allclose(found.value, MISRA1A.residual_sum, rtol=1e-9)
        paths.append(seen)
    np.testing.assert_array_equal(paths[0][4:6], paths[1][2:4])


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
def test_the_limit_of_evaluations_is_kept(limit):
    assert batched(THURBER.objective(), THURBER.starts, limit=limit).n_evaluations.max() == limit


@pytest.mark.parametrize("limit", [1, 5, 12])
def test_a_search_goes_on_to_the_last_bit(tmp_path, limit):
    bounds = (0.1 * np.array(THURBER.starts[1]), 3.0 * np.array(THURBER.starts[1]))
    starts = np.array(THURBER.starts[1]) * np.random.default_rng(9).uniform(0.5, 1.6, (8, 7))

    def interrupt(n, lowest, calls=[]):  # noqa: B006 - counts the steps
        calls.append(n)
        return len(calls) == limit

    whole = batched(THURBER.objective(), starts, bounds=bounds)
    path = tmp_path / "kept"
    first = batched(
        THURBER.objective(), starts, bounds=bounds, checkpoint=Checkpoint(path, "", resume=False), callback=interrupt
    )
    assert any(not reason.converged for reason in first.reasons)
    found = batched(THURBER.objective(), starts, bounds=bounds, checkpoint=Checkpoint(path, "", resume=True))
    np.testing.assert_array_equal(found.x, whole.x)
    np.testing.assert_array_equal(found.n_evaluations, whole.n_evaluations)
    np.testing.assert_array_equal(found.history, whole.history)


def test_films():
    plain = film(TRUTH).fit(progress=False)
    for starts in (1, 16):
        result = film(TRUTH).fit(starts=starts, seed=1, geodesic=True, progress=False)
        assert result.success
        assert result.chi2 == pytest.approx(plain.chi2, rel=1e-9)  # both end at rounding level
        assert result.n_jacobian_evaluations < result.n_evaluations
    curves = np.array([measured(TRUTH | {"thickness": d})[0] for d in (295.0, 300.0, 305.0)])
    assert curves.shape == (3, Q.size)
    both = [film(TRUTH).fit_series(curves, progress=False, geodesic=geodesic) for geodesic in (False, True)]
    np.testing.assert_allclose(both[1].chi2, both[0].chi2, rtol=1e-8)
