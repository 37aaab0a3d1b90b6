"""Our kernel under refl1d: its numbers, its command line, and nothing left behind."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from reference.stacks import random_stack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("refl1d.backends", reason="refl1d is not installed")
    import refl1d
    from refl1d import backends
    from refl1d.sample import reflectivity as host

import kiessig.adapters.refl1d as adapter
from adapters.refl1d_problems import problem
from kiessig.adapters.refl1d import kernels
from kiessig.adapters.refl1d.convolution import Convolutions

# amplitudes of two kernels, some tens of roundoffs of the largest |F|
AMPLITUDE = 1e-11
BEFORE = (backends.backend, refl1d.BACKEND_NAME)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    yield
    assert (backends.backend, refl1d.BACKEND_NAME) == BEFORE


def arguments(n, seed, rows=1):
    """refl1d's arguments of a random stack, which it counts from the substrate."""
    stack = random_stack(np.random.default_rng([211, n, seed]), n, absorbing=True, thickness=(3.0, 150.0))
    depth = np.concatenate(([0.0], stack.thickness, [0.0]))[::-1]
    rho = np.stack([stack.sld[::-1] * (1.0 + 0.05 * k) for k in range(rows)])
    irho = np.stack([stack.sld_imag[::-1]] * rows)
    return tuple(np.ascontiguousarray(array) for array in (depth, stack.roughness[::-1], rho, irho))


@pytest.mark.parametrize("n", [0, 1, 3, 20])
def test_amplitude(n):
    kz = np.concatenate([-np.linspace(0.002, 0.15, 30), [0.0, 1e-11], np.linspace(0.002, 0.15, 30)])
    index = np.zeros(kz.size, "i")
    for seed in range(3):
        depth, sigma, rho, irho = arguments(n, seed)
        expected, found = np.empty((2, kz.size), complex)
        kernels.__getattr__("_library").reflectivity_amplitude(depth, sigma, rho, irho, kz, index, expected)
        kernels.reflectivity_amplitude(depth, sigma, rho, irho, kz, index, found)
        np.testing.assert_allclose(found, expected, rtol=0, atol=AMPLITUDE)


def test_rows_of_points():
    depth, sigma, rho, irho = arguments(4, 0, rows=3)
    kz = -np.linspace(0.002, 0.15, 30)
    index = (np.arange(30) % 3).astype("i")
    expected, found = np.empty((2, 30), complex)
    kernels.__getattr__("_library").reflectivity_amplitude(depth, sigma, rho, irho, kz, index, expected)
    kernels.reflectivity_amplitude(depth, sigma, rho, irho, kz, index, found)
    np.testing.assert_allclose(found, expected, rtol=0, atol=AMPLITUDE)


def test_what_our_kernel_refuses_goes_to_theirs():
    depth, sigma, rho, irho = arguments(2, 0)
    depth[1] = -5.0
    kz, index = -np.linspace(0.01, 0.1, 5), np.zeros(5, "i")
    expected, found = np.empty((2, 5), complex)
    kernels.__getattr__("_library").reflectivity_amplitude(depth, sigma, rho, irho, kz, index, expected)
    kernels.reflectivity_amplitude(depth, sigma, rho, irho, kz, index, found)
    np.testing.assert_array_equal(found, expected)


def test_thick_layers_stay_finite():
    # refl1d's product of matrices overflows for 10 micrometres below the critical edge
    kz, index = np.array([0.0025]), np.zeros(1, "i")
    r = np.empty(1, complex)
    rho = np.array([[0.0, 6.36, 2.07]])
    kernels.reflectivity_amplitude(np.array([0.0, 1e5, 0.0]), np.zeros(2), rho, 0.0 * rho, kz, index, r)
    assert abs(r[0]) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", ["convolve_gaussian", "convolve_uniform"])
def test_convolution_from_the_second_time_on(name):
    rng = np.random.default_rng(3)
    xi = np.unique(np.abs(rng.normal(0.1, 0.06, 500)))
    x = np.sort(rng.uniform(xi[20], xi[-20], 40))
    dx = 0.03 * x
    dx[5] = 0.0
    function, library = getattr(kernels, name), getattr(kernels.__getattr__("_library"), name)
    for _ in range(3):
        yi = rng.uniform(0.5, 1.5, xi.size)
        found, expected = np.full((2, x.size), np.nan)
        function(xi, yi, x, dx, found)
        library(xi, yi, x, dx, expected)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_convolution_where_there_is_no_theory():
    # refl1d's own answer, whatever that is
    xi, x, dx, found = np.linspace(0.0, 1.0, 50), np.array([0.4, 9.0]), np.array([0.1, 0.1]), np.empty(2)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            kernels.convolve_gaussian(xi, xi, x, dx, found)


