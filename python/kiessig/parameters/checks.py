"""Checks of numbers, names and bounds, and how messages show what arrived."""

from __future__ import annotations

import math
import numbers
import reprlib
from typing import Any

import numpy as np

from kiessig.errors import InvalidValueError

__all__ = ["arrived", "as_bounds", "as_flag", "as_name", "as_number", "bounds_text", "check_within", "number_text"]


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


def as_name(name: object, owner: str) -> str | None:
    """Return `name` if it is None or a non-empty string, or raise InvalidValueError on behalf of `owner`."""
    if name is None or (isinstance(name, str) and name):
        return name
    message = f"{owner}: name must be a non-empty string or None; got {arrived(name)}"
    raise InvalidValueError(message)


def arrived(value: object) -> str:
    """Show a value of the wrong kind in a message: shortened, on one line, with its type."""
    return f"{' '.join(reprlib.repr(value).split())} ({type(value).__name__})"


def as_bounds(bounds: Any, owner: str) -> tuple[float, float]:
    """Return `bounds` as a pair of limits, open sides infinite, or raise InvalidValueError on behalf of `owner`."""
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
        message = f"{owner}: the lower bound must be below the upper one; bounds = {bounds_text(limits)}{remedy}"
        raise InvalidValueError(message)
    return limits


def _as_limit(limit: object, when_open: float, owner: str, quantity: str) -> float:
    if limit is None:
        return when_open
    if isinstance(limit, float | np.floating) and math.isinf(limit):
        return float(limit)
    return as_number(limit, owner, quantity)


def check_within(value: float, bounds: tuple[float, float], owner: str) -> None:
    """Raise InvalidValueError on behalf of `owner` where a value lies outside of its bounds."""
    if not bounds[0] <= value <= bounds[1]:
        message = f"{owner}: value must lie within its bounds; value = {value}, bounds = {bounds_text(bounds)}"
        raise InvalidValueError(message)


def as_flag(fixed: object, owner: str) -> bool:
    """Return `fixed` as a bool, or raise InvalidValueError on behalf of `owner`."""
    if not isinstance(fixed, bool | np.bool_):
        message = f"{owner}: fixed must be True or False; got {arrived(fixed)}"
        raise InvalidValueError(message)
    return bool(fixed)


def number_text(value: float) -> str:
    """Show a number as briefly as Python reads it back."""
    return repr(float(value)).removesuffix(".0")


def bounds_text(bounds: tuple[float, float]) -> str:
    """Show bounds as they are written, None for an open side."""
    lower = "None" if bounds[0] == -math.inf else number_text(bounds[0])
    upper = "None" if bounds[1] == math.inf else number_text(bounds[1])
    return f"({lower}, {upper})"
