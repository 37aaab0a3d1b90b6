"""Figures of fits and samples, drawn with matplotlib without touching its global state."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kiessig.data import Dataset
from kiessig.errors import InvalidValueError, KiessigError, MissingDependencyError
from kiessig.problem import Measurement, Problem
from kiessig.sample import Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kiessig.result import FitResult

__all__ = ["plot_fit", "plot_sld_profile", "require_matplotlib"]

FloatArray = NDArray[np.float64]

# The palette of Okabe and Ito, told apart with any colour vision; its yellow is too light for lines on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MODEL_COLOUR = "#000000"
_DECADES = 2  # between the curves of several measurements
_CURVE_POINTS = 1000  # a model curve has at least so many, whatever the data have
_LONGEST_BAR = 0.75  # of the value, downwards: an error bar through zero has no end on a logarithmic axis
_PROFILE_MARGIN = 0.2  # beyond the automatic range, on both sides
_NAME_WIDTH = 0.025  # of a letter, as a fraction of the profile's axes
_LIMITS = "R + dR, where R is around 0"
_RESIDUALS = {"chi2": "ΔR / dR", "log": "ln(R / model)", "poisson": "root of deviance"}
_LEGEND_INSIDE = 3  # measurements whose legend fits above the curves
_RESIDUAL_PANELS = 4  # more measurements than that share one panel


def require_matplotlib() -> None:
    """Raise a MissingDependencyError with the remedy if matplotlib is not there."""
    try:
        import matplotlib.figure  # noqa: F401 - presence is what counts
    except ImportError as error:
        message = "plotting needs matplotlib, which is not installed; get it with: pip install 'kiessig[plot]'"
        raise MissingDependencyError(message) from error


def plot_fit(problem: Problem, result: FitResult | None = None, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw data and model, residuals, and the SLD profiles, at the present values of the parameters.

    Parameters
    ----------
    problem : Problem
        What to draw. Several measurements are drawn below one another, each shifted by further decades.
    result : FitResult, optional
        Adds its misfit as the title; must be the result of these values.
    path : str or path, optional
        Where to save the figure; the suffix (``.png``, ``.pdf``, ``.svg``, ...) says as what. The file appears complete
        or not at all, and replaces an existing one.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: it goes when the last reference to it does.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    InvalidValueError
        If the parameters have other values than `result`, or the file cannot be written.

    Notes
    -----
    Lower ends of error bars stop at a quarter of the value. A point at or below zero, or far below the curve, is drawn
    as a triangle that points down from R + dR.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> from kiessig.plot import plot_fit
    >>> sample = ks.Layer(sld=0) | ks.Layer(100, sld=3.47) | ks.Layer(sld=2.07)
    >>> q = np.linspace(0.01, 0.2, 50)
    >>> r = ks.reflectivity(q, *sample.slabs())
    >>> figure = plot_fit(ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.05 * r), sample)))
    >>> len(figure.axes)
    3
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    if result is not None and not np.array_equal(result.x, problem.x):
        message = (
            "plot_fit: the parameters no longer have the values of result; leave it out, or plot before they change"
        )
        raise InvalidValueError(message)
    measurements = problem.measurements
    panels = len(measurements) if len(measurements) <= _RESIDUAL_PANELS else 1
    figure = Figure(
        figsize=(8.0, 4.4 + 0.55 * panels + 0.25 * max(len(measurements) - _LEGEND_INSIDE, 0)),
        dpi=200,
        layout="constrained",
    )
    grid = figure.add_gridspec(
        1 + panels, 2, width_ratios=(1.75, 1.0), height_ratios=(3.2 + 0.6 * panels, *[1.0] * panels)
    )
    curves = figure.add_subplot(grid[0, 0])
    residuals = [figure.add_subplot(grid[1 + i, 0], sharex=curves) for i in range(panels)]
    profiles = figure.add_subplot(grid[:, 1])

    styles = list(zip(measurements, _labels(measurements), _colours(len(measurements)), strict=True))
    _draw_curves(curves, styles)
    for i, (measurement, _, colour) in enumerate(styles):
        _draw_residuals(residuals[i % panels], measurement, colour)
    _finish_residuals(residuals, [measurement.misfit for measurement in measurements])
    for measurement, label, colour in styles:
        _draw_profile(profiles, measurement.sample, label, colour)
    _finish_profile(profiles, measurements[0].sample if len(measurements) == 1 else None)
    for axes in (curves, *residuals[:-1]):
        axes.tick_params(labelbottom=False)
    residuals[-1].set_xlabel("Q (Å$^{-1}$)")
    if result is not None:
        figure.suptitle(_headline(result), fontsize=10)
    figure.align_ylabels([curves, *residuals])
    if path is not None:
        _save(figure, Path(path))
    return figure


def plot_sld_profile(sample: Sample, ax: Axes | None = None) -> Axes:
    """Draw the scattering length density of a sample against depth.

    Parameters
    ----------
    sample : Sample
        Complete; drawn at the present values of its parameters.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own (``axes.figure``) when not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    InvalidValueError
        As `Sample.sld_profile`.

    Examples
    --------
    >>> import kiessig as ks
    >>> from kiessig.plot import plot_sld_profile
    >>> axes = plot_sld_profile(ks.Layer(sld=0) | ks.Layer(100, sld=3.47, roughness=3) | ks.Layer(sld=2.07))
    >>> axes.get_xlabel()
    'depth (Å)'
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    axes: Any = ax
    if axes is None:
        axes = Figure(figsize=(5.0, 3.5), dpi=200, layout="constrained").add_subplot()
    _draw_profile(axes, sample, sample.name, None)
    _finish_profile(axes, sample)
    return axes  # type: ignore[no-any-return]  # matplotlib's stubs are not required here


