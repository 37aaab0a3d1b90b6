"""The limited-memory BFGS method within bounds, many members at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kiessig.optimize.batch.algorithm import State, new_state
from kiessig.optimize.batch.evaluator import BatchEvaluator, Members
from kiessig.optimize.batch.options import require
from kiessig.optimize.batch.reasons import Reason
from kiessig.optimize.convergence import VANISHED
from kiessig.optimize.objective import FloatArray
from kiessig.optimize.transforms import typical_scale

__all__ = ["LBFGS"]

_STALLED = 5
_SUFFICIENT = 1e-4  # part of the fall that the slope promises, of Armijo's rule
_MOST_TRIALS = 30
_FIRST = 0.1  # length of the first step, in units of the boxes
# Pairs of steps and changes of gradient that are closer to a right angle say nothing about curvature.
_RIGHT_ANGLE = 1e-10

Flags = NDArray[np.bool_]


class LBFGS:
    """Quasi-Newton steps from the last few changes of the gradient, projected on to the box.

    Parameters that press on to a bound are held for the step, and the approximate inverse Hessian is that of the
    others. Steps are shortened along their projection by Armijo's rule with safeguarded interpolation. One that finds
    nothing forgets what it knew of the curvature and goes down the gradient.

    Parameters
    ----------
    memory : int
        Pairs of steps and changes of gradients that are kept.
    ftol : float
        A member has converged when five steps in a row lower the misfit by less than this part of it.
    gtol : float
        It has, too, when no parameter's change by its unit (the width of its box) promises more than this part.
    xtol : float
        Steps below this in the units of all parameters end it.

    References
    ----------
    .. [1] J. Nocedal, Mathematics of Computation 35, 773 (1980), doi:10.1090/S0025-5718-1980-0572855-7.
    .. [2] D. P. Bertsekas, SIAM J. Control and Optimization 20, 221 (1982), doi:10.1137/0320018: projected Newton
       methods.
    """

    name = "lbfgs"

    def __init__(self, *, memory: int = 10, ftol: float = 1e-12, gtol: float = 1e-9, xtol: float = 1e-14) -> None:
        self.memory = int(require(self.name, "memory", memory, memory >= 1, "at least 1"))
        self.ftol = require(self.name, "ftol", ftol, 0.0 <= ftol < np.inf, "non-negative and finite")
        self.gtol = require(self.name, "gtol", gtol, 0.0 <= gtol < np.inf, "non-negative and finite")
        self.xtol = require(self.name, "xtol", xtol, 0.0 <= xtol < np.inf, "non-negative and finite")
        self._lower = self._upper = np.empty(0)

    def bound(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take the bounds, shape (n,)."""
        self._lower, self._upper = lower, upper

    def start(self, evaluator: BatchEvaluator, x0: FloatArray) -> State:
        """Evaluate all members at x0 (k, n)."""
        k, n = x0.shape
        scale = typical_scale(self._lower, self._upper, x0[0])
        value, slope = evaluator.gradient(x0, np.arange(k))
        state = new_state(
            x0,
            x=x0,
            value=value,
            first=value,
            gradient=slope * scale,
            scale=np.tile(scale, (k, 1)),
            direction=np.zeros((k, n)),
            length=np.ones(k),
            trials=np.zeros(k, dtype=np.int64),
            stalled=np.zeros(k, dtype=np.int64),
            steps=np.zeros((k, self.memory, n)),
            changes=np.zeros((k, self.memory, n)),
        )
        state["reason"][~np.isfinite(value)] = Reason.UNDEFINED
        running = np.flatnonzero(state["reason"] == Reason.RUNNING)
        self._judge(state, running)
        self._aim(state, running)
        return state

    def step(self, evaluator: BatchEvaluator, state: State, members: Members) -> None:
        """Try one point for each of `members`."""
        x, scale = state["x"][members], state["scale"][members]
        way = state["length"][members, np.newaxis] * state["direction"][members]
        trial = np.clip(x + way * scale, self._lower, self._upper)
        moved = (trial - x) / scale
        short = (np.abs(moved) <= self.xtol).all(axis=1)
        if short.any():
            self._give_up(state, members[short], Reason.SMALL_STEP)
            members, trial, moved, scale = members[~short], trial[~short], moved[~short], scale[~short]
            if not members.size:
                return
        value, slope = evaluator.gradient(trial, members)
        gradient = slope * scale
        promise = np.einsum("ki,ki->k", state["gradient"][members], moved)
        before = state["value"][members]
        fits = np.isfinite(value) & (promise < 0.0) & (value <= before + _SUFFICIENT * promise)
        self._shorten(state, members[~fits], value[~fits], promise[~fits])
        there = members[fits]
        if not there.size:
            return
        self._remember(state, there, moved[fits], gradient[fits] - state["gradient"][there])
        slow = before[fits] - value[fits] <= self.ftol * before[fits]
        state["stalled"][there] = np.where(slow, state["stalled"][there] + 1, 0)
        for name, array in (("x", trial), ("value", value), ("gradient", gradient)):
            state[name][there] = array[fits]
        self._judge(state, there)
        self._aim(state, there)

    def _free(self, state: State, members: Members) -> Flags:
        """Parameters that do not press on to a bound."""
        x, gradient = state["x"][members], state["gradient"][members]
        held: Flags = ((x <= self._lower) & (gradient > 0.0)) | ((x >= self._upper) & (gradient < 0.0))
        return ~held

    def _aim(self, state: State, members: Members) -> None:
        """Choose the next direction, by the two loops of [1] among the free parameters."""
        free = self._free(state, members)
        gradient = np.where(free, state["gradient"][members], 0.0)
        steps, changes = (state[name][members] * free[:, np.newaxis, :] for name in ("steps", "changes"))
        products = np.einsum("kmi,kmi->km", steps, changes)
        lengths = np.linalg.norm(steps, axis=2) * np.linalg.norm(changes, axis=2)
        usable = products > _RIGHT_ANGLE * lengths
        with np.errstate(divide="ignore"):
            inverse = np.where(usable, 1.0 / products, 0.0)
        q = gradient.copy()
        parts = np.zeros_like(products)
        for i in range(self.memory):  # the newest first
            parts[:, i] = inverse[:, i] * np.einsum("ki,ki->k", steps[:, i], q)
            q -= parts[:, i, np.newaxis] * changes[:, i]
        newest = np.argmax(usable, axis=1)
        rows = np.arange(len(members))
        known = usable.any(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = np.einsum("ki,ki->k", changes[rows, newest], changes[rows, newest])
            size = np.where(known, products[rows, newest] / squares, _FIRST / np.linalg.norm(gradient, axis=1))
        q *= np.where(np.isfinite(size), size, 0.0)[:, np.newaxis]
        for i in reversed(range(self.memory)):
            q += (parts[:, i] - inverse[:, i] * np.einsum("ki,ki->k", changes[:, i], q))[:, np.newaxis] * steps[:, i]
        state["direction"][members] = np.where(free, -q, 0.0)
        state["length"][members] = 1.0
        state["trials"][members] = 0

    def _remember(self, state: State, members: Members, moved: FloatArray, changed: FloatArray) -> None:
        for name, array in (("steps", moved), ("changes", changed)):
            state[name][members] = np.concatenate([array[:, np.newaxis], state[name][members, :-1]], axis=1)

    def _shorten(self, state: State, members: Members, value: FloatArray, promise: FloatArray) -> None:
        """Shorten the steps that have failed, to the minimum of a parabola where that is between a tenth and a half."""
        if not members.size:
            return
        state["trials"][members] += 1
        with np.errstate(divide="ignore", invalid="ignore"):
            part = -0.5 * promise / (value - state["value"][members] - promise)
        part = np.clip(np.where(np.isfinite(part), part, 0.1), 0.1, 0.5)
        state["length"][members] *= part
        hopeless = (state["trials"][members] > _MOST_TRIALS) | ~(promise < 0.0)
        self._give_up(state, members[hopeless], Reason.NO_DESCENT)

    def _give_up(self, state: State, members: Members, reason: Reason) -> None:
        """Forget the curvature and aim anew; where there was none to forget, the search has ended."""
        knows = state["changes"][members].any(axis=(1, 2))
        state["reason"][members[~knows]] = reason
        again = members[knows]
        if again.size:
            state["steps"][again] = state["changes"][again] = 0.0
            self._aim(state, again)

    def _judge(self, state: State, members: Members) -> None:
        """End the members that have converged."""
        slopes = np.where(self._free(state, members), np.abs(state["gradient"][members]), 0.0)
        value = state["value"][members]
        flat = slopes.max(axis=1, initial=0.0) <= self.gtol * value
        state["reason"][members[state["stalled"][members] >= _STALLED]] = Reason.CONVERGED
        state["reason"][members[flat]] = Reason.SMALL_GRADIENT
        state["reason"][members[value <= VANISHED * state["first"][members]]] = Reason.EXACT
