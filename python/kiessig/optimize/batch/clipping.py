"""Steps that are no longer than they may be."""

from __future__ import annotations

import numpy as np

from kiessig.optimize.objective import FloatArray

__all__ = ["clipped"]


def clipped(steps: FloatArray, longest: float) -> FloatArray:
    """Shorten steps, shape (k, n), to the length `longest` where they exceed it; their directions stay.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural networks, ICML (2013),
       arXiv:1211.5063.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        length = np.linalg.norm(steps, axis=1, keepdims=True)
        return np.where(length > longest, steps * (longest / length), steps)
