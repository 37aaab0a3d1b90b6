"""AdaBelief: Adam whose steps are long where gradients are as expected."""

from __future__ import annotations

from kiessig.optimize.batch.adam import Adam
from kiessig.optimize.batch.adaptive import averaged
from kiessig.optimize.batch.algorithm import State
from kiessig.optimize.batch.evaluator import Members
from kiessig.optimize.objective import FloatArray

__all__ = ["AdaBelief"]


class AdaBelief(Adam):
    """Adam that divides by the mean square of the gradient's deviation from its running mean.

    Options are those of `Adam`. The deviation is that from the mean as it is kept, with its bias, as in the paper: the
    first steps are no longer than Adam's by more than 1 / beta1.

    References
    ----------
    .. [1] J. Zhuang et al., AdaBelief optimizer: adapting stepsizes by the belief in observed gradients, NeurIPS
       (2020), arXiv:2010.07468.
    """

    name = "adabelief"

    def spread(self, state: State, members: Members, gradient: FloatArray, moment: FloatArray) -> FloatArray:
        """Return the mean square of the deviations."""
        return averaged(state, "square", members, (gradient - state["mean"][members]) ** 2, self.beta2)
