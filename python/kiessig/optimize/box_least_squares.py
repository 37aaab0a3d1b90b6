"""Damped linear least squares within a box, by a primal active set."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.objective import FloatArray

__all__ = ["box_least_squares"]


def box_least_squares(
    matrix: FloatArray, offset: FloatArray, lower: FloatArray, upper: FloatArray, damping: float
) -> FloatArray:
    """Return the step d within ``lower <= d <= upper`` that minimises ``|matrix d + offset|**2 + damping |d|**2``.

    From d = 0 the minimum over the free variables is approached in a straight line until a bound stops it; the variable
    that met its bound is held there and the rest go on. A held variable is let go when the slope pulls it back inside.
    Each stage lowers the sum, so the step is never worse than no step, and with positive damping it is the minimum.

    Parameters
    ----------
    matrix : float array, shape (k, n)
        Columns of comparable length.
    offset : float array, shape (k,)
        The residuals at d = 0.
    lower, upper : float arrays, shape (n,)
        Bounds of the step, ``lower <= 0 <= upper``; infinite where there is none.
    damping : float
        Non-negative.

    Returns
    -------
    float array, shape (n,)

    References
    ----------
    .. [1] P. B. Stark and R. L. Parker, Bounded-variable least-squares: an algorithm and applications,
       Computational Statistics 10, 129 (1995).
    """
    n = matrix.shape[1]
    step = np.zeros(n)
    slope = matrix.T @ offset
    held = ((lower >= 0.0) & (slope >= 0.0)) | ((upper <= 0.0) & (slope <= 0.0))
    root = np.sqrt(damping)
    # Each variable is held and released a few times at most; the bound only guards against cycling by rounding.
    for _ in range(4 * n + 4):
        free = np.flatnonzero(~held)
        if free.size:
            system = np.vstack([matrix[:, free], root * np.eye(free.size)])
            right = np.concatenate([-offset - matrix[:, held] @ step[held], np.zeros(free.size)])
            target = np.linalg.lstsq(system, right, rcond=None)[0]
            change = target - step[free]
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(change > 0.0, (upper[free] - step[free]) / change, (lower[free] - step[free]) / change)
            room[change == 0.0] = np.inf
            reach = float(np.min(room))
            if reach < 1.0:
                step[free] += max(reach, 0.0) * change
                met = free[room <= reach]
                step[met] = np.where(change[room <= reach] > 0.0, upper[met], lower[met])
                held[met] = True
                continue
            step[free] = target
        slope = matrix.T @ (matrix @ step + offset) + damping * step
        pull = np.where(step <= lower, -slope, slope)
        pull[~held] = 0.0
        worst = int(np.argmax(pull))
        if pull[worst] <= 1e-14 * np.linalg.norm(offset):
            break
        held[worst] = False
    return step
