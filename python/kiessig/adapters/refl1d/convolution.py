"""refl1d's convolutions as matrices, for points that are convolved again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig.instrument.host_smearing import SQRT_3, Gaussian, Straight, piecewise_linear_theory

__all__ = ["Convolutions"]

FloatArray = NDArray[np.float64]

KEPT = 64
MOST_WEIGHTS = 1 << 24  # of all points of one matrix, 128 MiB


class Convolutions:
    """Matrices of the sets of points met before; building one costs some convolutions, applying it a few per cent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met: OrderedDict[tuple[str, bytes, bytes, bytes], Any] = OrderedDict()

    def apply(self, kind: str, xi: FloatArray, yi: FloatArray, x: FloatArray, dx: FloatArray, y: FloatArray) -> bool:
        """Fill `y`, or return False for points met for the first time, or of which some have no weights."""
        key = (kind, xi.tobytes(), x.tobytes(), dx.tobytes())
        with self._lock:
            first = key not in self._met
            matrix = None if first else self._met[key]
            if first:
                self._met[key] = None
                if len(self._met) > KEPT:
                    self._met.popitem(last=False)
        if first:
            return False
        if matrix is None:
            matrix = _matrix(kind, xi, x, dx)
            with self._lock:
                self._met[key] = matrix
        if matrix is False:
            return False
        y[:] = matrix @ yi
        return True


def _matrix(kind: str, xi: FloatArray, x: FloatArray, dx: FloatArray) -> Any:
    """Return the matrix, or False where it cannot be made."""
    from scipy.sparse import csr_array

    ascending = xi.size >= 2 and bool(np.all(np.diff(xi) > 0.0))
    sound = ascending and x.size > 0 and bool(np.all(np.isfinite(dx) & (dx >= 0.0)))
    if not sound or x.size * xi.size > MOST_WEIGHTS:
        return False
    half = 1.0 / (2.0 * SQRT_3)
    kernel = Gaussian() if kind == "normal" else Straight(np.array([-SQRT_3, SQRT_3]), np.array([half, half]))
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = piecewise_linear_theory(x, dx, xi, kernel)
    if not np.all(np.isfinite(weights.weight)):
        return False
    counts = np.diff(weights.start)
    columns = np.arange(weights.start[-1]) - np.repeat(weights.start[:-1] - weights.first, counts)
    return csr_array((weights.weight, columns, weights.start), shape=(x.size, xi.size))
