"""The state of a long search on disk, so that it can go on after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.errors import DataError, InvalidValueError

__all__ = ["Checkpoint", "search_identity"]

_FORMAT = "kiessig search 2"
# What numpy and zipfile raise for files that are damaged somewhere, or something else altogether.
_DAMAGE = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, NotImplementedError, RuntimeError),
    *(MemoryError, struct.error, zlib.error, zipfile.BadZipFile),
)
_Arrays = dict[str, npt.NDArray[Any]]


def search_identity(method: str, options: dict[str, Any], *arrays: npt.NDArray[Any]) -> str:
    """Return a text that two searches share only if they are the same: method, options, starts, bounds."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(str(array.shape).encode())
    return json.dumps([method, {name: repr(options[name]) for name in sorted(options)}, digest.hexdigest()])


class Checkpoint:
    """A file that holds the state of one search.

    The file is replaced as a whole: whenever the program ends, it holds the last complete state.

    Parameters
    ----------
    path : str or path
        Of the file.
    identity : str
        What the search is (`search_identity`); a file of another one is refused.
    every : float
        Least seconds between two writings.
    resume : bool
        Whether `load` reads the file, where there is one. Without, an existing file is written over.
    """

    def __init__(self, path: str | os.PathLike[str], identity: str, *, every: float = 30.0, resume: bool) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir():
            message = f"fit: checkpoint must be in an existing folder; {str(self.path.parent)!r} is none"
            raise InvalidValueError(message)
        self._identity = identity
        self._every = every
        self._resume = resume
        self._written = time.monotonic()

    def load(self) -> _Arrays | None:
        """Return what was saved; None where there is no file or it is not to be read.

        Raises
        ------
        DataError
            If the file is damaged, or that of another search.
        """
        if not self._resume or not self.path.exists():
            return None
        try:
            with self.path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            kind, identity = str(arrays.pop("format")), str(arrays.pop("identity"))
            names = arrays.pop("names").tolist()
            if names != list(arrays):
                damage = f"it must hold {', '.join(names)}; got {', '.join(arrays)}"
                raise ValueError(damage)
        except _DAMAGE as error:
            message = f"fit: {str(self.path)!r} is no checkpoint of a fit, or damaged: {error}"
            raise DataError(message) from error
        if (kind, identity) != (_FORMAT, self._identity):
            message = (
                f"fit: checkpoint {str(self.path)!r} belongs to another fit: method, options, starts, seed, bounds and "
                "data must be those of the run that wrote it"
            )
            raise DataError(message)
        return arrays

    def save_if_due(self, arrays: Callable[[], _Arrays]) -> None:
        """Write what `arrays` returns if the last writing was long enough ago."""
        if time.monotonic() - self._written >= self._every:
            self.save(arrays())

    def save(self, arrays: _Arrays) -> None:
        """Replace the file."""
        whole: dict[str, Any] = {
            "format": np.array(_FORMAT),
            "identity": np.array(self._identity),
            "names": np.array(list(arrays)),
            **arrays,
        }
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **whole)
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._written = time.monotonic()
