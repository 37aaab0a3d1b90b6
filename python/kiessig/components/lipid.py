"""Half of a lipid bilayer, or a monolayer."""

from __future__ import annotations

from typing import Any, TypeAlias

from kiessig.errors import InvalidValueError
from kiessig.layer import Component, Layer, Solvent, is_zero
from kiessig.parameters import Operand, Parameter, Quantity, as_name, as_quantity

__all__ = ["LipidLeaflet"]

ScatteringLength: TypeAlias = Operand | complex | tuple[Operand, Operand]

_PER_SQUARE_ANGSTROM = 1e6  # b / V in 1/angstrom^2 is so many 1e-6/angstrom^2


class LipidLeaflet(Component):
    r"""A leaflet of lipids: a layer of heads and a layer of tails that share the area of a molecule.

    Every molecule fills its area A, so that the part of a region of thickness d that its V are is

    .. math::

        \phi = \frac{V}{A d}, \qquad \rho = \phi \frac{b}{V} + (1 - \phi) \rho_{solvent}

    and solvent has the rest [1]_. Arguments have refnx's names and order of meaning.

    Parameters
    ----------
    area : float, Parameter or Expression
        Area per molecule, angstrom^2, positive.
    b_heads, b_tails : float, Parameter, Expression, complex, or a pair of real and imaginary part
        Sum of the scattering lengths of a molecule's head or tails, angstrom. An imaginary part absorbs where it is
        positive, as in `kiessig.Layer`.
    v_heads, v_tails : float, Parameter or Expression
        Volume of a molecule's head or tails, angstrom^3, positive.
    head_thickness, tail_thickness : float, Parameter or Expression
        Angstrom.
    roughness : float, Parameter or Expression
        Of the leaflet's top interface, to what lies before it, angstrom.
    head_tail_roughness : float, Parameter or Expression
        Of the interface between heads and tails, angstrom.
    head_solvent, tail_solvent : "backing", "fronting", Material, float, Parameter or Expression
        What fills the rest of the two regions; see `kiessig.Layer`.
    reverse_monolayer : bool
        False: the beam meets the heads first. True: the tails.
    name : str, optional
        For tables and messages.

    Raises
    ------
    InvalidValueError
        If something is of another type or outside its domain.

    See Also
    --------
    LipidLeaflet.of_hydration : with a number of water molecules per head in place of the thickness of the heads.

    Notes
    -----
    Nothing keeps a head or its tails from needing more room than there is, a fraction phi above 1: then the solvent has
    a negative part, which is hardly meant. `head_fraction` and `tail_fraction` are expressions that bounds, priors or
    constraints can be made of.

    References
    ----------
    .. [1] A. R. J. Nelson, S. W. Prescott, refnx: neutron and X-ray reflectometry analysis in Python, J. Appl. Cryst.
       52, 193 (2019), doi:10.1107/S1600576718017296

    Examples
    --------
    A bilayer of DMPC between silicon and D2O:

    >>> import kiessig as ks
    >>> area = ks.Parameter(57, bounds=(52, 65), name="area per molecule")
    >>> tails = ks.Parameter(14, bounds=(10, 17), name="tail thickness")
    >>> lipid = dict(area=area, b_heads=6.01e-4, v_heads=319, b_tails=-2.92e-4, v_tails=782, tail_thickness=tails)
    >>> inner = ks.LipidLeaflet(**lipid, head_thickness=9, roughness=3, head_tail_roughness=3, name="inner")
    >>> outer = ks.LipidLeaflet(
    ...     **lipid, head_thickness=8, roughness=0, head_tail_roughness=3, reverse_monolayer=True, name="outer"
    ... )
    >>> sample = ks.Layer(sld=2.07, name="Si") | inner | outer | ks.Layer(sld=6.36, roughness=3, name="D2O")
    >>> sample.slabs().sld.round(3)
    array([ 2.07 ,  3.577, -0.238, -0.238,  3.229,  6.36 ])
    """

    def __init__(
        self,
        area: Operand,
        b_heads: ScatteringLength,
        v_heads: Operand,
        head_thickness: Operand,
        b_tails: ScatteringLength,
        v_tails: Operand,
        tail_thickness: Operand,
        *,
        roughness: Operand = 0.0,
        head_tail_roughness: Operand = 0.0,
        head_solvent: Solvent = "backing",
        tail_solvent: Solvent = "backing",
        reverse_monolayer: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = as_name(name, "LipidLeaflet")
        owner = "LipidLeaflet" if name is None else f"LipidLeaflet {name!r}"
        self.area = _positive(area, owner, "area", "angstrom^2")
        self.reverse_monolayer = bool(reverse_monolayer)
        solvents = {"head": head_solvent, "tail": tail_solvent}
        lengths = {"head": b_heads, "tail": b_tails}
        volumes = {"head": v_heads, "tail": v_tails}
        thicknesses = {"head": head_thickness, "tail": tail_thickness}
        first = "tail" if self.reverse_monolayer else "head"
        layers: list[Layer] = []
        fractions: dict[str, Quantity] = {}
        for part in ("tail", "head") if self.reverse_monolayer else ("head", "tail"):
            volume = _positive(volumes[part], owner, f"v_{part}s", "angstrom^3")
            thickness = _positive(thicknesses[part], owner, f"{part}_thickness", "angstrom")
            real, imaginary = _parts(lengths[part], owner, f"b_{part}s")
            fractions[part] = volume / (self.area * thickness)
            layers.append(
                Layer(
                    thickness,
                    sld=real * _PER_SQUARE_ANGSTROM / volume,
                    sld_imag=0.0 if is_zero(imaginary) else imaginary * _PER_SQUARE_ANGSTROM / volume,
                    roughness=roughness if part == first else head_tail_roughness,
                    name=f"{part}s" if name is None else f"{name} {part}s",
                    solvent=solvents[part],
                    solvent_fraction=1.0 - fractions[part],
                )
            )
        self._layers = tuple(layers)
        self.head_fraction, self.tail_fraction = fractions["head"], fractions["tail"]

    @classmethod
    def of_hydration(
        cls,
        area: Operand,
        b_heads: ScatteringLength,
        v_heads: Operand,
        waters: Operand,
        b_tails: ScatteringLength,
        v_tails: Operand,
        *,
        v_water: Operand = 30.0,
        **others: Any,
    ) -> LipidLeaflet:
        """Make a leaflet of heads with a number of water molecules each, and of dry tails.

        Both thicknesses follow: ``(v_heads + waters * v_water) / area`` and ``v_tails / area``.

        Parameters
        ----------
        area, b_heads, v_heads, b_tails, v_tails
            As for the class.
        waters : float, Parameter or Expression
            Number of water molecules in the region of one head, not negative.
        v_water : float, Parameter or Expression
            Volume of one of them, angstrom^3.
        **others
            The further keywords of the class.

        Returns
        -------
        LipidLeaflet

        Raises
        ------
        InvalidValueError
            As the class.

        Examples
        --------
        >>> import kiessig as ks
        >>> leaflet = ks.LipidLeaflet.of_hydration(60, 6e-4, 320, 8, -2.9e-4, 780)
        >>> [round(layer.thickness, 3) for layer in leaflet.layers]
        [9.333, 13.0]
        """
        owner = "LipidLeaflet.of_hydration"
        molecule = _positive(area, owner, "area", "angstrom^2")
        water = _positive(v_water, owner, "v_water", "angstrom^3")
        count = as_quantity(waters, owner, "waters", non_negative=True)
        heads = (_positive(v_heads, owner, "v_heads", "angstrom^3") + count * water) / molecule
        tails = _positive(v_tails, owner, "v_tails", "angstrom^3") / molecule
        return cls(molecule, b_heads, v_heads, heads, b_tails, v_tails, tails, **others)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Heads and tails, or tails and heads, in the beam's direction."""
        return self._layers

    def __repr__(self) -> str:
        return f"LipidLeaflet({'' if self.name is None else f'{self.name!r}: '}{self.layers[0]!r}, {self.layers[1]!r})"


def _positive(value: Operand, owner: str, argument: str, unit: str) -> Quantity:
    quantity = as_quantity(value, owner, argument, unit=unit, non_negative=True)
    if isinstance(quantity, float | Parameter) and float(quantity) == 0.0:
        message = f"{owner}: {argument} must be positive; {argument} = 0 {unit}"
        raise InvalidValueError(message)
    return quantity


def _parts(value: ScatteringLength, owner: str, argument: str) -> tuple[Quantity, Quantity]:
    if isinstance(value, complex):
        value = (value.real, value.imag)
    if isinstance(value, tuple | list):
        if len(value) != 2:
            message = f"{owner}: {argument} must be a number or a pair (real, imaginary); got {len(value)} of them"
            raise InvalidValueError(message)
        real, imaginary = value
    else:
        real, imaginary = value, 0.0
    return (
        as_quantity(real, owner, argument, unit="angstrom"),
        as_quantity(imaginary, owner, f"the imaginary part of {argument}", unit="angstrom", non_negative=True),
    )
