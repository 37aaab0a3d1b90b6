"""The kernels as a function of PyTorch's automatic differentiation. What users call stands in `kiessig.adapters.torch`.

Operands are in one order, that of `OPERANDS`: tensors on the CPU whose last axis is that of points, layers, media or
interfaces; scale and background have none. Numbers stand for all entries. Leading axes broadcast.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kiessig import _core
from kiessig.adapters._host import host_module
from kiessig.adapters._jacobian_size import most_entries
from kiessig.errors import NotOfferedError
from kiessig.kernel_calls import plainly, value, value_and_jacobian
from kiessig.kernels import reflectivity, reflectivity_jacobian, reflectivity_vjp

__all__ = ["FUNCTION", "OPERANDS", "Settings", "computed", "host", "plainly_computed"]

FUNCTION = "kiessig.adapters.torch.reflectivity"
OPERANDS = ("q", "thickness", "sld", "sld_imag", "roughness", "scale", "background", "dq")
_PER_STACK = ("scale", "background")
_OF_POINTS = ("q", "dq", *_PER_STACK)  # one derivative per point, not one per entry


@functools.cache
def host() -> Any:
    """Import PyTorch."""
    return host_module("torch", "kiessig.adapters.torch", "install kiessig[torch]")


class Settings(NamedTuple):
    threads: int | None
    dtype: Any


def _values(operands: Sequence[Any]) -> list[Any]:
    """Operands as the kernels take them: the same memory, seen by numpy; None for `dq` where there is none."""
    found = [x.detach().resolve_neg().numpy() if isinstance(x, host().Tensor) else x for x in operands]
    return found if len(found) == len(OPERANDS) else [*found, None]


def _one_stack(operands: Sequence[Any]) -> list[Any]:
    """Operands of which those that are the same for every row of q, expanded, are given once.

    The shape of the result is that of q, derivatives are those at every point, and the kernels work on points of one
    stack side by side.
    """
    q, *others = operands
    lead = q.shape[:-1]
    found = [q]
    for name, x in zip(OPERANDS[1:], others, strict=False):
        is_row = not isinstance(x, float) and name not in _PER_STACK and x.shape[:-1] == lead
        found.append(x[(0,) * len(lead)] if is_row and not any(x.stride()[:-1]) else x)
    return found


def _arguments(settings: Settings, operands: Sequence[Any]) -> dict[str, Any]:
    """Operands as arguments of `kiessig.reflectivity`."""
    return {**dict(zip(OPERANDS, _values(operands), strict=True)), "threads": settings.threads}


def _entries(values: Sequence[Any], named: Sequence[str]) -> int:
    """Return how many numbers the Jacobian of the named arrays and numbers has; 0 where they do not fit."""
    lengths = [
        1 if name in _OF_POINTS or not np.ndim(x) else x.shape[-1]
        for name, x in zip(OPERANDS, values, strict=True)
        if name in named
    ]
    lead = [
        x.shape if name in _PER_STACK else x.shape[:-1]
        for name, x in zip(OPERANDS, values, strict=True)
        if not (x is None or isinstance(x, float))
    ]
    try:
        return sum(lengths) * int(values[0].shape[-1]) * math.prod(np.broadcast_shapes(*lead))
    except ValueError:  # which the kernel explains
        return 0


def _from_numpy(settings: Settings, array: Any) -> Any:
    tensor = host().from_numpy(array)
    return tensor if settings.dtype == tensor.dtype else tensor.to(settings.dtype)


def _mapped(in_dims: Sequence[int | None], operands: Sequence[Any]) -> list[Any]:
    """Operands with the axis that `vmap` maps over as their first leading one."""
    ranks = [  # leading axes of each operand, as one element of the map sees it
        0 if isinstance(x, float) else x.ndim - (dim is not None) - (name not in _PER_STACK)
        for name, x, dim in zip(OPERANDS, operands, in_dims, strict=False)
    ]
    mapped = []
    for x, dim, rank in zip(operands, in_dims, ranks, strict=True):
        if dim is not None:
            x = x.movedim(dim, 0)
            x = x.reshape(x.shape[0], *(1,) * (max(ranks) - rank), *x.shape[1:])
        mapped.append(x)
    return mapped


def _refuse(*_: Any) -> Any:
    message = (
        f"{FUNCTION}: second derivatives are not offered; for a Hessian of a sum of squares use J.T @ J with J from "
        "torch.func.jacrev of the residuals"
    )
    raise NotOfferedError(message)


def _gradient(name: str, field: Any, cotangent: Any, shape: Any) -> Any:
    """Contract a field of the Jacobian with the cotangent, summed over what the operand was broadcast to."""
    if name in _OF_POINTS:
        full = cotangent * field
        return (full.sum(-1) if name in _PER_STACK else full).sum_to_size(shape)
    if cotangent.ndim == 1:
        full = cotangent @ field
    elif cotangent.shape[-1] == 1:  # products of matrices one by one take far longer
        full = cotangent * field.squeeze(-2)
    else:
        full = cotangent.unsqueeze(-2).matmul(field).squeeze(-2)
    return full if full.shape == shape else full.sum_to_size(shape)


def _change(name: str, field: Any, tangent: Any) -> Any:
    """Contract a field of the Jacobian with the tangent of its operand."""
    if name in _OF_POINTS:
        return field * (tangent.unsqueeze(-1) if name in _PER_STACK else tangent)
    return field.matmul(tangent.unsqueeze(-1)).squeeze(-1)


@functools.cache
def _tensors() -> Any:
    """Return what reads tensors without Python's help; None where PyTorch, before 2.10, gives no access to them."""
    torch = host()
    exchange = getattr(torch.Tensor, "__dlpack_c_exchange_api__", None)
    try:
        return _core.Tensors(exchange, (torch.Tensor, torch.nn.Parameter))
    except ValueError:
        return None


