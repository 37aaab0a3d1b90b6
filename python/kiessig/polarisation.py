"""Imperfect polarisers, analysers and flippers: the four intensities as a linear mix of the four reflectivities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.data import real_array
from kiessig.errors import InvalidValueError, ShapeError

__all__ = ["Channels", "Efficiencies", "EfficiencyDerivatives"]

FloatArray = NDArray[np.float64]
_T = TypeVar("_T")
_Arm = list[list[FloatArray]]  # rows: flipper off and on; columns: weights of the spins + and -


class Channels(NamedTuple, Generic[_T]):
    """One quantity for each spin channel, incident spin first; + is parallel to the guide field.

    Attributes
    ----------
    pp, mm
        Without spin flip.
    pm, mp
        With spin flip: from + to -, and from - to +.
    """

    pp: _T
    pm: _T
    mp: _T
    mm: _T


class EfficiencyDerivatives(NamedTuple, Generic[_T]):
    """One quantity for each efficiency.

    Attributes
    ----------
    polariser, polariser_flipper, analyser, analyser_flipper
        As in `Efficiencies`.
    """

    polariser: _T
    polariser_flipper: _T
    analyser: _T
    analyser_flipper: _T


class Efficiencies:
    r"""Efficiencies of the devices before and behind the sample, and what they do to the four channels.

    With a polariser that lets a fraction p of + spins through (and 1 - p of - spins) and a flipper that reverses a
    fraction f of them when it is on, the sample is lit with the weights of + and -

    .. math::

        W = \begin{pmatrix} p & 1 - p \\ p - f(2p - 1) & 1 - p + f(2p - 1) \end{pmatrix}
        \quad\text{(rows: flipper off, on)}

    and likewise for analyser and flipper behind it. The intensity with the flippers in states s and t, which perfect
    devices would make the channel (s, t), is :math:`I_{st} = \sum_{ab} W_{sa} W'_{tb} R_{ab}` [1]_ [2]_.

    Parameters
    ----------
    polariser, analyser : float array broadcastable to the channels, optional
        Fraction of the spins + in the beam, 0 to 1: 1 is perfect, 0.5 does not polarise at all, below 0.5 it prefers -.
        The polarisation is 2 p - 1.
    polariser_flipper, analyser_flipper : float array broadcastable to the channels, optional
        Fraction of the spins that the flipper reverses when it is on, 0 to 1: 1 is perfect.

    Raises
    ------
    InvalidValueError
        For numbers outside 0 to 1.

    Notes
    -----
    Intensities are normalised so that a sample that reflects everything without spin flip gives
    :math:`I_{++} + I_{+-} = 1`; transmissions of the devices belong to the scale. The rows of the mix add up to 1, so
    that a scale and a background common to all channels may be applied before it or after it. A beam that is not
    analysed has ``analyser=0.5``: all intensities are then half the sum over the scattered spin.

    References
    ----------
    .. [1] A. R. Wildes, Rev. Sci. Instrum. 70, 4241 (1999), doi:10.1063/1.1150060
    .. [2] A. R. Wildes, Neutron News 17, 17 (2006), doi:10.1080/10448630600668738

    Examples
    --------
    >>> import kiessig as ks
    >>> devices = ks.Efficiencies(polariser=0.98, analyser=0.95)
    >>> measured = devices.mix(ks.Channels(pp=1.0, pm=0.0, mp=0.0, mm=0.5))
    >>> round(float(measured.pm), 4)
    0.0585
    >>> round(float(devices.correct(measured).mm), 12)
    0.5
    """

    def __init__(
        self,
        polariser: ArrayLike = 1.0,
        polariser_flipper: ArrayLike = 1.0,
        analyser: ArrayLike = 1.0,
        analyser_flipper: ArrayLike = 1.0,
    ) -> None:
        given = (polariser, polariser_flipper, analyser, analyser_flipper)
        arrays = []
        for name, value in zip(EfficiencyDerivatives._fields, given, strict=True):
            array = real_array("Efficiencies", name, value)
            _require("Efficiencies", name, array, (array >= 0.0) & (array <= 1.0), "between 0 and 1")
            arrays.append(array)
        self._arrays: EfficiencyDerivatives[FloatArray] = EfficiencyDerivatives._make(arrays)

    @property
    def polariser(self) -> FloatArray:
        """Fraction of + spins behind the polariser."""
        return self._arrays.polariser.copy()

    @property
    def polariser_flipper(self) -> FloatArray:
        """Fraction of spins that the flipper before the sample reverses."""
        return self._arrays.polariser_flipper.copy()

    @property
    def analyser(self) -> FloatArray:
        """Fraction of + spins among those that the analyser lets through."""
        return self._arrays.analyser.copy()

    @property
    def analyser_flipper(self) -> FloatArray:
        """Fraction of spins that the flipper behind the sample reverses."""
        return self._arrays.analyser_flipper.copy()

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={array!r}" for name, array in zip(self._arrays._fields, self._arrays, strict=True))
        return f"Efficiencies({inside})"

    def mix(self, channels: Channels[ArrayLike]) -> Channels[FloatArray]:
        """Compute the intensities that imperfect devices measure.

        Parameters
        ----------
        channels : Channels of float arrays
            Reflectivities; arrays broadcast among themselves and with the efficiencies.

        Returns
        -------
        Channels of float64 arrays
            By the states of the flippers: ``pm`` is measured with the flipper behind the sample on.

        Raises
        ------
        ShapeError, InvalidValueError
            Where shapes do not fit together, and for values that are not finite real numbers.
        """
        return mixed(self, self._checked("mix", channels))

    def mix_transposed(self, cotangent: Channels[ArrayLike]) -> Channels[FloatArray]:
        """Compute the transpose of `mix`: derivatives with respect to the intensities into such to the reflectivities.

        Parameters
        ----------
        cotangent : Channels of float arrays
            Derivatives of some number with respect to the four intensities.

        Returns
        -------
        Channels of float64 arrays
            Its derivatives with respect to the four reflectivities, one for every point.

        Raises
        ------
        ShapeError, InvalidValueError
            As `mix`.
        """
        return mixed_transposed(self, self._checked("mix_transposed", cotangent))

    def mix_jacobian(
        self, channels: Channels[ArrayLike]
    ) -> tuple[Channels[FloatArray], EfficiencyDerivatives[Channels[FloatArray]]]:
        """Compute the intensities and their derivatives with respect to the efficiencies.

        Parameters
        ----------
        channels : Channels of float arrays
            Reflectivities, as in `mix`.

        Returns
        -------
        intensities : Channels of float64 arrays
        jacobian : EfficiencyDerivatives of Channels of float64 arrays
            ``jacobian.analyser.pm`` is the derivative of the intensity ``pm`` with respect to each point's own analyser
            efficiency.

        Raises
        ------
        ShapeError, InvalidValueError
            As `mix`.

        Notes
        -----
        Derivatives with respect to the reflectivities are the mix itself, which is linear: see `mix_transposed`.
        """
        checked = self._checked("mix_jacobian", channels)
        return mixed(self, checked), mixed_derivatives(self, checked)

    def correct(self, intensities: Channels[ArrayLike]) -> Channels[FloatArray]:
        """Compute the reflectivities from measured intensities: the inverse of `mix`.

        Parameters
        ----------
        intensities : Channels of float arrays
            Measured with the flippers off-off (``pp``), off-on (``pm``), on-off (``mp``) and on-on (``mm``).

        Returns
        -------
        Channels of float64 arrays

        Raises
        ------
        InvalidValueError
            Where a polariser does not polarise (0.5) or a flipper does not flip (0): the intensities then do not
            determine the reflectivities.
        ShapeError
            Where shapes do not fit together.

        Notes
        -----
        Errors grow by up to ``1 / (f (2 p - 1))`` for either side of the sample and are correlated afterwards. In a fit
        it is better to mix the model than to correct the data.
        """
        for name, array in zip(self._arrays._fields, self._arrays, strict=True):
            flips = name.endswith("flipper")
            rule = "above 0, or nothing is flipped" if flips else "other than 0.5, or nothing is polarised"
            _require("Efficiencies.correct", name, array, array != (0.0 if flips else 0.5), rule)
        checked = self._checked("correct", intensities)
        front, back = _arms(self)
        return _apply(_inverse(front), _inverse(back), checked, 0)

    def _checked(self, method: str, channels: Channels[ArrayLike]) -> Channels[FloatArray]:
        """Return the channels broadcast with the efficiencies, or raise."""
        function = f"Efficiencies.{method}"
        if not isinstance(channels, Channels):
            message = (
                f"{function}: channels must be kiessig.Channels(pp=, pm=, mp=, mm=); got {type(channels).__name__}"
            )
            raise InvalidValueError(message)
        arrays = [real_array(function, name, value) for name, value in zip(Channels._fields, channels, strict=True)]
        for name, array in zip(Channels._fields, arrays, strict=True):
            _require(function, name, array, np.isfinite(array), "finite")
        shapes = {
            name: array.shape
            for name, array in zip((*Channels._fields, *self._arrays._fields), (*arrays, *self._arrays), strict=True)
        }
        try:
            shape = np.broadcast_shapes(*shapes.values())
        except ValueError as error:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
            message = f"{function}: channels and efficiencies must broadcast; got {listed}"
            raise ShapeError(message) from error
        return Channels._make(np.broadcast_to(array, shape) for array in arrays)


def efficiency_arrays(efficiencies: Efficiencies) -> EfficiencyDerivatives[FloatArray]:
    """Return the efficiencies as they were given; not to be written to."""
    return efficiencies._arrays


def mixed(efficiencies: Efficiencies, channels: Sequence[FloatArray], trailing: int = 0) -> Channels[FloatArray]:
    """Mix the channels; arrays may have `trailing` more axes than the result has, behind its own."""
    front, back = _arms(efficiencies)
    return _apply(front, back, channels, trailing)


def mixed_transposed(efficiencies: Efficiencies, cotangent: Sequence[FloatArray]) -> Channels[FloatArray]:
    """Compute derivatives with respect to the reflectivities from those with respect to the intensities."""
    front, back = _arms(efficiencies)
    return _apply(_transpose(front), _transpose(back), cotangent, 0)


def mixed_derivatives(
    efficiencies: Efficiencies, channels: Sequence[FloatArray]
) -> EfficiencyDerivatives[Channels[FloatArray]]:
    """Compute derivatives of the intensities with respect to the efficiencies, point by point."""
    front, back = _arms(efficiencies)
    arrays = efficiencies._arrays
    of_front = _arm_derivatives(arrays.polariser, arrays.polariser_flipper)
    of_back = _arm_derivatives(arrays.analyser, arrays.analyser_flipper)
    return EfficiencyDerivatives(
        *(_apply(arm, back, channels, 0) for arm in of_front), *(_apply(front, arm, channels, 0) for arm in of_back)
    )


def _require(function: str, name: str, array: FloatArray, good: NDArray[np.bool_], rule: str) -> None:
    if good.all():
        return
    where = tuple(int(i) for i in np.argwhere(~good)[0])
    place = f"{name}[{', '.join(map(str, where))}]" if where else name
    message = f"{function}: {name} must be {rule}; {place} = {float(array[where])!r}"
    raise InvalidValueError(message)


def _arm(p: FloatArray, f: FloatArray) -> _Arm:
    flipped = p - f * (2.0 * p - 1.0)
    return [[p, 1.0 - p], [flipped, 1.0 - flipped]]


def _arms(efficiencies: Efficiencies) -> tuple[_Arm, _Arm]:
    arrays = efficiencies._arrays
    return _arm(arrays.polariser, arrays.polariser_flipper), _arm(arrays.analyser, arrays.analyser_flipper)


def _arm_derivatives(p: FloatArray, f: FloatArray) -> tuple[_Arm, _Arm]:
    """Return the derivatives of the weights with respect to p and to f."""
    one, zero = np.ones_like(p), np.zeros_like(p)
    by_p, by_f = 1.0 - 2.0 * f, 2.0 * p - 1.0
    return [[one, -one], [by_p, -by_p]], [[zero, zero], [-by_f, by_f]]


def _transpose(arm: _Arm) -> _Arm:
    return [[arm[0][0], arm[1][0]], [arm[0][1], arm[1][1]]]


def _inverse(arm: _Arm) -> _Arm:
    determinant = arm[0][0] * arm[1][1] - arm[0][1] * arm[1][0]
    return [
        [arm[1][1] / determinant, -arm[0][1] / determinant],
        [-arm[1][0] / determinant, arm[0][0] / determinant],
    ]


def _apply(front: _Arm, back: _Arm, channels: Sequence[FloatArray], trailing: int) -> Channels[FloatArray]:
    """I_st = sum over a and b of front_sa back_tb R_ab."""
    axes = (np.newaxis,) * trailing

    def weight(arm: _Arm, row: int, column: int) -> FloatArray:
        return np.asarray(arm[row][column])[(..., *axes)]

    half = [[weight(front, s, 0) * channels[b] + weight(front, s, 1) * channels[2 + b] for b in (0, 1)] for s in (0, 1)]
    return Channels._make(
        np.asarray(weight(back, t, 0) * half[s][0] + weight(back, t, 1) * half[s][1]) for s in (0, 1) for t in (0, 1)
    )
