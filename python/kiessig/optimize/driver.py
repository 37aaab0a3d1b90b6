"""One entry to every method of minimisation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize.convergence import CONVERGED, gain_at, on_bounds, settle_on_bounds
from kiessig.optimize.methods import check_options, find_method
from kiessig.optimize.mute_bounds import leave_mute_bounds
from kiessig.optimize.objective import EvaluationLimitError, Evaluator, FloatArray, Objective, Progress, StopSearch
from kiessig.optimize.transforms import typical_scale
from kiessig.optimize.verdict import Verdict

__all__ = ["Outcome", "examine", "minimize"]

_ESCAPES = 3
_DONE = f"converged: the misfit cannot fall further by {CONVERGED:g} of itself"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a minimisation found.

    Attributes
    ----------
    x : float array, shape (n,)
        The best point, within the bounds.
    value : float
        The misfit ``sum(residuals**2)`` at x.
    residuals : float array, shape (m,)
        Residuals at x.
    jacobian : float array, shape (m, n)
        d(residuals)/dx at x.
    success : bool
        Whether `expected_gain` is at most 1e-6: one rule for all methods.
    message : str
        What happened, and what to do about it where it was no success.
    method : str
        Name of the method.
    n_evaluations, n_jacobian_evaluations : int
        Points at which the misfit, and at which its derivatives, were computed; the closing check included.
    wall_time : float
        Seconds.
    at_bounds : bool array, shape (n,)
        Parameters that ended on a bound.
    expected_gain : float
        Part of the misfit that the residuals' linear model at x promises to remove within the bounds.
    history : float array, shape (t, 2)
        Evaluations so far, and the lowest misfit by then; a row wherever it fell.
    """

    x: FloatArray
    value: float
    residuals: FloatArray
    jacobian: FloatArray
    success: bool
    message: str
    method: str
    n_evaluations: int
    n_jacobian_evaluations: int
    wall_time: float
    at_bounds: npt.NDArray[np.bool_]
    expected_gain: float
    history: FloatArray = field(default_factory=lambda: np.empty((0, 2)))


