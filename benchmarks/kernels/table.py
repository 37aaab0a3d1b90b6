"""The results as text for the terminal and as markdown for the documentation, both from what is written as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.page import BUSY, UNITS, aligned, multiple, piped, put_between


class Row(NamedTuple):
    """One line of the table."""

    task: str
    ours: str
    ours_time: str
    rival: str
    rival_time: str
    ratio: str
    required: str
    verdict: str


HEADINGS = Row("task", "ours", "median (10-90 %)", "rival", "median (10-90 %)", "ratio", "required", "")


def duration(timing: dict[str, float]) -> str:
    """Median and middle 80 %, all in the unit of the median."""
    unit, name = next(((unit, name) for unit, name in UNITS if timing["median"] >= unit), UNITS[-1])
    numbers = [f"{timing[key] / unit:.3g}" if timing[key] < 1000.0 * unit else f"{timing[key] / unit:.0f}"
               for key in ("median", "low", "high")]  # fmt: skip
    return f"{numbers[0]} {name} ({numbers[1]}-{numbers[2]})"


def verdict(comparison: dict[str, Any]) -> str:
    if comparison["reached"] is None:
        return "" if comparison["ratio"] >= 1.0 else "slower"
    if comparison["reached"]:
        return "reached"
    return "MISSED" if comparison["ratio"] >= 1.0 else "MISSED, slower"


def rows(results: dict[str, Any]) -> list[Row]:
    """One row for each comparison."""
    table = []
    for outcome in results["cases"].values():
        for comparison in outcome["comparisons"]:
            ours, rival = comparison["ours"], comparison["rival"]
            required = comparison["required"]
            table.append(
                Row(
                    outcome["title"],
                    ours,
                    duration(outcome["contenders"][ours]),
                    rival,
                    duration(outcome["contenders"][rival]),
                    multiple(comparison["ratio"]),
                    "" if required is None else f"{required:g}",
                    verdict(comparison),
                )
            )
    return table


def notes(results: dict[str, Any]) -> list[str]:
    """What was left out, what failed, what compiling took, and whether the machine was quiet."""
    lines = []
    for outcome in results["cases"].values():
        if "failure" in outcome:
            lines.append(f"{outcome['title']}: NOT TIMED, the answers differ: {outcome['failure']}")
        lines += [f"{outcome['title']}: {name} skipped: {reason}" for name, reason in outcome["skipped"].items()]
    for outcome in results["cases"].values():
        lines += [
            f"{outcome['title']}: the first call of {name} took {seconds:.2f} s, compilation included"
            for name, seconds in outcome.get("first_call", {}).items()
        ]
    shares = [timing["share"] for outcome in results["cases"].values() for timing in outcome["contenders"].values()]
    if shares and min(shares) < BUSY:
        lines.append(
            f"The machine was not quiet: a contender got {min(shares):.0%} of a processor. Ratios of wall times, and "
            "rows that are timed by them, mean little."
        )
    lines += [
        f"{outcome['title']}: by wall time"
        for outcome in results["cases"].values()
        if outcome.get("clock") == "wall" and results["clock"] != "wall"
    ]
    return lines


def text(results: dict[str, Any]) -> str:
    """For a terminal."""
    lines = [f"{name}: {fact}" for name, fact in results["environment"].items()]
    lines += ["", *aligned([HEADINGS, *rows(results)])]
    remarks = notes(results)
    return "\n".join([*lines, *([""] if remarks else []), *remarks])


def markdown(results: dict[str, Any]) -> str:
    """For the documentation."""
    lines = [f"- {name}: {fact}" for name, fact in results["environment"].items()]
    rule = [*["---"] * 5, "--:", "--:", "---"]
    lines += ["", *piped([HEADINGS, *rows(results)], rule)]
    remarks = notes(results)
    return "\n".join([*lines, *([""] if remarks else []), *(f"- {remark}" for remark in remarks)])


def put_markdown(results: dict[str, Any], path: Path) -> None:
    """Write the markdown between the marks of its instruction set, in a new file or in one that has such marks."""
    isa = results["environment"]["instruction set"]
    begin, end = f"<!-- figures {isa} -->", f"<!-- end of figures {isa} -->"
    put_between(path, begin, end, markdown(results))
