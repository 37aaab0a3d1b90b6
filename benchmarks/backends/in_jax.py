"""Backends that are functions of JAX: each compiled as a whole, arguments already on the device, double precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.backends.tasks import Problem
from benchmarks.rivals import MissingRivalError

Run = Callable[[], Any]
Curve = Callable[..., Any]


def _jax() -> Any:
    try:
        import jax
    except ImportError as error:
        message = f"JAX cannot be imported ({error})"
        raise MissingRivalError(message) from error
    jax.config.update("jax_enable_x64", True)
    return jax


def _slabs(thickness: Any, sld: Any, sld_imag: Any, roughness: Any) -> Any:
    import jax.numpy as jnp

    zero = jnp.zeros(1)
    columns = [jnp.concatenate([zero, thickness, zero]), sld, sld_imag, jnp.concatenate([zero, roughness])]
    return jnp.stack(columns, axis=1)


def kiessig(task: str, problem: Problem) -> Run:
    """kiessig as an operation of JAX."""
    _jax()
    from kiessig.adapters.jax import reflectivity

    def curve(q: Any, *inputs: Any, **more: Any) -> Any:
        return reflectivity(q, *inputs, threads=1, **more)

    return _run(task, problem, curve, ours=True)


def refnx_jax(task: str, problem: Problem) -> Run:
    """refnx's kernel in JAX."""
    _jax()
    try:
        from refnx.reflect._jax_reflect import jabeles
    except ImportError as error:
        message = f"refnx's JAX kernel cannot be imported ({error})"
        raise MissingRivalError(message) from error
    return _run(task, problem, lambda q, *inputs: jabeles(q, _slabs(*inputs)))


def refnx_ffi(task: str, problem: Problem) -> Run:
    """refnx's C kernel within JAX, with the gradient of the one in JAX."""
    _jax()
    try:
        from refnx.reflect import _abeles_jax_ffi  # noqa: F401 (present only where it was built)
        from refnx.reflect._abeles_jax_ffi_wrapper import abeles_jax_ffi
    except ImportError as error:
        message = f"refnx's kernel for XLA cannot be imported ({error})"
        raise MissingRivalError(message) from error
    if task in ("jacobian", "batch"):
        message = "it cannot be mapped, nor differentiated in forward mode"
        raise MissingRivalError(message)
    return _run(task, problem, lambda q, *inputs: abeles_jax_ffi(q, _slabs(*inputs)))


def parratt(task: str, problem: Problem) -> Run:
    """Parratt's recursion in JAX."""
    _jax()
    from benchmarks.rivals.jax_parratt import reflectivity

    def curve(q: Any, *inputs: Any) -> Any:
        return reflectivity(q.reshape(-1), *inputs).reshape(q.shape)

    return _run(task, problem, curve)


def _run(task: str, problem: Problem, curve: Curve, *, ours: bool = False) -> Run:
    jax = _jax()
    numpy = jax.numpy
    stack, data = problem.stack, problem.curve
    q = numpy.asarray(stack.q)
    order = (stack.thickness, stack.sld, stack.sld_imag, stack.roughness)
    inputs = tuple(numpy.asarray(array) for array in order)
    every = (0, 1, 2, 3)

    if task == "value":
        arguments, function = (q, *inputs), curve
    elif task == "batch":
        arguments, function = (q, *inputs), curve if ours else jax.vmap(curve, in_axes=(None, 0, 0, 0, 0))
    elif task == "gradient":
        log_r = numpy.asarray(np.log(data.r))
        arguments = (*inputs, q, log_r)

        def misfit(t: Any, s: Any, si: Any, w: Any, q: Any, log_r: Any) -> Any:
            return numpy.sum((log_r - numpy.log(curve(q, t, s, si, w))) ** 2)

        function = jax.value_and_grad(misfit, argnums=every)
    elif task == "jacobian":
        arguments = (q, *inputs)
        function = _jacobian(jax, curve)
    else:
        measured = (q, data.dq, data.r, data.dr) if ours else (problem.nodes, problem.weights, data.r, data.dr)
        arguments = (*inputs, *(numpy.asarray(array) for array in measured))

        def chi2(t: Any, s: Any, si: Any, w: Any, at: Any, by: Any, r: Any, dr: Any) -> Any:
            smeared = curve(at, t, s, si, w, dq=by) if ours else curve(at, t, s, si, w) @ by
            return numpy.sum(((smeared - r) / dr) ** 2)

        function = jax.value_and_grad(chi2, argnums=every)
    compiled = jax.jit(function)
    return lambda: jax.block_until_ready(compiled(*arguments))


def _jacobian(jax: Any, curve: Curve) -> Any:
    """Value and Jacobian: the gradient of one point, mapped over all points.

    No point depends on another's Q, so that this is far faster than `jacfwd`, which multiplies with a unit matrix.
    """

    def point(q: Any, *inputs: Any) -> Any:
        return curve(q[None], *inputs)[0]

    return jax.vmap(jax.value_and_grad(point, argnums=(1, 2, 3, 4)), in_axes=(0, None, None, None, None))
