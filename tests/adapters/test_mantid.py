"""The reference of a reduction, beside refl1d's, and the fit function under Mantid's protocol."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

import kiessig as ks
from adapters import mantid_stand_in
from kiessig.adapters import mantid as adapter
from kiessig.errors import InvalidValueError, UnknownNameError

Q = np.linspace(0.01, 0.25, 80)
DESCRIPTION = {
    "back_sld": 2.07,
    "back_roughness": 3.0,
    "front_sld": 6.36,
    "scale": 0.9,
    "background": 1e-6,
    "layers": [
        {"thickness": 30.0, "sld": 3.47, "isld": 0.0, "roughness": 4.0},
        {"thickness": 200.0, "sld": 4.5, "isld": 0.02, "roughness": 6.0},
    ],
}


@pytest.mark.parametrize("resolution", [0.025, 0.01])
def test_reference_beside_refl1d(resolution):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = pytest.importorskip("refl1d.names")
    zeros = np.zeros_like(Q)
    probe = names.QProbe(Q, resolution * Q, R=zeros, dR=zeros)
    probe.background.value = DESCRIPTION["background"]
    sample = names.SLD("back", rho=DESCRIPTION["back_sld"])(0.0, DESCRIPTION["back_roughness"])
    for layer in DESCRIPTION["layers"]:
        material = names.SLD("layer", rho=layer["sld"], irho=layer["isld"])
        sample = sample | material(layer["thickness"], layer["roughness"])
    sample = sample | names.SLD("front", rho=DESCRIPTION["front_sld"])
    _, r = names.Experiment(probe=probe, sample=sample, dz=1.0).reflectivity()
    found = adapter.reference_reflectivity(DESCRIPTION, Q, q_resolution=resolution)
    np.testing.assert_allclose(found, DESCRIPTION["scale"] * r, rtol=1e-9)


def test_exact_reference():
    found = adapter.reference_reflectivity(DESCRIPTION, Q, smearing="exact")
    r = ks.reflectivity(Q, [200.0, 30.0], [6.36, 4.5, 3.47, 2.07], [0.0, 0.02, 0.0, 0.0], [6.0, 4.0, 3.0], dq=0.025 * Q)
    np.testing.assert_allclose(found, 0.9 * (r + 1e-6), rtol=1e-12)
    single = adapter.reference_reflectivity({**DESCRIPTION, "layers": []}, [0.05], smearing="exact")
    bare = ks.reflectivity([0.05], [], [6.36, 2.07], roughness=3.0, dq=[0.00125])
    np.testing.assert_allclose(single, 0.9 * (bare + 1e-6), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"layers": [{"thickness": 3.0}]}, UnknownNameError, r"layers\[0\] lacks sld, isld, roughness; its keys are"),
        ({"solvent": 1.0}, UnknownNameError, "model_description has unknown solvent; its keys are back_sld"),
        ({"layers": [3.0]}, InvalidValueError, r"layers\[0\] must be a mapping; got float"),
        ({"back_roughness": -3.0}, InvalidValueError, "roughness must be .*negative"),
    ],
)
def test_reference_refuses(change, error, match):
    with pytest.raises(error, match=match):
        adapter.reference_reflectivity({**DESCRIPTION, **change}, Q)


def test_reference_refuses_a_smearing():
    with pytest.raises(InvalidValueError, match="smearing must be 'refl1d' or 'exact'; got 'gauss'"):
        adapter.reference_reflectivity(DESCRIPTION, Q, smearing="gauss")


@pytest.fixture
def framework(monkeypatch):
    """Mantid's own classes where there are such, or those of the stand-in."""
    adapter.fit_function.cache_clear()
    for name, module in mantid_stand_in.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    yield sys.modules["mantid.api"]
    adapter.fit_function.cache_clear()


VALUES = {
    "Scale": 0.9,
    "Background": 1e-6,
    "Resolution": 0.02,
    "FrontSLD": 0.0,
    "Thickness1": 200.0,
    "SLD1": 4.5,
    "Absorption1": 0.02,
    "Roughness1": 6.0,
    "Thickness2": 30.0,
    "SLD2": 3.47,
    "Absorption2": 0.0,
    "Roughness2": 4.0,
    "BackSLD": 2.07,
    "BackAbsorption": 0.01,
    "BackRoughness": 3.0,
}


