"""The usual priors, in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters import as_number
from kiessig.priors.base import Prior

__all__ = ["LogNormal", "LogUniform", "Normal", "TruncatedNormal", "Uniform"]

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


def _numbers(prior: Prior, *names: str) -> None:
    """Turn fields into floats, or raise."""
    for name in names:
        object.__setattr__(prior, name, as_number(getattr(prior, name), type(prior).__name__, name))


def _positive(prior: Prior, name: str) -> None:
    if not getattr(prior, name) > 0.0:
        message = f"{type(prior).__name__}: {name} must be positive; {name} = {getattr(prior, name)}"
        raise InvalidValueError(message)


def _increasing(prior: Prior, lower: float, upper: float) -> None:
    if not lower < upper:
        message = f"{type(prior).__name__}: lower must be below upper; lower = {lower}, upper = {upper}"
        raise InvalidValueError(message)


@dataclass(frozen=True)
class Uniform(Prior):
    """Every value between two limits is equally probable.

    Parameters
    ----------
    lower, upper : float
        Limits, both included.

    Raises
    ------
    InvalidValueError
        If a limit is not finite, or they are reversed or equal.

    Examples
    --------
    >>> from kiessig import priors
    >>> priors.Uniform(0, 4).ppf(0.25)
    array(1.)
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        _numbers(self, "lower", "upper")
        _increasing(self, self.lower, self.upper)

    @property
    def support(self) -> tuple[float, float]:
        """See `Prior.support`."""
        return self.lower, self.upper

    @property
    def reference(self) -> float:
        """See `Prior.reference`."""
        return -math.log(self.upper - self.lower)

    def _logpdf(self, x: float) -> float:
        return self.reference

    def _dlogpdf(self, x: float) -> float:
        return 0.0

    def _residual(self, x: float) -> tuple[float, float]:
        return 0.0, 0.0

    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """See `Prior.ppf`."""
        return np.asarray(np.minimum(self.lower + self._shares(u) * (self.upper - self.lower), self.upper))


@dataclass(frozen=True)
class Normal(Prior):
    """Normal distribution, as of an independent measurement.

    Parameters
    ----------
    mean : float
        Most probable value.
    sigma : float
        Standard deviation.

    Raises
    ------
    InvalidValueError
        If a number is not finite, or sigma not positive.

    Examples
    --------
    >>> from kiessig import priors
    >>> round(priors.Normal(3.47, 0.02).residual(3.51)[0], 9)
    2.0
    """

    mean: float
    sigma: float

    def __post_init__(self) -> None:
        _numbers(self, "mean", "sigma")
        _positive(self, "sigma")

    @property
    def support(self) -> tuple[float, float]:
        """See `Prior.support`."""
        return -math.inf, math.inf

    @property
    def reference(self) -> float:
        """See `Prior.reference`."""
        return -math.log(self.sigma) - _LOG_ROOT_2PI

    def _logpdf(self, x: float) -> float:
        return self.reference - 0.5 * self._residual(x)[0] ** 2

    def _dlogpdf(self, x: float) -> float:
        return -self._residual(x)[0] / self.sigma

    def _residual(self, x: float) -> tuple[float, float]:
        return (x - self.mean) / self.sigma, 1.0 / self.sigma

    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """See `Prior.ppf`."""
        from scipy.special import ndtri

        return np.asarray(self.mean + self.sigma * ndtri(self._shares(u)))


