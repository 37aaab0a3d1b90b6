"""Microslices: R and its derivatives for interfaces of any shape."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.interfaces import InterfaceShape, shape_named
from reference import graded, graded_closed_forms
from reference.stacks import Stack

Q_MAX = 0.3
Q = np.geomspace(0.005, Q_MAX, 40)
FIELDS = ("thickness", "sld", "sld_imag", "roughness")
SMOOTH = ("erf", "tanh", "linear", "exponential", "sinusoidal")
NONE = np.zeros(0)

# the reference's own error: steps of 0.1 angstrom, and roundoff of thousands of them in R down to 1e-12
REFERENCE = 2e-8


def assert_within(r, exact, scale, error, context=""):
    """The square root of R stays within error / 2 of the scale, and within roundoff of the amplitude."""
    off = np.abs(np.sqrt(r) - np.sqrt(exact)) / (0.5 * error * scale + 1e-13)
    assert off.max() <= 1.0, f"{context}: {off.max():.3g} times the bound at Q = {Q[np.argmax(off)]:.3g}"


def random_case(seed):
    """A stack of neutrons or, every third time, of X-rays, with interfaces as wide as its layers."""
    rng = np.random.default_rng([81, seed])
    n = int(rng.integers(0, 4))
    sld = rng.uniform(0.0, 120.0, n + 2) if seed % 3 == 2 else rng.uniform(-0.6, 8.0, n + 2)
    sld[0] = 0.0 if seed % 2 else 2.07
    sld_imag = 10.0 ** rng.uniform(-4.0, 0.0, n + 2) if seed % 2 else np.zeros(n + 2)
    stack = Stack(np.exp(rng.uniform(np.log(5.0), np.log(80.0), n)), sld, sld_imag, rng.uniform(0.5, 10.0, n + 1))
    return stack, [str(name) for name in rng.choice(SMOOTH, n + 1)]


@pytest.mark.parametrize("error", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize(("sld", "sigma"), [((0.0, 6.0), 3.0), ((0.0, 6.0), 15.0), ((2.07, 100.0), 5.0)])
def test_closed_forms(sld, sigma, error):
    exact = {
        "tanh": graded_closed_forms.fermi(Q, *sld, sigma * np.sqrt(np.pi / 8)),
        "linear": graded_closed_forms.linear(Q, *sld, sigma * np.sqrt(3)),
        "exponential": graded_closed_forms.exponential(Q, *sld, sigma / np.sqrt(2)),
    }
    for shape, r in exact.items():
        slices = ks.microslices([], sld, roughness=sigma, interfaces=shape, q_max=Q_MAX, error=error)
        scale = graded.fresnel_scale(Q, sld, [0.0, 0.0], [sigma], [shape])
        assert_within(slices.reflectivity(Q), r, scale, error, shape)
        plateau = 16e-6 * np.pi * (sld[1] - sld[0]) > Q**2
        np.testing.assert_allclose(slices.reflectivity(Q)[plateau], 1.0, rtol=1e-13)


def test_closed_form_downwards():
    # into a medium of lower SLD there is no critical edge
    for shape, r in {
        "tanh": graded_closed_forms.fermi(Q, 6.36, 2.07, 8.0 * np.sqrt(np.pi / 8)),
        "linear": graded_closed_forms.linear(Q, 6.36, 2.07, 8.0 * np.sqrt(3)),
    }.items():
        slices = ks.microslices([], [6.36, 2.07], roughness=8.0, interfaces=shape, q_max=Q_MAX)
        scale = graded.fresnel_scale(Q, [6.36, 2.07], [0.0, 0.0], [8.0], [shape])
        assert_within(slices.reflectivity(Q), r, scale, 1e-5, shape)


def test_waves_are_short_in_the_medium_of_lower_sld():
    """Up to a small Q, the steps follow from the wavelength within the interface: X-rays that leave a metal."""
    q, sld = np.geomspace(0.002, 0.02, 20), [100.0, 0.0]
    exact = graded_closed_forms.fermi(q, *sld, 60.0 * np.sqrt(np.pi / 8))
    slices = ks.microslices([], sld, roughness=60.0, interfaces="tanh", q_max=0.02)
    assert_within(slices.reflectivity(q), exact, graded.fresnel_scale(q, sld, [0.0, 0.0], [60.0], ["tanh"]), 1e-5)


def test_reference_agrees_with_the_closed_forms():
    arguments = (NONE, [0.0, 6.0], [0.0, 0.0], [5.0])
    for shape, r in {
        "tanh": graded_closed_forms.fermi(Q, 0.0, 6.0, 5.0 * np.sqrt(np.pi / 8)),
        "linear": graded_closed_forms.linear(Q, 0.0, 6.0, 5.0 * np.sqrt(3)),
        "exponential": graded_closed_forms.exponential(Q, 0.0, 6.0, 5.0 / np.sqrt(2)),
    }.items():
        np.testing.assert_allclose(graded.reflectivity(Q, *arguments, [shape]), r, rtol=REFERENCE)


@pytest.mark.parametrize("seed", range(24))
def test_error_bound(seed):
    stack, shapes = random_case(seed)
    slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX)
    exact = graded.reflectivity(Q, *stack, shapes, step=0.2)
    scale = graded.fresnel_scale(Q, *stack[1:], shapes)
    assert_within(slices.reflectivity(Q), exact, scale, 1e-5, f"{shapes}, {slices.thickness.size} slices")


@pytest.mark.parametrize("error", [1e-2, 1e-3, 1e-4, 1e-6, 1e-7])
def test_error_bound_that_is_asked_for(error):
    for seed in (4, 11, 14):  # neutrons, absorbing X-rays, X-rays
        stack, shapes = random_case(seed)
        slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX, error=error)
        exact = graded.reflectivity(Q, *stack, shapes, step=0.1)
        scale = graded.fresnel_scale(Q, *stack[1:], shapes)
        assert_within(slices.reflectivity(Q), exact, scale, error, f"seed {seed}")


def test_far_fewer_slices_than_with_a_fixed_thickness():
    stack = Stack([60.0], np.array([0.0, 4.0, 2.07]), np.zeros(3), np.array([4.0, 6.0]))
    for shape, most in (("tanh", 60), ("exponential", 60), ("linear", 20), ("sinusoidal", 25), ("erf", 40)):
        slices = ks.microslices(*stack, interfaces=shape, q_max=Q_MAX)
        assert slices.thickness.size < most, shape
        assert sum(slices.steps) == slices.thickness.size + 1


@pytest.mark.parametrize("shape", SMOOTH)
def test_thin_slices_of_the_same_thickness(shape):
    """Against slices of 0.02 angstrom with the SLD in their middle, in the package's own kernel."""
    stack, h = ([30.0], [0.0, 4.0, 2.07], [0.0, 0.05, 0.0], [5.0, 7.0]), 0.02
    ends = np.arange(-130.0, 200.0, h)
    rho = graded.profile(ends[:-1] + h / 2, *stack, [shape] * 2)
    sld, sld_imag = (
        np.concatenate([[0.0], rho.real, [2.07]]),
        np.concatenate([[0.0], np.maximum(-rho.imag, 0.0), [0.0]]),
    )
    exact = ks.reflectivity(Q, np.full(ends.size - 1, h), sld, sld_imag)
    slices = ks.microslices(*stack, interfaces=shape, q_max=Q_MAX)
    scale = graded.fresnel_scale(Q, *stack[1:], [shape] * 2)
    # steps of h: sinc(Q h / 2), 1.5e-6 in the amplitude at Q = 0.3
    assert_within(slices.reflectivity(Q), exact, scale, 1e-5 + 3e-6)


