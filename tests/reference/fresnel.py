"""Closed form of one lossless interface, with the Névot–Croce factor above the critical edge.

    Q_c² = 16π (ρ_b − ρ_f),   Q_t = (Q² − Q_c²)^½
    R = ((Q − Q_t) / (Q + Q_t))² exp(−Q Q_t σ²)   for Q > Q_c,   R = 1 below

J. Als-Nielsen and D. McMorrow, Elements of Modern X-ray Physics (2nd ed., Wiley, 2011), sections 3.4 and 3.6
"""

from __future__ import annotations

import numpy as np

__all__ = ["critical_q", "reflectivity"]


def critical_q(sld_fronting, sld_backing):
    """Q of the critical edge in 1/angstrom, 0 where there is none."""
    return np.sqrt(16e-6 * np.pi * max(sld_backing - sld_fronting, 0.0))


def reflectivity(q, sld_fronting, sld_backing, roughness=0.0):
    """R of an array of Q > 0; roughness does not show below the critical edge, where exp(−2 k_0 k_1 σ²) is a phase.

    R = |r|², and (Q − Q_t)(Q + Q_t) = Q_c² keeps the difference exact at large Q.
    """
    q = np.asarray(q, dtype=np.float64)
    square = 16e-6 * np.pi * (sld_backing - sld_fronting)
    transmitted = np.sqrt(np.maximum(q**2 - square, 0.0))
    above = (square / (q + transmitted) ** 2) ** 2 * np.exp(-q * transmitted * roughness**2)
    return np.where(q**2 > square, above, 1.0)
