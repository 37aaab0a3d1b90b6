"""The boundary conditions of a magnetic stack as one linear system, in arbitrary precision.

    in every medium  ψ(z) = Σ_α χ_α (u_α exp(i k_α z) + v_α exp(i k_α (d − z)))       (b · σ) χ_± = ± |b| χ_±
    ψ and ψ′ continuous; u of the fronting is the incident spin, v of the backing is zero

Written for each spin state χ′_β behind the interface, with the wave that comes back from it and the one that goes on,

    u′_β           = ½ Σ_α ⟨χ′_β, χ_α⟩ ((1 + k_α/k′_β) e_α u_α + (1 − k_α/k′_β) f_αβ v_α)
    e′_β v′_β      = ½ Σ_α ⟨χ′_β, χ_α⟩ ((1 − k_α/k′_β) f_αβ e_α u_α + (1 + k_α/k′_β) v_α),     e_α = exp(i k_α d)

which for f = 1 is continuity and for f_αβ = exp(−2 k_α k′_β σ²) Névot and Croce's interface. No growing exponential is
formed. The channel's energy: Q/2 is the wavevector of the incident spin in the fronting, whose field lies along z.

C. F. Majkrzak, K. V. O'Donovan and N. F. Berk, Polarized Neutron Reflectometry, in T. Chatterji (ed.), Neutron
Scattering from Magnetic Materials (Elsevier, 2006), p. 397, doi:10.1016/B978-044451050-1/50010-0
B. B. Maranville et al., J. Appl. Cryst. 49 (2016) 1121, doi:10.1107/S1600576716007135
L. Névot and P. Croce, Rev. Phys. Appl. 15 (1980) 761, doi:10.1051/rphysap:01980001503076100
"""

from __future__ import annotations

import numpy as np
from mpmath import matrix, mp, mpc, mpf

from reference.spin_field import vectors

__all__ = ["amplitudes", "amplitudes_of_many", "reflectivities"]


def _spinors(b):
    """Normalised eigenvectors of b · σ to +|b| and −|b|."""
    x, y, z = b
    size = mp.sqrt(x * x + y * y + z * z)
    if size == 0:
        return ((mpf(1), mpf(0)), (mpf(0), mpf(1)))
    # the component that is not a difference comes first
    plus = (mpc(size + z), mpc(x, y)) if z >= 0 else (mpc(x, -y), mpc(size - z))
    norm = mp.sqrt(abs(plus[0]) ** 2 + abs(plus[1]) ** 2)
    up, down = plus[0] / norm, plus[1] / norm
    return ((up, down), (-mp.conj(down), mp.conj(up)))


def _overlap(left, right):
    return mp.conj(left[0]) * right[0] + mp.conj(left[1]) * right[1]


def amplitudes(q, thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m=None, guide_angle=90.0, field=0.0):
    """Reflection amplitudes (pp, pm, mp, mm), mpc, of one Q at the current mpmath precision."""
    if q == 0:
        return (mpc(-1), mpc(0), mpc(0), mpc(-1))
    b = vectors(sld_magnetic, theta_m, [0] * len(sld) if phi_m is None else phi_m, guide_angle, field)
    media = list(zip(sld, sld_imag, b, strict=True))
    thickness, roughness = list(thickness), list(roughness)
    if q < 0:
        q, media, thickness, roughness = -q, media[::-1], thickness[::-1], roughness[::-1]
    unit = 4 * mp.pi * mpf(10) ** -6
    front = mpf(media[0][2][2])
    spinors = [((mpf(1), mpf(0)), (mpf(0), mpf(1)))] + [_spinors(vector) for _, _, vector in media[1:]]
    sizes = [front] + [mp.sqrt(sum(c * c for c in vector)) for _, _, vector in media[1:]]
    n = len(thickness)
    result = []
    for incident, spin in enumerate((1, -1)):
        k = []
        for j, (rho, mu, _) in enumerate(media):
            step = [spin * front - sign * sizes[j] + mpf(media[0][0]) - mpf(rho) for sign in (1, -1)]
            k.append([mp.sqrt(mpc(mpf(q) ** 2 / 4 + unit * s, unit * mpf(mu) if j > 0 else 0)) for s in step])
        k[0][incident] = mpc(mpf(q) / 2)
        e = [
            [mp.exp(1j * k[j][a] * mpf(thickness[j - 1])) if 0 < j <= n else mpc(1) for a in (0, 1)]
            for j in range(n + 2)
        ]
        # unknowns of medium j: u_+, u_-, v_+, v_-; the fronting lacks u, the backing lacks v
        where = {}
        for j in range(n + 2):
            for kind in ("v",) if j == 0 else ("u",) if j == n + 1 else ("u", "v"):
                for a in (0, 1):
                    where[j, kind, a] = len(where)
        left, right = mp.zeros(len(where)), matrix(len(where), 1)

        def put(row, j, kind, a, coefficient, where=where, left=left, right=right, incident=incident):
            if (j, kind, a) in where:
                left[row, where[j, kind, a]] += coefficient
            elif kind == "u" and a == incident:
                right[row] -= coefficient

        row = 0
        for j in range(n + 1):
            for after in (0, 1):
                for turned in (False, True):
                    if turned:
                        put(row, j + 1, "v", after, e[j + 1][after])
                    else:
                        put(row, j + 1, "u", after, mpc(1))
                    for before in (0, 1):
                        ratio = k[j][before] / k[j + 1][after]
                        factor = mp.exp(-2 * k[j][before] * k[j + 1][after] * mpf(roughness[j]) ** 2)
                        overlap = _overlap(spinors[j + 1][after], spinors[j][before]) / 2
                        same, other = overlap * (1 + ratio), overlap * (1 - ratio) * factor
                        put(row, j, "u", before, -(other if turned else same) * e[j][before])
                        put(row, j, "v", before, -(same if turned else other))
                    row += 1
        solution = mp.lu_solve(left, right)
        result += [solution[where[0, "v", a]] for a in (0, 1)]
    return tuple(result)


def reflectivities(q, *stack):
    """|amplitude|² (mpf) of the four channels at one Q."""
    return tuple(r.real**2 + r.imag**2 for r in amplitudes(q, *stack))


def amplitudes_of_many(q, stack, digits=40):
    """Amplitudes of an array of Q, (4, n_q), rounded once to complex128."""
    with mp.workdps(digits):
        return np.array([[complex(r) for r in amplitudes(x, *stack)] for x in np.asarray(q, dtype=np.float64)]).T
