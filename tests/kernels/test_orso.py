"""The ORSO community's validation suite, https://github.com/reflectivity/analysis (CC0): unpolarised tests 0 to 7.

The suite itself asks for a relative 8e-5 (3 % with resolution). Every file is held to six digits here wherever its
numbers have them; what limits them is stated with each test and established with the oracles, not with the kernel.
"""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import parratt, smearing, transfer_matrix
from reference.stacks import Stack, edges
from reference.tolerances import assert_reflectivity

SUITE_TOLERANCE = 8e-5


@pytest.fixture(scope="module")
def case(shared_data):
    """Return a reader of (stack, data columns) by number of the test."""
    folder = shared_data / "orso_validation" / "unpolarised"

    def read(number):
        layers, data = (
            folder / line.strip()
            for line in (folder / f"test{number}.txt").read_text().splitlines()
            if line.strip() and not line.startswith("#")
        )
        rows = np.loadtxt(layers, ndmin=2)
        return Stack(rows[1:-1, 0], rows[:, 1], rows[:, 2], rows[1:, 3]), np.loadtxt(data).T

    return read


@pytest.mark.parametrize("number", [0, 2, 6, 7])
def test_kernel(case, number):
    # these references carry 12 digits: the recursion in 40 digits agrees with them to 2e-12
    stack, (q, reference, *_) = case(number)
    r = ks.reflectivity(q, *stack)
    np.testing.assert_allclose(r, reference, rtol=1e-6)
    np.testing.assert_allclose(r, reference, rtol=1e-10)
    some = slice(None, None, 20)
    assert_reflectivity(r[some], np.abs(parratt.amplitudes(q[some], stack)) ** 2)


def test_multilayer(case):
    # test 1 was made by another program from angles. Against 40 digits its numbers carry nine digits in Q (a factor of
    # 1 + 4.6e-9) and in the amplitude; between the fringes, where R is 1e-4 of its surroundings, that leaves five to
    # six digits of R: 63 in a million at worst.
    stack, (q, reference) = case(1)
    step = 1e-7
    slope = (
        transfer_matrix.reflectivity(q * (1 + step), *stack) - transfer_matrix.reflectivity(q * (1 - step), *stack)
    ) / (2 * step)
    limit = 5e-9 * np.abs(slope) + 2e-9 * np.sqrt(reference)
    r = ks.reflectivity(q, *stack)
    assert np.all(np.abs(r - reference) <= 1e-6 * reference + limit)
    np.testing.assert_allclose(r, reference, rtol=SUITE_TOLERANCE)
    has_the_digits = limit < 1e-6 * reference
    assert has_the_digits.sum() > 300
    np.testing.assert_allclose(r[has_the_digits], reference[has_the_digits], rtol=2e-6)
    some = slice(None, None, 20)
    assert_reflectivity(r[some], np.abs(parratt.amplitudes(q[some], stack)) ** 2)


def test_sliced_profile(case):
    # test 3 compares an error function sliced into steps of 0.025 angstrom with the Névot–Croce factor. The steps
    # themselves change R: Fourier transform of a box, sinc²(Q w / 2), 5e-5 at Q = 1. Beyond that the factor and the
    # profile are the same to first order only, and part by 1e-6 at Q = 0.87, 1.7e-6 at 1.
    stack, (q, reference) = case(3)
    width = stack.thickness[0]
    r = ks.reflectivity(q, *stack)
    np.testing.assert_allclose(r, reference, rtol=SUITE_TOLERANCE)
    steps = np.sinc(q * width / (2 * np.pi)) ** 2
    low = q < 0.85
    np.testing.assert_allclose((r / steps)[low], reference[low], rtol=1e-6)
    # the sliced stack itself has no such limits: 2000 interfaces leave 1e-14 of roundoff in the amplitude
    exact = np.abs(parratt.amplitudes(q[::100], stack)) ** 2
    np.testing.assert_allclose(r[::100], exact, rtol=1e-9)


@pytest.mark.parametrize("number", [4, 5])
def test_smeared(case, number):
    stack, (q, reference, _, dq) = case(number)
    r = ks.reflectivity(q, *stack, dq=dq)

    def curve(x):
        return transfer_matrix.reflectivity(x, *stack)

    whole = np.array([smearing.smear(curve, *point, edges(stack)) for point in zip(q, dq, strict=True)])
    np.testing.assert_allclose(r, whole, rtol=1e-3)
    np.testing.assert_allclose(r, whole, rtol=1e-5)  # what is promised
    # the files' quadrature ends at ±3.5 σ and is not renormalised: what lies beyond, 4.7e-4 of the weight but up to
    # 8 % of R in a minimum near the plateau, is added to them before they are compared
    inside = np.array([smearing.smear(curve, *point, edges(stack), reach=3.5) for point in zip(q, dq, strict=True)])
    np.testing.assert_allclose(r, reference + (whole - inside), rtol=1e-3)
    np.testing.assert_allclose(r, reference + (whole - inside), rtol=7e-5)  # kink in the files' own quadrature: 5e-5
