"""ORSO's simple model language for samples: strings, header entries, and back.

orsopy reads the language; what the materials are is computed here, from periodictable's tables, so that nothing is
asked of a data base in the network.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from kiessig.components.stack import Stack
from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.layer import Component, Layer
from kiessig.materials import Material, magnetic_sld
from kiessig.parameters import arrived, evaluate
from kiessig.sample import Sample

__all__ = ["sample_from_orso", "sample_to_orso"]

_BOHR_MAGNETON = 9.2740100783e3  # kA/m of one in every cubic angstrom (CODATA 2018)
_ATOMIC_MASS = 1.66053906660  # g/cm^3 of one unit in every cubic angstrom (CODATA 2018)
_LENGTHS = {"angstrom": 1.0, "Angstrom": 1.0, "nm": 10.0, "um": 1e4, "mm": 1e7, "m": 1e10}
_UNITS = {  # as the language has them, to those in which values are needed
    "thickness": _LENGTHS,
    "roughness": _LENGTHS,
    "mass_density": {"g/cm^3": 1.0, "kg/m^3": 1e-3},
    "number_density": {"1/angstrom^3": 1.0, "1/nm^3": 1e-3, "1/cm^3": 1e-24, "1/m^3": 1e-30},
    "sld": {"1/angstrom^2": 1e6, "1e-6/angstrom^2": 1.0, "1/nm^2": 1e4, "1/cm^2": 1e-10, "1/m^2": 1e-14},
    "magnetic_moment": {"muB": 1.0, "mu_B": 1.0},
}
_ORSOPY = threading.Lock()  # its resolvers are a list of the module


def sample_from_orso(
    model: str | Mapping[str, Any], *, radiation: str = "neutron", wavelength: float | None = None
) -> Sample:
    """Build a sample from ORSO's simple model language; see `Sample.from_orso`."""
    described = {"stack": model} if isinstance(model, str) else model
    if not isinstance(described, Mapping) or not isinstance(described.get("stack"), str):
        message = f"from_orso: model must be a stack string or a mapping with a 'stack'; got {arrived(model)}"
        raise InvalidValueError(message)
    stacks = [described["stack"], *_stacks(described.get("sub_stacks"))]
    for stack in stacks:
        if stack.count("(") != stack.count(")"):
            message = f"from_orso: stack must close all of its brackets; got {stack!r}"
            raise InvalidValueError(message)
    blocks = _resolved(dict(described))
    reader = _Reader(radiation, wavelength)
    parts = [reader.component(block) for block in blocks]
    if len(parts) < 2 or not isinstance(parts[0], Layer) or not isinstance(parts[-1], Layer):
        message = (
            f"from_orso: stack must begin and end with a medium, as in 'air | SiO2 2 | Si'; got {described['stack']!r}"
        )
        raise InvalidValueError(message)
    # the ends of the language's stacks have no thickness, and a fronting has no interface above
    parts[0], parts[-1] = _end(parts[0], fronting=True), _end(parts[-1], fronting=False)
    return Sample(parts)


def sample_to_orso(sample: Sample) -> dict[str, Any]:
    """Describe a sample in ORSO's simple model language; see `Sample.to_orso`."""
    sample.slabs()  # raises where it is not complete, or has no values
    densities = sample.densities()
    layers: dict[str, Any] = {}
    words: list[str] = []
    for index, layer in enumerate(sample.layers):
        if layer.is_magnetic:
            message = f"to_orso: the language has no magnetic SLD; layers[{index}] {layer.name!r} is magnetic"
            raise InvalidValueError(message)
        name = _free_name(layer.name or f"layer {index}", layers)
        sld, sld_imag = evaluate(densities[index])
        material = {"sld": {"real": 1e-6 * sld, "imag": 1e-6 * sld_imag, "unit": "1/angstrom^2"}}
        thickness = 0.0 if layer.thickness is None else evaluate([layer.thickness])[0]
        layers[name] = {
            "thickness": thickness,
            "roughness": evaluate([layer.roughness])[0],
            "material": material,
        }
        words.append(name)
    stack: list[str] = []
    done = 0
    for start, stop, count in sample.cells:
        stack += [*words[done:start], f"{count} ( {' | '.join(words[start:stop])} )"]
        done = stop
    stack += words[done:]
    return {"stack": " | ".join(stack), "layers": layers, "globals": {"length_unit": "angstrom"}}


