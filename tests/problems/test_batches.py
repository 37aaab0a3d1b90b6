"""Batches of parameter vectors: the numbers of one at a time, and NaN where there is no model."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.problem import evaluation
from problems.cases import film_data, film_layers, parameter


def film_problem(*, smeared=False, misfit="chi2", direct=True):
    """With `direct`, every parameter stands itself for a quantity; else they go through a relation."""
    scale = parameter(1.05, "scale", (0.5, 2.0))
    background = parameter(1e-6, "background", (0.0, 1e-4))
    sample = ks.Sample(film_layers())
    data = film_data(smeared=smeared)
    return ks.Problem(
        ks.Measurement(
            data, sample, scale=scale if direct else scale**2, background=background, misfit=misfit, name="film"
        )
    )


def around(problem, n, seed=1):
    rng = np.random.default_rng(seed)
    return problem.x * (1.0 + 0.05 * rng.uniform(-1, 1, (n, problem.x.size)))


@pytest.mark.parametrize("misfit", ["chi2", "log"])
@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("smeared", [False, True])
def test_batch_is_the_loop(smeared, direct, misfit):
    problem = film_problem(smeared=smeared, misfit=misfit, direct=direct)
    x = around(problem, 21)
    residuals, jacobian = problem.residuals_and_jacobian(x)
    value, gradient = problem.value_and_gradient(x)
    # smearing: bound 1e-5 of R, reached to 1e-7 and better; in units of dR = 5 % of R. Sharp: the same arithmetic
    tolerance = 1e-5 if smeared else 1e-12
    for row, member in enumerate(x):
        alone, slopes = problem.residuals_and_jacobian(member)
        size = np.abs(slopes).max(axis=0)
        np.testing.assert_allclose(residuals[row], alone, atol=tolerance)
        np.testing.assert_allclose(jacobian[row] / size, slopes / size, atol=tolerance)
        one_value, one_gradient = problem.value_and_gradient(member)
        assert value[row] == pytest.approx(one_value, rel=10 * tolerance)
        np.testing.assert_allclose(gradient[row] / np.abs(one_gradient), np.sign(one_gradient), atol=1e3 * tolerance)
    np.testing.assert_allclose(problem.residuals(x), residuals, atol=tolerance)
    np.testing.assert_allclose(problem.chi2(x), value, rtol=10 * tolerance)


@pytest.mark.parametrize("lead", [(), (1,), (3, 2), (0,), (2, 0, 3)])
def test_leading_dimensions_come_back(lead):
    problem = film_problem()
    x = problem.x + np.zeros((*lead, problem.x.size))
    residuals, jacobian = problem.residuals_and_jacobian(x)
    value, gradient = problem.value_and_gradient(x)
    assert residuals.shape == (*lead, problem.n_points)
    assert jacobian.shape == (*lead, problem.n_points, 6)
    assert np.shape(value) == lead
    assert gradient.shape == (*lead, 6)
    assert problem.residuals(x).shape == residuals.shape


@pytest.mark.parametrize("misfit", ["chi2", "log"])
def test_members_without_a_model_are_nan_in_their_own_rows(misfit):
    problem = film_problem(misfit=misfit)
    x = around(problem, 9)
    x[2, 0] = -1.0  # thickness
    x[5, 3] = np.nan
    x[8, 2] = -0.1  # roughness
    good = [0, 1, 3, 4, 6, 7]
    for found in (
        *problem.residuals_and_jacobian(x),
        *problem.value_and_gradient(x),
        problem.residuals(x),
        problem.chi2(x),
    ):
        flat = np.reshape(found, (9, -1))
        assert np.isnan(flat[[2, 5, 8]]).all()
        assert np.isfinite(flat[good]).all()
    residuals, jacobian = problem.residuals_and_jacobian(x[good])
    np.testing.assert_allclose(problem.residuals(x)[good], residuals, atol=1e-12)
    np.testing.assert_allclose(problem.jacobian(x)[good], jacobian, rtol=1e-12, atol=1e-12 * np.abs(jacobian).max())


def test_a_member_that_only_the_kernel_refuses_does_not_take_others_along():
    """An expression that is negative is seen beforehand; smearing that would need too many nodes is not."""
    problem = film_problem(smeared=True)
    x = around(problem, 7)
    x[4, 0] = 1e9  # angstrom: some 1e8 nodes
    residuals, jacobian = problem.residuals_and_jacobian(x)
    value, gradient = problem.value_and_gradient(x)
    for found in (residuals, jacobian, value, gradient):
        assert np.isnan(found[4]).all()
        assert np.isfinite(np.delete(found, 4, axis=0)).all()
    with pytest.raises(InvalidValueError, match=r"dq cannot be honoured.*\nat thickness = 1e"):
        problem.residuals(x[4])


def test_an_undefined_logarithm_is_nan_or_infinite_for_that_member():
    problem = film_problem(misfit="log")
    x = around(problem, 4)
    x[1, 5] = -10.0  # background: the model is negative everywhere
    assert not np.isfinite(problem.residuals(x)[1]).any()
    value, gradient = problem.value_and_gradient(x)
    assert not np.isfinite(value[1])
    assert np.isfinite(np.delete(value, 1)).all()
    assert np.isfinite(np.delete(gradient, 1, axis=0)).all()
    with pytest.raises(InvalidValueError, match="log misfit needs a positive model"):
        problem.residuals(x[1])


def test_large_batches_go_through_in_pieces(monkeypatch):
    problem = film_problem()
    x = around(problem, 23)
    x[7, 0] = -1.0
    whole = problem.residuals_and_jacobian(x)
    monkeypatch.setattr(evaluation, "_MOST_MEMBERS", 4)
    for found, expected in zip(problem.residuals_and_jacobian(x), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.nanmax(np.abs(expected)))


def test_a_relation_without_a_value_is_nan():
    inverse = parameter(0.01, "inverse")
    layers = film_layers()
    layers[1] = ks.Layer(1.0 / inverse, sld=4.0)
    problem = ks.Problem(ks.Measurement(film_data(), ks.Sample(layers)))
    x = problem.x + np.zeros((3, 2))
    x[1, 0] = 0.0
    assert np.isnan(problem.jacobian(x)[1]).all()
    assert np.isfinite(problem.jacobian(x)[[0, 2]]).all()


def test_shapes_that_do_not_end_in_the_parameters_are_refused():
    problem = film_problem()
    for function in (problem.residuals, problem.jacobian, problem.value_and_gradient, problem.chi2):
        with pytest.raises(ShapeError, match=r"x must have shape \(6,\).*got \(3, 5\)"):
            function(np.zeros((3, 5)))
        with pytest.raises(ShapeError, match=r"got \(\)"):
            function(1.0)


def test_inputs_are_left_alone_and_outputs_are_fresh():
    problem = film_problem()
    x = around(problem, 3)
    kept = x.copy()
    first = problem.residuals(x)
    problem.residuals(x * 1.01)
    np.testing.assert_array_equal(x, kept)
    assert first.flags.writeable
    assert first.flags.c_contiguous
