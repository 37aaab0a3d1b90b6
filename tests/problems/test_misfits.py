"""Poisson deviance and robust losses: values against scipy, exact slopes, normalised likelihoods."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

import kiessig as ks
from kiessig.errors import DataError, InvalidValueError, UnknownNameError
from kiessig.problem.losses import as_loss
from kiessig.problem.misfits import compare
from problems.cases import Q, assert_derivatives, film_data, film_layers, parameter


def film_problem(data, **arguments):
    sample = ks.Sample(film_layers())
    return ks.Problem(ks.Measurement(data, sample, scale=parameter(1.0, "scale"), **arguments))


def counted(*, none_at=(-3,)):
    data = film_data(counts=1e6)
    counts = data.counts.copy()
    counts[list(none_at)] = 0.0
    return ks.Dataset.from_counts(Q, counts, 1e6)


def test_poisson_residuals_add_up_to_the_deviance_of_scipy():
    data = counted()
    problem = film_problem(data, misfit="poisson")
    expected = 1e6 * problem.measurements[0].reflectivity()
    saturated = stats.poisson.logpmf(data.counts, np.where(data.counts > 0, data.counts, 1e-300))
    deviance = 2.0 * (saturated - stats.poisson.logpmf(data.counts, expected))
    # differences of logarithms of up to 1e6 counts
    np.testing.assert_allclose(problem.residuals() ** 2, deviance, rtol=1e-9, atol=1e-8)
    np.testing.assert_array_equal(np.sign(problem.residuals()), np.sign(data.counts - expected))
    assert_derivatives(problem)


@pytest.mark.parametrize("n", [1.0, 7.0, 1e4, 1e9])
def test_poisson_residuals_are_smooth_where_model_and_counts_meet(n):
    """Against the exact deviance in 40 digits, over the seam between series and logarithm."""
    mpmath = pytest.importorskip("mpmath")
    data = {"counts": np.array([n]), "normalisation": np.array([1.0])}
    with mpmath.workdps(40):
        for t in (-0.9, -0.051, -0.05, -0.049, -1e-4, -1e-12, 0.0, 1e-12, 1e-4, 0.049, 0.05, 0.051, 3.0):
            mu = n * (1.0 + t)
            residual, slope = compare("poisson", data, np.array([mu]))
            exact = mpmath.mpf(mu) - n + n * mpmath.log(mpmath.mpf(n) / mpmath.mpf(mu))
            root = mpmath.sqrt(2 * exact) * (1 if mu < n else -1)
            by_mu = -1 / mpmath.sqrt(n) if mu == n else (mpmath.mpf(mu) - n) / (mu * root)
            # rounding of mu / n, relative to their difference
            noise = 1e-15 * (1 + 1 / max(abs(t), 1e-15))
            assert residual[0] == pytest.approx(float(root), rel=noise, abs=1e-15 * np.sqrt(n))
            assert slope[0] == pytest.approx(float(by_mu), rel=1e-12)


def test_a_point_without_counts_pulls_the_model_down():
    data = {"counts": np.array([0.0]), "normalisation": np.array([10.0])}
    residual, slope = compare("poisson", data, np.array([0.2]))
    assert residual[0] == pytest.approx(-2.0)
    assert 2 * residual[0] * slope[0] == pytest.approx(20.0)  # d(2 mu)/d(model)
    negative, _ = compare("poisson", data, np.array([-0.2]))
    assert np.isnan(negative[0])


def test_counts_come_with_a_dataset():
    data = counted(none_at=(0,))
    np.testing.assert_allclose(data.r, data.counts / 1e6)
    assert data.dr[0] == 1e-6
    part = data.select(q_max=0.05)
    assert part.counts.size == len(part)
    np.testing.assert_array_equal(part.normalisation, 1e6)
    with pytest.raises(DataError, match=r"counts must be finite and >= 0; counts\[1\] = -1"):
        ks.Dataset.from_counts([0.1, 0.2], [1, -1], 1.0)
    with pytest.raises(DataError, match=r"normalisation must be finite and > 0; normalisation\[0\] = 0"):
        ks.Dataset.from_counts([0.1, 0.2], [1, 1], 0.0)
    with pytest.raises(DataError, match="poisson misfit needs counts"):
        film_problem(film_data(), misfit="poisson")


def test_poisson_needs_a_positive_model():
    data = counted()
    background = parameter(-1.0, "background")
    problem = ks.Problem(ks.Measurement(data, ks.Sample(film_layers()), background=background, misfit="poisson"))
    with pytest.raises(InvalidValueError, match="the poisson misfit needs a positive model"):
        problem.residuals()


LOSSES = [("huber", 1.345, None), ("huber", 0.3, None), ("cauchy", 2.385, None), ("student", 1.0, 4.0)]


@pytest.mark.parametrize("name", ["huber", "cauchy"])
@pytest.mark.parametrize("misfit", ["chi2", "log"])
def test_losses_are_those_of_scipy(name, misfit):
    scale = 0.02 if misfit == "log" else 1.5
    plain = film_problem(film_data(), misfit=misfit)
    robust = film_problem(film_data(), misfit=misfit, loss=name, loss_scale=scale)
    x = plain.x * 1.02
    found = optimize.least_squares(plain.residuals, x, loss=name, f_scale=scale, max_nfev=1)
    assert robust.chi2(x) == pytest.approx(2.0 * found.cost, rel=1e-12)
    assert_derivatives(robust, x=x)


def test_a_robust_fit_finds_the_minimum_of_scipy_and_forgives_outliers():
    data = film_data()
    r = data.r.copy()
    r[[5, 20]] *= 3.0
    data = ks.Dataset(Q, r, data.dr)
    plain, robust = film_problem(data), film_problem(data, loss="cauchy")
    tight = {"x_scale": "jac", "xtol": 1e-12, "bounds": plain.bounds}
    ours = optimize.least_squares(robust.residuals, robust.x, jac=robust.jacobian, **tight)
    theirs = optimize.least_squares(plain.residuals, plain.x, jac=plain.jacobian, loss="cauchy", f_scale=2.385, **tight)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-9)
    squares = optimize.least_squares(plain.residuals, plain.x, jac=plain.jacobian, **tight)
    assert abs(ours.x[0] - 118.0) < abs(squares.x[0] - 118.0)


@pytest.mark.parametrize(("name", "scale", "df"), LOSSES)
def test_signed_roots_and_their_slopes(name, scale, df):
    loss = as_loss("test", name, scale, df)
    r = np.array([-30.0, -scale, -1e-3, 0.0, 1e-9, 0.2, scale, 5.0, 1e6])
    s, slope = loss.apply(r)
    z = r**2 / scale**2
    rho = {
        "huber": scale**2 * np.where(z <= 1, z, 2 * np.sqrt(z) - 1),
        "cauchy": scale**2 * np.log1p(z),
        "student": 5.0 * np.log1p(z / 4.0),
    }[name]
    np.testing.assert_allclose(s * np.abs(s), np.sign(r) * rho, rtol=1e-12, atol=1e-300)
    h = 1e-6 * np.maximum(1.0, np.abs(r))
    differences = (loss.apply(r + h)[0] - loss.apply(r - h)[0]) / (2 * h)
    np.testing.assert_allclose(slope, differences, rtol=2e-6)  # Huber's bends at its scale
    assert (slope > 0).all()


@pytest.mark.parametrize(("name", "scale", "df"), LOSSES)
def test_likelihoods_of_losses_are_normalised(name, scale, df):
    loss = as_loss("test", name, scale, df)
    total = 2.0 * integrate.quad(lambda r: np.exp(-0.5 * loss.apply(np.array(r))[0] ** 2), 0.0, np.inf, limit=200)[0]
    assert loss.likelihood_constant() == pytest.approx(-np.log(total), abs=1e-7)


def test_student_is_students_distribution():
    problem = film_problem(film_data(), loss="student", loss_scale=1.2, df=3)
    data = problem.measurements[0].dataset
    expected = stats.t.logpdf(data.r, 3, problem.measurements[0].reflectivity(), 1.2 * data.dr).sum()
    assert problem.log_posterior_and_gradient()[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"loss": "tukey"}, UnknownNameError, "loss must be None or one of 'huber', 'cauchy', 'student'; got 'tukey'"),
        ({"loss_scale": 1.0}, InvalidValueError, "loss_scale must be None without a loss"),
        ({"df": 3}, InvalidValueError, "df must be None without a loss"),
        ({"loss": "huber", "df": 3}, InvalidValueError, "df must be None for the huber loss"),
        ({"loss": "huber", "loss_scale": 0.0}, InvalidValueError, "loss_scale must be finite and positive"),
        ({"loss": "student", "df": np.inf}, InvalidValueError, "df must be finite and positive; df = inf"),
        ({"loss": "huber", "loss_scale": "1"}, InvalidValueError, "loss_scale must be a positive number; got '1'"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        film_problem(film_data(), **arguments)


def test_misfits_do_not_mix():
    sample = ks.Sample(film_layers())
    pair = [ks.Measurement(counted(), sample, misfit=misfit) for misfit in ("chi2", "poisson")]
    with pytest.raises(InvalidValueError, match="all measurements must have the same misfit"):
        ks.Problem(pair)
