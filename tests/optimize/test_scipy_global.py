"""Global searches of a box, and what the methods of scipy share beyond the promises of test_methods."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from kiessig.errors import InvalidValueError
from kiessig.optimize import METHODS, StopSearch, minimize
from kiessig.optimize.batch.lockstep import minimize_in_lockstep
from kiessig.optimize.objective import Evaluator
from kiessig.optimize.unit_box import UnitBox
from optimize.batches import Batch
from optimize.problems import MISRA1A, ROSENBROCK, Fit

GLOBAL = [name for name in METHODS if METHODS[name].searches_box]
SEEDED = ["differential-evolution", "dual-annealing", "basinhopping"]
SECOND_ORDER = ["Newton-CG", "trust-constr", "dogleg", "trust-ncg", "trust-krylov", "trust-exact"]
BOX = (np.array([-4.0, -4.0]), np.array([5.0, 4.5]))


def waves():
    """Rastrigin's function as a sum of squares: a hundred minima in the box, the lowest at (1, -1), where it is 2."""

    def parts(x):
        d = x - np.array([1.0, -1.0])
        return np.concatenate([d, np.sqrt(20.0) * np.sin(0.5 * np.pi * 2.0 * d), [1.0, 1.0]])

    def slopes(x):
        d = x - np.array([1.0, -1.0])
        waves = np.diag(np.sqrt(20.0) * np.pi * np.cos(np.pi * d))
        return np.vstack([np.eye(2), waves, np.zeros((2, 2))])

    return Fit(parts, slopes)


START = np.array([4.0, 3.1])


def options(method):
    return {"seed": 1} if method in SEEDED else {}


@pytest.mark.parametrize("method", GLOBAL)
def test_the_lowest_of_many_minima_is_found(method):
    assert minimize(waves(), START, BOX).value > 10.0  # a local method stays where it is
    outcome = minimize(waves(), START, BOX, method, **options(method))
    assert outcome.success, outcome.message
    np.testing.assert_allclose(outcome.x, [1.0, -1.0], atol=1e-7)  # finished by exact derivatives
    assert outcome.value == pytest.approx(2.0, rel=1e-12)
    assert outcome.method == method


@pytest.mark.parametrize("method", GLOBAL)
def test_without_the_finish_it_is_only_near(method):
    outcome = minimize(waves(), START, BOX, method, finish=False, **options(method))
    assert 2.0 <= outcome.value < 2.1


