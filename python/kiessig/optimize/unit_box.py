"""The unit cube as coordinates of a box, for methods that search all of it."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.objective import FloatArray
from kiessig.optimize.transforms import BoxTransform

__all__ = ["UnitBox"]


class UnitBox:
    """Map x to the unit cube: evenly, or evenly in log(x) where positive bounds span two decades or more.

    Parameters
    ----------
    lower, upper : float arrays, shape (n,)
        Finite bounds.
    """

    def __init__(self, lower: FloatArray, upper: FloatArray) -> None:
        self._lower, self._upper = lower, upper
        positive = lower > 0.0
        self._log = positive & (upper >= BoxTransform.DECADES * np.where(positive, lower, 1.0))
        self._ratio = np.log(np.where(self._log, upper, 1.0) / np.where(self._log, lower, 1.0))

    def x(self, z: FloatArray) -> FloatArray:
        """Return the parameters at z (..., n), never outside their bounds."""
        even = self._lower + (self._upper - self._lower) * z
        x: FloatArray = np.clip(
            np.where(self._log, self._lower * np.exp(self._ratio * z), even), self._lower, self._upper
        )
        return x

    def z(self, x: FloatArray) -> FloatArray:
        """Return the coordinates of x (..., n)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithmic = np.log(x / self._lower) / self._ratio
        even = (x - self._lower) / (self._upper - self._lower)
        z: FloatArray = np.clip(np.where(self._log, logarithmic, even), 0.0, 1.0)
        return z

    def slope(self, z: FloatArray) -> FloatArray:
        """Return dx/dz; the coordinates act on each parameter alone."""
        return np.where(self._log, self._ratio * self.x(z), self._upper - self._lower)
