"""The benchmarks run, prove that contenders agree, and report losses; times are not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

CHEAP = (
    "curve-real-10",
    "curve-absorbing-10",
    "smeared",
    "repeats",
    "call",
)  # a fraction of a second each, with refnx alone


@pytest.fixture
def bench(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the benchmarks, which are not part of the package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(repository))
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):  # the command sets them
        monkeypatch.setenv(name, "1")
    from benchmarks import environment, rivals, stacks, timing
    from benchmarks.kernels import __main__, agreement, case, cases, table

    modules = (agreement, case, cases, environment, rivals, stacks, table, timing)
    yield SimpleNamespace(main=__main__, **{module.__name__.split(".")[-1]: module for module in modules})
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "benchmarks":
            del sys.modules[name]


def outcome(**comparison: Any) -> dict[str, Any]:
    timing = {"median": 2e-6, "low": 1e-6, "high": 3e-6, "wall": 2e-6, "share": 1.0, "samples": 5}
    row = {"ours": "kiessig", "rival": "other", "ratio": 3.0, "ratio_of_wall_times": 3.0, "required": 2.0}
    row |= {"reached": True, **comparison}
    contenders = {"kiessig": timing, "other": timing}
    return {"title": "a task", "skipped": {}, "contenders": contenders, "comparisons": [row], "clock": "cpu"}


def results(**comparison: Any) -> dict[str, Any]:
    environment = {"processor": "some", "instruction set": "baseline"}
    return {"environment": environment, "clock": "cpu", "cases": {"task": outcome(**comparison)}}


def test_command_runs_the_cheap_cases(repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("refnx")
    command = [sys.executable, "-m", "benchmarks.kernels", "--seconds", "0", "--cases", *CHEAP, "import"]
    written = ["--json", str(tmp_path / "out.json"), "--markdown", str(tmp_path / "out.md")]
    done = subprocess.run([*command, *written], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert list(found["cases"]) == [*CHEAP, "import"]
    for name, case in found["cases"].items():
        assert "failure" not in case, name
        assert case["comparisons"], name
        assert all(comparison["ratio"] > 0.0 for comparison in case["comparisons"]), name
        assert all(0.0 < t["low"] <= t["median"] <= t["high"] for t in case["contenders"].values()), name
    assert found["environment"]["instruction set"] in {"x86_64_v4", "x86_64_v3", "baseline"}
    assert "| one call, 1 layer x 100 Q, real |" in (tmp_path / "out.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["misfit-real", "misfit-absorbing", "jacobian-10", "batch"])
def test_rivals_that_compile_agree(repository: Path, name: str) -> None:
    # in a process of its own: these set threads and precision for the whole process
    wanted = "reflectorch" if name == "batch" else "jax"
    pytest.importorskip("refnx")
    if subprocess.run([sys.executable, "-c", f"import {wanted}"], capture_output=True, check=False).returncode:
        pytest.skip(f"{wanted} cannot be imported")
    command = [sys.executable, "-m", "benchmarks.kernels", "--seconds", "0", "--cases", name]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["curve-real-10", "curve-absorbing-10", "call"])
@pytest.mark.parametrize("factor", [1.0 + 1e-8, np.nan])
def test_wrong_answer_is_not_timed(bench: SimpleNamespace, name: str, factor: float) -> None:
    pytest.importorskip("refnx")
    case = bench.cases.CASES[name]()
    ours = case.comparisons[0].ours
    case.contenders[ours] = spoilt(case.contenders[ours], factor)
    case.measure = lambda seconds, clock: pytest.fail("timed a wrong answer")
    with pytest.raises(AssertionError):
        case.run(0.0, "cpu")


@pytest.mark.parametrize(("ours", "factor"), [("kiessig, 17 nodes", 1.0 + 1e-4), ("kiessig", 1.1)])
def test_wrong_smeared_fit_is_found(bench: SimpleNamespace, ours: str, factor: float) -> None:
    pytest.importorskip("refnx")
    from benchmarks.kernels import ours as our_side
    from benchmarks.rivals import refnx_c

    sample = bench.stacks.film(50)
    data = bench.stacks.measured(our_side.value(sample)(), sample.q)
    runs = {
        "kiessig": our_side.smeared_chi2(sample, data),
        "kiessig, 17 nodes": our_side.smeared_chi2(sample, data, our_side.ks.Resolution.refnx(data.dq)),
        "refnx C": refnx_c.smeared_chi2(sample, data),
    }
    agree = bench.agreement.same_smeared_fit(sample, data)
    agree({name: run() for name, run in runs.items()})
    runs[ours] = spoilt(runs[ours], factor)
    with pytest.raises(AssertionError):
        agree({name: run() for name, run in runs.items()})


def spoilt(run: Callable[[], Any], factor: float) -> Callable[[], Any]:
    """The same contender with every number of its first result off by a factor."""

    def wrong() -> Any:
        result = run()
        return (result[0] * factor, *result[1:]) if isinstance(result, tuple) else result * factor

    return wrong


def test_wrong_derivative_is_found(bench: SimpleNamespace) -> None:
    pytest.importorskip("refnx")
    case = bench.cases.CASES["curve-absorbing-10"]()
    r, jacobian = case.contenders["value and Jacobian"]()
    good = {name: run() for name, run in case.contenders.items()}
    case.agree(good)
    for field in ("thickness", "sld", "sld_imag", "roughness"):
        wrong = jacobian._replace(**{field: 1.001 * getattr(jacobian, field)})
        with pytest.raises(AssertionError):
            case.agree({**good, "value and Jacobian": (r, wrong)})


def test_explicit_cell_is_the_cell_repeated(bench: SimpleNamespace) -> None:
    from benchmarks.kernels import ours

    cell = bench.stacks.stack(2, 20, absorbing=True)
    weight = np.linspace(1.0, 2.0, cell.q.size)
    r, gradient = ours.explicit_cell(cell, 3, weight)()
    sld, roughness = cell.sld, cell.roughness
    same = ours.value(
        cell._replace(
            thickness=cell.thickness[[0, 1, 0, 1, 0, 1]],
            sld=sld[[0, 1, 2, 1, 2, 1, 2, 3]],
            sld_imag=cell.sld_imag[[0, 1, 2, 1, 2, 1, 2, 3]],
            roughness=roughness[[0, 1, 0, 1, 0, 1, 2]],
        )
    )()
    np.testing.assert_allclose(r, same, rtol=1e-12)  # the same operations in another order
    step = 1e-4
    for name, slope in zip(("thickness", "sld", "sld_imag", "roughness"), gradient, strict=True):
        inner = 1 if name.startswith("sld") else 0  # the media between fronting and backing
        assert slope.shape == (2,)
        for entry in range(2):
            moved = np.zeros_like(getattr(cell, name))
            moved[inner + entry] = step
            curves = [
                ours.explicit_cell(cell._replace(**{name: getattr(cell, name) + sign * moved}), 3, weight)()[0]
                for sign in (-1.0, 1.0)
            ]
            # truncation step^2, cancellation 1e-16 / step
            np.testing.assert_allclose(slope[entry], weight @ (curves[1] - curves[0]) / (2 * step), rtol=1e-5)


def test_difference_fails_the_command_and_is_told(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def differing() -> Any:
        case = bench.case.Case("a task", bench.agreement.same_numbers)
        return case.add("kiessig", lambda: np.ones(2)).against("other", lambda: lambda: np.zeros(2), 2.0)

    monkeypatch.setattr(bench.cases, "CASES", {"task": differing})
    assert bench.main.main(["--seconds", "0"]) == 1
    assert "a task: NOT TIMED, the answers differ" in capsys.readouterr().out


def test_missing_rival_is_told_and_the_others_are_timed(
    bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> Any:
        message = "it is not installed"
        raise bench.rivals.MissingRivalError(message)

    def lonely() -> Any:
        case = bench.case.Case("a task", bench.agreement.same_numbers)
        case.add("kiessig", lambda: np.ones(2))
        return case.against("absent", absent, 2.0).against("present", lambda: lambda: np.ones(2), 2.0)

    monkeypatch.setattr(bench.cases, "CASES", {"task": lonely, "no case": absent})
    assert bench.main.main(["--seconds", "0"]) == 0
    printed = capsys.readouterr().out
    assert "a task: absent skipped: it is not installed" in printed
    assert "no case: the case skipped: it is not installed" in printed
    assert "present" in printed


def test_unknown_case_is_refused_by_name(bench: SimpleNamespace) -> None:
    with pytest.raises(SystemExit, match=r"none is called 'curve-imaginary'.*curve-real-10"):
        bench.main.main(["--cases", "curve-imaginary"])


def test_turns_are_taken(bench: SimpleNamespace) -> None:
    order = []
    timings = bench.timing.side_by_side({name: lambda name=name: order.append(name) for name in "ab"}, 0.0)
    sampled = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
    # each once to find its number of calls, then in rounds that reverse their order
    assert sampled[:4] == ["a", "b", "a", "b"]
    assert set(timings) == {"a", "b"}
    assert all(t.samples >= bench.timing.LEAST_ROUNDS for t in timings.values())


def test_summary_of_samples(bench: SimpleNamespace) -> None:
    pairs = [(float(i), 2.0 * i) for i in range(1, 12)]
    by_processor = bench.timing.summary(pairs, clock="cpu")
    assert by_processor[:3] == (6.0, 2.0, 10.0)
    assert by_processor.wall == 12.0
    assert by_processor.share == 0.5
    assert bench.timing.summary(pairs, clock="wall")[:3] == (12.0, 4.0, 20.0)


@pytest.mark.parametrize(
    ("ratio", "required", "expected"),
    [
        (3.0, 2.0, "reached"),
        (1.5, 2.0, "MISSED"),
        (0.5, 2.0, "MISSED, slower"),
        (0.5, None, "slower"),
        (3.0, None, ""),
    ],
)
def test_losses_are_told(bench: SimpleNamespace, ratio: float, required: float | None, expected: str) -> None:
    reached = None if required is None else ratio >= required
    [row] = bench.table.rows(results(ratio=ratio, required=required, reached=reached))
    assert row.verdict == expected
    assert f"{ratio:.2f}" in bench.table.text(results(ratio=ratio, required=required, reached=reached))


def test_durations_keep_the_unit_of_the_median(bench: SimpleNamespace) -> None:
    assert bench.table.duration({"median": 1.5e-3, "low": 0.9e-3, "high": 2e-3}) == "1.5 ms (0.9-2)"
    assert bench.table.duration({"median": 0.9996, "low": 0.9, "high": 1.1}) == "1e+03 ms (900-1100)"


def test_markdown_goes_between_its_marks(bench: SimpleNamespace, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- figures baseline -->\nold\n<!-- end of figures baseline -->\nafter\n", encoding="utf-8"
    )
    bench.table.put_markdown(results(), page)
    once = page.read_text(encoding="utf-8")
    bench.table.put_markdown(results(), page)
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "old" not in once
    assert "| a task | kiessig |" in once


def test_page_without_marks_is_left_alone(bench: SimpleNamespace, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("something else\n", encoding="utf-8")
    with pytest.raises(ValueError, match="figures baseline"):
        bench.table.put_markdown(results(), page)
    assert page.read_text(encoding="utf-8") == "something else\n"


def test_documentation_has_the_marks(repository: Path) -> None:
    page = (repository / "docs" / "performance.md").read_text(encoding="utf-8")
    for isa in ("x86_64_v4", "x86_64_v3"):
        assert f"<!-- figures {isa} -->" in page
        assert f"<!-- end of figures {isa} -->" in page
