"""Columns of numbers as text: reading with stated columns, writing that reads back to the last bit."""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import re
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kiessig.data import Dataset, FloatArray, data_columns, require_usable_rows, usable_rows
from kiessig.errors import DataError, InvalidValueError, UnknownNameError
from kiessig.instrument import FWHM_PER_SIGMA, sigma_from_fwhm

__all__ = ["load_columns", "save_columns"]

Q_UNITS = {"1/angstrom": 1.0, "1/nm": 10.0}
"""Units of Q, and how many of each make one 1/angstrom."""

ORSO_MARK = "ORSO reflectivity data file"

_NAMES = ("q", "r", "dr", "dq")
_SKIPPED = ("_", "index")
# what other programs and file headers call the same columns
_ALIASES = {
    "qz": "q",
    "reflectivity": "r",
    **dict.fromkeys(("sr", "sig_r", "sigma_r", "err", "error"), "dr"),
    **dict.fromkeys(("sq", "sqz", "fwhm", "sigma", "resolution", "res"), "dq"),
}
_EXAMPLES = {2: ["q", "r"], 3: ["q", "r", "dr"], 4: ["q", "r", "dr", "dq"]}
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def read_text(path: Path) -> str:
    """Return the text of a file with plain line ends; whatever prevents it is a DataError."""
    if path.is_dir():
        message = f"load: a file is required; {path} is a folder"
        raise DataError(message)
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"load: there is no file {path}{hint}"
        raise DataError(message) from error
    except OSError as error:
        message = f"load: {path} cannot be read: {error.strerror or error}"
        raise DataError(message) from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        message = f"load: {path} must be UTF-8 text, it is UTF-16; save it as UTF-8"
        raise DataError(message)
    if control := _CONTROL.search(raw):
        message = f"load: {path} must be text, it is binary (byte 0x{control.group()[0]:02x} at {control.start()})"
        raise DataError(message)
    if not raw.strip():
        message = f"load: {path} is empty"
        raise DataError(message)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        # old instrument files have an angstrom sign or a name in Latin-1 in a comment; numbers are ASCII either way
        text = raw.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def number(token: str) -> float | None:
    """Return the value of `token`, or None if it is not a number; NaN and infinity are numbers here."""
    if "_" in token:  # Python's digit grouping, in no data format
        return None
    try:
        return float(token)
    except ValueError:
        return None


def quoted(line: str) -> str:
    """Return a line of a file for a message, in quotes and not too long."""
    line = " ".join(line.split())
    return repr(line if len(line) <= 70 else f"{line[:67]}...")


def build_dataset(
    source: str,
    raw: dict[str, FloatArray],
    lines: Sequence[int],
    *,
    fwhm: Collection[str],
    q_unit: str,
    dq_unit: str,
    name: str,
    bad_rows: str,
) -> Dataset:
    """Convert columns as they stand in a file to library units; `fwhm` names those that hold full widths.

    Rows are judged before the conversion, so that a message shows the file's own numbers and lines.
    """
    if bad_rows == "refuse":
        require_usable_rows(source, raw, lambda column, row: f"line {lines[row]}: {column}")
    elif not usable_rows(raw).any():
        message = f"{source}: at least one usable row is required; all {len(lines)} are unusable"
        raise DataError(message)
    columns = {**raw, "q": raw["q"] / Q_UNITS[q_unit]}
    if "dq" in raw:
        columns["dq"] = raw["dq"] / Q_UNITS[dq_unit]
    columns.update({column: sigma_from_fwhm(columns[column]) for column in fwhm})
    return Dataset(**columns, name=name, bad_rows=bad_rows)