class _Reader:
    """Makes components of orsopy's blocks."""

    def __init__(self, radiation: str, wavelength: float | None) -> None:
        if radiation not in ("neutron", "x-ray"):
            message = f"from_orso: radiation must be 'neutron' or 'x-ray'; got {radiation!r}"
            raise UnknownNameError(message)
        self.radiation, self.wavelength = radiation, wavelength

    def component(self, block: Any) -> Component:
        if getattr(block, "sub_stack_class", None) == "SubStack":
            inner = [self.component(item) for item in block.sequence]
            if block.repetitions == 1 and len(inner) == 1:
                return inner[0]
            return Stack(inner, block.repetitions)
        name = block.original_name or getattr(block.material, "original_name", None) or None
        if block.material is None:
            mixed = block._composition_materials
            material, moment = self.mixture(block.composition, mixed, name), None
        else:
            material, moment = self.material(block.material, name)
        label = material.name if name is None else str(name)
        return Layer(
            _real(block.thickness, "thickness", label),
            sld=material,
            roughness=_real(block.roughness, "roughness", label),
            name=label,
            sld_magnetic=moment or 0.0,
        )

    def material(self, given: Any, name: str | None) -> tuple[Material, float | None]:
        """Return a material and its magnetic SLD, if it has one."""
        if hasattr(given, "composition"):
            return self.mixture(given.composition, given._composition_materials, name), None
        label = name or given.original_name or given.formula
        share = 1.0 if given.relative_density is None else float(given.relative_density)
        if given.sld is not None:
            if given.magnetic_moment is not None:
                raise InvalidValueError(_unknown(label, "a magnetic moment needs a formula and a density, not an sld"))
            value = share * _converted(given.sld, "sld", label)
            # files have both signs of the imaginary part, and nothing in a sample amplifies a beam
            return Material(sld=value.real, sld_imag=abs(value.imag), name=label), None
        if not given.formula:
            raise InvalidValueError(_unknown(label, "it has neither sld nor formula"))
        density = self.density(given, label)
        made = Material(
            given.formula,
            density=None if density is None else share * density,
            radiation=self.radiation,
            wavelength=self.wavelength,
            name=label,
        )
        if density is None and share != 1.0:
            made = Material(
                given.formula,
                density=share * evaluate([made.density or 0.0])[0],
                radiation=self.radiation,
                wavelength=self.wavelength,
                name=label,
            )
        if given.magnetic_moment is None:
            return made, None
        moment = _real(given.magnetic_moment, "magnetic_moment", label)
        per_volume = evaluate([made.density or 0.0])[0] / _ATOMIC_MASS / float(_formula(given.formula, label).mass)
        return made, evaluate([magnetic_sld(moment * per_volume * _BOHR_MAGNETON)])[0]

    def density(self, given: Any, label: str | None) -> float | None:
        """Return g/cm^3, or None where a table has it."""
        if given.mass_density is not None:
            return _real(given.mass_density, "mass_density", label)
        compound = _formula(given.formula, label)
        if given.number_density is not None:
            per_volume = _real(given.number_density, "number_density", label)
            return per_volume * _ATOMIC_MASS * float(compound.mass)
        if len(compound.atoms) == 1 and compound.density is not None:
            return None
        message = _unknown(
            label, "it states neither mass_density, number_density nor sld, and only elements have a density in tables"
        )
        raise InvalidValueError(message)

    def mixture(self, shares: Mapping[str, float], materials: Mapping[str, Any], name: str | None) -> Material:
        parts = [self.material(materials[key], key)[0] for key in shares]
        return Material.mixture(parts, [float(share) for share in shares.values()], name=name)


