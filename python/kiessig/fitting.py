"""Fits of problems: starts, progress, and the numbers that come out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.optimize import BoxTransform, Outcome, find_method, minimize
from kiessig.progress import Progress
from kiessig.result import FitResult

if TYPE_CHECKING:
    from kiessig.problem import Problem

__all__ = ["fit"]

FloatArray = NDArray[np.float64]


def fit(
    problem: Problem,
    method: str,
    starts: int,
    seed: int | None,
    progress: bool,
    max_evaluations: int | None,
    options: dict[str, Any],
) -> FitResult:
    """Minimise a problem's misfit from one or several starts; see `kiessig.Problem.fit`."""
    if not problem.parameters:
        message = "fit: the problem must have a free parameter; give at least one quantity as a kiessig.Parameter"
        raise InvalidValueError(message)
    if isinstance(starts, bool) or not isinstance(starts, int | np.integer) or starts < 1:
        message = f"fit: starts must be a positive whole number; got {starts!r}"
        raise InvalidValueError(message)
    chosen = find_method(method)
    lower, upper = problem.bounds
    if not chosen.takes_bounds:  # limits of the physics alone do not rule a method out: leaving them raises
        lower, upper = np.array([parameter.bounds for parameter in problem.parameters]).T

    started = time.perf_counter()
    best: Outcome | None = None
    evaluations = jacobians = 0
    with Progress(progress, description=chosen.name) as update:
        for x0 in _starts(problem, lower, upper, int(starts), seed):
            report = _reporter(update, evaluations, np.inf if best is None else best.value)

            outcome = minimize(
                problem, x0, (lower, upper), chosen.name, max_evaluations=max_evaluations, callback=report, **options
            )
            evaluations += outcome.n_evaluations
            jacobians += outcome.n_jacobian_evaluations
            if best is None or outcome.value < best.value:
                best = outcome
    assert best is not None  # there is at least one start
    for parameter, value in zip(problem.parameters, best.x, strict=True):
        parameter.value = float(value)

    free = problem.n_points - len(problem.parameters)
    scatter = best.value / free if problem.misfit == "log" and free > 0 else 1.0
    result = FitResult.from_outcome(best, problem.names, lower, upper, misfit=problem.misfit, covariance_scale=scatter)
    return replace(
        result,
        n_evaluations=evaluations,
        n_jacobian_evaluations=jacobians,
        wall_time=time.perf_counter() - started,
    )


def _reporter(update: Callable[[int, float], None], before: int, lowest: float) -> Callable[[int, float], None]:
    """Return a callback that adds what earlier starts have used and found."""
    return lambda n_evaluations, misfit: update(before + n_evaluations, min(misfit, lowest))


def _starts(problem: Problem, lower: FloatArray, upper: FloatArray, number: int, seed: int | None) -> list[FloatArray]:
    """Return the present values, then scrambled Sobol points of the box in the coordinates of its transform."""
    first = problem.x
    if number == 1:
        return [first]
    unbounded = ~(np.isfinite(lower) & np.isfinite(upper))
    if unbounded.any():
        index = int(np.argmax(unbounded))
        message = (
            f"fit: several starts need finite bounds for every parameter; {problem.names[index]!r} has "
            f"({lower[index]}, {upper[index]})"
        )
        raise InvalidValueError(message)
    from scipy.stats import qmc

    sobol = qmc.Sobol(len(first), scramble=True, rng=np.random.default_rng(seed))
    # a power of two keeps the points balanced; the surplus is dropped
    unit = sobol.random_base2(max(1, (number - 2).bit_length()))[: number - 1]
    unit = np.clip(unit, 1e-6, 1.0 - 1e-6)
    box = BoxTransform(lower, upper, first)
    return [first, *(np.clip(box.inverse(np.log(u / (1.0 - u))), lower, upper) for u in unit)]
