"""Options of algorithms, checked where they are set."""

from __future__ import annotations

from kiessig.errors import InvalidValueError

__all__ = ["require"]


def require(algorithm: str, name: str, value: float, holds: bool, required: str) -> float:
    """Return an option's value, or raise InvalidValueError that says what it must be."""
    if not holds:
        message = f"{algorithm}: {name} must be {required}; got {value!r}"
        raise InvalidValueError(message)
    return value
