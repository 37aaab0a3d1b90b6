"""scipy's general minimisers on the exact gradient, in well-scaled coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.optimize.convergence import CONVERGED, pressed, relative_gain, settle_on_bounds
from kiessig.optimize.covariance import column_norms
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.transforms import BoxTransform, typical_scale
from kiessig.optimize.verdict import Verdict

__all__ = ["scipy_minimize"]

# What each method is given in place of scipy's defaults, which stop at 1e-5 or so of the misfit's own size. Here the
# misfit starts each round at 1 and its second derivatives along the coordinates at 2.
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
_MAX_ROUNDS = 50
# Iterations per run and per parameter; a run that takes more is given fresh units first.
_ITERATIONS = 20
# Widest unit of a logistic coordinate: from -4 to 4 it crosses 96 % of the box.
_WIDEST = 4.0
# First edges of the simplex of Nelder and Mead; scipy's own are 0.00025 at a start of zero.
_EDGE = 0.1


@dataclass(frozen=True)
class _Coordinates:
    """x = T(origin + unit z) and misfit / reference: the start is z = 0 with misfit 1 and unit curvature.

    Parameters that are held stay at the value they are given.
    """

    transform: BoxTransform
    origin: FloatArray
    unit: FloatArray
    reference: float
    held: npt.NDArray[np.bool_]
    at: FloatArray

    def x(self, z: FloatArray) -> FloatArray:
        return np.where(self.held, self.at, self.transform.inverse(self.origin + self.unit * z))

    def slope(self, z: FloatArray) -> FloatArray:
        return np.where(self.held, 0.0, self.transform.derivative(self.origin + self.unit * z) * self.unit)


def scipy_minimize(
    evaluator: Evaluator, x0: FloatArray, lower: FloatArray, upper: FloatArray, *, method: str, **options: Any
) -> Verdict:
    """Run ``scipy.optimize.minimize`` with one of its methods.

    Each variable is counted in units that change the residuals by as much as they are long, taken from the Jacobian at
    the best point, and never larger than the width of its box; the misfit in units of its value there. Runs are
    repeated from the best point, with fresh units, until the misfit has converged or falls no further.

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

    no_bound = np.full(x0.size, np.inf)
    transformed = method in _TRANSFORMED
    box = BoxTransform(lower, upper, x0) if transformed else BoxTransform(-no_bound, no_bound, x0, np.ones(x0.size))
    first, width = evaluator.best.value, typical_scale(lower, upper, x0)
    reason, before = "", np.inf
    for _ in range(_MAX_ROUNDS):
        settle_on_bounds(evaluator, lower, upper, width)
        gain = relative_gain(evaluator, lower, upper, first)
        best = evaluator.best
        if gain <= 0.1 * CONVERGED and reason:
            return Verdict("the misfit has converged")
        if best.value == 0.0 or before - best.value <= 0.1 * CONVERGED * best.value:
            break
        before = best.value
        place = _coordinates(evaluator, box, lower, upper)
        native: dict[str, Any] = {}
        if not transformed:
            native["bounds"] = Bounds((lower - best.x) / place.unit, (upper - best.x) / place.unit)
        reason = _run(minimize, evaluator, place, method, native, options, lower, upper)
    return Verdict(reason or "the misfit has converged")


def _coordinates(evaluator: Evaluator, box: BoxTransform, lower: FloatArray, upper: FloatArray) -> _Coordinates:
    best = evaluator.best
    origin = box.forward(best.x)
    slope = box.derivative(origin)
    lengths = column_norms(evaluator.jacobian(best.x) * slope)
    widest = np.where(box.bounded, _WIDEST, (upper - lower) / np.abs(slope))
    unit = typical_scale(lower, upper, best.x) / np.abs(slope)
    np.divide(np.sqrt(best.value), lengths, out=unit, where=lengths > 0.0)
    down, up = pressed(evaluator, lower, upper)
    held = (down | up) & (np.isfinite(box.lower) | np.isfinite(box.upper))
    return _Coordinates(box, origin, np.minimum(unit, widest), best.value, held, best.x)


def _run(
    minimize: Any,
    evaluator: Evaluator,
    place: _Coordinates,
    method: str,
    native: dict[str, Any],
    options: dict[str, Any],
    lower: FloatArray,
    upper: FloatArray,
) -> str:
    def at(z: FloatArray) -> FloatArray:
        return np.clip(place.x(z), lower, upper)

    def value(z: FloatArray) -> float:
        return evaluator.value(at(z)) / place.reference

    def value_and_gradient(z: FloatArray) -> tuple[float, FloatArray]:
        x = at(z)
        if method in _HESSIAN:
            evaluator.jacobian(x)  # serves for the gradient as well
        misfit, gradient = evaluator.value_and_gradient(x)
        return misfit / place.reference, gradient * place.slope(z) / place.reference

    def hessian(z: FloatArray) -> FloatArray:
        jacobian = evaluator.jacobian(at(z)) * place.slope(z)
        return 2.0 * (jacobian.T @ jacobian) / place.reference

    derivative_free = method in _DERIVATIVE_FREE
    if method in _HESSIAN:
        native["hess"] = hessian
    settings = _SETTINGS[method] | options
    # The evaluator counts and limits; scipy's own limits must not come first, but for the runs' length.
    unlimited = 10**9
    settings["maxiter"] = unlimited if derivative_free else 100 + _ITERATIONS * place.unit.size
    if method in ("L-BFGS-B", "TNC"):
        settings["maxfun"] = unlimited if method == "L-BFGS-B" else 10 * settings.pop("maxiter")
    start = np.zeros(place.unit.size)
    if method == "Nelder-Mead":
        settings["initial_simplex"] = _simplex(native["bounds"].lb, native["bounds"].ub)
    found = minimize(
        value if derivative_free else value_and_gradient,
        start,
        jac=None if derivative_free else True,
        method=method,
        options=settings,
        **native,
    )
    return f"{method}: {str(found.message).rstrip('.').lower()}"


def _simplex(lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return a simplex at the origin with edges of `_EDGE` into the roomier side of the bounds, shape (n + 1, n)."""
    edges = np.where(upper >= -lower, np.minimum(_EDGE, upper), np.maximum(-_EDGE, lower))
    return np.vstack([np.zeros(lower.size), np.diag(edges)])
