"""Layers, samples, their slabs and profiles."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.materials import Material
from kiessig.parameters import Expression, Parameter, record
from kiessig.sample import Layer, Sample

AIR = Layer(sld=0, name="air")
SILICON = Layer(sld=2.07, roughness=3, name="silicon")


def film(**changes):
    return Layer(**({"thickness": 100, "sld": 3.47, "sld_imag": 0.1, "roughness": 5, "name": "film"} | changes))


def step(x):
    """Share of an interface passed at x standard deviations beyond it, from the standard library's erfc."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


class TestLayer:
    def test_by_position_and_by_name(self):
        layer = Layer(100, 3.47, 0.1, 5, "film")
        assert (layer.thickness, layer.sld, layer.sld_imag, layer.roughness, layer.name) == (100, 3.47, 0.1, 5, "film")
        assert repr(layer) == repr(film())
        bare = Layer(sld=np.float32(2))
        assert (bare.thickness, bare.sld, bare.sld_imag, bare.roughness, bare.name) == (None, 2.0, 0.0, 0.0, None)
        assert type(bare.sld) is float
        assert Layer(0, sld=-0.56).thickness == 0.0  # zero thickness and negative sld are in the domain

    def test_parameters_and_expressions_are_kept(self):
        a = Parameter(2.0, bounds=(-1, 5), name="a")
        layer = Layer(a, sld=a, sld_imag=2 * a, roughness=a + 1)
        assert layer.thickness is a
        assert layer.sld is a
        assert (layer.sld_imag.value, layer.roughness.value) == (4.0, 3.0)

    def test_a_material_brings_both_parts_and_a_name(self):
        density = Parameter(5.0, name="density")
        material = Material("Gd", density=density, radiation="neutron")
        layer = Layer(10, sld=material)
        assert layer.sld is material.sld
        assert layer.sld_imag is material.sld_imag
        assert layer.name == "Gd"
        assert Layer(10, sld=material, name="cap").name == "cap"
        for sld_imag in (0, 0.1, density):
            with pytest.raises(InvalidValueError, match="Layer: sld_imag must not be given with a Material"):
                Layer(10, sld=material, sld_imag=sld_imag)

    def test_sld_is_required(self):
        with pytest.raises(InvalidValueError, match=r"^Layer 'film': sld is required; got none; give a number"):
            Layer(100, name="film")

    @pytest.mark.parametrize("quantity", ["thickness", "sld", "sld_imag", "roughness"])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64(np.nan)])
    def test_numbers_must_be_finite(self, quantity, value):
        with pytest.raises(InvalidValueError, match=rf"^Layer 'film': {quantity} must be finite; {quantity} = "):
            film(**{quantity: value})

    @pytest.mark.parametrize("quantity", ["thickness", "sld", "sld_imag", "roughness"])
    @pytest.mark.parametrize("value", [True, "3", 1j, [1.0], np.ones(2)])
    def test_other_types_are_refused(self, quantity, value):
        message = rf"^Layer 'film': {quantity} must be a real number, Parameter or Expression; got "
        with pytest.raises(InvalidValueError, match=message):
            film(**{quantity: value})

    @pytest.mark.parametrize(
        ("quantity", "unit"), [("thickness", "angstrom"), ("sld_imag", r"1e-6/angstrom\^2"), ("roughness", "angstrom")]
    )
    def test_what_must_not_be_negative(self, quantity, unit):
        message = rf"^Layer 'film': {quantity} must be non-negative; {quantity} = "
        with pytest.raises(InvalidValueError, match=rf"{message}-2.0 {unit}$"):
            film(**{quantity: -2})
        with pytest.raises(InvalidValueError, match=rf"{message}Parameter\(-2\)$"):
            film(**{quantity: Parameter(-2)})
        with pytest.raises(InvalidValueError, match=rf"{message}Parameter\(-2, bounds=\(-5, -1\)\)$"):
            film(**{quantity: Parameter(-2, bounds=(-5, -1))})
        assert getattr(film(**{quantity: Parameter(0)}), quantity).value == 0.0

    def test_bad_names_are_refused(self):
        with pytest.raises(InvalidValueError, match=r"^Layer: name must be a non-empty string or None; got 3"):
            film(name=3)

    def test_a_layer_does_not_change(self):
        layer = film()
        for attribute in ("thickness", "name", "misspelt"):
            with pytest.raises(AttributeError):
                setattr(layer, attribute, 2.0)
        assert repr(layer) == "Layer(thickness=100, sld=3.47, sld_imag=0.1, roughness=5, name='film')"

    def test_equality_is_identity(self):
        assert film() != film()
        assert len({AIR, SILICON, AIR}) == 2


