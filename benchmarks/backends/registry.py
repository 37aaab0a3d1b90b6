"""All backends by the names that the tables give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.backends import in_jax, in_torch, plain
from benchmarks.backends.tasks import Problem

OURS = "kiessig"
SEVENTEEN = "kiessig, 17 nodes"


class Backend(NamedTuple):
    """How one is made, and what is known about it."""

    make: Callable[[str, Problem], Callable[[], Any]]
    derivatives: str  # "exact", or "differences"
    quadrature: str  # "bounded" error, or the "17 nodes" of refnx
    description: str


BACKENDS = {
    OURS: Backend(plain.kiessig, "exact", "bounded", "the library's functions of NumPy arrays"),
    SEVENTEEN: Backend(plain.kiessig_with_17_nodes, "exact", "17 nodes", "the same with refnx's quadrature"),
    "kiessig in JAX": Backend(in_jax.kiessig, "exact", "bounded", "`kiessig.adapters.jax` under `jax.jit`"),
    "kiessig in torch": Backend(in_torch.kiessig, "exact", "bounded", "`kiessig.adapters.torch`"),
    "kiessig, differences": Backend(
        plain.kiessig_differences, "differences", "17 nodes", "central differences of kiessig's value"
    ),
    "refnx C": Backend(
        plain.refnx_c, "differences", "17 nodes", "`_creflect.abeles`; derivatives by central differences"
    ),
    "refnx JAX": Backend(in_jax.refnx_jax, "exact", "17 nodes", "`jabeles` under `jax.jit`"),
    "refnx FFI": Backend(
        in_jax.refnx_ffi, "exact", "17 nodes", "`abeles_jax_ffi` under `jax.jit`: C forwards, `jabeles` backwards"
    ),
    "refnx torch": Backend(in_torch.refnx_torch, "exact", "17 nodes", "`abeles_torch`"),
    "refl1d numba": Backend(
        plain.refl1d_numba,
        "differences",
        "17 nodes",
        "`reflectivity_amplitude`; derivatives by central differences",
    ),
    "JAX Parratt": Backend(
        in_jax.parratt, "exact", "17 nodes", "`benchmarks/rivals/jax_parratt.py`, written for this, under `jax.jit`"
    ),
    "torch Parratt": Backend(
        in_torch.parratt, "exact", "17 nodes", "`benchmarks/rivals/torch_parratt.py`, written for this"
    ),
}
