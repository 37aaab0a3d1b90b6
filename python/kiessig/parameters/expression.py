"""Expressions of parameters, and comparisons between them."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from kiessig.errors import InvalidValueError, RecordingError
from kiessig.parameters.checks import as_number
from kiessig.parameters.evaluation import apply, values_of
from kiessig.parameters.formula import SYMBOLS, formula
from kiessig.parameters.graph import Node, Operation
from kiessig.parameters.tracing import refuse_number

__all__ = [
    "Condition",
    "Expression",
    "Operand",
    "Quantity",
    "arithmetic",
    "as_quantity",
    "comparison",
    "evaluate",
    "function",
]


class Expression(Node):
    """A relation between parameters, made by arithmetic on them.

    ``+``, ``-``, ``*``, ``/``, ``**`` and unary ``-`` between parameters, expressions and real numbers (numpy
    scalars included) give expressions. An expression keeps the relation, not its result: it follows the values
    of its parameters. Two expressions are equal only when they are the same object.

    Parameters
    ----------
    operation : Operation
        What the node does. Users write arithmetic instead of calling this class.
    operands : tuple of float or Expression
        What it is done to.

    Notes
    -----
    `kiessig.functions` has functions of expressions; numpy's functions of the same names give the same
    (``numpy.exp(parameter)``), and arrays of expressions are numpy arrays of objects. ``<``, ``<=``, ``>``, ``>=``
    give a `Condition` for ``kiessig.functions.where``.

    ``float(expression)`` and what calls it (the functions of `math`, ``numpy.asarray(..., dtype=float)``) give
    the value of the moment and forget the relation.

    Examples
    --------
    >>> from kiessig.parameters import Parameter
    >>> water = Parameter(0.25, bounds=(0, 1), name="water")
    >>> sld = water * 6.36 + (1 - water) * 3.47
    >>> sld
    Expression(water * 6.36 + (1 - water) * 3.47)
    >>> sld.value
    4.1925
    >>> water.value = 1.0
    >>> sld.value
    6.36
    """

    __slots__ = ()

    @property
    def value(self) -> float:
        """Value at the present values of the parameters.

        Raises
        ------
        InvalidValueError
            For a division by zero, an overflow, a complex power or a function outside its domain; the message names
            the parameters involved.
        """
        refuse_number(self, "the value")
        return values_of([self])[0]

    def __add__(self, other: Operand) -> Expression:
        return arithmetic(Operation.ADD, self, other)

    def __radd__(self, other: Operand) -> Expression:
        return arithmetic(Operation.ADD, other, self)

    def __sub__(self, other: Operand) -> Expression:
        return arithmetic(Operation.SUBTRACT, self, other)

    def __rsub__(self, other: Operand) -> Expression:
        return arithmetic(Operation.SUBTRACT, other, self)

    def __mul__(self, other: Operand) -> Expression:
        return arithmetic(Operation.MULTIPLY, self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return arithmetic(Operation.MULTIPLY, other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return arithmetic(Operation.DIVIDE, self, other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return arithmetic(Operation.DIVIDE, other, self)

    def __pow__(self, other: Operand) -> Expression:
        return arithmetic(Operation.POWER, self, other)

    def __rpow__(self, other: Operand) -> Expression:
        return arithmetic(Operation.POWER, other, self)

    def __neg__(self) -> Expression:
        return Expression(Operation.NEGATE, (self,))

    def __abs__(self) -> Expression:
        return Expression(Operation.ABSOLUTE, (self,))

    def __lt__(self, other: Operand) -> Condition:
        return comparison(Operation.LESS, self, other)

    def __le__(self, other: Operand) -> Condition:
        return comparison(Operation.LESS_EQUAL, self, other)

    def __gt__(self, other: Operand) -> Condition:
        return comparison(Operation.LESS, other, self)

    def __ge__(self, other: Operand) -> Condition:
        return comparison(Operation.LESS_EQUAL, other, self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        from kiessig.functions import apply_ufunc

        return apply_ufunc(ufunc, method, inputs, keywords)

    def conjugate(self) -> Expression:
        """Return the expression itself: numpy asks for it in sums of squares."""
        return self

    def __float__(self) -> float:
        refuse_number(self, "float()")
        return self.value

    def __int__(self) -> int:
        refuse_number(self, "int()")
        message = f"{type(self).__name__}: is no whole number; round its value, int(expression.value)"
        raise TypeError(message)

    def __bool__(self) -> bool:
        message = (
            f"{type(self).__name__}: has no truth value; test its number with .value, or its presence with 'is None'"
        )
        raise TypeError(message)

    def __str__(self) -> str:
        return formula(self)

    def __repr__(self) -> str:
        return f"Expression({self})"


class Condition(Node):
    """A comparison of expressions, for `kiessig.functions.where` and `kiessig.Constraint`.

    ``a < b``, ``a <= b``, ``a > b``, ``a >= b`` with an expression on either side give one; ``&``, ``|`` and ``~``
    combine them. A condition has no truth value, it holds or not as its parameters change: there is no ``if`` on it.

    Parameters
    ----------
    operation : Operation
        What the node does. Users write comparisons instead of calling this class.
    operands : tuple of float, Expression or Condition
        What it is done to.

    Examples
    --------
    >>> import kiessig as ks
    >>> depth = ks.Parameter(12.0, name="depth")
    >>> depth < 20
    Condition(depth < 20)
    >>> ks.functions.where((depth > 0) & (depth < 20), 1.0, 0.0).value
    1.0
    """

    __slots__ = ()
    _is_condition = True

    def __and__(self, other: Condition | bool) -> Condition:
        return _combined(Operation.MULTIPLY, self, other)

    __rand__ = __and__

    def __or__(self, other: Condition | bool) -> Condition:
        return _combined(Operation.MAXIMUM, self, other)

    __ror__ = __or__

    def __invert__(self) -> Condition:
        return Condition(Operation.EQUAL, (self, 0.0))

    def __bool__(self) -> bool:
        message = (
            "Condition: has no truth value, it changes with its parameters; write kiessig.functions.where(condition, "
            "a, b),\nminimum or maximum for a branch that follows them, or compare numbers now: a.value < b.value"
        )
        raise RecordingError(message)

    def __str__(self) -> str:
        return formula(self)

    def __repr__(self) -> str:
        return f"Condition({self})"


Quantity: TypeAlias = float | Expression
"""What a model stores: a number or something that has a value."""

Operand: TypeAlias = float | np.floating[Any] | np.integer[Any] | Expression
"""What a caller may give where a Quantity is wanted."""


def evaluate(quantities: Iterable[Operand]) -> list[float]:
    """Evaluate numbers and expressions together, common subexpressions once.

    Parameters
    ----------
    quantities : iterable of float or Expression
        What to evaluate.

    Returns
    -------
    list of float
        Their present values, all finite.

    Raises
    ------
    InvalidValueError
        As `Expression.value`, or if an entry is neither a finite number nor an expression.
    """
    return values_of(as_quantities(quantities, "evaluate"))


def as_quantity(value: object, owner: str, quantity: str, *, unit: str = "", non_negative: bool = False) -> Quantity:
    """Return `value` as a finite float or an Expression, or raise InvalidValueError on behalf of `owner`.

    What an expression gives can change, so of those only a Parameter's value is looked at.
    """
    if not isinstance(value, Expression):
        value = as_number(value, owner, quantity, wanted="a real number, Parameter or Expression")
    if non_negative and _number_now(value) < 0:
        shown = repr(value) if isinstance(value, Node) else f"{value} {unit}".rstrip()
        message = f"{owner}: {quantity} must be non-negative; {quantity} = {shown}"
        raise InvalidValueError(message)
    return value


def _method(operation: Operation) -> Callable[[Expression], Expression]:
    def method(self: Expression) -> Expression:
        return Expression(operation, (self,))

    method.__name__ = operation.name.lower()
    method.__doc__ = f"See `kiessig.functions.{method.__name__}`."
    return method


# numpy applies a function to an array of objects by calling the method of that name of every entry.
for _operation in range(Operation.EXP, Operation.ERF):
    setattr(Expression, Operation(_operation).name.lower(), _method(Operation(_operation)))


def as_quantities(items: Iterable[Operand], owner: str) -> list[Quantity]:
    """Return the entries as `as_quantity` does."""
    return [as_quantity(item, owner, f"entry [{index}]") for index, item in enumerate(items)]


def arithmetic(operation: Operation, left: Operand, right: Operand) -> Expression:
    """Return the expression, or NotImplemented where an operand is none: Python then asks the other one."""
    operands = _operands(f"Expression: {SYMBOLS[operation]}", left, right)
    return NotImplemented if operands is None else Expression(operation, operands)


def comparison(operation: Operation, left: Operand, right: Operand) -> Condition:
    """Return the condition, or NotImplemented where an operand is none: Python then asks the other one."""
    operands = _operands(f"Expression: {SYMBOLS[operation]}", left, right)
    return NotImplemented if operands is None else Condition(operation, operands)


def function(operation: Operation, *arguments: object) -> Quantity:
    """Return a function of quantities: an expression, or a number where all of them are numbers."""
    owner = f"functions.{operation.name.lower()}"
    operands = [as_quantity(item, owner, f"argument {index + 1}") for index, item in enumerate(arguments)]
    if any(isinstance(item, Expression) for item in operands):
        return Expression(operation, tuple(operands))
    value, reason = apply(operation, [float(item) for item in operands])
    if reason:
        message = f"{owner}: value must be finite; {reason}"
        raise InvalidValueError(message)
    return value


def _operands(owner: str, *items: object) -> tuple[Quantity, ...] | None:
    operands: list[Quantity] = []
    for item in items:
        if isinstance(item, Expression):
            operands.append(item)
        elif isinstance(item, numbers.Real) and not isinstance(item, bool):
            operands.append(as_number(item, owner, "operand"))
        else:
            return None
    return tuple(operands)


def _combined(operation: Operation, left: Condition, right: object) -> Condition:
    if isinstance(right, Condition):
        return Condition(operation, (left, right))
    if isinstance(right, bool | np.bool_):
        return Condition(operation, (left, float(right)))
    return NotImplemented  # type: ignore[no-any-return]  # Python then asks the other operand


def _number_now(value: Quantity) -> float:
    """Return the value of a number or parameter; 0 for an expression, which is not asked."""
    if isinstance(value, Expression):
        return value._leaf_value() if value._operation is Operation.INPUT else 0.0
    return value
