"""The last digits of a least-squares solution, where the misfit itself has none left to compare."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.linear_model import LinearModel
from kiessig.optimize.objective import Evaluator, FloatArray

__all__ = ["polish"]

_STEPS = 20
_DEPTH = 4
# Part of the cosine that a step may leave: the first has nothing to mix yet and may be slow, the others may not.
_FIRST_RATE, _RATE = 0.9, 0.5


def polish(
    evaluator: Evaluator, x: FloatArray, model: LinearModel, lower: FloatArray, upper: FloatArray, xtol: float
) -> FloatArray:
    """Take Gauss-Newton steps while the residuals come nearer to being normal to the columns of the Jacobian.

    Close to a minimum with residuals that do not vanish, Gauss-Newton steps converge linearly. Anderson's mixing of the
    last few of them removes the slow directions.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x : float array, shape (n,)
        A point where the misfit has converged.
    model : LinearModel
        The linear model at x.
    lower, upper : float arrays, shape (n,)
        Bounds.
    xtol : float
        Relative step below which nothing is left to gain.

    Returns
    -------
    float array, shape (n,)

    References
    ----------
    .. [1] D. G. Anderson, J. ACM 12, 547 (1965), doi:10.1145/321296.321305.
    """
    weight = np.where(model.norms > 0.0, model.norms, 1.0)
    points: list[FloatArray] = []
    steps: list[FloatArray] = []
    for _ in range(_STEPS):
        step = model.step(0.0)[0]
        if np.all(np.abs(step) <= xtol * np.abs(x)):
            break
        points, steps = [*points[-_DEPTH:], x], [*steps[-_DEPTH:], step]
        trial = np.clip(_mixed(points, steps, weight), lower, upper)
        residuals, value = evaluator.residuals(trial, jacobian_follows=True, allow_infinite=True)
        # A step that leaves the neighbourhood: the model is singular, and its step means nothing.
        if not value <= evaluator.best.value * (1.0 + 1e-10):
            break
        there = LinearModel(trial, residuals, evaluator.jacobian(trial), lower, upper)
        if not there.cosine < (_FIRST_RATE if len(points) == 1 else _RATE) * model.cosine:
            break
        x, model = trial, there
    return x


def _mixed(points: list[FloatArray], steps: list[FloatArray], weight: FloatArray) -> FloatArray:
    """Return the combination of ``points + steps`` whose combined step is shortest."""
    latest = points[-1] + steps[-1]
    if len(points) == 1:
        return latest
    d_steps = np.column_stack([(steps[-1] - s) for s in steps[:-1]])
    d_points = np.column_stack([(points[-1] - p) for p in points[:-1]])
    mix = np.linalg.lstsq(weight[:, None] * d_steps, weight * steps[-1], rcond=None)[0]
    mixed: FloatArray = latest - (d_points + d_steps) @ mix
    return mixed
