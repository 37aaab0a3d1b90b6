"""Samples in ORSO's simple model language, from strings and headers and back, without a network."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import DataError, InvalidValueError, UnknownNameError

pytest.importorskip("orsopy")

PLAIN = "vacuum | 10 ( Si 7 | Fe 7 ) | Si"
MODEL: dict[str, Any] = {
    "stack": "air | oxide | 5 ( A 3 | Fe2O3 2 ) | mix 4 | sub",
    "materials": {
        "Fe2O3": {"formula": "Fe2O3", "mass_density": 5.24},
        "A": {"sld": {"real": 6e-6, "imag": 1e-8}},
        "sub": {"formula": "Si", "number_density": 49.9},
    },
    "layers": {"oxide": {"thickness": 2.0, "roughness": 0.5, "material": "A"}},
    "composits": {"mix": {"composition": {"A": 0.3, "sub": 0.7}}},
    "globals": {"roughness": {"magnitude": 0.4, "unit": "nm"}},
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_stack_with_repeats() -> None:
    sample = ks.Sample.from_orso(PLAIN)
    assert [layer.name for layer in sample.layers] == ["vacuum", "Si", "Fe", "Si"]
    assert sample.slab_expressions().repeats == ((0, 2, 10),)
    slabs = sample.slabs()
    assert slabs.thickness.tolist() == [70.0] * 20  # the language's lengths are in nm
    assert slabs.roughness.tolist() == [3.0] * 21  # and its roughness is 0.3 nm where none is given
    iron, silicon = (ks.Material(formula, radiation="neutron") for formula in ("Fe", "Si"))
    assert slabs.sld[:3].tolist() == [0.0, silicon.sld, iron.sld]
    assert slabs.sld_imag[2] == iron.sld_imag


def test_materials_layers_mixtures_and_defaults() -> None:
    sample = ks.Sample.from_orso(MODEL)
    slabs = sample.slabs()
    assert slabs.thickness.tolist() == [20.0, *[30.0, 20.0] * 5, 40.0]
    assert slabs.roughness.tolist() == [5.0, *[4.0] * 12]
    oxide = ks.Material("Fe2O3", density=5.24, radiation="neutron")
    assert slabs.sld[2:4] == pytest.approx([6.0, oxide.sld], rel=1e-12)
    assert slabs.sld_imag[2] == pytest.approx(0.01, rel=1e-12)
    # 49.9 atoms of silicon in a cubic nanometre, each with 4.1507 fm
    assert slabs.sld[-1] == pytest.approx(49.9e-3 * 41.507, rel=1e-4)
    assert slabs.sld[-2] == pytest.approx(0.3 * 6.0 + 0.7 * slabs.sld[-1], rel=1e-12)
    air = ks.Material("N8O2", density=1.225e-3, radiation="neutron")
    assert slabs.sld[0] == pytest.approx(air.sld, rel=1e-12)


def test_x_rays_and_moments() -> None:
    sample = ks.Sample.from_orso("air | Fe 5 | Si", radiation="x-ray", wavelength=1.54)
    assert sample.slabs().sld[1] == ks.Material("Fe", radiation="x-ray", wavelength=1.54).sld
    iron = {"formula": "Fe", "number_density": 84.9, "magnetic_moment": 2.2}
    sample = ks.Sample.from_orso({"stack": "vacuum | iron 5 | Si", "materials": {"iron": iron}})
    # 84.9 atoms in a cubic nanometre with 2.2 Bohr magnetons each are 1732 kA/m
    assert sample.magnetic_slabs().sld_magnetic[1] == pytest.approx(ks.magnetic_sld(1732.0), rel=1e-3)


@pytest.mark.parametrize("model", [PLAIN, MODEL])
def test_round_trip(model: Any) -> None:
    first = ks.Sample.from_orso(model)
    described = first.to_orso()
    second = ks.Sample.from_orso(described)
    for one, other in zip(first.slabs(), second.slabs(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-14)  # factors of 1e6 and back
    assert second.cells == first.cells
    assert second.to_orso()["stack"] == described["stack"]


def test_names_that_the_language_would_misread() -> None:
    sample = ks.Sample(
        [
            ks.Layer(sld=0),
            ks.Layer(10, sld=1.0, name="film 2"),
            ks.Layer(20, sld=2.0, name="film 2"),
            ks.Layer(30, sld=3.0, name="a | (b)"),
            ks.Layer(40, sld=4.0, name="Fe"),
            ks.Layer(sld=2.07, roughness=3),
        ]
    )
    back = ks.Sample.from_orso(sample.to_orso())
    assert back.slabs().thickness.tolist() == [10, 20, 30, 40]
    assert back.slabs().sld == pytest.approx([0, 1, 2, 3, 4, 2.07])
    assert back.slabs().roughness.tolist() == [0, 0, 0, 0, 3]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("air | SiO2 2 | Si", "material 'SiO2' is not known; it states neither mass_density, number_density nor sld"),
        ("air | polymer 2 | Si", "material 'polymer' is not known; 'polymer' is no chemical formula"),
        ("air | Fe 3", "the ends of the stack must have no thickness"),
        ("air | (Fe 3", "stack must close all of its brackets"),
        ("Si", "stack must begin and end with a medium"),
        (3, "model must be a stack string or a mapping with a 'stack'; got 3"),
        ({"layers": {}}, "model must be a stack string or a mapping with a 'stack'"),
        (
            {
                "stack": "air | a 3 | Si",
                "materials": {"a": {"formula": "Fe", "mass_density": {"magnitude": 1, "unit": "oz"}}},
            },
            "the unit of mass_density must be one of g/cm",
        ),
        (
            {
                "stack": "air | f | Si",
                "sub_stacks": {"f": {"sub_stack_class": "FunctionTwoElements", "material1": "Fe", "material2": "Si"}},
            },
            "sub stacks must be of the class 'SubStack'; got 'FunctionTwoElements'",
        ),
    ],
)
def test_what_is_missing_is_named(model: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^from_orso: {message}") as caught:
        ks.Sample.from_orso(model)
    assert str(caught.value).count("\n") < 2


def test_other_refusals() -> None:
    with pytest.raises(UnknownNameError, match="radiation must be 'neutron' or 'x-ray'"):
        ks.Sample.from_orso(PLAIN, radiation="gamma")
    magnetic = ks.Layer(sld=0) | ks.Layer(10, sld=8, sld_magnetic=5, name="Fe") | ks.Layer(sld=2)
    with pytest.raises(InvalidValueError, match="the language has no magnetic SLD; layers"):
        magnetic.to_orso()


HEADER = """# # ORSO reflectivity data file | 1.1 standard | YAML encoding | https://www.reflectometry.org/
# data_source:
#   owner: {{name: someone, affiliation: somewhere}}
#   experiment: {{title: t, instrument: i, start_date: 2024-01-01T00:00:00{probe}}}
#   sample:
#     name: film
{model}
#   measurement:
#     instrument_settings:
#       incident_angle: {{min: 0.1, max: 1.0, unit: deg}}
#       wavelength: {{min: 2.0, max: 9.0, unit: angstrom}}
#     data_files: []
# reduction: {{software: {{name: none}}}}
# columns:
# - {{name: Qz, unit: 1/angstrom}}
# - {{name: R}}
1.0e-02 1.0
2.0e-02 0.1
"""


def write(folder: Path, *, probe: str = ", probe: neutron", model: str = f"#     model: {{stack: {PLAIN}}}") -> Path:
    path = folder / "film.ort"
    path.write_text(HEADER.format(probe=probe, model=model), encoding="utf-8")
    return path


def test_a_header_builds_the_sample(tmp_path: Path) -> None:
    sample = ks.load_sample(write(tmp_path))
    np.testing.assert_array_equal(sample.slabs().sld, ks.Sample.from_orso(PLAIN).slabs().sld)
    (data,) = ks.load(write(tmp_path))
    assert len(data) == 2


def test_headers_without_model_or_probe(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must describe its sample by a model in the header; it has none"):
        ks.load_sample(write(tmp_path, model="#     category: film"))
    path = write(tmp_path, probe=", probe: electron")
    with pytest.raises(DataError, match="must state neutrons or x-rays as its probe; pass radiation="):
        ks.load_sample(path)
    assert len(ks.load_sample(path, radiation="neutron").layers) == 4
    with pytest.raises(DataError, match="data_set must be from 0 to 0"):
        ks.load_sample(path, data_set=1)
