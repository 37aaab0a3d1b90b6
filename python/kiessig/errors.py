"""The exceptions of kiessig: one base, each also the builtin that a caller would expect."""

from __future__ import annotations

__all__ = [
    "DataError",
    "DerivativeError",
    "InvalidValueError",
    "KiessigError",
    "MissingDependencyError",
    "ModelFileError",
    "NotOfferedError",
    "RecordingError",
    "ShapeError",
    "UnknownNameError",
]


class KiessigError(Exception):
    """Base of every exception that kiessig raises on purpose."""


class InvalidValueError(KiessigError, ValueError):
    """An argument has a value outside its domain (NaN, negative thickness, reversed bounds, ...)."""


class ShapeError(KiessigError, ValueError):
    """Arrays do not fit together."""


class UnknownNameError(KiessigError, KeyError):
    """A name (method, parameter, key, column) is not one of the known ones."""

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return str(self.args[0]) if self.args else ""


class DataError(KiessigError, ValueError):
    """A data file or dataset cannot be used as it stands."""


class ModelFileError(KiessigError, ValueError):
    """A model file says something that cannot be built."""


class RecordingError(KiessigError, TypeError):
    """A function of parameters does something that cannot become part of a model."""


class MissingDependencyError(KiessigError, ImportError):
    """An optional package is needed for what was asked."""


class NotOfferedError(KiessigError, NotImplementedError):
    """Something that could be computed, and is not."""


class DerivativeError(KiessigError, AssertionError):
    """A derivative that is checked is not that of its function."""
