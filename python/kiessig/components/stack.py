"""Layers that are repeated as a cell."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kiessig.errors import InvalidValueError
from kiessig.layer import Component, Layer
from kiessig.materials import Material
from kiessig.parameters import Operand, arrived, as_name
from kiessig.sample import Sample, written_out

__all__ = ["Stack"]


class Stack(Component):
    """A cell of layers, repeated.

    The kernels take the cell to its power, at a cost that grows with the logarithm of the count.

    Parameters
    ----------
    layers : iterable of Layer or other Component, or Sample
        The cell, in the beam's direction; all of its layers have a thickness.
    repeats : int
        How often it stands, at least once.
    roughness : float, Parameter or Expression, optional
        Of the stack's top interface, the one to what lies before it, in angstrom. When not given it is that of the
        cell's first layer, which always is the roughness between two repeats.
    name : str, optional
        For tables and messages.

    Raises
    ------
    InvalidValueError
        If `repeats` is no integer above 0, or the cell is empty or has a layer without thickness.

    Notes
    -----
    Of nested stacks, the kernels repeat one level; the other is written out, whichever makes fewer layers. A sample
    with magnetic layers has all of its stacks written out.

    Examples
    --------
    >>> import kiessig as ks
    >>> period = ks.Parameter(70, bounds=(60, 80), name="period")
    >>> ratio = ks.Parameter(0.4, bounds=(0.2, 0.8), name="Ni share")
    >>> nickel = ks.Layer(ratio * period, sld=9.4, roughness=4, name="Ni")
    >>> titanium = ks.Layer((1 - ratio) * period, sld=-1.9, roughness=5, name="Ti")
    >>> sample = ks.Layer(sld=0) | ks.Stack([nickel, titanium], repeats=20) | ks.Layer(sld=2.07, roughness=3)
    >>> sample.slab_expressions().repeats
    ((0, 2, 20),)
    >>> len(sample.slabs().thickness)
    40
    """

    def __init__(
        self,
        layers: Iterable[Component] | Sample,
        repeats: int,
        *,
        roughness: Operand | None = None,
        name: str | None = None,
    ) -> None:
        self.name = as_name(name, "Stack")
        owner = "Stack" if name is None else f"Stack {name!r}"
        if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
            message = f"{owner}: repeats must be an integer of at least 1; got {arrived(repeats)}"
            raise InvalidValueError(message)
        cell = layers if isinstance(layers, Sample) else _joined(layers, owner)
        for index, layer in enumerate(cell.layers):
            if layer.thickness is None:
                label = "" if layer.name is None else f" {layer.name!r}"
                message = f"{owner}: every layer must have a thickness; layers[{index}]{label} has none"
                raise InvalidValueError(message)
        self.repeats = int(repeats)
        self._layers, self._cells = _repeated(cell, self.repeats)
        if roughness is not None:
            first, *others = _once(cell)
            rest = _repeated(cell, self.repeats - 1) if self.repeats > 1 else ((), ())
            top = (with_roughness(first, roughness), *others)
            self._layers = (*top, *rest[0])
            self._cells = tuple((len(top) + start, len(top) + stop, count) for start, stop, count in rest[1])

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the beam's direction, each repeated cell once."""
        return self._layers

    @property
    def cells(self) -> tuple[tuple[int, int, int], ...]:
        """Repeated cells: (start, stop, count) says that ``layers[start:stop]`` stand count times."""
        return self._cells

    def __repr__(self) -> str:
        return f"Stack({list(self._layers)!r}, repeats={self.repeats})"


def with_roughness(layer: Layer, roughness: Operand) -> Layer:
    """Return the layer with another roughness of its top interface; the parameters are the same objects."""
    return Layer(
        layer.thickness,
        layer.sld,
        layer.sld_imag,
        roughness,
        layer.name,
        solvent=layer.solvent,  # type: ignore[arg-type]  # one of the two names, as checked by the layer
        solvent_fraction=None if layer.solvent is None else layer.solvent_fraction,
        sld_magnetic=layer.sld_magnetic,
        theta_m=layer.theta_m,
        phi_m=layer.phi_m,
    )


def _joined(layers: Iterable[Component], owner: str) -> Sample:
    if isinstance(layers, Component | Material) or not isinstance(layers, Iterable):
        message = f"{owner}: layers must be a list of Layers, or a Sample; got {arrived(layers)}"
        raise InvalidValueError(message)
    listed = list(layers)
    for index, item in enumerate(listed):
        if not isinstance(item, Component):
            message = f"{owner}: layers must be Layers or other Components; layers[{index}] is {arrived(item)}"
            raise InvalidValueError(message)
    if not listed:
        message = f"{owner}: at least one layer is required; got none"
        raise InvalidValueError(message)
    return Sample(listed)


def _once(cell: Sample) -> tuple[Layer, ...]:
    """Return one cell with its own repeats written out."""
    return tuple(cell.layers[place] for place in written_out(len(cell.layers), cell.cells))


def _repeated(cell: Sample, repeats: int) -> tuple[tuple[Layer, ...], tuple[tuple[int, int, int], ...]]:
    """Return layers and cells of a repeated cell, with the cell's own repeats or those of the whole written out."""
    if repeats == 1:
        return cell.layers, cell.cells
    flat, n = _once(cell), len(cell.layers)
    if len(flat) <= repeats * n:
        return flat, ((0, len(flat), repeats),)
    cells = [(i * n + start, i * n + stop, count) for i in range(repeats) for start, stop, count in cell.cells]
    return cell.layers * repeats, tuple(cells)
