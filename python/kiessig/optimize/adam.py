"""Gradient descent with adaptive moments (Adam) in free coordinates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.optimize.convergence import relative_gain, settle_on_bounds
from kiessig.optimize.names import suggestion
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.transforms import BoxTransform, typical_scale
from kiessig.optimize.verdict import Verdict

__all__ = ["adam"]

_SCHEDULES = ("cosine", "exponential", "constant")


def adam(
    evaluator: Evaluator,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    steps: int | None = None,
    learning_rate: float = 0.05,
    schedule: str = "cosine",
    final_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.99,
    epsilon: float = 1e-12,
    tolerance: float = 1e-7,
    check_every: int = 25,
    scale: npt.ArrayLike | None = None,
) -> Verdict:
    """Minimise the misfit by Adam's gradient descent.

    The descent runs in the coordinates of `BoxTransform`: a parameter between two bounds moves in its logistic
    coordinate (of its logarithm, where the bounds span decades), one without bounds in units of `scale`. A step changes
    a coordinate by about `learning_rate` at most; at 0.05 and mid-box that is 1 % of the width.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x0, lower, upper : float arrays, shape (n,)
        Start and bounds; a start on a bound is moved inside by a thousandth of the width.
    steps : int, optional
        Length of the schedule. Default: what the evaluation limit leaves.
    learning_rate : float
        Step size at the beginning, in units of the coordinates.
    schedule : {"cosine", "exponential", "constant"}
        How the step size falls to ``final_rate * learning_rate`` over `steps`.
    final_rate : float
        Last step size over first, in (0, 1].
    beta1, beta2 : float
        Decay of the running means of the gradient and of its square, in [0, 1). The paper's 0.999 for `beta2` averages
        noise out of the gradients; these have none, and a shorter memory forgets the steep slopes of the start sooner.
    epsilon : float
        Added to the root of the mean square, relative to the largest gradient of the start.
    tolerance : float
        Every `check_every` steps the Jacobian at the best point tells by how much the misfit could still fall; below
        this part of it, the descent stops.
    check_every : int
        See `tolerance`; each check costs one Jacobian.
    scale : array, shape (n,), optional
        Unit of parameters without two bounds; see `BoxTransform`.

    Returns
    -------
    Verdict

    Notes
    -----
    Adam neither needs nor uses the structure of a sum of squares: expect a hundred times the evaluations of
    Levenberg-Marquardt for a cruder answer. It is of use where gradients are noisy or a landscape is to be crossed.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, Adam: a method for stochastic optimization, ICLR (2015), arXiv:1412.6980.
    .. [2] I. Loshchilov and F. Hutter, SGDR (cosine schedule), ICLR (2017), arXiv:1608.03983.
    """
    if schedule not in _SCHEDULES:
        message = (
            f"adam: schedule must be one of {', '.join(_SCHEDULES)}; got {schedule!r}{suggestion(schedule, _SCHEDULES)}"
        )
        raise UnknownNameError(message)
    _require("learning_rate", learning_rate, 0.0 < learning_rate < np.inf, "positive and finite")
    _require("final_rate", final_rate, 0.0 < final_rate <= 1.0, "in (0, 1]")
    _require("beta1", beta1, 0.0 <= beta1 < 1.0, "in [0, 1)")
    _require("beta2", beta2, 0.0 <= beta2 < 1.0, "in [0, 1)")
    _require("epsilon", epsilon, 0.0 < epsilon < np.inf, "positive and finite")
    _require("tolerance", tolerance, 0.0 <= tolerance < np.inf, "non-negative and finite")
    _require("check_every", check_every, check_every >= 1, "at least 1")
    _require("steps", steps, steps is None or steps >= 1, "at least 1")
    remedy = "raise steps or learning_rate"
    if steps is None:
        left = evaluator.remaining
        # A check may cost two evaluations as well.
        steps = 2000 if left is None else left * check_every // (check_every + 2)
        remedy = "raise max_evaluations or learning_rate"

    free = BoxTransform(lower, upper, x0, None if scale is None else np.asarray(scale, dtype=np.float64))
    u = free.forward(x0)
    first, width = evaluator.best.value, typical_scale(lower, upper, x0)
    mean, square = np.zeros(u.size), np.zeros(u.size)
    floor = 0.0
    for step in range(1, steps + 1):
        _, gradient_x = evaluator.value_and_gradient(free.inverse(u))
        gradient = gradient_x * free.derivative(u)
        if step == 1:
            floor = epsilon * float(np.max(np.abs(gradient)))
        if step % check_every == 0:
            settle_on_bounds(evaluator, lower, upper, width)
            if relative_gain(evaluator, lower, upper, first) <= tolerance:
                return Verdict("the misfit has converged")
        mean += (1.0 - beta1) * (gradient - mean)
        square += (1.0 - beta2) * (gradient**2 - square)
        moment = mean / (1.0 - beta1**step)
        spread = np.sqrt(square / (1.0 - beta2**step)) + floor
        direction = np.divide(moment, spread, out=np.zeros(u.size), where=spread > 0.0)
        u = u - learning_rate * _decay(schedule, final_rate, (step - 1) / steps) * direction
    return Verdict(f"the schedule of {steps} steps has ended", remedy=remedy)


def _decay(schedule: str, final: float, progress: float) -> float:
    if schedule == "cosine":
        return final + (1.0 - final) * 0.5 * (1.0 + float(np.cos(np.pi * progress)))
    return float(final**progress) if schedule == "exponential" else 1.0


def _require(name: str, value: float | None, holds: bool, required: str) -> None:
    if not holds:
        message = f"adam: {name} must be {required}; got {value!r}"
        raise InvalidValueError(message)
