"""Derivatives of an analytic function of real arguments from its values on a small circle around them.

    f′(x) = 1/(N h) Σ_n f(x + h ω^n) ω^−n + O(h^N),   ω = exp(2πi/N)

The sum has no cancellation for an h of the order of a thousandth of the scale on which f changes, and N = 12 leaves
nothing of the truncation.

J. N. Lyness and C. B. Moler, SIAM Journal on Numerical Analysis 4 (1967) 202, doi:10.1137/0704019
"""

from __future__ import annotations

import numpy as np

__all__ = ["STEPS", "derivative"]

POINTS = 12
STEPS = {
    "thickness": 0.05,
    "sld": 1e-2,
    "sld_imag": 1e-2,
    "roughness": 0.1,
    "sld_magnetic": 1e-2,
    "theta_m": 0.5,
    "phi_m": 0.5,
    "guide_angle": 0.5,
    "field": 4e-3,
    "q": 1e-5,
}
"""Radii for the arguments of a magnetic stack, in their units: small against the distance to any critical edge."""


def derivative(function, x, step):
    """First derivative of a function that takes a complex number and returns a complex array."""
    roots = np.exp(2j * np.pi * np.arange(POINTS) / POINTS)
    return sum(function(x + step * root) / root for root in roots) / (POINTS * step)
