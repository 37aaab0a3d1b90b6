"""Airy's closed form of one lossless film between two media, above every critical edge, in real arithmetic.

    R = (a² + b² + 2ab cos 2kd) / (1 + a²b² + 2ab cos 2kd)

a and b are the (rough) Fresnel coefficients of the two interfaces, k the wavevector in the film.

G. B. Airy, Phil. Mag. 2 (1833) 20, doi:10.1080/14786443308647959
M. Born and E. Wolf, Principles of Optics, section 1.6.4
"""

from __future__ import annotations

import numpy as np

__all__ = ["reflectivity"]


def reflectivity(q, thickness, sld, roughness=(0.0, 0.0)):
    """R of an array of Q; sld lists fronting, film, backing."""
    q = np.asarray(q, dtype=np.float64)
    squares = [q**2 / 4 - 4e-6 * np.pi * (rho - sld[0]) for rho in sld]
    if any(np.any(square <= 0) for square in squares):
        message = "airy: every Q must lie above every critical edge"
        raise ValueError(message)
    k = [np.sqrt(square) for square in squares]
    a, b = ((k[j] - k[j + 1]) / (k[j] + k[j + 1]) * np.exp(-2 * k[j] * k[j + 1] * roughness[j] ** 2) for j in range(2))
    fringe = 2 * a * b * np.cos(2 * k[1] * thickness)
    return (a**2 + b**2 + fringe) / (1 + a**2 * b**2 + fringe)
