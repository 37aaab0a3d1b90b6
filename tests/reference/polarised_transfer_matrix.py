"""4 × 4 transfer matrices of a magnetic stack, for numpy arrays of Q in double precision.

    E_s = Q²/4 + 4π (ρ_0 + s b_0z),   k_± = (E_s − 4π (ρ ± |b|))^½,  Im k ≥ 0,   P_± = (1 ± b·σ/|b|) / 2
    (a′, b′) = ½ [[A, B], [B, A]] (a, b)     spinors of the forward and the backward wave, along the beam
    A = Σ P′_β (1 + k_α/k′_β) P_α,   B = Σ P′_β (1 − k_α/k′_β) exp(−2 k_α k′_β σ²) P_α
    a → Σ P_α exp(i k_α d) a,   b → Σ P_α exp(−i k_α d) b

s is the spin of the incident neutron, whose own wavevector is Q/2. No backward wave comes from the backing. In the
fronting P_± project on the guide field (z), and only b_0z counts. Rough interfaces: Névot and Croce's factor for every
pair of spin states, in the matrix that carries the waves along the beam. Complex arguments continue the amplitudes
analytically. Growing exponentials are formed, so that thick absorbing layers overflow here.

C. F. Majkrzak, K. V. O'Donovan and N. F. Berk, Polarized Neutron Reflectometry, in T. Chatterji (ed.), Neutron
Scattering from Magnetic Materials (Elsevier, 2006), p. 397, doi:10.1016/B978-044451050-1/50010-0
B. B. Maranville et al., J. Appl. Cryst. 49 (2016) 1121, doi:10.1107/S1600576716007135
L. Névot and P. Croce, Rev. Phys. Appl. 15 (1980) 761, doi:10.1051/rphysap:01980001503076100
"""

from __future__ import annotations

import numpy as np

from reference.spin_field import vectors

__all__ = ["amplitudes", "reflectivities"]

UNIT = 4e-6 * np.pi


def _projectors(b):
    """P_+ and P_− of one medium, (2, 2, 2); without a field any pair will do."""
    size = np.sqrt(np.sum(b**2))
    x, y, z = b / size if size != 0 else (0.0, 0.0, 1.0)
    axis = np.array([[z, x - 1j * y], [x + 1j * y, -z]])
    return np.array([np.eye(2) + axis, np.eye(2) - axis]) / 2


def _incident(spin, q, thickness, rho, roughness, b, p):
    """Reflected spinors (n_q, 2) of a neutron that comes in with `spin` (+1 or -1)."""
    size = np.sqrt(np.sum(b**2, axis=1))
    size[0] = b[0, 2]
    energy = q**2 / 4 + UNIT * (rho[0] + spin * size[0])
    square = energy[:, None, None] - UNIT * (rho[:, None] + size[:, None] * np.array([1, -1]))
    k = np.exp(0.25j * np.pi) * np.sqrt(-1j * square)  # cut along the negative imaginary axis, which physics stays off
    k[:, 0, 0 if spin > 0 else 1] = q / 2
    matrix = np.broadcast_to(np.eye(4, dtype=complex), (q.size, 4, 4))
    for j in range(len(rho) - 1):
        if j > 0:
            step = np.zeros((q.size, 4, 4), dtype=complex)
            step[:, :2, :2] = np.einsum("qa,axy->qxy", np.exp(1j * k[:, j] * thickness[j - 1]), p[j])
            step[:, 2:, 2:] = np.einsum("qa,axy->qxy", np.exp(-1j * k[:, j] * thickness[j - 1]), p[j])
            matrix = step @ matrix
        before, after = k[:, j, None, :], k[:, j + 1, :, None]
        damping = np.exp(-2 * before * after * roughness[j] ** 2)
        pairs = np.einsum("bxy,ayz->baxz", p[j + 1], p[j])
        same = np.einsum("qba,baxy->qxy", (1 + before / after) / 2, pairs)
        turned = np.einsum("qba,baxy->qxy", (1 - before / after) * damping / 2, pairs)
        matrix = np.block([[same, turned], [turned, same]]) @ matrix
    source = matrix[:, 2:, 0 if spin > 0 else 1]
    return -np.linalg.solve(matrix[:, 2:, 2:], source[..., None])[..., 0]


def amplitudes(q, thickness, sld, sld_imag, roughness, sld_magnetic, theta_m, phi_m=None, guide_angle=90.0, field=0.0):
    """Reflection amplitudes of an array of Q, (4, n_q) in the order pp, pm, mp, mm; Q < 0 comes from the back."""
    q = np.atleast_1d(np.asarray(q))
    phi_m = np.zeros(len(sld)) if phi_m is None else phi_m
    b = np.array(vectors(sld_magnetic, theta_m, phi_m, guide_angle, field), dtype=complex)
    result = np.zeros((4, q.size), dtype=complex)
    result[[0, 3]] = -1.0  # Q = 0
    for chosen, sign in ((q.real > 0, 1), (q.real < 0, -1)):
        if not np.any(chosen):
            continue
        d, rho, mu, sigma, field_of = (np.array(x)[::sign] for x in (thickness, sld, sld_imag, roughness, b))
        rho = np.append(rho[:1], rho[1:] - 1j * mu[1:])  # the fronting's absorption is ignored
        p = np.array([_projectors(np.array([0.0, 0.0, 1.0])), *(_projectors(x) for x in field_of[1:])])
        for i, spin in enumerate((1, -1)):
            result[2 * i : 2 * i + 2, chosen] = _incident(spin, sign * q[chosen], d, rho, sigma, field_of, p).T
    return result


def reflectivities(q, *stack):
    """|amplitude|² of an array of Q, (4, n_q)."""
    return np.abs(amplitudes(q, *stack)) ** 2
