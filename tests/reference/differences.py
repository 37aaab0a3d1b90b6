"""Derivatives as difference quotients in so many digits that they are exact for every double.

    f'(x) = (f(x + h) − f(x − h)) / 2h + O(h²)              inside the domain
    f'(x) = (−3 f(x) + 4 f(x + h) − f(x + 2h)) / 2h + O(h²)  at its lower end

With 60 digits and h = 1e-18 truncation is of the order of 1e-36 and cancellation of 1e-42, relative to the scale on
which f changes.

B. Fornberg, Math. Comp. 51 (1988) 699, doi:10.1090/S0025-5718-1988-0935077-0
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf

__all__ = ["DIGITS", "STEP", "Derivative", "derivative", "stack_derivatives"]

DIGITS = 60
STEP = mpf(10) ** -18
FIELDS = ("thickness", "sld", "sld_imag", "roughness")


class Derivative(NamedTuple):
    """dR/dp, and |dr/dp| of the amplitude r, which tells how much of it had to cancel in dR/dp = 2 Re(r* dr/dp)."""

    value: np.ndarray
    amplitude: np.ndarray


def derivative(function, x, *, one_sided=False):
    """First derivative of a function of one mpf, evaluated with DIGITS digits."""
    with mp.workdps(DIGITS):
        x = mpf(x)
        if one_sided:
            return (-3 * function(x) + 4 * function(x + STEP) - function(x + 2 * STEP)) / (2 * STEP)
        return (function(x + STEP) - function(x - STEP)) / (2 * STEP)


def stack_derivatives(amplitude, q, stack):
    """Derivatives with respect to every entry of every argument of amplitude(q, thickness, sld, sld_imag, roughness).

    Returns a mapping of field name ("q" included) to Derivative. sld_imag = 0 is the end of its domain, where k² meets
    the branch cut of the square root: the derivative there is the one from above. The fronting's absorption does not
    enter, its derivative stays zero.
    """
    values = dict(zip(FIELDS, stack, strict=True))
    with mp.workdps(DIGITS):
        r = amplitude(q, *stack)

    def pair(function, x, *, one_sided=False):
        slope = derivative(function, x, one_sided=one_sided)
        with mp.workdps(DIGITS):
            return float(2 * (r.conjugate() * slope).real), float(abs(slope))

    result = {}
    fronting = 0 if q >= 0 else len(values["sld"]) - 1
    for name in FIELDS:
        entries = list(values[name])
        pairs = np.zeros((len(entries), 2))
        for i, entry in enumerate(entries):
            if name == "sld_imag" and i == fronting:
                continue

            def along(x, name=name, i=i, entries=entries):
                moved = {**values, name: [*entries[:i], x, *entries[i + 1 :]]}
                return amplitude(q, *(moved[key] for key in FIELDS))

            pairs[i] = pair(along, entry, one_sided=name == "sld_imag" and entry == 0)
        result[name] = Derivative(pairs[:, 0], pairs[:, 1])
    value, size = pair(lambda x: amplitude(x, *stack), q)
    result["q"] = Derivative(np.array(value), np.array(size))
    return result
