"""Ends of searches merged into distinct minima."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.fitting.minima import distinct_minima
from kiessig.optimize.batch import BatchOutcome
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.driver import Outcome

# Two wells in the first parameter, at -1 and at 1, which is deeper; the second is determined to 0.1.
WELLS = {-1.0: 7.0, 1.0: 4.0}
JACOBIAN = np.vstack([np.diag([5.0, 10.0]), np.zeros((8, 2))])


def value_at(x):
    well = -1.0 if x[0] < 0 else 1.0
    step = JACOBIAN @ (x - [well, 0.0])
    return WELLS[well] + float(step @ step)


def outcome(x, value, *, message="", jacobian=JACOBIAN):
    return Outcome(x, value, np.zeros(10), jacobian, True, message, "", 1, 1, 0.0, np.zeros(2, bool), 0.0)


def settle(x, reason):
    """Walk to the bottom of the well."""
    well = -1.0 if x[0] < 0 else 1.0
    return outcome(np.array([well, 0.0]), WELLS[well], message=reason)


def stay(x, reason):
    return outcome(x, value_at(x), message=reason)


def ends(points):
    x = np.array(points, dtype=float)
    value = np.array([value_at(row) if np.isfinite(row).all() else np.inf for row in x])
    count = np.ones(len(x), dtype=int)
    return BatchOutcome(x, value, [Reason.CONVERGED] * len(x), count, count, np.zeros((0, 2)), 0.0, {})


def test_duplicates_are_merged_and_counted():
    found = ends([[-1, 0.001], [1, 0.002], [-1.001, 0], [1.002, 0], [1, 0]])
    minima, best, settled = distinct_minima(found, settle, at_most=8)
    assert [(m.value, m.n_starts) for m in minima] == [(4.0, 3), (7.0, 2)]
    assert best.value == 4.0
    np.testing.assert_array_equal(minima[1].x, [-1.0, 0.0])
    assert len(settled) == 2
    assert minima[0].message == "the misfit has converged"


@pytest.mark.parametrize(("step", "number"), [(0.018, 1), (0.022, 2), (0.2, 2)])
def test_minima_of_equal_misfit_are_told_apart_by_a_tenth_of_a_standard_error(step, number):
    found = ends([[1, 0], [1 + step, 0]])
    found.value[:] = 4.0
    minima, _, _ = distinct_minima(found, lambda x, reason: outcome(x, 4.0), at_most=8)
    assert len(minima) == number


@pytest.mark.parametrize(("rise", "number"), [(0.009, 1), (0.011, 2)])
def test_ends_at_one_place_are_told_apart_by_their_misfit(rise, number):
    """Along a direction that the Jacobian does not know, the misfit may still differ."""
    found = ends([[1, 0], [1, 0]])
    found.value[1] += rise
    values = iter([4.0, 4.0 + rise])
    assert len(distinct_minima(found, lambda x, reason: outcome(x, next(values)), at_most=8)[0]) == number


def test_the_distance_is_counted_in_standard_errors():
    """A tenth of a standard error is 0.02 and 0.01 in the two parameters."""
    for step, number in (([0.018, 0.0], 1), ([0.0, 0.018], 2), ([0.0, 0.009], 1), ([0.022, 0.0], 2)):
        found = ends([[1, 0], [1 + step[0], step[1]]])
        assert len(distinct_minima(found, stay, at_most=8)[0]) == number, step


def test_along_what_the_data_do_not_determine_points_may_lie_far_apart():
    flat = np.vstack([[[5.0, 0.0]], np.zeros((9, 2))])
    found = ends([[1, 0], [1, 0]])
    found.x[1, 1] = 1e6
    minima, _, _ = distinct_minima(found, lambda x, reason: outcome(x, 4.0, jacobian=flat), at_most=8)
    assert [m.n_starts for m in minima] == [2]


def test_where_the_misfit_is_large_so_is_the_unit():
    """A misfit of 400 over eight degrees of freedom: the variance of a residual is 50, not 1."""
    found = ends([[1, 0], [1.1, 0]])
    found.value[:] = [400.0, 400.2]
    minima, _, _ = distinct_minima(found, lambda x, r: outcome(x, 400.0 + 2.0 * (x[0] - 1.0)), at_most=8)
    assert len(minima) == 1


def test_settling_may_lead_home_or_lower():
    """The second end settles into the minimum of the first, and a little deeper."""
    found = ends([[1, 0], [1.5, 0]])
    lowest = iter([4.001, 4.0])
    minima, best, settled = distinct_minima(
        found, lambda x, reason: outcome(np.array([1.0, 0.0]), next(lowest)), at_most=8
    )
    assert [(m.value, m.n_starts) for m in minima] == [(4.0, 2)]
    assert best.value == 4.0
    assert len(settled) == 2


def test_only_the_lowest_few_are_settled():
    found = ends([[1 + 0.3 * k, 0] for k in range(6)])
    minima, _, settled = distinct_minima(found, stay, at_most=3)
    assert len(settled) == 3
    assert [m.x[0] for m in minima] == [1.0, 1.3, 1.6]


def test_misfits_are_sorted_after_settling():
    found = ends([[-1, 0], [1.5, 0]])  # 7 and 10.25; settled, 7 and 4
    minima, best, _ = distinct_minima(found, settle, at_most=8)
    assert [m.value for m in minima] == [4.0, 7.0]
    assert best.x[0] == 1.0


def test_undefined_ends_are_left_out():
    minima, _, _ = distinct_minima(ends([[np.nan, 0], [1, 0]]), settle, at_most=8)
    assert [m.n_starts for m in minima] == [1]
    with pytest.raises(InvalidValueError, match="must be finite somewhere"):
        distinct_minima(ends([[np.nan, 0]]), settle, at_most=8)
