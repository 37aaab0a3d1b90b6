"""What batched algorithms see of an objective: counted, checked, and the best point of every member kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize.objective import FloatArray

__all__ = ["BatchEvaluator", "Members", "Normal"]

Members = npt.NDArray[np.intp]

# Jacobians of so many numbers are held at a time; algorithms keep only the normal equations.
_CHUNK = 8_000_000


class Normal(NamedTuple):
    """Misfit, gradient ``2 J.T @ r`` and Gauss-Newton matrix ``J.T @ J``; shapes (k,), (k, n) and (k, n, n)."""

    value: FloatArray
    gradient: FloatArray
    curvature: FloatArray


class BatchEvaluator:
    """An objective of many members, evaluated for any of them at once.

    A member is one start of a search, or one of several fits that share a model. Where the objective is undefined (NaN
    or infinite) the misfit is inf and derivatives are zero: algorithms treat such a point as a step to be rejected.

    Parameters
    ----------
    objective : object
        With ``batched = True``: residuals, residuals_and_jacobian and value_and_gradient of x (k, n) at once, and with
        ``takes_members = True`` the keyword `members` beside it. Otherwise these take x (n,) and are called in a loop.
    n_members, n_parameters : int
        Size of the batch.

    Attributes
    ----------
    x, value : float arrays, shapes (k, n) and (k,)
        The best point of each member so far, and its misfit.
    n_evaluations, n_jacobian_evaluations : int arrays, shape (k,)
        Points at which the misfit, and at which its derivatives, were computed.
    limit : int or None
        Evaluations that a member is granted; for algorithms that may take more than one in a step.
    """

    def __init__(self, objective: Any, n_members: int, n_parameters: int) -> None:
        self._objective = objective
        self._batched = bool(getattr(objective, "batched", False))
        self._takes_members = bool(getattr(objective, "takes_members", False))
        self.x = np.full((n_members, n_parameters), np.nan)
        self.value = np.full(n_members, np.inf)
        self.n_evaluations = np.zeros(n_members, dtype=np.int64)
        self.n_jacobian_evaluations = np.zeros(n_members, dtype=np.int64)
        self.limit: int | None = None

    def residuals(self, x: FloatArray, members: Members) -> tuple[FloatArray, FloatArray]:
        """Return misfits (k,) and residuals (k, m); rows of undefined members are zero."""
        residuals = self._call("residuals", x, members)
        value = _squares(residuals)
        residuals = np.where(np.isfinite(value)[:, np.newaxis], residuals, 0.0)
        self._record(x, value, members, derivatives=False)
        return value, residuals

    def gradient(self, x: FloatArray, members: Members) -> tuple[FloatArray, FloatArray]:
        """Return misfits (k,) and gradients (k, n)."""
        value, gradient = self._call("value_and_gradient", x, members)
        undefined = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1))
        value, gradient = np.where(undefined, np.inf, value), np.where(undefined[:, np.newaxis], 0.0, gradient)
        self._record(x, value, members, derivatives=True)
        return value, gradient

    def normal(
        self, x: FloatArray, members: Members, keep: Callable[[slice, FloatArray, FloatArray], None] | None = None
    ) -> Normal:
        """Return the normal equations, in pieces that bound the memory of the Jacobians.

        ``keep(rows, residuals, jacobian)`` may store what is needed of each piece.
        """
        k, n = x.shape
        value, gradient, curvature = np.empty(k), np.empty((k, n)), np.empty((k, n, n))
        first, piece = 0, max(1, min(k, 16))
        while first < k:
            here = slice(first, min(first + piece, k))
            residuals, jacobian = self._call("residuals_and_jacobian", x[here], members[here])
            value[here] = _squares(residuals)
            transposed = jacobian.swapaxes(1, 2)
            with np.errstate(over="ignore", invalid="ignore"):
                gradient[here] = 2.0 * np.matmul(transposed, residuals[..., np.newaxis])[..., 0]
                curvature[here] = np.matmul(transposed, jacobian)
            if keep is not None:
                keep(here, residuals, jacobian)
            first = here.stop
            piece = max(1, _CHUNK // max(1, jacobian[0].size))
        undefined = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=1) & np.isfinite(curvature).all(axis=(1, 2)))
        value[undefined], gradient[undefined], curvature[undefined] = np.inf, 0.0, 0.0
        self._record(x, value, members, derivatives=True)
        return Normal(value, gradient, curvature)

    def answers(self, method: str, x: FloatArray, members: Members) -> list[Any]:
        """Return what the objective's `method` gives for each row of x, undefined numbers included.

        Jacobians are computed in pieces.
        """
        found: list[Any] = []
        first, piece = 0, len(x) if method != "residuals_and_jacobian" else max(1, min(len(x), 16))
        while first < len(x):
            here = slice(first, min(first + piece, len(x)))
            part = self._call(method, x[here], members[here])
            rows = list(zip(*part, strict=True)) if isinstance(part, tuple) else list(part)
            head = part[0] if isinstance(part, tuple) else part
            value = np.asarray(head) if method == "value_and_gradient" else _squares(head)
            value = np.where(np.isfinite(value), value, np.inf)
            self._record(x[here], value, members[here], derivatives=method != "residuals")
            found += rows
            first = here.stop
            piece = max(1, _CHUNK // max(1, part[1][0].size)) if method == "residuals_and_jacobian" else len(x)
        return found

    def _call(self, method: str, x: FloatArray, members: Members) -> Any:
        function = getattr(self._objective, method)
        if self._batched:
            found = function(x.copy(), members=members) if self._takes_members else function(x.copy())
        else:
            rows = [function(row) for row in x.copy()]
            found = tuple(map(np.stack, zip(*rows, strict=True))) if isinstance(rows[0], tuple) else np.stack(rows)
        arrays = found if isinstance(found, tuple) else (found,)
        for array in arrays:
            if np.shape(array)[:1] != (len(x),):
                message = f"{method}: must return one row for each of {len(x)} members; got shape {np.shape(array)}"
                raise ShapeError(message)
        return found

    def _record(self, x: FloatArray, value: FloatArray, members: Members, *, derivatives: bool) -> None:
        self.n_evaluations[members] += 1
        if derivatives:
            self.n_jacobian_evaluations[members] += 1
        better = value < self.value[members]
        # in this order, so that an interruption in between leaves a point no worse than its value
        self.x[members[better]] = x[better]
        self.value[members[better]] = value[better]

    def keep_better(self, x: FloatArray, value: FloatArray) -> None:
        """Take over those of the points x (k, n), one for each member, whose misfit is lower than the best so far."""
        better = value < self.value
        self.x[better], self.value[better] = x[better], value[better]

    def require_defined(self) -> None:
        """Raise InvalidValueError if no member has a finite misfit."""
        if not np.isfinite(self.value).any():
            message = (
                f"minimize: the misfit must be finite at one start at least; it is not at any of {self.value.size}\n"
                "narrow the bounds, so that the model is defined within them"
            )
            raise InvalidValueError(message)


def _squares(residuals: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        value: FloatArray = np.einsum("km,km->k", residuals, residuals)
    return np.where(np.isfinite(value), value, np.inf)
