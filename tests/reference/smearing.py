"""Resolution by brute force: the whole kernel, split where R has kinks, refined until it stands still.

    S(q; dq)  = ∫ G(q') R(|q'|) dq',     G = exp(−u²/2) / (dq √2π),   u = (q' − q) / dq
    ∂S/∂q     = ∫ G (u / dq) R dq'
    ∂S/∂(dq)  = ∫ G ((u² − 1) / dq) R dq'

Two ways, so that each can be held against the other: `smear` (vectorised Gauss–Legendre panels, doubled until two
successive sums agree; square-root kinks at the breakpoints removed by the substitution q' = a + (b − a) t²(3 − 2t)) and
`smear_adaptive` (QUADPACK's adaptive Gauss–Kronrod on scalars).

For kernels of straight pieces, densities D at offsets z in units of dq (`smear_straight`, likewise adaptive):

    S(q; dq)  = ∫ D(z) R(|q + dq z|) dz / ∫ D(z) dz

whose derivatives follow by parts, from R at the ends of the pieces and its integrals over them.

R. Piessens et al., QUADPACK (Springer, 1983), doi:10.1007/978-3-642-61786-7
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.integrate import quad

__all__ = ["critical_points", "smear", "smear_adaptive", "smear_straight"]

REACH = 12.0  # exp(−72): nothing of a plateau R = 1 is left beside R = 1e-20
WEIGHTS = {
    "value": lambda u, dq: np.ones_like(u),
    "q": lambda u, dq: u / dq,
    "dq": lambda u, dq: (u * u - 1.0) / dq,
}


def critical_points(sld):
    """Q at which the wavevector of a medium vanishes, for a beam from sld[0]; for the reversed stack reverse sld."""
    steps = np.asarray(sld[1:], dtype=np.float64) - sld[0]
    return np.sqrt(16e-6 * np.pi * np.unique(steps[steps > 0]))


def _segments(q, dq, breakpoints, reach):
    low, high = q - reach * dq, q + reach * dq
    inner = [p for c in breakpoints for p in (c, -c) if low < p < high]
    if low < 0.0 < high:
        inner.append(0.0)
    return np.unique([low, *inner, high])


def smear(function, q, dq, breakpoints=(), *, weight="value", reach=REACH, rtol=1e-11, atol=0.0):
    """Integral over one Gaussian, cut at ± reach dq, of function(|q'|) to rtol of itself, roundoff or atol.

    function takes and returns an array.
    """
    edges = _segments(q, dq, breakpoints, reach)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    previous, panels = None, 16
    while panels <= 2**15:
        total, size = 0.0, 0.0
        for a, b in pairwise(edges):
            t = ((np.arange(panels)[:, None] + 0.5 + 0.5 * nodes) / panels).ravel()
            w = np.tile(0.5 * weights / panels, panels)
            x = a + (b - a) * t * t * (3.0 - 2.0 * t)
            u = (x - q) / dq
            density = np.exp(-0.5 * u * u) / (dq * np.sqrt(2.0 * np.pi)) * (b - a) * 6.0 * t * (1.0 - t)
            terms = w * density * WEIGHTS[weight](u, dq) * function(np.abs(x))
            total += np.sum(terms)
            size += np.sum(np.abs(terms))
        roundoff = 1e-15 * size
        if previous is not None and abs(total - previous) <= max(rtol * abs(total), roundoff, atol):
            return total
        previous, panels = total, 2 * panels
    message = f"smear: no convergence at q = {q}, dq = {dq}: {previous} then {total}"
    raise ArithmeticError(message)


def smear_adaptive(function, q, dq, breakpoints=(), *, weight="value", reach=REACH, rtol=1e-10):
    """The same integral from QUADPACK; function takes and returns a float."""

    def integrand(x):
        u = (x - q) / dq
        return np.exp(-0.5 * u * u) / (dq * np.sqrt(2.0 * np.pi)) * WEIGHTS[weight](u, dq) * function(abs(x))

    edges = _segments(q, dq, breakpoints, reach)
    parts = [quad(integrand, a, b, epsabs=0.0, epsrel=rtol, limit=2000)[0] for a, b in pairwise(edges)]
    return float(np.sum(parts))


def smear_straight(function, q, dq, offsets, densities, breakpoints=(), *, weight="value", rtol=1e-10):
    """Integral over one kernel with straight pieces; function takes and returns a float. weight as in `smear`."""
    # and at the nominal Q, where z changes sign
    kinks = sorted({0.0, *((p - q) / dq for c in (*breakpoints, 0.0) for p in (c, -c))})

    def integral(integrand, a, b):
        # what a kink closer to an end changes is 1e-9 to the power of 3/2
        cuts = [a, *(z for z in kinks if a + 1e-9 < z < b - 1e-9), b]
        parts = [quad(integrand, *pair, epsabs=0.0, epsrel=rtol, limit=2000)[0] for pair in pairwise(cuts)]
        return float(np.sum(parts))

    def curve(z):
        return function(abs(q + dq * z))

    total, area = 0.0, 0.0
    for (a, left), (b, right) in pairwise(zip(offsets, densities, strict=True)):
        area += 0.5 * (left + right) * (b - a)
        if a == b:
            continue
        slope = (right - left) / (b - a)
        if weight == "value":
            total += integral(lambda z, a=a, left=left, slope=slope: (left + slope * (z - a)) * curve(z), a, b)
        elif weight == "q":  # ∫ D R' dz = [D R] − ∫ D' R dz, over dq
            inner = slope * integral(curve, a, b) if slope else 0.0
            total += (right * curve(b) - left * curve(a) - inner) / dq
        else:  # ∫ D z R' dz = [z D R] − ∫ (z D)' R dz, over dq
            inner = integral(lambda z, a=a, left=left, slope=slope: (left + slope * (z - a)) * curve(z), a, b)
            inner += slope * integral(lambda z: z * curve(z), a, b) if slope else 0.0
            total += (b * right * curve(b) - a * left * curve(a) - inner) / dq
    return total / area
