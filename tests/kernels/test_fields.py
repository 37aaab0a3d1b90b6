"""The field inside the layers, and where its intensity goes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp, trapezoid

import kiessig as ks
from kiessig.errors import InvalidValueError, KiessigError, ShapeError
from reference import field as oracle
from reference import fresnel
from reference.stacks import Stack, q_grid, random_stack


def depths(stack, rng, count=40):
    """Depths before, in and behind the stack; its interfaces among them."""
    total = stack.thickness.sum()
    return np.concatenate([rng.uniform(-200.0, total + 200.0, count), [0.0], np.cumsum(stack.thickness)])


def k_squared(q, stack):
    """k² of all media, (n_q, n + 2)."""
    absorption = np.concatenate([[0.0], stack.sld_imag[1:]])
    rho = stack.sld - stack.sld[0] - 1j * absorption
    return np.asarray(q, dtype=np.float64)[:, np.newaxis] ** 2 / 4 - 4e-6 * np.pi * rho


def root(z):
    k = np.sqrt(z)
    return np.where(k.imag < 0, -k, k)


@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("roughness", [0.0, 6.0])
@pytest.mark.parametrize("seed", range(4))
def test_against_waves_in_many_digits(seed, absorbing, roughness):
    rng = np.random.default_rng([61, seed, absorbing])
    stack = random_stack(rng, seed, absorbing=absorbing, roughness=roughness)
    q, z = q_grid(rng, 8, low=1e-4), depths(stack, rng, 12)
    exact = oracle.psi(q, z, stack)
    # phases of up to 100 rad and fields of up to 2 between resonances, which are broad for so few layers
    np.testing.assert_allclose(ks.field(q, z, *stack), exact, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("seed", range(3))
def test_against_the_differential_equation(seed):
    # an integrator that knows no wave numbers, from the transmitted wave up to the fronting
    rng = np.random.default_rng([62, seed])
    stack = random_stack(rng, 3, absorbing=bool(seed % 2), thickness=(20.0, 120.0), roughness=0.0)
    q = q_grid(rng, 4, low=0.006, high=0.1)
    z = k_squared(q, stack)
    k = root(z)
    edges = np.concatenate([[-60.0, 0.0], np.cumsum(stack.thickness)])
    sought = np.sort(rng.uniform(edges[0], edges[-1], 20))[::-1]
    for i, x in enumerate(q):
        state = np.array([1.0, 1j * k[i, -1]])
        values = np.empty(sought.size, dtype=np.complex128)
        for j in range(3, -1, -1):
            here = (sought >= edges[j]) & (sought < edges[j + 1])
            done = solve_ivp(
                lambda _, y, square=z[i, j]: np.array([y[1], -square * y[0]]),
                (edges[j + 1], edges[j]),
                state,
                method="DOP853",
                t_eval=np.concatenate([sought[here], [edges[j]]]),
                rtol=1e-12,
                atol=1e-13,
            )
            values[here], state = done.y[0, :-1], done.y[:, -1]
        incident = 0.5 * (state[0] + state[1] / (0.5j * x)) * np.exp(-0.5j * x * edges[0])
        # the integrator's error, which grows with the field towards the front
        np.testing.assert_allclose(ks.field(x, sought, *stack), values / incident, rtol=0, atol=1e-9)


def slope(at, towards, h, z):
    """ψ' at a point of a medium with k² = z, from ψ there and at the distance h: exact for a solution, whatever h."""
    k = root(z)
    return k * (towards - at * np.cos(k * h)) / np.sin(k * h)


@pytest.mark.parametrize("seed", range(4))
def test_field_and_slope_are_continuous_at_sharp_interfaces(seed):
    rng = np.random.default_rng([63, seed])
    stack = random_stack(rng, 4, absorbing=bool(seed % 2), thickness=(30.0, 200.0), roughness=0.0)
    q = q_grid(rng, 30, low=0.005)
    z = k_squared(q, stack)
    h = 10.0
    for j, edge in enumerate(np.concatenate([[0.0], np.cumsum(stack.thickness)])):
        just_above = np.nextafter(edge, -1.0)
        above, far_above, below, far_below = ks.field(q, [just_above, edge - h, edge, edge + h], *stack).T
        # one side is a rounding of z away: |ψ'| ≤ 2 k_max ≤ 0.4 per angstrom, times 1e-13 angstrom
        np.testing.assert_allclose(above, below, rtol=0, atol=1e-13)
        upper, lower = slope(above, far_above, -h, z[:, j]), slope(below, far_below, h, z[:, j + 1])
        # the two-point slope divides rounding by h
        np.testing.assert_allclose(upper, lower, rtol=0, atol=1e-13)


