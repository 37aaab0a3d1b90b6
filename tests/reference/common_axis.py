"""Closed form of a rough, absorbing film and mirror magnetised along one axis, at an angle to the guide field.

Without a field the fronting does not tell the spins apart, and along the common axis there are two scalar problems,

    r_± = (a_± + c_± e_±) / (1 + a_± c_± e_±),   a, c: rough Fresnel coefficients,   e = exp(2 i k d)
    r_++ = r_+ cos²(γ/2) + r_− sin²(γ/2),   r_+− = r_−+ = (r_+ − r_−) sin γ / 2,   r_−− = r_+ sin²(γ/2) + r_− cos²(γ/2)

up to a phase of the spin-flip amplitudes; SLD ± magnetic SLD for the two.

G. B. Airy, Phil. Mag. 2 (1833) 20, doi:10.1080/14786443308647959
L. Névot and P. Croce, Rev. Phys. Appl. 15 (1980) 761, doi:10.1051/rphysap:01980001503076100
"""

from __future__ import annotations

import numpy as np

__all__ = ["reflectivities"]


def reflectivities(q, thickness, sld, sld_imag, roughness, sld_magnetic, angle):
    """(pp, pm, mp, mm) of an array of Q > 0; three media, of which the fronting neither absorbs nor is magnetic."""
    q = np.asarray(q, dtype=np.float64)
    r = []
    for sign in (1, -1):
        k = [q / 2 + 0j] + [
            np.sqrt(q**2 / 4 - 4e-6 * np.pi * (sld[j] + sign * sld_magnetic[j] - sld[0] - 1j * sld_imag[j]))
            for j in (1, 2)
        ]
        a, c = (
            (k[j] - k[j + 1]) / (k[j] + k[j + 1]) * np.exp(-2 * k[j] * k[j + 1] * roughness[j] ** 2) for j in (0, 1)
        )
        e = np.exp(2j * k[1] * thickness)
        r.append((a + c * e) / (1 + a * c * e))
    cosine, sine = np.cos(np.radians(angle) / 2) ** 2, np.sin(np.radians(angle) / 2) ** 2
    flipped = (r[0] - r[1]) * np.sin(np.radians(angle)) / 2
    return np.abs([r[0] * cosine + r[1] * sine, flipped, flipped, r[0] * sine + r[1] * cosine]) ** 2
