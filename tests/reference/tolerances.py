"""How far a double precision kernel may be from the exact numbers, with the reasons.

A recursion in double precision finds the amplitude r with an absolute error of a few tens of the unit roundoff (1e-16),
because every partial wave is of the order of one at most: ROUNDING = 1e-14 on |r|. Beyond that, phases k d of up to
1e4 rad carry a relative error of 1e-12, and small differences of wavevectors near a critical edge lose two to three
digits: RELATIVE = 1e-10 on R. R = |r|² then errs by RELATIVE R + 2 |r| ROUNDING.
"""

from __future__ import annotations

import numpy as np

__all__ = ["assert_derivative", "assert_reflectivity"]

RELATIVE = 1e-10
ROUNDING = 1e-14
RELATIVE_SLOPE = 1e-9


def assert_reflectivity(actual, exact, *, relative=RELATIVE, context=""):
    """R agrees with the exact R to `relative` and to roundoff in the amplitude."""
    actual, exact = np.asarray(actual), np.asarray(exact, dtype=np.float64)
    assert actual.shape == exact.shape, f"{context}: shape {actual.shape}, expected {exact.shape}"
    allowed = relative * exact + 2.0 * np.sqrt(exact) * ROUNDING
    _report("R", actual, exact, allowed, context)


def assert_derivative(actual, exact, amplitude, r, *, relative=RELATIVE_SLOPE, cancellation=1.0, floor=0.0, context=""):
    """dR/dp agrees with the exact one to `relative`, unless it is what cancellation left over.

    dR/dp = 2 Re(r* dr/dp). `amplitude` is |dr/dp| and `r` is |r|: a part 1e-3 × `relative` of 2 |r| |dr/dp| is not
    resolved where the two are in quadrature (total reflection), nor is 2 ROUNDING of the largest |dr/dp| among the
    entries of the argument: r itself is rounded, and neighbouring entries share terms that may cancel in one of them.
    Derivatives below that are negligible: they are lost in the roundoff of R. `cancellation` says by how much the terms
    that cancel exceed the largest |dr/dp|. `floor` is what the caller knows to be lost.
    """
    actual, exact = np.asarray(actual), np.asarray(exact, dtype=np.float64)
    assert actual.shape == exact.shape, f"{context}: shape {actual.shape}, expected {exact.shape}"
    roundoff = cancellation * ROUNDING * np.max(amplitude, initial=0.0)
    allowed = relative * np.abs(exact) + 2.0 * (1e-3 * relative * r * amplitude + roundoff) + floor
    _report("derivative", actual, exact, allowed, context)


def _report(what, actual, exact, allowed, context):
    wrong = ~(np.abs(actual - exact) <= allowed)
    if np.any(wrong):
        excess = np.where(wrong, np.abs(actual - exact) / np.maximum(allowed, np.finfo(float).tiny), 0.0)
        i = np.unravel_index(np.argmax(excess), excess.shape)
        where = f"{context} {what}{list(map(int, i))}, {int(wrong.sum())} of {wrong.size} wrong"
        message = f"{where}: {actual[i]!r}, exact {exact[i]!r}, allowed difference {allowed[i]:.2e}"
        raise AssertionError(message)
