"""scipy's least-squares methods on the exact Jacobian, in well-scaled coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.errors import InvalidValueError
from kiessig.optimize.coordinates import Coordinates
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.rounds import in_rounds
from kiessig.optimize.verdict import Verdict

__all__ = ["scipy_least_squares"]

# Near rounding level: the methods converge fast enough to get there.
_SETTINGS = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14, "x_scale": "jac"}
_REASONS = {
    1: "the gradient is below gtol",
    2: "the relative reduction of the misfit is below ftol",
    3: "the relative step is below xtol",
    4: "the relative reduction of the misfit and the relative step are below ftol and xtol",
}


def scipy_least_squares(
    evaluator: Evaluator, x0: FloatArray, lower: FloatArray, upper: FloatArray, *, method: str, **options: Any
) -> Verdict:
    """Run ``scipy.optimize.least_squares`` with "trf", "dogbox" or "lm".

    The variables are counted in the units of `Coordinates`: scipy's own tests compare steps in the units of x, where
    1e-7 beside 1e3 ends a run too soon. Runs are repeated as `in_rounds` says.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x0, lower, upper : float arrays, shape (n,)
        Start and bounds.
    method : {"trf", "dogbox", "lm"}
        "lm" keeps to no bounds and needs at least as many residuals as parameters.
    **options
        Passed on, and in place of the tight tolerances set here.

    Returns
    -------
    Verdict

    References
    ----------
    .. [1] M. A. Branch, T. F. Coleman and Y. Li, SIAM J. Sci. Comput. 21, 1 (1999), doi:10.1137/S1064827595289108
       (trf).
    .. [2] C. Voglis and I. E. Lagaris, WSEAS Int. Conf. Appl. Math. (2004) (dogbox).
    .. [3] J. J. Moré, Lecture Notes in Mathematics 630, 105 (1978), doi:10.1007/BFb0067700 (lm).
    """
    from scipy.optimize import least_squares

    rejects_infinite = method != "lm"
    size = evaluator.residuals(x0, jacobian_follows=True)[0].size
    if method == "lm" and size < x0.size:
        message = (
            "minimize: method 'lm' needs at least as many residuals as parameters; "
            f"got {size} and {x0.size}\nuse 'levenberg-marquardt', 'trf' or 'dogbox'"
        )
        raise InvalidValueError(message)

    def run(place: Coordinates) -> str:
        length = place.reference**0.5

        def residuals(z: FloatArray) -> FloatArray:
            r = evaluator.residuals(place.x(z), jacobian_follows=True, allow_infinite=rejects_infinite)[0]
            scaled: FloatArray = r / length
            return scaled

        def jacobian(z: FloatArray) -> FloatArray:
            scaled: FloatArray = evaluator.jacobian(place.x(z)) * (place.slope(z) / length)
            return scaled

        settings = _SETTINGS | options
        if method != "lm":
            settings["bounds"] = place.bounds
        # The evaluator counts and limits; scipy's own limit must only not come first.
        settings["max_nfev"] = 10**9
        with np.errstate(over="ignore", invalid="ignore"):
            found = least_squares(residuals, np.zeros(x0.size), jacobian, method=method, **settings)
        return _REASONS.get(int(found.status), str(found.message))

    return in_rounds(evaluator, x0, lower, upper, run, transformed=False)
