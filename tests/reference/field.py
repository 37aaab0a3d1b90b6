"""The field inside a stack from waves that run down and up, in arbitrary precision.

    ψ = a exp(i k x) + b exp(−i k x) in every medium, x from its upper end (in the fronting from the first interface)
    (a, b) above = 1/t [[1, r], [r, 1]] (a, b) below,  both at the interface
    r = (k − k')/(k + k') exp(−2 k k' σ²),   t = 2k/(k + k') exp(+(k − k')² σ²/2)

carried up from (1, 0) in the backing and divided by a of the fronting. Growing exponentials are formed, and cost no
more than digits.

D. K. G. de Boer, Phys. Rev. B 51 (1995) 5297, doi:10.1103/PhysRevB.51.5297
"""

from __future__ import annotations

import numpy as np
from mpmath import mp, mpc, mpf

__all__ = ["fluxes", "psi"]

DIGITS = 60


def _waves(q, thickness, sld, sld_imag, roughness):
    """k, a, b of every medium at one Q > 0, and the depths of the inner interfaces."""
    unit = 4 * mp.pi * mpf(10) ** -6
    k = [mpc(mpf(q) / 2)] + [
        mp.sqrt(mpc(mpf(q) ** 2 / 4 - unit * (mpf(rho) - mpf(sld[0])), unit * mpf(mu)))
        for rho, mu in zip(sld[1:], sld_imag[1:], strict=True)
    ]
    waves = [(mpc(1), mpc(0))]
    for j in range(len(thickness), -1, -1):
        a, b = waves[0]  # at the upper end of medium j + 1
        s2 = mpf(roughness[j]) ** 2
        r = (k[j] - k[j + 1]) / (k[j] + k[j + 1]) * mp.exp(-2 * k[j] * k[j + 1] * s2)
        t = 2 * k[j] / (k[j] + k[j + 1]) * mp.exp((k[j] - k[j + 1]) ** 2 * s2 / 2)
        a, b = (a + r * b) / t, (r * a + b) / t
        if j > 0:
            phase = mp.exp(1j * k[j] * mpf(thickness[j - 1]))
            a, b = a / phase, b * phase
        waves.insert(0, (a, b))
    incident = waves[0][0]
    # as doubles: a depth that is meant to lie on an interface does
    depths = [mpf(depth) for depth in (0.0, *np.cumsum(thickness))]
    return k, [(a / incident, b / incident) for a, b in waves], depths


def psi(q, z, stack, digits=DIGITS):
    """Field at arrays of Q > 0 and z, complex128 of shape (n_q, n_z); a depth on an interface is behind it."""
    out = np.empty((len(q), len(z)), dtype=np.complex128)
    with mp.workdps(digits):
        for i, x in enumerate(q):
            k, waves, depths = _waves(x, *stack)
            for m, depth in enumerate(z):
                j = sum(mpf(depth) >= d for d in depths)
                along = mpf(depth) - (depths[j - 1] if j else 0)
                a, b = waves[j]
                out[i, m] = complex(a * mp.exp(1j * k[j] * along) + b * mp.exp(-1j * k[j] * along))
    return out


def fluxes(q, stack, digits=DIGITS):
    """Reflected, absorbed in each layer, transmitted: at one Q > 0, from fluxes Im(ψ* ψ')/k_0 at the layers' ends."""
    with mp.workdps(digits):
        k, waves, _ = _waves(q, *stack)

        def flux(j, along):
            down, up = (w * mp.exp(s * 1j * k[j] * along) for w, s in zip(waves[j], (1, -1), strict=True))
            return mp.im(mp.conj(down + up) * 1j * k[j] * (down - up)) / mp.re(k[0])

        layers = [flux(j, mpf(0)) - flux(j, mpf(d)) for j, d in enumerate(stack[0], 1)]
        reflected = abs(waves[0][1]) ** 2
        return float(reflected), np.array([float(x) for x in layers]), float(flux(len(k) - 1, mpf(0)))
