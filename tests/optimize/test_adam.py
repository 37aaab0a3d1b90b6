"""Adam in free coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.optimize import minimize
from optimize.problems import MISRA1A, Fit


class Recorded(Fit):
    def __init__(self, residuals, jacobian):
        super().__init__(residuals, jacobian)
        self.seen = []

    def value_and_gradient(self, x):
        self.seen.append(x.copy())
        return super().value_and_gradient(x)


LINE = (lambda x: [x[0] - 1e4, 1.0], lambda x: [[1.0], [0.0]])


def test_the_first_steps_are_the_papers():
    """Far from the minimum of a parabola, with constant rate: compared with a plain transcription of the algorithm."""
    fit = Recorded(*LINE)
    minimize(
        fit,
        [100.0],
        method="adam",
        schedule="constant",
        learning_rate=0.1,
        steps=20,
        beta1=0.8,
        beta2=0.95,
        epsilon=1e-300,
    )
    u, m, v, expected = 1.0, 0.0, 0.0, []  # unit 100, the start's own size
    for t in range(1, 21):
        expected.append(100.0 * u)
        g = 100.0 * 2.0 * (100.0 * u - 1e4)
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g * g
        u -= 0.1 * (m / (1.0 - 0.8**t)) / np.sqrt(v / (1.0 - 0.95**t))
    # The start is known from before; rounding over twenty steps.
    np.testing.assert_allclose([100.0, *(x[0] for x in fit.seen)], expected, rtol=1e-12)


def test_the_descent_runs_in_the_coordinates_of_the_box():
    """The slope of the map enters the gradient: compared with a transcription for a logistic coordinate."""
    fit = Recorded(lambda x: [x[0] - 0.99, 1.0], lambda x: [[1.0], [0.0]])
    minimize(fit, [0.1], (0.0, 1.0), method="adam", schedule="constant", learning_rate=0.5, steps=10, epsilon=1e-300)
    u, m, v, expected = np.log(0.1 / 0.9), 0.0, 0.0, []
    for t in range(1, 11):
        x = 1.0 / (1.0 + np.exp(-u))
        expected.append(x)
        g = 2.0 * (x - 0.99) * x * (1.0 - x)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        u -= 0.5 * (m / (1.0 - 0.9**t)) / np.sqrt(v / (1.0 - 0.99**t))
    # The start is known from before, but for its rounding through the map; rounding over ten steps.
    np.testing.assert_allclose([x[0] for x in fit.seen][-9:], expected[1:], rtol=1e-12)


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        ("cosine", lambda p: 0.01 + 0.99 * 0.5 * (1.0 + np.cos(np.pi * p))),
        ("exponential", lambda p: 0.01**p),
        ("constant", lambda p: 1.0),
    ],
)
def test_schedules(schedule, rate):
    """A slope of constant sign and slowly changing size: each step is the rate itself, to the change of the slope."""
    fit = Recorded(lambda x: [x[0] + 1e9], lambda x: [[1.0]])
    minimize(fit, [1.0], method="adam", schedule=schedule, steps=50, final_rate=0.01, learning_rate=0.02, tolerance=0.0)
    x = np.array([1.0, *(s[0] for s in fit.seen)])
    # The slope changes by 1e-9 of itself over the run.
    np.testing.assert_allclose(-np.diff(x), [0.02 * rate(k / 50) for k in range(x.size - 1)], rtol=1e-6)
    assert x.size == 50


def test_bounds_that_span_decades_are_crossed():
    """From 1e-9 to a background of 3e-6, four decades away, in a box of six."""
    fit = Fit(lambda x: [(x[0] - 3e-6) / 1e-8, 1.0], lambda x: [[1e8], [0.0]])
    outcome = minimize(fit, [1e-9], ([1e-10], [1e-4]), method="adam")
    assert outcome.success, outcome.message
    assert outcome.x[0] == pytest.approx(3e-6, rel=1e-5)  # 1e-7 of the misfit 1 is 3e-4 of the error 1e-8


def test_converged_means_converged():
    bounds = ([100.0, 1e-4], [500.0, 2e-3])
    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[1], bounds, method="adam", max_evaluations=20000)
    assert outcome.success, outcome.message
    assert outcome.n_evaluations < 15000  # the check ended it, not the schedule
    assert outcome.value == pytest.approx(MISRA1A.residual_sum, rel=1e-6)  # what every method promises


def test_a_schedule_that_ends_too_soon_says_so():
    outcome = minimize(MISRA1A.objective(), MISRA1A.starts[0], method="adam", steps=30)
    assert not outcome.success
    assert "the schedule of 30 steps has ended" in outcome.message
    assert "raise steps or learning_rate" in outcome.message
    assert "levenberg-marquardt" in outcome.message


def test_a_parameter_without_effect_stays():
    fit = Fit(lambda x: [x[0] - 1.0, 1.0], lambda x: [[1.0, 0.0], [0.0, 0.0]])
    outcome = minimize(fit, [0.5, 7.0], method="adam", max_evaluations=200)
    assert outcome.x[1] == 7.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite; got 0.0"),
        ({"learning_rate": np.nan}, "learning_rate must be positive"),
        ({"final_rate": 2.0}, r"final_rate must be in \(0, 1\]"),
        ({"beta1": 1.0}, r"beta1 must be in \[0, 1\)"),
        ({"beta2": -0.1}, r"beta2 must be in \[0, 1\)"),
        ({"epsilon": 0.0}, "epsilon must be positive"),
        ({"tolerance": -1.0}, "tolerance must be non-negative"),
        ({"check_every": 0}, "check_every must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"scale": [1.0, -1.0]}, r"scale\[1\] = -1.0"),
    ],
)
def test_refusals(options, text):
    with pytest.raises(InvalidValueError, match=text):
        minimize(MISRA1A.objective(), MISRA1A.starts[1], method="adam", **options)


def test_an_unknown_schedule():
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        minimize(MISRA1A.objective(), MISRA1A.starts[1], method="adam", schedule="cosin")
