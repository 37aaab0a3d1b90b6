"""Measured curves: momentum transfer, reflectivity, its uncertainty and the resolution, in library units."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.errors import DataError, InvalidValueError, ShapeError, UnknownNameError

__all__ = ["Dataset"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

BAD_ROWS = ("refuse", "mask")
_REQUIRED = {"q": "finite", "r": "finite", "dr": "finite and > 0", "dq": "finite and >= 0"}
_SHOWN = 8  # offending rows named in a message, per column


def real_array(caller: str, name: str, values: npt.ArrayLike) -> FloatArray:
    """Return `values` as a fresh float64 array of the same shape; masked elements become NaN."""
    try:
        array = np.ma.asanyarray(values) if np.ma.isMaskedArray(values) else np.asarray(values)
    except ValueError as error:  # ragged nested sequences
        message = f"{caller}: {name} must be an array of real numbers; got a {type(values).__name__}: {error}"
        raise InvalidValueError(message) from error
    if array.dtype.kind not in "fiu":
        message = f"{caller}: {name} must be an array of real numbers; got dtype {array.dtype}"
        raise InvalidValueError(message)
    array = array.astype(np.float64)
    return np.ascontiguousarray(np.ma.filled(array, np.nan)).reshape(array.shape)


def data_columns(
    caller: str, q: npt.ArrayLike, r: npt.ArrayLike, dr: npt.ArrayLike | None, dq: npt.ArrayLike | None
) -> dict[str, FloatArray]:
    """Convert the columns that are there and check that they are vectors of one length."""
    optional = {name: values for name, values in (("dr", dr), ("dq", dq)) if values is not None}
    arrays = {name: real_array(caller, name, values) for name, values in {"q": q, "r": r, **optional}.items()}
    for name, array in arrays.items():
        if array.ndim != 1:
            message = f"{caller}: {name} must be one-dimensional; got shape {array.shape}"
            raise ShapeError(message)
    lengths = {name: array.size for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        message = f"{caller}: the columns must have equal lengths; {found}"
        raise ShapeError(message)
    if not lengths["q"]:
        message = f"{caller}: at least one point is required; got empty arrays"
        raise DataError(message)
    return arrays


def _usable(name: str, values: FloatArray) -> BoolArray:
    finite = np.isfinite(values)
    if name == "dr":
        return finite & (values > 0.0)
    if name == "dq":
        return finite & (values >= 0.0)
    return finite


def usable_rows(columns: Mapping[str, FloatArray]) -> BoolArray:
    """Tell which rows can be fitted: everything finite, dr > 0, dq >= 0."""
    usable: BoolArray = np.all([_usable(name, values) for name, values in columns.items()], axis=0)
    return usable


def require_usable_rows(
    caller: str,
    columns: Mapping[str, FloatArray],
    place: Callable[[str, int], str] = lambda column, row: f"{column}[{row}]",
    remedy: str = "remove these rows, or pass bad_rows='mask' to leave them out",
) -> None:
    """Raise a DataError that names the unusable rows; ``place(column, row)`` says where a value stands."""
    complaints = []
    for name, values in columns.items():
        rows = np.flatnonzero(~_usable(name, values))
        if rows.size:
            found = ", ".join(f"{place(name, int(row))} = {float(values[row])}" for row in rows[:_SHOWN])
            more = f" and {rows.size - _SHOWN} more" if rows.size > _SHOWN else ""
            complaints.append(f"{name} must be {_REQUIRED[name]}: {found}{more}")
    if complaints:
        message = f"{caller}: {'; '.join(complaints)}\n{remedy}"
        raise DataError(message)


def check_bad_rows(caller: str, bad_rows: str) -> None:
    """Raise unless `bad_rows` is one of the known treatments."""
    if bad_rows not in BAD_ROWS:
        near = difflib.get_close_matches(str(bad_rows), BAD_ROWS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"{caller}: bad_rows must be 'refuse' or 'mask'; got {bad_rows!r}{hint}"
        raise UnknownNameError(message)


class Dataset:
    """A measured reflectivity curve.

    The arrays are copied and cannot be written to afterwards. The order of the points is kept; Q may be repeated and
    need not be sorted. A negative reflectivity is legal, as left by the subtraction of a background.

    Parameters
    ----------
    q : float array, shape (n,)
        Momentum transfer, 1/angstrom.
    r : float array, shape (n,)
        Reflectivity.
    dr : float array, shape (n,), optional
        Uncertainty of `r`, 1 sigma, > 0.
    dq : float array, shape (n,), optional
        Resolution, 1 sigma of Q in 1/angstrom, >= 0. For a column that holds the full width at half maximum use
        `kiessig.instrument.sigma_from_fwhm`.
    name : str, optional
        Name for tables and plots.
    bad_rows : {"refuse", "mask"}, default "refuse"
        What to do with rows that cannot be fitted (anything not finite, ``dr <= 0``, ``dq < 0``): raise an error that
        names them, or leave them out and keep their numbers in `masked_rows`. Masked elements of a numpy masked array
        count as NaN.

    Raises
    ------
    ShapeError
        The arrays are not vectors of one length.
    DataError
        No points, unusable rows, or no row left after masking.
    InvalidValueError
        An argument is not an array of real numbers, or `name` is not a string.
    UnknownNameError
        `bad_rows` is not one of the two.

    Examples
    --------
    >>> from kiessig import Dataset
    >>> film = Dataset([0.01, 0.02, 0.03], [0.9, 0.1, 0.02], dr=[0.05, 0.0, 0.003], name="film", bad_rows="mask")
    >>> film
    Dataset('film', 2 points, Q 0.01 to 0.03 1/angstrom, dr, 1 row left out)
    >>> film.masked_rows
    array([1])
    >>> len(film.select(q_max=0.02))
    1
    """

    __slots__ = ("_columns", "_name", "_rows", "_total")

    _columns: dict[str, FloatArray]
    _name: str | None
    _rows: IntArray
    _total: int

    def __init__(
        self,
        q: npt.ArrayLike,
        r: npt.ArrayLike,
        dr: npt.ArrayLike | None = None,
        dq: npt.ArrayLike | None = None,
        name: str | None = None,
        *,
        bad_rows: str = "refuse",
    ) -> None:
        check_bad_rows("Dataset", bad_rows)
        if name is not None and not isinstance(name, str):
            message = f"Dataset: name must be a string or None; got {name!r}"
            raise InvalidValueError(message)
        columns = data_columns("Dataset", q, r, dr, dq)
        total = columns["q"].size
        if bad_rows == "refuse":
            require_usable_rows("Dataset", columns)
        rows = np.flatnonzero(usable_rows(columns))
        if not rows.size:
            message = f"Dataset: at least one usable row is required; all {total} are unusable"
            raise DataError(message)
        self._fill({column: values[rows] for column, values in columns.items()}, name, rows, total)

    @classmethod
    def from_counts(
        cls,
        q: npt.ArrayLike,
        counts: npt.ArrayLike,
        normalisation: npt.ArrayLike,
        dq: npt.ArrayLike | None = None,
        name: str | None = None,
    ) -> Dataset:
        """Build a dataset that keeps the counts of its points, for fits by their Poisson likelihood.

        Parameters
        ----------
        q : float array, shape (n,)
            Momentum transfer, 1/angstrom.
        counts : float array, shape (n,)
            Counts of every point as the detector gave them, >= 0, nothing subtracted or divided.
        normalisation : float or float array, shape (n,)
            Counts that the point would have had at a reflectivity of 1, > 0: those of the direct beam through the same
            slits, in proportion to monitor or time, times attenuation where there was one.
        dq : float array, shape (n,), optional
            Resolution, 1 sigma of Q in 1/angstrom, >= 0.
        name : str, optional
            Name for tables and plots.

        Returns
        -------
        Dataset
            With ``r = counts / normalisation``, and ``dr`` the root of the counts, at least 1, over the normalisation:
            for plots and other misfits, where few counts are known to mislead.

        Raises
        ------
        ShapeError, DataError, InvalidValueError
            As for `Dataset`, and for counts or a normalisation outside their domains.

        Examples
        --------
        >>> from kiessig import Dataset
        >>> film = Dataset.from_counts([0.01, 0.02, 0.3], [9500, 250, 0], normalisation=[1e4, 1e4, 1e6])
        >>> film.dr
        array([9.74679434e-03, 1.58113883e-03, 1.00000000e-06])
        """
        caller = "Dataset.from_counts"
        events = real_array(caller, "counts", counts)
        beam = real_array(caller, "normalisation", normalisation)
        for label, array, good, rule in (
            ("counts", events, np.isfinite(events) & (events >= 0.0), "finite and >= 0"),
            ("normalisation", beam, np.isfinite(beam) & (beam > 0.0), "finite and > 0"),
        ):
            if not good.all():
                row = int(np.flatnonzero(~good.reshape(-1))[0])
                message = f"{caller}: {label} must be {rule}; {label}[{row}] = {float(array.reshape(-1)[row])}"
                raise DataError(message)
        if events.ndim != 1 or beam.shape not in ((), events.shape):
            message = (
                f"{caller}: counts must be one-dimensional, and normalisation a number or as long; "
                f"got shapes {events.shape} and {beam.shape}"
            )
            raise ShapeError(message)
        dataset = cls(q, events / beam, np.sqrt(np.maximum(events, 1.0)) / beam, dq, name)
        columns = {**dataset._columns, "counts": events, "normalisation": np.array(np.broadcast_to(beam, events.shape))}
        return _rebuild(columns, dataset._name, dataset._rows, dataset._total)

    def _fill(self, columns: dict[str, FloatArray], name: str | None, rows: IntArray, total: int) -> None:
        for array in (*columns.values(), rows):
            array.flags.writeable = False
        self._columns, self._name, self._rows, self._total = columns, name, rows, total

    def __reduce__(self) -> tuple[Any, ...]:
        # numpy forgets the read-only flag in a pickle and in a deep copy; rebuilding sets it again
        return _rebuild, (dict(self._columns), self._name, self._rows, self._total)

    @property
    def q(self) -> FloatArray:
        """Momentum transfer, 1/angstrom, shape (n,)."""
        return self._columns["q"]

    @property
    def r(self) -> FloatArray:
        """Reflectivity, shape (n,)."""
        return self._columns["r"]

    @property
    def dr(self) -> FloatArray | None:
        """Uncertainty of the reflectivity, 1 sigma, shape (n,); None if unknown."""
        return self._columns.get("dr")

    @property
    def dq(self) -> FloatArray | None:
        """Resolution, 1 sigma in 1/angstrom, shape (n,); None if unknown."""
        return self._columns.get("dq")

    @property
    def counts(self) -> FloatArray | None:
        """Counts as the detector gave them, shape (n,); None if unknown."""
        return self._columns.get("counts")

    @property
    def normalisation(self) -> FloatArray | None:
        """Counts that a reflectivity of 1 would have given, shape (n,); None if unknown."""
        return self._columns.get("normalisation")

    @property
    def name(self) -> str | None:
        """Name for tables and plots."""
        return self._name

    @property
    def rows(self) -> IntArray:
        """Row number, in the arrays or file that the data came from, of every point; counted from 0."""
        return self._rows

    @property
    def masked_rows(self) -> IntArray:
        """Row numbers, in the arrays or file that the data came from, of all rows left out; counted from 0."""
        return np.setdiff1d(np.arange(self._total, dtype=np.intp), self._rows)

    def __len__(self) -> int:
        return int(self.q.size)

    def __repr__(self) -> str:
        n, left_out = len(self), self._total - len(self)
        parts = [repr(self._name)] if self._name is not None else []
        parts.append(f"{n} point{'s' if n != 1 else ''}")
        parts.append(f"Q {self.q.min():.6g} to {self.q.max():.6g} 1/angstrom")
        parts += [column for column in ("dr", "dq", "counts") if column in self._columns]
        if left_out:
            parts.append(f"{left_out} row{'s' if left_out != 1 else ''} left out")
        return f"Dataset({', '.join(parts)})"

    def mask(self, keep: npt.ArrayLike) -> Dataset:
        """Return a new dataset of the points where `keep` is true.

        Parameters
        ----------
        keep : bool array, shape (n,)
            True for the points to keep.

        Returns
        -------
        Dataset
            Of the same name and order; `masked_rows` grows by the points left out.

        Raises
        ------
        InvalidValueError
            `keep` is not boolean (row numbers would be ambiguous).
        ShapeError
            `keep` has another shape than the points.
        DataError
            Nothing is left.
        """
        chosen = np.asarray(keep)
        if chosen.dtype.kind != "b":
            message = f"Dataset.mask: keep must be a boolean array, true for points to keep; got dtype {chosen.dtype}"
            raise InvalidValueError(message)
        if chosen.shape != self.q.shape:
            message = f"Dataset.mask: keep must have shape {self.q.shape}, as the points; got {chosen.shape}"
            raise ShapeError(message)
        if not chosen.any():
            message = f"Dataset.mask: at least one point must be kept; keep is false for all {len(self)}"
            raise DataError(message)
        return self._subset(chosen)

    def select(self, *, q_min: float | None = None, q_max: float | None = None) -> Dataset:
        """Return a new dataset of the points with ``q_min <= q <= q_max``.

        Parameters
        ----------
        q_min, q_max : float, optional
            Limits in 1/angstrom, both included; None leaves that side open.

        Returns
        -------
        Dataset
            Of the same name and order; `masked_rows` grows by the points left out.

        Raises
        ------
        InvalidValueError
            A limit is not a number, or ``q_min > q_max``.
        DataError
            No point lies between the limits.
        """
        low = -np.inf if q_min is None else _limit("q_min", q_min)
        high = np.inf if q_max is None else _limit("q_max", q_max)
        if low > high:
            message = f"Dataset.select: q_min must not exceed q_max; got q_min = {low}, q_max = {high} 1/angstrom"
            raise InvalidValueError(message)
        chosen = (self.q >= low) & (self.q <= high)
        if not chosen.any():
            message = (
                f"Dataset.select: at least one point must lie between q_min = {low} and q_max = {high} 1/angstrom; "
                f"the data cover {self.q.min():.6g} to {self.q.max():.6g}"
            )
            raise DataError(message)
        return self._subset(chosen)

    def _subset(self, chosen: BoolArray) -> Dataset:
        columns = {column: values[chosen] for column, values in self._columns.items()}
        return _rebuild(columns, self._name, self._rows[chosen], self._total)


def _limit(name: str, value: float) -> float:
    array = real_array("Dataset.select", name, value)
    if array.ndim or np.isnan(array):
        message = f"Dataset.select: {name} must be a number in 1/angstrom; got {value!r}"
        raise InvalidValueError(message)
    return float(array)


def _rebuild(columns: dict[str, FloatArray], name: str | None, rows: IntArray, total: int) -> Dataset:
    dataset = Dataset.__new__(Dataset)
    dataset._fill(columns, name, rows, total)
    return dataset
