"""Repeated runs of a method from its best point, until the misfit has converged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kiessig.optimize.convergence import CONVERGED, relative_gain, settle_on_bounds
from kiessig.optimize.coordinates import Coordinates, coordinates_at_best
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.transforms import BoxTransform, typical_scale
from kiessig.optimize.verdict import Verdict

__all__ = ["in_rounds"]

_ROUNDS = 50


def in_rounds(
    evaluator: Evaluator,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    run: Callable[[Coordinates], str],
    *,
    transformed: bool,
) -> Verdict:
    """Call `run` with coordinates around the best point, again and again while that lowers the misfit.

    General methods stop by tests of their own, which say little about how far the misfit could still fall. A run that
    ended too soon is taken up again, with fresh units; one that did not costs no more than the test for it.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x0, lower, upper : float arrays, shape (n,)
        Start and bounds.
    run : callable
        Minimises in the coordinates from z = 0 and returns why it stopped.
    transformed : bool
        Whether to use the free coordinates of `BoxTransform`.
    """
    box = BoxTransform(lower, upper, x0) if transformed else None
    first, width = evaluator.best.value, typical_scale(lower, upper, x0)
    reason, before = "", np.inf
    for _ in range(_ROUNDS):
        settle_on_bounds(evaluator, lower, upper, width)
        gain = relative_gain(evaluator, lower, upper, first)
        value = evaluator.best.value
        if reason and gain <= 0.1 * CONVERGED:
            break
        if value == 0.0 or before - value <= 0.1 * CONVERGED * value:
            break
        before = value
        reason = run(coordinates_at_best(evaluator, box, lower, upper))
    return Verdict(reason)
