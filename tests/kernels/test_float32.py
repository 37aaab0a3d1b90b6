"""Single precision: its error against double precision and 40 digits, its arguments, and its refusals."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from reference import parratt
from reference.stacks import Stack, edges, q_grid, random_stack

# |sqrt(r) - sqrt(R)| in units of the sum of all interfaces' |F_j| (1 at most). 5e-5 is documented, which allows for
# rare resonances; the largest among 1e7 points of stacks like these was 7e-6.
BOUND = 2e-5
UNDERFLOW = 3e-18  # of sqrt(R)

FOUR_PI = 4e-6 * np.pi


def envelope(q, stack):
    z = 0.25 * np.asarray(q)[:, np.newaxis] ** 2 - FOUR_PI * (stack.sld - stack.sld[0])
    imag = FOUR_PI * stack.sld_imag
    imag[0] = 0.0
    k = np.sqrt(z + 1j * imag)
    product = k[:, :-1] * k[:, 1:]
    coefficients = (k[:, :-1] - k[:, 1:]) / (k[:, :-1] + k[:, 1:]) * np.exp(-2.0 * product * stack.roughness**2)
    return np.minimum(np.abs(coefficients).sum(axis=1), 1.0)


def assert_close(actual, exact, q, stack, bound=BOUND):
    assert actual.dtype == np.float32
    error = np.abs(np.sqrt(actual.astype(np.float64)) - np.sqrt(exact))
    excess = error / (bound * envelope(q, stack) + UNDERFLOW)
    assert np.all(excess <= 1.0), f"{excess.max():.2f} times the bound at Q = {q[np.argmax(excess)]}"


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("n", [0, 1, 3, 10, 30])
def test_within_the_documented_bound(n, absorbing):
    rng = np.random.default_rng([121, n, absorbing])
    for _ in range(20):
        stack = random_stack(rng, n, absorbing=absorbing)
        q = q_grid(rng, 100, high=0.5)
        assert_close(ks.reflectivity(q, *stack, dtype=np.float32), ks.reflectivity(q, *stack), q, stack)


@pytest.mark.parametrize("absorbing", [False, True])
def test_against_forty_digits(absorbing):
    rng = np.random.default_rng([122, absorbing])
    stack = random_stack(rng, 5, absorbing=absorbing)
    q = q_grid(rng, 20)
    exact = np.abs(parratt.amplitudes(q, stack)) ** 2
    assert_close(ks.reflectivity(q, *stack, dtype=np.float32), exact, q, stack)


def test_documented_percentiles():
    rng = np.random.default_rng(123)
    errors = []
    for i in range(100):
        stack = random_stack(rng, 5, absorbing=bool(i % 2))
        q = q_grid(rng, 200)
        exact = ks.reflectivity(q, *stack)
        errors.append(np.abs(ks.reflectivity(q, *stack, dtype=np.float32) - exact) / (exact + 1e-7))
    median, most = np.percentile(errors, [50.0, 99.9])
    assert 3e-8 < median < 3e-7  # and it is single precision indeed
    assert most < 2e-5


@pytest.mark.parametrize("thickness", [1e4, 1e6, 1e7])
def test_thickness_does_not_matter(thickness):
    # k d of up to 1e6: a k that is rounded to single precision would be 0.1 rad off
    rng = np.random.default_rng(124)
    stack = random_stack(rng, 2)
    stack.thickness[1] = thickness
    q = np.linspace(0.0271, 0.2, 200)
    assert_close(ks.reflectivity(q, *stack, dtype=np.float32), ks.reflectivity(q, *stack), q, stack, bound=3e-6)


def test_at_critical_edges():
    stack = Stack(np.array([80.0, 40.0]), np.array([0.0, 4.0, 1.5, 6.36]), np.zeros(4), np.array([2.0, 3.0, 4.0]))
    distance = np.array([0.0, 1e-16, 1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2])
    q = np.sort((edges(stack)[:, np.newaxis] * (1.0 + np.concatenate([-distance, distance]))).ravel())
    assert_close(ks.reflectivity(q, *stack, dtype=np.float32), ks.reflectivity(q, *stack), q, stack)


def test_total_reflection_is_one():
    r = ks.reflectivity(np.linspace(0.0, 0.0178, 100), [100.0, 30.0], [0.0, 7.0, 1.0, 6.36], 0.0, 4.0, dtype=np.float32)
    np.testing.assert_array_equal(r, np.float32(1.0))


@pytest.mark.parametrize("dtype", [np.float32, "float32", "f4", np.dtype(np.float32)])
def test_names_of_float32(dtype):
    assert ks.reflectivity([0.01, 0.1], [100.0], [0.0, 4.0, 2.0], dtype=dtype).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float64, "float64", float, np.dtype(np.float64)])
def test_names_of_float64(dtype):
    arguments = ([0.01, 0.1], [100.0], [0.0, 4.0, 2.0])
    np.testing.assert_array_equal(ks.reflectivity(*arguments, dtype=dtype), ks.reflectivity(*arguments), strict=True)


@pytest.mark.parametrize("dtype", [np.float16, "complex64", int, "single-ish", None, 3, [1.0], np.dtype(">f4")])
def test_other_types_are_refused(dtype):
    with pytest.raises(InvalidValueError, match=r"^reflectivity: dtype must be float64 or float32; got"):
        ks.reflectivity([0.01, 0.1], [100.0], [0.0, 4.0, 2.0], dtype=dtype)


@pytest.mark.parametrize("dq", [0.0, [1e-3, 1e-3], ks.Resolution.gaussian([1e-3, 1e-3])])
def test_resolution_is_refused(dq):
    with pytest.raises(
        InvalidValueError, match=r"^reflectivity: dq must be None with dtype float32; got \w+; smear in"
    ):
        ks.reflectivity([0.01, 0.1], [100.0], [0.0, 4.0, 2.0], dq=dq, dtype=np.float32)


def test_bad_input_is_explained():
    with pytest.raises(InvalidValueError, match=r"^reflectivity: thickness must be non-negative; thickness\[0\] = -1"):
        ks.reflectivity([0.01], [-1.0], [0.0, 4.0, 2.0], dtype=np.float32)
    with pytest.raises(ShapeError, match=r"^reflectivity: thickness must have 1 entries"):
        ks.reflectivity([0.01], [1.0, 2.0], [0.0, 4.0, 2.0], dtype=np.float32)


def test_shapes_and_broadcasting():
    rng = np.random.default_rng(125)
    stack = random_stack(rng, 3)
    thickness = stack.thickness * rng.uniform(0.9, 1.1, (4, 1, 1))
    q = np.stack([q_grid(rng, 7), -q_grid(rng, 7)])
    r = ks.reflectivity(q, thickness, *stack[1:], dtype=np.float32)
    assert r.shape == (4, 2, 7)
    assert r.dtype == np.float32
    assert r.flags.c_contiguous
    assert r.flags.writeable
    for i, j in np.ndindex(4, 2):
        np.testing.assert_array_equal(r[i, j], ks.reflectivity(q[j], thickness[i, 0], *stack[1:], dtype=np.float32))
    assert ks.reflectivity(0.05, *stack, dtype=np.float32).shape == ()
    assert ks.reflectivity([], *stack, dtype=np.float32).shape == (0,)


def test_every_way_in_is_the_same():
    # plain vectors take a shorter way; strided ones, float32 ones and lists do not
    rng = np.random.default_rng(126)
    stack = Stack(*(field.astype(np.float32).astype(np.float64) for field in random_stack(rng, 3, absorbing=True)))
    q = np.repeat(q_grid(rng, 40).astype(np.float32).astype(np.float64), 2)
    expected = ks.reflectivity(q[::2].copy(), *stack, dtype=np.float32)
    for arguments in (
        (q[::2], *stack),
        (q[::2].astype(np.float32), *(field.astype(np.float32) for field in stack)),
        (q[::2].tolist(), *(field.tolist() for field in stack)),
    ):
        np.testing.assert_array_equal(ks.reflectivity(*arguments, dtype=np.float32), expected)


def test_threads_give_the_same_bits():
    rng = np.random.default_rng(127)
    stack = random_stack(rng, 4)
    thickness = stack.thickness * rng.uniform(0.9, 1.1, (5, 1))
    q = q_grid(rng, 3000)
    one = ks.reflectivity(q, thickness, *stack[1:], dtype=np.float32, threads=1)
    for threads in (2, 3, None):
        again = ks.reflectivity(q, thickness, *stack[1:], dtype=np.float32, threads=threads)
        np.testing.assert_array_equal(again, one)


def test_scale_and_background():
    rng = np.random.default_rng(128)
    stack = random_stack(rng, 2)
    q = q_grid(rng, 10)
    r = ks.reflectivity(q, *stack, dtype=np.float32)
    scaled = ks.reflectivity(q, *stack, scale=1.7, background=3e-7, dtype=np.float32)
    np.testing.assert_array_equal(scaled, (1.7 * r.astype(np.float64) + 3e-7).astype(np.float32))


def test_repeats_are_double_precision_rounded():
    rng = np.random.default_rng(129)
    stack = random_stack(rng, 3, absorbing=True)
    q = q_grid(rng, 30)
    repeats = [(0, 2, 40)]
    single = ks.reflectivity(q, *stack, repeats=repeats, dtype=np.float32)
    np.testing.assert_array_equal(single, ks.reflectivity(q, *stack, repeats=repeats).astype(np.float32))


def test_extremes_are_finite():
    rng = np.random.default_rng(130)
    for i in range(300):
        n = int(rng.integers(0, 6))
        sld = rng.choice([-1.0, 1.0], n + 2) * 10.0 ** rng.uniform(-6.0, 3.0, n + 2)
        sld_imag = 10.0 ** rng.uniform(-8.0, 3.0, n + 2) * (i % 2)
        thickness = 10.0 ** rng.uniform(-3.0, 7.0, n)
        roughness = 10.0 ** rng.uniform(-3.0, 4.0, n + 1)
        q = np.concatenate([[0.0], 10.0 ** rng.uniform(-8.0, 1.0, 30)])
        r = ks.reflectivity(q, thickness, sld, sld_imag, roughness, dtype=np.float32)
        assert np.all(np.isfinite(r) & (r >= 0.0))