def _labels(measurements: Sequence[Measurement]) -> list[str]:
    return [item.name or f"measurement {number}" for number, item in enumerate(measurements)]


def _colours(n: int) -> list[str]:
    return [_COLOURS[i % len(_COLOURS)] for i in range(n)]


def _draw_curves(axes: Any, styles: Sequence[tuple[Measurement, str, str]]) -> None:
    for number, (measurement, label, colour) in enumerate(styles):
        shift = -_DECADES * number
        factor = 10.0**shift
        q, model = _model_curve(measurement)
        shifted = f"{label}, ×10$^{{{shift}}}$" if shift else label
        _draw_data(axes, measurement.dataset, factor, _floor(measurement.dataset, model), shifted, colour)
        axes.plot(q, factor * model, color=_MODEL_COLOUR, linewidth=0.9, zorder=3)
    axes.lines[-1].set_label("model")
    axes.set_yscale("log")
    axes.set_xscale(_q_scale(np.concatenate([measurement.dataset.q for measurement, _, _ in styles])))
    axes.set_ylabel("reflectivity")
    axes.margins(x=0.02)
    handles, labels = axes.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    last = [label for label in ("model", _LIMITS) if label in entries]
    order = [label for label in entries if label not in last] + last
    listed = [entries[label] for label in order], order
    if len(styles) <= _LEGEND_INSIDE:
        axes.legend(*listed, fontsize=8, frameon=False)
    else:
        axes.figure.legend(*listed, fontsize=8, frameon=False, loc="outside lower center", ncols=3)


def _q_scale(q: FloatArray) -> str:
    """Return the scale, linear or logarithmic, on which the points lie more evenly."""
    if q.min() <= 0.0 or q.min() == q.max():
        return "linear"
    middle = float(np.median(q))
    linear = (middle - q.min()) / (q.max() - q.min())
    log = np.log(middle / q.min()) / np.log(q.max() / q.min())
    return "linear" if abs(linear - 0.5) <= abs(log - 0.5) else "log"


def _draw_data(axes: Any, data: Dataset, factor: float, floor: float, label: str, colour: str) -> None:
    shown = data.r >= floor
    bars = None
    if data.dr is not None:
        r, dr = data.r[shown], data.dr[shown]
        bars = factor * np.array([np.minimum(dr, _LONGEST_BAR * r), dr])
    axes.errorbar(
        data.q[shown],
        factor * data.r[shown],
        yerr=bars,
        fmt="o",
        markersize=2.2,
        markeredgewidth=0.0,
        color=colour,
        ecolor=colour,
        elinewidth=0.7,
        alpha=0.75,
        label=label,
        zorder=2,
    )
    if not shown.all():
        top = data.r if data.dr is None else data.r + data.dr
        top = np.maximum(top[~shown], floor)
        axes.plot(
            data.q[~shown],
            factor * top,
            "v",
            markersize=3.0,
            markerfacecolor="none",
            color=colour,
            alpha=0.75,
            label=_LIMITS,
        )