@dataclass(frozen=True)
class TruncatedNormal(Prior):
    """Normal distribution within limits.

    Parameters
    ----------
    mean, sigma : float
        Of the distribution before it is cut; the mean may lie outside of the limits.
    lower, upper : float
        Limits, both included; infinite for an open side.

    Raises
    ------
    InvalidValueError
        If a number is not finite, sigma not positive, or the limits are reversed, equal or so far from the mean that
        nothing is left between them in double precision.

    Notes
    -----
    The residual is that of the uncut distribution, ``(x - mean) / sigma``.

    Examples
    --------
    >>> from kiessig import priors
    >>> hydration = priors.TruncatedNormal(0.1, 0.2, 0.0, 1.0)
    >>> hydration.support
    (0.0, 1.0)
    """

    mean: float
    sigma: float
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        _numbers(self, "mean", "sigma")
        _positive(self, "sigma")
        for name, when_open in (("lower", -math.inf), ("upper", math.inf)):
            if getattr(self, name) != when_open:
                _numbers(self, name)
        _increasing(self, self.lower, self.upper)
        if not math.isfinite(self._log_share()):
            message = (
                f"TruncatedNormal: limits must leave something of the distribution; {self} is too far from its mean"
            )
            raise InvalidValueError(message)

    @property
    def support(self) -> tuple[float, float]:
        """See `Prior.support`."""
        return self.lower, self.upper

    @property
    def reference(self) -> float:
        """See `Prior.reference`."""
        return -math.log(self.sigma) - _LOG_ROOT_2PI - self._log_share()

    def _log_share(self) -> float:
        """Logarithm of the share of the uncut distribution between the limits."""
        from scipy.special import log_ndtr

        low, high = self._tail()
        upper, lower = float(log_ndtr(high)), float(log_ndtr(low))
        return upper + math.log(-math.expm1(lower - upper)) if lower < upper else -math.inf

    def _tail(self) -> tuple[float, float]:
        """Limits in standard deviations, mirrored so that they lie in the lower tail, whose shares are not near 1."""
        low, high = (self.lower - self.mean) / self.sigma, (self.upper - self.mean) / self.sigma
        return (-high, -low) if low > 0.0 else (low, high)

    def _logpdf(self, x: float) -> float:
        return self.reference - 0.5 * self._residual(x)[0] ** 2

    def _dlogpdf(self, x: float) -> float:
        return -self._residual(x)[0] / self.sigma

    def _residual(self, x: float) -> tuple[float, float]:
        return (x - self.mean) / self.sigma, 1.0 / self.sigma

    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """See `Prior.ppf`."""
        from scipy.special import log_ndtr, ndtri_exp

        shares = self._shares(u)
        low, high = self._tail()
        mirrored = self.lower > self.mean
        if mirrored:
            shares = 1.0 - shares
        with np.errstate(divide="ignore"):
            logs = np.logaddexp(log_ndtr(low) + np.log1p(-shares), log_ndtr(high) + np.log(shares))
        at = ndtri_exp(logs)
        return np.asarray(np.clip(self.mean + self.sigma * (-at if mirrored else at), self.lower, self.upper))


@dataclass(frozen=True)
class LogUniform(Prior):
    """Every order of magnitude between two limits is equally probable: density proportional to 1/x.

    Parameters
    ----------
    lower, upper : float
        Limits, positive, both included.

    Raises
    ------
    InvalidValueError
        If a limit is not finite or not positive, or they are reversed or equal.

    Examples
    --------
    >>> from kiessig import priors
    >>> background = priors.LogUniform(1e-8, 1e-4)
    >>> float(background.ppf(0.5).round(12))
    1e-06
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        _numbers(self, "lower", "upper")
        _positive(self, "lower")
        _increasing(self, self.lower, self.upper)

    @property
    def support(self) -> tuple[float, float]:
        """See `Prior.support`."""
        return self.lower, self.upper

    @property
    def reference(self) -> float:
        """One more than the logpdf at the lower limit, where it is greatest; see `Prior`."""
        return self._logpdf(self.lower) + 1.0

    def _logpdf(self, x: float) -> float:
        return -math.log(x) - math.log(math.log(self.upper / self.lower))

    def _dlogpdf(self, x: float) -> float:
        return -1.0 / x

    def _residual(self, x: float) -> tuple[float, float]:
        row = math.sqrt(2.0 * (1.0 + math.log(x / self.lower)))
        return row, 1.0 / (x * row)

    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """See `Prior.ppf`."""
        values = self.lower * np.exp(self._shares(u) * math.log(self.upper / self.lower))
        return np.asarray(np.clip(values, self.lower, self.upper))


@dataclass(frozen=True)
class LogNormal(Prior):
    """The logarithm of the value is normally distributed: an uncertainty by a factor.

    Parameters
    ----------
    mean, sigma : float
        Of the natural logarithm. The median is ``exp(mean)``; two thirds lie within a factor ``exp(sigma)`` of it.

    Raises
    ------
    InvalidValueError
        If a number is not finite, or sigma not positive.

    Examples
    --------
    >>> import math
    >>> from kiessig import priors
    >>> float(priors.LogNormal(math.log(5.0), 0.3).ppf(0.5).round(12))
    5.0
    """

    mean: float
    sigma: float

    def __post_init__(self) -> None:
        _numbers(self, "mean", "sigma")
        _positive(self, "sigma")

    @property
    def support(self) -> tuple[float, float]:
        """See `Prior.support`; 0 is not part of it."""
        return 0.0, math.inf

    @property
    def reference(self) -> float:
        """See `Prior.reference`."""
        return 0.5 * self.sigma**2 - self.mean - math.log(self.sigma) - _LOG_ROOT_2PI

    def _holds(self, x: float) -> bool:
        return x > 0.0

    def _logpdf(self, x: float) -> float:
        return self.reference - 0.5 * self._residual(x)[0] ** 2

    def _dlogpdf(self, x: float) -> float:
        row, derivative = self._residual(x)
        return -row * derivative

    def _residual(self, x: float) -> tuple[float, float]:
        # the mode lies at ln x = mean - sigma^2, and the logpdf is a parabola in ln x
        return (math.log(x) - self.mean) / self.sigma + self.sigma, 1.0 / (x * self.sigma)

    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """See `Prior.ppf`."""
        from scipy.special import ndtri

        return np.asarray(np.exp(self.mean + self.sigma * ndtri(self._shares(u))))
