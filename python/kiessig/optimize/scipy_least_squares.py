"""scipy's least-squares methods on the exact Jacobian."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.errors import InvalidValueError
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.verdict import Verdict

__all__ = ["scipy_least_squares"]

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

    The variables are scaled by the columns of the Jacobian (``x_scale="jac"``) and the tolerances are near rounding
    level, unless `options` say otherwise.

    References
    ----------
    .. [1] M. A. Branch, T. F. Coleman and Y. Li, SIAM J. Sci. Comput. 21, 1 (1999), doi:10.1137/S1064827595289108
       (trf).
    .. [2] C. Voglis and I. E. Lagaris, WSEAS Int. Conf. Appl. Math. (2004) (dogbox).
    .. [3] J. J. Moré, Lecture Notes in Mathematics 630, 105 (1978), doi:10.1007/BFb0067700 (lm).
    """
    from scipy.optimize import least_squares

    rejects_infinite = method != "lm"
    residuals = evaluator.residuals(x0, jacobian_follows=True)[0]
    if method == "lm":
        if residuals.size < x0.size:
            message = (
                "minimize: method 'lm' needs at least as many residuals as parameters; "
                f"got {residuals.size} and {x0.size}\nuse 'levenberg-marquardt', 'trf' or 'dogbox'"
            )
            raise InvalidValueError(message)
    else:
        options["bounds"] = (lower, upper)

    def fun(x: FloatArray) -> FloatArray:
        return evaluator.residuals(x, jacobian_follows=True, allow_infinite=rejects_infinite)[0].copy()

    def jac(x: FloatArray) -> FloatArray:
        return evaluator.jacobian(x).copy()

    settings = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-14, "x_scale": "jac"} | options
    # The evaluator counts and limits; scipy's own limit must only not come first.
    limit = evaluator.remaining
    settings["max_nfev"] = 10**9 if limit is None else limit + 2
    with np.errstate(over="ignore", invalid="ignore"):
        found = least_squares(fun, x0, jac, method=method, **settings)
    return Verdict(_REASONS.get(int(found.status), str(found.message)))
