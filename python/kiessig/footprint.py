"""How much of the beam a sample of finite length receives, for every angle, with all derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kiessig._inputs import broadcast, checked, speaking_as
from kiessig.data import FloatArray
from kiessig.errors import InvalidValueError
from kiessig.instrument import sigma_from_fwhm
from kiessig.probe import Probe

__all__ = ["Footprint", "FootprintJacobian"]

_DEGREE = np.pi / 180.0
_PER_SIGMA = 1.0 / (2.0 * np.sqrt(2.0))
_ERF = 2.0 / np.sqrt(np.pi)  # slope of erf at 0


class FootprintJacobian(NamedTuple):
    """Derivatives of each point's footprint factor.

    Attributes
    ----------
    width : float array, shape of the factor
        Per unit of length: with respect to 1 sigma of a Gaussian beam, the full width of a box.
    sample_length : float array, shape of the factor
        Per unit of length; zero for an infinite sample.
    theta : float array, shape of the factor
        Per degree; also that with respect to an offset of the angle.
    q : float array, shape of the factor, or None
        Times angstrom, at constant wavelength and offset; None where angles were given.
    wavelength : float array, shape of the factor, or None
        Per angstrom, at constant q and offset; None where angles were given.
    """

    width: FloatArray
    sample_length: FloatArray
    theta: FloatArray
    q: FloatArray | None
    wavelength: FloatArray | None


class Footprint:
    r"""A beam of finite width that meets a sample of finite length at a glancing angle.

    Under the angle :math:`\theta` the sample, of length L and centred in the beam, covers :math:`L |\sin\theta|` of the
    beam's cross-section. With the beam's profile p across it, normalised to 1, there are two factors, one for each way
    in which data are normalised:

    - `fraction`: the part of the whole beam that falls on the sample, the integral of p over what the sample covers. It
      multiplies the reflectivity of data that were **normalised to the whole (direct) beam**; it grows as
      :math:`\sin\theta` and reaches 1 where the sample takes in all of the beam.
    - `over_illumination`: the mean illumination of the sample relative to that of the beam's centre, which is the
      fraction over :math:`p(0) L |\sin\theta|`. It multiplies the reflectivity of data that were **normalised to a
      fully illuminated sample**, that is to the beam's density times the projected sample :math:`L \sin\theta`; it is 1
      for as long as the beam covers the sample evenly and falls as :math:`1/\sin\theta` where the beam is the smaller.

    ============  ===========================  =====================================  ==================================
    beam          x                            fraction                               over-illumination
    ============  ===========================  =====================================  ==================================
    Gaussian      L \|sin θ\| / (√8 σ)         erf(x)                                 (√π/2) erf(x) / x
    box           L \|sin θ\| / width          min(x, 1)                              min(1, 1/x)
    ============  ===========================  =====================================  ==================================

    Built by `gaussian`, `gaussian_fwhm` or `box`; cannot be changed afterwards. Widths and lengths are in any unit of
    length, the same for both.

    See Also
    --------
    kiessig.Probe : angles and wavelengths, and the Q and resolution that follow.

    Notes
    -----
    The angle counts by its magnitude: from the back (Q < 0) the sample is as long. At 0 it covers nothing of the beam,
    the fraction is 0 and the over-illumination 1; derivatives there are those towards positive angles. Where a box just
    fits the sample, derivatives are those towards smaller angles.

    An infinite sample (``sample_length=np.inf``) takes in all of the beam under every angle, 0 included.

    Multiply what a kernel returns, and its derivatives, by the factor, before the background is added: give the kernel
    no background, as in the example.

    References
    ----------
    .. [1] A. Gibaud, G. Vignaud, S. K. Sinha, Acta Cryst. A 49, 642 (1993), doi:10.1107/S0108767392013126

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> footprint = ks.Footprint.gaussian(sigma=0.1, sample_length=20.0)  # mm, both
    >>> footprint.fraction([0.0, 0.2, 2.0]).round(4)
    array([0.    , 0.273 , 0.9995])
    >>> q = np.array([0.01, 0.1])
    >>> r = footprint.fraction(q=q, wavelength=1.54) * ks.reflectivity(q, [], [0.0, 20.1], 0.46) + 1e-7
    >>> r.shape
    (2,)
    """

    __slots__ = ("_profile", "_sample_length", "_width")

    _profile: str  # "gaussian" or "box"
    _width: FloatArray
    _sample_length: FloatArray

    def __init__(self) -> None:
        message = (
            "Footprint: the beam's profile must be chosen; use Footprint.gaussian(sigma, sample_length), "
            ".gaussian_fwhm(fwhm, sample_length) or .box(width, sample_length)"
        )
        raise InvalidValueError(message)

    @classmethod
    def _build(cls, caller: str, profile: str, name: str, width: ArrayLike, sample_length: ArrayLike) -> Footprint:
        footprint = cls.__new__(cls)
        footprint._profile = profile
        footprint._width = checked(caller, name, width, "finite and positive")
        footprint._sample_length = checked(caller, "sample_length", sample_length, "positive")
        broadcast(caller, "shapes", {name: footprint._width.shape, "sample_length": footprint._sample_length.shape})
        return footprint

    @classmethod
    def gaussian(cls, sigma: ArrayLike, sample_length: ArrayLike) -> Footprint:
        """Beam with a Gaussian profile.

        Parameters
        ----------
        sigma : float array
            1 sigma of the profile across the beam, at the sample, positive. One, or one per point.
        sample_length : float array
            Length of the sample along the beam, in the unit of `sigma`, positive; may be infinite.

        Returns
        -------
        Footprint

        Raises
        ------
        InvalidValueError
            For values that are not positive or not numbers.
        ShapeError
            Where shapes do not broadcast.
        """
        return cls._build("Footprint.gaussian", "gaussian", "sigma", sigma, sample_length)

    @classmethod
    def gaussian_fwhm(cls, fwhm: ArrayLike, sample_length: ArrayLike) -> Footprint:
        """Beam with a Gaussian profile of which the full width at half maximum is known.

        Parameters
        ----------
        fwhm : float array
            Full width at half maximum of the profile across the beam, at the sample, positive; kept as 1 sigma.
        sample_length : float array
            Length of the sample along the beam, in the unit of `fwhm`, positive; may be infinite.

        Returns
        -------
        Footprint

        Raises
        ------
        InvalidValueError, ShapeError
            As `gaussian`.
        """
        caller = "Footprint.gaussian_fwhm"
        checked(caller, "fwhm", fwhm, "finite and positive")
        return cls._build(caller, "gaussian", "fwhm", sigma_from_fwhm(fwhm), sample_length)

    @classmethod
    def box(cls, width: ArrayLike, sample_length: ArrayLike) -> Footprint:
        """Beam of constant density between two sharp edges.

        Parameters
        ----------
        width : float array
            Full width across the beam, at the sample, positive. One, or one per point.
        sample_length : float array
            Length of the sample along the beam, in the unit of `width`, positive; may be infinite.

        Returns
        -------
        Footprint

        Raises
        ------
        InvalidValueError, ShapeError
            As `gaussian`.
        """
        return cls._build("Footprint.box", "box", "width", width, sample_length)

    @property
    def profile(self) -> str:
        """The beam's profile, "gaussian" or "box"."""
        return self._profile

    @property
    def width(self) -> FloatArray:
        """1 sigma of a Gaussian, the full width of a box; a copy."""
        return self._width.copy()

    @property
    def sample_length(self) -> FloatArray:
        """Length of the sample along the beam; a copy."""
        return self._sample_length.copy()

    def fraction(
        self,
        theta: ArrayLike | None = None,
        *,
        q: ArrayLike | None = None,
        wavelength: ArrayLike | None = None,
        offset: ArrayLike = 0.0,
    ) -> FloatArray:
        """Compute the part of the whole beam that falls on the sample.

        Parameters
        ----------
        theta : float array, optional
            Glancing angle, degrees. Either this, or `q` and `wavelength`.
        q : float array, optional
            Momentum transfer as stated, 1/angstrom, at most 4 pi / wavelength.
        wavelength : float array, optional
            Wavelength, angstrom.
        offset : float array, optional
            Sample-angle offset, degrees, added to the angle.

        Returns
        -------
        float array
            0 to 1; the shapes of all arguments, of width and of sample length broadcast.

        Raises
        ------
        InvalidValueError
            For values outside their domain, or unless either `theta` or both `q` and `wavelength` are given.
        ShapeError
            Where shapes do not broadcast.
        """
        return self._evaluate("Footprint.fraction", theta, q, wavelength, offset, relative=False)[0]

    def fraction_jacobian(
        self,
        theta: ArrayLike | None = None,
        *,
        q: ArrayLike | None = None,
        wavelength: ArrayLike | None = None,
        offset: ArrayLike = 0.0,
    ) -> tuple[FloatArray, FootprintJacobian]:
        """Compute the part of the whole beam that falls on the sample, and its derivatives.

        Parameters
        ----------
        theta, q, wavelength, offset
            As in `fraction`.

        Returns
        -------
        fraction : float array
        jacobian : FootprintJacobian

        Raises
        ------
        InvalidValueError, ShapeError
            As `fraction`.
        """
        return self._evaluate("Footprint.fraction_jacobian", theta, q, wavelength, offset, relative=False)

    def over_illumination(
        self,
        theta: ArrayLike | None = None,
        *,
        q: ArrayLike | None = None,
        wavelength: ArrayLike | None = None,
        offset: ArrayLike = 0.0,
    ) -> FloatArray:
        """Compute the mean illumination of the sample relative to that of the beam's centre.

        Parameters
        ----------
        theta, q, wavelength, offset
            As in `fraction`.

        Returns
        -------
        float array
            0 to 1, and 1 where the beam covers the sample evenly; shape as in `fraction`.

        Raises
        ------
        InvalidValueError
            As `fraction`, and for an infinite sample, which no beam covers.
        ShapeError
            As `fraction`.
        """
        return self._evaluate("Footprint.over_illumination", theta, q, wavelength, offset, relative=True)[0]

    def over_illumination_jacobian(
        self,
        theta: ArrayLike | None = None,
        *,
        q: ArrayLike | None = None,
        wavelength: ArrayLike | None = None,
        offset: ArrayLike = 0.0,
    ) -> tuple[FloatArray, FootprintJacobian]:
        """Compute the mean illumination of the sample relative to that of the beam's centre, and its derivatives.

        Parameters
        ----------
        theta, q, wavelength, offset
            As in `fraction`.

        Returns
        -------
        over_illumination : float array
        jacobian : FootprintJacobian

        Raises
        ------
        InvalidValueError, ShapeError
            As `over_illumination`.
        """
        return self._evaluate("Footprint.over_illumination_jacobian", theta, q, wavelength, offset, relative=True)

    def _evaluate(
        self,
        function: str,
        theta: ArrayLike | None,
        q: ArrayLike | None,
        wavelength: ArrayLike | None,
        offset: ArrayLike,
        *,
        relative: bool,
    ) -> tuple[FloatArray, FootprintJacobian]:
        if relative and np.isinf(self._sample_length).any():
            message = f"{function}: sample_length must be finite: no beam covers an infinite sample"
            raise InvalidValueError(message)
        probe = _probe(function, theta, q, wavelength, offset)
        angle = probe.angle * _DEGREE
        lengths = {"width": self._width.shape, "sample_length": self._sample_length.shape}
        shape = broadcast(function, "shapes", {**lengths, "the angle": angle.shape})
        infinite = np.broadcast_to(np.isinf(self._sample_length), shape)
        length = np.where(infinite, 1.0, self._sample_length)
        sine = np.abs(np.sin(angle))
        steepness = np.where(angle < 0.0, -1.0, 1.0) * np.cos(angle)  # d|sin|/d(angle)
        per_sine = length / self._width * (_PER_SIGMA if self._profile == "gaussian" else 1.0)
        x = per_sine * sine
        factor, slope = _PROFILES[self._profile, relative](x)
        if infinite.any():
            factor, slope = np.where(infinite, 1.0, factor), np.where(infinite, 0.0, slope)
        by_angle = slope * per_sine * steepness
        by_q = by_wavelength = None
        if theta is None:
            # d(stated angle)/dq = λ / (4π cos(stated angle)); likewise for the wavelength
            by_sine = by_angle / (4.0 * np.pi * np.cos(probe.theta * _DEGREE))
            stated = 4.0 * np.pi / probe.wavelength * np.sin(probe.theta * _DEGREE)
            by_q, by_wavelength = by_sine * probe.wavelength, by_sine * stated
        fields = (-slope * x / self._width, slope * x / length, by_angle * _DEGREE, by_q, by_wavelength)
        full = [None if field is None else np.array(np.broadcast_to(field, shape)) for field in (factor, *fields)]
        return full[0], FootprintJacobian(*full[1:])  # type: ignore[return-value, arg-type]  # the first four are there

    def __repr__(self) -> str:
        name = "sigma" if self._profile == "gaussian" else "width"
        return f"Footprint.{self._profile}({name}={_shown(self._width)}, sample_length={_shown(self._sample_length)})"