def plainly_computed(threads: int | None, given: tuple[Any, ...]) -> Any:
    """Reflectivity of arguments of the plainest kind, as they are, the soonest way; None for all others."""
    torch = host()
    tensors = _tensors()
    if tensors is None or _is_transformed(torch):
        return None
    most = most_entries(smeared=given[-1] is not None)
    found = plainly(tensors.reflectivity, (torch.is_grad_enabled(), most, *given, threads))
    if found is None:
        return None
    return _recorded(Settings(threads, torch.float64), found, given)


def computed(settings: Settings, operands: Sequence[Any]) -> Any:
    """Reflectivity, with what later derivatives need."""
    torch = host()
    moves = [torch.is_grad_enabled() and not isinstance(x, float) and x.requires_grad for x in operands]
    named = tuple(itertools.compress(OPERANDS, moves))
    if _is_transformed(torch):
        return _functions()[0].apply(settings, named, *operands)[0]
    values = _values(_one_stack(operands))
    arguments: Any = {**dict(zip(OPERANDS, values, strict=True)), "threads": settings.threads}
    arguments |= {"function": FUNCTION, "repeats": None, "plan": None}
    # where each stack has a point of its own, the Jacobian is no larger than the gradient
    keeps = values[0].shape[-1] == 1 or _entries(values, named) <= most_entries(smeared=values[-1] is not None)
    if not (named and keeps):
        r, fields = value(**arguments), None
    else:
        r, jacobian = value_and_jacobian(**arguments, wanted=named)
        fields = [getattr(jacobian, name) for name in named]
    return _recorded(settings, (r, [OPERANDS.index(name) for name in named], fields), operands)


def _recorded(settings: Settings, found: tuple[Any, list[int], Any], operands: Sequence[Any]) -> Any:
    """Return R as a tensor that leads back to the operands at the given places, of which there may be none."""
    if found[1]:
        return _functions()[1].apply(settings, found, *operands)
    return _from_numpy(settings, found[0])


def _is_transformed(torch: Any) -> bool:
    """Whether tensors may be more than they seem: within `torch.func`, or with tangents."""
    # what PyTorch itself asks; where it has been renamed, the answer that is always right
    transforms = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
    return bool(transforms()) or getattr(torch.autograd.forward_ad, "_current_level", 0) >= 0


