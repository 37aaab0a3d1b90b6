"""The beam as angle and wavelength: Q and its spread, with a sample-angle offset and all derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kiessig._inputs import broadcast, checked
from kiessig.data import FloatArray
from kiessig.errors import InvalidValueError

__all__ = ["Probe", "ProbeJacobian", "ShiftJacobian", "shifted_q", "shifted_q_jacobian"]

_DEGREE = np.pi / 180.0
_WIDTH = "finite and non-negative"


class ProbeJacobian(NamedTuple):
    """Derivatives of each point's q, or of its dq, with respect to what that point is made of.

    Attributes
    ----------
    theta, offset : float array, shape of q
        Per degree. The two are equal: an offset is added to the angle.
    wavelength : float array, shape of q
        Per angstrom.
    dtheta : float array, shape of q
        Per degree.
    dwavelength : float array, shape of q
        Per angstrom.
    """

    theta: FloatArray
    wavelength: FloatArray
    offset: FloatArray
    dtheta: FloatArray
    dwavelength: FloatArray


class ShiftJacobian(NamedTuple):
    """Derivatives of a shifted q with respect to the q that was measured, the wavelength and the offset.

    Attributes
    ----------
    q : float array, shape of the result
        Dimensionless.
    wavelength : float array, shape of the result
        Per angstrom, at constant measured q.
    offset : float array, shape of the result
        Per degree.
    """

    q: FloatArray
    wavelength: FloatArray
    offset: FloatArray


class Probe:
    r"""Points of a measurement as glancing angles and wavelengths, and the Q and resolution that follow.

    .. math::

        Q = \frac{4\pi}{\lambda} \sin\theta, \qquad
        \mathrm{d}Q = Q \sqrt{(\mathrm{d}\lambda/\lambda)^2 + (\mathrm{d}\theta/\tan\theta)^2}
        = \frac{4\pi}{\lambda}
          \sqrt{(\sin\theta\,\mathrm{d}\lambda/\lambda)^2 + (\cos\theta\,\mathrm{d}\theta)^2}

    with :math:`\theta` the stated angle plus the offset: first-order propagation of independent widths, which is what
    refl1d and refnx use. One wavelength and many angles, one angle and many wavelengths (time of flight), or any
    mixture of the two: whatever is given broadcasts. Cannot be changed afterwards.

    Parameters
    ----------
    theta : float array
        Glancing angle, degrees, half the scattering angle; -90 to 90. A negative angle is a beam from the back (Q < 0).
    wavelength : float array
        Wavelength, angstrom, positive.
    dtheta : float array, optional
        1 sigma of the angle, **degrees**, non-negative. None adds nothing to dq.
    dwavelength : float array, optional
        1 sigma of the wavelength, **angstrom**, non-negative. None adds nothing to dq.
    offset : float array, optional
        Sample-angle offset, degrees: the true angle is ``theta + offset``.

    Raises
    ------
    InvalidValueError
        For values that are not finite or outside their domain, or angles that the offset takes beyond 90 degrees.
    ShapeError
        Where shapes do not broadcast.

    See Also
    --------
    shifted_q : what an offset does to a Q that was measured at a known wavelength.
    kiessig.Footprint : how much of the beam the sample receives.

    Notes
    -----
    All widths are standard deviations. `kiessig.instrument.sigma_from_fwhm` makes them from full widths at half maximum
    (refl1d's dT and dL are such); the standard deviation of a uniform distribution is its full width over the square
    root of 12.

    Both q and dq are those of the true angle, ``theta + offset``. An offset that takes a small positive angle below
    zero makes that Q negative, which means from the back.

    A derivative of the reflectivity with respect to the offset is
    ``jacobian.q * probe.q_jacobian().offset + jacobian.dq * probe.dq_jacobian().offset``.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> wavelength = np.linspace(2.5, 12.5, 5)
    >>> probe = ks.Probe(0.65, wavelength, dtheta=0.013, dwavelength=0.01 * wavelength)
    >>> probe.q.round(4)
    array([0.057 , 0.0285, 0.019 , 0.0143, 0.0114])
    >>> (probe.dq / probe.q).round(4)
    array([0.0224, 0.0224, 0.0224, 0.0224, 0.0224])
    >>> r, jacobian = ks.reflectivity_jacobian(probe.q, [100.0], [0.0, 3.47, 2.07], dq=probe.dq)
    >>> by_offset = jacobian.q * probe.q_jacobian().offset + jacobian.dq * probe.dq_jacobian().offset
    >>> by_offset.shape
    (5,)
    """

    __slots__ = ("_dtheta", "_dwavelength", "_offset", "_shape", "_theta", "_wavelength")

    def __init__(
        self,
        theta: ArrayLike,
        wavelength: ArrayLike,
        dtheta: ArrayLike | None = None,
        dwavelength: ArrayLike | None = None,
        *,
        offset: ArrayLike = 0.0,
    ) -> None:
        self._theta = checked("Probe", "theta", theta, "in [-90, 90]", "degrees")
        self._wavelength = checked("Probe", "wavelength", wavelength, "finite and positive", "angstrom")
        self._dtheta = None if dtheta is None else checked("Probe", "dtheta", dtheta, _WIDTH, "degrees")
        self._dwavelength = (
            None if dwavelength is None else checked("Probe", "dwavelength", dwavelength, _WIDTH, "angstrom")
        )
        self._offset = checked("Probe", "offset", offset, "finite", "degrees")
        given = {name: getattr(self, f"_{name}") for name in ("theta", "wavelength", "dtheta", "dwavelength", "offset")}
        self._shape = broadcast("Probe", "shapes", {k: array.shape for k, array in given.items() if array is not None})
        checked("Probe", "theta + offset", self._theta + self._offset, "in [-90, 90]", "degrees")

    @classmethod
    def from_q(
        cls,
        q: ArrayLike,
        wavelength: ArrayLike,
        dtheta: ArrayLike | None = None,
        dwavelength: ArrayLike | None = None,
        *,
        offset: ArrayLike = 0.0,
    ) -> Probe:
        """Probe whose angles belong to a Q that was stated for a known wavelength.

        Parameters
        ----------
        q : float array
            Momentum transfer as stated, 1/angstrom: what `q` is without an offset. At most 4 pi / wavelength.
        wavelength, dtheta, dwavelength, offset
            As for `Probe`.

        Returns
        -------
        Probe

        Raises
        ------
        InvalidValueError, ShapeError
            As `Probe`, and for a Q that this wavelength does not reach.

        Examples
        --------
        >>> import kiessig as ks
        >>> probe = ks.Probe.from_q([0.01, 0.1], wavelength=5.0, offset=0.02)
        >>> probe.theta.round(4), probe.q.round(5)
        (array([0.228 , 2.2803]), array([0.01088, 0.10088]))
        """
        sine, _, _ = _sine("Probe.from_q", q, wavelength, allow_backscattering=True)
        return cls(np.arcsin(sine) / _DEGREE, wavelength, dtheta, dwavelength, offset=offset)

    @property
    def theta(self) -> FloatArray:
        """Stated glancing angle, degrees, in the shape of q."""
        return self._full(self._theta)

    @property
    def offset(self) -> FloatArray:
        """Sample-angle offset, degrees, in the shape of q."""
        return self._full(self._offset)

    @property
    def angle(self) -> FloatArray:
        """Glancing angle with the offset, degrees, in the shape of q."""
        return self._full(self._theta + self._offset)

    @property
    def wavelength(self) -> FloatArray:
        """Wavelength, angstrom, in the shape of q."""
        return self._full(self._wavelength)

    @property
    def dtheta(self) -> FloatArray | None:
        """1 sigma of the angle, degrees, in the shape of q; None where none was given."""
        return None if self._dtheta is None else self._full(self._dtheta)

    @property
    def dwavelength(self) -> FloatArray | None:
        """1 sigma of the wavelength, angstrom, in the shape of q; None where none was given."""
        return None if self._dwavelength is None else self._full(self._dwavelength)

    @property
    def q(self) -> FloatArray:
        """Momentum transfer at the angle with the offset, 1/angstrom."""
        return 4.0 * np.pi / self.wavelength * np.sin(self.angle * _DEGREE)

    @property
    def dq(self) -> FloatArray | None:
        """1 sigma of q, 1/angstrom, at the angle with the offset; None where neither width was given."""
        if self._dtheta is None and self._dwavelength is None:
            return None
        by_wavelength, by_angle = self._spreads()
        return 4.0 * np.pi / self.wavelength * np.hypot(by_wavelength, by_angle)

    def at_offset(self, offset: ArrayLike) -> Probe:
        """Return the same probe with another sample-angle offset.

        Parameters
        ----------
        offset : float array
            Degrees; replaces the offset that there is.

        Returns
        -------
        Probe

        Raises
        ------
        InvalidValueError, ShapeError
            As `Probe`.
        """
        return Probe(self._theta, self._wavelength, self._dtheta, self._dwavelength, offset=offset)

    def q_jacobian(self) -> ProbeJacobian:
        """Compute the derivatives of q.

        Returns
        -------
        ProbeJacobian
            Those with respect to the widths are zero.
        """
        angle, wavelength = self.angle * _DEGREE, self.wavelength
        by_angle = 4.0 * np.pi / wavelength * np.cos(angle) * _DEGREE
        by_wavelength = -self.q / wavelength
        return ProbeJacobian(by_angle, by_wavelength, by_angle.copy(), *(np.zeros(self._shape) for _ in range(2)))

    def dq_jacobian(self) -> ProbeJacobian | None:
        """Compute the derivatives of dq.

        Returns
        -------
        ProbeJacobian or None
            None where neither width was given. A width that was not given counts as zero.

        Notes
        -----
        Where dq itself is zero, derivatives are the one-sided ones: towards wider distributions, and towards positive
        angles.
        """
        if self._dtheta is None and self._dwavelength is None:
            return None
        angle, wavelength = self.angle * _DEGREE, self.wavelength
        zero = np.zeros(self._shape)
        dtheta = zero if self._dtheta is None else self._full(self._dtheta) * _DEGREE
        dwavelength = zero if self._dwavelength is None else self._full(self._dwavelength)
        sine, cosine = np.sin(angle), np.cos(angle)
        a, b = self._spreads()
        h = np.hypot(a, b)
        sharp = h == 0.0
        a_h, b_h = (np.divide(part, h, out=np.ones(self._shape), where=~sharp) for part in (a, b))
        front = 4.0 * np.pi / wavelength
        by_angle = front * (a_h * cosine * dwavelength / wavelength - b_h * sine * dtheta) * _DEGREE
        by_dtheta = front * b_h * cosine * _DEGREE
        by_dwavelength = front * np.where(sharp, np.abs(sine), a_h * sine) / wavelength
        by_wavelength = -front * (h + a_h * a) / wavelength
        return ProbeJacobian(by_angle, by_wavelength, by_angle.copy(), by_dtheta, by_dwavelength)

    def _spreads(self) -> tuple[FloatArray, FloatArray]:
        """Compute the parts of dq lambda / 4 pi from wavelength and angle, the first with the sign of the sine."""
        angle = self.angle * _DEGREE
        zero = np.zeros(self._shape)
        by_wavelength = zero if self._dwavelength is None else np.sin(angle) * self._dwavelength / self._wavelength
        by_angle = zero if self._dtheta is None else np.cos(angle) * self._dtheta * _DEGREE
        return by_wavelength, by_angle

    def _full(self, array: FloatArray) -> FloatArray:
        return np.array(np.broadcast_to(array, self._shape))

    def __repr__(self) -> str:
        widths = [name for name in ("dtheta", "dwavelength") if getattr(self, f"_{name}") is not None]
        known = f"{' and '.join(widths)} known" if widths else "sharp"
        points = self._shape[-1] if self._shape else 1
        shape = f"{points} points" if len(self._shape) < 2 else f"points of shape {self._shape}"
        angle, wavelength = self.angle, self.wavelength
        if not angle.size:
            return f"Probe({shape})"
        ranges = f"{angle.min():.6g} to {angle.max():.6g} degrees, {wavelength.min():.6g} to {wavelength.max():.6g} Å"
        return f"Probe({shape}, {ranges}, {known})"


def shifted_q(q: ArrayLike, wavelength: ArrayLike, offset: ArrayLike) -> FloatArray:
    r"""Compute the true Q of points whose angle was off.

    .. math::

        Q' = \frac{4\pi}{\lambda} \sin(\theta + \delta)
           = Q \cos\delta + \sqrt{(4\pi/\lambda)^2 - Q^2}\, \sin\delta

    Parameters
    ----------
    q : float array
        Momentum transfer as stated, 1/angstrom; below 4 pi / wavelength.
    wavelength : float array
        Wavelength of each point, angstrom.
    offset : float array
        The true angle less the stated one, degrees. Added to the signed angle: a Q < 0 has a negative angle.

    Returns
    -------
    float array
        1/angstrom; the shapes of all arguments broadcast.

    Raises
    ------
    InvalidValueError
        For values that are not finite, a wavelength that is not positive, or a Q beyond what the wavelength reaches.
    ShapeError
        Where shapes do not broadcast.

    See Also
    --------
    shifted_q_jacobian : with derivatives.
    Probe.from_q : where the resolution is to follow.

    Examples
    --------
    >>> import kiessig as ks
    >>> float(ks.shifted_q(0.0, wavelength=5.0, offset=0.1).round(6))
    0.004386
    """
    return _shifted("shifted_q", q, wavelength, offset)[0]


def shifted_q_jacobian(q: ArrayLike, wavelength: ArrayLike, offset: ArrayLike) -> tuple[FloatArray, ShiftJacobian]:
    """Compute the true Q of points whose angle was off, and its derivatives.

    Parameters
    ----------
    q, wavelength, offset
        As in `shifted_q`.

    Returns
    -------
    q : float array
    jacobian : ShiftJacobian

    Raises
    ------
    InvalidValueError, ShapeError
        As `shifted_q`.

    Examples
    --------
    >>> import kiessig as ks
    >>> q, jacobian = ks.shifted_q_jacobian([0.01, 0.2], wavelength=5.0, offset=0.0)
    >>> jacobian.offset.round(5)  # per degree
    array([0.04386, 0.04373])
    """
    return _shifted("shifted_q_jacobian", q, wavelength, offset)


def _sine(
    function: str, q: ArrayLike, wavelength: ArrayLike, *, allow_backscattering: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute the sine of the glancing angle; also return the checked q and wavelength."""
    points = checked(function, "q", q, "finite", "1/angstrom")
    waves = checked(function, "wavelength", wavelength, "finite and positive", "angstrom")
    shape = broadcast(function, "shapes", {"q": points.shape, "wavelength": waves.shape})
    sine = np.asarray(points * waves / (4.0 * np.pi))
    good = np.abs(sine) <= 1.0 if allow_backscattering else np.abs(sine) < 1.0
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        value, wave = (float(np.broadcast_to(array, shape)[where]) for array in (points, waves))
        rule = "at most" if allow_backscattering else "below"
        message = (
            f"{function}: q must be {rule} 4 pi / wavelength = {4.0 * np.pi / wave:.6g} 1/angstrom; "
            f"q = {value!r} with wavelength = {wave!r} angstrom"
        )
        raise InvalidValueError(message)
    return sine, points, waves


def _shifted(function: str, q: ArrayLike, wavelength: ArrayLike, offset: ArrayLike) -> tuple[FloatArray, ShiftJacobian]:
    sine, points, waves = _sine(function, q, wavelength, allow_backscattering=False)
    degrees = checked(function, "offset", offset, "in [-90, 90]", "degrees")
    shape = broadcast(function, "shapes", {"q": points.shape, "wavelength": waves.shape, "offset": degrees.shape})
    reach = 4.0 * np.pi / waves
    # the cosine of the stated angle, without loss next to 90 degrees
    cosine = np.sqrt((1.0 - sine) * (1.0 + sine))
    by_sine, by_cosine = np.cos(degrees * _DEGREE), np.sin(degrees * _DEGREE)
    q_true = points * by_sine + reach * cosine * by_cosine
    by_offset = (reach * cosine * by_sine - points * by_cosine) * _DEGREE
    by_q = by_sine - sine / cosine * by_cosine
    by_wavelength = -reach * by_cosine / (waves * cosine)
    full = [np.array(np.broadcast_to(array, shape)) for array in (q_true, by_q, by_wavelength, by_offset)]
    return full[0], ShiftJacobian(*full[1:])
