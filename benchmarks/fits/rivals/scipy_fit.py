"""scipy.optimize, with kiessig's kernels: what is left of the difference is the algorithm."""

from __future__ import annotations

import time
import warnings

import numpy as np

import kiessig as ks
from benchmarks.fits.kinetic import LOWER, START, UPPER, Series
from benchmarks.fits.outcome import Found

POPULATION = 5  # members for each parameter; of scipy's 15, few generations would be left of so small a budget


def differential_evolution(problem: ks.Problem, seed: int, evaluations: int) -> Found:
    """Evolve within the bounds for so many evaluations of the misfit, without polishing."""
    from scipy.optimize import differential_evolution as evolve

    lower, upper = problem.bounds
    generations = max(1, round(evaluations / (POPULATION * lower.size)) - 1)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the generations are used up
        found = evolve(
            problem.chi2,
            list(zip(lower, upper, strict=True)),
            maxiter=generations,
            popsize=POPULATION,
            polish=False,
            rng=np.random.default_rng(seed),
        )
    return Found(float(found.fun), time.perf_counter() - started, int(found.nfev))


def loop_of_least_squares(series: Series) -> Found:
    """Fit the curves one after the other; residuals and Jacobian of a point are computed at once, and once."""
    from scipy.optimize import least_squares

    chi2, evaluations = 0.0, 0
    started = time.perf_counter()
    for index in range(len(series)):
        one = series.alone(index)
        found = least_squares(one.residuals, START, one.jacobian, bounds=(LOWER, UPPER), x_scale="jac")
        chi2 += 2.0 * float(found.cost)
        evaluations += int(found.nfev)
    return Found(chi2, time.perf_counter() - started, evaluations)
