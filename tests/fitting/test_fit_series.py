"""Many curves fitted at once: each as it is alone."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from fitting.films import TRUTH, Q, film, measured
from kiessig.errors import DataError, InvalidValueError, ShapeError, UnknownNameError

THICKNESSES = 290.0 + 5.0 * np.arange(7)


@pytest.fixture(scope="module")
def curves():
    pairs = [measured(TRUTH | {"thickness": d}, seed=int(d)) for d in THICKNESSES]
    return np.array([r for r, _ in pairs]), np.array([dr for _, dr in pairs])


@pytest.fixture(scope="module")
def start():
    return TRUTH | {"thickness": 304.0, "sld": 4.3}


def one(curve, errors, start):
    problem = film(start)
    (whole,) = problem.measurements
    data = ks.Dataset(Q, curve, dr=errors)
    return ks.Problem(ks.Measurement(data, whole.sample, whole.scale, whole.background))


@pytest.mark.parametrize("common_errors", [False, True])
def test_each_curve_is_fitted_as_it_is_alone(curves, start, common_errors):
    r, dr = curves
    dr = dr[0] if common_errors else dr
    result = film(start).fit_series(r, dr, progress=False)
    assert result.success.all()
    assert result.n_points == Q.size
    for k, curve in enumerate(r):
        alone = one(curve, dr if common_errors else dr[k], start).fit(progress=False)
        assert result.chi2[k] == pytest.approx(alone.chi2, rel=1e-8)  # ftol 1e-10 of the batch, doubled for good
        # the misfits agree to 1e-8 of about 60: the square of 1e-3 standard errors
        np.testing.assert_array_less(np.abs(result.x[k] - alone.x), 1e-3 * alone.stderr)
        np.testing.assert_allclose(result.stderr[k], alone.stderr, rtol=1e-3)
    thickness, error = result.column("thickness")
    assert np.all(np.abs(thickness - THICKNESSES) < 4.0 * error)
    assert repr(result).startswith("SeriesResult(7 curves, 5 parameters, 7 converged, ")


def test_the_parameters_stay_where_they_are(curves, start):
    problem = film(start)
    problem.fit_series(*curves, progress=False)
    np.testing.assert_array_equal(problem.x, list(start.values()))


def test_every_curve_may_have_its_own_start(curves, start):
    problem = film(start)
    x0 = np.tile(problem.x, (7, 1))
    x0[:, 0] = THICKNESSES
    own = problem.fit_series(*curves, x0=x0, progress=False)
    common = problem.fit_series(*curves, x0=x0[1], progress=False)
    np.testing.assert_allclose(own.chi2, common.chi2, rtol=1e-8)
    assert own.n_evaluations.sum() < common.n_evaluations.sum()
    x0[:, 0] = 0.0
    np.testing.assert_array_equal(own.names, problem.names)


def test_a_limit_of_evaluations(curves, start):
    result = film(start).fit_series(*curves, max_evaluations=2, progress=False)
    assert result.n_evaluations.max() == 2
    assert not result.success.any()
    assert set(result.messages) == {"the limit of evaluations is reached"}


def test_errors_of_the_log_misfit_are_those_of_the_scatter(curves, start):
    def log_film(curve):
        problem = film(start)
        (whole,) = problem.measurements
        return ks.Problem(
            ks.Measurement(ks.Dataset(Q, curve), whole.sample, whole.scale, whole.background, misfit="log")
        )

    result = log_film(curves[0][0]).fit_series(curves[0], progress=False)
    for k in (0, 6):
        alone = log_film(curves[0][k]).fit(progress=False)
        np.testing.assert_allclose(result.stderr[k], alone.stderr, rtol=1e-3)


def test_what_the_data_do_not_determine_has_an_infinite_error(curves, start):
    problem = film(start)
    p = dict(zip(problem.names, problem.parameters, strict=True))
    nothing = ks.Parameter(0.0, (-1.0, 1.0), name="nothing")
    sample = ks.Layer(sld=0) | ks.Layer(p["thickness"], p["sld"] + 0.0 * nothing, roughness=3.0) | ks.Layer(sld=2.07)
    whole = ks.Problem(ks.Measurement(ks.Dataset(Q, curves[0][0]), sample, 1.0, 1e-6, misfit="log"))
    result = whole.fit_series(curves[0], progress=False)
    errors = result.column("nothing")[1]
    assert np.isinf(errors).all()
    assert np.isfinite(result.column("thickness")[1]).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x0": np.zeros(4)}, ShapeError, r"x0 must have shape \(5,\) or \(7, 5\); got \(4,\)"),
        ({"x0": np.zeros((6, 5))}, ShapeError, r"x0 must have shape \(5,\) or \(7, 5\); got \(6, 5\)"),
        (
            {"x0": [1e3, 4.5, 6.0, 1.0, 1e-6]},
            InvalidValueError,
            r"within the bounds; x0\[0\] \(thickness\) = 1000.0",
        ),
        ({"x0": [np.nan, 4.5, 6.0, 1.0, 1e-6]}, InvalidValueError, r"x0\[0\] \(thickness\) = nan"),
        ({"dr": np.ones((6, 60))}, ShapeError, "dr must have 7 rows, as r has"),
        ({"r": np.ones((7, 59))}, ShapeError, "r must have 60 points on its last axis"),
        ({"r": np.ones(60)}, ShapeError, r"r must have shape \(n_members, 60\); got \(60,\)"),
        ({"dr": np.zeros((7, 60))}, DataError, r"dr must be finite and > 0; dr\[0, 0\] = 0.0"),
        ({"counts": np.ones((7, 60))}, InvalidValueError, "counts must be None for the chi2 misfit"),
        ({"r": None}, InvalidValueError, r"r must be given, shape \(n_members, 60\); got None"),
        ({"method": "trf"}, InvalidValueError, "fit_series: method must be one of 'levenberg-marquardt'.*; got 'trf'"),
        ({"method": "levenberg"}, UnknownNameError, "did you mean 'levenberg-marquardt'"),
        ({"dampening": 1.0}, InvalidValueError, "has no option 'dampening'; did you mean 'damping'"),
        ({"max_evaluations": 0}, InvalidValueError, "max_evaluations must be a positive whole number; got 0"),
    ],
)
def test_bad_arguments(curves, start, arguments, error, message):
    with pytest.raises(error, match=message):
        film(start).fit_series(**{"r": curves[0], "dr": curves[1], "progress": False} | arguments)


def test_upper_and_lower_case_are_alike(curves, start):
    assert film(start).fit_series(*curves, method="Levenberg-Marquardt", progress=False).success.all()


def test_an_unknown_column(curves, start):
    with pytest.raises(InvalidValueError, match=r"column: name must be one of thickness, .*; got 'width'"):
        film(start).fit_series(*curves, progress=False).column("width")


def test_nothing_to_fit(curves, start):
    problem = film(start)
    for parameter in problem.parameters:
        parameter.fixed = True
    with pytest.raises(InvalidValueError, match="must have a free parameter"):
        ks.Problem(problem.measurements).fit_series(*curves, progress=False)
