"""The grammar of batched algorithms: a start, and a step that every active member takes at once."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kiessig.optimize.batch.evaluator import BatchEvaluator, Members
from kiessig.optimize.objective import FloatArray

__all__ = ["Algorithm", "State", "new_state"]

State = dict[str, npt.NDArray[Any]]
"""Arrays with a row for each member; "reason" (int8, see `Reason`) is one of them. A checkpoint holds them all."""


class Algorithm(Protocol):
    """An algorithm that advances many members in step.

    All it knows of a member stands in that member's rows of the state, so that members are independent of one another,
    and a search goes on from a saved state as if it had not been interrupted.
    """

    def bound(self, lower: FloatArray, upper: FloatArray) -> None:
        """Take the bounds, shape (n,), before anything else."""
        ...

    def start(self, evaluator: BatchEvaluator, x0: FloatArray) -> State:
        """Return the state at x0 (k, n), after at most one evaluation of each member."""
        ...

    def step(self, evaluator: BatchEvaluator, state: State, members: Members) -> None:
        """Advance `members` (indices of those still running) in place, with one evaluation each.

        More than one may be made as long as the evaluator's limit is kept.

        A member ends by its entry in ``state["reason"]``.
        """
        ...


def new_state(x0: FloatArray, **arrays: Any) -> State:
    """Return a state that holds `arrays`, each with a row per member, and a reason."""
    state: State = {"reason": np.zeros(len(x0), dtype=np.int8)}
    state.update({name: np.array(array) for name, array in arrays.items()})
    return state
