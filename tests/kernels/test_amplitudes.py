"""Derivatives of the complex amplitude."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, KiessigError, ShapeError
from reference import differences, parratt
from reference.stacks import Stack, edges, q_grid, random_stack

FIELDS = ("thickness", "sld", "sld_imag", "roughness")


def exact_derivative(q, stack, name, i):
    """Complex dV/d(name[i]) at one Q; towards absorption where there is none."""
    values = dict(zip(FIELDS, stack, strict=True))
    if name == "q":
        return complex(differences.derivative(lambda x: parratt.amplitude(x, *stack), q))

    def along(x):
        entries = list(values[name])
        entries[i] = x
        return parratt.amplitude(q, *({**values, name: entries}[key] for key in FIELDS))

    return complex(
        differences.derivative(along, values[name][i], one_sided=name == "sld_imag" and values[name][i] == 0)
    )


def check(q, stack, *, cancellation=1.0):
    v, jacobian = ks.amplitude_jacobian(q, *stack)
    np.testing.assert_allclose(v, parratt.amplitudes(q, stack), rtol=1e-10, atol=1e-14)
    for i, x in enumerate(q):
        fronting = 0 if x > 0 else -1
        for name in FIELDS:
            found = getattr(jacobian, name)[i]
            exact = np.array([exact_derivative(x, stack, name, e) for e in range(found.size)])
            if name == "sld_imag":
                exact[fronting] = 0.0
            # rounding of phases and, where terms of neighbouring layers cancel, of the largest entry
            allowed = 1e-9 * np.abs(exact) + cancellation * 1e-13 * np.abs(exact).max(initial=0.0)
            assert np.all(np.abs(found - exact) <= allowed), (x, name, found, exact)
        exact = exact_derivative(x, stack, "q", 0)
        assert abs(jacobian.q[i] - exact) <= cancellation * 1e-9 * abs(exact)


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_jacobian_against_differences_in_many_digits(seed, absorbing):
    rng = np.random.default_rng([81, seed, absorbing])
    stack = random_stack(rng, seed + 1, absorbing=absorbing)
    check(np.concatenate([q_grid(rng, 5), -q_grid(rng, 2)]), stack)


@pytest.mark.parametrize("distance", [1e-12, 1e-9, 1e-6, 1e-3])
def test_jacobian_near_the_edge_of_a_layer(distance):
    stack = Stack(np.array([80.0, 120.0]), np.array([0.0, 6.0, 4.0, 2.07]), np.zeros(4), np.array([2.0, 3.0, 4.0]))
    # what cancels is 1/(2 k) times 1/k: bounded by the switch to other formulas at (k/k_0)² = 3e-3
    check(edges(stack)[1] * np.array([1.0 - distance, 1.0 + distance]), stack, cancellation=300.0)


@pytest.mark.parametrize("seed", range(4))
def test_reflectivity_follows(seed):
    rng = np.random.default_rng([82, seed])
    stack = random_stack(rng, 12, absorbing=bool(seed % 2))
    q = np.concatenate([q_grid(rng, 200), -q_grid(rng, 100), edges(stack)])
    v, jacobian = ks.amplitude_jacobian(q, *stack)
    r, expected = ks.reflectivity_jacobian(q, *stack)
    np.testing.assert_allclose(np.abs(v) ** 2, r, rtol=1e-13)
    for name in FIELDS:
        derivative = getattr(jacobian, name)
        found = 2.0 * (v.conj()[:, np.newaxis] * derivative).real
        size = np.abs(v)[:, np.newaxis] * np.abs(derivative).max(axis=-1, keepdims=True)
        # two sweeps that are rounded differently; beside an inner layer's edge up to three digits cancel in each
        assert np.all(np.abs(found - getattr(expected, name)) <= 1e-11 * size), name
    found = 2.0 * (v.conj() * jacobian.q).real
    assert np.all(np.abs(found - expected.q) <= 1e-11 * np.abs(v * jacobian.q))


@pytest.mark.parametrize("repeats", [None, [(1, 3, 20)]])
def test_vjp_is_the_jacobian(repeats):
    rng = np.random.default_rng(83)
    stack = random_stack(rng, 4, absorbing=True)
    q = np.concatenate([q_grid(rng, 300), -q_grid(rng, 50), edges(stack)])
    cotangent = rng.standard_normal(q.size) + 1j * rng.standard_normal(q.size)
    v, jacobian = ks.amplitude_jacobian(q, *stack, repeats=repeats)
    same, gradient = ks.amplitude_vjp(q, *stack, cotangent=cotangent, repeats=repeats)
    np.testing.assert_allclose(same, v, rtol=1e-13)  # the compiler may contract the two sweeps differently
    np.testing.assert_allclose(v, ks.amplitude(q, *stack, repeats=repeats), rtol=1e-10, atol=1e-14)
    for name in FIELDS:
        terms = (cotangent.conj()[:, np.newaxis] * getattr(jacobian, name)).real
        assert np.all(np.abs(getattr(gradient, name) - terms.sum(axis=0)) <= 1e-13 * np.abs(terms).sum(axis=0).max())
    found = np.abs(gradient.q - (cotangent.conj() * jacobian.q).real)
    assert np.all(found <= 1e-11 * np.abs(cotangent * jacobian.q))  # a sum over all media, which may cancel


def test_jacobian_of_repeats_is_folded():
    rng = np.random.default_rng(84)
    stack = random_stack(rng, 3, absorbing=True)
    order = np.array([0, 1, 2, 1, 2, 1, 2])
    places = {
        "thickness": order,
        "sld": np.array([0, *(order + 1), 4]),
        "sld_imag": np.array([0, *(order + 1), 4]),
        "roughness": np.array([*order, 3]),
    }
    long = Stack(*(field[places[name]] for name, field in zip(FIELDS, stack, strict=True)))
    q = np.concatenate([q_grid(rng, 40), edges(stack), -q_grid(rng, 10)])
    _, short = ks.amplitude_jacobian(q, *stack, repeats=[(1, 3, 3)])
    _, full = ks.amplitude_jacobian(q, *long)
    for name in FIELDS:
        found = getattr(short, name)
        sums = [getattr(full, name)[:, places[name] == e].sum(axis=-1) for e in range(found.shape[-1])]
        expected = np.stack(sums, axis=-1)
        # at a layer's edge one of the two runs loses digits in proportion to (k_0/k)² < 300
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max(), err_msg=name)


def test_cotangent_of_a_fit_to_complex_amplitudes():
    # L = Σ |V − M|² with c = 2 (V − M), against differences of L itself
    rng = np.random.default_rng(85)
    stack = random_stack(rng, 2, absorbing=True)
    q = q_grid(rng, 30)
    measured = 0.3 * (rng.standard_normal(30) + 1j * rng.standard_normal(30))

    def loss(thickness):
        return np.sum(np.abs(ks.amplitude(q, thickness, *stack[1:]) - measured) ** 2)

    v, _ = ks.amplitude_jacobian(q, *stack)
    _, gradient = ks.amplitude_vjp(q, *stack, cotangent=2.0 * (v - measured))
    for e, step in enumerate(np.eye(2) * 1e-4):
        quotient = (loss(stack.thickness + step) - loss(stack.thickness - step)) / 2e-4
        np.testing.assert_allclose(gradient.thickness[e], quotient, rtol=1e-7)  # rounding 1e-16 / 1e-4, times Q d


def test_zero_q():
    v, jacobian = ks.amplitude_jacobian([0.0], [100.0], [0.0, 4.0, 2.07], 0.1, 3.0)
    assert v[0] == -1.0
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(jacobian, name), 0.0)
    # V = −1 + Q / Y + ... with the admittance Y of all that lies behind
    h = 1e-7
    slope = (ks.amplitude(h, [100.0], [0.0, 4.0, 2.07], 0.1, 3.0) + 1.0) / h
    np.testing.assert_allclose(jacobian.q[0], slope, rtol=1e-4)


def test_shapes_and_batches():
    rng = np.random.default_rng(86)
    thickness, sld = rng.uniform(20.0, 90.0, (3, 1, 2)), [0.0, 4.0, 3.0, 2.07]
    q = rng.uniform(-0.1, 0.1, (2, 5))
    v, jacobian = ks.amplitude_jacobian(q, thickness, sld)
    assert v.shape == jacobian.q.shape == (3, 2, 5)
    assert jacobian.sld.shape == jacobian.sld_imag.shape == (3, 2, 5, 4)
    assert jacobian.thickness.dtype == np.complex128
    cotangent = rng.standard_normal((3, 2, 5)) * 1j
    same, gradient = ks.amplitude_vjp(q, thickness, sld, cotangent=cotangent)
    np.testing.assert_allclose(same, v, rtol=1e-13)  # the compiler may contract the two sweeps differently
    assert [g.shape for g in gradient] == [(3, 1, 2), (4,), (), (), (2, 5)]
    expected = (cotangent.conj()[..., np.newaxis] * jacobian.sld).real
    np.testing.assert_allclose(gradient.sld, expected.sum(axis=(0, 1, 2)), rtol=1e-12)
    for i in range(3):
        for j in range(2):
            alone, derivative = ks.amplitude_jacobian(q[j], thickness[i, 0], sld)
            np.testing.assert_array_equal(v[i, j], alone)
            np.testing.assert_array_equal(jacobian.thickness[i, j], derivative.thickness)
    v, jacobian = ks.amplitude_jacobian(0.05, [], [0.0, 2.0])
    assert v.shape == jacobian.q.shape == ()
    assert jacobian.thickness.shape == (0,)


def test_threads():
    rng = np.random.default_rng(87)
    stack = random_stack(rng, 6, absorbing=True)
    q = q_grid(rng, 2000)
    one = ks.amplitude_vjp(q, *stack, cotangent=1.0 + 2.0j, threads=1)
    several = ks.amplitude_vjp(q, *stack, cotangent=1.0 + 2.0j, threads=3)
    np.testing.assert_array_equal(one[0], several[0])
    for a, b in zip(one[1], several[1], strict=True):
        np.testing.assert_array_equal(a, b)


GOOD = ([0.01, 0.02], [100.0], [0.0, 4.0, 2.07])


@pytest.mark.parametrize(
    ("cotangent", "error", "message"),
    [
        ([1.0, 2.0, 3.0], ShapeError, r"cotangent must broadcast to the result's shape \(2,\); got shape \(3,\)"),
        ([1.0, np.nan], InvalidValueError, r"cotangent must be finite; cotangent\[1\] = nan"),
        (complex(0.0, np.inf), InvalidValueError, r"cotangent must be finite; cotangent = infj"),
        ("abc", InvalidValueError, r"cotangent must be complex numbers; got dtype <U3"),
        (None, InvalidValueError, r"cotangent must be complex numbers; got dtype object"),
        ([[1.0], [1.0, 2.0]], ShapeError, r"cotangent must be an array of complex numbers; got a ragged list"),
    ],
)
def test_bad_cotangent(cotangent, error, message):
    with pytest.raises(error, match=f"^amplitude_vjp: {message}$") as caught:
        ks.amplitude_vjp(*GOOD, cotangent=cotangent)
    assert isinstance(caught.value, KiessigError)


@pytest.mark.parametrize("function", ["amplitude_jacobian", "amplitude_vjp"])
def test_bad_stack(function):
    more = {"cotangent": 1.0} if function == "amplitude_vjp" else {}
    with pytest.raises(InvalidValueError, match=rf"^{function}: thickness must be non-negative; thickness\[0\] = -1.0"):
        getattr(ks, function)([0.01], [-1.0], [0.0, 4.0, 2.07], **more)
    with pytest.raises(ShapeError, match=rf"^{function}: roughness must have 2 entries"):
        getattr(ks, function)([0.01], [1.0], [0.0, 4.0, 2.07], roughness=[1.0], **more)
