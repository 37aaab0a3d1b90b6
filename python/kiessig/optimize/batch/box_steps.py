"""Damped steps of many members within their bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiessig.optimize.objective import FloatArray

__all__ = ["box_steps", "promised", "towards_minimum"]

Flags = NDArray[np.bool_]

# A bound is let go where the slope pulls away from it by more than rounding, as a part of the largest slope.
_PULL = 1e-13


def box_steps(
    curvature: FloatArray, slope: FloatArray, below: FloatArray, above: FloatArray, damping: FloatArray
) -> FloatArray:
    """Minimise ``d.T A d + 2 s.T d + mu |d|**2`` over boxes, by a primal active set.

    Each stage goes from a point within the box to the minimum over the free parameters, or as far as the first bound
    on the way, where that parameter is held. At a minimum over the free ones, held parameters whose slope pulls them
    inside are let go: all at once, and one at a time once that has led nowhere. The sum never rises. Where it falls by
    clipping the first minimum to the box, the stages begin there: few bounds have to be met one by one.

    Parameters
    ----------
    curvature : float array, shape (k, n, n)
        A, symmetric and positive semi-definite, its diagonal at most about 1.
    slope : float array, shape (k, n)
        s.
    below, above : float arrays, shape (k, n)
        Room for the step, ``below <= 0 <= above``.
    damping : float array, shape (k,)
        mu, positive.

    Returns
    -------
    float array, shape (k, n)

    References
    ----------
    .. [1] P. B. Stark and R. L. Parker, Bounded-variable least-squares: an algorithm and applications,
       Computational Statistics 10, 129 (1995).
    """
    n = slope.shape[1]
    matrix = _damped(curvature, damping)
    held = ((below >= 0.0) & (slope > 0.0)) | ((above <= 0.0) & (slope < 0.0))
    steps, met = _clipped(matrix, slope, below, above, held)
    rises = promised(matrix, slope, steps) <= 0.0
    steps[rises] = 0.0
    held = np.where(rises[:, np.newaxis], held, met)

    one_by_one = np.zeros(len(slope), dtype=bool)
    pending = np.arange(len(slope))
    # each parameter is held and let go a few times at most; the bound only guards against cycling by rounding
    for _ in range(4 * n + 4):
        a, s, d, fixed = matrix[pending], slope[pending], steps[pending], held[pending]
        low, high = below[pending], above[pending]
        change = _free_minimum(a, s, d, fixed) - d
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(change > 0.0, (high - d) / change, (low - d) / change)
        room = np.where((change == 0.0) | fixed, np.inf, np.maximum(room, 0.0))
        reach = room.min(axis=1, initial=1.0)
        blocked = reach < 1.0
        moved = d + reach[:, np.newaxis] * change
        stopped = blocked[:, np.newaxis] & (room <= reach[:, np.newaxis])
        moved = np.where(stopped, np.where(change > 0.0, high, low), moved)
        one_by_one[pending] |= blocked & (reach == 0.0)

        pull = s + np.einsum("kij,kj->ki", a, moved)
        inwards = np.where(moved <= low, -pull, pull)
        inwards[~fixed | blocked[:, np.newaxis]] = 0.0
        wrong = inwards > _PULL * np.abs(s).max(axis=1, keepdims=True)
        single = one_by_one[pending]
        wrong[single] &= inwards[single] >= inwards[single].max(axis=1, keepdims=True)
        steps[pending], held[pending] = moved, (fixed | stopped) & ~wrong
        pending = pending[blocked | wrong.any(axis=1)]
        if not pending.size:
            break
    return np.clip(steps, below, above)


def _free_minimum(matrix: FloatArray, slope: FloatArray, steps: FloatArray, held: Flags) -> FloatArray:
    """Minimise over what is not held; steps tell where the held ones are."""
    diagonal = np.arange(slope.shape[1])
    right = np.where(held, 0.0, -slope - np.einsum("kij,kj->ki", matrix, np.where(held, steps, 0.0)))
    system = np.where(held[:, :, np.newaxis] | held[:, np.newaxis, :], 0.0, matrix)
    system[:, diagonal, diagonal] = np.where(held, 1.0, matrix[:, diagonal, diagonal])
    return np.where(held, steps, np.linalg.solve(system, right[..., np.newaxis])[..., 0])


def _clipped(
    matrix: FloatArray, slope: FloatArray, below: FloatArray, above: FloatArray, held: Flags
) -> tuple[FloatArray, Flags]:
    """Minimise, put all that is outside on its bound, and so on with the rest until nothing is."""
    held, steps = held.copy(), np.zeros_like(slope)
    pending = np.arange(len(slope))
    while pending.size:
        low, high, fixed = below[pending], above[pending], held[pending]
        d = _free_minimum(matrix[pending], slope[pending], steps[pending], fixed)
        outside = ~fixed & ((d < low) | (d > high))
        steps[pending] = np.clip(d, low, high)
        held[pending] |= outside
        pending = pending[outside.any(axis=1)]
    return steps, held


def promised(curvature: FloatArray, slope: FloatArray, steps: FloatArray) -> FloatArray:
    """Return the reduction ``-(d.T A d + 2 s.T d)`` that the quadratic model promises, shape (k,)."""
    quadratic = np.einsum("ki,kij,kj->k", steps, curvature, steps)
    reduction: FloatArray = -(quadratic + 2.0 * np.einsum("ki,ki->k", slope, steps))
    return reduction


def towards_minimum(curvature: FloatArray, slope: FloatArray, damping: FloatArray, held: Flags) -> FloatArray:
    """Minimise ``d.T A d + 2 s.T d + mu |d|**2`` over the parameters that are not held, the others being zero."""
    return _free_minimum(_damped(curvature, damping), slope, np.zeros_like(slope), held)


def _damped(curvature: FloatArray, damping: FloatArray) -> FloatArray:
    matrix = curvature.copy()
    diagonal = np.arange(matrix.shape[1])
    matrix[:, diagonal, diagonal] += damping[:, np.newaxis]
    return matrix
