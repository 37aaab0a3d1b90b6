"""Other programs on the same random rough, absorbing stacks with magnetisation in all directions of the plane."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import kiessig as ks
from reference.magnetic_stacks import random_magnetic_stack
from reference.stacks import q_grid

GEOMETRIES = [(90.0, 0.0), (270.0, 0.0), (30.0, 0.0), (5.0, 0.3), (90.0, 0.7), (120.0, 2.0)]


def of_refl1d(q, stack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the import, and of numba
        reflectivity = pytest.importorskip("refl1d.sample.reflectivity")
        # it adds 1e-10 (1e-6/angstrom²) of absorption to every medium and takes the absolute value before
        added = 1e-10
        depth = np.concatenate(([0.0], stack.thickness, [0.0]))
        absorption = np.where(stack.sld_imag > added, stack.sld_imag - added, 0.0)
        r = reflectivity.magnetic_amplitude(
            q / 2,
            depth,
            stack.sld,
            absorption,
            stack.sld_magnetic,
            stack.theta_m,
            stack.roughness,
            stack.guide_angle,
            stack.field,
        )
    minus_minus, minus_plus, plus_minus, plus_plus = (np.abs(x) ** 2 for x in r)
    return ks.Channels(plus_plus, plus_minus, minus_plus, minus_minus)


def of_refnx(q, stack):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("refnx.reflect._creflect")
    rows = [
        np.concatenate(([0.0], stack.thickness, [0.0])),
        stack.sld,
        stack.sld_imag,
        np.append(0.0, stack.roughness),
        stack.sld_magnetic,
        stack.theta_m,
    ]
    # its angle of the guide field runs the other way round
    return ks.Channels(
        *module.gepore(q, np.ascontiguousarray(np.transpose(rows)), H=stack.field, Aguide=-stack.guide_angle)
    )


@pytest.mark.parametrize(("guide_angle", "field"), GEOMETRIES)
@pytest.mark.parametrize("program", [of_refl1d, of_refnx])
def test_random_stacks(program, guide_angle, field):
    rng = np.random.default_rng([85, int(guide_angle)])
    for n in (0, 1, 2, 5):
        stack = random_magnetic_stack(rng, n, guide_angle=guide_angle, field=field, absorbing=True, fronting=2.07)
        stack.sld_imag[0] = 0.0  # they let it into the wavevector of the fronting
        q = q_grid(rng, 40, low=0.004)
        ours, theirs = ks.polarised_reflectivity(q, **stack.arguments), program(q, stack)
        for name in ks.Channels._fields:
            # the absorption of the fronting, which refl1d adds and cannot be taken away, leaves 1e-9 at low Q
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-8, err_msg=f"{name}, {n}")


@pytest.mark.parametrize("program", [of_refl1d, of_refnx])
def test_from_the_back(program):
    rng = np.random.default_rng(86)
    stack = random_magnetic_stack(rng, 3, guide_angle=40.0, field=0.5, absorbing=True, backing=False)
    stack.sld_imag[[0, -1]] = 0.0
    q = -q_grid(rng, 30, low=0.01)
    ours, theirs = ks.polarised_reflectivity(q, **stack.arguments), program(q, stack)
    for name in ks.Channels._fields:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-8, err_msg=name)


@pytest.mark.parametrize("program", [of_refl1d, of_refnx])
def test_negative_field_is_where_they_err(program):
    # below zero they interchange the wavevectors in the fronting and keep the incident energy; ours is that of the
    # same sample seen with a guide field the other way round, in which + and - have changed names
    rng = np.random.default_rng(87)
    stack = random_magnetic_stack(rng, 2, field=-0.5, absorbing=True, fronting=2.07)
    stack.sld_imag[0] = 0.0
    q = q_grid(rng, 30, low=0.01)
    ours = ks.polarised_reflectivity(q, **stack.arguments)
    turned = ks.polarised_reflectivity(q, **stack._replace(guide_angle=270.0, field=0.5).arguments)
    named = ks.Channels(turned.mm, turned.mp, turned.pm, turned.pp)
    for name in ks.Channels._fields:
        np.testing.assert_allclose(getattr(ours, name), getattr(named, name), rtol=1e-9, err_msg=name)
    assert np.max(np.abs(program(q, stack).pp / ours.pp - 1)) > 0.1