@pytest.mark.parametrize("method", SEEDED)
def test_seeds(method):
    first, second, third = (minimize(waves(), START, BOX, method, seed=seed, finish=False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.history, second.history)
    assert third.history.shape != first.history.shape or np.any(third.history != first.history)


@pytest.mark.parametrize("method", GLOBAL)
@pytest.mark.parametrize("limit", [1, 7, 60])
def test_the_limit_is_kept_and_said(method, limit):
    seen = []
    outcome = minimize(
        waves(), START, BOX, method, max_evaluations=limit, callback=lambda n, f: seen.append((n, f)), **options(method)
    )
    assert outcome.n_evaluations <= max(limit, 2)
    assert f"limit of {limit} evaluations" in outcome.message
    assert outcome.value == pytest.approx(min(f for _, f in seen), rel=1e-12)


@pytest.mark.parametrize("method", GLOBAL)
@pytest.mark.parametrize("error", [RuntimeError, StopIteration, ValueError, TypeError])
def test_what_the_callback_raises_arrives(method, error):
    raised = error("enough")

    def callback(n, misfit):
        if n >= 4:
            raise raised

    with pytest.raises(error) as caught:
        minimize(waves(), START, BOX, method, callback=callback, **options(method))
    assert caught.value is raised


@pytest.mark.parametrize("method", GLOBAL)
@pytest.mark.parametrize("raised", [StopSearch("seen enough"), KeyboardInterrupt()], ids=["StopSearch", "Ctrl-C"])
def test_a_search_that_is_ended_keeps_its_best_point(method, raised):
    lowest = []

    def callback(n, misfit):
        lowest.append(misfit)
        if n >= 40:
            raise raised

    outcome = minimize(waves(), START, BOX, method, callback=callback, **options(method))
    assert outcome.value == pytest.approx(lowest[-1], rel=1e-12)
    assert ("seen enough" if isinstance(raised, StopSearch) else "interrupted") in outcome.message


@pytest.mark.parametrize("method", GLOBAL)
@pytest.mark.parametrize("batched", [False, True])
def test_points_without_a_model_are_avoided(method, batched):
    """A third of the box is undefined, in which the search may look as it likes."""

    class Holes(Fit):
        def residuals(self, x):
            found = super().residuals(x)
            return np.full(found.shape, np.nan) if abs(x[0] - x[1]) > 6.0 else found

    fit = Holes(waves()._residuals, waves()._jacobian)
    if batched:
        fit = BatchedHoles(fit)
    outcome = minimize(fit, [1.0, 3.1], BOX, method, **options(method), max_evaluations=4000)
    assert outcome.value == pytest.approx(2.0, rel=1e-3)


class BatchedHoles:
    """Rows at once where there are rows, as a problem does."""

    batched = True

    def __init__(self, fit):
        self.fit, self.sizes = fit, []

    def residuals(self, x):
        if np.ndim(x) == 1:
            return self.fit.residuals(x)
        self.sizes.append(len(x))
        return np.stack([self.fit.residuals(row) for row in x])

    def jacobian(self, x):
        return self.fit.jacobian(x)

    def value_and_gradient(self, x):
        return self.fit.value_and_gradient(x)


def test_a_generation_is_one_batch():
    fit = BatchedHoles(waves())
    outcome = minimize(fit, START, BOX, "differential-evolution", seed=1, popsize=10, maxiter=5, finish=False)
    assert fit.sizes == [20] * 6
    assert outcome.n_evaluations == 121  # and the start
    assert np.all(np.diff(outcome.history, axis=0) * [1, -1] > 0)


@pytest.mark.parametrize("method", GLOBAL)
@pytest.mark.parametrize("upper", [np.inf, [5.0, np.inf]])
def test_open_bounds_are_refused(method, upper):
    with pytest.raises(
        InvalidValueError, match=rf"{method}' searches a box, whose bounds must be finite; x\[[01]\] has"
    ):
        minimize(waves(), START, (-4.0, upper), method)


@pytest.mark.parametrize("method", ["differential-evolution", "basinhopping"])
def test_members_of_a_batch_have_random_numbers_of_their_own(method):
    starts = np.tile(START, (3, 1))
    found = minimize_in_lockstep(
        Batch(waves()), starts, *BOX, method, max_evaluations=200, options={"seed": 1, "finish": False}
    )
    assert len({tuple(row) for row in found.x}) == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_limit_of_time_ends_every_method(method):
    bounds = BOX if METHODS[method].takes_bounds else None
    outcome = minimize(waves(), START, bounds, method, max_time=1e-9)
    assert outcome.n_evaluations <= 3
    assert "the limit of time is reached" in outcome.message
    assert np.isfinite(outcome.value)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_limits_of_time_that_are_refused(value):
    with pytest.raises(InvalidValueError, match="max_time must be positive, in seconds; got"):
        minimize(waves(), START, max_time=value)


@pytest.mark.parametrize("method", [name for name in METHODS if name != "adam"])
def test_history_falls_to_the_result(method):
    bounds = ([100.0, 1e-4], [900.0, 5e-3]) if METHODS[method].takes_bounds else None
    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[1], bounds, method, max_evaluations=600)
    assert outcome.history[0, 0] == 1
    assert np.all(np.diff(outcome.history, axis=0) * [1, -1] > 0)
    assert outcome.history[-1, 1] == pytest.approx(outcome.value, rel=1e-12)