@pytest.mark.parametrize("shape", [*SMOOTH, "step"])
def test_refnx(shape):
    """refnx's own slices of the same profile, made thinner until they have converged."""
    reflect = pytest.importorskip("refnx.reflect", reason="refnx is not installed")
    interfaces = pytest.importorskip("refnx.reflect.interface")
    kernel = pytest.importorskip("refnx.reflect._creflect")
    thickness, sld, sld_imag, roughness = [40.0, 90.0], [0.0, 4.0, 6.0, 2.07], [0.0, 0.1, 0.02, 0.0], [3.0, 5.0, 4.0]
    structure = reflect.SLD(0.0)(0, 0)
    for d, rho, mu, sigma in zip([*thickness, 0.0], sld[1:], sld_imag[1:], roughness, strict=True):
        layer = reflect.SLD(rho + 1j * mu)(d, sigma)
        layer.interfaces = getattr(interfaces, shape.capitalize())()
        structure = structure | layer
    slices = ks.microslices(thickness, sld, sld_imag, roughness, interfaces=shape, q_max=Q_MAX)
    r = slices.reflectivity(Q)
    scale = np.sqrt(r) + 0.1 * graded.fresnel_scale(
        Q, sld, sld_imag, roughness, [shape if shape != "step" else "erf"] * 3
    )
    off = [
        np.max(
            np.abs(np.sqrt(kernel.abeles(Q, structure._micro_slabs(slice_size=h)[:, :4], threads=1)) - np.sqrt(r))
            / scale
        )
        for h in (0.5, 0.02)
    ]
    if shape == "step":  # six jumps between grid points, each up to h / 2 away: Q h / 2 = 3e-3 of its amplitude
        assert off[1] < 0.1 * off[0]
        assert off[1] < 1e-2
    elif shape == "exponential":  # cut at 8 sigma, where 6e-6 of the change is left; a cusp between grid points
        assert off[1] < 2e-5
    else:
        assert off[1] < 5e-6  # steps of 0.02 angstrom: 1.5e-6 at Q = 0.3
    assert off[0] > 2e-4  # 0.5 angstrom, its default: what our slices do not have


