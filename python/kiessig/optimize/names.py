"""Near misses among names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["suggestion"]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to `name`, or nothing if none is near."""
    by_letters = {_letters(k): k for k in known}
    near = difflib.get_close_matches(_letters(name), by_letters, n=1)
    return f"; did you mean {by_letters[near[0]]!r}?" if near else ""


def _letters(name: str) -> str:
    """Leave out what is forgotten most easily: capitals, dashes and blanks."""
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")