@pytest.mark.parametrize("seed", range(6))
def test_fronting_holds_incident_and_reflected_wave(seed):
    rng = np.random.default_rng([64, seed])
    stack = random_stack(rng, 3, absorbing=bool(seed % 2), roughness=5.0)
    q, z = q_grid(rng, 20, low=1e-5), -np.sort(rng.uniform(1e-9, 500.0, 15))
    phase = np.exp(0.5j * q[:, np.newaxis] * z)
    expected = phase + ks.amplitude(q, *stack)[:, np.newaxis] / phase
    # both are good to rounding and to that of phases of 100 rad
    np.testing.assert_allclose(ks.field(q, z, *stack), expected, rtol=0, atol=1e-12)


def test_standing_wave_above_a_mirror():
    sld, q = 6.36, np.array([0.002, 0.01, 0.0175])
    z = np.linspace(-600.0, 0.0, 200)
    kappa = 0.5 * np.sqrt(fresnel.critical_q(0.0, sld) ** 2 - q**2)[:, np.newaxis]
    k = 0.5 * q[:, np.newaxis]
    expected = 4.0 * np.cos(k * z + np.arctan(kappa / k)) ** 2
    np.testing.assert_allclose(np.abs(ks.field(q, z, [], [0.0, sld])) ** 2, expected, rtol=0, atol=1e-13)
    # and the evanescent wave behind its surface
    inside = np.linspace(0.0, 300.0, 100)
    expected = 4.0 * k**2 / (k**2 + kappa**2) * np.exp(-2.0 * kappa * inside)
    np.testing.assert_allclose(np.abs(ks.field(q, inside, [], [0.0, sld])) ** 2, expected, rtol=1e-13)


def test_intensity_at_the_critical_edge_of_a_mirror_is_four_at_any_depth():
    edge = fresnel.critical_q(0.0, 6.36)
    # k of the mirror is 1e-10 or 0, whichever way Q² − Q_c² rounds: e^{2 |k| z} differs from 1 by 2e-6
    np.testing.assert_allclose(np.abs(ks.field(edge, [0.0, 1.0, 1e4], [], [0.0, 6.36])) ** 2, 4.0, rtol=1e-5)


def test_field_is_a_straight_line_where_k_vanishes():
    # SLD and Q whose k² cancels exactly: sld = q² / (16π 1e-6) rounds, so the neighbours are tried
    d = 400.0
    q = np.sqrt(16e-6 * np.pi * 4.0)
    z = np.linspace(0.0, d, 9)
    for near in q + np.arange(-6, 7) * np.spacing(q):
        psi = ks.field(near, z, [d], [0.0, 4.0, 2.07])
        straight = psi[0] + (psi[-1] - psi[0]) * z / d
        # |k²| d² ≤ 6 ulp of 5e-5 times 1.6e5: 1e-14 of curvature
        np.testing.assert_allclose(psi, straight, rtol=0, atol=1e-12)


