"""Continuous profiles: the error bound against far finer slices, closed forms, derivatives, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kiessig as ks
from kiessig import _core
from kiessig.components import staircase
from kiessig.components.profiles import Segment
from kiessig.errors import InvalidValueError
from kiessig.parameters import evaluate, record

Q_MAX = 0.25
Q = np.linspace(0.006, Q_MAX, 400)


def parameter(value: float, low: float, high: float, name: str) -> ks.Parameter:
    return ks.Parameter(value, bounds=(low, high), name=name)


LENGTH, LOW, DEEP = parameter(300, 200, 400, "h"), parameter(2, 0, 3, "a"), parameter(150, 120, 180, "z")
WIDTH, SHARE, POWER = parameter(20, 10, 40, "w"), parameter(0.4, 0.1, 0.9, "f"), parameter(1, 0.5, 3, "p")

PROFILES: dict[str, Callable[..., ks.ContinuousProfile]] = {
    "gradient": lambda **more: ks.GradientLayer(LENGTH, LOW, 6.0, **more),
    "gold": lambda **more: ks.GradientLayer(LENGTH, 2.07, ks.Material(sld=120.0, sld_imag=12.0), **more),
    "absorbing": lambda **more: ks.GradientLayer(
        LENGTH, ks.Material(sld=LOW, sld_imag=0.2), ks.Material(sld=5.0, sld_imag=0.0), **more
    ),
    "parabolic brush": lambda **more: ks.PolymerBrush(1.4, "backing", fraction=SHARE, length=LENGTH, **more),
    "any brush": lambda **more: ks.PolymerBrush(
        1.4, "backing", fraction=SHARE, length=LENGTH, power=POWER, base=WIDTH, **more
    ),
    "lorentzian": lambda **more: ks.FunctionalProfile(
        300, lambda z: 2.07 + 4.0 / (1.0 + ((z - DEEP) / WIDTH) ** 2), **more
    ),
    "thin": lambda **more: ks.FunctionalProfile(30, lambda z: LOW + 2.0 * (z / 30) ** 3, **more),
    "kink": lambda **more: ks.FunctionalProfile(
        LENGTH, lambda z: 2.0 + (z if float(z) < 0.4 * float(LENGTH) else 0.4 * LENGTH) / 100, breaks=[0.4], **more
    ),
}


def finest(monkeypatch: pytest.MonkeyPatch, make: Callable[..., ks.ContinuousProfile]) -> ks.ContinuousProfile:
    """The same profile in 384 steps a segment."""
    with monkeypatch.context() as patched:
        patched.setattr(
            "kiessig.components.profiles.choose_rules",
            lambda _sample, positions, _q, _error: [staircase.Rule(24, 16)] * len(positions),
        )
        return make(q_max=Q_MAX)


def between_ends(profile: ks.ContinuousProfile) -> ks.Sample:
    """The profile with nothing beside it that reflects more than the profile's own ends."""
    return ks.Layer(sld=2.07) | profile | ks.Layer(sld=6.36)


@pytest.mark.parametrize(
    ("name", "error"),
    # at 1e-8 the ripple of the staircase, an error of second order, asks for most of the steps
    [*((name, 1e-5) for name in PROFILES), ("gradient", 1e-3), ("any brush", 1e-3), ("gradient", 1e-8)],
)
def test_the_error_stays_below_its_bound(name: str, error: float, monkeypatch: pytest.MonkeyPatch) -> None:
    make = PROFILES[name]
    coarse, fine = make(q_max=Q_MAX, error=error), finest(monkeypatch, make)
    assert coarse.steps < 0.75 * fine.steps
    sliced, exact = between_ends(coarse), between_ends(fine)
    rng = np.random.default_rng(11)
    for _ in range(6):
        for item in exact.parameters:
            item.value = rng.uniform(*item.bounds)
        found = np.abs(ks.amplitude(Q, *sliced.slabs()))
        true = np.abs(ks.amplitude(Q, *exact.slabs()))
        largest = np.maximum.accumulate(true[::-1])[::-1]  # at Q or beyond
        assert np.max(np.abs(found - true) / largest) < 0.5 * error


