"""The progress bar: silent where it should be, harmless everywhere."""

from __future__ import annotations

import builtins
import io
import subprocess
import sys
import threading

import numpy as np
import pytest

from kiessig.optimize import minimize
from kiessig.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Line:
    def residuals(self, x):
        return np.array([x[0] - 3.0, 1.0])

    def jacobian(self, x):
        return np.array([[1.0], [0.0]])

    def value_and_gradient(self, x):
        r = self.residuals(x)
        return float(r @ r), 2.0 * self.jacobian(x).T @ r


def run(progress: Progress, n: int = 50) -> None:
    with progress as update:
        for i in range(1, n + 1):
            update(i, 100.0 / i)


def test_a_terminal_sees_evaluations_and_misfit():
    terminal = Terminal()
    with Progress(file=terminal, delay=0.0, description="film") as update:
        update(7, 12.5)
        # A tenth of a second is the bar's own pace; each of these would come too soon.
        for _ in range(10_000_000):
            update(8, 11.25)
            if "11.25" in terminal.getvalue():
                break
    shown = terminal.getvalue()
    assert "film" in shown
    assert "8 evaluations" in shown
    assert "misfit 11.25" in shown


def test_nothing_is_left_behind():
    terminal = Terminal()
    run(Progress(file=terminal, delay=0.0))
    assert terminal.getvalue()
    assert terminal.getvalue().split("\r")[-1].strip() == ""


def test_nothing_is_shown_within_the_first_second():
    terminal = Terminal()
    run(Progress(file=terminal))
    assert terminal.getvalue() == ""


def test_nothing_is_shown_when_asked_for_silence():
    terminal = Terminal()
    run(Progress(False, file=terminal, delay=0.0))
    assert terminal.getvalue() == ""


def test_nothing_is_shown_on_what_is_no_terminal():
    file = io.StringIO()
    run(Progress(file=file, delay=0.0))
    assert file.getvalue() == ""


def test_standard_error_is_the_default(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run(Progress(delay=0.0))
    assert terminal.getvalue()


def _closed() -> Terminal:
    terminal = Terminal()
    terminal.close()
    return terminal


class Broken(Terminal):
    def write(self, text):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("stream", [_closed(), Broken(), None], ids=["closed", "broken", "none"])
def test_a_bad_stream_does_not_break_a_fit(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress(delay=0.0) as update:
        outcome = minimize(Line(), [0.0], callback=update)
    assert outcome.success


def test_a_stream_that_closes_meanwhile_does_not_break_a_fit():
    terminal = Terminal()
    with Progress(file=terminal, delay=0.0) as update:
        update(1, 5.0)
        terminal.close()
        for i in range(2, 1000):
            update(i, 4.0)
    assert terminal.closed


def test_a_missing_tqdm_does_not_break_a_fit(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    terminal = Terminal()
    run(Progress(file=terminal, delay=0.0))
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("misfit", [np.inf, np.nan, 0.0, 1e300])
def test_any_number_can_be_shown(misfit):
    terminal = Terminal()
    with Progress(file=terminal, delay=0.0) as update:
        update(1, misfit)
    assert terminal.getvalue()


def test_errors_of_the_fit_pass_through():
    error = RuntimeError("mine")

    def fit():
        with Progress(file=Terminal(), delay=0.0) as update:
            update(1, 1.0)
            raise error

    with pytest.raises(RuntimeError, match="mine"):
        fit()


def test_an_update_after_the_end_is_harmless():
    terminal = Terminal()
    with Progress(file=terminal, delay=0.0) as update:
        pass
    before = terminal.getvalue()
    update(3, 1.0)
    assert terminal.getvalue() == before


def test_no_thread_stays_behind():
    before = threading.active_count()
    run(Progress(file=Terminal(), delay=0.0))
    assert threading.active_count() == before


def test_tqdm_is_not_imported_before_it_is_needed():
    code = (
        "import sys, kiessig.progress as p\n"
        "assert 'tqdm' not in sys.modules\n"
        "with p.Progress(False) as update: update(1, 1.0)\n"
        "assert 'tqdm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
