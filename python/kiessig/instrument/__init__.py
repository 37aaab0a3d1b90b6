"""What the instrument does to a curve: the spread of Q in each point."""

from __future__ import annotations

from kiessig.instrument.resolution import Resolution
from kiessig.instrument.widths import FWHM_PER_SIGMA, sigma_from_fwhm

__all__ = ["FWHM_PER_SIGMA", "Resolution", "sigma_from_fwhm"]
