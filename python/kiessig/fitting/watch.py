"""What goes on beside a running fit: the bar, the history, the caller's own callback and the clock."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kiessig.optimize import StopSearch

__all__ = ["Watch"]


class Watch:
    """Follow a fit of one or several runs.

    Parameters
    ----------
    update : callable
        ``update(n_evaluations, lowest_misfit)`` of the progress bar.
    callback : callable or None
        The caller's own, with the same arguments; True ends the fit.
    max_time : float or None
        Seconds.
    """

    def __init__(
        self,
        update: Callable[[int, float], object],
        callback: Callable[[int, float], object] | None,
        max_time: float | None,
    ) -> None:
        self._update = update
        self._callback = callback
        self._ends = None if max_time is None else time.perf_counter() + max_time
        self._history: list[tuple[float, float]] = []

    @property
    def history(self) -> NDArray[np.float64]:
        """Evaluations so far and lowest misfit by then, shape (t, 2)."""
        return np.array(self._history).reshape(-1, 2)

    def single(self, n_evaluations: int, lowest: float) -> None:
        """Take note of an evaluation of a single run, or end it."""
        if self.batch(n_evaluations, lowest):
            message = "stopped by the callback"
            raise StopSearch(message)
        if self._ends is not None and time.perf_counter() >= self._ends:
            message = "the limit of time is reached"
            raise StopSearch(message)

    def batch(self, n_evaluations: int, lowest: float) -> bool:
        """Take note of a step of a batch; return whether the callback ends it."""
        if not self._history or lowest < self._history[-1][1]:
            self._history.append((float(n_evaluations), lowest))
        self._update(n_evaluations, lowest)
        return self._callback is not None and self._callback(n_evaluations, lowest) is True
