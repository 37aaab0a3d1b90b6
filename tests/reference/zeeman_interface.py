"""Closed form of one rough interface to an absorbing magnetised mirror in a field, 2 × 2 matrices by Cramer's rule.

The field splits the spins in the fronting by 2 b_0; the mirror's b is at an angle γ to it, c = cos γ/2, s = sin γ/2.

    k_s = Q/2,  k_−s² = Q²/4 + 4π 2 s b_0,   k′_±² = Q²/4 + 4π (ρ_0 + s b_0 − ρ ∓ b)
    x_αβ = 1 + k_α/k′_β,   y_αβ = (1 − k_α/k′_β) exp(−2 k_α k′_β σ²)
    Δ = c² x_++ x_−− + s² x_−+ x_+−
    r_++ = −(c² y_++ x_−− + s² x_−+ y_+−) / Δ        r_+− = c s (x_++ y_+− − y_++ x_+−) / Δ
    r_−− = −(c² x_++ y_−− + s² y_−+ x_+−) / Δ        r_−+ = −c s (y_−+ x_−− − x_−+ y_−−) / Δ

s in r is the incident spin, which sets the energy. Derived from the continuity of the two spin components at z = 0.

L. Névot and P. Croce, Rev. Phys. Appl. 15 (1980) 761, doi:10.1051/rphysap:01980001503076100
B. B. Maranville et al., J. Appl. Cryst. 49 (2016) 1121, doi:10.1107/S1600576716007135 (energies in a field)
"""

from __future__ import annotations

import numpy as np

__all__ = ["amplitudes"]

UNIT = 4e-6 * np.pi


def amplitudes(q, sld, sld_imag, roughness, b_fronting, b_mirror, angle):
    """(pp, pm, mp, mm) of an array of Q > 0; sld of both media, sld_imag and |b| of the mirror, angle in degrees."""
    q = np.asarray(q, dtype=np.float64)
    c, s = np.cos(np.radians(angle) / 2), np.sin(np.radians(angle) / 2)
    result = []
    for spin in (1, -1):
        other = np.sqrt(q**2 / 4 + UNIT * 2 * spin * b_fronting + 0j)
        plus, minus = (q / 2 + 0j, other) if spin > 0 else (other, q / 2 + 0j)
        step = sld[0] + spin * b_fronting - sld[1] + 1j * sld_imag
        behind = [np.sqrt(q**2 / 4 + UNIT * (step - sign * b_mirror)) for sign in (1, -1)]
        x = [[1 + k / p for p in behind] for k in (plus, minus)]
        y = [[(1 - k / p) * np.exp(-2 * k * p * roughness**2) for p in behind] for k in (plus, minus)]
        delta = c**2 * x[0][0] * x[1][1] + s**2 * x[1][0] * x[0][1]
        if spin > 0:
            result.append(-(c**2 * y[0][0] * x[1][1] + s**2 * x[1][0] * y[0][1]) / delta)
            result.append(c * s * (x[0][0] * y[0][1] - y[0][0] * x[0][1]) / delta)
        else:
            result.append(-c * s * (y[1][0] * x[1][1] - x[1][0] * y[1][1]) / delta)
            result.append(-(c**2 * x[0][0] * y[1][1] + s**2 * y[1][0] * x[0][1]) / delta)
    return np.array(result)
