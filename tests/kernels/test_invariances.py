"""What the physics leaves unchanged, whatever the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference.stacks import Stack, q_grid, random_stack
from reference.tolerances import assert_reflectivity

SEEDS = range(8)


def assert_cancels(terms, r):
    """Terms along the last axis sum to zero within roundoff, which is that of the amplitude on a plateau R = 1.

    There every dR/dp is itself the roundoff of 2 Re(r* dr/dp), with p dr/dp of up to some hundred.
    """
    size = np.abs(terms).sum(axis=-1)
    assert np.all(np.abs(terms.sum(axis=-1)) <= 1e-11 * size + 1e-12 * r)


def split(stack, j, fraction):
    """Layer j in two layers of the same material with a sharp (or any) interface between them."""
    d = stack.thickness[j]
    return Stack(
        np.concatenate([stack.thickness[:j], [fraction * d, d - fraction * d], stack.thickness[j + 1 :]]),
        np.insert(stack.sld, j + 1, stack.sld[j + 1]),
        np.insert(stack.sld_imag, j + 1, stack.sld_imag[j + 1]),
        np.insert(stack.roughness, j + 1, 7.0),  # no contrast: roughness has nothing to act on
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_splitting_a_layer(seed):
    rng = np.random.default_rng([31, seed])
    stack = random_stack(rng, 4, absorbing=bool(seed % 2))
    q = q_grid(rng, 40)
    cut = split(stack, int(rng.integers(4)), rng.uniform())
    assert_reflectivity(ks.reflectivity(q, *cut), ks.reflectivity(q, *stack))


@pytest.mark.parametrize("seed", SEEDS)
def test_inserting_a_layer_of_zero_thickness(seed):
    # between sharp interfaces any material of zero thickness is invisible; (with roughness the two Névot–Croce factors
    # differ from one, so there the interface has to be sharp)
    rng = np.random.default_rng([32, seed])
    stack = random_stack(rng, 4, absorbing=bool(seed % 2))
    j = int(rng.integers(5))
    stack.roughness[j] = 0.0
    thicker = Stack(
        np.insert(stack.thickness, j, 0.0),
        np.insert(stack.sld, j + 1, rng.uniform(-1.0, 8.0)),
        np.insert(stack.sld_imag, j + 1, 0.3 if seed % 2 else 0.0),
        np.insert(stack.roughness, j, 0.0),
    )
    q = q_grid(rng, 40)
    assert_reflectivity(ks.reflectivity(q, *thicker), ks.reflectivity(q, *stack))


@pytest.mark.parametrize("seed", SEEDS)
def test_shifting_every_sld(seed):
    rng = np.random.default_rng([33, seed])
    stack = random_stack(rng, 5, absorbing=bool(seed % 2))
    q = q_grid(rng, 40)
    # a shift that is a multiple of 2^-10 keeps differences of SLDs to the last bits
    shifted = stack._replace(sld=stack.sld + 3.0625)
    assert_reflectivity(ks.reflectivity(q, *shifted), ks.reflectivity(q, *stack))
    r, jacobian = ks.reflectivity_jacobian(q, *stack)
    assert_cancels(jacobian.sld, r)


@pytest.mark.parametrize("seed", SEEDS)
def test_reversing_a_lossless_stack(seed):
    # by reciprocity |r| is the same from both sides for the same wave, that is at the same k in every medium. From the
    # back the beam has k_b = (Q²/4 − 4π(ρ_b − ρ_f))^½, hence Q' = 2 k_b; roughness acts alike on both passages.
    rng = np.random.default_rng([34, seed])
    stack = random_stack(rng, 5)
    square = 16e-6 * np.pi * (stack.sld[-1] - stack.sld[0])
    q = q_grid(rng, 40)
    q = q[q * q > max(square, 0.0) * 1.05]
    other_side = -np.sqrt(q * q - square)
    # Q' carries 1 ulp, which the fringes turn into Q' d ulp: 1e-13 for 1000 angstrom
    assert_reflectivity(ks.reflectivity(other_side, *stack), ks.reflectivity(q, *stack))


def test_absorbing_stacks_differ_from_the_two_sides():
    # the lossless reversal is not trivially true: with absorption it fails
    stack = Stack(np.array([150.0]), np.array([0.0, 4.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([2.0, 8.0]))
    q = np.array([0.02, 0.05])
    assert np.all(np.abs(ks.reflectivity(-q, *stack) / ks.reflectivity(q, *stack) - 1.0) > 1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_lengths_scale_against_q(seed):
    # R depends on Q d, Q σ and sld / Q² only; 4 as the factor makes this exact but for roundoff
    rng = np.random.default_rng([35, seed])
    stack = random_stack(rng, 3, absorbing=bool(seed % 2))
    q = q_grid(rng, 40)
    scaled = Stack(4.0 * stack.thickness, stack.sld / 16.0, stack.sld_imag / 16.0, 4.0 * stack.roughness)
    assert_reflectivity(ks.reflectivity(q / 4.0, *scaled), ks.reflectivity(q, *stack))


@pytest.mark.parametrize("seed", SEEDS)
def test_homogeneity_of_the_derivatives(seed):
    # Euler's theorem for the same scaling:
    # Σ d ∂R/∂d + Σ σ ∂R/∂σ − 2 Σ sld ∂R/∂sld − 2 Σ sld_imag ∂R/∂sld_imag = Q ∂R/∂Q
    rng = np.random.default_rng([36, seed])
    stack = random_stack(rng, 3, absorbing=bool(seed % 2))
    q = q_grid(rng, 40)
    r, jacobian = ks.reflectivity_jacobian(q, *stack)
    terms = np.concatenate(
        [
            stack.thickness * jacobian.thickness,
            stack.roughness * jacobian.roughness,
            -2.0 * stack.sld * jacobian.sld,
            -2.0 * stack.sld_imag * jacobian.sld_imag,
            -(q * jacobian.q)[:, None],
        ],
        axis=-1,
    )
    assert_cancels(terms, r)


def test_energy_is_not_created():
    rng = np.random.default_rng(37)
    for absorbing in (False, True):
        for _ in range(10):
            stack = random_stack(rng, int(rng.integers(0, 12)), absorbing=absorbing, roughness=1e-3)
            assert np.all(ks.reflectivity(q_grid(rng, 50, low=0.001), *stack) <= 1.0 + 1e-13)
