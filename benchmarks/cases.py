"""The stacks that every contender is timed on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Case(NamedTuple):
    """One stack and its Q values."""

    name: str
    q: FloatArray
    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray

    @property
    def slabs(self) -> FloatArray:
        """The stack in refnx's form: thickness, SLD, imaginary SLD, roughness of the interface above."""
        rows = np.zeros((self.sld.size, 4))
        rows[1:-1, 0] = self.thickness
        rows[:, 1] = self.sld
        rows[:, 2] = self.sld_imag
        rows[1:, 3] = self.roughness
        return rows


def stack(n_layers: int, n_q: int, *, absorbing: bool, seed: int = 0) -> Case:
    """Make a random rough stack in vacuum; every Q lies above every critical edge."""
    rng = np.random.default_rng(seed)
    sld = np.concatenate([[0.0], rng.uniform(-0.5, 8.0, n_layers + 1)])
    sld_imag = np.concatenate([[0.0], rng.uniform(0.01, 0.1, n_layers + 1)]) if absorbing else np.zeros(n_layers + 2)
    return Case(
        f"{n_layers} layers x {n_q} Q, {'absorbing' if absorbing else 'real'}",
        np.linspace(0.025, 0.3, n_q),
        rng.uniform(5.0, 60.0, n_layers),
        sld,
        sld_imag,
        rng.uniform(1.0, 6.0, n_layers + 1),
    )


def cases() -> list[Case]:
    """Return the standard list."""
    return [
        stack(n_layers, n_q, absorbing=absorbing)
        for n_layers, n_q in ((1, 100), (10, 1000), (40, 1000))
        for absorbing in (False, True)
    ]
