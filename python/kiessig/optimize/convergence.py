"""The one rule that decides, for every method, whether a point is a minimum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiessig.optimize.linear_model import LinearModel
from kiessig.optimize.objective import Evaluator, FloatArray

__all__ = [
    "BESIDE",
    "CONVERGED",
    "EXACT",
    "VANISHED",
    "gain_at",
    "on_bounds",
    "pressed",
    "relative_gain",
    "settle_on_bounds",
]

#: A misfit that could fall by less than this part of itself has converged.
CONVERGED = 1e-6
#: Relative to the misfit at the start: below this a model fits its data exactly, and relative gains mean nothing.
EXACT = 1e-10
#: Relative to the same: below this what is left of the misfit is rounding, the residuals have lost 14 digits.
VANISHED = 1e-28
# Residuals that are normal to every column to this angle are at a stationary point of the misfit, whatever a nearly
# singular model may promise along its weakest direction.
_NORMAL = 1e-8
#: Part of the width within which a parameter that presses on to its bound is tried on it.
BESIDE = 1e-3


def relative_gain(evaluator: Evaluator, lower: FloatArray, upper: FloatArray, first: float) -> float:
    """Return the part of the best misfit that its linear model still promises to remove within the bounds.

    Parameters
    ----------
    evaluator : Evaluator
        Its best point is examined; costs a Jacobian if there is none yet at that point.
    lower, upper : float arrays, shape (n,)
        Bounds.
    first : float
        Misfit at the start, the scale below which a misfit counts as zero.
    """
    return gain_at(evaluator, evaluator.best.x, lower, upper, first)


def gain_at(evaluator: Evaluator, x: FloatArray, lower: FloatArray, upper: FloatArray, first: float) -> float:
    """Return `relative_gain` at x instead of the best point."""
    residuals, value = evaluator.residuals(x, jacobian_follows=True)
    reference = max(value, EXACT * first)
    if reference == 0.0:
        return 0.0
    model = LinearModel(x, residuals, evaluator.jacobian(x), lower, upper)
    return 0.0 if model.cosine <= _NORMAL else model.gain() / reference


def on_bounds(x: FloatArray, lower: FloatArray, upper: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which parameters lie on a bound."""
    return (x <= lower) | (x >= upper)


def pressed(
    evaluator: Evaluator, lower: FloatArray, upper: FloatArray, reach: FloatArray | float = 0.0
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which parameters of the best point lie within `reach` of the lower, and of the upper bound, and press on.

    A parameter presses on to a bound if the misfit falls in its direction.
    """
    best = evaluator.best
    residuals = evaluator.residuals(best.x, jacobian_follows=True)[0]
    slope = evaluator.jacobian(best.x).T @ residuals
    return (best.x - lower <= reach) & (slope > 0.0), (upper - best.x <= reach) & (slope < 0.0)


def settle_on_bounds(evaluator: Evaluator, lower: FloatArray, upper: FloatArray, scale: FloatArray) -> None:
    """Try the best point with those parameters on their bounds that lie beside them and press on.

    Methods that keep inside their bounds only come ever nearer. The new point becomes the evaluator's best if its
    misfit is lower, and is forgotten if not.
    """
    x = evaluator.best.x
    down, up = pressed(evaluator, lower, upper, BESIDE * scale)
    settled = np.where(down, lower, np.where(up, upper, x))
    if not np.array_equal(settled, x):
        evaluator.residuals(settled, jacobian_follows=True, allow_infinite=True)
