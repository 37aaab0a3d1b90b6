"""A place in a model file: its value, its path, and the questions that can be asked of it."""

from __future__ import annotations

import contextlib
import math
import re
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from kiessig.errors import KiessigError, ModelFileError
from kiessig.model_file.document import nearest

__all__ = ["Entry"]

# Who speaks in an exception ("Layer 'film': ...", "Resolution.constant: ..."): here the key path says it.
_SPEAKER = re.compile(r"^(?:[A-Z]\w+(?:\.\w+)?(?: '[^']*')?|minimize|simulate|load): ")
# Advice given in Python: "load(path, dq='sigma')", "pass bad_rows='mask'", "give density= in g/cm^3".
_ADVICE = re.compile(r"(?:load\(path, |pass )(\w+)='([\w/]+)'\)?")
_KEYWORD = re.compile(r"\b(\w+)=(?=\s)")


class Entry:
    """A value of a model file together with where it stands.

    Parameters
    ----------
    value : dict, list, str, number or None
        As `read_document` returns it.
    file : Path
        For messages.
    path : str
        Keys and indices down to the value, such as ``sample[1].thickness``; empty for the whole file.
    """

    def __init__(self, value: Any, file: Path, path: str = "") -> None:
        self.value = value
        self.file = file
        self.path = path

    def fail(self, text: str) -> NoReturn:
        """Raise a ModelFileError that says where."""
        message = f"{self._where()}: {text}"
        raise ModelFileError(message)

    @contextlib.contextmanager
    def located(self) -> Iterator[None]:
        """Turn an exception of the library into a ModelFileError that says where."""
        try:
            yield
        except ModelFileError:
            raise
        except KiessigError as error:
            text = _SPEAKER.sub("", str(error)).removeprefix(f"{self.path.rsplit('.')[-1]} ")
            text = _KEYWORD.sub(r"\1", _ADVICE.sub(r"write \1: \2", text))
            message = f"{self._where()}: {text}"
            raise ModelFileError(message) from error

    def mapping(self, allowed: Sequence[str], required: Sequence[str] = ()) -> dict[str, Entry]:
        """Return the entries of a mapping, all of whose keys are among `allowed`."""
        found = self.any_mapping(f"a mapping with the keys {', '.join(allowed)}")
        for key, entry in found.items():
            if key not in allowed:
                entry.fail(f"unknown key {key!r}{nearest(key, allowed)}\nallowed here: {', '.join(allowed)}")
        for key in required:
            if key not in found:
                here = f"the keys here are {', '.join(found)}" if found else "there is no key here"
                self.fail(f"{key!r} is required; {here}")
        return found

    def any_mapping(self, wanted: str) -> dict[str, Entry]:
        """Return the entries of a mapping with keys of the writer's choice."""
        if not isinstance(self.value, dict):
            self.fail(f"{wanted} is required; got {self.shown()}")
        return {key: Entry(value, self.file, self._below(key)) for key, value in self._items()}

    def sequence(self, wanted: str) -> list[Entry]:
        """Return the entries of a list, which must not be empty."""
        if not isinstance(self.value, list) or not self.value:
            self.fail(f"{wanted} is required; got {self.shown()}")
        return [Entry(value, self.file, f"{self.path}[{i}]") for i, value in enumerate(self.value)]

    def text(self, wanted: str = "a text") -> str:
        """Return a text, which must not be empty."""
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail(f"{wanted} is required; got {self.shown()}")
        return self.value

    def choice(self, known: Iterable[str]) -> str:
        """Return one of the known words, upper and lower case alike."""
        names = list(known)
        folded = {name.casefold(): name for name in names}
        wanted = f"one of {', '.join(names)}"
        given = self.text(wanted).strip()
        if given.casefold() not in folded:
            self.fail(f"must be {wanted}; got {self.shown()}{nearest(given, names)}")
        return folded[given.casefold()]

    def switch(self) -> bool:
        """Return true or false."""
        return self.choice(["true", "false"]) == "true"

    def number(self, wanted: str = "a number") -> float:
        """Return a finite number."""
        value = self.plain_number()
        if value is None:
            self.fail(f"must be {wanted}; got {self.shown()}")
        if not math.isfinite(value):
            self.fail(f"must be finite; got {self.shown()}")
        return value

    def limit(self) -> float | None:
        """Return a number that may be infinite, or None where nothing stands."""
        if self.value is None:
            return None
        text = str(self.value).strip().casefold()
        if text in (".inf", "+.inf", "-.inf"):
            return float(text.replace(".", ""))
        value = self.plain_number()
        if value is None or math.isnan(value):
            self.fail(f"must be a number, or null for no limit; got {self.shown()}")
        return value

    def whole_number(self, least: int, most: int | None = None) -> int:
        """Return an integer that is not less than `least`, nor more than `most`."""
        value = self.plain_number()
        if value is None or not math.isfinite(value) or value != int(value) or value < least:
            self.fail(f"must be a whole number, at least {least}; got {self.shown()}")
        if most is not None and value > most:
            self.fail(f"must not be above {most}; got {self.shown()}")
        return int(value)

    def positive(self, unit: str = "") -> float:
        """Return a number above zero."""
        value = self.number()
        if value <= 0.0:
            self.fail(f"must be positive; got {value:g} {unit}".rstrip())
        return value

    def shown(self) -> str:
        """Show the value in a message."""
        match self.value:
            case None:
                return "nothing"
            case str():
                return reprlib.repr(self.value)
            case dict():
                return f"a mapping ({', '.join(map(str, list(self.value)[:6]))})" if self.value else "an empty mapping"
            case list():
                return f"a list of {len(self.value)}" if self.value else "an empty list"
        return reprlib.repr(self.value)

    def plain_number(self) -> float | None:
        """Return the value as a number, infinite ones and NaN included, or None if it is something else."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int | float):
            return None
        try:
            return float(self.value)
        except (ValueError, OverflowError):
            return None

    def _items(self) -> Iterator[tuple[str, Any]]:
        for key, value in self.value.items():
            yield str(key), value

    def _below(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _where(self) -> str:
        return f"{self.file}: {self.path}" if self.path else str(self.file)
