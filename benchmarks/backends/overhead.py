"""What kiessig costs inside its hosts beyond the bare call of the compiled kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import stacks
from benchmarks.timing import Timing, side_by_side
from kiessig import _core

IN_PROGRAM = 100  # operations of one compiled program
JAX_LIMIT = 10e-6  # seconds beyond the bare call
TORCH_LIMIT = 40e-6
ALL_FIELDS = 255  # of the Jacobian


def measure(name: str, layers: int, points: int, seconds: float) -> list[dict[str, Any]]:
    """Time the host's calls and the bare one in turns, in the process of the host."""
    rows = in_jax(layers, points, seconds) if name == "kiessig in JAX" else in_torch(layers, points, seconds)
    return [{"layers": layers, "points": points, **row} for row in rows]


def in_jax(layers: int, points: int, seconds: float) -> list[dict[str, Any]]:
    """One operation of a compiled program, and a compiled program of one operation called from Python."""
    import jax

    from kiessig.adapters.jax import reflectivity

    stack = stacks.stack(layers, points, absorbing=True)
    arguments = tuple(jax.numpy.asarray(array) for array in stack)

    def program(q: Any, thickness: Any, *others: Any) -> Any:
        def operation(_: int, moving: Any) -> Any:
            r = reflectivity(q, moving, *others, threads=1)
            return moving * (1.0 + 0.0 * r[0])  # the next one must wait for this one

        return jax.lax.fori_loop(0, IN_PROGRAM, operation, thickness)

    many, one = jax.jit(program), jax.jit(lambda *given: reflectivity(*given, threads=1))
    bare = _core.plain_reflectivity
    plain: tuple[Any, ...] = (*stack, 1.0, 0.0, None, 1, None)
    timings = _timed(
        {
            "bare": lambda: bare(*plain),
            "many": lambda: many(*arguments).block_until_ready(),
            "one": lambda: one(*arguments).block_until_ready(),
        },
        seconds,
    )
    return [
        _row("JAX: an operation of a compiled program", timings["bare"], timings["many"], JAX_LIMIT, IN_PROGRAM),
        _row("JAX: a compiled program of one operation, from Python", timings["bare"], timings["one"], None),
    ]


def in_torch(layers: int, points: int, seconds: float) -> list[dict[str, Any]]:
    """Forward and backward to every input of the stack.

    Beside the kernel that computes both in one pass, with weights known beforehand, and beside the Jacobian and its
    products, since PyTorch tells the weights after the forward call has returned.
    """
    import torch

    from kiessig.adapters.torch import reflectivity

    stack = stacks.stack(layers, points, absorbing=True)
    q = torch.tensor(stack.q)
    leaves = [torch.tensor(array, requires_grad=True) for array in stack[1:]]
    weights = torch.ones(points, dtype=torch.float64)
    plain: tuple[Any, ...] = (*stack, 1.0, 0.0, None, 1, None)
    cotangent = np.ones(points)

    def backward() -> Any:
        for leaf in leaves:
            leaf.grad = None
        reflectivity(q, *leaves, threads=1).backward(weights)
        return leaves[0].grad

    def contracted() -> Any:
        r, jacobian = _core.plain_jacobian(*plain, ALL_FIELDS)
        return r, [cotangent @ field for field in jacobian[:4]]

    def forward() -> Any:
        with torch.no_grad():
            return reflectivity(q, *leaves, threads=1)

    timings = _timed(
        {
            "bare gradient": lambda: _core.plain_vjp(cotangent, *plain),
            "bare Jacobian": contracted,
            "gradient": backward,
            "bare value": lambda: _core.plain_reflectivity(*plain),
            "value": forward,
        },
        seconds,
    )
    return [
        _row("PyTorch: forward and backward", timings["bare gradient"], timings["gradient"], TORCH_LIMIT),
        _row(
            "PyTorch: the same, beside Jacobian and products",
            timings["bare Jacobian"],
            timings["gradient"],
            TORCH_LIMIT,
        ),
        _row("PyTorch: value alone", timings["bare value"], timings["value"], None),
    ]


def _timed(runs: dict[str, Callable[[], Any]], seconds: float) -> dict[str, Timing]:
    for run in runs.values():
        if run() is None:
            message = "the bare call has not taken these arguments"
            raise AssertionError(message)
    return side_by_side(runs, seconds)


def _row(title: str, bare: Timing, host: Timing, required: float | None, operations: int = 1) -> dict[str, Any]:
    """Medians of both, and what is above; by the lower end of the samples as well, which is disturbed least."""
    extra = host.median / operations - bare.median
    least = host.low / operations - bare.low
    return {
        "title": title,
        "bare": bare.median,
        "host": host.median / operations,
        "extra": extra,
        "least_extra": least,
        "required": required,
        "reached": None if required is None else bool(extra <= required),
    }