def test_a_smaller_error_needs_more_steps_and_few_of_them() -> None:
    steps = [PROFILES["gradient"](q_max=Q_MAX, error=error).steps for error in (1e-2, 1e-5, 1e-8)]
    assert all(one <= other for one, other in itertools.pairwise(steps))
    assert steps[0] < steps[-1]
    wider = PROFILES["gradient"](q_max=2 * Q_MAX).steps
    # equal slices that keep the same bound are (Q h)^2 / 12 off: for these 400 angstrom they would be 10 000
    assert PROFILES["gradient"](q_max=Q_MAX).steps < wider < 200


@pytest.mark.parametrize("name", PROFILES)
def test_derivatives_go_through_the_slices(name: str) -> None:
    sample = between_ends(PROFILES[name](q_max=0.1, error=1e-3))
    slabs = sample.slab_expressions()
    parameters = sample.parameters
    rng = np.random.default_rng(5)
    x = np.array([low + (high - low) * rng.uniform(0.3, 0.7) for low, high in (item.bounds for item in parameters)])
    n = [len(part) for part in slabs[:4]]
    tape = _core.Tape(*record([*slabs.thickness, *slabs.sld, *slabs.sld_imag, *slabs.roughness], parameters))

    def curve(point: np.ndarray) -> np.ndarray:
        return ks.reflectivity(Q[::20] * 0.4, *np.split(np.asarray(tape.values(point)), np.cumsum(n)[:-1]))

    values, relations = tape.jacobian(x)
    _, jacobian = ks.reflectivity_jacobian(Q[::20] * 0.4, *np.split(np.asarray(values), np.cumsum(n)[:-1]))
    exact = (
        np.concatenate([jacobian.thickness, jacobian.sld, jacobian.sld_imag, jacobian.roughness], axis=1) @ relations
    )
    for column in range(len(x)):
        h = 1e-5 * max(abs(x[column]), 1.0)
        step = np.where(np.arange(len(x)) == column, h, 0.0)
        slope = (curve(x + step) - curve(x - step)) / (2 * h)
        # truncation is h^2 times a third derivative, some 1e-7 of the largest slope; roundoff of R 1e-15 / h
        np.testing.assert_allclose(exact[:, column], slope, rtol=1e-5, atol=1e-6 * np.abs(slope).max())


def test_equal_ends_are_a_plain_layer() -> None:
    material = ks.Material(sld=4.0, sld_imag=0.1)
    (layer,) = ks.GradientLayer(LENGTH, material, material, q_max=Q_MAX, roughness=3, name="film").layers
    assert layer.thickness.value == LENGTH.value
    assert (layer.sld, layer.sld_imag, layer.roughness, layer.name) == (4.0, 0.1, 3.0, "film")
    equal = ks.GradientLayer(100, LOW, parameter(2, 0, 3, "b"), q_max=Q_MAX)  # at other values they differ
    LOW.value = 2.0
    plain = ks.Layer(sld=0) | ks.Layer(100, sld=2.0) | ks.Layer(sld=6)
    sliced = ks.Layer(sld=0) | equal | ks.Layer(sld=6)
    np.testing.assert_allclose(ks.reflectivity(Q, *sliced.slabs()), ks.reflectivity(Q, *plain.slabs()), rtol=1e-10)


def test_integrals_are_exact() -> None:
    """The staircase and the profile have the same area: Gauss rules integrate polynomials."""
    slabs = between_ends(ks.GradientLayer(120, 1.0, 5.0, q_max=Q_MAX)).slabs()
    assert slabs.thickness @ slabs.sld[1:-1] == pytest.approx(120 * 3.0, rel=1e-12)
    assert slabs.thickness.sum() == pytest.approx(120, rel=1e-14)


