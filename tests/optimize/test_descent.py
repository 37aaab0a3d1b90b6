"""Descents, natural gradient and L-BFGS: their steps, and what a batch promises of its members."""

from __future__ import annotations

import numpy as np
import pytest

from fitting.films import film
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.optimize import minimize
from kiessig.optimize.batch import minimize_batch
from kiessig.optimize.batch.checkpoint import Checkpoint
from kiessig.optimize.batch.clipping import clipped
from kiessig.optimize.batch.methods import BATCHED
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.batch.schedules import schedule_of
from optimize.batches import Batch
from optimize.problems import BEALE, HELICAL_VALLEY, MISRA1A, ROSENBROCK, WOOD, Fit

INF = np.inf
DESCENTS = ["gradient-descent", "nesterov", "rmsprop", "adam", "amsgrad", "adabelief"]
NEW = [name for name in BATCHED if name != "levenberg-marquardt"]
LOWER, UPPER = np.array([-3.0, -2.0]), np.array([2.0, 4.0])
STARTS = np.random.default_rng(3).uniform(LOWER, UPPER, (7, 2))


class Recorded(Fit):
    def __init__(self, residuals, jacobian):
        super().__init__(residuals, jacobian)
        self.seen = []

    def residuals(self, x):
        self.seen.append(np.array(x))
        return super().residuals(x)

    def value_and_gradient(self, x):
        self.seen.append(np.array(x))
        r, j = super().residuals(x), self.jacobian(x)
        return float(r @ r), 2.0 * j.T @ r


def run(method, starts=STARTS, *, limit=200, lower=LOWER, upper=UPPER, fit=ROSENBROCK.fit, checkpoint=None, **options):
    algorithm = BATCHED[method].make(limit=200, **options)
    objective = Batch(fit)
    return minimize_batch(objective, starts, lower, upper, algorithm, max_evaluations=limit, checkpoint=checkpoint)


def transcription(method, steps):
    """The algorithm as its paper writes it, for a slope g(u) = 2e4 (u - 100) and a constant rate of 0.1."""
    u, found = 1.0, []
    m = s = v = most = 0.0
    for t in range(1, steps + 1):
        found.append(u)
        g = 2e4 * (u - 100.0)
        if method in ("gradient-descent", "nesterov"):
            g /= 2e4  # in units of the curvature
            v = 0.9 * v + g
            u -= 0.1 * (v if method == "gradient-descent" else g + 0.9 * v)
            continue
        m = 0.9 * m + 0.1 * g
        s = 0.95 * s + 0.05 * ((g - m) ** 2 if method == "adabelief" else g**2)
        unbiased = s / (1.0 - 0.95**t)
        most = max(most, unbiased)
        if method == "rmsprop":
            u -= 0.1 * g / np.sqrt(unbiased)
        else:
            u -= 0.1 * m / (1.0 - 0.9**t) / np.sqrt(most if method == "amsgrad" else unbiased)
    return found


@pytest.mark.parametrize("method", DESCENTS)
def test_steps_are_the_papers(method):
    fit = Recorded(lambda x: [x[0] - 1e4, 1.0], lambda x: [[1.0], [0.0]])
    own = {"clip": INF, "rise": INF} if method in DESCENTS[:2] else {"beta2": 0.95, "epsilon": 1e-300}
    more = {"schedule": "constant", "learning_rate": 0.1, "steps": 20, "check_every": 1000}
    minimize(fit, [100.0], method=method, **own, **more)  # the unit is 100, the start's own size
    seen = [x[0] for x in fit.seen]
    # the start is evaluated for the first time in any case; rounding over twenty steps
    np.testing.assert_allclose(seen[:20], 100.0 * np.array(transcription(method, 20)), rtol=1e-12)


@pytest.mark.parametrize("method", ["adam", "gradient-descent", "nesterov"])
def test_steps_are_those_of_torch(method):
    torch = pytest.importorskip("torch")
    u = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimiser = {
        "gradient-descent": lambda: torch.optim.SGD([u], lr=0.1 / 2e4, momentum=0.9),
        "nesterov": lambda: torch.optim.SGD([u], lr=0.1 / 2e4, momentum=0.9, nesterov=True),
        "adam": lambda: torch.optim.Adam([u], lr=0.1, betas=(0.9, 0.95), eps=1e-300),
    }[method]()
    expected = []
    for _ in range(20):
        expected.append(float(u.detach()[0]))
        optimiser.zero_grad()
        ((100.0 * u - 1e4) ** 2).sum().backward()
        optimiser.step()
    np.testing.assert_allclose(transcription(method, 20), expected, rtol=1e-12)  # rounding over twenty steps


