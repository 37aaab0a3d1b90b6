"""Differences of what is cheap: how a host's slabs, scales and priors follow from its parameters.

Kernels are differentiated exactly; what lies between a parameter of the host and the kernel's inputs is arithmetic of
the host's own, mostly linear, and has no other derivative than this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stencil", "derivative", "stencil"]

FloatArray = NDArray[np.float64]

# with errors of eps / STEP from rounding and STEP² from the third derivative, the sum is least at the cube root of eps
STEP = float(np.finfo(np.float64).eps) ** (1 / 3)


class Stencil(NamedTuple):
    """Where to evaluate, and what to multiply the values by: their sum is the derivative."""

    points: tuple[float, ...]
    weights: tuple[float, ...]


def stencil(x: float, lower: float = -np.inf, upper: float = np.inf) -> Stencil:
    """Three points of second order about x, or on one side of it where a bound is too near.

    Parameters
    ----------
    x, lower, upper : float
        The value, and the interval that points must lie in, any units.

    Returns
    -------
    Stencil
        With the points x - h and x + h, or x, x + h and x + 2 h with h of either sign.
    """
    width = upper - lower
    # a step must be seen in what x is added to, of which the interval gives a measure
    size = max(abs(x), 1e-2 * width) if width < np.inf else abs(x) or 1.0
    h = STEP * size
    if width < 2.0 * h:
        return Stencil((), ())
    if x - h >= lower and x + h <= upper:
        points = (x - h, x + h)
        step = points[1] - points[0]  # as rounded
        return Stencil(points, (-1.0 / step, 1.0 / step))
    if x - h < lower:
        return Stencil((x, x + h, x + 2.0 * h), (-1.5 / h, 2.0 / h, -0.5 / h))
    return Stencil((x, x - h, x - 2.0 * h), (1.5 / h, -2.0 / h, 0.5 / h))


def derivative(f: Callable[[float], FloatArray], points: Stencil) -> FloatArray:
    """Return the derivative of `f` from its values at the points of a stencil."""
    values = [np.asarray(f(x), dtype=np.float64) for x in points.points]
    # weights add up to 0: what does not change has a derivative of exactly 0
    return np.asarray(sum(w * (value - values[0]) for w, value in zip(points.weights, values, strict=True)))
