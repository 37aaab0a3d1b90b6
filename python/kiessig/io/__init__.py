"""Files in and out: ORSO text files, column text."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from kiessig.data import Dataset, check_bad_rows
from kiessig.errors import DataError, InvalidValueError, UnknownNameError
from kiessig.io.columns import Q_UNITS, load_columns, save_columns
from kiessig.io.orso import load_ort
from kiessig.io.orso_sample import load_sample

__all__ = ["load", "load_sample", "save_columns"]

_WIDTHS = ("sigma", "fwhm")


def load(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str | None] | None = None,
    dq: str | None = None,
    q_unit: str | None = None,
    bad_rows: str = "refuse",
) -> list[Dataset]:
    r"""Read measured curves, converted to 1/angstrom and 1 sigma.

    A file ending in ``.ort`` is read as an ORSO text file, whose header says what its columns are. Any other file is
    read as column text, and the caller says it. Nothing is assumed: where neither the file nor the caller states a unit
    or the meaning of a resolution, an error says how to state it.

    Parameters
    ----------
    path : str or path
        File to read: UTF-8 text, with any line ends.
    columns : sequence of str or None, optional
        For column text, where it is required: the meaning of each column in order, out of ``"q"``, ``"r"``, ``"dr"``
        (1 sigma), ``"dq"``, in any case, and ``"_"``, ``"index"`` or None for a column to skip. ``"q"`` and ``"r"`` are
        required.
    dq : {"sigma", "fwhm"}, optional
        What the resolution column holds: standard deviation, or full width at half maximum of a Gaussian. Required
        where the file does not say; where it does, it must agree.
    q_unit : {"1/angstrom", "1/nm"}, optional
        Unit of Q and of the resolution. Required where the file does not say; where it does, it must agree.
    bad_rows : {"refuse", "mask"}, default "refuse"
        What to do with rows that cannot be fitted (anything not finite, ``dr <= 0``, ``dq < 0``): raise an error with
        their line numbers, or leave them out and keep their row numbers in `Dataset.masked_rows`.

    Returns
    -------
    list of Dataset
        All curves of an ``.ort`` file, named after sample, data set and polarisation; for column text a single curve,
        named after the file.

    Raises
    ------
    DataError
        The file cannot be read, contradicts the arguments, or leaves open what they do not state.
    InvalidValueError
        An argument is missing or does not apply to this file.
    UnknownNameError
        A column name, unit or option is not one of the known ones.

    Notes
    -----
    Column text has one row of numbers a line, separated by commas, semicolons or white space; which of them is taken
    from the first row. Text after ``#`` and lines of words before the first row are skipped; any later line that is not
    a row of numbers is an error.

    In an ``.ort`` file an uncertainty of R without a label is read as 1 sigma, as the ORSO specification has it; a
    resolution without a label is refused, since files that leave it out hold either. A column of NaN means unknown, as
    in the specification, and is dropped. Distributions other than Gaussian are refused. Header entries that play no
    role here are not judged.

    References
    ----------
    .. [1] Open Reflectometry Standards Organisation, "Specifications for the text reflectivity file",
       https://www.reflectometry.org/advanced_and_expert_level/file_format

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kiessig import load
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "film.csv"
    >>> _ = path.write_text("Q,R,dR,FWHM\n0.01,0.9,0.05,0.001\n0.02,0.1,0.01,0.002\n")
    >>> load(path, columns=["q", "r", "dr", "dq"], dq="fwhm", q_unit="1/angstrom")
    [Dataset('film', 2 points, Q 0.01 to 0.02 1/angstrom, dr, dq)]
    """
    width = _option("dq", dq, _WIDTHS)
    unit = _option("q_unit", q_unit, tuple(Q_UNITS))
    check_bad_rows("load", bad_rows)
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix == ".orb":
        message = (
            f"load: only the text form of ORSO files is read, {file} is the binary one\n"
            "convert it with orsopy: fileio.save_orso(fileio.load_nexus('film.orb'), 'film.ort')"
        )
        raise DataError(message)
    if suffix == ".ort":
        if columns is not None:
            message = f"load: columns does not apply to {file}; the header of an .ort file describes its columns"
            raise InvalidValueError(message)
        return load_ort(file, dq=width, q_unit=unit, bad_rows=bad_rows)
    return [load_columns(file, columns, dq=width, q_unit=unit, bad_rows=bad_rows)]


def _option(name: str, value: str | None, known: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    wanted = str(value).strip().lower()
    if wanted in known:
        return wanted
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    message = f"load: {name} must be {' or '.join(map(repr, known))}; got {value!r}{hint}"
    raise UnknownNameError(message)