@pytest.mark.parametrize("number", [2, 3])
def test_orso(shared_data, number):
    """The error functions of the ORSO suite, one given by its roughness and one by thin slices."""
    folder = shared_data / "orso_validation" / "unpolarised"
    layers, data = (
        np.loadtxt(folder / line.strip(), ndmin=2)
        for line in (folder / f"test{number}.txt").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    )
    q, reference = data.T[:2]
    if number == 2:
        stack = Stack(layers[1:-1, 0], layers[:, 1], layers[:, 2], layers[1:, 3])
        interfaces = "erf"
    else:  # slices of 0.025 angstrom: the error function that they were made from
        width = layers[1, 0]
        rise = np.diff(layers[:, 1]) / (layers[-1, 1] - layers[0, 1])
        places = width * np.arange(rise.size)
        sigma = np.sqrt(rise @ (places - rise @ places) ** 2)
        stack, interfaces = Stack(NONE, layers[[0, -1], 1], np.zeros(2), [round(float(sigma), 2)]), "erf"
    r = ks.microslices(*stack, interfaces=interfaces, q_max=q.max(), error=1e-6).reflectivity(q)
    # both references have the factor of Névot and Croce, which parts from the error function by 1.7e-6 at Q = 1
    np.testing.assert_allclose(r, reference, rtol=2e-6)
    np.testing.assert_allclose(r[q < 0.2], reference[q < 0.2], rtol=1e-7)


def test_error_function_is_nevot_and_croce_factor():
    sld = [0.0, 2.07]
    r = ks.microslices([], sld, roughness=3.0, interfaces="erf", q_max=Q_MAX).reflectivity(Q)
    # the factor is of first order: the two part by (4 pi SLD sigma²)² and less
    np.testing.assert_allclose(r, ks.reflectivity(Q, [], sld, roughness=3.0), rtol=2e-5)


def test_interfaces_that_are_not_sliced_are_the_kernels_own():
    stack = ([40.0, 90.0], [0.0, 4.0, 6.0, 2.07], [0.0, 0.1, 0.02, 0.01], [3.0, 5.0, 4.0])
    slices = ks.microslices(*stack, interfaces="nevot-croce", q_max=Q_MAX)
    for name, field in zip(FIELDS, stack, strict=True):
        np.testing.assert_allclose(getattr(slices, name), field, rtol=1e-14)
    np.testing.assert_allclose(slices.reflectivity(Q), ks.reflectivity(Q, *stack), rtol=1e-12)
    mixed = ks.microslices(*stack, interfaces=["nevot-croce", "tanh", "nevot-croce"], q_max=Q_MAX)
    assert mixed.steps[0] == mixed.steps[2] == 1
    assert sorted(mixed.roughness[mixed.roughness > 0]) == [3.0, 4.0]
    exact = graded.reflectivity(Q, *stack, ["erf", "tanh", "erf"])
    scale = graded.fresnel_scale(Q, *stack[1:], ["erf", "tanh", "erf"])
    # the factor is of first order, and parts from the error function by 4 pi SLD sigma² = 1e-3
    assert_within(mixed.reflectivity(Q), exact, scale, 1e-3)