class TestJoining:
    def test_every_way_to_build_the_same(self):
        layer = film()
        for sample in (
            Sample([AIR, layer, SILICON]),
            AIR | layer | SILICON,
            AIR | (layer | SILICON),
            (AIR | layer) | Sample([SILICON]),
            Sample([AIR, Sample([layer]), SILICON], name="x"),
            Sample(iter((AIR, layer, SILICON))),
        ):
            assert isinstance(sample, Sample)
            assert sample.layers == (AIR, layer, SILICON)

    def test_pieces_stay_as_they_are(self):
        bilayer = Sample([film(name="inner"), film(name="outer")], name="bilayer")
        sample = SILICON | bilayer | Layer(sld=6.36)
        assert [layer.name for layer in sample.layers] == ["silicon", "inner", "outer", None]
        assert sample.name is None
        assert (len(bilayer.layers), bilayer.name) == (2, "bilayer")

    def test_two_complete_samples_do_not_make_one(self):
        double = (AIR | film() | SILICON) | (AIR | SILICON)
        with pytest.raises(
            InvalidValueError, match=r"an inner layer must have a thickness; layers\[2\] 'silicon' of 5"
        ):
            double.slabs()

    def test_materials_stand_for_fronting_and_backing(self):
        water = Material(sld=6.36, sld_imag=0.01, name="D2O")
        slabs = (AIR | film() | water).slabs()
        assert slabs.sld.tolist() == [0.0, 3.47, 6.36]
        assert slabs.sld_imag.tolist() == [0.0, 0.1, 0.01]
        assert (water | SILICON).slabs().sld.tolist() == [6.36, 2.07]
        assert (water | (film() | SILICON)).layers[0].name == "D2O"
        assert Sample([AIR, water]).slabs().sld.tolist() == [0.0, 6.36]

    @pytest.mark.parametrize("other", [3.47, None, "air", [AIR]])
    def test_other_things_are_refused(self, other):
        for left, right in itertools.permutations([AIR, other]):
            with pytest.raises(TypeError):
                _ = left | right
        with pytest.raises(TypeError):
            _ = (AIR | SILICON) | other
        with pytest.raises(
            InvalidValueError,
            match=r"layers must be Layers, Samples or Materials, or other Components; layers\[1\] is ",
        ):
            Sample([AIR, other])

    def test_what_holds_no_layers_is_refused(self):
        for layers in (AIR, AIR | SILICON, None, 3):
            with pytest.raises(InvalidValueError, match=r"^Sample: layers must be a list of Layers; got ") as caught:
                Sample(layers)
            assert "\n" not in str(caught.value)
        with pytest.raises(InvalidValueError, match=r"^Sample: at least one layer is required; got none"):
            Sample([])
        with pytest.raises(InvalidValueError, match=r"^Sample: name must be a non-empty string"):
            Sample([AIR, SILICON], name="")


