"""Values of the kernels against the recursion in 40 digits and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import airy, fresnel, parratt, transfer_matrix
from reference.stacks import Stack, q_grid, random_stack
from reference.tolerances import RELATIVE, ROUNDING, assert_reflectivity


def exact_reflectivity(q, stack):
    return np.abs(parratt.amplitudes(q, stack)) ** 2


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 8, 25, 60])
def test_random_stacks(n, absorbing):
    rng = np.random.default_rng([11, n, absorbing])
    stack = random_stack(rng, n, absorbing=absorbing)
    q = q_grid(rng, 37, low=0.001, high=0.5)
    exact = parratt.amplitudes(q, stack)
    assert_reflectivity(ks.reflectivity(q, *stack), np.abs(exact) ** 2)
    np.testing.assert_allclose(ks.amplitude(q, *stack), exact, rtol=RELATIVE, atol=ROUNDING)


@pytest.mark.parametrize("seed", range(30))
def test_many_small_stacks(seed):
    rng = np.random.default_rng([12, seed])
    stack = random_stack(rng, int(rng.integers(0, 6)), absorbing=bool(seed % 2), thickness=(0.5, 2000.0))
    q = q_grid(rng, 16, low=0.001, high=0.4)
    assert_reflectivity(ks.reflectivity(q, *stack), exact_reflectivity(q, stack), context=f"seed {seed}")


@pytest.mark.parametrize("sld_imag", [0.0, 1e-6, 0.5])
def test_layer_of_ten_micrometres(sld_imag):
    # a recursion that forms growing exponentials overflows here; phases of 1e4 rad keep 1e-12
    stack = Stack(np.array([1e5]), np.array([0.0, 6.36, 2.07]), np.array([0.0, sld_imag, 0.0]), np.array([3.0, 5.0]))
    q = np.linspace(0.0021, 0.2, 60)
    r = ks.reflectivity(q, *stack)
    assert_reflectivity(r, exact_reflectivity(q, stack))


@pytest.mark.parametrize("sld_imag", [0.0, 1e-3])
def test_layer_of_one_millimetre(sld_imag):
    # phases of 1e6 rad are known to 1e-10 at best: three digits less than the ordinary bound
    stack = Stack(np.array([1e7]), np.array([0.0, 6.36, 2.07]), np.array([0.0, sld_imag, 0.0]), np.array([3.0, 5.0]))
    q = np.linspace(0.0021, 0.2, 40)
    assert_reflectivity(ks.reflectivity(q, *stack), exact_reflectivity(q, stack), relative=1e3 * RELATIVE)


@pytest.mark.parametrize("thickness", [0.0, 1e-3, 1e-9])
def test_hardly_any_layer(thickness):
    stack = Stack(np.array([thickness]), np.array([0.0, 4.0, 2.07]), np.zeros(3), np.array([0.0, 0.0]))
    q = np.linspace(0.002, 0.5, 40)
    assert_reflectivity(ks.reflectivity(q, *stack), exact_reflectivity(q, stack))


def test_roughness_larger_than_the_layers():
    rng = np.random.default_rng(13)
    stack = random_stack(rng, 4, absorbing=True, thickness=(1.0, 5.0))
    stack = stack._replace(roughness=np.array([12.0, 20.0, 9.0, 30.0, 15.0]))
    q = np.linspace(0.002, 0.2, 40)
    assert_reflectivity(ks.reflectivity(q, *stack), exact_reflectivity(q, stack))


def test_tiny_reflectivity_keeps_its_relative_accuracy():
    # one interface: no partial waves that cancel, so the bound is relative however small R is; the exponent
    # 2 k_0 k_1 σ² of up to 115 carries 115 roundoffs
    stack = Stack(np.array([]), np.array([0.0, 6.36]), np.zeros(2), np.array([15.0]))
    q = np.linspace(0.1, 1.0, 30)
    r = ks.reflectivity(q, *stack)
    exact = exact_reflectivity(q, stack)
    assert exact.min() < 1e-100
    np.testing.assert_allclose(r, exact, rtol=RELATIVE)


def test_underflow_is_zero_or_nearly():
    r = ks.reflectivity([1.0, 2.0, 5.0], [10.0], [0.0, 3.0, 6.36], 0.0, [100.0, 100.0])
    assert np.all((r >= 0.0) & (r < 1e-300))


def test_weak_absorption_is_not_lost():
    # below the critical edge 1 − R is all that absorption does: proportional to it, down to 1e-8
    stack = Stack(np.array([200.0]), np.array([0.0, 1.0, 6.36]), np.array([0.0, 1e-8, 0.0]), np.zeros(2))
    q = np.linspace(0.008, 0.016, 9)
    weak = 1.0 - ks.reflectivity(q, *stack)
    strong = 1.0 - ks.reflectivity(q, *stack._replace(sld_imag=np.array([0.0, 1e-4, 0.0])))
    # 1 − R is 1e-8 and known to 4 roundoffs (1e-15); the second order of the strong case is 1e-4 of itself
    np.testing.assert_allclose(1e4 * weak, strong, rtol=3e-3, atol=1e-11)


def test_fresnel_interface():
    q = np.concatenate([np.linspace(0.001, 0.0178, 20), np.linspace(0.0179, 1.0, 50)])
    for roughness in (0.0, 4.0):
        r = ks.reflectivity(q, [], [0.0, 6.36], 0.0, roughness)
        np.testing.assert_allclose(r, fresnel.reflectivity(q, 0.0, 6.36, roughness), rtol=RELATIVE)


def test_single_film():
    q = np.linspace(0.021, 0.5, 100)
    sld, roughness = [0.2, 6.9, 2.07], [4.0, 7.0]
    r = ks.reflectivity(q, [321.0], sld, 0.0, roughness)
    assert_reflectivity(r, airy.reflectivity(q, 321.0, sld, roughness))


def test_no_contrast_reflects_nothing():
    r = ks.reflectivity(np.linspace(0.001, 0.3, 10), [50.0, 10.0], [2.0, 2.0, 2.0, 2.0], 0.0, 3.0)
    np.testing.assert_array_equal(r, 0.0)


def test_total_reflection_is_one():
    rng = np.random.default_rng(14)
    stack = random_stack(rng, 6, fronting=-1.0)._replace()
    stack.sld[-1] = 9.0
    q = np.linspace(1e-4, 0.0223, 50)  # edge of the backing at 0.02242
    np.testing.assert_allclose(ks.reflectivity(q, *stack), 1.0, rtol=0, atol=1e-13)  # roundoff of 7 interfaces


def test_zero_q():
    sld = [0.0, 4.0, 2.07]
    for q in (0.0, -0.0):
        assert ks.reflectivity(q, [100.0], sld, 0.1, 3.0) == 1.0
        assert ks.amplitude(q, [100.0], sld, 0.1, 3.0) == -1.0
    assert ks.reflectivity(0.0, [], [2.0, 2.0]) == 1.0
    r = ks.reflectivity([0.0, 0.05, 0.0], [100.0], sld, 0.1, 3.0, scale=2.0, background=0.5)
    np.testing.assert_array_equal(r[[0, 2]], 2.5)


def test_small_q_joins_zero_q():
    # r = −1 + O(Q): the slope is known, so the approach to the limit can be checked to second order
    sld, sld_imag = [0.0, 4.0, 2.07], [0.0, 0.5, 0.1]
    r = ks.amplitude(np.array([1e-12, 1e-9, 1e-6]), [100.0], sld, sld_imag, 3.0)
    exact = parratt.amplitudes([1e-12, 1e-9, 1e-6], ([100.0], sld, sld_imag, [3.0, 3.0]))
    np.testing.assert_allclose(r, exact, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("absorbing", [False, True])
def test_negative_q_is_the_view_from_the_back(absorbing):
    rng = np.random.default_rng([15, absorbing])
    stack = random_stack(rng, 5, absorbing=absorbing)
    q = q_grid(rng, 20)
    mixed = np.concatenate([-q, q])
    expected = np.concatenate([exact_reflectivity(q, stack.reversed), exact_reflectivity(q, stack)])
    assert_reflectivity(ks.reflectivity(mixed, *stack), expected)
    np.testing.assert_array_equal(ks.amplitude(-q, *stack), ks.amplitude(q, *stack.reversed))


def test_absorption_of_the_fronting_is_ignored():
    rng = np.random.default_rng(16)
    stack = random_stack(rng, 3, absorbing=True)
    q = q_grid(rng, 20)
    more = stack.sld_imag.copy()
    more[0] *= 100.0
    np.testing.assert_array_equal(ks.reflectivity(q, *stack), ks.reflectivity(q, *stack._replace(sld_imag=more)))
    more[-1] *= 100.0
    from_back = ks.reflectivity(-q, *stack._replace(sld_imag=more))
    assert_reflectivity(from_back, exact_reflectivity(q, stack._replace(sld_imag=more).reversed))


def test_sign_of_absorption_and_branch():
    # absorbing layer and backing reflect less below the edge; the phase runs with exp(+ikz), Im k ≥ 0
    q = np.linspace(0.004, 0.03, 20)
    sld, sld_imag = [0.0, 4.66, 6.36], [0.0, 0.5, 0.8]
    r = ks.amplitude(q, [300.0], sld, sld_imag)
    assert np.all(np.abs(r) < 1.0)
    stack = ([300.0], sld, sld_imag, [0.0, 0.0])
    np.testing.assert_allclose(r, parratt.amplitudes(q, stack), rtol=RELATIVE, atol=ROUNDING)
    assert np.all(ks.amplitude([0.01], [], [0.0, 6.36], 0.0).imag < 0)  # (k_0 − i κ) / (k_0 + i κ)


def test_order_and_neighbours_of_q_do_not_matter():
    # blocks of Q that lie wholly above every edge may run in real arithmetic; alone or in company, same numbers
    rng = np.random.default_rng(17)
    stack = random_stack(rng, 7)
    q = q_grid(rng, 61)
    r = ks.reflectivity(q, *stack)
    order = rng.permutation(q.size)
    assert_reflectivity(ks.reflectivity(q[order], *stack), r[order])
    assert_reflectivity(np.array([ks.reflectivity(x, *stack) for x in q]), r)
    assert_reflectivity(ks.reflectivity(np.repeat(q, 3), *stack), np.repeat(r, 3))


@pytest.mark.parametrize("n_q", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 257])
def test_every_length_of_q(n_q):
    # tails of vectors and of blocks
    rng = np.random.default_rng([18, n_q])
    stack = random_stack(rng, 2)
    q = np.linspace(0.005, 0.2, n_q)
    assert_reflectivity(ks.reflectivity(q, *stack), transfer_matrix.reflectivity(q, *stack))


def test_ten_thousand_layers():
    rng = np.random.default_rng(19)
    stack = random_stack(rng, 10_000, absorbing=True, thickness=(0.5, 3.0), roughness=0.3)
    q = np.linspace(0.005, 0.3, 21)
    # 1e4 roundoffs that add up at random would give 1e-14, in step 1e-12
    np.testing.assert_allclose(ks.amplitude(q, *stack), transfer_matrix.amplitude(q, *stack), rtol=RELATIVE, atol=1e-12)


def test_scale_and_background():
    rng = np.random.default_rng(20)
    stack = random_stack(rng, 2)
    q = q_grid(rng, 10)
    r = ks.reflectivity(q, *stack)
    np.testing.assert_allclose(
        ks.reflectivity(q, *stack, scale=1.7, background=-3e-7), 1.7 * r - 3e-7, rtol=1e-15, atol=1e-20
    )
    np.testing.assert_array_equal(ks.reflectivity(q, *stack, scale=0.0, background=2.5), 2.5)


def test_scalar_roughness_and_absorption_stand_for_every_entry():
    q = np.linspace(0.005, 0.2, 9)
    sld = [0.0, 4.0, 6.0, 2.07]
    short = ks.reflectivity(q, [100.0, 30.0], sld, 0.2, 4.0)
    full = ks.reflectivity(q, [100.0, 30.0], sld, [0.2] * 4, [4.0] * 3)
    np.testing.assert_array_equal(short, full)
    sharp = ks.reflectivity(q, [100.0, 30.0], sld)
    np.testing.assert_array_equal(sharp, ks.reflectivity(q, [100.0, 30.0], sld, [0.0] * 4, [0.0] * 3))
