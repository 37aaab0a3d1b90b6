"""Which expression has no value or derivative at a point: what a replay reports as NaN or infinity, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters.evaluation import located, values_of
from kiessig.parameters.expression import Expression, Operand, as_quantities
from kiessig.parameters.formula import shortened
from kiessig.parameters.graph import Node, operands_first
from kiessig.parameters.parameter import Parameter
from kiessig.parameters.recording import Recording, record

__all__ = ["require_defined"]


def require_defined(
    outputs: Iterable[Operand],
    inputs: Sequence[Parameter],
    x: Sequence[float] | NDArray[np.float64],
    jacobian_of: Callable[[Recording], NDArray[np.float64]] | None = None,
) -> None:
    """Raise where an expression has no value at a point, or no finite derivative; for messages, and so not fast.

    Parameters
    ----------
    outputs : iterable of float or Expression
        What must be defined.
    inputs : sequence of Parameter
        What it is a function of.
    x : float array, shape (n_inputs,)
        Their values.
    jacobian_of : callable, optional
        Gives the Jacobian at x of a recording, (n_outputs, n_inputs). None asks for the values only.

    Raises
    ------
    InvalidValueError
        Naming the expression and the values of the parameters in it.
    """
    wanted = as_quantities(outputs, "require_defined")
    at: dict[Node, float] = {parameter: float(value) for parameter, value in zip(inputs, x, strict=True)}
    values_of(wanted, at)
    if jacobian_of is None or np.isfinite(jacobian_of(record(wanted, inputs))).all():
        return
    steps = [node for node in operands_first(wanted) if isinstance(node, Expression)]
    slopes = jacobian_of(record(steps, inputs))
    for output in wanted:
        below = set(operands_first([output]))
        found = [(node, row) for node, row in zip(steps, slopes, strict=True) if node in below]
        if not found or np.isfinite(found[-1][1]).all():
            continue
        node, row = next((node, row) for node, row in found if not np.isfinite(row).all())
        place = int(np.flatnonzero(~np.isfinite(row))[0])
        message = (
            f"Expression: derivative must be finite; that of {shortened(node)} by {inputs[place]} is {row[place]:g}\n"
            f"{located(node, at)}"
        )
        raise InvalidValueError(message)