@pytest.mark.parametrize("roughness", [0.0, 4.0])
@pytest.mark.parametrize("distance", [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_near_edges_of_layers(distance, roughness):
    # two layers at the same edge, one of them under an evanescent wave, and a backing at another
    q = np.sqrt(16e-6 * np.pi * 4.0) * (1.0 + np.array([-1.0, 1.0]) * distance)
    stack = Stack(
        np.array([80.0, 60.0, 150.0]), np.array([0.0, 4.0, 6.0, 4.0, 2.07]), np.zeros(5), np.full(4, roughness)
    )
    z = np.linspace(-50.0, 400.0, 31)
    # a last digit of q moves k² by 1e-16 of (Q/2)², and the field by as much times (k_0 d)²: nothing is amplified
    np.testing.assert_allclose(ks.field(q, z, *stack), oracle.psi(q, z, stack), rtol=0, atol=1e-13)


def test_very_rough_interfaces():
    # roughness as large as the reach of evanescent waves, and as the wavelength in the layers: beyond what the
    # approximation is for, where the sign of the square root of k² k'² shows
    q = np.array([0.003, 0.01, 0.0155, 0.02, 0.05])
    for sld_imag in (np.zeros(4), np.array([0.0, 0.3, 0.0, 0.5])):
        stack = Stack(np.array([60.0, 150.0]), np.array([0.0, 5.0, 4.0, 6.36]), sld_imag, np.array([5.0, 120.0, 150.0]))
        z = np.array([-30.0, 10.0, 55.0, 100.0, 200.0, 300.0])
        np.testing.assert_allclose(ks.field(q, z, *stack), oracle.psi(q, z, stack), rtol=1e-12)


def parts_sum(parts):
    return parts.reflected + parts.layers.sum(axis=-1) + parts.transmitted


@pytest.mark.parametrize("seed", range(8))
def test_beam_is_accounted_for(seed):
    rng = np.random.default_rng([65, seed])
    stack = random_stack(rng, seed, absorbing=True, thickness=(1e-3, 3000.0), roughness=0.0)
    stack.sld_imag[rng.random(seed + 2) < 0.3] = 0.0
    q = np.concatenate([q_grid(rng, 200, low=1e-6), -q_grid(rng, 50), [0.0]])
    parts = ks.absorption(q, *stack)
    np.testing.assert_allclose(parts_sum(parts), 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(parts.reflected, ks.reflectivity(q, *stack), rtol=0, atol=1e-12)
    assert np.all(parts.layers >= 0.0)
    assert np.all(parts.layers[:, stack.sld_imag[1:-1] == 0.0] == 0.0)


@pytest.mark.parametrize("weak", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_absorbed_parts_against_fluxes_in_many_digits(seed, weak):
    rng = np.random.default_rng([66, seed])
    stack = random_stack(rng, 3, absorbing=True, thickness=(0.01, 1000.0))
    if weak:  # differences of fluxes in double precision would show nothing of these
        stack.sld_imag[:] *= 1e-9
    for q in q_grid(rng, 5, low=1e-3):
        reflected, layers, transmitted = oracle.fluxes(q, stack)
        parts = ks.absorption(q, *stack)
        np.testing.assert_allclose(parts.layers, layers, rtol=1e-11)
        np.testing.assert_allclose(parts.reflected, reflected, rtol=1e-10, atol=1e-14)
        # behind the last interface in total reflection: as small as its absorption
        np.testing.assert_allclose(parts.transmitted, transmitted, rtol=1e-11)


def test_absorbed_part_is_the_integral_of_the_intensity():
    # by the trapezium rule from the field itself, which knows no closed form of the integral
    d, sld, sld_imag = np.array([150.0, 90.0]), np.array([0.0, 5.0, 1.0, 3.0]), np.array([0.0, 0.3, 0.8, 0.2])
    q = np.array([0.008, 0.016, 0.05])
    parts = ks.absorption(q, d, sld, sld_imag)
    top = 0.0
    for j in range(2):
        z = np.linspace(top, top + d[j], 20001)
        z[-1] = np.nextafter(z[-1], 0.0)
        intensity = np.abs(ks.field(q, z, d, sld, sld_imag)) ** 2
        integral = trapezoid(intensity, z)
        expected = 4e-6 * np.pi * sld_imag[j + 1] / (0.5 * q) * integral
        np.testing.assert_allclose(parts.layers[:, j], expected, rtol=1e-7)  # (k h)² / 12 of the rule
        top += d[j]


def test_rough_interfaces_conserve_the_beam_to_the_stated_order():
    stack = Stack(np.array([60.0, 90.0]), np.array([0.0, 5.0, 1.0, 2.07]), np.zeros(4), np.ones(3))
    q = np.array([0.0115, 0.014, 0.03])  # above the backing's edge, below and above the film's

    def deficit(stack, sigma):
        return parts_sum(ks.absorption(q, *stack._replace(roughness=np.full(3, sigma)))) - 1.0

    # (k² − k'²)² σ⁴ is 1e-9 at 0.01 per angstrom and 1 angstrom: well above rounding from 2 angstrom on
    lossless = np.array([deficit(stack, sigma) for sigma in (3.0, 6.0)])
    np.testing.assert_allclose(lossless[1] / lossless[0], 16.0, rtol=0.15)
    absorbing = stack._replace(sld_imag=np.array([0.0, 1.0, 0.0, 0.0]))
    lossy = np.array([deficit(absorbing, sigma) for sigma in (0.5, 1.0)])
    np.testing.assert_allclose(lossy[1] / lossy[0], 4.0, rtol=0.15)


def test_rough_field_has_the_transmission_of_an_error_function():
    # one interface: |ψ| behind it is the Fresnel coefficient times exp((k − k')² σ²/2), and its jump as documented
    q, sigma = 0.05, 5.0
    k, k1 = 0.5 * q, np.sqrt(0.25 * q**2 - 4e-6 * np.pi * 6.36)
    before, behind = ks.field(q, [-1e-12, 0.0], [], [0.0, 6.36], 0.0, sigma)
    np.testing.assert_allclose(behind, 2 * k / (k + k1) * np.exp(0.5 * (k - k1) ** 2 * sigma**2), rtol=1e-13)
    np.testing.assert_allclose(before / behind - 1, 0.5 * (k1**2 - k**2) * sigma**2, rtol=0.02)


def test_penetration_depth():
    sld, sld_imag = np.array([0.0, 4.0, 6.36]), np.array([7.0, 0.2, 0.0])
    q = np.array([0.0, 0.01, 0.0175, 0.05])
    depth = ks.penetration_depth(q, sld, sld_imag)
    k = root(k_squared(q, Stack(None, sld, sld_imag, None)))
    assert np.all(np.isinf(depth[:, 0]))
    np.testing.assert_allclose(depth[:, 1], 0.5 / k[:, 1].imag, rtol=1e-11)  # numpy's root cancels far above the edge
    below = q < fresnel.critical_q(0.0, 6.36)
    np.testing.assert_allclose(depth[below, 2], 0.5 / k[below, 2].imag, rtol=1e-14)
    assert np.all(np.isinf(depth[~below, 2]))
    # absorption of a beam far above all edges: 1/(2 Im k) = k / Im k²
    far = ks.penetration_depth(40.0, [0.0, 3.0], [0.0, 1e-6])
    np.testing.assert_allclose(far[1], 20.0 / (4e-12 * np.pi), rtol=1e-6)


def test_penetration_depth_is_that_of_the_field():
    sld, sld_imag = [0.0, 6.36], [0.0, 0.4]
    q = np.array([0.005, 0.0175, 0.0179, 0.03])
    depth = ks.penetration_depth(q, sld, sld_imag)[:, 1]
    for x, length in zip(q, depth, strict=True):
        front, inside = np.abs(ks.field(x, [0.0, length], [], sld, sld_imag)) ** 2
        np.testing.assert_allclose(inside / front, np.exp(-1.0), rtol=1e-13)


def test_penetration_depth_from_the_back():
    depth = ks.penetration_depth([-0.01, 0.01], [2.0, 4.0, 6.0])
    other = ks.penetration_depth(0.01, [6.0, 4.0, 2.0])
    np.testing.assert_array_equal(depth[0], other[::-1])
    assert np.isinf(depth[0]).all()  # no edge is met on the way down
    assert np.isfinite(depth[1, 1:]).all()


def guide(sld_imag=0.0):
    """A film of low SLD behind a barrier and before a mirror: modes at a few Q below the barrier's edge."""
    return Stack(
        np.array([400.0, 900.0]),
        np.array([0.0, 4.0, 0.0, 6.0]),
        np.array([0.0, 0.0, sld_imag, 0.0]),
        np.zeros(3),
    )


def test_guided_modes():
    stack = guide()
    z = np.linspace(400.0, 1300.0, 400)
    q = np.linspace(0.004, 0.0135, 20001)
    enhancement = np.abs(ks.field(q, z[::8], *stack)).max(axis=1) ** 2
    inner = (enhancement[1:-1] > enhancement[:-2]) & (enhancement[1:-1] > enhancement[2:]) & (enhancement[1:-1] > 10)
    modes = q[1:-1][inner]
    # modes of a box whose walls the wave enters: k d + arctan terms = m π; one for each half wave that fits
    k, barrier, mirror = (
        np.sqrt(np.abs(0.25 * modes**2 - 4e-6 * np.pi * rho)) for rho in (0.0, stack.sld[1], stack.sld[3])
    )
    phase = k * 900.0 + np.arctan(k / barrier) + np.arctan(k / mirror)
    # the barrier's other side shifts them by a part of its transmission, exp(−2 κ d)
    np.testing.assert_allclose(phase / np.pi, 1.0 + np.arange(modes.size), atol=0.03)
    assert modes.size == 2
    # there the field is hundreds of times the incident one, and exact all the same
    for mode in modes:
        exact = oracle.psi([mode], z[::40], stack)
        assert np.abs(exact).max() > 10.0
        np.testing.assert_allclose(ks.field([mode], z[::40], *stack), exact, rtol=0, atol=1e-11 * np.abs(exact).max())


def test_resonant_absorption_is_what_reflection_lacks():
    q = np.linspace(0.004, 0.0135, 2001)
    parts = ks.absorption(q, *guide(1e-3))
    np.testing.assert_allclose(parts.layers[:, 1], 1.0 - parts.reflected, rtol=0, atol=1e-13)
    assert parts.transmitted.max() < 1e-15  # no absorption behind, and below its edge
    film = parts.layers[:, 1]
    peaks = film[1:-1][(film[1:-1] > film[:-2]) & (film[1:-1] > film[2:])]
    assert peaks.size == 2
    assert np.all(peaks > 0.1)


@pytest.mark.parametrize("thickness", [1e4, 1e5, 1e7])
@pytest.mark.parametrize("sld_imag", [0.0, 0.1])
def test_thick_layers(thickness, sld_imag):
    # evanescent below 0.0179, absorbing above; the backing lies in the dark
    stack = Stack(
        np.array([thickness, 100.0]), np.array([0.0, 6.36, 2.0, 4.0]), np.array([0, sld_imag, 0, 0.1]), np.zeros(3)
    )
    q = np.array([0.005, 0.0178, 0.03, 0.2])
    z = np.array([-100.0, 0.0, 50.0, 500.0, 0.5 * thickness, thickness, thickness + 50.0, thickness + 150.0])
    psi = ks.field(q, z, *stack)
    exact = oracle.psi(q, z, stack, digits=80)
    # phases and exponents of up to 1e6 carry their own rounding
    np.testing.assert_allclose(psi, exact, rtol=1e-9, atol=1e-300)
    parts = ks.absorption(q, *stack)
    np.testing.assert_allclose(parts_sum(parts), 1.0, rtol=0, atol=1e-12)


def test_many_layers():
    rng = np.random.default_rng(67)
    n = 10000
    stack = Stack(
        rng.uniform(5.0, 40.0, n), rng.uniform(0.0, 6.0, n + 2), np.full(n + 2, 0.01), rng.uniform(0.0, 3.0, n + 1)
    )
    q = np.array([0.01, 0.02, 0.1])
    psi = ks.field(q, np.linspace(-10.0, stack.thickness.sum() + 10.0, 50), *stack)
    assert np.all(np.isfinite(psi))
    parts = ks.absorption(q, *stack._replace(roughness=np.zeros(n + 1)))
    np.testing.assert_allclose(parts_sum(parts), 1.0, rtol=0, atol=1e-11)  # ten thousand roundings


@pytest.mark.parametrize("sigma", [30.0, 1e3, 1e5])
def test_roughness_beyond_its_range_stays_finite(sigma):
    q = np.array([0.001, 0.01, 0.1, 1.0])
    stack = ([50.0, 5.0], [0.0, 6.36, -1.0, 120.0], [0.0, 0.1, 0.0, 5.0], sigma)
    psi = ks.field(q, np.linspace(-50.0, 100.0, 31), *stack)
    assert np.all(np.isfinite(np.abs(psi) ** 2))
    for part in ks.absorption(q, *stack):
        assert np.all(np.isfinite(part))


def test_zero_q():
    stack = ([100.0], [0.0, 4.0, 2.07], [0.0, 0.1, 0.2], [3.0, 4.0])
    np.testing.assert_array_equal(ks.field([0.0], [-10.0, 0.0, 50.0, 200.0], *stack), 0.0)
    parts = ks.absorption([0.0], *stack)
    assert parts.reflected[0] == 1.0
    np.testing.assert_array_equal(parts.layers, 0.0)
    np.testing.assert_array_equal(parts.transmitted, 0.0)
    # the limit of small Q
    small = ks.absorption([1e-9], *stack)
    np.testing.assert_allclose(small.reflected, 1.0, atol=1e-6)
    assert 0.0 < small.layers[0, 0] < 1e-6
    # nothing to see in a uniform medium but the convention that R = 1
    np.testing.assert_array_equal(ks.field([0.0], [-10.0, 5.0], [], [2.0, 2.0]), 0.0)
    np.testing.assert_allclose(ks.field([0.03], [-10.0, 5.0], [], [2.0, 2.0])[0], np.exp(0.015j * np.array([-10.0, 5])))


def test_from_the_back():
    rng = np.random.default_rng(68)
    stack = random_stack(rng, 3, absorbing=True)
    q, z = q_grid(rng, 10), depths(stack, rng)
    # z begins at the interface that the beam meets first
    np.testing.assert_array_equal(ks.field(-q, z, *stack), ks.field(q, z, *stack.reversed))
    back, front = ks.absorption(-q, *stack), ks.absorption(q, *stack.reversed)
    np.testing.assert_array_equal(back.layers, front.layers[:, ::-1])
    np.testing.assert_array_equal(back.reflected, front.reflected)
    np.testing.assert_array_equal(back.transmitted, front.transmitted)


def test_repeats_are_written_out():
    rng = np.random.default_rng(69)
    stack = random_stack(rng, 3, absorbing=True)
    order, q = np.array([0, 1, 2, 1, 2, 1, 2]), np.concatenate([q_grid(rng, 10), -q_grid(rng, 10)])
    media = np.concatenate([[0], order + 1, [4]])
    long = Stack(stack.thickness[order], stack.sld[media], stack.sld_imag[media], stack.roughness[[*order, 3]])
    z = depths(long, rng)
    repeats = [(1, 3, 3)]
    np.testing.assert_array_equal(ks.field(q, z, *stack, repeats=repeats), ks.field(q, z, *long))
    cells, layers = ks.absorption(q, *stack, repeats=repeats), ks.absorption(q, *long)
    expected = np.stack([layers.layers[:, order == j].sum(axis=-1) for j in range(3)], axis=-1)
    np.testing.assert_allclose(cells.layers, expected, rtol=1e-15)
    np.testing.assert_array_equal(cells.transmitted, layers.transmitted)


def test_shapes():
    stack = ([100.0, 50.0], [0.0, 4.0, 3.0, 2.07])
    assert ks.field(0.01, 5.0, *stack).shape == ()
    assert ks.field([0.01], 5.0, *stack).shape == (1,)
    assert ks.field(0.01, [5.0, 6.0, 7.0], *stack).shape == (3,)
    assert ks.field([0.01, 0.02], [5.0, 6.0, 7.0], *stack).shape == (2, 3)
    assert ks.field(np.ones((4, 2)), [5.0, 6.0, 7.0], *stack).shape == (4, 2, 3)
    assert ks.field([0.01, 0.02], np.ones((4, 3)), *stack).shape == (4, 2, 3)
    assert ks.field([0.01, 0.02], np.ones((1, 3)), *stack).shape == (1, 2, 3)
    assert ks.field([0.01, 0.02], np.ones((5, 1, 3)), np.ones((4, 2)), stack[1]).shape == (5, 4, 2, 3)
    assert ks.field([0.01, 0.02], [], *stack).shape == (2, 0)
    assert ks.field([], [1.0], *stack).shape == (0, 1)
    parts = ks.absorption(0.01, np.ones((3, 2)), stack[1])
    assert [part.shape for part in parts] == [(3,), (3, 2), (3,)]
    assert ks.absorption([0.1, 0.2], [], [0.0, 2.0]).layers.shape == (2, 0)
    assert ks.penetration_depth(0.01, stack[1]).shape == (4,)
    assert ks.penetration_depth([0.01, 0.02], np.ones((5, 4))).shape == (5, 2, 4)
    psi = ks.field([0.01, 0.02], [5.0], *stack)
    assert psi.dtype == np.complex128
    assert psi.flags.writeable
    assert psi.flags.c_contiguous


def test_batch_elements_are_calls_of_their_own():
    rng = np.random.default_rng(70)
    thickness, z = rng.uniform(10.0, 100.0, (3, 1, 2)), rng.uniform(-50.0, 250.0, (2, 7))
    q = rng.uniform(-0.05, 0.05, (3, 2, 5))
    sld = np.array([0.0, 4.0, 3.0, 2.07])
    psi = ks.field(q, z, thickness, sld)
    parts = ks.absorption(q, thickness, sld, 0.2)
    assert psi.shape == (3, 2, 5, 7)
    for i in range(3):
        for j in range(2):
            np.testing.assert_array_equal(psi[i, j], ks.field(q[i, j], z[j], thickness[i, 0], sld))
            alone = ks.absorption(q[i, j], thickness[i, 0], sld, 0.2)
            for part, expected in zip(parts, alone, strict=True):
                np.testing.assert_array_equal(part[i, j], expected)


def test_threads_and_inputs():
    rng = np.random.default_rng(71)
    stack = random_stack(rng, 5, absorbing=True)
    q, z = q_grid(rng, 300), depths(stack, rng, 100)
    before = [array.copy() for array in (q, z, *stack)]
    one = ks.field(q, z, *stack, threads=1)
    np.testing.assert_array_equal(ks.field(q, z, *stack, threads=3), one)
    np.testing.assert_array_equal(ks.field(q[::-1], z[::2], *stack), one[::-1, ::2])  # strided, and other blocks
    for array, copy in zip((q, z, *stack), before, strict=True):
        np.testing.assert_array_equal(array, copy)


GOOD = {"q": [0.01, 0.02], "z": [0.0, 5.0], "thickness": [100.0], "sld": [0.0, 4.0, 2.07]}
CALLS = {
    "field": lambda **k: ks.field(**k),
    "absorption": lambda **k: ks.absorption(**{name: value for name, value in k.items() if name != "z"}),
    "penetration_depth": lambda **k: ks.penetration_depth(
        **{name: value for name, value in k.items() if name in ("q", "sld", "sld_imag")}
    ),
}


@pytest.mark.parametrize(
    ("function", "name", "value", "error", "message"),
    [
        ("field", "z", [0.0, np.nan], InvalidValueError, r"z must be finite; z\[1\] = nan"),
        ("field", "z", np.inf, InvalidValueError, r"z must be finite; z = inf"),
        ("field", "z", [1j], InvalidValueError, r"z must be real numbers; got dtype complex128"),
        ("field", "z", [[0.0], [1.0, 2.0]], ShapeError, r"z must be an array of real numbers; got a ragged list"),
        ("field", "z", "deep", InvalidValueError, r"z must be real numbers"),
        ("field", "q", [0.01, np.inf], InvalidValueError, r"q must be finite; q\[1\] = inf 1/angstrom"),
        ("field", "thickness", [-1.0], InvalidValueError, r"thickness must be non-negative; thickness\[0\] = -1.0 ang"),
        ("field", "roughness", -1.0, InvalidValueError, r"roughness must be non-negative; roughness = -1.0 angstrom"),
        ("absorption", "sld_imag", [0.0, -1.0, 0.0], InvalidValueError, r"sld_imag must be non-neg.*sld_imag\[1\]"),
        ("absorption", "thickness", [1.0, 2.0], ShapeError, r"thickness must have 1 entries"),
        ("penetration_depth", "sld", [4.0], ShapeError, r"sld must have shape \(\.\.\., n \+ 2\)"),
        ("penetration_depth", "sld", 4.0, ShapeError, r"sld must have shape \(\.\.\., n \+ 2\)"),
        ("penetration_depth", "sld", [0.0, np.nan], InvalidValueError, r"sld must be finite; sld\[1\] = nan"),
        ("penetration_depth", "sld_imag", [0.0, 1.0], ShapeError, r"sld_imag must have 3 entries"),
        ("penetration_depth", "q", np.nan, InvalidValueError, r"q must be finite"),
    ],
)
def test_bad_input(function, name, value, error, message):
    with pytest.raises(error, match=f"^{function}: {message}") as caught:
        CALLS[function](**{**GOOD, name: value})
    assert isinstance(caught.value, KiessigError)
    assert len(str(caught.value).splitlines()) <= 2


def test_leading_dimensions_of_z():
    with pytest.raises(ShapeError, match=r"^field: leading dimensions of z must broadcast .* \(3,\); got \(2,\)$"):
        ks.field([0.01], np.ones((2, 4)), np.ones((3, 1)), [0.0, 4.0, 2.07])


def test_a_single_roughness_in_a_list_is_refused():
    with pytest.raises(ShapeError, match=r"^field: roughness must have 2 entries"):
        ks.field(**GOOD, roughness=[3.0])
