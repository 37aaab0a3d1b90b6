"""Maps between a box and free coordinates."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp, mpf

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize import BoxTransform

INF = np.inf
LOWER = np.array([-2.0, 1400.0, 1e-9, 0.0, 3.0, -INF, -INF, -5.0])
UPPER = np.array([7.0, 1500.0, 1e-5, 1e-5, INF, -4.0, INF, -1e-3])
START = np.array([0.5, 1460.0, 1e-7, 1e-7, 3.5, -6.0, 250.0, -0.3])


def _box(**keywords) -> BoxTransform:
    return BoxTransform(LOWER, UPPER, START, **keywords)


def test_there_and_back():
    box = _box()
    np.testing.assert_allclose(box.inverse(box.forward(START)), START, rtol=1e-14)
    rng = np.random.default_rng(0)
    for _ in range(50):
        u = rng.uniform(-8.0, 8.0, START.size)
        # x has lost exp(8) of its digits where it lies that near to a bound.
        np.testing.assert_allclose(box.forward(box.inverse(u)), u, rtol=0.0, atol=1e-11)


def test_values_are_the_formulas_of_the_docstring():
    mp.dps = 40
    box, rng = _box(), np.random.default_rng(1)
    for u in rng.uniform(-20.0, 20.0, (20, START.size)):
        rise = [1 / (1 + mp.exp(-mpf(float(v)))) for v in u]
        soft = [mp.log(1 + mp.exp(mpf(float(v)))) for v in u]
        lo, hi, s = ([mpf(float(v)) for v in values] for values in (LOWER, UPPER, box.scale))
        expected = [
            lo[0] + (hi[0] - lo[0]) * rise[0],
            lo[1] + (hi[1] - lo[1]) * rise[1],
            lo[2] * (hi[2] / lo[2]) ** rise[2],  # four decades between positive bounds
            lo[3] + (hi[3] - lo[3]) * rise[3],
            lo[4] + s[4] * soft[4],
            hi[5] - s[5] * soft[5],
            s[6] * mpf(float(u[6])),
            lo[7] + (hi[7] - lo[7]) * rise[7],  # negative: no logarithm
        ]
        np.testing.assert_allclose(box.inverse(u), [float(v) for v in expected], rtol=1e-14)


def test_derivative_against_mpmath_differences():
    mp.dps = 40
    box, rng = _box(), np.random.default_rng(2)
    for u in rng.uniform(-15.0, 15.0, (10, START.size)):
        slope = box.derivative(u)
        for i in range(START.size):
            h = 1e-4
            steps = np.zeros(START.size)
            steps[i] = h
            # Central differences: h^2/6 of the third derivative, and 1e-16/h of x's own size.
            rough = (box.inverse(u + steps)[i] - box.inverse(u - steps)[i]) / (2.0 * h)
            assert slope[i] == pytest.approx(rough, rel=1e-7, abs=3e-12 * abs(box.inverse(u)[i]))


def test_never_outside_and_never_flat():
    box = _box()
    for depth in (40.0, 300.0, 600.0):
        for sign in (-1.0, 1.0):
            u = np.full(START.size, sign * depth)
            x = box.inverse(u)
            assert np.all((x >= LOWER) & (x <= UPPER))
            assert np.all(box.derivative(u) != 0.0)
    assert np.all(np.isfinite(box.inverse(np.full(START.size, -1e5))[:5]))


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_a_start_on_a_bound_is_moved_inside(side):
    bound = np.where(np.isfinite(LOWER if side == "lower" else UPPER), LOWER if side == "lower" else UPPER, START)
    box = BoxTransform(LOWER, UPPER, bound)
    u = box.forward(bound)
    assert np.all(np.isfinite(u))
    x = box.inverse(u)
    has_two = np.isfinite(LOWER) & np.isfinite(UPPER)
    linear = has_two & ~(np.arange(START.size) == 2)
    # A thousandth of the width, to rounding of x.
    np.testing.assert_allclose(np.abs(x - bound)[linear], 1e-3 * (UPPER - LOWER)[linear], rtol=1e-9)
    assert abs(np.log(x[2] / bound[2])) == pytest.approx(1e-3 * np.log(1e4), rel=1e-9)
    slope = np.abs(box.derivative(u))
    assert np.all(slope > 0.0)
    # Enough slope to leave by: within a factor of the margin itself.
    np.testing.assert_allclose(slope[linear], 1e-3 * 0.999 * (UPPER - LOWER)[linear], rtol=1e-9)


def test_a_start_beside_a_bound_stays_where_it_is():
    box = BoxTransform(np.array([0.0]), np.array([1e-2]), np.array([1e-9]))
    assert box.inverse(box.forward(np.array([1e-9])))[0] == pytest.approx(1e-9, rel=1e-13)


def test_default_scales():
    box = BoxTransform(
        np.array([-INF, -INF, 2.0, 2.0, 0.0, -1.0]),
        np.array([INF, INF, INF, INF, INF, 1.0]),
        np.array([-30.0, 0.0, 5.0, 2.0, 0.0, 0.5]),
    )
    np.testing.assert_array_equal(box.scale, [30.0, 1.0, 3.0, 2.0, 1.0, 2.0])
    np.testing.assert_array_equal(box.bounded, [False, False, False, False, False, True])


def test_a_supplied_scale_is_the_unit():
    box = BoxTransform(np.array([-INF]), np.array([INF]), np.array([3.0]), np.array([0.25]))
    np.testing.assert_array_equal(box.forward(np.array([3.0])), [12.0])
    np.testing.assert_array_equal(box.derivative(np.array([12.0])), [0.25])


def test_refusals():
    one = np.ones(1)
    with pytest.raises(ShapeError, match=r"must have one shape"):
        BoxTransform(one, np.ones(2), one)
    with pytest.raises(ShapeError, match=r"scale must have shape \(1,\)"):
        BoxTransform(-one, one, 0.0 * one, np.ones(2))
    for bad in (0.0, -1.0, np.nan, INF):
        with pytest.raises(InvalidValueError, match=r"scale must be positive and finite; scale\[0\]"):
            BoxTransform(-one, one, 0.0 * one, np.array([bad]))


def test_second_derivatives_of_every_kind_of_bounds():
    inf = np.inf
    lower = np.array([-1.0, 1e-8, 2.0, -inf, -inf])
    upper = np.array([3.0, 1e-4, inf, 5.0, inf])
    box = BoxTransform(lower, upper, np.array([0.5, 1e-6, 3.0, 4.0, 2.0]))
    for u in (np.full(5, -1.3), np.full(5, 0.2), np.full(5, 2.5)):
        step = 1e-5
        bend = (box.derivative(u + step) - box.derivative(u - step)) / (2.0 * step)
        # rounding of a difference, and truncation by the square of the step
        scale = np.abs(box.derivative(u))
        np.testing.assert_allclose(box.second_derivative(u) / scale, bend / scale, rtol=1e-8, atol=1e-9)
