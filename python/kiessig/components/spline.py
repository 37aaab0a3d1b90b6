"""Free-form profiles: monotone splines through knots."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from kiessig.components.profiles import ContinuousProfile, Segment
from kiessig.errors import InvalidValueError
from kiessig.layer import is_zero
from kiessig.materials import Material, as_material
from kiessig.parameters import Expression, Operand, Quantity, as_quantity

__all__ = ["SplineProfile"]


class SplineProfile(ContinuousProfile):
    r"""A free-form profile: a monotone cubic spline through knots.

    The interpolant is Fritsch and Butland's [1]_, known as PCHIP: between two knots the profile does not leave the
    range of their values, and it is flat where the values turn. Imaginary parts have a spline of their own.

    Parameters
    ----------
    values : sequence of float, Parameter, Expression or Material
        What the profile is at its knots, two or more; a number is a real SLD, 1e-6/angstrom^2.
    spacings : sequence of float, Parameter or Expression
        Distances between neighbouring knots, angstrom; one less than values. The profile is as thick as their sum.
    flat_ends : bool
        Whether the slopes are 0 at the first and the last knot, as refnx's `zgrad` makes them.
    q_max, error, roughness, name
        See `ContinuousProfile`.

    Raises
    ------
    InvalidValueError
        As `ContinuousProfile`, and if the numbers of values and spacings do not fit together.

    See Also
    --------
    SplineProfile.at : with positions of the knots in place of their spacings.

    Notes
    -----
    The first and the last knot lie at the profile's ends. What it continues there is yours to say: give the neighbour's
    own Parameter or Material as the first or last value for a profile that begins without a step.

    Derivatives have kinks where neighbouring knots have equal values, as those of the interpolant itself.

    References
    ----------
    .. [1] F. N. Fritsch, J. Butland, A method for constructing local monotone piecewise cubic interpolants, SIAM J.
       Sci. Stat. Comput. 5, 300 (1984), doi:10.1137/0905021

    Examples
    --------
    >>> import kiessig as ks
    >>> knots = [ks.Parameter(value, bounds=(0, 7), name=f"knot {i}") for i, value in enumerate([2.0, 5.0, 4.0])]
    >>> profile = ks.SplineProfile([2.07, *knots, 6.36], [30, 60, 60, 50], q_max=0.25)
    >>> profile.sld_profile([90.0])[1].round(2)
    array([5.])
    """

    def __init__(
        self,
        values: Sequence[Operand | Material],
        spacings: Sequence[Operand],
        *,
        flat_ends: bool = False,
        q_max: float,
        error: float = 1e-5,
        roughness: Operand = 0.0,
        name: str | None = None,
    ) -> None:
        owner = "SplineProfile" if name is None else f"SplineProfile {name!r}"
        knots = [as_material(value, owner, f"values[{i}]") for i, value in enumerate(values)]
        widths = [
            as_quantity(width, owner, f"spacings[{i}]", unit="angstrom", non_negative=True)
            for i, width in enumerate(spacings)
        ]
        if len(knots) < 2 or len(widths) != len(knots) - 1:
            message = (
                f"{owner}: two or more values are required, and one spacing less; "
                f"got {len(knots)} values and {len(widths)} spacings"
            )
            raise InvalidValueError(message)
        if any(is_zero(width) for width in widths):
            message = (
                f"{owner}: spacings must be positive; spacings[{[is_zero(w) for w in widths].index(True)}] = 0 angstrom"
            )
            raise InvalidValueError(message)
        real = _pieces([knot.sld for knot in knots], widths, flat_ends=flat_ends)
        imaginary = _pieces([knot.sld_imag for knot in knots], widths, flat_ends=flat_ends)
        segments = [
            Segment(width, _material(one, other)) for width, one, other in zip(widths, real, imaginary, strict=True)
        ]
        super().__init__(segments, q_max=q_max, error=error, roughness=roughness, name=name)

    @classmethod
    def at(cls, positions: Sequence[Operand], values: Sequence[Operand | Material], **others: Any) -> SplineProfile:
        """Make the profile from positions of its knots.

        Parameters
        ----------
        positions : sequence of float, Parameter or Expression
            Depths of the knots in angstrom, from anywhere, increasing; a fit in which they may pass each other goes
            through samples that do not exist, so that bounds should keep them apart.
        values, **others
            As for the class.

        Returns
        -------
        SplineProfile

        Raises
        ------
        InvalidValueError
            As the class.

        Examples
        --------
        >>> import kiessig as ks
        >>> ks.SplineProfile.at([0, 40, 100], [2.0, 5.0, 6.0], q_max=0.2).segments[1].thickness
        60.0
        """
        places = [
            as_quantity(place, "SplineProfile", f"positions[{i}]", unit="angstrom") for i, place in enumerate(positions)
        ]
        return cls(values, [far - near for near, far in itertools.pairwise(places)], **others)


def _material(real: Callable[[float], Quantity], imaginary: Callable[[float], Quantity]) -> Callable[[float], Material]:
    from kiessig.functions import maximum

    def at(u: float) -> Material:
        absorption = imaginary(u)
        return Material(
            sld=real(u), sld_imag=maximum(absorption, 0.0) if isinstance(absorption, Expression) else absorption
        )

    return at


def _pieces(
    values: Sequence[Quantity], widths: Sequence[Quantity], *, flat_ends: bool
) -> list[Callable[[float], Quantity]]:
    """Return for each interval the cubic, as a function of 0..1."""
    if all(value is values[0] or (not isinstance(value, Expression) and value == values[0]) for value in values):
        return [lambda _: values[0]] * len(widths)
    chords = [(right - left) / width for left, right, width in zip(values, values[1:], widths, strict=False)]
    slopes = _slopes(chords, widths)
    if flat_ends:
        slopes[0] = slopes[-1] = 0.0
    return [
        _cubic(left, right, width * begin, width * end)
        for left, right, width, begin, end in zip(values, values[1:], widths, slopes, slopes[1:], strict=False)
    ]


def _cubic(left: Quantity, right: Quantity, begin: Quantity, end: Quantity) -> Callable[[float], Quantity]:
    """Hermite's cubic on 0..1 with values and slopes at both ends."""

    def at(u: float) -> Quantity:
        if u in (0.0, 1.0):
            return right if u else left
        rest = 1.0 - u
        return left + (right - left) * (u * u * (3.0 - 2.0 * u)) + begin * (u * rest * rest) - end * (u * u * rest)

    return at