@functools.cache
def _functions() -> tuple[Any, Any]:
    """Return two functions: one for all kinds of differentiation, and one for ``backward`` alone, which is fast.

    The first, of ``(settings, named, *operands)``, returns R and its derivatives by the named operands; the second, of
    ``(settings, found, *operands)``, R, which has been found with its derivatives. They are exact, and are what
    backward and forward mode contract. They carry no derivatives of their own; `Constant` sees to it that
    asking for those is an error, and not zero.
    """
    torch = host()

    class Constant(torch.autograd.Function):  # type: ignore[misc, name-defined] # PyTorch may be absent
        """The first `n` tensors, which depend on the others in a way that is not known."""

        generate_vmap_rule = True

        @staticmethod
        def forward(n: int, *tensors: Any) -> Any:
            return tuple(tensor.view_as(tensor) for tensor in tensors[:n])

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            """Nothing is needed to refuse."""

        backward = jvp = staticmethod(_refuse)

    class Everything(torch.autograd.Function):  # type: ignore[misc, name-defined] # PyTorch may be absent
        @staticmethod
        def forward(settings: Settings, named: tuple[str, ...], *operands: Any) -> Any:
            arguments = _arguments(settings, operands)
            if not named:
                return (_from_numpy(settings, reflectivity(**arguments)),)
            r, jacobian = reflectivity_jacobian(**arguments)
            return tuple(_from_numpy(settings, x) for x in (r, *(getattr(jacobian, name) for name in named)))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            settings, named, *operands = inputs
            tensors = [x for x in operands if not isinstance(x, float)]
            ctx.settings, ctx.named = settings, named
            ctx.numbers = [x if isinstance(x, float) else None for x in operands]
            ctx.mark_non_differentiable(*output[1:])
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*tensors, *output[1:])
            ctx.save_for_forward(*tensors, *output[1:])

        @staticmethod
        def fields(ctx: Any, wanted: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
            """Operands and derivatives by name: those that forward has kept, or all that are wanted anew."""
            saved = list(ctx.saved_tensors)
            operands = {
                name: saved.pop(0) if number is None else number
                for name, number in zip(OPERANDS, ctx.numbers, strict=False)
            }
            tensors = [x for x in operands.values() if not isinstance(x, float)]
            names = ctx.named
            if not set(wanted) <= set(names):
                names = tuple(wanted)
                saved = list(Everything.apply(ctx.settings, names, *operands.values())[1:])
            return operands, dict(zip(names, Constant.apply(len(names), *saved, *tensors), strict=True))

        @staticmethod
        def backward(ctx: Any, cotangent: Any, *_: Any) -> Any:
            needed = ctx.needs_input_grad[2:]
            if cotangent is None:
                return (None,) * (2 + len(needed))
            wanted = [name for name, needs in zip(OPERANDS, needed, strict=False) if needs]
            operands, fields = Everything.fields(ctx, wanted)
            found = [
                _gradient(name, fields[name], cotangent, operand.shape) if name in wanted else None
                for name, operand in operands.items()
            ]
            return (None, None, *found)

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            moving = {name: x for name, x in zip(OPERANDS, tangents[2:], strict=False) if x is not None}
            _, fields = Everything.fields(ctx, list(moving))
            changes = [_change(name, fields[name], x) for name, x in moving.items()]
            return (functools.reduce(torch.add, changes) if changes else None, *(None for _ in ctx.named))

        @staticmethod
        def vmap(info: Any, in_dims: Any, settings: Settings, named: tuple[str, ...], *operands: Any) -> Any:
            results = Everything.apply(settings, named, *_mapped(in_dims[2:], operands))
            return results, (0,) * len(results)

    class Recorded(torch.autograd.Function):  # type: ignore[misc, name-defined] # PyTorch may be absent
        # without setup_context, whose calls cost more than most kernels'
        @staticmethod
        def forward(ctx: Any, settings: Settings, found: tuple[Any, list[int], Any], *operands: Any) -> Any:
            r, moving, fields = found
            ctx.kept = settings, moving, fields, operands
            if fields is None:  # derivatives at hand are those of this moment, whatever becomes of the operands
                ctx.save_for_backward(*[x for x in operands if isinstance(x, torch.Tensor)])
            return _from_numpy(settings, r)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            settings, moving, fields, operands = ctx.kept
            found: list[Any] = [None] * (2 + len(operands))
            again = torch.is_grad_enabled()  # what follows may be differentiated
            gradients = (
                None if again or _is_transformed(torch) else _contracted(settings, moving, fields, operands, cotangent)
            )
            if gradients is not None:
                _ = ctx.saved_tensors  # an error where operands that are needed again have changed
                for i, gradient in zip(moving, gradients, strict=True):
                    shape = operands[i].shape
                    tensor = torch.from_numpy(gradient)
                    found[2 + i] = tensor if tensor.shape == shape else tensor.sum_to_size(shape)
                return tuple(found)
            if fields is None:
                tensors = ctx.saved_tensors
                exact = Everything.apply(settings, tuple([OPERANDS[i] for i in moving]), *operands)[1:]
            else:
                tensors = [x for x in operands if isinstance(x, torch.Tensor)]
                exact = [_from_numpy(settings, field) for field in fields]
            if again:
                exact = Constant.apply(len(exact), *exact, *tensors)
            for i, field in zip(moving, exact, strict=True):
                found[2 + i] = _gradient(OPERANDS[i], field, cotangent, operands[i].shape)
            return tuple(found)

    return Everything, Recorded


def _contracted(settings: Settings, moving: list[int], fields: Any, operands: Sequence[Any], cotangent: Any) -> Any:
    """Gradients by the operands at the given places, past PyTorch's operations; None where only these can do it."""
    if fields is not None:
        tensors = _tensors()
        return None if tensors is None else tensors.gradients(cotangent, moving, fields)
    try:
        weights = cotangent.numpy()
    except RuntimeError:  # tensors that `vmap` maps over do not give their memory away
        return None
    gradient = reflectivity_vjp(**_arguments(settings, operands), cotangent=weights)[1]
    return [getattr(gradient, OPERANDS[i]) for i in moving]
