"""Gradient descent with momentum, plain and Nesterov's, with steps in units of the curvature."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.optimize.batch.algorithm import State
from kiessig.optimize.batch.descent import Descent
from kiessig.optimize.batch.evaluator import BatchEvaluator, Members, Normal
from kiessig.optimize.batch.options import require
from kiessig.optimize.objective import FloatArray

__all__ = ["GradientDescent"]


class GradientDescent(Descent):
    """Heavy-ball gradient descent, ``v = momentum v + g``, ``u = u - rate v / L``.

    L holds the curvatures along the coordinates, times the largest eigenvalue of the curvature in units of them, so
    that neither the units of the parameters matter nor what the misfit is measured in: on a parabola every rate below
    2 (1 + momentum) converges. It is taken at the start in Gauss and Newton's approximation, and anew at the best
    point with every check.

    Parameters
    ----------
    learning_rate : float
        Steps in units of the inverse curvature.
    momentum : float
        Part of the last step that goes on, in [0, 1); 0 is plain gradient descent.
    clip, rise, box
        See `Descent`; by default half a unit, twice the lowest misfit, and projection: the logistic map bends a valley
        that runs along a bound.
    **options
        See `Descent`.

    References
    ----------
    .. [1] B. T. Polyak, USSR Computational Mathematics and Mathematical Physics 4, 1 (1964),
       doi:10.1016/0041-5553(64)90137-5.
    """

    name = "gradient-descent"
    memory = ("velocity",)

    def __init__(
        self,
        *,
        learning_rate: float = 0.5,
        momentum: float = 0.9,
        clip: float = 0.5,
        rise: float = 2.0,
        box: str = "projection",
        **options: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, clip=clip, rise=rise, box=box, **options)
        self.momentum = require(self.name, "momentum", momentum, 0.0 <= momentum < 1.0, "in [0, 1)")

    def first(
        self, evaluator: BatchEvaluator, x: FloatArray, members: Members, derivative: FloatArray
    ) -> tuple[FloatArray, FloatArray, dict[str, npt.NDArray[Any]]]:
        """Return misfits, gradients and the largest curvatures."""
        normal = evaluator.normal(x, members)
        return normal.value, normal.gradient, {"steepness": _steepness(normal, derivative)}

    def examined(self, state: State, members: Members, normal: Normal, derivative: FloatArray) -> None:
        """Take the curvature there."""
        state["steepness"][members] = _steepness(normal, derivative)

    def direction(self, state: State, members: Members) -> FloatArray:
        """Return the velocity over the curvature."""
        velocity = self.momentum * state["velocity"][members] + state["gradient"][members]
        state["velocity"][members] = velocity
        return self.ahead(velocity, state["gradient"][members]) / state["steepness"][members]

    def ahead(self, velocity: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return what is stepped along."""
        return velocity


def _steepness(normal: Normal, derivative: FloatArray) -> FloatArray:
    """Return L, shape (k, n): with the diagonal d of H = 2 J.T J, d times the largest eigenvalue of d^-1/2 H d^-1/2."""
    curvature = 2.0 * normal.curvature * derivative[:, :, np.newaxis] * derivative[:, np.newaxis, :]
    diagonal = np.einsum("kii->ki", curvature)
    unit = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    largest = np.linalg.eigvalsh(curvature / (unit[:, :, np.newaxis] * unit[:, np.newaxis, :]))[:, -1:]
    return unit**2 * np.where(largest > 0.0, largest, 1.0)