class TestCompleteness:
    @pytest.mark.parametrize("use", [Sample.slabs, Sample.slab_expressions, Sample.sld_profile])
    @pytest.mark.parametrize(
        ("layers", "message"),
        [
            ([AIR], r"at least two media are required, a fronting and a backing; got only layers\[0\] 'air'"),
            ([AIR, AIR, SILICON], r"an inner layer must have a thickness; layers\[1\] 'air' of 3 has none"),
            (
                [film(), SILICON],
                r"the fronting \(first medium\) must have no thickness; layers\[0\] 'film' has thickness = 100.0",
            ),
            (
                [AIR, film(name=None)],
                r"the backing \(last medium\) must have no thickness; layers\[1\] has thickness = 100.0",
            ),
            ([SILICON, AIR], r"its roughness must be 0; layers\[0\] 'silicon' has roughness = 3.0 angstrom"),
            (
                [Layer(sld=0, roughness=Parameter(0.0, name="r")), SILICON],
                r"its roughness must be 0; layers\[0\] has roughness = r",
            ),
        ],
    )
    def test_incomplete_samples(self, use, layers, message):
        sample = Sample(layers)
        with pytest.raises(InvalidValueError, match=f"^Sample: .*{message}"):
            use(sample)
        assert isinstance(sample.parameters, list)
        assert repr(sample).startswith("Sample: ")


class TestSlabs:
    def test_layout(self):
        slabs = Sample([AIR, film(), film(thickness=20, sld=1, sld_imag=0.2, roughness=7), SILICON]).slabs()
        assert slabs.thickness.tolist() == [100, 20]
        assert slabs.sld.tolist() == [0, 3.47, 1, 2.07]
        assert slabs.sld_imag.tolist() == [0, 0.1, 0.2, 0]
        assert slabs.roughness.tolist() == [5, 7, 3]  # of the top interface of the second, third and fourth medium
        bare = (AIR | SILICON).slabs()
        assert [part.shape for part in bare] == [(0,), (2,), (2,), (1,)]
        assert all(part.dtype == np.float64 and part.flags.c_contiguous and part.flags.writeable for part in bare)

    def test_slabs_follow_the_parameters_and_are_fresh(self):
        d = Parameter(10.0, name="d")
        sample = AIR | film(thickness=d, roughness=0.1 * d) | SILICON
        before = sample.slabs()
        d.value = 20.0
        after = sample.slabs()
        assert (before.thickness[0], after.thickness[0], after.roughness[0]) == (10.0, 20.0, 2.0)
        after.thickness[0] = -1.0
        assert sample.slabs().thickness[0] == 20.0

    @pytest.mark.parametrize("quantity", ["thickness", "sld_imag", "roughness"])
    def test_negative_values_name_layer_and_quantity(self, quantity):
        a = Parameter(1.0, name="a")
        sample = Sample([AIR, film(), film(name="second", **{quantity: 2 * a}), SILICON])
        sample.slabs()
        a.value = -1.0
        with pytest.raises(
            InvalidValueError,
            match=rf"^Sample: {quantity} must be non-negative; layers\[2\] 'second' has {quantity} = -2.0 ",
        ):
            sample.slabs()
        with pytest.raises(InvalidValueError, match=quantity):
            sample.sld_profile()

    def test_negative_values_of_fronting_and_backing(self):
        a = Parameter(0.0, name="a")
        for sample, place in ((Layer(sld=0, sld_imag=a) | SILICON, 0), (AIR | Layer(sld=1, sld_imag=a), 1)):
            a.value = -1.0
            with pytest.raises(InvalidValueError, match=rf"layers\[{place}\] has sld_imag = -1.0"):
                sample.slabs()
            a.value = 0.0
            sample.slabs()

    def test_values_that_are_none_raise(self):
        a = Parameter(0.0, name="a")
        sample = AIR | film(sld=1 / a) | SILICON
        with pytest.raises(InvalidValueError, match=r"division by zero in 1 / a\nat a = 0.0"):
            sample.slabs()
        assert "invalid" in repr(sample)

    def test_slab_expressions_are_what_slabs_evaluates(self):
        d, r = Parameter(10.0, name="d"), Parameter(2.0, name="r")
        sample = Sample([AIR, film(thickness=d, roughness=r), film(thickness=d + r, sld=r), SILICON])
        expressions = sample.slab_expressions()
        assert expressions.thickness[0] is d
        assert isinstance(expressions.thickness[1], Expression)
        assert expressions.roughness == [r, 5.0, 3.0]
        assert [len(part) for part in expressions[:4]] == [2, 4, 4, 3]
        for part, values in zip(expressions[:4], sample.slabs(), strict=True):
            assert [float(item) for item in part] == values.tolist()
        flat = list(itertools.chain(*expressions[:4]))
        assert len(record(flat, sample.parameters).outputs) == len(flat)


