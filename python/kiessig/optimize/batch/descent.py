"""What descents along gradients share: coordinates, schedule, clipping, steps back, and the test of the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize.batch.algorithm import State, new_state
from kiessig.optimize.batch.clipping import clipped
from kiessig.optimize.batch.coordinates import Coordinates, coordinates_of, require_kind
from kiessig.optimize.batch.evaluator import BatchEvaluator, Members, Normal
from kiessig.optimize.batch.gain import has_converged
from kiessig.optimize.batch.options import require
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.batch.schedules import schedule_of
from kiessig.optimize.convergence import BESIDE
from kiessig.optimize.objective import FloatArray
from kiessig.optimize.transforms import typical_scale

__all__ = ["Descent"]


class Descent(ABC):
    """Steps against the gradient, of sizes that a schedule tells; what exactly a step is, subclasses say.

    The descent runs in coordinates that bounds give their units: a parameter between two bounds moves in its logistic
    coordinate (of its logarithm, where the bounds span decades), so that a step of 0.05 at mid-box is 1 % of the width;
    see `kiessig.optimize.BoxTransform`. With ``box="projection"`` it moves in units of the width, and is put back on
    the bound that it has left.

    Parameters
    ----------
    steps : int
        Length of the schedule.
    learning_rate : float
        Factor of the steps at the beginning.
    schedule : {"cosine", "exponential", "linear", "step", "constant"} or callable
        How the factor falls; see `kiessig.optimize.batch.schedules.schedule_of`.
    final_rate : float
        Last factor over the first, in (0, 1].
    clip : float
        Longest step, in the coordinates.
    rise : float
        A member whose misfit exceeds this many times its lowest goes back there, and on with half the steps.
    tolerance : float
        Every `check_every` steps, one evaluation with Jacobian at the best point tells by how much the misfit could
        still fall; below this part of it, the descent ends.
    check_every : int
        See `tolerance`.
    box : {"transform", "projection"}
        How bounds are kept.
    scale : float array, shape (n,), optional
        Unit of parameters without two bounds; see `kiessig.optimize.BoxTransform`.
    """

    name: ClassVar[str]
    """What errors call it."""
    memory: ClassVar[tuple[str, ...]] = ()
    """Names of arrays (k, n) that remember earlier gradients, zero at first."""

    def __init__(
        self,
        *,
        steps: int = 2000,
        learning_rate: float,
        schedule: str | Callable[[float], float] = "cosine",
        final_rate: float = 1e-3,
        clip: float = np.inf,
        rise: float = np.inf,
        tolerance: float = 1e-7,
        check_every: int = 25,
        box: str = "transform",
        scale: npt.ArrayLike | None = None,
    ) -> None:
        name = self.name
        self.learning_rate = require(
            name, "learning_rate", learning_rate, 0.0 < learning_rate < np.inf, "positive and finite"
        )
        self.final_rate = require(name, "final_rate", final_rate, 0.0 < final_rate <= 1.0, "in (0, 1]")
        self.clip = require(name, "clip", clip, clip > 0.0, "positive")
        self.rise = require(name, "rise", rise, rise > 1.0, "above 1")
        self.tolerance = require(name, "tolerance", tolerance, 0.0 <= tolerance < np.inf, "non-negative and finite")
        self.check_every = int(require(name, "check_every", check_every, check_every >= 1, "at least 1"))
        self.steps = int(require(name, "steps", steps, steps >= 1, "at least 1"))
        self._factor = schedule_of(name, schedule, self.final_rate)
        self._kind = require_kind(name, box)
        self._scale = None if scale is None else np.asarray(scale, dtype=np.float64)
        self._lower = self._upper = np.empty(0)
        self._coordinates: Coordinates | None = None

    def bound(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take the bounds, shape (n,)."""
        self._lower, self._upper = lower, upper
        self._coordinates = None
        if self._scale is None:
            return
        if self._scale.shape != lower.shape:
            message = f"{self.name}: scale must have shape {lower.shape}; got {self._scale.shape}"
            raise ShapeError(message)
        bad = np.flatnonzero(~(np.isfinite(self._scale) & (self._scale > 0.0)))
        if bad.size:
            message = f"{self.name}: scale must be positive and finite; scale[{bad[0]}] = {self._scale[bad[0]]}"
            raise InvalidValueError(message)

    def start(self, evaluator: BatchEvaluator, x0: FloatArray) -> State:
        """Evaluate all members at x0 (k, n)."""
        everyone = np.arange(len(x0))
        scale = typical_scale(self._lower, self._upper, x0[0]) if self._scale is None else self._scale
        self._coordinates = space = coordinates_of(self._kind, self._lower, self._upper, scale)
        u = space.forward(x0)
        x = space.inverse(u)
        value, slope, more = self.first(evaluator, x, everyone, space.derivative(u))
        gradient = slope * space.derivative(u)
        state = new_state(
            x0,
            u=u,
            gradient=gradient,
            scale=np.tile(scale, (len(x0), 1)),
            value=value,
            first=value,
            lowest=value,
            lowest_u=u,
            lowest_gradient=gradient,
            trust=np.ones(len(x0)),
            count=np.ones(len(x0), dtype=np.int64),
            age=np.zeros(len(x0), dtype=np.int64),
            largest=np.abs(gradient).max(axis=1, initial=0.0),
            **{name: np.zeros_like(u) for name in self.memory},
            **more,
        )
        state["reason"][~np.isfinite(value)] = Reason.UNDEFINED
        return state

    def first(
        self, evaluator: BatchEvaluator, x: FloatArray, members: Members, derivative: FloatArray
    ) -> tuple[FloatArray, FloatArray, dict[str, npt.NDArray[Any]]]:
        """Return misfits and gradients at the start, and further arrays of the state."""
        return (*evaluator.gradient(x, members), {})

    @abstractmethod
    def direction(self, state: State, members: Members) -> FloatArray:
        """Return what is to be subtracted, (k, n), for a factor of 1; remember the gradients."""

    def examined(  # noqa: B027 - not every algorithm has something to learn
        self, state: State, members: Members, normal: Normal, derivative: FloatArray
    ) -> None:
        """Learn from the linear model at the best points."""

    def step(self, evaluator: BatchEvaluator, state: State, members: Members) -> None:
        """Take one step with each of `members`."""
        over = state["count"][members] >= self.steps
        if over.any():
            self._check(evaluator, state, members[over])
            left = members[over][state["reason"][members[over]] == Reason.RUNNING]
            state["reason"][left] = Reason.SCHEDULE_ENDED
            members = members[~over]
            if not members.size:
                return
        state["age"][members] += 1
        factor = self._factor((state["count"][members] - 1) / self.steps)
        rate = self.learning_rate * factor * state["trust"][members]
        space = self._space(state)
        steps = clipped(rate[:, np.newaxis] * self.direction(state, members), self.clip)
        u = state["u"][members] - steps
        if self._kind == "projection":
            u = space.forward(space.inverse(u))
        value, slope = evaluator.gradient(space.inverse(u), members)
        state["u"][members], state["value"][members] = u, value
        state["gradient"][members] = slope * space.derivative(u)
        state["count"][members] += 1
        lower = members[value < state["lowest"][members]]
        for name, of in (("lowest", "value"), ("lowest_u", "u"), ("lowest_gradient", "gradient")):
            state[name][lower] = state[of][lower]
        self._go_back(state, members[~(value <= self.rise * state["lowest"][members])])
        due = members[state["count"][members] % self.check_every == 0]
        if due.size:
            self._check(evaluator, state, due)

    def _go_back(self, state: State, members: Members) -> None:
        """Return to the lowest points, with half the steps and no memory."""
        state["u"][members] = state["lowest_u"][members]
        state["gradient"][members] = state["lowest_gradient"][members]
        state["trust"][members] *= 0.5
        state["age"][members] = 0
        for name in self.memory:
            state[name][members] = 0.0

    def _space(self, state: State) -> Coordinates:
        if self._coordinates is None:  # after a resumption
            self._coordinates = coordinates_of(self._kind, self._lower, self._upper, state["scale"][0])
        return self._coordinates

    def _check(self, evaluator: BatchEvaluator, state: State, members: Members) -> None:
        """End the members whose best points are minima; what presses on to a bound nearby is put there."""
        best = evaluator.x[members]
        normal = evaluator.normal(best, members)
        beside = BESIDE * state["scale"][members]
        down = (best - self._lower <= beside) & (normal.gradient > 0.0)
        up = (self._upper - best <= beside) & (normal.gradient < 0.0)
        settled = np.where(down, self._lower, np.where(up, self._upper, best))
        moved = np.flatnonzero((settled != best).any(axis=1))
        if moved.size:
            there = evaluator.normal(settled[moved], members[moved])
            better = there.value < normal.value[moved]
            at = moved[better]
            best[at] = settled[at]
            for mine, others in zip(normal, there, strict=True):
                mine[at] = others[better]
        space = self._space(state)
        self.examined(state, members, normal, space.derivative(space.forward(best)))
        done = has_converged(normal, best, self._lower, self._upper, state["first"][members], self.tolerance)
        state["reason"][members[done]] = Reason.CONVERGED
