"""What a fit reports: parameters with their uncertainties, as a table to read and as a file to keep."""

from __future__ import annotations

from kiessig.result.minimum import Minimum
from kiessig.result.result import FitResult

__all__ = ["FitResult", "Minimum"]
