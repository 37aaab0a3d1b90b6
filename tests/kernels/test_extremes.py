"""A hundred thousand random stacks from absurd ranges: everything stays finite, and R within its limits.

Sharp interfaces keep 0 <= R <= 1. Névot and Croce's factor does not: between two evanescent media it exceeds 1, and so
may R, when the roughness is not small beside the decay length. For rough stacks R >= 0 and finite is all that holds.
"""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError

PER_CASE = 10_000
POINTS = 8


def random_stacks(rng, count, n):
    """Thickness 1e-3 to 1e7 angstrom, SLD up to +-1e3, absorption 0 or 1e-8 to 1e3, Q 0 to 10 and at critical edges."""
    sign = rng.choice([-1.0, 1.0], (count, n + 2))
    sld = sign * 10.0 ** rng.uniform(-3, 3, (count, n + 2)) * rng.choice([0.0, 1.0], (count, n + 2), p=[0.1, 0.9])
    sld_imag = 10.0 ** rng.uniform(-8, 3, (count, n + 2)) * rng.choice([0.0, 1.0], (count, n + 2))
    sld_imag *= rng.choice([0.0, 1.0], (count, 1))  # every other stack without absorption
    thickness = 10.0 ** rng.uniform(-3, 7, (count, n)) * rng.choice([0.0, 1.0], (count, n), p=[0.05, 0.95])
    q = 10.0 ** rng.uniform(-6, 1, (count, POINTS))
    medium = rng.integers(1, n + 2, count)
    edge_squared = 16e-6 * np.pi * (sld[np.arange(count), medium] - sld[:, 0])
    q[:, 0] = np.where(edge_squared > 0, np.sqrt(np.maximum(edge_squared, 0)), q[:, 0])
    q[:, 1] = q[:, 0] * (1 + rng.choice([-1.0, 1.0], count) * 10.0 ** rng.uniform(-16, -2, count))
    q[:, 2] = 0.0
    q[:, 3] = 10.0
    q[:, 4] *= -1
    return q, thickness, sld, sld_imag


def assert_finite(name, values, *inputs):
    bad = ~np.isfinite(values)
    if bad.any():
        index = np.argwhere(bad)[0]
        shown = "\n".join(repr(np.asarray(a)[index[0]].tolist()) for a in inputs)
        pytest.fail(f"{name}{index.tolist()} = {values[tuple(index)]} ({bad.sum()} in all) at\n{shown}")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 12, 20, 40, 60])
@pytest.mark.parametrize("rough", [False, True], ids=["sharp", "rough"])
def test_everything_is_finite(n, rough):
    rng = np.random.default_rng([n, rough])
    count = PER_CASE // 2 if n <= 12 else PER_CASE // 8
    for part in range(2 if n <= 12 else 1):
        q, thickness, sld, sld_imag = random_stacks(rng, count, n)
        roughness = 10.0 ** rng.uniform(-3, 4, (count, n + 1)) if rough else np.zeros((count, n + 1))
        stack = (thickness, sld, sld_imag, roughness)
        r, jacobian = ks.reflectivity_jacobian(q, *stack)
        value = ks.reflectivity(q, *stack)
        for name, values in (("r", r), ("value", value), *jacobian._asdict().items()):
            if values is not None:
                assert_finite(f"part {part}: {name}", values, q, *stack)
        assert (r >= 0).all()
        assert (value >= 0).all()
        if not rough:
            # rounding of some n products of complex numbers of modulus 1
            assert r.max() <= 1 + 1e-9
            assert value.max() <= 1 + 1e-9
        assert (value[:, 2] == 1).all()
        cotangent = rng.standard_normal(q.shape)
        gradient = ks.reflectivity_vjp(q, *stack, cotangent=cotangent)[1]
        for name, values in gradient._asdict().items():
            if values is not None and name not in ("scale", "background"):
                assert_finite(f"part {part}: gradient {name}", values, q, *stack)


def test_ten_thousand_layers():
    rng = np.random.default_rng(1)
    for rough in (0.0, 3.0):
        q, thickness, sld, sld_imag = random_stacks(rng, 3, 10_000)
        stack = (thickness, sld, sld_imag, np.full((3, 10_001), rough))
        r, jacobian = ks.reflectivity_jacobian(q, *stack)
        assert_finite("r", r)
        for name, values in jacobian._asdict().items():
            if values is not None:
                assert_finite(name, values)


def test_smeared_extremes():
    rng = np.random.default_rng(2)
    for n in (0, 1, 2):
        q, thickness, sld, sld_imag = random_stacks(rng, 25, n)
        # beyond these, ever narrower resonances may need more nodes than are granted
        thickness, sld = np.minimum(thickness, 3e3), np.clip(sld, -30.0, 30.0)
        q = np.clip(q, -1.0, 1.0)
        dq = np.abs(q) * 10.0 ** rng.uniform(-12, -0.3, q.shape) * rng.choice([0.0, 1.0], q.shape)
        stack = (thickness, sld, sld_imag, np.full((25, n + 1), 2.0))
        r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=dq)
        assert_finite("r", r, q, dq, *stack)
        for name, values in jacobian._asdict().items():
            assert_finite(name, values, q, dq, *stack)


def test_too_many_nodes_are_refused():
    with pytest.raises(InvalidValueError, match="dq cannot be honoured: the fringes of this stack need more than"):
        ks.reflectivity([1.0], [1e9], [0.0, 5.0, 2.0], dq=0.1)


@pytest.mark.parametrize("q", [5e-324, 1e-300, 1e-200, 1e-160, 1e-110, 1e-99, 1e-60])
@pytest.mark.parametrize("sld", [[0.0, 0.0, 0.0], [0.0, 3.0, 2.0], [2.0, 2.0, -1.0]])
def test_smallest_q(q, sld):
    r, jacobian = ks.reflectivity_jacobian(q, [10.0], sld)
    assert 0.0 <= r <= 1.0
    assert all(np.isfinite(field).all() for field in jacobian[:7])
