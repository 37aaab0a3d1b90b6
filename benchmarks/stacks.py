"""The stacks that every contender is timed on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Stack(NamedTuple):
    """One stack, or a batch of them with leading dimensions, and its Q values."""

    q: FloatArray
    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray

    @property
    def slabs(self) -> FloatArray:
        """One stack in refnx's form: thickness, SLD, imaginary SLD, roughness of the interface above."""
        rows = np.zeros((self.sld.size, 4))
        rows[1:-1, 0] = self.thickness
        rows[:, 1] = self.sld
        rows[:, 2] = self.sld_imag
        rows[1:, 3] = self.roughness
        return rows


class MagneticStack(NamedTuple):
    """One magnetic stack and its Q values, in a guide field in the plane (guide_angle 270)."""

    q: FloatArray
    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    sld_magnetic: FloatArray
    theta_m: FloatArray
    field: float  # tesla


class Curve(NamedTuple):
    """What a fit compares the model with."""

    r: FloatArray
    dr: FloatArray
    dq: FloatArray  # 1 sigma


def stack(n_layers: int, n_q: int, *, absorbing: bool, seed: int = 0) -> Stack:
    """Make a random rough stack in vacuum; every Q lies above every critical edge."""
    rng = np.random.default_rng(seed)
    sld = np.concatenate([[0.0], rng.uniform(-0.5, 8.0, n_layers + 1)])
    sld_imag = np.concatenate([[0.0], rng.uniform(0.01, 0.1, n_layers + 1)]) if absorbing else np.zeros(n_layers + 2)
    return Stack(
        np.linspace(0.025, 0.3, n_q),
        rng.uniform(5.0, 60.0, n_layers),
        sld,
        sld_imag,
        rng.uniform(1.0, 6.0, n_layers + 1),
    )


def magnetic(n_layers: int, n_q: int, *, collinear: bool, field: float = 0.0, seed: int = 0) -> MagneticStack:
    """Make a random rough, absorbing stack whose layers are magnetised, along the guide field or in all directions."""
    nuclear = stack(n_layers, n_q, absorbing=True, seed=seed)
    rng = np.random.default_rng([seed, 1])
    size = np.concatenate([[0.0], rng.uniform(0.5, 4.0, n_layers), [0.0]])
    angle = np.full(n_layers + 2, 270.0) if collinear else rng.uniform(0.0, 360.0, n_layers + 2)
    return MagneticStack(*nuclear, size, angle, field)


def film(n_q: int) -> Stack:
    """Make a polymer film on oxidised silicon, measured across the critical edge of the backing."""
    return Stack(
        np.linspace(0.008, 0.3, n_q),
        np.array([350.0, 15.0]),
        np.array([0.0, 4.5, 3.47, 2.07]),
        np.zeros(4),
        np.array([6.0, 3.0, 4.0]),
    )


def batch(n_stacks: int, n_layers: int, n_q: int, *, seed: int = 0) -> Stack:
    """Make many random rough stacks without absorption that share one vector of Q."""
    rng = np.random.default_rng(seed)
    fronting = np.zeros((n_stacks, 1))
    return Stack(
        np.linspace(0.025, 0.3, n_q),
        rng.uniform(5.0, 60.0, (n_stacks, n_layers)),
        np.concatenate([fronting, rng.uniform(-0.5, 8.0, (n_stacks, n_layers + 1))], axis=1),
        np.zeros((n_stacks, n_layers + 2)),
        rng.uniform(1.0, 6.0, (n_stacks, n_layers + 1)),
    )


def measured(r: FloatArray, q: FloatArray, *, seed: int = 1) -> Curve:
    """Make data from a curve: 10 % of noise, so that a misfit and its gradient are far from zero."""
    rng = np.random.default_rng(seed)
    return Curve(r * np.exp(0.1 * rng.standard_normal(r.size)), 0.1 * r, 0.02 * q)
