"""A plan gives what the functions without one give, whatever it was used for before."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError

Q = np.linspace(0.006, 0.25, 400)  # two blocks of points
DQ = 0.02 * Q
# both ways smear to a bounded error; nodes that were chosen for another stack resolve R to a like accuracy
SAME = {"rtol": 1e-7, "atol": 1e-14}


def stacks(seed, count=12):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n = int(rng.integers(0, 5))
        sld_imag = rng.uniform(0, 0.1, n + 2) * rng.integers(0, 2)
        yield rng.uniform(5, 600, n), rng.uniform(-0.5, 7, n + 2), sld_imag, rng.uniform(0, 8, n + 1)


@pytest.mark.parametrize("dq", [None, DQ, 1e-3, ks.Resolution.constant(0.03), ks.Resolution.refnx(DQ)], ids=str)
def test_same_numbers_for_ever_other_stacks(dq):
    plan = ks.Plan(Q, dq)
    for stack in [*stacks(1), *stacks(2)]:
        r, jacobian = ks.reflectivity_jacobian(Q, *stack, scale=1.2, background=1e-6, dq=dq)
        np.testing.assert_allclose(plan.reflectivity(*stack, scale=1.2, background=1e-6), r, **SAME)
        found_r, found = plan.jacobian(*stack, scale=1.2, background=1e-6)
        np.testing.assert_allclose(found_r, r, **SAME)
        for name in ("thickness", "sld", "sld_imag", "roughness"):
            expected = getattr(jacobian, name)
            scale = np.abs(expected).max(initial=1e-300)
            np.testing.assert_allclose(getattr(found, name) / scale, expected / scale, rtol=1e-6, atol=1e-7)
        cotangent = np.cos(Q)
        expected_r, gradient = ks.reflectivity_vjp(Q, *stack, dq=dq, cotangent=cotangent)
        found_r, found = plan.vjp(*stack, cotangent=cotangent)
        np.testing.assert_allclose(found_r, expected_r, **SAME)
        np.testing.assert_allclose(found.sld, gradient.sld, rtol=1e-6, atol=1e-6 * np.abs(gradient.sld).max())


def test_nodes_are_replaced_when_fringes_become_finer():
    plan = ks.Plan(Q, DQ)
    for thickness in (10.0, 100.0, 1000.0, 10000.0, 100.0):
        stack = ([thickness], [0.0, 5.0, 2.07])
        np.testing.assert_allclose(plan.reflectivity(*stack), ks.reflectivity(Q, *stack, dq=DQ), **SAME)


def test_nodes_follow_the_critical_edge():
    plan = ks.Plan(Q, DQ)
    for backing in (2.07, 6.36, 6.3601, 4.0, -0.5, 6.36):
        stack = ([50.0], [0.0, 3.47, backing])
        np.testing.assert_allclose(plan.reflectivity(*stack), ks.reflectivity(Q, *stack, dq=DQ), **SAME)


def test_q_and_dq_are_copies():
    q, dq = Q.copy(), DQ.copy()
    plan = ks.Plan(q, dq)
    stack = ([100.0], [0.0, 5.0, 2.07])
    before = plan.reflectivity(*stack)
    q += 0.1
    dq *= 2
    plan.q[:] = 0
    np.testing.assert_array_equal(plan.reflectivity(*stack), before)


def test_several_threads_may_use_one_plan():
    plan = ks.Plan(Q, DQ)
    cases = list(stacks(3, 16))
    expected = [ks.reflectivity(Q, *stack, dq=DQ) for stack in cases]
    failures = []

    def work(offset):
        for i in range(40):
            index = (i + offset) % len(cases)
            found = plan.reflectivity(*cases[index])
            if not np.allclose(found, expected[index], **SAME):
                failures.append(index)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 5, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_pickled_plan_is_a_plan():
    stack = ([100.0], [0.0, 5.0, 2.07])
    plan = ks.Plan(Q, DQ)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(plan)).reflectivity(*stack), plan.reflectivity(*stack), **SAME)


def test_errors_name_the_plan():
    plan = ks.Plan(Q, DQ)
    with pytest.raises(
        InvalidValueError, match=r"Plan.reflectivity: thickness must be non-negative; thickness\[0\] = -1"
    ):
        plan.reflectivity([-1.0], [0.0, 5.0, 2.07])
    with pytest.raises(ShapeError, match=r"Plan.jacobian: dq must have the shape of q"):
        ks.Plan(Q, DQ[:-1]).jacobian([1.0], [0.0, 5.0, 2.07])


@pytest.mark.parametrize("dq", [DQ, ks.Resolution.triangular(DQ)], ids=str)
def test_stacks_of_a_batch_may_share_nodes(dq):
    """Beyond the length of a run, with edges that move, seen from both sides, in any order."""
    rng = np.random.default_rng(7)
    count = 37
    thickness = rng.uniform(10, 2000, (count, 2))
    sld = rng.uniform(-0.5, 6.4, (count, 4))
    roughness = rng.uniform(0, 10, (count, 3))
    q = np.concatenate([Q, -Q])
    width = np.concatenate([DQ, DQ]) if isinstance(dq, np.ndarray) else ks.Resolution.triangular(np.tile(DQ, 2))
    plan = ks.Plan(q, width)
    found, jacobian = plan.jacobian(thickness, sld, roughness=roughness)
    expected, slopes = ks.reflectivity_jacobian(q, thickness, sld, roughness=roughness, dq=width)
    same = {"rtol": 1e-6, "atol": 1e-14}  # rarest of 30 000 points; the bound is 1e-5
    np.testing.assert_allclose(found, expected, **same)
    np.testing.assert_allclose(plan.reflectivity(thickness, sld, roughness=roughness), expected, **same)
    for name in ("thickness", "sld", "roughness"):
        size = np.abs(getattr(slopes, name)).max()
        np.testing.assert_allclose(getattr(jacobian, name) / size, getattr(slopes, name) / size, atol=1e-7)
    backwards = plan.reflectivity(thickness[::-1], sld[::-1], roughness=roughness[::-1])[::-1]
    np.testing.assert_allclose(backwards, expected, **same)


def test_shared_nodes_do_not_depend_on_threads_nor_on_earlier_calls():
    rng = np.random.default_rng(8)
    thickness, sld = rng.uniform(10, 2000, (50, 1)), rng.uniform(0, 6, (50, 3))
    one, two = ks.Plan(Q, DQ, threads=1), ks.Plan(Q, DQ, threads=2)
    first = one.reflectivity(thickness, sld)
    np.testing.assert_array_equal(two.reflectivity(thickness, sld), first)
    one.reflectivity(thickness[::-1], sld[::-1])
    np.testing.assert_array_equal(one.reflectivity(thickness, sld), first)


def test_smearing_that_needs_too_many_nodes_is_refused_in_every_way():
    plan = ks.Plan(Q, DQ)
    stack = ([1e9], [0.0, 4.0, 2.0])
    calls = (
        lambda: plan.reflectivity(*stack),
        lambda: plan.jacobian(*stack),
        lambda: plan.vjp(*stack, cotangent=1.0),
        lambda: plan.misfit(*stack, r=Q, dr=Q),
        lambda: ks.polarised_reflectivity(Q, *stack, dq=DQ),
    )
    for call in calls:
        with pytest.raises(InvalidValueError, match=r"dq cannot be honoured: .* 4194304 nodes"):
            call()
