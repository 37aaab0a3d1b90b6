"""Present values of expressions, by Python's own arithmetic."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kiessig.errors import InvalidValueError
from kiessig.parameters.formula import shortened
from kiessig.parameters.graph import Item, Node, Operation, operands_first

__all__ = ["apply", "located", "values_of"]

_LISTED_PARAMETERS = 6

_RULES: dict[Operation, Callable[..., Any]] = {
    Operation.ADD: operator.add,
    Operation.SUBTRACT: operator.sub,
    Operation.MULTIPLY: operator.mul,
    Operation.DIVIDE: operator.truediv,
    Operation.POWER: operator.pow,
    Operation.NEGATE: operator.neg,
    Operation.EXP: math.exp,
    Operation.LOG: math.log,
    Operation.SQRT: math.sqrt,
    Operation.SIN: math.sin,
    Operation.COS: math.cos,
    Operation.TAN: math.tan,
    Operation.ARCSIN: math.asin,
    Operation.ARCCOS: math.acos,
    Operation.ARCTAN: math.atan,
    Operation.SINH: math.sinh,
    Operation.COSH: math.cosh,
    Operation.TANH: math.tanh,
    Operation.ERF: math.erf,
    Operation.ABSOLUTE: abs,
    Operation.MINIMUM: min,
    Operation.MAXIMUM: max,
    Operation.LESS: lambda a, b: float(a < b),
    Operation.LESS_EQUAL: lambda a, b: float(a <= b),
    Operation.EQUAL: lambda a, b: float(a == b),
}


def apply(operation: Operation, operands: Sequence[float]) -> tuple[float, str]:
    """Return the value of finite operands and "", or NaN and the reason why there is none."""
    try:
        result = _RULES[operation](*operands)
    except ZeroDivisionError:
        return math.nan, "division by zero"
    except OverflowError:
        return math.nan, "overflow"
    except ValueError:
        return math.nan, f"{operation.name.lower()} of {operands[0]}"
    if isinstance(result, complex):
        return math.nan, "fractional power of a negative number"
    if math.isfinite(result):
        return float(result), ""
    return math.nan, "overflow"


def values_of(wanted: Sequence[Item], at: Mapping[Node, float] | None = None) -> list[float]:
    """Evaluate items together; raise InvalidValueError, naming the step and its parameters, where one has no value.

    A step without a value is no error where a condition keeps it out. Inputs in `at` have the values it says.
    """
    values: dict[Node, float] = {}
    causes: dict[Node, tuple[Node, str]] = {}
    for node in operands_first(wanted):
        if node._operation is Operation.INPUT:
            values[node] = at.get(node, node._leaf_value()) if at else node._leaf_value()
            continue
        operands = [values[item] if isinstance(item, Node) else item for item in node._operands]
        if node._operation is Operation.WHEN or node._operation is Operation.UNLESS:
            condition, value = operands
            if not math.isnan(condition):
                kept = (condition != 0.0) is (node._operation is Operation.WHEN)
                values[node] = value if kept else 0.0
                if kept and math.isnan(value):
                    causes[node] = _first_cause(node, causes)
                continue
        if any(math.isnan(value) for value in operands):
            values[node], causes[node] = math.nan, _first_cause(node, causes)
            continue
        values[node], reason = apply(node._operation, operands)
        if reason:
            causes[node] = (node, reason)
    for item in wanted:
        if isinstance(item, Node) and item in causes:
            node, reason = causes[item]
            message = f"Expression: value must be finite; {reason} in {shortened(node)}\n{located(node, at)}"
            raise InvalidValueError(message)
    return [values[item] if isinstance(item, Node) else item for item in wanted]


def _first_cause(node: Node, causes: dict[Node, tuple[Node, str]]) -> tuple[Node, str]:
    return next(causes[item] for item in node._operands if isinstance(item, Node) and item in causes)


def located(node: Node, at: Mapping[Node, float] | None = None) -> str:
    """Write the parameters below a node with their values."""
    involved = [item for item in operands_first([node]) if item._operation is Operation.INPUT]
    shown = [(item, item._leaf_value() if at is None else at.get(item, item._leaf_value())) for item in involved]
    listed = ", ".join(f"{item} = {value}" for item, value in shown[:_LISTED_PARAMETERS])
    more = f" and {len(involved) - _LISTED_PARAMETERS} more" if len(involved) > _LISTED_PARAMETERS else ""
    return f"at {listed}{more}"
