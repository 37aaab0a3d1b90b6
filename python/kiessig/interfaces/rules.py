r"""How many sharp steps stand for a smooth interface, and where: Gauss quadrature of the interface's own density.

The profile g(t), t = (z - z_j) / roughness, becomes a staircase: step k at t = x_k carries the fraction w_k of the
change in SLD. To first order, a wave sees the interface through integrals of g'(t) f(t) with a smooth f,
exp(i Q roughness t) where reflection is weak. So x_k and w_k are a quadrature with the weight function g': its support
is divided into panels, and each has a Gauss rule of its own, from the recurrence coefficients of the polynomials that
are orthogonal on it (Lanczos on a finely discretised g') [1]_ and the eigenvalues of their Jacobi matrix [2]_. It
converges faster than any power of the number of steps, corners and tails of g notwithstanding.

To second order there is the staircase's ripple. With V = 4 pi (change in SLD) and D(t) the integral of g minus
staircase, waves see a weak extra potential -(V roughness D)^2, as a charge does in a fast oscillating field. Relative
to the first order, V, its part in the amplitude is V roughness^2 omega I(omega) / F(omega), where omega = Q roughness,
and I and F are the Fourier transforms of D^2 and g'. It is small where panels are narrow in the middle; they have equal
shares of the integral of g'^0.2, a power that was tried out to need few steps for all shapes and bounds. The other part
of second order is the first order's error with a wave that the profile has changed: components up to omega + 1.

.. [1] W. Gautschi, Orthogonal Polynomials (Oxford, 2004), section 2.2, doi:10.1093/oso/9780198506720.001.0001
.. [2] G. H. Golub, J. H. Welsch, Math. Comp. 23, 221 (1969), doi:10.1090/S0025-5718-69-99647-1
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOOR", "GaussRules", "Measure", "Rule"]

FloatArray = NDArray[np.float64]

FLOOR = 1e-4
"""Where an interface damps its amplitude to less than this, the error stays relative to this."""

_TAIL = 0.1 * FLOOR  # times the error: what is cut off each end
_POWER = 0.2  # of the density, for the panels' shares
_DEGREES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32)
_MOST = 1024  # steps of one interface
_GRID = 0.02  # spacing of the table over omega = Q roughness: neighbouring errors differ by a few per cent
_NEIGHBOUR = 50  # points of it: a profile mixes components that differ by less than about 1 in omega
_BLOCK = 100  # points of the table that are computed at a time


def _candidates() -> list[tuple[int, int]]:
    """(panels, degree), the fewest steps first; numbers of panels grow by an eighth, so that the list stays short."""
    panels, last = [1], 1
    while last < _MOST // _DEGREES[0]:
        last = max(last + 1, last * 9 // 8)
        panels.append(last)
    pairs = [(count, degree) for count in panels for degree in _DEGREES if count * degree <= _MOST]
    return sorted(pairs, key=lambda pair: (pair[0] * pair[1], pair[0]))


_CANDIDATES = _candidates()


class Measure(NamedTuple):
    """A density as points and weights, sum 1; integrals of exp(i omega t) are exact to roundoff up to `limit`."""

    points: FloatArray
    weights: FloatArray
    limit: float


class Rule(NamedTuple):
    """Positions of the steps in units of the roughness, and the profile between them: 0, ..., 1."""

    nodes: FloatArray
    levels: FloatArray


class GaussRules:
    """The rules of one density, and the one with the fewest steps that keeps an error bound.

    Parameters
    ----------
    measure : Measure
        The density.
    error : float
        Bound of the relative error of R: twice that of the amplitude.
    """

    def __init__(self, measure: Measure, error: float) -> None:
        self._points, self._weights, self._limit = measure
        self._bound = 0.5 * error
        beyond = np.minimum(np.cumsum(self._weights), np.cumsum(self._weights[::-1])[::-1])
        kept = beyond > _TAIL * error
        self._kept_points, kept_weights = self._points[kept], self._weights[kept]
        self._kept_weights = kept_weights / kept_weights.sum()
        spacing = np.gradient(self._kept_points) if self._kept_points.size > 1 else np.ones(1)
        shares = np.cumsum((self._kept_weights / spacing) ** _POWER * spacing)
        self._shares = shares / shares[-1]
        self._rules: dict[tuple[int, int], Rule] = {}
        self._tables: dict[tuple[int, int], tuple[FloatArray, FloatArray]] = {}
        self._chosen: dict[tuple[int, int], Rule | None] = {}
        self._transform = np.empty(0, dtype=np.complex128)  # of the density, on the grid of omega
        self._envelope = np.empty(0)

    def choose(self, omega: float, strength: float) -> Rule | None:
        """Return the shortest rule for Q roughness up to `omega` and V roughness^2 = `strength`; None if there is none.

        Both are rounded up, to a grid and to a quarter of a power of 2, so that there are few different rules.
        """
        if omega + 2.0 * _GRID * _NEIGHBOUR > self._limit:
            return None
        at, quarter = math.ceil(omega / _GRID), math.ceil(4.0 * math.log2(max(strength, 1e-9)))
        if (at, quarter) not in self._chosen:
            self._chosen[at, quarter] = self._search(at, 2.0 ** (quarter / 4.0))
        return self._chosen[at, quarter]

    def envelope(self, omega: FloatArray) -> FloatArray:
        """Return the largest modulus of the density's Fourier transform at omega or beyond, at least `FLOOR`."""
        self._reach(int(np.ceil(np.max(omega, initial=0.0) / _GRID)) + 1)
        return np.interp(omega, _GRID * np.arange(self._envelope.size), self._envelope)

    def _search(self, at: int, strength: float) -> Rule | None:
        self._reach(at + 1)
        for pair in _CANDIDATES:
            rule = self._rule(*pair)
            last = np.exp(1j * _GRID * at * rule.nodes) @ np.diff(rule.levels) - self._transform[at]
            if np.abs(last) > self._bound * self._envelope[at]:  # most candidates need not be looked at more closely
                continue
            first, second = self._table(pair, rule, at + _NEIGHBOUR)
            if first[at] + strength * (second[at] + first[at + _NEIGHBOUR]) <= self._bound:
                return rule
        return None

    def _rule(self, panels: int, degree: int) -> Rule:
        if (panels, degree) not in self._rules:
            panel = np.minimum((self._shares * panels * (1.0 - 1e-12)).astype(int), panels - 1)
            ends = np.searchsorted(panel, np.arange(panels + 1))
            parts = [
                _gauss(self._kept_points[low:high], self._kept_weights[low:high], degree)
                for low, high in itertools.pairwise(ends)
                if high > low
            ]
            nodes, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
            levels = np.concatenate([[0.0], np.cumsum(weights)])
            levels[-1] = 1.0  # exactly, so that media beyond the interface are exactly what they are
            self._rules[panels, degree] = Rule(nodes, levels)
        return self._rules[panels, degree]

    def _reach(self, size: int) -> None:
        """Extend the density's Fourier transform to `size` points of the grid, and beyond for its envelope."""
        if 3 * size <= self._transform.size:
            return
        new = _GRID * np.arange(self._transform.size, 3 * _BLOCK * -(-size // _BLOCK))
        parts = np.array_split(new, 1 + new.size // _BLOCK)
        more = [_fourier(part, self._points, self._weights) for part in parts]
        self._transform = np.concatenate([self._transform, *more])
        modulus = np.abs(self._transform)
        self._envelope = np.maximum(np.maximum.accumulate(modulus[::-1])[::-1], FLOOR)

    def _table(self, pair: tuple[int, int], rule: Rule, at: int) -> tuple[FloatArray, FloatArray]:
        """Largest errors of first and second order up to each omega, relative to the envelope there."""
        known = self._tables.get(pair)
        if known is None or known[0].size <= at:
            size = _BLOCK * -(-(at + 1) // _BLOCK)
            self._reach(size)
            omega = _GRID * np.arange(size, dtype=np.float64)
            envelope = self._envelope[:size]
            stairs = _fourier(omega, rule.nodes, np.diff(rule.levels))
            first = np.abs(stairs - self._transform[:size]) / envelope
            second = omega * np.abs(self._ripple(rule, omega)) / envelope
            known = np.maximum.accumulate(first), np.maximum.accumulate(second)
            self._tables[pair] = known
        return known

    def _ripple(self, rule: Rule, omega: FloatArray) -> NDArray[np.complex128]:
        """Fourier transform of D^2, D the integral of the profile minus its staircase."""
        ends = np.unique(np.concatenate([self._points[[0]], rule.nodes, self._points[[-1]]]))
        x, w = np.polynomial.legendre.leggauss(6)
        half = 0.5 * np.diff(ends)[:, np.newaxis]
        t = (0.5 * (ends[1:] + ends[:-1])[:, np.newaxis] + half * x).ravel()
        ripple = _integral(t, self._points, self._weights) - _integral(t, rule.nodes, np.diff(rule.levels))
        return _fourier(omega, t, ripple**2 * (half * w).ravel())


def _fourier(omega: FloatArray, points: FloatArray, weights: FloatArray) -> NDArray[np.complex128]:
    transform: NDArray[np.complex128] = np.exp(1j * np.outer(omega, points)) @ weights.astype(np.complex128)
    return transform


def _integral(t: FloatArray, points: FloatArray, weights: FloatArray) -> FloatArray:
    """Integral up to t of the profile that steps at `points`: the sum of weight * (t - point) over what lies before."""
    before = np.searchsorted(points, t)
    mass, moment = (np.concatenate([[0.0], np.cumsum(part)]) for part in (weights, weights * points))
    integral: FloatArray = t * mass[before] - moment[before]
    return integral


def _gauss(points: FloatArray, weights: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Gauss rule with n nodes of a discrete measure, which is its own rule where it has no more points than that."""
    if points.size <= n:
        return points, weights
    middle, half = 0.5 * (points[0] + points[-1]), 0.5 * (points[-1] - points[0])
    scaled, mass = (points - middle) / half, float(weights.sum())
    basis = np.empty((n, points.size))
    basis[0] = np.sqrt(weights / mass)
    jacobi = np.zeros((n, n))
    for k in range(n):
        jacobi[k, k] = basis[k] @ (scaled * basis[k])
        vector = scaled * basis[k]
        for _ in range(2):  # twice is enough for orthogonality to roundoff
            vector -= basis[: k + 1].T @ (basis[: k + 1] @ vector)
        if k + 1 < n:
            norm = np.linalg.norm(vector)
            jacobi[k, k + 1] = jacobi[k + 1, k] = norm
            basis[k + 1] = vector / norm
    nodes, vectors = np.linalg.eigh(jacobi)
    squares = vectors[0] ** 2
    return middle + half * nodes, squares * (mass / squares.sum())