class Curved(Fit):
    """Rosenbrock's function with its own second derivatives."""

    def __init__(self):
        super().__init__(ROSENBROCK.fit._residuals, ROSENBROCK.fit._jacobian)
        self.n_hessian = 0

    def hessian(self, x):
        self.n_hessian += 1
        return np.array([[1200.0 * x[0] ** 2 - 400.0 * x[1] + 2.0, -400.0 * x[0]], [-400.0 * x[0], 200.0]])


@pytest.mark.parametrize("method", SECOND_ORDER)
@pytest.mark.parametrize("bounds", [None, ([-2.0, -1.0], [2.0, 3.0])], ids=["free", "boxed"])
def test_the_objectives_own_hessian_is_used(method, bounds):
    fit = Curved()
    outcome = minimize(fit, ROSENBROCK.start, bounds, method)
    assert outcome.success, outcome.message
    np.testing.assert_allclose(outcome.x, 1.0, atol=1e-4)
    assert (fit.n_hessian > 0) == (method != "dogleg")


@pytest.mark.parametrize("bounds", [None, ([-2.0, 1e-3], [2.0, 3.0])], ids=["free", "boxed"])
def test_the_hessian_that_scipy_sees_is_the_derivative_of_the_gradient_it_sees(monkeypatch, bounds):
    """In the coordinates of the box its curvature counts, too: against differences of the gradient."""
    run, seen = scipy.optimize.minimize, []

    def spy(function, z, hess, **keywords):
        z, step = z + 0.05, 1e-5
        columns = [(function(z + d)[1] - function(z - d)[1]) / (2.0 * step) for d in step * np.eye(2)]
        seen.append((hess(z), np.array(columns).T))
        return run(function, z, hess=hess, **keywords)

    monkeypatch.setattr(scipy.optimize, "minimize", spy)
    minimize(Curved(), ROSENBROCK.start, bounds, "trust-exact")
    for hessian, differences in seen[:1]:
        # truncation, by the square of the step
        np.testing.assert_allclose(hessian, differences, atol=1e-7 * np.abs(differences).max())


def test_the_gauss_newton_matrix_takes_its_place():
    fit, x = ROSENBROCK.fit, np.array([0.3, -0.2])
    np.testing.assert_allclose(Evaluator(fit).hessian(x), 2.0 * fit.jacobian(x).T @ fit.jacobian(x), rtol=1e-14)
    np.testing.assert_array_equal(Evaluator(Curved()).hessian(x), Curved().hessian(x))


def test_cobyla():
    outcome = minimize(ROSENBROCK.fit, ROSENBROCK.start, ([-2.0, -2.0], [0.5, 2.0]), "COBYLA")
    assert outcome.success, outcome.message
    np.testing.assert_allclose(outcome.x, [0.5, 0.25], atol=1e-4)  # 1e-6 of the misfit 0.25, whose slope is small
    assert outcome.x[0] == 0.5
    assert outcome.n_jacobian_evaluations <= 10


def test_the_unit_cube():
    box = UnitBox(np.array([-1.0, 1e-8, 2.0]), np.array([3.0, 1e-4, 150.0]))
    z = np.array([[0.0, 0.0, 0.0], [0.25, 0.5, 0.5], [1.0, 1.0, 1.0]])
    x = box.x(z)
    # even, over the logarithm (four decades), and even: 75 times is less than two decades
    np.testing.assert_allclose(x, [[-1.0, 1e-8, 2.0], [0.0, 1e-6, 76.0], [3.0, 1e-4, 150.0]], rtol=1e-14)
    np.testing.assert_allclose(box.z(x), z, atol=1e-15)
    step = 1e-6
    slope = (box.x(z[1] + step) - box.x(z[1] - step)) / (2.0 * step)
    np.testing.assert_allclose(box.slope(z[1]), slope, rtol=1e-8)  # rounding of the difference
