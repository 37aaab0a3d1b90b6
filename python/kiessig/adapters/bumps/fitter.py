"""A fitter of bumps: least squares within bounds, with exact Jacobians."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig.adapters._host import host_module
from kiessig.adapters.bumps.residuals import residuals_and_jacobian
from kiessig.errors import InvalidValueError

__all__ = ["INSTALL", "grad_fit", "register"]

FloatArray = NDArray[np.float64]

INSTALL = "install bumps, 1.0.0 or newer"


class _Stop(Exception):  # noqa: N818 - the user asked for the end of the fit
    """What the monitors say, on its way out of the optimiser."""


class _Search:
    """Residuals and Jacobians for scipy, the monitors told, and the best point kept."""

    def __init__(self, problem: Any, monitors: Any, steps: int) -> None:
        self._problem, self._monitors, self._steps = problem, monitors, steps
        self._step = 0
        self._last: tuple[bytes, FloatArray, FloatArray] | None = None
        self.best: tuple[FloatArray, float] | None = None

    def _at(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        key = np.asarray(x).tobytes()
        if self._last is None or self._last[0] != key:
            self._last = (key, *residuals_and_jacobian(self._problem, x))
        return self._last[1], self._last[2]

    def residuals(self, x: FloatArray) -> FloatArray:
        problem = self._problem
        problem.setp(x)
        cost = problem.constraints_nllf()
        broken = float(cost[0] if isinstance(cost, tuple) else cost)
        parts = (problem.residuals(), problem.parameter_residuals(), np.sqrt(2.0 * broken))
        value = np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts])
        nllf = 0.5 * float(value @ value) if broken == 0.0 else np.inf
        if np.isfinite(nllf) and (self.best is None or nllf < self.best[1]):
            self.best = (np.array(x), nllf)
        return value

    def jacobian(self, x: FloatArray) -> FloatArray:
        value, jacobian = self._at(x)
        self._monitors(step=self._step, point=np.array(x), value=0.5 * float(value @ value))
        if self._monitors.stopping() or self._step >= self._steps:
            raise _Stop
        self._step += 1
        return jacobian

    def covariance(self, x: FloatArray) -> FloatArray:
        from bumps.lsqerror import jacobian_cov

        return np.asarray(jacobian_cov(self._at(x)[1].copy()))


@functools.cache
def grad_fit() -> type[Any]:
    """Return the class `GradFit`, a `bumps.fitters.FitBase`.

    Raises
    ------
    MissingDependencyError
        Where bumps is not installed.
    """
    fitters = host_module("bumps.fitters", "kiessig.adapters.bumps", INSTALL)

    class GradFit(fitters.FitBase):  # type: ignore[misc, name-defined]
        """Trust-region least squares within bounds, with the Jacobians of `residuals_and_jacobian`.

        Broken constraints count as residuals, as in bumps's own Levenberg-Marquardt; the best point that breaks none is
        returned, where there was one. The covariance is that of the last Jacobian.
        """

        name = "Least squares with exact derivatives (kiessig)"
        id = "kiessig"
        settings = [("steps", 200), ("ftol", 1e-10), ("xtol", 1e-10), ("starts", 1), ("jump", 0)]  # noqa: RUF012

        def solve(self, monitors: Any = None, mapper: Any = None, **options: Any) -> tuple[Any, Any]:
            """Run the fit and return the best point and its negative log-likelihood."""
            from scipy.optimize import least_squares

            given = {**dict(self.settings), **options}
            problem = self.problem
            if not getattr(problem, "has_residuals", hasattr(problem, "residuals")):
                message = "kiessig.adapters.bumps.GradFit: every model of the problem must have residuals"
                raise InvalidValueError(message)
            lower, upper = (np.asarray(bound, dtype=np.float64) for bound in problem.bounds())
            start = np.clip(np.asarray(problem.getp(), dtype=np.float64), lower, upper)
            search = _Search(problem, monitors, int(given["steps"]))
            self._search, self._x = search, start
            try:
                result = least_squares(
                    search.residuals,
                    start,
                    jac=search.jacobian,
                    bounds=(lower, upper),
                    x_scale="jac",
                    # scipy takes nothing below the roundoff
                    ftol=max(float(given["ftol"]), 1e-15),
                    xtol=max(float(given["xtol"]), 1e-15),
                    gtol=1e-15,
                )
                last = result.x
            except _Stop:
                last = start
            x = last if search.best is None else search.best[0]
            problem.setp(x)
            self._x = x
            return x, problem.nllf()

        def cov(self) -> FloatArray:
            """Return the covariance of the parameters."""
            return self._search.covariance(self._x)

    GradFit.__qualname__ = "GradFit"
    return GradFit


def register() -> None:
    """Make the fitter known to bumps as ``kiessig``: ``bumps.fitters.fit(problem, method="kiessig")``.

    Raises
    ------
    MissingDependencyError
        Where bumps is not installed.

    Examples
    --------
    >>> import kiessig.adapters.bumps
    >>> kiessig.adapters.bumps.register()  # doctest: +SKIP
    """
    host_module("bumps.fitters", "kiessig.adapters.bumps", INSTALL).register(grad_fit())
