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

# Steps, of the length over which the misfit alone changes by 1: large against the rounding of smeared curves, small
# against the distance over which residuals bend. Which of them that is depends on the parameter; the one with the least
# error by its own estimate is taken.
_STEPS = (0.2, 0.02, 2e-3, 2e-4)
_LEAST_STEP = 1e-6  # of the parameter
_WITHOUT_LENGTH = 0.1  # where the misfit does not depend on the parameter in first order

# Offsets and weights of first derivatives: five points, error of fourth order, on both sides or on one.
_RULES = (
    ((-2.0, -1.0, 1.0, 2.0), (1.0 / 12.0, -8.0 / 12.0, 8.0 / 12.0, -1.0 / 12.0)),
    ((0.0, 1.0, 2.0, 3.0, 4.0), (-25.0 / 12.0, 4.0, -3.0, 4.0 / 3.0, -1.0 / 4.0)),
    ((0.0, -1.0, -2.0, -3.0, -4.0), (25.0 / 12.0, -4.0, 3.0, -4.0 / 3.0, 1.0 / 4.0)),
)
_RATIO = 0.6  # of the steps of the rule that estimates the error


def hessian_by_differences(objective: Objective, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the Hessian and an estimate of its error; see `Problem.hessian`."""
    n = x.size
    if not n:
        return np.zeros((0, 0)), np.zeros((0, 0))
    slopes = np.linalg.norm(objective.residuals_and_jacobian(x)[1], axis=0)
    length = np.divide(1.0, slopes, out=np.full(n, _WITHOUT_LENGTH), where=slopes > 0.0)
    floor = _LEAST_STEP * np.maximum(np.abs(x), 1e-9)
    found, error = np.full((n, n), np.nan), np.full((n, n), np.inf)
    left = list(range(n))
    for rule in _RULES:
        candidates = [(column, max(part * length[column], floor[column])) for column in left for part in _STEPS]
        if not candidates:
            break
        for (column, _), row, other in zip(candidates, *_differences(objective, x, rule, candidates), strict=True):
            deviation = np.abs(row - other)
            if np.isfinite(deviation).all() and (deviation * length).sum() < (error[column] * length).sum():
                found[column], error[column] = row, deviation
        left = [column for column in left if not np.isfinite(found[column]).all()]
    if left:
        message = (
            f"hessian: the model must be defined in the neighbourhood of x; it is not on either side of "
            f"x[{left[0]}] = {x[left[0]]}"
        )
        raise InvalidValueError(message)
    error = np.maximum(error, np.abs(found - found.T))
    return 0.5 * (found + found.T), np.maximum(error, error.T)


def _differences(
    objective: Objective,
    x: FloatArray,
    rule: tuple[tuple[float, ...], tuple[float, ...]],
    candidates: list[tuple[int, float]],
) -> tuple[FloatArray, FloatArray]:
    """Return, for each column and step, the derivative of the gradient and that by other steps, in one batch."""
    offsets, weights = (np.array(item) for item in rule)
    points = np.empty((2, len(candidates), offsets.size, x.size))
    points[...] = x
    for ratio, moved in zip((_RATIO, 1.0), points, strict=True):
        for number, (column, step) in enumerate(candidates):
            moved[number, :, column] += ratio * step * offsets
    gradients = objective.value_and_gradient(points)[1]
    steps = np.array([step for _, step in candidates])[:, np.newaxis]
    derivatives = np.einsum("k,rckj->rcj", weights, gradients)
    return derivatives[0] / (_RATIO * steps), derivatives[1] / steps
