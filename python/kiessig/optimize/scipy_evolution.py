"""scipy's differential evolution, a whole generation in one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.optimize.global_search import search_and_finish
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.relay import Relay
from kiessig.optimize.unit_box import UnitBox
from kiessig.optimize.verdict import Verdict

__all__ = ["differential_evolution"]

# The evaluator counts and limits; scipy's own limit must only not come first.
_UNLIMITED = 10**9


def differential_evolution(
    evaluator: Evaluator,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    seed: Any = None,
    finish: bool = True,
    **options: Any,
) -> Verdict:
    """Search the box by ``scipy.optimize.differential_evolution``, and finish by Levenberg-Marquardt.

    The population lives in the unit cube of `UnitBox`, and one of it begins at x0. Each generation is evaluated in one
    call where the objective takes batches. Points at which the model is undefined are never preferred to others.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x0, lower, upper : float arrays, shape (n,)
        Start and finite bounds.
    seed : int, sequence of int or None
        Of the random numbers; None draws others each time.
    finish : bool
        Whether to go from the best point to the bottom of its minimum by exact derivatives.
    **options
        strategy, popsize, tol, atol, mutation, recombination, init and maxiter of scipy.

    Returns
    -------
    Verdict

    References
    ----------
    .. [1] R. Storn and K. Price, J. Global Optim. 11, 341 (1997), doi:10.1023/A:1008202821328.
    """
    from scipy.optimize import differential_evolution as evolve

    box, relay = UnitBox(lower, upper), Relay()

    def search() -> str:
        found = relay.run(
            evolve,
            relay.guard(lambda z: evaluator.values(box.x(np.atleast_2d(z.T)))),
            [(0.0, 1.0)] * x0.size,
            x0=box.z(x0),
            seed=np.random.default_rng(seed),
            vectorized=True,
            updating="deferred",
            polish=False,
            **{"maxiter": _UNLIMITED} | options,
        )
        return f"differential-evolution: {str(found.message).rstrip('.').lower()}"

    return search_and_finish(evaluator, lower, upper, search, finish=finish)
