"""The misfit and its gradient in one pass, against the curve, its logarithm and the vector-Jacobian product."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError

RNG = np.random.default_rng(20261121)
Q = np.concatenate([np.linspace(0.004, 0.2, 301), [-0.03, -0.1, 0.0]])  # total reflection, both sides, Q = 0
STACK = {
    "thickness": np.array([120.0, 35.0, 60.0]),
    "sld": np.array([0.0, 4.1, -0.5, 6.3, 2.07]),
    "sld_imag": np.array([0.0, 0.02, 0.0, 0.3, 0.0]),
    "roughness": np.array([3.0, 4.0, 2.0, 5.0]),
}
LOSSLESS = STACK | {"sld_imag": np.zeros(5)}
# an inner layer's critical edge, where single points are computed by other formulas
AT_EDGE = LOSSLESS | {"sld": np.array([2.0, 4.1, -0.5, 6.3, 2.07])}
EDGE_Q = np.concatenate([np.sqrt(16 * np.pi * (6.3 - 2.0) * 1e-6) * np.array([0.999, 1.0, 1.001]), Q[10:50]])


def measured(q, stack, **options):
    curve = ks.reflectivity(q, *stack.values(), **options)
    return curve * np.exp(0.2 * RNG.standard_normal(curve.shape)), 0.1 * curve + 1e-8


def by_hand(q, stack, r, dr, **options):
    """The same from the value and the vector-Jacobian product: two passes, and numpy's logarithm."""
    model = ks.reflectivity(q, *stack.values(), **options)
    residual = np.log(model / r) if dr is None else (model - r) / dr
    slope = 2 * residual / (model if dr is None else dr)
    return (residual**2).sum(axis=-1), ks.reflectivity_vjp(q, *stack.values(), cotangent=slope, **options)[1]


def check(found, wanted, rtol=1e-11):  # sums of some 300 terms of both signs in another order
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    for name, a, b in zip(ks.Gradient._fields, found[1], wanted[1], strict=True):
        if b is None:
            assert a is None
            continue
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0.0), err_msg=name)


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize("dq", [None, 0.02 * np.abs(Q) + 1e-4, "fixed"])
@pytest.mark.parametrize("stack", [STACK, LOSSLESS], ids=["absorbing", "lossless"])
def test_equals_two_passes(stack, dq, logarithm):
    options = {"scale": 0.9, "background": 1e-7, "threads": 1}
    if dq is not None:
        width = 0.02 * np.abs(Q) + 1e-4
        options["dq"] = ks.Resolution.refnx(width) if isinstance(dq, str) else dq
    r, dr = measured(Q, stack, **options)
    found = ks.reflectivity_misfit(
        Q, *stack.values(), r=r, dr=None if logarithm else dr, misfit="log" if logarithm else "chi2", **options
    )
    check(found, by_hand(Q, stack, r, None if logarithm else dr, **options))
    assert isinstance(found[0], float)


@pytest.mark.parametrize("misfit", ["chi2", "log"])
def test_points_at_an_inner_edge(misfit):
    r, dr = measured(EDGE_Q, AT_EDGE)
    dr = dr if misfit == "chi2" else None
    check(ks.reflectivity_misfit(EDGE_Q, *AT_EDGE.values(), r=r, dr=dr, misfit=misfit), by_hand(EDGE_Q, AT_EDGE, r, dr))


def test_gradient_against_differences_of_the_misfit():
    r, dr = measured(Q, STACK)
    _, gradient = ks.reflectivity_misfit(Q, *STACK.values(), r=r, dr=dr)
    for name, step in (("thickness", 1e-3), ("sld", 1e-4), ("roughness", 1e-3)):
        for j in range(STACK[name].size):
            ends = []
            for sign in (1, -1):
                moved = STACK | {name: STACK[name] + sign * step * np.eye(STACK[name].size)[j]}
                ends.append(ks.reflectivity_misfit(Q, *moved.values(), r=r, dr=dr)[0])
            slope = (ends[0] - ends[1]) / (2 * step)
            found = getattr(gradient, name)[j]
            # truncation of second order in the step
            assert slope == pytest.approx(found, rel=1e-4, abs=1e-5 * np.abs(getattr(gradient, name)).max()), (name, j)


