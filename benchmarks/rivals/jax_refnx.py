"""refnx's JAX kernel, compiled by XLA for the CPU: double precision, one thread, arguments already on the device.

The settings take effect only if nothing in the process has started JAX's CPU backend before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.rivals import MissingRivalError
from benchmarks.rivals.refnx_c import FWHM_PER_SIGMA
from benchmarks.stacks import Curve, Stack

ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "NPROC": "1"}


class _Modules(NamedTuple):
    jax: Any
    jnp: Any
    kernels: Any


def _load() -> _Modules:
    for name, setting in ONE_THREAD.items():
        os.environ.setdefault(name, setting)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        from refnx.reflect import _jax_reflect
    except ImportError as error:
        message = f"JAX and refnx with its JAX kernel are needed ({error})"
        raise MissingRivalError(message) from error
    return _Modules(jax, jnp, _jax_reflect)


def _slabs(jnp: Any, thickness: Any, sld: Any, sld_imag: Any, roughness: Any) -> Any:
    zero = jnp.zeros(1)
    columns = [jnp.concatenate([zero, thickness, zero]), sld, sld_imag, jnp.concatenate([zero, roughness])]
    return jnp.stack(columns, axis=1)


def _arguments(jnp: Any, stack: Stack) -> tuple[Any, ...]:
    return tuple(jnp.asarray(array) for array in (stack.thickness, stack.sld, stack.roughness, stack.sld_imag))


def log_misfit(stack: Stack, curve: Curve, *, absorbing: bool) -> Callable[[], Any]:
    """Sum of squared differences of ln R and its gradient in reverse mode."""
    jax, jnp, kernels = _load()

    def misfit(thickness: Any, sld: Any, roughness: Any, sld_imag: Any, q: Any, log_r: Any) -> Any:
        model = kernels.jabeles(q, _slabs(jnp, thickness, sld, sld_imag, roughness))
        return jnp.sum((log_r - jnp.log(model)) ** 2)

    compiled = jax.jit(jax.value_and_grad(misfit, argnums=(0, 1, 2, 3) if absorbing else (0, 1, 2)))
    arguments = (*_arguments(jnp, stack), jnp.asarray(stack.q), jnp.log(jnp.asarray(curve.r)))
    return lambda: jax.block_until_ready(compiled(*arguments))


def jacobian(stack: Stack) -> Callable[[], Any]:
    """Derivative of every point with respect to every thickness, SLD, roughness and imaginary SLD, in forward mode."""
    jax, jnp, kernels = _load()

    def curve(thickness: Any, sld: Any, roughness: Any, sld_imag: Any, q: Any) -> Any:
        return kernels.jabeles(q, _slabs(jnp, thickness, sld, sld_imag, roughness))

    compiled = jax.jit(jax.jacfwd(curve, argnums=(0, 1, 2, 3)))
    arguments = (*_arguments(jnp, stack), jnp.asarray(stack.q))
    return lambda: jax.block_until_ready(compiled(*arguments))


def jacobian_by_points(stack: Stack) -> Callable[[], Any]:
    """The same by mapping the gradient of one point over all points: no point depends on another's Q."""
    jax, jnp, kernels = _load()

    def point(thickness: Any, sld: Any, roughness: Any, sld_imag: Any, q: Any) -> Any:
        return kernels.jabeles(q[jnp.newaxis], _slabs(jnp, thickness, sld, sld_imag, roughness))[0]

    gradient = jax.grad(point, argnums=(0, 1, 2, 3))
    compiled = jax.jit(jax.vmap(gradient, in_axes=(None, None, None, None, 0)))
    arguments = (*_arguments(jnp, stack), jnp.asarray(stack.q))
    return lambda: jax.block_until_ready(compiled(*arguments))


def smeared_chi2(stack: Stack, curve: Curve) -> Callable[[], Any]:
    """Chi-squared of the curve smeared by refnx's 17 nodes per point, and its gradient in reverse mode."""
    jax, jnp, kernels = _load()
    if not hasattr(kernels, "jax_smeared_kernel_pointwise"):
        message = "this refnx has no smeared JAX kernel"
        raise MissingRivalError(message)

    def chi2(thickness: Any, sld: Any, roughness: Any, sld_imag: Any, q: Any, fwhm: Any, r: Any, dr: Any) -> Any:
        slabs = _slabs(jnp, thickness, sld, sld_imag, roughness)
        return jnp.sum(((kernels.jax_smeared_kernel_pointwise(q, slabs, fwhm) - r) / dr) ** 2)

    compiled = jax.jit(jax.value_and_grad(chi2, argnums=(0, 1, 2)))
    measured = [np.asarray(array) for array in (stack.q, FWHM_PER_SIGMA * curve.dq, curve.r, curve.dr)]
    arguments = (*_arguments(jnp, stack), *map(jnp.asarray, measured))
    return lambda: jax.block_until_ready(compiled(*arguments))
