"""One file for each rival, at its best: compiled, warmed up, one thread, double precision, inputs in its own form."""

from __future__ import annotations


class MissingRivalError(Exception):
    """A rival, or a part of it, is not installed."""
