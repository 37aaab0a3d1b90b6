"""Jacobian, VJP and JVP of the unsmeared kernel: against exact derivatives, against each other, against differences."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import differences, parratt
from reference.stacks import Stack, q_grid, random_stack
from reference.tolerances import assert_derivative, assert_reflectivity

STACK_FIELDS = ("thickness", "sld", "sld_imag", "roughness")


def check_jacobian(q, stack, context=""):
    """Every derivative at every Q against 60-digit differences of the recursion."""
    r, jacobian = ks.reflectivity_jacobian(q, *stack)
    exact_r = np.abs(parratt.amplitudes(q, stack))
    assert_reflectivity(r, exact_r**2, context=context)
    for i, x in enumerate(q):
        exact = differences.stack_derivatives(parratt.amplitude, x, stack)
        for name, slope in exact.items():
            where = f"{context} q = {x:.6g}: {name}"
            assert_derivative(getattr(jacobian, name)[i], slope.value, slope.amplitude, exact_r[i], context=where)


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_jacobian_of_random_stacks(n, seed, absorbing):
    rng = np.random.default_rng([41, n, seed, absorbing])
    stack = random_stack(rng, n, absorbing=absorbing)
    check_jacobian(q_grid(rng, 8, low=0.002), stack, f"n = {n}, seed {seed}")


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize(("n", "n_q"), [(20, 3), (60, 1)])
def test_jacobian_of_many_layers(n, n_q, absorbing):
    rng = np.random.default_rng([42, n, absorbing])
    check_jacobian(
        q_grid(rng, n_q, low=0.01, high=0.1), random_stack(rng, n, absorbing=absorbing, thickness=(3.0, 60.0))
    )


@pytest.mark.parametrize("absorbing", [False, True])
def test_jacobian_from_the_back(absorbing):
    rng = np.random.default_rng([43, absorbing])
    stack = random_stack(rng, 3, absorbing=absorbing)
    q = -q_grid(rng, 6)
    check_jacobian(q, stack)
    _, jacobian = ks.reflectivity_jacobian(q, *stack)
    np.testing.assert_array_equal(jacobian.sld_imag[:, -1], 0.0)  # the side the beam comes from


def test_jacobian_at_the_ends_of_the_domain():
    # zero thickness, sharp interfaces and no absorption, all at once
    stack = Stack(np.array([0.0, 80.0]), np.array([2.07, 3.0, 5.0, 6.36]), np.zeros(4), np.array([0.0, 0.0, 3.0]))
    check_jacobian(np.array([0.005, 0.012, 0.03, 0.2]), stack)


def test_jacobian_of_thick_layers():
    # evanescent and absorbing layers through which nothing comes back, and fringes of 6e-5 / angstrom
    stack = Stack(np.array([1e5]), np.array([0.0, 6.36, 2.07]), np.array([0.0, 1e-4, 0.1]), np.array([4.0, 9.0]))
    q = np.array([0.005, 0.015, 0.019, 0.03, 0.06])
    _, jacobian = ks.reflectivity_jacobian(q, *stack)
    for i, x in enumerate(q):
        exact = differences.stack_derivatives(parratt.amplitude, x, stack)
        r = abs(parratt.amplitudes([x], stack)[0])
        for name, slope in exact.items():
            # ∂r/∂k carries a factor d = 1e5: the phase's error of 1e-12 shows in r and in the derivative alike
            assert_derivative(getattr(jacobian, name)[i], slope.value, slope.amplitude, r, relative=1e-8, context=name)


@pytest.mark.parametrize("q", [0.009, 0.0175, 0.019, 0.05])
def test_absorption_derivative_is_the_one_sided_limit(q):
    # R(h) − R(0) over h → 0 from above: no threshold may spoil it, below or above the critical edge
    stack = Stack(np.array([150.0]), np.array([0.0, 2.0, 6.36]), np.zeros(3), np.array([2.0, 3.0]))
    _, jacobian = ks.reflectivity_jacobian([q], *stack)
    for j in (1, 2):
        one = np.zeros(3)
        one[j] = 1.0
        h = np.array([1e-2, 1e-3, 1e-4])
        r0 = ks.reflectivity(q, *stack)
        quotient = np.array([(ks.reflectivity(q, *stack._replace(sld_imag=x * one)) - r0) / x for x in h])
        error = np.abs(quotient - jacobian.sld_imag[0, j])
        # first order: the error falls by ten with the step
        np.testing.assert_allclose(error[:-1] / error[1:], 10.0, rtol=0.05)


def test_fronting_absorption_has_no_derivative():
    rng = np.random.default_rng(44)
    stack = random_stack(rng, 3, absorbing=True)
    _, jacobian = ks.reflectivity_jacobian(q_grid(rng, 20), *stack)
    np.testing.assert_array_equal(jacobian.sld_imag[:, 0], 0.0)


def test_zero_q_has_no_slope_but_in_q():
    stack = Stack(np.array([100.0]), np.array([0.0, 4.0, 2.07]), np.array([0.0, 0.1, 0.2]), np.array([3.0, 4.0]))
    r, jacobian = ks.reflectivity_jacobian([0.0], *stack)
    assert r[0] == 1.0
    for name in STACK_FIELDS:
        np.testing.assert_array_equal(getattr(jacobian, name), 0.0)
    assert np.all(np.isfinite(jacobian.q))


def test_scale_and_background_in_the_jacobian():
    rng = np.random.default_rng(45)
    stack = random_stack(rng, 3, absorbing=True)
    q = q_grid(rng, 12)
    bare_r, bare = ks.reflectivity_jacobian(q, *stack)
    r, jacobian = ks.reflectivity_jacobian(q, *stack, scale=0.7, background=2e-6)
    np.testing.assert_allclose(r, 0.7 * bare_r + 2e-6, rtol=1e-15)
    np.testing.assert_allclose(jacobian.scale, bare_r, rtol=1e-15)
    np.testing.assert_array_equal(jacobian.background, 1.0)
    for name in (*STACK_FIELDS, "q"):
        # the factor may enter anywhere in the sweep: roundoff, relative to the largest entry of the point
        expected = 0.7 * getattr(bare, name)
        largest = np.abs(expected) if name == "q" else np.abs(expected).max(axis=-1, keepdims=True)
        assert np.all(np.abs(getattr(jacobian, name) - expected) <= 1e-12 * largest), name
    assert bare.dq is None
    assert jacobian.dq is None


def test_value_is_the_same_from_every_function():
    rng = np.random.default_rng(46)
    stack = random_stack(rng, 6)
    q = q_grid(rng, 50)
    r = ks.reflectivity(q, *stack)
    for other in (
        ks.reflectivity_jacobian(q, *stack)[0],
        ks.reflectivity_vjp(q, *stack, cotangent=np.ones_like(q))[0],
        ks.reflectivity_jvp(q, *stack, tangents={"sld": 1.0})[0],
        np.abs(ks.amplitude(q, *stack)) ** 2,
    ):
        assert_reflectivity(other, r)


def inner_products(jacobian, tangents, cotangent):
    """J t and Jᵀ c from the Jacobian itself, and the sums of absolute terms to which roundoff is proportional."""
    forward = np.zeros_like(cotangent)
    size = np.zeros_like(cotangent)
    backward = {}
    for name, tangent in tangents.items():
        field = getattr(jacobian, name)
        if name in STACK_FIELDS:
            terms = field * tangent
            forward, size = forward + terms.sum(axis=-1), size + np.abs(terms).sum(axis=-1)
            backward[name] = (np.einsum("qn,q->n", field, cotangent), np.einsum("qn,q->n", abs(field), abs(cotangent)))
        else:
            terms = field * tangent
            forward, size = forward + terms, size + np.abs(terms)
            product = field * cotangent
            pointwise = name in ("q", "dq")
            backward[name] = (product, abs(product)) if pointwise else (product.sum(), abs(product).sum())
    return forward, size, backward


def random_case(seed, n=4, n_q=30, *, smeared=False):
    rng = np.random.default_rng([47, seed])
    stack = random_stack(rng, n, absorbing=bool(seed % 2))
    q = q_grid(rng, n_q, low=0.004)
    options = {"scale": 1.3, "background": 1e-6}
    if smeared:
        options["dq"] = q * rng.uniform(0.01, 0.05, n_q)
    shapes = {
        "thickness": n,
        "sld": n + 2,
        "sld_imag": n + 2,
        "roughness": n + 1,
        "q": n_q,
        "scale": (),
        "background": (),
    }
    if smeared:
        shapes["dq"] = n_q
    tangents = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return q, stack, options, tangents, rng.standard_normal(n_q)


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_jvp_and_vjp_are_the_jacobian(seed, smeared):
    q, stack, options, tangents, cotangent = random_case(seed, smeared=smeared)
    r, jacobian = ks.reflectivity_jacobian(q, *stack, **options)
    _, dr = ks.reflectivity_jvp(q, *stack, **options, tangents=tangents)
    _, gradient = ks.reflectivity_vjp(q, *stack, **options, cotangent=cotangent)
    forward, size, backward = inner_products(jacobian, tangents, cotangent)
    # the same products in another order: roundoff of the sum of absolute terms, and on a plateau, where these are all
    # roundoff themselves, of what they are elsewhere
    assert np.all(np.abs(dr - forward) <= 1e-13 * (size + r * np.max(size / r)))
    for name, (expected, scale) in backward.items():
        found = getattr(gradient, name)
        assert np.shape(found) == np.shape(expected), name
        # media share wavevectors: what cancels in one entry is as large as in its neighbours
        # weights are multiplied in at the other end of the sweep; some 500 terms are summed
        assert np.all(np.abs(found - expected) <= 1e-12 * np.max(scale)), name
    for name in tangents:
        # one field at a time: the others' tangents are zero
        _, alone = ks.reflectivity_jvp(q, *stack, **options, tangents={name: tangents[name]})
        forward, size, _ = inner_products(jacobian, {name: tangents[name]}, cotangent)
        assert np.all(np.abs(alone - forward) <= 1e-13 * (size + r * np.max(size / r))), name


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_forward_and_reverse_are_adjoint(seed, smeared):
    q, stack, options, tangents, cotangent = random_case(seed + 100, n=9, smeared=smeared)
    _, dr = ks.reflectivity_jvp(q, *stack, **options, tangents=tangents)
    _, gradient = ks.reflectivity_vjp(q, *stack, **options, cotangent=cotangent)
    left = dr * cotangent
    right = [np.ravel(getattr(gradient, name) * tangent) for name, tangent in tangents.items()]
    right = np.concatenate(right)
    size = np.abs(left).sum() + np.abs(right).sum()
    assert abs(left.sum() - right.sum()) <= 1e-12 * size  # roundoff of a few hundred terms


def test_no_tangents_no_change():
    q, stack, options, _, _ = random_case(7)
    r, dr = ks.reflectivity_jvp(q, *stack, **options, tangents={})
    assert_reflectivity(r, ks.reflectivity(q, *stack, **options))
    np.testing.assert_array_equal(dr, 0.0)


def test_scalar_tangents_broadcast():
    q, stack, options, _, _ = random_case(8)
    _, dr = ks.reflectivity_jvp(q, *stack, **options, tangents={"thickness": 1.0, "q": 2.0})
    _, full = ks.reflectivity_jvp(
        q, *stack, **options, tangents={"thickness": np.ones(stack.thickness.size), "q": np.full(q.size, 2.0)}
    )
    np.testing.assert_array_equal(dr, full)


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_central_differences_show_the_v(seed, smeared):
    # the error of a central difference falls with h² and rises again as roundoff / h: seeing both arms, and a bottom
    # far below either end, is what tells a derivative from a number near it
    q, stack, options, tangents, _ = random_case(seed + 200, n=3, n_q=12, smeared=smeared)
    q = q + 0.025  # clear of the critical edges, so that R is smooth over the largest step
    widths = {
        "thickness": 1.0,
        "sld": 0.1,
        "sld_imag": 1e-3,
        "roughness": 0.1,
        "q": 1e-4,
        "scale": 1.0,
        "background": 1e-6,
    }
    widths["dq"] = 1e-4
    tangents = {name: value * widths[name] for name, value in tangents.items()}
    if not seed % 2:
        tangents["sld_imag"] *= 0.0  # at the end of its domain there is no central difference

    def at(t):
        moved = stack._replace(**{name: getattr(stack, name) + t * tangents[name] for name in stack._fields})
        rest = {name: value + t * tangents[name] for name, value in options.items()}
        return ks.reflectivity(q + t * tangents["q"], *moved, **rest)

    _, dr = ks.reflectivity_jvp(q, *stack, **options, tangents=tangents)
    steps = 10.0 ** np.arange(-1.0, -11.0, -1.0)
    error = np.array([np.linalg.norm((at(h) - at(-h)) / (2 * h) - dr) for h in steps]) / np.linalg.norm(dr)
    # quadratic arm; the smeared sum adds its quadrature error (1e-5 of R, which may step where the nodes' number does)
    if smeared:
        assert error.min() < 1e-4, error
        return
    np.testing.assert_allclose(error[0] / error[1], 100.0, rtol=0.2, err_msg=str(error))
    assert error.min() < 1e-8, error
    assert error[-1] > 10.0 * error.min(), error