def test_a_plan_gives_the_same():
    dq = 0.03 * np.abs(Q) + 1e-4
    r, dr = measured(Q, STACK, dq=dq)
    plan = ks.Plan(Q, dq)
    for factor in (1.0, 1.01, 0.99):
        stack = STACK | {"thickness": factor * STACK["thickness"]}
        found = plan.misfit(*stack.values(), r=r, dr=dr)
        # nodes that were kept differ from fresh ones by a small part of the bound of 1e-5
        np.testing.assert_allclose(found[0], by_hand(Q, stack, r, dr, dq=dq)[0], rtol=1e-6)


def test_batch_of_stacks_and_data():
    thickness = np.array([[120.0, 35.0, 60.0], [110.0, 40.0, 60.0]])[:, None, :]  # (2, 1, 3)
    scale = np.array([0.8, 0.9, 1.0])  # (3,)
    stack = STACK | {"thickness": thickness}
    r, dr = measured(Q, STACK)
    found = ks.reflectivity_misfit(Q, *stack.values(), r=r, dr=dr, scale=scale)
    assert found[0].shape == (2, 3)
    assert found[1].thickness.shape == (2, 1, 3)
    assert found[1].scale.shape == (3,)
    check(found, by_hand(Q, stack, r, dr, scale=scale))


def test_batch_in_q_alone_has_one_misfit_for_each():
    q = Q[:300].reshape(3, 100)
    r, dr = measured(q, STACK)
    found = ks.reflectivity_misfit(q, *STACK.values(), r=r, dr=dr)
    assert found[0].shape == (3,)
    check(found, by_hand(q, STACK, r, dr))


def test_repeated_cells():
    r, dr = measured(Q, STACK, repeats=[(0, 2, 20)])
    found = ks.reflectivity_misfit(Q, *STACK.values(), r=r, dr=dr, repeats=[(0, 2, 20)])
    check(found, by_hand(Q, STACK, r, dr, repeats=[(0, 2, 20)]))


def test_does_not_depend_on_the_number_of_threads():
    q = np.linspace(0.005, 0.3, 5000)
    r, dr = measured(q, STACK)
    one = ks.reflectivity_misfit(q, *STACK.values(), r=r, dr=dr, threads=1)
    two = ks.reflectivity_misfit(q, *STACK.values(), r=r, dr=dr, threads=2)
    assert one[0] == two[0]
    assert all(np.array_equal(a, b) for a, b in zip(one[1][:7], two[1][:7], strict=True))


def test_single_point_and_no_point():
    value, gradient = ks.reflectivity_misfit(0.05, [], [0.0, 2.07], r=1e-4, misfit="log")
    assert value == pytest.approx(np.log(ks.reflectivity(0.05, [], [0.0, 2.07]) / 1e-4) ** 2, rel=1e-12)
    assert gradient.q.shape == ()
    nothing, gradient = ks.reflectivity_misfit([], [], [0.0, 2.07], r=[], dr=[])
    assert nothing == 0.0
    assert gradient.sld.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"misfit": "huber"}, UnknownNameError, "misfit must be one of 'chi2', 'log'; got 'huber'"),
        ({"dr": None}, InvalidValueError, "dr must be given for the chi2 misfit"),
        ({"misfit": "log"}, InvalidValueError, "dr must be None for the log misfit"),
        ({"dr": np.zeros(Q.size)}, InvalidValueError, "dr must be positive"),
        ({"dr": -1.0}, InvalidValueError, "dr must be positive"),
        ({"dr": None, "misfit": "log", "r": np.zeros(Q.size)}, InvalidValueError, "r must be positive"),
        ({"r": np.full(Q.size, np.nan)}, InvalidValueError, r"r must be finite; r\[0\] = nan"),
        ({"r": np.ones(3)}, ShapeError, r"r must broadcast to the result's shape \(304,\); got shape \(3,\)"),
        (
            {"dr": None, "misfit": "log", "background": -1.0},
            InvalidValueError,
            "log misfit needs a positive model; at q",
        ),
        ({"sld": np.full(5, np.inf)}, InvalidValueError, "sld must be finite"),
    ],
)
def test_refusals(change, error, words):
    arguments = STACK | {"r": np.full(Q.size, 1e-3), "dr": np.full(Q.size, 1e-4)} | change
    with pytest.raises(error, match=words) as caught:
        ks.reflectivity_misfit(Q, **arguments)
    assert str(caught.value).startswith("reflectivity_misfit: ")
