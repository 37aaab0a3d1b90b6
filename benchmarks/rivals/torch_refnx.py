"""refnx's PyTorch kernel: double precision, one thread, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.rivals import MissingRivalError
from benchmarks.stacks import Curve, Stack


def one_thread() -> Any:
    """Import PyTorch and keep it to one thread."""
    try:
        import torch
    except ImportError as error:
        message = f"PyTorch cannot be imported ({error})"
        raise MissingRivalError(message) from error
    torch.set_num_threads(1)
    return torch


def log_misfit(stack: Stack, curve: Curve, *, absorbing: bool) -> Callable[[], Any]:
    """Sum of squared differences of ln R and its gradient."""
    torch = one_thread()
    try:
        from refnx.reflect._torch_reflect import abeles_torch
    except ImportError as error:
        message = f"refnx with its PyTorch kernel is needed ({error})"
        raise MissingRivalError(message) from error
    q, log_r = torch.tensor(stack.q), torch.tensor(np.log(curve.r))
    zero = torch.zeros(1, dtype=torch.float64)
    sld_imag = torch.tensor(stack.sld_imag, requires_grad=absorbing)
    leaves = [torch.tensor(array, requires_grad=True) for array in (stack.thickness, stack.sld, stack.roughness)]
    wanted = [*leaves, sld_imag] if absorbing else leaves

    def run() -> Any:
        thickness, sld, roughness = leaves
        columns = [torch.cat([zero, thickness, zero]), sld, sld_imag, torch.cat([zero, roughness])]
        misfit = torch.sum((log_r - torch.log(abeles_torch(q, torch.stack(columns, dim=1)))) ** 2)
        return misfit.detach(), torch.autograd.grad(misfit, wanted)

    return run
