"""Parameters, the arithmetic between them, and its recording as a flat program.

Every walk over an expression graph is a loop: chains of many thousand operations are ordinary input.
"""

from __future__ import annotations

import enum
import math
import numbers
import operator
import reprlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError

__all__ = ["Expression", "Operand", "Parameter", "Quantity", "Recording", "evaluate", "free_parameters", "record"]


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


_FUNCTIONS: dict[Operation, Callable[..., Any]] = {
    Operation.ADD: operator.add,
    Operation.SUBTRACT: operator.sub,
    Operation.MULTIPLY: operator.mul,
    Operation.DIVIDE: operator.truediv,
    Operation.POWER: operator.pow,
    Operation.NEGATE: operator.neg,
}

# Symbol and binding strength in a formula, as in Python's own grammar.
_NOTATION = {
    Operation.ADD: ("+", 1),
    Operation.SUBTRACT: ("-", 1),
    Operation.MULTIPLY: ("*", 2),
    Operation.DIVIDE: ("/", 2),
    Operation.NEGATE: ("-", 3),
    Operation.POWER: ("**", 4),
}
_LEAF_STRENGTH = 5

# Longer operands appear as "(...)": a graph with shared nodes can have a formula of exponential length.
_FORMULA_LIMIT = 200
_LISTED_PARAMETERS = 6