@pytest.mark.parametrize("grafted", ["top", "bottom"])
@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 2.7])
def test_the_volume_of_a_brush(power: float, grafted: str) -> None:
    brush = ks.PolymerBrush(
        1.0, 0.0, fraction=0.6, length=200, power=power, base=30, grafted=grafted, q_max=Q_MAX, roughness=2
    )
    layers = brush.layers
    assert layers[0].roughness == 2.0
    ends = [(layers[0].sld, layers[-1].sld), (layers[-1].sld, layers[0].sld)][grafted == "bottom"]
    assert ends == (pytest.approx(0.6), pytest.approx(0.0, abs=1e-8))
    total = sum(float(layer.thickness) * float(layer.sld) for layer in layers)
    # integral of (1 - s^2)^p over 0..1, a beta function; the bound of 1e-5 is one of the reflected amplitude
    beta = 0.5 * np.sqrt(np.pi) * _gamma(power + 1) / _gamma(power + 1.5)
    assert total == pytest.approx(0.6 * (30 + 200 * beta), rel=1e-5)


def _gamma(x: float) -> float:
    import math

    return math.gamma(x)


def test_refl1d_has_the_same_brush() -> None:
    polymer = pytest.importorskip("refl1d.sample.polymer")
    names = pytest.importorskip("refl1d.names")
    theirs = polymer.PolymerBrush(
        400, 0, polymer=names.SLD("p", rho=1.4), solvent=names.SLD("s", rho=6.36), base_vf=45.0, base=25.0,
        length=240.0, power=1.5, sigma=1e-6,
    )  # fmt: skip
    brush = ks.PolymerBrush(1.4, 6.36, fraction=0.45, length=240.0, power=1.5, base=25.0, q_max=0.6)
    z = np.linspace(1.0, 260.0, 60)
    share = np.asarray(theirs.profile(z), dtype=float)
    share = share / 100 if share.max() > 1 else share
    _, sld = (ks.Layer(sld=1.4) | brush | ks.Layer(sld=6.36)).sld_profile(z)
    # steps drawn half as wide as the slices differ from the profile by a part of a slice's rise
    np.testing.assert_allclose(sld[2:], share[2:] * 1.4 + (1 - share[2:]) * 6.36, atol=0.02)


def test_the_profile_to_plot_is_smooth() -> None:
    ramp = ks.GradientLayer(100, 1.0, 5.0, q_max=Q_MAX)
    z = np.linspace(5, 95, 50)
    np.testing.assert_allclose(ramp.sld_profile(z)[1], 1.0 + 0.04 * z, atol=0.02)


def test_solvents_stay_those_of_the_sample() -> None:
    brush = ks.PolymerBrush(1.4, "backing", fraction=0.5, length=100, q_max=Q_MAX)
    for backing in (6.36, -0.56):
        slabs = (ks.Layer(sld=2.07) | brush | ks.Layer(sld=backing)).slabs()
        assert slabs.sld[1] == pytest.approx(0.5 * 1.4 + 0.5 * backing)
    with pytest.raises(InvalidValueError, match="the fraction alone may change with depth"):
        ks.FunctionalProfile(
            100, lambda z: ks.Layer(sld=z / 50, solvent="backing", solvent_fraction=z / 100), q_max=Q_MAX
        )
    # with a material as the solvent, both may
    mixed = ks.FunctionalProfile(100, lambda z: ks.Layer(sld=1.0, solvent=6.0, solvent_fraction=z / 100), q_max=Q_MAX)
    assert mixed.sld_profile([50.0])[1] == pytest.approx([3.5], abs=0.05)


