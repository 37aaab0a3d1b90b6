"""Damped least squares in a box, against scipy's independent solver and its own optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from kiessig.optimize.box_least_squares import box_least_squares


def _case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    matrix = rng.standard_normal((n + int(rng.integers(0, 5)), n))
    matrix += 3.0 * rng.random() * rng.standard_normal((matrix.shape[0], 1))  # correlated columns
    lower, upper = -rng.exponential(0.5, n), rng.exponential(0.5, n)
    lower[rng.random(n) < 0.2] = -np.inf
    upper[rng.random(n) < 0.2] = np.inf
    lower[rng.random(n) < 0.15] = 0.0
    return matrix, rng.standard_normal(matrix.shape[0]), lower, upper, float(10.0 ** rng.uniform(-6, 1))


@pytest.mark.parametrize("seed", range(200))
def test_random_boxes(seed):
    matrix, offset, lower, upper, damping = _case(seed)
    n = matrix.shape[1]
    step = box_least_squares(matrix, offset, lower, upper, damping)
    assert np.all(step >= lower)
    assert np.all(step <= upper)
    system = np.vstack([matrix, np.sqrt(damping) * np.eye(n)])
    right = np.concatenate([-offset, np.zeros(n)])
    with np.errstate(all="ignore"):
        # scipy's solver wants lower < upper, which all of these are.
        other = lsq_linear(system, right, (lower, upper), method="bvls", tol=1e-14).x
    value, reference = (float(np.sum((system @ d - right) ** 2)) for d in (step, other))
    assert value <= reference * (1.0 + 1e-12)  # two exact methods, to rounding
    slope = system.T @ (system @ step - right)
    held = (step == lower) | (step == upper)
    size = np.linalg.norm(system) * np.linalg.norm(right)
    assert np.all(np.abs(slope[~held]) <= 1e-12 * size)
    assert np.all(slope[step == lower] >= -1e-12 * size)
    assert np.all(slope[step == upper] <= 1e-12 * size)


def test_a_variable_met_on_the_way_is_let_go_again():
    """The straight way to the minimum passes the bound of x[1], whose minimum in the box is inside."""
    matrix = np.array([[1.0, 0.9], [0.0, 0.4]])
    offset = np.array([-4.0, 0.4])
    step = box_least_squares(matrix, offset, np.array([-9.0, -0.5]), np.array([3.0, 9.0]), 1e-12)
    # With x[0] at its bound 3: minimise (3 + 0.9 y - 4)^2 + (0.4 y + 0.4)^2, so y = (0.9 - 0.16)/(0.81 + 0.16).
    np.testing.assert_allclose(step, [3.0, 0.74 / 0.97], rtol=1e-10)  # the damping itself


def test_damping_counts_when_a_variable_is_let_go():
    """Without its damping x[0] would press on to its bound -0.4; with it, the minimum is inside."""
    matrix = np.array([[0.6, -0.9], [-1.8, -1.8]])
    step = box_least_squares(matrix, np.array([3.8, 1.8]), np.array([-0.4, 0.0]), np.array([1.8, 0.9]), 1.0)
    # With x[1] at its bound 0.9: (0.36 + 3.24 + 1) x + 0.6 * 2.99 - 1.8 * 0.18 = 0.
    np.testing.assert_allclose(step, [-1.47 / 4.6, 0.9], rtol=1e-14)  # rounding


def test_no_bounds_is_the_normal_equations():
    rng = np.random.default_rng(11)
    matrix, offset = rng.standard_normal((6, 4)), rng.standard_normal(6)
    free = np.full(4, np.inf)
    step = box_least_squares(matrix, offset, -free, free, 0.3)
    np.testing.assert_allclose((matrix.T @ matrix + 0.3 * np.eye(4)) @ step, -matrix.T @ offset, rtol=1e-12)


def test_a_singular_system_without_damping_takes_the_shortest_step():
    free = np.full(2, np.inf)
    step = box_least_squares(np.array([[1.0, 1.0]]), np.array([-2.0]), -free, free, 0.0)
    np.testing.assert_allclose(step, [1.0, 1.0], rtol=1e-14)
