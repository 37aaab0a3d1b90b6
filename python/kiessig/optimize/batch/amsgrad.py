"""AMSGrad: Adam with mean squares that never fall."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.batch.adam import Adam
from kiessig.optimize.batch.adaptive import averaged
from kiessig.optimize.batch.algorithm import State
from kiessig.optimize.batch.evaluator import Members
from kiessig.optimize.objective import FloatArray

__all__ = ["AMSGrad"]


class AMSGrad(Adam):
    """Adam that divides by the largest of all mean squares so far, so that steps do not grow again.

    Options are those of `Adam`. The largest is taken of the means without bias.

    References
    ----------
    .. [1] S. J. Reddi, S. Kale and S. Kumar, On the convergence of Adam and beyond, ICLR (2018), arXiv:1904.09237.
    """

    name = "amsgrad"
    memory = ("mean", "square", "most")

    def spread(self, state: State, members: Members, gradient: FloatArray, moment: FloatArray) -> FloatArray:
        """Return the largest mean square so far."""
        square = averaged(state, "square", members, gradient**2, self.beta2)
        state["most"][members] = np.maximum(state["most"][members], square)
        largest: FloatArray = state["most"][members]
        return largest
