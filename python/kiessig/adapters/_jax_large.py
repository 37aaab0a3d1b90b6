"""Derivatives for JAX where the Jacobian is too large to be kept: its products, each by a sweep of its own.

Two primitives, each the transpose of the other: a direction of the inputs to the change of the reflectivity, and a
weight of every point to the gradient of each element of the batch. JAX offers no other way to give a linear function a
transpose that can also be mapped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kiessig.adapters._host import host_module

__all__ = ["Kernels", "linear"]


class Kernels(NamedTuple):
    """What the primitives are made of; all take the inputs first and work on arrays of shape (..., length)."""

    change: Callable[..., Any]  # (named, inputs, tangents) -> dR
    gradient: Callable[..., Any]  # (named, inputs, cotangent) -> one array for each named input
    contracted: Callable[..., Any]  # as `change`, with a Jacobian, of which maps over tangents need one only
    refuse: Callable[..., Any]  # raises: second derivatives


@functools.cache
def linear(kernels: Kernels) -> Any:
    """Return the function ``(named, inputs, tangents)`` that gives dR, and that JAX can transpose and map."""
    core = host_module("jax.extend.core", "kiessig.adapters.jax", "install kiessig[jax]")
    ad, batching, mlir = (
        host_module(f"jax.interpreters.{name}", "kiessig.adapters.jax", "install kiessig[jax]")
        for name in ("ad", "batching", "mlir")
    )
    jax = host_module("jax", "kiessig.adapters.jax", "install kiessig[jax]")
    numpy = jax.numpy
    change_p, gradient_p = core.Primitive("kiessig_change"), core.Primitive("kiessig_gradient")
    gradient_p.multiple_results = True

    def change(*operands: Any, named: tuple[str, ...]) -> Any:
        n = len(operands) - len(named)
        return kernels.change(named, operands[:n], operands[n:])

    def gradient(*operands: Any, named: tuple[str, ...]) -> Any:
        return kernels.gradient(named, operands[:-1], operands[-1])

    def still(tangents: Sequence[Any]) -> bool:
        return all(isinstance(t, ad.Zero) for t in tangents)

    def instantiated(tangents: Sequence[Any]) -> list[Any]:
        return [numpy.zeros(t.aval.shape, t.aval.dtype) if isinstance(t, ad.Zero) else t for t in tangents]

    def change_jvp(primals: Any, tangents: Any, *, named: tuple[str, ...]) -> Any:
        n = len(primals) - len(named)
        if not still(tangents[:n]):
            kernels.refuse()
        out = change_p.bind(*primals, named=named)
        return out, change_p.bind(*primals[:n], *instantiated(tangents[n:]), named=named)

    def gradient_jvp(primals: Any, tangents: Any, *, named: tuple[str, ...]) -> Any:
        if not still(tangents[:-1]):
            kernels.refuse()
        out = gradient_p.bind(*primals, named=named)
        return out, gradient_p.bind(*primals[:-1], *instantiated(tangents[-1:]), named=named)

    def change_transpose(cotangent: Any, *operands: Any, named: tuple[str, ...]) -> Any:
        n = len(operands) - len(named)
        if isinstance(cotangent, ad.Zero):
            return [None] * len(operands)
        rows = gradient_p.bind(*operands[:n], cotangent, named=named)
        found = []
        for row, tangent in zip(rows, operands[n:], strict=True):
            axes = tuple(i for i, k in enumerate(tangent.aval.shape[:-1]) if k == 1 and row.shape[i] != 1)
            found.append(row.sum(axes, keepdims=True) if axes else row)
        return [None] * n + found

    def gradient_transpose(cotangents: Any, *operands: Any, named: tuple[str, ...]) -> Any:
        return [None] * (len(operands) - 1) + [change_p.bind(*operands[:-1], *instantiated(cotangents), named=named)]

    def first(operands: Any, dims: Any) -> list[Any]:
        return [x[None] if dim is None else numpy.moveaxis(x, dim, 0) for x, dim in zip(operands, dims, strict=True)]

    def change_mapped(operands: Any, dims: Any, *, named: tuple[str, ...]) -> Any:
        n = len(operands) - len(named)
        if all(dim is None for dim in dims[:n]):
            own = functools.partial(kernels.contracted, named, operands[:n])
            return own(first(operands[n:], dims[n:])), 0
        return change_p.bind(*first(operands, dims), named=named), 0

    def gradient_mapped(operands: Any, dims: Any, *, named: tuple[str, ...]) -> Any:
        if any(dim is not None for dim in dims[:-1]):
            out = gradient_p.bind(*first(operands, dims), named=named)
        else:
            shapes = jax.eval_shape(
                functools.partial(gradient, named=named), *operands[:-1], operands[-1].take(0, dims[-1])
            )
            zeros = [numpy.zeros(x.shape, x.dtype) for x in shapes]
            _, transposed = jax.vjp(lambda *tangents: kernels.contracted(named, operands[:-1], tangents), *zeros)
            out = jax.vmap(transposed, dims[-1])(operands[-1])
        return out, [0] * len(out)

    @functools.cache
    def compiled(function: Callable[..., Any], named: tuple[str, ...]) -> Any:
        return jax.jit(functools.partial(function, named=named))

    for primitive, function, several in ((change_p, change, False), (gradient_p, gradient, True)):

        def evaluate(*operands: Any, named: tuple[str, ...], function: Any = function) -> Any:
            return compiled(function, named)(*operands)

        def shapes(*avals: Any, function: Any = function, several: bool = several, **named: Any) -> Any:
            found = jax.eval_shape(functools.partial(function, **named), *avals)
            arrays = [jax.core.ShapedArray(x.shape, x.dtype) for x in (found if several else [found])]
            return arrays if several else arrays[0]

        primitive.def_impl(evaluate)
        primitive.def_abstract_eval(shapes)
        mlir.register_lowering(primitive, mlir.lower_fun(function, multiple_results=several))
    ad.primitive_jvps[change_p], ad.primitive_jvps[gradient_p] = change_jvp, gradient_jvp
    ad.primitive_transposes[change_p], ad.primitive_transposes[gradient_p] = change_transpose, gradient_transpose
    batching.primitive_batchers[change_p] = change_mapped
    batching.primitive_batchers[gradient_p] = gradient_mapped

    def apply(named: tuple[str, ...], inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return change_p.bind(*inputs, *tangents, named=named)

    return apply
