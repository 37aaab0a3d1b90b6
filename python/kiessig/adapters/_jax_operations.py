"""The kernels as operations of JAX: compiled into its programs, or called back from them, with their derivatives.

Operands are in one order, that of `OPERANDS`, and have shapes ``(..., length)`` whose leading dimensions are those of
the batch or 1. What users call stands in `kiessig.adapters.jax`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from kiessig import _core
from kiessig.adapters._host import host_module
from kiessig.errors import NotOfferedError
from kiessig.kernels import reflectivity, reflectivity_jacobian

__all__ = ["FUNCTION", "OPERANDS", "Route", "Settings", "host", "operation"]

FUNCTION = "kiessig.adapters.jax.reflectivity"
OPERANDS = ("q", "thickness", "sld", "sld_imag", "roughness", "scale", "background", "dq")
_OF_POINTS = ("q", "scale", "background", "dq")  # one derivative per point, not one per entry
Route = Literal["ffi", "callback"]


class Settings(NamedTuple):
    """What does not change while a program runs."""

    route: Route
    threads: int  # 0: chosen by the amount of work


@functools.cache
def host() -> Any:
    """Import JAX, and tell XLA about our handlers."""
    jax = host_module("jax", "kiessig.adapters.jax", "install kiessig[jax]")
    for name, handler in _core.xla_handlers().items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")
    return jax


def _lead(operands: Sequence[Any]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(operand.shape[:-1] for operand in operands))


def _called(
    settings: Settings,
    target: str,
    from_python: Callable[..., Any],
    shapes: Sequence[tuple[int, ...]],
    operands: Sequence[Any],
    named: Sequence[str] = (),
) -> Sequence[Any]:
    """Call a kernel in the running program."""
    jax = host()
    dtype = operands[0].dtype
    results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    if settings.route == "callback":

        def call(*arrays: Any) -> list[Any]:
            found = from_python(settings, named, *(np.asarray(array) for array in arrays))
            return [np.asarray(array, dtype=dtype) for array in found]

        return list(jax.pure_callback(call, results, *operands, vmap_method="expand_dims"))
    return list(
        jax.ffi.ffi_call(target, results, vmap_method="expand_dims")(
            *operands,
            named=np.int64(sum(1 << OPERANDS.index(name) for name in named)),
            smeared=np.int64(len(operands) > OPERANDS.index("dq")),
            threads=np.int64(settings.threads),
        )
    )


def _arguments(settings: Settings, operands: Sequence[Any]) -> dict[str, Any]:
    """Operands as arguments of `kiessig.reflectivity`."""
    given = dict(zip(OPERANDS, operands, strict=False))
    return given | {
        "scale": given["scale"][..., 0],
        "background": given["background"][..., 0],
        "threads": settings.threads or None,
    }


def _values_from_python(settings: Settings, _: Sequence[str], *operands: Any) -> Any:
    return [reflectivity(**_arguments(settings, operands))]


def _jacobian_from_python(settings: Settings, named: Sequence[str], *operands: Any) -> Any:
    r, jacobian = reflectivity_jacobian(**_arguments(settings, operands))
    return [r, *(getattr(jacobian, name) for name in named)]


def _values(settings: Settings, *operands: Any) -> Any:
    shape = (*_lead(operands), operands[0].shape[-1])
    return _called(settings, "kiessig_reflectivity", _values_from_python, [shape], operands)[0]


@functools.cache
def _jacobian(settings: Settings, named: tuple[str, ...]) -> Any:
    """Values and the derivatives by the named operands, as a function that cannot be differentiated itself."""
    jax = host()

    def jacobian(*operands: Any) -> Any:
        points = (*_lead(operands), operands[0].shape[-1])
        lengths = {name: operand.shape[-1] for name, operand in zip(OPERANDS, operands, strict=False)}
        shapes = [points, *(points if name in _OF_POINTS else (*points, lengths[name]) for name in named)]
        return _called(settings, "kiessig_reflectivity_jacobian", _jacobian_from_python, shapes, operands, named)

    def refuse(primals: Any, tangents: Any) -> Any:
        message = (
            f"{FUNCTION}: second derivatives are not offered; for a Hessian of a sum of squares use J.T @ J with J "
            "from jax.jacfwd of the residuals"
        )
        raise NotOfferedError(message)

    guarded = jax.custom_jvp(jacobian)
    guarded.defjvp(refuse)
    return guarded


@functools.cache
def operation(settings: Settings) -> Any:
    """Reflectivity of canonical operands, differentiable once.

    Its derivative contracts the exact Jacobian with the tangents. That is linear in them, so that JAX itself turns it
    round for reverse mode and maps it over many tangents, for which the Jacobian is computed once.
    """
    jax = host()

    def reflectivity_of(*operands: Any) -> Any:
        return _values(settings, *operands)

    def derivative(primals: Any, tangents: Any) -> Any:
        still = jax.custom_derivatives.SymbolicZero
        moving = {
            name: tangent for name, tangent in zip(OPERANDS, tangents, strict=False) if not isinstance(tangent, still)
        }
        r, *fields = _jacobian(settings, tuple(moving))(*primals)
        dr = jax.numpy.zeros_like(r)
        for (name, tangent), field in zip(moving.items(), fields, strict=True):
            if name in _OF_POINTS:
                dr += field * tangent
            elif tangent.shape[-1]:  # no layers, nothing to sum
                dr += jax.numpy.matmul(field, tangent[..., None])[..., 0]
        return r, dr

    differentiable = jax.custom_jvp(reflectivity_of)
    differentiable.defjvp(derivative, symbolic_zeros=True)
    return differentiable
