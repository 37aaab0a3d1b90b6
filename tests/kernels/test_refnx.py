"""R beside another program: refnx's C kernels, `refnx.reflect._creflect.abeles` and `.parratt`.

The functions are imported by name, because refnx's backend strings may stand for one another. Its slabs are rows of
(thickness, SLD, imaginary SLD, roughness of the interface above).
"""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference.stacks import q_grid, random_stack

creflect = pytest.importorskip("refnx.reflect._creflect", reason="refnx is not installed")

LAYERS = (0, 1, 2, 3, 5, 10, 20, 40, 60)


def slabs(stack):
    rows = np.zeros((stack.sld.size, 4))
    rows[1:-1, 0] = stack.thickness
    rows[:, 1] = stack.sld
    rows[:, 2] = stack.sld_imag
    rows[1:, 3] = stack.roughness
    return rows


@pytest.mark.parametrize("kernel", ["abeles", "parratt"])
@pytest.mark.parametrize("absorbing", [False, True])
@pytest.mark.parametrize("n", LAYERS)
def test_random_stacks(n, absorbing, kernel):
    other = getattr(creflect, kernel)
    for seed in range(5):
        rng = np.random.default_rng([51, n, absorbing, seed])
        # total thickness below 1e4 angstrom: far thicker evanescent or absorbing stacks overflow in a matrix product
        stack = random_stack(rng, n, absorbing=absorbing, thickness=(3.0, 150.0))
        q = q_grid(rng, 50, low=0.004, high=0.4)
        r = ks.reflectivity(q, *stack)
        reference = other(q, slabs(stack), threads=1)
        # both find the amplitude with some tens of roundoffs: relative 1e-9 in R = |r|² needs |r| ≥ 1e-6, R ≥ 1e-12
        known = reference > 1e-12
        assert known.mean() > 0.5
        np.testing.assert_allclose(r[known], reference[known], rtol=1e-9, err_msg=f"seed {seed}")
        np.testing.assert_allclose(r[~known], reference[~known], rtol=0, atol=1e-20)


def test_scale_background_and_two_dimensions_of_q():
    rng = np.random.default_rng(52)
    stack = random_stack(rng, 4, absorbing=True)
    q = q_grid(rng, 34).reshape(2, 17)
    r = ks.reflectivity(q, *stack, scale=0.9, background=1e-6)
    np.testing.assert_allclose(r, creflect.abeles(q, slabs(stack), scale=0.9, bkg=1e-6, threads=1), rtol=1e-9)
