"""Bad input: an exception of ours that names the argument, what was required and what arrived."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, KiessigError, ShapeError, UnknownNameError

FUNCTIONS = {
    "reflectivity": lambda **k: ks.reflectivity(**k),
    "amplitude": lambda **k: ks.amplitude(**k),
    "reflectivity_jacobian": lambda **k: ks.reflectivity_jacobian(**k),
    "reflectivity_vjp": lambda **k: ks.reflectivity_vjp(**k, cotangent=np.ones(3)),
    "reflectivity_jvp": lambda **k: ks.reflectivity_jvp(**k, tangents={"sld": 1.0}),
}
GOOD = {
    "q": [0.01, 0.02, 0.03],
    "thickness": [100.0, 50.0],
    "sld": [0.0, 4.0, 3.0, 2.07],
    "sld_imag": [0.0, 0.1, 0.0, 0.0],
    "roughness": [3.0, 2.0, 1.0],
}
SMEARED_GOOD = {"scale": 1.0, "background": 0.0, "dq": [1e-3, 1e-3, 1e-3]}
STACK = ("thickness", "sld", "sld_imag", "roughness")


def spoiled(name, index, value):
    good = {**GOOD, **SMEARED_GOOD}
    changed = list(good[name])
    changed[index] = value
    return {**good, name: changed}


def call(function, arguments):
    if function == "amplitude":
        arguments = {name: value for name, value in arguments.items() if name not in SMEARED_GOOD}
    return FUNCTIONS[function](**arguments)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_good_input_is_accepted(function):
    found = call(function, {**GOOD, **SMEARED_GOOD})
    assert np.isfinite(found[0] if isinstance(found, tuple) else found).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["q", *STACK, "dq"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_not_finite(function, name, value):
    if function == "amplitude" and name == "dq":
        pytest.skip("amplitude knows no resolution")
    with pytest.raises(InvalidValueError, match=rf"^{function}: {name} must .*{name}\[1\] = -?{abs(value)}") as caught:
        call(function, spoiled(name, 1, value))
    check_message(caught.value)


@pytest.mark.parametrize("name", ["thickness", "sld_imag", "roughness", "dq"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_negative(function, name):
    if function == "amplitude" and name == "dq":
        pytest.skip("amplitude knows no resolution")
    with pytest.raises(InvalidValueError, match=rf"^{function}: {name} must be .*{name}\[1\] = -2\.0") as caught:
        call(function, spoiled(name, 1, -2.0))
    check_message(caught.value)


@pytest.mark.parametrize("name", ["scale", "background"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scale_and_background_not_finite(name, value):
    with pytest.raises(InvalidValueError, match=rf"^reflectivity: {name} must .*{name} = {value}"):
        ks.reflectivity(**GOOD, **{name: value})
    with pytest.raises(InvalidValueError, match=rf"{name}\[1\] = {value}"):
        ks.reflectivity(**GOOD, **{name: [1.0, value]})


@pytest.mark.parametrize("name", ["sld_imag", "roughness", "dq"])
def test_scalars_are_checked_too(name):
    with pytest.raises(InvalidValueError, match=rf"^reflectivity: {name} must be .*{name} = -0\.5"):
        ks.reflectivity(**{**GOOD, name: -0.5})
    with pytest.raises(InvalidValueError, match=rf"{name} = nan"):
        ks.reflectivity(**{**GOOD, name: np.nan})


def test_index_in_a_batch():
    thickness = np.full((2, 3, 2), 10.0)
    thickness[1, 2, 0] = -1.0
    with pytest.raises(InvalidValueError, match=r"thickness\[1, 2, 0\] = -1\.0"):
        ks.reflectivity(**{**GOOD, "thickness": thickness})


def test_negative_zero_is_no_negative_number():
    zero = {**GOOD, "thickness": [-0.0, 50.0], "sld_imag": -0.0, "roughness": -0.0, "dq": -0.0}
    expected = ks.reflectivity(**{**GOOD, "thickness": [0.0, 50.0], "sld_imag": 0.0, "roughness": 0.0, "dq": 0.0})
    np.testing.assert_array_equal(ks.reflectivity(**zero), expected)
    _, jacobian = ks.reflectivity_jacobian(**zero)
    assert np.all(np.isfinite(jacobian.sld_imag))


SHAPES = {
    "too few layers": ({"thickness": [100.0]}, "thickness"),
    "too many layers": ({"thickness": [100.0, 50.0, 20.0]}, "thickness"),
    "scalar thickness": ({"thickness": 100.0}, "thickness"),
    "one thickness for several layers": ({"thickness": [[100.0]]}, "thickness"),
    "one medium": ({"sld": [4.0], "thickness": []}, "sld"),
    "no medium": ({"sld": [], "thickness": []}, "sld"),
    "scalar sld": ({"sld": 4.0}, "sld"),
    "short sld_imag": ({"sld_imag": [0.0, 0.1, 0.2]}, "sld_imag"),
    "single sld_imag in a list": ({"sld_imag": [0.1]}, "sld_imag"),
    "short roughness": ({"roughness": [3.0, 2.0]}, "roughness"),
    "roughness per medium": ({"roughness": [0.0, 3.0, 2.0, 1.0]}, "roughness"),
    "batches of 2 and 3": ({"thickness": np.ones((2, 2)), "sld": np.ones((3, 4))}, "thickness|sld"),
    "batches of stacks and q": ({"q": np.ones((2, 3)), "sld": np.ones((3, 4))}, "q|sld"),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("what", SHAPES)
def test_shapes(what, function):
    changes, names = SHAPES[what]
    with pytest.raises(ShapeError, match=rf"^{function}: .*\b({names})\b") as caught:
        call(function, {**GOOD, **changes})
    check_message(caught.value)


def test_shapes_of_the_keyword_arguments():
    for name, value in (("dq", [1e-3, 1e-3]), ("dq", np.full((2, 4), 1e-3))):
        with pytest.raises(ShapeError, match=rf"^reflectivity: .*\b{name}\b"):
            ks.reflectivity(**GOOD, **{name: value})
    batch = {**GOOD, "thickness": np.full((3, 2), 10.0)}
    for name in ("scale", "background"):
        with pytest.raises(ShapeError, match=rf"^reflectivity: .*\b{name}\b"):
            ks.reflectivity(**batch, **{name: [1.0, 2.0]})


def test_ragged_rows():
    with pytest.raises(KiessigError, match=r"^reflectivity: sld"):
        ks.reflectivity([0.01], [100.0], [[0.0, 4.0, 2.07], [0.0, 4.0]])


@pytest.mark.parametrize("name", ["q", *STACK, "scale", "background", "dq"])
@pytest.mark.parametrize("value", ["abc", ["0.01", "x", "y"], None, 1j, [1 + 1j] * 3, object(), [object()] * 3])
def test_not_numbers(name, value):
    if name == "dq" and value is None:
        pytest.skip("None stands for no resolution")
    with pytest.raises(KiessigError, match=rf"^reflectivity: {name} must") as caught:
        ks.reflectivity(**{**GOOD, name: value})
    assert isinstance(caught.value, ValueError)
    check_message(caught.value)


def test_masked_points_are_refused_or_seen():
    # a mask that is silently dropped would bring the masked values back
    masked = np.ma.masked_invalid([0.01, np.nan, 0.03])
    with pytest.raises(KiessigError):
        ks.reflectivity(**{**GOOD, "q": masked})


@pytest.mark.parametrize("cotangent", [np.ones(2), np.ones((2, 3)), 1j * np.ones(3), [1.0, np.nan, 1.0], "abc", None])
def test_cotangent(cotangent):
    with pytest.raises(KiessigError, match=r"^reflectivity_vjp: .*cotangent") as caught:
        ks.reflectivity_vjp(**GOOD, cotangent=cotangent)
    check_message(caught.value)


def test_tangents():
    with pytest.raises(UnknownNameError, match=r"^reflectivity_jvp: .*thicknesses.*'thickness'"):
        ks.reflectivity_jvp(**GOOD, tangents={"thicknesses": 1.0})
    with pytest.raises(ShapeError, match=r"^reflectivity_jvp: .*thickness"):
        ks.reflectivity_jvp(**GOOD, tangents={"thickness": [1.0, 2.0, 3.0]})
    with pytest.raises(InvalidValueError, match=r"^reflectivity_jvp: .*sld.*\[2\] = nan"):
        ks.reflectivity_jvp(**GOOD, tangents={"sld": [0.0, 0.0, np.nan, 0.0]})
    with pytest.raises(KiessigError, match=r"^reflectivity_jvp: .*dq"):
        ks.reflectivity_jvp(**GOOD, tangents={"dq": 1.0})  # there is no dq to vary


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads(threads):
    with pytest.raises(KiessigError, match=r"^reflectivity: threads must"):
        ks.reflectivity(**GOOD, threads=threads)


def test_cotangent_and_tangents_are_required():
    with pytest.raises(TypeError, match="cotangent"):
        ks.reflectivity_vjp(**GOOD)
    with pytest.raises(TypeError, match="tangents"):
        ks.reflectivity_jvp(**GOOD)


def test_options_are_keywords():
    with pytest.raises(TypeError):
        ks.reflectivity(*GOOD.values(), 2.0)


def test_errors_are_value_errors_of_ours():
    for error in (ShapeError, InvalidValueError):
        assert issubclass(error, ValueError)
        assert issubclass(error, KiessigError)


def check_message(error):
    """Two lines at most, nothing from the C++ side, lower-case start."""
    text = str(error)
    assert len(text.splitlines()) <= 2
    assert len(text) < 400
    assert text[0].islower()
    for debris in ("std::", "pybind11", "_core", "incompatible function", "double*"):
        assert debris not in text
