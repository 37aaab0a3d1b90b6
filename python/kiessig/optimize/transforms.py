"""Smooth one-to-one maps between a box and free coordinates, for methods that know no bounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize.objective import FloatArray

__all__ = ["BoxTransform"]

# exp of more overflows; at that depth a coordinate has long been on its bound.
_DEEPEST = 700.0
# Nearer to a bound than this part of the width, the slope of the map is below rounding and a start would be stuck.
_ON_BOUND = 1e-12


class BoxTransform:
    """Map x inside its bounds to free coordinates u, each parameter by the bounds it has.

    =====================  ==========================================  ===============================
    bounds                 x(u)                                        unit of u
    =====================  ==========================================  ===============================
    two                    lower + (upper - lower) S(u)                logistic, S(u) = 1/(1 + exp(-u))
    two, spanning decades  lower (upper/lower)^S(u)                    the same, in log(x)
    lower only             lower + scale log(1 + exp(u))               softplus: linear far from the bound
    upper only             upper - scale log(1 + exp(u))               softplus
    none                   scale u                                     `scale`
    =====================  ==========================================  ===============================

    The logarithmic form is taken when both bounds are positive and ``upper / lower`` is at least `DECADES`: such bounds
    say that the order of magnitude is what is sought. Near a bound of a linear box u is the logarithm of the distance,
    so that a background bounded by (0, 1e-5) moves freely through the decades as well.

    Bounds are reached only as u goes to infinity, and no slope is ever exactly zero inside; see `forward` for starts on
    a bound.

    Parameters
    ----------
    lower, upper : float arrays, shape (n,)
        Bounds; infinite where there is none.
    start : float array, shape (n,)
        A point in the box; gives the default scale.
    scale : float array, shape (n,), optional
        Unit of u for parameters without two bounds. Default: the smaller of ``abs(start)`` and its distance from the
        bound, zeros left out; where neither is left, ``abs(bound)`` or 1.

    Raises
    ------
    ShapeError
        If the arrays do not have one common shape (n,).
    InvalidValueError
        If a scale is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.optimize import BoxTransform
    >>> box = BoxTransform(np.array([1400.0]), np.array([1500.0]), np.array([1450.0]))
    >>> box.inverse(box.forward(np.array([1460.0]))).tolist()
    [1460.0]
    """

    DECADES = 100.0

    def __init__(
        self, lower: FloatArray, upper: FloatArray, start: FloatArray, scale: FloatArray | None = None
    ) -> None:
        self.lower, self.upper, start = (np.array(v, dtype=np.float64) for v in (lower, upper, start))
        if not self.lower.shape == self.upper.shape == start.shape or start.ndim != 1:
            message = (
                "BoxTransform: lower, upper and start must have one shape (n,); "
                f"got {self.lower.shape}, {self.upper.shape} and {start.shape}"
            )
            raise ShapeError(message)
        below, above = np.isfinite(self.lower), np.isfinite(self.upper)
        self._box = below & above
        self._from_lower = below & ~above
        self._from_upper = above & ~below
        self._free = ~(below | above)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            self._log = self._box & (self.lower > 0.0) & (self.upper / self.lower >= self.DECADES)
        self._linear = self._box & ~self._log
        self.scale = (
            typical_scale(self.lower, self.upper, start) if scale is None else np.array(scale, dtype=np.float64)
        )
        if self.scale.shape != start.shape:
            message = f"BoxTransform: scale must have shape {start.shape}; got {self.scale.shape}"
            raise ShapeError(message)
        bad = ~(np.isfinite(self.scale) & (self.scale > 0.0))
        if bad.any():
            i = int(np.argmax(bad))
            message = f"BoxTransform: scale must be positive and finite; scale[{i}] = {float(self.scale[i])!r}"
            raise InvalidValueError(message)

    @property
    def bounded(self) -> npt.NDArray[np.bool_]:
        """Parameters with two bounds, whose coordinate has a natural unit."""
        return self._box.copy()

    def forward(self, x: FloatArray, margin: float = 1e-3) -> FloatArray:
        """Return u(x), shape (..., n).

        A value on a bound (nearer than 1e-12 of the width) has no finite coordinate. It is moved inside to `margin` of
        the width (of `scale` where there is one bound only), so that a start on a bound can leave it.
        """
        u = np.empty_like(x)
        lo, hi = self.lower, self.upper
        for mask, span, low, high in (
            (self._linear, hi - lo, x - lo, hi - x),
            (self._log, _log(hi, lo), _log(x, lo), _log(hi, x)),
        ):
            low, high = low[..., mask] / span[mask], high[..., mask] / span[mask]
            on_low, on_high = low < _ON_BOUND, high < _ON_BOUND
            low, high = np.where(on_low, margin, low), np.where(on_low, 1.0 - margin, high)
            low, high = np.where(on_high, 1.0 - margin, low), np.where(on_high, margin, high)
            u[..., mask] = np.log(low) - np.log(high)
        for mask, distance in ((self._from_lower, x - lo), (self._from_upper, hi - x)):
            t = distance[..., mask] / self.scale[mask]
            t = np.where(t < _ON_BOUND, margin, t)
            u[..., mask] = t + np.log(-np.expm1(-t))
        u[..., self._free] = x[..., self._free] / self.scale[self._free]
        return u

    def inverse(self, u: FloatArray) -> FloatArray:
        """Return x(u), shape (..., n), never outside the bounds."""
        x = np.empty_like(u)
        lo, hi = self.lower, self.upper
        rise, fall = _logistic(u), _logistic(-u)
        width = hi[self._linear] - lo[self._linear]
        # Measured from the nearer bound, so that distances to either keep their digits.
        x[..., self._linear] = np.where(
            u[..., self._linear] < 0.0,
            lo[self._linear] + width * rise[..., self._linear],
            hi[self._linear] - width * fall[..., self._linear],
        )
        x[..., self._log] = lo[self._log] * np.exp(_log(hi, lo)[self._log] * rise[..., self._log])
        x[..., self._from_lower] = lo[self._from_lower] + (self.scale * _softplus(u))[..., self._from_lower]
        x[..., self._from_upper] = hi[self._from_upper] - (self.scale * _softplus(u))[..., self._from_upper]
        x[..., self._free] = (self.scale * u)[..., self._free]
        return np.clip(x, lo, hi)

    def derivative(self, u: FloatArray) -> FloatArray:
        """Return dx/du, shape (..., n); the map acts on each parameter alone."""
        rise, fall = _logistic(u), _logistic(-u)
        slope = np.where(self._free, self.scale, self.scale * rise)
        slope[..., self._from_upper] *= -1.0
        slope[..., self._linear] = ((self.upper - self.lower) * rise * fall)[..., self._linear]
        slope[..., self._log] = (self.inverse(u) * _log(self.upper, self.lower) * rise * fall)[..., self._log]
        return slope

    def second_derivative(self, u: FloatArray) -> FloatArray:
        """Return d2x/du2, shape (..., n)."""
        rise, fall = _logistic(u), _logistic(-u)
        bend = np.where(self._free, 0.0, self.scale * rise * fall)
        bend[..., self._from_upper] *= -1.0
        bend[..., self._linear] = ((self.upper - self.lower) * rise * fall * (fall - rise))[..., self._linear]
        slope = _log(self.upper, self.lower) * rise * fall
        bend[..., self._log] = (self.inverse(u) * slope * (slope + fall - rise))[..., self._log]
        return bend


def typical_scale(lower: FloatArray, upper: FloatArray, start: FloatArray) -> FloatArray:
    """Size of a sensible change: the width of a box, else the smaller of the start's size and distance from a bound."""
    scale = np.ones(start.shape)
    for i, (lo, hi, x) in enumerate(zip(lower, upper, start, strict=True)):
        if np.isfinite(hi - lo):
            scale[i] = hi - lo
            continue
        near = [v for v in (x - lo, hi - x, abs(x)) if np.isfinite(v) and v > 0.0]
        bounds = [abs(v) for v in (lo, hi) if np.isfinite(v) and v != 0.0]
        scale[i] = min(near or bounds or [1.0])
    return scale


def _log(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Logarithm of the ratio, NaN where it has none; those elements are not used."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio: FloatArray = np.log(numerator / denominator)
    return ratio


def _logistic(u: FloatArray) -> FloatArray:
    value: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(u, -_DEEPEST, _DEEPEST)))
    return value


def _softplus(u: FloatArray) -> FloatArray:
    value: FloatArray = np.maximum(u, 0.0) + np.log1p(np.exp(-np.minimum(np.abs(u), _DEEPEST)))
    return value
