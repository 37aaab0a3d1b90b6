"""Why a member of a batch stopped."""

from __future__ import annotations

import enum

__all__ = ["Reason"]


class Reason(enum.IntEnum):
    """State of a member; everything but RUNNING is final. Numbers are kept in checkpoints."""

    RUNNING = 0
    CONVERGED = 1
    SMALL_STEP = 2
    SMALL_GRADIENT = 3
    NO_DESCENT = 4
    EXACT = 5
    SCHEDULE_ENDED = 6
    EVALUATIONS = 7
    TIME = 8
    CALLBACK = 9
    INTERRUPTED = 10
    UNDEFINED = 11
    JOINED = 12

    @property
    def text(self) -> str:
        """Half a sentence, lower case."""
        return _TEXTS[self]

    @property
    def converged(self) -> bool:
        """Whether the algorithm ended by itself, at what it takes for a minimum."""
        return self in _CONVERGED


_CONVERGED = (Reason.CONVERGED, Reason.SMALL_STEP, Reason.SMALL_GRADIENT, Reason.EXACT, Reason.JOINED)

_TEXTS = {
    Reason.RUNNING: "still running",
    Reason.CONVERGED: "the misfit has converged",
    Reason.SMALL_STEP: "steps have become smaller than xtol",
    Reason.SMALL_GRADIENT: "the gradient has become smaller than gtol",
    Reason.NO_DESCENT: "no step, however short, lowers the misfit",
    Reason.EXACT: "the model fits exactly, the misfit is down to rounding",
    Reason.SCHEDULE_ENDED: "the schedule of steps has ended",
    Reason.EVALUATIONS: "the limit of evaluations is reached",
    Reason.TIME: "the limit of time is reached",
    Reason.CALLBACK: "stopped by the callback",
    Reason.INTERRUPTED: "interrupted",
    Reason.UNDEFINED: "the model is undefined at the start",
    Reason.JOINED: "it runs into the minimum of another start",
}
