"""scipy's general minimisers on the exact gradient, in well-scaled coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.errors import InvalidValueError
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
    "COBYLA": {"rhobeg": 0.1, "tol": 1e-7},
    "COBYQA": {"initial_tr_radius": 0.1, "final_tr_radius": 1e-7},
    "dogleg": {"gtol": 1e-9},
    "trust-ncg": {"gtol": 1e-9},
    "trust-krylov": {"gtol": 1e-9},
    "trust-exact": {"gtol": 1e-9},
}
_DERIVATIVE_FREE = {"Nelder-Mead", "Powell", "COBYLA", "COBYQA"}
_TRUST_REGION = {"dogleg", "trust-ncg", "trust-krylov", "trust-exact"}
_HESSIAN = {"Newton-CG", "trust-constr"} | _TRUST_REGION
_TRANSFORMED = {"BFGS", "CG"} | _HESSIAN
_SILENT: dict[str, Any] = {"invalid": "ignore", "over": "ignore"}
# scipy's own keeps a trust region within 1000 units; a parameter may be farther away than that.
_WIDEST_REGION = {"max_trust_radius": 1e6}
# Added to the Gauss-Newton matrix, whose diagonal is 2, for a method that cannot do without its inverse.
_RIDGE = 1e-9
# First edges of the simplex of Nelder and Mead; scipy's own are 0.00025 at a start of zero.
_EDGE = 0.1
_UNLIMITED = 10**9
_COBYQA_SINCE = (1, 14)


class _LostError(Exception):
    """A trust region was solved by NaN, as trlib does where the model is flat along the gradient."""


def scipy_minimize(
    evaluator: Evaluator, x0: FloatArray, lower: FloatArray, upper: FloatArray, *, method: str, **options: Any
) -> Verdict:
    """Run ``scipy.optimize.minimize`` with one of its methods.

    The variables and the misfit are counted in the units of `Coordinates`, and runs are repeated as `in_rounds` says.

    L-BFGS-B, TNC, SLSQP, Nelder-Mead, Powell, COBYLA and COBYQA keep to the bounds themselves. BFGS, CG, Newton-CG and
    the trust-region methods, which know no bounds, and trust-constr, whose barrier cannot start on one, run in the free
    coordinates of `BoxTransform`; there, a parameter that has come to a bound and presses on is held for the next run.
    Newton-CG, trust-constr, trust-ncg, trust-krylov and trust-exact are given the objective's own `hessian` where it
    has one, and else the Gauss-Newton matrix ``2 J.T @ J``; dogleg, which needs a positive definite one, always has
    the latter.

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

    Raises
    ------
    InvalidValueError
        If scipy is older than the method.

    References
    ----------
    .. [1] J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed., Springer (2006), doi:10.1007/978-0-387-40065-5.
    """
    from scipy import __version__
    from scipy.optimize import Bounds, minimize

    if method == "COBYQA" and tuple(map(int, __version__.split(".")[:2])) < _COBYQA_SINCE:
        message = f"minimize: method 'COBYQA' needs scipy 1.14 or newer; this is {__version__}"
        raise InvalidValueError(message)
    derivative_free, transformed = method in _DERIVATIVE_FREE, method in _TRANSFORMED

    def run(place: Coordinates) -> str:
        def value(z: FloatArray) -> float:
            return evaluator.value(place.x(z)) / place.reference

        def value_and_gradient(z: FloatArray) -> tuple[float, FloatArray]:
            if method in _TRUST_REGION and not np.isfinite(z).all():
                raise _LostError
            x = place.x(z)
            if method in _HESSIAN:
                evaluator.jacobian(x)  # serves for the gradient as well
            misfit, gradient = evaluator.value_and_gradient(x)
            return misfit / place.reference, gradient * place.slope(z) / place.reference

        def hessian(z: FloatArray) -> FloatArray:
            x, slope = place.x(z), place.slope(z)
            if evaluator.has_hessian and method != "dogleg":
                curved = evaluator.hessian(x) * slope[:, np.newaxis] * slope
                curved += np.diag(evaluator.value_and_gradient(x)[1] * place.bend(z))
                return curved / place.reference
            jacobian = evaluator.jacobian(x) * slope
            curved = 2.0 * (jacobian.T @ jacobian) / place.reference
            return curved + _RIDGE * np.eye(x.size) if method == "dogleg" else curved

        wide = _WIDEST_REGION if method in _TRUST_REGION else {}
        settings = wide | _SETTINGS[method] | options | _limits(method, x0.size)
        tolerance = settings.pop("tol", None)
        if method == "Nelder-Mead":
            settings["initial_simplex"] = _simplex(*place.bounds)
        try:
            with np.errstate(**_SILENT if method in _TRUST_REGION else {}):
                found = minimize(
                    value if derivative_free else value_and_gradient,
                    np.zeros(x0.size),
                    jac=None if derivative_free else True,
                    hess=hessian if method in _HESSIAN else None,
                    bounds=None if transformed else Bounds(*place.bounds),
                    method=method,
                    tol=tolerance,
                    options=settings,
                )
        except _LostError:
            return f"{method}: the trust region has no solution"
        return f"{method}: {str(found.message).rstrip('.').lower()}"

    return in_rounds(evaluator, x0, lower, upper, run, transformed=transformed)


def _limits(method: str, n: int) -> dict[str, int]:
    """Length of a run; the evaluator counts and limits the whole.

    Methods with derivatives are given fresh units after so many iterations, the others would only lose what they know.
    """
    iterations = _UNLIMITED if method in _DERIVATIVE_FREE else 100 + 20 * n
    if method == "TNC":
        return {"maxfun": 10 * iterations}
    limits = {"maxiter": iterations}
    if method == "L-BFGS-B":
        limits["maxfun"] = _UNLIMITED
    elif method == "COBYQA":
        limits["maxfev"] = _UNLIMITED
    return limits


def _simplex(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return a simplex at the origin with edges of `_EDGE` into the roomier side of the bounds, shape (n + 1, n)."""
    edges = np.where(upper >= -lower, np.minimum(_EDGE, upper), np.maximum(-_EDGE, lower))
    return np.vstack([np.zeros(lower.size), np.diag(edges)])