def _formula(formula: str, label: str | None) -> Any:
    import periodictable

    try:
        return periodictable.formula(formula)
    except Exception as error:  # of any type: whatever its parser stumbles over
        message = _unknown(label, f"{formula!r} is no chemical formula, and the model describes nothing of that name")
        raise InvalidValueError(message) from error


def _unknown(label: str | None, reason: str) -> str:
    return f"from_orso: material {label!r} is not known; {reason}"


def _stacks(sub_stacks: Any) -> list[str]:
    entries = [item for item in sub_stacks.values() if isinstance(item, Mapping)] if sub_stacks else []
    for item in entries:
        if item.get("sub_stack_class", "SubStack") != "SubStack":
            message = f"from_orso: sub stacks must be of the class 'SubStack'; got {item['sub_stack_class']!r}"
            raise InvalidValueError(message)
    return [item["stack"] for item in entries if isinstance(item.get("stack"), str)]


def _resolved(described: dict[str, Any]) -> list[Any]:
    """Return orsopy's layers and sub stacks, all names resolved."""
    from orsopy.fileio.model_language import SampleModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of entries that are not in its schema; the ones used here are checked here
        try:
            model = SampleModel.from_dict(described)
            with _offline():
                blocks: list[Any] = model.resolve_stack()
        except Exception as error:  # of any type: whatever the parser stumbles over
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"from_orso: the model cannot be read by orsopy: {reason[:200]}"
            raise InvalidValueError(message) from error
    return blocks


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Keep orsopy from asking a data base in the network for the names that it does not know."""
    from orsopy.fileio import model_building_blocks as blocks
    from orsopy.utils.density_resolver import MaterialResolver

    class Nowhere(MaterialResolver):  # type: ignore[misc]  # orsopy has no types here
        comment = ""

        def resolve_item(self, name: str) -> None:
            return None

        def resolve_formula(self, formula: object) -> float:
            raise ValueError(formula)

        def resolve_elemental(self, formula: object) -> float:
            raise ValueError(formula)

    with _ORSOPY:
        kept = list(blocks.DENSITY_RESOLVERS)
        blocks.DENSITY_RESOLVERS[:] = [Nowhere()]
        try:
            yield
        finally:
            blocks.DENSITY_RESOLVERS[:] = kept


def _converted(value: Any, quantity: str, label: object) -> complex:
    """Return a Value or ComplexValue in the unit of `_UNITS`."""
    known = _UNITS[quantity]
    unit = "" if value.unit is None else str(value.unit).replace(" ", "").replace("**", "^")
    if unit not in known:
        message = f"from_orso: the unit of {quantity} must be one of {', '.join(known)}; {label!r} has {value.unit!r}"
        raise InvalidValueError(message)
    magnitude = getattr(value, "magnitude", None)
    number = complex(value.real, value.imag or 0.0) if magnitude is None else complex(magnitude)
    return known[unit] * number


def _real(value: Any, quantity: str, label: object) -> float:
    return _converted(value, quantity, label).real


def _end(layer: Layer, *, fronting: bool) -> Layer:
    if layer.thickness:
        message = f"from_orso: the ends of the stack must have no thickness; {layer!r} has one"
        raise InvalidValueError(message)
    return Layer(
        sld=layer.sld,
        sld_imag=layer.sld_imag,
        roughness=0.0 if fronting else layer.roughness,
        name=layer.name,
        sld_magnetic=layer.sld_magnetic,
    )


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that the language reads as one word: no numbers at its end, no bars or brackets."""
    plain = "".join("_" if character in "|()" else character for character in name)
    if plain.split()[-1].replace(".", "", 1).isdigit():
        plain += " layer"
    found, copy = plain, 2
    while found in taken:
        found, copy = f"{plain} #{copy}", copy + 1
    return found
