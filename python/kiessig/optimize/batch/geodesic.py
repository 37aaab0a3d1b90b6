"""Geodesic acceleration of the steps of many members."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiessig.optimize.batch.box_steps import towards_minimum
from kiessig.optimize.batch.evaluator import BatchEvaluator, Members
from kiessig.optimize.geodesic import ALPHA, PROBE, bend_of_residuals
from kiessig.optimize.objective import FloatArray

__all__ = ["HeldJacobians"]


class HeldJacobians:
    """Residuals and Jacobian of every member at its present point, and those of a trial until it is decided.

    They follow from the points and are no part of a search's state: after a resumption they are computed anew.
    """

    def __init__(self) -> None:
        self._residuals = self._jacobian = np.empty(0)
        self._trial_residuals = self._trial_jacobian = np.empty(0)
        self._sizes = 0, 0

    @property
    def empty(self) -> bool:
        """Whether nothing is known of any member yet."""
        return not self._jacobian.size

    def begin(self, n_members: int, n_rows: int) -> None:
        """Make ready for a trial of some members."""
        self._sizes = n_members, n_rows
        self._trial_jacobian = np.empty(0)

    def keep(self, rows: slice, residuals: FloatArray, jacobian: FloatArray) -> None:
        """Store a piece of the trial."""
        if not self._trial_jacobian.size:
            self._trial_residuals = np.empty((self._sizes[1], *residuals.shape[1:]))
            self._trial_jacobian = np.empty((self._sizes[1], *jacobian.shape[1:]))
        self._trial_residuals[rows], self._trial_jacobian[rows] = residuals, jacobian

    def accept(self, members: Members, accepted: npt.NDArray[np.bool_]) -> None:
        """Take over the accepted rows of the trial, which are those of `members`."""
        if self.empty:
            self._residuals = np.zeros((self._sizes[0], *self._trial_residuals.shape[1:]))
            self._jacobian = np.zeros((self._sizes[0], *self._trial_jacobian.shape[1:]))
        self._residuals[members] = self._trial_residuals[accepted]
        self._jacobian[members] = self._trial_jacobian[accepted]

    def bent(
        self,
        evaluator: BatchEvaluator,
        members: Members,
        x: FloatArray,
        matrix: FloatArray,
        unit: FloatArray,
        steps: FloatArray,
        damping: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
    ) -> FloatArray:
        """Return half the geodesic acceleration of each step, in units of x; zero where it is too long.

        Parameters
        ----------
        evaluator : BatchEvaluator
            Grants one evaluation of the residuals for each member that has at least two left.
        members : int array, shape (k,)
            Whose steps they are.
        x, unit, steps : float arrays, shape (k, n)
            Points, units of the parameters, and steps in these.
        matrix : float array, shape (k, n, n)
            Gauss-Newton matrices in the units.
        damping : float array, shape (k,)
            Of the steps.
        lower, upper : float arrays, shape (n,)
            Bounds; parameters that a step puts on one are not accelerated.
        """
        if self.empty:
            self._recompute(evaluator, members, x)
        added = np.zeros_like(x)
        limit = np.inf if evaluator.limit is None else evaluator.limit
        granted = np.flatnonzero(evaluator.n_evaluations[members] + 2 <= limit)
        if not granted.size:
            return added
        members = members[granted]
        x, unit, steps, damping = (array[granted] for array in (x, unit, steps, damping))
        moved = steps / unit
        value, ahead = evaluator.residuals(np.clip(x + PROBE * moved, lower, upper), members)
        jacobian = self._jacobian[members]
        bend = bend_of_residuals(ahead, self._residuals[members], np.einsum("kmn,kn->km", jacobian, moved))
        pull = np.einsum("kmn,km->kn", jacobian, bend) / unit
        held = (x + moved <= lower) | (x + moved >= upper)
        acceleration = towards_minimum(matrix[granted], pull, damping, held)
        short = np.linalg.norm(acceleration, axis=1) <= ALPHA * np.linalg.norm(steps, axis=1)
        good = short & np.isfinite(value)
        added[granted] = np.where(good[:, np.newaxis], 0.5 * acceleration / unit, 0.0)
        return added

    def _recompute(self, evaluator: BatchEvaluator, members: Members, x: FloatArray) -> None:
        """Fill in the members' own points; evaluations that a search has made before are not counted again."""
        counts = evaluator.n_evaluations.copy(), evaluator.n_jacobian_evaluations.copy()
        self.begin(len(evaluator.value), len(x))
        evaluator.normal(x, members, self.keep)
        self.accept(members, np.ones(len(members), dtype=bool))
        evaluator.n_evaluations[:], evaluator.n_jacobian_evaluations[:] = counts