def test_the_natural_gradient_step():
    fit = Recorded(lambda x: [x[0] - 10.0, 1.0], lambda x: [[1.0], [0.0]])
    minimize(fit, [2.0], method="natural-gradient", learning_rate=0.5, damping=0.3, steps=3)
    # in units of the Jacobian's length a step goes 0.5 / (1 + damping) of the way; the damping falls to a third
    expected = [2.0]
    for damping in (0.3, 0.1):
        expected.append(expected[-1] + 0.5 / (1.0 + damping) * (10.0 - expected[-1]))
    np.testing.assert_allclose([x[0] for x in fit.seen[:3]], expected, rtol=1e-14)


@pytest.mark.parametrize("method", NEW)
def test_members_of_a_batch_know_nothing_of_each_other(method):
    together = run(method)
    for row, start in enumerate(STARTS):
        alone = run(method, start[np.newaxis])
        np.testing.assert_array_equal(alone.x[0], together.x[row])
        assert alone.reasons[0] == together.reasons[row]
        assert alone.n_evaluations[0] == together.n_evaluations[row]


@pytest.mark.parametrize("method", NEW)
def test_one_start_is_a_batch_of_one(method):
    options = {} if method == "lbfgs" else {"steps": 60}
    alone = run(method, STARTS[:1], limit=10_000, **options)
    outcome = minimize(ROSENBROCK.fit, STARTS[0], (LOWER, UPPER), method, **options)
    assert outcome.value <= alone.value[0] * (1.0 + 1e-12) + 1e-30  # what is beside a bound is put there at the end


@pytest.mark.parametrize("method", NEW)
def test_an_interrupted_search_goes_on_to_the_bit(method, tmp_path):
    whole = run(method, limit=40)
    run(method, limit=15, checkpoint=Checkpoint(tmp_path / "kept", "same", resume=False))
    resumed = run(method, limit=40, checkpoint=Checkpoint(tmp_path / "kept", "same", resume=True))
    np.testing.assert_array_equal(resumed.x, whole.x)
    np.testing.assert_array_equal(resumed.n_evaluations, whole.n_evaluations)
    assert resumed.reasons == whole.reasons


@pytest.mark.parametrize("options", [{}, {"box": "transform"}, {"box": "projection"}], ids=str)
@pytest.mark.parametrize("method", NEW)
def test_no_point_is_outside_the_bounds(method, options):
    if options and method not in DESCENTS:
        pytest.skip("has no such option")
    plain = ROSENBROCK.fit
    fit = Recorded(plain._residuals, plain._jacobian)
    lower, upper = np.array([-1.5, -0.5]), np.array([0.7, 2.0])  # without the minimum
    minimize(fit, [-1.5, 2.0], (lower, upper), method, **options, max_evaluations=300)
    assert len(fit.seen) > 10
    assert all((x >= lower).all() and (x <= upper).all() for x in fit.seen)


@pytest.mark.parametrize("method", NEW)
@pytest.mark.parametrize("start", [[100.0, 1e-4], [220.0, 1e-2], [100.0, 1e-2]], ids=str)
def test_starts_in_corners_come_near_a_minimum_on_a_bound(method, start):
    """Misra1a with its first parameter below 220, where a valley ends a hundred times longer than wide."""
    bounds = (np.array([100.0, 1e-4]), np.array([220.0, 1e-2]))
    best = minimize(MISRA1A.objective(), [150.0, 5e-4], bounds).value
    first = float(np.sum(MISRA1A.objective().residuals(np.array(start)) ** 2))
    outcome = minimize(MISRA1A.objective(), start, bounds, method)
    assert best * (1.0 - 1e-9) <= outcome.value
    # the way down, but for the last tenth of the slope of the valley's floor where only gradients are known
    assert outcome.value - best <= (0.01 if method in DESCENTS else 1e-8) * (first - best)
    assert not outcome.success or outcome.value <= best * (1.0 + 2e-6)  # success means what it means everywhere


@pytest.mark.parametrize("method", NEW)
def test_films_are_fitted(method):
    reference = film().fit(starts=8, seed=1, progress=False)
    crawls = method in ("rmsprop", "amsgrad")
    result = film().fit(method, starts=8, seed=1, progress=False, max_evaluations=600 if crawls else None)
    assert result.success or crawls, result.message
    # what every method promises of a success; the two are on their way after 600 steps
    assert result.chi2 == pytest.approx(reference.chi2, rel=0.03 if crawls else 2e-6)


