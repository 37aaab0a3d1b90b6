"""What a fit minimises: residuals of the data, and further rows for priors and constraints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.constraints import Constraint
from kiessig.errors import InvalidValueError
from kiessig.parameters import Parameter, Quantity, free_parameters
from kiessig.problem.replay import Relations

if TYPE_CHECKING:
    from kiessig.problem.problem import Problem

__all__ = ["Extras", "Objective", "constraint_relations"]

FloatArray = NDArray[np.float64]


def constraint_relations(constraints: Sequence[Constraint], parameters: Sequence[Parameter]) -> Relations | None:
    """Record the violations of constraints, or raise where they are on anything but these parameters."""
    if not constraints:
        return None
    violations: list[Quantity] = []
    for index, item in enumerate(constraints):
        if not isinstance(item, Constraint):
            message = f"Problem: constraints must be Constraints; constraints[{index}] is a {type(item).__name__}"
            raise InvalidValueError(message)
        for parameter in free_parameters([item.violation]):
            if parameter not in parameters:
                message = (
                    f"Problem: a constraint must be on parameters of the measurements; constraints[{index}] has "
                    f"{parameter!r}"
                )
                raise InvalidValueError(message)
        violations.append(item.violation)
    return Relations(violations, parameters)


class Extras:
    """Rows behind the data: one for each parameter with a prior, then one for each constraint.

    Columns are those of `places` among the parameters.
    """

    def __init__(self, problem: Problem, places: Sequence[int] | None = None) -> None:
        n = len(problem.parameters)
        self._places = list(range(n)) if places is None else list(places)
        self._n = n
        found = [(place, problem.parameters[place].prior) for place in self._places]
        self.priors = [(place, prior) for place, prior in found if prior is not None]
        self._constraints = problem._constraints
        self._tolerances = np.array([item.tolerance for item in problem.constraints])
        self.n_rows = len(self.priors) + self._tolerances.size

    def rows(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute the rows, (..., n_rows), of x, (..., n_parameters), and their derivatives; NaN where undefined."""
        rows = np.zeros((*x.shape[:-1], self.n_rows))
        slopes = np.zeros((*x.shape[:-1], self.n_rows, self._n))
        for number, (place, prior) in enumerate(self.priors):
            for member in np.ndindex(x.shape[:-1]):
                inside = prior.support[0] <= x[(*member, place)] <= prior.support[1]
                row, slope = prior.residual(float(x[(*member, place)])) if inside else (np.nan, np.nan)
                rows[(*member, number)], slopes[(*member, number, place)] = row, slope
        if self._constraints is not None:
            with np.errstate(all="ignore"):
                violations, relations = self._constraints.jacobian(x)
            here = slice(len(self.priors), None)
            violated = violations > 0.0
            rows[..., here] = np.where(violated | np.isnan(violations), violations, 0.0) / self._tolerances
            varying = [len(self.priors) + place for place in self._constraints.varying]
            weight = violated[..., self._constraints.varying] / self._tolerances[self._constraints.varying]
            slopes[..., varying, :] = weight[..., np.newaxis] * relations
        return rows, slopes[..., self._places]


class Objective:
    """What a fit minimises: the squared residuals of a problem's data, priors and constraints.

    The value is ``chi2 + sum(2 (max ln p - ln p)) + sum((violation / tolerance)**2)``, the last over violated
    constraints: twice the negative logarithm of the posterior but for a constant, and chi2 where there are neither
    priors nor constraints.

    Parameters
    ----------
    problem : Problem
        Made by `Problem.objective`.

    Attributes
    ----------
    n_residuals : int
        Rows of the data, then of the priors in the order of the parameters, then of the constraints.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._extras = Extras(problem)
        self.n_residuals = problem.n_points + self._extras.n_rows

    def residuals(self, x: ArrayLike) -> FloatArray:
        """Compute all residuals.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.

        Returns
        -------
        float array, shape (..., n_residuals)
        """
        point = self._problem._point("residuals", x)
        found = self._problem.residuals(point)
        if not self._extras.n_rows:
            return found
        return np.concatenate([found, self._extras.rows(point)[0]], axis=-1)

    def residuals_and_jacobian(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Compute all residuals and their derivatives.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.

        Returns
        -------
        residuals : float array, shape (..., n_residuals)
        jacobian : float array, shape (..., n_residuals, n_parameters)
        """
        point = self._problem._point("jacobian", x)
        residuals, jacobian = self._problem.residuals_and_jacobian(point)
        if not self._extras.n_rows:
            return residuals, jacobian
        rows, slopes = self._extras.rows(point)
        return np.concatenate([residuals, rows], axis=-1), np.concatenate([jacobian, slopes], axis=-2)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Compute the derivatives of all residuals, (..., n_residuals, n_parameters); see `residuals_and_jacobian`."""
        return self.residuals_and_jacobian(x)[1]

    def value_and_gradient(self, x: ArrayLike) -> tuple[Any, FloatArray]:
        """Compute the sum of all squared residuals and its gradient.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.

        Returns
        -------
        value : float, or float array of shape (...)
        gradient : float array, shape (..., n_parameters)
        """
        point = self._problem._point("value_and_gradient", x)
        value, gradient = self._problem.value_and_gradient(point)
        if not self._extras.n_rows:
            return value, gradient
        rows, slopes = self._extras.rows(point)
        value = value + np.einsum("...i,...i->...", rows, rows)
        gradient = gradient + 2.0 * np.einsum("...i,...ij->...j", rows, slopes)
        return (float(value) if point.ndim == 1 else value), gradient
