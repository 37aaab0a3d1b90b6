"""refnx's C kernel, the Abeles matrix method: what refnx uses unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.rivals import MissingRivalError
from benchmarks.stacks import Curve, FloatArray, Stack

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


def _kernel() -> ModuleType:
    try:
        from refnx.reflect import _creflect
    except ImportError as error:
        message = f"refnx's C kernel cannot be imported ({error})"
        raise MissingRivalError(message) from error
    return _creflect  # type: ignore[no-any-return]


def value(stack: Stack) -> Callable[[], FloatArray]:
    """Reflectivity of one stack."""
    abeles, q, slabs = _kernel().abeles, stack.q, stack.slabs
    return lambda: abeles(q, slabs, threads=1)


def model_value(stack: Stack) -> Callable[[], FloatArray]:
    """Reflectivity of one stack, with the arguments that refnx's own model passes to its kernel."""
    _kernel()
    from refnx.reflect import reflect_model

    kernel, q, slabs = reflect_model.kernel, stack.q, stack.slabs
    return lambda: kernel(q, slabs, scale=1.0, bkg=0.0, threads=1)


def smeared_chi2(stack: Stack, curve: Curve, step: float = 1e-4) -> Callable[[], Any]:
    """Chi-squared of the curve smeared by 17 nodes per point, and its gradient by central differences.

    With respect to every thickness, SLD and roughness: two curves for each.
    """
    _kernel()
    from refnx.reflect.reflect_model import reflectivity

    q, r, dr, fwhm = stack.q, curve.r, curve.dr, FWHM_PER_SIGMA * curve.dq
    n = stack.thickness.size
    places = [(range(1, n + 1), 0), (range(n + 2), 1), (range(1, n + 2), 3)]  # rows and column of the slabs

    def chi2(slabs: FloatArray) -> float:
        residual = (reflectivity(q, slabs, dq=fwhm, threads=1) - r) / dr
        return float(residual @ residual)

    def run() -> Any:
        slabs = stack.slabs
        gradient = []
        for rows, column in places:
            entries = np.empty(len(rows))
            for i, row in enumerate(rows):
                centre = slabs[row, column]
                slabs[row, column] = centre + step
                above = chi2(slabs)
                slabs[row, column] = centre - step
                entries[i] = (above - chi2(slabs)) / (2.0 * step)
                slabs[row, column] = centre
            gradient.append(entries)
        return chi2(slabs), tuple(gradient)

    return run
