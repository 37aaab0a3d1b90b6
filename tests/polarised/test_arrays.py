"""Shapes, batches and memory: arrays in, fresh arrays out."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference.magnetic_stacks import MagneticStack, random_magnetic_stack
from reference.stacks import q_grid

PER_LAYER = {
    "thickness": 0,
    "sld": 2,
    "sld_imag": 2,
    "roughness": 1,
    "sld_magnetic": 2,
    "theta_m": 2,
    "phi_m": 2,
}
SINGLE = ("guide_angle", "field", "q", "scale", "background")


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("n", [0, 2])
def test_results_have_the_shape_of_q(shape, n):
    rng = np.random.default_rng([111, n])
    stack = random_magnetic_stack(rng, n, field=0.3, absorbing=True)
    q = rng.uniform(0.01, 0.1, shape)
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments)
    flat = np.array([ks.polarised_reflectivity(x, **stack.arguments) for x in q.ravel()]).reshape(-1, 4)
    for c, name in enumerate(("pp", "pm", "mp", "mm")):
        assert np.shape(r[c]) == shape
        np.testing.assert_allclose(r[c], flat[:, c].reshape(shape), rtol=1e-11)
        assert getattr(r, name) is r[c]
        for field, extra in PER_LAYER.items():
            assert getattr(jacobian[c], field).shape == (*shape, n + extra), field
        for field in SINGLE:
            assert np.shape(getattr(jacobian[c], field)) == shape, field
        assert jacobian[c].dq is None
        assert jacobian[c].polariser is None


@pytest.mark.parametrize("devices", [None, ks.Efficiencies(0.9, 0.95, 0.97, 0.99)])
def test_batch_is_a_loop(devices):
    rng = np.random.default_rng(112)
    stacks = [
        random_magnetic_stack(rng, 2, guide_angle=a, field=h, absorbing=True) for a, h in ((90, 0.1), (20, 0.5), (0, 0))
    ]
    batch = {name: np.array([getattr(s, name) for s in stacks], dtype=float) for name in MagneticStack._fields}
    q = np.array([q_grid(rng, 4, low=0.01, high=0.15) for _ in stacks])
    scale = np.array([1.0, 2.0, 0.5])
    weights = {"pm": rng.standard_normal((3, 4)), "mm": rng.standard_normal((3, 4))}
    tangents = {name: rng.standard_normal(value.shape) for name, value in batch.items()}
    more = {"efficiencies": devices}
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **batch, scale=scale, **more)
    _, gradient = ks.polarised_reflectivity_vjp(q, **batch, scale=scale, cotangent=weights, **more)
    _, dr = ks.polarised_reflectivity_jvp(q, **batch, scale=scale, tangents=tangents, **more)
    plain = ks.polarised_reflectivity(q, **batch, scale=scale, **more)
    for array in (*r, *plain, *dr, *(field for channel in jacobian for field in channel if field is not None)):
        assert array.flags.c_contiguous
        assert array.flags.writeable
    for b, stack in enumerate(stacks):
        one = {**stack.arguments, "scale": scale[b], **more}
        r_b, jacobian_b = ks.polarised_reflectivity_jacobian(q[b], **one)
        _, gradient_b = ks.polarised_reflectivity_vjp(q[b], **one, cotangent={c: w[b] for c, w in weights.items()})
        _, dr_b = ks.polarised_reflectivity_jvp(q[b], **one, tangents={name: x[b] for name, x in tangents.items()})
        for c in range(4):
            np.testing.assert_allclose(r[c][b], r_b[c], rtol=1e-13)  # lanes may be contracted differently
            np.testing.assert_allclose(plain[c][b], r_b[c], rtol=1e-13)
            np.testing.assert_allclose(dr[c][b], dr_b[c], rtol=1e-13, atol=1e-18)
            for field in (*PER_LAYER, *SINGLE):
                np.testing.assert_array_equal(
                    getattr(jacobian[c], field)[b], getattr(jacobian_b[c], field), err_msg=field
                )
        for field in (*PER_LAYER, "guide_angle", "field", "q", "scale"):
            np.testing.assert_allclose(
                getattr(gradient, field)[b], getattr(gradient_b, field), rtol=1e-13, err_msg=field
            )


def test_what_broadcasts():
    rng = np.random.default_rng(113)
    stack = random_magnetic_stack(rng, 2, absorbing=True)
    q = q_grid(rng, 5)
    guide = np.array([[10.0], [90.0], [200.0]])
    field = np.array([0.0, 0.4])
    arguments = {**stack.arguments, "guide_angle": guide, "field": field}
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **arguments)
    assert r.pp.shape == (3, 2, 5)
    assert jacobian.pm.theta_m.shape == (3, 2, 5, 4)
    one = ks.polarised_reflectivity(q, **{**stack.arguments, "guide_angle": 200.0, "field": 0.4})
    np.testing.assert_allclose(r.pm[2, 1], one.pm, rtol=1e-13)  # lanes may be contracted differently
    weights = ks.Channels(1.0, 0.5, 0.0, -1.0)
    _, gradient = ks.polarised_reflectivity_vjp(q, **arguments, cotangent=weights)
    assert gradient.guide_angle.shape == (3, 1)
    assert gradient.field.shape == (2,)
    assert gradient.theta_m.shape == (4,)
    total = sum(w * j.guide_angle for w, j in zip(weights, jacobian, strict=True))
    np.testing.assert_allclose(gradient.guide_angle[:, 0], total.sum(axis=(1, 2)), rtol=1e-12)
    scalar = ks.polarised_reflectivity_vjp(
        q, *stack[:4], sld_magnetic=stack.sld_magnetic, theta_m=30.0, cotangent=weights
    )
    assert scalar[1].theta_m.shape == ()


def test_batches_of_q_alone():
    rng = np.random.default_rng(114)
    stack = random_magnetic_stack(rng, 1, absorbing=True, field=0.2)
    q = rng.uniform(0.01, 0.1, (2, 3, 4))
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **stack.arguments)
    flat, flat_jacobian = ks.polarised_reflectivity_jacobian(q.ravel(), **stack.arguments)
    for c in range(4):
        np.testing.assert_allclose(r[c], flat[c].reshape(q.shape), rtol=1e-13)  # lanes may be contracted differently
        np.testing.assert_allclose(jacobian[c].phi_m, flat_jacobian[c].phi_m.reshape(*q.shape, 3), rtol=1e-11)
    weights = ks.Channels(*rng.standard_normal((4, *q.shape)))
    _, gradient = ks.polarised_reflectivity_vjp(q, **stack.arguments, cotangent=weights)
    assert gradient.q.shape == q.shape
    expected = sum(np.tensordot(w, j.theta_m, 3) for w, j in zip(weights, jacobian, strict=True))
    np.testing.assert_allclose(gradient.theta_m, expected, rtol=1e-12)


def test_efficiencies_for_every_point():
    rng = np.random.default_rng(115)
    stack = random_magnetic_stack(rng, 1, absorbing=True)
    q = q_grid(rng, 6)
    polariser = np.linspace(0.9, 0.99, 6)
    r = ks.polarised_reflectivity(q, **stack.arguments, efficiencies=ks.Efficiencies(polariser, analyser=0.95))
    for i in range(6):
        one = ks.polarised_reflectivity(
            q[i], **stack.arguments, efficiencies=ks.Efficiencies(polariser[i], analyser=0.95)
        )
        np.testing.assert_allclose([channel[i] for channel in r], one, rtol=1e-13)
    weights = ks.Channels(*rng.standard_normal((4, 6)))
    devices = ks.Efficiencies(polariser, analyser=0.95)
    _, gradient = ks.polarised_reflectivity_vjp(q, **stack.arguments, cotangent=weights, efficiencies=devices)
    assert gradient.polariser.shape == (6,)
    assert gradient.analyser.shape == ()


def test_results_are_fresh_and_inputs_stay():
    rng = np.random.default_rng(116)
    stack = random_magnetic_stack(rng, 2, absorbing=True, field=0.2)
    arguments = {name: np.array(value) for name, value in stack.arguments.items()}
    before = {name: value.copy() for name, value in arguments.items()}
    for value in arguments.values():
        value.flags.writeable = False
    q = q_grid(rng, 4)
    r, jacobian = ks.polarised_reflectivity_jacobian(q, **arguments)
    for array in (*r, *(field for channel in jacobian for field in channel if field is not None)):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert array.flags.writeable
    r.pp[:] = -1.0
    assert np.all(r.pm >= 0.0)
    for name, value in arguments.items():
        np.testing.assert_array_equal(value, before[name])
    wide = np.empty((4, 2))
    wide[:, 0] = stack.theta_m
    again = ks.polarised_reflectivity(q, **{**arguments, "theta_m": wide[:, 0]})
    np.testing.assert_array_equal(again.pm, ks.polarised_reflectivity(q, **arguments).pm)
