"""scipy's general minimisers on the exact gradient, in well-scaled coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.optimize.coordinates import Coordinates
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.rounds import in_rounds
from kiessig.optimize.verdict import Verdict

__all__ = ["scipy_minimize"]

# What each method is given in place of scipy's defaults, which stop at 1e-5 or so of the misfit's own size.
_SETTINGS: dict[str, dict[str, Any]] = {
    "L-BFGS-B": {"ftol": 1e-14, "gtol": 1e-9, "maxcor": 20, "maxls": 50},
    "BFGS": {"gtol": 1e-9},
    "CG": {"gtol": 1e-9},
    "TNC": {"ftol": 1e-14, "gtol": 1e-9, "xtol": 1e-14},
    "SLSQP": {"ftol": 1e-15},
    "trust-constr": {"gtol": 1e-9, "xtol": 1e-12},
    "Newton-CG": {"xtol": 1e-10},
    "Nelder-Mead": {"xatol": 1e-7, "fatol": 1e-10, "adaptive": True},
    "Powell": {"xtol": 1e-7, "ftol": 1e-10},
}
_DERIVATIVE_FREE = {"Nelder-Mead", "Powell"}
_TRANSFORMED = {"BFGS", "CG", "Newton-CG", "trust-constr"}
_HESSIAN = {"Newton-CG", "trust-constr"}
# First edges of the simplex of Nelder and Mead; scipy's own are 0.00025 at a start of zero.
_EDGE = 0.1
_UNLIMITED = 10**9


def scipy_minimize(
    evaluator: Evaluator, x0: FloatArray, lower: FloatArray, upper: FloatArray, *, method: str, **options: Any
) -> Verdict:
    """Run ``scipy.optimize.minimize`` with one of its methods.

    The variables and the misfit are counted in the units of `Coordinates`, and runs are repeated as `in_rounds` says.

    L-BFGS-B, TNC, SLSQP, Nelder-Mead and Powell keep to the bounds themselves. BFGS, CG and Newton-CG, which know no
    bounds, and trust-constr, whose barrier cannot start on one, run in the free coordinates of `BoxTransform`; there, a
    parameter that has come to a bound and presses on is held for the next run. Newton-CG and trust-constr are given the
    Gauss-Newton matrix ``2 J.T @ J`` for the Hessian.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x0, lower, upper : float arrays, shape (n,)
        Start and bounds.
    method : str
        As scipy spells it.
    **options
        Passed on, and in place of the tight tolerances set here; they apply in the coordinates described above.

    Returns
    -------
    Verdict

    References
    ----------
    .. [1] J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., Springer (2006), doi:10.1007/978-0-387-40065-5.
    """
    from scipy.optimize import Bounds, minimize

    derivative_free, transformed = method in _DERIVATIVE_FREE, method in _TRANSFORMED

    def run(place: Coordinates) -> str:
        def value(z: FloatArray) -> float:
            return evaluator.value(place.x(z)) / place.reference

        def value_and_gradient(z: FloatArray) -> tuple[float, FloatArray]:
            x = place.x(z)
            if method in _HESSIAN:
                evaluator.jacobian(x)  # serves for the gradient as well
            misfit, gradient = evaluator.value_and_gradient(x)
            return misfit / place.reference, gradient * place.slope(z) / place.reference

        def hessian(z: FloatArray) -> FloatArray:
            jacobian = evaluator.jacobian(place.x(z)) * place.slope(z)
            return 2.0 * (jacobian.T @ jacobian) / place.reference

        settings = _SETTINGS[method] | options | _limits(method, x0.size)
        if method == "Nelder-Mead":
            settings["initial_simplex"] = _simplex(*place.bounds)
        found = minimize(
            value if derivative_free else value_and_gradient,
            np.zeros(x0.size),
            jac=None if derivative_free else True,
            hess=hessian if method in _HESSIAN else None,
            bounds=None if transformed else Bounds(*place.bounds),
            method=method,
            options=settings,
        )
        return f"{method}: {str(found.message).rstrip('.').lower()}"

    return in_rounds(evaluator, x0, lower, upper, run, transformed=transformed)


def _limits(method: str, n: int) -> dict[str, int]:
    """Length of a run; the evaluator counts and limits the whole.

    Methods with derivatives are given fresh units after so many iterations, the others would only lose what they know.
    """
    iterations = _UNLIMITED if method in _DERIVATIVE_FREE else 100 + 20 * n
    if method == "TNC":
        return {"maxfun": 10 * iterations}
    return {"maxiter": iterations} | ({"maxfun": _UNLIMITED} if method == "L-BFGS-B" else {})


def _simplex(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return a simplex at the origin with edges of `_EDGE` into the roomier side of the bounds, shape (n + 1, n)."""
    edges = np.where(upper >= -lower, np.minimum(_EDGE, upper), np.maximum(-_EDGE, lower))
    return np.vstack([np.zeros(lower.size), np.diag(edges)])
