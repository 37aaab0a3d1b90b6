"""Profiles that are functions of depth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from kiessig.components.profiles import ContinuousProfile, Medium, Segment
from kiessig.errors import InvalidValueError
from kiessig.materials import Material, as_material
from kiessig.parameters import Operand, Parameter, Quantity, as_quantity

__all__ = ["FunctionalProfile", "GradientLayer", "shapes"]


class FunctionalProfile(ContinuousProfile):
    r"""A profile that is a function of depth, sliced as finely as an error bound asks for.

    Parameters
    ----------
    thickness : float, Parameter or Expression
        Angstrom.
    function : callable
        Called with a depth from the profile's begin in angstrom, an Expression where the thickness is one, and gives
        what is there: an SLD in 1e-6/angstrom^2, a Material, or a Layer without thickness. It is called for every point
        of the slices when the profile is made, and not in a fit. It uses arithmetic and `kiessig.functions`; see
        `kiessig.components.shapes` for ready ones. Smooth but at `breaks`.
    q_max, error, roughness, name
        See `ContinuousProfile`.
    breaks : sequence of float
        Shares of the thickness, increasing between 0 and 1, where the function has a kink or a jump. The function is
        not called there, but on both sides, 1e-9 of the thickness away.

    Raises
    ------
    InvalidValueError
        As `ContinuousProfile`, and if the breaks do not increase between 0 and 1.

    See Also
    --------
    ContinuousProfile : how it is sliced, and what the error bound means.

    Examples
    --------
    >>> import kiessig as ks
    >>> width = ks.Parameter(20, bounds=(5, 40), name="width")
    >>> profile = ks.FunctionalProfile(200, ks.shapes.tanh(6.3, 2.07, centre=100, width=width), q_max=0.3)
    >>> profile.sld_profile([100.0])[1].round(3)
    array([4.185])
    """

    def __init__(
        self,
        thickness: Operand,
        function: Callable[[Quantity], Medium],
        *,
        q_max: float,
        error: float = 1e-5,
        roughness: Operand = 0.0,
        breaks: Sequence[float] = (),
        name: str | None = None,
    ) -> None:
        length = as_quantity(thickness, type(self).__name__, "thickness", unit="angstrom", non_negative=True)
        ends = [0.0, *(float(share) for share in breaks), 1.0]
        if any(not low < high for low, high in itertools.pairwise(ends)):
            message = f"{type(self).__name__}: breaks must increase between 0 and 1; got {list(breaks)!r}"
            raise InvalidValueError(message)
        segments = [
            Segment((high - low) * length, _between(function, length, low, high))
            for low, high in itertools.pairwise(ends)
        ]
        super().__init__(segments, q_max=q_max, error=error, roughness=roughness, name=name)


class GradientLayer(ContinuousProfile):
    """A layer whose composition changes linearly from one end to the other.

    Parameters
    ----------
    thickness : float, Parameter or Expression
        Angstrom.
    first, last : float, Parameter, Expression or Material
        What it is at its top, facing the beam, and at its bottom; a number is a real SLD, 1e-6/angstrom^2.
    q_max, error, roughness, name
        See `ContinuousProfile`.

    Raises
    ------
    InvalidValueError
        As `ContinuousProfile`.

    Examples
    --------
    >>> import kiessig as ks
    >>> ks.GradientLayer(100, 2.0, 6.0, q_max=0.2).sld_profile([50.0])[1].round(3)
    array([4.])
    """

    def __init__(
        self,
        thickness: Operand,
        first: Operand | Material,
        last: Operand | Material,
        *,
        q_max: float,
        error: float = 1e-5,
        roughness: Operand = 0.0,
        name: str | None = None,
    ) -> None:
        length = as_quantity(thickness, "GradientLayer", "thickness", unit="angstrom", non_negative=True)
        ends = [as_material(end, "GradientLayer", which) for end, which in ((first, "first"), (last, "last"))]

        def medium(u: float) -> Material:
            if ends[0] is ends[1] or u == 0.0:
                return ends[0]
            return ends[1] if u == 1.0 else Material.mixture(ends[::-1], [u])

        super().__init__([Segment(length, medium)], q_max=q_max, error=error, roughness=roughness, name=name)


class shapes:  # noqa: N801 - a namespace of functions
    """Functions of depth for `FunctionalProfile`: from one medium to another.

    Every one takes `first` and `last`, the media on both sides, each a Material, or a number, Parameter or Expression
    for a real SLD in 1e-6/angstrom^2. The profile goes as far as its thickness lets it: what is left at its ends is a
    step to the neighbours.
    """

    @staticmethod
    def erf(
        first: Operand | Material, last: Operand | Material, *, centre: Operand, sigma: Operand
    ) -> Callable[[Quantity], Material]:
        """Return an error function, ``(1 + erf((z - centre) / (sqrt(2) sigma))) / 2``.

        Parameters
        ----------
        first, last : float, Parameter, Expression or Material
            Media on both sides.
        centre, sigma : float, Parameter or Expression
            Angstrom.

        Returns
        -------
        callable
        """
        from kiessig.functions import erf

        width = _width(sigma, "erf", "sigma")
        return _blend(first, last, "erf", lambda z: 0.5 * (1.0 + erf((z - centre) / (2.0**0.5 * width))))

    @staticmethod
    def tanh(
        first: Operand | Material, last: Operand | Material, *, centre: Operand, width: Operand
    ) -> Callable[[Quantity], Material]:
        """Return a hyperbolic tangent, ``(1 + tanh((z - centre) / width)) / 2``.

        Parameters
        ----------
        first, last : float, Parameter, Expression or Material
            Media on both sides.
        centre, width : float, Parameter or Expression
            Angstrom.

        Returns
        -------
        callable
        """
        from kiessig.functions import tanh

        scale = _width(width, "tanh", "width")
        return _blend(first, last, "tanh", lambda z: 0.5 * (1.0 + tanh((z - centre) / scale)))

    @staticmethod
    def exponential(
        first: Operand | Material, last: Operand | Material, *, length: Operand
    ) -> Callable[[Quantity], Material]:
        """Return an exponential, ``1 - exp(-z / length)``: `first` at the profile's begin, `last` far behind it.

        Parameters
        ----------
        first, last : float, Parameter, Expression or Material
            Media on both sides.
        length : float, Parameter or Expression
            Angstrom.

        Returns
        -------
        callable
        """
        from kiessig.functions import exp

        scale = _width(length, "exponential", "length")
        return _blend(first, last, "exponential", lambda z: 1.0 - exp(-z / scale))

    @staticmethod
    def power_law(
        first: Operand | Material, last: Operand | Material, *, thickness: Operand, power: float
    ) -> Callable[[Quantity], Material]:
        """Return a power of the depth, ``(z / thickness)**power``.

        Parameters
        ----------
        first, last : float, Parameter, Expression or Material
            Media on both sides.
        thickness : float, Parameter or Expression
            Depth at which `last` is reached, angstrom.
        power : int
            At least 1. Powers that are no integers are not smooth at the begin; see `PolymerBrush` for brushes.

        Returns
        -------
        callable
        """
        if isinstance(power, bool) or not isinstance(power, int) or power < 1:
            message = f"shapes.power_law: power must be an integer of at least 1; power = {power!r}"
            raise InvalidValueError(message)
        scale = _width(thickness, "power_law", "thickness")

        def share(z: Quantity) -> Quantity:
            base = z / scale
            total = base
            for _ in range(power - 1):
                total = total * base
            return total

        return _blend(first, last, "power_law", share)


def _between(
    function: Callable[[Quantity], Medium], length: Quantity, low: float, high: float
) -> Callable[[float], Medium]:
    def medium(u: float) -> Medium:
        # from inside: a function with a jump at the break must not be asked for its value there
        first = low + 1e-9 if low > 0.0 else low
        last = high - 1e-9 if high < 1.0 else high
        return function((first + (last - first) * u) * length)

    return medium


def _blend(
    first: Operand | Material, last: Operand | Material, name: str, share: Callable[[Quantity], Quantity]
) -> Callable[[Quantity], Material]:
    ends = [as_material(end, f"shapes.{name}", which) for end, which in ((last, "last"), (first, "first"))]
    return lambda z: Material.mixture(ends, [share(z)])


def _width(value: Operand, name: str, argument: str) -> Quantity:
    quantity = as_quantity(value, f"shapes.{name}", argument, unit="angstrom", non_negative=True)
    if isinstance(quantity, float | Parameter) and float(quantity) == 0.0:
        message = f"shapes.{name}: {argument} must be positive; {argument} = 0 angstrom"
        raise InvalidValueError(message)
    return quantity