def load_columns(
    path: Path, columns: Sequence[str | None] | None, *, dq: str | None, q_unit: str | None, bad_rows: str
) -> Dataset:
    """Read column text; see `kiessig.io.load`, which has checked the options."""
    text = read_text(path)
    if ORSO_MARK in text.split("\n", 1)[0]:
        message = f"load: {path} is an ORSO file; rename it to end in .ort, so that its header is honoured"
        raise DataError(message)
    if columns is None:
        raise InvalidValueError(_columns_missing(path, text))
    names = _column_names(columns)
    if q_unit is None:
        known = " or ".join(map(repr, Q_UNITS))
        message = f"load: q_unit must say the unit of Q and dq in {path}: {known}\ncolumn text does not state it"
        raise InvalidValueError(message)
    if "dq" in names and dq is None:
        message = (
            f"load: dq must say what column {names.index('dq') + 1} of {path} holds: dq='sigma' or dq='fwhm'\n"
            f"it decides the misfit: FWHM = {FWHM_PER_SIGMA:.4f} sigma"
        )
        raise InvalidValueError(message)
    if "dq" not in names and dq is not None:
        message = f"load: dq={dq!r} applies to a resolution column; columns has no 'dq'"
        raise InvalidValueError(message)
    table = _read_table(path, text, names)
    values = np.array(table.rows, dtype=np.float64)
    raw = {name: values[:, i] for i, name in enumerate(names) if name is not None}
    return build_dataset(
        f"load: {path}",
        raw,
        table.lines,
        fwhm=("dq",) if dq == "fwhm" else (),
        q_unit=q_unit,
        dq_unit=q_unit,
        name=path.stem,
        bad_rows=bad_rows,
    )


class _Table(NamedTuple):
    rows: list[list[float]]
    lines: list[int]


def _column_names(columns: Sequence[str | None]) -> list[str | None]:
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        message = f"load: columns must be a list such as ['q', 'r', 'dr', 'dq']; got {columns!r}"
        raise InvalidValueError(message)
    names: list[str | None] = []
    for given in columns:
        name = given.strip().lower() if isinstance(given, str) else given
        if name is None or name in _SKIPPED:
            names.append(None)
        elif name in _NAMES:
            names.append(name)
        else:
            near = (
                [_ALIASES[name]] if name in _ALIASES else difflib.get_close_matches(str(name), _NAMES, n=1, cutoff=0.5)
            )
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"load: columns may hold 'q', 'r', 'dr', 'dq', and '_' for one to skip; got {given!r}{hint}"
            raise UnknownNameError(message)
    for name in _NAMES:
        if names.count(name) > 1:
            message = f"load: columns must name each quantity once; {name!r} stands {names.count(name)} times"
            raise InvalidValueError(message)
    missing = [repr(name) for name in ("q", "r") if name not in names]
    if missing:
        message = f"load: columns must name 'q' and 'r'; {' and '.join(missing)} missing in {list(columns)!r}"
        raise InvalidValueError(message)
    return names


def _columns_missing(path: Path, text: str) -> str:
    above = ""
    for line in text.split("\n"):
        content = line.split("#", 1)[0].strip()
        tokens = _split(content, _delimiter(content))
        if content and all(number(token) is not None for token in tokens):
            break
        above = line.strip().lstrip("#").strip() or above
    else:
        return f"load: columns must say what the columns of {path} are; the file holds no row of numbers"
    label = f" under {quoted(above)}" if above else ""
    n = len(tokens)
    example = _EXAMPLES.get(n, ["_"] * (n - 4) + ["q", "r", "dr", "dq"])
    width = ", dq='fwhm' or 'sigma'" if "dq" in example else ""
    return (
        f"load: columns must say what the {n} columns of {path} are; the first row is {quoted(content)}{label}\n"
        f"for instance load(path, columns={example!r}{width}, q_unit='1/angstrom' or '1/nm'), with '_' for one to skip"
    )


def _delimiter(line: str) -> str | None:
    """Return what separates the numbers of a line; None is white space."""
    return next((mark for mark in (";", ",") if mark in line), None)


def _split(line: str, delimiter: str | None) -> list[str]:
    tokens = [token.strip() for token in line.split(delimiter)]
    if len(tokens) > 1 and not tokens[-1]:  # spreadsheets end lines with the delimiter
        tokens.pop()
    return tokens


def _is_header(tokens: list[str], n_columns: int) -> bool:
    """Tell whether a line above the data is a heading, rather than a damaged row that must not go unseen."""
    filled = [token for token in tokens if token]
    if len(tokens) == n_columns:
        return 2 * sum(number(token) is not None for token in filled) < n_columns
    return not filled or number(filled[0]) is None


