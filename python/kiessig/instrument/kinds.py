"""What kinds of `Resolution` there are: checks of what they are made of, and what the compiled core is given."""

from __future__ import annotations

import math
import operator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kiessig.data import FloatArray, real_array
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument.host_smearing import Gaussian, Straight, log_grid_spline, piecewise_linear_theory
from kiessig.instrument.widths import FWHM_PER_SIGMA

__all__ = [
    "FloatArray",
    "Kind",
    "fraction",
    "refnx_smears",
    "require",
    "standard_deviation",
    "table",
    "two_or_more",
    "vector",
    "whole",
    "widths",
]

Table = tuple[FloatArray, FloatArray]

_UNIFORM = (np.array([-math.sqrt(3.0), math.sqrt(3.0)]), np.ones(2))
_TRIANGULAR = (np.array([-math.sqrt(6.0), 0.0, math.sqrt(6.0)]), np.array([0.0, 1.0, 0.0]))


class Kind(NamedTuple):
    """Name of the constructor of a `Resolution`, and what it was given besides widths."""

    name: str
    order: int = 0  # nodes of a quadrature; refnx: 0 for one dq/q
    table: Table | None = None  # offsets in units of the width, densities
    shape: str = ""  # of refl1d
    theory: FloatArray | None = None  # of refl1d

    @property
    def has_matrix(self) -> bool:
        """Whether the weights depend on all points together."""
        return self.name == "refl1d" or (self.name == "refnx" and not self.order)

    def smearing(self) -> tuple[Any, ...] | None:
        """See `Resolution.smearing`; where there is no matrix."""
        if self.name == "uniform":
            return ("shape", *_UNIFORM)
        if self.name == "triangular":
            return ("shape", *_TRIANGULAR)
        if self.name == "sampled" and self.table is not None:
            return ("shape", *self.table)
        if self.order:
            return ("rule", *_rule(self.name, self.order))
        return None

    def matrix(self, q: FloatArray, dq: FloatArray, dq_over_q: float) -> tuple[Any, ...]:
        """See `Resolution.smearing`; where there is a matrix."""
        caller = f"Resolution.{self.name}"
        if q.size != max(q.shape, default=1):
            message = f"{caller}: q must be one vector, all of whose points share the nodes; got shape {q.shape}"
            raise ShapeError(message)
        q, dq = q.reshape(-1), dq.reshape(-1)
        if (q < 0.0).any() and (q > 0.0).any():
            message = f"{caller}: q must be all non-negative or all non-positive: points share the nodes of one side"
            raise InvalidValueError(message)
        q = np.abs(q)
        if self.name == "refnx":
            if not q.max(initial=0.0) > 0.0:
                message = f"{caller}: q must have a point other than 0: the grid is one of log q"
                raise InvalidValueError(message)
            return ("matrix", *log_grid_spline(q, dq_over_q))
        theory = (
            two_or_more(caller, "theory, which is q without oversampling,", q) if self.theory is None else self.theory
        )
        kernel = Gaussian() if self.shape == "normal" else Straight(*(self.table or _UNIFORM))
        with np.errstate(divide="ignore", invalid="ignore"):
            rows = piecewise_linear_theory(q, dq, theory, kernel)
        reached = np.isfinite(rows.weight[rows.start[:-1]]) & ((dq > 0.0) | ((q >= theory[0]) & (q <= theory[-1])))
        rule = f"within its resolution of the theory points, {theory[0]:.6g} to {theory[-1]:.6g} 1/angstrom"
        require(caller, "q", q, reached, rule)
        return ("matrix", *rows)

    def describe(self) -> str:
        """Say what there is besides widths, to be appended to a list of arguments."""
        words = []
        if self.name == "refnx" and self.order not in (0, 17):
            words.append(f"quad_order={self.order}")
        if self.table is not None:
            words.append(f"table of {self.table[0].size} samples")
        if self.shape == "uniform":
            words.append("shape='uniform'")
        if self.theory is not None:
            words.append(f"{self.theory.size} theory points")
        return "".join(f", {word}" for word in words)


@cache  # finding the nodes takes longer than a curve
def _rule(name: str, order: int) -> Table:
    """Return the nodes, in units of the width, and the weights of a Gaussian."""
    if name == "refnx":
        nodes, weights = np.polynomial.legendre.leggauss(order)
        nodes = 3.5 * nodes
        weights = 3.5 * weights * np.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
    else:
        nodes, weights = np.polynomial.hermite.hermgauss(order)
        nodes, weights = math.sqrt(2.0) * nodes, weights / math.sqrt(math.pi)
    for array in (nodes, weights):
        array.flags.writeable = False
    return nodes, weights


