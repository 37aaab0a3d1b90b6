"""Numbers, tables as text and as markdown, and their place in a page: what every benchmark's report is made with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

Row = Sequence[str]

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
BUSY = 0.9  # below this share of a processor, others were running as well


def multiple(ratio: float) -> str:
    """A ratio that can be told from what is required: 79.6 is not 80."""
    return f"{ratio:.2f}" if ratio < 10.0 else f"{ratio:.1f}" if ratio < 100.0 else f"{ratio:.0f}"


def aligned(table: Sequence[Row]) -> list[str]:
    """Lines of a terminal, columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]


def piped(table: Sequence[Row], rule: Row | None = None) -> list[str]:
    """Lines of markdown; `rule` says how columns are aligned."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    between = "|" + "---|" * len(table[0]) if rule is None else "| " + " | ".join(rule) + " |"
    return [lines[0], between, *lines[1:]]


def put_between(path: Path, begin: str, end: str, text: str) -> None:
    """Write text between two marks of a page, or a new page of them; raises ValueError where a page has no marks."""
    page = path.read_text(encoding="utf-8") if path.exists() else f"{begin}\n{end}\n"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        message = f"{path} must hold the lines {begin!r} and {end!r}, between which the tables go"
        raise ValueError(message)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
