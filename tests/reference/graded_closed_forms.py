"""Closed forms of the reflectivity of one graded interface between two media that do not absorb, in mpmath.

The wave equation psi'' + (k_0² - V g(z)) psi = 0, V = 4 pi (rho_1 - rho_0) 1e-6, k_1² = k_0² - V, has known solutions:

    Fermi (tanh) profile g = 1 / (1 + exp(-z/s)):    R = [sinh(pi s (k_0 - k_1)) / sinh(pi s (k_0 + k_1))]²
    linear profile:                                  Airy functions of (V g(z) - k_0²) / (V g')^(2/3)
    exponential profile, two decays with length l:   Bessel functions I_nu before the middle and J_mu behind it,
                                                     nu = 2 i k_0 l, mu = -2 i k_1 l, of u = 2 l sqrt(V/2) exp(-|z|/2l)

P. S. Epstein, Proc. Natl. Acad. Sci. 16 (1930) 627, doi:10.1073/pnas.16.10.627
L. D. Landau and E. M. Lifshitz, Quantum Mechanics (3rd ed., Pergamon, 1977), section 25, problem 3
NIST Digital Library of Mathematical Functions, chapters 9 and 10, https://dlmf.nist.gov
"""

from __future__ import annotations

import numpy as np
from mpmath import airyai, airybi, besseli, besselj, cbrt, mp, mpc, mpf, pi, sinh, sqrt

__all__ = ["exponential", "fermi", "linear"]

DIGITS = 40


def _each(function):
    def over(q, *arguments):
        with mp.workdps(DIGITS):
            return np.array([float(function(mpf(x), *map(mpf, arguments))) for x in q])

    return over


def _wavevectors(q, sld_0, sld_1):
    potential = 4 * pi * (sld_1 - sld_0) * mpf(10) ** -6
    k0 = q / 2
    k1 = sqrt(mpc(k0**2 - potential))
    return potential, k0, k1


@_each
def fermi(q, sld_0, sld_1, s):
    """R for g = 1 / (1 + exp(-z/s))."""
    _, k0, k1 = _wavevectors(q, sld_0, sld_1)
    return abs(sinh(pi * s * (k0 - k1)) / sinh(pi * s * (k0 + k1))) ** 2


@_each
def linear(q, sld_0, sld_1, half_width):
    """R for g rising from 0 at -half_width to 1 at half_width."""
    potential, k0, k1 = _wavevectors(q, sld_0, sld_1)
    slope = potential / (2 * half_width)
    root = cbrt(abs(slope)) * (1 if slope > 0 else -1)
    left, right = -(k0**2) / root**2, (potential - k0**2) / root**2
    # psi = c Ai + d Bi leaves into the backing as exp(i k_1 z)
    ratio = (root * airyai(right, derivative=1) - 1j * k1 * airyai(right)) / (
        root * airybi(right, derivative=1) - 1j * k1 * airybi(right)
    )
    psi = airyai(left) - ratio * airybi(left)
    slope_psi = root * (airyai(left, derivative=1) - ratio * airybi(left, derivative=1))
    return abs((1j * k0 * psi - slope_psi) / (1j * k0 * psi + slope_psi)) ** 2


@_each
def exponential(q, sld_0, sld_1, length):
    """R for g = exp(z/l)/2 before and 1 - exp(-z/l)/2 behind z = 0; the backing has the higher SLD."""
    potential, k0, k1 = _wavevectors(q, sld_0, sld_1)
    u = 2 * length * sqrt(potential / 2)
    nu, mu = 2j * k0 * length, -2j * k1 * length
    y = -besselj(mu, u, derivative=1) / besselj(mu, u)  # psi'/psi at z = 0, in units of u / 2l

    def mismatch(order):
        return besseli(order, u, derivative=1) - y * besseli(order, u)

    return abs(mismatch(nu) / mismatch(-nu)) ** 2
