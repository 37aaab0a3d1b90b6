"""All backends through one case: first call, comparison, timing in turns, within limits of time and memory."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from benchmarks import timing
from benchmarks.backends import agreement
from benchmarks.backends.plain import SAME
from benchmarks.backends.registry import OURS
from benchmarks.backends.tasks import Size
from benchmarks.backends.worker import START, ExceededError, FailedError, Worker

TURN = 0.02  # seconds of one backend before it is the next one's turn
RELIABLE = 0.1  # seconds: calls that take longer are all computation, which grows with layers and points at least


class Limits(NamedTuple):
    """What a measurement may take."""

    seconds: float  # of timing, for each backend of a case
    longest: float  # seconds of a first or any other call
    memory: float  # MiB of a process


class Comparison:
    """The processes of all backends, and what is known of them so far."""

    def __init__(self, names: list[str], limits: Limits, clock: str) -> None:
        self.workers = {name: Worker(name, limits.memory) for name in names}
        self.limits, self.clock = limits, clock
        self.missing: dict[str, str] = {}
        self._beyond: dict[tuple[str, str], list[tuple[Size, str]]] = {}
        self._slow: dict[tuple[str, str], list[tuple[Size, float]]] = {}

    def start(self) -> None:
        """Start everyone, and note who is not installed."""
        for name, worker in self.workers.items():
            try:
                answer = worker.ask("first", "value", Size(1, 10), limit=START)
            except (ExceededError, FailedError) as error:
                answer = {"missing": f"it cannot be started: {error}"}
            if answer.get("missing", SAME) != SAME:
                self.missing[name] = answer["missing"]
                worker.end()

    def end(self) -> None:
        """End all processes."""
        for worker in self.workers.values():
            worker.end()

    def case(self, task: str, size: Size) -> dict[str, Any]:
        """Compare, then time; returns the row of the table."""
        contenders: dict[str, dict[str, Any]] = {}
        digests = {}
        for name, worker in self.workers.items():
            if name in self.missing:
                continue
            known = self._known_to_exceed(task, name, size)
            if known:
                contenders[name] = {"note": known}
                continue
            try:
                answer = worker.ask("first", task, size, limit=self.limits.longest)
            except ExceededError as error:
                self._beyond.setdefault((task, name), []).append((size, str(error)))
                contenders[name] = {"note": str(error)}
                continue
            except FailedError as error:
                contenders[name] = {"failure": f"it raised {error}"}
                continue
            if "missing" in answer:
                if answer["missing"] != SAME:
                    contenders[name] = {"note": answer["missing"]}
                continue
            contenders[name] = {"first": answer["first"]}
            digests[name] = answer["digest"]
        for name, reason in agreement.differences(task, size, digests).items():
            contenders[name]["failure"] = reason
        ready = [name for name in digests if "failure" not in contenders[name]]
        for name, samples in self._samples(task, size, ready, contenders).items():
            measured = timing.summary(samples, clock=self.clock)._asdict()
            measured["least"] = min(pair[self.clock == "wall"] for pair in samples)
            contenders[name] |= measured
            if measured["least"] > RELIABLE:
                self._slow.setdefault((task, name), []).append((size, measured["least"]))
        return {"task": task, "layers": size.layers, "points": size.points, "contenders": contenders}

    def _samples(
        self, task: str, size: Size, names: list[str], contenders: dict[str, dict[str, Any]]
    ) -> dict[str, list[tuple[float, float]]]:
        """Take turns until everyone has had its time; who exceeds a limit is left out."""
        samples: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        spent = dict.fromkeys(names, 0.0)
        order = list(names)
        while waiting := [name for name in order if not spent[name] or spent[name] < self.limits.seconds]:
            for name in waiting:
                started = time.monotonic()
                try:
                    samples[name] += self.workers[name].ask("sample", TURN, limit=self.limits.longest)
                except ExceededError as error:
                    self._beyond.setdefault((task, name), []).append((size, str(error)))
                    contenders[name]["note"] = str(error)
                    samples.pop(name)
                    order.remove(name)
                else:
                    spent[name] += time.monotonic() - started
            order.reverse()
        return samples

    def _known_to_exceed(self, task: str, name: str, size: Size) -> str | None:
        """Tell the limit that a smaller case lets expect to be exceeded."""
        if name == OURS:
            return None
        for smaller, reason in self._beyond.get((task, name), ()):
            if smaller.layers <= size.layers and smaller.points <= size.points:
                return f"{reason}*"
        for smaller, seconds in self._slow.get((task, name), ()):
            growth = size.layers * size.points / (smaller.layers * smaller.points)
            if (
                smaller.layers <= size.layers
                and smaller.points <= size.points
                and seconds * growth > self.limits.longest
            ):
                return f"> {self.limits.longest:g} s*"
        return None

    def memory(self, task: str, size: Size) -> dict[str, Any]:
        """Peak of each backend in a process of its own that has done nothing else."""
        contenders: dict[str, dict[str, Any]] = {}
        for name in self.workers:
            if name in self.missing:
                continue
            if known := self._known_to_exceed(task, name, size):
                contenders[name] = {"note": known}
                continue
            worker = Worker(name, self.limits.memory)
            try:
                answer = worker.ask("memory", task, size, limit=3.0 * self.limits.longest)
            except ExceededError as error:
                answer = {"note": str(error)}
            finally:
                worker.end()
            if "missing" not in answer:
                contenders[name] = answer
            elif answer["missing"] != SAME:
                contenders[name] = {"note": answer["missing"]}
        return {"task": task, "layers": size.layers, "points": size.points, "contenders": contenders}

    def overhead(self, layers: int, points: int) -> list[dict[str, Any]]:
        """What our operations in hosts cost beyond the bare kernels; each measured in the host's own process."""
        found = []
        for name in ("kiessig in JAX", "kiessig in torch"):
            if name in self.workers and name not in self.missing:
                found += self.workers[name].ask("overhead", name, layers, points, self.limits.seconds, limit=START)
        return found
