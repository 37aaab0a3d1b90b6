"""JAX and Adam: refnx's differentiable kernel and smearing, compiled by XLA, on a batch of starts at once.

Every start is a member of a vmapped batch; the parameters go through the logistic map of their boxes (of the logarithm
where a box spans two decades), so that all coordinates have the same unit and no bound can be left. The learning rate
falls by a cosine to nothing, which does better than a constant one at any length.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.model import Curve, Medium, Model
from benchmarks.fits.outcome import Found
from benchmarks.rivals import MissingRivalError
from benchmarks.rivals.jax_refnx import _load, _Modules
from benchmarks.rivals.refnx_c import FWHM_PER_SIGMA

RATE, BETA1, BETA2, EPSILON = 0.1, 0.9, 0.999, 1e-8
DECADES = 100.0


def misfit(model: Model) -> tuple[_Modules, Callable[[Any], Any]]:
    """Return chi2 as a function of the values in the order of the bounds, with refnx's 17 nodes per point."""
    modules = _load()
    if not hasattr(modules.kernels, "jax_smeared_kernel_pointwise"):
        message = "this refnx has no smeared JAX kernel"
        raise MissingRivalError(message)
    jnp, kernels = modules.jnp, modules.kernels

    def row(medium: Medium) -> Any:
        values = (medium.thickness, medium.sld, 0.0, medium.roughness)
        return jnp.stack([jnp.asarray(value, dtype=float) for value in values])

    def one(curve: Curve) -> Any:
        rows = [row(medium) for medium in curve.media]
        data = curve.data
        arrays = (jnp.asarray(data.q), jnp.stack(rows), jnp.asarray(FWHM_PER_SIGMA * data.dq))
        smeared = kernels.jax_smeared_kernel_pointwise(*arrays, scale=curve.scale, bkg=curve.background)
        return jnp.sum(((smeared - data.r) / data.dr) ** 2)

    def chi2(x: Any) -> Any:
        p = dict(zip(model.bounds, x, strict=True))
        return sum(one(curve) for curve in model.curves(p))

    return modules, chi2


class Adam:
    """Adam from a batch of starts drawn within the bounds; compiled once, and not in the time of a fit."""

    def __init__(self, model: Model, starts: int) -> None:
        modules, chi2 = misfit(model)
        self._jax, jnp = modules.jax, modules.jnp
        limits = np.array(list(model.bounds.values()))
        self._shape = (starts, len(limits))
        low, high = jnp.asarray(limits[:, 0]), jnp.asarray(limits[:, 1])
        decades = (limits[:, 0] > 0.0) & (limits[:, 1] >= DECADES * limits[:, 0])
        span = jnp.log(jnp.where(decades, high / jnp.where(decades, low, 1.0), 1.0))

        def values(u: Any) -> Any:
            part = 1.0 / (1.0 + jnp.exp(-u))
            return jnp.where(decades, low * jnp.exp(span * part), low + (high - low) * part)

        gradients = modules.jax.vmap(modules.jax.value_and_grad(lambda u: chi2(values(u))))

        def step(state: Any, number: Any, steps: Any) -> Any:
            u, first, second, best = state
            value, slope = gradients(u)
            first = BETA1 * first + (1.0 - BETA1) * slope
            second = BETA2 * second + (1.0 - BETA2) * slope**2
            ahead = first / (1.0 - BETA1 ** (number + 1.0))
            size = jnp.sqrt(second / (1.0 - BETA2 ** (number + 1.0))) + EPSILON
            rate = RATE * 0.5 * (1.0 + jnp.cos(jnp.pi * number / steps))
            return u - rate * ahead / size, first, second, jnp.minimum(best, value)

        self._step = modules.jax.jit(step)
        self._jnp = jnp
        self.run(0, 2)

    def run(self, seed: int, steps: int) -> Found:
        """Take so many steps with all starts."""
        jnp = self._jnp
        part = np.random.default_rng(seed).uniform(1e-6, 1.0 - 1e-6, self._shape)
        u = jnp.asarray(np.log(part / (1.0 - part)))
        started = time.perf_counter()
        state = (u, 0.0 * u, 0.0 * u, jnp.full(self._shape[0], jnp.inf))
        for number in range(steps):
            state = self._step(state, float(number), float(steps))
        best = np.asarray(state[3])
        return Found(float(best.min()), time.perf_counter() - started, steps * self._shape[0])