def test_convolutions_are_kept_for_the_same_points_only():
    convolutions = Convolutions()
    xi, x = np.linspace(0.0, 1.0, 50), np.array([0.4, 0.6])
    dx, y = np.array([0.1, 0.1]), np.empty(2)
    assert not convolutions.apply("normal", xi, xi, x, dx, y)
    assert convolutions.apply("normal", xi, xi, x, dx, y)
    # a straight line under a symmetric kernel, which is cut at the next point of the theory beyond 3.7 sigma
    np.testing.assert_allclose(y, x, rtol=2e-5)
    assert convolutions.apply("normal", xi, 2.0 * xi, x, dx, y)
    np.testing.assert_allclose(y, 2.0 * x, rtol=2e-5)
    for other in (("uniform", xi, x, dx), ("normal", xi + 1e-9, x, dx), ("normal", xi, x, 2.0 * dx)):
        assert not convolutions.apply(other[0], other[1], xi, *other[2:], y)


GUISES = {
    "plain": {},
    "oversampled": {"oversampling": 10},
    "angles": {"angles": True},
    "graded": {"graded": True},
    "from the back": {"back": True},
    "mixed": {"mixed": False},
    "coherent": {"mixed": True},
    "magnetic": {"magnetic": True, "polarised": True},
}


@pytest.mark.parametrize("name", GUISES)
def test_experiments(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = problem(**GUISES[name])
    experiment = next(iter(fit.models))
    expected = np.array(experiment.residuals())
    with adapter.backend():
        for _ in range(2):
            fit.setp(fit.getp())
            # R to 1e-9, of which residuals are the difference from data with errors of 3 %
            np.testing.assert_allclose(experiment.residuals(), expected, rtol=0, atol=1e-7)


def test_all_names_are_there():
    backend = importlib.import_module("kiessig.adapters.refl1d.kernels")
    for name in importlib.import_module("refl1d.lib.python").__all__:
        assert callable(getattr(backend, name)), name
    assert set(kernels.NAMES) == set(importlib.import_module("refl1d.lib.python").__all__)
    with pytest.raises(AttributeError, match="no attribute 'convolve'"):
        backend.convolve  # noqa: B018


def test_nested_exceptional_and_permanent():
    with adapter.backend(), adapter.backend():
        assert backends.backend is kernels
        assert refl1d.BACKEND_NAME == "kiessig"
    with pytest.raises(RuntimeError, match="planned"), adapter.backend():
        raise RuntimeError("planned")  # noqa: EM101
    assert (backends.backend, refl1d.BACKEND_NAME) == BEFORE
    adapter.use()
    with adapter.backend():
        pass
    assert backends.backend is kernels
    adapter.restore()


def test_by_name():
    adapter.register()
    refl1d.use("kiessig")
    assert backends.backend is kernels
    assert host.reflectivity_amplitude(kz=[0.05], depth=[0, 10, 0], rho=[2.07, 4.0, 0.0]).shape == (1,)
    refl1d.use(BEFORE[1])


MODEL = """
{lines}
import numpy as np
from bumps.fitproblem import FitProblem
from refl1d.names import SLD, Experiment, QProbe
import refl1d.backends

print("backend", refl1d.backends.backend.__name__)
q = np.linspace(0.01, 0.2, 40)
film = SLD("film", rho=4.0)
sample = SLD("silicon", rho=2.07)(0, 3) | film(200, 5) | SLD("air", rho=0.0)
experiment = Experiment(sample=sample, probe=QProbe(q, 0.02 * q, data=(q, q)))
np.random.seed(1)
experiment.simulate_data(1.0)
sample[1].thickness.range(150, 250)
film.rho.range(3.0, 5.0)
sample[1].thickness.value = 202.0
problem = FitProblem(experiment)
"""


def command(tmp_path, *arguments, lines=""):
    model = tmp_path / "model.py"
    model.write_text(MODEL.format(lines=lines), encoding="utf-8")
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "MPLBACKEND": "agg"}
    line = [sys.executable, "-W", "ignore", "-m", *arguments]
    at = line.index("MODEL")
    line[at] = str(model)
    result = subprocess.run(
        line, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False, timeout=120
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout + result.stderr


def test_command_line(tmp_path):
    pytest.importorskip("bumps.webview.server.cli")
    options = ("--batch", "--fit=kiessig", "--steps=30", f"--session={tmp_path / 'session.h5'}")
    shown = command(tmp_path, "kiessig.adapters.refl1d", "MODEL", *options)
    assert "backend kiessig.adapters.refl1d.kernels" in shown
    final = shown[shown.index("[final]") :]
    thickness = float(next(line for line in final.splitlines() if "thickness" in line).split(" in ")[0].split()[-1])
    assert thickness == pytest.approx(200.0, abs=0.2)  # errors of 1 % of R


def test_two_lines_in_a_model(tmp_path):
    pytest.importorskip("bumps.webview.server.cli")
    lines = "import kiessig.adapters.refl1d\nkiessig.adapters.refl1d.use()"
    shown = command(tmp_path, "refl1d", "MODEL", "--chisq", lines=lines)
    assert "backend kiessig.adapters.refl1d.kernels" in shown


def test_without_refl1d():
    script = """
import sys
sys.modules["refl1d"] = None
import kiessig.adapters.refl1d as adapter
try:
    adapter.use()
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("kiessig.adapters.refl1d: refl1d.backends cannot be imported")
