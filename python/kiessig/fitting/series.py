"""Fits of many curves that share a model, all at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.fitting.watch import Watch
from kiessig.optimize.batch import BatchOutcome, minimize_batch
from kiessig.optimize.batch.evaluator import BatchEvaluator
from kiessig.optimize.batch.methods import BATCHED
from kiessig.optimize.methods import check_options, find_method
from kiessig.progress import Progress

if TYPE_CHECKING:
    from kiessig.problem import Problem

__all__ = ["SeriesResult", "fit_series"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SeriesResult:
    """Parameters of every curve of a series, with their uncertainties.

    Attributes
    ----------
    names : list of str
        Names of the free parameters, the columns of the arrays below.
    x, stderr : float arrays, shape (n_members, n)
        Values and standard errors; NaN for a curve whose model is undefined at its start, errors infinite where the
        data do not determine a parameter.
    chi2 : float array, shape (n_members,)
        Misfit of each curve.
    n_points : int
        Data points of each.
    success : bool array, shape (n_members,)
        Whether the search has converged.
    messages : list of str
        Why each search ended.
    n_evaluations : int array, shape (n_members,)
        Evaluations of each curve's model.
    wall_time : float
        Seconds for all of them together.
    """

    names: list[str]
    x: FloatArray
    stderr: FloatArray
    chi2: FloatArray
    n_points: int
    success: NDArray[np.bool_]
    messages: list[str]
    n_evaluations: NDArray[np.int64]
    wall_time: float

    def column(self, name: str) -> tuple[FloatArray, FloatArray]:
        """Return one parameter's values and standard errors along the series, shape (n_members,) each.

        Raises
        ------
        InvalidValueError
            If no parameter has that name.
        """
        if name not in self.names:
            message = f"column: name must be one of {', '.join(self.names)}; got {name!r}"
            raise InvalidValueError(message)
        index = self.names.index(name)
        return self.x[:, index].copy(), self.stderr[:, index].copy()

    def __repr__(self) -> str:
        return (
            f"SeriesResult({len(self.x)} curves, {len(self.names)} parameters, {int(self.success.sum())} converged, "
            f"{self.wall_time:.3g} s)"
        )


def fit_series(
    problem: Problem,
    data: dict[str, ArrayLike | None],
    x0: ArrayLike | None,
    method: str,
    progress: bool,
    *,
    max_evaluations: int | None,
    options: dict[str, Any],
) -> SeriesResult:
    """Fit every curve of a series; see `kiessig.Problem.fit_series`."""
    chosen = find_method(method)
    if chosen.name not in BATCHED:
        message = f"fit_series: method must be one of {', '.join(map(repr, BATCHED))}; got {method!r}"
        raise InvalidValueError(message)
    check_options(chosen, options)
    if max_evaluations is not None and (
        isinstance(max_evaluations, bool) or not isinstance(max_evaluations, int | np.integer) or max_evaluations < 1
    ):
        message = f"fit_series: max_evaluations must be a positive whole number; got {max_evaluations!r}"
        raise InvalidValueError(message)
    if not problem.parameters:
        message = "fit_series: the problem must have a free parameter; it has none"
        raise InvalidValueError(message)
    began = time.perf_counter()
    objective = problem.series(**data)
    n = len(problem.parameters)
    lower, upper = problem.bounds
    starts = _starts(problem, x0, objective.n_members, lower, upper)
    run = BATCHED[chosen.name]
    limit = run.evaluations[0] + run.evaluations[1] * n if max_evaluations is None else max_evaluations
    with Progress(progress, description=f"{chosen.name}, {objective.n_members} curves") as update:
        watch = Watch(update, None, None)
        found = minimize_batch(
            objective, starts, lower, upper, run.make(**options), max_evaluations=limit, callback=watch.batch
        )
        members = np.flatnonzero(np.isfinite(found.value))
        curvature = _curvature(objective, found, members)
    free = problem.n_points - n
    scatter = found.value[members] / free if problem.misfit == "log" and free > 0 else np.ones(members.size)
    stderr = np.full(found.x.shape, np.nan)
    stderr[members] = _standard_errors(curvature) * np.sqrt(scatter)[:, np.newaxis]
    return SeriesResult(
        names=list(problem.names),
        x=found.x,
        stderr=stderr,
        chi2=found.value,
        n_points=problem.n_points,
        success=np.array([reason.converged for reason in found.reasons]),
        messages=[reason.text for reason in found.reasons],
        n_evaluations=found.n_evaluations,
        wall_time=time.perf_counter() - began,
    )


def _curvature(objective: Any, found: BatchOutcome, members: NDArray[np.intp]) -> FloatArray:
    """Return ``J.T @ J`` where the members ended, shape (k, n, n): what the algorithm knows, or else computed."""
    if "curvature" in found.state and np.array_equal(found.state["x"][members], found.x[members]):
        known: FloatArray = found.state["curvature"][members]
        return known
    return BatchEvaluator(objective, *found.x.shape).normal(found.x[members], members).curvature


def _starts(problem: Problem, x0: ArrayLike | None, n_members: int, lower: FloatArray, upper: FloatArray) -> FloatArray:
    n = len(problem.parameters)
    given = problem.x if x0 is None else np.asarray(x0, dtype=np.float64)
    if given.shape not in ((n,), (n_members, n)):
        message = f"fit_series: x0 must have shape ({n},) or ({n_members}, {n}); got {given.shape}"
        raise ShapeError(message)
    bad = np.argwhere(~((given >= lower) & (given <= upper)))
    if bad.size:
        place = ", ".join(map(str, bad[0]))
        name = problem.names[int(bad[0][-1])]
        message = f"fit_series: x0 must be finite and within the bounds; x0[{place}] ({name}) = {given[tuple(bad[0])]}"
        raise InvalidValueError(message)
    return np.broadcast_to(given, (n_members, n)).copy()


def _standard_errors(curvature: FloatArray) -> FloatArray:
    """Square roots of the diagonals of the inverses, shape (k, n); infinite where there is none."""
    scale = np.sqrt(np.einsum("kii->ki", curvature))
    unit = np.where(scale > 0.0, scale, 1.0)
    values, vectors = np.linalg.eigh(curvature / (unit[:, :, np.newaxis] * unit[:, np.newaxis, :]))
    # rounding of products of columns of length one
    usable = values > 1e-13 * values[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = vectors**2 / np.where(usable, values, 0.0)[:, np.newaxis, :]
    # a component that is only rounding dust belongs to no direction that is undetermined
    parts = np.where((vectors**2 < 2e-16), 0.0, parts)
    errors: FloatArray = np.sqrt(parts.sum(axis=2)) / unit
    return errors