def minimize(
    objective: Objective,
    x0: npt.ArrayLike,
    bounds: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    method: str = "levenberg-marquardt",
    *,
    max_evaluations: int | None = None,
    max_time: float | None = None,
    callback: Progress | None = None,
    **options: Any,
) -> Outcome:
    """Minimise a sum of squares, ``sum(objective.residuals(x)**2)``, within bounds.

    Parameters
    ----------
    objective : Objective
        Residuals and exact derivatives.
    x0 : array, shape (n,)
        Start, finite and within the bounds.
    bounds : (lower, upper), optional
        Arrays of shape (n,) or numbers; infinite where there is no bound. Default: none.
    method : str
        Upper and lower case alike:

        - "levenberg-marquardt": damped Gauss-Newton within bounds. Take this one unless there is a reason not to.
        - "trf", "dogbox", "lm": scipy's ``least_squares``; "lm" takes no bounds.
        - "L-BFGS-B", "TNC", "SLSQP": scipy's ``minimize``, bounds kept by the method.
        - "BFGS", "CG", "Newton-CG", "trust-constr", "dogleg", "trust-ncg", "trust-krylov", "trust-exact": the same,
          bounds kept by the smooth map of `BoxTransform`. All but the first two use the objective's `hessian`, if it
          has one, and the Gauss-Newton matrix otherwise; "dogleg" always takes the latter, which is never indefinite.
        - "Nelder-Mead", "Powell", "COBYLA", "COBYQA": without derivatives (but for the units of the variables and the
          closing check).
        - "differential-evolution", "dual-annealing", "basinhopping", "shgo", "direct": scipy's global searches of a
          box, which must be finite, finished by Levenberg-Marquardt.
        - "natural-gradient": steps in the metric of the Fisher information, within bounds; none is refused.
        - "lbfgs": our own L-BFGS with bounds by projection; many starts run in one batch.
        - "gradient-descent", "nesterov", "rmsprop", "adam", "amsgrad", "adabelief": descents along gradients, with
          schedules and clipping, bounds by `BoxTransform` or by projection (``box="projection"``).
    max_evaluations : int, optional
        At most so many evaluations. Default: 200 (n + 1) for least squares, 2000 + 1000 n for gradients, 2000 + 3000 n
        without derivatives, 10000 + 5000 n for global searches, 3000 for adam.
    max_time : float, optional
        Seconds after which no further evaluation is made, but for the closing check.
    callback : callable, optional
        ``callback(n_evaluations, best_misfit)`` after each evaluation. `StopSearch` from it, and Ctrl-C, end the
        minimisation, whose result is the best point so far; any other exception reaches the caller.
    **options
        The method's own; see its docstring.

    Returns
    -------
    Outcome
        Not converging is a status, ``outcome.success``, and no exception.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    InvalidValueError
        If the start, the bounds or an option are not valid, or the misfit is NaN anywhere on the way.
    ShapeError
        If arrays do not fit together.

    Notes
    -----
    Success is judged by one rule for all methods: the linear model of the residuals at the final point must not promise
    to reduce the misfit by more than 1e-6 of itself anywhere within the bounds (of 1e-10 of its value at the start,
    where it has fallen below that). The closing check costs one evaluation with Jacobian where the method has not made
    it. A parameter that ends beside a bound, nearer than 1e-3 of its box, and would go on, is put on it if that lowers
    the misfit.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.optimize import minimize
    >>> class Rosenbrock:
    ...     def residuals(self, x):
    ...         return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
    ...     def jacobian(self, x):
    ...         return np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])
    ...     def value_and_gradient(self, x):
    ...         r = self.residuals(x)
    ...         return r @ r, 2.0 * self.jacobian(x).T @ r
    >>> outcome = minimize(Rosenbrock(), [-1.2, 1.0], bounds=(-2.0, [0.5, 2.0]))
    >>> outcome.success, outcome.x.tolist(), outcome.at_bounds.tolist()
    (True, [0.5, 0.25], [True, False])
    """
    started = time.perf_counter()
    chosen = find_method(method)
    check_options(chosen, options)
    start = _vector(x0)
    lower, upper = _bounds(bounds, start)
    if not chosen.takes_bounds and np.any(np.isfinite(lower) | np.isfinite(upper)):
        message = f"minimize: method {chosen.name!r} takes no bounds; use 'trf' or 'dogbox', or leave the bounds out"
        raise InvalidValueError(message)
    open_ones = np.flatnonzero(~np.isfinite(upper - lower))
    if chosen.searches_box and open_ones.size:
        i = int(open_ones[0])
        message = (
            f"minimize: method {chosen.name!r} searches a box, whose bounds must be finite; "
            f"x[{i}] has ({float(lower[i])!r}, {float(upper[i])!r})"
        )
        raise InvalidValueError(message)
    if max_time is not None and not max_time > 0.0:
        message = f"minimize: max_time must be positive, in seconds; got {max_time!r}"
        raise InvalidValueError(message)
    if max_evaluations is None:
        constant, per_parameter = chosen.evaluations
        max_evaluations = constant + per_parameter * start.size
    elif isinstance(max_evaluations, bool) or not isinstance(max_evaluations, Integral) or max_evaluations < 1:
        message = f"minimize: max_evaluations must be a positive whole number; got {max_evaluations!r}"
        raise InvalidValueError(message)

    # One evaluation is kept back for the closing check.
    evaluator = Evaluator(objective, limit=max(int(max_evaluations) - 1, 1), callback=callback)
    evaluator.deadline = None if max_time is None else started + max_time
    try:
        evaluator.residuals(start, jacobian_follows=True)
        evaluator.jacobian(start)
        scale = typical_scale(lower, upper, start)
        verdict = chosen.run(evaluator, start, lower, upper, **options)
        for _ in range(_ESCAPES):
            if not leave_mute_bounds(evaluator, lower, upper, scale):
                break
            if chosen.searches_box:
                continue  # it has looked everywhere
            verdict = chosen.run(evaluator, evaluator.best.x, lower, upper, **options)
        if verdict.x is None:
            settle_on_bounds(evaluator, lower, upper, scale)
    except EvaluationLimitError:
        verdict = Verdict(f"the limit of {max_evaluations} evaluations is reached", remedy="raise max_evaluations")
    except StopSearch as stop:
        if not evaluator.started:
            raise
        verdict = Verdict(str(stop), remedy="go on from here")
        evaluator.callback = None
    except KeyboardInterrupt:
        if not evaluator.started:
            raise
        verdict = Verdict("interrupted", remedy="go on from here")
        evaluator.callback = None
    evaluator.limit = evaluator.deadline = None
    return _close(evaluator, verdict, chosen.name, evaluator.first, lower, upper, started)


