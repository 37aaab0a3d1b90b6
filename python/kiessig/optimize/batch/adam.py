"""Adam: mean gradients over the root of their mean square."""

from __future__ import annotations

from typing import Any, ClassVar

from kiessig.optimize.batch.adaptive import AdaptiveDescent, averaged
from kiessig.optimize.batch.algorithm import State
from kiessig.optimize.batch.evaluator import Members
from kiessig.optimize.batch.options import require
from kiessig.optimize.objective import FloatArray

__all__ = ["Adam"]


class Adam(AdaptiveDescent):
    """``m`` and ``s`` the running means of g and g^2, without bias; ``u = u - rate m / sqrt(s)``.

    Parameters
    ----------
    beta1 : float
        Decay of the running mean of the gradient, in [0, 1).
    **options
        See `AdaptiveDescent`.

    Notes
    -----
    Adam neither needs nor uses the structure of a sum of squares: expect a hundred times the evaluations of
    Levenberg-Marquardt for a cruder answer. It is of use where gradients are noisy or a landscape is to be crossed.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR (2015), arXiv:1412.6980.
    """

    name = "adam"
    memory: ClassVar[tuple[str, ...]] = ("mean", "square")

    def __init__(self, *, beta1: float = 0.9, **options: Any) -> None:
        super().__init__(**options)
        self.beta1 = require(self.name, "beta1", beta1, 0.0 <= beta1 < 1.0, "in [0, 1)")

    def direction(self, state: State, members: Members) -> FloatArray:
        """See `Descent.direction`."""
        gradient = state["gradient"][members]
        moment = averaged(state, "mean", members, gradient, self.beta1)
        return self.divided(moment, self.spread(state, members, gradient, moment), state, members)

    def spread(self, state: State, members: Members, gradient: FloatArray, moment: FloatArray) -> FloatArray:
        """Return the mean square."""
        return averaged(state, "square", members, gradient**2, self.beta2)
