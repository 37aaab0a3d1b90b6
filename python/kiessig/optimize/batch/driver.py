"""Run a batched algorithm: limits, callbacks, checkpoints and interruptions, the same for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.errors import DataError
from kiessig.optimize.batch.algorithm import Algorithm, State
from kiessig.optimize.batch.checkpoint import Checkpoint
from kiessig.optimize.batch.evaluator import BatchEvaluator
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.objective import FloatArray, StopSearch

__all__ = ["BatchOutcome", "minimize_batch"]

Callback = Callable[[int, float], object]


@dataclass(frozen=True, eq=False)
class BatchOutcome:
    """What a batched minimisation found, a row for each member.

    Attributes
    ----------
    x : float array, shape (k, n)
        The best point of each member.
    value : float array, shape (k,)
        The misfit there.
    reasons : list of Reason
        Why each member stopped.
    n_evaluations, n_jacobian_evaluations : int arrays, shape (k,)
        Points at which the misfit, and at which its derivatives, were computed.
    history : float array, shape (t, 2)
        Evaluations of all members together, and the lowest misfit by then; a row for each step.
    wall_time : float
        Seconds; of all runs together where the search was resumed.
    state : dict of array
        What the algorithm knew of each member at the end.
    """

    x: FloatArray
    value: FloatArray
    reasons: list[Reason]
    n_evaluations: npt.NDArray[np.int64]
    n_jacobian_evaluations: npt.NDArray[np.int64]
    history: FloatArray
    wall_time: float
    state: State

    @property
    def interrupted(self) -> bool:
        """Whether the search was interrupted from the keyboard."""
        return Reason.INTERRUPTED in self.reasons


def minimize_batch(
    objective: Any,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    algorithm: Algorithm,
    *,
    max_evaluations: int,
    max_time: float | None = None,
    callback: Callback | None = None,
    checkpoint: Checkpoint | None = None,
) -> BatchOutcome:
    """Minimise from every row of `x0` at once.

    Parameters
    ----------
    objective : object
        See `BatchEvaluator`.
    x0 : float array, shape (k, n)
        A start for each member, within the bounds.
    lower, upper : float arrays, shape (n,)
        Bounds; infinite where there is none.
    algorithm : Algorithm
        What to run.
    max_evaluations : int
        At most so many evaluations for each member.
    max_time : float, optional
        Seconds after which no further step is made.
    callback : callable, optional
        ``callback(n_evaluations, lowest_misfit)`` after each step; the search ends if it returns True or raises
        `StopSearch`.
    checkpoint : Checkpoint, optional
        Where the state is kept from time to time, and from where the search goes on.

    Returns
    -------
    BatchOutcome
        Also after Ctrl-C, with what has been found by then.

    Raises
    ------
    InvalidValueError
        If the misfit is finite at no start.
    DataError
        If the checkpoint to resume from is damaged or belongs to another search.
    """
    began = time.perf_counter()
    evaluator = BatchEvaluator(objective, *x0.shape)
    evaluator.limit = max_evaluations
    algorithm.bound(lower, upper)
    run = _Run(evaluator, began)
    saved = None if checkpoint is None else checkpoint.load()
    if saved is not None:
        run.resume(saved)
        _require_same_misfit(objective, evaluator)
    complete = None if saved is None else run.snapshot()
    found: tuple[FloatArray, FloatArray] | None = None
    try:
        if saved is None:
            run.state = algorithm.start(evaluator, x0)
            evaluator.require_defined()
            run.note()
            complete = run.snapshot()
            if run.told(callback):
                run.stop(run.running(), Reason.CALLBACK)
        while (members := run.running()).size:
            spent = evaluator.n_evaluations[members] >= max_evaluations
            run.stop(members[spent], Reason.EVALUATIONS)
            members = run.running()
            if max_time is not None and run.elapsed() >= max_time:
                run.stop(members, Reason.TIME)
            members = run.running()
            if not members.size:
                break
            algorithm.step(evaluator, run.state, members)
            run.note()
            complete = run.snapshot()
            if run.told(callback):
                run.stop(run.running(), Reason.CALLBACK)
            if checkpoint is not None:
                checkpoint.save_if_due(run.saved)
    except KeyboardInterrupt:
        if complete is None:
            raise  # nothing has been found that could be lost
        found = evaluator.x.copy(), evaluator.value.copy()
        run.restore(complete)  # the step that was interrupted may have been half done
        run.stop(run.running(), Reason.INTERRUPTED)
    if checkpoint is not None:
        checkpoint.save(run.saved())
    if found is not None:
        evaluator.keep_better(*found)
    return run.outcome()


def _require_same_misfit(objective: Any, evaluator: BatchEvaluator) -> None:
    """Raise DataError unless the misfit at the best saved point is what was saved: other data, or another model."""
    best = int(np.argmin(evaluator.value))
    x, saved = evaluator.x[best : best + 1], float(evaluator.value[best])
    value = float(BatchEvaluator(objective, *evaluator.x.shape).residuals(x, np.array([best]))[0][0])
    if not abs(value - saved) <= _SAME_MISFIT * abs(saved) + np.finfo(float).tiny:
        message = (
            f"fit: the checkpoint belongs to another fit: its lowest misfit is {saved:.9g}, and at that point it is "
            f"{value:.9g} now\nmodel and data must be those of the run that wrote it"
        )
        raise DataError(message)


class _Run:
    """What a search has done so far."""

    def __init__(self, evaluator: BatchEvaluator, began: float) -> None:
        self._evaluator = evaluator
        self._began = began
        self._before = 0.0
        self._history: list[tuple[float, float]] = []
        self.state: State = {"reason": np.zeros(len(evaluator.value), dtype=np.int8)}

    def elapsed(self) -> float:
        return time.perf_counter() - self._began

    def running(self) -> npt.NDArray[np.intp]:
        return np.flatnonzero(self.state["reason"] == Reason.RUNNING)

    def stop(self, members: npt.NDArray[np.intp], reason: Reason) -> None:
        self.state["reason"][members] = reason

    def note(self) -> None:
        """Write a line of history."""
        self._history.append((float(self._evaluator.n_evaluations.sum()), float(self._evaluator.value.min())))

    def told(self, callback: Callback | None) -> bool:
        """Call back, and return whether that wants to stop."""
        total, lowest = self._history[-1]
        try:
            return callback is not None and callback(int(total), lowest) is True
        except StopSearch:
            return True

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """Return a copy of everything that a search goes on from."""
        kept = {f"state.{name}": array.copy() for name, array in self.state.items()}
        for name in _COUNTED:
            kept[f"evaluator.{name}"] = getattr(self._evaluator, name).copy()
        kept["history"] = np.array(self._history).reshape(-1, 2)
        return kept

    def saved(self) -> dict[str, npt.NDArray[Any]]:
        return self.snapshot() | {"elapsed": np.array(self._before + self.elapsed())}

    def restore(self, kept: dict[str, npt.NDArray[Any]]) -> None:
        """Go back to a snapshot."""
        self.state = {name.removeprefix("state."): a for name, a in kept.items() if name.startswith("state.")}
        for name in _COUNTED:
            setattr(self._evaluator, name, kept[f"evaluator.{name}"])
        self._history = [(float(total), float(lowest)) for total, lowest in kept["history"]]

    def resume(self, saved: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from a checkpoint: what stopped for want of time or evaluations, or was interrupted, runs again."""
        self.restore(saved)
        self._before = float(saved["elapsed"])
        reason = self.state["reason"]
        reason[np.isin(reason, _RESUMED)] = Reason.RUNNING

    def outcome(self) -> BatchOutcome:
        return BatchOutcome(
            x=self._evaluator.x,
            value=self._evaluator.value,
            reasons=[Reason(code) for code in self.state["reason"].tolist()],
            n_evaluations=self._evaluator.n_evaluations,
            n_jacobian_evaluations=self._evaluator.n_jacobian_evaluations,
            history=np.array(self._history).reshape(-1, 2),
            wall_time=self._before + self.elapsed(),
            state=self.state,
        )


# Alone, a member of a smeared problem has other quadrature nodes than in the batch, and so other last digits.
_SAME_MISFIT = 1e-3
_COUNTED = ("x", "value", "n_evaluations", "n_jacobian_evaluations")
_RESUMED = (Reason.EVALUATIONS, Reason.TIME, Reason.CALLBACK, Reason.INTERRUPTED)
