"""What is computed, and on which stacks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks import stacks
from benchmarks.stacks import Curve, FloatArray, Stack

LAYERS = (1, 2, 10, 40, 200, 1000)
POINTS = (100, 400, 1000, 10_000)
BATCH = 1000  # stacks
BATCH_POINTS = 128
TITLES = {
    "value": "Value",
    "gradient": "Gradient of a misfit",
    "jacobian": "Jacobian",
    "smeared": "Gradient of a smeared chi2",
    "batch": f"Batch of {BATCH} stacks",
}
FIELDS = ("thickness", "sld", "sld_imag", "roughness")  # the order of all derivatives
SMEARING_NODES = 17
SMEARING_LIMIT = 3.5  # sigma on either side


class Size(NamedTuple):
    """One case."""

    layers: int
    points: int

    @property
    def text(self) -> str:
        return f"{self.layers} x {self.points}"


class Problem(NamedTuple):
    """One case with its data."""

    stack: Stack
    curve: Curve
    nodes: FloatArray  # (points, 17): where those smear who have no quadrature of their own
    weights: FloatArray  # (17,)

    @property
    def inputs(self) -> tuple[FloatArray, ...]:
        """What derivatives are taken by, in the order of FIELDS."""
        return tuple(getattr(self.stack, name) for name in FIELDS)


def sizes(task: str, layers: tuple[int, ...], points: tuple[int, ...]) -> list[Size]:
    """Cases of a task, the cheap ones first."""
    found = [Size(n, BATCH_POINTS if task == "batch" else n_q) for n in layers for n_q in points]
    return sorted(set(found), key=lambda size: (size.layers * size.points, size.layers))


def problem(task: str, size: Size) -> Problem:
    """Make the data of one case; the same numbers in every process."""
    if task == "batch":
        batch = stacks.batch(BATCH, size.layers, size.points)
        return Problem(batch, Curve(*[np.empty(0)] * 3), np.empty(0), np.empty(0))
    stack = stacks.stack(size.layers, size.points, absorbing=True)
    import kiessig as ks

    curve = stacks.measured(ks.reflectivity(*stack, threads=1), stack.q)
    return Problem(stack, curve, *quadrature(stack.q, curve.dq))


def quadrature(q: FloatArray, dq: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes over 3.5 sigma on either side, as refnx takes them, and their Gaussian weights."""
    nodes, weights = np.polynomial.legendre.leggauss(SMEARING_NODES)
    x = SMEARING_LIMIT * nodes
    gaussian = np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)
    return q[:, np.newaxis] + dq[:, np.newaxis] * x, SMEARING_LIMIT * weights * gaussian


def digest(task: str, result: Any) -> dict[str, FloatArray]:
    """What of a result is compared: all of it, but of a Jacobian 25 rows, each with all its derivatives."""
    if task in ("value", "batch"):
        return {"R": np.asarray(result)}
    first, fields = result
    arrays = [np.asarray(field) for field in fields]
    if task == "jacobian":
        rows = np.unique(np.linspace(0, arrays[0].shape[0] - 1, 25).astype(int))
        arrays = [array[rows] for array in arrays]
    name = "R" if task == "jacobian" else "misfit"
    return {name: np.asarray(first), **dict(zip(FIELDS, arrays, strict=True))}
