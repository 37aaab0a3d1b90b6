"""Repeated cells against the same stacks written out."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError

Q = np.concatenate([-np.linspace(0.25, 0.02, 15), np.linspace(0.004, 0.3, 60)])


def written_out(thickness, sld, sld_imag, roughness, repeats):
    """The explicit stack, and which layer's medium and top interface each of its own is."""
    n = len(thickness)
    order, layer = [], 0
    cells = {start: (stop, count) for start, stop, count in repeats}
    while layer < n:
        stop, count = cells.get(layer, (layer + 1, 1))
        order += count * list(range(layer, stop))
        layer = stop
    media = np.array([0, *(layer + 1 for layer in order), n + 1])
    interfaces = np.array([*order, n])
    stack = (thickness[order], sld[media], sld_imag[media], roughness[interfaces])
    return stack, {"thickness": np.array(order), "sld": media, "sld_imag": media, "roughness": interfaces}


def random_case(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    absorbing = seed % 2
    stack = (
        rng.uniform(3, 80, n),
        rng.uniform(-1, 8, n + 2),
        rng.uniform(0, 0.2, n + 2) * absorbing,
        rng.uniform(0, 6, n + 1) * (seed % 3 > 0),
    )
    start = int(rng.integers(0, n))
    stop = int(rng.integers(start + 1, n + 1))
    repeats = [(start, stop, int(rng.integers(1, 40)))]
    if stop < n:
        repeats.append((stop, n, int(rng.integers(2, 9))))
    return stack, repeats


def folded(derivative, places, length):
    return np.stack([derivative[..., places == k].sum(axis=-1) for k in range(length)], axis=-1)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("dq", [None, 0.02 * np.abs(Q)], ids=["sharp", "smeared"])
def test_the_explicit_stack(seed, dq):
    stack, repeats = random_case(seed)
    explicit, places = written_out(*stack, repeats)
    r, jacobian = ks.reflectivity_jacobian(Q, *stack, repeats=repeats, dq=dq)
    expected_r, expected = ks.reflectivity_jacobian(Q, *explicit, dq=dq)
    # two orders of a few hundred products, each good to 1e-15; near resonances R is that of a high power
    np.testing.assert_allclose(r, expected_r, rtol=1e-8)
    np.testing.assert_allclose(ks.reflectivity(Q, *stack, repeats=repeats, dq=dq), expected_r, rtol=1e-8)
    for name, place in places.items():
        found = getattr(jacobian, name)
        wanted = folded(getattr(expected, name), place, found.shape[-1])
        # on the plateau of a stack that does not absorb all derivatives vanish but for rounding
        floor = 1e-11 * np.abs(getattr(expected, name)).sum(axis=-1).max()
        # smeared across a narrow resonance the nodes that resolve R to 1e-10 resolve its derivatives less well
        np.testing.assert_allclose(found, wanted, rtol=1e-7 if dq is None else 1e-6, atol=floor, err_msg=name)
    np.testing.assert_allclose(jacobian.q, expected.q, rtol=1e-7, atol=1e-10 * np.abs(expected.q).max())


@pytest.mark.parametrize("seed", range(10))
def test_products_are_those_of_the_jacobian(seed):
    stack, repeats = random_case(seed)
    rng = np.random.default_rng(seed)
    r, jacobian = ks.reflectivity_jacobian(Q, *stack, repeats=repeats)
    cotangent = rng.standard_normal(Q.size)
    tangents = {name: rng.standard_normal(a.shape) for name, a in zip(jacobian._fields, stack, strict=False)}
    _, gradient = ks.reflectivity_vjp(Q, *stack, repeats=repeats, cotangent=cotangent)
    found_r, dr = ks.reflectivity_jvp(Q, *stack, repeats=repeats, tangents=tangents)
    np.testing.assert_array_equal(found_r, r)
    along = sum(getattr(jacobian, name) @ tangent for name, tangent in tangents.items())
    np.testing.assert_allclose(dr, along, rtol=1e-9, atol=1e-11 * np.abs(along).max())
    for name in tangents:
        product = cotangent @ getattr(jacobian, name)
        np.testing.assert_allclose(getattr(gradient, name), product, rtol=1e-9, atol=1e-11 * np.abs(product).max())


def test_near_and_at_the_critical_edge_of_a_repeated_layer():
    stack = (
        np.array([40.0, 25.0]),
        np.array([0.0, 4.0, 1.0, 2.07]),
        np.array([0.0, 0.01, 0.0, 0.0]),
        np.array([3.0, 2.0, 4.0]),
    )
    edge = np.sqrt(16e-6 * np.pi * 1.0)
    q = edge * (1.0 + np.array([-1e-4, -1e-9, 0.0, 1e-12, 1e-5]))
    for reps in ([(0, 2, 7)], [(1, 2, 3)]):
        explicit, places = written_out(*stack, reps)
        for sign in (1.0, -1.0):
            r, jacobian = ks.reflectivity_jacobian(sign * q, *stack, repeats=reps)
            expected_r, expected = ks.reflectivity_jacobian(sign * q, *explicit)
            np.testing.assert_allclose(r, expected_r, rtol=1e-9)
            for name, place in places.items():
                found = getattr(jacobian, name)
                np.testing.assert_allclose(
                    found, folded(getattr(expected, name), place, found.shape[-1]), rtol=1e-8, atol=1e-13
                )


def test_amplitude_and_large_counts():
    stack = (np.array([30.0, 50.0]), np.array([0.0, 6.0, 2.0, 2.07]), np.array([0.0, 0.02, 0.01, 0.0]), np.zeros(3))
    explicit, _ = written_out(*stack, [(0, 2, 2000)])
    q = np.linspace(0.02, 0.2, 50)
    expected = ks.amplitude(q, *explicit)
    found = ks.amplitude(q, *stack, repeats=[(0, 2, 2000)])
    np.testing.assert_allclose(found, expected, atol=1e-11)  # 4000 layers
    # an absorbing superlattice of so many cells has no other side: two more repeats change nothing
    huge = ks.amplitude(q, *stack, repeats=[(0, 2, 10**9)])
    np.testing.assert_allclose(huge, ks.amplitude(q, *stack, repeats=[(0, 2, 10**9 + 2)]), atol=1e-12)
    assert np.isfinite(huge).all()


def test_batches_and_plans():
    stack, repeats = random_case(5)
    explicit, _ = written_out(*stack, repeats)
    batch = tuple(np.stack([a, 1.01 * a]) for a in stack)
    expected = [ks.reflectivity(Q, *(f * a for a in explicit)) for f in (1.0, 1.01)]
    np.testing.assert_allclose(ks.reflectivity(Q, *batch, repeats=repeats), expected, rtol=1e-8)
    plan = ks.Plan(np.abs(Q), 0.02 * np.abs(Q))
    smeared = ks.reflectivity(np.abs(Q), *explicit, dq=0.02 * np.abs(Q))
    np.testing.assert_allclose(plan.reflectivity(*stack, repeats=repeats), smeared, rtol=1e-7)


@pytest.mark.parametrize(
    ("repeats", "message"),
    [
        ([(0, 1)], r"repeats must be \(start, stop, count\) triples of integers; repeats\[0\] = \(0, 1\)"),
        ([(0, 1, 2.5)], "triples of integers"),
        ([3], "triples of integers"),
        ([(0, 3, 2)], r"0 <= start < stop <= 2.*repeats\[0\] = \(0, 3, 2\)"),
        ([(1, 1, 2)], "start < stop"),
        ([(0, 2, 2), (1, 2, 2)], r"2 <= start < stop <= 2, in order without overlap.*repeats\[1\]"),
        ([(0, 2, 0)], "a count of at least 1"),
        ([(-1, 2, 3)], "0 <= start"),
    ],
)
def test_bad_repeats(repeats, message):
    with pytest.raises(InvalidValueError, match=message):
        ks.reflectivity(Q, [10.0, 20.0], [0.0, 1.0, 2.0, 3.0], repeats=repeats)
