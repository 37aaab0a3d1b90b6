"""Repeated cells: against their layers written out, refnx and refl1d."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError

Q = np.linspace(0.005, 0.35, 240)
AIR, SILICON = ks.Layer(sld=0, name="air"), ks.Layer(sld=2.07, roughness=3, name="silicon")
NICKEL = ks.Layer(31.0, sld=9.4, sld_imag=0.001, roughness=4, name="Ni")
TITANIUM = ks.Layer(42.0, sld=-1.9, sld_imag=0.002, roughness=6, name="Ti")
# the power of a cell and the recursion through all of its copies, both in double precision over some hundred layers
ROUNDOFF = 1e-10


def curve(sample: ks.Sample) -> np.ndarray:
    """R as the kernels repeat it."""
    slabs = sample.slab_expressions()
    numbers = [[float(item) for item in part] for part in slabs[:4]]
    return ks.reflectivity(Q, *numbers, repeats=slabs.repeats)


def same(sample: ks.Sample, layers: list[ks.Layer]) -> None:
    plain = ks.Sample(layers)
    assert plain.slab_expressions().repeats is None
    for one, other in zip(sample.slabs(), plain.slabs(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(curve(sample), ks.reflectivity(Q, *plain.slabs()), rtol=ROUNDOFF)


def test_repeats_are_the_layers_written_out() -> None:
    cap, buffer = ks.Layer(20, sld=4.0, roughness=2), ks.Layer(50, sld=3.0, roughness=1)
    sample = AIR | cap | ks.Stack([NICKEL, TITANIUM], repeats=30) | buffer | SILICON
    assert sample.slab_expressions().repeats == ((1, 3, 30),)
    assert len(sample.layers) == 6
    assert sample.cells == ((2, 4, 30),)
    same(sample, [AIR, cap, *[NICKEL, TITANIUM] * 30, buffer, SILICON])
    assert [layer.name for layer in sample.written_out().layers[2:5]] == ["Ni", "Ti", "Ni"]


def test_several_stacks_side_by_side() -> None:
    sample = AIR | ks.Stack([NICKEL], 3) | ks.Stack([TITANIUM, NICKEL], 4, name="x") | SILICON
    assert sample.slab_expressions().repeats == ((0, 1, 3), (1, 3, 4))
    same(sample, [AIR, *[NICKEL] * 3, *[TITANIUM, NICKEL] * 4, SILICON])


def test_one_repeat_is_none() -> None:
    sample = AIR | ks.Stack([NICKEL, TITANIUM], np.int64(1)) | SILICON
    assert sample.slab_expressions().repeats is None
    same(sample, [AIR, NICKEL, TITANIUM, SILICON])


def test_another_roughness_on_top() -> None:
    rough = ks.Layer(31.0, sld=9.4, sld_imag=0.001, roughness=9, name="Ni")
    sample = AIR | ks.Stack([NICKEL, TITANIUM], 10, roughness=9) | SILICON
    assert sample.slab_expressions().repeats == ((2, 4, 9),)
    same(sample, [AIR, rough, TITANIUM, *[NICKEL, TITANIUM] * 9, SILICON])
    same(AIR | ks.Stack([NICKEL], 1, roughness=9) | SILICON, [AIR, rough, SILICON])


@pytest.mark.parametrize(("inner", "outer", "kept"), [(2, 9, ((0, 3, 9),)), (9, 2, ((0, 1, 9), (2, 3, 9)))])
def test_nested_stacks_keep_the_level_that_saves_more(
    inner: int, outer: int, kept: tuple[tuple[int, int, int], ...]
) -> None:
    sample = AIR | ks.Stack([ks.Stack([NICKEL], inner), TITANIUM], outer) | SILICON
    assert sample.slab_expressions().repeats == kept
    same(sample, [AIR, *[*[NICKEL] * inner, TITANIUM] * outer, SILICON])


def test_magnetic_stacks_are_written_out() -> None:
    iron = ks.Layer(40, sld=8.0, sld_magnetic=5.0, theta_m=30, name="Fe")
    sample = AIR | ks.Stack([iron, NICKEL], 3) | SILICON
    expressions = sample.slab_expressions()
    assert expressions.repeats is None
    assert expressions.sld_magnetic == [0, 5, 0, 5, 0, 5, 0, 0]
    assert expressions.theta_m == [90, 30, 90, 30, 90, 30, 90, 90]
    assert sample.magnetic_slabs().sld_magnetic.tolist() == expressions.sld_magnetic


def test_profile_parameters_and_pickle() -> None:
    thickness = ks.Parameter(31, bounds=(20, 40), name="d")
    stack = ks.Stack([ks.Layer(thickness, sld=9.4, roughness=4), TITANIUM], 5)
    assert stack.parameters == [thickness]
    sample = AIR | stack | SILICON
    z, sld = sample.sld_profile()
    written = sample.written_out()
    np.testing.assert_array_equal(sld, written.sld_profile(z)[1])
    assert sample.sld_profile(part="sld_imag")[1].max() > 0.0015
    assert stack.sld_profile([3 * 73 + 15.0])[1][0] == pytest.approx(9.4, abs=0.1)  # tails of 2.5 sigma and more
    assert "media 1 to 2 stand 5 times" in repr(sample)
    copied = pickle.loads(pickle.dumps(sample))
    np.testing.assert_array_equal(copied.slabs().thickness, sample.slabs().thickness)


def test_refnx_tiles_in_the_same_way() -> None:
    reflect = pytest.importorskip("refnx.reflect")
    slabs = [
        reflect.SLD(complex(layer.sld, layer.sld_imag))(layer.thickness, layer.roughness)
        for layer in (NICKEL, TITANIUM)
    ]
    stack = reflect.Stack(slabs, repeats=12)
    structure = reflect.SLD(0)() | stack | reflect.SLD(2.07)(0, 3)
    theirs = structure.slabs()
    ours = (AIR | ks.Stack([NICKEL, TITANIUM], 12) | SILICON).slabs()
    for mine, column in zip(ours, (theirs[1:-1, 0], theirs[:, 1], theirs[:, 2], theirs[1:, 3]), strict=True):
        np.testing.assert_array_equal(mine, column)


def test_refl1d_repeats_in_the_same_way() -> None:
    names = pytest.importorskip("refl1d.names")
    layers = pytest.importorskip("refl1d.sample.layers")
    air, silicon = names.SLD("air", rho=0.0), names.SLD("silicon", rho=2.07)
    ni, ti = names.SLD("Ni", rho=9.4, irho=0.001), names.SLD("Ti", rho=-1.9, irho=0.002)
    # from the substrate up, an interface is that above its layer; of a Repeat, `interface` is the topmost
    cell = names.Stack([names.Slab(ti, 42.0, 6.0), names.Slab(ni, 31.0, 4.0)])
    stack = names.Slab(silicon, 0, 3.0) | layers.Repeat(cell, repeat=7, interface=9.0) | air
    probe = names.QProbe(Q, np.zeros_like(Q), R=np.ones_like(Q), dR=np.ones_like(Q))
    experiment = names.Experiment(sample=stack, probe=probe)
    thickness, sigma, sld, sld_imag = (np.asarray(part, dtype=float)[..., :] for part in _refl1d_slabs(experiment))
    ours = (AIR | ks.Stack([NICKEL, TITANIUM], 7, roughness=9.0) | SILICON).slabs()
    np.testing.assert_allclose(ours.thickness, thickness[::-1][1:-1])
    np.testing.assert_allclose(ours.sld, sld[::-1])
    np.testing.assert_allclose(ours.sld_imag, sld_imag[::-1])
    np.testing.assert_allclose(ours.roughness, sigma[::-1])


def _refl1d_slabs(experiment: object) -> tuple[np.ndarray, ...]:
    slabs = experiment._render_slabs()  # type: ignore[attr-defined]
    return slabs.w, slabs.sigma, slabs.rho[0], slabs.irho[0]


@pytest.mark.parametrize("repeats", [0, -1, 2.0, True, "3", None])
def test_repeats_must_count(repeats: object) -> None:
    with pytest.raises(InvalidValueError, match=r"^Stack 'mirror': repeats must be an integer of at least 1; got "):
        ks.Stack([NICKEL], repeats, name="mirror")  # type: ignore[arg-type]


def test_what_a_cell_may_hold() -> None:
    for layers, message in (
        ([], "at least one layer is required"),
        ([NICKEL, SILICON], r"every layer must have a thickness; layers\[1\] 'silicon' has none"),
        ([ks.Material(sld=1.0)], r"layers must be Layers or other Components; layers\[0\] is "),
        (NICKEL, "layers must be a list of Layers, or a Sample"),
    ):
        with pytest.raises(InvalidValueError, match=f"^Stack: {message}"):
            ks.Stack(layers, 2)  # type: ignore[arg-type]
