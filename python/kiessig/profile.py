"""Scattering length density against depth: of slabs, and at which depths."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError

__all__ = ["profile_depths", "sum_of_steps"]

FloatArray: TypeAlias = NDArray[np.float64]

# The automatic range of a profile: by 4 sigma an error function is within 3e-5 of its end.
_POINTS = 500
_REACH = 4.0
_MARGIN = 0.05
_LEAST_MARGIN = 10.0  # angstrom, for a lone sharp interface, which has no extent


def sum_of_steps(depths: FloatArray, interfaces: FloatArray, sld: FloatArray, roughness: FloatArray) -> FloatArray:
    """Add an error function for every interface, a step with the mean of both sides where its roughness is 0."""
    from scipy.special import erf

    total = np.full(depths.shape, sld[0])
    for interface, step, width in zip(interfaces, np.diff(sld), roughness, strict=True):
        if step == 0.0:
            continue
        distance = depths - interface
        if width > 0:
            with np.errstate(over="ignore"):  # far from a very sharp interface: erf of infinity is 1
                total += step * 0.5 * (1.0 + erf(distance / (math.sqrt(2.0) * width)))
        else:
            total += step * np.heaviside(distance, 0.5)
    return total


def profile_depths(
    z: ArrayLike | None, n_points: int | None, interfaces: FloatArray, roughness: FloatArray
) -> FloatArray:
    """Return the depths that a caller of `sld_profile` asks for, or those of the automatic range."""
    if z is None:
        count = _POINTS if n_points is None else n_points
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 2:
            message = f"sld_profile: n_points must be an integer above 1; n_points = {count!r}"
            raise InvalidValueError(message)
        first = float(np.min(interfaces - _REACH * roughness))
        last = float(np.max(interfaces + _REACH * roughness))
        margin = _MARGIN * (last - first) or _LEAST_MARGIN
        return np.linspace(first - margin, last + margin, count)
    if n_points is not None:
        message = f"sld_profile: n_points must not be given with z; n_points = {n_points!r}"
        raise InvalidValueError(message)
    try:
        depths = np.asarray(z)
    except ValueError as error:  # ragged lists
        message = f"sld_profile: z must be an array of real numbers; {error}"
        raise InvalidValueError(message) from None
    if depths.dtype.kind not in "iuf":
        message = f"sld_profile: z must be an array of real numbers; got dtype {depths.dtype}, shape {depths.shape}"
        raise InvalidValueError(message)
    depths = depths.astype(np.float64)
    wrong = np.argwhere(~np.isfinite(depths))
    if wrong.size:
        index = ", ".join(str(place) for place in wrong[0])
        message = f"sld_profile: z must be finite; z[{index}] = {depths[tuple(wrong[0])]} angstrom"
        raise InvalidValueError(message)
    return depths