def function_of(framework, n=2, **values):
    adapter.register(n)
    function = framework.FunctionFactory.createFunction(f"KiessigReflectivity{n}")
    for name, value in values.items():
        function.setParameter(name, value)
    return function


def jacobian_of(function):
    jacobian = mantid_stand_in.Jacobian(Q.size, function.numParams())
    function.functionDeriv1D(Q, jacobian)
    return jacobian.values


def test_values_and_order(framework):
    function = function_of(framework, **VALUES)
    assert [function.parameterName(i) for i in range(function.numParams())] == list(VALUES)
    assert function.category() == "Reflectometry"
    expected = ks.reflectivity(
        Q,
        [200.0, 30.0],
        [0.0, 4.5, 3.47, 2.07],
        [0.0, 0.02, 0.0, 0.01],
        [6.0, 4.0, 3.0],
        scale=0.9,
        background=1e-6,
        dq=0.02 * Q,
    )
    np.testing.assert_allclose(function.function1D(Q), expected, rtol=1e-12)


@pytest.mark.parametrize("resolution", [0.0, 0.02])
@pytest.mark.parametrize("roughness", [6.0, -6.0])
def test_derivatives(framework, resolution, roughness):
    values = {**VALUES, "Resolution": resolution, "Roughness1": roughness, "Absorption2": 0.03}
    function = function_of(framework, **values)
    found = jacobian_of(function)
    for p, (name, value) in enumerate(values.items()):
        if name == "Resolution" and resolution == 0.0:
            np.testing.assert_array_equal(found[:, p], 0.0)
            continue
        h = 1e-4 if name == "Background" else 1e-4 * (abs(value) or 1.0)
        slopes = []
        for step in (h, h / 2):
            curves = []
            for sign in (-1.0, 1.0):
                function.setParameter(name, value + sign * step)
                curves.append(function.function1D(Q))
            slopes.append((curves[1] - curves[0]) / (2.0 * step))
        function.setParameter(name, value)
        expected = (4.0 * slopes[1] - slopes[0]) / 3.0
        # smeared values hold to 1e-5 of the integral and jump where panels are halved; unsmeared ones to h⁴
        tolerance = 1e-7 if resolution == 0.0 else 1e-4
        assert np.max(np.abs(found[:, p] - expected)) <= tolerance * np.max(np.abs(expected)), name


def test_what_minimisers_try(framework):
    beyond = {**VALUES, "Thickness1": -5.0, "Absorption1": -0.1, "Resolution": -0.01}
    at_zero = {**VALUES, "Thickness1": 0.0, "Absorption1": 0.0, "Resolution": 0.0}
    one, other = function_of(framework, **beyond), function_of(framework, **at_zero)
    np.testing.assert_array_equal(one.function1D(Q), other.function1D(Q))
    np.testing.assert_array_equal(jacobian_of(one), jacobian_of(other))


def test_a_fit(framework):
    from scipy.optimize import least_squares

    function = function_of(framework, **VALUES)
    measured = function.function1D(Q)
    free = ["Thickness1", "SLD1", "Roughness1", "Thickness2", "Scale"]
    columns = [list(VALUES).index(name) for name in free]

    def set_to(x):
        for name, value in zip(free, x, strict=True):
            function.setParameter(name, value)

    def residuals(x):
        set_to(x)
        return (function.function1D(Q) - measured) / (0.02 * measured)

    def derivatives(x):
        set_to(x)
        return jacobian_of(function)[:, columns] / (0.02 * measured[:, np.newaxis])

    true = np.array([VALUES[name] for name in free])
    result = least_squares(residuals, 1.01 * true, jac=derivatives, x_scale="jac")
    np.testing.assert_allclose(result.x, true, rtol=1e-5)


def test_no_layer_and_too_many(framework):
    function = function_of(framework, 0, BackSLD=2.07)
    np.testing.assert_allclose(function.function1D(Q), ks.reflectivity(Q, [], [0.0, 2.07]), rtol=1e-12)
    for wrong in (-1, 101, 2.5, "2"):
        with pytest.raises(InvalidValueError, match="n_layers must be an integer from 0 to 100; got"):
            adapter.fit_function(wrong)


def test_without_mantid():
    script = """
import sys
sys.modules["mantid"] = None
from kiessig.adapters.mantid import register
try:
    register(1)
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("kiessig.adapters.mantid: mantid.api cannot be imported")
