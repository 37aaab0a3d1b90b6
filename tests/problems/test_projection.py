"""Scales and backgrounds eliminated: the same minimum, an exact Jacobian, bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.problem.bounded import solve_bounded
from problems.cases import Q, film_data, film_layers, parameter


def contrasts(*, shared=True, smeared=False, held=False, seed=4):
    """One film in three solvents; with `held`, the first background's best value lies below its bound."""
    rng = np.random.default_rng(seed)
    thickness, sld, roughness = parameter(119.0, "d", (100, 140)), parameter(4.05, "sld", (3, 5)), parameter(5.5, "s")
    scale = parameter(1.0, "scale", (0.5, 2.0))
    dq = 0.02 * Q if smeared else None
    measurements = []
    for index, solvent in enumerate((2.07, 6.36, -0.5)):
        lowest = 5e-6 if held and index == 0 else 0.0
        background = parameter(6e-6, f"background {index}", (lowest, 1e-4))
        sample = ks.Layer(sld=0) | ks.Layer(thickness, sld=sld, roughness=roughness) | ks.Layer(sld=solvent)
        r = 1.05 * ks.reflectivity(Q, [118.0], [0.0, 4.1, solvent], roughness=[5.0, 0.0], dq=dq) + 2e-6
        data = ks.Dataset(Q, r * (1 + 0.03 * rng.standard_normal(Q.size)), 0.03 * r, dq)
        own = scale if shared or index == 0 else scale * (1 + 0.01 * thickness / 118.0)
        measurements.append(ks.Measurement(data, sample, scale=own, background=background))
    return ks.Problem(measurements)


def minimum(objective, x, bounds):
    tight = {"x_scale": "jac", "xtol": 1e-13, "ftol": 1e-15, "gtol": 1e-13}
    return optimize.least_squares(objective.residuals, x, jac=objective.jacobian, bounds=bounds, **tight)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_the_minimum_is_that_of_the_whole_problem(shared, held):
    problem = contrasts(shared=shared, held=held)
    projected = problem.projected()
    assert len(projected.names) == (3 if shared else 4)
    whole, reduced = minimum(problem, problem.x, problem.bounds), minimum(projected, projected.x, projected.bounds)
    assert reduced.cost == pytest.approx(whole.cost, rel=1e-9)
    full = projected.complete(reduced.x)
    np.testing.assert_allclose(full, whole.x, rtol=1e-5)  # of a valley: square root of the tolerance of its depth
    assert problem.chi2(full) == pytest.approx(2 * reduced.cost, rel=1e-12)
    held_value = full[problem.names.index("background 0")]
    assert (held_value == 5e-6) == held


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_the_jacobian_is_exact(shared, held, smeared):
    projected = contrasts(shared=shared, held=held, smeared=smeared).projected()
    x = projected.x * 1.003
    residuals, jacobian = projected.residuals_and_jacobian(x)
    size = np.abs(jacobian).max(axis=0)
    h = (1e-4 if smeared else 1e-6) * x
    for place in range(x.size):
        step = h[place] * np.eye(x.size)[place]
        differences = (projected.residuals(x + step) - projected.residuals(x - step)) / (2 * h[place])
        # truncation in steps of 1e-4; the term that Kaufman's Jacobian drops is larger, see the next test
        np.testing.assert_allclose(jacobian[:, place] / size[place], differences / size[place], atol=1e-5)
    value, gradient = projected.value_and_gradient(x)
    assert value == pytest.approx(residuals @ residuals, rel=1e-13)
    np.testing.assert_allclose(gradient, 2 * jacobian.T @ residuals, rtol=1e-10)


def test_the_gradient_is_that_of_the_whole_problem_at_the_best_scales():
    """The eliminated parameters' derivatives vanish there, or a bound holds them."""
    problem = contrasts(held=True)
    projected = problem.projected()
    x = projected.x * 1.003
    full = projected.complete(x)
    whole = problem.value_and_gradient(full)[1]
    kept = [problem.names.index(name) for name in projected.names]
    size = np.abs(problem.jacobian(full)).sum(axis=0)
    np.testing.assert_allclose(projected.value_and_gradient(x)[1] / size[kept], whole[kept] / size[kept], atol=1e-9)
    free = [problem.names.index(name) for name in ("scale", "background 1", "background 2")]
    np.testing.assert_allclose(whole[free] / size[free], 0.0, atol=1e-9)
    assert whole[problem.names.index("background 0")] > 0.0  # pushed against its bound


def test_batches():
    projected = contrasts(held=True).projected()
    x = projected.x * (1 + 0.02 * np.random.default_rng(0).uniform(-1, 1, (5, 3)))
    x[2, 0] = -1.0
    residuals, jacobian = projected.residuals_and_jacobian(x)
    value, gradient = projected.value_and_gradient(x)
    full = projected.complete(x)
    for row in (0, 1, 3, 4):
        alone, slopes = projected.residuals_and_jacobian(x[row])
        np.testing.assert_allclose(residuals[row], alone, atol=1e-9)
        np.testing.assert_allclose(jacobian[row], slopes, atol=1e-9 * np.abs(slopes).max())
        np.testing.assert_allclose(full[row], projected.complete(x[row]), rtol=1e-9)
        assert value[row] == pytest.approx(projected.value_and_gradient(x[row])[0], rel=1e-11)
    for found in (residuals, jacobian, value, gradient):
        assert np.isnan(found[2]).all()
    np.testing.assert_array_equal(projected.reduce(full)[0], x[0])


def test_only_what_is_linear_is_eliminated():
    scale, both = parameter(1.0, "scale"), parameter(1e-6, "both")
    sample = ks.Sample(film_layers())
    other = ks.Sample([*sample.layers[:3], ks.Layer(sld=both)])
    problem = ks.Problem(
        [
            ks.Measurement(film_data(), sample, scale=scale, background=both),
            ks.Measurement(film_data(), other, scale=2.0 * parameter(0.5, "half"), background=ks.Parameter(1e-6)),
        ]
    )
    assert [item.name for item in problem.projected().eliminated] == ["scale", None]


@pytest.mark.parametrize("arguments", [{"misfit": "log"}, {"loss": "huber"}, {}])
def test_nothing_to_eliminate(arguments):
    scale = parameter(1.0, "scale") if arguments else 1.0
    problem = ks.Problem(ks.Measurement(film_data(), ks.Sample(film_layers()), scale=scale, **arguments))
    with pytest.raises(InvalidValueError, match="projected: a parameter must stand as scale or background"):
        problem.projected()


def test_bad_x_is_refused():
    projected = contrasts().projected()
    with pytest.raises(ShapeError, match=r"x must have shape \(3,\)"):
        projected.residuals(np.zeros(7))
    with pytest.raises(InvalidValueError, match="members must be None"):
        projected.residuals(projected.x, members=0)


@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_bounded_solutions_are_those_of_scipy(k):
    rng = np.random.default_rng(k)
    lower, upper = np.full(k, -0.3), np.full(k, 0.4)
    upper[-1] = np.inf
    design, data = rng.standard_normal((30, k + 5, k)), rng.standard_normal((30, k + 5))
    matrix, right = np.einsum("mij,mik->mjk", design, design), np.einsum("mij,mi->mj", design, data)
    found, free = solve_bounded(matrix, right, lower, upper)
    for member in range(30):
        best = optimize.lsq_linear(design[member], data[member], (lower, upper), method="bvls", tol=1e-15)
        np.testing.assert_allclose(found[member], best.x, atol=1e-10)
        np.testing.assert_array_equal(free[member], best.active_mask == 0)
    assert 0 < free.sum() < free.size