def _slopes(chords: Sequence[Quantity], widths: Sequence[Quantity]) -> list[Quantity]:
    """Slopes at the knots: a weighted harmonic mean of the chords' beside, 0 where these differ in sign."""
    from kiessig.functions import where

    if len(chords) == 1:
        return [chords[0], chords[0]]
    slopes = [_end_slope(chords[0], chords[1], widths[0], widths[1])]
    for before, after, left, right in zip(chords, chords[1:], widths, widths[1:], strict=False):
        one, other = left + 2.0 * right, 2.0 * left + right
        product = before * after
        if isinstance(product, Expression):
            mean = (one + other) * product / (one * after + other * before)
            slopes.append(where(product > 0.0, mean, 0.0))
        else:
            slopes.append((one + other) * product / (one * after + other * before) if product > 0.0 else 0.0)
    slopes.append(_end_slope(chords[-1], chords[-2], widths[-1], widths[-2]))
    return slopes


def _end_slope(own: Quantity, next_one: Quantity, width: Quantity, next_width: Quantity) -> Quantity:
    """Slope of the parabola through three knots, where that keeps the profile monotone."""
    from kiessig.functions import absolute, where

    slope = ((2.0 * width + next_width) * own - width * next_one) / (width + next_width)
    steep = where(absolute(slope) > 3.0 * absolute(own), 3.0 * own, slope)
    return where(slope * own > 0.0, where(own * next_one > 0.0, slope, steep), 0.0)
