"""Infix formulas of expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from kiessig.parameters.checks import number_text
from kiessig.parameters.graph import COMPARISONS, FUNCTIONS, Item, Node, Operation, operands_first

__all__ = ["SYMBOLS", "formula", "shortened"]

# Symbol and binding strength in a formula, as in Python's own grammar.
_NOTATION = {
    Operation.LESS: ("<", 0),
    Operation.LESS_EQUAL: ("<=", 0),
    Operation.EQUAL: ("==", 0),
    Operation.ADD: ("+", 1),
    Operation.SUBTRACT: ("-", 1),
    Operation.MULTIPLY: ("*", 2),
    Operation.DIVIDE: ("/", 2),
    Operation.NEGATE: ("-", 3),
    Operation.POWER: ("**", 4),
}
_LEAF_STRENGTH = 5
SYMBOLS = {operation: symbol for operation, (symbol, _) in _NOTATION.items()}

# Longer operands appear as "(...)": a graph with shared nodes can have a formula of exponential length.
_FORMULA_LIMIT = 200

Written: TypeAlias = Callable[[Item, int], str]
"""Text of an operand, in parentheses where it binds less than needed."""


def formula(node: Node, limit: int = _FORMULA_LIMIT) -> str:
    """Write a formula with as few parentheses as Python's grammar allows; operands longer than `limit` abbreviated."""
    known: dict[Node, tuple[str, int]] = {}

    def written(item: Item, needed: int) -> str:
        if isinstance(item, Node):
            text, strength = known[item]
        else:
            text = number_text(item)
            strength = _NOTATION[Operation.NEGATE][1] if text.startswith("-") else _LEAF_STRENGTH
        if len(text) > limit:
            return "(...)"
        return text if strength >= needed else f"({text})"

    for item in operands_first([node]):
        known[item] = _written(item, written)
    return known[node][0]


def shortened(node: Node) -> str:
    """Write the formula for a message that names a part of a greater one."""
    return formula(node, _FORMULA_LIMIT // 4)


def _written(node: Node, written: Written) -> tuple[str, int]:
    operation, operands = node._operation, node._operands
    if operation is Operation.INPUT:
        return str(node), _LEAF_STRENGTH
    if node._is_condition and operation not in COMPARISONS:
        symbol = "&" if operation is Operation.MULTIPLY else "|"
        return f"({written(operands[0], 0)}) {symbol} ({written(operands[1], 0)})", 0
    if operation is Operation.EQUAL and isinstance(operands[0], Node) and operands[0]._is_condition:
        return f"~({written(operands[0], 0)})", 0
    if operation in FUNCTIONS:
        return f"{operation.name.lower()}({', '.join(written(item, 0) for item in operands)})", _LEAF_STRENGTH
    branches = _branches(node)
    if branches is not None:
        return f"where({', '.join(written(item, 0) for item in branches)})", _LEAF_STRENGTH
    if operation is Operation.WHEN or operation is Operation.UNLESS:
        return f"{operation.name.lower()}({', '.join(written(item, 0) for item in operands)})", _LEAF_STRENGTH
    symbol, strength = _NOTATION[operation]
    if operation is Operation.NEGATE:
        return symbol + written(operands[0], strength + 1), strength
    if operation in COMPARISONS:
        return f"{written(operands[0], 1)} {symbol} {written(operands[1], 1)}", strength
    # Floating-point sums do not associate: the side that does not bind first keeps its parentheses.
    to_the_right = operation is Operation.POWER
    left = written(operands[0], strength + to_the_right)
    right = written(operands[1], strength + (not to_the_right))
    return f"{left} {symbol} {right}", strength


def _branches(node: Node) -> tuple[Item, Item, Item] | None:
    """Condition and branches of what `kiessig.functions.where` makes: a sum of which one term is 0."""
    if node._operation is not Operation.ADD:
        return None
    taken, other = node._operands
    if not (isinstance(taken, Node) and isinstance(other, Node)):
        return None
    if taken._operation is not Operation.WHEN or other._operation is not Operation.UNLESS:
        return None
    return taken._operands[0], taken._operands[1], other._operands[1]
