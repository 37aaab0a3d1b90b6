"""What quadratic models still promise: the test of convergence of all batched algorithms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiessig.optimize.batch.box_steps import box_steps, promised
from kiessig.optimize.batch.evaluator import Normal
from kiessig.optimize.convergence import EXACT
from kiessig.optimize.objective import FloatArray

__all__ = ["column_lengths", "has_converged", "promised_gain", "units_of"]

# Normal equations know the squares of singular values to rounding; below this part of the largest there is nothing.
_FLAT = 1e-13


def promised_gain(normal: Normal, x: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return by how much the misfit falls within the box if the linear model of the residuals holds, shape (k,)."""
    unit, matrix, slope = units_of(normal, column_lengths(normal.curvature))
    flat = np.full(len(x), _FLAT)
    return promised(matrix, slope, box_steps(matrix, slope, (lower - x) * unit, (upper - x) * unit, flat))


def has_converged(
    normal: Normal, x: FloatArray, lower: FloatArray, upper: FloatArray, first: FloatArray, tolerance: float
) -> NDArray[np.bool_]:
    """Tell where no more than this part of the misfit is promised; `first` is the misfit at the start, shape (k,)."""
    reference = np.maximum(normal.value, EXACT * first)
    return promised_gain(normal, x, lower, upper) <= tolerance * reference


def units_of(normal: Normal, scale: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return parameters' inverse units (k, n), 1 where `scale` is 0, and curvature and half the gradient in them."""
    unit = np.where(scale > 0.0, scale, 1.0)
    return unit, normal.curvature / (unit[:, :, np.newaxis] * unit[:, np.newaxis, :]), 0.5 * normal.gradient / unit


def column_lengths(curvature: FloatArray) -> FloatArray:
    """Return the lengths of the Jacobian's columns, shape (k, n)."""
    lengths: FloatArray = np.sqrt(np.einsum("kii->ki", curvature))
    return lengths
