"""A user's function of parameters becomes part of a model by being called once with expressions."""

from __future__ import annotations

import contextvars
import math
import numbers
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from kiessig.errors import RecordingError
from kiessig.parameters.checks import arrived
from kiessig.parameters.formula import shortened
from kiessig.parameters.graph import Node

__all__ = ["refuse_number", "trace"]

T = TypeVar("T")

# The function that is being recorded in this thread; the value of an expression is then no part of the model.
_recorded: contextvars.ContextVar[str | None] = contextvars.ContextVar("kiessig_recorded", default=None)

_IN_PLACE = (
    "use kiessig.functions or numpy's functions instead of math's, kiessig.functions.where instead of if, "
    "and arrays without dtype=float"
)
_ELSEWHERE = (
    "what calls other programs or iterates on values cannot be recorded: minimise a function of your own with "
    "kiessig.optimize or scipy, from kiessig.reflectivity"
)


def trace(function: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
    """Call a function once with parameters, so that what it returns becomes part of a model.

    The function computes with the parameters as with numbers: arithmetic, `kiessig.functions` or numpy's functions
    of the same names, comparisons in `kiessig.functions.where`, loops of fixed length, arrays of objects. What it
    returns are expressions; fits evaluate them and their derivatives without calling the function again.

    Parameters
    ----------
    function : callable
        Called once, with `arguments` and `keywords`.
    *arguments, **keywords : Any
        Handed on. Parameters and expressions among them are what the result depends on.

    Returns
    -------
    Any
        What the function returns: a number or expression, or a sequence, mapping or array of such, nested at will.

    Raises
    ------
    RecordingError
        If the function asks for the number that an expression has at the moment (``float``, the functions of
        `math`, ``.value``, ``if``, ``numpy.asarray(..., dtype=float)``), which would then stay fixed; if it
        returns anything but numbers and expressions, or numbers alone.

    Notes
    -----
    Nothing here makes the function's own branches part of the model: an ``if`` on something other than a parameter
    is decided when the function is called.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> def lipid(area, volume_heads, waters):
    ...     thickness = (volume_heads + 30.0 * waters) / area
    ...     return {"thickness": thickness, "hydration": 30.0 * waters / (area * thickness)}
    >>> area = ks.Parameter(60.0, bounds=(50, 80), name="area")
    >>> heads = ks.trace(lipid, area, 320.0, waters=8.0)
    >>> heads["thickness"]
    Expression(560 / area)
    """
    name = getattr(function, "__qualname__", None) or repr(function)
    with _recording(name):
        try:
            result = function(*arguments, **keywords)
        except RecordingError:
            raise
        except (TypeError, AttributeError) as error:
            message = f"trace: {name} cannot be recorded, with expressions it raises: {error}\n{_ELSEWHERE}"
            raise RecordingError(message) from error
    found = list(_leaves(result, name, "the result"))
    if not any(isinstance(item, Node) for item in found):
        message = (
            f"trace: {name} must return something that depends on its parameters; it returned numbers alone\n"
            f"{_IN_PLACE}"
        )
        raise RecordingError(message)
    return result


def refuse_number(node: Node, what: str) -> None:
    """Raise RecordingError where a function is being recorded: the number would not follow its parameters."""
    name = _recorded.get()
    if name is not None:
        message = (
            f"trace: {name} cannot be recorded, {what} of {shortened(node)} would be a number that does not follow its "
            f"parameters\n{_IN_PLACE}"
        )
        raise RecordingError(message)


@contextmanager
def _recording(name: str) -> Iterator[None]:
    token = _recorded.set(name)
    try:
        yield
    finally:
        _recorded.reset(token)


def _leaves(result: Any, name: str, place: str) -> Iterator[Any]:
    pending = [(result, place)]
    while pending:
        item, at = pending.pop()
        if isinstance(item, Mapping):
            pending.extend((value, f"{at}[{key!r}]") for key, value in item.items())
        elif isinstance(item, np.ndarray):
            pending.extend((value, f"{at}{list(index)}") for index, value in np.ndenumerate(item))
        elif isinstance(item, list | tuple):
            pending.extend((value, f"{at}[{index}]") for index, value in enumerate(item))
        elif _is_quantity(item):
            yield item
        else:
            message = (
                f"trace: {name} must return finite numbers and expressions, or sequences, mappings and arrays of them; "
                f"{at} is {arrived(item)}"
            )
            raise RecordingError(message)


def _is_quantity(item: object) -> bool:
    if isinstance(item, Node):
        return hasattr(item, "value")  # a condition has none
    return isinstance(item, numbers.Real) and not isinstance(item, bool) and math.isfinite(float(item))
