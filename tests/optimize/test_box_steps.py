"""Damped steps of many members in boxes, against scipy's solver and against all active sets in turn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from kiessig.optimize.batch.box_steps import box_steps, promised


def _cases(seed: int, k: int = 60):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    roots = rng.standard_normal((k, n + 2, n)) + 4.0 * rng.random((k, 1, 1)) * rng.standard_normal((k, n + 2, 1))
    roots /= np.linalg.norm(roots, axis=1, keepdims=True)
    slope = np.einsum("kmi,km->ki", roots, 3.0 * rng.standard_normal((k, n + 2)))
    below, above = -rng.exponential(0.5, (k, n)), rng.exponential(0.5, (k, n))
    below[rng.random((k, n)) < 0.2] = -np.inf
    above[rng.random((k, n)) < 0.2] = np.inf
    below[rng.random((k, n)) < 0.2] = 0.0
    damping = 10.0 ** rng.uniform(-9, 1, k)
    return np.einsum("kmi,kmj->kij", roots, roots), slope, below, above, damping


def _value(a, s, mu, d):
    return float(d @ a @ d + 2.0 * s @ d + mu * d @ d)


def _by_enumeration(a, s, below, above, mu):
    """The lowest value over all choices of what is free, on the lower and on the upper bound."""
    n = s.size
    matrix = a + mu * np.eye(n)
    lowest = np.inf
    for choice in itertools.product((0, 1, 2), repeat=n):
        choice = np.array(choice)
        d = np.where(choice == 1, below, np.where(choice == 2, above, 0.0))
        if not np.isfinite(d).all():
            continue
        free = choice == 0
        if free.any():
            right = -s[free] - matrix[np.ix_(free, ~free)] @ d[~free]
            d[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
        if np.all(d >= below) and np.all(d <= above):
            lowest = min(lowest, _value(a, s, mu, d))
    return lowest


@pytest.mark.parametrize("seed", range(12))
def test_random_boxes_against_every_active_set(seed):
    a, s, below, above, damping = _cases(seed)
    steps = box_steps(a, s, below, above, damping)
    assert np.all((steps >= below) & (steps <= above))
    for k, step in enumerate(steps):
        reference = _by_enumeration(a[k], s[k], below[k], above[k], damping[k])
        # solutions of systems of condition 1e9 at most, whose value is stationary: 1e-9 is ample
        assert _value(a[k], s[k], damping[k], step) <= reference + 1e-9 * abs(reference)


@pytest.mark.parametrize("seed", range(4))
def test_random_boxes_against_scipy(seed):
    a, s, below, above, _ = _cases(100 + seed)
    damping = np.full(len(a), 1e-3)
    steps = box_steps(a, s, below, above, damping)
    for k, step in enumerate(steps):
        matrix = np.linalg.cholesky(a[k] + damping[k] * np.eye(s.shape[1])).T
        right = -np.linalg.solve(matrix.T, s[k])
        # scipy's solver wants lower < upper, which all of these are
        other = lsq_linear(matrix, right, (below[k], above[k]), method="bvls", tol=1e-15).x
        np.testing.assert_allclose(step, other, rtol=1e-7, atol=1e-9)  # condition 1e4, and scipy's tolerance


def test_bounds_that_interact():
    """Cutting both parameters off at their bounds would raise the model: 1.76 instead of a fall."""
    a, s = np.array([[[1.0, 0.99], [0.99, 1.0]]]), np.array([[0.395, 0.6]])
    below, above = np.array([[-1.0, -0.01]]), np.array([[1.0, 1.0]])
    step = box_steps(a, s, below, above, np.array([1e-13]))
    # with the second at -0.01: the first is -(0.395 - 0.0099)
    np.testing.assert_allclose(step, [[-0.3851, -0.01]], rtol=1e-12)  # the damping, 1e-13
    assert promised(a, s, step)[0] > 0.0


def test_a_start_on_a_bound_that_presses_on_stays():
    one = np.ones((1, 1, 1))
    assert box_steps(one, np.array([[2.0]]), np.zeros((1, 1)), np.ones((1, 1)), np.ones(1)) == 0.0
    assert box_steps(one, np.array([[-2.0]]), -np.ones((1, 1)), np.zeros((1, 1)), np.ones(1)) == 0.0
    assert box_steps(one, np.array([[-2.0]]), np.zeros((1, 1)), np.full((1, 1), 9.0), np.ones(1)) == 1.0


def test_members_are_independent():
    a, s, below, above, damping = _cases(7)
    together = box_steps(a, s, below, above, damping)
    for k in range(len(a)):
        here = slice(k, k + 1)
        alone = box_steps(a[here], s[here], below[here], above[here], damping[here])
        np.testing.assert_array_equal(alone[0], together[k])


def test_what_the_model_promises():
    a, s, below, above, damping = _cases(5)
    steps = box_steps(a, s, below, above, damping)
    expected = [-_value(a[k], s[k], 0.0, steps[k]) for k in range(len(a))]
    np.testing.assert_allclose(promised(a, s, steps), expected, rtol=1e-10, atol=1e-12)  # cancellation of two terms
    assert np.all(promised(a, s, steps) >= 0.0)
