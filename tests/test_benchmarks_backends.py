"""The comparison of backends runs, finds wrong answers, keeps its limits, and writes table, JSON and figure."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

NAMES = ("kiessig", "kiessig, 17 nodes", "kiessig, differences")


@pytest.fixture
def bench(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the comparison, which are not part of the package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(repository))
    from benchmarks.backends import __main__, agreement, measure, plain, registry, report, tasks, worker

    modules = (agreement, measure, plain, registry, report, tasks, worker)
    yield SimpleNamespace(main=__main__, **{module.__name__.split(".")[2]: module for module in modules})
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "benchmarks":
            del sys.modules[name]


def run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def test_tiny_run_writes_everything(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page, figures, plot = tmp_path / "out.md", tmp_path / "out.json", tmp_path / "out.svg"
    done = run(
        repository,
        *("--backends", "kiessig*differences", "--layers", "1", "--points", "20", "--seconds", "0"),
        *("--json", str(figures), "--markdown", str(page), "--plot", str(plot)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert list(found["backends"]) == list(NAMES)
    assert [row["task"] for row in found["rows"]] == ["value", "gradient", "jacobian", "smeared", "batch"]
    for row in found["rows"]:
        assert "kiessig" in row["contenders"], row
        assert ("kiessig, differences" in row["contenders"]) == (row["task"] not in ("value", "batch"))
        for contender in row["contenders"].values():
            assert 0.0 < contender["least"] <= contender["low"] <= contender["median"] <= contender["high"]
            assert contender["first"] > 0.0
    table = page.read_text(encoding="utf-8")
    assert "### Jacobian" in table
    assert "| layers | Q | kiessig | kiessig, differences |" in table
    assert "Where kiessig loses" in done.stdout
    assert plot.read_text(encoding="utf-8").count("<svg") == 1
    again = run(repository, "--from-json", str(figures), "--markdown", str(page))
    assert again.returncode == 0, again.stderr
    assert page.read_text(encoding="utf-8") == table


def digests(bench: SimpleNamespace, task: str, names: tuple[str, ...]) -> Any:
    size = bench.tasks.Size(2, 15)
    return size, {name: bench.tasks.digest(task, made(bench, name, task, size)()) for name in names}


@pytest.mark.parametrize("task", ["gradient", "jacobian", "smeared"])
def test_wrong_entry_is_found(bench: SimpleNamespace, task: str) -> None:
    names = NAMES if task == "smeared" else (NAMES[0], NAMES[2])
    size, found = digests(bench, task, names)
    assert bench.agreement.differences(task, size, found) == {}
    for field in ("R" if task == "jacobian" else "misfit", *bench.tasks.FIELDS):
        right = found[names[-1]][field]
        wrong = np.array(right)
        wrong.flat[np.argmax(np.abs(wrong))] *= 1.03
        assert list(bench.agreement.differences(task, size, {**found, names[-1]: {**found[names[-1]], field: wrong}}))
        wrong.flat[0] = np.nan
        assert list(bench.agreement.differences(task, size, {**found, names[-1]: {**found[names[-1]], field: wrong}}))


def test_wrong_curve_is_found(bench: SimpleNamespace) -> None:
    size, found = digests(bench, "value", ("kiessig",))
    other = {"R": found["kiessig"]["R"] * (1.0 + 1e-8)}
    assert bench.agreement.differences("value", size, {**found, "refnx C": other}).keys() == {"refnx C"}


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("refnx C", "refnx"),
        ("refl1d numba", "refl1d"),
        ("JAX Parratt", "jax"),
        ("torch Parratt", "torch"),
        ("kiessig in JAX", "jax"),
        ("kiessig in torch", "torch"),
    ],
)
def test_rivals_agree(bench: SimpleNamespace, name: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    size = bench.tasks.Size(2, 15)
    worker = bench.worker.Worker(name, 4096.0)  # they set threads and precision for a whole process
    try:
        for task in bench.tasks.TITLES:
            answer = worker.ask("first", task, size, limit=60.0)
            names = NAMES[:2] if task == "smeared" else NAMES[:1]
            ours = {other: bench.tasks.digest(task, made(bench, other, task, size)()) for other in names}
            assert bench.agreement.differences(task, size, {**ours, name: answer["digest"]}) == {}
    finally:
        worker.end()


def made(bench: SimpleNamespace, name: str, task: str, size: Any) -> Any:
    return bench.registry.BACKENDS[name].make(task, bench.tasks.problem(task, size))


class Scripted:
    """A worker that answers by a script instead of computing."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def ask(self, *request: Any, limit: float) -> Any:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def comparison(bench: SimpleNamespace, **workers: Any) -> Any:
    made = bench.measure.Comparison([], bench.measure.Limits(0.0, 10.0, 100.0), "cpu")
    made.limits = bench.measure.Limits(1e-9, 10.0, 100.0)
    made.workers = {name.replace("_", " "): worker for name, worker in workers.items()}
    return made


def answered(bench: SimpleNamespace, wall: float) -> list[Any]:
    digest = {"R": np.ones(3)}
    return [{"first": wall, "digest": digest}, [(wall, wall)]]


def test_what_exceeds_a_limit_is_told_and_not_tried_again(bench: SimpleNamespace) -> None:
    slow = Scripted(bench.worker.ExceededError("> 10 s"))
    made = comparison(bench, kiessig=Scripted(*answered(bench, 1e-6) * 3), refnx_C=slow)
    rows = [made.case("value", bench.tasks.Size(n, 100)) for n in (10, 40)]
    assert [row["contenders"]["refnx C"] for row in rows] == [{"note": "> 10 s"}, {"note": "> 10 s*"}]
    assert len(slow.asked) == 1
    assert all("median" in row["contenders"]["kiessig"] for row in rows)


