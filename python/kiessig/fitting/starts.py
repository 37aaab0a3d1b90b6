"""Where searches begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.optimize import BoxTransform
from kiessig.parameters import Parameter

__all__ = ["draw_starts"]

FloatArray = NDArray[np.float64]

# Sobol points keep this far from the faces of the unit cube, where a bounded coordinate has no slope.
_MARGIN = 1e-6


def draw_starts(
    parameters: Sequence[Parameter],
    names: Sequence[str],
    present: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    number: int,
    seed: int | None,
) -> FloatArray:
    """Draw scrambled Sobol points, behind the present values.

    A parameter with a prior takes its quantiles. Others are spread evenly over their bounds, or over the logarithm
    where positive bounds span two decades or more.

    Parameters
    ----------
    parameters : sequence of Parameter
        What the columns are.
    names : sequence of str
        For messages.
    present : float array, shape (n,)
        The first start.
    lower, upper : float arrays, shape (n,)
        Bounds.
    number : int
        Starts, the first included.
    seed : int or None
        Of the points; None draws different ones each time.

    Returns
    -------
    float array, shape (number, n)

    Raises
    ------
    InvalidValueError
        If a parameter has neither finite bounds nor a prior.
    """
    if number == 1:
        return present[np.newaxis].copy()
    priors = [getattr(parameter, "prior", None) for parameter in parameters]
    quantiles = [getattr(prior, "ppf", None) for prior in priors]
    bounded = np.isfinite(lower) & np.isfinite(upper)
    open_ones = [i for i, ppf in enumerate(quantiles) if ppf is None and not bounded[i]]
    if open_ones:
        index = open_ones[0]
        message = (
            f"fit: several starts need finite bounds or a prior for every parameter; {names[index]!r} has "
            f"({lower[index]}, {upper[index]})"
        )
        raise InvalidValueError(message)
    unit = _sobol(len(present), number - 1, seed)
    drawn = BoxTransform(lower, upper, present).inverse(np.log(unit / (1.0 - unit)))
    for column, ppf in enumerate(quantiles):
        if ppf is not None:
            drawn[:, column] = [_quantile(ppf, u) for u in unit[:, column]]
    return np.concatenate([present[np.newaxis], np.clip(drawn, lower, upper)])


def _sobol(n: int, number: int, seed: int | None) -> FloatArray:
    from scipy.stats import qmc

    sobol = qmc.Sobol(n, scramble=True, rng=np.random.default_rng(seed))
    # a power of two keeps the points balanced; the surplus is dropped
    unit: FloatArray = sobol.random_base2(max(1, (number - 1).bit_length()))[:number]
    return np.clip(unit, _MARGIN, 1.0 - _MARGIN)


def _quantile(ppf: Any, u: float) -> float:
    return float(ppf(u))
