"""Methods that know a single start, run from many: their evaluations are gathered into batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kiessig.errors import KiessigError
from kiessig.optimize.batch.driver import BatchOutcome, Callback
from kiessig.optimize.batch.evaluator import BatchEvaluator
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.driver import Outcome, minimize
from kiessig.optimize.methods import find_method
from kiessig.optimize.objective import FloatArray, StopSearch

__all__ = ["minimize_in_lockstep"]

# Members at work at the same time; each has a thread, which waits most of the time.
_AT_ONCE = 64


def minimize_in_lockstep(
    objective: Any,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    method: str,
    *,
    max_evaluations: int | None,
    max_time: float | None = None,
    callback: Callback | None = None,
    options: dict[str, Any],
) -> BatchOutcome:
    """Minimise from every row of `x0` with a method of `kiessig.optimize.minimize`.

    Every member has a thread in which the method runs as it does for a single start. When all of them wait for an
    evaluation, these are made as one batch. One thread runs at a time, so that results do not depend on scheduling.

    Parameters
    ----------
    objective, x0, lower, upper, max_time, callback
        As `minimize_batch`.
    method : str
        A method of `kiessig.optimize.minimize`.
    max_evaluations : int or None
        For each member; None takes the method's own limit.
    options : dict
        Of the method.

    Returns
    -------
    BatchOutcome

    Raises
    ------
    KiessigError, or what else a method or the objective raises
        If no member has come to a result; otherwise a member that fails for a `KiessigError`, such as a model that is
        undefined where the method looks, ends with its best point.
    """
    began = time.perf_counter()
    evaluator = BatchEvaluator(objective, *x0.shape)
    room = _Room(evaluator)

    def task(member: int) -> Callable[[_Desk], Outcome]:
        own = options | ({"seed": [options["seed"], member]} if options.get("seed") is not None else {})
        return lambda desk: minimize(desk, x0[member], (lower, upper), method, max_evaluations=max_evaluations, **own)

    waiting = list(range(len(x0)))[::-1]
    at_once = 1 if find_method(method).one_at_a_time else _AT_ONCE
    history: list[tuple[float, float]] = []
    ending: Reason | None = None
    try:
        while waiting or room.busy:
            try:
                while waiting and ending is None and len(room.busy) < at_once:
                    member = waiting.pop()
                    room.admit(member, task(member))
                if not room.busy:
                    break
                room.serve()
                history.append((float(evaluator.n_evaluations.sum()), float(evaluator.value.min())))
                if ending is None and _ends(callback, *history[-1]):
                    ending = Reason.CALLBACK
                if ending is None and max_time is not None and time.perf_counter() - began >= max_time:
                    ending = Reason.TIME
            except KeyboardInterrupt:
                if ending is Reason.INTERRUPTED:
                    raise
                ending = Reason.INTERRUPTED
            if ending is not None:
                room.stop = ending.text
    finally:
        room.close()
    if ending is Reason.INTERRUPTED and not np.isfinite(evaluator.value).any():
        raise KeyboardInterrupt  # nothing has been found that could be lost
    return _outcome(room, evaluator, ending, history, time.perf_counter() - began)


def _ends(callback: Callback | None, n_evaluations: float, lowest: float) -> bool:
    try:
        return callback is not None and callback(int(n_evaluations), lowest) is True
    except StopSearch:
        return True


def _outcome(
    room: _Room, evaluator: BatchEvaluator, ending: Reason | None, history: list[tuple[float, float]], elapsed: float
) -> BatchOutcome:
    reasons: list[Reason] = []
    for member in range(len(evaluator.value)):
        outcome = room.outcomes.get(member)
        if outcome is None:
            reasons.append(ending if ending is not None and member not in room.errors else Reason.UNDEFINED)
        elif outcome.success:
            reasons.append(Reason.CONVERGED)
        elif ending is not None:
            reasons.append(ending)
        else:
            spent = "limit of" in outcome.message
            reasons.append(Reason.EVALUATIONS if spent else Reason.NO_DESCENT)
        if outcome is not None:
            evaluator.x[member], evaluator.value[member] = outcome.x, outcome.value
    fatal = [error for error in room.errors.values() if not isinstance(error, KiessigError)]
    if fatal:
        raise fatal[0]
    if room.errors and not room.outcomes:
        raise next(iter(room.errors.values()))
    return BatchOutcome(
        x=evaluator.x,
        value=evaluator.value,
        reasons=reasons,
        n_evaluations=evaluator.n_evaluations,
        n_jacobian_evaluations=evaluator.n_jacobian_evaluations,
        history=np.array(history).reshape(-1, 2),
        wall_time=elapsed,
        state={},
    )


class _LeaveError(BaseException):
    """Ends a member's thread when the search is abandoned; no method may catch it."""


