"""How step sizes fall in the course of a descent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.optimize.names import suggestion
from kiessig.optimize.objective import FloatArray

__all__ = ["Schedule", "schedule_of"]

Schedule = Callable[[FloatArray], FloatArray]
"""Factors of the step size for the parts of the descent that are over, in [0, 1)."""

_NAMES = ("cosine", "exponential", "linear", "step", "constant")
_STAGES = 4  # of the one that falls in steps


def schedule_of(algorithm: str, schedule: str | Callable[[float], float], final: float) -> Schedule:
    """Return the schedule of that name, or a caller's own.

    Parameters
    ----------
    algorithm : str
        For messages.
    schedule : {"cosine", "exponential", "linear", "step", "constant"} or callable
        How the factor falls from 1 to `final`; "step" stays constant for a quarter of the descent each time. A callable
        takes the part of the descent that is over, a float in [0, 1), and returns the factor itself.
    final : float
        Last factor, in (0, 1].

    Raises
    ------
    UnknownNameError
        If there is no such schedule.
    InvalidValueError
        From the schedule itself, where a callable returns what is no positive, finite number.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, SGDR (cosine schedule), ICLR (2017), arXiv:1608.03983.
    """
    if callable(schedule):
        return _own(algorithm, schedule)
    if schedule not in _NAMES:
        message = (
            f"{algorithm}: schedule must be one of {', '.join(_NAMES)}, or a function of the part that is over; "
            f"got {schedule!r}{suggestion(schedule, _NAMES) if isinstance(schedule, str) else ''}"
        )
        raise UnknownNameError(message)
    if schedule == "cosine":
        return lambda p: final + (1.0 - final) * 0.5 * (1.0 + np.cos(np.pi * p))
    if schedule == "exponential":
        return lambda p: final**p
    if schedule == "linear":
        return lambda p: 1.0 + (final - 1.0) * p
    if schedule == "step":
        return lambda p: final ** (np.floor(_STAGES * p) / (_STAGES - 1))
    return np.ones_like


def _own(algorithm: str, schedule: Callable[[float], float]) -> Schedule:
    def factors(progress: FloatArray) -> FloatArray:
        found = np.array([schedule(float(p)) for p in progress], dtype=np.float64)
        bad = np.flatnonzero(~(np.isfinite(found) & (found > 0.0)))
        if bad.size:
            message = (
                f"{algorithm}: schedule must return positive, finite factors; "
                f"schedule({progress[bad[0]]:.6g}) = {found[bad[0]]}"
            )
            raise InvalidValueError(message)
        return found

    return factors
