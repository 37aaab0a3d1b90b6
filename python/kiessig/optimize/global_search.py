"""What all global searches share: room kept for the last descent, and what is said where they end early."""

from __future__ import annotations

from collections.abc import Callable

from kiessig.errors import InvalidValueError
from kiessig.optimize.levenberg_marquardt import levenberg_marquardt
from kiessig.optimize.objective import EvaluationLimitError, Evaluator, FloatArray
from kiessig.optimize.verdict import Verdict

__all__ = ["descend", "search_and_finish"]

# Evaluations for each parameter, and at most which part of all, that are kept for the last descent.
_KEPT, _PART = 50, 4


def search_and_finish(
    evaluator: Evaluator, lower: FloatArray, upper: FloatArray, search: Callable[[], str], *, finish: bool
) -> Verdict:
    """Run a search, which returns why it ended, and go from its best point to the bottom of that minimum.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    lower, upper : float arrays, shape (n,)
        Bounds.
    search : callable
        Leaves its best point with the evaluator.
    finish : bool
        Whether to take the last descent, by Levenberg-Marquardt.
    """
    if not finish:
        return Verdict(search())
    limit, spent, reason = evaluator.limit, False, ""
    if limit is not None:
        evaluator.limit = limit - min(limit // _PART, _KEPT * (lower.size + 1))
    try:
        reason = search()
    except EvaluationLimitError:
        spent = True
    finally:
        evaluator.limit = limit
    x = descend(evaluator, evaluator.best.x, lower, upper)
    if spent:
        raise EvaluationLimitError
    return Verdict(reason, x)


def descend(
    evaluator: Evaluator, x: FloatArray, lower: FloatArray, upper: FloatArray, tolerance: float = 1e-12
) -> FloatArray | None:
    """Return the minimum below x, or None where the way leads to where the model is undefined."""
    try:
        return levenberg_marquardt(evaluator, x, lower, upper, ftol=tolerance, xtol=tolerance).x
    except InvalidValueError:
        return None
