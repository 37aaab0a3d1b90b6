"""What all priors have in common."""

from __future__ import annotations

import abc
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters import as_number

__all__ = ["Prior"]


class Prior(abc.ABC):
    """A probability distribution of one parameter.

    Notes
    -----
    In a fit a prior is one more residual, `residual`. Its square is ``2 (reference - logpdf(x))``, where the constant
    `reference` is the greatest value of the logpdf. Where that lies at an end of the support and the density falls
    from there, the square root would have an infinite derivative at this end; there `reference` is greater, so that
    the residual is smooth in the whole support. A constant in the sum of squares changes neither its minimum nor its
    gradient.
    """

    __slots__ = ()

    @property
    @abc.abstractmethod
    def support(self) -> tuple[float, float]:
        """Lower and upper end of where the density is not 0; infinite for an open side."""

    @property
    @abc.abstractmethod
    def reference(self) -> float:
        """What the residual measures the logpdf from."""

    @abc.abstractmethod
    def _logpdf(self, x: float) -> float:
        """Logarithm of the density within the support."""

    @abc.abstractmethod
    def _dlogpdf(self, x: float) -> float:
        """Return its derivative."""

    @abc.abstractmethod
    def _residual(self, x: float) -> tuple[float, float]:
        """Residual and derivative within the support."""

    @abc.abstractmethod
    def ppf(self, u: ArrayLike) -> NDArray[np.float64]:
        """Compute the values below which shares `u` of the distribution lie.

        Parameters
        ----------
        u : float array
            Probabilities, 0 to 1.

        Returns
        -------
        float array, same shape
        """

    def logpdf(self, x: float) -> float:
        """Compute the logarithm of the normalised probability density.

        Parameters
        ----------
        x : float
            Value of the parameter.

        Returns
        -------
        float
            Negative infinity outside of the support.

        Raises
        ------
        InvalidValueError
            If x is not a finite number.
        """
        at = self._number(x, "logpdf")
        return self._logpdf(at) if self._holds(at) else -math.inf

    def dlogpdf(self, x: float) -> float:
        """Compute the derivative of the logpdf.

        Parameters
        ----------
        x : float
            Value of the parameter. At an end of the support the derivative is that of the inner side.

        Returns
        -------
        float
            NaN outside of the support.

        Raises
        ------
        InvalidValueError
            If x is not a finite number.
        """
        at = self._number(x, "dlogpdf")
        return self._dlogpdf(at) if self._holds(at) else math.nan

    def residual(self, x: float) -> tuple[float, float]:
        """Compute the row that the prior adds to a least-squares problem.

        Parameters
        ----------
        x : float
            Value of the parameter.

        Returns
        -------
        row : float
            Signed root of ``2 (reference - logpdf(x))``, smooth; infinite outside of the support.
        derivative : float
            NaN outside of the support.

        Raises
        ------
        InvalidValueError
            If x is not a finite number.
        """
        at = self._number(x, "residual")
        return self._residual(at) if self._holds(at) else (math.inf, math.nan)

    def rvs(self, rng: np.random.Generator, size: int | tuple[int, ...] | None = None) -> Any:
        """Draw from the distribution.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of random numbers.
        size : int or tuple of int, optional
            Shape of the result; None draws one number.

        Returns
        -------
        float or float array
        """
        drawn = self.ppf(rng.random(size))
        return float(drawn) if size is None else drawn

    def _holds(self, x: float) -> bool:
        return self.support[0] <= x <= self.support[1]

    def _number(self, x: object, method: str) -> float:
        return as_number(x, f"{type(self).__name__}.{method}", "x")

    def _shares(self, u: ArrayLike) -> NDArray[np.float64]:
        shares = np.asarray(u, dtype=np.float64)
        if not np.all((shares >= 0.0) & (shares <= 1.0)):
            message = f"{type(self).__name__}.ppf: u must lie within 0 and 1"
            raise InvalidValueError(message)
        return shares
