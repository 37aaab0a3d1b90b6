"""Derivatives with respect to everything, at random and where directions lose their meaning."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import polarised_boundary_conditions
from reference.differences import derivative
from reference.magnetic_stacks import random_magnetic_stack
from reference.polarised_derivatives import FIELDS, SINGLE, derivatives
from reference.stacks import q_grid
from reference.tolerances import assert_derivative

CHANNELS = ks.Channels._fields
RELATIVE = 1e-8  # the oracle itself is accurate to 1e-9 of |r dr|


def check(q, stack, context):
    """Compare the Jacobian of all channels with the oracle's."""
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments)
    amplitudes, exact = derivatives(q, stack)
    for c, name in enumerate(CHANNELS):
        for field in FIELDS:
            actual = getattr(getattr(jacobian, name), field)
            assert np.all(np.isfinite(actual)), (context, name, field)
            values, sizes = exact[field].value[c], exact[field].amplitude[c]
            for i, size in enumerate(np.abs(amplitudes[c])):
                # a hundred roundings: entries of one argument cancel in the oracle's matrices as well
                assert_derivative(
                    actual[i],
                    values[i],
                    sizes[i],
                    size,
                    relative=RELATIVE,
                    cancellation=100.0,
                    floor=1e-10 * size**2,  # roundoff of R over the radius of the oracle's circles
                    context=f"{context} {name} {field} Q = {q[i]:.4g}",
                )
    return r, jacobian


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize(("guide_angle", "field"), [(90.0, 0.0), (25.0, 1.2), (270.0, -0.4)])
def test_random_stacks(n, guide_angle, field):
    rng = np.random.default_rng([101, n])
    stack = random_magnetic_stack(
        rng, n, guide_angle=guide_angle, field=field, out_of_plane=True, absorbing=True, fronting=2.07, backing=False
    )
    stack.sld_imag[:] = np.maximum(stack.sld_imag, 0.05)  # the oracle's circles must not meet absorption's end
    q = np.concatenate((q_grid(rng, 4, low=0.01, high=0.15), -q_grid(rng, 3, low=0.02, high=0.15)))
    check(q, stack, f"n = {n}")


DEGENERATE = {
    "aligned": {"theta_m": np.full(5, 90.0)},
    "opposite": {"theta_m": np.full(5, -90.0)},
    "aligned and opposite": {"theta_m": np.array([90.0, 90.0, -90.0, 90.0, -90.0])},
    "across": {"theta_m": np.zeros(5)},
    "nothing magnetised": {"sld_magnetic": np.zeros(5)},
    "nothing magnetised, no field": {"sld_magnetic": np.zeros(5), "field": 0.0},
    "one layer not magnetised, no field": {"sld_magnetic": np.array([0.0, 3.0, 0.0, 2.0, 1.0]), "field": 0.0},
    "field along the normal": {"guide_angle": 0.0},
    "field and magnetisation along the normal": {"guide_angle": 0.0, "phi_m": np.full(5, 90.0)},
    "magnetisation along the normal": {"phi_m": np.full(5, 90.0)},
    "sharp": {"roughness": np.zeros(4)},
    "a layer of no thickness": {"thickness": np.array([50.0, 0.0, 30.0])},
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_points(name):
    rng = np.random.default_rng(102)
    stack = random_magnetic_stack(rng, 3, field=0.5, absorbing=True, fronting=2.07)
    stack.sld_imag[:] = np.maximum(stack.sld_imag, 0.05)
    q = q_grid(rng, 5, low=0.012, high=0.15)
    check(q, stack._replace(**DEGENERATE[name]), name)


def test_against_sixty_digits():
    rng = np.random.default_rng(103)
    stack = random_magnetic_stack(rng, 1, field=0.5, guide_angle=60.0, out_of_plane=True, fronting=2.07)
    q = np.array([0.013, 0.08])
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments)
    for field in FIELDS:
        given = None if field == "q" else getattr(stack, field)
        for at, x in enumerate(q):
            for i in [None] if field in SINGLE else range(len(given)):
                if field == "sld_imag" and i == 0:
                    np.testing.assert_allclose(jacobian.pp.sld_imag[:, 0], 0.0, atol=1e-14)
                    continue

                def along(value, field=field, i=i, given=given, x=x):
                    if field == "q":
                        return polarised_boundary_conditions.reflectivities(value, *stack)
                    moved = value if i is None else [*given[:i], value, *given[i + 1 :]]
                    return polarised_boundary_conditions.reflectivities(x, *stack._replace(**{field: moved}))

                start = x if field == "q" else given if i is None else given[i]
                # every absorption here is 0, the end of its domain
                one_sided = field == "sld_imag"
                for c in (0, 1) if at else (2, 3):
                    exact = derivative(lambda v, c=c, along=along: along(v)[c], start, one_sided=one_sided)
                    found = getattr(jacobian[c], field)
                    found = found[at] if i is None else found[at, i]
                    # 1e-13 of R per unit is lost in the roundoff of R
                    np.testing.assert_allclose(
                        found, float(exact), rtol=RELATIVE, atol=1e-13 * r[c][at], err_msg=f"{field}[{i}] {c} {x}"
                    )


