"""Derivatives of the four reflectivities of a magnetic stack in double precision: dR = 2 Re(r* dr).

The derivatives dr of the amplitudes of the 4 × 4 transfer matrices come from Cauchy's integral.
"""

from __future__ import annotations

import numpy as np

from reference import polarised_transfer_matrix
from reference.cauchy import STEPS, derivative
from reference.differences import Derivative

__all__ = ["FIELDS", "derivatives"]

SINGLE = ("guide_angle", "field", "q")
FIELDS = ("thickness", "sld", "sld_imag", "roughness", "sld_magnetic", "theta_m", "phi_m", *SINGLE)


def derivatives(q, stack):
    """Amplitudes (4, n_q) and a mapping of field to Derivative, (4, n_q, length) or, for SINGLE, (4, n_q).

    At Q = 0 every derivative is 0.
    """
    q = np.atleast_1d(np.asarray(q, dtype=np.float64))
    r = polarised_transfer_matrix.amplitudes(q, *stack)
    result = {}
    for name in FIELDS:

        def along(x, i, name=name):
            if name == "q":
                return polarised_transfer_matrix.amplitudes(q + x * (q != 0.0), *stack)
            given = getattr(stack, name)
            moved = given + x if name in SINGLE else np.asarray(given) + x * (np.arange(len(given)) == i)
            return polarised_transfer_matrix.amplitudes(q, *stack._replace(**{name: moved}))

        count = 1 if name in SINGLE else len(getattr(stack, name))
        slopes = [derivative(lambda x, i=i, along=along: along(x, i), 0.0, STEPS[name]) for i in range(count)]
        slope = np.stack(slopes, axis=-1) if slopes else np.zeros((*r.shape, 0), dtype=complex)
        value, size = 2.0 * (r.conj()[..., None] * slope).real, np.abs(slope)
        result[name] = Derivative(value[..., 0], size[..., 0]) if name in SINGLE else Derivative(value, size)
    return r, result