def test_zero_roughness_is_sharp():
    stack = ([40.0], [0.0, 4.0, 2.07], [0.0, 0.1, 0.0])
    for shape in ("tanh", "step", "exponential"):
        slices = ks.microslices(*stack, interfaces=shape, q_max=Q_MAX)
        r, jacobian = slices.reflectivity_jacobian(Q)
        exact, other = ks.reflectivity_jacobian(Q, *stack)
        np.testing.assert_allclose(r, exact, rtol=1e-12)
        np.testing.assert_allclose(jacobian.thickness, other.thickness, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(jacobian.sld, other.sld, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(jacobian.roughness, 0.0, atol=1e-12)  # R is even in the roughness
        np.testing.assert_allclose(slices.profile([-1.0, 0.0, 1.0, 41.0])[0], [0.0, 2.0, 4.0, 2.07], atol=1e-12)


def test_step_is_two_interfaces():
    slices = ks.microslices([], [0.0, 4.0], roughness=6.0, interfaces="step", q_max=Q_MAX)
    np.testing.assert_allclose(slices.thickness, [12.0])
    np.testing.assert_allclose(slices.reflectivity(Q), ks.reflectivity(Q, [12.0], [0.0, 2.0, 4.0]), rtol=1e-12)


def test_shapes_of_the_users():
    """A gradient from a table, and one from functions, that is not symmetric."""
    t, g = np.array([-20.0, -5.0, 0.0, 15.0]), np.array([0.0, 0.1, 0.7, 1.0])
    stack = ([30.0], [0.0, 4.0, 2.07])
    table = InterfaceShape.tabulated(t, g)
    fades = InterfaceShape(lambda t: 1 - np.exp(-(t + 1)), lambda t: np.exp(-(t + 1)), (-1.0, 30.0))
    slices = ks.microslices(*stack, roughness=[1.0, 4.0], interfaces=[table, fades], q_max=Q_MAX)
    h = 0.02
    ends = np.arange(-21.0, 200.0, h)
    z = ends[:-1] + h / 2
    late = np.where(z > 26.0, 1 - np.exp(-np.maximum((z - 26.0) / 4.0, 0.0)), 0.0)
    sld = 4.0 * np.interp(z, t, g) - 1.93 * late
    exact = ks.reflectivity(Q, np.full(z.size, h), [0.0, *sld, 2.07])
    np.testing.assert_allclose(slices.profile(z)[0], sld, rtol=0, atol=1e-12)
    # the jump of the second slope falls on a grid point; slices of 0.02 angstrom are good to 3e-6 at Q = 0.3
    np.testing.assert_allclose(slices.reflectivity(Q), exact, rtol=1e-4)


def test_profile():
    stack, shapes = random_case(1)
    assert len(shapes) > 1
    slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX)
    z = np.linspace(-60.0, 200.0, 501)
    sld, sld_imag = slices.profile(z)
    exact = graded.profile(z, *stack, shapes)
    np.testing.assert_allclose(sld, exact.real, rtol=0, atol=1e-11 * np.abs(stack.sld).max())
    np.testing.assert_allclose(sld_imag, -exact.imag, rtol=0, atol=1e-11)
    # the staircase has the same area, and its middle in the same place
    z = np.linspace(slices.depth[0] - 1.0, slices.depth[-1] + 1.0, 200_001)
    area = np.trapezoid(slices.profile(z)[0] - stack.sld[-1] * (z > 0), z)
    stairs = slices.sld[1:-1] @ slices.thickness
    beyond = stack.sld[0] * (slices.depth[0] - z[0]) + stack.sld[-1] * (z[-1] - slices.depth[-1])
    assert area == pytest.approx(stairs + beyond - stack.sld[-1] * z[-1], abs=1e-6 * stack.sld.max() * z[-1])


DERIVATIVES = [
    (["tanh", "exponential", "linear"], ([12.0, 40.0], [0.0, 4.0, 6.0, 2.07], [0.0, 0.2, 0.02, 0.01], [4.0, 6.0, 3.0])),
    (["nevot-croce", "tanh", "erf"], ([60.0, 40.0], [2.0, 4.0, 6.0, 2.07], [0.0, 0.2, 0.02, 0.01], [4.0, 3.0, 6.0])),
    (["sinusoidal", "step"], ([25.0], [0.0, -0.5, 6.36], [0.0, 0.1, 0.3], [2.0, 7.0])),
    (["erf"], ([], [6.36, 2.07], [0.0, 0.05], [9.0])),
]


def differences(function, stack, h):
    """Central differences of fourth order with respect to every number of a stack; NaN where it cannot move."""
    found = {}
    for name, field in zip(FIELDS, stack, strict=True):
        columns = np.full((Q.size, len(field)), np.nan)
        for i, value in enumerate(field):
            step = min(h, value / 3) if name == "sld_imag" else h
            if step > 0.0:
                values = []
                for shift in (-2 * step, -step, step, 2 * step):
                    moved = [np.array(other, dtype=float) for other in stack]
                    moved[FIELDS.index(name)][i] += shift
                    values.append(function(*moved))
                columns[:, i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        found[name] = columns
    return found


@pytest.mark.parametrize(("shapes", "stack"), DERIVATIVES)
def test_derivatives_are_those_of_the_sliced_reflectivity(shapes, stack):
    slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX)

    def sliced(*moved):
        return ks.microslices(*moved, interfaces=shapes, q_max=Q_MAX, like=slices).reflectivity(Q)

    r, jacobian = slices.reflectivity_jacobian(Q)
    np.testing.assert_allclose(r, sliced(*stack), rtol=1e-12)
    for name, numeric in differences(sliced, stack, 1e-3).items():
        exact = getattr(jacobian, name)
        assert exact.shape == numeric.shape
        # truncation h⁴ f⁽⁵⁾/30 of at most 1e-8 of the largest slope of the curve; roundoff 1e-15 R / h, 1e-12 R
        scale = np.abs(exact) + 1e-2 * np.sqrt(r)[:, np.newaxis] * np.abs(exact / np.sqrt(r)[:, np.newaxis]).max(axis=0)
        moves = ~np.isnan(numeric[0])
        assert moves.sum() >= moves.size - 1
        allowed = 1e-7 * scale + 3e-12 * r[:, np.newaxis]
        assert (np.abs(exact - numeric) <= allowed)[:, moves].all(), (
            name,
            np.nanmax(np.abs(exact - numeric) / allowed),
        )


@pytest.mark.parametrize(("shapes", "stack"), DERIVATIVES)
def test_derivatives_are_those_of_the_profile(shapes, stack):
    """Against the reference, which has neither slices nor derivatives of its own."""
    if "nevot-croce" in shapes or "step" in shapes:
        shapes = ["tanh", "erf", "sinusoidal"][: len(shapes)]

    def exact_curve(*moved):
        return np.sqrt(graded.reflectivity(Q, *moved, shapes, step=0.2))

    slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX)
    r, jacobian = slices.reflectivity_jacobian(Q)
    scale = graded.fresnel_scale(Q, *stack[1:], shapes)
    # a unit of each parameter that changes a curve of this scale by about as much as the scale
    units = {"thickness": 1 / Q, "sld": 1.0 + 0 * Q, "sld_imag": 1.0 + 0 * Q, "roughness": 1 / Q}
    for name, numeric in differences(exact_curve, stack, 0.01).items():
        slope = getattr(jacobian, name) / (2 * np.sqrt(r))[:, np.newaxis]
        off = (np.abs(slope - numeric) * units[name][:, np.newaxis])[:, ~np.isnan(numeric[0])]
        # ten times the bound: derivatives lose a digit
        assert (off <= 10 * 0.5e-5 * scale[:, np.newaxis] + 1e-9).all(), (name, (off / scale[:, np.newaxis]).max())


