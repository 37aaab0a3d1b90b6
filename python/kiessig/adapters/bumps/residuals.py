"""Residuals of a bumps problem and their Jacobian, exact where a model has exact derivatives."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.adapters._differences import Stencil, stencil
from kiessig.errors import InvalidValueError

__all__ = ["residuals_and_jacobian"]

FloatArray = NDArray[np.float64]


def residuals_and_jacobian(problem: Any, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Compute the residuals of a bumps problem and their derivatives by its fitted parameters.

    Models of refl1d (`Experiment`, `MixedExperiment`) are differentiated exactly with respect to their slabs; how slabs
    and probe follow from the parameters is found by differences of refl1d's own code, without its kernel. A model with
    a method ``residual_jacobian(parameters)``, which returns shape (n_points, n_parameters), is asked for it. All
    others are differentiated by differences of their residuals.

    Parameters
    ----------
    problem : bumps.fitproblem.FitProblem
        Its parameters are set to `p` and stay there.
    p : float array, shape (n,)
        The fitted parameters, in the order and units of ``problem.getp()``.

    Returns
    -------
    residuals : float array, shape (m,)
        Those of the weighted models, of the priors of the parameters, and the root of the cost of broken constraints,
        one after the other: the sum of squares is twice the negative log-likelihood, but for the penalty that bumps
        adds where a constraint is broken.
    jacobian : float array, shape (m, n)

    Raises
    ------
    InvalidValueError
        Where a model has no residuals, or `p` is not one number per parameter.

    Examples
    --------
    >>> from kiessig.adapters.bumps import residuals_and_jacobian
    >>> residuals, jacobian = residuals_and_jacobian(problem, problem.getp())  # doctest: +SKIP
    """
    # on our backend, refl1d's convolutions of the same points with other curves cost next to nothing
    with _refl1d_backend():
        return _value_and_jacobian(problem, np.array(p, dtype=np.float64))


def _refl1d_backend() -> AbstractContextManager[None]:
    if "refl1d.experiment" not in sys.modules:
        return nullcontext()
    from kiessig.adapters.refl1d import backend

    return backend()


def _value_and_jacobian(problem: Any, here: FloatArray) -> tuple[FloatArray, FloatArray]:
    parameters = list(problem.parameters)
    if here.shape != (len(parameters),):
        message = f"residuals_and_jacobian: p must hold the {len(parameters)} parameters; got shape {here.shape}"
        raise InvalidValueError(message)
    problem.setp(here)
    models = [_Model(model) for model in problem.models]
    weights = np.ones(len(models)) if problem.weights is None else np.asarray(problem.weights, dtype=np.float64)
    value = _assembled([weight * model.value for weight, model in zip(weights, models, strict=True)], problem)
    jacobian = np.zeros((value.size, here.size))
    stencils = [stencil(x, *bounds) for x, bounds in zip(here, np.transpose(problem.bounds()), strict=True)]
    try:
        for k, points in enumerate(stencils):
            jacobian[:, k] = _column(problem, models, weights, here, k, points)
    finally:
        problem.setp(here)
    for model, place in zip(models, _places(models), strict=True):
        if model.own_jacobian is not None:
            jacobian[place] = weights[models.index(model)] * model.own_jacobian(parameters)
    return value, jacobian


class _Model:
    """One model of the problem, at the point of the derivatives."""

    def __init__(self, model: Any) -> None:
        if not hasattr(model, "residuals"):
            message = f"residuals_and_jacobian: every model must have residuals; {type(model).__name__} has none"
            raise InvalidValueError(message)
        self.value = np.array(model.residuals(), dtype=np.float64).ravel()
        self.own_jacobian = getattr(model, "residual_jacobian", None)
        self.straight = None if self.own_jacobian is not None else _straightened(model)

    def nearby(self, model: Any, *, straight: bool) -> FloatArray:
        if self.own_jacobian is not None:
            return np.zeros(self.value.size)
        if straight and self.straight is not None:
            return np.asarray(self.straight.residuals(model))
        return np.array(model.residuals(), dtype=np.float64).ravel()


def _straightened(model: Any) -> Any:
    if "refl1d.experiment" not in sys.modules:  # then it cannot be one of refl1d's
        return None
    from kiessig.adapters.refl1d.experiments import NotStraight, StraightExperiment

    try:
        return StraightExperiment(model)
    except NotStraight:
        return None
    finally:
        model.update()


def _column(
    problem: Any, models: list[_Model], weights: FloatArray, here: FloatArray, k: int, points: Stencil
) -> FloatArray:
    """Return the derivative by one parameter, of the models one by one and of priors and constraints."""
    from kiessig.adapters.refl1d.experiments import NotStraight

    straight = [True] * len(models)
    while True:
        rows = []
        try:
            for x in points.points:
                moved = here.copy()
                moved[k] = x
                problem.setp(moved)
                parts = []
                for i, model in enumerate(problem.models):
                    try:
                        parts.append(weights[i] * models[i].nearby(model, straight=straight[i]))
                    except NotStraight:
                        straight[i] = False  # at all points of this parameter
                        raise
                rows.append(_assembled(parts, problem))
        except NotStraight:
            continue
        if not rows:
            return np.zeros(_assembled([model.value for model in models], problem).size)
        # weights add up to 0: what does not change has a derivative of exactly 0
        return np.asarray(sum(w * (row - rows[0]) for w, row in zip(points.weights, rows, strict=True)))


def _assembled(parts: list[FloatArray], problem: Any) -> FloatArray:
    """Join the residuals of models, priors and constraints."""
    cost = problem.constraints_nllf()
    broken = float(cost[0] if isinstance(cost, tuple) else cost)
    priors = np.array(problem.parameter_residuals(), dtype=np.float64).ravel()
    # bumps counts (value)² as a negative log-likelihood, of which residuals are the root of twice the sum
    return np.concatenate([*parts, priors, [np.sqrt(2.0 * broken)]])


def _places(models: list[_Model]) -> list[slice]:
    ends = np.cumsum([model.value.size for model in models])
    return [slice(end - model.value.size, end) for end, model in zip(ends, models, strict=True)]
