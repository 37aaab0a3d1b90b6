r"""How many sharp steps stand for a continuous profile, and where.

The profile, as a function rho(u) of a coordinate u in 0..1 of a segment, is divided into panels of equal width in u. On
each, the polynomial through n + 1 Chebyshev points stands for rho, and its derivative's Gauss-Legendre rule gives n
steps: at the nodes, of the height weight times derivative. The levels between the steps are therefore fixed linear
combinations of the profile's values at the Chebyshev points [1]_, and those between panels are the values themselves.

To first order a wave sees the profile through integrals of rho'(z) exp(i Q z), which the steps integrate with an error
that falls faster than any power of their number. To second order it sees the ripple, the integral D(z) of profile minus
staircase, as a weak extra potential -(4 pi D)^2, see `kiessig.interfaces.rules`. Both are kept below a bound, relative
to the largest Fourier component of rho' at Q or beyond, at least `FLOOR` times the profile's total variation.

.. [1] L. N. Trefethen, Approximation Theory and Approximation Practice (SIAM, 2013), chapters 5 and 19
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLOOR", "Rule", "choose_rules", "panel_points", "panel_rule"]

FloatArray: TypeAlias = NDArray[np.float64]

FLOOR = 1e-4
"""Where a profile damps its amplitude to less than this part of its variation, the error stays relative to this."""

_DEGREES = (16, 8, 4, 2)
_FEWEST_PER_RADIAN = 0.3  # steps for a radian of the phase: with less than one for every half wave there is no hope
_MOST = 1024  # steps of one segment
_SAFETY = 0.5  # for what lies between the points of the parameters and of Q that are looked at
_SCATTERING = 4e-6 * math.pi  # 4 pi, with densities in 1e-6/angstrom^2
_POINTS_OF_Q = 161
_LOOKS = (slice(-1, None), slice(None, None, 20), slice(None))  # at Q: most rules fail the first, cheapest one
_PHASE = 16  # radians of a piece for which the exact integrals have a Gauss rule
_RESOLVING = 16  # degree of the polynomials that the exact integrals are computed from
_RESOLVED = 1e-9  # of the profile's variation: what the last coefficients of these may be
_FINEST = 512  # panels of them


class Rule(NamedTuple):
    """Equal panels of a segment, and steps of each."""

    panels: int
    degree: int


class _Sampled(NamedTuple):
    """A segment at several sets of parameters: values at Chebyshev points of `panels` panels."""

    values: FloatArray  # (sets, panels, degree + 1)
    lengths: FloatArray  # (sets,)
    position: Callable[[FloatArray], FloatArray]


@cache
def panel_rule(degree: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return points (degree + 1) and nodes (degree) in 0..1, and levels (degree + 1, degree + 1).

    The row k of the levels makes the level behind k steps from the values at the points: the first value for k = 0,
    the last one for k = degree.
    """
    chebyshev = np.polynomial.chebyshev
    points = 0.5 * (1.0 - np.cos(np.pi * np.arange(degree + 1) / degree))
    nodes, weights = np.polynomial.legendre.leggauss(degree)
    coefficients = np.linalg.inv(chebyshev.chebvander(2.0 * points - 1.0, degree))  # of values
    slopes = np.stack([chebyshev.chebval(nodes, chebyshev.chebder(row)) for row in np.eye(degree + 1)], axis=-1)
    levels = np.vstack([np.zeros(degree + 1), np.cumsum(weights[:, np.newaxis] * (slopes @ coefficients), axis=0)])
    levels[:, 0] += 1.0
    levels[-1] = np.eye(degree + 1)[-1]  # what it is but for rounding
    return points, 0.5 * (1.0 + nodes), levels


def panel_points(rule: Rule) -> FloatArray:
    """Return the coordinates of all points of a segment, those between panels once: (panels * degree + 1,)."""
    points = panel_rule(rule.degree)[0]
    inner = (np.arange(rule.panels)[:, np.newaxis] + points[np.newaxis, :-1]) / rule.panels
    return np.append(inner.ravel(), 1.0)