def test_products_are_those_of_the_jacobian():
    rng = np.random.default_rng(82)
    shapes, stack = DERIVATIVES[0]
    slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX)
    more = {"scale": 1.1, "background": 1e-6, "dq": 0.03 * Q[Q < 0.2]}
    q = Q[Q < 0.2]
    r, jacobian = slices.reflectivity_jacobian(q, **more)
    np.testing.assert_allclose(slices.reflectivity(q, **more), r, rtol=1e-13)
    cotangent = rng.normal(size=q.size) / r
    r_vjp, gradient = slices.reflectivity_vjp(q, cotangent=cotangent, **more)
    tangents = {name: rng.normal(size=np.shape(getattr(gradient, name))) for name in ks.Jacobian._fields}
    r_jvp, dr = slices.reflectivity_jvp(q, tangents=tangents, **more)
    np.testing.assert_allclose(r_vjp, r, rtol=1e-13)
    np.testing.assert_allclose(r_jvp, r, rtol=1e-13)
    total = np.zeros_like(r)
    for name in ks.Jacobian._fields:
        field = getattr(jacobian, name)
        per_entry = name in FIELDS
        terms = cotangent[:, np.newaxis] * field if per_entry else cotangent * field
        summed = terms.sum(axis=0) if per_entry or name in ("scale", "background") else terms
        # sums of terms of both signs: to roundoff of the largest
        np.testing.assert_allclose(getattr(gradient, name), summed, rtol=1e-11, atol=1e-12 * np.abs(terms).sum())
        total += field @ tangents[name] if per_entry else field * tangents[name]
    np.testing.assert_allclose(dr, total, rtol=1e-10, atol=1e-12 * np.abs(total).max())
    assert dr @ cotangent == pytest.approx(sum(np.vdot(getattr(gradient, name), tangents[name]) for name in tangents))