class TestParameters:
    def test_order_of_first_appearance(self):
        a, b, c, d, e, f = (Parameter(1.0, name=name) for name in "abcdef")
        e.fixed = True
        sample = Sample([Layer(sld=d), Layer(b, sld=c * e, sld_imag=a, roughness=f - b + d), Layer(sld=1, roughness=a)])
        assert sample.parameters == [d, b, c, a, f]
        e.fixed = False
        assert sample.parameters == [d, b, c, e, a, f]
        assert (AIR | SILICON).parameters == []

    def test_layers_and_parameters_are_shared_between_samples(self):
        d = Parameter(50.0, name="d")
        shared = film(thickness=d)
        first, second = AIR | shared | SILICON, Sample([AIR, shared, shared, Layer(sld=6.36)])
        assert first.parameters == second.parameters == [d]
        d.value = 60.0
        assert first.slabs().thickness.tolist() == [60.0]
        assert second.slabs().thickness.tolist() == [60.0, 60.0]

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda sample: pickle.loads(pickle.dumps(sample))])
    def test_copies_are_independent(self, duplicate):
        d = Parameter(50.0, name="d")
        sample = Sample([AIR, film(thickness=d, roughness=d / 10), SILICON], name="original")
        copied = duplicate(sample)
        copied.parameters[0].value = 70.0
        assert (copied.slabs().thickness[0], copied.slabs().roughness[0], copied.name) == (70.0, 7.0, "original")
        assert d.value == 50.0


