"""How long imports take, in fresh interpreters one after the other."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.timing import Timing, summary

NUMPY = "import numpy"
PACKAGE = "import kiessig"
FUNCTION = "kiessig.reflectivity"  # what loads on first use of the kernels

LEAST_RUNS = 5

PROGRAM = f"""
import time
def clocks(): return time.process_time(), time.perf_counter()
times = [clocks()]
{NUMPY}
times.append(clocks())
{PACKAGE}
times.append(clocks())
{FUNCTION}
times.append(clocks())
for before, after in zip(times, times[1:]):
    print(after[0] - before[0], after[1] - before[1])
"""


def measure(seconds: float, clock: str) -> dict[str, Timing]:
    """Time numpy's import, that of the package after it, and of the package with its kernels after it."""
    pairs: dict[str, list[tuple[float, float]]] = {NUMPY: [], PACKAGE: [], f"{PACKAGE} and the kernels": []}
    finish = time.perf_counter() + len(pairs) * seconds
    run = 0
    while time.perf_counter() < finish or run < LEAST_RUNS:  # nothing of one run is left to the next
        done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
        run += 1
        if run == 1:  # fills the caches of the file system
            continue
        numpy, package, function = ([float(word) for word in line.split()] for line in done.stdout.splitlines())
        both = [package[0] + function[0], package[1] + function[1]]
        for name, (processor, wall) in zip(pairs, (numpy, package, both), strict=True):
            pairs[name].append((processor, wall))
    return {name: summary(found, clock=clock) for name, found in pairs.items()}
