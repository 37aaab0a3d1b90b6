"""One model, many curves: an objective whose members each have data of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.data import real_array
from kiessig.errors import DataError, InvalidValueError, ShapeError
from kiessig.problem.evaluation import Data
from kiessig.problem.misfits import COLUMNS
from kiessig.problem.objective import Extras

if TYPE_CHECKING:
    from kiessig.problem.problem import Problem
    from kiessig.problem.projection import ProjectedObjective

__all__ = ["SeriesObjective", "chosen_data"]

FloatArray = NDArray[np.float64]

_DOMAINS = {"r": None, "dr": "> 0", "counts": ">= 0", "normalisation": "> 0"}


class SeriesObjective:
    """Squared residuals of many curves, each with parameters of its own, of the same model at the same Q.

    Made by `Problem.series`. All methods take vectors of several members at once, through the batched kernels.

    Parameters
    ----------
    problem : Problem
        The model; its priors and constraints hold for every member.
    columns : mapping of name to float array or None
        Data of the members.

    Attributes
    ----------
    takes_members : bool
        True: methods take the argument `members`.
    n_members : int
        Curves.
    n_residuals : int
        Rows of each.
    """

    takes_members = True

    def __init__(self, problem: Problem, columns: Mapping[str, ArrayLike | None]) -> None:
        self._problem = problem
        self._data = _series_data(problem, columns)
        self._extras = Extras(problem)
        assert self._data.n_members is not None
        self.n_members: int = self._data.n_members
        self.n_residuals = problem.n_points + self._extras.n_rows

    def projected(self) -> ProjectedObjective:
        """Return the same with scales and backgrounds eliminated, for each member by its own data.

        Returns
        -------
        ProjectedObjective
            Its methods take `members`, too.

        Raises
        ------
        InvalidValueError
            As `Problem.projected`.
        """
        from kiessig.problem.projection import ProjectedObjective

        return ProjectedObjective(self._problem, self._data)

    def residuals(self, x: ArrayLike, members: ArrayLike | None = None) -> FloatArray:
        """Compute the residuals of some members.

        Parameters
        ----------
        x : float array, shape (k, n_parameters), or (n_parameters,) for one member
            Values of the parameters.
        members : int array, shape (k,), or an integer, optional
            Whose data each row of x belongs to; None for all of them in order.

        Returns
        -------
        float array, shape (k, n_residuals)
            NaN in the rows of members at which the model is undefined.

        Raises
        ------
        ShapeError, InvalidValueError
            If x or members have the wrong shape, or members are not there.
        """
        point, data = self._chosen("residuals", x, members)
        found = self._problem._evaluation.residuals(point, data)
        if not self._extras.n_rows:
            return found
        return np.concatenate([found, self._extras.rows(point)[0]], axis=-1)

    def residuals_and_jacobian(self, x: ArrayLike, members: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """Compute residuals and their derivatives; see `residuals`.

        Parameters
        ----------
        x, members
            As in `residuals`.

        Returns
        -------
        residuals : float array, shape (k, n_residuals)
        jacobian : float array, shape (k, n_residuals, n_parameters)
        """
        point, data = self._chosen("jacobian", x, members)
        residuals, jacobian = self._problem._evaluation.residuals_and_jacobian(point, data)
        if not self._extras.n_rows:
            return residuals, jacobian
        rows, slopes = self._extras.rows(point)
        return np.concatenate([residuals, rows], axis=-1), np.concatenate([jacobian, slopes], axis=-2)

    def jacobian(self, x: ArrayLike, members: ArrayLike | None = None) -> FloatArray:
        """Compute the derivatives of the residuals, (k, n_residuals, n_parameters); see `residuals_and_jacobian`."""
        return self.residuals_and_jacobian(x, members)[1]

    def value_and_gradient(self, x: ArrayLike, members: ArrayLike | None = None) -> tuple[Any, FloatArray]:
        """Compute every member's sum of squared residuals and its gradient; see `residuals`.

        Parameters
        ----------
        x, members
            As in `residuals`.

        Returns
        -------
        value : float array, shape (k,)
        gradient : float array, shape (k, n_parameters)
        """
        point, data = self._chosen("value_and_gradient", x, members)
        value, gradient = self._problem._evaluation.value_and_gradient(point, data)
        if self._extras.n_rows:
            rows, slopes = self._extras.rows(point)
            value = value + np.einsum("...i,...i->...", rows, rows)
            gradient = gradient + 2.0 * np.einsum("...i,...ij->...j", rows, slopes)
        return (float(value) if point.ndim == 1 else value), gradient

    def _chosen(self, function: str, x: ArrayLike, members: ArrayLike | None) -> tuple[FloatArray, Data]:
        point = self._problem._point(function, x)
        return point, chosen_data(function, self._data, point, members)


def chosen_data(function: str, data: Data, point: FloatArray, members: ArrayLike | None) -> Data:
    """Return the data that belong to the rows of x, or raise."""
    assert data.n_members is not None
    if point.ndim > 2:
        message = f"{function}: x must have shape (k, n_parameters), a row for each member; got {point.shape}"
        raise ShapeError(message)
    if members is None:
        members = np.arange(data.n_members)
    chosen = np.asarray(members)
    if chosen.dtype.kind not in "iu":
        message = f"{function}: members must be integers; got dtype {chosen.dtype}"
        raise InvalidValueError(message)
    if chosen.shape != point.shape[:-1]:
        message = f"{function}: members must have shape {point.shape[:-1]}, one for each row of x; got {chosen.shape}"
        raise ShapeError(message)
    if ((chosen < 0) | (chosen >= data.n_members)).any():
        message = f"{function}: members must be from 0 to {data.n_members - 1}; got {int(chosen.min())} to "
        raise InvalidValueError(message + f"{int(chosen.max())}")
    return data.take(chosen.astype(np.intp))


def _series_data(problem: Problem, columns: Mapping[str, ArrayLike | None]) -> Data:
    """Check the members' columns, and cut them into those of the measurements."""
    wanted = COLUMNS[problem.misfit]
    for name, given in columns.items():
        if given is not None and name not in wanted:
            message = f"series: {name} must be None for the {problem.misfit} misfit; it takes {' and '.join(wanted)}"
            raise InvalidValueError(message)
    if columns[wanted[0]] is None:
        message = f"series: {wanted[0]} must be given, shape (n_members, {problem.n_points}); got None"
        raise InvalidValueError(message)
    found = {name: _column(name, given, problem.n_points) for name, given in columns.items() if given is not None}
    n_members = found[wanted[0]].shape[0] if found[wanted[0]].ndim == 2 else 0
    if not n_members:
        message = f"series: {wanted[0]} must have shape (n_members, {problem.n_points}); got {found[wanted[0]].shape}"
        raise ShapeError(message)
    for name, array in found.items():
        if array.ndim == 2 and array.shape[0] != n_members:
            message = f"series: {name} must have {n_members} rows, as {wanted[0]} has; got shape {array.shape}"
            raise ShapeError(message)
    if problem.misfit == "log" and (found["r"] <= 0.0).any():
        message = "series: the log misfit needs r > 0"
        raise DataError(message)
    parts = [
        {name: found[name][..., part.rows] if name in found else part.comparison.data[name] for name in wanted}
        for part in problem._evaluation.parts
    ]
    return Data(parts, n_members)


def _column(name: str, given: ArrayLike, n_points: int) -> FloatArray:
    array = real_array("series", name, given)
    if array.ndim not in (1, 2) or array.shape[-1] != n_points:
        message = f"series: {name} must have {n_points} points on its last axis; got shape {array.shape}"
        raise ShapeError(message)
    rule = _DOMAINS[name]
    good = np.isfinite(array)
    if rule is not None:
        good &= array > 0.0 if rule == "> 0" else array >= 0.0
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        message = (
            f"series: {name} must be finite{'' if rule is None else f' and {rule}'}; "
            f"{name}[{', '.join(map(str, where))}] = {float(array[where])}"
        )
        raise DataError(message)
    return array
