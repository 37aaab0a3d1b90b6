"""Free-form profiles: against scipy's PCHIP and refnx, and the shapes of functional profiles against closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

import kiessig as ks
from kiessig import _core
from kiessig.components.spline import _pieces
from kiessig.errors import InvalidValueError
from kiessig.parameters import evaluate, record

Q_MAX = 0.25
U = np.linspace(0.0, 1.0, 11)


def knots(values: Any, *, free: bool) -> list[Any]:
    return [ks.Parameter(value, name=f"v{i}") if free else float(value) for i, value in enumerate(values)]


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize(
    "values",
    [
        [0.0, 1.0, 3.0, 3.5, 6.0],
        [2.0, 5.0, 4.0, 4.5, 1.0],  # turns at every knot
        [2.0, 2.0, 3.0, 3.0, 5.0],  # flat pieces
        [0.0, 0.1, 5.0, 5.1, 9.0],  # ends that the monotone limit changes
        [1.0, 4.0, 3.9, -2.0, 7.0],
        [3.0, 1.0],
        [3.0, 1.0, 2.0],
    ],
)
def test_the_interpolant_is_scipy_s(values: list[float], free: bool) -> None:
    widths = [10.0, 35.0, 20.0, 5.0][: len(values) - 1]
    places = np.concatenate([[0.0], np.cumsum(widths)])
    reference = PchipInterpolator(places, values)
    for i, piece in enumerate(_pieces(knots(values, free=free), widths, flat_ends=False)):
        found = evaluate([piece(float(u)) for u in U])
        np.testing.assert_allclose(found, reference(places[i] + widths[i] * U), rtol=1e-12, atol=1e-12)


def test_derivatives_by_values_and_spacings() -> None:
    # no two chords are equal in size or differ in sign by a hair, so that every branch is where it is
    values = [ks.Parameter(value) for value in (2.0, 5.0, 4.0, 4.8, 6.0)]
    widths = [ks.Parameter(width) for width in (20.0, 30.0, 25.0, 40.0)]
    pieces = _pieces(values, widths, flat_ends=False)
    parameters = [*values, *widths]
    tape = _core.Tape(*record([piece(float(u)) for piece in pieces for u in U], parameters))
    x = np.array([item.value for item in parameters])
    _, jacobian = tape.jacobian(x)
    for column in range(len(x)):
        h = 1e-5 * x[column]
        step = np.where(np.arange(len(x)) == column, h, 0.0)
        slope = (np.asarray(tape.values(x + step)) - np.asarray(tape.values(x - step))) / (2 * h)
        np.testing.assert_allclose(jacobian[:, column], slope, rtol=1e-6, atol=1e-8)  # h^2, and 1e-16 / h


def test_slices_of_a_spline() -> None:
    values, widths = [2.07, 3.5, 5.0, 4.0, 6.36], [20.0, 40.0, 30.0, 50.0]
    profile = ks.SplineProfile(values, widths, q_max=Q_MAX, roughness=2.0, name="film")
    z = np.linspace(3, 137, 90)
    reference = PchipInterpolator(np.concatenate([[0.0], np.cumsum(widths)]), values)
    np.testing.assert_allclose(profile.sld_profile(z)[1], reference(z), atol=0.05)  # drawn in slices
    slabs = (ks.Layer(sld=0) | profile | ks.Layer(sld=6.36)).slabs()
    assert slabs.roughness[0] == 2.0
    assert not slabs.roughness[1:].any()
    area = sum(reference.integrate(*ends) for ends in ((0, 60), (60, 140)))
    assert slabs.thickness @ slabs.sld[1:-1] == pytest.approx(area, rel=1e-12)  # Gauss rules integrate cubics


@pytest.mark.parametrize("flat", [True, False])
def test_refnx_has_the_same_spline(flat: bool) -> None:
    reflect = pytest.importorskip("refnx.reflect")
    inner, shares, extent = [3.5, 5.0, 4.0], [0.2, 0.3, 0.2], 150.0
    theirs = reflect.Spline(extent, inner, shares, zgrad=flat, microslab_max_thickness=0.05)
    structure = reflect.SLD(2.07)() | theirs | reflect.SLD(6.36)(0, 0)
    spacings = [extent * share for share in (*shares, 1 - sum(shares))]
    profile = ks.SplineProfile([2.07, *inner, 6.36], spacings, flat_ends=flat, q_max=Q_MAX)
    q = np.linspace(0.008, Q_MAX, 200)
    slabs = structure.slabs()
    fine = ks.reflectivity(q, slabs[1:-1, 0], slabs[:, 1], 0.0, 0.0)
    ours = ks.reflectivity(q, *(ks.Layer(sld=2.07) | profile | ks.Layer(sld=6.36)).slabs())
    # of their slices of h angstrom, sampled in their middles: (Q h)^2 / 24 and more where R has minima
    np.testing.assert_allclose(ours, fine, rtol=2e-3)


def test_positions_in_place_of_spacings() -> None:
    place = ks.Parameter(40, bounds=(30, 60), name="z")
    profile = ks.SplineProfile.at([10, place, 110], [2.0, 5.0, 6.0], q_max=Q_MAX)
    assert [float(segment.thickness) for segment in profile.segments] == [30.0, 70.0]
    assert profile.parameters == [place]


def test_absorption_never_turns_negative() -> None:
    media = [ks.Material(sld=ks.Parameter(2.0, bounds=(1, 3)), sld_imag=value) for value in (0.0, 0.0, 1.0, 0.0)]
    share = ks.Parameter(0.5, bounds=(0, 1), name="share")
    media[2] = ks.Material(sld=4.0, sld_imag=share)
    profile = ks.SplineProfile(media, [20, 30, 20], q_max=Q_MAX)
    for value in (0.0, 0.3, 1.0):
        share.value = value
        slabs = (ks.Layer(sld=0) | profile | ks.Layer(sld=2)).slabs()  # raises for a negative one
        assert slabs.sld_imag.max() == pytest.approx(value)


@pytest.mark.parametrize(
    ("values", "spacings", "message"),
    [
        ([1.0], [], "two or more values are required, and one spacing less; got 1 values and 0 spacings"),
        ([1.0, 2.0], [3.0, 4.0], "got 2 values and 2 spacings"),
        ([1.0, 2.0], [0.0], r"spacings must be positive; spacings\[0\] = 0 angstrom"),
        ([1.0, 2.0], [-1.0], r"spacings\[0\] must be non-negative"),
        ([1.0, "x"], [1.0], r"values\[1\] must be a Material, real number, Parameter or Expression"),
    ],
)
def test_bad_splines(values: Any, spacings: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^SplineProfile: .*{message}"):
        ks.SplineProfile(values, spacings, q_max=Q_MAX)


class TestShapes:
    CENTRE = ks.Parameter(60, bounds=(40, 80), name="centre")
    WIDTH = ks.Parameter(10, bounds=(5, 15), name="width")

    @pytest.mark.parametrize(
        ("function", "share"),
        [
            (ks.shapes.erf(1.0, 5.0, centre=CENTRE, sigma=WIDTH), lambda z: math.erf((z - 60) / 10 / 2**0.5) / 2 + 0.5),
            (ks.shapes.tanh(1.0, 5.0, centre=CENTRE, width=WIDTH), lambda z: math.tanh((z - 60) / 10) / 2 + 0.5),
            (ks.shapes.exponential(1.0, 5.0, length=WIDTH), lambda z: 1 - math.exp(-z / 10)),
            (ks.shapes.power_law(1.0, 5.0, thickness=120, power=3), lambda z: (z / 120) ** 3),
        ],
    )
    def test_values(self, function: Any, share: Any) -> None:
        for z in (0.0, 13.0, 60.0, 119.0):
            assert evaluate([function(z).sld])[0] == pytest.approx(1.0 + 4.0 * share(z), rel=1e-12)
        profile = ks.FunctionalProfile(120, function, q_max=Q_MAX)
        z = np.linspace(10, 110, 40)
        expected = [1.0 + 4.0 * share(depth) for depth in z]
        np.testing.assert_allclose(profile.sld_profile(z)[1], expected, atol=0.1)  # drawn in slices

    def test_an_error_function_has_nevot_and_croce_s_factor(self) -> None:
        # of a weak, wide interface the kinematic limit is exact: |r|^2 falls by exp(-Q^2 sigma^2)
        sigma = ks.Parameter(8.0, bounds=(5, 10), name="sigma")
        function = ks.shapes.erf(0.0, 0.01, centre=60, sigma=sigma)
        smooth = ks.Layer(sld=0) | ks.FunctionalProfile(120, function, q_max=Q_MAX) | ks.Layer(sld=0.01)
        q = np.linspace(0.02, Q_MAX, 60)
        rough = ks.reflectivity(q, [], [0.0, 0.01], roughness=8.0)
        # second order in (critical edge / Q)^2, below 1e-3 of R; and what the profile has left at its ends
        np.testing.assert_allclose(ks.reflectivity(q, *smooth.slabs()), rough, rtol=2e-3)

    def test_refusals(self) -> None:
        with pytest.raises(InvalidValueError, match=r"power must be an integer of at least 1; power = 0.5"):
            ks.shapes.power_law(0, 1, thickness=10, power=0.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidValueError, match=r"shapes\.tanh: width must be positive; width = 0 angstrom"):
            ks.shapes.tanh(0, 1, centre=3, width=0)
