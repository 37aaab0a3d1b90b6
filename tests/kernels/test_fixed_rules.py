"""Named quadratures, whose nodes move with their points, and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks

THICKNESS = [250.0, 17.0]
SLD = [0.0, 6.3, 3.47, 2.07]
SLD_IMAG = [0.0, 0.02, 0.0, 0.01]
ROUGHNESS = [5.0, 4.0, 3.0]
STACK = (THICKNESS, SLD, SLD_IMAG, ROUGHNESS)
Q = np.concatenate([np.linspace(0.003, 0.03, 25), np.linspace(0.035, 0.25, 40)])
DQ = 0.03 * Q + 2e-4
MODES = ("refnx", "gauss_hermite")


def central(function, step):
    return (function(step) - function(-step)) / (2 * step)


def test_gauss_hermite_is_the_sum_over_its_nodes():
    nodes, weights = np.polynomial.hermite.hermgauss(17)
    positions = np.abs(Q[:, np.newaxis] + np.sqrt(2.0) * nodes * DQ[:, np.newaxis])
    expected = ks.reflectivity(positions, *STACK) @ weights / np.sqrt(np.pi)
    found = ks.reflectivity(Q, *STACK, dq=ks.Resolution.gauss_hermite(DQ))
    np.testing.assert_allclose(found, expected, rtol=1e-13)  # the order of 17 additions


def test_they_approach_the_integral_where_r_is_smooth():
    q = np.linspace(0.08, 0.2, 30)
    exact = ks.reflectivity(q, *STACK, dq=0.005 * q)
    hermite = ks.reflectivity(q, *STACK, dq=ks.Resolution.gauss_hermite(0.005 * q))
    refnx = ks.reflectivity(q, *STACK, dq=ks.Resolution.refnx(0.005 * q))
    np.testing.assert_allclose(hermite, exact, rtol=1e-6)
    # the mass beyond 3.5 sigma, 4.65e-4, and its larger R
    np.testing.assert_allclose(refnx / exact, 1 - 4.65e-4, atol=2e-4)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_of_points_and_widths(mode):
    resolution = getattr(ks.Resolution, mode)
    _, jacobian = ks.reflectivity_jacobian(Q, *STACK, dq=resolution(DQ))
    by_q = central(lambda h: ks.reflectivity(Q + h, *STACK, dq=resolution(DQ)), 1e-7)
    by_dq = central(lambda h: ks.reflectivity(Q, *STACK, dq=resolution(DQ + h)), 1e-7)
    # central differences: roundoff 1e-16 / 1e-7 of R, truncation (250 angstrom * 1e-7)^2
    np.testing.assert_allclose(jacobian.q, by_q, rtol=1e-5, atol=1e-7 * np.abs(by_q).max())
    np.testing.assert_allclose(jacobian.dq, by_dq, rtol=1e-5, atol=1e-7 * np.abs(by_dq).max())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_products_are_those_of_the_jacobian(mode, sign):
    rng = np.random.default_rng(5)
    q = sign * Q
    resolution = getattr(ks.Resolution, mode)(DQ)
    r, jacobian = ks.reflectivity_jacobian(q, *STACK, scale=1.3, dq=resolution)
    cotangent = rng.standard_normal(Q.size)
    again, gradient = ks.reflectivity_vjp(q, *STACK, scale=1.3, dq=resolution, cotangent=cotangent)
    np.testing.assert_allclose(again, r, rtol=1e-13)
    tangents = {
        name: rng.standard_normal(np.shape(value)) for name, value in zip(jacobian._fields, STACK, strict=False)
    }
    tangents |= {"q": rng.standard_normal(Q.size), "dq": rng.standard_normal(Q.size)}
    expected = np.zeros(Q.size)
    for name, tangent in tangents.items():
        derivative = getattr(jacobian, name)
        if derivative.ndim == 1:
            expected += derivative * tangent
            np.testing.assert_allclose(getattr(gradient, name), cotangent * derivative, rtol=1e-10, atol=1e-14)
        else:
            expected += derivative @ tangent
            product = cotangent @ derivative
            # sums of 65 terms that cancel
            np.testing.assert_allclose(
                getattr(gradient, name), product, rtol=1e-9, atol=1e-12 * np.abs(derivative).max()
            )
    found_r, found = ks.reflectivity_jvp(q, *STACK, scale=1.3, dq=resolution, tangents=tangents)
    np.testing.assert_allclose(found_r, r, rtol=1e-13)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_zero_width_is_sharp():
    for mode in MODES:
        found = ks.reflectivity(Q, *STACK, dq=getattr(ks.Resolution, mode)(0.0))
        np.testing.assert_array_equal(found, ks.reflectivity(Q, *STACK))
