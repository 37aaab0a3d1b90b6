"""Damped steps of many members within their bounds."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.objective import FloatArray

__all__ = ["box_steps", "promised"]


def box_steps(
    curvature: FloatArray, slope: FloatArray, below: FloatArray, above: FloatArray, damping: FloatArray
) -> FloatArray:
    """Minimise ``d.T A d + 2 s.T d + mu |d|**2`` over boxes by fixing what runs into a bound.

    A parameter that starts on a bound and presses on to it stays; one that the step carries beyond its bound is put
    there, and the step of the others is computed anew, until all are inside. What is fixed is not released within the
    step, so that the result can fall short of the minimum over the box where several bounds interact; it never rises.

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
    return np.clip(steps, below, above)


def promised(curvature: FloatArray, slope: FloatArray, steps: FloatArray) -> FloatArray:
    """Return the reduction ``-(d.T A d + 2 s.T d)`` that the quadratic model promises, shape (k,)."""
    quadratic = np.einsum("ki,kij,kj->k", steps, curvature, steps)
    reduction: FloatArray = -(quadratic + 2.0 * np.einsum("ki,ki->k", slope, steps))
    return reduction
