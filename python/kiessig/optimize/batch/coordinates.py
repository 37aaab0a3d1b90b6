"""Coordinates in which descents move: of comparable units, and within the bounds one way or the other."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from kiessig.errors import UnknownNameError
from kiessig.optimize.objective import FloatArray
from kiessig.optimize.transforms import BoxTransform

__all__ = ["BOUNDS", "Coordinates", "ScaledBox", "coordinates_of"]

BOUNDS = ("transform", "projection")


class Coordinates(Protocol):
    """A map of rows of parameters, each by itself."""

    def forward(self, x: FloatArray) -> FloatArray:
        """Return u(x), shape (k, n)."""
        ...

    def inverse(self, u: FloatArray) -> FloatArray:
        """Return x(u), shape (k, n), within the bounds."""
        ...

    def derivative(self, u: FloatArray) -> FloatArray:
        """Return dx/du, shape (k, n)."""
        ...


class ScaledBox:
    """Parameters in units of their typical change; what leaves the box is put on its bound.

    Parameters
    ----------
    lower, upper, scale : float arrays, shape (n,)
        Bounds, and units.
    """

    def __init__(self, lower: FloatArray, upper: FloatArray, scale: FloatArray) -> None:
        self.lower, self.upper, self.scale = lower, upper, scale

    def forward(self, x: FloatArray) -> FloatArray:
        """Return u(x)."""
        return x / self.scale

    def inverse(self, u: FloatArray) -> FloatArray:
        """Return the nearest point of the box."""
        return np.clip(u * self.scale, self.lower, self.upper)

    def derivative(self, u: FloatArray) -> FloatArray:
        """Return dx/du; that of the way back from outside is that inside."""
        return np.broadcast_to(self.scale, u.shape)


def coordinates_of(kind: str, lower: FloatArray, upper: FloatArray, scale: FloatArray) -> Coordinates:
    """Return the coordinates of `BoxTransform` ("transform"), or scaled ones with bounds by projection."""
    if kind == "transform":
        return BoxTransform(lower, upper, np.clip(np.zeros_like(lower), lower, upper), scale)
    return ScaledBox(lower, upper, scale)


def require_kind(algorithm: str, kind: str) -> str:
    """Return the way in which bounds are kept, or raise UnknownNameError."""
    if kind not in BOUNDS:
        message = f"{algorithm}: box must be 'transform' or 'projection'; got {kind!r}"
        raise UnknownNameError(message)
    return kind
