"""Bad input: an exception of ours that names the argument, what was required and what arrived."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError

GOOD = {
    "q": [0.01, 0.02, 0.03],
    "thickness": [100.0, 50.0],
    "sld": [0.0, 4.0, 3.0, 2.07],
    "sld_imag": [0.0, 0.1, 0.0, 0.0],
    "roughness": [3.0, 2.0, 1.0],
    "sld_magnetic": [0.0, 2.0, 1.0, 0.0],
    "theta_m": [90.0, 30.0, 60.0, 90.0],
    "phi_m": [0.0, 10.0, -20.0, 0.0],
    "guide_angle": [90.0],
    "field": [0.1],
}
FUNCTIONS = {
    "polarised_reflectivity": ks.polarised_reflectivity,
    "polarised_reflectivity_jacobian": ks.polarised_reflectivity_jacobian,
    "polarised_reflectivity_vjp": lambda **k: ks.polarised_reflectivity_vjp(**k, cotangent={"pm": np.ones(3)}),
    "polarised_reflectivity_jvp": lambda **k: ks.polarised_reflectivity_jvp(**k, tangents={"phi_m": 1.0}),
}


def spoiled(name, value, index=-1):
    changed = list(GOOD[name])
    changed[index] = value
    return {**GOOD, name: changed}


def check_message(error):
    lines = str(error).splitlines()
    assert 1 <= len(lines) <= 2
    assert not str(error).endswith((".", " "))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_good_input_is_accepted(function):
    found = FUNCTIONS[function](**GOOD)
    assert np.isfinite(found[0] if isinstance(found, tuple) else found).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_not_finite(function, name, value):
    index = len(GOOD[name]) - 1
    with pytest.raises(InvalidValueError, match=rf"^{function}: {name} must .*{name}\[{index}\] = {value}") as caught:
        FUNCTIONS[function](**spoiled(name, value))
    check_message(caught.value)


@pytest.mark.parametrize(("name", "unit"), [("theta_m", "degrees"), ("guide_angle", "degrees"), ("field", "tesla")])
def test_units_are_named(name, unit):
    with pytest.raises(InvalidValueError, match=rf"= nan {unit}$"):
        ks.polarised_reflectivity(**spoiled(name, np.nan))


@pytest.mark.parametrize("name", ["sld_magnetic", "theta_m", "phi_m"])
@pytest.mark.parametrize("length", [1, 3, 5])
def test_wrong_length(name, length):
    expected = rf"^polarised_reflectivity: {name} must have 4 entries on its last axis .*\({length},\)"
    with pytest.raises(ShapeError, match=expected) as caught:
        ks.polarised_reflectivity(**{**GOOD, name: np.zeros(length)})
    check_message(caught.value)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_batches_that_do_not_fit(function):
    with pytest.raises(ShapeError, match=rf"^{function}: leading .*guide_angle \(2,\), field \(3,\)"):
        FUNCTIONS[function](**{**GOOD, "guide_angle": [1.0, 2.0], "field": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize("value", ["x", None, [1j], [[1.0], [1.0, 2.0]]])
def test_no_numbers(value):
    with pytest.raises((InvalidValueError, ShapeError), match=r"^polarised_reflectivity: theta_m must be"):
        ks.polarised_reflectivity(**{**GOOD, "theta_m": value})


def test_fronting_magnetised_across_the_guide_field():
    arguments = spoiled("sld_magnetic", 1.5, 0)
    ks.polarised_reflectivity(**arguments)
    arguments["theta_m"] = [60.0, 30.0, 60.0, 90.0]
    with pytest.raises(
        InvalidValueError, match=r"^polarised_reflectivity: the fronting.*\[\.\.\., 0\].* 0\.75 "
    ) as caught:
        ks.polarised_reflectivity(**arguments)
    check_message(caught.value)
    with pytest.raises(InvalidValueError, match="the fronting"):
        ks.polarised_reflectivity(**{**spoiled("sld_magnetic", 1.5, 0), "guide_angle": 80.0})
    # what is out of the plane does not show
    for upright in ({"phi_m": [90.0, 0, 0, 0]}, {"guide_angle": 0.0, "phi_m": [90.0, 0, 0, 0]}):
        ks.polarised_reflectivity(**{**arguments, **upright})


def test_backing_magnetised_across_the_guide_field():
    arguments = {**spoiled("sld_magnetic", 1.0), "theta_m": [90.0, 0.0, 0.0, 45.0]}
    ks.polarised_reflectivity(**arguments)
    with pytest.raises(InvalidValueError, match=r"the backing.*\[\.\.\., -1\]"):
        ks.polarised_reflectivity(**{**arguments, "q": [0.01, -0.02, 0.03]})
    # a stack of a batch that is seen from the front only may have it
    batch = {**arguments, "theta_m": [[90.0, 0.0, 0.0, 45.0], [90.0, 0.0, 0.0, 90.0]], "q": [[0.01], [-0.01]]}
    ks.polarised_reflectivity(**batch)
    with pytest.raises(InvalidValueError, match="the backing"):
        ks.polarised_reflectivity(**{**batch, "q": [[-0.01], [0.01]]})


def test_cotangent():
    with pytest.raises(UnknownNameError, match=r"names no channel: 'up'; known names are pp, pm, mp, mm"):
        ks.polarised_reflectivity_vjp(**GOOD, cotangent={"up": 1.0})
    with pytest.raises(InvalidValueError, match=r"cotangent must be kiessig\.Channels or a mapping .*; got ndarray"):
        ks.polarised_reflectivity_vjp(**GOOD, cotangent=np.ones((4, 3)))
    with pytest.raises(
        ShapeError, match=r"cotangent\.mp must broadcast to the result's shape \(1, 3\); got shape \(2,\)"
    ):
        ks.polarised_reflectivity_vjp(**GOOD, cotangent={"mp": np.ones(2)})
    with pytest.raises(InvalidValueError, match=r"cotangent\.mm\[2\] = nan"):
        ks.polarised_reflectivity_vjp(**GOOD, cotangent={"mm": [0.0, 0.0, np.nan]})


def test_tangents():
    with pytest.raises(UnknownNameError, match=r"'theta'; did you mean 'theta_m'\?"):
        ks.polarised_reflectivity_jvp(**GOOD, tangents={"theta": 1.0})
    with pytest.raises(UnknownNameError, match="names no input: 'polariser'"):
        ks.polarised_reflectivity_jvp(**GOOD, tangents={"polariser": 1.0})
    with pytest.raises(
        ShapeError, match=r"tangents\['field'\] must broadcast to field, shape \(1,\); got shape \(2,\)"
    ):
        ks.polarised_reflectivity_jvp(**GOOD, tangents={"field": [1.0, 2.0]})
    devices = ks.Efficiencies(analyser=[0.9, 0.8, 0.7])
    with pytest.raises(ShapeError, match=r"tangents\['analyser'\] must broadcast to analyser, shape \(3,\)"):
        ks.polarised_reflectivity_jvp(**GOOD, tangents={"analyser": [1.0, 2.0]}, efficiencies=devices)


def test_efficiencies():
    with pytest.raises(InvalidValueError, match=r"efficiencies must be kiessig\.Efficiencies or None; got float"):
        ks.polarised_reflectivity(**GOOD, efficiencies=0.9)
    for shape in (2, (2, 3)):
        with pytest.raises(ShapeError, match=r"polariser must broadcast to the result's shape \(1, 3\)"):
            ks.polarised_reflectivity(**GOOD, efficiencies=ks.Efficiencies(np.full(shape, 0.9)))


def test_absurd_numbers_give_finite_answers(kernel):
    if not kernel:
        pytest.skip("the extension has no polarised kernel, and its stand-in overflows")
    extremes = (
        {"thickness": [1e7, 0.0]},
        {"sld_magnetic": [0.0, 1e-300, -1e3, 0.0]},
        {"theta_m": 1e6},
        {"field": 1e4},
        {"field": -1e-12},
        {"roughness": 200.0},
        {"q": [1e-12, 1e-6, 50.0]},
        {"sld_imag": 1e3},
    )
    for change in extremes:
        r = ks.polarised_reflectivity(**{**GOOD, **change})
        assert np.all(np.isfinite(r)), change
