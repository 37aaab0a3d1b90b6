"""kiessig as a provider of gradients: the exact derivatives of any function of R, for an optimiser of your own.

python gradients.py
"""

import numpy as np
from scipy.optimize import minimize

import kiessig as ks

q = np.linspace(0.01, 0.2, 200)
sld, roughness, dq = np.array([0.0, 6.2, 4.1, 2.07]), 4.0, 0.02 * q
measured = ks.reflectivity(q, [210.0, 90.0], sld, roughness=roughness, dq=dq)


def mean_square_of_logarithms(thickness):
    """Value and gradient: what R does to the value, dvalue/dR, goes in as the cotangent."""
    r = ks.reflectivity(q, thickness, sld, roughness=roughness, dq=dq)
    difference = np.log10(r / measured)
    cotangent = 2.0 * difference / (r * np.log(10.0) * q.size)
    _, gradient = ks.reflectivity_vjp(q, thickness, sld, roughness=roughness, dq=dq, cotangent=cotangent)
    return np.mean(difference**2), gradient.thickness


found = minimize(mean_square_of_logarithms, [200.0, 100.0], jac=True, method="BFGS")
print(f"thickness {found.x[0]:.3f} and {found.x[1]:.3f} angstrom after {found.nfev} evaluations")
