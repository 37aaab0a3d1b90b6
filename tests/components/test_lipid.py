"""Lipid leaflets and solvents: against refnx, and the relations that define them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kiessig as ks
from kiessig import _core
from kiessig.errors import InvalidValueError
from kiessig.parameters import record

EXACT = 1e-12  # relative: the same few products and quotients in another order
LIPID: dict[str, Any] = {"b_heads": 6.01e-4, "v_heads": 319.0, "b_tails": -2.92e-4, "v_tails": 782.0}


def assert_same_slabs(sample: ks.Sample, structure: Any) -> None:
    theirs = structure.slabs()
    ours = sample.slabs()
    for mine, column in zip(ours, (theirs[1:-1, 0], theirs[:, 1], theirs[:, 2], theirs[1:, 3]), strict=True):
        np.testing.assert_allclose(mine, column, rtol=EXACT, atol=EXACT)


class Bilayer:
    """refnx's documented model of a DMPC bilayer on silicon in a solvent, with 13 parameters in three contrasts."""

    def __init__(self) -> None:
        p = ks.Parameter
        self.oxide = p(12.3, bounds=(2, 30), name="oxide thickness")
        self.oxide_roughness = p(5.6, bounds=(0, 7), name="oxide roughness")
        self.oxide_solvent = p(0.1467, bounds=(0, 0.5), name="oxide solvent")
        self.area = p(56.5, bounds=(52, 65), name="area per molecule")
        self.inner_head = p(9.7, bounds=(4, 11), name="inner head")
        self.outer_head = p(8.06, bounds=(4, 11), name="outer head")
        self.tail = p(13.33, bounds=(10, 17), name="tail")
        self.last = p(0.5, bounds=(0, 5), name="solvent roughness")
        self.d2o = p(6.19, bounds=(6.1, 6.36), name="D2O")
        layer = ks.Layer(
            self.oxide,
            sld=3.47,
            roughness=self.oxide_roughness,
            name="SiO2",
            solvent="backing",
            solvent_fraction=self.oxide_solvent,
        )
        shared = LIPID | {"area": self.area, "tail_thickness": self.tail, "head_tail_roughness": 3.0}
        inner = ks.LipidLeaflet(**shared, head_thickness=self.inner_head, roughness=3.0, name="inner")
        outer = ks.LipidLeaflet(
            **shared, head_thickness=self.outer_head, roughness=0.0, reverse_monolayer=True, name="outer"
        )
        self.inner, self.outer = inner, outer
        self.samples = [
            ks.Layer(sld=2.07, name="Si") | layer | inner | outer | ks.Layer(sld=solvent, roughness=self.last)
            for solvent in (self.d2o, 2.07, -0.56)
        ]

    def structure(self, solvent: float) -> Any:
        reflect = pytest.importorskip("refnx.reflect")
        oxide = reflect.Slab(self.oxide.value, 3.47, self.oxide_roughness.value, vfsolv=self.oxide_solvent.value)
        b_heads, v_heads, b_tails, v_tails = LIPID.values()
        leaflets = [
            reflect.LipidLeaflet(
                self.area.value, b_heads, v_heads, head, b_tails, v_tails, self.tail.value, 3.0, rough, None, None, flip
            )
            for head, rough, flip in ((self.inner_head.value, 3.0, False), (self.outer_head.value, 0.0, True))
        ]
        ends = reflect.SLD(2.07)(), reflect.SLD(solvent)(0, self.last.value)
        return ends[0] | oxide | leaflets[0] | leaflets[1] | ends[1]


def test_the_bilayer_has_refnx_slabs() -> None:
    rng = np.random.default_rng(3)
    model = Bilayer()
    for _ in range(5):
        for parameter in model.samples[0].parameters:
            parameter.value = rng.uniform(*parameter.bounds)
        for sample, solvent in zip(model.samples, (model.d2o.value, 2.07, -0.56), strict=True):
            assert_same_slabs(sample, model.structure(solvent))


def test_the_bilayer_shares_its_parameters() -> None:
    model = Bilayer()
    first, second, third = (set(sample.parameters) for sample in model.samples)
    assert len(first) == 9
    assert second == third == first - {model.d2o}


@pytest.mark.parametrize("reverse", [False, True])
def test_complex_lengths_and_own_solvents_are_refnx_s(reverse: bool) -> None:
    reflect = pytest.importorskip("refnx.reflect")
    leaflet = ks.LipidLeaflet(
        60, 6e-4 + 2e-5j, 320, 9, (-3e-4, 1e-6), 780, 14,
        roughness=4, head_tail_roughness=2, head_solvent=ks.Material(sld=6.3, sld_imag=0.02), tail_solvent=1.5,
        reverse_monolayer=reverse,
    )  # fmt: skip
    theirs = reflect.LipidLeaflet(
        60, 6e-4 + 2e-5j, 320, 9, -3e-4 + 1e-6j, 780, 14, 2, 4, reflect.SLD(6.3 + 0.02j), 1.5, reverse
    )
    assert_same_slabs(
        ks.Layer(sld=2.07) | leaflet | ks.Layer(sld=-0.56, roughness=3),
        reflect.SLD(2.07)() | theirs | reflect.SLD(-0.56)(0, 3),
    )


def test_fractions_are_expressions() -> None:
    model = Bilayer()
    assert model.inner.head_fraction.value == 319.0 / (model.area.value * model.inner_head.value)
    assert model.inner.tail_fraction.value == 782.0 / (model.area.value * model.tail.value)


