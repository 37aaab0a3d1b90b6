"""What a command is asked to run, by names and patterns."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence


def chosen(option: str, patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Names that match any of the patterns; ends the program where a pattern matches none."""
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            message = f"{option}: none is called {pattern!r}; there are {', '.join(names)}"
            raise SystemExit(message)
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
