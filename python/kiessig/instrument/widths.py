"""Widths: standard deviation from full width at half maximum."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from kiessig.data import FloatArray, real_array

__all__ = ["FWHM_PER_SIGMA", "sigma_from_fwhm"]

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
"""Full width at half maximum of a Gaussian of unit standard deviation, 2 sqrt(2 ln 2) = 2.3548."""


def sigma_from_fwhm(fwhm: npt.ArrayLike) -> FloatArray:
    """Return the standard deviation of the Gaussian with full width at half maximum `fwhm`.

    Parameters
    ----------
    fwhm : float array of any shape
        Full width at half maximum, in any unit.

    Returns
    -------
    float array of the same shape
        ``fwhm / (2 sqrt(2 ln 2))``, in the unit of `fwhm`.

    Raises
    ------
    InvalidValueError
        `fwhm` is not an array of real numbers.

    Examples
    --------
    >>> from kiessig.instrument import Resolution, sigma_from_fwhm
    >>> Resolution.constant(sigma_from_fwhm(0.05))
    Resolution.constant(dq_over_q=0.021233)
    """
    return np.asarray(real_array("sigma_from_fwhm", "fwhm", fwhm) / FWHM_PER_SIGMA)