def test_magnetic_profiles() -> None:
    dead = ks.FunctionalProfile(
        100, lambda z: ks.Layer(sld=8.0, sld_magnetic=5.0 * (z / 100) ** 2, theta_m=30), q_max=Q_MAX
    )
    slabs = (ks.Layer(sld=0) | dead | ks.Layer(sld=2.07)).magnetic_slabs()
    assert set(slabs.sld[1:-1]) == {8.0}
    assert set(slabs.theta_m[1:-1]) == {30.0}
    assert slabs.sld_magnetic[1:-1] @ slabs.thickness == pytest.approx(100 * 5 / 3, rel=1e-9)
    assert dead.sld_profile([50.0], part="sld_magnetic")[1] == pytest.approx([1.25], abs=0.05)


def test_a_jump_between_segments_is_a_step() -> None:
    jump = ks.ContinuousProfile(
        [Segment(50.0, lambda u: 1.0 + u), Segment(60.0, lambda u: 4.0 - u)], q_max=Q_MAX, roughness=2
    )
    slabs = between_ends(jump).slabs()
    assert slabs.thickness.sum() == pytest.approx(110, rel=1e-14)
    edge = np.argmax(np.diff(slabs.sld[1:-1]))
    assert slabs.sld[1 + edge : 3 + edge] == pytest.approx([2.0, 4.0])
    assert slabs.thickness[: edge + 1].sum() == pytest.approx(50, rel=1e-14)


def test_constant_segments_have_no_steps() -> None:
    two = ks.ContinuousProfile([Segment(50.0, lambda _: 3.0), Segment(LENGTH, lambda _: 3.0)], q_max=Q_MAX)
    assert two.steps == 0
    (layer,) = two.layers
    assert evaluate([layer.thickness]) == [50.0 + LENGTH.value]


def test_the_table_leaves_slices_out() -> None:
    text = repr(between_ends(ks.GradientLayer(100, 1.0, 5.0, q_max=Q_MAX, name="ramp")))
    assert len(text.splitlines()) == 8
    assert "..." in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"q_max": 0.0}, "q_max must be positive; q_max = 0.0 1/angstrom"),
        ({"q_max": np.inf}, "q_max must be finite"),
        ({"q_max": 0.2, "error": 0.5}, "error must be from 1e-08 to 0.01; error = 0.5"),
        ({"q_max": 0.2, "thickness": -3.0}, "thickness must be non-negative"),
        ({"q_max": 50.0, "thickness": 1000}, "segment 0 would need more than 1024 slices; narrow them, or take"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^GradientLayer: {message}"):
        ks.GradientLayer(**({"thickness": 100.0, "first": 1.0, "last": 5.0} | arguments))


def test_profiles_that_are_not_smooth_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="segment 0 varies too sharply within the bounds of its parameters"):
        ks.FunctionalProfile(100.0, lambda z: 1.0 if z < 33.3 else 2.0, q_max=Q_MAX)
    with pytest.raises(InvalidValueError, match="breaks must increase between 0 and 1"):
        ks.FunctionalProfile(100.0, lambda _: 1.0, q_max=Q_MAX, breaks=[0.5, 0.2])
    with pytest.raises(InvalidValueError, match="the profile must be finite"):
        ks.GradientLayer(1.0 / (LENGTH - LENGTH.value), LOW, 6.0, q_max=Q_MAX)


def test_bad_brushes() -> None:
    good: dict[str, Any] = {"polymer": 1.4, "solvent": "backing", "fraction": 0.5, "length": 100, "q_max": Q_MAX}
    for changes, message in (
        ({"power": 0.2}, "power must be at least 0.5"),
        ({"grafted": "side"}, "grafted must be 'top' or 'bottom'"),
        ({"fraction": 1.2}, "fraction must be from 0 to 1"),
        ({"solvent": "water"}, "solvent must be 'fronting', 'backing', a Material or a number"),
    ):
        with pytest.raises(InvalidValueError, match=f"^PolymerBrush: {message}"):
            ks.PolymerBrush(**(good | changes))