class TestProfile:
    def test_is_the_sum_of_error_functions(self):
        sample = Sample([Layer(sld=1.0), film(), film(thickness=8, sld=-2, roughness=6), SILICON])
        z = np.linspace(-40, 160, 41).reshape(1, 41)
        depths, sld = sample.sld_profile(z)
        assert depths.shape == sld.shape == (1, 41)
        assert np.array_equal(depths, z)
        steps = ((0.0, 2.47, 5.0), (100.0, -5.47, 6.0), (108.0, 4.07, 3.0))
        expected = [1.0 + sum(rise * step((x - at) / width) for at, rise, width in steps) for x in z[0]]
        # Four additions of numbers below 10, and erf near -1 that 1 is added to: some units of 1e-16 each.
        assert sld[0] == pytest.approx(expected, rel=0, abs=1e-14)

    def test_far_values(self):
        sample = Sample([Layer(sld=1.0), film(), SILICON])
        _, sld = sample.sld_profile([-1e300, -1e3, 1e3, 1e300])
        assert sld == pytest.approx([1.0, 1.0, 2.07, 2.07], rel=0, abs=1e-14)  # rounding of the sum

    def test_no_roughness_is_a_step_and_the_limit_of_small_ones(self):
        z = np.array([-1.0, -1e-9, 0.0, 1e-9, 50.0, 100.0, 101.0])
        sharp = Sample([AIR, film(sld=4, roughness=0), Layer(sld=2)])
        assert sharp.sld_profile(z)[1].tolist() == [0, 0, 2, 4, 4, 3, 2]
        for width in (1e-11, 1e-300, 5e-324):
            nearly = Sample([AIR, film(sld=4, roughness=width), Layer(sld=2, roughness=width)])
            assert nearly.sld_profile(z)[1].tolist() == [0, 0, 2, 4, 4, 3, 2]

    def test_small_roughnesses_are_no_steps(self):
        sld = (AIR | Layer(sld=1.0, roughness=1e-4)).sld_profile([-1e-4, 1e-4])[1]
        assert sld == pytest.approx([step(-1.0), step(1.0)], rel=1e-14)

    def test_monotone_where_the_media_are(self):
        rng = np.random.default_rng(3)
        for _ in range(10):
            slds, widths = np.sort(rng.uniform(-1, 8, 6)), rng.uniform(0, 30, 5)
            inner = [Layer(rng.uniform(1, 80), sld=s, roughness=w) for s, w in zip(slds[1:-1], widths, strict=False)]
            sample = Sample([Layer(sld=slds[0]), *inner, Layer(sld=slds[-1], roughness=widths[-1])])
            _, sld = sample.sld_profile(n_points=2000)
            assert np.diff(sld).min() > -1e-14  # rounding of the sum
            assert sld.min() >= slds[0] - 1e-14
            assert sld.max() <= slds[-1] + 1e-14

    def test_automatic_depths(self):
        sample = Sample([AIR, film(thickness=10, sld=3, roughness=2), Layer(sld=6, roughness=20)])
        z, sld = sample.sld_profile()
        assert z.shape == sld.shape == (500,)
        # The wider interface decides on both sides: 10 -+ 4 * 20, and a twentieth of these 160 more.
        assert (z[0], z[-1]) == pytest.approx((-78, 98), rel=1e-15)
        assert np.allclose(np.diff(z), np.diff(z)[0], rtol=1e-9, atol=0)  # equidistant to rounding
        assert sld[0] == pytest.approx(0, abs=1e-4)  # beyond 4 sigma 3e-5 of each step are left
        assert sld[-1] == pytest.approx(6, abs=1e-4)
        assert sample.sld_profile(n_points=np.int64(7))[0].shape == (7,)

    def test_a_lone_sharp_interface_has_a_range_too(self):
        z, sld = (AIR | Layer(sld=2.0)).sld_profile()
        assert z[0] < 0 < z[-1]
        assert (sld[0], sld[-1]) == (0.0, 2.0)

    def test_the_given_depths_are_copied(self):
        z = np.array([1.0, 2.0])
        depths, _ = (AIR | SILICON).sld_profile(z)
        depths[0] = 9.0
        assert z[0] == 1.0
        assert (AIR | SILICON).sld_profile(5)[1].shape == ()
        assert (AIR | SILICON).sld_profile([])[1].shape == (0,)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"z": [0.0, math.nan]}, r"z must be finite; z\[1\] = nan angstrom"),
            ({"z": [[0.0], [math.inf]]}, r"z must be finite; z\[1, 0\] = inf angstrom"),
            ({"z": 1j}, r"z must be an array of real numbers; got dtype complex128, shape \(\)"),
            ({"z": ["a"]}, r"z must be an array of real numbers; got dtype <U1"),
            ({"z": [True]}, r"z must be an array of real numbers; got dtype bool"),
            ({"z": [[1.0], [1.0, 2.0]]}, r"z must be an array of real numbers; "),
            ({"z": [1.0], "n_points": 5}, r"n_points must not be given with z; n_points = 5"),
            ({"n_points": 1}, r"n_points must be an integer above 1; n_points = 1"),
            ({"n_points": 10.0}, r"n_points must be an integer above 1; n_points = 10.0"),
            ({"n_points": True}, r"n_points must be an integer above 1; n_points = True"),
        ],
    )
    def test_bad_arguments(self, arguments, message):
        with pytest.raises(InvalidValueError, match=f"^sld_profile: {message}"):
            (AIR | SILICON).sld_profile(**arguments)


def test_the_table():
    d = Parameter(1466.788, name="d")
    sample = Sample([AIR, film(thickness=d, sld_imag=0, roughness=d / 100), Layer(sld=2.07)], name="quartz")
    assert str(sample) == repr(sample)
    assert str(sample).splitlines() == [
        "Sample 'quartz': 3 media",
        "  medium  thickness  sld   sld_imag  roughness",
        "0 air     -          0     0         0",
        "1 film    1466.79*   3.47  0         14.6679*",
        "2         -          2.07  0         0",
        "thickness, roughness: angstrom; sld, sld_imag: 1e-6/angstrom^2; * depends on free parameters",
    ]
    d.fixed = True
    assert "*" not in str(sample)
    assert str(Sample([AIR])).startswith("Sample: 1 medium\n")
