"""What fits and samplers see: priors, constraints, the normalised posterior, second derivatives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import stats

import kiessig as ks
from kiessig.constraints import Constraint
from kiessig.errors import InvalidValueError
from kiessig.priors import TruncatedNormal
from problems.cases import film_data, film_layers, parameter

PRIOR = TruncatedNormal(118.0, 2.0, 100.0, 140.0)


def informed_problem():
    """A prior on the film's thickness, a limit on what two layers measure together, and another that holds."""
    thickness = ks.Parameter(121.0, name="thickness", prior=PRIOR)
    oxide = parameter(16.0, "oxide")
    scale = parameter(1.05, "scale")
    layers = film_layers()
    layers[1] = ks.Layer(thickness, sld=4.0, roughness=5.0)
    layers[2:] = [ks.Layer(oxide, sld=3.47, roughness=3.0), ks.Layer(sld=2.07, roughness=4.0)]
    measurement = ks.Measurement(film_data(), ks.Sample(layers), scale=scale)
    constraints = [
        Constraint(thickness + oxide < 130.0, tolerance=0.5),
        Constraint(oxide < 50.0, tolerance=1.0),
    ]
    return ks.Problem([measurement], constraints=constraints)


def test_without_priors_and_constraints_the_objective_is_the_problem():
    problem = ks.Problem(ks.Measurement(film_data(), ks.Sample(film_layers())))
    objective = problem.objective()
    x = problem.x + np.zeros((3, 1))
    assert objective.n_residuals == problem.n_points
    np.testing.assert_array_equal(objective.residuals(x), problem.residuals(x))
    np.testing.assert_array_equal(objective.jacobian(x), problem.jacobian(x))
    np.testing.assert_array_equal(objective.value_and_gradient(x)[1], problem.value_and_gradient(x)[1])


def test_rows_of_priors_and_constraints():
    problem = informed_problem()
    objective = problem.objective()
    x = problem.x
    rows = objective.residuals(x)[problem.n_points :]
    np.testing.assert_allclose(rows, [(121.0 - 118.0) / 2.0, (121.0 + 16.0 - 130.0) / 0.5, 0.0])
    assert problem.residuals(x).size == problem.n_points  # of the data alone
    residuals, jacobian = objective.residuals_and_jacobian(x)
    size = np.abs(jacobian).max()
    for place in range(x.size):
        step = 1e-6 * np.eye(x.size)[place] * max(1.0, abs(x[place]))
        differences = (objective.residuals(x + step) - objective.residuals(x - step)) / (2 * step[place])
        np.testing.assert_allclose(jacobian[:, place] / size, differences / size, atol=1e-7)
    value, gradient = objective.value_and_gradient(x)
    assert value == pytest.approx(residuals @ residuals, rel=1e-13)
    np.testing.assert_allclose(gradient, 2 * jacobian.T @ residuals, rtol=1e-10)


def test_a_batch_of_the_objective_is_the_loop():
    objective = informed_problem().objective()
    x = np.array([[121.0, 16.0, 1.05], [110.0, 12.0, 1.0], [118.0, 60.0, 1.0], [150.0, 12.0, 1.0]])
    residuals, jacobian = objective.residuals_and_jacobian(x)
    value, gradient = objective.value_and_gradient(x)
    for row in range(3):
        np.testing.assert_allclose(residuals[row], objective.residuals(x[row]), atol=1e-11)
        np.testing.assert_allclose(jacobian[row], objective.jacobian(x[row]), rtol=1e-9, atol=1e-9)
        assert value[row] == pytest.approx(objective.value_and_gradient(x[row])[0], rel=1e-11)
        np.testing.assert_allclose(gradient[row], objective.value_and_gradient(x[row])[1], rtol=1e-8)
    assert np.isnan(residuals[3]).any()  # beyond the prior's support
    assert np.isnan(value[3])


def test_bounds_lie_within_the_support_of_priors():
    lower, upper = informed_problem().bounds
    assert (lower[0], upper[0]) == (100.0, 140.0)


def test_problems_with_constraints_can_be_pickled():
    problem = informed_problem()
    twin = pickle.loads(pickle.dumps(problem))
    np.testing.assert_allclose(twin.objective().residuals(problem.x), problem.objective().residuals(problem.x))


