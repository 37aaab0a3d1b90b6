"""What batched algorithms see of an objective."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize.batch import evaluator as module
from kiessig.optimize.batch.evaluator import BatchEvaluator
from optimize.batches import Batch, Lines
from optimize.problems import MISRA1A, THURBER

FIT = MISRA1A.objective()
X = np.array([[250.0, 5e-4], [500.0, 1e-4], [300.0, 4e-4], [200.0, 7e-4]])
ALL = np.arange(4)


def test_the_normal_equations_are_those_of_each_member():
    normal = BatchEvaluator(Batch(FIT), 4, 2).normal(X, ALL)
    for k, x in enumerate(X):
        r, j = FIT.residuals(x), FIT.jacobian(x)
        assert normal.value[k] == pytest.approx(r @ r, rel=1e-14)  # order of summation, here and below
        np.testing.assert_allclose(normal.gradient[k], 2.0 * j.T @ r, rtol=1e-13)
        np.testing.assert_allclose(normal.curvature[k], j.T @ j, rtol=1e-14)


@pytest.mark.parametrize("objective", [FIT, Batch(FIT)], ids=["looped", "batched"])
def test_all_ways_to_ask_agree(objective):
    class Both:  # the looped way needs both at once
        residuals = staticmethod(FIT.residuals)
        value_and_gradient = staticmethod(FIT.value_and_gradient)
        residuals_and_jacobian = staticmethod(lambda x: (FIT.residuals(x), FIT.jacobian(x)))

    evaluator = BatchEvaluator(Both if objective is FIT else objective, 4, 2)
    value, residuals = evaluator.residuals(X, ALL)
    np.testing.assert_array_equal(residuals, [FIT.residuals(x) for x in X])
    again, gradient = evaluator.gradient(X, ALL)
    normal = evaluator.normal(X, ALL)
    np.testing.assert_allclose(again, value, rtol=1e-14)  # order of summation
    np.testing.assert_allclose(normal.value, value, rtol=1e-14)
    np.testing.assert_allclose(normal.gradient, gradient, rtol=1e-13)
    np.testing.assert_array_equal(evaluator.n_evaluations, [3, 3, 3, 3])
    np.testing.assert_array_equal(evaluator.n_jacobian_evaluations, [2, 2, 2, 2])


def test_the_best_point_of_each_member_is_kept():
    evaluator = BatchEvaluator(Batch(FIT), 4, 2)
    evaluator.residuals(X, ALL)
    first = evaluator.value.copy()
    better, worse = np.array(MISRA1A.certified), np.array([900.0, 9e-4])
    evaluator.gradient(np.array([better, worse]), np.array([2, 0]))
    np.testing.assert_array_equal(evaluator.x, [X[0], X[1], better, X[3]])
    assert evaluator.value[2] == pytest.approx(MISRA1A.residual_sum, rel=1e-9)  # ten certified digits
    np.testing.assert_array_equal(evaluator.value[[0, 1, 3]], first[[0, 1, 3]])
    np.testing.assert_array_equal(evaluator.n_evaluations, [2, 1, 2, 1])


@pytest.mark.parametrize("kind", ["residuals", "gradient", "normal"])
def test_undefined_members_are_infinite_and_do_not_disturb_others(kind):
    objective = Batch(FIT, undefined=lambda x: x[0] == 500.0)
    evaluator, plain = BatchEvaluator(objective, 4, 2), BatchEvaluator(Batch(FIT), 4, 2)
    found, expected = getattr(evaluator, kind)(X, ALL), getattr(plain, kind)(X, ALL)
    assert found[0][1] == np.inf
    for array, other in zip(found[1:], expected[1:], strict=True):
        assert not array[1].any()
        np.testing.assert_array_equal(array[[0, 2, 3]], other[[0, 2, 3]])
    assert np.isnan(evaluator.x[1]).all()
    assert evaluator.value[1] == np.inf
    evaluator.require_defined()


def test_nothing_defined_at_any_start_is_an_error():
    evaluator = BatchEvaluator(Batch(FIT, undefined=lambda x: True), 4, 2)
    evaluator.normal(X, ALL)
    with pytest.raises(InvalidValueError, match=r"finite at one start at least; it is not at any of 4\nnarrow"):
        evaluator.require_defined()


def test_an_objective_keeps_its_own_arrays():
    held = np.full((4, 14), np.nan)
    held.setflags(write=False)

    class Fixed:
        batched = True

        def residuals(self, x):
            x[:] = -1.0
            return held

    points = X.copy()
    value, residuals = BatchEvaluator(Fixed(), 4, 2).residuals(points, ALL)
    assert np.isinf(value).all()
    assert not residuals.any()
    np.testing.assert_array_equal(points, X)


def test_large_jacobians_come_in_pieces_and_change_nothing(monkeypatch):
    whole = Batch(THURBER.objective())
    rng = np.random.default_rng(1)
    x = np.array(THURBER.starts[1]) * rng.uniform(0.95, 1.05, (40, 7))
    expected = BatchEvaluator(whole, 40, 7).normal(x, np.arange(40))
    monkeypatch.setattr(module, "_CHUNK", 37 * 7 * 3)
    pieces = Batch(THURBER.objective())
    found = BatchEvaluator(pieces, 40, 7).normal(x, np.arange(40))
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(array, other)
    assert [size for _, size in pieces.calls] == [16, *[3] * 8]
    answers = BatchEvaluator(pieces, 40, 7).answers("residuals_and_jacobian", x, np.arange(40))
    assert len(answers) == 40
    np.testing.assert_array_equal(answers[33][1], THURBER.objective().jacobian(x[33]))


def test_members_have_data_of_their_own():
    lines = Lines(5)
    chosen = np.array([4, 1])
    value, residuals = BatchEvaluator(lines, 5, 2).residuals(lines.best[chosen], chosen)
    np.testing.assert_allclose(value, lines.value[chosen], rtol=1e-13)  # rounding
    assert residuals.shape == (2, 12)


def test_answers_hand_on_what_is_undefined():
    evaluator = BatchEvaluator(Batch(FIT, undefined=lambda x: x[0] == 500.0), 4, 2)
    rows = evaluator.answers("value_and_gradient", X, ALL)
    assert np.isnan(rows[1][0])
    assert evaluator.value[1] == np.inf
    assert rows[2][0] == pytest.approx(np.sum(FIT.residuals(X[2]) ** 2), rel=1e-15)  # order of summation


def test_a_missing_row_is_an_error():
    class Short(Batch):
        def residuals(self, x):
            return super().residuals(x)[:-1]

    with pytest.raises(ShapeError, match=r"residuals: must return one row for each of 4 members; got shape \(3, 14\)"):
        BatchEvaluator(Short(FIT), 4, 2).residuals(X, ALL)
