"""Samples whose interfaces have other shapes than the error function, as slices that are expressions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kiessig.components.profiles import parameter_sets
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.layer import Layer, Slice
from kiessig.materials import Material
from kiessig.parameters import Quantity, as_number, evaluate, free_parameters, record
from kiessig.sample import Sample

if TYPE_CHECKING:
    from kiessig.interfaces import InterfaceShape
    from kiessig.interfaces.rules import Rule

__all__ = ["shaped_sample"]

_UNIT = 4e-6 * math.pi


def shaped_sample(
    sample: Sample, interfaces: str | InterfaceShape | Sequence[str | InterfaceShape], q_max: float, error: float
) -> Sample:
    """Slice the interfaces of a sample; see `Sample.with_interfaces`."""
    function = "with_interfaces"
    whole = sample.written_out()
    expressions = whole.slab_expressions()
    if expressions.sld_magnetic is not None:
        message = f"{function}: the sample must not be magnetic; use FunctionalProfile for its layers"
        raise InvalidValueError(message)
    limit = as_number(q_max, function, "q_max")
    bound = as_number(error, function, "error")
    if limit <= 0.0 or not 1e-8 <= bound <= 1e-2:
        message = f"{function}: q_max must be positive and error from 1e-08 to 0.01; got {limit!r} and {bound!r}"
        raise InvalidValueError(message)
    rules = _rules(_listed(interfaces, len(expressions.roughness)), whole, limit, bound)
    media = [Material(sld=sld, sld_imag=sld_imag) for sld, sld_imag in whole.densities()]
    left: list[Quantity | None] = [layer.thickness for layer in whole.layers]  # of the media between their interfaces
    for j, rule in enumerate(rules):
        if rule is not None:
            width = expressions.roughness[j]
            before, behind = left[j], left[j + 1]
            left[j] = None if before is None else before + float(rule.nodes[0]) * width
            left[j + 1] = None if behind is None else behind - float(rule.nodes[-1]) * width
    for j, (layer, thickness) in enumerate(zip(whole.layers, left, strict=True)):
        if thickness is not None and evaluate([thickness])[0] < 0.0:
            message = (
                f"{function}: interfaces must not overlap; those of layers[{j}] {layer.name!r} do, by "
                f"{-evaluate([thickness])[0]:.4g} angstrom; use kiessig.microslices, or 'nevot-croce' for one of them"
            )
            raise InvalidValueError(message)
    found: list[Layer] = []
    for j, (layer, medium, thickness) in enumerate(zip(whole.layers, media, left, strict=True)):
        above = rules[j - 1] if j else None
        if above is not None:
            width = expressions.roughness[j - 1]
            for k, gap in enumerate(np.diff(above.nodes)):
                share = float(above.levels[k + 1])
                mixed = Material.mixture([medium, media[j - 1]], [share])
                piece = Slice(float(gap) * width, sld=mixed, name=layer.name)
                object.__setattr__(piece, "q_max", limit)
                found.append(piece)
        kind = Layer if above is None or above.nodes.size == 1 else Slice
        rough = layer.roughness if above is None and j else 0.0
        found.append(kind(thickness, sld=medium, roughness=rough, name=layer.name))
    return Sample(found, sample.name)


def _listed(interfaces: str | InterfaceShape | Sequence[str | InterfaceShape], n: int) -> list[InterfaceShape | None]:
    """Return the shape of every interface, None for one that keeps its roughness."""
    from kiessig.interfaces import SHAPES, InterfaceShape, shape_named
    from kiessig.interfaces.slicing import NEVOT_CROCE

    given = [interfaces] * n if isinstance(interfaces, str | InterfaceShape) else list(interfaces)
    if len(given) != n:
        message = (
            f"with_interfaces: interfaces must be one shape or one for each of the {n} interfaces; got {len(given)}"
        )
        raise ShapeError(message)
    found: list[InterfaceShape | None] = []
    for j, item in enumerate(given):
        if isinstance(item, InterfaceShape):
            found.append(item)
        elif item == NEVOT_CROCE:
            found.append(None)
        elif item in SHAPES:
            found.append(shape_named(item))
        else:
            names = ", ".join(map(repr, (*SHAPES, NEVOT_CROCE)))
            message = f"with_interfaces: interfaces[{j}] must be an InterfaceShape or one of {names}; got {item!r}"
            raise InvalidValueError(message)
    return found


def _rules(shapes: Sequence[InterfaceShape | None], sample: Sample, q_max: float, error: float) -> list[Rule | None]:
    """Choose the steps of every interface for the hardest of several sets of parameters."""
    from kiessig._core import Tape

    slabs = sample.slab_expressions()
    outputs = [*slabs.roughness, *slabs.sld, *slabs.sld_imag]
    parameters = free_parameters(outputs)
    rows = np.asarray(Tape(*record(outputs, parameters)).values(np.array(parameter_sets(parameters))))
    rows = rows[np.isfinite(rows).all(axis=1)]
    n = len(slabs.roughness)
    widths, sld, sld_imag = np.split(rows, [n, n + len(slabs.sld)], axis=1)
    contrast = _UNIT * float((np.ptp(sld, axis=1) + sld_imag.max(axis=1)).max())
    # a wave in a medium of lower density is shorter, and one that decays is as steep
    steepest = math.sqrt(q_max**2 + 4.0 * contrast)
    chosen: list[Rule | None] = []
    for j, shape in enumerate(shapes):
        width = float(widths[:, j].max())
        rule = None if shape is None else shape.rules(error).choose(width * steepest, contrast * width**2)
        if shape is not None and rule is None:
            message = (
                f"with_interfaces: interface {j} of up to {width:g} angstrom needs too many steps up to "
                f"q_max = {q_max!r} 1/angstrom; narrow its bounds, or use a smaller q_max or a larger error"
            )
            raise InvalidValueError(message)
        chosen.append(rule)
    return chosen
