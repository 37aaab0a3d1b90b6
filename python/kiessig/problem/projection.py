"""Scales and backgrounds eliminated: they enter linearly, and always take their best values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError
from kiessig.parameters import Expression, Parameter, free_parameters
from kiessig.problem.bounded import solve_bounded, solve_free
from kiessig.problem.evaluation import Data, chain
from kiessig.problem.objective import Extras
from kiessig.problem.problem import checked_point

if TYPE_CHECKING:
    from kiessig.problem.problem import Problem

__all__ = ["ProjectedObjective"]

FloatArray = NDArray[np.float64]


class _Linear(NamedTuple):
    """What one measurement's model is made of, for all members: (..., n_points), and (..., n_points, n) for slopes."""

    r: FloatArray
    slopes: FloatArray | None  # of r in all parameters
    weight: FloatArray


class ProjectedObjective:
    r"""A problem's objective as a function of the parameters that are left when scales and backgrounds are eliminated.

    A parameter that stands itself as scale or background of measurements, and nowhere else, enters linearly: for given
    values of all others its best value, within its bounds, follows from a small linear least-squares problem [1]_. What
    is minimised here is the misfit with these best values,

    .. math::

        \min_c \left| y(x) - A(x) c \right|^2, \qquad
        \frac{\mathrm{d} r}{\mathrm{d} x} = D - A_F (A_F^T A_F)^{-1} (A_F^T D + (\partial A_F)^T r)

    with :math:`r = y - A c`, :math:`D` its derivatives at constant c, and F those unknowns that no bound holds: the
    exact Jacobian, not the shorter one of Kaufman. It has the same minimum as `Problem.objective` and fewer
    dimensions. Where a bound begins or ceases to hold an unknown, derivatives jump.

    Parameters
    ----------
    problem : Problem
        With at least one such parameter: without prior, in no constraint, on measurements with the misfit chi2 and
        without a loss. Others stay. Made by `Problem.projected`.

    Attributes
    ----------
    parameters, eliminated : list of Parameter
        Those that are left, and those that are not.
    names : list of str
        Of `parameters`.
    n_residuals : int

    Raises
    ------
    InvalidValueError
        If nothing can be eliminated.

    References
    ----------
    .. [1] G. H. Golub, V. Pereyra, SIAM Journal on Numerical Analysis 10, 413 (1973), doi:10.1137/0710036

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> film = ks.Parameter(101, bounds=(90, 120), name="thickness")
    >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07)
    >>> q = np.linspace(0.01, 0.2, 50)
    >>> r = ks.reflectivity(q, [100.0], [0, 3.47, 2.07], scale=1.1)
    >>> scale = ks.Parameter(1.0, bounds=(0.5, 2), name="scale")
    >>> problem = ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.05 * r), sample, scale=scale))
    >>> projected = problem.projected()
    >>> projected.names
    ['thickness']
    >>> projected.complete([100.0]).round(3)
    array([100. ,   1.1])
    """

    takes_members = False

    def __init__(self, problem: Problem, data: Data | None = None) -> None:
        self._problem = problem
        self._evaluation = problem._evaluation
        self._data = data
        self.takes_members = data is not None and data.n_members is not None
        chosen = _linear_parameters(problem)
        if not chosen:
            message = (
                "projected: a parameter must stand as scale or background of measurements, and nowhere else, to be "
                "eliminated (misfit chi2, no loss, no prior, no constraint); the problem has none"
            )
            raise InvalidValueError(message)
        self._eliminated = [place for place, item in enumerate(problem.parameters) if item in chosen]
        self._kept = [place for place, item in enumerate(problem.parameters) if item not in chosen]
        self.eliminated = [problem.parameters[place] for place in self._eliminated]
        self.parameters = [problem.parameters[place] for place in self._kept]
        self.names = [problem.names[place] for place in self._kept]
        self._places = [_unknowns(part, problem, self._eliminated) for part in self._evaluation.parts]
        self._components = _components(self._places, len(self._eliminated))
        self._extras = Extras(problem, self._kept)
        self.n_residuals = problem.n_points + self._extras.n_rows

    @property
    def x(self) -> FloatArray:
        """Present values of the parameters that are left."""
        return self._problem.x[self._kept]

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limits of the parameters that are left."""
        lower, upper = self._problem.bounds
        return lower[self._kept], upper[self._kept]

    def reduce(self, x: ArrayLike) -> FloatArray:
        """Leave the eliminated parameters out of the problem's vectors.

        Parameters
        ----------
        x : float array, shape (..., n_parameters of the problem)
            Values of all parameters.

        Returns
        -------
        float array, shape (..., n_parameters)
        """
        return checked_point("reduce", x, self._problem.names)[..., self._kept].copy()

    def complete(self, x: ArrayLike, members: ArrayLike | None = None) -> FloatArray:
        """Compute the vectors of the whole problem: the eliminated parameters at their best values.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.
        members : int array, shape (k,), optional
            Of a series: whose data the k rows of x belong to.

        Returns
        -------
        float array, shape (..., n_parameters of the problem)
        """
        full, data = self._full("complete", x, members)

        def compute(values: FloatArray, relations: FloatArray | None, data: Data, found: Sequence[FloatArray]) -> None:
            found[0][...] = self._best(self._linear(values, None, data), values, data)[1]

        self._run(compute, full, data, [(len(self._eliminated),)], slopes=False, into=full)
        return full

    def residuals(self, x: ArrayLike, members: ArrayLike | None = None) -> FloatArray:
        """Compute the residuals with the best scales and backgrounds.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.
        members : int array, shape (k,), optional
            Of a series: whose data the k rows of x belong to.

        Returns
        -------
        float array, shape (..., n_residuals)

        Raises
        ------
        ShapeError, InvalidValueError
            As `Problem.residuals`.
        """
        full, data = self._full("residuals", x, members)

        def compute(values: FloatArray, relations: FloatArray | None, data: Data, found: Sequence[FloatArray]) -> None:
            found[0][...] = self._best(self._linear(values, None, data), values, data)[0]

        residuals = self._run(compute, full, data, [(self._problem.n_points,)], slopes=False)[0]
        if not self._extras.n_rows:
            return residuals
        return np.concatenate([residuals, self._extras.rows(full)[0]], axis=-1)

    def residuals_and_jacobian(self, x: ArrayLike, members: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """Compute the residuals and their exact derivatives.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.
        members : int array, shape (k,), optional
            Of a series: whose data the k rows of x belong to.

        Returns
        -------
        residuals : float array, shape (..., n_residuals)
        jacobian : float array, shape (..., n_residuals, n_parameters)
        """
        full, data = self._full("jacobian", x, members)
        shapes = [(self._problem.n_points,), (self._problem.n_points, len(self._kept))]
        residuals, jacobian = self._run(self._with_jacobian, full, data, shapes, slopes=True)
        if not self._extras.n_rows:
            return residuals, jacobian
        rows, slopes = self._extras.rows(full)
        return np.concatenate([residuals, rows], axis=-1), np.concatenate([jacobian, slopes], axis=-2)

    def jacobian(self, x: ArrayLike, members: ArrayLike | None = None) -> FloatArray:
        """Compute the derivatives of the residuals; see `residuals_and_jacobian`."""
        return self.residuals_and_jacobian(x, members)[1]

    def value_and_gradient(self, x: ArrayLike, members: ArrayLike | None = None) -> tuple[Any, FloatArray]:
        """Compute the sum of squared residuals and its gradient.

        Parameters
        ----------
        x : float array, shape (..., n_parameters)
            Values of the parameters.
        members : int array, shape (k,), optional
            Of a series: whose data the k rows of x belong to.

        Returns
        -------
        value : float, or float array of shape (...)
        gradient : float array, shape (..., n_parameters)
        """
        residuals, jacobian = self.residuals_and_jacobian(x, members)
        value = np.einsum("...i,...i->...", residuals, residuals)
        gradient = 2.0 * np.einsum("...i,...ij->...j", residuals, jacobian)
        return (float(value) if residuals.ndim == 1 else value), gradient

    def _full(self, function: str, x: ArrayLike, members: ArrayLike | None) -> tuple[FloatArray, Data | None]:
        """Return vectors of the whole problem, where what is eliminated does not matter yet, and the data."""
        point = checked_point(function, x, self.names)
        full = np.empty((*point.shape[:-1], len(self._problem.parameters)))
        full[..., self._eliminated] = self._problem.x[self._eliminated]
        full[..., self._kept] = point
        if self._data is None:
            if members is not None:
                message = f"{function}: members must be None, all members have the same data"
                raise InvalidValueError(message)
            return full, None
        from kiessig.problem.series import chosen_data

        return full, chosen_data(function, self._data, full, members)

    def _run(
        self, compute: Any, full: FloatArray, data: Data | None, shapes: Any, *, slopes: bool, into: Any = None
    ) -> list[FloatArray]:
        with self._problem._locating(full):
            found = self._evaluation.run(compute, full, data, shapes, slopes=slopes)
        if into is not None:
            into[..., self._eliminated] = found[0]
        return found

    def _linear(self, values: FloatArray, relations: FloatArray | None, data: Data) -> list[_Linear]:
        found = []
        for part, columns in zip(self._evaluation.parts, data.columns, strict=True):
            model, own = part.comparison.model, values[..., part.quantities]
            weight = 1.0 / columns["dr"]
            if relations is None:
                found.append(_Linear(model.reflectivity(own), None, weight))
                continue
            r, derivatives = model.derivatives(own, part.wanted)
            slopes = np.empty((*r.shape, relations.shape[-1]))
            chain(part, derivatives, np.ones_like(r), relations, slopes)
            found.append(_Linear(r, slopes, weight))
        return found

    def _best(
        self, linear: Sequence[_Linear], values: FloatArray, data: Data
    ) -> tuple[FloatArray, FloatArray, NDArray[np.bool_], FloatArray]:
        """Return residuals, eliminated parameters, which of them are free, and the matrix of their equations."""
        lead, k = values.shape[:-1], len(self._eliminated)
        matrix, right = np.zeros((*lead, k, k)), np.zeros((*lead, k))
        residuals = np.empty((*lead, self._problem.n_points))
        for part, item, unknowns, columns in zip(
            self._evaluation.parts, linear, self._places, data.columns, strict=True
        ):
            r, _, weight = item
            own, model = values[..., part.quantities], part.comparison.model
            known = columns["r"]
            if unknowns[0] is None:
                known = known - own[..., model.scale, np.newaxis] * r
            if unknowns[1] is None:
                known = known - own[..., model.background, np.newaxis]
            residuals[..., part.rows] = known * weight
            column = [(place, a) for place, a in zip(unknowns, (r * weight, weight), strict=True) if place is not None]
            for place, a in column:
                right[..., place] += np.einsum("...i,...i->...", a, residuals[..., part.rows])
                for other, b in column:
                    matrix[..., place, other] += np.einsum("...i,...i->...", a, b)
        lower, upper = (limit[self._eliminated] for limit in self._problem.bounds)
        best, free = np.empty((*lead, k)), np.empty((*lead, k), dtype=np.bool_)
        for group in self._components:
            square = matrix[..., group, :][..., group].reshape(-1, len(group), len(group))
            solution, loose = solve_bounded(
                square, right[..., group].reshape(-1, len(group)), lower[group], upper[group]
            )
            best[..., group], free[..., group] = (a.reshape(*lead, len(group)) for a in (solution, loose))
        for part, item, unknowns in zip(self._evaluation.parts, linear, self._places, strict=True):
            for unknown, a in zip(unknowns, (item.r * item.weight, item.weight), strict=True):
                if unknown is not None:
                    residuals[..., part.rows] -= best[..., unknown, np.newaxis] * a
        return residuals, best, free, matrix

    def _with_jacobian(
        self, values: FloatArray, relations: FloatArray | None, data: Data, found: Sequence[FloatArray]
    ) -> None:
        assert relations is not None
        linear = self._linear(values, relations, data)
        residuals, best, free, matrix = self._best(linear, values, data)
        found[0][...] = residuals
        jacobian = found[1]
        right = np.zeros((*best.shape, len(self._kept)))
        for part, item, unknowns in zip(self._evaluation.parts, linear, self._places, strict=True):
            assert item.slopes is not None
            own, model = values[..., part.quantities], part.comparison.model
            slopes = item.slopes[..., self._kept] * item.weight[..., np.newaxis]
            scale = own[..., model.scale] if unknowns[0] is None else best[..., unknowns[0]]
            here = jacobian[..., part.rows, :]
            np.multiply(slopes, -scale[..., np.newaxis, np.newaxis], out=here)
            weighted = (item.r * item.weight, np.broadcast_to(item.weight, item.r.shape))
            for place, number, a in zip(unknowns, (part.scale, part.background), weighted, strict=True):
                if place is None and number is not None:  # made of parameters that are left
                    here -= a[..., np.newaxis] * relations[..., np.newaxis, number, self._kept]
            for place, a in zip(unknowns, weighted, strict=True):
                if place is not None:
                    right[..., place, :] += np.einsum("...i,...ij->...j", a, here)
            if unknowns[0] is not None:
                right[..., unknowns[0], :] += np.einsum("...i,...ij->...j", residuals[..., part.rows], slopes)
        moves = solve_free(matrix, right, free)
        for part, item, unknowns in zip(self._evaluation.parts, linear, self._places, strict=True):
            for place, a in zip(unknowns, (item.r * item.weight, item.weight), strict=True):
                if place is not None:
                    jacobian[..., part.rows, :] -= a[..., np.newaxis] * moves[..., np.newaxis, place, :]


def _linear_parameters(problem: Problem) -> set[Parameter]:
    """Return the parameters that can be eliminated."""
    found: dict[str, set[Parameter]] = {"scale": set(), "background": set()}
    barred: set[Parameter] = {p for p in problem.parameters if p.prior is not None}
    for item in problem.constraints:
        barred.update(free_parameters([item.violation]))
    for measurement in problem.measurements:
        model = measurement._model
        linear = measurement.misfit == "chi2" and measurement.loss is None
        for place, quantity in enumerate(model.quantities):
            name = {model.scale: "scale", model.background: "background"}.get(place)
            if linear and name is not None and isinstance(quantity, Parameter):
                found[name].add(quantity)
            elif isinstance(quantity, Expression):
                barred.update(free_parameters([quantity]))
    barred |= found["scale"] & found["background"]
    return {p for p in problem.parameters if p in found["scale"] | found["background"] and p not in barred}


def _unknowns(part: Any, problem: Problem, eliminated: Sequence[int]) -> tuple[int | None, int | None]:
    """Return the unknowns that are a measurement's scale and background."""
    unknown = {problem.parameters[place]: number for number, place in enumerate(eliminated)}
    model = part.comparison.model
    pair = (model.quantities[model.scale], model.quantities[model.background])
    first, second = (unknown.get(item) if isinstance(item, Parameter) else None for item in pair)
    return first, second


def _components(places: Sequence[tuple[int | None, int | None]], k: int) -> list[list[int]]:
    """Return the unknowns in groups that no measurement connects."""
    group = list(range(k))
    for first, second in places:
        if first is not None and second is not None and group[first] != group[second]:
            old, new = group[second], group[first]
            group = [new if item == old else item for item in group]
    return [[place for place in range(k) if group[place] == label] for label in sorted(set(group))]