def choose_rules(
    sample: Callable[[Sequence[Rule]], Sequence[tuple[FloatArray, FloatArray]]],
    positions: Sequence[Callable[[FloatArray], FloatArray]],
    q_max: float,
    error: float,
) -> list[Rule] | str:
    """Choose the steps of every segment of a profile, for the hardest of several sets of parameters.

    Parameters
    ----------
    sample : callable
        Of one rule for each segment, gives for each the values at its points (sets, densities, points), and its lengths
        (sets,), angstrom.
    positions : sequence of callable
        For each segment, the share of its length at a coordinate.
    q_max, error : float
        See `kiessig.ContinuousProfile`.

    Returns
    -------
    list of Rule, or str
        Or why there are none.
    """
    count = len(positions)
    resolving = [Rule(1, _RESOLVING)] * count
    while True:
        found = sample(resolving)
        spread = [_variation(values).max(axis=1) for values, _ in found]
        total = np.maximum(np.sum(spread, axis=0), 1e-300)
        rough = [i for i, (values, _) in enumerate(found) if not _resolved(values, resolving[i], total)]
        if not rough:
            break
        if resolving[rough[0]].panels >= _FINEST:
            return f"segment {rough[0]} varies too sharply within the bounds of its parameters"
        resolving = [Rule(2 * rule.panels, _RESOLVING) if i in rough else rule for i, rule in enumerate(resolving)]
    # densities are looked at one by one, as if they were sets of parameters
    segments = []
    for (values, lengths), rule, position in zip(found, resolving, positions, strict=True):
        sets, densities, _ = values.shape
        flat = values.reshape(sets * densities, -1)
        segments.append(_Sampled(_by_panel(flat, rule), np.repeat(lengths, densities), position))
    variation = np.sum([_variation(values).reshape(-1) for values, _ in found], axis=0)
    moving = variation > 1e-9 * variation.max(initial=0.0)
    if not moving.any():
        return [Rule(1, _DEGREES[-1])] * count
    segments = [_Sampled(part.values[moving], part.lengths[moving], part.position) for part in segments]
    variation = variation[moving]
    # a wave in a medium of lower density is shorter, and one that decays is as steep
    steepest = math.sqrt(q_max**2 + 4.0 * _SCATTERING * float(variation.max()))
    q = np.linspace(0.0, steepest, _POINTS_OF_Q)
    for i, part in enumerate(segments):
        if _FEWEST_PER_RADIAN * steepest * part.lengths.max(initial=0.0) > _MOST:
            return _too_many(i)
    exact = [_transform(part, q) for part in segments]
    starts = np.cumsum([np.zeros_like(segments[0].lengths), *(part.lengths for part in segments[:-1])], axis=0)
    whole = sum(
        amplitude * np.exp(1j * start[:, np.newaxis] * q) for amplitude, start in zip(exact, starts, strict=True)
    )
    envelope = np.maximum.accumulate(np.abs(np.asarray(whole))[:, ::-1], axis=1)[:, ::-1]
    allowed = _SAFETY * 0.5 * error * np.maximum(envelope, FLOOR * variation[:, np.newaxis])
    rules = []
    for i, (part, amplitude) in enumerate(zip(segments, exact, strict=True)):
        shortest = _shortest(part, q, amplitude, allowed / count)
        if shortest is None:
            return _too_many(i)
        rules.append(shortest)
    return rules


def _too_many(segment: int) -> str:
    return f"segment {segment} would need more than {_MOST} slices"


def _by_panel(values: FloatArray, rule: Rule) -> FloatArray:
    """Return values (sets, points) as (sets, panels, degree + 1)."""
    places = rule.degree * np.arange(rule.panels)[:, np.newaxis] + np.arange(rule.degree + 1)
    panels: FloatArray = values[:, places]
    return panels


def _variation(values: FloatArray) -> FloatArray:
    variation: FloatArray = np.abs(np.diff(values, axis=-1)).sum(axis=-1)
    return variation


def _resolved(values: FloatArray, rule: Rule, total: FloatArray) -> bool:
    flat = _by_panel(values.reshape(-1, values.shape[-1]), rule)
    points = panel_rule(rule.degree)[0]
    coefficients = flat @ np.linalg.inv(np.polynomial.chebyshev.chebvander(2.0 * points - 1.0, rule.degree)).T
    last = np.abs(coefficients[..., -2:]).max(axis=(1, 2)).reshape(values.shape[:-1])
    return bool((last <= _RESOLVED * total[:, np.newaxis] + 1e-13 * np.abs(values).max(axis=-1)).all())


