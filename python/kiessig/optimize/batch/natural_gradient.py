"""Natural gradient descent: gradients in the metric of the data's information."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiessig.optimize.batch.algorithm import State, new_state
from kiessig.optimize.batch.box_steps import box_steps
from kiessig.optimize.batch.evaluator import BatchEvaluator, Members, Normal
from kiessig.optimize.batch.gain import column_lengths, has_converged, units_of
from kiessig.optimize.batch.options import require
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.batch.schedules import schedule_of
from kiessig.optimize.objective import FloatArray

__all__ = ["NaturalGradient"]

_LEAST = 1e-13  # damping, below which the inverse of F is rounding


class NaturalGradient:
    """Steps ``-rate F^-1 g`` with the Fisher matrix F = J.T J of normally distributed residuals.

    F is damped in Marquardt's units, and the step before the rate is the minimum of its quadratic model within the box:
    bounds are kept. The damping falls while the misfit does. A member whose misfit exceeds `rise` times its lowest goes
    back there, with more damping; smaller rises are let pass.

    Parameters
    ----------
    steps : int
        Length of the schedule.
    learning_rate : float
        Part of the step to the minimum of the model, in (0, 1]; with 1 and no damping it is Gauss and Newton's.
    schedule : {"constant", "cosine", "exponential", "linear", "step"} or callable
        See `kiessig.optimize.batch.schedules.schedule_of`.
    final_rate : float
        Last rate over the first, in (0, 1].
    damping : float
        First number to be added to the diagonal of F where that is scaled to 1.
    rise : float
        See above.
    tolerance : float
        A member has converged when its quadratic model promises a relative reduction below this anywhere in the box.

    References
    ----------
    .. [1] S. Amari, Neural Computation 10, 251 (1998), doi:10.1162/089976698300017746.
    .. [2] J. Martens, Journal of Machine Learning Research 21, 146 (2020), arXiv:1412.1193: damping, and the
       generalised Gauss-Newton matrix.
    """

    name = "natural-gradient"

    def __init__(
        self,
        *,
        steps: int = 1000,
        learning_rate: float = 1.0,
        schedule: str | Callable[[float], float] = "constant",
        final_rate: float = 1e-2,
        damping: float = 1e-3,
        rise: float = 1.5,
        tolerance: float = 1e-10,
    ) -> None:
        name = self.name
        self.learning_rate = require(name, "learning_rate", learning_rate, 0.0 < learning_rate <= 1.0, "in (0, 1]")
        self.final_rate = require(name, "final_rate", final_rate, 0.0 < final_rate <= 1.0, "in (0, 1]")
        self.damping = require(name, "damping", damping, 0.0 < damping < np.inf, "positive and finite")
        self.rise = require(name, "rise", rise, rise > 1.0, "above 1")
        self.tolerance = require(name, "tolerance", tolerance, 0.0 <= tolerance < np.inf, "non-negative and finite")
        self.steps = int(require(name, "steps", steps, steps >= 1, "at least 1"))
        self._factor = schedule_of(name, schedule, self.final_rate)
        self._lower = self._upper = np.empty(0)

    def bound(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take the bounds, shape (n,)."""
        self._lower, self._upper = lower, upper

    def start(self, evaluator: BatchEvaluator, x0: FloatArray) -> State:
        """Evaluate all members at x0 (k, n)."""
        normal = evaluator.normal(x0, np.arange(len(x0)))
        found = {"x": x0, "value": normal.value, "gradient": normal.gradient, "curvature": normal.curvature}
        state = new_state(
            x0,
            **found,
            **{f"lowest_{name}": array for name, array in found.items()},
            first=normal.value,
            scale=column_lengths(normal.curvature),
            damping=np.full(len(x0), self.damping),
            count=np.ones(len(x0), dtype=np.int64),
        )
        state["reason"][~np.isfinite(normal.value)] = Reason.UNDEFINED
        self._judge(state, np.flatnonzero(state["reason"] == Reason.RUNNING))
        return state

    def step(self, evaluator: BatchEvaluator, state: State, members: Members) -> None:
        """Take one step with each of `members`."""
        over = state["count"][members] >= self.steps
        state["reason"][members[over]] = Reason.SCHEDULE_ENDED
        members = members[~over]
        if not members.size:
            return
        x = state["x"][members]
        here = Normal(*(state[name][members] for name in ("value", "gradient", "curvature")))
        unit, matrix, slope = units_of(here, state["scale"][members])
        room = (self._lower - x) * unit, (self._upper - x) * unit
        whole = box_steps(matrix, slope, *room, state["damping"][members]) / unit
        rate = self.learning_rate * self._factor((state["count"][members] - 1) / self.steps)
        trial = np.clip(x + rate[:, np.newaxis] * whole, self._lower, self._upper)
        normal = evaluator.normal(trial, members)
        state["x"][members] = trial
        for name, array in zip(("value", "gradient", "curvature"), normal, strict=True):
            state[name][members] = array
        state["count"][members] += 1
        fell = normal.value < state["lowest_value"][members]
        state["damping"][members[fell]] = np.maximum(_LEAST, state["damping"][members[fell]] / 3.0)
        for name in ("x", "value", "gradient", "curvature"):
            state[f"lowest_{name}"][members[fell]] = state[name][members[fell]]
        lengths = column_lengths(normal.curvature)
        state["scale"][members] = np.maximum(state["scale"][members], lengths)
        lost = members[~(normal.value <= self.rise * state["lowest_value"][members])]
        for name in ("x", "value", "gradient", "curvature"):
            state[name][lost] = state[f"lowest_{name}"][lost]
        state["damping"][lost] *= 8.0
        self._judge(state, members[fell])

    def _judge(self, state: State, members: Members) -> None:
        """End the members that have converged."""
        if not members.size:
            return
        here = Normal(*(state[name][members] for name in ("value", "gradient", "curvature")))
        at = state["x"][members], self._lower, self._upper
        done = has_converged(here, *at, state["first"][members], self.tolerance)
        state["reason"][members[done]] = Reason.CONVERGED
