"""Covariance and correlation."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize import correlation, covariance


def test_a_straight_line():
    """Closed form: with t the abscissae, var(slope) = 1/Stt, var(offset) = sum(t^2)/(n Stt), cov = -mean(t)/Stt."""
    t = np.array([0.3, 1.1, 2.0, 2.2, 3.9, 5.0])
    cov, undetermined = covariance(np.column_stack([t, np.ones(t.size)]), scale=2.5)
    stt = np.sum((t - t.mean()) ** 2)
    expected = 2.5 * np.array([[1.0, -t.mean()], [-t.mean(), np.mean(t**2)]]) / stt
    np.testing.assert_allclose(cov, expected, rtol=1e-14)  # rounding times a condition of 4
    assert not undetermined.any()


def test_no_factor_two():
    """One parameter measured twice with unit error has variance 1/2: the misfit is the plain sum of squares."""
    assert covariance(np.array([[1.0], [1.0]]))[0][0, 0] == pytest.approx(0.5, rel=1e-15)


def test_against_scatter_of_estimates():
    """The covariance is that of estimates over repeated noise."""
    rng = np.random.default_rng(99)
    a = rng.standard_normal((30, 3)) * [1.0, 1e3, 1e-7]
    noise = rng.standard_normal((30, 20000))
    estimates = np.linalg.lstsq(a / [1.0, 1e3, 1e-7], noise, rcond=None)[0] / np.array([[1.0], [1e3], [1e-7]])
    cov = covariance(a)[0]
    # Relative scatter of a variance over 20 000 draws is 1 %; five of those.
    np.testing.assert_allclose(np.var(estimates, axis=1), np.diag(cov), rtol=0.05)


def test_units_change_nothing_but_units():
    rng = np.random.default_rng(3)
    a = rng.standard_normal((40, 4))
    units = np.array([1e-7, 1460.0, 1.0, 1e12])
    np.testing.assert_allclose(
        covariance(a * units)[0], covariance(a)[0] / np.outer(units, units), rtol=1e-12
    )  # rounding times condition


def test_a_column_of_zeros_is_undetermined_and_harms_no_other():
    rng = np.random.default_rng(4)
    a = rng.standard_normal((20, 3))
    a[:, 1] = 0.0
    cov, undetermined = covariance(a)
    np.testing.assert_array_equal(undetermined, [False, True, False])
    assert cov[1, 1] == np.inf
    assert np.isnan(cov[0, 1])
    assert np.isnan(cov[1, 2])
    rest = covariance(a[:, [0, 2]])[0]
    np.testing.assert_allclose(cov[np.ix_([0, 2], [0, 2])], rest, rtol=1e-13)  # rounding


@pytest.mark.parametrize("noise", [0.0, 1e-14])
def test_columns_that_do_the_same_thing(noise):
    """Proportional columns, exactly or but for rounding: infinite, not a number made of noise."""
    rng = np.random.default_rng(5)
    a = rng.standard_normal((20, 4))
    a[:, 3] = -1e5 * a[:, 1] * (1.0 + noise * rng.standard_normal(20))
    cov, undetermined = covariance(a)
    np.testing.assert_array_equal(undetermined, [False, True, False, True])
    np.testing.assert_array_equal(np.isinf(np.diag(cov)), undetermined)
    rest = covariance(a[:, :3])[0]
    np.testing.assert_allclose(cov[np.ix_([0, 2], [0, 2])], rest[np.ix_([0, 2], [0, 2])], rtol=1e-12)


def test_strong_correlation_is_not_indeterminacy():
    """Columns at an angle of 1e-6: a variance of 1e12, with six digits, and no infinity."""
    a = np.array([[1.0, 1.0], [0.0, 1e-6]])
    cov, undetermined = covariance(a)
    assert not undetermined.any()
    assert cov[1, 1] == pytest.approx(1e12, rel=1e-9)  # rounding times condition 1e6
    assert correlation(cov)[0, 1] == pytest.approx(-1.0, abs=1e-11)


def test_fewer_points_than_parameters():
    cov, undetermined = covariance(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]))
    np.testing.assert_array_equal(undetermined, [False, True, True])
    assert cov[0, 0] == pytest.approx(1.0, rel=1e-15)


def test_no_points_at_all():
    cov, undetermined = covariance(np.empty((0, 2)))
    assert undetermined.all()
    assert np.isinf(np.diag(cov)).all()


def test_extreme_entries_do_not_overflow():
    cov, undetermined = covariance(np.diag([1e160, 1e-160]))
    np.testing.assert_array_equal(undetermined, [False, True])
    assert cov[1, 1] == np.inf  # 1e320 is beyond a double
    np.testing.assert_allclose(covariance(np.diag([1e120, 1e-120]))[0], np.diag([1e-240, 1e240]), rtol=1e-14)


def test_correlation():
    rho = correlation(np.array([[4.0, -3.0, np.nan], [-3.0, 9.0, np.nan], [np.nan, np.nan, np.inf]]))
    np.testing.assert_allclose(rho[:2, :2], [[1.0, -0.5], [-0.5, 1.0]], rtol=1e-15)
    assert rho[2, 2] == 1.0
    assert np.isnan(rho[0, 2])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: covariance(np.ones(3)), ShapeError, r"jacobian must have shape \(m, n\); got shape \(3,\)"),
        (lambda: covariance([[1.0, np.nan]]), InvalidValueError, r"jacobian\[0, 1\] = nan"),
        (lambda: covariance([[1.0]], scale=-1.0), InvalidValueError, "scale must be finite and non-negative; got -1.0"),
        (lambda: covariance([[1.0]], scale=np.nan), InvalidValueError, "scale must be finite"),
        (lambda: correlation(np.ones((2, 3))), ShapeError, r"must be square; got shape \(2, 3\)"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
