"""ORSO text files (``.ort``): the header's account of the columns, honoured or refused."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kiessig.data import Dataset, FloatArray
from kiessig.errors import DataError, InvalidValueError
from kiessig.io.columns import Q_UNITS, build_dataset, number, quoted, read_text

__all__ = ["load_ort", "parse_ort"]

_Q_QUANTITIES = ("normal_wavevector_transfer", "normal_momentum_transfer", "wavevector_transfer", "momentum_transfer")
_SEPARATOR = "# data_set"
_UNIT_SPELLINGS = {
    "1/angstrom": "1/angstrom",
    "angstrom^-1": "1/angstrom",
    "angstrom**-1": "1/angstrom",
    "1/nm": "1/nm",
    "nm^-1": "1/nm",
    "nm**-1": "1/nm",
}


def load_ort(path: Path, *, dq: str | None, q_unit: str | None, bad_rows: str) -> list[Dataset]:
    """Read an ORSO text file; see `kiessig.io.load`, which has checked the options."""
    text = read_text(path)
    blocks = _row_lines(path, text)
    entries = parse_ort(path, text)
    several = len(entries) > 1
    datasets = []
    for i, (entry, lines) in enumerate(zip(entries, blocks, strict=True)):
        where = f"{path}, data set {i}" if several else str(path)
        table = np.asarray(entry.data, dtype=np.float64)
        found = _find_columns(where, entry.info.columns, table)
        if "dq" not in found and dq is not None:
            message = f"load: dq={dq!r} applies to a resolution column; {where} has none"
            raise InvalidValueError(message)
        unit = _q_unit(where, found["q"].header.unit, q_unit)
        dataset = build_dataset(
            f"load: {where}",
            {name: table[:, column.place] for name, column in found.items()},
            lines,
            fwhm=[name for name in ("dr", "dq") if name in found and _is_fwhm(where, name, found[name].header, dq)],
            q_unit=unit,
            dq_unit=_dq_unit(where, found["dq"].header, unit) if "dq" in found else unit,
            name=_name(entry.info, path, several=several),
            bad_rows=bad_rows,
        )
        datasets.append(dataset)
    return datasets


def _row_lines(path: Path, text: str) -> list[list[int]]:
    """Return the line numbers of the rows of each data set; raise where a line is not a row of numbers."""
    blocks: list[list[int]] = [[]]
    separated = False
    width = 0
    for i, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#"):
            if line.startswith(_SEPARATOR):
                if separated or blocks[-1]:
                    blocks.append([])
                separated = True
            continue
        tokens = line.split()
        if not tokens:
            continue
        wrong = next((token for token in tokens if number(token) is None), None)
        if wrong is not None:
            message = f"load: {path}, line {i}: every column must be a number; got {quoted(wrong)} in {quoted(line)}"
            raise DataError(message)
        if blocks[-1] and len(tokens) != width:
            message = f"load: {path}, line {i}: expected {width} columns as above, got {len(tokens)}: {quoted(line)}"
            raise DataError(message)
        width = len(tokens)
        blocks[-1].append(i)
    for i, block in enumerate(blocks):
        if not block:
            message = f"load: {path}: every data set must have rows; data set {i} has none"
            raise DataError(message)
    return blocks


def parse_ort(path: Path, text: str) -> list[Any]:
    """Return orsopy's datasets."""
    from orsopy.fileio.orso import load_orso

    with warnings.catch_warnings(record=True):
        # orsopy warns of every deviation from its schema; entries used here are checked here, the others do not matter
        warnings.simplefilter("always")
        try:
            entries: list[Any] = load_orso(io.StringIO(_with_first_separator(text)))
        except Exception as error:  # of any type: whatever the parsers of YAML and header objects stumble over
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            message = f"load: {path} is not an ORSO text file that orsopy can read: {reason[:200]}"
            raise DataError(message) from error
    return entries