def _floor(data: Dataset, model: FloatArray) -> float:
    """Below what a point would stretch the axis and not inform: noise around zero reaches any depth on a logarithm."""
    positive = model[model > 0.0] if (model > 0.0).any() else data.r[data.r > 0.0]
    return 0.3 * float(positive.min()) if positive.size else np.finfo(float).tiny


def _model_curve(measurement: Measurement) -> tuple[FloatArray, FloatArray]:
    """Points of the model curve, close enough to look smooth."""
    data = measurement.dataset
    order = np.argsort(data.q, kind="stable")
    q = data.q[order]
    pieces = -(-_CURVE_POINTS // max(len(q) - 1, 1))
    if len(q) < 2 or pieces < 2 or not (np.diff(q) > 0.0).all():  # repeated Q: the curve may differ in its resolution
        return q, measurement.reflectivity()[order]
    steps = np.arange((len(q) - 1) * pieces + 1) / pieces
    fine = np.interp(steps, np.arange(len(q)), q)
    widths = data.dq if measurement.resolution is None else measurement.resolution.sigma(data.q)
    dq = None if widths is None else np.interp(fine, q, widths[order])
    grid = Dataset(fine, np.ones_like(fine), dr=np.ones_like(fine), dq=dq)
    try:
        drawn = measurement.on_points(grid)
    except KiessigError:  # a footprint, say, that belongs to the points
        return q, measurement.reflectivity()[order]
    return fine, drawn.reflectivity()


def _draw_residuals(axes: Any, measurement: Measurement, colour: str) -> None:
    axes.plot(measurement.dataset.q, measurement.residuals(), ".", markersize=3.0, color=colour, alpha=0.75, zorder=2)


def _finish_residuals(panels: Sequence[Any], misfits: Sequence[str]) -> None:
    for i, axes in enumerate(panels):
        kinds = {_RESIDUALS[misfit] for misfit in misfits[i :: len(panels)]}
        axes.set_ylabel(kinds.pop() if len(kinds) == 1 else "residual", fontsize=8)
        axes.axhline(0.0, color=_MODEL_COLOUR, linewidth=0.8, zorder=1)
        reach = max(abs(limit) for limit in axes.get_ylim())
        axes.set_ylim(-reach, reach)


def _draw_profile(axes: Any, sample: Sample, label: str | None, colour: str | None) -> None:
    ends = sample.sld_profile(n_points=2)[0]
    margin = _PROFILE_MARGIN * (ends[1] - ends[0])
    z = np.linspace(ends[0] - margin, ends[1] + margin, 2000)
    axes.plot(z, sample.sld_profile(z)[1], color=colour or _COLOURS[0], linewidth=1.5, label=label)


def _finish_profile(axes: Any, sample: Sample | None) -> None:
    """Label the axes, and the media where there is but one sample."""
    axes.set_xlabel("depth (Å)")
    axes.set_ylabel("SLD (10$^{-6}$ Å$^{-2}$)")
    axes.margins(x=0.0)
    axes.locator_params(axis="x", nbins=6)
    if sample is None:
        return
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.06 * (top - bottom))
    borders = np.clip([low, *np.cumsum([0.0, *sample.slabs().thickness]), high], low, high)
    for layer, left, right in zip(sample.layers, borders[:-1], borders[1:], strict=True):
        if layer.name is not None and (right - left) / (high - low) > _NAME_WIDTH * len(layer.name):
            axes.text(
                *((left + right) / 2.0, 0.98),
                layer.name,
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="top",
                fontsize=8,
                color="0.35",
            )


def _headline(result: FitResult) -> str:
    misfit = {"log": "ln misfit", "poisson": "deviance"}.get(result.misfit, "χ²")
    n = len(result.names)
    fitted = f"{n} parameter{'' if n == 1 else 's'}"
    parts = [f"{misfit}/N = {result.chi2_per_point:.4g}", f"N = {result.n_points}", fitted]
    return ", ".join(parts if result.success else [*parts, "NOT CONVERGED"])


def _save(figure: Any, path: Path) -> None:
    known = figure.canvas.get_supported_filetypes()
    kind = path.suffix.lower().lstrip(".")
    if kind not in known:
        message = (
            f"plot_fit: path must end in one of {', '.join('.' + name for name in sorted(known))}; got {path.name!r}"
        )
        raise InvalidValueError(message)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            figure.savefig(draft, format=kind)
            draft.replace(path)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    except OSError as error:
        message = f"plot_fit: {path} cannot be written: {error.strerror or error}"
        raise InvalidValueError(message) from error
