"""Parratt's recursion in JAX, written for the comparison: what a good JAX programmer would put there.

Double precision, all points at once, a scan over the layers from the backing up. Fresnel and phase factors of all
layers are computed before the scan and not in it: reverse mode is up to twice as fast that way, at the cost of a value
that is up to a quarter slower. The scan is not unrolled, which was slower in reverse mode.
"""

from __future__ import annotations

from typing import Any


def reflectivity(q: Any, thickness: Any, sld: Any, sld_imag: Any, roughness: Any) -> Any:
    """Reflectivity of one stack at all q, traceable."""
    import jax.numpy as jnp
    from jax import lax

    # k_j^2 = (Q/2)^2 - 4 pi (rho_j - rho_0); absorption makes Im k positive, so that waves decay downwards
    excess = (sld[1:] - sld[0]) - 1j * sld_imag[1:]
    below = jnp.sqrt(0.25 * q**2 - 4e-6 * jnp.pi * excess[:, None])
    k = jnp.concatenate([(0.5 * q)[None].astype(below.dtype), below])
    above, below = k[:-1], k[1:]
    fresnel = (above - below) / (above + below) * jnp.exp(-2.0 * above * below * (roughness**2)[:, None])
    phase = jnp.exp(2j * k[1:-1] * thickness[:, None])

    def interface(amplitude: Any, layer: Any) -> tuple[Any, None]:
        r, turn = layer
        inner = amplitude * turn
        return (r + inner) / (1.0 + r * inner), None

    amplitude, _ = lax.scan(interface, fresnel[-1], (fresnel[:-1], phase), reverse=True)
    return amplitude.real**2 + amplitude.imag**2
