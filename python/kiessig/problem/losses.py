"""Robust losses, as signed roots: residuals whose squares add up to the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError, UnknownNameError

__all__ = ["LOSSES", "Loss", "as_loss"]

FloatArray = NDArray[np.float64]

LOSSES = ("huber", "cauchy", "student")

# Where estimates keep 95 % of the efficiency of least squares if the noise is normal after all (Holland and Welsch,
# 1977, doi:10.1080/03610927708827533).
_SCALES = {"huber": 1.345, "cauchy": 2.385, "student": 1.0}
_DEGREES = 4.0


@dataclass(frozen=True)
class Loss:
    """A robust loss rho(r), with the scale in units of the residuals."""

    name: str
    scale: float
    df: float

    def apply(self, residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute s = sign(r) sqrt(rho(r)) and ds/dr."""
        if self.name == "huber":
            size = np.abs(residuals)
            far = size > self.scale
            root = np.sqrt(2.0 * self.scale * np.where(far, size, self.scale) - self.scale**2)
            slope = np.where(far, self.scale / root, 1.0)
            return np.where(far, np.copysign(root, residuals), residuals), slope
        stretch, power = self._power()
        z = (residuals / stretch) ** 2
        # sqrt(ln(1 + z) / z), which is 1 at z = 0
        bent = np.sqrt(np.divide(np.log1p(z), z, out=np.ones_like(z), where=z > 0.0))
        front = math.sqrt(power) / stretch
        return front * residuals * bent, front / ((1.0 + z) * bent)

    def likelihood_constant(self) -> float:
        """-ln of the integral of exp(-rho(r) / 2) over r; what normalises each point, for residuals in units of dR."""
        from scipy.special import erf, gammaln

        if self.name == "huber":
            near = math.sqrt(2.0 * math.pi) * float(erf(self.scale / math.sqrt(2.0)))
            return -math.log(near + 2.0 / self.scale * math.exp(-0.5 * self.scale**2))
        stretch, power = self._power()
        if power <= 1.0:
            message = (
                f"Problem: a cauchy loss of scale {self.scale} has no normalised likelihood, its tails hold too much; "
                "give a loss_scale above 1, or the student loss"
            )
            raise InvalidValueError(message)
        tails = float(gammaln(0.5 * (power - 1.0)) - gammaln(0.5 * power))
        return -(math.log(stretch) + 0.5 * math.log(math.pi) + tails)

    def _power(self) -> tuple[float, float]:
        """Stretch and power of rho = power * ln(1 + (r / stretch)**2)."""
        if self.name == "cauchy":
            return self.scale, self.scale**2
        return self.scale * math.sqrt(self.df), self.df + 1.0


def as_loss(owner: str, name: str | None, scale: float | None, df: float | None) -> Loss | None:
    """Return the loss of these arguments, None for plain squares, or raise."""
    if name is None:
        given = [key for key, value in (("loss_scale", scale), ("df", df)) if value is not None]
        if given:
            message = f"{owner}: {given[0]} must be None without a loss; got {scale if scale is not None else df!r}"
            raise InvalidValueError(message)
        return None
    if name not in LOSSES:
        message = f"{owner}: loss must be None or one of {', '.join(map(repr, LOSSES))}; got {name!r}"
        raise UnknownNameError(message)
    if df is not None and name != "student":
        message = f"{owner}: df must be None for the {name} loss, it belongs to 'student'; got {df!r}"
        raise InvalidValueError(message)
    return Loss(
        name,
        _positive(owner, "loss_scale", _SCALES[name] if scale is None else scale),
        _positive(owner, "df", _DEGREES if df is None else df),
    )


def _positive(owner: str, name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        message = f"{owner}: {name} must be a positive number; got {value!r}"
        raise InvalidValueError(message)
    if not (math.isfinite(value) and value > 0.0):
        message = f"{owner}: {name} must be finite and positive; {name} = {float(value)}"
        raise InvalidValueError(message)
    return float(value)
