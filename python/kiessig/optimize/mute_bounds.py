"""A way out for parameters that sit on a bound where the residuals do not feel them."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.convergence import CONVERGED
from kiessig.optimize.covariance import column_norms
from kiessig.optimize.levenberg_marquardt import levenberg_marquardt
from kiessig.optimize.objective import Evaluator, FloatArray

__all__ = ["leave_mute_bounds"]

# Parts of a parameter's typical scale: where the search goes on, and how near to a bound is on it.
_INSIDE = 0.1
_BESIDE = 1e-6
# A parameter is not felt if its typical change, by its derivative, alters the residuals by less than this part of them.
_UNFELT = 1e-5


def leave_mute_bounds(evaluator: Evaluator, lower: FloatArray, upper: FloatArray, scale: FloatArray) -> bool:
    """Look for a lower misfit off bounds on which the residuals do not depend on a parameter.

    A model that is even in a parameter, such as a reflectivity in a roughness, is stationary where it is zero, whatever
    the data: a step that ends on that bound never leaves it again. Such parameters are put a tenth of their typical
    scale inside, and the search goes on from there.

    Parameters
    ----------
    evaluator : Evaluator
        The objective; its best point is where to look, and is replaced by what is found.
    lower, upper : float arrays, shape (n,)
        Bounds.
    scale : float array, shape (n,)
        Size of a sensible change of each parameter.

    Returns
    -------
    bool
        Whether the misfit fell.
    """
    best = evaluator.best
    residuals = evaluator.residuals(best.x, jacobian_follows=True)[0]
    beside_lower, beside_upper = best.x - lower <= _BESIDE * scale, upper - best.x <= _BESIDE * scale
    felt = column_norms(evaluator.jacobian(best.x)) * scale
    mute = (beside_lower | beside_upper) & (felt <= _UNFELT * np.linalg.norm(residuals))
    if not mute.any():
        return False
    inward = np.where(beside_lower, _INSIDE, -_INSIDE) * scale
    inside = np.clip(np.where(mute, best.x + inward, best.x), lower, upper)
    before = best.value
    if not np.isfinite(evaluator.residuals(inside, jacobian_follows=True, allow_infinite=True)[1]):
        return False
    levenberg_marquardt(evaluator, inside, lower, upper)
    return evaluator.best.value < (1.0 - CONVERGED) * before
