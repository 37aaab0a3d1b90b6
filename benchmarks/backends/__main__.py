"""kiessig, alone and in its hosts, beside every other backend: ``python -m benchmarks``.

From the root of the source tree. Backends that are not installed are named and left out. Everything that this measures
takes some 20 minutes, ``--quick`` three to five.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import environment, timing
from benchmarks.backends import report, tasks
from benchmarks.backends.measure import Comparison, Limits
from benchmarks.backends.registry import BACKENDS, OURS, SEVENTEEN
from benchmarks.backends.tasks import Size
from benchmarks.command import add_choice, add_clock, add_outputs, chosen

MEMORY_SIZES = (Size(10, 1000), Size(200, 1000), Size(40, 10_000))
# of the time that is allowed, when the largest cases of each part are given up
SHARES = {"value": 0.2, "gradient": 0.45, "jacobian": 0.65, "smeared": 0.88, "batch": 0.92, "memory": 1.0}
STARTED = time.monotonic()
OVERHEAD_SIZES = (Size(1, 100), Size(10, 1000), Size(40, 1000))


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time kiessig beside others.")
    parser.add_argument("--quick", action="store_true", help="fewer cases, shorter samples, lower limits")
    add_choice(parser, "--backends", "backends")
    parser.add_argument("--tasks", nargs="+", choices=list(tasks.TITLES), default=list(tasks.TITLES))
    parser.add_argument("--layers", nargs="+", type=int, metavar="N", help="instead of " + report.listed(tasks.LAYERS))
    parser.add_argument("--points", nargs="+", type=int, metavar="N", help="instead of " + report.listed(tasks.POINTS))
    parser.add_argument("--seconds", type=float, help="of timing, for each backend of a case (default: 0.12)")
    parser.add_argument("--limit", type=float, help="seconds that one call may take (default: 10)")
    parser.add_argument("--memory", type=float, default=4.0, help="GiB that one process may take (default: 4)")
    parser.add_argument("--minutes", type=float, default=22.0, help="of which each part has its share (default: 22)")
    add_clock(parser)
    add_outputs(parser)
    parser.add_argument("--plot", type=Path, metavar="PATH", help="draw times over layers; .svg, .png or .pdf")
    parser.add_argument("--from-json", type=Path, metavar="PATH", help="measure nothing, write what is in this file")
    return parser.parse_args(given)


def with_ours(patterns: list[str]) -> list[str]:
    """The chosen backends, and those that the others are compared with."""
    names = chosen("--backends", patterns, list(BACKENDS))
    return [name for name in BACKENDS if name in (OURS, SEVENTEEN, *names)]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run everything that is asked for."""
    quick = options.quick
    layers = tuple(options.layers or ((1, 10, 40) if quick else tasks.LAYERS))
    points = tuple(options.points or ((100, 1000) if quick else tasks.POINTS))
    limits = Limits(
        options.seconds if options.seconds is not None else 0.05 if quick else 0.12,
        options.limit if options.limit is not None else 5.0 if quick else 10.0,
        1024.0 * options.memory,
    )
    clock = options.clock if timing.processor_clock_is_fine() else "wall"
    comparison = Comparison(with_ours(options.backends), limits, clock)
    results: dict[str, Any] = {"clock": clock, "limits": limits._asdict(), "rows": [], "memory": [], "overhead": []}
    started, left_out = time.monotonic(), 0

    def is_late(part: str) -> bool:
        return time.monotonic() - started > 60.0 * options.minutes * SHARES[part]

    try:
        comparison.start()
        results["environment"] = environment.describe(clock)
        results["missing"] = comparison.missing
        results["backends"] = {name: BACKENDS[name].description for name in comparison.workers}
        for size in [s for s in OVERHEAD_SIZES if s.layers <= max(layers)]:
            tell(f"overhead {size.text}")
            results["overhead"] += comparison.overhead(*size)
        for task in options.tasks:
            for size in tasks.sizes(task, layers, points):
                if is_late(task):
                    left_out += 1
                    continue
                tell(f"{task} {size.text}")
                row = comparison.case(task, size)
                results["rows"].append(row)
                for line in report.failures({"rows": [row]}):
                    tell(line)
        for task in [t for t in ("gradient", "jacobian") if t in options.tasks]:
            for size in [s for s in MEMORY_SIZES if s.layers in layers and s.points in points]:
                if is_late("memory"):
                    left_out += 1
                    continue
                tell(f"memory of {task} {size.text}")
                results["memory"].append(comparison.memory(task, size))
    finally:
        comparison.end()
    results["left_out"] = left_out
    return results


def tell(what: str) -> None:
    print(f"{time.monotonic() - STARTED:.0f} s: {what}", file=sys.stderr, flush=True)


def main(given: list[str] | None = None) -> int:
    """Measure, print and write; returns 1 where answers differ."""
    options = arguments(given)
    if options.list:
        print("\n".join(BACKENDS))
        return 0
    results = json.loads(options.from_json.read_text(encoding="utf-8")) if options.from_json else measure(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(report.text(results))
    if options.markdown:
        report.put_markdown(results, options.markdown)
    if options.plot:
        from benchmarks.backends.figure import draw

        draw(results, options.plot)
    return int(bool(report.failures(results)))


if __name__ == "__main__":
    sys.exit(main())
