"""Components, and the one that all others are made of: the layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError
from kiessig.materials import Material, as_fraction, as_material
from kiessig.parameters import (
    Expression,
    Operand,
    Parameter,
    Quantity,
    as_name,
    as_quantity,
    evaluate,
    free_parameters,
)

if TYPE_CHECKING:
    from kiessig.sample import Sample

__all__ = ["UNITS", "Component", "Layer", "Slice", "Solvent", "is_zero", "short"]

FloatArray: TypeAlias = NDArray[np.float64]

UNITS = {
    "thickness": "angstrom",
    "sld": "1e-6/angstrom^2",
    "sld_imag": "1e-6/angstrom^2",
    "roughness": "angstrom",
    "sld_magnetic": "1e-6/angstrom^2",
    "theta_m": "degrees",
    "phi_m": "degrees",
}

Solvent: TypeAlias = Literal["fronting", "backing"] | Material | Operand
"""What may fill a part of a layer: a medium of the sample, a Material, or a real SLD in 1e-6/angstrom^2."""

_ENDS = ("fronting", "backing")


class Component(ABC):
    """What samples are made of: anything that knows its layers.

    A class of your own becomes a component by deriving from this one and giving `layers`; the relations between its
    arguments and its layers are arithmetic on parameters and `kiessig.functions`.

    Examples
    --------
    >>> import kiessig as ks
    >>> class Capped(ks.Component):
    ...     def __init__(self, total, cap):
    ...         self._layers = (ks.Layer(cap, sld=3.47, name="cap"), ks.Layer(total - cap, sld=6.3, name="core"))
    ...     @property
    ...     def layers(self):
    ...         return self._layers
    >>> cap = ks.Parameter(10, bounds=(0, 40), name="cap")
    >>> sample = ks.Layer(sld=0) | Capped(100, cap) | ks.Layer(sld=2.07)
    >>> sample.slabs().thickness
    array([10., 90.])
    """

    name: str | None = None

    @property
    @abstractmethod
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the beam's direction, each repeated cell once."""

    @property
    def cells(self) -> tuple[tuple[int, int, int], ...]:
        """Repeated cells: (start, stop, count) says that ``layers[start:stop]`` stand count times."""
        return ()

    @property
    def parameters(self) -> list[Parameter]:
        """Free parameters, each once, in order of first appearance: layer by layer, then as in Layer's signature."""
        return free_parameters(quantity for layer in self.layers for quantity in layer.quantities())

    def sld_profile(
        self, z: ArrayLike | None = None, *, n_points: int | None = None, part: str = "sld"
    ) -> tuple[FloatArray, FloatArray]:
        """Compute the scattering length density of the component alone against depth.

        The same medium as its first layer lies before it, and as its last layer behind it; arguments and results are
        those of `Sample.sld_profile`.

        Parameters
        ----------
        z : float array, any shape, optional
            Depths in angstrom, in the beam's direction from the component's begin.
        n_points : int, optional
            Number of depths where `z` is not given.
        part : {"sld", "sld_imag", "sld_magnetic"}
            Which density.

        Returns
        -------
        z : float array
            The depths, angstrom.
        sld : float array, shape of `z`
            1e-6/angstrom^2.
        """
        from kiessig.sample import Sample

        inner = [layer for layer in self.layers if layer.thickness is not None]
        if not inner:
            message = f"{type(self).__name__}: a profile needs a layer that has a thickness; got none"
            raise InvalidValueError(message)
        ends = [_medium_of(layer) for layer in (inner[0], inner[-1])]
        return Sample([ends[0], self, ends[1]]).sld_profile(z, n_points=n_points, part=part)

    def __or__(self, other: Component | Material) -> Sample:
        return _join(self, other)

    def __ror__(self, other: Material) -> Sample:
        return _join(other, self)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Layer(Component):
    """One medium of a sample: an inner layer, or the fronting or backing when it has no thickness.

    Parameters
    ----------
    thickness : float, Parameter or Expression, optional
        In angstrom, not negative; None (the default) for a fronting or backing, which has no end.
    sld : float, Parameter, Expression or Material
        Real part of the scattering length density, 1e-6/angstrom^2. Has no default.
    sld_imag : float, Parameter or Expression, optional
        Imaginary part, 1e-6/angstrom^2, not negative: positive absorbs. 0 when not given; not to be given with a
        Material, which brings its own.
    roughness : float, Parameter or Expression
        Of the layer's top interface, the one facing the beam: one standard deviation of its error function, in
        angstrom, not negative. A fronting has none.
    name : str, optional
        For tables and messages; the name of the Material when not given.
    solvent : "backing", "fronting", Material, float, Parameter or Expression, optional
        What fills a part of the layer's volume: the medium at that end of the sample that the layer stands in, a
        Material, or a real SLD in 1e-6/angstrom^2. `sld` and `sld_imag` are then those of the layer without it.
    solvent_fraction : float, Parameter or Expression, optional
        The volume fraction that it fills, 0 to 1; required with `solvent`.
    sld_magnetic : float, Parameter or Expression
        Magnetic scattering length density, 1e-6/angstrom^2; see `kiessig.magnetic_sld` for that of a magnetisation.
        The solvent takes nothing from it.
    theta_m, phi_m : float, Parameter or Expression
        Direction of the magnetisation, degrees: angle from x in the plane (ORSO's thetaM, 90 is parallel to a guide
        field in the plane), and angle out of the plane, as in `kiessig.polarised_reflectivity`.

    Raises
    ------
    InvalidValueError
        If `sld` is missing, `sld_imag` accompanies a Material, a number or the present value of a Parameter is
        outside its domain, one of `solvent` and its fraction is missing, or something is of another type. Expressions
        are checked when the sample is used.

    Notes
    -----
    A layer does not change after it is made; what is to vary is given as a Parameter. The same Layer, and the
    same Parameter, may stand in several samples (or several times in one): a fit of these together then refines
    it once (co-refinement).

    Examples
    --------
    >>> from kiessig.parameters import Parameter
    >>> from kiessig.sample import Layer
    >>> air = Layer(sld=0, name="air")
    >>> film = Layer(Parameter(250, bounds=(100, 400), name="thickness"), sld=6.3, roughness=5, name="film")
    >>> print(air | film | Layer(sld=2.07, roughness=3, name="silicon"))
    Sample: 3 media
      medium   thickness  sld   sld_imag  roughness
    0 air      -          0     0         0
    1 film     250*       6.3   0         5
    2 silicon  -          2.07  0         3
    thickness, roughness: angstrom; sld, sld_imag: 1e-6/angstrom^2; * depends on free parameters
    """

    thickness: Quantity | None
    sld: Quantity
    sld_imag: Quantity
    roughness: Quantity
    name: str | None
    solvent: str | Material | None
    solvent_fraction: Quantity
    sld_magnetic: Quantity
    theta_m: Quantity
    phi_m: Quantity

    def __init__(
        self,
        thickness: Operand | None = None,
        sld: Operand | Material | None = None,
        sld_imag: Operand | None = None,
        roughness: Operand = 0.0,
        name: str | None = None,
        *,
        solvent: Solvent | None = None,
        solvent_fraction: Operand | None = None,
        sld_magnetic: Operand = 0.0,
        theta_m: Operand = 90.0,
        phi_m: Operand = 0.0,
    ) -> None:
        name = as_name(name, "Layer")
        owner = "Layer" if name is None else f"Layer {name!r}"
        if sld is None:
            message = f"{owner}: sld is required; got none; give a number, Parameter, Expression or Material"
            raise InvalidValueError(message)
        if isinstance(sld, Material):
            if sld_imag is not None:
                message = f"{owner}: sld_imag must not be given with a Material, which has its own; got {sld_imag!r}"
                raise InvalidValueError(message)
            name = sld.name if name is None else name
            sld_imag, sld = sld.sld_imag, sld.sld
        if (solvent is None) != (solvent_fraction is None):
            missing = "solvent" if solvent is None else "solvent_fraction"
            message = f"{owner}: solvent and solvent_fraction must be given together; {missing} is missing"
            raise InvalidValueError(message)
        fields = {
            "thickness": None if thickness is None else _non_negative(thickness, owner, "thickness"),
            "sld": as_quantity(sld, owner, "sld"),
            "sld_imag": 0.0 if sld_imag is None else _non_negative(sld_imag, owner, "sld_imag"),
            "roughness": _non_negative(roughness, owner, "roughness"),
            "name": name,
            "solvent": None if solvent is None else as_solvent(solvent, owner, "solvent"),
            "solvent_fraction": 0.0
            if solvent_fraction is None
            else as_fraction(solvent_fraction, owner, "solvent_fraction"),
            "sld_magnetic": as_quantity(sld_magnetic, owner, "sld_magnetic"),
            "theta_m": as_quantity(theta_m, owner, "theta_m"),
            "phi_m": as_quantity(phi_m, owner, "phi_m"),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)  # the way a frozen dataclass sets its own fields

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layer itself."""
        return (self,)

    @property
    def is_magnetic(self) -> bool:
        """Whether there is a magnetic SLD, which may be 0 at the present values of parameters."""
        return not is_zero(self.sld_magnetic)

    def quantities(self) -> Iterator[Quantity]:
        """Yield all numbers and expressions that the layer has."""
        if self.thickness is not None:
            yield self.thickness
        yield from (self.sld, self.sld_imag, self.roughness)
        if isinstance(self.solvent, Material):
            yield from (self.solvent.sld, self.solvent.sld_imag)
        yield self.solvent_fraction
        if self.is_magnetic:
            yield from (self.sld_magnetic, self.theta_m, self.phi_m)

    def densities(self, fronting: Layer | None, backing: Layer | None) -> tuple[Quantity, Quantity]:
        """Give sld and sld_imag with the solvent in.

        Parameters
        ----------
        fronting, backing : Layer or None
            The ends of the sample. The layer is dry where its solvent is one of them, and it is None.

        Returns
        -------
        sld, sld_imag : float or Expression
            1e-6/angstrom^2.

        Raises
        ------
        InvalidValueError
            If the solvent is an end that itself has an end of the sample as its solvent.
        """
        solvent = self.solvent
        if isinstance(solvent, str):
            end = fronting if solvent == "fronting" else backing
            if end is not None and isinstance(end.solvent, str):
                message = (
                    f"Sample: the {solvent} is the solvent of a layer, and must not have the {end.solvent} as "
                    "its own; give it a Material as solvent"
                )
                raise InvalidValueError(message)
            solvent = None
            if end is not None:
                sld, sld_imag = end.densities(None, None)
                solvent = Material(sld=sld, sld_imag=sld_imag)
        if solvent is None:
            return self.sld, self.sld_imag
        mixed = Material(sld=self.sld, sld_imag=self.sld_imag).solvated(solvent, self.solvent_fraction)
        return mixed.sld, mixed.sld_imag

    def __repr__(self) -> str:
        given: dict[str, object] = {
            key: short(value)
            for key in ("thickness", "sld", "sld_imag", "roughness")
            if (value := getattr(self, key)) is not None
        }
        if self.name is not None:
            given["name"] = repr(self.name)
        if self.solvent is not None:
            given |= {"solvent": repr(self.solvent), "solvent_fraction": short(self.solvent_fraction)}
        if self.is_magnetic:
            given |= {key: short(getattr(self, key)) for key in ("sld_magnetic", "theta_m", "phi_m")}
        return f"Layer({', '.join(f'{key}={value}' for key, value in given.items())})"


class Slice(Layer):
    """A slice of a continuous profile: its top interface is one of the steps that stand for it, not a sharp one."""


def as_solvent(solvent: Solvent, owner: str, argument: str) -> str | Material:
    """Return the Material or the name of an end of the sample, or raise InvalidValueError on behalf of `owner`."""
    if isinstance(solvent, str):
        if solvent not in _ENDS:
            message = f"{owner}: {argument} must be 'fronting', 'backing', a Material or a number; got {solvent!r}"
            raise InvalidValueError(message)
        return solvent
    return as_material(solvent, owner, argument)


def is_zero(quantity: Quantity) -> bool:
    """Tell whether a quantity is the number 0, and not only at the present values of parameters."""
    return not isinstance(quantity, Expression) and quantity == 0.0


def short(quantity: Quantity) -> str:
    """Write a quantity for a table: its present value, with a mark where that depends on free parameters."""
    try:
        text = f"{evaluate([quantity])[0]:.6g}"
    except InvalidValueError:
        text = "invalid"  # a table must not fail where the value does
    return text + "*" * bool(free_parameters([quantity]))


def _non_negative(value: Operand, owner: str, quantity: str) -> Quantity:
    return as_quantity(value, owner, quantity, unit=UNITS[quantity], non_negative=True)


def _medium_of(layer: Layer) -> Layer:
    """Return what a layer is made of, as a medium without end."""
    solvent = layer.solvent
    if isinstance(solvent, str):  # of a sample that is not there
        solvent = None
    fraction = None if solvent is None else layer.solvent_fraction
    magnetic = {key: getattr(layer, key) for key in ("sld_magnetic", "theta_m", "phi_m")}
    return Layer(sld=layer.sld, sld_imag=layer.sld_imag, solvent=solvent, solvent_fraction=fraction, **magnetic)


def _join(left: Component | Material, right: Component | Material) -> Sample:
    from kiessig.sample import Sample

    if isinstance(left, Component | Material) and isinstance(right, Component | Material):
        return Sample([left, right])
    return NotImplemented
