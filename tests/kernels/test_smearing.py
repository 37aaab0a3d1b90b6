"""Gaussian resolution against brute-force integration of R from the transfer matrix: values and derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import smearing, transfer_matrix
from reference.stacks import Stack, edges, q_grid, random_stack

PROMISED = 1e-5  # relative to the exact integral


def brute_force(q, dq, stack, weight="value", curve=None, rtol=1e-11):
    if curve is None:

        def curve(x):
            return transfer_matrix.reflectivity(x, *stack)

    dq = np.broadcast_to(dq, q.shape)
    return np.array(
        [smearing.smear(curve, *p, edges(stack), weight=weight, rtol=rtol) for p in zip(q, dq, strict=True)]
    )


def stack_of(sld, thickness=(), sld_imag=0.0, roughness=3.0):
    sld = np.asarray(sld, dtype=np.float64)
    absorption = np.zeros_like(sld) if np.ndim(sld_imag) == 0 else np.asarray(sld_imag, dtype=np.float64)
    return Stack(np.asarray(thickness, dtype=np.float64), sld, absorption, np.full(sld.size - 1, float(roughness)))


CASES = {
    "substrate": stack_of([0.0, 6.36]),
    "no edge": stack_of([6.36, 0.0]),
    "film": stack_of([0.0, 4.2, 2.07], [250.0]),
    "thick film": stack_of([0.0, 4.2, 2.07], [5000.0]),
    "thick film above an edge": stack_of([0.0, 1.0, 6.36], [5000.0], roughness=0.0),
    "deep fringes": stack_of([0.0, 4.14, 0.0], [1200.0], roughness=0.0),
    "absorbing": stack_of([2.07, 3.45, 5.0, 6.0], [100.0, 200.0], [0.0, 0.3, 0.1, 0.02]),
    "absorbing resonance": stack_of([2.07, 0.5, 4.66, 6.36], [700.0, 900.0], [0.0, 0.016, 0.02, 0.0]),
    "multilayer": stack_of([0.0, *[-1.95, 9.42] * 8, 2.07], [30.0, 70.0] * 8, roughness=2.0),
    "rough": stack_of([0.0, 4.2, 2.07], [60.0], roughness=12.0),
}


@pytest.mark.parametrize("width", [0.001, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("name", CASES)
def test_against_brute_force(name, width):
    stack = CASES[name]
    q = np.array([0.005, 0.009, 0.0138, 0.0179, 0.0185, 0.03, 0.05, 0.1, 0.2])
    if width == 0.2 and name == "thick film":
        q = q[:-2]  # thousands of fringes each: the oracle is slow there
    exact = brute_force(q, width * q, stack)
    np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=width * q), exact, rtol=PROMISED)


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_random_stacks(seed, absorbing):
    rng = np.random.default_rng([61, seed, absorbing])
    stack = random_stack(rng, int(rng.integers(0, 9)), absorbing=absorbing)
    q = q_grid(rng, 12, low=0.004)
    dq = q * np.exp(rng.uniform(np.log(0.002), np.log(0.1), q.size))
    np.testing.assert_allclose(
        ks.reflectivity(q, *stack, dq=dq), brute_force(q, dq, stack), rtol=PROMISED, err_msg=f"seed {seed}"
    )


def test_across_the_critical_edge():
    # every place of the square-root kink within the bell, for narrow and wide bells
    stack = CASES["substrate"]
    edge = edges(stack)[-1]
    for dq in (1e-5, 1e-4, 1e-3):
        q = edge + dq * np.linspace(-6.0, 6.0, 41)
        np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=dq), brute_force(q, dq, stack), rtol=PROMISED)


def test_each_point_alone_and_among_others():
    # nodes are a matter of the kernel; which points are asked for together may not show
    rng = np.random.default_rng(62)
    stack = CASES["film"]
    q = q_grid(rng, 80, low=0.005)
    dq = 0.03 * q
    together = ks.reflectivity(q, *stack, dq=dq)
    order = rng.permutation(q.size)
    shuffled = ks.reflectivity(q[order], *stack, dq=dq[order])
    np.testing.assert_allclose(shuffled, together[order], rtol=2 * PROMISED)
    alone = np.array([ks.reflectivity(x, *stack, dq=w) for x, w in zip(q, dq, strict=True)])
    np.testing.assert_allclose(alone, together, rtol=2 * PROMISED)


def test_steeply_falling_curve():
    # roughness of 20 angstrom: R falls by a factor of 30 within one sigma, and the integral lives 3 sigma below Q.
    # R = 1e-18 at the end, ten decades below any background
    stack = stack_of([0.0, 6.36], roughness=20.0)
    q = np.linspace(0.05, 0.27, 11)
    dq = 0.049 * q
    np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=dq), brute_force(q, dq, stack), rtol=PROMISED)


def test_narrow_and_wide_points_in_one_call():
    stack = CASES["film"]
    q = np.repeat([0.01, 0.02, 0.05], 4)
    dq = q * np.tile([1e-6, 1e-3, 0.03, 0.3], 3)
    np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=dq), brute_force(q, dq, stack), rtol=PROMISED)


def test_bell_that_reaches_past_zero_reads_the_magnitude():
    stack = stack_of([0.0, 2.0, 4.2], [300.0], [0.0, 0.5, 1.0])
    q = np.array([1e-5, 0.002, 0.005, 0.01])
    dq = np.array([0.003, 0.002, 0.004, 0.02])
    np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=dq), brute_force(q, dq, stack), rtol=PROMISED)
    from_back = ks.reflectivity(-q, *stack, dq=dq)
    np.testing.assert_allclose(from_back, brute_force(q, dq, stack.reversed), rtol=PROMISED)


def test_at_zero_q():
    stack = stack_of([0.0, 2.0, 4.2], [300.0], [0.0, 0.5, 1.0])
    r = ks.reflectivity([0.0], *stack, dq=0.01)
    np.testing.assert_allclose(r, brute_force(np.array([0.0]), 0.01, stack), rtol=PROMISED)


def test_zero_width_is_the_bare_curve():
    rng = np.random.default_rng(63)
    stack = random_stack(rng, 3, absorbing=True)
    q = q_grid(rng, 20)
    bare_r, bare = ks.reflectivity_jacobian(q, *stack)
    for dq in (0.0, np.zeros(20), ks.Resolution.none()):
        # the same formula, with or without the reverse sweep
        np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=dq), bare_r, rtol=1e-12)
        r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=dq)
        np.testing.assert_allclose(r, bare_r, rtol=1e-12)
        for name in ("thickness", "sld", "sld_imag", "roughness", "q"):
            np.testing.assert_allclose(getattr(jacobian, name), getattr(bare, name), rtol=1e-9, atol=1e-16)
        # S is even in dq: R + dq² R'' / 2
        np.testing.assert_array_equal(jacobian.dq, 0.0)


def test_zero_and_positive_widths_mixed():
    rng = np.random.default_rng(64)
    stack = random_stack(rng, 3)
    q = q_grid(rng, 21)
    dq = np.where(np.arange(21) % 3 == 0, 0.0, 0.02 * q)
    r = ks.reflectivity(q, *stack, dq=dq)
    np.testing.assert_allclose(r[dq == 0], ks.reflectivity(q, *stack)[dq == 0], rtol=1e-12)
    np.testing.assert_allclose(r[dq > 0], brute_force(q[dq > 0], dq[dq > 0], stack), rtol=PROMISED)


def test_narrow_limit():
    # S − R = dq² R'' / 2 + …: a width of 1e-7 leaves nothing of it, and no cancellation between nodes that coincide
    stack = CASES["film"]
    q = np.array([0.03, 0.05, 0.1])
    for dq in (1e-7, 1e-10, 1e-14, 1e-300):
        np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=dq), ks.reflectivity(q, *stack), rtol=PROMISED)


def test_scale_and_background_act_after_smearing():
    stack = CASES["film"]
    q = np.linspace(0.01, 0.1, 10)
    r = ks.reflectivity(q, *stack, dq=0.02 * q)
    scaled = ks.reflectivity(q, *stack, dq=0.02 * q, scale=0.8, background=1e-5)
    np.testing.assert_allclose(scaled, 0.8 * r + 1e-5, rtol=1e-14)


def test_resolution_objects():
    stack = CASES["film"]
    q = np.linspace(0.01, 0.1, 10)
    expected = ks.reflectivity(q, *stack, dq=0.02 * q)
    np.testing.assert_array_equal(ks.reflectivity(q, *stack, dq=ks.Resolution.constant(0.02)), expected)
    np.testing.assert_array_equal(ks.reflectivity(q, *stack, dq=ks.Resolution.gaussian(0.02 * q)), expected)
    np.testing.assert_array_equal(ks.reflectivity(-q, *stack, dq=ks.Resolution.constant(0.02)).shape, q.shape)
    _, jacobian = ks.reflectivity_jacobian(q, *stack, dq=ks.Resolution.constant(0.02))
    assert jacobian.dq.shape == q.shape


DERIVATIVE_CASES = ("substrate", "film", "absorbing", "absorbing resonance", "multilayer")


def parameter_slope(stack, name, i):
    """dR/dp of the transfer matrix by fourth-order differences, as a curve of |Q|."""
    value = getattr(stack, name)
    # steps of 1e-3 of the scale on which R changes leave 1e-12 in h⁴ and 1e-13 in roundoff
    h = {"thickness": 0.05, "sld": 2e-3, "sld_imag": 1e-3, "roughness": 0.01}[name]

    def curve(x):
        total = 0.0
        for factor, weight in ((1, 8.0), (-1, -8.0), (2, -1.0), (-2, 1.0)):
            moved = value.copy()
            moved[i] += factor * h
            total = total + weight * transfer_matrix.reflectivity(x, *stack._replace(**{name: moved}))
        return total / (12 * h)

    return curve


@pytest.mark.parametrize("width", [0.01, 0.05])
@pytest.mark.parametrize("name", DERIVATIVE_CASES)
def test_derivatives_with_respect_to_q_and_width(name, width):
    stack = CASES[name]
    q = np.array([0.009, 0.0179, 0.025, 0.06, 0.15])
    dq = width * q
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=dq)
    # the quadrature errs by 1e-5 R at most, in weights that are 1/dq times those of the bell itself
    for field in ("q", "dq"):
        exact = brute_force(q, dq, stack, weight=field)
        assert np.all(np.abs(getattr(jacobian, field) - exact) <= 1e-5 * np.abs(exact) + 1e-5 * r / dq), field


@pytest.mark.parametrize("name", ["film", "absorbing"])
@pytest.mark.parametrize("field", ["thickness", "sld", "roughness", "sld_imag"])
def test_derivatives_with_respect_to_the_stack(name, field):
    # above the edges, where the difference quotient of R has no kink to step over
    stack = CASES[name]
    if field == "sld_imag" and name == "film":
        pytest.skip("at the end of its domain sld_imag has no central difference")
    q = np.array([0.03, 0.06, 0.15])
    dq = 0.02 * q
    _, jacobian = ks.reflectivity_jacobian(q, *stack, dq=dq)
    for i in range(1 if field.startswith("sld") else 0, getattr(stack, field).size):
        curve = parameter_slope(stack, field, i)
        # the quotient's own roundoff stops the refinement at 1e-8; |dR/dp| has corners, and need not be known well
        exact = brute_force(q, dq, stack, curve=curve, rtol=1e-7)
        size = brute_force(q, dq, stack, curve=lambda x, curve=curve: np.abs(curve(x)), rtol=1e-3)
        # 1e-5 of the integral of |dR/dp|, because dR/dp changes sign within the bell
        assert np.all(np.abs(getattr(jacobian, field)[:, i] - exact) <= PROMISED * size), (field, i)


@pytest.mark.parametrize("q", [0.0155, 0.0179, 0.019, 0.025])
def test_derivative_of_the_backing_across_its_edge(q):
    # Fresnel's R is a function of Q²/sld alone, so dR/dsld = −(Q / 2 sld) dR/dQ, and by parts the smeared derivative is
    # −∫ G q' R' / (2 sld) = ∫ (q' G)' R / (2 sld) = ∫ G (1 − u q'/dq) R / (2 sld): nothing singular is left
    sld, dq = 6.36, 5e-4
    stack = stack_of([0.0, sld], roughness=0.0)
    q = np.array([q])
    _, jacobian = ks.reflectivity_jacobian(q, *stack, dq=dq)

    def curve(x):
        return (1.0 - (x - q[0]) / dq * x / dq) * transfer_matrix.reflectivity(x, *stack)

    exact = brute_force(q, dq, stack, curve=curve) / (2 * sld)
    # the plateau cancels in this integral: bounded by what R itself may err
    np.testing.assert_allclose(jacobian.sld[:, 1], exact, rtol=1e-4, atol=1e-5 * q[0] / dq / (2 * sld))


def test_derivatives_agree_with_the_library_s_own_differences():
    # whatever the nodes are, the derivative belongs to the value within the error promised for the value
    stack = CASES["film"]
    q = np.array([0.012, 0.02, 0.05, 0.1])
    dq = 0.03 * q
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=dq)
    h = 0.05 * dq
    slope = (ks.reflectivity(q + h, *stack, dq=dq) - ks.reflectivity(q - h, *stack, dq=dq)) / (2 * h)
    # truncation h² S''' / 6 ~ (0.05)² / 6 of S / dq, quadrature 2e-5 S / 2h
    np.testing.assert_allclose(jacobian.q, slope, rtol=2e-3, atol=0)
    slope = (ks.reflectivity(q, *stack, dq=dq + h) - ks.reflectivity(q, *stack, dq=dq - h)) / (2 * h)
    assert np.all(np.abs(jacobian.dq - slope) <= 2e-3 * r / dq)


def test_scale_and_background_in_the_smeared_jacobian():
    stack = CASES["film"]
    q = np.linspace(0.01, 0.1, 10)
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=0.02 * q, scale=0.5, background=1e-3)
    bare_r, bare = ks.reflectivity_jacobian(q, *stack, dq=0.02 * q)
    np.testing.assert_allclose(jacobian.scale, bare_r, rtol=1e-14)
    np.testing.assert_array_equal(jacobian.background, 1.0)
    np.testing.assert_allclose(r, 0.5 * bare_r + 1e-3, rtol=1e-14)
    for name in ("thickness", "sld", "sld_imag", "roughness", "q", "dq"):
        np.testing.assert_allclose(getattr(jacobian, name), 0.5 * getattr(bare, name), rtol=1e-11)  # order of products


def test_from_the_back():
    stack = CASES["absorbing"]
    q = np.array([0.02, 0.05])
    dq = 0.03 * q
    r, jacobian = ks.reflectivity_jacobian(-q, *stack, dq=dq)
    mirrored_r, mirrored = ks.reflectivity_jacobian(q, *stack.reversed, dq=dq)
    # the same numbers but for the order of additions
    np.testing.assert_allclose(r, mirrored_r, rtol=1e-12)
    np.testing.assert_allclose(jacobian.q, -mirrored.q, rtol=1e-11)
    np.testing.assert_allclose(jacobian.dq, mirrored.dq, rtol=1e-11)
    for name in ("thickness", "sld", "sld_imag", "roughness"):
        np.testing.assert_allclose(getattr(jacobian, name), getattr(mirrored, name)[:, ::-1], rtol=1e-11)
