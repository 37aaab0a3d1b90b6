"""Where searches begin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, qmc

import kiessig as ks
from kiessig.errors import InvalidValueError
from kiessig.fitting.starts import draw_starts

LOWER, UPPER = np.array([100.0, -2.0, 1e-9]), np.array([300.0, 6.0, 1e-5])
NAMES = ["a", "b", "c"]
PRESENT = np.array([120.0, 0.0, 1e-7])
PARAMETERS = [ks.Parameter(x) for x in PRESENT]


def draw(number=256, seed=1, lower=LOWER, upper=UPPER, parameters=PARAMETERS):
    return draw_starts(parameters, NAMES, PRESENT, lower, upper, number, seed)


def test_the_first_start_is_where_the_parameters_are():
    np.testing.assert_array_equal(draw()[0], PRESENT)
    np.testing.assert_array_equal(draw(1, lower=np.full(3, -np.inf)), [PRESENT])


@pytest.mark.parametrize("number", [2, 3, 17, 256, 257])
def test_starts_lie_inside_the_bounds(number):
    found = draw(number)
    assert found.shape == (number, 3)
    assert np.all((found > LOWER) & (found < UPPER))
    assert len(np.unique(found[:, 0])) == number


def test_seeds():
    np.testing.assert_array_equal(draw(seed=5), draw(seed=5))
    assert not np.any(draw(seed=5)[1:] == draw(seed=6)[1:])
    assert not np.any(draw(seed=None)[1:] == draw(seed=None)[1:])


def test_points_fill_the_box_more_evenly_than_random_ones():
    found = draw(257)[1:]
    unit = np.column_stack(
        [(found[:, 0] - 100.0) / 200.0, (found[:, 1] + 2.0) / 8.0, np.log(found[:, 2] / 1e-9) / np.log(1e4)]
    )
    # Every half, quarter, ... of a (0, m, s)-net holds its share of points: exactly 16 in each sixteenth of an axis.
    for column in unit.T:
        np.testing.assert_array_equal(np.histogram(column, 16, (0.0, 1.0))[0], 16)
    random = np.random.default_rng(0).random(unit.shape)
    assert qmc.discrepancy(unit) < 0.2 * qmc.discrepancy(random)


def test_priors_are_drawn_by_their_quantiles():
    parameters = [ks.Parameter(120.0, prior=norm(150.0, 10.0)), *PARAMETERS[1:]]
    open_ended = np.array([-np.inf, *LOWER[1:]]), np.array([np.inf, *UPPER[1:]])
    drawn = draw(1025, lower=open_ended[0], upper=open_ended[1], parameters=parameters)[1:, 0]
    levels = norm(150.0, 10.0).cdf(np.sort(drawn))
    # a net of 1024 points has one in every 1024th
    np.testing.assert_allclose(levels, (np.arange(1024) + 0.5) / 1024, atol=1.0 / 1024)


def test_bounds_cut_off_what_a_prior_allows():
    parameters = [ks.Parameter(120.0, prior=norm(150.0, 100.0)), *PARAMETERS[1:]]
    drawn = draw(parameters=parameters)[:, 0]
    assert drawn.min() >= 100.0
    assert drawn.max() <= 300.0


@pytest.mark.parametrize("open_end", [(np.array([-np.inf, -2.0, 1e-9]), UPPER), (LOWER, np.array([np.inf, 6.0, 1e-5]))])
def test_open_bounds_are_an_error(open_end):
    with pytest.raises(InvalidValueError, match=r"need finite bounds or a prior for every parameter; 'a' has \("):
        draw(2, lower=open_end[0], upper=open_end[1])
