"""One fit of a problem: from its starts to the result."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.fitting.minima import distinct_minima
from kiessig.fitting.search import search
from kiessig.fitting.starts import draw_starts
from kiessig.fitting.watch import Watch
from kiessig.optimize import Outcome, find_method, minimize
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.driver import examine
from kiessig.progress import Progress
from kiessig.result import FitResult, Minimum

if TYPE_CHECKING:
    from kiessig.problem import Problem

__all__ = ["fit"]

FloatArray = NDArray[np.float64]

# Minima beyond the lowest few tell that there are many, and cost as much to settle as the first.
_SETTLED = 8
# After these a search is not to go on: its ends are examined as they are.
_STOPPED = {Reason.TIME, Reason.CALLBACK, Reason.INTERRUPTED}


@dataclass(frozen=True)
class _View:
    """What a fit minimises, of which parameters, and how their values make those of the problem."""

    objective: Any
    whole: Any
    parameters: list[Any]
    names: list[str]
    present: FloatArray
    lower: FloatArray
    upper: FloatArray
    complete: Callable[[FloatArray], FloatArray]
    whole_bounds: tuple[FloatArray, FloatArray]


def fit(
    problem: Problem,
    method: str,
    starts: int,
    seed: int | None,
    progress: bool,
    *,
    max_evaluations: int | None,
    max_time: float | None,
    eliminate: bool,
    screen: int,
    callback: Callable[[int, float], object] | None,
    checkpoint: str | os.PathLike[str] | None,
    resume: bool,
    options: dict[str, Any],
) -> FitResult:
    """Minimise a problem's misfit from one or several starts; see `kiessig.Problem.fit`."""
    if not problem.parameters:
        message = "fit: the problem must have a free parameter; give at least one quantity as a kiessig.Parameter"
        raise InvalidValueError(message)
    starts = _positive("starts", starts)
    screen = _positive("screen", screen)
    if max_time is not None and not max_time > 0.0:
        message = f"fit: max_time must be positive, in seconds; got {max_time!r}"
        raise InvalidValueError(message)
    if resume and checkpoint is None:
        message = "fit: resume needs checkpoint, the file to go on from; got None"
        raise InvalidValueError(message)
    if checkpoint is not None and starts > 1 and seed is None:
        message = f"fit: checkpoint needs a seed, or the {starts} starts can never be drawn again; got seed = None"
        raise InvalidValueError(message)
    if max_evaluations is not None:
        max_evaluations = _positive("max_evaluations", max_evaluations)
    if screen > 1 and starts == 1:
        message = f"fit: screen chooses among several starts; got starts = 1, screen = {screen}"
        raise InvalidValueError(message)
    chosen = find_method(method)
    if "seed" in chosen.options:
        options = {"seed": seed} | options
    view = _view(problem, eliminate, takes_bounds=chosen.takes_bounds)

    began = time.perf_counter()
    with Progress(progress, description=chosen.name) as update:
        watch = Watch(update, callback, max_time)
        if starts == 1 and checkpoint is None:
            minima, best, counted = _single(view, chosen.name, max_evaluations, watch, options)
        else:
            minima, best, counted = _several(
                view, chosen.name, starts, seed, screen, max_evaluations, max_time, watch, checkpoint, resume, options
            )
    for parameter, value in zip(problem.parameters, best.x, strict=True):
        parameter.value = float(value)

    lower, upper = _limits(problem, takes_bounds=chosen.takes_bounds)
    chi2 = problem.chi2(best.x) if view.whole is not problem else best.value
    free = problem.n_points - len(problem.parameters)
    scatter = best.value / free if problem.misfit == "log" and free > 0 else 1.0
    result = FitResult.from_outcome(
        best,
        problem.names,
        lower,
        upper,
        n_points=problem.n_points,
        misfit=problem.misfit,
        covariance_scale=scatter,
    )
    return replace(
        result,
        chi2=chi2,
        method=chosen.name,
        n_evaluations=counted[0],
        n_jacobian_evaluations=counted[1],
        wall_time=time.perf_counter() - began,
        minima=tuple(minima),
        history=watch.history,
    )


