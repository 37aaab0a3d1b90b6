"""Coordinates in which a general minimiser meets a well-scaled problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kiessig.optimize.convergence import pressed
from kiessig.optimize.covariance import column_norms
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.transforms import BoxTransform, typical_scale

__all__ = ["Coordinates", "coordinates_at_best"]

# Widest unit of a logistic coordinate: from -4 to 4 it crosses 96 % of the box.
_WIDEST = 4.0


@dataclass(frozen=True)
class Coordinates:
    """``x = T(origin + unit z)``, and the misfit counted in units of `reference`.

    At z = 0 the misfit is 1 and its second derivatives along the coordinates are 2, so that tolerances and first steps
    mean the same for every problem. Parameters that are held stay at the value they are given.
    """

    transform: BoxTransform
    origin: FloatArray
    unit: FloatArray
    reference: float
    held: npt.NDArray[np.bool_]
    best: FloatArray
    lower: FloatArray
    upper: FloatArray

    def x(self, z: FloatArray) -> FloatArray:
        """Return the parameters at z, never outside their bounds."""
        x = np.where(self.held, self.best, self.transform.inverse(self.origin + self.unit * z))
        return np.clip(x, self.lower, self.upper)

    def slope(self, z: FloatArray) -> FloatArray:
        """Return dx/dz; the coordinates act on each parameter alone."""
        return np.where(self.held, 0.0, self.transform.derivative(self.origin + self.unit * z) * self.unit)

    def bend(self, z: FloatArray) -> FloatArray:
        """Return d2x/dz2."""
        return np.where(self.held, 0.0, self.transform.second_derivative(self.origin + self.unit * z) * self.unit**2)

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """The bounds of z where the transform is linear."""
        return (self.lower - self.best) / self.unit, (self.upper - self.best) / self.unit


def coordinates_at_best(
    evaluator: Evaluator, box: BoxTransform | None, lower: FloatArray, upper: FloatArray
) -> Coordinates:
    """Return the coordinates around the evaluator's best point.

    Parameters
    ----------
    evaluator : Evaluator
        Its best point must have a misfit above zero.
    box : BoxTransform or None
        The map to free coordinates, for methods that know no bounds. Parameters on a bound that press on are held then.
    lower, upper : float arrays, shape (n,)
        Bounds.
    """
    best = evaluator.best
    n = best.x.size
    transform = box
    if transform is None:
        transform = BoxTransform(np.full(n, -np.inf), np.full(n, np.inf), best.x, np.ones(n))
    origin = transform.forward(best.x)
    slope = np.abs(transform.derivative(origin))
    lengths = column_norms(evaluator.jacobian(best.x) * slope)
    unit = typical_scale(lower, upper, best.x) / slope
    np.divide(np.sqrt(best.value), lengths, out=unit, where=lengths > 0.0)
    unit = np.minimum(unit, np.where(transform.bounded, _WIDEST, (upper - lower) / slope))
    held = np.zeros(n, dtype=bool)
    if box is not None:
        down, up = pressed(evaluator, lower, upper)
        held = down | up
    return Coordinates(transform, origin, unit, best.value, held, best.x, lower, upper)
