"""Samples with interfaces of other shapes: against `microslices`, which slices arrays, and by their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kiessig as ks
from kiessig import _core
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.parameters import record

Q_MAX = 0.25
Q = np.linspace(0.006, Q_MAX, 300)
FILM = ks.Layer(250, sld=6.3, sld_imag=0.2, roughness=8, name="film")
SAMPLE = ks.Layer(sld=0, name="air") | FILM | ks.Layer(150, sld=3.47, roughness=4) | ks.Layer(sld=2.07, roughness=3)
NUMBERS = {"sld": [0, 6.3, 3.47, 2.07], "sld_imag": [0, 0.2, 0, 0], "roughness": [8, 4, 3]}


@pytest.mark.parametrize(
    "shapes",
    [
        *("erf", "tanh", "linear", "exponential", "sinusoidal", "step"),
        ["tanh", "nevot-croce", "linear"],
        ["nevot-croce", "erf", "erf"],
    ],
)
def test_slices_are_those_of_microslices(shapes: Any) -> None:
    sliced = SAMPLE.with_interfaces(shapes, q_max=Q_MAX)
    slices = ks.microslices([250, 150], **NUMBERS, interfaces=shapes, q_max=Q_MAX)
    # the same steps, whose slices are computed in another order; the first of theirs begins at the first step, too
    np.testing.assert_allclose(ks.reflectivity(Q, *sliced.slabs()), slices.reflectivity(Q), rtol=1e-9)
    assert len(sliced.layers) - 1 == sum(slices.steps)


def test_derivatives_by_widths_and_thicknesses() -> None:
    width = ks.Parameter(6, bounds=(2, 10), name="width")
    thickness = ks.Parameter(140, bounds=(120, 160), name="thickness")
    film = ks.Layer(thickness, sld=6.3, roughness=width, solvent="backing", solvent_fraction=0.1)
    sample = (ks.Layer(sld=0) | film | ks.Layer(sld=2.07, roughness=0.5 * width)).with_interfaces("tanh", q_max=0.1)
    assert sample.parameters == [width, thickness]
    slabs = sample.slab_expressions()
    n = np.cumsum([len(part) for part in slabs[:4]])[:-1]
    tape = _core.Tape(*record([*slabs.thickness, *slabs.sld, *slabs.sld_imag, *slabs.roughness], [width, thickness]))
    q = np.linspace(0.01, 0.1, 20)
    x = np.array([5.0, 133.0])
    values, relations = tape.jacobian(x)
    _, jacobian = ks.reflectivity_jacobian(q, *np.split(np.asarray(values), n))
    exact = (
        np.concatenate([jacobian.thickness, jacobian.sld, jacobian.sld_imag, jacobian.roughness], axis=1) @ relations
    )
    for column in range(2):
        step = np.where(np.arange(2) == column, 1e-4, 0.0)
        up, down = (ks.reflectivity(q, *np.split(np.asarray(tape.values(x + sign * step)), n)) for sign in (1, -1))
        # truncation: 1e-8 times third derivatives, some 1e-7 of the largest slope; roundoff of R 1e-15 / 1e-4
        np.testing.assert_allclose(exact[:, column], (up - down) / 2e-4, rtol=1e-5, atol=1e-6 * np.abs(exact).max())
    # and the curve at these values is that of the plain numbers
    slices = ks.microslices(
        [133.0], [0, 0.9 * 6.3 + 0.1 * 2.07, 2.07], roughness=[5.0, 2.5], interfaces="tanh", q_max=0.1, error=1e-7
    )
    np.testing.assert_allclose(ks.reflectivity(q, *np.split(np.asarray(values), n)), slices.reflectivity(q), rtol=1e-4)


def test_overlaps_are_refused() -> None:
    thin = ks.Layer(sld=0) | ks.Layer(60, sld=6.3, roughness=8, name="thin") | ks.Layer(sld=2.07, roughness=3)
    message = r"interfaces must not overlap; those of layers\[1\] 'thin' do, by \d+\.?\d* angstrom; use kiessig"
    with pytest.raises(InvalidValueError, match=message):
        thin.with_interfaces("tanh", q_max=Q_MAX)


def test_stacks_are_written_out() -> None:
    cell = [ks.Layer(60, sld=9.4, roughness=3), ks.Layer(60, sld=-1.9, roughness=4)]
    sample = ks.Layer(sld=0) | ks.Stack(cell, 3) | ks.Layer(sld=2.07, roughness=2)
    sliced = sample.with_interfaces("linear", q_max=Q_MAX)
    assert sliced.cells == ()
    assert sliced.slabs().thickness.sum() == pytest.approx(360 + 2 * 0, abs=15)  # and what reaches into the ends
    centre = sliced.sld_profile([sliced.slabs().thickness.sum() / 2])[1]
    assert -1.95 < centre[0] < 9.45


def test_overlaps_are_refused_where_they_happen() -> None:
    width = ks.Parameter(3, bounds=(1, 30), name="width")
    sample = ks.Layer(sld=0) | ks.Layer(40, sld=6.3, roughness=width, name="thin") | ks.Layer(sld=2.07, roughness=3)
    sliced = sample.with_interfaces("erf", q_max=0.1)
    sliced.slabs()
    width.value = 25.0
    with pytest.raises(InvalidValueError, match=r"thickness must be non-negative; layers\[\d+\] 'thin' has thickness"):
        sliced.slabs()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"interfaces": ["erf"]}, ShapeError, "one shape or one for each of the 3 interfaces; got 1"),
        ({"interfaces": "round"}, InvalidValueError, r"interfaces\[0\] must be an InterfaceShape or one of 'erf'"),
        ({"interfaces": "erf", "q_max": -1.0}, InvalidValueError, "q_max must be positive"),
        ({"interfaces": "erf", "error": 0.1}, InvalidValueError, "error from 1e-08 to 0.01"),
        ({"interfaces": "erf", "q_max": 500.0}, InvalidValueError, "interface 0 of up to 8 angstrom needs too many"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^with_interfaces: .*{message}"):
        SAMPLE.with_interfaces(**({"q_max": Q_MAX} | arguments))


def test_magnetic_samples_are_refused() -> None:
    iron = ks.Layer(sld=0) | ks.Layer(50, sld=8, sld_magnetic=5) | ks.Layer(sld=2.07)
    with pytest.raises(InvalidValueError, match="the sample must not be magnetic"):
        iron.with_interfaces("erf", q_max=Q_MAX)


def test_q_max_of_a_sample_is_that_of_its_slices() -> None:
    assert SAMPLE.q_max == np.inf
    ramp = ks.GradientLayer(50, 1.0, 2.0, q_max=0.3)
    assert (ks.Layer(sld=0) | ramp | ks.GradientLayer(50, 2.0, 3.0, q_max=0.2) | ks.Layer(sld=3)).q_max == 0.2
