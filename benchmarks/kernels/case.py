"""One row or several of the table: contenders, the proof that they agree, and who should be faster by how much."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.rivals import MissingRivalError
from benchmarks.timing import Timing, side_by_side

Run = Callable[[], Any]


class Comparison(NamedTuple):
    """Ratio of the rival's time to ours."""

    ours: str
    rival: str
    required: float | None  # at least; None where nothing is required and the figure is for information


@dataclass
class Case:
    """Contenders for one task.

    Attributes
    ----------
    title : str
        What is computed.
    agree : callable
        Takes the contenders' results by name, and raises AssertionError where they differ by more than is explained.
    clock : {"cpu", "wall"}
        "wall" where threads or waiting are what is measured.
    measure : callable, optional
        Takes seconds and the clock, returns timings by contender, for what is not a call in this process.
    """

    title: str
    agree: Callable[[Mapping[str, Any]], None]
    clock: str = "cpu"
    contenders: dict[str, Run] = field(default_factory=dict)
    comparisons: list[Comparison] = field(default_factory=list)
    compiling: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    measure: Callable[[float, str], dict[str, Timing]] | None = None

    def add(self, name: str, run: Run) -> Case:
        """Add a contender of ours."""
        self.contenders[name] = run
        return self

    def against(
        self,
        rival: str,
        make: Callable[[], Run],
        required: float | None = None,
        *,
        ours: str = "kiessig",
        compiles: bool = False,
    ) -> Case:
        """Add a rival and what `ours` must reach against it, or note why it cannot run here."""
        if rival not in self.contenders and rival not in self.skipped:
            try:
                self.contenders[rival] = make()
            except MissingRivalError as error:
                self.skipped[rival] = str(error)
            else:
                if compiles:
                    self.compiling.append(rival)
        if rival in self.contenders:
            self.comparisons.append(Comparison(ours, rival, required))
        return self

    def run(self, seconds: float, clock: str) -> dict[str, Any]:
        """Call everyone once, prove that they agree, then time them; returns what the tables are made of."""
        outcome: dict[str, Any] = {"title": self.title, "skipped": self.skipped, "contenders": {}, "comparisons": []}
        if not self.comparisons:
            return outcome
        first_call: dict[str, float] = {}
        results = {}
        for name, run in self.contenders.items():
            started = time.perf_counter()
            results[name] = run()
            first_call[name] = time.perf_counter() - started
        self.agree(results)
        results.clear()  # large Jacobians need not occupy the caches
        used = "wall" if self.clock == "wall" else clock
        timings = self.measure(seconds, used) if self.measure else side_by_side(self.contenders, seconds, clock=used)
        outcome["clock"] = used
        outcome["contenders"] = {name: timing._asdict() for name, timing in timings.items()}
        outcome["first_call"] = {name: first_call[name] for name in self.compiling}
        for ours, rival, required in self.comparisons:
            ratio = timings[rival].median / timings[ours].median
            outcome["comparisons"].append(
                {
                    "ours": ours,
                    "rival": rival,
                    "ratio": ratio,
                    "ratio_of_wall_times": timings[rival].wall / timings[ours].wall,
                    "required": required,
                    "reached": None if required is None else bool(ratio >= required),
                }
            )
        return outcome
