"""refl1d's magnetic kernel, compiled by numba: the 4 x 4 recursion for all four channels."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.rivals import MissingRivalError
from benchmarks.stacks import FloatArray, MagneticStack


def value(stack: MagneticStack) -> Callable[[], Any]:
    """Four channels of one magnetic stack, in the order pp, pm, mp, mm; one thread."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the import
            import numba
            from refl1d.sample.reflectivity import magnetic_amplitude
    except ImportError as error:
        message = f"refl1d with numba cannot be imported ({error})"
        raise MissingRivalError(message) from error
    numba.set_num_threads(1)
    half_q = 0.5 * stack.q
    depth = np.concatenate([[0.0], stack.thickness, [0.0]])
    arguments = (depth, stack.sld, stack.sld_imag, stack.sld_magnetic, stack.theta_m, stack.roughness)

    def run() -> list[FloatArray]:
        mm, mp, pm, pp = magnetic_amplitude(half_q, *arguments, 270.0, stack.field)
        return [np.abs(r) ** 2 for r in (pp, pm, mp, mm)]

    return run
