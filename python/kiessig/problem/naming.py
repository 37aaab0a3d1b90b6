"""Names of the parameters of a problem, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters import Parameter, Quantity
from kiessig.problem.patched import is_patches
from kiessig.problem.setup import NUISANCES
from kiessig.sample import Sample

if TYPE_CHECKING:
    from kiessig.problem.measurement import Measurement

__all__ = ["names_of", "not_negative"]


def names_of(parameters: Sequence[Parameter], measurements: Sequence[Measurement]) -> list[str]:
    """Return a name for each parameter, all different."""
    places: dict[Parameter, str] = {}
    for number, item in enumerate(measurements):
        where = "" if len(measurements) == 1 else f"{item.name or f'measurement {number}'} "
        for label, quantity, value in _standing(item.sample):
            if isinstance(value, Parameter):
                places.setdefault(value, f"{label} {quantity}")
        own = {name: getattr(item, name) for name in ("scale", "background", *NUISANCES)} | item.efficiencies
        for name, value in own.items():
            if isinstance(value, Parameter):
                places.setdefault(value, f"{where}{name.replace('_', ' ')}")
    given = [parameter.name for parameter in parameters if parameter.name is not None]
    for name in given:
        if given.count(name) > 1:
            message = f"Problem: parameters must have different names; {given.count(name)} are called {name!r}"
            raise InvalidValueError(message)
    names: list[str] = []
    for index, parameter in enumerate(parameters):
        name = parameter.name or places.get(parameter, f"parameter {index}")
        base, copy = name, 2
        while parameter.name is None and (name in names or name in given):
            name, copy = f"{base} ({copy})", copy + 1
        names.append(name)
    return names


def not_negative(parameters: Sequence[Parameter], measurements: Sequence[Measurement]) -> NDArray[np.bool_]:
    """Tell which parameters stand, themselves, where a negative value has no meaning."""
    found: set[Quantity] = set()
    for item in measurements:
        found.update(quantity for quantity in item._model.limited() if isinstance(quantity, Parameter))
    return np.array([parameter in found for parameter in parameters], dtype=np.bool_)


def _standing(sample: Any) -> Iterator[tuple[str, str, Quantity | None]]:
    """Layer, quantity and value of everything that a sample's layers hold, and a mixture's fractions."""
    if is_patches(sample):
        for number, patch in enumerate(sample.samples):
            for label, quantity, value in _standing(patch):
                yield f"patch {number} {label}", quantity, value
        for number, value in enumerate(sample.fractions):
            yield f"patch {number}", "fraction", value
    if not isinstance(sample, Sample):
        return
    last = len(sample.layers) - 1
    for index, layer in enumerate(sample.layers):
        label = layer.name or {0: "fronting", last: "backing"}.get(index, f"layer {index}")
        for quantity in ("thickness", "sld", "sld_imag", "roughness", "sld_magnetic", "theta_m", "phi_m"):
            yield label, quantity, getattr(layer, quantity, None)
