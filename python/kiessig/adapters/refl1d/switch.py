"""Putting our backend under refl1d, and taking it away again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from kiessig.adapters._host import Patches, Replacement, host_module
from kiessig.adapters.refl1d.kernels import INSTALL

__all__ = ["NAME", "backend", "register", "restore", "use"]

NAME = "kiessig"
KERNELS = "kiessig.adapters.refl1d.kernels"


def register() -> None:
    """Make ``refl1d.use("kiessig")`` known to refl1d, without changing what it computes with.

    Raises
    ------
    MissingDependencyError
        Where refl1d is not installed.

    Examples
    --------
    >>> import kiessig.adapters.refl1d, refl1d  # doctest: +SKIP
    >>> kiessig.adapters.refl1d.register()  # doctest: +SKIP
    >>> refl1d.use("kiessig")  # doctest: +SKIP
    """
    host_module("refl1d.backends", "kiessig.adapters.refl1d", INSTALL).BACKEND_MODULE_NAMES[NAME] = KERNELS


def _replacements() -> list[Replacement]:
    register()
    kernels = host_module(KERNELS, "kiessig.adapters.refl1d", INSTALL)
    return [
        Replacement(sys.modules["refl1d"], "BACKEND_NAME", NAME),
        Replacement(sys.modules["refl1d.backends"], "backend", kernels),
    ]


_patches = Patches(_replacements)


@contextmanager
def backend() -> Iterator[None]:
    """Let refl1d compute with kiessig's kernel within a ``with``.

    refl1d's backend is a variable of its module, so that other threads of the process see the change as well; it is
    undone when the last of several, nested or in different threads, ends, and also where an exception ends it.

    Raises
    ------
    MissingDependencyError
        Where refl1d is not installed.

    Examples
    --------
    >>> import kiessig.adapters.refl1d
    >>> with kiessig.adapters.refl1d.backend():  # doctest: +SKIP
    ...     experiment.reflectivity()
    """
    with _patches.temporarily():
        yield


def use() -> None:
    """Let refl1d compute with kiessig's kernel until `restore` is called.

    Two lines in a model file do for the ``refl1d`` command::

        import kiessig.adapters.refl1d
        kiessig.adapters.refl1d.use()

    Raises
    ------
    MissingDependencyError
        Where refl1d is not installed.
    """
    _patches.use()


def restore() -> None:
    """End what `use` began; nothing happens where it was not called."""
    _patches.restore()
