"""Searches from many starts: limits, callbacks, interruptions, history."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.optimize import StopSearch
from kiessig.optimize.batch import driver as module
from kiessig.optimize.batch import minimize_batch
from kiessig.optimize.batch.levenberg_marquardt import LevenbergMarquardt
from kiessig.optimize.batch.reasons import Reason
from optimize.batches import Batch, Lines
from optimize.problems import MISRA1A, ROSENBROCK

LOWER, UPPER = np.array([50.0, 1e-5]), np.array([900.0, 5e-3])
STARTS = LOWER + (UPPER - LOWER) * np.random.default_rng(4).random((24, 2))


def search(objective=None, x0=STARTS, bounds=(LOWER, UPPER), *, limit=500, **keywords):
    objective = Batch(MISRA1A.objective()) if objective is None else objective
    options = keywords.pop("options", {})
    return minimize_batch(objective, x0, *bounds, LevenbergMarquardt(**options), max_evaluations=limit, **keywords)


def test_every_member_finds_the_certified_minimum():
    found = search()
    assert set(found.reasons) <= {Reason.CONVERGED, Reason.SMALL_STEP}
    np.testing.assert_allclose(found.value, MISRA1A.residual_sum, rtol=1e-9)  # ftol 1e-10
    assert found.x.shape == (24, 2)
    assert not found.interrupted
    assert found.wall_time > 0.0


def test_members_with_data_of_their_own():
    lines = Lines(30)
    found = search(lines, np.zeros((30, 2)), (np.full(2, -np.inf), np.full(2, np.inf)))
    np.testing.assert_allclose(found.x, lines.best, atol=1e-6)  # ftol 1e-10: x to its root, with room below 1e-5
    np.testing.assert_allclose(found.value, lines.value, rtol=1e-9)


def test_the_history_falls_and_ends_at_the_lowest():
    seen = []
    found = search(callback=lambda n, value: seen.append((n, value)))
    np.testing.assert_array_equal(found.history, seen)
    assert np.all(np.diff(found.history[:, 0]) > 0)
    assert np.all(np.diff(found.history[:, 1]) <= 0)
    assert found.history[-1, 0] == found.n_evaluations.sum()
    assert found.history[-1, 1] == found.value.min()
    assert found.history[0, 0] == 24


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_the_limit_holds_for_each_member(limit):
    found = search(limit=limit)
    assert found.n_evaluations.max() == limit
    assert Reason.EVALUATIONS in found.reasons
    assert all(reason in (Reason.EVALUATIONS, Reason.CONVERGED) for reason in found.reasons)
    assert np.isfinite(found.value).all()


def clock(monkeypatch, *, step):
    """Every look at the clock is `step` seconds later."""
    now = [0.0]

    def tick():
        now[0] += step
        return now[0]

    monkeypatch.setattr(module.time, "perf_counter", tick)


def test_the_limit_of_time(monkeypatch):
    clock(monkeypatch, step=1.0)
    found = search(max_time=3.5)
    assert set(found.reasons) == {Reason.TIME}
    assert 1 <= found.n_evaluations.max() <= 4
    values = [np.sum(MISRA1A.objective().residuals(x) ** 2) for x in found.x]
    np.testing.assert_allclose(found.value, values, rtol=1e-15)  # order of summation


def test_what_has_ended_before_keeps_its_reason(monkeypatch):
    clock(monkeypatch, step=1.0)
    x0 = np.array([MISRA1A.certified, STARTS[0]])
    assert search(x0=x0, max_time=1.5).reasons == [Reason.CONVERGED, Reason.TIME]
    assert set(search(limit=1, max_time=0.5).reasons) == {Reason.EVALUATIONS}


@pytest.mark.parametrize("raises", [False, True], ids=["True", "StopSearch"])
@pytest.mark.parametrize("call", [1, 3])
def test_a_callback_that_ends_the_search(raises, call):
    calls = []

    def callback(n, lowest):
        calls.append(lowest)
        if len(calls) == call:
            if raises:
                message = "enough"
                raise StopSearch(message)
            return True
        return None

    found = search(callback=callback)
    assert len(calls) == call
    assert Reason.CALLBACK in found.reasons
    assert found.value.min() == calls[-1]
    assert found.n_evaluations.max() == call


def test_only_true_ends_the_search():
    full = search()
    found = search(callback=lambda n, lowest: 1)
    np.testing.assert_array_equal(found.x, full.x)


def test_other_exceptions_reach_the_caller():
    def callback(n, lowest):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        search(callback=callback)


class Interrupting(Batch):
    """Presses Ctrl-C while it computes the given call."""

    def __init__(self, at: int) -> None:
        super().__init__(MISRA1A.objective())
        self.at = at

    def residuals_and_jacobian(self, x):
        found = super().residuals_and_jacobian(x)
        if len(self.calls) == self.at:
            raise KeyboardInterrupt
        return found


def test_an_interruption_keeps_the_best_points():
    # 24 members take 16 and 8 in one step; the seventh call is in the fourth evaluation
    found = search(Interrupting(7))
    assert found.interrupted
    expected = search(limit=3)
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.value, expected.value)
    np.testing.assert_array_equal(found.history, expected.history)


def test_an_interruption_within_a_step_loses_nothing(monkeypatch):
    """Half of the state of an accepted step has been written when Ctrl-C comes; its points are known all the same."""
    calls = []
    judge = LevenbergMarquardt._judge

    def interrupted(self, state, members):
        calls.append(members)
        if len(calls) == 4:  # start, and three steps
            state["damping"][:] = np.nan
            raise KeyboardInterrupt
        judge(self, state, members)

    monkeypatch.setattr(LevenbergMarquardt, "_judge", interrupted)
    found = search()
    monkeypatch.undo()
    assert found.interrupted
    expected = search(limit=4)
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.value, expected.value)


def test_an_interruption_of_the_callback_loses_nothing():
    lowest = []

    def callback(n, value):
        lowest.append(value)
        if len(lowest) == 4:
            raise KeyboardInterrupt

    found = search(callback=callback)
    assert found.interrupted
    assert found.value.min() == lowest[-1]
    assert found.history[-1, 1] == lowest[-1]


def test_an_interruption_before_anything_is_known_is_passed_on():
    with pytest.raises(KeyboardInterrupt):
        search(Interrupting(1))


def test_members_that_are_undefined_at_their_start():
    objective = Batch(MISRA1A.objective(), undefined=lambda x: x[0] > 800.0)
    x0 = np.vstack([STARTS, [[850.0, 1e-3]]])
    found = search(objective, x0)
    undefined = x0[:, 0] > 800.0
    assert [reason is Reason.UNDEFINED for reason in found.reasons] == undefined.tolist()
    assert np.isnan(found.x[undefined]).all()
    np.testing.assert_allclose(found.value[~undefined], MISRA1A.residual_sum, rtol=1e-9)
    with pytest.raises(InvalidValueError, match="it is not at any of 1"):
        search(objective, np.array([[850.0, 1e-3]]))


def test_a_step_to_where_the_model_is_undefined_is_rejected():
    objective = Batch(ROSENBROCK.fit, undefined=lambda x: x[1] < -0.5)
    found = search(objective, np.array([[-1.2, 1.0], [-1.9, 0.3]]), (np.full(2, -2.0), np.full(2, 2.0)))
    np.testing.assert_allclose(found.x, 1.0, atol=1e-7)  # exact fits


def test_an_exact_fit_says_so():
    found = search(Batch(ROSENBROCK.fit), np.array([[1.0, 1.0], [-1.2, 1.0]]), (np.full(2, -2.0), np.full(2, 2.0)))
    assert found.reasons[0] is Reason.EXACT
    assert found.n_evaluations[0] == 1


def test_reasons_have_words():
    assert all(reason.text and reason.text[0].islower() for reason in Reason)
    assert Reason.CONVERGED.converged
    assert not Reason.TIME.converged
    assert len({reason.text for reason in Reason}) == len(Reason)


@pytest.mark.parametrize("options", [{"ftol": -1.0}, {"xtol": np.nan}, {"damping": 0.0}])
def test_options_out_of_range(options):
    (name,) = options
    with pytest.raises(InvalidValueError, match=f"levenberg_marquardt: {name} must be"):
        LevenbergMarquardt(**options)