def test_chain_rule_for_other_kernels():
    """The slices' arrays go into any kernel for slabs, and its derivatives come back."""
    shapes, stack = DERIVATIVES[1]
    slices = ks.microslices(*stack, interfaces=shapes, q_max=Q_MAX)
    arrays = (slices.thickness, slices.sld, slices.sld_imag, slices.roughness)
    r, jacobian = ks.reflectivity_jacobian(Q, *arrays)
    mine, whole = slices.reflectivity_jacobian(Q)
    np.testing.assert_allclose(r, mine, rtol=1e-13)
    for name in ks.Jacobian._fields[:-1]:
        np.testing.assert_allclose(getattr(slices.jacobian(jacobian), name), getattr(whole, name), rtol=1e-11)
    _, gradient = ks.reflectivity_vjp(Q, *arrays, cotangent=np.ones_like(Q))
    _, direct = slices.reflectivity_vjp(Q, cotangent=np.ones_like(Q))
    for name in FIELDS:
        np.testing.assert_allclose(getattr(slices.gradient(gradient), name), getattr(direct, name), rtol=1e-11)
    tangents = slices.tangents({"roughness": [1.0, 2.0, 3.0], "q": 0.1})
    _, dr = ks.reflectivity_jvp(Q, *arrays, tangents=tangents)
    expected = whole.roughness @ [1.0, 2.0, 3.0] + 0.1 * whole.q
    np.testing.assert_allclose(dr, expected, rtol=1e-10, atol=1e-13 * np.abs(expected).max())


def test_batch_is_a_loop():
    rng = np.random.default_rng(83)
    thickness, roughness = rng.uniform(10.0, 60.0, (4, 1, 2)), rng.uniform(1.0, 8.0, (3, 3))
    sld, sld_imag = np.array([0.0, 4.0, 6.0, 2.07]), 0.02
    shapes = ["tanh", "linear", "exponential"]
    batch = ks.microslices(thickness, sld, sld_imag, roughness, interfaces=shapes, q_max=Q_MAX)
    assert batch.sld.shape == (4, 3, batch.thickness.shape[-1] + 2)
    cotangent = rng.normal(size=(4, 3, Q.size))
    r, jacobian = batch.reflectivity_jacobian(Q)
    _, gradient = batch.reflectivity_vjp(Q, cotangent=cotangent)
    tangent = rng.normal(size=(4, 1, 2))
    _, dr = batch.reflectivity_jvp(Q, tangents={"thickness": tangent})
    total = {name: np.zeros_like(getattr(gradient, name)) for name in FIELDS}
    for i in range(4):
        for j in range(3):
            one = ks.microslices(
                thickness[i, 0], sld, sld_imag, roughness[j], interfaces=shapes, q_max=Q_MAX, like=batch
            )
            own, fields = one.reflectivity_jacobian(Q)
            np.testing.assert_allclose(r[i, j], own, rtol=1e-12)
            for name in FIELDS:
                field = getattr(fields, name)
                np.testing.assert_allclose(
                    getattr(jacobian, name)[i, j], field, rtol=1e-10, atol=1e-12 * np.abs(field).max()
                )
            np.testing.assert_allclose(dr[i, j], fields.thickness @ tangent[i, 0], rtol=1e-9, atol=1e-12)
            _, back = one.reflectivity_vjp(Q, cotangent=cotangent[i, j])
            total["thickness"][i, 0] += back.thickness
            total["roughness"][j] += back.roughness
            total["sld"] += back.sld
            total["sld_imag"] += back.sld_imag
    for name in FIELDS:
        assert getattr(gradient, name).shape == total[name].shape
        np.testing.assert_allclose(getattr(gradient, name), total[name], rtol=1e-9, atol=1e-12)
    # batches of one point each, where points and stacks are told apart by a scalar Q
    first, columns = batch.reflectivity_jacobian(0.1)
    np.testing.assert_allclose(first, batch.reflectivity([0.1])[..., 0], rtol=1e-13)
    assert columns.roughness.shape == (4, 3, 3)


def test_smooth_where_steps_change_their_order():
    """Steps of two interfaces pass one another as a layer gets thinner; R has no jump and hardly a kink there."""
    arguments = ([0.0, 4.0, 2.07], 0.0, [6.0, 3.0])
    like = ks.microslices([10.0], *arguments, interfaces=["tanh", "linear"], q_max=Q_MAX)
    thickness = np.linspace(0.0, 30.0, 3001)[:, np.newaxis]
    batch = ks.microslices(thickness, *arguments, interfaces=["tanh", "linear"], q_max=Q_MAX, like=like)
    q = np.array([0.05, 0.15, 0.3])
    r, jacobian = batch.reflectivity_jacobian(q)
    slope = jacobian.thickness[..., 0]
    h = thickness[1, 0] - thickness[0, 0]
    scale = graded.fresnel_scale(q, [0.0, 4.0, 2.07], [0.0] * 3, [6.0, 3.0], ["tanh", "linear"]) ** 2
    # a step of h is followed to second order by the slopes at both ends, everywhere: (Q h)³ / 6, and kinks of 1e-5
    off = np.diff(r, axis=0) - 0.5 * h * (slope[1:] + slope[:-1])
    assert (np.abs(off) < 1e-5 * h * q * scale + 0.2 * (q * h) ** 3 * scale).all()


