"""How refnx and refl1d smear a curve, as matrices: fixed theory points, and each point's weights on them.

With the weights come those of the derivatives with respect to a point's own q and dq, theory points held where they
are. All arrays here are validated.

refl1d [1]_ joins the theory points by straight lines and integrates these with the resolution, cut and renormalised. On
one interval [a, b] of theory, with the moments P0 and P1 of the resolution g(z) in z = (x - q) / dq over it,

    weight of a = ((b - q) P0 - dq P1) / (b - a),   weight of b = ((q - a) P0 + dq P1) / (b - a)

and the derivative of their sum with R is that of R's slope: with respect to q, P0 / (b - a) times (-1, 1), with respect
to dq, P1 / (b - a) times (-1, 1); at the two ends of the theory that counts, g there / dq besides.

refnx [2]_ with one dq/q for all points convolves R on a grid of log Q with 51 samples of a Gaussian, and draws a cubic
spline through the result.

.. [1] P. A. Kienzle et al., refl1d 1.0.1, https://github.com/reflectometry/refl1d
.. [2] A. R. J. Nelson, S. W. Prescott, J. Appl. Cryst. 52, 193 (2019), doi:10.1107/S1600576718017296; version 0.1.67
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SQRT_3", "SQRT_6", "Gaussian", "Straight", "WeightMatrix", "log_grid_spline", "piecewise_linear_theory"]

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

SQRT_3 = math.sqrt(3.0)
SQRT_6 = math.sqrt(6.0)


class WeightMatrix(NamedTuple):
    """Row i has the weights start[i] ... start[i + 1] - 1, for the nodes first[i], first[i] + 1, ...

    Attributes
    ----------
    q : float array, shape (n_nodes,)
        Where R is evaluated, 1/angstrom.
    first : int array, shape (n_q,)
    start : int array, shape (n_q + 1,)
    weight, by_q, by_dq : float array, shape (start[-1],)
        Of the value and of its derivatives with respect to the point's own q and dq.
    """

    q: FloatArray
    first: IndexArray
    start: IndexArray
    weight: FloatArray
    by_q: FloatArray
    by_dq: FloatArray


class Gaussian:
    """Normal density, cut where it has fallen to 1e-3 of its height."""

    right = math.sqrt(-2.0 * math.log(1e-3))
    left = -right

    def density(self, z: FloatArray) -> FloatArray:
        """Return the density of a standard normal variable."""
        return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))

    def moments(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Integrals of g and of z g up to z."""
        from scipy.special import erf

        return 0.5 * erf(z / math.sqrt(2.0)), -self.density(z)


