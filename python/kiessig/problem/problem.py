"""The problem that measurements make together: parameters, residuals and exact derivatives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError, KiessigError, ShapeError
from kiessig.parameters import free_parameters
from kiessig.problem.evaluation import Evaluation
from kiessig.problem.measurement import Measurement
from kiessig.problem.naming import names_of, not_negative
from kiessig.problem.objective import Objective, constraint_relations

if TYPE_CHECKING:
    from kiessig.constraints import Constraint
    from kiessig.fitting import SeriesResult
    from kiessig.problem.projection import ProjectedObjective
    from kiessig.problem.series import SeriesObjective
    from kiessig.result import FitResult

__all__ = ["Problem"]

FloatArray = NDArray[np.float64]


class Problem:
    """A least-squares problem of one or several measurements; shared parameters are refined together.

    The vector `x` that the methods take holds the values of `parameters`, in that order; more dimensions in front make
    a batch, which goes through the kernels together. Derivatives are exact: the relations between parameters are
    recorded once and replayed with their Jacobian, which is multiplied with that of the kernels. No method here changes
    the parameters, except `fit`.

    Parameters
    ----------
    measurements : Measurement or iterable of Measurement
        At least one.
    constraints : iterable of Constraint, optional
        Soft inequalities between parameters; they enter `objective`, which is what a fit minimises.

    Attributes
    ----------
    measurements : tuple of Measurement
    constraints : tuple of Constraint
    parameters : list of Parameter
        Those that are free when the problem is made, each once, in order of first appearance.
    names : list of str
        One for each parameter, all different. A parameter without a name takes one from where it stands, such as
        "film thickness".
    n_points : int
        Number of data of all measurements.
    bounds : (float array, float array), each of shape (n_parameters,)
        Lower and upper limits, within the support of the prior where there is one; where a parameter itself is a
        thickness, roughness or imaginary SLD, the lower limit is at least 0.

    Raises
    ------
    InvalidValueError
        If there is no measurement, measurements differ in their misfit, two parameters have the same name, or a
        constraint is on parameters that stand in no measurement.

    Notes
    -----
    In a batch, a member at which the model is undefined (a negative thickness, an expression without a value) gets NaN
    in its own rows; a single `x` raises. Without smearing, a member's numbers are those that it has alone, to rounding.
    With smearing they may differ by a small part of the bound of its error, because quadrature nodes are shared.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> film = ks.Parameter(110, bounds=(90, 120), name="thickness")
    >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07)
    >>> q = np.linspace(0.01, 0.2, 50)
    >>> r = ks.reflectivity(q, [100.0], [0, 3.47, 2.07])
    >>> problem = ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.05 * r), sample))
    >>> problem.residuals([[95.0], [100.0], [105.0]]).shape
    (3, 50)
    >>> result = problem.fit(progress=False)
    >>> round(result.values["thickness"], 3)
    100.0
    """

    def __init__(
        self, measurements: Measurement | Iterable[Measurement], *, constraints: Iterable[Constraint] = ()
    ) -> None:
        if isinstance(measurements, Measurement):
            measurements = [measurements]
        self.measurements: tuple[Measurement, ...] = tuple(measurements)
        self.constraints: tuple[Constraint, ...] = tuple(constraints)
        if not self.measurements:
            message = "Problem: measurements must hold at least one Measurement; got none"
            raise InvalidValueError(message)
        for index, item in enumerate(self.measurements):
            if not isinstance(item, Measurement):
                message = (
                    f"Problem: measurements must be Measurements; measurements[{index}] is a {type(item).__name__}"
                )
                raise InvalidValueError(message)
        kinds = sorted({item.misfit for item in self.measurements})
        if len(kinds) > 1:
            message = f"Problem: all measurements must have the same misfit, their residuals are added; got {kinds}"
            raise InvalidValueError(message)
        self.parameters = free_parameters(found for item in self.measurements for found in item.parameters)
        self.names = names_of(self.parameters, self.measurements)
        self._evaluation = Evaluation([item._comparison() for item in self.measurements], self.parameters)
        self.n_points = self._evaluation.n_points
        self._not_negative = not_negative(self.parameters, self.measurements)
        self._constraints = constraint_relations(self.constraints, self.parameters)

    @property
    def x(self) -> FloatArray:
        """Present values of the parameters, shape (n_parameters,)."""
        return np.array([parameter.value for parameter in self.parameters])

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limits of the parameters."""
        limits = np.array([parameter.bounds for parameter in self.parameters]).reshape(-1, 2)
        lower, upper = limits[:, 0].copy(), limits[:, 1].copy()
        for place, parameter in enumerate(self.parameters):
            prior = parameter.prior
            if prior is not None:
                lower[place], upper[place] = max(lower[place], prior.support[0]), min(upper[place], prior.support[1])
        return np.where(self._not_negative, np.maximum(lower, 0.0), lower), upper

    @property
    def misfit(self) -> str:
        """The misfit, which all measurements have in common."""
        return self.measurements[0].misfit

    def residuals(self, x: ArrayLike | None = None) -> FloatArray:
        """Compute the residuals of all measurements, one after the other.

        Parameters
        ----------
        x : float array, shape (..., n_parameters), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        float array, shape (..., n_points)
            By each measurement's misfit and loss; see `Measurement`.

        Raises
        ------
        ShapeError
            If x has another shape.
        InvalidValueError
            If a single x is not finite or gives the sample a value outside its domain; the message holds x by name.
        """
        point = self._point("residuals", x)
        with self._locating(point):
            return self._evaluation.residuals(point)

    def jacobian(self, x: ArrayLike | None = None) -> FloatArray:
        """Compute the derivatives of the residuals; see `residuals`.

        Parameters
        ----------
        x : float array, shape (..., n_parameters), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        float array, shape (..., n_points, n_parameters)
        """
        return self.residuals_and_jacobian(x)[1]

    def residuals_and_jacobian(self, x: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """Compute residuals and their derivatives together, for the price of the derivatives; see `residuals`.

        Parameters
        ----------
        x : float array, shape (..., n_parameters), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        residuals : float array, shape (..., n_points)
        jacobian : float array, shape (..., n_points, n_parameters)
        """
        point = self._point("jacobian", x)
        with self._locating(point):
            return self._evaluation.residuals_and_jacobian(point)

    @overload
    def value_and_gradient(self, x: None = None) -> tuple[float, FloatArray]: ...

    @overload
    def value_and_gradient(self, x: ArrayLike) -> tuple[Any, FloatArray]: ...

    def value_and_gradient(self, x: ArrayLike | None = None) -> tuple[Any, FloatArray]:
        """Compute the misfit (the sum of squared residuals) and its gradient; see `residuals`.

        Parameters
        ----------
        x : float array, shape (..., n_parameters), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        value : float, or float array of shape (...)
        gradient : float array, shape (..., n_parameters)

        Raises
        ------
        ShapeError, InvalidValueError
            As `residuals`.

        Notes
        -----
        For plain stacks with the misfits chi2 and log no Jacobian is formed.
        """
        point = self._point("value_and_gradient", x)
        with self._locating(point):
            value, gradient = self._evaluation.value_and_gradient(point)
        return (float(value) if point.ndim == 1 else value), gradient

    @overload
    def chi2(self, x: None = None) -> float: ...

    @overload
    def chi2(self, x: ArrayLike) -> Any: ...

    def chi2(self, x: ArrayLike | None = None) -> Any:
        """Compute the misfit, the sum of squared residuals; see `residuals`.

        Parameters
        ----------
        x : float array, shape (..., n_parameters), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        float, or float array of shape (...)
        """
        residuals = self.residuals(x)
        total = np.einsum("...i,...i->...", residuals, residuals)
        return float(total) if residuals.ndim == 1 else total

    def objective(self) -> Objective:
        """Return what a fit minimises: the residuals, and further rows for priors and constraints.

        Returns
        -------
        Objective
        """
        return Objective(self)

    def projected(self) -> ProjectedObjective:
        """Return what is left to minimise when scales and backgrounds always take their best values.

        Returns
        -------
        ProjectedObjective

        Raises
        ------
        InvalidValueError
            If no parameter can be eliminated; see `ProjectedObjective`.
        """
        from kiessig.problem.projection import ProjectedObjective

        return ProjectedObjective(self)

    def series(
        self,
        r: ArrayLike | None = None,
        dr: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        normalisation: ArrayLike | None = None,
    ) -> SeriesObjective:
        """Return an objective whose members have the same model and Q, and each its own data: a kinetic series.

        Parameters
        ----------
        r : float array, shape (n_members, n_points)
            Reflectivities instead of those of the measurements, these one after the other as in `residuals`.
        dr : float array, shape (n_members, n_points) or (n_points,), optional
            Their uncertainties; None takes those of the measurements.
        counts, normalisation : float array, shapes as those of `r` and `dr`, optional
            The same for the poisson misfit, which takes them instead.

        Returns
        -------
        SeriesObjective

        Raises
        ------
        ShapeError, DataError, InvalidValueError
            If shapes do not fit, numbers are outside their domains, or the misfit takes other columns.

        Examples
        --------
        >>> import numpy as np
        >>> import kiessig as ks
        >>> film = ks.Parameter(100, bounds=(90, 120), name="thickness")
        >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07)
        >>> q = np.linspace(0.01, 0.2, 50)
        >>> r = ks.reflectivity(q, [[100.0], [104.0], [108.0]], [0, 3.47, 2.07])
        >>> problem = ks.Problem(ks.Measurement(ks.Dataset(q, r[0], dr=0.05 * r[0]), sample))
        >>> series = problem.series(r)
        >>> series.residuals([[100.0], [108.0]], members=[0, 2]).shape
        (2, 50)
        """
        from kiessig.problem.series import SeriesObjective

        return SeriesObjective(self, {"r": r, "dr": dr, "counts": counts, "normalisation": normalisation})

    def log_posterior_and_gradient(self, x: ArrayLike | None = None) -> tuple[Any, FloatArray]:
        """Compute the logarithm of likelihood times prior, and its gradient.

        The likelihood is normalised in the data: ``-chi2 / 2 - sum(ln(dR sqrt(2 pi)))`` for chi2, the logarithm of the
        Poisson probabilities for poisson, and with a loss that of the density in proportion to ``exp(-rho / 2)``, which
        for "student" is Student's. Priors are normalised, one without counts as 1 within the bounds. Every constraint
        adds minus half the square of its residual, which is not normalised.

        Parameters
        ----------
        x : float array, shape (..., n_parameters), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        value : float, or float array of shape (...)
            Minus infinity outside the support of a prior.
        gradient : float array, shape (..., n_parameters)
            NaN where the value is not finite.

        Raises
        ------
        InvalidValueError
            For the log misfit, which knows no uncertainties; else as `residuals`.
        ShapeError
            As `residuals`.
        """
        from kiessig.problem.posterior import log_posterior_and_gradient

        return log_posterior_and_gradient(self, self._point("log_posterior_and_gradient", x))

    @overload
    def hessian(self, x: ArrayLike | None = ..., *, with_error: Literal[False] = ...) -> FloatArray: ...

    @overload
    def hessian(self, x: ArrayLike | None = ..., *, with_error: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def hessian(
        self, x: ArrayLike | None = None, *, with_error: bool = False
    ) -> FloatArray | tuple[FloatArray, FloatArray]:
        """Compute the second derivatives of what a fit minimises (the value of `objective`).

        By differences of fourth order of the exact gradient, in steps of a part of a standard error, all in one batch;
        towards the inside where a bound is near.

        Parameters
        ----------
        x : float array, shape (n_parameters,), optional
            Values of the parameters; None takes the present ones.
        with_error : bool
            Return an estimate of the error, too.

        Returns
        -------
        hessian : float array, shape (n_parameters, n_parameters)
            Symmetric. Twice the inverse of it is the covariance at a minimum, residuals' curvature included.
        error : float array, shape (n_parameters, n_parameters)
            With `with_error`: the difference from a second rule with other steps, and the asymmetry before
            symmetrising, whichever is larger. Typically 1e-6 of ``sqrt(hessian_ii hessian_jj)``.

        Raises
        ------
        ShapeError, InvalidValueError
            As `residuals`; and where the model is undefined in all of a parameter's neighbourhood.
        """
        from kiessig.problem.hessian import hessian_by_differences

        point = self._point("hessian", x)
        if point.ndim != 1:
            message = f"hessian: x must have shape ({len(self.parameters)},); got {point.shape}"
            raise ShapeError(message)
        found, error = hessian_by_differences(self.objective(), point)
        return (found, error) if with_error else found

    def fit(
        self,
        method: str = "levenberg-marquardt",
        starts: int = 1,
        seed: int | None = None,
        progress: bool = True,
        *,
        max_evaluations: int | None = None,
        max_time: float | None = None,
        eliminate: bool = False,
        screen: int = 1,
        callback: Callable[[int, float], object] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        **options: Any,
    ) -> FitResult:
        """Minimise the misfit from the present values of the parameters, and leave the best ones in them.

        What is minimised is `objective`: the misfit, and what priors and constraints add to it. Several starts run as
        one batch.

        Parameters
        ----------
        method : str
            "levenberg-marquardt", "natural-gradient", "lbfgs", a gradient descent ("adam", ...), a method of
            `scipy.optimize.least_squares` ("trf", "dogbox", "lm") or of `scipy.optimize.minimize` ("L-BFGS-B", ...), or
            one of scipy's global searches ("differential-evolution", ...); see `kiessig.optimize.METHODS`.
        starts : int
            Number of starting points: the present values, and scrambled Sobol points, spread by the priors of the
            parameters, or evenly within their bounds, which must then be finite.
        seed : int, optional
            Of the Sobol points, and of methods that draw random numbers; None draws different ones each time.
        progress : bool
            Show a progress bar when the fit takes more than a second and standard error is a terminal.
        max_evaluations : int, optional
            Limit for each start.
        max_time : float, optional
            Seconds after which the search ends with what it has found.
        eliminate : bool
            Whether scales and backgrounds that enter linearly always take their best values, so that the search has
            fewer dimensions; see `projected`.
        screen : int
            Draw so many times the starts, and begin from those of lowest misfit.
        callback : callable, optional
            ``callback(n_evaluations, lowest_misfit)``, now and then; the fit ends if it returns True or raises
            `kiessig.optimize.StopSearch`.
        checkpoint : path, optional
            File that keeps the state of the search, rewritten every half minute and at the end. Several starts need a
            `seed` then.
        resume : bool
            Go on from the checkpoint, if there is one; everything else must be as it was, but for the present values of
            the parameters, which the file knows, and the limits.
        **options
            Of the method.

        Returns
        -------
        FitResult
            Of the best start; `minima` holds all distinct ones. After Ctrl-C it is the best found so far, without
            success. For the log misfit, which knows no uncertainties, standard errors are scaled by the scatter of the
            residuals.

        Raises
        ------
        InvalidValueError
            If there is no free parameter, a start is outside its bounds, or an option has a bad value. Nothing is
            changed then.
        UnknownNameError
            For an unknown method.
        DataError
            If the checkpoint to resume from is damaged or belongs to another fit.
        """
        from kiessig.fitting import fit

        return fit(
            self,
            method,
            starts,
            seed,
            progress,
            max_evaluations=max_evaluations,
            max_time=max_time,
            eliminate=eliminate,
            screen=screen,
            callback=callback,
            checkpoint=checkpoint,
            resume=resume,
            options=options,
        )

    def fit_series(
        self,
        r: ArrayLike | None = None,
        dr: ArrayLike | None = None,
        *,
        counts: ArrayLike | None = None,
        normalisation: ArrayLike | None = None,
        x0: ArrayLike | None = None,
        method: str = "levenberg-marquardt",
        progress: bool = True,
        max_evaluations: int | None = None,
        **options: Any,
    ) -> SeriesResult:
        """Fit many curves with this model at once, each with parameters of its own: a kinetic series.

        The parameters themselves are left as they are.

        Parameters
        ----------
        r, dr, counts, normalisation : float array
            The measured curves, as in `series`.
        x0 : float array, shape (n_parameters,) or (n_members, n_parameters), optional
            Where to start; None takes the present values.
        method : str
            One that runs in batches of its own accord, such as "levenberg-marquardt".
        progress : bool
            As in `fit`.
        max_evaluations : int, optional
            Limit for each curve.
        **options
            Of the method.

        Returns
        -------
        SeriesResult

        Raises
        ------
        ShapeError, DataError, InvalidValueError
            As `series`; and if x0 is outside the bounds or the method is none of these.

        Examples
        --------
        >>> import numpy as np
        >>> import kiessig as ks
        >>> film = ks.Parameter(103, bounds=(90, 120), name="thickness")
        >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07)
        >>> q = np.linspace(0.01, 0.2, 50)
        >>> r = ks.reflectivity(q, [[100.0], [104.0], [108.0]], [0, 3.47, 2.07])
        >>> problem = ks.Problem(ks.Measurement(ks.Dataset(q, r[0], dr=0.05 * r[0]), sample))
        >>> problem.fit_series(r, 0.05 * r, progress=False).column("thickness")[0].round(3)
        array([100., 104., 108.])
        """
        from kiessig.fitting import fit_series

        data = {"r": r, "dr": dr, "counts": counts, "normalisation": normalisation}
        return fit_series(self, data, x0, method, progress, max_evaluations=max_evaluations, options=options)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.measurements, self.constraints)  # the recorded relations are made anew

    def _point(self, function: str, x: ArrayLike | None) -> FloatArray:
        if x is None:
            return self.x
        return checked_point(function, x, self.names)

    @contextmanager
    def _locating(self, point: FloatArray) -> Iterator[None]:
        """Add the parameter values at which an error of the model arose."""
        try:
            yield
        except KiessigError as error:
            if point.ndim > 1:
                raise
            at = ", ".join(f"{name} = {value:.9g}" for name, value in zip(self.names, point, strict=True))
            what = str(error).partition("\nat ")[0]  # an expression's own place knows fewer names
            message = f"{what}\nat {at}"
            raise type(error)(message) from error


def checked_point(function: str, x: ArrayLike, names: Sequence[str]) -> FloatArray:
    """Return x as (..., n_parameters), or raise; in a batch, members that are not finite are undefined."""
    try:
        point = np.ascontiguousarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"{function}: x must be an array of real numbers; got {x!r}"
        raise InvalidValueError(message) from error
    if np.ndim(x) == 0 or point.shape[-1] != len(names):
        message = (
            f"{function}: x must have shape ({len(names)},), one value per parameter, or more dimensions before; "
            f"got {np.shape(x)}"
        )
        raise ShapeError(message)
    if point.ndim == 1:
        bad = np.flatnonzero(~np.isfinite(point))
        if bad.size:
            message = f"{function}: x must be finite; x[{bad[0]}] ({names[bad[0]]}) = {point[bad[0]]}"
            raise InvalidValueError(message)
    return point


def _rebuild(measurements: tuple[Measurement, ...], constraints: tuple[Constraint, ...]) -> Problem:
    return Problem(measurements, constraints=constraints)
