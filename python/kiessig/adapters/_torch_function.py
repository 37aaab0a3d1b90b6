"""The kernels as a function of PyTorch's automatic differentiation. What users call stands in `kiessig.adapters.torch`.

Operands are in one order, that of `OPERANDS`: tensors on the CPU whose last axis is that of points, layers, media or
interfaces; scale and background have none. Numbers stand for all entries. Leading axes broadcast.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from kiessig.adapters._host import host_module
from kiessig.errors import NotOfferedError
from kiessig.kernel_calls import value_and_jacobian
from kiessig.kernels import reflectivity, reflectivity_jacobian, reflectivity_vjp

__all__ = ["FUNCTION", "OPERANDS", "Settings", "computed", "host"]

FUNCTION = "kiessig.adapters.torch.reflectivity"
OPERANDS = ("q", "thickness", "sld", "sld_imag", "roughness", "scale", "background", "dq")
_PLACES = {name: i for i, name in enumerate(OPERANDS)}
_PER_STACK = ("scale", "background")
_PLACES_PER_STACK = (5, 6)
_OF_POINTS = ("q", "dq", *_PER_STACK)  # one derivative per point, not one per entry

_LARGE = 1_000_000  # entries of a Jacobian, 8 MB: beyond that, writing and reading it costs more than a second sweep


@functools.cache
def host() -> Any:
    """Import PyTorch."""
    return host_module("torch", "kiessig.adapters.torch", "install kiessig[torch]")


class Settings(NamedTuple):
    threads: int | None
    dtype: Any


def _values(operands: Sequence[Any]) -> list[Any]:
    """Operands as the kernels take them: the same memory, seen by numpy; None for `dq` where there is none."""
    found = [
        # the kernels' fastest way in takes a number where there is one; detaching takes as long as the rest
        x if type(x) is float else (x.detach() if x.requires_grad else x).numpy() if x.ndim else x.item()
        for x in operands
    ]
    return found if len(found) == len(OPERANDS) else [*found, None]


def _arguments(settings: Settings, operands: Sequence[Any]) -> dict[str, Any]:
    """Operands as arguments of `kiessig.reflectivity`."""
    return {**dict(zip(OPERANDS, _values(operands), strict=True)), "threads": settings.threads}


def _entries(values: Sequence[Any]) -> int:
    """Return how many numbers the Jacobian of these arrays and numbers has, at most."""
    q, _, sld, *_ = values
    lead = 1
    for i, x in enumerate(values):
        if type(x) is not float and x is not None and x.ndim > (i not in _PLACES_PER_STACK):
            lead = max(lead, x.size if i in _PLACES_PER_STACK else x.size // max(x.shape[-1], 1))
    return 4 * int(q.shape[-1]) * (1 if type(sld) is float else int(sld.shape[-1])) * lead


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
    full = cotangent @ field if cotangent.ndim == 1 else cotangent.unsqueeze(-2).matmul(field).squeeze(-2)
    return full if full.shape == shape else full.sum_to_size(shape)


def _change(name: str, field: Any, tangent: Any) -> Any:
    """Contract a field of the Jacobian with the tangent of its operand."""
    if name in _OF_POINTS:
        return field * (tangent.unsqueeze(-1) if name in _PER_STACK else tangent)
    return field.matmul(tangent.unsqueeze(-1)).squeeze(-1)


def computed(settings: Settings, operands: Sequence[Any]) -> Any:
    """Reflectivity, with what later derivatives need."""
    torch = host()
    moving: tuple[str, ...] = ()
    if torch.is_grad_enabled():
        moving = tuple([OPERANDS[i] for i, x in enumerate(operands) if type(x) is not float and x.requires_grad])
    everything, backward_alone = _functions()
    if _is_transformed(torch):
        return everything.apply(settings, moving, *operands)[0]
    if moving:
        return backward_alone.apply(settings, moving, *operands)
    return _from_numpy(settings, reflectivity(**_arguments(settings, operands)))


def _is_transformed(torch: Any) -> bool:
    """Whether tensors may be more than they seem: within `torch.func`, or with tangents."""
    # what PyTorch itself asks; where it has been renamed, the answer that is always right
    transforms = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)
    return bool(transforms()) or getattr(torch.autograd.forward_ad, "_current_level", 0) >= 0


@functools.cache
def _functions() -> tuple[Any, Any]:
    """Return two functions of ``(settings, named, *operands)``: for all kinds of differentiation, and a fast one.

    The first returns R and its derivatives by the named operands, the second R alone. The derivatives are exact, and
    are what backward and forward mode contract. They carry no derivatives of their own; `Constant` sees to it that
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

    class BackwardAlone(torch.autograd.Function):  # type: ignore[misc, name-defined] # PyTorch may be absent
        # without setup_context, whose calls cost more than most kernels'
        @staticmethod
        def forward(ctx: Any, settings: Settings, named: tuple[str, ...], *operands: Any) -> Any:
            ctx.save_for_backward(*[x for x in operands if type(x) is not float])
            ctx.settings, ctx.named, ctx.fields = settings, named, None
            ctx.numbers = [x if type(x) is float else None for x in operands]
            values = _values(operands)
            if _entries(values) > _LARGE:
                return _from_numpy(settings, reflectivity(**_arguments(settings, operands)))
            arguments: Any = (FUNCTION, *values, settings.threads, None, None, named)
            r, jacobian = value_and_jacobian(*arguments)
            ctx.fields = [getattr(jacobian, name) for name in named]
            ctx.shapes = [getattr(values[_PLACES[name]], "shape", ()) for name in named]
            return _from_numpy(settings, r)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            found = [None] * (2 + len(ctx.numbers))
            weights = None
            if not torch.is_grad_enabled() and not _is_transformed(torch):
                try:  # not contextlib.suppress, which takes longer than what it guards
                    weights = cotangent.numpy()
                except RuntimeError:  # tensors that vmap maps over do not give their memory away
                    weights = None
            if (
                weights is not None and weights.ndim == 1 and ctx.fields is not None
            ):  # numpy's calls are the shorter ones
                for name, field, shape in zip(ctx.named, ctx.fields, ctx.shapes, strict=True):
                    g = weights * field if name in ("q", "dq") else weights.dot(field)  # sooner there than `@`
                    tensor = torch.from_numpy(g) if g.shape else torch.tensor(g, dtype=torch.float64)
                    found[2 + _PLACES[name]] = tensor if g.shape == shape else tensor.sum_to_size(shape)
                return tuple(found)
            saved = list(ctx.saved_tensors)
            operands = [saved.pop(0) if number is None else number for number in ctx.numbers]
            if weights is not None and ctx.fields is None:
                gradient = reflectivity_vjp(**_arguments(ctx.settings, operands), cotangent=weights)[1]
                for name in ctx.named:
                    found[2 + _PLACES[name]] = torch.from_numpy(getattr(gradient, name))
                return tuple(found)
            if ctx.fields is None:
                fields = Everything.apply(ctx.settings, ctx.named, *operands)[1:]
            else:
                fields = [_from_numpy(ctx.settings, field) for field in ctx.fields]
            if torch.is_grad_enabled():  # what follows may be differentiated again
                fields = Constant.apply(len(fields), *fields, *ctx.saved_tensors)
            for name, field in zip(ctx.named, fields, strict=True):
                index = _PLACES[name]
                found[2 + index] = _gradient(name, field, cotangent, operands[index].shape)
            return tuple(found)

    return Everything, BackwardAlone