def test_number_of_steps_changes_within_the_bound():
    """R jumps where a roughness asks for more steps, by no more than both errors."""
    roughness = np.linspace(2.0, 6.0, 81)
    counts, jumps = [], []
    for low, high in itertools.pairwise(roughness):
        first, second = (
            ks.microslices([], [0.0, 4.0], roughness=value, interfaces="tanh", q_max=Q_MAX) for value in (low, high)
        )
        counts.append((first.steps[0], second.steps[0]))
        kept = ks.microslices([], [0.0, 4.0], roughness=high, interfaces="tanh", q_max=Q_MAX, like=first)
        r, other = second.reflectivity(Q), kept.reflectivity(Q)
        scale = graded.fresnel_scale(Q, [0.0, 4.0], [0.0, 0.0], [high], ["tanh"])
        jumps.append(np.max(np.abs(np.sqrt(r) - np.sqrt(other)) / scale))
    changed = [a != b for a, b in counts]
    assert 2 <= sum(changed) <= 12
    assert max(jumps) < 3e-5  # `like` goes a little beyond its own roughness here
    assert max(np.array(jumps)[~np.array(changed)]) == 0.0


def test_absorption_below_zero_is_taken_literally():
    """A narrow layer with a wide interface behind it: the profile dips below zero in front of it, and so R says."""
    stack = ([12.0], [0.0, 3.0, 2.07], [0.0, 2.0, 0.0], [1.0, 9.0])
    slices = ks.microslices(*stack, interfaces=["tanh", "linear"], q_max=Q_MAX)
    assert slices.sld_imag.min() < -0.01
    exact = graded.reflectivity(Q, *stack, ["tanh", "linear"])
    scale = graded.fresnel_scale(Q, *stack[1:], ["tanh", "linear"])
    assert_within(slices.reflectivity(Q), exact, scale, 1e-5)
    arrays = (slices.thickness, slices.sld, slices.sld_imag, slices.roughness)
    with pytest.raises(InvalidValueError, match="sld_imag must be non-negative"):
        ks.reflectivity(Q, *arrays)


def test_media_are_exact_between_interfaces():
    """No rounding is left of the neighbours' steps: what does not absorb is computed as such."""
    slices = ks.microslices([200.0], [0.0, 3.0, 2.07], [0.0, 0.3, 0.0], 3.0, interfaces="exponential", q_max=Q_MAX)
    assert slices.sld[0] == 0.0
    assert slices.sld[-1] == 2.07
    assert slices.sld_imag[0] == slices.sld_imag[-1] == 0.0
    assert 3.0 in slices.sld
    assert (slices.sld_imag >= 0.0).all()


def test_fronting_does_not_absorb():
    arguments = ([30.0], [0.0, 3.0, 2.07])
    with_absorption, without = (
        ks.microslices(*arguments, [mu, 0.1, 0.2], 4.0, interfaces="tanh", q_max=Q_MAX) for mu in (0.5, 0.0)
    )
    r, jacobian = with_absorption.reflectivity_jacobian(Q)
    np.testing.assert_allclose(r, without.reflectivity(Q), rtol=1e-12)
    assert not jacobian.sld_imag[:, 0].any()


def test_from_the_back():
    arguments = ([30.0, 20.0], [0.0, 3.0, 5.0, 2.07], [0.0, 0.1, 0.2, 0.0], [4.0, 3.0, 6.0])
    shapes = ["tanh", "linear", "exponential"]
    front = ks.microslices(*arguments, interfaces=shapes, q_max=Q_MAX)
    back = ks.microslices(*(field[::-1] for field in arguments), interfaces=shapes[::-1], q_max=Q_MAX)
    np.testing.assert_allclose(front.reflectivity(-Q), back.reflectivity(Q), rtol=1e-9)
    both = ks.microslices(arguments[0], arguments[1], 0.1, arguments[3], interfaces=shapes, q_max=Q_MAX)
    with pytest.raises(InvalidValueError, match="q must not be negative where fronting or backing absorb"):
        both.reflectivity([0.1, -0.1])