def test_hydration() -> None:
    waters = ks.Parameter(8.0, bounds=(0, 20), name="waters")
    leaflet = ks.LipidLeaflet.of_hydration(60.0, 6e-4, 320.0, waters, -3e-4, 780.0, v_water=30.0, name="lipid")
    heads, tails = leaflet.layers
    assert (heads.name, tails.name) == ("lipid heads", "lipid tails")
    # water fills what waters need of the heads' volume, and tails are dry
    assert heads.solvent_fraction.value == pytest.approx(240.0 / 560.0, rel=1e-14)
    assert float(tails.solvent_fraction) == pytest.approx(0.0, abs=1e-15)
    assert float(tails.thickness) == 13.0
    # the same number of molecules stands in both layers
    dry = (1.0 - heads.solvent_fraction.value) * heads.thickness.value
    assert dry == pytest.approx(320.0 / 60.0, rel=1e-14)


def test_derivatives_of_the_slabs() -> None:
    sample = Bilayer().samples[0]
    slabs = sample.slab_expressions()
    parameters = sample.parameters
    tape = _core.Tape(*record([*slabs.thickness, *slabs.sld, *slabs.sld_imag, *slabs.roughness], parameters))
    x = np.array([parameter.value for parameter in parameters])
    _, jacobian = tape.jacobian(x)
    for column in range(len(x)):
        h = 1e-5 * max(abs(x[column]), 1.0)
        step = np.where(np.arange(len(x)) == column, h, 0.0)
        slope = (np.asarray(tape.values(x + step)) - np.asarray(tape.values(x - step))) / (2 * h)
        # central differences: h^2 of truncation, and roundoff of 1e-16 * 10 / h
        np.testing.assert_allclose(jacobian[:, column], slope, rtol=1e-7, atol=1e-9)


class TestSolvents:
    def test_the_medium_at_either_end_or_a_material(self) -> None:
        water = ks.Material(sld=6.36, sld_imag=0.4)
        for solvent, expected in (("fronting", 2.0), ("backing", 6.36), (water, 6.36), (6.36, 6.36)):
            film = ks.Layer(50, sld=1.0, sld_imag=0.2, solvent=solvent, solvent_fraction=0.25)
            slabs = (ks.Layer(sld=2.0) | film | water).slabs()
            assert slabs.sld[1] == pytest.approx(0.75 + 0.25 * expected, rel=EXACT)
            absorbed = 0.4 if solvent in ("backing", water) else 0.0
            assert slabs.sld_imag[1] == pytest.approx(0.15 + 0.25 * absorbed, rel=EXACT)

    def test_nothing_and_everything(self) -> None:
        dry = ks.Layer(sld=2.0) | ks.Layer(50, sld=1.0, solvent="backing", solvent_fraction=0) | ks.Layer(sld=6)
        assert dry.slabs().sld.tolist() == [2.0, 1.0, 6.0]
        wet = ks.Layer(sld=2.0) | ks.Layer(50, sld=1.0, solvent="backing", solvent_fraction=1) | ks.Layer(sld=6)
        assert wet.slabs().sld.tolist() == [2.0, 6.0, 6.0]

    def test_the_fraction_is_a_parameter_of_the_sample(self) -> None:
        fraction = ks.Parameter(0.2, bounds=(0, 1), name="water")
        film = ks.Layer(50, sld=1.0, solvent="backing", solvent_fraction=fraction)
        assert film.parameters == [fraction]
        sample = ks.Layer(sld=2.0) | film | ks.Layer(sld=6)
        assert sample.slab_expressions().sld[1].value == pytest.approx(2.0, rel=EXACT)
        assert "2*" in repr(sample)
        assert "solvent='backing', solvent_fraction=0.2*" in repr(film)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"solvent": "backing"},
                "solvent and solvent_fraction must be given together; solvent_fraction is missing",
            ),
            ({"solvent_fraction": 0.1}, "solvent and solvent_fraction must be given together; solvent is missing"),
            ({"solvent": "substrate", "solvent_fraction": 0.1}, "solvent must be 'fronting', 'backing', a Material or"),
            ({"solvent": "backing", "solvent_fraction": 1.5}, "solvent_fraction must be from 0 to 1"),
            ({"solvent": "backing", "solvent_fraction": -0.5}, "solvent_fraction must be non-negative"),
        ],
    )
    def test_bad_arguments(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(InvalidValueError, match=f"^Layer 'film': {message}"):
            ks.Layer(10, sld=1.0, name="film", **arguments)

    def test_a_solvent_that_is_solvated_by_itself(self) -> None:
        backing = ks.Layer(sld=6, solvent="backing", solvent_fraction=0.1)
        with pytest.raises(InvalidValueError, match="must not have the backing as"):
            (ks.Layer(sld=0) | backing).slabs()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"area": 0}, "area must be positive; area = 0 angstrom"),
        ({"v_heads": -1.0}, "v_heads must be non-negative"),
        ({"head_thickness": ks.Parameter(0.0)}, "head_thickness must be positive"),
        ({"b_heads": (1e-4, 2e-4, 3e-4)}, "b_heads must be a number or a pair"),
        ({"b_tails": 1e-4 - 1e-6j}, "the imaginary part of b_tails must be non-negative"),
    ],
)
def test_bad_leaflets(changes: dict[str, Any], message: str) -> None:
    good = LIPID | {"area": 60, "head_thickness": 9, "tail_thickness": 14}
    with pytest.raises(InvalidValueError, match=f"^LipidLeaflet 'x': {message}"):
        ks.LipidLeaflet(**(good | changes), name="x")


def test_heads_that_do_not_fit() -> None:
    with pytest.raises(InvalidValueError, match="solvent_fraction must be non-negative"):
        ks.LipidLeaflet(**LIPID, area=30, head_thickness=4, tail_thickness=30)
