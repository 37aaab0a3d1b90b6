"""Reflectivity of a continuous profile, by slices so thin that their number does not matter.

    psi'' + (Q²/4 - V(z)) psi = 0,   V = 4 pi (rho(z) - rho_0) 1e-6,   r = (i k_0 - y) / (i k_0 + y),   y = psi'/psi

Every step of length h is two slices of h/2 with constant potentials a V_1 + b V_2 and b V_1 + a V_2, where V_1 and V_2
are the potentials at the two Gauss points of the step and a, b = 1/2 ± 1/sqrt(3): the commutator-free exponential
integrator of fourth order. Steps end at the corners of the profile, so that each of them sees a smooth one.

A. Alvermann and H. Fehske, J. Comput. Phys. 230 (2011) 5930, doi:10.1016/j.jcp.2011.04.006
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import erf

__all__ = ["CDF", "CORNERS", "corners", "fresnel_scale", "profile", "reflectivity"]

# g(t), t = z / sigma, each written as the literature has it, and where it is not smooth or is as good as over
_A = np.pi / np.sqrt(np.pi**2 - 8)
CDF = {
    "erf": lambda t: (1 + erf(t / np.sqrt(2))) / 2,
    "tanh": lambda t: 1 / (1 + np.exp(-np.clip(2 * np.sqrt(2 / np.pi) * t, -700, 700))),
    "linear": lambda t: np.clip((t + np.sqrt(3)) / np.sqrt(12), 0, 1),
    "exponential": lambda t: (1 + np.sign(t) * (1 - np.exp(-np.sqrt(2) * np.abs(t)))) / 2,
    "sinusoidal": lambda t: np.sin(np.pi * (np.clip(t, -_A, _A) / _A + 1) / 4) ** 2,
    "step": lambda t: (np.heaviside(t + 1, 0.5) + np.heaviside(t - 1, 0.5)) / 2,
}
CORNERS = {
    "erf": (-8.5, 8.5),
    "tanh": (-22.0, 22.0),
    "linear": (-np.sqrt(3), np.sqrt(3)),
    "exponential": (-24.0, 0.0, 24.0),
    "sinusoidal": (-_A, _A),
    "step": (-1.0, 1.0),
}
# |Fourier transform of g'| at omega or beyond, from closed forms; smooth transforms are their own envelopes
_DAMPING = {
    "erf": lambda w: np.exp(-(w**2) / 2),
    "tanh": lambda w: np.sqrt(np.pi**3 / 8) * w / np.sinh(np.maximum(np.sqrt(np.pi**3 / 8) * w, 1e-12)),
    "exponential": lambda w: 1 / (1 + w**2 / 2),
    "linear": lambda w: np.minimum(1, 1 / np.maximum(np.sqrt(3) * w, 1e-12)),
    "sinusoidal": lambda w: np.minimum(1, 1 / np.maximum(np.abs(1 - (2 * _A * w / np.pi) ** 2), 1e-12)),
}


def profile(z, thickness, sld, sld_imag, roughness, shapes):
    """Complex SLD, imaginary part negative where it absorbs; the fronting's absorption is ignored."""
    rho = np.asarray(sld) - 1j * np.concatenate([[0.0], np.asarray(sld_imag)[1:]])
    total = np.full(np.shape(z), rho[0])
    for depth, change, width, shape in zip(_depths(thickness), np.diff(rho), roughness, shapes, strict=True):
        total = total + change * CDF[shape]((z - depth) / width)
    return total


def corners(thickness, roughness, shapes):
    """Depths between which the profile is smooth; the first and the last enclose all of it."""
    found = [
        depth + width * corner
        for depth, width, shape in zip(_depths(thickness), roughness, shapes, strict=True)
        for corner in CORNERS[shape]
    ]
    return np.unique(found)


def reflectivity(q, thickness, sld, sld_imag, roughness, shapes, *, step=0.1):
    """R of an array of Q > 0; `step` is the largest length of a step, twice that of a slice, in angstrom."""
    q = np.asarray(q, dtype=np.float64)
    knots = corners(thickness, roughness, shapes)
    pieces = [np.linspace(a, b, max(2, 1 + int(np.ceil((b - a) / step)))) for a, b in itertools.pairwise(knots)]
    ends = np.concatenate([knots[:1], *(piece[1:] for piece in pieces)])
    h, middle = np.diff(ends), (ends[1:] + ends[:-1]) / 2

    def potential(z):
        return 4e-6 * np.pi * (profile(z, thickness, sld, sld_imag, roughness, shapes) - sld[0])

    first, second = potential(middle - h / np.sqrt(12)), potential(middle + h / np.sqrt(12))
    a, b = 0.5 + 1 / np.sqrt(3), 0.5 - 1 / np.sqrt(3)
    k = np.sqrt(q**2 / 4 - potential(ends[-1] + 1e-9))
    y = 1j * np.where(k.imag < 0, -k, k)
    for length, v1, v2 in zip(h[::-1], first[::-1], second[::-1], strict=True):
        for v in (b * v1 + a * v2, a * v1 + b * v2):
            k = np.sqrt(q**2 / 4 - v)
            t = np.tan(k * length / 2)
            y = (y + k * t) / (1 - y * t / k)
    return np.abs((0.5j * q - y) / (0.5j * q + y)) ** 2


def fresnel_scale(q, sld, sld_imag, roughness, shapes, *, floor=1e-4):
    """Sum over the interfaces of |Fresnel coefficient| times damping, what errors of sqrt(R) are relative to."""
    rho = np.asarray(sld) - 1j * np.concatenate([[0.0], np.asarray(sld_imag)[1:]])
    k = np.sqrt(q[:, np.newaxis] ** 2 / 4 - 4e-6 * np.pi * (rho - rho[0]))
    fresnel = np.abs((k[:, :-1] - k[:, 1:]) / (k[:, :-1] + k[:, 1:]))
    damping = [np.maximum(_DAMPING[shape](q * width), floor) for width, shape in zip(roughness, shapes, strict=True)]
    return np.minimum((fresnel * np.transpose(damping)).sum(axis=1), 1.0)


def _depths(thickness):
    return np.concatenate([[0.0], np.cumsum(thickness)])