def test_inputs_are_not_modified_and_outputs_are_fresh():
    thickness, sld, roughness = np.array([30.0]), np.array([0.0, 3.0, 2.07]), np.array([4.0, 3.0])
    before = [array.copy() for array in (thickness, sld, roughness)]
    slices = ks.microslices(thickness, sld, 0.0, roughness, interfaces="tanh", q_max=Q_MAX)
    _, jacobian = slices.reflectivity_jacobian(Q)
    _, gradient = slices.reflectivity_vjp(Q, cotangent=Q)
    for array, old in zip((thickness, sld, roughness), before, strict=True):
        np.testing.assert_array_equal(array, old)
    for field in (*jacobian[:-1], *gradient[:-1]):
        assert field.flags.c_contiguous
        assert field.flags.writeable
        assert field.dtype == np.float64


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            {"interfaces": "tanhh"},
            InvalidValueError,
            r"interfaces\[0\] must be an InterfaceShape or one of 'erf', 'tanh'",
        ),
        ({"interfaces": ["tanh", None]}, InvalidValueError, r"interfaces\[1\] must be an InterfaceShape .* got None"),
        ({"interfaces": ["tanh"] * 3}, ShapeError, "one shape or one for each of the 2 interfaces; got 3"),
        ({"q_max": 0.0}, InvalidValueError, "q_max must be one positive number; q_max = 0.0 1/angstrom"),
        ({"q_max": np.nan}, InvalidValueError, "q_max must be finite; q_max = nan"),
        ({"q_max": [0.1]}, InvalidValueError, r"q_max must be one positive number; q_max = \[0.1\]"),
        ({"error": 1e-9}, InvalidValueError, "error must be from 1e-08 to 0.01; error = 1e-09"),
        ({"error": 0.1}, InvalidValueError, "error must be from 1e-08 to 0.01; error = 0.1"),
        (
            {"roughness": -1.0},
            InvalidValueError,
            "microslices: roughness must be non-negative; roughness = -1.0 angstrom",
        ),
        ({"sld": [0.0, np.inf, 2.0]}, InvalidValueError, r"sld must be finite; sld\[1\] = inf"),
        ({"thickness": [10.0, 20.0]}, ShapeError, "thickness must have 1 entries on its last axis"),
        (
            {"roughness": [3.0, 500.0]},
            InvalidValueError,
            r"roughness\[1\] = 500.0 angstrom needs too many steps up to q_max",
        ),
        (
            {"interfaces": ["tanh", "nevot-croce"], "thickness": [5.0], "roughness": [8.0, 2.0]},
            InvalidValueError,
            r"interfaces\[1\] = 'nevot-croce' must lie outside its neighbours' profiles; 0\.\d+ of the change",
        ),
        (
            {"interfaces": ["nevot-croce", "linear"], "thickness": [5.0], "roughness": [2.0, 8.0]},
            InvalidValueError,
            r"interfaces\[0\] = 'nevot-croce' must lie outside",
        ),
    ],
)
def test_refusals(change, kind, message):
    arguments = {"thickness": [30.0], "sld": [0.0, 3.0, 2.07], "roughness": 4.0, "interfaces": "tanh", "q_max": Q_MAX}
    with pytest.raises(kind, match=message) as caught:
        ks.microslices(**(arguments | change))
    assert str(caught.value).startswith("microslices: ")
    assert len(str(caught.value).splitlines()) == 1


def test_refusals_of_methods():
    slices = ks.microslices([30.0], [0.0, 3.0, 2.07], roughness=4.0, interfaces="tanh", q_max=Q_MAX)
    with pytest.raises(InvalidValueError, match=r"reflectivity: q must not exceed q_max = 0.3 of the slices; got 0.31"):
        slices.reflectivity([0.1, 0.31])
    with pytest.raises(ShapeError, match=r"cotangent must broadcast to the result's shape \(40,\); got shape \(3,\)"):
        slices.reflectivity_vjp(Q, cotangent=np.ones(3))
    with pytest.raises(UnknownNameError, match="tangents names no input: 'rougness'"):
        slices.reflectivity_jvp(Q, tangents={"rougness": 1.0})
    with pytest.raises(ShapeError, match=r"tangents\['thickness'\] must broadcast to thickness, shape \(1,\)"):
        slices.reflectivity_jvp(Q, tangents={"thickness": [1.0, 2.0]})
    with pytest.raises(InvalidValueError, match="tangents has 'dq', but no dq was given"):
        slices.reflectivity_jvp(Q, tangents={"dq": 1.0})
    with pytest.raises(InvalidValueError, match="z must be finite"):
        slices.profile([0.0, np.nan])
    with pytest.raises(InvalidValueError, match="like must have the same interfaces, q_max and error"):
        ks.microslices([30.0], [0.0, 3.0, 2.07], roughness=4.0, interfaces="erf", q_max=Q_MAX, like=slices)
    assert shape_named("tanh") is slices.interfaces[0]
