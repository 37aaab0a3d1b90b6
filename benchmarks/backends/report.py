"""The results as text and markdown, all from what is written as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.backends.registry import OURS
from benchmarks.backends.tasks import TITLES
from benchmarks.page import BUSY, UNITS, aligned, multiple, piped, put_between

BEGIN, END = "<!-- backends -->", "<!-- end of backends -->"


def listed(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def duration(seconds: float) -> str:
    unit, name = next(((unit, name) for unit, name in UNITS if seconds >= unit), UNITS[-1])
    number = seconds / unit
    return f"{number:.3g} {name}" if number < 1000.0 else f"{number:.0f} {name}"


def ratio(row: dict[str, Any], name: str) -> float | None:
    """The backend's time over kiessig's; None where one of them has none."""
    times = [row["contenders"].get(key, {}).get("median") for key in (OURS, name)]
    return None if None in times else times[1] / times[0]


def cell(row: dict[str, Any], name: str) -> str:
    """Time and ratio to kiessig's, bold where kiessig is slower; or why there is none."""
    found = row["contenders"].get(name)
    if found is None:
        return ""
    if "failure" in found:
        return "FAILED"
    if "median" not in found:
        note = found["note"]
        return note if note.startswith(">") else "not offered"
    if name == OURS:
        return duration(found["median"])
    share = ratio(row, name)
    if share is None:
        return duration(found["median"])
    text = f"{duration(found['median'])} ({multiple(share)})"
    return text if share >= 1.0 else f"**{text}**"


def failures(results: dict[str, Any]) -> list[str]:
    return [
        f"{title(row)}: {name} NOT TIMED: {found['failure']}"
        for row in results["rows"]
        for name, found in row["contenders"].items()
        if "failure" in found
    ]


def title(row: dict[str, Any]) -> str:
    return f"{TITLES[row['task']]}, {row['layers']} layers x {row['points']} Q"


def losses(results: dict[str, Any]) -> list[str]:
    """Every case in which another program is faster, worst first."""
    found = []
    for row in results["rows"]:
        for name in row["contenders"]:
            share = ratio(row, name)
            if share is not None and share < 1.0 and not name.startswith(OURS):
                found.append((share, f"{title(row)}: {name} takes {multiple(share)} of kiessig's time"))
    return [line for _, line in sorted(found)]


def summary(results: dict[str, Any]) -> list[list[str]]:
    """For each task and backend the least, middle and largest ratio."""
    names = [name for name in results["backends"] if name != OURS and name not in results["missing"]]
    table = [["backend", *(TITLES[task] for task in tasks_of(results))]]
    for name in names:
        line = [name]
        for task in tasks_of(results):
            shares = [s for row in results["rows"] if row["task"] == task and (s := ratio(row, name)) is not None]
            line.append(" / ".join(multiple(f(shares)) for f in (min, statistics.median, max)) if shares else "")
        table.append(line)
    return table


def tasks_of(results: dict[str, Any]) -> list[str]:
    return [task for task in TITLES if any(row["task"] == task for row in results["rows"])]


def task_table(results: dict[str, Any], task: str) -> list[list[str]]:
    rows = [row for row in results["rows"] if row["task"] == task]
    rows.sort(key=lambda row: (row["layers"], row["points"]))
    names = [name for name in results["backends"] if any(name in row["contenders"] for row in rows)]
    return [
        ["layers", "Q", *names],
        *([str(row["layers"]), str(row["points"]), *(cell(row, name) for name in names)] for row in rows),
    ]


def first_calls(results: dict[str, Any]) -> list[list[str]]:
    """First calls, which compile where there is something to compile, of a few sizes."""
    wanted = [(1, 100), (10, 1000), (200, 1000)]
    rows = [row for row in results["rows"] if (row["layers"], row["points"]) in wanted]
    names = [name for name in results["backends"] if any("first" in row["contenders"].get(name, {}) for row in rows)]
    table = [["task", "layers", "Q", *names]]
    for row in rows:
        line = [row["contenders"].get(name, {}) for name in names]
        cells = [duration(found["first"]) if "first" in found else "" for found in line]
        table.append([TITLES[row["task"]], str(row["layers"]), str(row["points"]), *cells])
    return table


