"""A progress bar for what takes longer than a second."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

__all__ = ["Progress"]


class Progress:
    """Context manager that shows evaluations and best misfit of a running fit.

    The bar appears after `delay` seconds, on terminals only, and is gone when the fit ends. Whatever goes wrong with
    it (a closed stream, a terminal that went away, no tqdm) silences the bar and never reaches the fit.

    Parameters
    ----------
    enabled : bool
        False is silent always.
    description : str
        Text before the numbers.
    total : int, optional
        Number of evaluations to expect; without it the bar has no end.
    delay : float
        Seconds before anything is shown.
    file : text stream, optional
        Where to write. Default: standard error.

    Examples
    --------
    >>> from kiessig.progress import Progress
    >>> with Progress() as update:
    ...     for n in range(1, 4):
    ...         update(n, 100.0 / n)
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        description: str = "fit",
        total: int | None = None,
        delay: float = 1.0,
        file: TextIO | None = None,
    ) -> None:
        self._enabled = enabled
        self._description = description
        self._total = total
        self._delay = delay
        self._file = file
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, float], None]:
        if self._enabled:
            self._guarded(self._open)
        return self.update

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            bar, self._bar = self._bar, None
            self._guarded(bar.close)

    def update(self, n_evaluations: int, misfit: float) -> None:
        """Show `n_evaluations` evaluations so far and the best `misfit`."""
        if self._bar is not None:
            self._guarded(lambda: self._show(n_evaluations, misfit))

    def _open(self) -> None:
        file = sys.stderr if self._file is None else self._file
        if file is None or not file.isatty():
            return
        from tqdm import tqdm

        # No watching thread: it would outlive the bar, and the fit drives the bar often enough.
        quiet: Any = type("_Bar", (tqdm,), {"monitor_interval": 0})
        self._bar = quiet(
            desc=self._description,
            total=self._total,
            unit=" evaluations",
            file=file,
            delay=self._delay,
            leave=False,
            dynamic_ncols=True,
        )

    def _show(self, n_evaluations: int, misfit: float) -> None:
        self._bar.set_postfix_str(f"misfit {misfit:.6g}", refresh=False)
        self._bar.update(n_evaluations - self._bar.n)

    def _guarded(self, action: Callable[[], object]) -> None:
        # Any failure here is one of display alone, and a fit of an hour must not end by it.
        try:
            action()
        except Exception:
            if self._bar is not None:
                # tqdm closes itself again when collected, which would complain on the same broken stream.
                self._bar.disable = True
            self._bar = None
