"""Nodes of an expression graph, and the walk over them."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["COMPARISONS", "FUNCTIONS", "Item", "Node", "Operation", "operands_first"]


class Operation(enum.IntEnum):
    """What a node does; the numbers are those of ``TapeOp`` in ``kiessig/tape.hpp``."""

    CONSTANT = 0
    INPUT = 1
    ADD = 2
    SUBTRACT = 3
    MULTIPLY = 4
    DIVIDE = 5
    POWER = 6
    NEGATE = 7
    EXP = 8
    LOG = 9
    SQRT = 10
    SIN = 11
    COS = 12
    TAN = 13
    ARCSIN = 14
    ARCCOS = 15
    ARCTAN = 16
    SINH = 17
    COSH = 18
    TANH = 19
    ERF = 20
    ABSOLUTE = 21
    MINIMUM = 22
    MAXIMUM = 23
    LESS = 24
    LESS_EQUAL = 25
    EQUAL = 26
    WHEN = 27
    UNLESS = 28


# Written as a function in a formula: exp(a), minimum(a, b).
FUNCTIONS = frozenset(Operation(number) for number in range(Operation.EXP, Operation.MAXIMUM + 1))
COMPARISONS = frozenset({Operation.LESS, Operation.LESS_EQUAL, Operation.EQUAL})


class Node:
    """An operation and what it is done to; an input is a leaf with a value of its own."""

    __slots__ = ("_operands", "_operation")

    _operation: Operation
    _operands: tuple[Item, ...]
    _is_condition = False

    def __init__(self, operation: Operation, operands: tuple[Item, ...]) -> None:
        self._operation = operation
        self._operands = operands

    def _leaf_value(self) -> float:
        """Return the present value of an input."""
        raise NotImplementedError


Item: TypeAlias = float | Node


def operands_first(outputs: Iterable[Item]) -> list[Node]:
    """All nodes below `outputs`, each once, after its operands, left ones first."""
    order: list[Node] = []
    met: set[Node] = set()
    pending = [(item, False) for item in reversed(list(outputs))]
    while pending:
        node, operands_done = pending.pop()
        if operands_done and isinstance(node, Node):
            order.append(node)
        elif isinstance(node, Node) and node not in met:
            met.add(node)
            pending.append((node, True))
            pending.extend((item, False) for item in reversed(node._operands))
    return order
