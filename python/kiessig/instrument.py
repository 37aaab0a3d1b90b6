"""What the instrument does to a curve: the spread of Q in each point."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.data import FloatArray, real_array
from kiessig.errors import InvalidValueError, ShapeError

__all__ = ["FWHM_PER_SIGMA", "Resolution", "sigma_from_fwhm"]

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


class Resolution:
    """Gaussian spread of Q around the nominal value of each point, always as 1 sigma.

    Built by `gaussian`, `constant`, `none`, or one of the named quadratures `refnx` and `gauss_hermite`; cannot be
    changed afterwards.

    Examples
    --------
    >>> from kiessig import Resolution
    >>> Resolution.constant(0.02).sigma([0.01, 0.1])
    array([0.0002, 0.002 ])
    """

    __slots__ = ("_dq", "_dq_over_q", "_mode")

    _dq: FloatArray | None
    _dq_over_q: float
    _mode: str  # the constructor that chose how to smear

    def __init__(self) -> None:
        message = "Resolution: the kind must be chosen; use Resolution.gaussian(dq), .constant(dq_over_q) or .none()"
        raise InvalidValueError(message)

    @classmethod
    def _build(cls, dq: FloatArray | None, dq_over_q: float, mode: str = "gaussian") -> Resolution:
        resolution = cls.__new__(cls)
        resolution._dq, resolution._dq_over_q, resolution._mode = dq, dq_over_q, mode
        return resolution

    @classmethod
    def _absolute(cls, mode: str, dq: npt.ArrayLike) -> Resolution:
        caller = f"Resolution.{mode}"
        widths = real_array(caller, "dq", dq)
        _require(caller, "dq", widths, np.isfinite(widths) & (widths >= 0.0), "finite and non-negative")
        if not widths.size:
            message = f"{caller}: dq must hold at least one width; got an empty array"
            raise InvalidValueError(message)
        return cls._build(widths, 0.0, mode)

    @classmethod
    def gaussian(cls, dq: npt.ArrayLike) -> Resolution:
        """Gaussian of a given absolute width.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0: one for all points or one per point. For a full width at half maximum
            use `sigma_from_fwhm`.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            A width is negative, not finite or not a number, or there is none.
        """
        return cls._absolute("gaussian", dq)

    @classmethod
    def refnx(cls, dq: npt.ArrayLike) -> Resolution:
        """Pointwise Gaussian as refnx integrates it [1]_: 17 Gauss-Legendre nodes on 3.5 sigma to either side.

        The weights are not renormalised, so that a constant reflectivity is multiplied by 0.999535. For comparisons
        with refnx; `gaussian` integrates to a bounded error.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0 (refnx itself takes the full width at half maximum).

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            As `gaussian`.

        References
        ----------
        .. [1] A. R. J. Nelson, S. W. Prescott, J. Appl. Cryst. 52, 193 (2019), doi:10.1107/S1600576718017296
        """
        return cls._absolute("refnx", dq)

    @classmethod
    def gauss_hermite(cls, dq: npt.ArrayLike) -> Resolution:
        """Pointwise Gaussian by 17 Gauss-Hermite nodes, which reach 6.9 sigma to either side.

        The rule of several differentiable programs, for comparisons with these. Where fringes or the critical edge vary
        within a few sigma its nodes lie too far apart; `gaussian` integrates to a bounded error instead.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            As `gaussian`.
        """
        return cls._absolute("gauss_hermite", dq)

    @classmethod
    def constant(cls, dq_over_q: float | FloatArray) -> Resolution:
        """Gaussian whose width is proportional to the magnitude of Q.

        Parameters
        ----------
        dq_over_q : float
            1 sigma of Q over the magnitude of Q, a fraction: 0.02 for 2 %; at least 0 and below 1.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            The width is negative, 1 or more (a percentage, most likely), not finite or not a number.
        ShapeError
            The width is not a single number.
        """
        width = real_array("Resolution.constant", "dq_over_q", dq_over_q)
        if width.ndim:
            message = f"Resolution.constant: dq_over_q must be one number; got shape {width.shape}"
            raise ShapeError(message)
        rule = "a fraction, at least 0 and below 1"
        _require("Resolution.constant", "dq_over_q", width, (width >= 0.0) & (width < 1.0), rule)
        return cls._build(None, float(width))

    @classmethod
    def none(cls) -> Resolution:
        """No spread at all; the same as ``Resolution.gaussian(0.0)``."""
        return cls.gaussian(0.0)

    @property
    def rule(self) -> tuple[FloatArray, FloatArray] | None:
        """Nodes (in sigma) and weights of a fixed quadrature; None where the error is bounded instead."""
        if self._mode == "refnx":
            nodes, weights = np.polynomial.legendre.leggauss(17)
            nodes = 3.5 * nodes
            return nodes, 3.5 * weights * np.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
        if self._mode == "gauss_hermite":
            nodes, weights = np.polynomial.hermite.hermgauss(17)
            return math.sqrt(2.0) * nodes, weights / math.sqrt(math.pi)
        return None

    def sigma(self, q: npt.ArrayLike) -> FloatArray:
        """Return the width at each Q.

        Parameters
        ----------
        q : float array of any shape
            Momentum transfer, 1/angstrom.

        Returns
        -------
        float array of the shape of `q`
            1 sigma in 1/angstrom; a fresh array.

        Raises
        ------
        InvalidValueError
            `q` is not finite or not an array of real numbers.
        ShapeError
            There is one width per point and `q` has another shape.
        """
        points = real_array("Resolution.sigma", "q", q)
        _require("Resolution.sigma", "q", points, np.isfinite(points), "finite")
        if self._dq is None:
            return np.asarray(self._dq_over_q * np.abs(points))
        if self._dq.ndim and self._dq.shape != points.shape:
            message = (
                f"Resolution.sigma: q must have the shape of the widths given to Resolution.gaussian, "
                f"{self._dq.shape}; got {points.shape}"
            )
            raise ShapeError(message)
        return np.full(points.shape, self._dq)

    def rearranged(self, change: Callable[[FloatArray], FloatArray]) -> Resolution:
        """Return the resolution of the same points in another order or shape.

        Parameters
        ----------
        change : callable
            What was done to the array of Q: takes the width of each point, returns those of the points as they are now.

        Returns
        -------
        Resolution
            Itself where the width is a rule for all points.
        """
        if self._dq is None or not self._dq.ndim:
            return self
        return self._build(change(self._dq), 0.0, self._mode)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._dq is None:
            return (Resolution.constant, (self._dq_over_q,))
        return (getattr(Resolution, self._mode), (self._dq,))

    def __repr__(self) -> str:
        if self._dq is None:
            return f"Resolution.constant(dq_over_q={self._dq_over_q:.6g})"
        if not self._dq.ndim:
            return f"Resolution.{self._mode}(dq={float(self._dq):.6g})"
        low, high = self._dq.min(), self._dq.max()
        return f"Resolution.{self._mode}(dq of {self._dq.size} points, {low:.6g} to {high:.6g} 1/angstrom)"


def _require(caller: str, name: str, values: FloatArray, good: npt.NDArray[np.bool_] | np.bool_, rule: str) -> None:
    bad = np.argwhere(~np.asarray(good))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        where = f"{name}[{', '.join(map(str, index))}]" if index else name
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        message = f"{caller}: {name} must be {rule}; {where} = {float(values[index])}{more}"
        raise InvalidValueError(message)