class Straight:
    """Density with straight lines between tabulated offsets, of any area."""

    def __init__(self, offsets: FloatArray, densities: FloatArray) -> None:
        self._offsets, self._densities = offsets, densities
        self.left, self.right = float(offsets[0]), float(offsets[-1])
        length, rise = np.diff(offsets), np.diff(densities)
        with np.errstate(divide="ignore", invalid="ignore"):
            self._slope = np.where(length > 0.0, rise / length, 0.0)
        # integrals over whole pieces, summed
        zeroth, first = self._piece(offsets[1:], np.arange(length.size))
        self._zeroth = np.concatenate([[0.0], np.cumsum(zeroth)])
        self._first = np.concatenate([[0.0], np.cumsum(first)])

    def _piece(self, z: FloatArray, j: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Integrals of g and z g over piece j from its beginning to z."""
        x = z - self._offsets[j]
        zeroth = x * (self._densities[j] + 0.5 * x * self._slope[j])
        about_start = x * x * (0.5 * self._densities[j] + x * self._slope[j] / 3.0)
        return zeroth, about_start + self._offsets[j] * zeroth

    def density(self, z: FloatArray) -> FloatArray:
        """Return the density, straight between its samples and zero beyond them."""
        return np.interp(z, self._offsets, self._densities, left=0.0, right=0.0)

    def moments(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Integrals of g and of z g up to z."""
        inside = np.clip(z, self.left, self.right)
        j = np.clip(np.searchsorted(self._offsets, inside, side="right") - 1, 0, self._slope.size - 1)
        zeroth, first = self._piece(inside, j)
        return self._zeroth[j] + zeroth, self._first[j] + first


def piecewise_linear_theory(
    q: FloatArray, dq: FloatArray, theory: FloatArray, kernel: Gaussian | Straight
) -> WeightMatrix:
    """Weights of straight lines through the theory points (ascending), under resolutions cut where the kernel ends.

    Weights are not finite where a kernel has no area within the theory.
    """
    # from the last theory point below the kernel to the first one above it, where there are such
    begin = np.clip(np.searchsorted(theory, q + kernel.left * dq, side="right") - 1, 0, theory.size - 2)
    end = np.clip(np.searchsorted(theory, q + kernel.right * dq, side="left"), begin + 1, theory.size - 1)
    counts = end - begin + 1
    start = np.concatenate([[0], np.cumsum(counts)])
    point = np.repeat(np.arange(q.size), counts)
    node = np.arange(start[-1]) - np.repeat(start[:-1] - begin, counts)

    first, last = start[:-1], start[1:] - 1
    lower = np.delete(np.arange(start[-1]), last)  # of each interval of each point
    upper = lower + 1
    centre, width, a, b = q[point[lower]], dq[point[lower]], theory[node[lower]], theory[node[upper]]
    sharp = dq == 0.0
    z = (theory[node] - q[point]) / np.where(sharp, 1.0, dq)[point]
    zeroth, moment = (np.diff(integral)[lower] for integral in kernel.moments(z))
    # without a width, all of the resolution is at z = 0 of the one interval that is left
    zeroth = np.where(width == 0.0, 1.0, zeroth)
    moment = np.where(width == 0.0, 0.0, moment)

    weight, by_q, by_dq = np.zeros((3, start[-1]))
    weight[lower] += ((b - centre) * zeroth - width * moment) / (b - a)
    weight[upper] += ((centre - a) * zeroth + width * moment) / (b - a)
    for derivative, slope in ((by_q, zeroth / (b - a)), (by_dq, moment / (b - a))):
        derivative[lower] -= slope
        derivative[upper] += slope
    for place, sign in ((first, 1.0), (last, -1.0)):
        with np.errstate(divide="ignore", invalid="ignore"):
            height = np.where(sharp, 0.0, sign * kernel.density(z[place]) / dq)
        by_q[place] += height
        by_dq[place] += height * z[place]
    area = np.add.reduceat(weight, first)
    weight /= area[point]
    for derivative in (by_q, by_dq):
        derivative -= weight * np.add.reduceat(derivative, first)[point]
        derivative /= area[point]
    return WeightMatrix(theory, begin, start, weight, by_q, by_dq)


def log_grid_spline(q: FloatArray, dq_over_q: float) -> WeightMatrix:
    """Weights of the convolution on a grid of log Q, with a cubic spline through its result.

    Points with q <= 0 are beyond the grid, where the spline is continued.
    """
    from scipy.interpolate import BSpline
    from scipy.sparse.linalg import splu

    samples, reach = 51, 1.7  # of the Gaussian: to reach times its full width at half maximum
    lowest = float(q.min()) if q.min() > 0.0 else 1e-6
    fwhm = 2.0 * math.sqrt(2.0 * math.log(2.0)) * dq_over_q
    begin = math.log10(lowest) - 6.0 * dq_over_q
    end = math.log10(q.max() * (1.0 + 6.0 * dq_over_q))
    n = int(np.round((end - begin) / (reach * dq_over_q / ((samples - 1) / 2))))
    grid = np.power(10.0, np.linspace(begin, end, n))
    offsets = np.linspace(-reach * fwhm, reach * fwhm, samples)
    gaussian = np.exp(-0.5 * (offsets / dq_over_q) ** 2) / (dq_over_q * math.sqrt(2.0 * math.pi))
    gaussian *= offsets[1] - offsets[0]
    by_width = gaussian * ((offsets / dq_over_q) ** 2 - 1.0) / dq_over_q

    # the spline through all points, with no knot at the second and the last but one
    knots = np.concatenate([[grid[0]] * 4, grid[2:-2], [grid[-1]] * 4])
    solver = splu(BSpline.design_matrix(grid, knots, 3).tocsc())
    value = BSpline.design_matrix(q, knots, 3, extrapolate=True)
    quadratic = BSpline.design_matrix(q, knots[1:-1], 2, extrapolate=True)
    slope = 3.0 / (knots[4:-1] - knots[1:-4])
    first, start, parts = [], [0], []
    for chunk in range(0, q.size, 64):  # rows of all nodes are long
        rows = slice(chunk, chunk + 64)
        of_slope = np.zeros((quadratic[rows].shape[0], n))
        step = quadratic[rows].toarray() * slope
        of_slope[:, 1:] += step
        of_slope[:, :-1] -= step
        of_value = solver.solve(value[rows].toarray().T, trans="T").T
        of_slope = solver.solve(of_slope.T, trans="T").T
        three = [_smoothed(of_value, gaussian), _smoothed(of_slope, gaussian), _smoothed(of_value, by_width)]
        for i in range(len(of_value)):
            row = np.array([matrix[i] for matrix in three])
            # a spline's weights fall by a factor of 3.7 per node: what is left out is beyond double precision
            used = np.flatnonzero(np.any(np.abs(row) > 1e-20 * np.abs(row).max(axis=1, keepdims=True), axis=0))
            first.append(used[0])
            start.append(start[-1] + used[-1] + 1 - used[0])
            parts.append(row[:, used[0] : used[-1] + 1])
    weight, by_q, by_dq = np.concatenate(parts, axis=1)
    # a point's own width is dq_over_q times its q
    per_width = np.divide(1.0, np.abs(q), out=np.zeros(q.size), where=q != 0.0)
    by_dq = by_dq * np.repeat(per_width, np.diff(start))
    return WeightMatrix(grid, np.array(first), np.array(start), weight.copy(), by_q.copy(), by_dq)


def _smoothed(rows: FloatArray, symmetric: FloatArray) -> FloatArray:
    """Convolve each row with a short symmetric one, zeros beyond its ends."""
    half = symmetric.size // 2
    padded = np.pad(rows, ((0, 0), (half, half)))
    return np.asarray(sum(g * padded[:, m : m + rows.shape[1]] for m, g in enumerate(symmetric)))
