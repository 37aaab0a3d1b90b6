"""Putting our kernels in the place of refnx's, and taking them away again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig.adapters._host import Patches, Replacement
from kiessig.adapters.refnx.kernels import abeles, gepore, refnx_module

__all__ = ["backend", "restore", "use"]

# functions whose default kernel was bound when refnx was loaded, among them those that the wavelength-dispersive
# model smears with
_BOUND_EARLY = ("_smear_kernel", "_smeared_kernel_adaptive", "_smeared_kernel_pointwise", "_smeared_kernel_constant")


def _replacements() -> list[Replacement]:
    model = refnx_module("refnx.reflect.reflect_model")
    structure = refnx_module("refnx.reflect.structure")
    kernels = {model.kernel, model.abeles}
    replacements = [Replacement(model, "kernel", abeles), Replacement(model, "abeles", abeles)]
    for name in _BOUND_EARLY:
        function = getattr(model, name)
        if any(value in kernels for value in function.__defaults__ or () if callable(value)):
            defaults = tuple(abeles if callable(value) else value for value in function.__defaults__)
            replacements.append(Replacement(function, "__defaults__", defaults))
    # modules that hold the name themselves, where this version of refnx has it there
    polarised = _optional("refnx.reflect._polarised_reflect_model")
    replacements += [Replacement(owner, "gepore", gepore) for owner in (model, polarised) if hasattr(owner, "gepore")]
    replacements.append(
        Replacement(structure, "get_reflect_backend", _structure_backend(structure.get_reflect_backend))
    )
    return replacements


def _optional(name: str) -> Any:
    import importlib.util

    return refnx_module(name) if importlib.util.find_spec(name) else None


def _structure_backend(own: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what `Structure.reflectivity` asks for its kernel: ours, unless another than the usual one is named."""

    @functools.wraps(own)
    def get_reflect_backend(backend: str = "c") -> Any:
        return abeles if backend == "c" else own(backend)

    return get_reflect_backend


_patches = Patches(_replacements)


@contextmanager
def backend() -> Iterator[Callable[..., NDArray[np.float64]]]:
    """Let refnx compute with kiessig's kernels within a ``with``.

    `ReflectModel`, `MixedReflectModel`, `ReflectModelTL`, `PolarisedReflectModel`, `refnx.reflect.reflectivity` and
    `Structure.reflectivity` of samples that are not magnetic all do. refnx's kernel is a variable of its module, so
    that other threads of the process see the change as well; it is undone when the last of several, nested or in
    different threads, ends, and also where an exception ends it.

    Yields
    ------
    callable
        The kernel, `kiessig.adapters.refnx.abeles`.

    Raises
    ------
    MissingDependencyError
        Where refnx is not installed.

    Examples
    --------
    >>> import kiessig.adapters.refnx as kiessig_refnx
    >>> with kiessig_refnx.backend():  # doctest: +SKIP
    ...     fitter.fit("least_squares")
    """
    with _patches.temporarily():
        yield abeles


def use() -> None:
    """Let refnx compute with kiessig's kernels until `restore` is called.

    Processes that start afresh, as those of a pool do on some systems, must call it themselves.

    Raises
    ------
    MissingDependencyError
        Where refnx is not installed.
    """
    _patches.use()


def restore() -> None:
    """End what `use` began; nothing happens where it was not called."""
    _patches.restore()