@pytest.mark.parametrize("problem", [ROSENBROCK, BEALE, WOOD, HELICAL_VALLEY], ids=str)
@pytest.mark.parametrize("method", DESCENTS)
def test_functions_of_more_garbow_and_hillstrom_fall(method, problem):
    """Down the walls of their valleys, on the floor of which gradients alone crawl: 1500 steps leave a tenth."""
    start = np.array(problem.start)
    first = float(np.sum(problem.fit.residuals(start) ** 2))
    outcome = minimize(problem.fit, start, (start - 5.0, start + 5.0), method, max_evaluations=1500)
    assert outcome.value < 0.1 * first


def test_a_member_whose_misfit_rises_goes_back():
    """A rate far beyond the stable one: without going back it would run to infinity."""
    found = run("gradient-descent", np.array([[1.0]]), lower=np.array([-INF]), upper=np.array([INF]), learning_rate=8.0,
                momentum=0.0, clip=INF, fit=Fit(lambda x: [x[0] - 3.0, 1.0], lambda x: [[1.0], [0.0]]))  # fmt: skip
    assert found.reasons == [Reason.CONVERGED]
    np.testing.assert_allclose(found.x, [[3.0]], atol=1e-3)  # 1e-7 of the misfit 1 is 3e-4 of x


def test_lbfgs_needs_few_steps_for_a_parabola():
    """With as many pairs as parameters it is a conjugate gradient method: some n steps, exact line searches assumed."""
    rng = np.random.default_rng(8)
    matrix = rng.standard_normal((9, 6))
    fit = Fit(lambda x: matrix @ (x - 1.0), lambda x: matrix)
    outcome = minimize(fit, np.zeros(6), (np.full(6, -5.0), np.full(6, 5.0)), "lbfgs")
    np.testing.assert_allclose(outcome.x, 1.0, rtol=1e-6)
    assert outcome.n_evaluations < 60


def test_steps_are_clipped_to_their_length():
    steps = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(clipped(steps, 2.0), [[1.2, 1.6], [0.3, 0.4], [0.0, 0.0]], rtol=1e-15)
    np.testing.assert_array_equal(clipped(steps, INF), steps)


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("cosine", [1.0, 0.55, 0.1]),
        ("exponential", [1.0, np.sqrt(0.1), 0.1]),
        ("linear", [1.0, 0.55, 0.1]),
        ("constant", [1.0, 1.0, 1.0]),
        (lambda part: 2.0 - part, [2.0, 1.5, 1.0]),
    ],
)
def test_schedules(schedule, factors):
    np.testing.assert_allclose(schedule_of("adam", schedule, 0.1)(np.array([0.0, 0.5, 1.0])), factors, rtol=1e-15)


def test_the_schedule_in_steps():
    found = schedule_of("adam", "step", 1e-3)(np.array([0.0, 0.24, 0.25, 0.5, 0.75, 0.99]))
    np.testing.assert_allclose(found, [1.0, 1.0, 0.1, 0.01, 1e-3, 1e-3], rtol=1e-12)


@pytest.mark.parametrize(
    ("method", "options", "error", "text"),
    [
        ("nesterov", {"momentum": 1.0}, InvalidValueError, r"nesterov: momentum must be in \[0, 1\); got 1.0"),
        ("rmsprop", {"momentum": -0.1}, InvalidValueError, r"rmsprop: momentum must be in \[0, 1\)"),
        ("adam", {"clip": 0.0}, InvalidValueError, "adam: clip must be positive; got 0.0"),
        ("amsgrad", {"rise": 1.0}, InvalidValueError, "amsgrad: rise must be above 1"),
        ("adabelief", {"box": "wall"}, UnknownNameError, "box must be 'transform' or 'projection'; got 'wall'"),
        ("adam", {"schedule": lambda part: 0.0}, InvalidValueError, r"must return positive.*schedule\(0\) = 0"),
        ("adam", {"scale": [1.0]}, ShapeError, r"scale must have shape \(2,\); got \(1,\)"),
        ("natural-gradient", {"learning_rate": 1.5}, InvalidValueError, r"learning_rate must be in \(0, 1\]"),
        ("lbfgs", {"memory": 0}, InvalidValueError, "lbfgs: memory must be at least 1; got 0"),
    ],
)
def test_refusals(method, options, error, text):
    with pytest.raises(error, match=text):
        minimize(MISRA1A.objective(), MISRA1A.starts[1], method=method, **options)
