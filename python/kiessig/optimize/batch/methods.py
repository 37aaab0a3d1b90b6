"""The one table of batched algorithms: what each is called, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kiessig.optimize.batch.adabelief import AdaBelief
from kiessig.optimize.batch.adam import Adam
from kiessig.optimize.batch.algorithm import Algorithm
from kiessig.optimize.batch.amsgrad import AMSGrad
from kiessig.optimize.batch.gradient_descent import GradientDescent
from kiessig.optimize.batch.lbfgs import LBFGS
from kiessig.optimize.batch.levenberg_marquardt import LevenbergMarquardt
from kiessig.optimize.batch.natural_gradient import NaturalGradient
from kiessig.optimize.batch.nesterov import Nesterov
from kiessig.optimize.batch.rmsprop import RMSprop

__all__ = ["BATCHED", "BatchedMethod"]


@dataclass(frozen=True)
class BatchedMethod:
    """An algorithm that advances many starts at once.

    Parameters
    ----------
    make : callable
        ``make(limit=evaluations, **options) -> Algorithm``; the limit may be None.
    options : tuple of str
        What the caller may set.
    evaluations : tuple of int
        Default limit for each start as (constant, per parameter).
    """

    make: Callable[..., Algorithm]
    options: tuple[str, ...]
    evaluations: tuple[int, int]


def _any_length(algorithm: Callable[..., Algorithm], limit: int | None = None, **options: Any) -> Algorithm:
    """Make an algorithm that ends by itself."""
    return algorithm(**options)


def _scheduled(algorithm: Callable[..., Algorithm], checks: int, limit: int | None = None, **options: Any) -> Algorithm:
    """Make one whose schedule fills the limit, unless the caller says how long it is; a check costs two evaluations."""
    if options.get("steps") is None:
        options.pop("steps", None)
        if limit is not None:
            every = options.get("check_every", _CHECK_EVERY)
            left = limit if not checks or not isinstance(every, int) else limit * every // (every + checks)
            options["steps"] = max(1, left)
    return algorithm(**options)


def _descent(algorithm: Callable[..., Algorithm], *options: str) -> BatchedMethod:
    return BatchedMethod(partial(_scheduled, algorithm, 2), (*_DESCENT, *options), (3000, 0))


_CHECK_EVERY = 25
_SCHEDULE = ("steps", "learning_rate", "schedule", "final_rate")
_DESCENT = (*_SCHEDULE, "clip", "rise", "tolerance", "check_every", "box", "scale")

#: Algorithms by name.
BATCHED: dict[str, BatchedMethod] = {
    "levenberg-marquardt": BatchedMethod(
        partial(_any_length, LevenbergMarquardt), ("ftol", "xtol", "damping", "geodesic"), (200, 200)
    ),
    "gradient-descent": _descent(GradientDescent, "momentum"),
    "nesterov": _descent(Nesterov, "momentum"),
    "rmsprop": _descent(RMSprop, "beta2", "epsilon", "momentum"),
    "adam": _descent(Adam, "beta1", "beta2", "epsilon"),
    "amsgrad": _descent(AMSGrad, "beta1", "beta2", "epsilon"),
    "adabelief": _descent(AdaBelief, "beta1", "beta2", "epsilon"),
    "natural-gradient": BatchedMethod(
        partial(_scheduled, NaturalGradient, 0), (*_SCHEDULE, "damping", "rise", "tolerance"), (1000, 0)
    ),
    "lbfgs": BatchedMethod(partial(_any_length, LBFGS), ("memory", "ftol", "gtol", "xtol"), (2000, 1000)),
}
