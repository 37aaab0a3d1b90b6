"""Our kernels in the place of GenX's: the same numbers, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from kiessig.adapters import genx as adapter
from reference.characteristic_matrix import reflectivity as independent
from reference.stacks import random_stack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    try:
        from genx.models.lib import neutron_refl, paratt
    except ImportError:
        paratt = None

needs_genx = pytest.mark.skipif(paratt is None, reason="GenX is not installed")
LAMBDA = 1.54
Q = np.linspace(0.003, 0.4, 80)
# two recursions on wavevectors that differ by the roundoff of n² - n0², 1e-16 of 1 beside a delta of 1e-6
RELATIVE, ABSOLUTE = 1e-7, 1e-14


def of_genx(seed=0, n=3, ambient=1.0):
    """GenX's arguments n, d, sigma of a random stack, substrate first, and the stack."""
    stack = random_stack(np.random.default_rng([221, n, seed]), n, absorbing=True, thickness=(3.0, 150.0))
    sld = stack.sld - stack.sld[0]
    potential = LAMBDA**2 / np.pi * 1e-6 * (sld - 1j * np.append(0.0, stack.sld_imag[1:]))
    index = np.sqrt(ambient**2 - potential)[::-1]
    d = np.concatenate(([0.0], stack.thickness, [0.0]))[::-1]
    sigma = np.append(stack.roughness[::-1], 0.0)
    return index, d, sigma


@needs_genx
@pytest.mark.parametrize("return_int", [True, False])
@pytest.mark.parametrize("n", [0, 1, 3, 15])
def test_specular(n, return_int):
    for seed in range(3):
        for ambient in (1.0, 1.0 - 5e-6):
            layers = of_genx(seed, n, ambient)
            own = {name: getattr(paratt, name) for name in ("ReflQ", "Refl", "Refl_nvary2")}
            theta = np.degrees(np.arcsin(Q * LAMBDA / (4.0 * np.pi)))
            dispersive = (np.full(Q.size, LAMBDA), np.repeat(layers[0][:, np.newaxis], Q.size, axis=1))
            for name, first in (
                ("ReflQ", (Q, LAMBDA, *layers)),
                ("Refl", (theta, LAMBDA, *layers)),
                ("Refl_nvary2", (theta, *dispersive, *layers[1:])),
            ):
                expected = own[name](*first, return_int)
                found = getattr(adapter, name)(*first, return_int)
                assert found.shape == expected.shape
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=RELATIVE, atol=1e-9 if not return_int else ABSOLUTE)


def test_specular_against_characteristic_matrices():
    # independent of GenX, in which the mapping of indices and order is the point
    for seed in range(3):
        index, d, sigma = of_genx(seed, 2)
        delta = (1.0 - index**2) * np.pi / LAMBDA**2 * 1e6
        sld, sld_imag = delta.real[::-1], -delta.imag[::-1]
        q = Q[::10]
        expected = [float(independent(x, d[1:-1][::-1], sld, sld_imag)) for x in q]
        found = adapter.ReflQ(q, LAMBDA, index, d, 0.0 * sigma)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=ABSOLUTE)


@needs_genx
def test_wavelengths_of_each_point():
    index, d, sigma = of_genx(1, 3)
    wavelength = np.linspace(1.0, 2.0, Q.size)
    many = 1.0 + np.multiply.outer(index - 1.0, (wavelength / LAMBDA) ** 2)
    theta = np.full(Q.size, 0.8)
    expected = paratt.Refl_nvary2(theta, wavelength, many, d, sigma)
    found = adapter.Refl_nvary2(theta, wavelength, many, d, sigma)
    np.testing.assert_allclose(found, expected, rtol=RELATIVE, atol=ABSOLUTE)


def neutrons(angles, rough):
    rho = np.array([2.07, 5.0, 6.5, 0.0])
    magnetic = np.array([0.0, 3.0, 1.5, 0.0])
    absorption = np.array([0.001, 0.02, 0.0, 0.0])
    # 1 - n² with n = 1 - s, of spins up and down, as GenX's models form it
    wavelength = 4.4
    s = wavelength**2 / (2.0 * np.pi) * 1e-6 * (rho + np.multiply.outer([1.0, -1.0], magnetic) - 1j * absorption)
    plus, minus = (2.0 * np.pi / wavelength) ** 2 * s * (2.0 - s)
    sigma = np.array([3.0, 4.0, 5.0, 0.0]) if rough else None
    return plus, minus, np.array([0.0, 120.0, 60.0, 0.0]), np.asarray(angles, dtype=float), sigma


