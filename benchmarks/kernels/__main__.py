"""Every kernel beside its rivals, in one run: ``python -m benchmarks.kernels`` from the root of the source tree.

Needs the extra `bench`, and for all rivals the extra `rivals`; those that are not installed are reported and left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.command import add_choice, add_clock, add_outputs, chosen, use_one_thread_of_linear_algebra


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description="Time kiessig beside its rivals.")
    add_choice(parser, "--cases", "cases")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each contender of a case (default: 1)")
    add_clock(parser)
    add_outputs(parser)
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run the chosen cases, print the table; returns 1 where answers differ."""
    options = arguments(given)
    use_one_thread_of_linear_algebra()
    from benchmarks import environment, timing
    from benchmarks.kernels import table
    from benchmarks.kernels.cases import CASES
    from benchmarks.rivals import MissingRivalError

    if options.list:
        print("\n".join(CASES))
        return 0
    clock = options.clock if timing.processor_clock_is_fine() else "wall"
    results: dict[str, Any] = {"environment": environment.describe(clock), "clock": clock, "cases": {}}
    for name in chosen("--cases", options.cases, list(CASES)):
        print(f"{name} ...", file=sys.stderr, flush=True)
        empty: dict[str, Any] = {"title": name, "skipped": {}, "contenders": {}, "comparisons": []}
        try:
            case = CASES[name]()
        except MissingRivalError as error:
            results["cases"][name] = {**empty, "skipped": {"the case": str(error)}}
            continue
        try:
            results["cases"][name] = case.run(options.seconds, clock)
        except AssertionError as error:
            results["cases"][name] = {**empty, "title": case.title, "failure": " ".join(str(error).split())}
    print(table.text(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        table.put_markdown(results, options.markdown)
    return int(any("failure" in outcome for outcome in results["cases"].values()))


if __name__ == "__main__":
    sys.exit(main())
