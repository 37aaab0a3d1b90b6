"""Derivatives of the four reflectivities of a magnetic stack in double precision: dR = 2 Re(r* dr).

The derivatives dr of the amplitudes of the 4 × 4 transfer matrices come from Cauchy's integral; accurate to 1e-10 of
2 |r dr| away from critical edges.
"""

from __future__ import annotations

import numpy as np

from reference import polarised_transfer_matrix
from reference.cauchy import STEPS, derivative

__all__ = ["FIELDS", "jacobian"]

FIELDS = (
    "thickness",
    "sld",
    "sld_imag",
    "roughness",
    "sld_magnetic",
    "theta_m",
    "phi_m",
    "guide_angle",
    "field",
    "q",
)


def jacobian(q, stack):
    """R (4, n_q) and a mapping of field to dR, (4, n_q, length) or, for guide_angle, field and q, (4, n_q)."""
    q = np.atleast_1d(np.asarray(q, dtype=np.float64))
    r = polarised_transfer_matrix.amplitudes(q, *stack)
    result = {}
    for name in FIELDS:

        def along(x, name=name, i=None):
            if name == "q":
                return polarised_transfer_matrix.amplitudes(q + x, *stack)
            given = getattr(stack, name)
            moved = given + x if i is None else np.asarray(given) + x * (np.arange(len(given)) == i)
            return polarised_transfer_matrix.amplitudes(q, *stack._replace(**{name: moved}))

        entries = [None] if name in ("guide_angle", "field", "q") else range(len(getattr(stack, name)))
        slopes = [2 * (r.conj() * derivative(lambda x, i=i: along(x, i=i), 0.0, STEPS[name])).real for i in entries]
        if name in ("guide_angle", "field", "q"):
            result[name] = slopes[0]
        else:
            result[name] = np.stack(slopes, axis=-1) if slopes else np.zeros((*r.shape, 0))
        result[name] = np.where((q == 0.0).reshape((-1,) + (1,) * (result[name].ndim - 2)), 0.0, result[name])
    return np.abs(r) ** 2, result
