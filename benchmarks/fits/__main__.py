"""Fits beside those of other programs: ``python -m benchmarks.fits`` from the root of the source tree."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.command import add_choice, add_outputs, chosen, use_one_thread_of_linear_algebra


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fits", description="Fit beside kiessig's rivals.")
    add_choice(parser, "--cases", "cases")
    parser.add_argument("--seeds", type=int, default=20, help="of our whole fits (default: 20)")
    parser.add_argument("--rival-seeds", type=int, default=3, help="of the rivals' whole fits (default: 3)")
    parser.add_argument("--starts", type=int, default=40, help="single random starts of each method (default: 40)")
    add_outputs(parser)
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    """Run the chosen cases, print the tables; returns 1 where a case's own check fails."""
    options = arguments(given)
    use_one_thread_of_linear_algebra()
    from benchmarks import environment
    from benchmarks.fits import table
    from benchmarks.fits.cases import CASES
    from benchmarks.rivals import MissingRivalError

    if options.list:
        print("\n".join(CASES))
        return 0
    results: dict[str, Any] = {"environment": environment.describe("wall"), "cases": {}}
    results["environment"]["threads"] = "as many as each program takes by itself; linear algebra on one"
    numbers = {"fit": options.seeds, "start": options.starts, "rival": options.rival_seeds}

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    for name in chosen("--cases", options.cases, list(CASES)):
        say(f"{name} ...")
        empty: dict[str, Any] = {"title": name, "skipped": {}, "contenders": {}, "requirements": []}
        try:
            results["cases"][name] = CASES[name]().run(numbers, say)
        except MissingRivalError as error:
            results["cases"][name] = {**empty, "skipped": {"the case": str(error)}}
        except AssertionError as error:
            results["cases"][name] = {**empty, "failure": " ".join(str(error).split())}
        if options.json:  # after each case, some of which take minutes
            options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table.text(results))
    if options.markdown:
        table.put_markdown(results, options.markdown)
    return int(any("failure" in outcome for outcome in results["cases"].values()))


if __name__ == "__main__":
    sys.exit(main())
