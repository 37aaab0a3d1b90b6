"""problem.fit: starts, what it leaves behind, what it refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.optimize import METHODS

Q = np.geomspace(0.008, 0.25, 120)
TRUTH = {"thickness": 300.0, "sld": 4.5, "roughness": 6.0, "scale": 1.03, "background": 2e-7}
START = {"thickness": 297.0, "sld": 4.2, "roughness": 9.0, "scale": 0.98, "background": 1e-7}
BOUNDS = {
    "thickness": (200.0, 400.0),
    "sld": (2.0, 7.0),
    "roughness": (0.0, 15.0),
    "scale": (0.8, 1.2),
    "background": (1e-8, 1e-5),
}


def problem_from(values, *, noise=0.03, seed=3, misfit="chi2", bounds=BOUNDS):
    rng = np.random.default_rng(seed)
    exact = ks.reflectivity(
        Q,
        [TRUTH["thickness"]],
        [0.0, TRUTH["sld"], 2.07],
        roughness=[TRUTH["roughness"], 3.0],
        scale=TRUTH["scale"],
        background=TRUTH["background"],
        dq=0.02 * Q,
    )
    dr = noise * exact
    data = ks.Dataset(Q, exact + dr * rng.standard_normal(Q.size), dr=dr, dq=0.02 * Q)
    p = {name: ks.Parameter(value, (bounds or {}).get(name), name=name) for name, value in values.items()}
    sample = (
        ks.Layer(sld=0)
        | ks.Layer(p["thickness"], p["sld"], roughness=p["roughness"])
        | ks.Layer(sld=2.07, roughness=3.0)
    )
    return ks.Problem(ks.Measurement(data, sample, p["scale"], p["background"], misfit=misfit))


@pytest.fixture(scope="module")
def minimum():
    return problem_from(START).fit(progress=False)


def test_the_default_fit_recovers_the_truth(minimum):
    assert minimum.success, minimum.message
    assert minimum.method == "levenberg-marquardt"
    pulls = (minimum.x - [TRUTH[name] for name in minimum.names]) / minimum.stderr
    assert np.abs(pulls).max() < 3.5  # five normal deviates; 3.5 sigma happens once in 400 seeds, and not for this one
    assert 0.7 < minimum.reduced_chi2 < 1.3  # 115 degrees of freedom: 0.13 each way per sigma


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_finds_the_same_minimum(method, minimum):
    bounds = BOUNDS if METHODS[method].takes_bounds else None
    result = problem_from(START, bounds=bounds).fit(method, progress=False)
    assert result.success, result.message
    assert result.chi2 == pytest.approx(minimum.chi2, rel=1e-5)  # the stopping rules promise 1e-6


def test_standard_errors_are_those_of_the_jacobian(minimum):
    problem = problem_from(minimum.values)
    jacobian = problem.jacobian()
    expected = np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    np.testing.assert_allclose(minimum.stderr, expected, rtol=1e-6)  # inverse of a matrix of condition 1e8, scaled


def test_standard_errors_describe_the_scatter_of_fits():
    results = [problem_from(START, seed=seed).fit(progress=False) for seed in range(60)]
    scatter = np.std([result.x for result in results], axis=0, ddof=1)
    # a standard deviation from 60 draws is good to 9 %: three times that
    np.testing.assert_allclose(results[0].stderr, scatter, rtol=0.28)


def test_log_misfit_scales_errors_by_the_scatter():
    result = problem_from(START, misfit="log").fit(progress=False)
    assert result.success
    assert result.misfit == "log"
    assert result.covariance_scale == pytest.approx(result.chi2 / 115)
    assert np.sqrt(result.covariance_scale) == pytest.approx(0.03, rel=0.2)  # the relative noise of the data


def test_a_fit_leaves_the_best_values_in_the_parameters(minimum):
    problem = problem_from(START)
    result = problem.fit(progress=False)
    np.testing.assert_array_equal(problem.x, result.x)
    assert problem.chi2() == pytest.approx(result.chi2, rel=1e-12)


def test_several_starts_find_the_global_minimum(minimum):
    far = START | {"thickness": 210.0}
    lost = problem_from(far).fit(progress=False)
    assert lost.chi2 > 2 * minimum.chi2  # a local minimum: another fringe order
    found = problem_from(far).fit(starts=24, seed=1, progress=False)
    assert found.chi2 == pytest.approx(minimum.chi2, rel=1e-6)
    assert found.n_evaluations > lost.n_evaluations
    again = problem_from(far).fit(starts=24, seed=1, progress=False)
    np.testing.assert_array_equal(again.x, found.x)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "levenberg"}, UnknownNameError, "levenberg-marquardt"),
        ({"starts": 0}, InvalidValueError, "starts must be a positive whole number; got 0"),
        ({"starts": 2.5}, InvalidValueError, "starts must be"),
        ({"max_evaluations": -1}, InvalidValueError, "max_evaluations must be"),
        ({"nonsense": 1}, (InvalidValueError, UnknownNameError), "nonsense"),
        ({"method": "lm"}, InvalidValueError, "takes no bounds"),
    ],
)
def test_bad_arguments_change_nothing(arguments, error, message):
    problem = problem_from(START)
    with pytest.raises(error, match=message):
        problem.fit(progress=False, **arguments)
    np.testing.assert_array_equal(problem.x, list(START.values()))


def test_several_starts_need_bounds():
    problem = problem_from(START, bounds={**BOUNDS, "scale": (0.8, None)})
    with pytest.raises(InvalidValueError, match=r"finite bounds or a prior .*; 'scale' has \(0.8, inf\)"):
        problem.fit(starts=4, progress=False)


def test_nothing_to_fit_is_an_error():
    problem = problem_from(START)
    for parameter in problem.parameters:
        parameter.fixed = True
    with pytest.raises(InvalidValueError, match="must have a free parameter"):
        ks.Problem(problem.measurements).fit(progress=False)


def test_no_progress_bar_without_a_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    problem_from(START).fit(progress=True)
    assert stream.getvalue() == ""
