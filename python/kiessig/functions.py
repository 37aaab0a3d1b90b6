"""Functions of parameters and expressions, which fits follow with exact derivatives.

Each takes numbers, `Parameter` and `Expression`, and gives an Expression where one of them is one, else a float. Arrays
and sequences are taken apart: they give arrays of objects. numpy's functions of the same names do the same with
expressions: ``numpy.exp(parameter)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError, RecordingError
from kiessig.parameters import Condition, Expression, Operand, Operation, Quantity, arrived, as_quantity, function
from kiessig.parameters.expression import arithmetic, comparison

__all__ = [
    "absolute",
    "arccos",
    "arcsin",
    "arctan",
    "clip",
    "cos",
    "cosh",
    "equal",
    "erf",
    "exp",
    "log",
    "maximum",
    "minimum",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "where",
]


class _Unary(Protocol):
    @overload
    def __call__(self, x: Operand, /) -> Quantity: ...
    @overload
    def __call__(self, x: NDArray[Any] | Sequence[Any], /) -> NDArray[Any]: ...


class _Binary(Protocol):
    @overload
    def __call__(self, a: Operand, b: Operand, /) -> Quantity: ...
    @overload
    def __call__(self, a: Any, b: Any, /) -> Any: ...


def _elementwise(rule: Callable[..., Any], *arguments: Any) -> Any:
    """Apply a rule to scalars, or to the entries of arrays and sequences, which broadcast."""
    if not any(isinstance(item, np.ndarray | list | tuple) for item in arguments):
        return rule(*arguments)
    arrays = []
    for item in arguments:
        array = np.empty((), dtype=object)
        if isinstance(item, np.ndarray | list | tuple):
            array = np.asarray(item, dtype=object)
        else:
            array[()] = item  # as an array: numpy would ask a bare expression what it makes of the ufunc
        arrays.append(array)
    result = np.asarray(np.frompyfunc(rule, len(arrays), 1)(*arrays), dtype=object)
    return result if result.ndim else result.item()


def _unary(operation: Operation, what: str, domain: str = "") -> _Unary:
    def rule(x: Any, /) -> Any:
        return _elementwise(lambda item: function(operation, item), x)

    described: _Unary = _described(rule, operation.name.lower(), what, "x : float, Expression or array", domain)
    return described


def _binary(operation: Operation, what: str, notes: str) -> _Binary:
    def rule(a: Any, b: Any, /) -> Any:
        return _elementwise(lambda *items: function(operation, *items), a, b)

    described: _Binary = _described(rule, operation.name.lower(), what, "a, b : float, Expression or array", notes)
    return described


def _described(rule: Any, name: str, what: str, argument: str, notes: str) -> Any:
    rule.__name__ = rule.__qualname__ = name
    rule.__doc__ = f"""{what}

    Parameters
    ----------
    {argument}
        What to compute it of. {notes}

    Returns
    -------
    float, Expression or array of objects

    Raises
    ------
    InvalidValueError
        If an argument is neither a finite number nor an expression, or a number is outside the domain.
    """
    return rule


exp = _unary(Operation.EXP, "Exponential.")
log = _unary(Operation.LOG, "Natural logarithm.", "Positive.")
sqrt = _unary(Operation.SQRT, "Square root.", "Not negative; at 0 the derivative is infinite.")
sin = _unary(Operation.SIN, "Sine of an angle in radians.")
cos = _unary(Operation.COS, "Cosine of an angle in radians.")
tan = _unary(Operation.TAN, "Tangent of an angle in radians.")
arcsin = _unary(Operation.ARCSIN, "Inverse sine, in radians.", "Within -1 and 1, where the derivative is infinite.")
arccos = _unary(Operation.ARCCOS, "Inverse cosine, in radians.", "Within -1 and 1, where the derivative is infinite.")
arctan = _unary(Operation.ARCTAN, "Inverse tangent, in radians.")
sinh = _unary(Operation.SINH, "Hyperbolic sine.")
cosh = _unary(Operation.COSH, "Hyperbolic cosine.")
tanh = _unary(Operation.TANH, "Hyperbolic tangent.")
erf = _unary(Operation.ERF, "Error function.")
absolute = _unary(Operation.ABSOLUTE, "Absolute value.", "At 0 the derivative counts as 0.")
minimum = _binary(Operation.MINIMUM, "Smaller of two.", "Where they are equal the derivative is half of each.")
maximum = _binary(Operation.MAXIMUM, "Greater of two.", "Where they are equal the derivative is half of each.")


def clip(x: Operand, lower: Operand | None = None, upper: Operand | None = None) -> Quantity:
    """Limit a quantity to an interval.

    Parameters
    ----------
    x : float or Expression
        What to limit. At a limit its derivative counts as one half.
    lower, upper : float or Expression, optional
        Limits; None for no limit.

    Returns
    -------
    float or Expression

    Raises
    ------
    InvalidValueError
        If an argument is neither a finite number nor an expression.

    Examples
    --------
    >>> from kiessig.functions import clip
    >>> clip(1.4, 0.0, 1.0)
    1.0
    """
    result = as_quantity(x, "functions.clip", "x")
    if lower is not None:
        result = maximum(result, lower)
    return result if upper is None else minimum(result, upper)


def equal(a: Operand, b: Operand) -> Condition:
    """Compare two quantities; ``==`` between expressions asks whether they are the same object.

    Parameters
    ----------
    a, b : float or Expression
        What to compare.

    Returns
    -------
    Condition

    Raises
    ------
    InvalidValueError
        If an argument is neither a finite number nor an expression.

    Examples
    --------
    >>> import kiessig as ks
    >>> layers = ks.Parameter(3.0, name="layers")
    >>> ks.functions.equal(layers, 3)
    Condition(layers == 3)
    """
    left = as_quantity(a, "functions.equal", "a")
    right = as_quantity(b, "functions.equal", "b")
    return comparison(Operation.EQUAL, left, right)


@overload
def where(condition: Condition | bool | np.bool_, a: Operand, b: Operand) -> Quantity: ...
@overload
def where(condition: Any, a: Any, b: Any) -> Any: ...
def where(condition: Any, a: Any, b: Any) -> Any:
    """Choose by a condition that may change with the parameters.

    Value and derivatives are those of the branch that is taken. What the other one gives, even where it has no value,
    is not seen. Where a fit crosses from one branch to the other the model may jump: let the branches meet.

    Parameters
    ----------
    condition : Condition or bool
        A comparison such as ``thickness < 20``.
    a, b : float or Expression
        Quantity where the condition holds, and where it does not.

    Returns
    -------
    float or Expression
        Array of objects where an argument is an array.

    Raises
    ------
    InvalidValueError
        If the condition is none, or a branch neither a finite number nor an expression.

    Examples
    --------
    >>> import kiessig as ks
    >>> x = ks.Parameter(-4.0, name="x")
    >>> root = ks.functions.where(x > 0, ks.functions.sqrt(x), 0.0)
    >>> root
    Expression(where(0 < x, sqrt(x), 0))
    >>> root.value
    0.0
    """
    return _elementwise(_chosen, condition, a, b)


def _chosen(condition: object, a: object, b: object) -> Quantity:
    taken = as_quantity(a, "functions.where", "a")
    other = as_quantity(b, "functions.where", "b")
    if isinstance(condition, bool | np.bool_):
        return taken if condition else other
    if not isinstance(condition, Condition):
        message = f"functions.where: condition must be a comparison of expressions or a bool; got {arrived(condition)}"
        raise InvalidValueError(message)
    branches = Expression(Operation.WHEN, (condition, taken)), Expression(Operation.UNLESS, (condition, other))
    return Expression(Operation.ADD, branches)


def _operator(operation: Operation) -> Callable[[Any, Any], Any]:
    make = comparison if operation in (Operation.LESS, Operation.LESS_EQUAL) else arithmetic

    def rule(a: Any, b: Any) -> Any:
        result = make(operation, a, b)
        if result is NotImplemented:
            message = (
                f"Expression: operands must be real numbers, parameters and expressions; got {arrived(a)}, {arrived(b)}"
            )
            raise TypeError(message)
        return result

    return rule


_less, _less_equal = _operator(Operation.LESS), _operator(Operation.LESS_EQUAL)

# numpy's functions by name, on scalars.
_UFUNCS: Mapping[str, Callable[..., Any]] = {
    "add": _operator(Operation.ADD),
    "subtract": _operator(Operation.SUBTRACT),
    "multiply": _operator(Operation.MULTIPLY),
    "divide": _operator(Operation.DIVIDE),
    "power": _operator(Operation.POWER),
    "float_power": _operator(Operation.POWER),
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1.0 / x,
    "less": _less,
    "less_equal": _less_equal,
    "greater": lambda a, b: _less(b, a),
    "greater_equal": lambda a, b: _less_equal(b, a),
    "equal": lambda a, b: a is b,
    "not_equal": lambda a, b: a is not b,
    "fabs": absolute,
    "hypot": lambda a, b: sqrt(a * a + b * b),
    "log2": lambda x: log(x) / math.log(2.0),
    "log10": lambda x: log(x) / math.log(10.0),
    "erf": erf,  # scipy.special's
    "degrees": lambda x: x * (180.0 / np.pi),
    "radians": lambda x: x * (np.pi / 180.0),
    "rad2deg": lambda x: x * (180.0 / np.pi),
    "deg2rad": lambda x: x * (np.pi / 180.0),
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "arcsin": arcsin,
    "arccos": arccos,
    "arctan": arctan,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "absolute": absolute,
    "minimum": minimum,
    "maximum": maximum,
}


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
    """Do what a numpy function does, where one of its inputs is an expression."""
    rule = _UFUNCS.get(ufunc.__name__)
    if rule is None or method != "__call__" or keywords:
        called = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        options = f" with {', '.join(keywords)}" if keywords else ""
        message = (
            f"numpy.{called}{options} knows no expressions of parameters; write it by arithmetic and kiessig.functions "
            f"({', '.join(name for name in __all__ if name != 'equal')})"
        )
        raise RecordingError(message)
    result = _elementwise(rule, *inputs)
    return result.astype(np.bool_) if ufunc.__name__ in ("equal", "not_equal") and np.ndim(result) else result
