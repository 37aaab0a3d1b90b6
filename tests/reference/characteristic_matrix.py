"""The wave function and its slope carried through sharp layers, in arbitrary precision.

    (ψ, ψ')(top) = [[cos kd, −sin(kd)/k], [k sin kd, cos kd]] (ψ, ψ')(bottom),   backing: (1, i k_b)
    r = (i k_0 ψ − ψ') / (i k_0 ψ + ψ')

Every entry is an even and entire function of k, so a layer at its own critical edge (k = 0) is nothing special here:
this is the oracle for such layers. Interfaces are sharp.

M. Born and E. Wolf, Principles of Optics, section 1.6.2
"""

from __future__ import annotations

from mpmath import mp, mpc, mpf

__all__ = ["amplitude", "reflectivity"]


def amplitude(q, thickness, sld, sld_imag):
    """Reflection amplitude (mpc) of one Q > 0 at the current mpmath precision."""
    unit = 4 * mp.pi * mpf(10) ** -6
    k_squared = [
        mpc(mpf(q) ** 2 / 4 - unit * (mpf(rho) - mpf(sld[0])), unit * mpf(mu))
        for rho, mu in zip(sld[1:], sld_imag[1:], strict=True)
    ]
    psi, slope = mpc(1), 1j * mp.sqrt(k_squared[-1])
    for d, square in zip(reversed(list(thickness)), reversed(k_squared[:-1]), strict=True):
        k, d = mp.sqrt(square), mpf(d)
        cosine = mp.cos(k * d)
        sine_over_k = d if k == 0 else mp.sin(k * d) / k
        psi, slope = cosine * psi - sine_over_k * slope, square * sine_over_k * psi + cosine * slope
    incoming = 1j * mpf(q) / 2 * psi
    return (incoming - slope) / (incoming + slope)


def reflectivity(q, thickness, sld, sld_imag):
    """|amplitude|² (mpf) of one Q."""
    r = amplitude(q, thickness, sld, sld_imag)
    return r.real**2 + r.imag**2
