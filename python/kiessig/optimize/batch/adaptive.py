"""What descents share that divide each gradient by its own usual size."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.optimize.batch.algorithm import State
from kiessig.optimize.batch.descent import Descent
from kiessig.optimize.batch.evaluator import Members
from kiessig.optimize.batch.options import require
from kiessig.optimize.objective import FloatArray

__all__ = ["AdaptiveDescent"]


class AdaptiveDescent(Descent):
    """A step changes a coordinate by about `learning_rate` at most, whatever the misfit is measured in.

    Parameters
    ----------
    learning_rate : float
        Step size at the beginning, in units of the coordinates.
    beta2 : float
        Decay of the running mean of squares, in [0, 1). The papers' 0.999 averages noise out of the gradients; these
        have none, and a shorter memory forgets the steep slopes of the start sooner.
    epsilon : float
        Added to the root of the mean square, relative to the largest gradient of the start.
    **options
        See `Descent`.
    """

    def __init__(
        self, *, learning_rate: float = 0.05, beta2: float = 0.99, epsilon: float = 1e-12, **options: Any
    ) -> None:
        super().__init__(learning_rate=learning_rate, **options)
        self.beta2 = require(self.name, "beta2", beta2, 0.0 <= beta2 < 1.0, "in [0, 1)")
        self.epsilon = require(self.name, "epsilon", epsilon, 0.0 < epsilon < np.inf, "positive and finite")

    def divided(self, moment: FloatArray, square: FloatArray, state: State, members: Members) -> FloatArray:
        """Return moments over the roots of mean squares; zero where both vanish."""
        spread = np.sqrt(square) + self.epsilon * state["largest"][members, np.newaxis]
        return np.divide(moment, spread, out=np.zeros_like(moment), where=spread > 0.0)


def averaged(state: State, name: str, members: Members, sample: FloatArray, beta: float) -> FloatArray:
    """Update a running mean, and return it without the bias of its start at zero.

    A mean of age t has seen t samples, of total weight 1 - beta^t.
    """
    state[name][members] += (1.0 - beta) * (sample - state[name][members])
    found: FloatArray = state[name][members] / (1.0 - beta ** state["age"][members, np.newaxis])
    return found
