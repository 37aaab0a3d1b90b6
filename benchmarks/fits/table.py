"""The results as text for the terminal and as markdown for the documentation, both from what is written as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.page import aligned, multiple, piped, put_between

BEGIN, END = "<!-- figures of fits -->", "<!-- end of figures of fits -->"
HEADINGS = ("who", "found", "within 2 %", "chi2, median (worst)", "evaluations", "time", "beside ours")
REQUIRED = ("case", "who", "must reach", "reaches", "")
OURS = "fit"


def duration(seconds: float) -> str:
    if seconds >= 1.0:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.3g} ms"


def misfit(chi2: float | None) -> str:
    return "far above" if chi2 is None else f"{chi2:.6g}"


def rows(outcome: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row for each contender of a case; times are compared with ours of the same kind."""
    contenders = outcome["contenders"]
    whole = next((c["seconds"] for c in contenders.values() if c["kind"] == OURS), None)
    single = next((c["seconds"] for c in contenders.values() if c["kind"] == "start"), None)
    found = []
    for name, c in contenders.items():
        ours = single if c["kind"] == "start" else whole
        found.append(
            (
                name,
                f"{c['reached']} of {c['fits']}",
                f"{c['near']} of {c['fits']}",
                f"{misfit(c['chi2'])} ({misfit(c['worst'])})",
                f"{c['evaluations']:g}",
                duration(c["seconds"]),
                "" if ours is None or ours == c["seconds"] else f"{multiple(c['seconds'] / ours)} x",
            )
        )
    return found


def requirements(results: dict[str, Any]) -> list[tuple[str, ...]]:
    table = []
    for outcome in results["cases"].values():
        for r in outcome["requirements"]:
            if r["share"] is not None:
                wanted, value = f"{r['required']:.0%} found", f"{r['value']:.0%}"
            else:
                wanted, value = f"{r['required']:g} x faster than {r['rival']}", f"{multiple(r['value'])} x"
            verdict = "reached" if r["reached"] else "MISSED"
            table.append((outcome["title"], r["contender"], wanted, value, verdict))
    return table


def notes(outcome: dict[str, Any]) -> list[str]:
    lines = [f"NOT RUN, the check failed: {outcome['failure']}"] if "failure" in outcome else []
    return lines + [f"{name} skipped: {reason}" for name, reason in outcome["skipped"].items()]


def text(results: dict[str, Any]) -> str:
    """For a terminal."""
    lines = [f"{name}: {fact}" for name, fact in results["environment"].items()]
    for outcome in results["cases"].values():
        lines += ["", outcome["title"], *aligned([HEADINGS, *rows(outcome)]), *notes(outcome)]
    return "\n".join([*lines, "", *aligned([REQUIRED, *requirements(results)])])


def markdown(results: dict[str, Any]) -> str:
    """For the documentation."""
    lines = [f"- {name}: {fact}" for name, fact in results["environment"].items()]
    for outcome in results["cases"].values():
        lines += ["", f"### {outcome['title']}", "", *piped([HEADINGS, *rows(outcome)])]
        remarks = notes(outcome)
        lines += ["", *(f"- {remark}" for remark in remarks)] if remarks else []
    return "\n".join([*lines, "", "### What is required", "", *piped([REQUIRED, *requirements(results)])])


def put_markdown(results: dict[str, Any], path: Path) -> None:
    """Write the markdown between its marks, in a new file or in one that has such marks."""
    put_between(path, BEGIN, END, markdown(results))
