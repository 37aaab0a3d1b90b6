"""Damped steps of many members within their bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiessig.optimize.objective import FloatArray

__all__ = ["box_steps", "promised", "towards_minimum"]

# Part of the terms of a slope below which it is rounding.
_ROUNDING = 1e-13


def box_steps(
    curvature: FloatArray, slope: FloatArray, below: FloatArray, above: FloatArray, damping: FloatArray
) -> FloatArray:
    """Minimise ``d.T A d + 2 s.T d + mu |d|**2`` over boxes by fixing what runs into a bound.

    A parameter that starts on a bound and presses on to it stays; one that the step carries beyond its bound is put
    there, and the step of the others is computed anew, until all are inside. Where a parameter that was fixed turns out
    to be pulled back inside, which takes several bounds that interact, the member's step is found anew by the active
    set of `kiessig.optimize.box_least_squares`. Either way it is the minimum over the box.

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
    """
    n = slope.shape[1]
    fixed = ((below >= 0.0) & (slope > 0.0)) | ((above <= 0.0) & (slope < 0.0))
    steps = np.zeros_like(slope)
    diagonal = np.arange(n)
    pending = np.arange(len(slope))
    for _ in range(n + 1):
        a, held, d = curvature[pending], fixed[pending], steps[pending]
        right = np.where(held, 0.0, -slope[pending] - np.einsum("kij,kj->ki", a, np.where(held, d, 0.0)))
        matrix = np.where(held[:, :, np.newaxis] | held[:, np.newaxis, :], 0.0, a)
        matrix[:, diagonal, diagonal] = np.where(held, 1.0, a[:, diagonal, diagonal] + damping[pending, np.newaxis])
        d = np.where(held, d, np.linalg.solve(matrix, right[..., np.newaxis])[..., 0])
        low, high = below[pending], above[pending]
        outside = ~held & ((d < low) | (d > high))
        steps[pending] = np.where(outside, np.clip(d, low, high), d)
        fixed[pending] |= outside
        pending = pending[outside.any(axis=1)]
        if not pending.size:
            break
    steps = np.clip(steps, below, above)
    astray = np.flatnonzero(_pull(curvature, slope, below, above, damping, steps).max(axis=1) > 0.0)
    if astray.size:
        steps[astray] = _by_active_set(curvature[astray], slope[astray], below[astray], above[astray], damping[astray])
    return steps


def promised(curvature: FloatArray, slope: FloatArray, steps: FloatArray) -> FloatArray:
    """Return the reduction ``-(d.T A d + 2 s.T d)`` that the quadratic model promises, shape (k,)."""
    quadratic = np.einsum("ki,kij,kj->k", steps, curvature, steps)
    reduction: FloatArray = -(quadratic + 2.0 * np.einsum("ki,ki->k", slope, steps))
    return reduction


def _pull(
    curvature: FloatArray, slope: FloatArray, below: FloatArray, above: FloatArray, damping: FloatArray, at: FloatArray
) -> FloatArray:
    """Slope towards the inside at each bound that is touched, shape (k, n); zero elsewhere and below rounding."""
    there = np.einsum("kij,kj->ki", curvature, at) + damping[:, np.newaxis] * at + slope
    pull = np.where(at <= below, -there, np.where(at >= above, there, 0.0))
    size = np.einsum("kij,kj->ki", np.abs(curvature), np.abs(at)).max(axis=1) + np.abs(slope).max(axis=1)
    return np.where(pull > _ROUNDING * size[:, np.newaxis], pull, 0.0)


def _by_active_set(
    curvature: FloatArray, slope: FloatArray, below: FloatArray, above: FloatArray, damping: FloatArray
) -> FloatArray:
    """Walk to the minimum over the box: straight ahead to the first bound, and off a bound that pulls inside."""
    k, n = slope.shape
    steps = np.zeros_like(slope)
    held = ((below >= 0.0) & (slope >= 0.0)) | ((above <= 0.0) & (slope <= 0.0))
    pending = np.arange(k)
    # Each parameter is held and released a few times at most; the bound only guards against cycling by rounding.
    for _ in range(4 * n + 4):
        a, fixed, d = curvature[pending], held[pending], steps[pending]
        low, high = below[pending], above[pending]
        change = towards_minimum(a, slope[pending], damping[pending], fixed, d)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(change > 0.0, (high - d) / change, (low - d) / change)
        room[change == 0.0] = np.inf
        reach = np.clip(room.min(axis=1), 0.0, 1.0)[:, np.newaxis]
        met = (room <= reach) & (reach < 1.0)
        d = np.where(met, np.where(change > 0.0, high, low), np.clip(d + reach * change, low, high))
        steps[pending] = d
        held[pending] |= met
        arrived = np.flatnonzero(~met.any(axis=1))
        ended = pending[arrived]
        pull = _pull(curvature[ended], slope[ended], below[ended], above[ended], damping[ended], steps[ended])
        pull[~held[ended]] = 0.0
        worst = pull.argmax(axis=1)
        back = pull.max(axis=1, initial=0.0) > 0.0
        held[ended[back], worst[back]] = False
        pending = np.delete(pending, arrived[~back])
        if not pending.size:
            break
    return steps


def towards_minimum(
    curvature: FloatArray, slope: FloatArray, damping: FloatArray, held: npt.NDArray[np.bool_], at: FloatArray
) -> FloatArray:
    """Way from `at` to the minimum over the parameters that are not held, shape (k, n)."""
    diagonal = np.arange(slope.shape[1])
    there = np.einsum("kij,kj->ki", curvature, at) + damping[:, np.newaxis] * at + slope
    matrix = np.where(held[:, :, np.newaxis] | held[:, np.newaxis, :], 0.0, curvature)
    matrix[:, diagonal, diagonal] = np.where(held, 1.0, curvature[:, diagonal, diagonal] + damping[:, np.newaxis])
    right = np.where(held, 0.0, -there)
    way: FloatArray = np.linalg.solve(matrix, right[..., np.newaxis])[..., 0]
    return way