@needs_genx
@pytest.mark.parametrize(
    ("angles", "rough", "ours"),
    [
        ([0.0, 0.0, 0.0, 0.0], True, True),
        ([0.0, np.pi, 0.0, 0.0], False, True),
        ([0.0, 0.7, -1.1, 0.0], False, True),
        ([0.0, 0.7, -1.1, 0.0], True, False),
    ],
)
def test_polarised(angles, rough, ours, monkeypatch):
    arguments = neutrons(angles, rough)
    expected = neutron_refl.Refl(Q, *arguments)
    called = []
    own = adapter.polarised_reflectivity
    monkeypatch.setattr(adapter, "polarised_reflectivity", lambda *a, **k: called.append(1) or own(*a, **k))
    found = adapter.neutron_Refl(Q, *arguments)
    assert bool(called) is ours
    for channel, other in zip(found, expected, strict=True):
        # the two spins' absorption is taken as one: they differ by 1e-5 of it
        np.testing.assert_allclose(channel, other, rtol=1e-6, atol=1e-13)


@needs_genx
def test_amplitudes_of_neutrons_are_those_of_genx():
    arguments = neutrons([0.0, 0.7, -1.1, 0.0], False)
    for found, expected in zip(
        adapter.neutron_Refl(Q, *arguments, return_int=False),
        neutron_refl.Refl(Q, *arguments, return_int=False),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@needs_genx
def test_what_our_kernel_refuses_goes_to_theirs():
    index, d, sigma = of_genx()
    absorbing = index.copy()
    absorbing[-1] += 1e-7j
    with_gain = index.copy()
    with_gain[1] -= 1e-5j
    for other in (absorbing, with_gain):
        with adapter.backend():
            found = paratt.ReflQ(Q, LAMBDA, other, d, sigma)
        np.testing.assert_array_equal(found, paratt.ReflQ(Q, LAMBDA, other, d, sigma))


@needs_genx
@pytest.mark.parametrize("probe", ["xray", "npolsf"])
def test_a_model_of_genx(probe, monkeypatch):
    spec_nx = pytest.importorskip("genx.models.spec_nx")
    settings = {"wavelength": 1.54, "coords": spec_nx.Coords.q, "probe": getattr(spec_nx.Probe, probe), "res": 1e-3}
    instrument = spec_nx.Instrument(restype=spec_nx.ResType.fast_conv, pol=spec_nx.Polarization.up_up, **settings)
    iron = spec_nx.Layer(d=100.0, sigma=0.0, f=26.0 - 1.0j, b=9.45, dens=0.08, magn=2.0, magn_ang=30.0)
    silicon = spec_nx.Layer(f=14.0 - 0.1j, b=4.15, dens=0.05, sigma=0.0)
    ambient = spec_nx.Layer(f=0.0j, b=0.0, dens=0.0)
    sample = spec_nx.Sample(Stacks=[spec_nx.Stack(Layers=[iron])], Ambient=ambient, Substrate=silicon)
    expected = np.array(sample.SimSpecular(Q, instrument))
    called = []
    for name in ("reflectivity", "polarised_reflectivity"):
        own = getattr(adapter, name)
        monkeypatch.setattr(adapter, name, lambda *a, _own=own, **k: called.append(1) or _own(*a, **k))
    spec_nx.Buffer.parameters = None  # what GenX keeps of the last polarised calculation
    with adapter.backend():
        found = np.array(sample.SimSpecular(Q, instrument))
    assert called
    assert np.ptp(np.log(found)) > 5.0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def patched():
    return [getattr(paratt, name) for name in ("Refl", "ReflQ", "Refl_nvary2")] + [neutron_refl.Refl]


@needs_genx
def test_nested_exceptional_and_permanent():
    before = patched()
    with adapter.backend(), adapter.backend():
        assert paratt.ReflQ is adapter.ReflQ
        assert neutron_refl.Refl is adapter.neutron_Refl
    with pytest.raises(RuntimeError, match="planned"), adapter.backend():
        raise RuntimeError("planned")  # noqa: EM101
    assert patched() == before
    adapter.use()
    with adapter.backend():
        pass
    assert paratt.Refl is adapter.Refl
    # GenX asks the functions where they are from
    assert paratt.Refl.__module__.rsplit(".", 1)[1] != "paratt_cuda"
    adapter.restore()
    assert patched() == before


def test_without_genx():
    script = """
import sys
sys.modules["genx"] = None
import kiessig.adapters.genx as adapter
try:
    adapter.use()
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("kiessig.adapters.genx: genx.models.lib.paratt cannot be imported")