def _transform(part: _Sampled, q: FloatArray) -> NDArray[np.complex128]:
    """Integrate rho'(z) exp(i q z) over a segment, z from its begin: (sets, q)."""
    _, panels, size = part.values.shape
    points = panel_rule(size - 1)[0]
    chebyshev = np.polynomial.chebyshev
    coefficients = part.values @ np.linalg.inv(chebyshev.chebvander(2.0 * points - 1.0, size - 1)).T
    slopes = chebyshev.chebder(coefficients, axis=-1)  # by the panel's coordinate in -1..1
    # more than one node for every radian of the phase, and enough for the polynomial's derivative
    widest = float(np.diff(part.position(np.linspace(0.0, 1.0, panels + 1))).max())
    pieces = 1 + int(q[-1] * part.lengths.max(initial=0.0) * widest / _PHASE)
    nodes, weights = np.polynomial.legendre.leggauss(size + _PHASE)
    nodes = ((2.0 * np.arange(pieces)[:, np.newaxis] + 1.0 + nodes) / pieces - 1.0).ravel()
    weights = np.tile(weights / pieces, pieces)
    heights = np.moveaxis(chebyshev.chebval(nodes, np.moveaxis(slopes, -1, 0)), -1, -1) * weights
    places = part.position((np.arange(panels)[:, np.newaxis] + 0.5 * (1.0 + nodes)) / panels).ravel()
    return _sum(part.lengths, places, heights.reshape(len(part.lengths), 1, -1), q)[:, 0]


def _sum(lengths: FloatArray, places: FloatArray, heights: FloatArray, q: FloatArray) -> NDArray[np.complex128]:
    """Sum heights (sets, rows, places) times exp(i q length place) over the places, for equidistant q."""
    transform: NDArray[np.complex128] = np.empty((*heights.shape[:2], len(q)), dtype=np.complex128)
    step = q[1] - q[0] if len(q) > 1 else 0.0
    for i, (length, rows) in enumerate(zip(lengths, heights, strict=True)):
        waves = np.empty((len(q), len(places)), dtype=np.complex128)
        waves[0] = np.exp(1j * q[0] * length * places)
        waves[1:] = np.exp(1j * step * length * places)
        products = np.multiply.accumulate(waves, axis=0)  # far cheaper than exponentials
        transform[i] = np.einsum("rp,qp->rq", rows, products)  # without the threads of a BLAS, which are slow for this
    return transform


def _shortest(part: _Sampled, q: FloatArray, exact: NDArray[np.complex128], allowed: FloatArray) -> Rule | None:
    best: Rule | None = None
    phase = float(q[-1] * part.lengths.max(initial=0.0))
    for degree in _DEGREES:
        panels = max(1, int(_FEWEST_PER_RADIAN * phase / degree))
        while panels * degree < (_MOST + 1 if best is None else best.panels * best.degree):
            rule = Rule(panels, degree)
            if all(_good(part, rule, q[at], exact[:, at], allowed[:, at]) for at in _LOOKS):
                best = rule
                break
            panels = max(panels + 1, panels * 9 // 8)
    return best


def _good(part: _Sampled, rule: Rule, q: FloatArray, exact: NDArray[np.complex128], allowed: FloatArray) -> bool:
    """Tell whether a staircase keeps the bound at these q."""
    coordinates = panel_points(rule)
    _, nodes, levels = panel_rule(rule.degree)
    values = _by_panel(_interpolated(part.values, coordinates), rule)
    heights = np.diff(values @ levels.T, axis=-1).reshape(len(values), -1)
    places = part.position(((np.arange(rule.panels)[:, np.newaxis] + nodes) / rule.panels).ravel())
    gaps = np.diff(places, prepend=0.0, append=1.0)
    wide = part.lengths[:, np.newaxis] * 0.5 * (gaps[1:] + gaps[:-1])
    # of steps of height h that are w apart, D rises to h w / 8, and D^2 has an integral of h^2 w^3 / 320 for each
    sums = _sum(part.lengths, places, np.stack([heights, heights**2 * wide**3 / 320.0], axis=1), q)
    return bool((np.abs(sums[:, 0] - exact) + _SCATTERING * np.abs(sums[:, 1]) * q <= allowed).all())


def _interpolated(values: FloatArray, coordinates: FloatArray) -> FloatArray:
    """Evaluate the piecewise polynomial at coordinates in 0..1: (sets, coordinates)."""
    _, panels, size = values.shape
    place = np.minimum((coordinates * panels).astype(int), panels - 1)
    local = 2.0 * (coordinates * panels - place) - 1.0
    chebyshev = np.polynomial.chebyshev
    points = panel_rule(size - 1)[0]
    matrix = chebyshev.chebvander(local, size - 1) @ np.linalg.inv(chebyshev.chebvander(2.0 * points - 1.0, size - 1))
    found: FloatArray = np.einsum("spc,pc->sp", values[:, place, :], matrix)
    return found
