"""The evaluator that every method sees the objective through."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.optimize.objective import EvaluationLimitError, Evaluator
from optimize.problems import MISRA1A, Fit, FitBoth

X = np.array(MISRA1A.starts[1])
Y = np.array(MISRA1A.starts[0])


def test_residuals_and_jacobian_at_one_point_cost_one_joint_evaluation():
    evaluator = Evaluator(MISRA1A.objective(FitBoth))
    evaluator.residuals(X, jacobian_follows=True)
    evaluator.jacobian(X)
    evaluator.value(X)
    evaluator.value_and_gradient(X)
    assert (evaluator.n_evaluations, evaluator.n_jacobian_evaluations) == (1, 1)


def test_residuals_alone_compute_no_jacobian():
    evaluator = Evaluator(MISRA1A.objective(FitBoth))
    evaluator.residuals(X)
    evaluator.value(Y)
    assert (evaluator.n_evaluations, evaluator.n_jacobian_evaluations) == (2, 0)


@pytest.mark.parametrize("kind", [Fit, FitBoth])
@pytest.mark.parametrize("jacobian_first", [True, False])
def test_the_gradient_is_twice_jt_r_however_it_is_come_by(kind, jacobian_first):
    evaluator = Evaluator(MISRA1A.objective(kind))
    if jacobian_first:
        evaluator.residuals(X, jacobian_follows=True)
        evaluator.jacobian(X)
    value, gradient = evaluator.value_and_gradient(X)
    reference = MISRA1A.objective()
    expected = 2.0 * reference.jacobian(X).T @ reference.residuals(X)
    np.testing.assert_allclose(gradient, expected, rtol=1e-14)  # order of summation
    assert value == pytest.approx(np.sum(reference.residuals(X) ** 2), rel=1e-14)


def test_the_best_point_is_remembered_with_what_is_known_of_it():
    evaluator = Evaluator(MISRA1A.objective(FitBoth))
    evaluator.residuals(X, jacobian_follows=True)
    for step in range(1, 4):
        evaluator.residuals(Y * (1.0 + step), jacobian_follows=True)
    before = evaluator.n_evaluations
    evaluator.jacobian(evaluator.best.x)
    np.testing.assert_array_equal(evaluator.best.x, X)
    assert evaluator.n_evaluations == before


def test_the_best_point_before_any():
    with pytest.raises(InvalidValueError, match="best is known after the first evaluation"):
        _ = Evaluator(MISRA1A.objective()).best


def test_the_limit():
    evaluator = Evaluator(MISRA1A.objective(), limit=2)
    evaluator.value(X)
    assert evaluator.remaining == 1
    evaluator.value(Y)
    evaluator.value(Y)  # known: costs nothing
    assert evaluator.remaining == 0
    with pytest.raises(EvaluationLimitError):
        evaluator.value(2.0 * Y)
    assert evaluator.n_evaluations == 2
    evaluator.limit = None
    assert evaluator.remaining is None
    evaluator.value(2.0 * Y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_method_that_loses_its_way_is_stopped(bad):
    evaluator = Evaluator(MISRA1A.objective())
    with pytest.raises(InvalidValueError, match=r"the method stepped to x = \[(nan|inf), 1.0\]"):
        evaluator.residuals(np.array([bad, 1.0]))
    assert evaluator.n_evaluations == 0


def test_infinite_misfits_pass_only_where_they_are_expected():
    evaluator = Evaluator(Fit(lambda x: [np.inf, -np.inf], lambda x: np.eye(2)))
    assert evaluator.residuals(X, allow_infinite=True)[1] == np.inf
    with pytest.raises(InvalidValueError, match=r"residuals\[0\] = inf"):
        evaluator.residuals(X)


def test_nan_beside_infinity_is_nan():
    evaluator = Evaluator(Fit(lambda x: [np.inf, np.nan], lambda x: np.eye(2)))
    with pytest.raises(InvalidValueError, match=r"residuals\[1\] = nan"):
        evaluator.residuals(X, allow_infinite=True)


def test_the_memory_is_not_the_callers_array():
    evaluator = Evaluator(MISRA1A.objective())
    x = X.copy()
    value = evaluator.value(x)
    x[:] = Y
    assert evaluator.value(x) != value
    np.testing.assert_array_equal(evaluator.best.x, X if value < evaluator.value(Y) else Y)
    assert evaluator.n_evaluations == 2


def test_rows_at_once_up_to_the_limit():
    """Those before the limit are evaluated, and one of them may be the best."""
    evaluator = Evaluator(MISRA1A.objective(), limit=3)
    best = np.array(MISRA1A.certified)
    rows = np.array([X, best])
    values = evaluator.values(rows)
    np.testing.assert_allclose(values, [np.sum(MISRA1A.objective().residuals(x) ** 2) for x in rows], rtol=1e-14)
    evaluator = Evaluator(MISRA1A.objective(), limit=2)
    with pytest.raises(EvaluationLimitError):
        evaluator.values(np.array([X, best, Y]))
    np.testing.assert_array_equal(evaluator.best.x, best)
    assert evaluator.n_evaluations == 2
    with pytest.raises(EvaluationLimitError):
        evaluator.values(rows)


def test_undefined_rows_are_infinite():
    evaluator = Evaluator(Fit(lambda x: [np.nan if x[0] > 1.0 else x[0], 0.0], lambda x: np.eye(2)))
    np.testing.assert_array_equal(evaluator.values(np.array([[2.0, 0.0], [0.5, 0.0]])), [np.inf, 0.25])
    np.testing.assert_array_equal(evaluator.best.x, [0.5, 0.0])
    assert evaluator.n_evaluations == 2
