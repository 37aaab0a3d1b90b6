"""The oracles of polarised reflectivity against each other and against closed forms; no kernel."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp
from scipy.special import erf

from reference import (
    common_axis,
    parratt,
    polarised_boundary_conditions,
    polarised_transfer_matrix,
    spin_field,
    zeeman_interface,
)
from reference.differences import derivative
from reference.magnetic_stacks import MagneticStack, random_magnetic_stack
from reference.polarised_derivatives import SINGLE, derivatives
from reference.stacks import Stack, q_grid
from reference.tolerances import assert_derivative

GEOMETRIES = [(90.0, 0.0), (270.0, 0.5), (30.0, 1.0), (0.0, 0.3), (5.0, -0.4)]


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(("guide_angle", "field"), GEOMETRIES)
def test_two_forms_agree(n, guide_angle, field):
    # transfer matrices with projectors in double precision, boundary conditions with spinors in 40 digits
    rng = np.random.default_rng([81, n])
    for absorbing in (False, True):
        stack = random_magnetic_stack(
            rng, n, guide_angle=guide_angle, field=field, out_of_plane=True, absorbing=absorbing
        )
        q = np.concatenate((q_grid(rng, 3), -q_grid(rng, 2)))
        exact = polarised_boundary_conditions.amplitudes_of_many(q, stack)
        # spinors have a phase of their own in both, fixed by the guide field's frame: amplitudes agree, not only R
        np.testing.assert_allclose(polarised_transfer_matrix.amplitudes(q, *stack), exact, rtol=1e-10, atol=1e-13)


def test_high_precision_is_high():
    # 40 and 60 digits agree to 1e-35 where a double precision constant would leave 1e-16
    rng = np.random.default_rng(82)
    stack = random_magnetic_stack(rng, 2, guide_angle=40.0, field=1.0, absorbing=True)
    with mp.workdps(40):
        few = polarised_boundary_conditions.amplitudes(0.03, *stack)
    with mp.workdps(60):
        many = polarised_boundary_conditions.amplitudes(0.03, *stack)
        assert max(abs(a - b) / abs(b) for a, b in zip(few, many, strict=True)) < mp.mpf(10) ** -35


@pytest.mark.parametrize("sign", [1, -1])
def test_aligned_fields_are_two_scalar_stacks(sign):
    rng = np.random.default_rng(83)
    q = q_grid(rng, 5)
    stack = random_magnetic_stack(rng, 3, absorbing=True)._replace(theta_m=np.full(5, sign * 90.0))
    r = polarised_transfer_matrix.amplitudes(q, *stack)
    for channel, spin in ((0, 1), (3, -1)):
        scalar = Stack(stack.thickness, stack.sld + spin * sign * stack.sld_magnetic, stack.sld_imag, stack.roughness)
        np.testing.assert_allclose(r[channel], parratt.amplitudes(q, scalar), rtol=1e-10)
    np.testing.assert_allclose(r[1:3], 0.0, atol=1e-14)


@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0, 160.0])
def test_common_axis(angle):
    q = np.linspace(0.006, 0.2, 40)
    stack = MagneticStack(
        np.array([140.0]),
        np.array([2.07, 7.0, 4.0]),
        np.array([0.0, 0.2, 0.05]),
        np.array([6.0, 4.0]),
        np.array([0.0, 4.0, -2.0]),
        np.full(3, 90.0 - angle),
        np.zeros(3),
    )
    expected = common_axis.reflectivities(q, 140.0, *stack[1:5], angle)
    np.testing.assert_allclose(polarised_transfer_matrix.reflectivities(q, *stack), expected, rtol=1e-11, atol=1e-28)


@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0, 160.0])
def test_interface_in_a_field(angle):
    q = np.linspace(0.006, 0.2, 40)
    magnetic, field = 3.0, 1.5
    b = spin_field.vectors([0.0, magnetic], [90.0, 90.0 - angle], [0.0, 0.0], 90.0, field)
    x, y, z = (float(component) for component in b[1])
    assert y == 0.0
    stack = MagneticStack([], [2.07, 6.0], [0.0, 0.3], [7.0], [0.0, magnetic], [90.0, 90.0 - angle], [0.0, 0.0])
    expected = zeeman_interface.amplitudes(
        q, (2.07, 6.0), 0.3, 7.0, float(b[0][2]), np.hypot(x, z), np.degrees(np.arctan2(x, z))
    )
    actual = polarised_transfer_matrix.amplitudes(q, *stack._replace(field=field))
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-15)


def test_flux_is_conserved():
    # a lossless mirror below both critical edges sends everything back; spins that change have another velocity
    stack = MagneticStack(
        [80.0], [0.0, 2.0, 9.0], [0, 0, 0], [0, 0], [0, 3.0, 2.0], [90, 20.0, -60.0], [0, 0, 0], 50.0, 0.6
    )
    q = np.linspace(0.014, 0.016, 9)
    r = polarised_transfer_matrix.reflectivities(q, *stack)
    b = float(spin_field.vectors([0.0], [90.0], [0.0], 50.0, 0.6)[0][2])
    for spin, same, turned in ((1, 0, 1), (-1, 3, 2)):
        other = np.sqrt(q**2 / 4 + 8e-6 * np.pi * spin * b)
        np.testing.assert_allclose(r[same] + other / (q / 2) * r[turned], 1.0, rtol=1e-12)
    assert np.min(r[1:3]) > 0.05


def sliced(stack, step, reach=5.0):
    """`stack` with error functions in the SLDs and in the components of the magnetic vector, cut into slices."""
    z = np.append(0.0, np.cumsum(stack.thickness))
    edges = np.arange(-reach * max(stack.roughness), z[-1] + reach * max(stack.roughness) + step, step)
    middle = (edges[1:] + edges[:-1]) / 2
    angle = np.radians(stack.theta_m)
    media = np.array(
        [stack.sld, stack.sld_imag, stack.sld_magnetic * np.cos(angle), stack.sld_magnetic * np.sin(angle)]
    )
    weights = [0.5 * (1 + erf((middle - a) / (s * np.sqrt(2)))) for a, s in zip(z, stack.roughness, strict=True)]
    inside = media[:, :1] + np.diff(media, axis=1) @ np.array(weights)
    profile = np.concatenate((media[:, :1], inside, media[:, -1:]), axis=1)
    n = inside.shape[1]
    return MagneticStack(
        np.full(n, step),
        profile[0],
        profile[1],
        np.zeros(n + 1),
        np.hypot(profile[2], profile[3]),
        np.degrees(np.arctan2(profile[3], profile[2])),
        np.zeros(n + 2),
    )


@pytest.mark.parametrize(("roughness", "limit"), [(1.0, 1e-4), (4.0, 5e-4), (8.0, 2e-3)])
def test_factor_for_every_pair_of_spins_is_the_error_function(roughness, limit):
    # what the factor leaves out is of second order in the SLD: 4e-4 at 4 angstrom, 1.6e-3 at 8; the slices' own steps
    # take sinc² off
    q = np.array([0.02, 0.05, 0.1, 0.2])
    stack = MagneticStack(
        np.array([150.0]),
        np.array([0.0, 4.0, 6.0]),
        np.array([0.0, 0.01, 0.02]),
        np.full(2, roughness),
        np.array([0.0, 3.0, 2.0]),
        np.array([90.0, 30.0, -40.0]),
        np.zeros(3),
    )
    step = 0.25
    expected = polarised_transfer_matrix.reflectivities(q, *sliced(stack, step)) / np.sinc(q * step / 2 / np.pi) ** 2
    r = polarised_transfer_matrix.reflectivities(q, *stack)
    np.testing.assert_allclose(r, expected, rtol=limit)
    sharp = polarised_transfer_matrix.reflectivities(q, *stack._replace(roughness=np.zeros(2)))
    assert np.all(np.abs(sharp / expected - 1)[:, 1:] > 5 * limit)


def test_circles_against_differences():
    # Cauchy's integral in double precision and differences of the boundary conditions in 60 digits
    rng = np.random.default_rng(84)
    stack = random_magnetic_stack(rng, 1, guide_angle=35.0, field=0.8, absorbing=True, out_of_plane=True, fronting=2.07)
    q = 0.045
    r, jacobian = derivatives(q, stack)
    for name, (values, sizes) in jacobian.items():
        entries = [None] if name in SINGLE else range(len(getattr(stack, name)))
        for i in entries:
            if name == "sld_imag" and i == 0:
                np.testing.assert_allclose(values[:, 0, 0], 0.0, atol=1e-15)
                continue
            given = q if name == "q" else getattr(stack, name)

            def along(x, name=name, i=i, given=given):
                if name == "q":
                    return polarised_boundary_conditions.reflectivities(x, *stack)
                moved = x if i is None else [*given[:i], x, *given[i + 1 :]]
                return polarised_boundary_conditions.reflectivities(q, *stack._replace(**{name: moved}))

            for c in (0, 1, 2, 3):
                exact = derivative(lambda x, c=c, along=along: along(x)[c], given if i is None else given[i])
                at = (c, 0) if i is None else (c, 0, i)
                assert_derivative(
                    values[at], float(exact), sizes[c, 0], abs(r[c, 0]), relative=1e-9, context=f"{name} {at}"
                )