def _with_first_separator(text: str) -> str:
    """Give the first data set its separator line where only the following ones have theirs.

    The format leaves that line optional, but orsopy 1.2.3 then takes the second data set's line for the first one's and
    runs the rows of the two together.
    """
    lines = text.split("\n")
    first_row = next(i for i, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    first_mark = next((i for i, line in enumerate(lines) if line.startswith(_SEPARATOR)), None)
    if first_mark is not None and first_row < first_mark:
        lines.insert(first_row, f"{_SEPARATOR}: 0")
    return "\n".join(lines)


class _Column(NamedTuple):
    place: int
    header: Any  # orsopy's Column or ErrorColumn


def _find_columns(where: str, headers: Sequence[Any], table: FloatArray) -> dict[str, _Column]:
    """Find q, r, dr and dq by what the header calls them; dr and dq may be missing, or unknown (NaN throughout)."""
    columns = [_Column(i, header) for i, header in enumerate(headers)]
    values = [column for column in columns if _error_of(column) is None]
    q = _first(values, ("qz", "q"), _Q_QUANTITIES)
    r = _first(values, ("r",), ("reflectivity",))
    if q is None or r is None:
        missing = "Qz (the normal momentum transfer)" if q is None else "R (the reflectivity)"
        names = ", ".join(repr(_label(column)) for column in columns)
        message = f"load: {where}: a column {missing} is required; the header has {names}"
        raise DataError(message)
    found = {"q": q, "r": r}
    for name, target in (("dr", r), ("dq", q)):
        error = _error_column(columns, target)
        if error is not None:
            found[name] = error
    _refuse_unlabelled(where, columns, found)
    unknown = [name for name in ("dr", "dq") if name in found and np.isnan(table[:, found[name].place]).all()]
    return {name: column for name, column in found.items() if name not in unknown}


def _first(columns: list[_Column], names: tuple[str, ...], quantities: tuple[str, ...]) -> _Column | None:
    for name in names:
        for column in columns:
            if _label(column).lower() == name:
                return column
    for column in columns:
        if _quantity(column) in quantities:
            return column
    return None


def _error_column(columns: list[_Column], target: _Column) -> _Column | None:
    name = _label(target).lower()
    for column in columns:
        if (_error_of(column) or "").lower() == name:
            return column
    for column in columns:  # some writers declare the errors as columns of their own
        if _error_of(column) is None and _label(column).lower() in (f"s{name}", f"d{name}"):
            return column
    return None


def _refuse_unlabelled(where: str, columns: list[_Column], found: dict[str, _Column]) -> None:
    """Raise if the place of sR or sQz holds something that may be it but does not say so."""
    for place, name, title in ((2, "dr", "the uncertainty of R (sR)"), (3, "dq", "the resolution (sQz)")):
        if name in found or place >= len(columns):
            continue
        column = columns[place]
        told_apart = _error_of(column) or _quantity(column) or _unit(column) not in (None, "1", *Q_UNITS)
        if column not in found.values() and not told_apart:
            message = (
                f"load: {where}: column {place + 1}, {_label(column)!r}, stands where ORSO has {title}, but is not "
                "labelled as that or anything else\nstate its name or physical_quantity in the header of the file"
            )
            raise DataError(message)


def _label(column: _Column) -> str:
    return str(column.header.name)


def _error_of(column: _Column) -> str | None:
    # a header entry with both name and error_of is a Column to orsopy, with error_of as an extra attribute
    error_of = getattr(column.header, "error_of", None)
    return None if error_of is None else str(error_of)


def _quantity(column: _Column) -> str:
    return str(getattr(column.header, "physical_quantity", None) or "").strip().lower().replace(" ", "_")


def _unit(column: _Column) -> str | None:
    return _canonical_unit(getattr(column.header, "unit", None))


def _canonical_unit(unit: object) -> str | None:
    """Return the known unit that is meant, None for no unit at all, or what stands there."""
    text = "" if unit is None else str(unit).strip()
    return _UNIT_SPELLINGS.get(text.lower().replace(" ", ""), text) or None


def _q_unit(where: str, stated: object, q_unit: str | None) -> str:
    unit = _canonical_unit(stated)
    if unit in Q_UNITS:
        if q_unit not in (None, unit):
            message = f"load: q_unit={q_unit!r} contradicts {where}, which states {unit!r}"
            raise InvalidValueError(message)
        return unit
    if q_unit is not None:
        return q_unit
    states = "does not state it" if unit is None else f"states {unit!r}"
    message = (
        f"load: the unit of Q must be {' or '.join(map(repr, Q_UNITS))}; {where} {states}\npass q_unit= to state it"
    )
    raise DataError(message)


def _dq_unit(where: str, header: Any, q_unit: str) -> str:
    unit = _canonical_unit(getattr(header, "unit", None))
    if unit is None:  # errors have the unit of their quantity
        return q_unit
    if unit not in Q_UNITS:
        known = " or ".join(map(repr, Q_UNITS))
        message = f"load: {where}: the resolution must be in {known}; column {header.name!r} states {unit!r}"
        raise DataError(message)
    return unit


def _is_fwhm(where: str, name: str, header: Any, dq: str | None) -> bool:
    """Tell whether an error column holds full widths; raise if it does not say, or says what cannot be used."""
    _stated(where, header, "distribution", ("gaussian",))
    value_is = _stated(where, header, "value_is", ("sigma", "fwhm"))
    if name == "dr":
        _stated(where, header, "error_type", ("uncertainty",))
        return value_is == "fwhm"  # unlabelled: 1 sigma, the default of the specification
    error_type = _stated(where, header, "error_type", ("resolution", "uncertainty"))
    if error_type == "uncertainty" and dq is None:
        message = (
            f"load: {where}: column {header.name!r} must be the resolution of Q; its error_type is 'uncertainty'\n"
            "if it is the resolution nevertheless, state it: load(path, dq='sigma') or load(path, dq='fwhm')"
        )
        raise DataError(message)
    if value_is is None and dq is None:
        message = (
            f"load: {where} does not say whether its resolution, column {header.name!r}, is sigma or FWHM\n"
            "state it: load(path, dq='sigma') or load(path, dq='fwhm')"
        )
        raise DataError(message)
    if value_is is not None and dq not in (None, value_is):
        message = f"load: dq={dq!r} contradicts {where}, which states value_is: {header.value_is} for {header.name!r}"
        raise InvalidValueError(message)
    return (value_is or dq) == "fwhm"


def _stated(where: str, header: Any, attribute: str, known: tuple[str, ...]) -> str | None:
    """Return what the header states of a column in lower case, None if nothing; raise if it is not known."""
    value = getattr(header, attribute, None)
    if value is None:
        return None
    stated = str(value).strip().lower()
    if stated not in known:
        allowed = " or ".join(map(repr, known))
        message = f"load: {where}: {attribute} of column {header.name!r} must be {allowed}; got {value!r}"
        raise DataError(message)
    return stated


def _name(info: Any, path: Path, *, several: bool) -> str:
    """Name a curve after sample, data set and polarisation, as far as they are stated and tell something."""
    sample = _dig(info, "data_source", "sample", "name")
    parts = [str(sample).strip() or path.stem] if sample is not None else [path.stem]
    data_set = info.data_set
    if isinstance(data_set, str) and data_set.strip():
        parts.append(data_set.strip())
    elif data_set is not None and several:  # a number is the position in the file
        parts.append(f"data set {data_set}")
    polarisation = _dig(info, "data_source", "measurement", "instrument_settings", "polarization")
    if isinstance(polarisation, Enum):
        polarisation = polarisation.value
    elif polarisation is not None and not isinstance(polarisation, str):  # a vector
        polarisation = "polarisation ({:g}, {:g}, {:g})".format(*(getattr(polarisation, axis) for axis in "xyz"))
    if polarisation not in (None, "", "unpolarized", *parts):
        parts.append(polarisation)
    return ", ".join(parts)


def _dig(value: Any, *names: str) -> Any:
    for name in names:
        value = getattr(value, name, None)
    return value
