"""Layers and the samples that they make up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError
from kiessig.materials import Material
from kiessig.parameters import (
    Expression,
    Operand,
    Parameter,
    Quantity,
    arrived,
    as_name,
    as_quantity,
    evaluate,
    free_parameters,
)

__all__ = ["Layer", "Sample", "SlabExpressions", "Slabs"]

FloatArray: TypeAlias = NDArray[np.float64]

_UNITS = {"thickness": "angstrom", "sld": "1e-6/angstrom^2", "sld_imag": "1e-6/angstrom^2", "roughness": "angstrom"}

# The automatic range of a profile: by 4 sigma an error function is within 3e-5 of its end.
_PROFILE_POINTS = 500
_PROFILE_REACH = 4.0
_PROFILE_MARGIN = 0.05
_PROFILE_LEAST_MARGIN = 10.0  # angstrom, for a lone sharp interface, which has no extent


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Layer:
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

    Raises
    ------
    InvalidValueError
        If `sld` is missing, `sld_imag` accompanies a Material, a number or the present value of a Parameter is
        outside its domain, or something is of another type. Expressions are checked when the sample is used.

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

    def __init__(
        self,
        thickness: Operand | None = None,
        sld: Operand | Material | None = None,
        sld_imag: Operand | None = None,
        roughness: Operand = 0.0,
        name: str | None = None,
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
        fields = {
            "thickness": None if thickness is None else _non_negative(thickness, owner, "thickness"),
            "sld": as_quantity(sld, owner, "sld"),
            "sld_imag": 0.0 if sld_imag is None else _non_negative(sld_imag, owner, "sld_imag"),
            "roughness": _non_negative(roughness, owner, "roughness"),
            "name": name,
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)  # the way a frozen dataclass sets its own fields

    def __or__(self, other: Layer | Sample | Material) -> Sample:
        return _join(self, other)

    def __ror__(self, other: Material) -> Sample:
        return _join(other, self)

    def __repr__(self) -> str:
        given = {"thickness": self.thickness, "sld": self.sld, "sld_imag": self.sld_imag, "roughness": self.roughness}
        parts = [f"{key}={_cell(value)}" for key, value in given.items() if value is not None]
        return f"Layer({', '.join(parts)}{'' if self.name is None else f', name={self.name!r}'})"


class Slabs(NamedTuple):
    """Numbers that the kernels take, for n inner layers, in the beam's direction.

    Attributes
    ----------
    thickness : float array, shape (n,)
        Of the inner layers, angstrom.
    sld, sld_imag : float array, shape (n + 2,)
        Of fronting, inner layers and backing, 1e-6/angstrom^2.
    roughness : float array, shape (n + 1,)
        Of the interfaces, entry j between media j and j + 1, angstrom.
    """

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray


class SlabExpressions(NamedTuple):
    """What stands behind `Slabs`: the same four as lists of float or Expression, and what only some samples have.

    Attributes
    ----------
    thickness, sld, sld_imag, roughness : list of float or Expression
        As in `Slabs`, with each repeated cell written once.
    repeats : tuple of (int, int, int), optional
        Repeated cells in the form of the kernels' argument `repeats`.
    sld_magnetic, theta_m, phi_m : list of float or Expression, optional
        Of every medium, as the arguments of `kiessig.polarised_reflectivity`; None where nothing is magnetic.
    """

    thickness: list[Quantity]
    sld: list[Quantity]
    sld_imag: list[Quantity]
    roughness: list[Quantity]
    repeats: tuple[tuple[int, int, int], ...] | None = None
    sld_magnetic: list[Quantity] | None = None
    theta_m: list[Quantity] | None = None
    phi_m: list[Quantity] | None = None


class Sample:
    """Media in the beam's direction, from the fronting to the backing.

    ``a | b | c`` is the same as ``Sample([a, b, c])``; layers, samples and materials may be joined so (of the
    first two, at least one no Material). A Sample may therefore be a piece of a larger one, such as a bilayer
    without its surroundings, and two samples join into the media of the first followed by those of the second.
    Whether it is complete is checked when it is used (`slabs`, `slab_expressions`, `sld_profile`).

    Parameters
    ----------
    layers : iterable of Layer, Sample or Material
        The media. A Material stands for a fronting or backing, without roughness.
    name : str, optional
        For tables and messages; a longer sample does not inherit it.

    Raises
    ------
    InvalidValueError
        If an entry is none of these, or there is none.

    Notes
    -----
    Layers and parameters may be shared between samples: one object has one value wherever it stands, and a fit
    of measurements on these samples refines it once (co-refinement).

    Examples
    --------
    >>> from kiessig.sample import Layer, Sample
    >>> sample = Sample([Layer(sld=0), Layer(100, sld=3.47), Layer(sld=2.07, roughness=3)])
    >>> sample.slabs().roughness
    array([0., 3.])
    """

    __slots__ = ("_layers", "_name")

    def __init__(self, layers: Iterable[Layer | Sample | Material], name: str | None = None) -> None:
        self._name = as_name(name, "Sample")
        if isinstance(layers, Layer | Material) or not isinstance(layers, Iterable):
            message = f"Sample: layers must be a list of Layers; got {arrived(layers)}"
            raise InvalidValueError(message)
        found: list[Layer] = []
        for index, item in enumerate(layers):
            if not isinstance(item, Layer | Sample | Material):
                message = f"Sample: layers must be Layers, Samples or Materials; layers[{index}] is {arrived(item)}"
                raise InvalidValueError(message)
            found.extend(_media(item))
        if not found:
            message = "Sample: at least one layer is required; got none"
            raise InvalidValueError(message)
        self._layers = tuple(found)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The media in the beam's direction."""
        return self._layers

    @property
    def name(self) -> str | None:
        """For tables and messages."""
        return self._name

    @property
    def parameters(self) -> list[Parameter]:
        """Free parameters, each once, in order of first appearance: layer by layer, then as in Layer's signature."""
        return free_parameters(quantity for layer in self._layers for quantity in _quantities(layer))

    def slab_expressions(self) -> SlabExpressions:
        """Thickness, sld, sld_imag and roughness as numbers and expressions, for recording.

        Returns
        -------
        SlabExpressions
            Lists with the lengths n, n + 2, n + 2 and n + 1 for n inner layers.

        Raises
        ------
        InvalidValueError
            If the sample is not complete: fewer than two media, an inner layer without thickness, a fronting or
            backing with one, or a fronting with roughness.
        """
        self._check_complete()
        inner = self._layers[1:-1]
        return SlabExpressions(
            [layer.thickness for layer in inner if layer.thickness is not None],
            [layer.sld for layer in self._layers],
            [layer.sld_imag for layer in self._layers],
            [layer.roughness for layer in self._layers[1:]],
        )

    def slabs(self) -> Slabs:
        """Thickness, sld, sld_imag and roughness at the present values of the parameters.

        Returns
        -------
        Slabs
            Fresh float arrays.

        Raises
        ------
        InvalidValueError
            As `slab_expressions`, or if a value is not finite, or is negative where it must not be.
        """
        slabs = Slabs(*(np.array(evaluate(items), dtype=np.float64) for items in self.slab_expressions()[:4]))
        for quantity, values, first in (
            ("thickness", slabs.thickness, 1),
            ("sld_imag", slabs.sld_imag, 0),
            ("roughness", slabs.roughness, 1),
        ):
            negative = np.flatnonzero(values < 0)
            if negative.size:
                place, value = self._place(first + int(negative[0])), float(values[negative[0]])
                message = (
                    f"Sample: {quantity} must be non-negative; {place} has {quantity} = {value} {_UNITS[quantity]}"
                )
                raise InvalidValueError(message)
        return slabs

    def sld_profile(self, z: ArrayLike | None = None, *, n_points: int | None = None) -> tuple[FloatArray, FloatArray]:
        """Compute the real scattering length density against depth.

        With interfaces at depths ``z_j``, ``z_0 = 0``, every interface contributes an error function:
        ``sld(z) = sld_0 + sum_j (sld_{j+1} - sld_j) * (1 + erf((z - z_j) / (sqrt(2) roughness_j))) / 2``, which
        is the profile that belongs to Névot and Croce's roughness factor [1]_. A roughness of 0 is a step, with
        the mean of both sides at the interface itself.

        Parameters
        ----------
        z : float array, any shape, optional
            Depths in angstrom, in the beam's direction from the first interface.
        n_points : int, optional
            Number of depths where `z` is not given, at least 2; 500 by default. They are equidistant and reach
            beyond the outer interfaces by four times the roughness and a margin of a twentieth of the whole.

        Returns
        -------
        z : float array
            The depths, angstrom.
        sld : float array, shape of `z`
            Real part, 1e-6/angstrom^2.

        Raises
        ------
        InvalidValueError
            As `slabs`, or if `z` is not real and finite, `n_points` no integer above 1, or both are given.

        Notes
        -----
        The factor and the profile correspond where each roughness is small compared with the layers beside it.

        References
        ----------
        .. [1] L. Névot, P. Croce, "Caractérisation des surfaces par réflexion rasante de rayons X. Application à
           l'étude du polissage de quelques verres silicates", Rev. Phys. Appl. 15, 761-779 (1980),
           :doi:`10.1051/rphysap:01980001503076100`
        """
        from scipy.special import erf

        slabs = self.slabs()
        interfaces = np.concatenate([[0.0], np.cumsum(slabs.thickness)])
        depths = _profile_depths(z, n_points, interfaces, slabs.roughness)
        sld = np.full(depths.shape, slabs.sld[0])
        for interface, step, roughness in zip(interfaces, np.diff(slabs.sld), slabs.roughness, strict=True):
            distance = depths - interface
            if roughness > 0:
                with np.errstate(over="ignore"):  # far from a very sharp interface: erf of infinity is 1
                    sld += step * 0.5 * (1.0 + erf(distance / (math.sqrt(2.0) * roughness)))
            else:
                sld += step * np.heaviside(distance, 0.5)
        return depths, sld

    def __or__(self, other: Layer | Sample | Material) -> Sample:
        return _join(self, other)

    def __ror__(self, other: Material) -> Sample:
        return _join(other, self)

    def __repr__(self) -> str:
        return _table(self)

    def _place(self, index: int) -> str:
        name = self._layers[index].name
        return f"layers[{index}]" if name is None else f"layers[{index}] {name!r}"

    def _check_complete(self) -> None:
        last = len(self._layers) - 1
        if last < 1:
            message = f"Sample: at least two media are required, a fronting and a backing; got only {self._place(0)}"
            raise InvalidValueError(message)
        for index, layer in enumerate(self._layers):
            inner = 0 < index < last
            if inner and layer.thickness is None:
                message = f"Sample: an inner layer must have a thickness; {self._place(index)} of {last + 1} has none"
                raise InvalidValueError(message)
            if not inner and layer.thickness is not None:
                role = "fronting (first medium)" if index == 0 else "backing (last medium)"
                message = (
                    f"Sample: the {role} must have no thickness; "
                    f"{self._place(index)} has thickness = {layer.thickness} angstrom"
                )
                raise InvalidValueError(message)
        roughness = self._layers[0].roughness
        if isinstance(roughness, Expression) or roughness != 0:
            message = (
                f"Sample: the fronting has no top interface, its roughness must be 0; {self._place(0)} has "
                f"roughness = {roughness} angstrom; an interface's roughness belongs to the layer below it"
            )
            raise InvalidValueError(message)


