"""The normalised posterior of a problem, for samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.problem.misfits import likelihood_constant
from kiessig.problem.objective import Extras

if TYPE_CHECKING:
    from kiessig.problem.problem import Problem

__all__ = ["log_posterior_and_gradient"]

FloatArray = NDArray[np.float64]


def log_posterior_and_gradient(problem: Problem, x: FloatArray) -> tuple[Any, FloatArray]:
    """Compute ln(likelihood * prior) and its gradient; see `Problem.log_posterior_and_gradient`."""
    if problem.misfit == "log":
        message = (
            "log_posterior_and_gradient: the log misfit has no likelihood, it knows no uncertainties; "
            "use misfit 'chi2' or 'poisson'"
        )
        raise InvalidValueError(message)
    extras = Extras(problem)
    outside = np.zeros(x.shape[:-1], dtype=np.bool_)
    for place, prior in extras.priors:
        outside |= ~((prior.support[0] <= x[..., place]) & (x[..., place] <= prior.support[1]))
    if x.ndim == 1 and outside:
        return -np.inf, np.full(x.shape, np.nan)
    misfit, slope = problem.value_and_gradient(x)
    value = np.asarray(-0.5 * misfit + _constant(problem))
    gradient = -0.5 * slope
    for place, prior in extras.priors:
        for member in np.ndindex(x.shape[:-1]):
            if not outside[member]:
                at = float(x[(*member, place)])
                value[member] += prior.logpdf(at)
                gradient[(*member, place)] += prior.dlogpdf(at)
    if problem.constraints:
        rows, slopes = extras.rows(x)
        rows, slopes = rows[..., len(extras.priors) :], slopes[..., len(extras.priors) :, :]
        value -= 0.5 * np.einsum("...i,...i->...", rows, rows)
        gradient -= np.einsum("...i,...ij->...j", rows, slopes)
    value = np.where(outside | np.isnan(value), -np.inf, value)
    gradient = np.where(np.isfinite(value)[..., np.newaxis], gradient, np.nan)
    return (float(value) if x.ndim == 1 else value), gradient


def _constant(problem: Problem) -> float:
    """Return the normalisation of the likelihood of all data."""
    total = 0.0
    for part in problem._evaluation.parts:
        comparison = part.comparison
        if comparison.loss is None:
            total += float(likelihood_constant(comparison.misfit, comparison.data))
        elif comparison.misfit == "chi2":
            widths = comparison.data["dr"]
            total += comparison.n_points * comparison.loss.likelihood_constant() - float(np.log(widths).sum())
        else:
            message = (
                f"log_posterior_and_gradient: a {comparison.loss.name} loss on {comparison.misfit} has no normalised "
                "likelihood; use the chi2 misfit with it, or no loss"
            )
            raise InvalidValueError(message)
    return total
