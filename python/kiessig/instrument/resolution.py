"""The spread of Q in each point of a curve: its shape, its width, and how to integrate over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.data import real_array
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import kinds
from kiessig.instrument.kinds import FloatArray, Kind, require, vector, widths

__all__ = ["Resolution"]


class Resolution:
    """Spread of Q around the nominal value of each point, with a width that is always 1 sigma.

    Built by one of its constructors; cannot be changed afterwards.

    ==========================================  =====================================================================
    `gaussian`, `constant`, `none`              normal, one width per point or proportional to Q
    `uniform`, `triangular`, `sampled`          what slits and bins make of it, or a table
    `refnx`, `refl1d`, `gauss_hermite`          the numbers of other programs, whatever their error
    ==========================================  =====================================================================

    All but the last three integrate to a bounded error, 1e-5 of the exact integral.

    Examples
    --------
    >>> from kiessig import Resolution
    >>> Resolution.constant(0.02).sigma([0.01, 0.1])
    array([0.0002, 0.002 ])
    """

    __slots__ = ("_dq", "_dq_over_q", "_kind", "_last")

    _dq: FloatArray | None
    _dq_over_q: float
    _kind: Kind  # the constructor that chose how to smear, and what it was given besides widths
    _last: tuple[bytes, tuple[Any, ...]] | None  # the matrix of the last points: a fit asks for the same again

    def __init__(self) -> None:
        message = "Resolution: the kind must be chosen; use Resolution.gaussian(dq), .constant(dq_over_q) or .none()"
        raise InvalidValueError(message)

    @classmethod
    def _build(cls, dq: FloatArray | None, dq_over_q: float, kind: Kind) -> Resolution:
        resolution = cls.__new__(cls)
        resolution._dq, resolution._dq_over_q, resolution._kind, resolution._last = dq, dq_over_q, kind, None
        return resolution

    @classmethod
    def _absolute(cls, dq: npt.ArrayLike, kind: Kind) -> Resolution:
        return cls._build(widths(f"Resolution.{kind.name}", dq), 0.0, kind)

    @classmethod
    def _relative(cls, dq_over_q: npt.ArrayLike, kind: Kind) -> Resolution:
        return cls._build(None, kinds.fraction(f"Resolution.{kind.name}", dq_over_q), kind)

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
        return cls._absolute(dq, Kind("gaussian"))

    @classmethod
    def constant(cls, dq_over_q: npt.ArrayLike) -> Resolution:
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
        return cls._relative(dq_over_q, Kind("constant"))

    @classmethod
    def none(cls) -> Resolution:
        """No spread at all; the same as ``Resolution.gaussian(0.0)``."""
        return cls.gaussian(0.0)

    @classmethod
    def uniform(cls, dq: npt.ArrayLike) -> Resolution:
        """All Q within sqrt(3) dq to either side alike, as in one wide bin.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0: the half-width over sqrt(3), the full width over sqrt(12).

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            As `gaussian`.
        """
        return cls._absolute(dq, Kind("uniform"))

    @classmethod
    def triangular(cls, dq: npt.ArrayLike) -> Resolution:
        """Falling straight from the nominal Q to zero at sqrt(6) dq to either side, as behind two equal slits.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0: the half-width at the base, which is the full width at half maximum, over
            sqrt(6).

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            As `gaussian`.
        """
        return cls._absolute(dq, Kind("triangular"))

    @classmethod
    def sampled(cls, offsets: npt.ArrayLike, densities: npt.ArrayLike, dq: npt.ArrayLike | None = None) -> Resolution:
        """Tabulated shape, one for all points, with straight lines between its samples.

        Parameters
        ----------
        offsets : float array, shape (n,)
            Q less the nominal Q of a point, ascending; two equal ones make a step. Without `dq`, in 1/angstrom. For
            points seen from the back (Q < 0) these are offsets of the magnitude of Q.
        densities : float array, shape (n,)
            Of the probability there, >= 0, with any area; zero outside the table.
        dq : float or float array, shape (n_q,), optional
            1 sigma of Q in 1/angstrom, >= 0: each point has the table stretched about its nominal Q until the standard
            deviation is `dq`, so that the unit of `offsets` does not matter. None takes the table as it is for all
            points, and its standard deviation for `dq`.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            A number is not finite, a density negative, the offsets descend, the area is zero, or all of it is at one
            offset.
        ShapeError
            `offsets` and `densities` are not vectors of one length, at least 2.

        Examples
        --------
        >>> from kiessig import Resolution
        >>> chopper = Resolution.sampled([-2.0, -1.0, 1.0, 2.0], [0.0, 1.0, 1.0, 0.0], dq=0.001)
        """
        table = kinds.table("Resolution.sampled", offsets, densities)
        spread = kinds.standard_deviation("Resolution.sampled", table)
        kind = Kind("sampled", table=(table[0] / spread, table[1]))
        return cls._absolute(spread if dq is None else dq, kind)

    @classmethod
    def refnx(
        cls, dq: npt.ArrayLike | None = None, *, dq_over_q: float | None = None, quad_order: int = 17
    ) -> Resolution:
        """Gaussian as refnx integrates it [1]_, in one of its two ways.

        With `dq`, its pointwise way: Gauss-Legendre nodes on 3.5 sigma to either side, whose weights are not
        renormalised, so that a constant reflectivity is multiplied by 0.999535. With `dq_over_q`, its way for one
        constant ratio: the convolution of R on a grid of log Q with 51 samples of a Gaussian, and a cubic spline
        through the result. There, the Gaussian of log Q is narrower than `dq_over_q` by 2 %, and below a full width at
        half maximum of 0.5 % refnx does not smear at all.

        For comparisons with refnx; `gaussian` and `constant` integrate to a bounded error.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0 (refnx itself takes the full width at half maximum).
        dq_over_q : float
            1 sigma of Q over Q, a fraction, at least 0 and below 1 (refnx itself takes the full width at half maximum
            in per cent).
        quad_order : int
            Number of nodes of the pointwise way, 1 to 1000.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            As `gaussian` and `constant`; where not exactly one of `dq` and `dq_over_q` is given.

        Notes
        -----
        The grid of the second way depends on the lowest and the highest Q, and changes with the width in steps:
        derivatives with respect to q and dq are those at fixed nodes, each point with a width of its own.

        References
        ----------
        .. [1] A. R. J. Nelson, S. W. Prescott, J. Appl. Cryst. 52, 193 (2019), doi:10.1107/S1600576718017296
        """
        if (dq is None) == (dq_over_q is None):
            both = "neither" if dq is None else "both"
            message = f"Resolution.refnx: exactly one of dq and dq_over_q must be given; got {both}"
            raise InvalidValueError(message)
        if dq is None:
            return cls._relative(np.asarray(dq_over_q), Kind("refnx"))
        return cls._absolute(dq, Kind("refnx", order=kinds.whole("Resolution.refnx", "quad_order", quad_order, 1000)))

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
        return cls._absolute(dq, Kind("gauss_hermite", order=17))

    @classmethod
    def refl1d(
        cls,
        dq: npt.ArrayLike,
        *,
        shape: str | tuple[npt.ArrayLike, npt.ArrayLike] = "normal",
        theory: npt.ArrayLike | None = None,
    ) -> Resolution:
        """Smear straight lines between theory points, as refl1d does [1]_.

        R is computed at the theory points only, and what the resolution makes of the straight lines between them is
        exact. A Gaussian is cut where it has fallen to 1e-3 of its height, at the first theory point beyond; where the
        theory ends within a kernel, that is cut; what is left is renormalised.

        For comparisons with refl1d: the error of the straight lines depends on the points. `gaussian` and `uniform`
        integrate to a bounded error.

        Parameters
        ----------
        dq : float or float array, shape (n_q,)
            1 sigma of Q in 1/angstrom, >= 0.
        shape : {"normal", "uniform"} or (offsets, densities)
            refl1d's `resolution`; or a table, with offsets in units of `dq` and densities of any area, as its
            `convolve_sampled` takes.
        theory : float array, shape (n,), optional
            The Q at which R is computed, 1/angstrom, >= 0 (magnitudes, for points seen from the back): refl1d's
            `calc_Q`, for example that of an oversampled probe. At least two different ones. None takes the points
            themselves, as refl1d does without oversampling.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            As `gaussian` and `sampled`; for an unknown `shape`; where `theory` is negative, or holds fewer than two
            different numbers.

        Notes
        -----
        Derivatives with respect to q and dq are those at fixed theory points. All points of one call must be seen from
        the same side. A point whose kernel lies outside the theory is an error here; refl1d returns 0 or NaN for it.

        References
        ----------
        .. [1] P. A. Kienzle, K. V. O'Donovan, J. F. Ankner, N. F. Berk, C. F. Majkrzak, refl1d,
           https://github.com/reflectometry/refl1d
        """
        caller = "Resolution.refl1d"
        if isinstance(shape, str):
            if shape not in ("normal", "uniform"):
                message = f"{caller}: shape must be 'normal', 'uniform' or a pair (offsets, densities); got {shape!r}"
                raise InvalidValueError(message)
            kind = Kind("refl1d", shape=shape)
        else:
            if not isinstance(shape, tuple | list) or len(shape) != 2:
                message = f"{caller}: shape must be 'normal', 'uniform' or a pair (offsets, densities); got {shape!r}"
                raise InvalidValueError(message)
            kind = Kind("refl1d", table=kinds.table(caller, *shape))
        if theory is not None:
            points = vector(caller, "theory", theory)
            require(caller, "theory", points, np.isfinite(points) & (points >= 0.0), "finite and non-negative")
            kind = kind._replace(theory=kinds.two_or_more(caller, "theory", points))
        return cls._absolute(dq, kind)

    @property
    def is_gaussian(self) -> bool:
        """Whether the shape is normal and the error bounded, so that the widths alone say how to smear."""
        return self._kind.name in ("gaussian", "constant")

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
        require("Resolution.sigma", "q", points, np.isfinite(points), "finite")
        if self._dq is None:
            smears = self._kind.name == "constant" or kinds.refnx_smears(self._dq_over_q)
            return np.asarray(self._dq_over_q * np.abs(points) if smears else np.zeros(points.shape))
        if self._dq.ndim and self._dq.shape != points.shape:
            message = (
                f"Resolution.sigma: q must have the shape of the widths given to Resolution.{self._kind.name}, "
                f"{self._dq.shape}; got {points.shape}"
            )
            raise ShapeError(message)
        return np.full(points.shape, self._dq)

    def smearing(self, q: npt.ArrayLike) -> tuple[Any, ...] | None:
        """Return how points are smeared, in the form that the compiled core takes.

        Parameters
        ----------
        q : float array
            Momentum transfer of all points, 1/angstrom; one vector where the weights are a matrix.

        Returns
        -------
        tuple or None
            None for the integral over a Gaussian. ``("shape", offsets, densities)``, with offsets in units of the
            width, for that over another shape; ``("rule", nodes, weights)``, with nodes in units of the width; or
            ``("matrix", nodes, first, start, weights, by_q, by_dq)``, where point i has the weights ``start[i]`` to
            ``start[i + 1] - 1`` at the nodes from ``first[i]`` on.

        Raises
        ------
        InvalidValueError
            The points are not all seen from one side, or theory points do not reach one of them.
        ShapeError
            The weights are a matrix and `q` is not one vector.
        """
        if self._kind.has_matrix and (self._dq is not None or kinds.refnx_smears(self._dq_over_q)):
            points = np.asarray(q, dtype=np.float64)
            key = points.tobytes()
            last = self._last
            if last is None or last[0] != key:
                last = self._last = (key, self._kind.matrix(points, self.sigma(points), self._dq_over_q))
            return last[1]
        return self._kind.smearing()

    @property
    def follows_points(self) -> bool:
        """Whether nodes move with their points and widths; False where the numbers belong to fixed points."""
        return not self._kind.has_matrix

    def with_widths(self, dq: npt.ArrayLike) -> Resolution:
        """Return the same shape with other widths.

        Parameters
        ----------
        dq : float array, shape of the points' Q
            1 sigma of Q in 1/angstrom, >= 0.

        Returns
        -------
        Resolution

        Raises
        ------
        InvalidValueError
            A width is negative, not finite or not a number, or the weights are a matrix that belongs to fixed points.
        """
        if self._kind.has_matrix:
            message = f"Resolution.with_widths: the numbers of Resolution.{self._kind.name} belong to fixed points"
            raise InvalidValueError(message)
        array = real_array("Resolution.with_widths", "dq", dq)
        good = np.isfinite(array) & (array >= 0.0)
        require("Resolution.with_widths", "dq", array, good, "finite and non-negative")
        kind = Kind("gaussian") if self.is_gaussian else self._kind
        return self._build(array, 0.0, kind)

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
        return self._build(change(self._dq), 0.0, self._kind)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Resolution._build, (self._dq, self._dq_over_q, self._kind))

    def __repr__(self) -> str:
        more = self._kind.describe()
        if self._dq is None:
            return f"Resolution.{self._kind.name}(dq_over_q={self._dq_over_q:.6g}{more})"
        if not self._dq.ndim:
            return f"Resolution.{self._kind.name}(dq={float(self._dq):.6g}{more})"
        low, high = self._dq.min(), self._dq.max()
        return f"Resolution.{self._kind.name}(dq of {self._dq.size} points, {low:.6g} to {high:.6g} 1/angstrom{more})"
