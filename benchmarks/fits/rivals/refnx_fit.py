"""refnx's CurveFitter: differential evolution at its defaults, and least squares from one start."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.outcome import Found
from benchmarks.rivals import MissingRivalError


def _fitter(make: Callable[[], Any]) -> tuple[Any, Any]:
    try:
        from refnx.analysis import CurveFitter
    except ImportError as error:
        message = f"refnx cannot be imported ({error})"
        raise MissingRivalError(message) from error
    objective = make()
    return objective, CurveFitter(objective)


def _counted(objective: Any) -> list[int]:
    """Count the calls of what the fitters call, in place."""
    count = [0]
    plain = objective.residuals

    def residuals(*arguments: Any, **keywords: Any) -> Any:
        count[0] += 1
        return plain(*arguments, **keywords)

    objective.residuals = residuals
    return count


def differential_evolution(make: Callable[[], Any], seed: int) -> Found:
    """Fit at the defaults of CurveFitter.fit("differential_evolution"), which polishes by L-BFGS-B at the end."""
    objective, fitter = _fitter(make)
    started = time.perf_counter()
    found = fitter.fit("differential_evolution", verbose=False, seed=seed)
    elapsed = time.perf_counter() - started
    return Found(float(objective.chisqr()), elapsed, int(found.nfev))


def least_squares(make: Callable[[], Any], seed: int) -> Found:
    """Fit from one start drawn within the bounds, by CurveFitter.fit("least_squares"): differences of residuals."""
    objective, fitter = _fitter(make)
    rng = np.random.default_rng(seed)
    bounds = np.array([(p.bounds.lb, p.bounds.ub) for p in objective.varying_parameters()])
    objective.setp(bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) * rng.random(len(bounds)))
    count = _counted(objective)
    started = time.perf_counter()
    fitter.fit("least_squares", verbose=False)
    elapsed = time.perf_counter() - started
    return Found(float(objective.chisqr()), elapsed, count[0])
