"""Samples of a model file."""

from __future__ import annotations

from typing import Any

from kiessig.materials import Material
from kiessig.model_file.entry import Entry
from kiessig.model_file.quantities import Quantities
from kiessig.sample import Layer, Sample

__all__ = ["read_sample"]

_LAYER_KEYS = ("name", "thickness", "sld", "sld_imag", "material", "roughness")
_MATERIAL_KEYS = ("formula", "density", "radiation", "wavelength")


def read_sample(entry: Entry, quantities: Quantities, name: str | None) -> Sample:
    """Read a list of layers; `name` is the sample's."""
    layers = [
        _layer(item, quantities) for item in entry.sequence("a list of layers, from the fronting to the backing,")
    ]
    with entry.located():
        sample = Sample(layers, name=name)
        sample.slabs()  # raises where the sample is not complete, or a formula gives what a layer cannot have
    return sample


def _layer(entry: Entry, quantities: Quantities) -> Layer:
    keys = entry.mapping(_LAYER_KEYS)
    name = keys["name"].text() if "name" in keys else None
    if ("sld" in keys) == ("material" in keys):
        both = "both" if "sld" in keys else "neither"
        entry.fail(f"one of 'sld' and 'material' is required; got {both}")
    if "material" in keys and "sld_imag" in keys:
        keys["sld_imag"].fail("does not go with 'material', which has its own absorption")
    given: dict[str, Any] = {}
    for key in ("thickness", "sld", "sld_imag", "roughness"):
        if key in keys:
            given[key] = quantities.read(keys[key])
            with keys[key].located():
                Layer(**{"sld": 0.0, key: given[key]})  # raises for a negative value, here where its place is known
    if "material" in keys:
        given["sld"] = _material(keys["material"], quantities, name)
    with entry.located():
        return Layer(**given, name=name)


def _material(entry: Entry, quantities: Quantities, layer: str | None) -> Material:
    keys = entry.mapping(_MATERIAL_KEYS, ["formula", "radiation"])
    formula = keys["formula"].text("a chemical formula")
    density = quantities.read(keys["density"], f"{layer or formula} density") if "density" in keys else None
    with entry.located():
        return Material(
            formula,
            density=density,
            radiation=keys["radiation"].choice(["neutron", "x-ray"]),
            wavelength=keys["wavelength"].positive("angstrom") if "wavelength" in keys else None,
        )