@pytest.mark.parametrize("devices", [None, ks.Efficiencies(0.97, 0.99, 0.93, 0.98)])
def test_products_are_contractions(devices):
    rng = np.random.default_rng(104)
    stack = random_magnetic_stack(rng, 2, field=0.5, guide_angle=60.0, absorbing=True, fronting=2.07)
    q = q_grid(rng, 6, low=0.012, high=0.15)
    more = {"scale": 1.3, "background": 1e-3, "efficiencies": devices}
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments, **more)
    weights = ks.Channels(*rng.standard_normal((4, 6)))
    value, gradient = ks.polarised_reflectivity_vjp(q, **stack.arguments, **more, cotangent=weights)
    np.testing.assert_allclose(value, r, rtol=1e-13)
    used = [name for name in jacobian.pp._fields if getattr(jacobian.pp, name) is not None]
    assert ("analyser" in used) == (devices is not None)
    tangents = {}
    for name in used:
        expected = 0.0
        for weight, channel in zip(weights, jacobian, strict=True):
            field = getattr(channel, name)
            expected = expected + (weight * field if name == "q" else np.tensordot(weight, field, (0, 0)))
        np.testing.assert_allclose(getattr(gradient, name), expected, rtol=1e-10, atol=1e-14, err_msg=name)
        tangents[name] = rng.standard_normal(np.shape(expected))
    value, dr = ks.polarised_reflectivity_jvp(q, **stack.arguments, **more, tangents=tangents)
    np.testing.assert_allclose(value, r, rtol=1e-13)
    for channel, found in zip(jacobian, dr, strict=True):
        terms = [
            (getattr(channel, name) if tangents[name].ndim else getattr(channel, name)[:, None]) * tangents[name]
            if name != "q"
            else (channel.q * tangents["q"])[:, None]
            for name in used
        ]
        expected = sum(term.sum(axis=-1) for term in terms)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)


def test_channels_without_a_cotangent_do_not_enter():
    rng = np.random.default_rng(108)
    stack = random_magnetic_stack(rng, 1, absorbing=True)
    q = q_grid(rng, 5)
    _, gradient = ks.polarised_reflectivity_vjp(q, **stack.arguments, cotangent={"pm": 2.0})
    _, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments)
    np.testing.assert_allclose(gradient.theta_m, 2.0 * jacobian.pm.theta_m.sum(axis=0), rtol=1e-11, atol=1e-18)


def test_scale_and_background():
    rng = np.random.default_rng(105)
    stack = random_magnetic_stack(rng, 1, absorbing=True)
    q = q_grid(rng, 5)
    plain = ks.polarised_reflectivity(q, **stack.arguments)
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments, scale=2.0, background=0.1)
    for name in CHANNELS:
        np.testing.assert_allclose(getattr(r, name), 2.0 * getattr(plain, name) + 0.1, rtol=1e-13)
        np.testing.assert_allclose(getattr(jacobian, name).scale, getattr(plain, name), rtol=1e-12)
        np.testing.assert_array_equal(getattr(jacobian, name).background, 1.0)


def test_derivatives_of_efficiencies_through_the_whole_call():
    rng = np.random.default_rng(106)
    stack = random_magnetic_stack(rng, 1, absorbing=True)
    q = q_grid(rng, 5)
    values = {"polariser": 0.96, "polariser_flipper": 0.98, "analyser": 0.9, "analyser_flipper": 0.95}

    def mixed(**changed):
        devices = ks.Efficiencies(**{**values, **changed})
        return np.array(
            ks.polarised_reflectivity(q, **stack.arguments, scale=1.5, background=0.01, efficiencies=devices)
        )

    more = {"scale": 1.5, "background": 0.01, "efficiencies": ks.Efficiencies(**values)}
    _, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments, **more)
    for name, value in values.items():
        # intensities are linear in each efficiency: a difference over any step is exact
        slope = (mixed(**{name: value + 0.02}) - mixed(**{name: value - 0.02})) / 0.04
        for c in range(4):
            np.testing.assert_allclose(getattr(jacobian[c], name), slope[c], rtol=1e-11, atol=1e-14)


@pytest.mark.usefixtures("smears")
def test_smeared_channels():
    # the derivative of a smeared curve: differences of itself, whose nodes move by parts in 1e10
    rng = np.random.default_rng(107)
    stack = random_magnetic_stack(rng, 2, field=0.3, guide_angle=50.0, absorbing=True, fronting=0.0)
    q = np.linspace(0.01, 0.1, 12)
    dq = 0.03 * q
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments, dq=dq)
    fine = np.linspace(-6.0, 6.0, 1201)
    bell = np.exp(-0.5 * fine**2)
    bell /= bell.sum()
    for c, name in enumerate(CHANNELS):
        expected = [
            bell @ ks.polarised_reflectivity(x + s * fine, **stack.arguments)[c] for x, s in zip(q, dq, strict=True)
        ]
        np.testing.assert_allclose(r[c], expected, rtol=2e-5, err_msg=name)
        assert jacobian[c].dq.shape == q.shape
    step = 1e-4
    for field, at in (("theta_m", 1), ("sld_magnetic", 2), ("thickness", 0)):
        given = getattr(stack, field)
        moved = [given + sign * step * (np.arange(len(given)) == at) for sign in (1, -1)]
        up, down = (
            np.array(ks.polarised_reflectivity(q, **stack._replace(**{field: row}).arguments, dq=dq)) for row in moved
        )
        for c in range(4):
            slope = (up[c] - down[c]) / (2 * step)
            np.testing.assert_allclose(
                getattr(jacobian[c], field)[:, at], slope, rtol=1e-4, atol=1e-5 * np.max(np.abs(slope))
            )
