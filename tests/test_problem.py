"""Measurements and problems: residuals, exact derivatives, sharing, domains."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import DataError, InvalidValueError, ShapeError, UnknownNameError

Q = np.geomspace(0.008, 0.25, 60)


def film_sample(thickness=120.0, sld=4.0, roughness=6.0, *, solvent=6.36):
    return (
        ks.Layer(sld=0.0, name="air")
        | ks.Layer(thickness, sld=sld, roughness=roughness, name="film")
        | ks.Layer(15.0, sld=3.47, sld_imag=0.01, roughness=3.0, name="oxide")
        | ks.Layer(sld=solvent, roughness=4.0, name="backing")
    )


def dataset(sample=None, *, dq=True, name=None, seed=0):
    """Data that lie a few per cent from a curve, so that residuals are not small."""
    rng = np.random.default_rng(seed)
    slabs = (sample or film_sample()).slabs()
    sigma = 0.02 * Q if dq else None
    r = ks.reflectivity(Q, *slabs, scale=1.1, background=1e-6, dq=sigma)
    return ks.Dataset(Q, r * (1 + 0.05 * rng.standard_normal(Q.size)), dr=0.05 * r, dq=sigma, name=name)


def coupled_problem(misfit="chi2"):
    """Two contrasts that share a film; parameters enter directly, through products, and through powers."""
    thickness = ks.Parameter(121.0, (60, 200), name="thickness")
    fraction = ks.Parameter(0.3, (0, 1), name="fraction")
    rough = ks.Parameter(6.5, (0, 20))
    d2o = ks.Parameter(6.3, (6, 6.4), name="d2o")
    scale = ks.Parameter(1.05, (0.5, 2), name="scale")
    measurements = []
    for index, solvent in enumerate((d2o, -0.56)):
        sld = fraction * solvent + (1 - fraction) * 4.5
        sample = film_sample(thickness, sld, rough, solvent=solvent)
        data = dataset(film_sample(118.0, 4.4, 5.0, solvent=6.36 if index == 0 else -0.56), seed=index)
        measurements.append(
            ks.Measurement(data, sample, scale=scale if index == 0 else scale**2, background=1e-6, misfit=misfit)
        )
    return ks.Problem(measurements)


def central(function, x, relative=1e-6):
    columns = []
    for index in range(x.size):
        step = np.zeros_like(x)
        step[index] = relative * max(1.0, abs(x[index]))
        columns.append((np.asarray(function(x + step)) - np.asarray(function(x - step))) / (2 * step[index]))
    return np.stack(columns, axis=-1)


def test_residuals_are_data_minus_model_over_error():
    sample = film_sample()
    data = dataset()
    measurement = ks.Measurement(data, sample, scale=1.3, background=2e-6)
    model = 1.3 * ks.reflectivity(Q, *sample.slabs(), dq=data.dq) + 2e-6
    # the same kernel on the same numbers: only the order of scale and background may differ in the last digit
    np.testing.assert_allclose(measurement.reflectivity(), model, rtol=1e-14)
    np.testing.assert_allclose(ks.Problem(measurement).residuals(), (data.r - model) / data.dr, rtol=1e-11, atol=1e-12)


def test_log_residuals_need_no_errors():
    data = dataset()
    bare = ks.Dataset(data.q, data.r, dq=data.dq)
    measurement = ks.Measurement(bare, film_sample(), misfit="log")
    np.testing.assert_allclose(measurement.residuals(), np.log(data.r) - np.log(measurement.reflectivity()), atol=1e-14)


def test_resolution_overrides_the_datasets_own():
    data = dataset()
    sharp = ks.Measurement(data, film_sample(), resolution=ks.Resolution.none()).reflectivity()
    wide = ks.Measurement(data, film_sample(), resolution=ks.Resolution.constant(0.05)).reflectivity()
    slabs = film_sample().slabs()
    np.testing.assert_array_equal(sharp, ks.reflectivity(Q, *slabs))
    np.testing.assert_array_equal(wide, ks.reflectivity(Q, *slabs, dq=0.05 * Q))


@pytest.mark.parametrize("misfit", ["chi2", "log"])
def test_jacobian_is_the_derivative_of_the_residuals(misfit):
    problem = coupled_problem(misfit)
    jacobian = problem.jacobian(problem.x)
    differences = central(problem.residuals, problem.x)
    # central differences: roundoff 1e-11 (smeared R) / 1e-6 per unit step, truncation below it
    scale = np.abs(jacobian).max(axis=0)
    np.testing.assert_allclose(jacobian / scale, differences / scale, atol=2e-5)


@pytest.mark.parametrize("misfit", ["chi2", "log"])
def test_gradient_is_twice_jacobian_transposed_times_residuals(misfit):
    problem = coupled_problem(misfit)
    x = problem.x * 1.01
    value, gradient = problem.value_and_gradient(x)
    residuals, jacobian = problem.residuals_and_jacobian(x)
    assert value == pytest.approx(residuals @ residuals, rel=1e-13)
    assert value == pytest.approx(problem.chi2(x), rel=1e-13)
    # two orders of summation of some hundred terms
    np.testing.assert_allclose(gradient, 2 * jacobian.T @ residuals, rtol=1e-9)


def test_shared_parameters_are_one_column():
    problem = coupled_problem()
    assert problem.names == ["thickness", "fraction", "d2o", "film roughness", "scale"]
    assert problem.n_points == 2 * Q.size
    jacobian = problem.jacobian()
    first, second = jacobian[: Q.size], jacobian[Q.size :]
    assert np.abs(first[:, 0]).max() > 0
    assert np.abs(second[:, 0]).max() > 0
    assert np.abs(second[:, 2]).max() == 0  # d2o does not stand in the second contrast


def test_evaluation_leaves_the_parameters_alone():
    problem = coupled_problem()
    before = problem.x
    problem.residuals(before * 1.001)
    problem.jacobian(before * 1.001)
    problem.value_and_gradient(before * 1.001)
    np.testing.assert_array_equal(problem.x, before)


def test_a_fixed_parameter_is_a_constant():
    thickness = ks.Parameter(120.0, name="thickness", fixed=True)
    roughness = ks.Parameter(5.0, (0, 10), name="roughness")
    problem = ks.Problem(ks.Measurement(dataset(), film_sample(thickness, roughness=roughness)))
    assert problem.names == ["roughness"]
    assert problem.jacobian().shape == (Q.size, 1)


def test_a_problem_without_free_parameters_still_evaluates():
    problem = ks.Problem(ks.Measurement(dataset(), film_sample()))
    assert problem.residuals().shape == (Q.size,)
    assert problem.jacobian().shape == (Q.size, 0)
    assert problem.value_and_gradient()[1].shape == (0,)


def test_names_come_from_where_parameters_stand():
    sample = film_sample(ks.Parameter(100.0), ks.Parameter(4.0), ks.Parameter(5.0) + 1.0)
    problem = ks.Problem(ks.Measurement(dataset(), sample, scale=ks.Parameter(1.0)))
    assert problem.names == ["film thickness", "film sld", "parameter 2", "scale"]


def test_equal_names_are_refused():
    sample = film_sample(ks.Parameter(100.0, name="a"), ks.Parameter(4.0, name="a"))
    with pytest.raises(InvalidValueError, match="parameters must have different names; 2 are called 'a'"):
        ks.Problem(ks.Measurement(dataset(), sample))


def test_bounds_keep_direct_parameters_physical():
    sample = film_sample(ks.Parameter(100.0), ks.Parameter(4.0), ks.Parameter(5.0, (None, 9)))
    lower, upper = ks.Problem(ks.Measurement(dataset(), sample)).bounds
    np.testing.assert_array_equal(lower, [0.0, -np.inf, 0.0])
    np.testing.assert_array_equal(upper, [np.inf, np.inf, 9.0])


def test_a_value_outside_its_domain_names_the_parameters():
    thickness = ks.Parameter(100.0, name="thickness")
    problem = ks.Problem(ks.Measurement(dataset(), film_sample(thickness - 50.0)))
    with pytest.raises(InvalidValueError, match=r"thickness must be non-negative; .*\nat thickness = 20"):
        problem.residuals([20.0])


def test_an_expression_without_a_value_names_the_parameters():
    parameter = ks.Parameter(1.0, name="a")
    problem = ks.Problem(ks.Measurement(dataset(), film_sample(100.0 / parameter)))
    with pytest.raises(InvalidValueError, match=r"division by zero in 100 / a\nat a = 0$"):
        problem.jacobian([0.0])


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([1.0], ShapeError, r"x must have shape \(5,\)"),
        (np.zeros((1, 4)), ShapeError, r"got \(1, 4\)"),
        ([np.nan, 0, 0, 0, 0], InvalidValueError, r"x must be finite; x\[0\] \(thickness\) = nan"),
        (["a"] * 5, InvalidValueError, "x must be an array of real numbers"),
    ],
)
def test_bad_x_is_refused(x, error, message):
    problem = coupled_problem()
    for function in (problem.residuals, problem.jacobian, problem.value_and_gradient):
        with pytest.raises(error, match=message):
            function(x)


def test_log_misfit_refuses_what_has_no_logarithm():
    data = dataset()
    negative = ks.Dataset(data.q, np.where(np.arange(Q.size) == 7, -1e-7, data.r))
    with pytest.raises(DataError, match=r"log misfit needs r > 0; r\[7\] = -1e-07"):
        ks.Measurement(negative, film_sample(), misfit="log")
    background = ks.Parameter(1e-7, name="background")
    problem = ks.Problem(ks.Measurement(data, film_sample(), background=background, misfit="log"))
    with pytest.raises(InvalidValueError, match=r"needs a positive model; at q = .*\nat background = -1"):
        problem.residuals([-1.0])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dataset": [1, 2]}, InvalidValueError, "dataset must be a Dataset, or Channels of them; got a list"),
        ({"sample": ks.Layer(sld=1)}, InvalidValueError, "sample must be a Sample; got a Layer"),
        ({"sample": ks.Sample([ks.Layer(sld=1)])}, InvalidValueError, "at least two media"),
        ({"scale": float("nan")}, InvalidValueError, "scale must be finite"),
        ({"resolution": 0.02}, InvalidValueError, r"resolution must be a Resolution .* Resolution.constant"),
        ({"misfit": "chisq"}, UnknownNameError, "misfit must be one of 'chi2', 'log'"),
    ],
)
def test_a_measurement_refuses_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        ks.Measurement(**{"dataset": dataset(), "sample": film_sample(), **arguments})


def test_chi2_needs_errors():
    with pytest.raises(DataError, match="chi2 misfit needs dr"):
        ks.Measurement(ks.Dataset(Q, np.ones_like(Q)), film_sample())


def test_a_problem_needs_measurements():
    with pytest.raises(InvalidValueError, match="at least one Measurement"):
        ks.Problem([])
    with pytest.raises(InvalidValueError, match=r"measurements\[0\] is a Sample"):
        ks.Problem([film_sample()])


def test_a_problem_can_be_copied_and_pickled():
    problem = coupled_problem()
    x = problem.x * 1.01
    for twin in (copy.deepcopy(problem), pickle.loads(pickle.dumps(problem))):
        assert twin.names == problem.names
        assert twin.parameters[0] is not problem.parameters[0]
        # two histories of one plan: a small part of the bound of smearing
        np.testing.assert_allclose(twin.residuals(x), problem.residuals(x), rtol=1e-8, atol=1e-9)
