"""How data are compared with a model: signed residuals whose squares add up to the misfit, and their slopes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kiessig.data import Dataset
from kiessig.errors import DataError, UnknownNameError

__all__ = ["MISFITS", "compare", "data_columns", "likelihood_constant", "require_misfit"]

FloatArray = NDArray[np.float64]

MISFITS = ("chi2", "log", "poisson")
COLUMNS = {"chi2": ("r", "dr"), "log": ("r",), "poisson": ("counts", "normalisation")}
"""What each misfit compares the model with."""

_SERIES_BELOW = 0.05  # of |mu / n - 1|: log1p would lose what the series keeps
_SERIES_TERMS = 13  # 0.05**13 is below the rounding of the first term


def require_misfit(owner: str, misfit: str, dataset: Dataset) -> None:
    """Raise unless the misfit is a known one and the dataset has what it needs."""
    if misfit not in MISFITS:
        message = f"{owner}: misfit must be one of {', '.join(map(repr, MISFITS))}; got {misfit!r}"
        raise UnknownNameError(message)
    if misfit == "chi2" and dataset.dr is None:
        message = f"{owner}: the chi2 misfit needs dr, which {dataset!r} does not have; give dr or misfit='log'"
        raise DataError(message)
    if misfit == "poisson" and dataset.counts is None:
        message = (
            f"{owner}: the poisson misfit needs counts, which {dataset!r} does not have; "
            "build it with Dataset.from_counts(q, counts, normalisation)"
        )
        raise DataError(message)
    if misfit == "log" and (dataset.r <= 0.0).any():
        rows = np.flatnonzero(dataset.r <= 0.0)
        message = (
            f"{owner}: the log misfit needs r > 0; r[{int(rows[0])}] = {float(dataset.r[rows[0]])} "
            f"({rows.size} such rows); leave them out with dataset.mask(dataset.r > 0)"
        )
        raise DataError(message)


def data_columns(misfit: str, dataset: Dataset) -> dict[str, FloatArray]:
    """Return what `compare` takes of a dataset."""
    return {name: getattr(dataset, name) for name in COLUMNS[misfit]}


def compare(misfit: str, data: Mapping[str, FloatArray], model: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute residuals and their derivative with respect to the model; NaN or infinite where there are none."""
    if misfit == "chi2":
        slope = -1.0 / data["dr"]
        return (model - data["r"]) * slope, np.broadcast_to(slope, model.shape)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if misfit == "log":
            return np.log(data["r"] / model), -1.0 / model
        return _deviance(data["counts"], data["normalisation"], model)


def _deviance(counts: FloatArray, normalisation: FloatArray, model: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Signed roots of 2 (mu - n + n ln(n / mu)), mu = normalisation * model, and their slopes in the model."""
    expected = normalisation * model
    n = np.broadcast_to(counts, expected.shape)
    some = n > 0.0
    t = np.where(some, expected / np.where(some, n, 1.0) - 1.0, 0.0)
    # root = sqrt(2 (t - ln(1 + t)) / t**2), which is 1 - t/3 + ... at t = 0
    small = np.abs(t) < _SERIES_BELOW
    inner = np.where(small, t, 0.0)
    series = np.zeros_like(t)
    for k in reversed(range(_SERIES_TERMS)):
        series = series * -inner + 2.0 / (k + 2)
    outer = np.where(small, 1.0, t)
    root = np.sqrt(np.where(small, series, 2.0 * (outer - np.log1p(outer)) / (outer * outer)))
    none_root = np.sqrt(2.0 * expected)  # NaN where a model is negative
    residuals = np.where(some, -np.sqrt(n) * t * root, -none_root)
    slope = np.where(some, -1.0 / ((1.0 + t) * np.sqrt(np.where(some, n, 1.0)) * root), -1.0 / none_root)
    bad = ~(expected > 0.0)
    if bad.any():
        residuals, slope = np.where(bad, np.nan, residuals), np.where(bad, np.nan, slope)
    return residuals, slope * normalisation


def likelihood_constant(misfit: str, data: Mapping[str, FloatArray]) -> FloatArray:
    """Sum over the points of ln L + residual**2 / 2, which no model changes: what normalises the likelihood."""
    if misfit == "chi2":
        return np.asarray(-np.log(data["dr"] * np.sqrt(2.0 * np.pi)).sum(axis=-1))
    from scipy.special import gammaln, xlogy

    n = data["counts"]
    return np.asarray((xlogy(n, n) - n - gammaln(n + 1.0)).sum(axis=-1))
