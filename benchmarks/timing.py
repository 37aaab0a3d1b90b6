"""Side-by-side timing: contenders take turns in one run, so that a drifting machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds per call."""

    median: float
    low: float  # 10th percentile
    high: float  # 90th percentile


def side_by_side(contenders: Mapping[str, Callable[[], object]], seconds: float = 0.6) -> dict[str, Timing]:
    """Time each contender in rounds, alternating their order, for about `seconds` each in all."""
    calls = {}
    for name, run in contenders.items():
        run()
        started = time.perf_counter()
        run()
        once = time.perf_counter() - started
        calls[name] = max(1, int(2e-3 / max(once, 1e-7)))  # a sample of at least 2 ms, above the clock's grain
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    finish = time.perf_counter() + seconds * len(names)
    while time.perf_counter() < finish or len(samples[names[0]]) < 5:
        for name in names:
            run, count = contenders[name], calls[name]
            started = time.perf_counter()
            for _ in range(count):
                run()
            samples[name].append((time.perf_counter() - started) / count)
        names.reverse()
    timings = {}
    for name in contenders:
        ordered = sorted(samples[name])
        timings[name] = Timing(
            statistics.median(ordered), ordered[len(ordered) // 10], ordered[len(ordered) - 1 - len(ordered) // 10]
        )
    return timings
