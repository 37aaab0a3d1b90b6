"""Checks of array arguments that need no kernel: real, finite, and within a domain."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.data import FloatArray, real_array
from kiessig.errors import InvalidValueError, KiessigError, ShapeError, UnknownNameError

__all__ = ["broadcast", "checked", "checked_threads", "known_tangents", "speaking_as", "sum_to_shape"]

_DOMAINS: dict[str, Callable[[FloatArray], NDArray[np.bool_]]] = {
    "finite": np.isfinite,
    "finite and non-negative": lambda x: np.isfinite(x) & (x >= 0.0),
    "finite and positive": lambda x: np.isfinite(x) & (x > 0.0),
    "positive": lambda x: x > 0.0,
    "in [-90, 90]": lambda x: np.abs(x) <= 90.0,
}


def checked(function: str, name: str, value: ArrayLike, domain: str = "finite", unit: str = "") -> FloatArray:
    """Return a fresh float64 array whose elements all lie in the domain, or raise."""
    array = real_array(function, name, value)
    good = np.asarray(_DOMAINS[domain](array))
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        place = f"{name}[{', '.join(map(str, where))}]" if where else name
        message = f"{function}: {name} must be {domain}; {place} = {float(array[where])!r}{unit and ' ' + unit}"
        raise InvalidValueError(message)
    return array


def checked_threads(function: str, threads: Any) -> int:
    """Return the number of threads, 0 where it is to be chosen, or raise."""
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1):
        message = f"{function}: threads must be None or a positive integer; got {threads!r}"
        raise InvalidValueError(message)
    return int(threads or 0)


def broadcast(function: str, what: str, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape to which the named shapes broadcast, or raise."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError as error:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        message = f"{function}: {what} must broadcast; got {listed}"
        raise ShapeError(message) from error


def known_tangents(
    function: str, tangents: Mapping[str, Any], inputs: Mapping[str, FloatArray], known: Sequence[str] = ()
) -> dict[str, FloatArray]:
    """Return the tangents in the shapes of the inputs that they belong to, or raise.

    `known` names all inputs that the function can have, for the message, where these are not all of them.
    """
    names = list(known or inputs)
    found = {}
    for name, given in tangents.items():
        if name not in inputs:
            if name == "dq":
                message = f"{function}: tangents has 'dq', but no dq was given"
                raise InvalidValueError(message)
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known names are {', '.join(names)}"
            message = f"{function}: tangents names no input: {name!r}{hint}"
            raise UnknownNameError(message)
        array = checked(function, f"tangents[{name!r}]", given)
        shape = inputs[name].shape
        try:
            found[name] = np.array(np.broadcast_to(array, shape))
        except ValueError as error:
            message = f"{function}: tangents[{name!r}] must broadcast to {name}, shape {shape}; got shape {array.shape}"
            raise ShapeError(message) from error
    return found


def sum_to_shape(array: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Sum an array over the axes along which something of `shape` was broadcast to it: the adjoint of broadcasting."""
    extra = array.ndim - len(shape)
    if extra > 0:
        array = array.sum(axis=tuple(range(extra)))
    kept = tuple(axis for axis, length in enumerate(shape) if length == 1 and array.shape[axis] != 1)
    array = array.sum(axis=kept, keepdims=True) if kept else array
    return np.array(array, dtype=np.float64).reshape(shape)


@contextmanager
def speaking_as(function: str) -> Iterator[None]:
    """Let errors of another function that is called inside begin with the name of the one that the user called."""
    try:
        yield
    except KiessigError as error:
        message = f"{function}: {str(error).partition(': ')[2]}"
        raise type(error)(message) from error
