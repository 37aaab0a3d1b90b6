"""One backend in a process of its own, which can be ended when it takes too long or too much."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.timing import LEAST_SAMPLE

# One thread for everyone; read when the libraries are loaded. XLA sizes its pool by NPROC.
ONE_THREAD = {
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "NUMBA_NUM_THREADS",
            "NPROC",
        ),
        "1",
    ),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
START = 180.0  # seconds that imports may take
MEBIBYTE = 2.0**20


class ExceededError(Exception):
    """A limit of time or memory; the worker is gone."""


class FailedError(Exception):
    """The backend raised."""


class Worker:
    """The process of one backend, from outside. It is started when first asked, and again after it has been ended."""

    def __init__(self, name: str, memory_limit: float) -> None:
        self.name = name
        self._memory_limit = memory_limit
        self._process: Any = None
        self._connection: Any = None

    def ask(self, *request: Any, limit: float) -> Any:
        """Return the answer, or raise ExceededError."""
        if self._process is None:
            self._start()
        self._connection.send(request)
        return self._answer(limit)

    def _start(self) -> None:
        # threads are counted when libraries are loaded, in the child: its environment must be right before
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=serve, args=(theirs, self.name), daemon=True)
            self._process.start()
            theirs.close()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        self._answer(START)

    def _answer(self, limit: float) -> Any:
        finish = time.monotonic() + limit
        while not self._connection.poll(0.05):
            if time.monotonic() > finish:
                self.end()
                message = f"> {limit:g} s"
                raise ExceededError(message)
            held = resident(self._process.pid)
            if held > self._memory_limit:
                self.end()
                message = f"> {self._memory_limit / 1024.0:g} GiB"
                raise ExceededError(message)
        try:
            kind, answer = self._connection.recv()
        except EOFError:
            self.end()
            message = "the process ended"
            raise ExceededError(message) from None
        if kind == "failed":
            raise FailedError(answer)
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = self._connection = None


def resident(pid: int | str) -> float:
    """MiB that a process holds now; 0 where that cannot be found out."""
    return _status(pid, "VmRSS")


def _status(pid: int | str, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024.0 for line in lines if line.startswith(field + ":")), 0.0)


def serve(connection: Connection, name: str) -> None:
    """Answer requests until the other side is gone."""
    from benchmarks.backends import overhead, tasks
    from benchmarks.backends.registry import BACKENDS
    from benchmarks.rivals import MissingRivalError

    backend = BACKENDS[name]
    run: Any = None

    def first(task: str, size: tuple[int, int]) -> Any:
        nonlocal run
        run = None
        gc.collect()
        try:
            run = backend.make(task, tasks.problem(task, tasks.Size(*size)))
        except MissingRivalError as error:
            return {"missing": str(error)}
        started = time.perf_counter()
        result = run()
        return {"first": time.perf_counter() - started, "digest": tasks.digest(task, result)}

    def sample(seconds: float) -> Any:
        gc.collect()
        gc.disable()  # a collection would be charged to whoever happens to run
        wall, processor = time.perf_counter(), time.process_time()
        run()
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        samples = [(processor, wall)] if wall > LEAST_SAMPLE else []
        count = max(1, int(LEAST_SAMPLE / max(wall, 1e-7)))
        finish = time.perf_counter() + seconds
        while not samples or time.perf_counter() < finish:
            wall, processor = time.perf_counter(), time.process_time()
            for _ in range(count):
                run()
            processor, wall = time.process_time() - processor, time.perf_counter() - wall
            samples.append((processor / count, wall / count))
        gc.enable()
        return samples

    def memory(task: str, size: tuple[int, int]) -> Any:
        try:
            call = backend.make(task, tasks.problem(task, tasks.Size(*size)))
        except MissingRivalError as error:
            return {"missing": str(error)}
        before = resident("self")
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here on
        except OSError:
            return {"missing": "the system does not tell"}
        for _ in range(3):
            call()
        return {"before": before, "peak": _status("self", "VmHWM") - before}

    actions = {"first": first, "sample": sample, "memory": memory, "overhead": overhead.measure}
    try:
        warm = first("value", (1, 10))  # imports and starts everything
        connection.send(("ready", warm))
    except Exception as error:  # noqa: BLE001 (told to the other side)
        connection.send(("failed", repr(error)))
        return
    while True:
        try:
            action, *arguments = connection.recv()
            try:
                answer = ("answer", actions[action](*arguments))
            except Exception as error:  # noqa: BLE001 (told to the other side)
                answer = ("failed", repr(error))
            connection.send(answer)
        except (EOFError, OSError):  # the other side has been ended
            return