def refnx_smears(dq_over_q: float) -> bool:
    """Whether a constant ratio is wide enough for refnx: a full width at half maximum of 0.5 %."""
    return not 100.0 * FWHM_PER_SIGMA * dq_over_q < 0.5


def require(caller: str, name: str, values: FloatArray, good: npt.NDArray[np.bool_] | np.bool_, rule: str) -> None:
    """Raise unless all values are good."""
    bad = np.argwhere(~np.asarray(good))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        where = f"{name}[{', '.join(map(str, index))}]" if index else name
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        message = f"{caller}: {name} must be {rule}; {where} = {float(values[index])}{more}"
        raise InvalidValueError(message)


def widths(caller: str, dq: npt.ArrayLike) -> FloatArray:
    """Return one width, or one per point, or raise."""
    values = real_array(caller, "dq", dq)
    require(caller, "dq", values, np.isfinite(values) & (values >= 0.0), "finite and non-negative")
    if not values.size:
        message = f"{caller}: dq must hold at least one width; got an empty array"
        raise InvalidValueError(message)
    return values


def fraction(caller: str, dq_over_q: npt.ArrayLike) -> float:
    """Return a width in units of Q, or raise."""
    width = real_array(caller, "dq_over_q", dq_over_q)
    if width.ndim:
        message = f"{caller}: dq_over_q must be one number; got shape {width.shape}"
        raise ShapeError(message)
    rule = "a fraction, at least 0 and below 1"
    require(caller, "dq_over_q", width, (width >= 0.0) & (width < 1.0), rule)
    return float(width)


def vector(caller: str, name: str, values: npt.ArrayLike) -> FloatArray:
    """Return a vector of real numbers, or raise."""
    array = real_array(caller, name, values)
    if array.ndim != 1:
        message = f"{caller}: {name} must be a vector; got shape {array.shape}"
        raise ShapeError(message)
    return array


def two_or_more(caller: str, name: str, values: FloatArray) -> FloatArray:
    """Return the different ones of some numbers in ascending order, or raise where there is but one."""
    different = np.unique(values)
    if different.size < 2:
        message = f"{caller}: {name} must have at least two different points; got {different.size}"
        raise InvalidValueError(message)
    return different


def whole(caller: str, name: str, value: Any, most: int) -> int:
    """Return an integer from 1 to `most`, or raise."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if not 1 <= number <= most:
        message = f"{caller}: {name} must be an integer from 1 to {most}; got {value!r}"
        raise InvalidValueError(message)
    return number


def table(caller: str, offsets: npt.ArrayLike, densities: npt.ArrayLike) -> Table:
    """Return the samples of a density, or raise."""
    x, y = vector(caller, "offsets", offsets), vector(caller, "densities", densities)
    if x.size != y.size or x.size < 2:
        message = f"{caller}: offsets and densities must have one length, at least 2; got {x.size} and {y.size}"
        raise ShapeError(message)
    require(caller, "offsets", x, np.isfinite(x), "finite")
    require(caller, "densities", y, np.isfinite(y) & (y >= 0.0), "finite and non-negative")
    require(caller, "offsets", x, np.concatenate([[True], np.diff(x) >= 0.0]), "ascending")
    area = float((0.5 * (y[1:] + y[:-1]) * np.diff(x)).sum())
    if not (area > 0.0 and math.isfinite(area)):
        message = f"{caller}: densities must have a finite, positive area over the offsets; got {area}"
        raise InvalidValueError(message)
    return x, y


def standard_deviation(caller: str, samples: Table) -> float:
    """Return that of the density with straight lines between the samples, or raise where there is none."""
    x, y = samples
    length, middle = np.diff(x), 0.5 * (x[1:] + x[:-1])
    mass, rise = 0.5 * (y[1:] + y[:-1]) * length, np.diff(y)
    area = mass.sum()
    # on each piece y = y_middle + rise (x - middle) / length
    mean = (mass * middle + rise * length**2 / 12.0).sum() / area
    about_mean = mass * ((middle - mean) ** 2 + length**2 / 12.0) + (middle - mean) * rise * length**2 / 6.0
    variance = float(about_mean.sum() / area)
    if not (variance > 0.0 and math.isfinite(variance)):
        message = f"{caller}: offsets must give the density a finite, positive variance; got {variance}"
        raise InvalidValueError(message)
    return math.sqrt(variance)
