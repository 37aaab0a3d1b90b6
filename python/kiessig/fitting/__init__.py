"""Fits of problems: starts, distinct minima, and the numbers that come out."""

from __future__ import annotations

from kiessig.fitting.fit import fit
from kiessig.fitting.series import SeriesResult, fit_series

__all__ = ["SeriesResult", "fit", "fit_series"]
