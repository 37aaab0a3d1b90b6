"""Backends that are functions of PyTorch: eager, on the CPU, double precision, one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.backends.tasks import Problem
from benchmarks.rivals import MissingRivalError
from benchmarks.rivals.torch_refnx import one_thread

Run = Callable[[], Any]


def kiessig(task: str, problem: Problem) -> Run:
    """kiessig as a function of PyTorch."""
    one_thread()
    from kiessig.adapters.torch import reflectivity

    def curve(q: Any, *inputs: Any, **more: Any) -> Any:
        return reflectivity(q, *inputs, threads=1, **more)

    return _run(task, problem, curve, _rows_of(curve), smears=True, batch=curve)


def refnx_torch(task: str, problem: Problem) -> Run:
    """refnx's kernel in PyTorch."""
    torch = one_thread()
    try:
        from refnx.reflect._torch_reflect import abeles_torch
    except ImportError as error:
        message = f"refnx's PyTorch kernel cannot be imported ({error})"
        raise MissingRivalError(message) from error
    zero = torch.zeros(1, dtype=torch.float64)

    def curve(q: Any, *inputs: Any) -> Any:
        thickness, sld, sld_imag, roughness = inputs
        columns = [torch.cat([zero, thickness, zero]), sld, sld_imag, torch.cat([zero, roughness])]
        return abeles_torch(q, torch.stack(columns, dim=1))

    def point(q: Any, *inputs: Any) -> Any:
        r = curve(q[None], *inputs)[0]
        return r, r

    mapped = torch.func.vmap(
        torch.func.grad(point, argnums=(1, 2, 3, 4), has_aux=True), in_dims=(0, None, None, None, None)
    )

    def jacobian(q: Any, *inputs: Any) -> Any:
        fields, r = mapped(q, *inputs)
        return r, fields

    return _run(task, problem, curve, jacobian, batch=torch.func.vmap(curve, in_dims=(None, 0, 0, 0, 0)))


def parratt(task: str, problem: Problem) -> Run:
    """Parratt's recursion in PyTorch."""
    one_thread()
    from benchmarks.rivals.torch_parratt import reflectivity

    def curve(q: Any, *inputs: Any) -> Any:
        return reflectivity(q.reshape(-1), *inputs).reshape(q.shape)

    return _run(task, problem, curve, _rows_of(reflectivity), batch=reflectivity)


def _rows_of(batch: Callable[..., Any]) -> Callable[..., Any]:
    """Value and Jacobian: every point is a stack of its own, so that one backward sweep gives all rows."""
    torch = one_thread()

    def jacobian(q: Any, *inputs: Any) -> Any:
        rows = [array.detach().expand(q.numel(), -1).requires_grad_() for array in inputs]
        r = batch(q[:, None], *rows)[:, 0]
        return r.detach(), torch.autograd.grad(r.sum(), rows)

    return jacobian


def _run(
    task: str,
    problem: Problem,
    curve: Callable[..., Any],
    jacobian: Callable[..., Any],
    *,
    smears: bool = False,
    batch: Callable[..., Any],
) -> Run:
    torch = one_thread()
    stack, data = problem.stack, problem.curve
    q = torch.tensor(stack.q)
    order = (stack.thickness, stack.sld, stack.sld_imag, stack.roughness)
    inputs = [torch.tensor(array) for array in order]
    if task in ("value", "batch"):
        function = curve if task == "value" else batch

        def value() -> Any:
            with torch.no_grad():
                return function(q, *inputs)

        return value
    if task == "jacobian":
        return lambda: jacobian(q, *inputs)
    for leaf in inputs:
        leaf.requires_grad_()
    if task == "gradient":
        log_r = torch.tensor(np.log(data.r))

        def misfit() -> Any:
            return torch.sum((log_r - torch.log(curve(q, *inputs))) ** 2)

    else:
        r, dr, dq, nodes, weights = (
            torch.tensor(array) for array in (data.r, data.dr, data.dq, problem.nodes, problem.weights)
        )

        def misfit() -> Any:
            smeared = curve(q, *inputs, dq=dq) if smears else curve(nodes, *inputs) @ weights
            return torch.sum(((smeared - r) / dr) ** 2)

    def gradient() -> Any:
        found = misfit()
        return found.detach(), torch.autograd.grad(found, inputs)

    return gradient
