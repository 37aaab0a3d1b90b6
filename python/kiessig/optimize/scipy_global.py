"""scipy's global searches of a box, with exact derivatives where they look for local minima."""

from __future__ import annotations

from typing import Any

import numpy as np

from kiessig.errors import InvalidValueError
from kiessig.optimize.global_search import descend, search_and_finish
from kiessig.optimize.objective import Evaluator, FloatArray
from kiessig.optimize.relay import Relay
from kiessig.optimize.unit_box import UnitBox
from kiessig.optimize.verdict import Verdict

__all__ = ["scipy_global"]

# What each method is given in place of scipy's defaults.
_SETTINGS: dict[str, dict[str, Any]] = {
    "dual-annealing": {"maxiter": 1000},
    "basinhopping": {"niter": 100, "T": 0.1, "stepsize": 0.25},
    "shgo": {"n": 128, "iters": 1, "sampling_method": "simplicial"},
    "direct": {"maxiter": 1000, "vol_tol": 1e-16},
}
_UNLIMITED = 10**9
# A local search within a global one need not go down to rounding.
_LOCAL = 1e-6


def scipy_global(
    evaluator: Evaluator,
    x0: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    method: str,
    seed: Any = None,
    finish: bool = True,
    **options: Any,
) -> Verdict:
    """Search the box by one of scipy's global methods, and finish by Levenberg-Marquardt.

    The search runs in the unit cube of `UnitBox`, the misfit counted in units of its value at x0. Local minima on the
    way are sought by Levenberg-Marquardt (dual-annealing, basinhopping) or by L-BFGS-B with the exact gradient (shgo).
    Points at which the model is undefined have an infinite misfit; direct is told a very large one.

    Parameters
    ----------
    evaluator : Evaluator
        The objective.
    x0, lower, upper : float arrays, shape (n,)
        Start and finite bounds; shgo and direct make no use of the start.
    method : {"dual-annealing", "basinhopping", "shgo", "direct"}
        What to run.
    seed : int, sequence of int or None
        Of the random numbers of the first two; None draws others each time.
    finish : bool
        Whether to go from the best point to the bottom of its minimum by exact derivatives.
    **options
        scipy's own.

    Returns
    -------
    Verdict

    References
    ----------
    .. [1] Y. Xiang et al., Phys. Lett. A 233, 216 (1997), doi:10.1016/S0375-9601(97)00474-X (dual annealing).
    .. [2] D. J. Wales and J. P. K. Doye, J. Phys. Chem. A 101, 5111 (1997), doi:10.1021/jp970984n (basin hopping).
    .. [3] S. C. Endres, C. Sandrock and W. W. Focke, J. Global Optim. 72, 181 (2018), doi:10.1007/s10898-018-0645-y
       (shgo).
    .. [4] D. R. Jones, C. D. Perttunen and B. E. Stuckman, J. Optim. Theory Appl. 79, 157 (1993),
       doi:10.1007/BF00941892 (direct).
    """
    run = {"dual-annealing": _annealing, "basinhopping": _hopping, "shgo": _shgo, "direct": _direct}[method]
    search = _Search(evaluator, lower, upper)

    def seek() -> str:
        found = run(search, search.box.z(x0), seed, _SETTINGS[method] | options)
        message = found.message[0] if isinstance(found.message, list) else found.message
        return f"{method}: {str(message).strip().rstrip('.').lower()}"

    return search_and_finish(evaluator, lower, upper, seek, finish=finish)


class _Search:
    """The objective as scipy's searches see it."""

    def __init__(self, evaluator: Evaluator, lower: FloatArray, upper: FloatArray) -> None:
        self._evaluator = evaluator
        self._bounds = lower, upper
        self._unit = evaluator.best.value or 1.0
        self.box, self.relay = UnitBox(lower, upper), Relay()
        self.sides = [(0.0, 1.0)] * lower.size
        self.value = self.relay.guard(self._value)
        self.finite_value = self.relay.guard(lambda z: min(self._value(z), 1e300))
        self.gradient = self.relay.guard(self._gradient)
        self.descend = self.relay.guard(self._descend)

    def _value(self, z: FloatArray, *_: Any) -> float:
        return float(self._evaluator.values(self.box.x(np.clip(z, 0.0, 1.0))[np.newaxis])[0]) / self._unit

    def _gradient(self, z: FloatArray) -> FloatArray:
        try:
            slope = self._evaluator.value_and_gradient(self.box.x(np.clip(z, 0.0, 1.0)))[1]
        except InvalidValueError:  # undefined there, which its value says
            return np.zeros(z.size)
        return slope * self.box.slope(z) / self._unit

    def _descend(self, function: Any, z: FloatArray, *_: Any, **__: Any) -> Any:
        """Find the local minimum near z, as a method of ``scipy.optimize.minimize``."""
        from scipy.optimize import OptimizeResult

        x = self.box.x(np.clip(z, 0.0, 1.0))
        before = self._evaluator.n_evaluations
        if np.isfinite(self._evaluator.values(x[np.newaxis])[0]):
            end = descend(self._evaluator, x, *self._bounds, tolerance=_LOCAL)
            z = z if end is None else self.box.z(end)
        count = self._evaluator.n_evaluations - before
        return OptimizeResult(x=z, fun=self._value(z), success=True, status=0, message="", nfev=count, nit=1)


def _annealing(search: _Search, z0: FloatArray, seed: Any, options: dict[str, Any]) -> Any:
    from scipy.optimize import dual_annealing

    return search.relay.run(
        dual_annealing,
        search.value,
        search.sides,
        x0=z0,
        seed=np.random.default_rng(seed),
        maxfun=_UNLIMITED,
        minimizer_kwargs={"method": search.descend},
        **options,
    )


def _hopping(search: _Search, z0: FloatArray, seed: Any, options: dict[str, Any]) -> Any:
    from scipy.optimize import basinhopping

    random = np.random.default_rng(seed)
    reach = options.pop("stepsize")

    def step(z: FloatArray) -> FloatArray:
        """Move every coordinate by up to `reach`, and back into the cube as in a mirror."""
        moved = z + random.uniform(-reach, reach, z.size)
        mirrored: FloatArray = 1.0 - np.abs(1.0 - np.abs(moved))
        return np.clip(mirrored, 0.0, 1.0)

    return search.relay.run(
        basinhopping,
        search.value,
        z0,
        seed=random,
        take_step=step,
        minimizer_kwargs={"method": search.descend},
        **options,
    )


def _shgo(search: _Search, z0: FloatArray, seed: Any, options: dict[str, Any]) -> Any:
    from scipy.optimize import shgo

    return search.relay.run(
        shgo,
        search.value,
        search.sides,
        minimizer_kwargs={"method": "L-BFGS-B", "options": {"ftol": _LOCAL}},
        options={"jac": search.gradient},
        **options,
    )


def _direct(search: _Search, z0: FloatArray, seed: Any, options: dict[str, Any]) -> Any:
    from scipy.optimize import direct

    return search.relay.run(direct, search.finite_value, search.sides, maxfun=_UNLIMITED // 10**4, **options)
