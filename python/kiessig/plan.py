"""One Q grid, many stacks: smearing that remembers where it placed its nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core, kernel_calls
from kiessig.instrument import Resolution
from kiessig.kernel_calls import Gradient, Jacobian, Repeats
from kiessig.misfit import misfit_and_gradient, require_uncertainty

__all__ = ["Plan"]

FloatArray = NDArray[np.float64]


class Plan:
    """Reflectivity of many stacks, one after the other, at the same Q with the same resolution.

    Smearing chooses its nodes by the stack and computes every point's weights on them. A plan keeps both, and replaces
    them when they no longer resolve the reflectivity of the stack at hand, so that in a fit, where stacks change little
    from call to call, smearing costs little more than the nodes themselves. Without resolution a plan saves nothing.

    Parameters
    ----------
    q : float array, shape (n_q,)
        Momentum transfer, 1/angstrom; copied.
    dq : float array broadcastable to q, or Resolution, optional
        Width (1 sigma) of the resolution, 1/angstrom; copied.
    threads : int, optional
        Threads to use; None chooses by the amount of work.

    Raises
    ------
    ShapeError, InvalidValueError
        At the first call, as those of `kiessig.reflectivity`.

    Notes
    -----
    The error of smearing is bounded as without a plan; results depend on earlier calls by a small part of that bound.
    Several threads may use one plan; while one of them computes, the others work without it.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> q = np.linspace(0.01, 0.2, 100)
    >>> plan = ks.Plan(q, dq=0.02 * q)
    >>> for thickness in (99.0, 100.0, 101.0):
    ...     r = plan.reflectivity([thickness], [0.0, 3.47, 2.07])
    >>> r.shape
    (100,)
    """

    def __init__(self, q: ArrayLike, dq: ArrayLike | Resolution | None = None, *, threads: int | None = None) -> None:
        self._q = np.array(q, dtype=np.float64)
        self._dq: FloatArray | Resolution | None
        if dq is None or (isinstance(dq, Resolution) and not dq.is_gaussian):
            self._dq = dq
        else:
            width = dq.sigma(self._q) if isinstance(dq, Resolution) else np.asarray(dq, dtype=np.float64)
            fits = width.ndim <= self._q.ndim and width.shape in ((), self._q.shape)
            self._dq = np.array(np.broadcast_to(width, self._q.shape)) if fits else width
        self._threads = threads
        self._memory = _core.Plan()

    @property
    def q(self) -> FloatArray:
        """Momentum transfer, a copy."""
        return self._q.copy()

    def reflectivity(
        self,
        thickness: ArrayLike,
        sld: ArrayLike,
        sld_imag: ArrayLike = 0.0,
        roughness: ArrayLike = 0.0,
        *,
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        repeats: Repeats | None = None,
    ) -> FloatArray:
        """Compute the reflectivity; arguments, result and errors are those of `kiessig.reflectivity`."""
        inputs = (self._q, thickness, sld, sld_imag, roughness, scale, background, self._dq, self._threads, repeats)
        return kernel_calls.value("Plan.reflectivity", *inputs, self._memory)

    def jacobian(
        self,
        thickness: ArrayLike,
        sld: ArrayLike,
        sld_imag: ArrayLike = 0.0,
        roughness: ArrayLike = 0.0,
        *,
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        repeats: Repeats | None = None,
    ) -> tuple[FloatArray, Jacobian]:
        """Compute reflectivity and Jacobian, as `kiessig.reflectivity_jacobian`."""
        inputs = (self._q, thickness, sld, sld_imag, roughness, scale, background, self._dq, self._threads, repeats)
        return kernel_calls.value_and_jacobian("Plan.jacobian", *inputs, self._memory)

    def vjp(
        self,
        thickness: ArrayLike,
        sld: ArrayLike,
        sld_imag: ArrayLike = 0.0,
        roughness: ArrayLike = 0.0,
        *,
        cotangent: ArrayLike,
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        repeats: Repeats | None = None,
    ) -> tuple[FloatArray, Gradient]:
        """Compute reflectivity and the gradient of ``sum(cotangent * R)``, as `kiessig.reflectivity_vjp`."""
        inputs = (self._q, thickness, sld, sld_imag, roughness, scale, background, self._dq, self._threads, repeats)
        return kernel_calls.value_and_gradient("Plan.vjp", cotangent, *inputs, self._memory)

    def misfit(
        self,
        thickness: ArrayLike,
        sld: ArrayLike,
        sld_imag: ArrayLike = 0.0,
        roughness: ArrayLike = 0.0,
        *,
        r: ArrayLike,
        dr: ArrayLike | None = None,
        misfit: str = "chi2",
        scale: ArrayLike = 1.0,
        background: ArrayLike = 0.0,
        repeats: Repeats | None = None,
    ) -> tuple[FloatArray | float, Gradient]:
        """Compute the misfit to a measured curve and its gradient, as `kiessig.reflectivity_misfit`."""
        require_uncertainty("Plan.misfit", dr, misfit)
        inputs = (self._q, thickness, sld, sld_imag, roughness, scale, background, self._dq, self._threads, repeats)
        return misfit_and_gradient("Plan.misfit", r, dr, *inputs, self._memory)

    def __repr__(self) -> str:
        smeared = "sharp" if self._dq is None else "smeared"
        return f"Plan({self._q.size} points, {smeared})"
