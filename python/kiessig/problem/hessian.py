"""Second derivatives of an objective by differences of its exact gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError

if TYPE_CHECKING:
    from kiessig.problem.objective import Objective

__all__ = ["hessian_by_differences"]

FloatArray = NDArray[np.float64]

# Of the length over which the misfit alone changes by 1: large against the rounding of smeared curves, small against
# the distance over which residuals bend.
_STEP = 0.2
_LEAST_STEP = 1e-6  # of the parameter, where the misfit hardly depends on it

# Offsets and weights of first derivatives: five points, error of fourth order, on both sides or on one.
_RULES = (
    ((-2.0, -1.0, 1.0, 2.0), (1.0 / 12.0, -8.0 / 12.0, 8.0 / 12.0, -1.0 / 12.0)),
    ((0.0, 1.0, 2.0, 3.0, 4.0), (-25.0 / 12.0, 4.0, -3.0, 4.0 / 3.0, -1.0 / 4.0)),
    ((0.0, -1.0, -2.0, -3.0, -4.0), (25.0 / 12.0, -4.0, 3.0, -4.0 / 3.0, 1.0 / 4.0)),
)
_RATIO = 0.6  # of the steps of the second rule to those of the first


def hessian_by_differences(objective: Objective, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the Hessian and an estimate of its error; see `Problem.hessian`."""
    n = x.size
    if not n:
        return np.zeros((0, 0)), np.zeros((0, 0))
    jacobian = objective.residuals_and_jacobian(x)[1]
    with np.errstate(divide="ignore"):
        length = 1.0 / np.linalg.norm(jacobian, axis=0)
    floor = _LEAST_STEP * np.maximum(np.abs(x), 1e-9)
    step = np.where(np.isfinite(length), np.maximum(_STEP * length, floor), 0.01 * np.maximum(np.abs(x), 1.0))
    points, weights = [], []
    for column in range(n):
        for offsets, factors in _RULES:
            for ratio in (1.0, _RATIO):
                h = ratio * step[column]
                moved = np.repeat(x[np.newaxis], len(offsets), axis=0)
                moved[:, column] += h * np.array(offsets)
                points.append(moved)
                weights.append(np.array(factors) / h)
    # rules for both sides first; one-sided ones only for columns where that leaves the domain
    both = [6 * column + rule for column in range(n) for rule in (0, 1)]
    slopes = dict(zip(both, _gradients(objective, [points[k] for k in both]), strict=True))
    found, other = np.empty((n, n)), np.empty((n, n))
    for column in range(n):
        for rule in (0, 2, 4):
            keys = [6 * column + rule, 6 * column + rule + 1]
            if rule:
                slopes |= dict(zip(keys, _gradients(objective, [points[k] for k in keys]), strict=True))
            if all(np.isfinite(slopes[key]).all() for key in keys):
                break
        else:
            message = (
                f"hessian: the model must be defined in the neighbourhood of x; it is not within {step[column]:.3g} "
                f"of x[{column}] = {x[column]}"
            )
            raise InvalidValueError(message)
        other[column], found[column] = (weights[key] @ slopes[key] for key in keys)
    error = np.maximum(np.abs(found - other), np.abs(found - found.T))
    return 0.5 * (found + found.T), np.maximum(error, error.T)


def _gradients(objective: Objective, points: list[FloatArray]) -> list[FloatArray]:
    """Return the gradients at several sets of points, in one batch."""
    gradients = objective.value_and_gradient(np.concatenate(points))[1]
    return np.split(gradients, np.cumsum([len(item) for item in points])[:-1])
