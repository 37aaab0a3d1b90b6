"""What all components have in common: joining, parameters, magnetism, mixtures, patches."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.parameters import Expression
from kiessig.plot import plot_sld_profile

AIR, SILICON = ks.Layer(sld=0, name="air"), ks.Layer(sld=2.07, roughness=3, name="silicon")


class Bilayer(ks.Component):
    """A component of a user's own."""

    def __init__(self, thickness: ks.Parameter) -> None:
        self._layers = (ks.Layer(thickness, sld=1.0), ks.Layer(2 * thickness, sld=2.0))

    @property
    def layers(self) -> tuple[ks.Layer, ...]:
        return self._layers


class TestComponents:
    def test_a_class_of_ones_own(self) -> None:
        thickness = ks.Parameter(10, bounds=(5, 20), name="d")
        bilayer = Bilayer(thickness)
        assert bilayer.parameters == [thickness]
        for sample in (AIR | bilayer | SILICON, ks.Sample([AIR, bilayer, SILICON]), AIR | (bilayer | SILICON)):
            assert sample.slabs().thickness.tolist() == [10, 20]
        twice = AIR | ks.Stack([bilayer], 2) | ks.Material(sld=6.36)
        assert twice.slabs().thickness.tolist() == [10, 20, 10, 20]
        assert bilayer.sld_profile([5.0, 20.0])[1].tolist() == [1.0, 2.0]

    def test_what_gives_no_layers_is_no_component(self) -> None:
        with pytest.raises(TypeError, match="abstract"):
            ks.Component()  # type: ignore[abstract]
        with pytest.raises(InvalidValueError, match="a profile needs a layer that has a thickness"):
            AIR.sld_profile()

    def test_copies_share_nothing_but_numbers(self) -> None:
        thickness = ks.Parameter(10, bounds=(5, 20), name="d")
        sample = AIR | Bilayer(thickness) | SILICON
        sample.slab_expressions()
        for copied in (copy.deepcopy(sample), pickle.loads(pickle.dumps(AIR | ks.Layer(thickness, sld=1) | SILICON))):
            copied.parameters[0].value = 12.0
            assert copied.slabs().thickness[0] == 12.0
        assert sample.slabs().thickness[0] == 10.0

    def test_expressions_are_fresh_lists(self) -> None:
        sample = AIR | ks.Layer(10, sld=1.0) | SILICON
        sample.slab_expressions().thickness.append(3.0)
        assert sample.slab_expressions().thickness == [10.0]


class TestMagnetism:
    IRON = ks.Layer(200, sld=8.0, roughness=5, sld_magnetic=5.0, theta_m=60, phi_m=10, name="Fe")

    def test_expressions_and_slabs(self) -> None:
        moment = ks.Parameter(1000, bounds=(0, 2000), name="M")
        layer = ks.Layer(100, sld=8.0, sld_magnetic=ks.magnetic_sld(moment))
        sample = AIR | layer | self.IRON | SILICON
        expressions = sample.slab_expressions()
        assert isinstance(expressions.sld_magnetic[1], Expression)  # type: ignore[index]
        assert expressions.theta_m == [90, 90, 60, 90]
        assert expressions.phi_m == [0, 0, 10, 0]
        assert sample.parameters == [moment]
        slabs = sample.magnetic_slabs()
        assert slabs.sld_magnetic == pytest.approx([0, 2.91043, 5, 0], rel=1e-5)
        channels = ks.polarised_reflectivity(
            [0.02, 0.05], *slabs[:4], sld_magnetic=slabs.sld_magnetic, theta_m=slabs.theta_m, phi_m=slabs.phi_m
        )
        assert (channels.pm > 0).all()

    def test_without_magnetism_there_are_no_fields(self) -> None:
        assert (AIR | SILICON).slab_expressions()[4:] == (None, None, None, None)
        assert not (AIR | SILICON).is_magnetic
        assert (AIR | self.IRON | SILICON).is_magnetic

    def test_along_the_field_the_channels_are_two_scalar_runs(self) -> None:
        q = np.linspace(0.01, 0.2, 50)
        slabs = (AIR | ks.Layer(200, sld=8.0, sld_magnetic=5.0) | SILICON).magnetic_slabs()
        found = ks.polarised_reflectivity(q, *slabs[:4], sld_magnetic=slabs.sld_magnetic)
        for channel, sld in ((found.pp, 13.0), (found.mm, 3.0)):
            plain = (AIR | ks.Layer(200, sld=sld) | SILICON).slabs()
            np.testing.assert_allclose(channel, ks.reflectivity(q, *plain), rtol=1e-10)

    def test_profiles_and_tables(self) -> None:
        sample = AIR | self.IRON | SILICON
        z, magnetic = sample.sld_profile(part="sld_magnetic")
        assert magnetic.max() == pytest.approx(5.0)
        assert sample.sld_profile(z)[1].max() == pytest.approx(8.0)
        assert "sld_magnetic" in repr(sample)
        assert "theta_m=60" in repr(self.IRON)
        with pytest.raises(UnknownNameError, match="part must be one of 'sld', 'sld_imag', 'sld_magnetic'; got 'imag'"):
            sample.sld_profile(part="imag")

    def test_the_constant(self) -> None:
        # gamma r_e / 2 for each Bohr magneton, with the masses of neutron and proton, which the nuclear magneton has
        length = 1.91304273 * 2.8179403262e-5 / 2 * (1.67492749804 / 1.67262192369)
        assert ks.magnetic_sld(9.2740100783e3) == pytest.approx(1e6 * length, rel=1e-7)


