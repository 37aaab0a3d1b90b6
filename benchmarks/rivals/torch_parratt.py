"""Parratt's recursion in PyTorch, written for the comparison: what a good PyTorch programmer would put there.

Double precision; all points, and all stacks of a batch, in one tensor; a loop over the layers from the backing up,
since PyTorch has no scan that differentiates well on the CPU. Fresnel and phase factors of all layers are one operation
each.
"""

from __future__ import annotations

import math
from typing import Any


def reflectivity(q: Any, thickness: Any, sld: Any, sld_imag: Any, roughness: Any) -> Any:
    """Reflectivity, shape (..., n_q), of stacks whose arrays have shapes (..., layers, media or interfaces)."""
    import torch

    # k_j^2 = (Q/2)^2 - 4 pi (rho_j - rho_0); absorption makes Im k positive, so that waves decay downwards
    excess = torch.complex(sld[..., 1:] - sld[..., :1], -sld_imag[..., 1:])
    q = q[..., None, :]
    below = torch.sqrt(0.25 * q**2 - (4e-6 * math.pi) * excess[..., None])
    first = (0.5 * q).to(below.dtype).expand(*below.shape[:-2], 1, -1)
    above = torch.cat([first, below[..., :-1, :]], dim=-2)
    fresnel = (above - below) / (above + below) * torch.exp(-2.0 * above * below * (roughness**2)[..., None])
    phase = torch.exp(2j * below[..., :-1, :] * thickness[..., None])
    r, turn = fresnel.unbind(-2), phase.unbind(-2)
    amplitude = r[-1]
    for layer in range(len(turn) - 1, -1, -1):
        inner = amplitude * turn[layer]
        amplitude = (r[layer] + inner) / (1.0 + r[layer] * inner)
    return amplitude.real**2 + amplitude.imag**2