class _Desk:
    """The objective that one member's method sees: it asks, and waits until the room has served everyone.

    Requests are numbered and an answer belongs to a number, so that Ctrl-C, which may come anywhere in the room's own
    thread, can lose no answer and hand none to the wrong question.
    """

    def __init__(self) -> None:
        self.request: tuple[str, FloatArray] | None = None
        self.finished = False
        self._turn = threading.Condition()
        self._asked = self._answered = 0
        self._answer: Any = None

    def residuals(self, x: FloatArray) -> FloatArray:
        return self._ask("residuals", x)  # type: ignore[no-any-return]

    def jacobian(self, x: FloatArray) -> FloatArray:
        return self._ask("residuals_and_jacobian", x)[1]  # type: ignore[no-any-return]

    def residuals_and_jacobian(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._ask("residuals_and_jacobian", x)  # type: ignore[no-any-return]

    def value_and_gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        return self._ask("value_and_gradient", x)  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Wait until the member's thread has asked something, or has finished."""
        with self._turn:
            while self._answered == self._asked and not self.finished:
                self._turn.wait()

    def reply(self, answer: Any) -> None:
        """Answer the present request."""
        with self._turn:
            self._answer, self._answered = answer, self._asked
            self._turn.notify_all()

    def finish(self) -> None:
        with self._turn:
            self.finished = True
            self._turn.notify_all()

    def _ask(self, kind: str, x: FloatArray) -> Any:
        with self._turn:
            self.request, self._asked = (kind, x), self._asked + 1
            self._turn.notify_all()
            while self._answered < self._asked:
                self._turn.wait()
            answer, self._answer = self._answer, None
        if isinstance(answer, BaseException):
            raise answer
        return answer


class _Room:
    """All members at work, and what became of the others."""

    def __init__(self, evaluator: BatchEvaluator) -> None:
        self._evaluator = evaluator
        self._threads: dict[int, threading.Thread] = {}
        self._told: set[int] = set()
        self.busy: dict[int, _Desk] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.errors: dict[int, BaseException] = {}
        self.stop: str | None = None

    def admit(self, member: int, task: Callable[[_Desk], Outcome]) -> None:
        """Start a member; it runs to its first request."""
        desk = _Desk()

        def work() -> None:
            try:
                self.outcomes[member] = task(desk)
            except (_LeaveError, StopSearch):  # the latter where the search ends before the first evaluation
                pass
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the thread that called us
                self.errors[member] = error
            finally:
                desk.finish()

        thread = threading.Thread(target=work, name=f"kiessig start {member}", daemon=True)
        thread.start()
        self.busy[member], self._threads[member] = desk, thread
        self._settle(member)

    def serve(self) -> None:
        """Evaluate what everyone waits for, and let everyone go on, one after the other."""
        for member in list(self.busy):
            self._settle(member)
        if self.stop is not None:
            for member in [member for member in self.busy if member not in self._told]:
                self.busy[member].reply(StopSearch(self.stop))
                self._told.add(member)  # once: the closing check of the best point is still made
                self._settle(member)
        kinds: dict[str, list[int]] = {}
        for member, desk in self.busy.items():
            assert desk.request is not None
            kinds.setdefault(desk.request[0], []).append(member)
        answers: dict[int, Any] = {}
        for kind, members in kinds.items():
            points = np.stack([self.busy[member].request[1] for member in members])  # type: ignore[index]
            found = self._evaluator.answers(kind, points, np.array(members))
            answers.update(zip(members, found, strict=True))
        for member, answer in answers.items():
            self.busy[member].reply(answer)
            self._settle(member)

    def close(self) -> None:
        """End every thread."""
        for member in list(self.busy):
            self._settle(member)
            while member in self.busy:
                self.busy[member].reply(_LeaveError())
                self._settle(member)

    def _settle(self, member: int) -> None:
        desk = self.busy[member]
        desk.settle()
        if desk.finished:
            del self.busy[member]
            self._threads.pop(member).join()
