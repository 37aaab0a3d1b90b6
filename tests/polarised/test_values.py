"""The public function against high precision, closed forms and invariances."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import common_axis, polarised_boundary_conditions, spin_field, zeeman_interface
from reference.magnetic_stacks import MagneticStack, random_magnetic_stack
from reference.stacks import q_grid
from reference.tolerances import assert_reflectivity

GEOMETRIES = [(90.0, 0.0), (270.0, 0.6), (0.0, 0.4), (35.0, 1.5), (90.0, -0.5)]


def reflectivity(q, stack, **more):
    return np.array(ks.polarised_reflectivity(q, **stack.arguments, **more))


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(("guide_angle", "field"), GEOMETRIES)
def test_random_stacks(n, guide_angle, field):
    rng = np.random.default_rng([91, n])
    for absorbing in (False, True):
        stack = random_magnetic_stack(
            rng, n, guide_angle=guide_angle, field=field, out_of_plane=True, absorbing=absorbing, backing=False
        )
        q = np.concatenate((q_grid(rng, 3), -q_grid(rng, 3)))
        exact = np.abs(polarised_boundary_conditions.amplitudes_of_many(q, stack)) ** 2
        assert_reflectivity(reflectivity(q, stack), exact, context=f"{n} layers")


@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0, 160.0])
def test_absorbing_film_and_mirror_along_one_axis(angle):
    q = np.linspace(0.006, 0.3, 200)
    stack = MagneticStack(
        np.array([140.0]),
        np.array([2.07, 7.0, 4.0]),
        np.array([0.0, 0.2, 0.05]),
        np.array([6.0, 4.0]),
        np.array([0.0, 4.0, -2.0]),
        np.full(3, 90.0 - angle),
        np.zeros(3),
    )
    assert_reflectivity(reflectivity(q, stack), common_axis.reflectivities(q, 140.0, *stack[1:5], angle))


@pytest.mark.parametrize(
    ("guide_angle", "theta", "phi"),
    [
        (90.0, 90.0, 0.0),
        (90.0, 55.0, 0.0),
        (90.0, 90.0, 40.0),
        (30.0, 90.0, 50.0),
        (140.0, -20.0, -35.0),
        (0.0, 13.0, 90.0),
    ],
)
def test_absorbing_rough_mirror_in_a_field(guide_angle, theta, phi):
    # the angle between the field and its sum with the part of the magnetisation in the plane counts, wherever they
    # point: here in the frame of the sample
    q = np.linspace(0.006, 0.3, 200)
    a, t, f = np.radians([guide_angle, theta, phi])
    field = 1.5 * float(spin_field.B2SLD) * np.array([0.0, np.sin(a), np.cos(a)])
    b = field + 3.0 * np.cos(f) * np.array([np.cos(t), np.sin(t), 0.0])
    sizes = np.linalg.norm(field), np.linalg.norm(b)
    angle = np.degrees(np.arctan2(np.linalg.norm(np.cross(field, b)), field @ b))
    expected = zeeman_interface.amplitudes(q, (2.07, 6.0), 0.3, 7.0, *sizes, angle)
    stack = MagneticStack([], [2.07, 6.0], [0.0, 0.3], [7.0], [0.0, 3.0], [90.0, theta], [0.0, phi], guide_angle, 1.5)
    assert_reflectivity(reflectivity(q, stack), np.abs(expected) ** 2)


@pytest.mark.parametrize("along", [1, -1])
def test_aligned_magnetisation_is_two_unpolarised_runs(along):
    rng = np.random.default_rng([92, along + 1])
    field = 0.7
    stack = random_magnetic_stack(rng, 4, absorbing=True, field=field)._replace(theta_m=np.full(6, 90.0 * along))
    q = np.concatenate(([0.0], q_grid(rng, 50)))
    r = ks.polarised_reflectivity(q, **stack.arguments)
    for name, spin in (("pp", 1), ("mm", -1)):
        sld = stack.sld + spin * (along * stack.sld_magnetic + float(spin_field.B2SLD) * field)
        expected = ks.reflectivity(q, stack.thickness, sld, stack.sld_imag, stack.roughness)
        np.testing.assert_allclose(getattr(r, name), expected, rtol=1e-10)
    assert np.max(np.abs([r.pm, r.mp])) < 1e-25


def test_without_magnetisation_it_is_the_unpolarised_one():
    rng = np.random.default_rng(93)
    stack = random_magnetic_stack(rng, 3, absorbing=True)
    q = np.concatenate((q_grid(rng, 30), -q_grid(rng, 30)))
    r = ks.polarised_reflectivity(q, *stack[:4])
    expected = ks.reflectivity(q, *stack[:4])
    np.testing.assert_allclose([r.pp, r.mm], [expected, expected], rtol=1e-11)
    np.testing.assert_array_equal([r.pm, r.mp], 0.0)


def test_q_zero_reflects_everything_without_flip():
    rng = np.random.default_rng(94)
    stack = random_magnetic_stack(rng, 2, absorbing=True, field=0.3, guide_angle=40.0)
    for q in (0.0, -0.0):
        for there in (stack._replace(sld_magnetic=0.0), stack):
            found = [float(x) for x in ks.polarised_reflectivity(q, **there.arguments)]
            np.testing.assert_allclose(found, [1, 0, 0, 1], rtol=0, atol=1e-15)  # squares of roundings
    # and is the limit: 1 - R and the flip go with Q
    near = reflectivity([1e-7], stack)[:, 0]
    np.testing.assert_allclose(near, [1, 0, 0, 1], atol=1e-4)


def test_negative_q_is_the_reversed_stack():
    rng = np.random.default_rng(95)
    stack = random_magnetic_stack(rng, 3, absorbing=True, field=0.6, guide_angle=25.0, out_of_plane=True, backing=False)
    q = q_grid(rng, 30)
    turned = MagneticStack(*(np.asarray(x)[::-1] if np.ndim(x) else x for x in stack))
    np.testing.assert_array_equal(reflectivity(-q, stack), reflectivity(q, turned))
    both = reflectivity(np.concatenate((q, -q)), stack)
    np.testing.assert_allclose(both[:, 30:], reflectivity(q, turned), rtol=1e-12)


def test_invariances():
    rng = np.random.default_rng(96)
    q = q_grid(rng, 40)
    stack = random_magnetic_stack(rng, 3, absorbing=True, field=0.6, guide_angle=25.0, out_of_plane=True)
    r = reflectivity(q, stack)

    def assert_same(other, what, rtol=1e-9):
        np.testing.assert_allclose(reflectivity(q, other), r, rtol=rtol, atol=1e-20, err_msg=what)

    assert_same(stack._replace(sld=stack.sld + 3.0), "constant added to every SLD")
    assert_same(stack._replace(theta_m=stack.theta_m + 360.0, guide_angle=385.0), "full turns")
    assert_same(
        stack._replace(theta_m=180.0 + stack.theta_m, phi_m=-stack.phi_m, sld_magnetic=-stack.sld_magnetic),
        "vector turned",
    )

    def inserted(row, at, **values):
        return np.insert(row, at, values.get("value", row[at]))

    split = MagneticStack(
        np.array([*stack.thickness[:1], *(stack.thickness[1] * np.array([0.3, 0.7])), *stack.thickness[2:]]),
        inserted(stack.sld, 2),
        inserted(stack.sld_imag, 2),
        inserted(stack.roughness, 2, value=3.0),
        *(inserted(row, 2) for row in (stack.sld_magnetic, stack.theta_m, stack.phi_m)),
        stack.guide_angle,
        stack.field,
    )
    assert_same(split, "layer split, rough within")


def test_turning_everything_about_the_guide_field():
    # with the guide field along the normal the plane has no direction of its own
    rng = np.random.default_rng(97)
    q = q_grid(rng, 40)
    stack = random_magnetic_stack(rng, 3, absorbing=True, field=0.6, guide_angle=0.0, out_of_plane=True)
    turned = stack._replace(theta_m=stack.theta_m + 77.0)
    np.testing.assert_allclose(reflectivity(q, turned), reflectivity(q, stack), rtol=1e-10)


def test_magnetisation_along_the_normal_does_not_show():
    # its demagnetising field undoes it: only the part in the plane counts
    rng = np.random.default_rng(99)
    q = q_grid(rng, 20)
    for guide_angle in (0.0, 35.0, 90.0):
        stack = random_magnetic_stack(
            rng, 3, absorbing=True, field=0.6, guide_angle=guide_angle, out_of_plane=True, backing=False
        )
        lying = stack._replace(sld_magnetic=stack.sld_magnetic * np.cos(np.radians(stack.phi_m)), phi_m=np.zeros(5))
        np.testing.assert_allclose(reflectivity(q, stack), reflectivity(q, lying), rtol=1e-9, atol=1e-25)
        standing = stack._replace(phi_m=np.full(5, 90.0))
        nothing = stack._replace(sld_magnetic=np.zeros(5))
        np.testing.assert_allclose(reflectivity(q, standing), reflectivity(q, nothing), rtol=1e-9, atol=1e-25)


def test_sense_of_rotation():
    # seen along a tilted guide field, a helix and its mirror image interchange the two spin flips; which is which is
    # pinned by 40 digits, and there by other programs
    q = np.array([0.03, 0.05])
    stack = MagneticStack(
        np.array([60.0, 60.0]),
        np.array([0.0, 6.0, 6.0, 2.0]),
        np.zeros(4),
        np.zeros(3),
        np.array([0.0, 4.0, 4.0, 4.0]),
        np.array([90.0, 10.0, 60.0, 110.0]),
        np.array([0.0, 30.0, 0.0, -30.0]),
        guide_angle=30.0,
    )
    r = reflectivity(q, stack)
    assert np.all(np.abs(r[1] / r[2] - 1) > 0.05)
    np.testing.assert_allclose(r, np.abs(polarised_boundary_conditions.amplitudes_of_many(q, stack)) ** 2, rtol=1e-10)
    mirrored = reflectivity(q, stack._replace(theta_m=180.0 - stack.theta_m))
    np.testing.assert_allclose(mirrored[[0, 2, 1, 3]], r, rtol=1e-10)


def test_fronting_magnetised_along_the_field():
    rng = np.random.default_rng(98)
    q = q_grid(rng, 10)
    for theta in (90.0, -90.0):
        stack = random_magnetic_stack(rng, 2, absorbing=True, field=0.2)
        stack.sld_magnetic[0], stack.theta_m[0] = 1.2, theta
        exact = np.abs(polarised_boundary_conditions.amplitudes_of_many(q, stack)) ** 2
        assert_reflectivity(reflectivity(q, stack), exact)
