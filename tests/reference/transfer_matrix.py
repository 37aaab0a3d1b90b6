"""Abelès' transfer matrices with rough interface factors, for numpy arrays of Q in double precision.

    M = C_0 C_1 … C_n,   C_j = [[1, r_j], [r_j e_j, e_j]],   e_j = exp(2 i k_j d_j),  e_0 = 1,   r = M_21 / M_11

with the Fresnel coefficients r_j and wavevectors k_j of a rough interface. The usual matrix is C_j exp(−i k_j d_j); the
common factor is left out because it overflows in thick or absorbing layers and drops out of the ratio.

F. Abelès, Ann. Phys. (Paris) 12 (1950) 596, doi:10.1051/anphys/195012050596
O. S. Heavens, Optical Properties of Thin Solid Films (Butterworths, 1955), chapter 4
"""

from __future__ import annotations

import numpy as np

__all__ = ["amplitude", "reflectivity"]


def amplitude(q, thickness, sld, sld_imag, roughness):
    """Reflection amplitudes of an array of Q > 0."""
    q = np.asarray(q, dtype=np.float64)
    if np.any(q <= 0):
        message = "transfer_matrix: Q must be positive"
        raise ValueError(message)
    n = len(thickness)
    potential = 4e-6 * np.pi * (np.asarray(sld[1:]) - sld[0] - 1j * np.asarray(sld_imag[1:]))
    k = [q / 2 + 0j]
    for v in potential:
        root = np.sqrt(q**2 / 4 - v)
        k.append(np.where(root.imag < 0, -root, root))
    m11, m12 = np.ones_like(k[0]), np.zeros_like(k[0])
    m21, m22 = np.zeros_like(k[0]), np.ones_like(k[0])
    for j in range(n + 1):
        r = (k[j] - k[j + 1]) / (k[j] + k[j + 1]) * np.exp(-2 * k[j] * k[j + 1] * roughness[j] ** 2)
        e = np.exp(2j * k[j] * thickness[j - 1]) if j > 0 else 1.0
        m11, m12 = m11 + m12 * r * e, m11 * r + m12 * e
        m21, m22 = m21 + m22 * r * e, m21 * r + m22 * e
    return m21 / m11


def reflectivity(q, thickness, sld, sld_imag, roughness):
    """|amplitude|² of an array of Q > 0."""
    return np.abs(amplitude(q, thickness, sld, sld_imag, roughness)) ** 2
