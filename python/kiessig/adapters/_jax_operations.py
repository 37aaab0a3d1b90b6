"""The kernels as operations of JAX: compiled into its programs, or called back from them, with their derivatives.

Operands are in one order, that of `OPERANDS`, and have shapes ``(..., length)`` whose leading dimensions are those of
the batch or 1. What users call stands in `kiessig.adapters.jax`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from kiessig import _core
from kiessig.adapters._host import host_module
from kiessig.adapters._jacobian_size import most_entries
from kiessig.adapters._jax_large import Kernels, linear
from kiessig.errors import NotOfferedError
from kiessig.kernels import reflectivity, reflectivity_jacobian, reflectivity_jvp, reflectivity_vjp

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
    given: Sequence[Any],
    named: Sequence[str] = (),
    more: int = 0,
) -> Sequence[Any]:
    """Call a kernel in the running program; `more` of the arrays that it is given follow the operands."""
    jax = host()
    dtype = given[0].dtype
    results = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    if settings.route == "callback":

        def call(*arrays: Any) -> list[Any]:
            found = from_python(settings, named, *(np.asarray(array) for array in arrays))
            return [np.asarray(array, dtype=dtype) for array in found]

        return list(jax.pure_callback(call, results, *given, vmap_method="expand_dims"))
    return list(
        jax.ffi.ffi_call(target, results, vmap_method="expand_dims")(
            *given,
            named=np.int64(sum(1 << OPERANDS.index(name) for name in named)),
            smeared=np.int64(len(given) - more == len(OPERANDS)),
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


def _full(settings: Settings, operands: Sequence[Any], other: Any) -> dict[str, Any]:
    """Return the same, each with a row of its own for every element of the batch."""
    lead = _lead([*operands, *other])
    return _arguments(settings, [np.broadcast_to(x, (*lead, x.shape[-1])) for x in operands])


def _own(name: str, array: Any, *, back: bool = False) -> Any:
    """Drop, or put back, the axis of length 1 of what there is one of in each stack."""
    if name not in ("scale", "background"):
        return array
    return np.asarray(array)[..., None] if back else array[..., 0]


def _change_from_python(settings: Settings, named: Sequence[str], *arrays: Any) -> Any:
    operands, tangents = arrays[: len(arrays) - len(named)], arrays[len(arrays) - len(named) :]
    arguments = _full(settings, operands, tangents)
    moving = {name: _own(name, tangent) for name, tangent in zip(named, tangents, strict=True)}
    return [reflectivity_jvp(**arguments, tangents=moving)[1]]


def _gradient_from_python(settings: Settings, named: Sequence[str], *arrays: Any) -> Any:
    *operands, cotangent = arrays
    gradient = reflectivity_vjp(**_full(settings, operands, [cotangent]), cotangent=cotangent)[1]
    return [_own(name, getattr(gradient, name), back=True) for name in named]


def _values(settings: Settings, *operands: Any) -> Any:
    shape = (*_lead(operands), operands[0].shape[-1])
    return _called(settings, "kiessig_reflectivity", _values_from_python, [shape], operands)[0]


def _refuse(*_: Any) -> Any:
    message = (
        f"{FUNCTION}: second derivatives are not offered; for a Hessian of a sum of squares use J.T @ J with J from "
        "jax.jacfwd of the residuals"
    )
    raise NotOfferedError(message)


@functools.cache
def _jacobian(settings: Settings, named: tuple[str, ...]) -> Any:
    """Values and the derivatives by the named operands, as a function that cannot be differentiated itself."""
    jax = host()

    def jacobian(*operands: Any) -> Any:
        points = (*_lead(operands), operands[0].shape[-1])
        lengths = {name: operand.shape[-1] for name, operand in zip(OPERANDS, operands, strict=False)}
        shapes = [points, *(points if name in _OF_POINTS else (*points, lengths[name]) for name in named)]
        return _called(settings, "kiessig_reflectivity_jacobian", _jacobian_from_python, shapes, operands, named)

    guarded = jax.custom_jvp(jacobian)
    guarded.defjvp(_refuse)
    return guarded


def _contracted(settings: Settings, named: Sequence[str], operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """R, and its change along the tangents of the named operands, by way of the Jacobian."""
    numpy = host().numpy
    r, *fields = _jacobian(settings, tuple(named))(*operands)
    dr = numpy.zeros_like(r)
    for name, tangent, field in zip(named, tangents, fields, strict=True):
        if name in _OF_POINTS:
            dr += field * tangent
        elif tangent.shape[-1]:  # no layers, nothing to sum
            dr += numpy.matmul(field, tangent[..., None])[..., 0]
    return r, dr


@functools.cache
def _without_jacobian(settings: Settings) -> Any:
    """Return the change of R as a linear function that keeps no Jacobian."""

    def change(named: Sequence[str], operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        shape = (*_lead([*operands, *tangents]), operands[0].shape[-1])
        given = (*operands, *tangents)
        return _called(settings, "kiessig_reflectivity_jvp", _change_from_python, [shape], given, named, len(tangents))[
            0
        ]

    def gradient(named: Sequence[str], operands: Sequence[Any], cotangent: Any) -> Any:
        lead = _lead([*operands, cotangent])
        shapes = [(*lead, operands[OPERANDS.index(name)].shape[-1]) for name in named]
        given = (*operands, cotangent)
        return _called(settings, "kiessig_reflectivity_vjp", _gradient_from_python, shapes, given, named, 1)

    def contracted(named: Sequence[str], operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return _contracted(settings, named, operands, tangents)[1]

    return linear(Kernels(change, gradient, contracted, _refuse))


@functools.cache
def operation(settings: Settings) -> Any:
    """Reflectivity of canonical operands, differentiable once.

    Its derivative contracts the exact Jacobian with the tangents. That is linear in them, so that JAX itself turns it
    round for reverse mode and maps it over many tangents, for which the Jacobian is computed once. A large Jacobian is
    not kept: memory is slower than the kernels are.
    """
    jax = host()

    def reflectivity_of(*operands: Any) -> Any:
        return _values(settings, *operands)

    def derivative(operands: Any, tangents: Any) -> Any:
        still = jax.custom_derivatives.SymbolicZero
        moving = {name: t for name, t in zip(OPERANDS, tangents, strict=False) if not isinstance(t, still)}
        points = math.prod(_lead(operands)) * operands[0].shape[-1]
        entries = points * sum(t.shape[-1] for t in moving.values())
        if entries <= most_entries(smeared=len(operands) == len(OPERANDS)):
            return _contracted(settings, tuple(moving), operands, tuple(moving.values()))
        return differentiable(*operands), _without_jacobian(settings)(tuple(moving), operands, tuple(moving.values()))

    differentiable = jax.custom_jvp(reflectivity_of)
    differentiable.defjvp(derivative, symbolic_zeros=True)
    return differentiable