def _read_table(path: Path, text: str, names: list[str | None]) -> _Table:
    table = _Table([], [])
    delimiter: str | None = None
    for i, line in enumerate(text.split("\n"), start=1):
        content = line.split("#", 1)[0].strip()
        if not content:
            continue
        if not table.rows:
            delimiter = _delimiter(content)
            if _is_header(_split(content, delimiter), len(names)):
                continue
        tokens = _split(content, delimiter)
        values = [number(token) for token in tokens]
        wrong = next((token for token, value in zip(tokens, values, strict=True) if value is None), None)
        if wrong is not None:
            hint = "; put # before a line of words" if not table.rows else ""
            message = (
                f"load: {path}, line {i}: every column must be a number; got {quoted(wrong)} in {quoted(line)}{hint}"
            )
            raise DataError(message)
        if len(tokens) != len(names):
            order = ", ".join(name or "_" for name in names)
            message = (
                f"load: {path}, line {i}: expected {len(names)} columns ({order}), got {len(tokens)}: {quoted(line)}"
            )
            raise DataError(message)
        table.rows.append([math.nan if value is None else value for value in values])
        table.lines.append(i)
    if not table.rows:
        first = next(line for line in text.split("\n") if line.strip())
        message = (
            f"load: {path} holds no row of numbers (written with a decimal point, separated by comma, semicolon or "
            f"space); its first line is {quoted(first)}"
        )
        raise DataError(message)
    return table


def save_columns(
    path: str | os.PathLike[str],
    q: npt.ArrayLike,
    r: npt.ArrayLike,
    dr: npt.ArrayLike | None = None,
    dq: npt.ArrayLike | None = None,
    *,
    comment: str | None = None,
) -> None:
    """Write a curve as column text that `load` reads back to the last bit.

    The file appears complete or not at all: it is written under another name in the same folder and then renamed. An
    existing file is replaced.

    Parameters
    ----------
    path : str or path
        File to write; any suffix but ``.ort`` and ``.orb``, which promise another format.
    q : float array, shape (n,)
        Momentum transfer, 1/angstrom.
    r : float array, shape (n,)
        Reflectivity.
    dr : float array, shape (n,), optional
        Uncertainty of `r`, 1 sigma, > 0.
    dq : float array, shape (n,), optional
        Resolution, 1 sigma in 1/angstrom, >= 0.
    comment : str, optional
        Text for the header, of any number of lines.

    Raises
    ------
    DataError
        A row could not be read back (see `kiessig.Dataset`), or the file cannot be written.
    ShapeError
        The arrays are not vectors of one length.
    InvalidValueError
        An argument is not an array of real numbers, or the suffix is one of the two.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kiessig.io import load, save_columns
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "film.dat"
    >>> save_columns(path, [0.01, 0.02], [0.9, 0.1], dq=[0.001, 0.001])
    >>> load(path, columns=["q", "r", "dq"], dq="sigma", q_unit="1/angstrom")
    [Dataset('film', 2 points, Q 0.01 to 0.02 1/angstrom, dq)]
    """
    target = Path(path)
    if target.suffix.lower() in (".ort", ".orb"):
        message = f"save_columns: path must not end in {target.suffix}, it is no ORSO file; use .dat or .csv"
        raise InvalidValueError(message)
    columns = data_columns("save_columns", q, r, dr, dq)
    require_usable_rows("save_columns", columns, remedy="such rows could not be read back; remove them")
    meanings = {
        "q": "momentum transfer, 1/angstrom",
        "r": "reflectivity",
        "dr": "uncertainty of r, 1 sigma",
        "dq": "resolution, 1 sigma of q, 1/angstrom",
    }
    stated = ", dq='sigma'" if "dq" in columns else ""
    header = [f"kiessig.load(path, columns={list(columns)!r}{stated}, q_unit='1/angstrom')"]
    header += [f"{name}: {meanings[name]}" for name in columns]
    header += (comment or "").splitlines()
    header.append(" ".join(columns))
    body = (" ".join(map(repr, row)) for row in zip(*(array.tolist() for array in columns.values()), strict=True))
    _write_whole(target, "".join(f"{line}\n" for line in (*(f"# {line}".rstrip() for line in header), *body)))


def _write_whole(target: Path, text: str) -> None:
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    try:
        try:
            with draft.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            draft.replace(target)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    except OSError as error:
        message = f"save_columns: {target} cannot be written: {error.strerror or error}"
        raise DataError(message) from error
