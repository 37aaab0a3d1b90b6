"""The one table of batched algorithms: what each is called, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kiessig.optimize.batch.algorithm import Algorithm
from kiessig.optimize.batch.levenberg_marquardt import LevenbergMarquardt

__all__ = ["BATCHED", "BatchedMethod"]


@dataclass(frozen=True)
class BatchedMethod:
    """An algorithm that advances many starts at once.

    Parameters
    ----------
    make : callable
        ``make(**options) -> Algorithm``.
    evaluations : tuple of int
        Default limit for each start as (constant, per parameter).
    """

    make: Callable[..., Algorithm]
    evaluations: tuple[int, int]


#: Algorithms by name.
BATCHED: dict[str, BatchedMethod] = {
    "levenberg-marquardt": BatchedMethod(LevenbergMarquardt, (200, 200)),
}
