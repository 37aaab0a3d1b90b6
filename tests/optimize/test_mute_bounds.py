"""Parameters on a bound where their derivative vanishes."""

from __future__ import annotations

import numpy as np
import pytest

from kiessig.optimize import minimize


class EvenInOne:
    """Residuals that depend on x[1] through its square: x[1] = 0 is stationary and no minimum."""

    def residuals(self, x):
        return np.array([x[0] - 1.0, x[1] ** 2 - 4.0, 0.1 * x[0] * x[1] ** 2 - 0.4])

    def jacobian(self, x):
        return np.array([[1.0, 0.0], [0.0, 2.0 * x[1]], [0.1 * x[1] ** 2, 0.2 * x[0] * x[1]]])

    def value_and_gradient(self, x):
        r = self.residuals(x)
        return float(r @ r), 2.0 * self.jacobian(x).T @ r


class ZeroIsBest(EvenInOne):
    """The same with its minimum at x[1] = 0."""

    def residuals(self, x):
        return np.array([x[0] - 1.0, x[1] ** 2 + 1.0])

    def jacobian(self, x):
        return np.array([[1.0, 0.0], [0.0, 2.0 * x[1]]])


@pytest.mark.parametrize("method", ["levenberg-marquardt", "trf", "L-BFGS-B"])
def test_a_start_on_a_mute_bound_is_left(method):
    outcome = minimize(EvenInOne(), [0.5, 0.0], bounds=(0.0, 20.0), method=method)
    assert outcome.success
    np.testing.assert_allclose(outcome.x, [1.0, 2.0], rtol=1e-5)  # the stopping rule promises 1e-6 of the misfit


def test_a_minimum_on_a_mute_bound_is_kept():
    outcome = minimize(ZeroIsBest(), [0.5, 0.0], bounds=(0.0, 20.0))
    assert outcome.success
    assert outcome.at_bounds.tolist() == [False, True]
    np.testing.assert_allclose(outcome.x, [1.0, 0.0], atol=1e-9)
