"""Derivatives of refnx's objectives for the optimisers of `CurveFitter`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig.adapters._differences import Stencil, derivative, stencil
from kiessig.adapters.refnx.kernels import refnx_module
from kiessig.adapters.refnx.models import Inputs, NotExact, model_and_derivatives, read
from kiessig.errors import InvalidValueError

__all__ = ["grad", "jac"]

FloatArray = NDArray[np.float64]

TARGETS = ("nll", "nlpost")


def jac(objective: Any) -> Callable[[FloatArray], FloatArray]:
    """Return the Jacobian of an objective's residuals, for ``CurveFitter.fit("least_squares", jac=...)``.

    The reflectivity is differentiated exactly with respect to the slabs, smeared as refnx smears; how the slabs, the
    scale, the background and the other numbers follow from the parameters, constraints included, is found from
    differences of `Structure.slabs` and of the parameters alone, which are cheap and mostly linear. Any component that
    yields slabs is covered.

    Parameters
    ----------
    objective : refnx.analysis.Objective or GlobalObjective
        Of `ReflectModel` or `MixedReflectModel`; any `transform`, `lnsigma`, `lambdas`. Other models, magnetic slabs
        and adaptive quadrature are differentiated by differences of refnx's own residuals.

    Returns
    -------
    callable
        ``x -> float array, shape (n_points, n_varying)``, where x holds the varying parameters, as scipy calls it. It
        leaves the parameters at x, as ``objective.residuals(x)`` does.

    Raises
    ------
    MissingDependencyError
        Where refnx is not installed.
    InvalidValueError
        For something that has no residuals.

    Examples
    --------
    >>> import kiessig.adapters.refnx as kiessig_refnx
    >>> fitter.fit("least_squares", jac=kiessig_refnx.jac(objective))  # doctest: +SKIP
    """
    refnx_module("refnx.analysis")
    if not hasattr(objective, "residuals"):
        message = f"kiessig.adapters.refnx.jac: objective must have residuals; got {type(objective).__name__}"
        raise InvalidValueError(message)

    def jacobian(x: FloatArray) -> FloatArray:
        return np.concatenate([part.weight * part.residuals()[1] for part in _parts(objective, x)])

    return jacobian


def grad(objective: Any, target: str = "nll") -> Callable[[FloatArray], FloatArray]:
    """Return the gradient of an objective's negative log-likelihood, for ``CurveFitter.fit("L-BFGS-B", jac=...)``.

    Parameters
    ----------
    objective : refnx.analysis.Objective or GlobalObjective
        As for `jac`. `logp` of model and parameters and `logp_extra` are differentiated by differences.
    target : {"nll", "nlpost"}
        What is minimised: the same as is given to `CurveFitter.fit`. "nlpost" takes the priors of the parameters in,
        weighted with `alpha`, as `Objective.nlpost` does.

    Returns
    -------
    callable
        ``x -> float array, shape (n_varying,)``; it leaves the parameters at x.

    Raises
    ------
    MissingDependencyError
        Where refnx is not installed.
    InvalidValueError
        For another target, and for something that has no residuals.

    Examples
    --------
    >>> import kiessig.adapters.refnx as kiessig_refnx
    >>> fitter.fit("L-BFGS-B", jac=kiessig_refnx.grad(objective))  # doctest: +SKIP
    """
    refnx_module("refnx.analysis")
    if target not in TARGETS:
        message = f"kiessig.adapters.refnx.grad: target must be 'nll' or 'nlpost'; got {target!r}"
        raise InvalidValueError(message)
    if not hasattr(objective, "residuals"):
        message = f"kiessig.adapters.refnx.grad: objective must have residuals; got {type(objective).__name__}"
        raise InvalidValueError(message)

    def gradient(x: FloatArray) -> FloatArray:
        total = np.zeros(np.size(x))
        for part in _parts(objective, x):
            total += part.weight * part.nll()
        if target == "nlpost":
            total -= _of_prior(objective)
        return total

    return gradient


class _Part(NamedTuple):
    """One objective of possibly several, at the present values of the parameters."""

    objective: Any
    weight: float
    parameters: list[Any]
    stencils: list[Stencil]

    def differences(self, f: Callable[[], Any], relevant: Iterable[bool] | None = None) -> list[Any]:
        """Differentiate an array of the host's by each parameter; None where that has no part in it."""
        found = []
        for parameter, points, counts in zip(
            self.parameters, self.stencils, relevant or [True] * len(self.parameters), strict=True
        ):
            found.append(_difference(parameter, points, f) if counts else None)
        return found

    def model(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the model, its derivatives, and those of lnsigma; shapes (n,), (n, p), (p,)."""
        objective = self.objective
        lnsigma = objective.lnsigma
        inputs = read(objective.model)

        def flat() -> FloatArray:
            now = read(objective.model)
            if [a.shape for a in now.slabs] != [a.shape for a in inputs.slabs]:
                raise NotExact  # the number of slabs depends on the parameters
            numbers = [now.background, now.dq, now.q_offset, 0.0 if lnsigma is None else float(lnsigma)]
            return np.concatenate([*(a.ravel() for a in now.slabs), now.scales, numbers])

        steps = self.differences(flat, self.relevant())
        length = flat().size
        flat_steps = [np.zeros(length) if step is None else step for step in steps]
        if not np.all(np.isfinite(flat_steps)):
            raise NotExact
        value, moved = model_and_derivatives(
            objective.model,
            objective.data.x,
            objective.data.x_err,
            inputs,
            [_unflattened(step, inputs) for step in flat_steps],
        )
        return value, moved, np.array([step[-1] for step in flat_steps])

    def relevant(self) -> list[bool]:
        """Whether each of the parameters has a part in this objective."""
        from refnx._lib import flatten

        own: set[int] = set()
        for parameter in flatten(self.objective.parameters):
            own.add(id(parameter))
            own.update(id(other) for other in parameter.dependencies())
        return [id(parameter) in own for parameter in self.parameters]

    def transformed(self) -> tuple[FloatArray, Any, FloatArray, FloatArray, FloatArray]:
        """Return data, errors, model, its derivatives and those of lnsigma, all put through the transform."""
        objective = self.objective
        model, moved, by_lnsigma = self.model()
        y, y_err, transformed = objective._data_transform(model)
        if objective.transform is not None:
            moved = _through(objective.transform, objective.data.x, model, moved)
        return np.asarray(y), y_err, np.asarray(transformed), moved, by_lnsigma

    def residuals(self) -> tuple[FloatArray, FloatArray]:
        """Residuals and their Jacobian."""
        try:
            y, y_err, model, moved, by_lnsigma = self.transformed()
        except NotExact:
            own = self.objective.residuals
            steps = self.differences(own, self.relevant())
            value = np.asarray(own())
            return value, np.stack([np.zeros(value.size) if step is None else step for step in steps], axis=1)
        if self.objective.lnsigma is None:
            return (y - model) / y_err, -moved / np.reshape(y_err, (-1, 1))
        fraction = math.exp(2.0 * float(self.objective.lnsigma))
        s = np.sqrt(y_err * y_err + fraction * model * model)
        by_s = (
            fraction * (model[:, np.newaxis] * moved + np.multiply.outer(model * model, by_lnsigma)) / s[:, np.newaxis]
        )
        residual = (y - model) / s
        return residual, -(moved + residual[:, np.newaxis] * by_s) / s[:, np.newaxis]

    def nll(self) -> FloatArray:
        """Gradient of the negative log-likelihood."""
        objective = self.objective
        try:
            y, y_err, model, moved, by_lnsigma = self.transformed()
        except NotExact:
            steps = self.differences(lambda: objective.nll(), self.relevant())
            return np.array([0.0 if step is None else float(step) for step in steps])
        misfit = y - model
        if objective.lnsigma is None:
            gradient = -(misfit / (y_err * y_err) * np.ones(y.size)) @ moved
        else:
            fraction = math.exp(2.0 * float(objective.lnsigma))
            variance = y_err * y_err + fraction * model * model
            by_variance = 0.5 * ((1.0 if objective.weighted else 0.0) - misfit**2 / variance) / variance
            gradient = (2.0 * by_variance * fraction * model - misfit / variance) @ moved
            gradient = gradient + float(2.0 * by_variance @ (fraction * model * model)) * by_lnsigma
        return np.asarray(gradient - self.potential())

    def potential(self) -> FloatArray:
        """Gradient of what model and user add to the log-likelihood."""
        objective = self.objective

        def extra() -> float:
            total = float(objective.model.logp())
            if objective.logp_extra is not None:
                total += float(objective.logp_extra(objective.model, objective.data))
            return total

        if objective.logp_extra is None and extra() == 0.0 and not _has_logp(objective.model):
            return np.zeros(len(self.parameters))
        steps = self.differences(extra, self.relevant() if objective.logp_extra is None else None)
        return np.array([0.0 if step is None else float(step) for step in steps])


def _parts(objective: Any, x: FloatArray) -> list[_Part]:
    """Set the parameters, and return the objectives that the residuals consist of, each with its weight."""
    parameters = list(objective.varying_parameters())
    if np.shape(x) != (len(parameters),):
        message = (
            f"kiessig.adapters.refnx: x must hold the {len(parameters)} varying parameters; got shape {np.shape(x)}"
        )
        raise InvalidValueError(message)
    objective.setp(x)
    stencils = _stencils(parameters)
    if hasattr(objective, "objectives"):
        pairs = zip(objective.objectives, objective.lambdas, strict=True)
        return [_Part(part, float(weight), parameters, stencils) for part, weight in pairs]
    return [_Part(objective, 1.0, parameters, stencils)]


def _stencils(parameters: list[Any]) -> list[Stencil]:
    found = []
    for parameter in parameters:
        bounds = parameter.bounds
        lower, upper = float(getattr(bounds, "lb", -np.inf)), float(getattr(bounds, "ub", np.inf))
        found.append(stencil(float(parameter.value), lower, upper))
    return found


def _difference(parameter: Any, points: Stencil, f: Callable[[], Any]) -> FloatArray:
    before = parameter.value

    def at(x: float) -> FloatArray:
        parameter.value = x
        return np.asarray(f(), dtype=np.float64)

    try:
        return derivative(at, points)
    finally:
        parameter.value = before


def _unflattened(flat: FloatArray, like: Inputs) -> Inputs:
    slabs, start = [], 0
    for array in like.slabs:
        slabs.append(flat[start : start + array.size].reshape(array.shape))
        start += array.size
    scales = flat[start : start + like.scales.size]
    background, dq, q_offset, _ = flat[start + like.scales.size :]
    return Inputs(tuple(slabs), scales, float(background), float(dq), float(q_offset))


def _through(transform: Any, x: FloatArray, model: FloatArray, moved: FloatArray) -> FloatArray:
    """Return the derivatives of the transformed model."""
    form = getattr(transform, "form", "unknown")
    if form in (None, "lin"):
        return moved
    if form == "logY":
        return moved / (model * math.log(10.0))[:, np.newaxis]
    if form in ("YX2", "YX4"):
        return np.asarray(moved * (np.asarray(x) ** int(form[-1]))[:, np.newaxis])
    columns = []
    for direction in moved.T:
        size = float(np.max(np.abs(direction / np.where(model == 0.0, 1.0, model)), initial=0.0))
        step = 6e-6 / size if size > 0.0 else 1.0  # of no point by more than this part of it
        upper, lower = (np.asarray(transform(x, model + s * step * direction)[0]) for s in (1.0, -1.0))
        columns.append((upper - lower) / (2.0 * step))
    return np.stack(columns, axis=1)


def _has_logp(model: Any) -> bool:
    """Whether any component of the model's structures has a say in the probability."""
    from refnx.reflect import Component

    structures = getattr(model, "structures", None) or [model.structure]
    return any(type(component).logp is not Component.logp for structure in structures for component in structure)


def _of_prior(objective: Any) -> FloatArray:
    """Gradient of the log-prior, as `Objective.logpost` weights it."""
    alpha = getattr(objective, "alpha", None)

    def prior() -> float:
        weight = float(alpha.value) if alpha is not None and hasattr(alpha, "value") else 1.0
        return weight * float(objective.logp())

    parameters = list(objective.varying_parameters())
    steps = [_difference(p, points, prior) for p, points in zip(parameters, _stencils(parameters), strict=True)]
    return np.array([float(step) for step in steps])
