"""kiessig's own fits, through nothing but `Problem.fit` and `Problem.fit_series`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import kiessig as ks
from benchmarks.fits.case import Fit, Fits
from benchmarks.fits.kinetic import START, Series, problem_of
from benchmarks.fits.model import Model, problem
from benchmarks.fits.outcome import Found


def fit(model: Model, method: str, starts: int, **options: Any) -> Callable[[], Fit]:
    """Fit from the bounds alone: the values that the parameters happen to have are drawn from them first."""

    def make() -> Fit:
        whole = problem(model)

        def run(seed: int) -> Found:
            draw(whole, seed)
            result = whole.fit(method, starts=starts, seed=seed, progress=False, **options)
            return Found(result.chi2, result.wall_time, result.n_evaluations)

        return run

    return make


def from_each_start(model: Model, method: str, max_time: float) -> Callable[[], Fits]:
    """Fit from many starts in one call, and tell where each has ended; time and evaluations are shared out evenly."""

    def make() -> Fits:
        whole = problem(model)

        def run(number: int) -> list[Found]:
            draw(whole, 0)
            result = whole.fit(method, starts=number, seed=0, progress=False, max_time=max_time)
            seconds, evaluations = result.wall_time / number, round(result.n_evaluations / number)
            ends = [m.value for m in result.minima for _ in range(m.n_starts)]
            # others ended above all the minima that are told
            return [Found(chi2, seconds, evaluations) for chi2 in ends + [math.inf] * (number - len(ends))]

        return run

    return make


def draw(whole: ks.Problem, seed: int) -> None:
    """Put the parameters somewhere within their bounds."""
    lower, upper = whole.bounds
    drawn = lower + (upper - lower) * np.random.default_rng([seed, 1]).random(lower.size)
    for parameter, value in zip(whole.parameters, drawn, strict=True):
        parameter.value = float(value)


def series(experiment: Series, method: str = "levenberg-marquardt", **options: Any) -> Callable[[], Fit]:
    """Fit all curves of a series in one call."""

    def make() -> Fit:
        whole = problem_of(experiment)

        def run(_: int) -> Found:
            found = whole.fit_series(experiment.r, experiment.dr, x0=START, method=method, progress=False, **options)
            return Found(float(found.chi2.sum()), found.wall_time, int(found.n_evaluations.sum()))

        return run

    return make
