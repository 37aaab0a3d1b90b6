"""A minimum of the misfit, as a search found it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Minimum"]


@dataclass(frozen=True, eq=False)
class Minimum:
    """A minimum of the misfit.

    Attributes
    ----------
    x : float array, shape (n,)
        Values of the parameters.
    value : float
        What was minimised: chi2, and the terms of priors and constraints where there are some.
    n_starts : int
        Searches that ended there.
    success : bool
        Whether it was verified to be a minimum.
    message : str
        What was found by that.
    """

    x: NDArray[np.float64]
    value: float
    n_starts: int
    success: bool
    message: str

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Minimum):
            return NotImplemented
        mine, others = ((m.x.tolist(), m.value, m.n_starts, m.success, m.message) for m in (self, other))
        return mine == others

    __hash__ = None  # type: ignore[assignment]  # holds an array
