"""Batched algorithms as methods of one start: a batch of one, evaluated through the evaluator of a single run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kiessig.optimize.batch.algorithm import Algorithm
from kiessig.optimize.batch.evaluator import Members, Normal
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.verdict import Verdict

__all__ = ["run_single"]


def run_single(
    evaluator: Evaluator,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    make: Callable[..., Algorithm],
    **options: Any,
) -> Verdict:
    """Run a batched algorithm from one start.

    Parameters
    ----------
    evaluator : Evaluator
        The objective; its limits and callbacks end the run.
    x0, lower, upper : float arrays, shape (n,)
        Start and bounds.
    make : callable
        ``make(limit=..., **options)``, of `kiessig.optimize.batch.methods`.
    **options
        The algorithm's own.
    """
    algorithm = make(limit=evaluator.remaining, **options)
    algorithm.bound(lower, upper)
    member = _One(evaluator)
    state = algorithm.start(member, x0[np.newaxis])  # type: ignore[arg-type]  # what algorithms see is the same
    while state["reason"][0] == Reason.RUNNING:
        algorithm.step(member, state, np.zeros(1, dtype=np.intp))  # type: ignore[arg-type]
    reason = Reason(int(state["reason"][0]))
    if reason is Reason.SCHEDULE_ENDED:
        steps = getattr(algorithm, "steps", 0)
        remedy = "raise steps or learning_rate" if "steps" in options else "raise max_evaluations or learning_rate"
        return Verdict(f"the schedule of {steps} steps has ended", remedy=remedy)
    return Verdict(reason.text)


class _One:
    """What an algorithm sees of the batch of one."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    @property
    def x(self) -> FloatArray:
        """The best point, shape (1, n)."""
        return self._evaluator.best.x[np.newaxis].copy()

    def gradient(self, x: FloatArray, members: Members) -> tuple[FloatArray, FloatArray]:
        value, gradient = self._evaluator.value_and_gradient(x[0])
        return np.array([value]), gradient[np.newaxis].copy()

    def normal(self, x: FloatArray, members: Members) -> Normal:
        residuals, value = self._evaluator.residuals(x[0], jacobian_follows=True, allow_infinite=True)
        n = x.shape[1]
        if not np.isfinite(value):
            return Normal(np.array([np.inf]), np.zeros((1, n)), np.zeros((1, n, n)))
        jacobian = self._evaluator.jacobian(x[0])
        curvature = jacobian.T @ jacobian
        return Normal(np.array([value]), 2.0 * (jacobian.T @ residuals)[np.newaxis], curvature[np.newaxis])
