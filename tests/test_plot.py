"""Figures: what is drawn, how it is labelled, and how it is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, MissingDependencyError
from kiessig.plot import plot_fit, plot_sld_profile

pytest.importorskip("matplotlib")

Q = np.geomspace(0.008, 0.3, 40)


def measurement(name: str | None = "film", **options: Any) -> ks.Measurement:
    thickness = ks.Parameter(200, bounds=(150, 250))
    film = ks.Layer(thickness, sld=4.0, roughness=5, name="film")
    sample = ks.Layer(sld=0, name="air") | film | ks.Layer(sld=2.07, roughness=3, name="silicon")
    r = ks.reflectivity(Q, *sample.slabs(), background=1e-6)
    data = options.pop("data", ks.Dataset(Q, r, dr=0.1 * r, dq=0.02 * Q, name=name))
    return ks.Measurement(data, sample, background=1e-6, **options)


def test_one_measurement_has_curve_residuals_and_profile() -> None:
    single = measurement()
    figure = plot_fit(ks.Problem(single))
    curve, residuals, profile = figure.axes
    assert (curve.get_ylabel(), curve.get_yscale()) == ("reflectivity", "log")
    assert residuals.get_xlabel() == "Q (Å$^{-1}$)"
    assert residuals.get_ylabel() == "ΔR / dR"
    assert profile.get_xlabel() == "depth (Å)"
    assert profile.get_ylabel() == "SLD (10$^{-6}$ Å$^{-2}$)"
    assert [text.get_text() for text in profile.texts] == ["air", "film", "silicon"]
    np.testing.assert_array_equal(residuals.lines[0].get_ydata(), single.residuals())
    z, sld = profile.lines[0].get_data()
    np.testing.assert_array_equal(sld, single.sample.sld_profile(z)[1])


def test_the_curve_passes_through_the_model_and_is_smooth() -> None:
    single = measurement()
    curve = plot_fit(ks.Problem(single)).axes[0]
    q, model = next(line.get_data() for line in curve.lines if line.get_label() == "model")
    assert len(q) >= 1000
    np.testing.assert_allclose(
        np.interp(Q, q, model), single.reflectivity(), rtol=1e-9
    )  # the same points, smeared alike


def test_several_measurements_are_told_apart() -> None:
    items = [measurement(name) for name in ("D2O", "SMW", None)]
    figure = plot_fit(ks.Problem(items))
    curve, *residuals, profile = figure.axes
    assert len(residuals) == 3
    entries = [text.get_text() for text in curve.get_legend().get_texts()]
    assert entries == ["D2O", "SMW, ×10$^{-2}$", "measurement 2, ×10$^{-4}$", "model"]
    colours = {line.get_color() for line in profile.lines}
    assert len(colours) == 3
    models = [line.get_ydata() for line in curve.lines if line.get_color() == "#000000"]
    for i in (1, 2):  # the same curve, two decades lower each time
        np.testing.assert_allclose(models[i], 10.0 ** (-2 * i) * models[0], rtol=1e-14)  # roundoff
    for axes, line in zip(residuals, profile.lines, strict=True):
        assert axes.lines[0].get_color() == line.get_color()


def test_many_measurements_share_the_residuals() -> None:
    figure = plot_fit(ks.Problem([measurement(f"run {i}") for i in range(6)]))
    assert len(figure.axes) == 3
    assert len(figure.axes[1].lines) == 7  # and the line at zero


def test_error_bars_end_and_points_around_zero_are_shown() -> None:
    good = measurement().dataset
    r, dr = good.r.copy(), good.dr.copy()
    dr[10] = 5 * r[10]
    r[20], r[21] = 0.0, -1e-5
    data = ks.Dataset(Q, r, dr=dr, dq=good.dq)
    curve = plot_fit(ks.Problem(measurement(data=data))).axes[0]
    segments = np.array(curve.collections[0].get_segments())
    assert len(segments) == len(Q) - 2
    lower, upper = segments[10, :, 1]
    np.testing.assert_allclose([lower, upper], [0.25 * r[10], 6 * r[10]], rtol=1e-12)  # roundoff
    (limits,) = (line for line in curve.lines if line.get_marker() == "v")
    np.testing.assert_array_equal(limits.get_xdata(), Q[[20, 21]])
    assert (limits.get_ydata() > 0.0).all()
    assert "R + dR, where R is around 0" in [text.get_text() for text in curve.get_legend().get_texts()]


def test_noise_does_not_stretch_the_axis() -> None:
    r = measurement().dataset.r.copy()
    r[30] = 1e-30
    curve = plot_fit(ks.Problem(measurement(data=ks.Dataset(Q, r, dr=0.1 * r + 1e-7)))).axes[0]
    assert curve.get_ylim()[0] > 1e-9  # the model ends at 1e-6


@pytest.mark.parametrize(
    "data",
    [
        ks.Dataset([0.05], [1e-3], dr=[1e-4]),
        ks.Dataset([0.05, -0.02, 0.05], [1e-3, 0.5, 1.1e-3], dr=[1e-4, 0.1, 1e-4], dq=[1e-3, 1e-3, 2e-3]),
        ks.Dataset([0.0, 0.05], [1.0, 1e-3], dr=[0.1, 1e-4]),
        ks.Dataset([0.03, 0.05], [-1e-9, -1e-9], dr=[1e-10, 1e-10]),
    ],
    ids=["one point", "out of order and negative", "zero", "all negative"],
)
def test_odd_data(data: ks.Dataset, tmp_path: Path) -> None:
    plot_fit(ks.Problem(measurement(data=data)), path=tmp_path / "odd.png")
    assert (tmp_path / "odd.png").stat().st_size > 10_000


def test_log_misfit_without_uncertainties() -> None:
    data = ks.Dataset(Q, 1.1 * measurement().dataset.r)
    figure = plot_fit(ks.Problem(measurement(data=data, misfit="log")))
    assert figure.axes[1].get_ylabel() == "ln(R / model)"


def test_points_in_even_steps_of_q_have_a_linear_axis() -> None:
    even = np.linspace(0.01, 0.3, 50)
    data = ks.Dataset(even, np.full(50, 1e-3), dr=np.full(50, 1e-4))
    assert plot_fit(ks.Problem(measurement(data=data))).axes[0].get_xscale() == "linear"
    assert plot_fit(ks.Problem(measurement())).axes[0].get_xscale() == "log"


def test_nothing_is_clipped() -> None:
    figure = plot_fit(ks.Problem([measurement(f"a rather long name {i}") for i in range(4)]))
    figure.canvas.draw()
    inside = figure.get_tightbbox()  # in inches
    width, height = figure.get_size_inches()
    assert inside.x0 >= 0.0
    assert inside.y0 >= 0.0
    assert inside.x1 <= width
    assert inside.y1 <= height


def test_result_gives_the_title_and_must_be_of_these_values() -> None:
    problem = ks.Problem(measurement())
    problem.parameters[0].value = 195.0
    result = problem.fit(progress=False)
    title = plot_fit(problem, result).get_suptitle()
    assert title == f"χ²/N = {result.chi2_per_point:.4g}, N = 40, 1 parameter"
    problem.parameters[0].value = 195.0
    with pytest.raises(InvalidValueError, match="no longer have the values of result"):
        plot_fit(problem, result)


def test_drawing_changes_nothing() -> None:
    problem = ks.Problem(measurement())
    before = problem.x
    plot_fit(problem)
    np.testing.assert_array_equal(problem.x, before)


def test_profile_in_axes_of_the_caller() -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    sample = measurement().sample
    assert plot_sld_profile(sample, ax=axes) is axes
    assert len(axes.lines) == 1
    assert plot_sld_profile(sample).figure is not axes.figure


def test_files_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    file = tmp_path / "fit.png"
    problem = ks.Problem(measurement())
    plot_fit(problem, path=file)
    first = file.read_bytes()
    assert first.startswith(b"\x89PNG")

    def half(self: Figure, target: Path, **_: Any) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(KeyboardInterrupt):
        plot_fit(problem, path=file)
    assert file.read_bytes() == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["fit.png"]


def test_endings(tmp_path: Path) -> None:
    problem = ks.Problem(measurement())
    plot_fit(problem, path=tmp_path / "fit.svg")
    assert "<svg" in (tmp_path / "fit.svg").read_text()
    for name in ("fit", "fit.docx"):
        with pytest.raises(InvalidValueError, match=r"path must end in one of .*\.png.*; got 'fit"):
            plot_fit(problem, path=tmp_path / name)
    with pytest.raises(InvalidValueError, match="cannot be written: No such file or directory"):
        plot_fit(problem, path=tmp_path / "absent" / "fit.png")


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'kiessig\[plot\]'"):
        plot_fit(ks.Problem(measurement()))
    with pytest.raises(MissingDependencyError, match=r"pip install 'kiessig\[plot\]'"):
        plot_sld_profile(measurement().sample)


def test_matplotlib_stays_out_until_it_is_asked_for_and_pyplot_altogether() -> None:
    script = """
import sys, kiessig.plot
assert "matplotlib" not in sys.modules
import kiessig as ks
kiessig.plot.plot_sld_profile(ks.Layer(sld=0) | ks.Layer(sld=2.07)).figure.canvas.draw()
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
