"""What the adapters share: importing a host, and replacing some of its functions for a while."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from kiessig.errors import MissingDependencyError

__all__ = ["Patches", "Replacement", "host_module"]


def host_module(name: str, adapter: str, install: str) -> Any:
    """Import a module of the host.

    Parameters
    ----------
    name : str
        Dotted name of the module.
    adapter : str
        Ours, for the message.
    install : str
        How users get the host.

    Raises
    ------
    MissingDependencyError
        Where it cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        message = f"{adapter}: {name} cannot be imported ({error}); {install}"
        raise MissingDependencyError(message) from error


class Replacement(NamedTuple):
    """One attribute of the host, and what stands there while the adapter is in force."""

    owner: Any
    attribute: str
    value: Any


class Patches:
    """Attributes of a host, replaced while anyone needs it.

    Modules are shared by all threads of a process. The replacements are therefore counted: the first to enter makes
    them, and the last to leave, whoever that is, takes them back. Something that has been put in the place of a
    replacement meanwhile is somebody else's, and stays.
    """

    def __init__(self, replacements: Callable[[], list[Replacement]]) -> None:
        self._replacements = replacements
        self._lock = threading.RLock()
        self._users = 0
        self._permanent = False
        self._made: list[tuple[Replacement, Any]] = []

    @property
    def in_force(self) -> bool:
        """Whether the replacements are made."""
        return bool(self._made)

    def use(self) -> None:
        """Make the replacements until `restore`."""
        with self._lock:
            self._make()
            self._permanent = True

    def restore(self) -> None:
        """End what `use` began; replacements stay while a `temporarily` is open."""
        with self._lock:
            self._permanent = False
            self._take_back()

    @contextmanager
    def temporarily(self) -> Iterator[None]:
        """Make the replacements for a while."""
        with self._lock:
            self._make()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._take_back()

    def original(self, owner: Any, attribute: str) -> Any:
        """Return what the host has there itself."""
        with self._lock:
            for replacement, before in self._made:
                if replacement.owner is owner and replacement.attribute == attribute:
                    return before
            return getattr(owner, attribute)

    def _make(self) -> None:
        if self._made:
            return
        # all attributes are looked up before the first is replaced: where one is missing, nothing has happened
        made = [(wanted, getattr(wanted.owner, wanted.attribute)) for wanted in self._replacements()]
        self._made = made
        for replacement, _ in made:
            setattr(replacement.owner, replacement.attribute, replacement.value)

    def _take_back(self) -> None:
        if self._permanent or self._users:
            return
        for (owner, attribute, value), before in reversed(self._made):
            if getattr(owner, attribute) is value:
                setattr(owner, attribute, before)
        self._made.clear()
