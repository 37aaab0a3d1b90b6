"""Expressions as a flat program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters.checks import arrived
from kiessig.parameters.expression import Operand, as_quantities
from kiessig.parameters.graph import Item, Node, Operation, operands_first
from kiessig.parameters.parameter import Parameter

__all__ = ["Recording", "free_parameters", "record"]


class Recording(NamedTuple):
    """Outputs as a straight program over inputs, each step using earlier ones only.

    Attributes
    ----------
    n_inputs : int
        Number of inputs.
    steps : int32 array, shape (n_steps, 3)
        Operation (see `Operation`) and operands a, b of each step. A constant has its place in `constants` as a,
        an input its place among the inputs; all other operations name earlier steps. Unused operands are 0.
    constants : float64 array, shape (n_constants,)
        The constants.
    outputs : int32 array, shape (n_outputs,)
        The step that holds each output.
    """

    n_inputs: int
    steps: NDArray[np.int32]
    constants: NDArray[np.float64]
    outputs: NDArray[np.int32]


def free_parameters(expressions: Iterable[Operand]) -> list[Parameter]:
    """Distinct parameters that are not fixed, in order of first appearance (depth first, left to right).

    Parameters
    ----------
    expressions : iterable of float or Expression
        Where to look; numbers hold none.

    Returns
    -------
    list of Parameter
        Each once.

    Raises
    ------
    InvalidValueError
        If an entry is neither a finite number nor an expression.
    """
    nodes = operands_first(as_quantities(expressions, "free_parameters"))
    return [node for node in nodes if isinstance(node, Parameter) and not node.fixed]


def record(outputs: Iterable[Operand], inputs: Iterable[Parameter]) -> Recording:
    """Write expressions as a flat program from the values of some parameters to theirs.

    Parameters
    ----------
    outputs : iterable of float or Expression
        What the program computes.
    inputs : iterable of Parameter
        What it computes it from, in the order of its arguments. Every other parameter is recorded as a constant
        at its present value.

    Returns
    -------
    Recording
        The program. Subexpressions that are the same, even where they were written twice, are computed once.

    Raises
    ------
    InvalidValueError
        If an output is neither a finite number nor an expression, or an input is no parameter or given twice.
    """
    wanted = as_quantities(outputs, "record")
    places = _input_places(inputs)
    steps: list[tuple[int, int, int]] = []
    constants: dict[float, int] = {}  # value -> step; the n-th key is the n-th constant
    step_of: dict[Node, int] = {}

    known: dict[tuple[int, int, int], int] = {}

    def append(operation: Operation, a: int, b: int = 0) -> int:
        step = (int(operation), a, b)
        if step not in known:
            known[step] = len(steps)
            steps.append(step)
        return known[step]

    def constant(value: float) -> int:
        if value not in constants:
            constants[value] = append(Operation.CONSTANT, len(constants))
        return constants[value]

    def locate(item: Item) -> int:
        return step_of[item] if isinstance(item, Node) else constant(item)

    for node in operands_first(wanted):
        if not isinstance(node, Parameter):
            step_of[node] = append(node._operation, *(locate(item) for item in node._operands))
        elif node in places:
            step_of[node] = append(Operation.INPUT, places[node])
        else:
            step_of[node] = constant(node._leaf_value())
    located = [locate(item) for item in wanted]
    return Recording(
        len(places),
        np.array(steps, dtype=np.int32).reshape(-1, 3),
        np.array(list(constants), dtype=np.float64),
        np.array(located, dtype=np.int32),
    )


def _input_places(inputs: Iterable[Parameter]) -> dict[Parameter, int]:
    places: dict[Parameter, int] = {}
    for index, item in enumerate(inputs):
        if not isinstance(item, Parameter):
            message = f"record: inputs must be Parameters; inputs[{index}] is {arrived(item)}"
            raise InvalidValueError(message)
        if item in places:
            message = f"record: inputs must be distinct; inputs[{places[item]}] and inputs[{index}] are both {item!r}"
            raise InvalidValueError(message)
        places[item] = index
    return places
