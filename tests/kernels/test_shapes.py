"""Uniform, triangular and tabulated resolutions against adaptive integration: values, derivatives, limits, errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from reference import transfer_matrix
from reference.smearing import smear_straight
from reference.stacks import Stack, edges, q_grid, random_stack

PROMISED = 1e-5  # relative to the exact integral
REACHED = 1e-8  # what the panels, resolved to 1e-6 of the amplitude, make of it

UNIFORM = ([-np.sqrt(3.0), np.sqrt(3.0)], [1.0, 1.0])
TRIANGULAR = ([-np.sqrt(6.0), 0.0, np.sqrt(6.0)], [0.0, 1.0, 0.0])
LOPSIDED = ([-1.0, -0.5, -0.5, 0.2, 1.5, 2.5], [0.2, 0.9, 0.1, 1.0, 0.3, 0.0])


def deviation(offsets, densities):
    z = np.linspace(offsets[0], offsets[-1], 2_000_001)
    d = np.interp(z, offsets, densities)
    mean = np.sum(z * d) / np.sum(d)
    return np.sqrt(np.sum((z - mean) ** 2 * d) / np.sum(d))


KINDS = {
    "uniform": (ks.Resolution.uniform, UNIFORM),
    "triangular": (ks.Resolution.triangular, TRIANGULAR),
    "sampled": (lambda dq: ks.Resolution.sampled(*LOPSIDED, dq=dq), LOPSIDED),
}


def stack_of(sld, thickness=(), sld_imag=0.0, roughness=3.0):
    sld = np.asarray(sld, dtype=np.float64)
    absorption = np.broadcast_to(np.asarray(sld_imag, dtype=np.float64), sld.shape).copy()
    return Stack(np.asarray(thickness, dtype=np.float64), sld, absorption, np.full(sld.size - 1, float(roughness)))


CASES = {
    "substrate": stack_of([0.0, 6.36]),
    "film": stack_of([0.0, 4.2, 2.07], [250.0]),
    "thick film": stack_of([0.0, 4.2, 2.07], [5000.0]),
    "deep fringes": stack_of([0.0, 4.14, 0.0], [1200.0], roughness=0.0),
    "absorbing": stack_of([2.07, 3.45, 5.0, 6.0], [100.0, 200.0], [0.0, 0.3, 0.1, 0.02]),
    "multilayer": stack_of([0.0, *[-1.95, 9.42] * 8, 2.07], [30.0, 70.0] * 8, roughness=2.0),
    "rough": stack_of([0.0, 4.2, 2.07], [60.0], roughness=12.0),
}


def table_of(kind):
    """Offsets in units of dq: tables are given in any unit, dq is their standard deviation."""
    offsets, densities = KINDS[kind][1]
    unit = deviation(offsets, densities) if kind == "sampled" else 1.0
    return np.asarray(offsets) / unit, np.asarray(densities)


def exact(kind, q, dq, stack, weight="value", rtol=1e-10):
    def curve(x):
        return float(transfer_matrix.reflectivity(np.array([x]), *stack)[0])

    dq = np.broadcast_to(dq, q.shape)
    return np.array(
        [
            smear_straight(curve, *point, *table_of(kind), edges(stack), weight=weight, rtol=rtol)
            for point in zip(q, dq, strict=True)
        ]
    )


@pytest.mark.parametrize("width", [0.002, 0.03])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_against_adaptive_integration(kind, name, width):
    q = np.array([0.009, 0.0138, 0.0181, 0.05, 0.2])
    if name == "thick film" and width == 0.03:
        q = q[:-1]  # a hundred fringes: the oracle is slow there
    stack = CASES[name]
    r = ks.reflectivity(q, *stack, dq=KINDS[kind][0](width * q))
    # the table's deviation is a sum over 2e6 steps, with two jumps: 1e-7 of it
    np.testing.assert_allclose(r, exact(kind, q, width * q, stack), rtol=1e-6 if kind == "sampled" else REACHED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_random_stacks(seed, kind):
    rng = np.random.default_rng([91, seed])
    stack = random_stack(rng, int(rng.integers(0, 9)), absorbing=seed % 2 == 1)
    q = q_grid(rng, 8, low=0.004)
    dq = q * np.exp(rng.uniform(np.log(0.002), np.log(0.1), q.size))
    r = ks.reflectivity(q, *stack, dq=KINDS[kind][0](dq))
    np.testing.assert_allclose(r, exact(kind, q, dq, stack), rtol=1e-6, err_msg=f"seed {seed}")


@pytest.mark.parametrize("kind", KINDS)
def test_across_the_critical_edge(kind):
    # every place of the square-root kink within the kernel, at its ends and beside it
    stack = CASES["substrate"]
    edge = edges(stack)[-1]
    for dq in (1e-5, 1e-3):
        q = edge + dq * np.array([-3.0, -2.4, -np.sqrt(3.0), -0.7, 0.0, 0.3, 1.6, np.sqrt(3.0), 2.6])
        r = ks.reflectivity(q, *stack, dq=KINDS[kind][0](dq))
        np.testing.assert_allclose(r, exact(kind, q, dq, stack), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_past_zero(kind):
    stack = stack_of([0.0, 2.0, 4.2], [300.0], [0.0, 0.5, 1.0])
    q = np.array([0.0, 0.002, 0.005, 0.01])
    dq = np.array([0.003, 0.002, 0.004, 0.02])
    resolution = KINDS[kind][0](dq)
    np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=resolution), exact(kind, q, dq, stack), rtol=1e-6)
    # from the back, offsets are those of the magnitude of q
    found = ks.reflectivity(-q[1:], *stack, dq=KINDS[kind][0](dq[1:]))
    np.testing.assert_allclose(found, exact(kind, q[1:], dq[1:], stack.reversed), rtol=1e-6)


@pytest.mark.parametrize("name", ["substrate", "film", "absorbing", "multilayer"])
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_q_and_width(kind, name):
    stack = CASES[name]
    q = np.array([0.009, 0.0179, 0.025, 0.15])
    dq = 0.03 * q
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=KINDS[kind][0](dq))
    for field in ("q", "dq"):
        # the oracle's terms R / dq cancel, and the table's deviation is known to 1e-7
        error = np.abs(getattr(jacobian, field) - exact(kind, q, dq, stack, weight=field))
        assert np.all(error <= 1e-6 * r / dq), field


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_the_stack(kind):
    # the derivative of an integral is the integral of the derivative, whose nodes serve both alike
    stack = CASES["absorbing"]
    q = np.array([0.012, 0.03, 0.06, 0.15])
    dq = 0.02 * q
    _, jacobian = ks.reflectivity_jacobian(q, *stack, dq=KINDS[kind][0](dq))
    offsets, densities = table_of(kind)

    for field, i in (("thickness", 0), ("sld", 1), ("sld", 3), ("sld_imag", 2), ("roughness", 1)):

        def curve(x, field=field, i=i):
            return float(getattr(ks.reflectivity_jacobian([x], *stack)[1], field)[0, i])

        expected = [
            smear_straight(curve, *point, offsets, densities, edges(stack), rtol=1e-6)
            for point in zip(q, dq, strict=True)
        ]
        size = [abs(curve(x)) for x in q]
        error = np.abs(getattr(jacobian, field)[:, i] - expected)
        assert np.all(error <= PROMISED * np.maximum(size, np.abs(expected))), field


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_the_values(kind):
    stack = CASES["film"]
    q = np.array([0.012, 0.02, 0.05, 0.1])
    dq = 0.03 * q
    resolution = KINDS[kind][0]
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=resolution(dq))

    def slope(step):  # fourth order: what is left is h⁴ S⁗' / 30, and twice the error of the values over h
        h = 0.02 * dq
        at = [ks.reflectivity(q + step[0] * k * h, *stack, dq=resolution(dq + step[1] * k * h)) for k in (-2, -1, 1, 2)]
        return (at[0] - 8.0 * at[1] + 8.0 * at[2] - at[3]) / (12.0 * h)

    assert np.all(np.abs(jacobian.q - slope((1, 0))) <= 1e-5 * r / dq)
    assert np.all(np.abs(jacobian.dq - slope((0, 1))) <= 1e-5 * r / dq)


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_those_of_the_jacobian(kind):
    rng = np.random.default_rng(92)
    stack = CASES["absorbing"]
    q = np.concatenate([q_grid(rng, 150, low=0.005), -q_grid(rng, 150, low=0.005)])
    resolution = KINDS[kind][0](np.where(np.arange(q.size) % 5 == 0, 0.0, 0.02 * np.abs(q)))
    r, jacobian = ks.reflectivity_jacobian(q, *stack, scale=1.2, dq=resolution)
    cotangent = rng.standard_normal(q.size)
    value, gradient = ks.reflectivity_vjp(q, *stack, scale=1.2, dq=resolution, cotangent=cotangent)
    np.testing.assert_allclose(value, r, rtol=1e-12)
    tangents = {name: rng.standard_normal(part.shape) for name, part in zip(stack._fields, stack, strict=True)}
    tangents |= {"q": rng.standard_normal(q.size), "dq": rng.standard_normal(q.size)}
    _, found = ks.reflectivity_jvp(q, *stack, scale=1.2, dq=resolution, tangents=tangents)
    expected = np.zeros(q.size)
    for name, tangent in tangents.items():
        derivative = getattr(jacobian, name)
        size = np.abs(derivative).max()
        if derivative.ndim == 1:
            expected += derivative * tangent
            product = cotangent * derivative
        else:
            expected += derivative @ tangent
            product = cotangent @ derivative
        # sums of 300 terms that cancel
        np.testing.assert_allclose(getattr(gradient, name), product, rtol=1e-9, atol=1e-11 * size)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


def test_sampled_triangle_is_the_triangle():
    stack = CASES["film"]
    q = np.linspace(0.005, 0.2, 50)
    expected = ks.reflectivity_jacobian(q, *stack, dq=ks.Resolution.triangular(0.02 * q))
    # any unit, any area, any number of samples on the same lines
    x = np.linspace(-5.0, 5.0, 11)
    found = ks.reflectivity_jacobian(q, *stack, dq=ks.Resolution.sampled(x, 3.0 * (5.0 - np.abs(x)), dq=0.02 * q))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-10)
    for name in ("thickness", "sld", "q", "dq"):
        size = np.abs(getattr(expected[1], name)).max()
        np.testing.assert_allclose(getattr(found[1], name), getattr(expected[1], name), rtol=1e-7, atol=1e-10 * size)


@pytest.mark.parametrize(("samples", "error"), [(41, 4e-3), (161, 2.5e-4)])
def test_sampled_gaussian_is_the_gaussian_to_the_error_of_the_table(samples, error):
    # straight lines between samples h apart: h² g'' / 8, up to 0.02 and 0.0013 of g at a distance of 2, 1/16 with it
    stack = CASES["film"]
    q = np.linspace(0.02, 0.2, 40)
    x = np.linspace(-8.0, 8.0, samples)
    expected = ks.reflectivity(q, *stack, dq=0.02 * q)
    found = ks.reflectivity(q, *stack, dq=ks.Resolution.sampled(x, np.exp(-0.5 * x * x), dq=0.02 * q))
    np.testing.assert_allclose(found, expected, rtol=error)


def test_sampled_without_width_is_in_absolute_q():
    stack = CASES["film"]
    q = np.linspace(0.02, 0.2, 40)
    offsets = 1e-3 * np.asarray(LOPSIDED[0])
    resolution = ks.Resolution.sampled(offsets, LOPSIDED[1])
    width = deviation(offsets, LOPSIDED[1])
    np.testing.assert_allclose(resolution.sigma(q), width, rtol=1e-6)
    expected = ks.reflectivity(q, *stack, dq=ks.Resolution.sampled(*LOPSIDED, dq=resolution.sigma(q)))
    np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=resolution), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_constant_curve_stays_what_it_is(kind):
    # total reflection far below the edge of a strong reflector
    stack = stack_of([0.0, 1e4])
    q = np.array([0.0, 1e-3, 0.1, 0.3])
    for dq in (1e-8, 1e-5, 1e-3, 0.05):
        np.testing.assert_allclose(ks.reflectivity(q, *stack, dq=KINDS[kind][0](dq)), 1.0, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_narrow_limit(kind):
    stack = CASES["film"]
    q = np.array([0.03, 0.05, 0.1])
    for dq in (1e-8, 1e-10, 1e-14, 0.0):
        r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=KINDS[kind][0](dq))
        bare_r, bare = ks.reflectivity_jacobian(q, *stack)
        # (mean offset) dq R' and dq² R'' / 2 are what it changes; rounding of positions 1e-17 / dq
        np.testing.assert_allclose(r, bare_r, rtol=PROMISED)
        np.testing.assert_allclose(jacobian.sld, bare.sld, rtol=PROMISED, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_plan(kind):
    rng = np.random.default_rng(93)
    q = q_grid(rng, 300, low=0.005)
    resolution = KINDS[kind][0](0.02 * q)
    plan = ks.Plan(q, resolution)
    for thickness in (200.0, 201.0, 900.0):
        stack = ([thickness], [0.0, 4.2, 2.07], 0.0, 3.0)
        expected = ks.reflectivity(q, *stack, dq=resolution)
        for _ in range(2):
            np.testing.assert_allclose(plan.reflectivity(*stack), expected, rtol=2 * REACHED)
        r, jacobian = plan.jacobian(*stack)
        again, gradient = plan.vjp(*stack, cotangent=np.ones(q.size))
        np.testing.assert_allclose(r, expected, rtol=2 * REACHED)
        np.testing.assert_allclose(again, r, rtol=1e-12)
        total = jacobian.sld.sum(axis=0)
        np.testing.assert_allclose(gradient.sld, total, atol=1e-10 * np.abs(jacobian.sld).sum(axis=0).max())


@pytest.mark.parametrize("kind", KINDS)
def test_batches_and_threads(kind):
    rng = np.random.default_rng(94)
    q = np.sort(rng.uniform(0.005, 0.2, 600))
    thickness = rng.uniform(50.0, 500.0, (3, 1))
    resolution = KINDS[kind][0](0.02 * q)
    together = ks.reflectivity(q, thickness, [0.0, 4.2, 2.07], dq=resolution, threads=2)
    for row, d in zip(together, thickness, strict=True):
        np.testing.assert_array_equal(row, ks.reflectivity(q, d, [0.0, 4.2, 2.07], dq=resolution, threads=1))


@pytest.mark.parametrize("kind", KINDS)
def test_polarised_channels_share_the_path(kind):
    q = np.linspace(0.008, 0.15, 40)
    resolution = KINDS[kind][0](0.02 * q)
    stack = ([200.0], [0.0, 6.0, 2.07], 0.0, 4.0)
    # collinear: two scalar curves
    found = ks.polarised_reflectivity(q, *stack, sld_magnetic=[0.0, 2.0, 0.0], theta_m=90.0, dq=resolution)
    for channel, sign in (("pp", 1.0), ("mm", -1.0)):
        sld = [0.0, 6.0 + 2.0 * sign, 2.07]
        expected = ks.reflectivity(q, stack[0], sld, *stack[2:], dq=resolution)
        np.testing.assert_allclose(getattr(found, channel), expected, rtol=2 * REACHED)


def test_measurements_take_shapes():
    film = ks.Parameter(100, bounds=(50, 150), name="thickness")
    sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07, roughness=3)
    q = np.linspace(0.01, 0.2, 30)
    data = ks.Dataset(q, np.ones(30), dr=np.ones(30))
    resolution = ks.Resolution.uniform(0.03 * q)
    problem = ks.Problem([ks.Measurement(data, sample, resolution=resolution)])
    expected = ks.reflectivity(q, [100.0], [0.0, 3.47, 2.07], roughness=[0.0, 3.0], dq=resolution)
    np.testing.assert_allclose(1.0 - problem.residuals([100.0]), expected, rtol=1e-7, atol=1e-15)
    step = 1e-3
    slope = (problem.residuals([100.0 + step]) - problem.residuals([100.0 - step])) / (2.0 * step)
    # roundoff and nodes 1e-9 / step, truncation (0.2 * step)²
    np.testing.assert_allclose(problem.jacobian([100.0])[:, 0], slope, rtol=1e-4, atol=1e-5 * np.abs(slope).max())


@pytest.mark.parametrize(
    "resolution",
    [
        ks.Resolution.uniform(1e-3),
        ks.Resolution.triangular([1e-3, 2e-3]),
        ks.Resolution.sampled(*LOPSIDED, dq=[1e-3, 2e-3]),
        ks.Resolution.sampled([-1e-3, 1e-3], [1.0, 1.0]),
    ],
    ids=repr,
)
def test_survives_pickling_and_copying(resolution):
    q = np.array([0.02, 0.03])
    expected = ks.reflectivity(q, [100.0], [0.0, 4.0, 2.0], dq=resolution)
    for other in (pickle.loads(pickle.dumps(resolution)), copy.deepcopy(resolution)):
        assert repr(other) == repr(resolution)
        np.testing.assert_array_equal(ks.reflectivity(q, [100.0], [0.0, 4.0, 2.0], dq=other), expected)


def test_repr():
    assert repr(ks.Resolution.uniform(1e-3)) == "Resolution.uniform(dq=0.001)"
    assert repr(ks.Resolution.sampled(*LOPSIDED, dq=1e-3)) == "Resolution.sampled(dq=0.001, table of 6 samples)"


def test_table_cannot_be_changed_from_outside():
    offsets, densities = np.array([-1.0, 1.0]), np.array([1.0, 1.0])
    resolution = ks.Resolution.sampled(offsets, densities, dq=1e-3)
    expected = ks.reflectivity([0.02], [100.0], [0.0, 4.0, 2.0], dq=resolution)
    offsets[0], densities[0] = -9.0, 7.0
    np.testing.assert_array_equal(ks.reflectivity([0.02], [100.0], [0.0, 4.0, 2.0], dq=resolution), expected)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda r: r.uniform(-1.0),
            InvalidValueError,
            r"^Resolution\.uniform: dq must be finite and non-negative; dq =",
        ),
        (lambda r: r.triangular([1e-3, np.nan]), InvalidValueError, r"^Resolution\.triangular: dq must be .* = nan"),
        (
            lambda r: r.sampled([-1, 0, 1], [0, -2, 0]),
            InvalidValueError,
            r"^Resolution\.sampled: densities must be finite and non-negative; densities\[1\] = -2\.0$",
        ),
        (lambda r: r.sampled([0, 1], [1, np.nan]), InvalidValueError, r"densities\[1\] = nan"),
        (lambda r: r.sampled([0, np.inf], [1, 1]), InvalidValueError, r"offsets must be finite; offsets\[1\] = inf"),
        (
            lambda r: r.sampled([0, 2, 1], [1, 1, 1]),
            InvalidValueError,
            r"offsets must be ascending; offsets\[2\] = 1\.0",
        ),
        (lambda r: r.sampled([0, 1], [0, 0]), InvalidValueError, "densities must have a finite, positive area .* 0.0"),
        (lambda r: r.sampled([1, 1], [1, 1]), InvalidValueError, "densities must have a finite, positive area"),
        (lambda r: r.sampled([0, 1], [1, 1, 1]), ShapeError, "offsets and densities must have one length.* 2 and 3"),
        (lambda r: r.sampled([0], [1]), ShapeError, "one length, at least 2; got 1 and 1"),
        (lambda r: r.sampled([[0, 1]], [1, 1]), ShapeError, r"offsets must be a vector; got shape \(1, 2\)"),
        (lambda r: r.sampled([0, 1], [1, 1], dq=-1.0), InvalidValueError, r"^Resolution\.sampled: dq must be finite"),
        (lambda r: r.sampled("ab", [1, 1]), InvalidValueError, "offsets must be an array of real numbers"),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call(ks.Resolution)


def test_refuses_too_many_nodes():
    with pytest.raises(InvalidValueError, match="dq cannot be honoured"):
        ks.reflectivity([0.3], [1e7], [0.0, 4.0, 2.0], dq=ks.Resolution.uniform(0.06))
