"""What the commands have in common: cases by names and patterns, the clock, where results go."""

from __future__ import annotations

import argparse
import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path


def add_choice(parser: argparse.ArgumentParser, option: str, names: str) -> None:
    """Add the option for what to run, and the one that lists what there is."""
    parser.add_argument(option, nargs="+", default=["*"], metavar="NAME", help=f"names or patterns of {names} to run")
    parser.add_argument("--list", action="store_true", help=f"print the names of the {names} and do nothing else")


def add_clock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clock",
        choices=["cpu", "wall"],
        default="cpu",
        help="processor time, which other processes disturb less (default), or wall time",
    )


def add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all results to this file")
    parser.add_argument(
        "--markdown", type=Path, metavar="PATH", help="write the tables to this file, or between the marks in it"
    )


def chosen(option: str, patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names that match any of the patterns; ends the program where a pattern matches none."""
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            message = f"{option}: none is called {pattern!r}; there are {', '.join(names)}"
            raise SystemExit(message)
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def use_one_thread_of_linear_algebra() -> None:
    """To be called before numpy is imported, which reads these."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
