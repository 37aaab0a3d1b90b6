"""The linear model of the residuals around one point, within the bounds."""

from __future__ import annotations

import copy

import numpy as np

from kiessig.optimize.box_least_squares import box_least_squares
from kiessig.optimize.covariance import column_norms
from kiessig.optimize.objective import FloatArray

__all__ = ["LinearModel"]

# Directions whose scaled singular value is below sqrt(this) = 1e-8 promise gains only through steps of 1e8 units.
_FLAT = 1e-16


class LinearModel:
    """``residuals(x + step) = residuals + jacobian @ step``, and what it promises within the bounds.

    The step is counted in units of the columns' lengths, which makes everything here independent of the units of the
    parameters. The Jacobian is reduced to its triangular factor once; each step costs operations on n x n matrices.

    Parameters
    ----------
    x, lower, upper : float arrays, shape (n,)
    residuals : float array, shape (m,)
    jacobian : float array, shape (m, n)
    """

    def __init__(
        self, x: FloatArray, residuals: FloatArray, jacobian: FloatArray, lower: FloatArray, upper: FloatArray
    ) -> None:
        self.norms = column_norms(jacobian)
        self._below, self._above = lower - x, upper - x
        self._scale = np.where(self.norms > 0.0, self.norms, 1.0)
        scaled = jacobian / self._scale
        q, self._matrix = np.linalg.qr(scaled)
        self._offset = q.T @ residuals
        slope = scaled.T @ residuals
        pushed_out = ((self._below >= 0.0) & (slope > 0.0)) | ((self._above <= 0.0) & (slope < 0.0))
        length = float(np.linalg.norm(residuals))
        #: Largest cosine between the residuals and a column of the Jacobian that the bounds leave free; 0 at a minimum.
        self.cosine = float(np.max(np.abs(slope), initial=0.0, where=~pushed_out)) / (length or 1.0)

    def rescaled(self, scale: FloatArray) -> LinearModel:
        """Return the same model with steps, and so their damping, counted in other units than the columns' lengths.

        Parameters
        ----------
        scale : float array, shape (n,)
            Residual per unit of each parameter; zeros count as one.
        """
        other = copy.copy(self)
        other._scale = np.where(scale > 0.0, scale, 1.0)
        other._matrix = self._matrix * (self._scale / other._scale)
        return other

    def step(self, damping: float) -> tuple[FloatArray, float]:
        """Return the damped step in units of x, shape (n,), and the reduction of the misfit that the model promises."""
        step = box_least_squares(
            self._matrix, self._offset, self._below * self._scale, self._above * self._scale, damping
        )
        moved = self._matrix @ step
        reduction = -float(moved @ (2.0 * self._offset + moved))
        return step / self._scale, max(reduction, 0.0)

    def acceleration(
        self, step: FloatArray, jacobian: FloatArray, bend: FloatArray, damping: float
    ) -> tuple[FloatArray, float]:
        """Return the geodesic acceleration of a damped step, shape (n,), and its length in units of the step's.

        Parameters
        ----------
        step : float array, shape (n,)
            From `step`, with the same damping; parameters that it puts on a bound are not accelerated.
        jacobian : float array, shape (m, n)
            What the model was made of.
        bend : float array, shape (m,)
            Second derivative of the residuals along the step.
        damping : float
            Positive.
        """
        free = np.flatnonzero((step > self._below) & (step < self._above))
        acceleration = np.zeros(step.size)
        if free.size:
            matrix = self._matrix[:, free]
            pull = (jacobian[:, free] / self._scale[free]).T @ bend
            acceleration[free] = np.linalg.solve(matrix.T @ matrix + damping * np.eye(free.size), -pull)
        length = float(np.linalg.norm(step * self._scale))
        return acceleration / self._scale, float(np.linalg.norm(acceleration)) / (length or 1.0)

    def gain(self) -> float:
        """Return the reduction of the misfit that the model promises anywhere within the bounds."""
        return self.step(_FLAT)[1]
