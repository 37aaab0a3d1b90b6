"""kiessig's own fits, through nothing but `Problem.fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.case import Fit
from benchmarks.fits.kinetic import LOWER, START, UPPER, Series
from benchmarks.fits.model import Model, problem
from benchmarks.fits.outcome import Found
from benchmarks.rivals import MissingRivalError


def fit(model: Model, method: str, starts: int, **options: Any) -> Callable[[], Fit]:
    """Fit from the bounds alone: the values that the parameters happen to have are drawn from them first."""

    def make() -> Fit:
        whole = problem(model)
        lower, upper = whole.bounds

        def run(seed: int) -> Found:
            drawn = lower + (upper - lower) * np.random.default_rng([seed, 1]).random(lower.size)
            for parameter, value in zip(whole.parameters, drawn, strict=True):
                parameter.value = float(value)
            result = whole.fit(method, starts=starts, seed=seed, progress=False, **options)
            return Found(result.chi2, result.wall_time, result.n_evaluations)

        return run

    return make


def series(experiment: Series) -> Callable[[], Fit]:
    """Fit all curves of a series in one call."""

    def make() -> Fit:
        from kiessig import optimize

        many = getattr(optimize, "minimize_batch", None)
        if many is None:
            message = "kiessig.optimize has no minimize_batch"
            raise MissingRivalError(message)

        def run(_: int) -> Found:
            outcome = many(experiment, np.tile(START, (len(experiment), 1)), (LOWER, UPPER))
            return Found(float(np.sum(outcome.value)), float(outcome.wall_time), int(np.sum(outcome.n_evaluations)))

        return run

    return make
