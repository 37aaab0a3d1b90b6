"""Methods of a single start, run from many: each does what it does alone."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.optimize import METHODS, StopSearch, minimize
from kiessig.optimize.batch import lockstep as module
from kiessig.optimize.batch.lockstep import minimize_in_lockstep
from kiessig.optimize.batch.methods import BATCHED
from kiessig.optimize.batch.reasons import Reason
from optimize.batches import Batch
from optimize.problems import MISRA1A, FitBoth

LOWER, UPPER = np.array([100.0, 1e-4]), np.array([600.0, 2e-3])
STARTS = np.array([[250.0, 5e-4], [500.0, 1e-4], [110.0, 1.9e-3]])
FREE = np.full(2, np.inf)
SINGLE = [name for name in METHODS if name not in BATCHED and not METHODS[name].searches_box]


def search(objective=None, x0=STARTS, method="trf", *, limit=400, bounds=(LOWER, UPPER), options=None, **keywords):
    objective = Batch(FitBoth(*parts())) if objective is None else objective
    return minimize_in_lockstep(
        objective, x0, *bounds, method, max_evaluations=limit, options=options or {}, **keywords
    )


def parts():
    fit = MISRA1A.objective()
    return fit.residuals, fit.jacobian


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class Rows(Batch):
    """Every row is computed as it is alone, so that there is no other order of summation."""

    def value_and_gradient(self, x):
        found = [self.fit.value_and_gradient(row) for row in x]
        return np.array([value for value, _ in found]), np.stack([gradient for _, gradient in found])


@pytest.mark.parametrize("method", SINGLE)
def test_each_member_is_the_single_run_to_the_bit(method):
    bounds = (LOWER, UPPER) if METHODS[method].takes_bounds else (-FREE, FREE)
    starts = STARTS if METHODS[method].takes_bounds else STARTS[:2]
    found = search(Rows(FitBoth(*parts())), starts, method, bounds=bounds)
    for k, start in enumerate(starts):
        alone = minimize(FitBoth(*parts()), start, bounds, method, max_evaluations=400)
        np.testing.assert_array_equal(found.x[k], alone.x)
        assert found.value[k] == alone.value
        assert found.reasons[k].converged == alone.success
        # where residuals are known, and their Jacobian is asked for, both are computed
        assert 0 <= found.n_evaluations[k] - alone.n_evaluations <= 4


def test_evaluations_are_gathered(monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 8)
    objective = Batch(MISRA1A.objective())
    x0 = np.tile(STARTS[0], (20, 1))
    found = search(objective, x0)
    np.testing.assert_array_equal(found.x, np.tile(found.x[0], (20, 1)))
    sizes = [size for _, size in objective.calls]
    assert set(sizes) == {8, 4}
    assert sum(sizes) == found.n_evaluations.sum()


def test_two_runs_are_the_same_to_the_bit():
    first, second = search(method="L-BFGS-B"), search(method="L-BFGS-B")
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.history, second.history)


def test_the_limit_of_evaluations():
    found = search(limit=4)
    assert found.n_evaluations.max() <= 4
    assert set(found.reasons) == {Reason.EVALUATIONS}


@pytest.mark.parametrize("raises", [False, True], ids=["True", "StopSearch"])
@pytest.mark.parametrize("call", [1, 3])
def test_a_callback_that_ends_the_search(raises, call, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    seen = []

    def callback(n, lowest):
        seen.append(lowest)
        if len(seen) >= call:
            if raises:
                message = "enough"
                raise StopSearch(message)
            return True
        return False

    found = search(callback=callback)
    assert len(seen) == call
    assert found.value.min() == pytest.approx(seen[-1], rel=1e-14)  # sums of a member and of a batch
    assert set(found.reasons) == {Reason.CALLBACK}
    assert np.isnan(found.x[2]).all()  # it was never begun
    assert np.isfinite(found.x[:2]).all()


def test_the_limit_of_time():
    found = search(max_time=1e-9)
    assert set(found.reasons) == {Reason.TIME}
    assert np.isfinite(found.value).all()


def test_history():
    found = search()
    assert np.all(np.diff(found.history[:, 0]) > 0)
    assert np.all(np.diff(found.history[:, 1]) <= 0)


def test_exceptions_of_the_callback_arrive():
    def callback(n, lowest):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        search(callback=callback)


def test_a_member_that_fails_leaves_the_others_alone():
    objective = Batch(FitBoth(*parts()), undefined=lambda x: x[0] > 590.0)
    x0 = np.vstack([STARTS, [[595.0, 1e-3]]])
    found = search(objective, x0)
    assert found.reasons[3] is Reason.UNDEFINED
    assert np.isnan(found.x[3]).all()
    np.testing.assert_allclose(found.value[:3], MISRA1A.residual_sum, rtol=1e-6)
    with pytest.raises(InvalidValueError, match="must be finite"):
        search(objective, x0[3:])


def test_errors_that_are_not_ours_arrive():
    class Broken(Batch):
        def residuals_and_jacobian(self, x):
            message = "broken"
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="broken"):
        search(Broken(MISRA1A.objective()))


class Interrupting(Batch):
    """Presses Ctrl-C while it computes the given calls."""

    def __init__(self, *calls: int) -> None:
        super().__init__(FitBoth(*parts()))
        self.at = calls

    def residuals(self, x):
        return self._pressed(super().residuals(x))

    def residuals_and_jacobian(self, x):
        return self._pressed(super().residuals_and_jacobian(x))

    def _pressed(self, found):
        if len(self.calls) in self.at:
            raise KeyboardInterrupt
        return found


def test_an_interruption_keeps_the_best_points():
    found = search(Interrupting(4))
    assert set(found.reasons) == {Reason.INTERRUPTED}
    assert found.interrupted
    expected = search(limit=4)  # three, and the closing check
    np.testing.assert_array_equal(found.value, expected.value)


def test_a_second_interruption_is_passed_on():
    assert search(Interrupting(30), method="Nelder-Mead").interrupted
    with pytest.raises(KeyboardInterrupt):
        search(Interrupting(30, 31), method="Nelder-Mead")  # in the closing check


def test_an_interruption_before_anything_is_known_is_passed_on():
    with pytest.raises(KeyboardInterrupt):
        search(Interrupting(1))


@pytest.mark.parametrize("wait", [4, 5, 6, 8, 11, 16])
def test_an_interruption_while_a_method_computes_hands_no_answer_to_another_question(monkeypatch, wait):
    """Ctrl-C comes while the room waits for a member: the thread goes on meanwhile, and must not lose its place."""
    settle, calls = module._Desk.settle, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == 3 + wait:
            raise KeyboardInterrupt
        settle(self)

    ask, wrong = module._Desk._ask, []

    def checked(self, kind, x):
        if len(calls) >= 3 + wait:
            time.sleep(0.005)  # long enough for the room to go on without it, if it did not wait
        residuals, jacobian = ask(self, kind, x)
        if not np.array_equal(residuals, MISRA1A.objective().residuals(x)):
            wrong.append(x)
        return residuals, jacobian

    monkeypatch.setattr(module._Desk, "settle", interrupted)
    monkeypatch.setattr(module._Desk, "_ask", checked)
    found = search()
    assert not wrong
    assert set(found.reasons) == {Reason.INTERRUPTED}
    values = [np.sum(MISRA1A.objective().residuals(x) ** 2) for x in found.x]
    np.testing.assert_allclose(found.value, values, rtol=1e-15)  # order of summation
