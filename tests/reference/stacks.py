"""Seeded random stacks and Q grids that every comparison draws from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Stack", "edges", "q_grid", "random_stack"]


class Stack(NamedTuple):
    """One sample, every medium in full; unpacks into the order of the arguments of the kernels and of the oracles."""

    thickness: np.ndarray
    sld: np.ndarray
    sld_imag: np.ndarray
    roughness: np.ndarray

    @property
    def reversed(self):
        return Stack(*(field[::-1].copy() for field in self))


def random_stack(rng, n, *, absorbing=False, thickness=(3.0, 300.0), roughness=6.0, fronting=None):
    """Stack of n layers: thickness log-uniform in angstrom, SLD of neutrons or soft X-rays in 1e-6/angstrom²."""
    sld = rng.uniform(-0.6, 8.0, n + 2)
    sld[0] = rng.choice([0.0, 2.07, 6.36]) if fronting is None else fronting
    sld_imag = 10.0 ** rng.uniform(-4.0, 0.0, n + 2) if absorbing else np.zeros(n + 2)
    d = np.exp(rng.uniform(*np.log(thickness), n))
    return Stack(d, sld, sld_imag, rng.uniform(0.0, roughness, n + 1))


def edges(stack):
    """Critical edges of every medium seen from the fronting, 1/angstrom."""
    steps = stack.sld[1:] - stack.sld[0]
    return np.sqrt(16e-6 * np.pi * np.sort(steps[steps > 0.0]))


def q_grid(rng, n_q, *, low=0.003, high=0.3):
    """Random Q, log-uniform: below, across and above the critical edges of usual materials (0.005 to 0.02)."""
    return np.sort(np.exp(rng.uniform(np.log(low), np.log(high), n_q)))
