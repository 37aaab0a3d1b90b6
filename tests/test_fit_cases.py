"""The cases of the benchmark of fits are what they claim; who wins them, and when, is not judged here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import kiessig as ks


@pytest.fixture
def fits(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the benchmark, which are not part of the package."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(repository))
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):  # the command sets them
        monkeypatch.setenv(name, "1")
    from benchmarks.fits import (
        __main__,
        bilayer,
        case,
        cases,
        devices,
        kinetic,
        measured,
        model,
        outcome,
        quartz,
        table,
    )

    modules = (bilayer, case, cases, devices, kinetic, measured, model, outcome, quartz, table)
    yield SimpleNamespace(main=__main__, **{module.__name__.split(".")[-1]: module for module in modules})
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "benchmarks":
            del sys.modules[name]


@pytest.fixture
def data(fits: SimpleNamespace) -> None:
    """Skip where the measured curves are nowhere."""
    from benchmarks.rivals import MissingRivalError

    try:
        fits.measured.path("quartz film")
        fits.measured.path("DMPC in H2O")
    except MissingRivalError as error:
        pytest.skip(str(error))


def model_of(fits: SimpleNamespace, name: str) -> Any:
    made = {
        "quartz": fits.quartz.model,
        "interlayer": lambda: fits.quartz.model(interlayer=True),
        "bilayer": fits.bilayer.model,
        "devices": fits.devices.simulated,
    }
    return made[name]()


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("name", "chi2", "n_points", "n_parameters", "tolerance"),
    [
        # the published chi2 per point are rounded to 1e-5 and 1e-4: half of that and a little for the two quadratures
        ("quartz", 1.33217 * 732, 732, 6, 732 * 1e-5),
        ("interlayer", 1.2108 * 732, 732, 10, 732 * 1e-4),
        # in refnx's own quadrature; the reference has two decimals
        ("bilayer", 627.50, 137 + 97 + 104, 13, 0.01),
    ],
)
def test_reference_minima(
    fits: SimpleNamespace, name: str, chi2: float, n_points: int, n_parameters: int, tolerance: float
) -> None:
    model = model_of(fits, name)
    result = fits.model.minimum(model)
    assert result.success, result.message
    assert result.chi2 == pytest.approx(chi2, abs=tolerance)
    assert result.n_points == n_points
    assert len(result.names) == n_parameters == len(model.bounds)
    assert set(model.known) == set(model.bounds)


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", ["quartz", "interlayer", "bilayer"])
def test_refnx_is_given_the_same_problem(fits: SimpleNamespace, name: str) -> None:
    pytest.importorskip("refnx")
    objectives = {
        "quartz": fits.quartz.refnx_objective,
        "interlayer": lambda: fits.quartz.refnx_objective(interlayer=True),
        "bilayer": fits.bilayer.refnx_objective,
    }
    model = model_of(fits, name)
    assert len(objectives[name]().varying_parameters()) == len(model.bounds)
    assert {p.name: (p.bounds.lb, p.bounds.ub) for p in objectives[name]().varying_parameters()} == dict(model.bounds)
    fits.cases.same_misfit(model, objectives[name])()
    wider = model._replace(curves=lambda p: model.curves({**p, "scale": 1.001 * p["scale"]}))
    with pytest.raises(AssertionError):  # the check sees a per mille of the scale
        fits.cases.same_misfit(wider, objectives[name])()


@pytest.mark.usefixtures("data")
def test_measured_curves_come_from_refnx_where_there_is_no_folder(
    fits: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("refnx")
    here = fits.measured.quartz_film()
    monkeypatch.setenv("KIESSIG_DATA", str(tmp_path))
    np.testing.assert_array_equal(fits.measured.quartz_film().r, here.r)
    assert {name: len(curve) for name, curve in fits.measured.bilayer().items()} == {
        "D2O": 137,
        "mixed water": 97,
        "H2O": 104,
    }


def test_devices_are_as_many_and_as_deep_as_they_are_said_to_be(fits: SimpleNamespace) -> None:
    model = fits.devices.simulated()
    problem = fits.model.problem(model)
    assert len(problem.measurements) == 4
    assert len(problem.parameters) == len(model.bounds) == 40
    assert all(len(item.sample.layers) - 2 >= 6 for item in problem.measurements)
    for material in ("cathode", "electron transport", "emitter", "hole transport", "injection"):
        (shared,) = (p for p in problem.parameters if p.name == f"{material} sld")
        assert all(shared in item.parameters for item in problem.measurements)


def test_truth_of_the_devices_is_within_bounds_that_do_not_tell_it(fits: SimpleNamespace) -> None:
    truths = [fits.devices.simulated(seed).known for seed in range(3)]
    bounds = fits.devices.bounds()
    for truth in truths:
        assert set(truth) == set(bounds)
        assert all(bounds[name][0] < value < bounds[name][1] for name, value in truth.items())
    assert all(truths[0][name] != truths[1][name] for name in bounds)
    assert fits.devices.simulated(2).bounds == bounds


def test_truth_of_the_devices_is_a_minimum_of_their_exact_curves(fits: SimpleNamespace) -> None:
    model = fits.devices.simulated(noise=False)
    problem = fits.model.problem(model)
    truth = [model.known[name] for name in problem.names]
    residuals, jacobian = problem.residuals_and_jacobian(truth)
    # smearing is good to 1e-5 of R and chooses its nodes anew; the smallest relative error bar is 0.1 %
    assert np.abs(residuals).max() < 0.02
    # a strict minimum, from which every direction leads upwards: all forty are determined by the data. The columns are
    # scaled to length 1; the least determined combination still has a hundredth of a parameter's own effect.
    scaled = jacobian / np.linalg.norm(jacobian, axis=0)
    assert np.linalg.svd(scaled, compute_uv=False)[-1] > 1e-3
    # from beside it, by a hundredth of every box to alternating sides, a fit leads back
    sides = (-1.0) ** np.arange(len(truth))
    beside = {
        name: value + side * 0.01 * (model.bounds[name][1] - model.bounds[name][0])
        for name, value, side in zip(problem.names, truth, sides, strict=True)
    }
    result = fits.model.minimum(model._replace(known=beside))
    assert result.chi2 < 0.05
    assert np.abs((result.x - truth) / result.stderr).max() < 0.05


def test_noise_of_the_devices_is_that_of_counting(fits: SimpleNamespace) -> None:
    for seed in range(3):
        model = fits.devices.simulated(seed)
        problem = fits.model.problem(model)
        chi2 = problem.chi2([model.known[name] for name in problem.names])
        assert abs(chi2 - problem.n_points) < 4 * np.sqrt(2 * problem.n_points)  # four standard deviations
        for item in problem.measurements:
            relative = item.dataset.dr / item.dataset.r
            assert relative.min() < 0.02  # the best points to a per cent or so,
            assert relative.max() > 0.1  # the worst to ten


def test_devices_are_the_same_for_the_same_seed(fits: SimpleNamespace) -> None:
    first, again, other = (fits.model.problem(fits.devices.simulated(seed)) for seed in (4, 4, 5))
    for one, same, different in zip(first.measurements, again.measurements, other.measurements, strict=True):
        np.testing.assert_array_equal(one.dataset.r, same.dataset.r)
        assert not np.array_equal(one.dataset.r, different.dataset.r)


def test_intervals_hold_the_truth(fits: SimpleNamespace) -> None:
    shares = [fits.devices.coverage(fits.devices.simulated(seed)) for seed in range(3)]
    # 120 intervals of 95 %: 2 % is one standard deviation if they were independent, and they are not quite
    assert 0.9 <= np.mean(shares) <= 1.0
    assert shares[0] >= 0.9  # the benchmark's own


def test_series_is_the_single_curves_together(fits: SimpleNamespace) -> None:
    series, truth = fits.kinetic.simulated(seed=3, n_curves=8)
    assert len(series) == 8
    together, slopes = series.residuals_and_jacobian(truth)
    assert abs((together**2).sum() - together.size) < 4 * np.sqrt(2 * together.size)  # the noise is as stated
    some = series.residuals(truth[[5, 2]], members=np.array([5, 2]))
    for index in range(8):
        one = series.alone(index)
        # nodes are chosen for the batch or for one: 1e-5 of R, against relative error bars above 0.5 %
        np.testing.assert_allclose(one.residuals(truth[index]), together[index], atol=5e-3)
        np.testing.assert_allclose(one.jacobian(truth[index]), slopes[index], rtol=1e-2, atol=1e-3 * abs(slopes).max())
    np.testing.assert_allclose(some, together[[5, 2]], atol=5e-3)


def test_slopes_of_the_series(fits: SimpleNamespace) -> None:
    series, truth = fits.kinetic.simulated(seed=3, n_curves=3)
    x = truth + 0.1 * (fits.kinetic.START - truth)
    value, gradient = series.value_and_gradient(x)
    np.testing.assert_allclose(value, (series.residuals(x) ** 2).sum(axis=-1), rtol=1e-6)
    for column, size in enumerate(1e-4 * fits.kinetic.START):
        moved = np.zeros(5)
        moved[column] = size
        up, down = ((series.residuals(x + sign * moved) ** 2).sum(axis=-1) for sign in (1, -1))
        # truncation of a relative step of 1e-4, and changes of nodes below 1e-5 of R
        np.testing.assert_allclose(gradient[:, column], (up - down) / (2 * size), rtol=1e-3)


def test_minimum_of_the_series_is_below_the_truth(fits: SimpleNamespace) -> None:
    experiment = fits.kinetic.simulated(seed=1, n_curves=4)
    at_truth = float((experiment.series.residuals(experiment.truth) ** 2).sum())
    lowest = fits.kinetic.minimum(experiment)
    # five parameters a curve take five units of chi2 on the average, within four standard deviations of sqrt(2 * 20)
    assert 0.0 < at_truth - lowest < 20 + 4 * np.sqrt(2 * 20)


def test_summary_counts_what_was_found(fits: SimpleNamespace) -> None:
    found = fits.outcome.Found
    contender = fits.case.Contender(lambda: None, "fit", 100.0, 0.5)
    summary = fits.case.summary(contender, [found(100.4, 1.0, 10), found(101.9, 3.0, 30), found(200.0, 2.0, 20)])
    assert (summary["reached"], summary["near"], summary["fits"]) == (1, 2, 3)
    assert (summary["chi2"], summary["worst"], summary["seconds"], summary["evaluations"]) == (101.9, 200.0, 2.0, 20)


def ran(fits: SimpleNamespace, ours: float = 1.0, rival: float = 30.0) -> dict[str, Any]:
    from benchmarks.rivals import MissingRivalError

    def absent() -> Any:
        message = "it is not installed"
        raise MissingRivalError(message)

    def contender(seconds: float, kind: str) -> Any:
        found = fits.outcome.Found(10.0, seconds, 5)
        return fits.case.Contender(lambda: lambda number: [found] * number, kind, 10.0, 0.1)

    case = fits.case.FitCase("a task", lambda: None)
    case.contenders = {"kiessig": contender(ours, "fit"), "other": contender(rival, "rival")}
    case.contenders["absent"] = fits.case.Contender(absent, "rival", 1.0, 0.1)
    case.requirements = [
        fits.case.Requirement("kiessig", share=1.0),
        fits.case.Requirement("kiessig", rival="other", ratio=20.0),
        fits.case.Requirement("kiessig", rival="absent", ratio=20.0),
    ]
    outcome = case.run({"fit": 2, "start": 0, "rival": 1}, lambda _: None)
    return {"environment": {"processor": "some"}, "cases": {"task": outcome}}


def test_requirements_are_judged_and_losses_told(fits: SimpleNamespace) -> None:
    won, lost = ran(fits), ran(fits, rival=3.0)
    assert [r["reached"] for r in won["cases"]["task"]["requirements"]] == [True, True]
    assert [r["reached"] for r in lost["cases"]["task"]["requirements"]] == [True, False]
    assert "MISSED" not in fits.table.text(won)
    assert "MISSED" in fits.table.text(lost)
    assert "absent skipped: it is not installed" in fits.table.text(won)


def test_failed_check_fails_the_command(
    fits: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong() -> None:
        message = "the misfits differ"
        raise AssertionError(message)

    monkeypatch.setattr(fits.cases, "CASES", {"task": lambda: fits.case.FitCase("a task", wrong)})
    assert fits.main.main([]) == 1
    assert "NOT RUN, the check failed: the misfits differ" in capsys.readouterr().out


def test_markdown_goes_between_its_marks(fits: SimpleNamespace, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{fits.table.BEGIN}\nold\n{fits.table.END}\nafter\n", encoding="utf-8")
    fits.table.put_markdown(ran(fits), page)
    once = page.read_text(encoding="utf-8")
    fits.table.put_markdown(ran(fits), page)
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "old" not in once
    assert "| a task | kiessig | 20 x faster than other | 30.0 x | reached |" in once
    page.write_text("something else\n", encoding="utf-8")
    with pytest.raises(ValueError, match="figures of fits"):
        fits.table.put_markdown(ran(fits), page)


def test_documentation_has_the_marks(repository: Path, fits: SimpleNamespace) -> None:
    page = (repository / "docs" / "choosing-an-optimiser.md").read_text(encoding="utf-8")
    assert page.index(fits.table.BEGIN) < page.index(fits.table.END)


@pytest.mark.usefixtures("data")
def test_command_runs_a_case(fits: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--seeds", "1", "--rival-seeds", "0", "--starts", "0"]
    assert fits.main.main(["--cases", "quartz", *few, "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert found["cases"]["quartz"]["contenders"]["kiessig"]["reached"] == 1
    assert "quartz film, 6 parameters" in capsys.readouterr().out


def test_cases_can_be_listed_and_unknown_ones_are_refused(
    fits: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fits.main.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == ["quartz", "quartz-interlayer", "bilayer", "devices", "series"]
    with pytest.raises(SystemExit, match="none is called 'gold'"):
        fits.main.main(["--cases", "gold"])


def test_our_fits_do_not_start_from_the_middle(fits: SimpleNamespace) -> None:
    from benchmarks.fits import ours

    q = np.linspace(0.01, 0.2, 40)
    data = ks.Dataset(q, ks.reflectivity(q, [100.0], [0.0, 4.0, 2.07]), dr=np.full(40, 1e-3))

    def curves(p: Any) -> list[Any]:
        media = [fits.model.Medium(*row) for row in ((0.0, 0.0, 0.0), (p["thickness"], 4.0, 0.0), (0.0, 2.07, 0.0))]
        return [fits.model.Curve(data, media, 1.0, 0.0)]

    model = fits.model.Model({"thickness": (80.0, 120.0)}, curves, {"thickness": 100.0})
    fit = ours.fit(model, "levenberg-marquardt", 1, max_evaluations=1)()
    first, other, again = fit(0), fit(1), fit(0)
    assert first.chi2 == again.chi2 != other.chi2