def examine(
    objective: Objective, x: FloatArray, lower: FloatArray, upper: FloatArray, method: str, reason: str, first: float
) -> Outcome:
    """Judge a point that a method has ended at, by the rule of `minimize`.

    Parameters
    ----------
    objective : Objective
        What was minimised.
    x, lower, upper : float arrays, shape (n,)
        The point, and the bounds.
    method, reason : str
        What ended there, and why.
    first : float
        Misfit at the start.
    """
    started = time.perf_counter()
    evaluator = Evaluator(objective)
    evaluator.residuals(x, jacobian_follows=True)
    return _close(evaluator, Verdict(reason, x), method, first, lower, upper, started)


def _close(
    evaluator: Evaluator,
    verdict: Verdict,
    method: str,
    first: float,
    lower: FloatArray,
    upper: FloatArray,
    started: float,
) -> Outcome:
    x = evaluator.best.x if verdict.x is None else verdict.x
    gain = gain_at(evaluator, x, lower, upper, first)
    residuals, value = evaluator.residuals(x, jacobian_follows=True)
    jacobian = evaluator.jacobian(x)
    success = gain <= CONVERGED
    message = _DONE if success else _advice(verdict, gain, method)
    if success and verdict.remedy and find_method(method).searches_box:
        message += f", but this may be no global minimum: {verdict.reason}: {verdict.remedy}"
    mute = np.flatnonzero(~jacobian.any(axis=0))
    if mute.size:
        message += f"; the residuals do not depend on x[{', x['.join(f'{i}]' for i in mute)} there"
    return Outcome(
        x=x.copy(),
        value=value,
        residuals=residuals.copy(),
        jacobian=jacobian.copy(),
        success=success,
        message=message,
        method=method,
        n_evaluations=evaluator.n_evaluations,
        n_jacobian_evaluations=evaluator.n_jacobian_evaluations,
        wall_time=time.perf_counter() - started,
        at_bounds=on_bounds(x, lower, upper),
        expected_gain=gain,
        history=np.array(evaluator.history).reshape(-1, 2),
    )


def _advice(verdict: Verdict, gain: float, method: str) -> str:
    remedy = verdict.remedy or "take another start, or look for parameters that do the same thing"
    if method != "levenberg-marquardt":
        remedy += ", or go on from here with 'levenberg-marquardt'"
    return f"not converged: {verdict.reason}; the misfit could still fall by about {100.0 * gain:.2g} %: {remedy}"


def _vector(x0: npt.ArrayLike) -> FloatArray:
    try:
        start = np.array(x0, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"minimize: x0 must be an array of numbers; got {x0!r}"
        raise InvalidValueError(message) from error
    if start.ndim != 1 or start.size == 0:
        message = f"minimize: x0 must be one-dimensional with at least one parameter; got shape {start.shape}"
        raise ShapeError(message)
    if not np.all(np.isfinite(start)):
        i = int(np.argmin(np.isfinite(start)))
        message = f"minimize: x0 must be finite; x0[{i}] = {float(start[i])!r}"
        raise InvalidValueError(message)
    return start


def _bounds(bounds: tuple[npt.ArrayLike, npt.ArrayLike] | None, start: FloatArray) -> tuple[FloatArray, FloatArray]:
    if bounds is None:
        return np.full(start.size, -np.inf), np.full(start.size, np.inf)
    try:
        low, high = (np.array(b, dtype=np.float64) for b in bounds)
    except (TypeError, ValueError) as error:
        message = f"minimize: bounds must be a pair (lower, upper) of arrays or numbers; got {bounds!r}"
        raise InvalidValueError(message) from error
    for name, bound in (("lower", low), ("upper", high)):
        if bound.shape not in ((), start.shape):
            message = f"minimize: {name} bounds must have shape {start.shape}, as x0, or be a number; got {bound.shape}"
            raise ShapeError(message)
    lower, upper = np.broadcast_to(low, start.shape).copy(), np.broadcast_to(high, start.shape).copy()
    bad = ~(lower < upper)
    if bad.any():
        i = int(np.argmax(bad))
        message = (
            "minimize: lower bounds must lie below upper bounds; "
            f"lower[{i}] = {float(lower[i])!r}, upper[{i}] = {float(upper[i])!r}"
        )
        raise InvalidValueError(message)
    outside = (start < lower) | (start > upper)
    if outside.any():
        i = int(np.argmax(outside))
        message = (
            "minimize: x0 must lie within the bounds; "
            f"x0[{i}] = {float(start[i])!r}, bounds ({float(lower[i])!r}, {float(upper[i])!r})"
        )
        raise InvalidValueError(message)
    return lower, upper
