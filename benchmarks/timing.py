"""Side-by-side timing: contenders take turns in one run, so that a drifting machine slows all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

LEAST_SAMPLE = 5e-3  # seconds of calls in one sample: far above the clocks' grain and what reading them costs
LEAST_ROUNDS = 5


class Timing(NamedTuple):
    """Seconds per call by one of two clocks: processor time of the whole process, or wall time."""

    median: float
    low: float  # 10th percentile
    high: float  # 90th percentile
    wall: float  # median wall time, whichever clock the others are by
    share: float  # processor time over wall time in all: above 1 is more than one thread, below 1 a busy machine
    samples: int


def processor_clock_is_fine() -> bool:
    """Tell whether processor time can be read to a microsecond here (on some systems it advances in ticks)."""
    return time.get_clock_info("process_time").resolution <= 1e-6


def side_by_side(
    contenders: Mapping[str, Callable[[], object]], seconds: float = 0.6, *, clock: str = "cpu"
) -> dict[str, Timing]:
    """Time each contender in rounds, alternating their order, for about `seconds` each in all.

    Every contender must have been called before: the first call of some compiles.
    """
    calls = {}
    for name, run in contenders.items():
        started = time.perf_counter()
        run()
        once = time.perf_counter() - started
        calls[name] = max(1, int(LEAST_SAMPLE / max(once, 1e-7)))
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    names = list(contenders)
    finish = time.perf_counter() + seconds * len(names)
    collecting = gc.isenabled()
    gc.disable()  # a collection would be charged to whoever happens to run
    try:
        while time.perf_counter() < finish or len(samples[names[0]]) < LEAST_ROUNDS:
            for name in names:
                run, count = contenders[name], calls[name]
                wall, processor = time.perf_counter(), time.process_time()
                for _ in range(count):
                    run()
                processor, wall = time.process_time() - processor, time.perf_counter() - wall
                samples[name].append((processor / count, wall / count))
            names.reverse()
    finally:
        if collecting:
            gc.enable()
    return {name: summary(pairs, clock=clock) for name, pairs in samples.items()}


def summary(pairs: Sequence[tuple[float, float]], *, clock: str) -> Timing:
    """Median and middle 80 % of samples of (processor time, wall time)."""
    ordered = sorted(pair[clock == "wall"] for pair in pairs)
    tail = len(ordered) // 10
    return Timing(
        statistics.median(ordered),
        ordered[tail],
        ordered[-1 - tail],
        statistics.median(wall for _, wall in pairs),
        sum(processor for processor, _ in pairs) / sum(wall for _, wall in pairs),
        len(ordered),
    )
