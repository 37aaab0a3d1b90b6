"""Coordinates in which scipy's methods meet the problem."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.optimize import BoxTransform, Evaluator
from kiessig.optimize.coordinates import coordinates_at_best
from optimize.problems import MISRA1A, Fit

LOWER, UPPER = np.array([100.0, 1e-4]), np.array([500.0, 2e-3])
START = np.array(MISRA1A.starts[1])


def _evaluator(fit, x):
    evaluator = Evaluator(fit)
    evaluator.residuals(x)
    return evaluator


@pytest.mark.parametrize("transformed", [True, False])
def test_misfit_one_and_curvature_two_at_the_origin(transformed):
    box = BoxTransform(LOWER, UPPER, START) if transformed else None
    place = coordinates_at_best(_evaluator(MISRA1A.objective(), START), box, LOWER, UPPER)
    np.testing.assert_allclose(place.x(np.zeros(2)), START, rtol=1e-14)
    assert place.reference == pytest.approx(np.sum(MISRA1A.objective().residuals(START) ** 2), rel=1e-14)
    jacobian = MISRA1A.objective().jacobian(START) * place.slope(np.zeros(2))
    np.testing.assert_allclose(2.0 * np.sum(jacobian**2, axis=0) / place.reference, 2.0, rtol=1e-12)  # rounding


def test_slope_is_the_derivative():
    place = coordinates_at_best(_evaluator(MISRA1A.objective(), START), BoxTransform(LOWER, UPPER, START), LOWER, UPPER)
    z, h = np.array([0.3, -0.2]), 1e-5
    # Central differences: h^2 of the third derivative and 1e-16/h of x.
    np.testing.assert_allclose((place.x(z + h) - place.x(z - h)) / (2.0 * h), place.slope(z), rtol=1e-8)


def test_units_stay_within_the_box():
    """A parameter with hardly any effect would be counted in units of 1e30."""
    fit = Fit(lambda x: [x[0] - 7.0, 1e-30 * x[1]], lambda x: [[1.0, 0.0], [0.0, 1e-30]])
    lower, upper, start = np.array([0.0, 0.0]), np.array([10.0, 3.0]), np.array([1.0, 1.0])
    place = coordinates_at_best(_evaluator(fit, start), None, lower, upper)
    np.testing.assert_allclose(place.unit, [6.0, 3.0], rtol=1e-14)
    np.testing.assert_allclose(place.bounds, [[-1.0 / 6.0, -1.0 / 3.0], [9.0 / 6.0, 2.0 / 3.0]], rtol=1e-14)


def test_parameters_that_press_on_a_bound_are_held():
    fit = Fit(lambda x: [x[0] - 7.0, x[1] - 5.0], lambda x: np.eye(2))
    lower, upper, start = np.array([0.0, 0.0]), np.array([10.0, 3.0]), np.array([0.0, 3.0])
    place = coordinates_at_best(_evaluator(fit, start), BoxTransform(lower, upper, start), lower, upper)
    np.testing.assert_array_equal(place.held, [False, True])  # the first is on its bound but pulls away
    x = place.x(np.array([0.5, -2.0]))
    assert x[0] > 0.0
    assert x[1] == 3.0
    assert place.slope(np.array([0.5, -2.0]))[1] == 0.0