def _probe(
    function: str, theta: ArrayLike | None, q: ArrayLike | None, wavelength: ArrayLike | None, offset: ArrayLike
) -> Probe:
    """Return the angles, however they were given; with theta the wavelength stands for nothing."""
    with speaking_as(function):
        if theta is not None and q is None and wavelength is None:
            return Probe(theta, 1.0, offset=offset)
        if theta is None and q is not None and wavelength is not None:
            return Probe.from_q(q, wavelength, offset=offset)
    given = [name for name, value in (("theta", theta), ("q", q), ("wavelength", wavelength)) if value is not None]
    message = f"{function}: give either theta, or both q and wavelength; got {' and '.join(given) or 'none of them'}"
    raise InvalidValueError(message)


def _shown(array: FloatArray) -> str:
    return f"{float(array):.6g}" if not array.ndim else f"<{array.size} values>"


# Each returns the factor and its derivative with respect to x, for x >= 0.


def _gaussian_fraction(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    from scipy.special import erf

    return erf(x), _ERF * np.exp(-(np.minimum(x, 30.0) ** 2)) * (x < 30.0)  # exp(-900) = 0 in double precision


def _gaussian_relative(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    # (√π/2) erf(x)/x = ∫₀¹ exp(−x²t²) dt, whose slope −2x ∫₀¹ t² exp(−x²t²) dt is an incomplete gamma function: no
    # difference of nearly equal terms for small x. Below 1e-8 the next terms, x²/3, are lost in roundoff.
    from scipy.special import erf, gammainc

    small = x < 1e-8
    safe = np.where(small, 1.0, x)
    factor = np.where(small, 1.0, erf(safe) / (_ERF * safe))
    gamma = gammainc(1.5, np.minimum(safe, 30.0) ** 2)  # 1 beyond
    slope = np.where(small, -2.0 / 3.0 * x, -gamma / (_ERF * safe) / safe)
    return factor, slope


def _box_fraction(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.minimum(x, 1.0), (x <= 1.0).astype(np.float64)


def _box_relative(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    safe = np.maximum(x, 1.0)
    return 1.0 / safe, np.where(x <= 1.0, 0.0, -1.0 / safe / safe)  # the square could overflow


_PROFILES = {
    ("gaussian", False): _gaussian_fraction,
    ("gaussian", True): _gaussian_relative,
    ("box", False): _box_fraction,
    ("box", True): _box_relative,
}