class TestMixtures:
    def test_volume_fractions(self) -> None:
        a, b, c = ks.Material(sld=1.0, sld_imag=0.1), ks.Material(sld=2.0), 4.0
        mixed = ks.Material.mixture([a, b, c], [0.5, 0.25], name="blend")
        assert (mixed.sld, mixed.sld_imag, mixed.name) == (2.0, 0.05, "blend")
        assert ks.Material.mixture([a, b], [0.5, 0.25]).sld == 1.0  # the rest is void
        share = ks.Parameter(0.25, bounds=(0, 1), name="share")
        mixed = ks.Material.mixture([a, b], [share])
        assert mixed.sld.value == 1.75  # type: ignore[union-attr]
        assert a.solvated(b, share).sld.value == 1.25  # type: ignore[union-attr]
        assert ks.Layer(10, sld=mixed).parameters == [share]

    @pytest.mark.parametrize(
        ("fractions", "message"),
        [
            ([0.7, 0.7], "fractions must add to at most 1; they add to 1.4"),
            ([1.2], r"fractions\[0\] must be from 0 to 1"),
            ([-0.1], r"fractions\[0\] must be non-negative"),
            ([0.1, 0.1, 0.1], "fractions must be one for each material, or for each but the last; got 2 materials"),
            (["x"], r"fractions\[0\] must be a real number, Parameter or Expression"),
        ],
    )
    def test_bad_fractions(self, fractions: list[float], message: str) -> None:
        with pytest.raises(InvalidValueError, match=f"^Material.mixture: {message}"):
            ks.Material.mixture([1.0, 2.0], fractions)

    def test_bad_materials(self) -> None:
        with pytest.raises(InvalidValueError, match=r"materials\[1\] must be a Material, real number, Parameter"):
            ks.Material.mixture([1.0, "SiO2"], [0.5])  # type: ignore[list-item]


class TestPatches:
    COVERED = ks.Parameter(0.7, bounds=(0, 1), name="coverage")
    FILM = ks.Parameter(100, bounds=(50, 150), name="film")

    def test_fractions_and_parameters(self) -> None:
        film, bare = AIR | ks.Layer(self.FILM, sld=6.3) | SILICON, AIR | SILICON
        patches = ks.Patches([film, bare], [self.COVERED], coherent=True)
        assert patches.samples == (film, bare)
        assert [float(share) for share in patches.fractions] == pytest.approx([0.7, 0.3])
        assert patches.parameters == [self.FILM, self.COVERED]
        assert patches.coherent
        assert not ks.Patches([film], []).coherent
        assert ks.Patches([film], []).fractions == [1.0]
        assert ks.Patches([film, bare], [0.5, 0.2]).fractions == [0.5, 0.2]
        assert repr(patches) == "Patches(2 samples, coherent, fractions [0.7, 0.3])"

    def test_refusals(self) -> None:
        bare = AIR | SILICON
        for samples, fractions, message in (
            ([bare, AIR], [0.5], r"samples must be Samples; samples\[1\] is "),
            ([], [], "fractions must be one for each sample, or for each but the last; got 0 samples"),
            ([bare, bare], [], "got 2 samples and 0 fractions"),
            ([bare, bare, bare], [0.7, 0.7], "fractions must add to at most 1; they add to 1.4"),
            ([bare, bare], [1.5], r"fractions\[0\] must be from 0 to 1"),
        ):
            with pytest.raises(InvalidValueError, match=f"^Patches: .*{message}"):
                ks.Patches(samples, fractions)  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError, match=r"^Sample: at least two media"):
            ks.Patches([ks.Sample([AIR])], [])


def test_plots_name_every_repeat() -> None:
    pytest.importorskip("matplotlib")
    stack = ks.Stack([ks.Layer(100, sld=9.4, name="Ni"), ks.Layer(100, sld=-1.9, name="Ti")], 3)
    axes = plot_sld_profile(AIR | stack | SILICON)
    assert [text.get_text() for text in axes.texts].count("Ni") == 3
