"""Parratt's recursion with Névot–Croce roughness in arbitrary precision.

    k_j² = Q²/4 − 4π (ρ_j − ρ_0),   ρ_j = (sld_j − i sld_imag_j) 1e-6,   k_0 = Q/2,   Im k_j ≥ 0
    r_j  = (k_j − k_{j+1}) / (k_j + k_{j+1}) exp(−2 k_j k_{j+1} σ_j²)
    X_j  = exp(2 i k_j d_j) (r_j + X_{j+1}) / (1 + r_j X_{j+1}),   X_{n+1} = 0

L. G. Parratt, Phys. Rev. 95 (1954) 359, doi:10.1103/PhysRev.95.359
L. Névot and P. Croce, Rev. Phys. Appl. 15 (1980) 761, doi:10.1051/rphysap:01980001503076100
"""

from __future__ import annotations

import numpy as np
from mpmath import mp, mpc, mpf

__all__ = ["amplitude", "amplitudes", "reflectivity"]


def amplitude(q, thickness, sld, sld_imag, roughness):
    """Reflection amplitude (mpc) of one Q at the current mpmath precision; every medium is listed in full.

    A wavevector that vanishes exactly makes the recursion 0/0 although its limit exists; inputs that are doubles or
    carry a finite-difference step do not meet that in high precision, so nothing is done about it here.
    """
    if q == 0:
        return mpc(-1)
    if q < 0:
        return amplitude(-q, thickness[::-1], sld[::-1], sld_imag[::-1], roughness[::-1])
    n = len(thickness)
    unit = 4 * mp.pi * mpf(10) ** -6
    k = [mpc(mpf(q) / 2)] + [
        mp.sqrt(mpc(mpf(q) ** 2 / 4 - unit * (mpf(rho) - mpf(sld[0])), unit * mpf(mu)))
        for rho, mu in zip(sld[1:], sld_imag[1:], strict=True)
    ]
    x = mpc(0)
    for j in range(n, -1, -1):
        r = (k[j] - k[j + 1]) / (k[j] + k[j + 1]) * mp.exp(-2 * k[j] * k[j + 1] * mpf(roughness[j]) ** 2)
        x = (r + x) / (1 + r * x)
        if j > 0:
            x *= mp.exp(2j * k[j] * mpf(thickness[j - 1]))
    return x


def reflectivity(q, thickness, sld, sld_imag, roughness):
    """|amplitude|² (mpf) of one Q."""
    r = amplitude(q, thickness, sld, sld_imag, roughness)
    return r.real**2 + r.imag**2


def amplitudes(q, stack, digits=40):
    """Amplitudes of an array of Q, rounded once to complex128; 40 digits leave room for any loss on the way."""
    with mp.workdps(digits):
        return np.array([complex(amplitude(x, *stack)) for x in np.asarray(q, dtype=np.float64)])
