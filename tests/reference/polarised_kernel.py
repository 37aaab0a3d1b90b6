"""The interface of the compiled polarised kernel on the 4 × 4 transfer matrices, loop by loop, without resolution.

Arguments are rows of shape (1 or n_batch, length); results (n_batch, 4, n_q), channels in the order pp, pm, mp, mm.
"""

from __future__ import annotations

import numpy as np

from reference.magnetic_stacks import MagneticStack
from reference.polarised_derivatives import derivatives
from reference.polarised_transfer_matrix import reflectivities

__all__ = ["polarised_jacobian", "polarised_jvp", "polarised_reflectivity", "polarised_vjp"]

ORDER = (
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
    "scale",
    "background",
    "dq",
)


def _row(arguments, name, b):
    rows = arguments[name]
    return rows[b if len(rows) > 1 else 0]


def _elements(arguments):
    """(q, stack, scale, background) of every element of the batch."""
    if arguments["dq"] is not None:
        message = "no resolution here"
        raise NotImplementedError(message)
    for b in range(arguments["n_batch"]):
        fields = {name: _row(arguments, name, b) for name in MagneticStack._fields}
        fields |= {name: float(fields[name][0]) for name in ("guide_angle", "field")}
        scale, background = (float(_row(arguments, name, b)[0]) for name in ("scale", "background"))
        yield _row(arguments, "q", b), MagneticStack(**fields), scale, background


def polarised_reflectivity(arguments):
    """R."""
    return np.array([s * reflectivities(q, *stack) + background for q, stack, s, background in _elements(arguments)])


def polarised_jacobian(arguments):
    """(r, fields): fields (n_batch, 4, n_q, length), or (n_batch, 4, n_q) for what has one entry a point or stack."""
    values, columns = [], {name: [] for name in ORDER[:-1]}
    for q, stack, scale, background in _elements(arguments):
        amplitudes, slopes = derivatives(q, stack)
        r = np.abs(amplitudes) ** 2
        values.append(scale * r + background)
        for name, slope in slopes.items():
            columns[name].append(scale * slope.value)
        columns["scale"].append(r)
        columns["background"].append(np.ones_like(r))
    return np.array(values), (*(np.array(columns[name]) for name in ORDER[:-1]), None)


def polarised_vjp(arguments, cotangent):
    """(r, fields): fields (n_batch, length), and (n_batch, n_q) for q."""
    r, fields = polarised_jacobian(arguments)
    summed = []
    for name, field in zip(ORDER, fields, strict=True):
        if field is None:
            summed.append(None)
        elif name == "q":
            summed.append(np.sum(cotangent * field, axis=1))
        elif field.ndim == 4:
            summed.append(np.einsum("bcq,bcql->bl", cotangent, field))
        else:
            summed.append(np.einsum("bcq,bcq->b", cotangent, field)[:, None])
    return r, tuple(summed)


def polarised_jvp(arguments, tangents):
    """(r, dr)."""
    r, fields = polarised_jacobian(arguments)
    dr = np.zeros_like(r)
    for name, rows in tangents.items():
        field = fields[ORDER.index(name)]
        if name == "q":
            dr += field * rows[:, None, :]
        elif field.ndim == 4:
            dr += np.sum(field * rows[:, None, None, :], axis=-1)
        else:
            dr += field * rows[:, :, None]
    return r, dr
