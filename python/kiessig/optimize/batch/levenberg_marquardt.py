"""The Levenberg-Marquardt method, many members at once."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.batch.algorithm import State, new_state
from kiessig.optimize.batch.box_steps import box_steps, promised
from kiessig.optimize.batch.evaluator import BatchEvaluator, Members, Normal
from kiessig.optimize.batch.gain import column_lengths, promised_gain, units_of
from kiessig.optimize.batch.geodesic import HeldJacobians
from kiessig.optimize.batch.options import require
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.convergence import VANISHED
from kiessig.optimize.objective import FloatArray

__all__ = ["LevenbergMarquardt"]

_LARGEST_DAMPING = 1e32
_STALLED = 5


class LevenbergMarquardt:
    """Damped Gauss-Newton steps within bounds, from normal equations.

    The step, its damping (Nielsen's rule) and its units (Moré's scaling) are those of
    `kiessig.optimize.levenberg_marquardt`, which works on the Jacobian itself and therefore keeps twice the digits of
    an ill-conditioned problem. Here each member costs some n x n operations per step, for all members in one call.

    Parameters
    ----------
    ftol : float
        A member has converged when its quadratic model promises a relative reduction below this anywhere in the box.
    xtol : float
        Steps below ``xtol * abs(x)`` in every parameter end it as well.
    damping : float
        First mu.
    geodesic : bool
        Whether to bend steps along the geodesic, as the single method does. The Jacobians of all members are held then.
    """

    def __init__(
        self, *, ftol: float = 1e-10, xtol: float = 1e-10, damping: float = 1e-3, geodesic: bool = False
    ) -> None:
        self.ftol = require("levenberg_marquardt", "ftol", ftol, 0.0 <= ftol < np.inf, "non-negative and finite")
        self.xtol = require("levenberg_marquardt", "xtol", xtol, 0.0 <= xtol < np.inf, "non-negative and finite")
        self.damping = require("levenberg_marquardt", "damping", damping, 0.0 < damping < np.inf, "positive and finite")
        self._held = HeldJacobians() if geodesic else None
        self._lower = self._upper = np.empty(0)

    def bound(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take the bounds, shape (n,)."""
        self._lower, self._upper = lower, upper

    def start(self, evaluator: BatchEvaluator, x0: FloatArray) -> State:
        """Evaluate all members at x0 (k, n)."""
        normal = self._normal(evaluator, x0, np.arange(len(x0)))
        state = new_state(
            x0,
            x=x0,
            value=normal.value,
            first=normal.value,
            gradient=normal.gradient,
            curvature=normal.curvature,
            scale=column_lengths(normal.curvature),
            damping=np.full(len(x0), self.damping),
            factor=np.full(len(x0), 2.0),
            stalled=np.zeros(len(x0), dtype=np.int64),
        )
        state["reason"][~np.isfinite(normal.value)] = Reason.UNDEFINED
        self._judge(state, np.flatnonzero(state["reason"] == Reason.RUNNING))
        return state

    def step(self, evaluator: BatchEvaluator, state: State, members: Members) -> None:
        """Try one step for each of `members`."""
        x, value, damping = state["x"][members], state["value"][members], state["damping"][members]
        unit, matrix, slope = units_of(self._here(state, members), state["scale"][members])
        steps = box_steps(matrix, slope, (self._lower - x) * unit, (self._upper - x) * unit, damping)
        trial = np.clip(x + steps / unit, self._lower, self._upper)
        short = (np.abs(trial - x) <= self.xtol * np.abs(x)).all(axis=1)
        hopeless = damping > _LARGEST_DAMPING
        state["reason"][members[short]] = Reason.SMALL_STEP
        state["reason"][members[hopeless]] = Reason.NO_DESCENT
        going = ~(short | hopeless)
        members, trial, value, damping = members[going], trial[going], value[going], damping[going]
        if not members.size:
            return
        reduction = promised(matrix[going], slope[going], steps[going])
        if self._held is not None:
            here = self._held.bent(
                *(evaluator, members, state["x"][members], matrix[going], unit[going], steps[going], damping),
                *(self._lower, self._upper),
            )
            trial = np.clip(trial + here, self._lower, self._upper)
        normal = self._normal(evaluator, trial, members)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(reduction > 0.0, (value - normal.value) / reduction, -1.0)
        accepted = ratio > 0.0
        self._reject(state, members[~accepted])
        there = members[accepted]
        if self._held is not None:
            self._held.accept(there, accepted)
        fall = value[accepted] - normal.value[accepted]
        state["stalled"][there] = np.where(fall <= self.ftol * value[accepted], state["stalled"][there] + 1, 0)
        # the bound keeps the cube of a ratio far from 1 from overflowing
        change = np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.minimum(ratio[accepted], 10.0) - 1.0) ** 3)
        state["damping"][there] = damping[accepted] * change
        state["factor"][there] = 2.0
        for name, array in (("x", trial), ("value", normal.value), ("gradient", normal.gradient)):
            state[name][there] = array[accepted]
        state["curvature"][there] = normal.curvature[accepted]
        state["scale"][there] = np.maximum(state["scale"][there], column_lengths(normal.curvature[accepted]))
        self._judge(state, there)

    def _normal(self, evaluator: BatchEvaluator, x: FloatArray, members: Members) -> Normal:
        if self._held is None:
            return evaluator.normal(x, members)
        self._held.begin(len(evaluator.value), len(x))
        normal = evaluator.normal(x, members, self._held.keep)
        if self._held.empty:
            self._held.accept(members, np.ones(len(members), dtype=bool))
        return normal

    def _reject(self, state: State, members: Members) -> None:
        state["damping"][members] *= state["factor"][members]
        state["factor"][members] *= 2.0

    def _here(self, state: State, members: Members) -> Normal:
        return Normal(*(state[name][members] for name in ("value", "gradient", "curvature")))

    def _judge(self, state: State, members: Members) -> None:
        """End the members that have converged."""
        if not members.size:
            return
        x, value = state["x"][members], state["value"][members]
        exact = value <= VANISHED * state["first"][members]
        converged = promised_gain(self._here(state, members), x, self._lower, self._upper) <= self.ftol * value
        stalled = state["stalled"][members] >= _STALLED
        state["reason"][members[converged | stalled]] = Reason.CONVERGED
        state["reason"][members[exact]] = Reason.EXACT
