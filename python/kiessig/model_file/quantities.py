"""Numbers, parameters and formulas of a model file."""

from __future__ import annotations

import keyword

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.model_file.arithmetic import evaluate_arithmetic, normalised
from kiessig.model_file.document import nearest
from kiessig.model_file.entry import Entry
from kiessig.parameters import Parameter, Quantity

__all__ = ["Quantities"]

_WANTED = "a number, a parameter {value: ..., bounds: [..., ...]} or a formula"
_PARAMETER_KEYS = ("value", "bounds", "name", "fixed")


class Quantities:
    """What the quantities of one model file stand for.

    A parameter is one object wherever its name stands, and wherever a YAML alias of it does.

    Parameters
    ----------
    named : Entry, optional
        The mapping of named parameters.

    Raises
    ------
    ModelFileError
        If a named parameter is not well formed, or its formula leads back to itself.
    """

    def __init__(self, named: Entry | None = None) -> None:
        self._parameters: dict[int, Parameter] = {}
        self._entries: dict[str, Entry] = {}
        self._resolved: dict[str, Quantity] = {}
        self._pending: list[str] = []
        if named is None:
            return
        for name, entry in named.any_mapping("a mapping of names to parameters").items():
            known = normalised(name)
            if not known.isidentifier() or keyword.iskeyword(known) or known.casefold() in ("nan", "inf", "infinity"):
                entry.fail(f"a name must consist of letters, digits and _, so that formulas can use it; got {name!r}")
            self._entries[known] = entry
        for name in self._entries:
            self._lookup(name)

    @property
    def named(self) -> dict[str, Quantity]:
        """Named parameters, and what other names stand for."""
        return dict(self._resolved)

    def read(self, entry: Entry, name: str | None = None) -> Quantity:
        """Return what stands at `entry`; a parameter without a name of its own gets `name`."""
        if isinstance(entry.value, dict):
            return self._parameter(entry, name)
        if entry.plain_number() is not None:
            return entry.number()
        if not isinstance(entry.value, str) or not entry.value.strip():
            entry.fail(f"{_WANTED} is required; got {entry.shown()}")
        try:
            return evaluate_arithmetic(entry.value, self._lookup)
        except UnknownNameError as error:
            if self._entries:
                entry.fail(
                    f"{error}\nit stands in {entry.shown()}; the named parameters are {', '.join(self._entries)}"
                )
            entry.fail(
                f"must be {_WANTED}; got {entry.shown()}\nnames in formulas are those under the key 'parameters'"
            )
        except InvalidValueError as error:
            entry.fail(f"must be {_WANTED}\ngot {entry.shown()}: {error}")

    def _parameter(self, entry: Entry, name: str | None) -> Parameter:
        if id(entry.value) in self._parameters:
            return self._parameters[id(entry.value)]
        keys = entry.mapping(_PARAMETER_KEYS, ["value"])
        value = keys["value"].number()
        bounds = None
        if "bounds" in keys:
            limits = keys["bounds"].sequence("a pair [lower, upper]")
            if len(limits) != 2:
                keys["bounds"].fail(f"must be a pair [lower, upper]; got {keys['bounds'].shown()}")
            bounds = (limits[0].limit(), limits[1].limit())
        own_name = keys["name"].text() if "name" in keys else name
        fixed = keys["fixed"].switch() if "fixed" in keys else False
        with entry.located():
            parameter = Parameter(value, bounds=bounds, name=own_name, fixed=fixed)
        self._parameters[id(entry.value)] = parameter
        return parameter

    def _lookup(self, name: str) -> Quantity:
        if name in self._resolved:
            return self._resolved[name]
        if name not in self._entries:
            message = f"no parameter is called {name!r}{nearest(name, self._entries)}"
            raise UnknownNameError(message)
        entry = self._entries[name]
        if name in self._pending:
            entry.fail(f"the formula leads back to itself: {' -> '.join([*self._pending, name])}")
        self._pending.append(name)
        self._resolved[name] = self.read(entry, name)
        self._pending.pop()
        return self._resolved[name]
