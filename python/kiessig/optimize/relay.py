"""Exceptions that pass through other people's code unharmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Relay"]


class _PassedOnError(BaseException):
    """What is raised in place of the exception; nobody catches it by accident."""


class Relay:
    """Carry what a function raises out of a library that would swallow it or turn it into something else.

    scipy's searches take StopIteration and ValueError from the objective for their own.
    """

    def __init__(self) -> None:
        self._caught: BaseException | None = None

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as the library may call it."""

        def guarded(*arguments: Any, **keywords: Any) -> Any:
            try:
                return function(*arguments, **keywords)
            except BaseException as error:  # noqa: BLE001 - all of them are handed on
                self._caught = error
                raise _PassedOnError from None

        return guarded

    def run(self, library: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Call the library, and raise what a guarded function has raised."""
        try:
            return library(*arguments, **keywords)
        except _PassedOnError:
            assert self._caught is not None
            raise self._caught from None
        except SystemError:  # Python's, of a C function in an older scipy that returns although it has failed
            if self._caught is None:
                raise
            raise self._caught from None
