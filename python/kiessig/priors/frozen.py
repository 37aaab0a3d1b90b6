"""Any distribution of scipy.stats, or what looks like one, as a prior."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters import arrived
from kiessig.priors.base import Prior

__all__ = ["FromDistribution", "as_prior"]

# Sixth-order differences: coefficients of f(x + k h) for k = -3 .. 3, and for k = 0 .. 6 to one side.
_CENTRAL = np.array([-1.0, 9.0, -45.0, 0.0, 45.0, -9.0, 1.0]) / 60.0
_FORWARD = np.array([-147.0, 360.0, -450.0, 400.0, -225.0, 72.0, -10.0]) / 60.0
# Step in units of the distribution's width: the error of the difference, (step^6/140) f^(7), and the rounding,
# 1e-16 f / step, are then both about 1e-13 of the derivative of a normal distribution one width from its mean.
_STEP = 0.01
# Closer to an end of the support the step is this part of the distance, so that a power of the distance there is
# followed to 3e-10 of its derivative.
_SHARE_OF_DISTANCE = 0.02
_GRID = 257
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


class FromDistribution(Prior):
    """A frozen distribution with a logpdf, such as those of `scipy.stats`.

    Parameters
    ----------
    distribution : object
        Has ``logpdf(x)``, ``ppf(u)`` (or ``icdf``) and ``support()``; continuous, of one variable.
    dlogpdf : callable, optional
        Derivative of the logpdf, float to float. None takes the distribution's own ``dlogpdf`` or ``score``, if it has
        one, else differences.

    Raises
    ------
    InvalidValueError
        If one of these is missing or gives no numbers.

    Notes
    -----
    The differences are of sixth order on seven points, 0.01 of the distribution's width apart (half its central 68 %)
    or closer near an end of the support. For smooth densities the result has an error of 1e-9 of itself, or 1e-11 in
    units of the inverse width where that is more; a kink of the logpdf (Laplace's distribution) is smeared over 0.06
    widths. Give the derivative where that is not enough.

    The residual needs a bounded density; see `Prior` for densities that are greatest at an end of their support. Where
    a density has several maxima the residual is measured from the highest.

    Examples
    --------
    >>> import scipy.stats
    >>> from kiessig import priors
    >>> prior = priors.FromDistribution(scipy.stats.norm(10.0, 2.0))
    >>> round(prior.dlogpdf(12.0), 12)
    -0.5
    """

    __slots__ = ("__dict__", "_derivative", "_inverse", "distribution")

    def __init__(self, distribution: Any, dlogpdf: Callable[[float], float] | None = None) -> None:
        self.distribution = distribution
        self._inverse: Any = getattr(distribution, "ppf", None) or getattr(distribution, "icdf", None)
        wanted = {"logpdf": getattr(distribution, "logpdf", None), "ppf": self._inverse}
        wanted["support"] = getattr(distribution, "support", None)
        missing = [name for name, method in wanted.items() if not callable(method)]
        if missing:
            message = (
                "FromDistribution: distribution must be a frozen continuous distribution of one variable; "
                f"{arrived(distribution)} has no {' and no '.join(missing)}"
            )
            raise InvalidValueError(message)
        own = getattr(distribution, "dlogpdf", None) or getattr(distribution, "score", None)
        self._derivative = dlogpdf if dlogpdf is not None else (own if callable(own) else None)
        low, high = self.support
        if not (low < high and math.isfinite(self._density(self._centre)) and self._width > 0.0):
            message = f"FromDistribution: distribution must have a width and a density at its median; got {self!r}"
            raise InvalidValueError(message)

    @functools.cached_property
    def support(self) -> tuple[float, float]:
        """See `Prior.support`."""
        low, high = self.distribution.support()
        return float(low), float(high)

    @functools.cached_property
    def _quantiles(self) -> tuple[float, float, float]:
        low, middle, high = np.asarray(self._inverse(np.array([0.16, 0.5, 0.84])), dtype=np.float64).tolist()
        return low, middle, high

    @property
    def _centre(self) -> float:
        return self._quantiles[1]

    @property
    def _width(self) -> float:
        return 0.5 * (self._quantiles[2] - self._quantiles[0])

    def _density(self, x: float) -> float:
        return float(self.distribution.logpdf(x))

    @functools.cached_property
    def _mode(self) -> float:
        """Where the logpdf is greatest."""
        from scipy.optimize import minimize_scalar

        low, high = self.support
        grid = np.asarray(self._inverse((np.arange(_GRID) + 0.5) / _GRID), dtype=np.float64)
        ends = [end for end in (low, high) if math.isfinite(end)]
        grid = np.unique(np.concatenate([grid, ends]))
        values = np.asarray(self.distribution.logpdf(grid), dtype=np.float64)
        if not (values < math.inf).all():
            message = f"{self!r}: residual needs a bounded density; it is infinite at {grid[~(values < math.inf)][0]}"
            raise InvalidValueError(message)
        best = int(np.argmax(values))
        if grid[best] in ends and self._falls_from(float(grid[best])):
            return float(grid[best])
        around = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
        found = minimize_scalar(lambda x: -self._density(x), bounds=around, method="bounded", options={"xatol": 1e-12})
        # the values tell a smooth maximum to half the digits; its derivative tells it to all
        at = float(found.x)
        for _ in range(3):
            curvature = self._curvature(at)
            step = self._dlogpdf(at) / curvature if curvature > 0.0 else 0.0
            if not around[0] <= at + step <= around[1]:
                break
            at += step
        return at

    def _falls_from(self, end: float) -> bool:
        """Whether the density has its maximum at an end of the support, with a slope."""
        return abs(self._dlogpdf(end)) * self._width > 1e-6

    def _curvature(self, x: float) -> float:
        """Second derivative of -logpdf."""
        h = _STEP * self._width
        low, high = self.support
        if not low < x - h < x + h < high:
            return 0.0
        return (self._dlogpdf(x - h) - self._dlogpdf(x + h)) / (2.0 * h)

    @property
    def _at_end(self) -> bool:
        return self._mode in self.support

    @functools.cached_property
    def reference(self) -> float:
        """See `Prior.reference`; one more than the greatest logpdf where that is at an end of the support."""
        return self._density(self._mode) + (1.0 if self._at_end else 0.0)

    def _logpdf(self, x: float) -> float:
        return self._density(x)

    def _dlogpdf(self, x: float) -> float:
        return float(self._values_and_slopes(np.array([x]))[1][0])

    def _values_and_slopes(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return logpdf and derivative at points within the support, with one call of the distribution."""
        if self._derivative is not None:
            values = np.asarray(self.distribution.logpdf(x), dtype=np.float64)
            return values, np.array([float(self._derivative(float(at))) for at in x])
        low, high = self.support
        step = _STEP * self._width
        distance = np.minimum(x - low, high - x)
        at_end = distance == 0.0
        h = np.where(at_end, np.where(x == low, step, -step), np.minimum(step, _SHARE_OF_DISTANCE * distance))
        offsets = np.where(at_end[:, np.newaxis], np.arange(7), np.arange(-3, 4))
        values = np.asarray(self.distribution.logpdf(x[:, np.newaxis] + h[:, np.newaxis] * offsets), dtype=np.float64)
        with np.errstate(invalid="ignore"):  # a density that vanishes at an end has an infinite derivative there
            slopes = np.where(at_end, values @ _FORWARD, values @ _CENTRAL) / h
        return np.where(at_end, values[:, 0], values[:, 3]), slopes

    def _residual(self, x: float) -> tuple[float, float]:
        values, slopes = self._values_and_slopes(np.array([x]))
        slope, distance = float(slopes[0]), x - self._mode
        square = 2.0 * (self.reference - float(values[0]))
        if self._at_end:
            row = math.sqrt(max(square, 0.0))
            return row, -slope / row
        if square > 0.1:
            row = math.copysign(math.sqrt(square), distance)
            return row, -slope / row
        # Near the mode the difference cancels: logpdf(mode) - logpdf(x) = distance^2 * integral, over t from 0 to 1, of
        # -dlogpdf(mode + t distance) / distance.
        if abs(distance) < 1e-7 * self._width:
            root = math.sqrt(max(self._curvature(self._mode), 0.0))
            return root * distance, root
        at = self._mode + 0.5 * (_NODES + 1.0) * distance
        mean = -0.5 * float(_WEIGHTS @ self._values_and_slopes(at)[1]) / distance
        root = math.sqrt(max(2.0 * mean, 0.0))
        row = root * distance
        return row, -slope / row if row != 0.0 else 0.0

    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """See `Prior.ppf`."""
        return np.asarray(self._inverse(self._shares(u)), dtype=np.float64)

    def __repr__(self) -> str:
        frozen = self.distribution
        name = getattr(getattr(frozen, "dist", None), "name", None)
        if name is None:
            return f"FromDistribution({frozen!r})"
        arguments = [repr(item) for item in frozen.args] + [f"{key}={value!r}" for key, value in frozen.kwds.items()]
        return f"FromDistribution({name}({', '.join(arguments)}))"


def as_prior(prior: object, owner: str) -> Prior:
    """Return a Prior, made from a frozen distribution if it is one, or raise InvalidValueError for `owner`."""
    if isinstance(prior, Prior):
        return prior
    if callable(getattr(prior, "logpdf", None)) and not isinstance(prior, type):
        return FromDistribution(prior)
    message = (
        f"{owner}: prior must be one of kiessig.priors or a frozen distribution with a logpdf; got {arrived(prior)}"
    )
    raise InvalidValueError(message)
