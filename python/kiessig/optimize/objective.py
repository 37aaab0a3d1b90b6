"""What is minimised: the protocol of an objective, and the evaluator that every method sees it through."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError

__all__ = ["EvaluationLimitError", "Evaluator", "FloatArray", "Objective", "Point", "Progress", "StopSearch"]

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int, float], object]


class Objective(Protocol):
    """A sum of squares and its derivatives; the misfit is ``sum(residuals**2)``, without a factor 1/2.

    An objective may also offer ``residuals_and_jacobian(x) -> (residuals, jacobian)``. It is then used wherever both
    are likely to be needed, so that one evaluation serves for the two. ``hessian(x)``, the second derivatives of the
    misfit, shape (n, n), serves methods that make use of them. With ``batched = True``, `residuals` takes rows of x.
    """

    def residuals(self, x: FloatArray, /) -> FloatArray:
        """Return the residuals, shape (m,)."""
        ...

    def jacobian(self, x: FloatArray, /) -> FloatArray:
        """Return d(residuals)/dx, shape (m, n)."""
        ...

    def value_and_gradient(self, x: FloatArray, /) -> tuple[float, FloatArray]:
        """Return the misfit and its gradient ``2 jacobian.T @ residuals``, shape (n,)."""
        ...


class StopSearch(Exception):  # noqa: N818 - no error: the way in which a callback ends a search
    """Raised by a callback to end a minimisation, whose best point is then its result; the text is the reason."""


class EvaluationLimitError(Exception):
    """The evaluations that were granted are used up; ends a method from inside and never reaches the caller."""


@dataclass
class Point:
    """What is known at one x; what has not been asked for is None."""

    x: FloatArray
    value: float
    residuals: FloatArray | None = None
    jacobian: FloatArray | None = None
    gradient: FloatArray | None = None


class Evaluator:
    """Count, check, remember and report every evaluation of an objective.

    The last and the best point are kept, so that residuals and Jacobian asked for one after the other at the same x
    cost one evaluation where the objective offers both at once, and nothing is computed twice in any case.

    Parameters
    ----------
    objective : Objective
        What is minimised.
    limit : int or None
        Number of evaluations after which `EvaluationLimitError` is raised.
    callback : callable or None
        Called as ``callback(n_evaluations, best_misfit)`` after each evaluation. What it raises is passed on.

    Attributes
    ----------
    n_evaluations : int
        Points at which the misfit or the residuals were computed.
    n_jacobian_evaluations : int
        Points at which a Jacobian or a gradient was computed.
    best : Point
        The point of lowest misfit so far.
    first : float
        The misfit at the first point.
    started : bool
        Whether there is one.
    history : list of (float, float)
        Evaluations so far and the lowest misfit by then, wherever it fell.
    deadline : float or None
        Reading of ``time.perf_counter`` from which on every evaluation but the first raises `StopSearch`.
    callback : callable or None
        As given; may be exchanged.
    """

    def __init__(self, objective: Objective, *, limit: int | None = None, callback: Progress | None = None) -> None:
        self._objective = objective
        self._both: Callable[[FloatArray], tuple[Any, Any]] | None = getattr(objective, "residuals_and_jacobian", None)
        self.callback = callback
        self._last: Point | None = None
        self._best: Point | None = None
        self._shape: tuple[int, int] | None = None
        self.limit = limit
        self.n_evaluations = 0
        self.n_jacobian_evaluations = 0
        self.first = np.inf
        self.deadline: float | None = None
        self.history: list[tuple[float, float]] = []

    @property
    def started(self) -> bool:
        """Whether the misfit is known at any point."""
        return self._best is not None

    @property
    def best(self) -> Point:
        """The point of lowest misfit so far."""
        if self._best is None:
            message = "Evaluator: best is known after the first evaluation; none has been made"
            raise InvalidValueError(message)
        return self._best

    @property
    def remaining(self) -> int | None:
        """Evaluations left before the limit; None without one."""
        return None if self.limit is None else max(self.limit - self.n_evaluations, 0)

    def residuals(
        self, x: FloatArray, *, jacobian_follows: bool = False, allow_infinite: bool = False
    ) -> tuple[FloatArray, float]:
        """Return the residuals, shape (m,), and the misfit at x.

        With `jacobian_follows`, an objective that offers residuals and Jacobian at once is asked for both. With
        `allow_infinite`, an overflowing misfit is handed back instead of raised: for methods that reject such steps.
        """
        known = self._find(x)
        if known is None or known.residuals is None:
            known = self._evaluate(x, jacobian_follows)
        if not (allow_infinite or np.isfinite(known.value)):
            _raise_not_finite("residuals", _first_bad(known.residuals), known.x)
        assert known.residuals is not None
        return known.residuals, known.value

    def values(self, x: FloatArray) -> FloatArray:
        """Return the misfits of the rows of x (k, n), infinite where undefined; one call for an objective of batches.

        Where the limit is reached among the rows, those before it are evaluated still.
        """
        left = self.remaining
        for row in x[:left]:
            self._spend(row)
        granted = x[:left].copy()
        if not len(granted):
            raise EvaluationLimitError
        found = (
            self._objective.residuals(granted)
            if getattr(self._objective, "batched", False)
            else np.stack([np.asarray(self._objective.residuals(row), dtype=np.float64) for row in granted])
        )
        with np.errstate(over="ignore", invalid="ignore"):
            values: FloatArray = np.einsum("km,km->k", found, found)
        values = np.where(np.isfinite(values), values, np.inf)
        lowest = int(np.argmin(values))
        self._shape = (found.shape[1], x.shape[1])
        self._record(Point(x[lowest].copy(), float(values[lowest]), np.array(found[lowest], dtype=np.float64)))
        if len(granted) < len(x):
            raise EvaluationLimitError
        return values

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return the second derivatives of the misfit at x, shape (n, n), or ``2 J.T @ J`` in place of them.

        The latter, the Gauss-Newton matrix, where the objective has no method `hessian`.
        """
        exact = getattr(self._objective, "hessian", None)
        if exact is None:
            jacobian = self.jacobian(x)
            return 2.0 * (jacobian.T @ jacobian)
        found = np.array(exact(x.copy()), dtype=np.float64)
        if found.shape != (x.size, x.size):
            message = f"hessian: must have shape {(x.size, x.size)}; got shape {found.shape}"
            raise ShapeError(message)
        if not np.all(np.isfinite(found)):
            _raise_not_finite("hessian", _first_bad(found), x)
        return found

    @property
    def has_hessian(self) -> bool:
        """Whether the objective knows second derivatives."""
        return getattr(self._objective, "hessian", None) is not None

    def value(self, x: FloatArray) -> float:
        """Return the misfit at x, without derivatives."""
        return self.residuals(x)[1]

    def jacobian(self, x: FloatArray) -> FloatArray:
        """Return d(residuals)/dx at x, shape (m, n)."""
        known = self._find(x)
        if known is None or known.residuals is None:
            known = self._evaluate(x, True)
        if known.jacobian is None:
            known.jacobian = np.array(self._objective.jacobian(known.x.copy()), dtype=np.float64)
            self.n_jacobian_evaluations += 1
        self._check_jacobian(known)
        return known.jacobian

    def value_and_gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        """Return the misfit at x and its gradient, shape (n,)."""
        known = self._find(x)
        if known is not None and known.gradient is None and known.jacobian is not None:
            assert known.residuals is not None
            self._check_jacobian(known)
            known.gradient = 2.0 * (known.jacobian.T @ known.residuals)
        if known is None or known.gradient is None:
            self._spend(x)
            value, gradient = self._objective.value_and_gradient(x.copy())
            self.n_jacobian_evaluations += 1
            gradient = np.array(gradient, dtype=np.float64)
            if gradient.shape != x.shape:
                message = f"value_and_gradient: the gradient must have shape {x.shape}; got shape {gradient.shape}"
                raise ShapeError(message)
            if not np.isfinite(value):
                _raise_not_finite("misfit", ((), float(value)), x)
            if not np.all(np.isfinite(gradient)):
                _raise_not_finite("gradient", _first_bad(gradient), x)
            known = Point(x.copy(), float(value), gradient=gradient)
            self._record(known)
        assert known.gradient is not None
        return known.value, known.gradient

    def _find(self, x: FloatArray) -> Point | None:
        for known in (self._last, self._best):
            if known is not None and np.array_equal(known.x, x):
                return known
        return None

    def _spend(self, x: FloatArray) -> None:
        if not np.all(np.isfinite(x)):
            message = f"minimize: the method stepped to x = {x.tolist()}; start nearer to the solution or give bounds"
            raise InvalidValueError(message)
        if self.limit is not None and self.n_evaluations >= self.limit:
            raise EvaluationLimitError
        if self.deadline is not None and self.n_evaluations and time.perf_counter() >= self.deadline:
            message = "the limit of time is reached"
            raise StopSearch(message)
        self.n_evaluations += 1

    def _evaluate(self, x: FloatArray, jacobian_follows: bool) -> Point:
        self._spend(x)
        jacobian = None
        if jacobian_follows and self._both is not None:
            residuals, jacobian = self._both(x.copy())
            jacobian = np.array(jacobian, dtype=np.float64)
            self.n_jacobian_evaluations += 1
        else:
            residuals = self._objective.residuals(x.copy())
        residuals = np.array(residuals, dtype=np.float64)
        if residuals.ndim != 1 or (self._shape is not None and residuals.size != self._shape[0]):
            required = "(m,)" if self._shape is None else f"({self._shape[0]},) as before"
            message = f"residuals: must return an array of shape {required}; got shape {residuals.shape}"
            raise ShapeError(message)
        self._shape = (residuals.size, x.size)
        with np.errstate(over="ignore", invalid="ignore"):
            value = float(residuals @ residuals)
        if np.isnan(value):
            _raise_not_finite("residuals", _first_bad(residuals), x)
        point = Point(x.copy(), value, residuals, jacobian)
        self._record(point)
        return point

    def _record(self, point: Point) -> None:
        self._last = point
        if self._best is None:
            self.first = point.value
        if self._best is None or point.value < self._best.value:
            self._best = point
            self.history.append((float(self.n_evaluations), point.value))
        if self.callback is not None:
            self.callback(self.n_evaluations, self._best.value)

    def _check_jacobian(self, known: Point) -> None:
        assert known.jacobian is not None
        if known.jacobian.shape != self._shape:
            message = f"jacobian: must have shape (m, n) = {self._shape}; got shape {known.jacobian.shape}"
            raise ShapeError(message)
        if not np.all(np.isfinite(known.jacobian)):
            _raise_not_finite("jacobian", _first_bad(known.jacobian), known.x)


def _first_bad(values: FloatArray | None) -> tuple[tuple[int, ...], float]:
    """Index and value of the first element that is NaN, else of the first infinite (or largest, on overflow)."""
    assert values is not None
    bad = np.isnan(values)
    if not bad.any():
        bad = np.isinf(values)
    flat = int(np.argmax(bad)) if bad.any() else int(np.argmax(np.abs(values)))
    index = tuple(int(i) for i in np.unravel_index(flat, values.shape))
    return index, float(values[index])


def _raise_not_finite(what: str, where: tuple[tuple[int, ...], float], x: FloatArray) -> None:
    index, value = where
    place = f"{what}[{', '.join(map(str, index))}]" if index else what
    message = (
        f"minimize: the misfit and its derivatives must be finite; {place} = {value!r} at x = {x.tolist()}\n"
        "narrow the bounds, or start elsewhere, so that the model is defined wherever the method may look"
    )
    raise InvalidValueError(message)