class Expression:
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
    ``float(expression)`` and what calls it (the functions of `math`, ``numpy.asarray(..., dtype=float)``) give
    the value of the moment and forget the relation; write ``expression**0.5`` for a square root that a fit can
    follow.

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

    __slots__ = ("_operands", "_operation")

    # Makes numpy scalars and arrays return NotImplemented, so that ours is the operator that decides.
    __array_ufunc__ = None

    _operation: Operation
    _operands: tuple[Quantity, ...]

    def __init__(self, operation: Operation, operands: tuple[Quantity, ...]) -> None:
        self._operation = operation
        self._operands = operands

    @property
    def value(self) -> float:
        """Value at the present values of the parameters.

        Raises
        ------
        InvalidValueError
            For a division by zero, an overflow or a complex power; the message names the parameters involved.
        """
        return evaluate([self])[0]

    def __add__(self, other: Operand) -> Expression:
        return _binary(Operation.ADD, self, other)

    def __radd__(self, other: Operand) -> Expression:
        return _binary(Operation.ADD, other, self)

    def __sub__(self, other: Operand) -> Expression:
        return _binary(Operation.SUBTRACT, self, other)

    def __rsub__(self, other: Operand) -> Expression:
        return _binary(Operation.SUBTRACT, other, self)

    def __mul__(self, other: Operand) -> Expression:
        return _binary(Operation.MULTIPLY, self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return _binary(Operation.MULTIPLY, other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return _binary(Operation.DIVIDE, self, other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return _binary(Operation.DIVIDE, other, self)

    def __pow__(self, other: Operand) -> Expression:
        return _binary(Operation.POWER, self, other)

    def __rpow__(self, other: Operand) -> Expression:
        return _binary(Operation.POWER, other, self)

    def __neg__(self) -> Expression:
        return Expression(Operation.NEGATE, (self,))

    def __float__(self) -> float:
        return self.value

    def __bool__(self) -> bool:
        message = (
            f"{type(self).__name__}: has no truth value; test its number with .value, or its presence with 'is None'"
        )
        raise TypeError(message)

    def __str__(self) -> str:
        return _formula(self, _FORMULA_LIMIT)

    def __repr__(self) -> str:
        return f"Expression({self})"


class Parameter(Expression):
    """A number that a fit may change.

    The same Parameter may stand in any number of expressions, layers, samples and measurements: wherever it
    stands it has one value, and a fit of several measurements then refines it once (co-refinement).

    Parameters
    ----------
    value : float
        Present value, or start of a fit; finite and within `bounds`.
    bounds : (lower, upper), optional
        Limits that a fit respects, both included; None on either side, or altogether, for no limit.
    prior : None
        Not supported in this version; the place is kept for a probability distribution.
    name : str, optional
        How tables and messages call the parameter.
    fixed : bool
        A fixed parameter keeps its value in a fit.

    Raises
    ------
    InvalidValueError
        If a value or bound is no finite number (infinite bounds are open ones), the bounds are reversed or equal,
        or the value lies outside of them. Assigning to an attribute checks the same and, when it raises, changes
        nothing.

    Examples
    --------
    >>> from kiessig.parameters import Parameter
    >>> thickness = Parameter(1460, bounds=(1000, 2000), name="film thickness")
    >>> thickness.value = 1466.8
    >>> thickness
    Parameter(1466.8, bounds=(1000, 2000), name='film thickness')
    """

    __slots__ = ("_bounds", "_fixed", "_name", "_value")

    def __init__(
        self,
        value: float | np.floating[Any] | np.integer[Any],
        bounds: Sequence[float | None] | None = None,
        prior: None = None,
        name: str | None = None,
        *,
        fixed: bool = False,
    ) -> None:
        super().__init__(Operation.INPUT, ())
        self._name = as_name(name, "Parameter")
        owner = self._owner()
        if prior is not None:
            message = (
                f"{owner}: prior must be None, priors are not supported in this version; got {reprlib.repr(prior)}"
            )
            raise InvalidValueError(message)
        self._value = as_number(value, owner, "value")
        self._bounds = _as_bounds(bounds, owner)
        self._fixed = _as_flag(fixed, owner)
        _check_within(self._value, self._bounds, owner)

    @property
    def value(self) -> float:
        """Present value."""
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        owner = self._owner()
        number = as_number(value, owner, "value")
        _check_within(number, self._bounds, owner)
        self._value = number

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper limit; an open side is infinite."""
        return self._bounds

    @bounds.setter
    def bounds(self, bounds: Sequence[float | None] | None) -> None:
        owner = self._owner()
        limits = _as_bounds(bounds, owner)
        _check_within(self._value, limits, owner)
        self._bounds = limits

    @property
    def fixed(self) -> bool:
        """Whether a fit leaves the parameter alone."""
        return self._fixed

    @fixed.setter
    def fixed(self, fixed: bool) -> None:
        self._fixed = _as_flag(fixed, self._owner())

    @property
    def name(self) -> str | None:
        """How tables and messages call the parameter."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = as_name(name, self._owner())

    def _owner(self) -> str:
        return "Parameter" if self._name is None else f"Parameter {self._name!r}"

    def __str__(self) -> str:
        return f"Parameter({_number_text(self._value)})" if self._name is None else self._name

    def __repr__(self) -> str:
        parts = [_number_text(self._value)]
        if self._bounds != (-math.inf, math.inf):
            parts.append(f"bounds={_bounds_text(self._bounds)}")
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        if self._fixed:
            parts.append("fixed=True")
        return f"Parameter({', '.join(parts)})"


Quantity: TypeAlias = float | Expression
"""What a model stores: a number or something that has a value."""

Operand: TypeAlias = float | np.floating[Any] | np.integer[Any] | Expression
"""What a caller may give where a Quantity is wanted."""


class Recording(NamedTuple):
    """Outputs as a straight program over inputs, each step using earlier ones only.

    Attributes
    ----------
    n_inputs : int
        Number of inputs.
    steps : int32 array, shape (n_steps, 3)
        Operation (see `Operation`) and operands a, b of each step. A constant has its place in `constants` as a,
        an input its place among the inputs; the arithmetic operations name earlier steps. Unused operands are 0.
    constants : float64 array, shape (n_constants,)
        The constants.
    outputs : int32 array, shape (n_outputs,)
        The step that holds each output.
    """

    n_inputs: int
    steps: NDArray[np.int32]
    constants: NDArray[np.float64]
    outputs: NDArray[np.int32]


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
    wanted = _as_quantities(quantities, "evaluate")
    values: dict[Expression, float] = {}
    for node in _operands_first(wanted):
        if isinstance(node, Parameter):
            values[node] = node.value
        else:
            operands = [values[item] if isinstance(item, Expression) else item for item in node._operands]
            values[node] = _apply(node, operands)
    return [values[item] if isinstance(item, Expression) else item for item in wanted]


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
    nodes = _operands_first(_as_quantities(expressions, "free_parameters"))
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
        The program. Subexpressions that are the same object are computed once, equal constants stand once.

    Raises
    ------
    InvalidValueError
        If an output is neither a finite number nor an expression, or an input is no parameter or given twice.
    """
    wanted = _as_quantities(outputs, "record")
    places = _input_places(inputs)
    steps: list[tuple[int, int, int]] = []
    constants: dict[float, int] = {}  # value -> step; the n-th key is the n-th constant
    step_of: dict[Expression, int] = {}

    def append(operation: Operation, a: int, b: int = 0) -> int:
        steps.append((int(operation), a, b))
        return len(steps) - 1

    def constant(value: float) -> int:
        if value not in constants:
            constants[value] = append(Operation.CONSTANT, len(constants))
        return constants[value]

    def locate(item: Quantity) -> int:
        return step_of[item] if isinstance(item, Expression) else constant(item)

    for node in _operands_first(wanted):
        if not isinstance(node, Parameter):
            step_of[node] = append(node._operation, *(locate(item) for item in node._operands))
        elif node in places:
            step_of[node] = append(Operation.INPUT, places[node])
        else:
            step_of[node] = constant(node.value)
    located = [locate(item) for item in wanted]
    return Recording(
        len(places),
        np.array(steps, dtype=np.int32).reshape(-1, 3),
        np.array(list(constants), dtype=np.float64),
        np.array(located, dtype=np.int32),
    )


def as_number(value: object, owner: str, quantity: str, *, wanted: str = "a real number") -> float:
    """Return `value` as a finite float, or raise InvalidValueError on behalf of `owner`'s `quantity`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        message = f"{owner}: {quantity} must be {wanted}; got {arrived(value)}"
        raise InvalidValueError(message)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        message = f"{owner}: {quantity} must be finite; {quantity} = {number}"
        raise InvalidValueError(message)
    return number


def as_quantity(value: object, owner: str, quantity: str, *, unit: str = "", non_negative: bool = False) -> Quantity:
    """Return `value` as a finite float or an Expression, or raise InvalidValueError on behalf of `owner`.

    What an expression gives can change, so of those only a Parameter's value is looked at.
    """
    if not isinstance(value, Expression):
        value = as_number(value, owner, quantity, wanted="a real number, Parameter or Expression")
    if non_negative and isinstance(value, float | Parameter) and float(value) < 0:
        shown = repr(value) if isinstance(value, Parameter) else f"{value} {unit}".rstrip()
        message = f"{owner}: {quantity} must be non-negative; {quantity} = {shown}"
        raise InvalidValueError(message)
    return value


def as_name(name: object, owner: str) -> str | None:
    """Return `name` if it is None or a non-empty string, or raise InvalidValueError on behalf of `owner`."""
    if name is None or (isinstance(name, str) and name):
        return name
    message = f"{owner}: name must be a non-empty string or None; got {arrived(name)}"
    raise InvalidValueError(message)


def arrived(value: object) -> str:
    """Show a value of the wrong kind in a message: shortened, on one line, with its type."""
    return f"{' '.join(reprlib.repr(value).split())} ({type(value).__name__})"


def _binary(operation: Operation, left: Operand, right: Operand) -> Expression:
    operands: list[Quantity] = []
    for item in (left, right):
        if isinstance(item, Expression):
            operands.append(item)
        elif isinstance(item, numbers.Real) and not isinstance(item, bool):
            operands.append(as_number(item, f"Expression: {_NOTATION[operation][0]}", "operand"))
        else:
            return NotImplemented  # type: ignore[no-any-return]  # Python then asks the other operand
    return Expression(operation, tuple(operands))


def _as_quantities(items: Iterable[Operand], owner: str) -> list[Quantity]:
    return [as_quantity(item, owner, f"entry [{index}]") for index, item in enumerate(items)]


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


def _operands_first(outputs: Sequence[Quantity]) -> list[Expression]:
    """All nodes below `outputs`, each once, after its operands, left ones first."""
    order: list[Expression] = []
    met: set[Expression] = set()
    pending = [(item, False) for item in reversed(outputs)]
    while pending:
        node, operands_done = pending.pop()
        if operands_done and isinstance(node, Expression):
            order.append(node)
        elif isinstance(node, Expression) and node not in met:
            met.add(node)
            pending.append((node, True))
            pending.extend((item, False) for item in reversed(node._operands))
    return order


def _apply(node: Expression, operands: list[float]) -> float:
    try:
        result = _FUNCTIONS[node._operation](*operands)
    except ZeroDivisionError:
        reason = "division by zero"
    except OverflowError:
        reason = "overflow"
    else:
        if isinstance(result, complex):
            reason = "fractional power of a negative number"
        elif math.isfinite(result):
            return float(result)
        else:
            reason = "overflow"
    involved = [item for item in _operands_first([node]) if isinstance(item, Parameter)]
    listed = ", ".join(f"{item} = {item.value}" for item in involved[:_LISTED_PARAMETERS])
    more = f" and {len(involved) - _LISTED_PARAMETERS} more" if len(involved) > _LISTED_PARAMETERS else ""
    message = f"Expression: value must be finite; {reason} in {_formula(node, _FORMULA_LIMIT // 4)}\nat {listed}{more}"
    raise InvalidValueError(message)


def _formula(expression: Expression, limit: int) -> str:
    """Infix formula with as few parentheses as Python's grammar allows; operands longer than `limit` abbreviated."""
    known: dict[Expression, tuple[str, int]] = {}

    def written(item: Quantity, needed: int) -> str:
        if isinstance(item, Expression):
            text, strength = known[item]
        else:
            text = _number_text(item)
            strength = _NOTATION[Operation.NEGATE][1] if text.startswith("-") else _LEAF_STRENGTH
        if len(text) > limit:
            return "(...)"
        return text if strength >= needed else f"({text})"

    for node in _operands_first([expression]):
        if isinstance(node, Parameter):
            known[node] = (str(node), _LEAF_STRENGTH)
            continue
        symbol, strength = _NOTATION[node._operation]
        if node._operation is Operation.NEGATE:
            text = symbol + written(node._operands[0], strength + 1)
        else:
            # Floating-point sums do not associate: the side that does not bind first keeps its parentheses.
            to_the_right = node._operation is Operation.POWER
            left = written(node._operands[0], strength + to_the_right)
            right = written(node._operands[1], strength + (not to_the_right))
            text = f"{left} {symbol} {right}"
        known[node] = (text, strength)
    return known[expression][0]


def _as_bounds(bounds: Any, owner: str) -> tuple[float, float]:
    if bounds is None:
        return (-math.inf, math.inf)
    try:
        lower, upper = bounds
    except (TypeError, ValueError):
        message = f"{owner}: bounds must be a pair (lower, upper) or None; got {arrived(bounds)}"
        raise InvalidValueError(message) from None
    limits = (_as_limit(lower, -math.inf, owner, "bounds[0]"), _as_limit(upper, math.inf, owner, "bounds[1]"))
    if not limits[0] < limits[1]:
        remedy = "; use fixed=True to hold a parameter" if limits[0] == limits[1] else ""
        message = f"{owner}: the lower bound must be below the upper one; bounds = {_bounds_text(limits)}{remedy}"
        raise InvalidValueError(message)
    return limits


def _as_limit(limit: object, when_open: float, owner: str, quantity: str) -> float:
    if limit is None:
        return when_open
    if isinstance(limit, float | np.floating) and math.isinf(limit):
        return float(limit)
    return as_number(limit, owner, quantity)


def _check_within(value: float, bounds: tuple[float, float], owner: str) -> None:
    if not bounds[0] <= value <= bounds[1]:
        message = f"{owner}: value must lie within its bounds; value = {value}, bounds = {_bounds_text(bounds)}"
        raise InvalidValueError(message)


def _as_flag(fixed: object, owner: str) -> bool:
    if not isinstance(fixed, bool | np.bool_):
        message = f"{owner}: fixed must be True or False; got {arrived(fixed)}"
        raise InvalidValueError(message)
    return bool(fixed)


def _number_text(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _bounds_text(bounds: tuple[float, float]) -> str:
    lower = "None" if bounds[0] == -math.inf else _number_text(bounds[0])
    upper = "None" if bounds[1] == math.inf else _number_text(bounds[1])
    return f"({lower}, {upper})"