def test_slow_case_lets_larger_ones_be_left_out(bench: SimpleNamespace) -> None:
    slow = Scripted(*answered(bench, 4.0))
    made = comparison(bench, kiessig=Scripted(*answered(bench, 1e-6) * 2), refnx_C=slow)
    rows = [made.case("value", bench.tasks.Size(n, 100)) for n in (10, 40)]
    assert rows[0]["contenders"]["refnx C"]["median"] == 4.0
    assert rows[1]["contenders"]["refnx C"] == {"note": "> 10 s*"}


@pytest.mark.parametrize(
    ("task", "size", "least"),  # of the error, so that it is not rounding that is looked at
    [("gradient", (1, 400), 1e-5), ("gradient", (200, 100), 1e-6), ("jacobian", (200, 100), 1e-7)],
)
def test_differences_are_wrong_by_truncation(bench: SimpleNamespace, task: str, size: Any, least: float) -> None:
    """By what the tolerance allows, and by four times as much with twice the step."""
    problem = bench.tasks.problem(task, bench.tasks.Size(*size))
    exact = bench.plain.kiessig(task, problem)()[1]

    def error() -> float:
        found = bench.plain.kiessig_differences(task, problem)()[1]
        axis = -1 if task == "jacobian" else None
        relative = [np.abs(a - b) / np.abs(b).max(axis=axis, keepdims=True) for a, b in zip(found, exact, strict=True)]
        return max(float(each.max()) for each in relative)

    once = error()
    bench.plain.STEP *= 2.0
    assert least < once < bench.agreement.DIFFERENCES[task]
    assert error() == pytest.approx(4.0 * once, rel=0.05)


def test_who_differs_or_raises_is_not_timed(bench: SimpleNamespace) -> None:
    wrong = Scripted({"first": 1.0, "digest": {"R": np.full(3, 1.1)}})
    raising = Scripted(bench.worker.FailedError("an error"))
    made = comparison(bench, kiessig=Scripted(*answered(bench, 1e-6)), refnx_C=wrong, refl1d_numba=raising)
    row = made.case("value", bench.tasks.Size(1, 100))
    assert "answers differ: R[0] is 1.1" in row["contenders"]["refnx C"]["failure"]
    assert "median" not in row["contenders"]["refnx C"]
    assert row["contenders"]["refl1d numba"] == {"failure": "it raised an error"}
    results = {"rows": [row]}
    assert len(bench.report.failures(results)) == 2


def test_limits_end_a_process(bench: SimpleNamespace) -> None:
    worker = bench.worker.Worker("kiessig", 4096.0)
    try:
        assert "first" in worker.ask("first", "value", (1, 10), limit=60.0)
        with pytest.raises(bench.worker.ExceededError, match=r"> 0\.01 s"):
            worker.ask("sample", 5.0, limit=0.01)
        assert "digest" in worker.ask("first", "value", (1, 10), limit=60.0)  # in a process of its own again
        if bench.worker.resident("self"):
            worker._memory_limit = 1.0
            with pytest.raises(bench.worker.ExceededError, match="GiB"):
                worker.ask("sample", 5.0, limit=60.0)
    finally:
        worker.end()


def results(ours: float, theirs: float) -> dict[str, Any]:
    contenders = {"kiessig": {"median": ours, "first": 1.0}, "refnx C": {"median": theirs, "first": 1.0}}
    row = {"task": "value", "layers": 1, "points": 100, "contenders": contenders}
    backends = {"kiessig": "", "refnx C": ""}
    return {
        "environment": {"processor": "some"},
        "limits": {"longest": 10.0, "memory": 4096.0},
        "backends": backends,
        "missing": {"torch Parratt": "no PyTorch"},
        "rows": [row],
        "memory": [],
        "overhead": [],
        "left_out": 2,
    }


def test_losses_are_told_as_plainly_as_wins(bench: SimpleNamespace) -> None:
    lost = bench.report.markdown(results(2e-6, 1e-6))
    assert "**1 us (0.50)**" in lost
    assert "faster in 1 of 1 comparisons" in lost
    assert "Value, 1 layers x 100 Q: refnx C takes 0.50 of kiessig's time" in lost
    won = bench.report.markdown(results(1e-6, 2e-6))
    assert "2 us (2.00)" in won
    assert "**" not in won
    assert "faster in 0 of 1 comparisons" in won


def test_what_is_missing_is_told(bench: SimpleNamespace) -> None:
    told = bench.report.text(results(1.0, 1.0))
    assert "torch Parratt is missing: no PyTorch" in told
    assert "2 cases were not begun" in told


def test_page_without_marks_is_left_alone(bench: SimpleNamespace, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("something else\n", encoding="utf-8")
    with pytest.raises(ValueError, match="backends"):
        bench.report.put_markdown(results(1.0, 1.0), page)
    assert page.read_text(encoding="utf-8") == "something else\n"


def test_documentation_has_the_marks(bench: SimpleNamespace, repository: Path) -> None:
    text = (repository / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert text.index(bench.report.BEGIN) < text.index(bench.report.END)


def test_unknown_backend_is_refused_by_name(bench: SimpleNamespace) -> None:
    with pytest.raises(SystemExit, match=r"none is called 'GPU'.*refnx C"):
        bench.main.main(["--backends", "GPU"])