def test_constraints_must_be_on_what_is_fitted():
    measurement = ks.Measurement(film_data(), ks.Sample(film_layers()))
    stranger = Constraint(parameter(1.0, "stranger") < 2.0, tolerance=1.0)
    with pytest.raises(InvalidValueError, match=r"must be on parameters of the measurements; constraints\[0\]"):
        ks.Problem(measurement, constraints=[stranger])
    with pytest.raises(InvalidValueError, match=r"constraints\[0\] is a float"):
        ks.Problem(measurement, constraints=[1.0])


def test_the_posterior_is_normalised_in_data_and_priors():
    problem = informed_problem()
    data = problem.measurements[0].dataset
    x = problem.x
    model = problem.measurements[0].reflectivity()
    expected = stats.norm.logpdf(data.r, model, data.dr).sum() + stats.truncnorm.logpdf(121.0, -9.0, 11.0, 118.0, 2.0)
    expected -= 0.5 * (7.0 / 0.5) ** 2
    value, gradient = problem.log_posterior_and_gradient(x)
    assert value == pytest.approx(expected, rel=1e-12)
    for place in range(x.size):
        step = 1e-6 * np.eye(x.size)[place]
        rise = problem.log_posterior_and_gradient(x + step)[0] - problem.log_posterior_and_gradient(x - step)[0]
        assert gradient[place] == pytest.approx(rise / 2e-6, rel=1e-5, abs=1e-3)
    batch = np.array([x, x * 1.001, [150.0, 16.0, 1.0], [-1.0, 16.0, 1.0]])
    values, gradients = problem.log_posterior_and_gradient(batch)
    assert values[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradients[0], gradient, rtol=1e-9)
    np.testing.assert_array_equal(values[2:], -np.inf)
    assert np.isnan(gradients[2:]).all()
    assert problem.log_posterior_and_gradient([150.0, 16.0, 1.0])[0] == -np.inf


def test_the_poisson_posterior_is_that_of_scipy():
    counted = film_data(counts=1e5)
    problem = ks.Problem(ks.Measurement(counted, ks.Sample(film_layers()), misfit="poisson"))
    expected = stats.poisson.logpmf(counted.counts, 1e5 * problem.measurements[0].reflectivity()).sum()
    assert problem.log_posterior_and_gradient()[0] == pytest.approx(expected, rel=1e-12)


def test_what_has_no_likelihood_is_refused():
    sample = ks.Sample(film_layers())
    for arguments, message in (
        ({"misfit": "log"}, "the log misfit has no likelihood"),
        ({"loss": "cauchy", "loss_scale": 0.9}, "cauchy loss of scale 0.9 has no normalised likelihood"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            ks.Problem(ks.Measurement(film_data(), sample, **arguments)).log_posterior_and_gradient()


@pytest.mark.parametrize("smeared", [False, True])
def test_hessian_against_differences_of_the_value(smeared):
    problem = ks.Problem(ks.Measurement(film_data(smeared=smeared), ks.Sample(film_layers())))
    x = problem.x
    hessian, error = problem.hessian(with_error=True)
    length = np.linalg.norm(problem.jacobian(x), axis=0)
    size = 2.0 * np.outer(length, length)
    assert (error / size).max() < 1e-5
    np.testing.assert_array_equal(hessian, hessian.T)
    h = 1e-3 * np.maximum(1.0, np.abs(x))
    for i in range(x.size):
        for j in range(i + 1):
            a, b = h[i] * np.eye(x.size)[i], h[j] * np.eye(x.size)[j]
            corners = problem.chi2(np.array([x + a + b, x + a - b, x - a + b, x - a - b]))
            second = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h[i] * h[j])
            # truncation of the second difference: (1e-3)**2 of the film's thickness, some fringes wide
            assert hessian[i, j] / size[i, j] == pytest.approx(second / size[i, j], abs=5e-3)


def test_hessian_at_a_bound_looks_inside():
    layers = film_layers()
    layers[1] = ks.Layer(parameter(120.0, "thickness"), sld=4.0, roughness=parameter(0.0, "roughness"))
    layers[3] = ks.Layer(sld=2.07, roughness=4.0)
    problem = ks.Problem(ks.Measurement(film_data(), ks.Sample(layers)))
    hessian = problem.hessian()
    inside = problem.hessian([*problem.x[:1], 1e-3])
    # chi2 is even in a roughness of zero: its second derivative changes little over 1e-3
    np.testing.assert_allclose(hessian[1, 1], inside[1, 1], rtol=1e-2)
