"""reflectorch's batched PyTorch kernel: double precision, one thread, no graph recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.rivals import MissingRivalError
from benchmarks.rivals.torch_refnx import one_thread
from benchmarks.stacks import Stack


def batch_value(stack: Stack, chunk: int | None = None) -> Callable[[], Any]:
    """Reflectivity of a batch in one call, or in chunks of so many stacks, whose temporaries fit into the caches."""
    torch = one_thread()
    try:
        from reflectorch.data_generation.reflectivity.abeles import abeles
    except ImportError as error:
        message = f"reflectorch cannot be imported ({error})"
        raise MissingRivalError(message) from error
    q, *layers = (torch.tensor(array) for array in (stack.q, stack.thickness, stack.roughness, stack.sld))

    def run() -> Any:
        with torch.inference_mode():
            if chunk is None:
                return abeles(q, *layers)
            pieces = zip(*(array.split(chunk) for array in layers), strict=True)
            return torch.cat([abeles(q, *piece) for piece in pieces])

    return run
