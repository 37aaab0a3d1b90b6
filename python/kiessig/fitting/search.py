"""A search from many starts, by whatever runs the method."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.optimize import find_method
from kiessig.optimize.batch import BatchOutcome, minimize_batch
from kiessig.optimize.batch.checkpoint import Checkpoint, search_identity
from kiessig.optimize.batch.evaluator import BatchEvaluator
from kiessig.optimize.batch.lockstep import minimize_in_lockstep
from kiessig.optimize.batch.methods import BATCHED
from kiessig.optimize.methods import check_options

__all__ = ["search"]

FloatArray = NDArray[np.float64]


def search(
    objective: Any,
    x0: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    method: str,
    *,
    keep: int,
    max_evaluations: int | None,
    max_time: float | None,
    callback: Callable[[int, float], object] | None,
    checkpoint: str | os.PathLike[str] | None,
    resume: bool,
    options: dict[str, Any],
) -> BatchOutcome:
    """Minimise from the best of several points.

    Parameters
    ----------
    objective : object
        See `kiessig.optimize.batch.evaluator.BatchEvaluator`.
    x0 : float array, shape (k, n)
        Points to start from, within the bounds.
    bounds : (float array, float array), each of shape (n,)
        Lower and upper limits.
    method : str
        What to run.
    keep : int
        So many points are started from: those of lowest misfit, and the first one in any case.
    max_evaluations : int or None
        For each start.
    max_time, callback, checkpoint, resume, options
        As `kiessig.Problem.fit`.
    """
    chosen = find_method(method)
    check_options(chosen, options)
    if chosen.name not in BATCHED:
        if checkpoint is not None:
            message = (
                f"fit: checkpoints are kept for the methods {', '.join(map(repr, BATCHED))}; got method {chosen.name!r}"
            )
            raise InvalidValueError(message)
        return minimize_in_lockstep(
            objective,
            _screened(objective, x0, keep),
            *bounds,
            chosen.name,
            max_evaluations=max_evaluations,
            max_time=max_time,
            callback=callback,
            options=options,
        )
    run = BATCHED[chosen.name]
    if max_evaluations is None:
        constant, per_parameter = run.evaluations
        max_evaluations = constant + per_parameter * x0.shape[1]
    algorithm = run.make(limit=max_evaluations, **options)
    kept = None
    if checkpoint is not None:
        # the first start is where the parameters are, which a fit that was interrupted has moved
        identity = search_identity(chosen.name, {**options, "keep": keep}, x0[1:], *bounds)
        kept = Checkpoint(checkpoint, identity, resume=resume)
    return minimize_batch(
        objective,
        _screened(objective, x0, keep),
        *bounds,
        algorithm,
        max_evaluations=max_evaluations,
        max_time=max_time,
        callback=callback,
        checkpoint=kept,
    )


def _screened(objective: Any, x0: FloatArray, keep: int) -> FloatArray:
    """Return the first point and the `keep` - 1 others of lowest misfit."""
    if keep >= len(x0):
        return x0
    value = BatchEvaluator(objective, *x0.shape).residuals(x0, np.arange(len(x0)))[0]
    order = 1 + np.argsort(value[1:], kind="stable")[: keep - 1]
    chosen: FloatArray = x0[np.concatenate([[0], order])]
    return chosen
