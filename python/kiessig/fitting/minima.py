"""Distinct minima among the points where searches ended."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.optimize.batch import BatchOutcome
from kiessig.optimize.driver import Outcome
from kiessig.result import Minimum

__all__ = ["distinct_minima"]

FloatArray = NDArray[np.float64]

# Two ends are one minimum if they differ by less than this in units of the misfit's scatter: a tenth of a standard
# deviation, squared. Ends of one minimum differ by the tolerance of the search, 1e-6 and less.
_SAME = 1e-2


def distinct_minima(
    found: BatchOutcome, settle: Callable[[FloatArray, str], Outcome], *, at_most: int
) -> tuple[list[Minimum], Outcome, list[Outcome]]:
    """Merge the ends of searches into distinct minima, the lowest first.

    Parameters
    ----------
    found : BatchOutcome
        The ends.
    settle : callable
        ``settle(x, reason)`` examines the point, and may improve it.
    at_most : int
        So many of the lowest are settled; the others are left out.

    Returns
    -------
    minima : list of Minimum
    best : Outcome
        Of the lowest one.
    settled : list of Outcome
        Everything that `settle` returned.

    Raises
    ------
    InvalidValueError
        If no member has a finite misfit.

    Notes
    -----
    Two points are one minimum if the quadratic model of the misfit around the lower one gives the other a misfit, and
    the other has one, less than 0.01 above it in units of the variance of a residual (1, or the misfit per degree of
    freedom where that is larger). Along directions that the data do not determine, points may lie far apart.
    """
    settled: list[Outcome] = []
    counts: list[int] = []
    examined: list[Outcome] = []
    for member in np.argsort(found.value, kind="stable"):
        x, value = found.x[member], float(found.value[member])
        if not np.isfinite(value):
            break
        home = _home(settled, x, value)
        if home is None and len(settled) < at_most:
            outcome = settle(x, found.reasons[member].text)
            examined.append(outcome)
            home = _home(settled, outcome.x, outcome.value)
            if home is None:
                settled.append(outcome)
                counts.append(0)
                home = len(settled) - 1
            elif outcome.value < settled[home].value:
                settled[home] = outcome
        if home is not None:
            counts[home] += 1
    if not settled:
        message = "fit: the misfit must be finite somewhere; the search ended before it was, at any start"
        raise InvalidValueError(message)
    order = sorted(range(len(settled)), key=lambda i: settled[i].value)
    minima = [Minimum(settled[i].x, settled[i].value, counts[i], settled[i].success, settled[i].message) for i in order]
    return minima, settled[order[0]], examined


def _home(settled: list[Outcome], x: FloatArray, value: float) -> int | None:
    """Return the index of the minimum that the point belongs to."""
    for index, outcome in enumerate(settled):
        m, n = outcome.jacobian.shape
        unit = max(1.0, min(value, outcome.value) / max(m - n, 1)) * _SAME
        if abs(value - outcome.value) > unit:
            continue
        moved = outcome.jacobian @ (x - outcome.x)
        if float(moved @ moved) <= unit:
            return index
    return None