def memory_table(results: dict[str, Any]) -> list[list[str]]:
    names = [name for name in results["backends"] if any(name in row["contenders"] for row in results["memory"])]
    table = [["task", "layers", "Q", *names]]
    for row in results["memory"]:
        line = []
        for name in names:
            found = row["contenders"].get(name, {})
            note = found.get("note", "")
            line.append(
                f"{found['peak']:.3g} MiB" if "peak" in found else note if note.startswith(">") else "not offered"
            )
        table.append([TITLES[row["task"]], str(row["layers"]), str(row["points"]), *line])
    return table


def overhead_table(results: dict[str, Any]) -> list[list[str]]:
    table = [["inside", "layers", "Q", "bare kernel", "inside", "more, median", "more, least", "allowed", ""]]
    for row in results["overhead"]:
        times = [signed(row[key]) for key in ("bare", "host", "extra", "least_extra")]
        allowed = "" if row["required"] is None else duration(row["required"])
        verdict = {None: "", True: "reached", False: "MISSED"}[row["reached"]]
        table.append([row["title"], str(row["layers"]), str(row["points"]), *times, allowed, verdict])
    return table


def signed(seconds: float) -> str:
    return duration(seconds) if seconds >= 0.0 else f"-{duration(-seconds)}"


def notes(results: dict[str, Any]) -> list[str]:
    lines = failures(results)
    lines += [f"{name} is missing: {reason}" for name, reason in results["missing"].items()]
    offered: dict[tuple[str, str], list[str]] = {}
    for row in results["rows"]:
        for name, found in row["contenders"].items():
            if "note" in found and not found["note"].startswith(">"):
                tasks = offered.setdefault((name, found["note"]), [])
                if TITLES[row["task"]] not in tasks:
                    tasks.append(TITLES[row["task"]])
    lines += [f"{name} does not offer {', '.join(tasks)}: {note}" for (name, note), tasks in offered.items()]
    if results["left_out"]:
        lines.append(f"{results['left_out']} cases were not begun: the time that was allowed was up")
    shares = [found["share"] for row in results["rows"] for found in row["contenders"].values() if "share" in found]
    if shares and statistics.median(shares) < BUSY:
        lines.append(f"The machine was not quiet: backends got {statistics.median(shares):.0%} of a processor")
    return lines


def sections(results: dict[str, Any]) -> list[tuple[str, list[list[str]], list[str]]]:
    """Heading, table and list of every part."""
    slower = losses(results)
    compared = [s for row in results["rows"] for n in row["contenders"]
                if not n.startswith(OURS) and (s := ratio(row, n)) is not None]  # fmt: skip
    told = f"Another program is faster in {len(slower)} of {len(compared)} comparisons" + (":" if slower else ".")
    parts: list[tuple[str, list[list[str]], list[str]]] = [
        ("Ratios to kiessig: least / median / largest", summary(results), notes(results)),
        ("Where kiessig loses", [], [told, *slower]),
    ]
    if results["overhead"]:
        parts.append(("Cost of the hosts", overhead_table(results), []))
    parts += [(TITLES[task], task_table(results, task), []) for task in tasks_of(results)]
    parts.append(("First call", first_calls(results), []))
    if results["memory"]:
        parts.append(("Memory", memory_table(results), []))
    return parts


def text(results: dict[str, Any]) -> str:
    """For a terminal."""
    lines = [f"{name}: {fact}" for name, fact in results["environment"].items()]
    for heading, table, remarks in sections(results):
        lines += ["", heading]
        lines += [*(aligned(table) if len(table) > 1 else []), *remarks]
    return "\n".join(lines)


def markdown(results: dict[str, Any]) -> str:
    """For the documentation."""
    lines = [f"- {name}: {fact}" for name, fact in results["environment"].items()]
    limits = results["limits"]
    lines.append(f"- limits: {limits['longest']:g} s for a call, {limits['memory'] / 1024.0:g} GiB for a process")
    for heading, table, remarks in sections(results):
        lines += ["", f"### {heading}", ""]
        if len(table) > 1:
            left = sum(name in ("task", "inside", "backend") for name in table[0][:1])
            lines += piped(table, ["---"] * left + ["--:"] * (len(table[0]) - left))
        if remarks:
            lines += [""] * (len(table) > 1) + [f"- {remark}" for remark in remarks]
    return "\n".join(lines)


def put_markdown(results: dict[str, Any], path: Path) -> None:
    """Write the markdown between the marks of a page, or a new page of it."""
    put_between(path, BEGIN, END, markdown(results))
