"""Arithmetic over named parameters, as written in a model file."""

from __future__ import annotations

import ast
import math
import operator
import unicodedata
import warnings
from collections.abc import Callable
from typing import Any

from kiessig.errors import InvalidValueError, KiessigError
from kiessig.parameters import Expression, Quantity

__all__ = ["evaluate_arithmetic", "normalised"]

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: lambda value: value}
# Those of kiessig.functions that need no comparison, with their numbers of arguments.
_FUNCTIONS = {
    **dict.fromkeys(("exp", "log", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan"), 1),
    **dict.fromkeys(("sinh", "cosh", "tanh", "erf", "absolute"), 1),
    **dict.fromkeys(("minimum", "maximum"), 2),
    "clip": 3,
}
_LONGEST = 1000  # characters; Python's parser may exhaust the stack on much longer ones
_ALLOWED = "numbers, names, functions, + - * / ** and parentheses"


def evaluate_arithmetic(text: str, lookup: Callable[[str], Quantity]) -> Quantity:
    """Return what a formula such as ``"2 * oxide + 3"`` stands for.

    Parameters
    ----------
    text : str
        Numbers, names, functions such as ``sqrt(a)``, ``+ - * / **``, signs and parentheses, with Python's precedence.
    lookup : callable
        ``lookup(name)`` gives the quantity of that name, or raises.

    Returns
    -------
    float or Expression
        A float if no parameter is involved.

    Raises
    ------
    InvalidValueError
        If the text is anything else, or its numbers alone have no finite value; the message is half a sentence.
    """
    if len(text) > _LONGEST:
        message = f"a formula must not be longer than {_LONGEST} characters; this one has {len(text)}"
        raise InvalidValueError(message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's remarks on style, such as that of 2if
            tree = ast.parse(text.strip(), mode="eval")
        value = _evaluate(tree.body, lookup)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, KiessigError):
            raise
        message = f"not a number, nor arithmetic of {_ALLOWED}"
        raise InvalidValueError(message) from None
    except ZeroDivisionError:
        message = "division by zero"
        raise InvalidValueError(message) from None
    except OverflowError:
        message = "the result is too large for a number"
        raise InvalidValueError(message) from None
    return value


def _evaluate(node: ast.expr, lookup: Callable[[str], Quantity]) -> Quantity:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _real(float(number))
        case ast.Name(id=name):
            return lookup(name)
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _real(_UNARY[type(sign)](_evaluate(operand, lookup)))
        case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _BINARY:
            return _real(_BINARY[type(symbol)](_evaluate(left, lookup), _evaluate(right, lookup)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _real(_called(name, [_evaluate(item, lookup) for item in arguments]))
        case ast.Call():
            message = f"the functions of a formula are {', '.join(_FUNCTIONS)}; it consists of {_ALLOWED}"
        case ast.BinOp(op=ast.BitXor()):
            message = "^ is not available; a power is written with **"
        case ast.Tuple():
            message = "a comma separates list entries; decimals are written with a point"
        case _:
            message = f"not a number, nor arithmetic of {_ALLOWED}"
    raise InvalidValueError(message)


def _called(name: str, arguments: list[Quantity]) -> Quantity:
    if len(arguments) != _FUNCTIONS[name]:
        message = f"{name} takes {_FUNCTIONS[name]} argument(s); got {len(arguments)}"
        raise InvalidValueError(message)
    from kiessig import functions

    result: Quantity = getattr(functions, name)(*arguments)
    return result


def _real(value: Any) -> Quantity:
    if isinstance(value, Expression) or (isinstance(value, float) and math.isfinite(value)):
        return value
    message = f"every step must give a finite real number; one gives {value}"
    raise InvalidValueError(message)


def normalised(name: str) -> str:
    """Return a name as Python's parser reports it (compatibility characters such as the micro sign replaced)."""
    return unicodedata.normalize("NFKC", name)