def _single(
    view: _View, method: str, max_evaluations: int | None, watch: Watch, options: dict[str, Any]
) -> tuple[list[Minimum], Outcome, tuple[int, int]]:
    found = minimize(
        view.objective,
        view.present,
        (view.lower, view.upper),
        method,
        max_evaluations=max_evaluations,
        callback=watch.single,
        **options,
    )
    counted = (found.n_evaluations, found.n_jacobian_evaluations)
    best = found
    if view.objective is not view.whole:
        best = examine(view.whole, view.complete(found.x), *view.whole_bounds, method, found.message, np.inf)
        best = replace(best, success=found.success, message=found.message)
    return [Minimum(best.x, best.value, 1, best.success, best.message)], best, counted


def _several(
    view: _View,
    method: str,
    starts: int,
    seed: int | None,
    screen: int,
    max_evaluations: int | None,
    max_time: float | None,
    watch: Watch,
    checkpoint: str | os.PathLike[str] | None,
    resume: bool,
    options: dict[str, Any],
) -> tuple[list[Minimum], Outcome, tuple[int, int]]:
    x0 = draw_starts(view.parameters, view.names, view.present, view.lower, view.upper, starts * screen, seed)
    found = search(
        view.objective,
        x0,
        (view.lower, view.upper),
        method,
        keep=starts,
        max_evaluations=max_evaluations,
        max_time=max_time,
        callback=watch.batch,
        checkpoint=checkpoint,
        resume=resume,
        options=options,
    )
    first = float(found.history[0, 1]) if len(found.history) else np.inf
    lower, upper = view.whole_bounds

    ends = np.full((len(found.value), lower.size), np.nan)
    defined = np.isfinite(found.value)
    ends[defined] = np.clip(view.complete(found.x[defined]), lower, upper)

    lowest = np.inf

    def settle(whole: FloatArray, reason: str) -> Outcome:
        nonlocal lowest
        stopped = interrupted or _STOPPED.intersection(found.reasons)
        polishes = method == "levenberg-marquardt" and not stopped
        if polishes and not np.isfinite(lowest):
            outcome = minimize(view.whole, whole, (lower, upper), method)
        else:
            outcome = examined = examine(view.whole, whole, lower, upper, method, reason, first)
            # last digits are for the minimum that is the result, and for what might yet become it
            if polishes and examined.value * (1.0 - examined.expected_gain) <= lowest:
                outcome = minimize(view.whole, whole, (lower, upper), method)
                outcome = replace(
                    outcome,
                    n_evaluations=examined.n_evaluations + outcome.n_evaluations,
                    n_jacobian_evaluations=examined.n_jacobian_evaluations + outcome.n_jacobian_evaluations,
                )
        lowest = min(lowest, outcome.value)
        return outcome

    found, interrupted = replace(found, x=ends), found.interrupted
    try:
        minima, best, settled = distinct_minima(found, settle, at_most=1 if interrupted else _SETTLED)
    except KeyboardInterrupt:
        interrupted = True
        minima, best, settled = distinct_minima(found, settle, at_most=1)
    if interrupted:
        best = replace(best, success=False, message=f"interrupted; {best.message}")
    screened = len(x0) if screen > 1 else 0
    evaluations = screened + int(found.n_evaluations.sum()) + sum(item.n_evaluations for item in settled)
    jacobians = int(found.n_jacobian_evaluations.sum()) + sum(item.n_jacobian_evaluations for item in settled)
    return minima, best, (evaluations, jacobians)


def _view(problem: Problem, eliminate: bool, *, takes_bounds: bool) -> _View:
    lower, upper = _limits(problem, takes_bounds=takes_bounds)
    whole = problem.objective()
    if not eliminate:
        return _View(
            whole, whole, problem.parameters, problem.names, problem.x, lower, upper, lambda x: x, (lower, upper)
        )
    projected = problem.projected()
    kept = [problem.parameters.index(item) for item in projected.parameters]
    return _View(
        projected,
        whole,
        projected.parameters,
        projected.names,
        projected.x,
        lower[kept],
        upper[kept],
        projected.complete,
        (lower, upper),
    )


def _limits(problem: Problem, *, takes_bounds: bool) -> tuple[FloatArray, FloatArray]:
    """Return the bounds; for a method that takes none those that the user has set, which `minimize` then refuses.

    Limits of the physics alone do not rule such a method out: leaving them raises.
    """
    lower, upper = problem.bounds
    if not takes_bounds:
        lower, upper = np.array([parameter.bounds for parameter in problem.parameters]).T
    return lower, upper


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        message = f"fit: {name} must be a positive whole number; got {value!r}"
        raise InvalidValueError(message)
    return int(value)
