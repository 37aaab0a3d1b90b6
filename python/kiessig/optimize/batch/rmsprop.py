"""RMSprop: gradients over the root of their mean square."""

from __future__ import annotations

from typing import Any

from kiessig.optimize.batch.adaptive import AdaptiveDescent, averaged
from kiessig.optimize.batch.algorithm import State
from kiessig.optimize.batch.evaluator import Members
from kiessig.optimize.batch.options import require
from kiessig.optimize.objective import FloatArray

__all__ = ["RMSprop"]


class RMSprop(AdaptiveDescent):
    """``s`` the running mean of g^2, ``v = momentum v + g / sqrt(s)``, ``u = u - rate v``.

    The mean is freed of the bias of its start at zero, which would make the first steps ten times as long.

    Parameters
    ----------
    momentum : float
        Part of the last step that goes on, in [0, 1).
    **options
        See `AdaptiveDescent`.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, Lecture 6.5 - RMSProp, Coursera: Neural Networks for Machine Learning (2012).
    """

    name = "rmsprop"
    memory = ("square", "velocity")

    def __init__(self, *, momentum: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.momentum = require(self.name, "momentum", momentum, 0.0 <= momentum < 1.0, "in [0, 1)")

    def direction(self, state: State, members: Members) -> FloatArray:
        """See `Descent.direction`."""
        gradient = state["gradient"][members]
        square = averaged(state, "square", members, gradient**2, self.beta2)
        velocity = self.momentum * state["velocity"][members] + self.divided(gradient, square, state, members)
        state["velocity"][members] = velocity
        return velocity
