"""Polymers that stand on a surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiessig.components.profiles import ContinuousProfile, Segment
from kiessig.errors import InvalidValueError
from kiessig.layer import Layer, Solvent, as_solvent, is_zero
from kiessig.materials import Material, as_fraction, as_material
from kiessig.parameters import Operand, Quantity, as_quantity

__all__ = ["PolymerBrush"]

_SLOWNESS = 4  # at the tip: power of the coordinate there, which makes (1 - s^2)^p smooth for p down to 1/2
_TIP = 0.15  # share of the length that has this coordinate: it needs more steps than equal ones do


class PolymerBrush(ContinuousProfile):
    r"""A brush of polymer in a solvent, parabolic or with another power.

    The volume fraction of polymer at a distance s from the surface is

    .. math::

        \phi(s) = \phi_0 \begin{cases} 1 & s < b \\
        \bigl(1 - ((s - b) / h)^2\bigr)^p & b \le s \le b + h \end{cases}

    which for b = 0 and p = 1 is the parabola of the strong-stretching theory [1]_, and for p = 1/2 an ellipse; refl1d's
    `PolymerBrush` is the same.

    Parameters
    ----------
    polymer : float, Parameter, Expression or Material
        What the brush consists of; a number is a real SLD, 1e-6/angstrom^2.
    solvent : "backing", "fronting", Material, float, Parameter or Expression
        What fills the rest.
    fraction : float, Parameter or Expression
        Volume fraction phi_0 at the surface, 0 to 1.
    length : float, Parameter or Expression
        Length h of the part that falls, angstrom.
    power : float, Parameter or Expression
        p, at least 0.5.
    base : float, Parameter or Expression
        Thickness b of the part that is constant, angstrom.
    grafted : {"top", "bottom"}
        Where the surface is: on the side that the beam meets first (a brush on a solid, seen through the solid), or on
        the other one.
    q_max, error, roughness, name
        See `ContinuousProfile`.

    Raises
    ------
    InvalidValueError
        As `ContinuousProfile`.

    References
    ----------
    .. [1] S. T. Milner, T. A. Witten, M. E. Cates, Theory of the grafted polymer brush, Macromolecules 21, 2610 (1988),
       doi:10.1021/ma00186a051

    Examples
    --------
    >>> import kiessig as ks
    >>> height = ks.Parameter(300, bounds=(200, 400), name="brush height")
    >>> brush = ks.PolymerBrush(1.4, "backing", fraction=0.4, length=height, q_max=0.2)
    >>> sample = ks.Layer(sld=2.07) | brush | ks.Layer(sld=6.36)
    >>> sample.sld_profile([0.1, 299.9])[1].round(1)
    array([4.4, 6.4])
    """

    def __init__(
        self,
        polymer: Operand | Material,
        solvent: Solvent,
        *,
        fraction: Operand,
        length: Operand,
        power: Operand = 1.0,
        base: Operand = 0.0,
        grafted: str = "top",
        q_max: float,
        error: float = 1e-5,
        roughness: Operand = 0.0,
        name: str | None = None,
    ) -> None:
        owner = "PolymerBrush"
        material = as_material(polymer, owner, "polymer")
        around = as_solvent(solvent, owner, "solvent")
        at_surface = as_fraction(fraction, owner, "fraction")
        exponent = as_quantity(power, owner, "power", non_negative=True)
        falling = as_quantity(length, owner, "length", unit="angstrom", non_negative=True)
        constant = as_quantity(base, owner, "base", unit="angstrom", non_negative=True)
        if grafted not in ("top", "bottom"):
            message = f"{owner}: grafted must be 'top' or 'bottom'; got {grafted!r}"
            raise InvalidValueError(message)
        if isinstance(exponent, float) and exponent < 0.5:
            message = f"{owner}: power must be at least 0.5; power = {exponent!r}"
            raise InvalidValueError(message)
        upwards = grafted == "bottom"

        def medium(share: Quantity) -> Layer:
            return Layer(sld=material, solvent=around, solvent_fraction=1.0 - share)  # type: ignore[arg-type]

        plateau = medium(at_surface)

        def at(tip: float) -> Layer:
            """Return what is there at a distance from the tip, in units of the length."""
            if tip == 0.0:
                return medium(0.0)
            if tip == 1.0:
                return plateau
            return medium(at_surface * (tip * (2.0 - tip)) ** exponent)  # 1 - s^2 with s = 1 - tip

        def slow(u: NDArray[np.float64]) -> NDArray[np.float64]:
            return u**_SLOWNESS if upwards else 1.0 - (1.0 - u) ** _SLOWNESS

        body = Segment((1.0 - _TIP) * falling, lambda u: at(_TIP + (1.0 - _TIP) * (u if upwards else 1.0 - u)))
        tip = Segment(_TIP * falling, lambda u: at(_TIP * (u if upwards else 1.0 - u) ** _SLOWNESS), slow)
        segments = [body, tip]
        if not is_zero(constant):
            segments.insert(0, Segment(constant, lambda _: plateau))
        if upwards:
            segments.reverse()
        super().__init__(segments, q_max=q_max, error=error, roughness=roughness, name=name)
