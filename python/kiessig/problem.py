"""Where physics meets inference: measurements of samples, and the least-squares problem that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core, kernel_calls
from kiessig.data import Dataset
from kiessig.errors import DataError, InvalidValueError, KiessigError, ShapeError, UnknownNameError
from kiessig.instrument import Resolution
from kiessig.misfit import MISFITS, misfit_and_gradient, require_positive_model
from kiessig.parameters import Expression, Operand, Parameter, Quantity, as_quantity, evaluate, free_parameters, record
from kiessig.sample import Sample

if TYPE_CHECKING:
    from kiessig.result import FitResult

__all__ = ["Measurement", "Problem"]

FloatArray = NDArray[np.float64]


class Measurement:
    """A dataset, the sample it was measured on, and what the instrument adds.

    The model curve is ``scale * smeared(R) + background``.

    Parameters
    ----------
    dataset : Dataset
        What was measured.
    sample : Sample
        What it was measured on; complete (see `Sample`).
    scale, background : float, Parameter or Expression
        Of the model curve.
    resolution : Resolution, optional
        None takes the dataset's own ``dq``, or no smearing where it has none. ``Resolution.none()`` switches smearing
        off.
    misfit : {"chi2", "log"}
        Residuals are ``(R - model) / dR``, or ``ln R - ln model``, which needs no dR and weighs every decade of R
        alike.
    name : str, optional
        For tables and plots; that of the dataset when not given.

    Raises
    ------
    InvalidValueError
        If an argument is of another type, or the sample is not complete.
    DataError
        If the dataset lacks what the misfit needs: dR for "chi2", R > 0 for "log".
    UnknownNameError
        For another misfit.

    Examples
    --------
    >>> import kiessig as ks
    >>> film = ks.Parameter(100, bounds=(50, 150), name="thickness")
    >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07, roughness=3)
    >>> data = ks.Dataset([0.05, 0.1], [1e-3, 1e-4], dr=[1e-4, 1e-5])
    >>> ks.Measurement(data, sample).reflectivity().shape
    (2,)
    """

    def __init__(
        self,
        dataset: Dataset,
        sample: Sample,
        scale: Operand = 1.0,
        background: Operand = 0.0,
        resolution: Resolution | None = None,
        *,
        misfit: str = "chi2",
        name: str | None = None,
    ) -> None:
        for argument, value, kind in (("dataset", dataset, Dataset), ("sample", sample, Sample)):
            if not isinstance(value, kind):
                message = f"Measurement: {argument} must be a {kind.__name__}; got a {type(value).__name__}"
                raise InvalidValueError(message)
        if resolution is not None and not isinstance(resolution, Resolution):
            message = (
                f"Measurement: resolution must be a Resolution or None; got a {type(resolution).__name__}; "
                "widths become one by Resolution.gaussian(dq) or Resolution.constant(dq_over_q)"
            )
            raise InvalidValueError(message)
        if misfit not in MISFITS:
            message = f"Measurement: misfit must be one of {', '.join(map(repr, MISFITS))}; got {misfit!r}"
            raise UnknownNameError(message)
        if misfit == "chi2" and dataset.dr is None:
            message = f"Measurement: the chi2 misfit needs dr, which {dataset!r} does not have; give dr or misfit='log'"
            raise DataError(message)
        if misfit == "log" and (dataset.r <= 0.0).any():
            rows = np.flatnonzero(dataset.r <= 0.0)
            message = (
                f"Measurement: the log misfit needs r > 0; r[{int(rows[0])}] = {float(dataset.r[rows[0]])} "
                f"({rows.size} such rows); leave them out with dataset.mask(dataset.r > 0)"
            )
            raise DataError(message)
        self.dataset = dataset
        self.sample = sample
        self.scale: Quantity = as_quantity(scale, "Measurement", "scale")
        self.background: Quantity = as_quantity(background, "Measurement", "background")
        self.resolution = resolution
        self.misfit = misfit
        self.name = dataset.name if name is None else name
        sample.slab_expressions()  # raises where the sample is not complete
        self._dq: FloatArray | Resolution | None = dataset.dq
        self._plan = _core.Plan()
        if resolution is not None:
            widths = resolution.sigma(dataset.q)  # raises where its widths are not those of these points
            self._dq = widths if resolution.is_gaussian else resolution

    @property
    def parameters(self) -> list[Parameter]:
        """Free parameters: of the sample, then scale and background."""
        return free_parameters([*self.sample.parameters, self.scale, self.background])

    def reflectivity(self) -> FloatArray:
        """Compute the model curve at the points of the dataset and the present values of the parameters.

        Returns
        -------
        float array, shape (n_q,)

        Raises
        ------
        InvalidValueError
            If a parameter or expression has a value outside its domain.
        """
        scale, background = evaluate([self.scale, self.background])
        slabs = self.sample.slabs()
        return kernel_calls.value(
            "Measurement", self.dataset.q, *slabs, scale, background, self._dq, None, None, self._plan
        )

    def residuals(self) -> FloatArray:
        """Compute the residuals at the present values of the parameters, shape (n_q,); see `misfit`."""
        return self._compare(self.reflectivity())[0]

    def __repr__(self) -> str:
        label = "" if self.name is None else f"{self.name!r}, "
        return (
            f"Measurement({label}{len(self.dataset)} points, {len(self.sample.layers)} media, misfit={self.misfit!r})"
        )

    def _quantities(self) -> list[Quantity]:
        """Return what the model depends on, in the order in which `_arguments` takes its values."""
        slabs = self.sample.slab_expressions()
        return [*slabs.thickness, *slabs.sld, *slabs.sld_imag, *slabs.roughness, self.scale, self.background]

    def _arguments(self, quantities: FloatArray) -> tuple[Any, ...]:
        """Arguments of the kernels for values of `_quantities`."""
        n = len(self.sample.layers) - 2
        slabs = np.split(quantities[:-2], np.cumsum([n, n + 2, n + 2]))
        scale, background = quantities[-2:].tolist()
        return self.dataset.q, *slabs, scale, background, self._dq, None, None, self._plan

    def _compare(self, model: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals, and their derivative with respect to the model."""
        if self.misfit == "chi2":
            assert self.dataset.dr is not None  # checked on construction
            return (self.dataset.r - model) / self.dataset.dr, -1.0 / self.dataset.dr
        require_positive_model("Measurement", self.dataset.q, model)
        return np.log(self.dataset.r) - np.log(model), -1.0 / model

    def _residuals(self, quantities: FloatArray) -> FloatArray:
        return self._compare(kernel_calls.value("Measurement", *self._arguments(quantities)))[0]

    def _residuals_and_derivatives(self, quantities: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals (n_q,) and their derivatives (n_q, n_quantities)."""
        model, jacobian = kernel_calls.value_and_jacobian("Measurement", *self._arguments(quantities))
        residuals, slope = self._compare(model)
        columns = [
            *(jacobian.thickness, jacobian.sld, jacobian.sld_imag, jacobian.roughness),
            *(jacobian.scale[:, np.newaxis], jacobian.background[:, np.newaxis]),
        ]
        return residuals, slope[:, np.newaxis] * np.concatenate(columns, axis=1)

    def _value_and_derivatives(self, quantities: FloatArray) -> tuple[float, FloatArray]:
        """Misfit and its gradient (n_quantities,), without a Jacobian."""
        dr = None if self.misfit == "log" else self.dataset.dr
        misfit, gradient = misfit_and_gradient("Measurement", self.dataset.r, dr, *self._arguments(quantities))
        fields = (*gradient[:4], gradient.scale, gradient.background)
        return float(misfit), np.concatenate([np.atleast_1d(field) for field in fields])


class _Part(NamedTuple):
    """One measurement's place among all residuals and all recorded quantities."""

    measurement: Measurement
    rows: slice
    quantities: slice


class Problem:
    """A least-squares problem of one or several measurements; shared parameters are refined together.

    The vector `x` that the methods take holds the values of `parameters`, in that order. Derivatives are exact: the
    relations between parameters are recorded once and replayed with their Jacobian, which is multiplied with that of
    the kernels. No method here changes the parameters, except `fit`.

    Parameters
    ----------
    measurements : Measurement or iterable of Measurement
        At least one.

    Attributes
    ----------
    measurements : tuple of Measurement
    parameters : list of Parameter
        Those that are free when the problem is made, each once, in order of first appearance.
    names : list of str
        One for each parameter, all different. A parameter without a name takes one from where it stands, such as
        "film thickness".
    bounds : (float array, float array), each of shape (n_parameters,)
        Lower and upper limits; where a parameter itself is a thickness, roughness or imaginary SLD, the lower limit is
        at least 0.

    Raises
    ------
    InvalidValueError
        If there is no measurement, measurements differ in their misfit, or two parameters have the same name.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> film = ks.Parameter(110, bounds=(90, 120), name="thickness")
    >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07)
    >>> q = np.linspace(0.01, 0.2, 50)
    >>> r = ks.reflectivity(q, [100.0], [0, 3.47, 2.07])
    >>> problem = ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.05 * r), sample))
    >>> result = problem.fit(progress=False)
    >>> round(result.values["thickness"], 3)
    100.0
    """

    def __init__(self, measurements: Measurement | Iterable[Measurement]) -> None:
        if isinstance(measurements, Measurement):
            measurements = [measurements]
        self.measurements: tuple[Measurement, ...] = tuple(measurements)
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
        outputs: list[Quantity] = []
        self._parts: list[_Part] = []
        row = 0
        for item in self.measurements:
            quantities = item._quantities()
            place = slice(len(outputs), len(outputs) + len(quantities))
            self._parts.append(_Part(item, slice(row, row + len(item.dataset)), place))
            outputs += quantities
            row += len(item.dataset)
        self.n_points = row
        self.parameters = free_parameters(found for item in self.measurements for found in item.parameters)
        self.names = _names(self.parameters, self.measurements)
        self._tape = _core.Tape(*record(outputs, self.parameters))
        self._not_negative = _not_negative(self.parameters, self.measurements)

    @property
    def x(self) -> FloatArray:
        """Present values of the parameters, shape (n_parameters,)."""
        return np.array([parameter.value for parameter in self.parameters])

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limits of the parameters."""
        limits = np.array([parameter.bounds for parameter in self.parameters]).reshape(-1, 2)
        return np.where(self._not_negative, np.maximum(limits[:, 0], 0.0), limits[:, 0]), limits[:, 1].copy()

    @property
    def misfit(self) -> str:
        """The misfit, which all measurements have in common."""
        return self.measurements[0].misfit

    def residuals(self, x: ArrayLike | None = None) -> FloatArray:
        """Compute the residuals of all measurements, one after the other.

        Parameters
        ----------
        x : float array, shape (n_parameters,), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        float array, shape (n_points,)
            ``(R - model) / dR`` or ``ln R - ln model``, by each measurement's misfit.

        Raises
        ------
        ShapeError
            If x has another shape.
        InvalidValueError
            If x is not finite or gives the sample a value outside its domain; the message holds x by name.
        """
        point = self._point("residuals", x)
        try:
            quantities = self._quantities(self._tape.values(point))
            return np.concatenate([part.measurement._residuals(quantities[part.quantities]) for part in self._parts])
        except KiessigError as error:
            raise self._located(error, point) from error

    def jacobian(self, x: ArrayLike | None = None) -> FloatArray:
        """Compute the derivatives of the residuals; see `residuals`.

        Parameters
        ----------
        x : float array, shape (n_parameters,), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        float array, shape (n_points, n_parameters)
        """
        return self.residuals_and_jacobian(x)[1]

    def residuals_and_jacobian(self, x: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """Compute residuals and their derivatives together, for the price of the derivatives; see `residuals`.

        Parameters
        ----------
        x : float array, shape (n_parameters,), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        residuals : float array, shape (n_points,)
        jacobian : float array, shape (n_points, n_parameters)
        """
        point = self._point("jacobian", x)
        residuals = np.empty(self.n_points)
        jacobian = np.empty((self.n_points, len(self.parameters)))
        try:
            values, relations = self._tape.jacobian(point)
            quantities = self._quantities(values)
            for part in self._parts:
                part_residuals, derivatives = part.measurement._residuals_and_derivatives(quantities[part.quantities])
                residuals[part.rows] = part_residuals
                jacobian[part.rows] = derivatives @ relations[part.quantities]
        except KiessigError as error:
            raise self._located(error, point) from error
        return residuals, jacobian

    def value_and_gradient(self, x: ArrayLike | None = None) -> tuple[float, FloatArray]:
        """Compute the misfit (the sum of squared residuals) and its gradient, without forming a Jacobian.

        Parameters
        ----------
        x : float array, shape (n_parameters,), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        value : float
        gradient : float array, shape (n_parameters,)

        Raises
        ------
        ShapeError, InvalidValueError
            As `residuals`.
        """
        point = self._point("value_and_gradient", x)
        total = 0.0
        gradient = np.zeros(len(self.parameters))
        try:
            values, relations = self._tape.jacobian(point)
            quantities = self._quantities(values)
            for part in self._parts:
                value, derivatives = part.measurement._value_and_derivatives(quantities[part.quantities])
                total += value
                gradient += derivatives @ relations[part.quantities]
        except KiessigError as error:
            raise self._located(error, point) from error
        return total, gradient

    def chi2(self, x: ArrayLike | None = None) -> float:
        """Compute the misfit, the sum of squared residuals; see `residuals`.

        Parameters
        ----------
        x : float array, shape (n_parameters,), optional
            Values of the parameters; None takes the present ones.

        Returns
        -------
        float
        """
        residuals = self.residuals(x)
        return float(residuals @ residuals)

    def fit(
        self,
        method: str = "levenberg-marquardt",
        starts: int = 1,
        seed: int | None = None,
        progress: bool = True,
        *,
        max_evaluations: int | None = None,
        **options: Any,
    ) -> FitResult:
        """Minimise the misfit from the present values of the parameters, and leave the best ones in them.

        Parameters
        ----------
        method : str
            "levenberg-marquardt", "adam", a method of `scipy.optimize.least_squares` ("trf", "dogbox", "lm") or of
            `scipy.optimize.minimize` ("L-BFGS-B", ...); see `kiessig.optimize.METHODS`.
        starts : int
            Number of starting points: the present values, and Sobol points within the bounds, which must then be
            finite for all parameters.
        seed : int, optional
            Of the Sobol points; None draws different ones each time.
        progress : bool
            Show a progress bar when the fit takes more than a second and standard error is a terminal.
        max_evaluations : int, optional
            Limit for each start.
        **options
            Of the method.

        Returns
        -------
        FitResult
            Of the best start. For the log misfit, which knows no uncertainties, standard errors are scaled by the
            scatter of the residuals.

        Raises
        ------
        InvalidValueError
            If there is no free parameter, a start is outside its bounds, or an option has a bad value. Nothing is
            changed then.
        UnknownNameError
            For an unknown method.
        """
        from kiessig.fitting import fit

        return fit(self, method, starts, seed, progress, max_evaluations, options)

    def __reduce__(self) -> tuple[Any, ...]:
        return Problem, (self.measurements,)  # the recorded relations are made anew

    def _point(self, function: str, x: ArrayLike | None) -> FloatArray:
        if x is None:
            return self.x
        try:
            point = np.ascontiguousarray(x, dtype=np.float64)
        except (TypeError, ValueError) as error:
            message = f"{function}: x must be an array of real numbers; got {x!r}"
            raise InvalidValueError(message) from error
        if point.shape != (len(self.parameters),) or np.ndim(x) != 1:
            message = (
                f"{function}: x must have shape ({len(self.parameters)},), one value per parameter; got {np.shape(x)}"
            )
            raise ShapeError(message)
        bad = np.flatnonzero(~np.isfinite(point))
        if bad.size:
            message = f"{function}: x must be finite; x[{bad[0]}] ({self.names[bad[0]]}) = {point[bad[0]]}"
            raise InvalidValueError(message)
        return point

    def _quantities(self, values: FloatArray) -> FloatArray:
        if not np.isfinite(values).all():
            message = "Problem: an expression of parameters has no finite value"
            raise InvalidValueError(message)
        return values

    def _located(self, error: KiessigError, point: FloatArray) -> KiessigError:
        """Return the error with the parameter values at which it arose."""
        at = ", ".join(f"{name} = {value:.9g}" for name, value in zip(self.names, point, strict=True))
        return type(error)(f"{error}\nat {at}")


def _names(parameters: Sequence[Parameter], measurements: Sequence[Measurement]) -> list[str]:
    """Return a name for each parameter, all different."""
    places: dict[Parameter, str] = {}
    for number, item in enumerate(measurements):
        where = "" if len(measurements) == 1 else f"{item.name or f'measurement {number}'} "
        last = len(item.sample.layers) - 1
        for index, layer in enumerate(item.sample.layers):
            label = layer.name or {0: "fronting", last: "backing"}.get(index, f"layer {index}")
            for quantity in ("thickness", "sld", "sld_imag", "roughness"):
                value = getattr(layer, quantity)
                if isinstance(value, Parameter):
                    places.setdefault(value, f"{label} {quantity}")
        for quantity in ("scale", "background"):
            value = getattr(item, quantity)
            if isinstance(value, Parameter):
                places.setdefault(value, f"{where}{quantity}")
    given = [parameter.name for parameter in parameters if parameter.name is not None]
    for name in given:
        if given.count(name) > 1:
            message = f"Problem: parameters must have different names; {given.count(name)} are called {name!r}"
            raise InvalidValueError(message)
    names: list[str] = []
    for index, parameter in enumerate(parameters):
        name = parameter.name or places.get(parameter, f"parameter {index}")
        base, copy = name, 2
        while parameter.name is None and (name in names or name in given):
            name, copy = f"{base} ({copy})", copy + 1
        names.append(name)
    return names


def _not_negative(parameters: Sequence[Parameter], measurements: Sequence[Measurement]) -> NDArray[np.bool_]:
    """Tell which parameters stand, themselves, where a negative value has no meaning."""
    found: set[Expression] = set()
    for item in measurements:
        slabs = item.sample.slab_expressions()
        for quantity in (*slabs.thickness, *slabs.sld_imag, *slabs.roughness):
            if isinstance(quantity, Parameter):
                found.add(quantity)
    return np.array([parameter in found for parameter in parameters], dtype=np.bool_)