def _non_negative(value: Operand, owner: str, quantity: str) -> Quantity:
    return as_quantity(value, owner, quantity, unit=_UNITS[quantity], non_negative=True)


def _quantities(layer: Layer) -> Iterator[Quantity]:
    if layer.thickness is not None:
        yield layer.thickness
    yield from (layer.sld, layer.sld_imag, layer.roughness)


def _media(item: Layer | Sample | Material) -> tuple[Layer, ...]:
    if isinstance(item, Sample):
        return item.layers
    return (Layer(sld=item),) if isinstance(item, Material) else (item,)


def _join(left: Layer | Sample | Material, right: Layer | Sample | Material) -> Sample:
    if isinstance(left, Layer | Sample | Material) and isinstance(right, Layer | Sample | Material):
        return Sample([left, right])
    return NotImplemented


def _profile_depths(
    z: ArrayLike | None, n_points: int | None, interfaces: FloatArray, roughness: FloatArray
) -> FloatArray:
    if z is None:
        count = _PROFILE_POINTS if n_points is None else n_points
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 2:
            message = f"sld_profile: n_points must be an integer above 1; n_points = {count!r}"
            raise InvalidValueError(message)
        first = float(np.min(interfaces - _PROFILE_REACH * roughness))
        last = float(np.max(interfaces + _PROFILE_REACH * roughness))
        margin = _PROFILE_MARGIN * (last - first) or _PROFILE_LEAST_MARGIN
        return np.linspace(first - margin, last + margin, count)
    if n_points is not None:
        message = f"sld_profile: n_points must not be given with z; n_points = {n_points!r}"
        raise InvalidValueError(message)
    try:
        depths = np.asarray(z)
    except ValueError as error:  # ragged lists
        message = f"sld_profile: z must be an array of real numbers; {error}"
        raise InvalidValueError(message) from None
    if depths.dtype.kind not in "iuf":
        message = f"sld_profile: z must be an array of real numbers; got dtype {depths.dtype}, shape {depths.shape}"
        raise InvalidValueError(message)
    depths = depths.astype(np.float64)
    wrong = np.argwhere(~np.isfinite(depths))
    if wrong.size:
        index = ", ".join(str(place) for place in wrong[0])
        message = f"sld_profile: z must be finite; z[{index}] = {depths[tuple(wrong[0])]} angstrom"
        raise InvalidValueError(message)
    return depths


def _cell(quantity: Quantity) -> str:
    try:
        text = f"{float(quantity):.6g}"
    except InvalidValueError:
        text = "invalid"  # a table must not fail where the value does
    return text + "*" * bool(free_parameters([quantity]))


def _table(sample: Sample) -> str:
    header = ("medium", *_UNITS)
    rows = [header]
    for layer in sample.layers:
        quantities = (layer.thickness, layer.sld, layer.sld_imag, layer.roughness)
        rows.append((layer.name or "", *("-" if item is None else _cell(item) for item in quantities)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    count = len(sample.layers)
    label = "" if sample.name is None else f" {sample.name!r}"
    lines = [f"Sample{label}: {count} {'medium' if count == 1 else 'media'}"]
    for number, row in zip(["", *map(str, range(count))], rows, strict=True):
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{number:>{len(str(count - 1))}} {cells}".rstrip())
    units = "thickness, roughness: angstrom; sld, sld_imag: 1e-6/angstrom^2"
    lines.append(units + "; * depends on free parameters" * bool(sample.parameters))
    return "\n".join(lines)
