"""The oracles against each other: what the kernels are compared with must itself be right."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.stats import norm

from reference import airy, characteristic_matrix, differences, fresnel, parratt, smearing, transfer_matrix
from reference.stacks import Stack, q_grid, random_stack
from reference.tolerances import assert_reflectivity


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 7, 40])
def test_parratt_and_transfer_matrix(n, absorbing):
    rng = np.random.default_rng([1, n, absorbing])
    stack = random_stack(rng, n, absorbing=absorbing)
    q = q_grid(rng, 12)
    with mp.workdps(30):
        exact = np.array([complex(parratt.amplitude(x, *stack)) for x in q])
    np.testing.assert_allclose(transfer_matrix.amplitude(q, *stack), exact, rtol=0, atol=2e-14)  # roundoff of n ≤ 40


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("n", [0, 1, 5, 20])
def test_parratt_and_characteristic_matrix_agree_to_every_digit(n, absorbing):
    rng = np.random.default_rng([2, n, absorbing])
    stack = random_stack(rng, n, absorbing=absorbing, roughness=1e-300)
    with mp.workdps(60):
        for q in q_grid(rng, 8):
            difference = parratt.amplitude(q, *stack) - characteristic_matrix.amplitude(q, *stack[:3])
            # evanescent layers lose exp(2 |k| d) ≤ 1e25 digits in the characteristic matrix
            assert abs(difference) < mpf(10) ** -30


def test_fresnel_closed_form():
    q = np.concatenate([np.linspace(0.001, 0.0179, 20), np.linspace(0.0182, 1.0, 40)])  # edge at 0.01791
    stack = Stack(np.array([]), np.array([0.5, 6.88]), np.zeros(2), np.array([3.5]))
    with mp.workdps(30):
        exact = np.array([float(parratt.reflectivity(x, *stack)) for x in q])
    np.testing.assert_allclose(fresnel.reflectivity(q, 0.5, 6.88, 3.5), exact, rtol=1e-12)  # condition near the edge
    assert fresnel.critical_q(0.5, 6.88) == pytest.approx(0.0179079, abs=5e-8)


def test_airy_closed_form():
    q = np.linspace(0.021, 0.5, 50)
    stack = Stack(np.array([321.0]), np.array([0.2, 6.9, 2.07]), np.zeros(3), np.array([4.0, 7.0]))
    with mp.workdps(30):
        exact = np.array([float(parratt.reflectivity(x, *stack)) for x in q])
    assert_reflectivity(airy.reflectivity(q, 321.0, stack.sld, stack.roughness), exact)
    with pytest.raises(ValueError, match="critical edge"):
        airy.reflectivity([0.01], 321.0, stack.sld)


def test_parratt_from_the_back_is_the_reversed_stack():
    rng = np.random.default_rng(3)
    stack = random_stack(rng, 3, absorbing=True)
    assert parratt.amplitude(-0.03, *stack) == parratt.amplitude(0.03, *stack.reversed)
    assert parratt.amplitude(0.0, *stack) == -1


def test_differences_of_a_known_function():
    with mp.workdps(differences.DIGITS):
        x = mpf("0.7")
        assert abs(differences.derivative(mp.sin, x) - mp.cos(x)) < mpf(10) ** -34
        assert abs(differences.derivative(mp.exp, 0, one_sided=True) - 1) < mpf(10) ** -34


def test_differences_against_the_fresnel_derivative():
    # R = ((Q − Q_t)/(Q + Q_t))²  =>  dR/dsld = 2 R · 2 Q / (Q_c² Q_t) · 16π 1e-6, from d ln((Q − Q_t)/(Q + Q_t)) / dQ_t
    q, sld = 0.05, 4.0
    square = 16e-6 * np.pi * sld
    transmitted = np.sqrt(q * q - square)
    expected = 2 * fresnel.reflectivity(q, 0.0, sld) * q / (square * transmitted) * 16e-6 * np.pi
    stack = Stack(np.array([]), np.array([0.0, sld]), np.zeros(2), np.array([0.0]))
    found = differences.stack_derivatives(parratt.amplitude, q, stack)["sld"].value
    np.testing.assert_allclose(found, [-expected, expected], rtol=1e-13)


@pytest.mark.parametrize("weight", ["value", "q", "dq"])
@pytest.mark.parametrize(("q", "dq"), [(0.012, 0.003), (0.0181, 0.0004), (0.08, 0.004), (0.001, 0.002)])
def test_two_ways_of_smearing(q, dq, weight):
    sld = np.array([0.0, 6.36])
    edge = smearing.critical_points(sld)

    def several(x):
        return fresnel.reflectivity(x, 0.0, 6.36, 3.0)

    panels = smearing.smear(several, q, dq, edge, weight=weight)
    adaptive = smearing.smear_adaptive(lambda x: float(several(x)), q, dq, edge, weight=weight)
    assert panels == pytest.approx(adaptive, rel=1e-8, abs=1e-12)


def test_smearing_of_polynomials():
    # moments of the Gaussian, with |q'| where the bell reaches past zero
    q, dq = 0.03, 0.001
    assert smearing.smear(np.ones_like, q, dq) == pytest.approx(1.0, rel=1e-13)
    assert smearing.smear(np.square, q, dq) == pytest.approx(q**2 + dq**2, rel=1e-13)
    assert smearing.smear(np.square, q, dq, weight="q") == pytest.approx(2 * q, rel=1e-11)
    assert smearing.smear(np.square, q, dq, weight="dq") == pytest.approx(2 * dq, rel=1e-9)
    folded = 2 * dq * norm.pdf(1.0) + dq * (1 - 2 * norm.cdf(-1.0))
    assert smearing.smear(lambda x: x, dq, dq) == pytest.approx(folded, rel=1e-12)
