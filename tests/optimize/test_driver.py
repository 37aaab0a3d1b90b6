"""The entry to the methods: what it refuses, and in which words."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.optimize import METHODS, minimize
from optimize.problems import MISRA1A, ROSENBROCK, Fit

FIT = ROSENBROCK.fit
NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([0.0, NAN],), InvalidValueError, "x0 must be finite; x0[1] = nan"),
        (([-INF, 0.0],), InvalidValueError, "x0 must be finite; x0[0] = -inf"),
        (([],), ShapeError, "at least one parameter; got shape (0,)"),
        (([[0.0, 0.0]],), ShapeError, "one-dimensional with at least one parameter; got shape (1, 2)"),
        ((3.0,), ShapeError, "got shape ()"),
        ((["a", "b"],), InvalidValueError, "x0 must be an array of numbers; got ['a', 'b']"),
        (([0.0, 5.0], (-1.0, [1.0, 2.0])), InvalidValueError, "x0[1] = 5.0, bounds (-1.0, 2.0)"),
        (([0.0, 0.0], ([0.0, 1.0], [1.0, 1.0])), InvalidValueError, "lower[1] = 1.0, upper[1] = 1.0"),
        (([0.0, 0.0], ([0.0, 2.0], 1.0)), InvalidValueError, "lower[1] = 2.0, upper[1] = 1.0"),
        (([0.0, 0.0], ([0.0, NAN], 1.0)), InvalidValueError, "lower[1] = nan"),
        (([0.0, 0.0], ([0.0, 0.0, 0.0], 1.0)), ShapeError, "lower bounds must have shape (2,), as x0, or be a number"),
        (([0.0, 0.0], 3.0), InvalidValueError, "bounds must be a pair (lower, upper)"),
        (([0.0, 0.0], (0.0, 1.0, 2.0)), InvalidValueError, "bounds must be a pair (lower, upper)"),
    ],
)
def test_starts_and_bounds_that_are_refused(arguments, error, text):
    with pytest.raises(error) as caught:
        minimize(FIT, *arguments)
    assert text in str(caught.value)
    assert str(caught.value).startswith("minimize: ")
    assert str(caught.value).count("\n") <= 1


@pytest.mark.parametrize(
    ("name", "near"), [("levenberg", "levenberg-marquardt"), ("lbfgsb", "L-BFGS-B"), ("neldermead", "Nelder-Mead")]
)
def test_an_unknown_method_is_answered_with_all_names_and_the_nearest(name, near):
    with pytest.raises(UnknownNameError) as caught:
        minimize(FIT, [0.0, 0.0], method=name)
    assert all(method in str(caught.value) for method in METHODS)
    assert f"did you mean {near!r}?" in str(caught.value)


def test_a_method_that_is_no_name():
    with pytest.raises(UnknownNameError, match="got None"):
        minimize(FIT, [0.0, 0.0], method=None)


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_option_is_answered_with_the_methods_own(method):
    with pytest.raises(InvalidValueError) as caught:
        minimize(FIT, [0.0, 0.0], method=method, toll=1e-3)
    text = str(caught.value)
    assert f"method {method!r} has no option 'toll'" in text
    assert all(option in text for option in METHODS[method].options)
    assert METHODS[method].options


def test_the_nearest_option_is_suggested():
    with pytest.raises(InvalidValueError, match="did you mean 'learning_rate'"):
        minimize(FIT, [0.0, 0.0], method="adam", lerning_rate=0.1)


# Every option of every method, once, at a value that differs from the default.
VALUES = {
    "ftol": 1e-9,
    "xtol": 1e-9,
    "gtol": 1e-6,
    "barrier_tol": 1e-6,
    "xrtol": 1e-9,
    "xatol": 1e-5,
    "fatol": 1e-7,
    "tolerance": 1e-5,
    "tr_solver": "exact",
    "damping": 0.1,
    "geodesic": True,
    "steps": 400,
    "learning_rate": 0.1,
    "schedule": "exponential",
    "final_rate": 0.1,
    "beta1": 0.8,
    "beta2": 0.99,
    "epsilon": 1e-9,
    "check_every": 10,
    "momentum": 0.8,
    "clip": 0.3,
    "rise": 3.0,
    "box": "projection",
    "memory": 4,
    "scale": [100.0, 1e-4],
    "maxcor": 5,
    "maxls": 30,
    "eta": 0.2,
    "stepmx": 10.0,
    "initial_tr_radius": 0.5,
    "adaptive": False,
    "rhobeg": 0.2,
    "tol": 1e-4,
    "final_tr_radius": 1e-6,
    "initial_trust_radius": 0.5,
    "max_trust_radius": 50.0,
    "inexact": False,
    "seed": 3,
    "finish": False,
    "strategy": "rand1bin",
    "popsize": 8,
    "atol": 1e-3,
    "mutation": 0.6,
    "recombination": 0.9,
    "init": "sobol",
    "maxiter": 40,
    "initial_temp": 3000.0,
    "restart_temp_ratio": 1e-4,
    "visit": 2.5,
    "accept": -4.0,
    "no_local_search": True,
    "niter": 10,
    "T": 0.5,
    "stepsize": 0.1,
    "niter_success": 5,
    "n": 64,
    "iters": 2,
    "sampling_method": "sobol",
    "eps": 1e-3,
    "locally_biased": False,
    "vol_tol": 1e-8,
    "len_tol": 1e-4,
}
BOX = ([100.0, 1e-4], [900.0, 5e-3])
LOCAL = [name for name in METHODS if not METHODS[name].searches_box]


@pytest.mark.parametrize(("method", "option"), [(m, o) for m in METHODS for o in METHODS[m].options])
def test_every_option_in_the_table_is_taken(method, option):
    bounds = BOX if METHODS[method].searches_box else None
    limit = 1500 if METHODS[method].searches_box or method == "COBYLA" else None
    options = {option: VALUES[option]} | ({"max_evaluations": limit} if limit else {})
    changed = minimize(MISRA1A.objective(), MISRA1A.starts[1], bounds, method, **options)
    assert changed.value < 0.2 * np.sum(MISRA1A.objective().residuals(np.array(MISRA1A.starts[1])) ** 2)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, INF), ([-INF, 0.0], INF)])
def test_lm_says_what_to_use_for_bounds(bounds):
    with pytest.raises(InvalidValueError, match="'lm' takes no bounds; use 'trf' or 'dogbox', or leave the bounds out"):
        minimize(FIT, [0.5, 0.5], bounds, method="lm")


def test_lm_takes_infinite_bounds():
    assert minimize(FIT, ROSENBROCK.start, (-INF, INF), method="lm").success


def test_lm_wants_enough_residuals():
    fit = Fit(lambda x: [x[0] + x[1]], lambda x: [[1.0, 1.0]])
    with pytest.raises(InvalidValueError, match="at least as many residuals as parameters; got 1 and 2"):
        minimize(fit, [1.0, 1.0], method="lm")


@pytest.mark.parametrize("limit", [0, -3, 2.5, True, "10"])
def test_limits_that_are_refused(limit):
    with pytest.raises(InvalidValueError, match="max_evaluations must be a positive whole number"):
        minimize(FIT, [0.0, 0.0], max_evaluations=limit)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_a_start_where_the_model_is_not_finite(bad):
    fit = Fit(lambda x: [1.0, bad], lambda x: [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(InvalidValueError) as caught:
        minimize(fit, [0.25, 0.5])
    assert f"residuals[1] = {bad!r} at x = [0.25, 0.5]" in str(caught.value)


def test_a_misfit_that_overflows_at_the_start():
    fit = Fit(lambda x: [1.0, 1e200], lambda x: [[1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(InvalidValueError, match=r"residuals\[1\] = 1e\+200"):
        minimize(fit, [0.25, 0.5])


@pytest.mark.parametrize(
    ("residuals", "jacobian", "text"),
    [
        (lambda x: [[1.0, 2.0]], lambda x: np.eye(2), r"residuals: must return an array of shape \(m,\)"),
        (lambda x: [1.0, 2.0], lambda x: np.ones((2, 3)), r"jacobian: must have shape \(m, n\) = \(2, 2\)"),
        (lambda x: [1.0, 2.0], lambda x: np.ones(2), r"jacobian: must have shape \(m, n\) = \(2, 2\)"),
        (
            lambda x: [x[0]] * (2 if x[0] == 1.0 else 3),
            lambda x: [[1.0, 0.0]] * 2,
            r"shape \(2,\) as before; got shape \(3,\)",
        ),
    ],
)
def test_objectives_of_the_wrong_shape(residuals, jacobian, text):
    with pytest.raises(ShapeError, match=text):
        minimize(Fit(residuals, jacobian), [1.0, 1.0])


def test_a_gradient_of_the_wrong_shape():
    class Wrong(Fit):
        def value_and_gradient(self, x):
            return 1.0, np.ones(3)

    with pytest.raises(ShapeError, match=r"the gradient must have shape \(2,\); got shape \(3,\)"):
        minimize(Wrong(FIT._residuals, FIT._jacobian), [0.0, 0.5], method="BFGS")


@pytest.mark.parametrize("method", LOCAL)
def test_an_unbounded_descent_never_returns_nan(method):
    """exp(-x) falls for ever: a method that runs away is stopped, or stops, far down."""
    fit = Fit(lambda x: np.exp(-x), lambda x: -np.diag(np.exp(-x)))
    outcome = minimize(fit, [0.0], method=method, max_evaluations=300)
    assert np.isfinite(outcome.x).all()
    assert outcome.value < 0.1


def test_nothing_is_changed_by_a_call_that_fails():
    x0, lower, upper = np.array([0.0, 5.0]), np.array([-1.0, -1.0]), np.array([1.0, 1.0])
    with pytest.raises(InvalidValueError):
        minimize(FIT, x0, (lower, upper))
    np.testing.assert_array_equal(x0, [0.0, 5.0])
    np.testing.assert_array_equal([lower, upper], [[-1.0, -1.0], [1.0, 1.0]])


def test_errors_are_also_the_builtins_one_expects():
    with pytest.raises(KeyError):
        minimize(FIT, [0.0, 0.0], method="simplex")
    with pytest.raises(ValueError, match="finite"):
        minimize(FIT, [NAN, 0.0])


def test_outcome_arrays_are_the_callers_own():
    outcome = minimize(FIT, ROSENBROCK.start)
    again = minimize(FIT, ROSENBROCK.start)
    outcome.x[:] = 0.0
    outcome.residuals[:] = 0.0
    outcome.jacobian[:] = 0.0
    np.testing.assert_array_equal(again.x, minimize(FIT, ROSENBROCK.start).x)
    assert outcome.wall_time > 0.0
