"""Relations between parameters and quantities, recorded once and replayed for batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kiessig import _core
from kiessig.parameters import Expression, Parameter, Quantity, evaluate, free_parameters, record, require_defined

__all__ = ["Relations"]

FloatArray = NDArray[np.float64]


class Relations:
    """Quantities as functions of the values of some parameters; every other parameter keeps its present value.

    Attributes
    ----------
    varying : list of int
        The quantities that depend on the parameters, in order.
    direct : list of int or None
        For each of these, the parameter that it is itself; None where it is made of parameters.
    """

    def __init__(self, quantities: Sequence[Quantity], parameters: Sequence[Parameter]) -> None:
        known = {parameter: place for place, parameter in enumerate(parameters)}
        self.varying = [place for place, item in enumerate(quantities) if not known.keys().isdisjoint(_free(item))]
        varies = set(self.varying)
        constants = [item for place, item in enumerate(quantities) if place not in varies]
        self._values = np.empty(len(quantities))
        self._values[[place for place in range(len(quantities)) if place not in varies]] = evaluate(constants)
        outputs = [quantities[place] for place in self.varying]
        self.direct = [known.get(item) if isinstance(item, Parameter) else None for item in outputs]
        self._n = len(parameters)
        self._outputs, self._inputs = outputs, list(parameters)
        self._tape = _core.Tape(*record(outputs, parameters)) if outputs else None

    def values(self, x: FloatArray) -> FloatArray:
        """Compute all quantities, (..., n_quantities), of x, (..., n_parameters).

        At a single point (of one dimension) what has no value, or in `jacobian` no finite derivative, is an error that
        names the expression; in batches it is NaN or infinite, a derivative NaN.
        """
        if self._tape is None:
            return self._filled(x, None)
        found = self._tape.values(x)
        if x.ndim == 1 and not np.isfinite(found).all():
            require_defined(self._outputs, self._inputs, x)
        return self._filled(x, found)

    def jacobian(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute all quantities, and d(varying ones)/dx, (..., n_varying, n_parameters)."""
        if self._tape is None:
            return self._filled(x, None), np.zeros((*x.shape[:-1], 0, self._n))
        found, slopes = self._tape.jacobian(x)
        if not (np.isfinite(found).all() and np.isfinite(slopes).all()):
            if x.ndim == 1:
                require_defined(self._outputs, self._inputs, x, lambda recording: _core.Tape(*recording).jacobian(x)[1])
            slopes[~np.isfinite(slopes)] = np.nan  # infinity times 0 would warn
        return self._filled(x, found), slopes

    def _filled(self, x: FloatArray, found: FloatArray | None) -> FloatArray:
        full = np.empty((*x.shape[:-1], self._values.size))
        full[...] = self._values
        if found is not None:
            full[..., self.varying] = found
        return full


def _free(item: Quantity) -> Sequence[Parameter]:
    return free_parameters([item]) if isinstance(item, Expression) else ()
