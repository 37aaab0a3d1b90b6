"""Series: one model, and data of its own for every member."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import DataError, InvalidValueError, ShapeError
from problems.cases import Q, film_data, film_layers, parameter

N = 5


def film_problem(data=None, **arguments):
    scale = parameter(1.0, "scale", (0.5, 2.0))
    return ks.Problem(
        ks.Measurement(film_data() if data is None else data, ks.Sample(film_layers()), scale=scale, **arguments)
    )


def curves(problem, seed=2):
    data = problem.measurements[0].dataset
    return data.r * np.random.default_rng(seed).uniform(0.9, 1.1, (N, len(data)))


def around(problem, n, seed=1):
    return problem.x * (1.0 + 0.01 * np.random.default_rng(seed).uniform(-1, 1, (n, problem.x.size)))


@pytest.mark.parametrize("with_dr", [False, True])
def test_every_member_is_the_problem_of_its_own_data(with_dr):
    problem = film_problem()
    r = curves(problem)
    dr = 0.1 * r if with_dr else None
    series = problem.series(r, dr)
    assert series.takes_members
    assert series.n_members == N
    members = np.array([3, 0, 3, 4])
    x = around(problem, 4)
    residuals, jacobian = series.residuals_and_jacobian(x, members)
    value, gradient = series.value_and_gradient(x, members)
    np.testing.assert_allclose(series.residuals(x, members), residuals, atol=1e-12)
    for row, member in enumerate(members):
        old = problem.measurements[0].dataset
        own = film_problem(ks.Dataset(Q, r[member], old.dr if dr is None else dr[member]))
        expected, slopes = own.residuals_and_jacobian(x[row])
        np.testing.assert_allclose(residuals[row], expected, atol=1e-11)
        np.testing.assert_allclose(jacobian[row], slopes, atol=1e-12 * np.abs(slopes).max())
        assert value[row] == pytest.approx(own.value_and_gradient(x[row])[0], rel=1e-11)
        np.testing.assert_allclose(gradient[row], own.value_and_gradient(x[row])[1], rtol=1e-8)
        np.testing.assert_allclose(series.residuals(x[row], int(member)), expected, atol=1e-11)


def test_all_members_in_order_and_members_without_a_model():
    problem = film_problem()
    series = problem.series(curves(problem))
    x = around(problem, N)
    x[2, 0] = -1.0
    residuals = series.residuals(x)
    assert np.isnan(residuals[2]).all()
    np.testing.assert_array_equal(residuals[4], series.residuals(x[3:], [3, 4])[1])


def test_poisson_series():
    problem = film_problem(film_data(counts=1e5), misfit="poisson")
    counts = np.random.default_rng(0).poisson(problem.measurements[0].dataset.counts, (N, Q.size))
    series = problem.series(counts=counts, normalisation=np.full(Q.size, 1e5))
    x = around(problem, N)
    for member in range(N):
        own = film_problem(ks.Dataset.from_counts(Q, counts[member], 1e5), misfit="poisson")
        np.testing.assert_allclose(series.residuals(x)[member], own.residuals(x[member]), atol=1e-9)


def test_series_of_several_measurements_are_cut_where_they_end():
    scale = parameter(1.0, "scale")
    sample = ks.Sample(film_layers())
    first, second = film_data(), film_data().select(q_max=0.1)
    problem = ks.Problem([ks.Measurement(first, sample), ks.Measurement(second, sample, scale=scale)])
    r = np.concatenate([first.r, second.r]) * np.array([[1.0], [1.1]])
    found = problem.series(r).residuals(problem.x + np.zeros((2, 1)))
    np.testing.assert_allclose(found[0], problem.residuals(), atol=1e-11)
    assert np.abs(found[1] - found[0]).min() > 0


def test_scales_are_eliminated_member_by_member():
    problem = film_problem()
    r = curves(problem)
    projected = problem.series(r).projected()
    assert projected.takes_members
    x = around(problem, 3)[:, :-1]
    members = [4, 1, 2]
    residuals, jacobian = projected.residuals_and_jacobian(x, members)
    full = projected.complete(x, members)
    for row, member in enumerate(members):
        own = film_problem(ks.Dataset(Q, r[member], problem.measurements[0].dataset.dr)).projected()
        expected, slopes = own.residuals_and_jacobian(x[row])
        np.testing.assert_allclose(residuals[row], expected, atol=1e-10)
        np.testing.assert_allclose(jacobian[row], slopes, atol=1e-11 * np.abs(slopes).max())
        np.testing.assert_allclose(full[row], own.complete(x[row]), rtol=1e-10)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({}, InvalidValueError, r"r must be given, shape \(n_members, 40\)"),
        ({"r": np.ones(40)}, ShapeError, r"r must have shape \(n_members, 40\); got \(40,\)"),
        ({"r": np.ones((2, 39))}, ShapeError, "r must have 40 points on its last axis"),
        ({"r": np.ones((2, 40)), "dr": np.ones((3, 40))}, ShapeError, "dr must have 2 rows, as r has"),
        ({"r": np.ones((2, 40)), "dr": np.zeros((2, 40))}, DataError, r"dr must be finite and > 0; dr\[0, 0\] = 0"),
        ({"r": np.full((2, 40), np.nan)}, DataError, r"r must be finite; r\[0, 0\] = nan"),
        ({"r": np.ones((2, 40)), "counts": np.ones((2, 40))}, InvalidValueError, "counts must be None for the chi2"),
    ],
)
def test_bad_data_are_refused(columns, error, message):
    with pytest.raises(error, match=message):
        film_problem().series(**columns)


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ([0, 5], InvalidValueError, "members must be from 0 to 4; got 0 to 5"),
        ([0], ShapeError, r"members must have shape \(2,\), one for each row of x; got \(1,\)"),
        ([0.0, 1.0], InvalidValueError, "members must be integers; got dtype float64"),
    ],
)
def test_bad_members_are_refused(members, error, message):
    problem = film_problem()
    series = problem.series(curves(problem))
    with pytest.raises(error, match=message):
        series.residuals(problem.x + np.zeros((2, 1)), members)
