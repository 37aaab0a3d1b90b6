"""What a measurement's sample and instrument make together: from a vector of quantities to a model curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig import _core
from kiessig.parameters import Quantity
from kiessig.problem.beam import Beam
from kiessig.problem.forward import Forward

__all__ = ["Grid", "Model"]

FloatArray = NDArray[np.float64]

_NOT_NEGATIVE = ("thickness", "sld_imag", "roughness", "resolution_factor", "fractions")


class Grid(NamedTuple):
    """Points that are computed together, and the physics there."""

    forward: Forward
    beam: Beam
    plan: _core.Plan


class Model:
    """Model curves ``scale * illumination * smeared(R) + background``, and their derivatives, for batches.

    Parameters
    ----------
    grids : sequence of Grid
        All with the same fields. Their curves follow each other.
    beam_fields : dict of float or Expression
        Of `kiessig.problem.beam.BEAM_FIELDS`; those that do nothing are left out.
    scale, background : float or Expression

    Attributes
    ----------
    quantities : list of float or Expression
        What the curve depends on, in the order in which all methods take the values: (..., n_quantities).
    scale, background : int
        Places of these two.
    """

    def __init__(
        self, grids: Sequence[Grid], beam_fields: Mapping[str, Quantity], scale: Quantity, background: Quantity
    ) -> None:
        self.grids = tuple(grids)
        self.quantities: list[Quantity] = []
        self._slices: dict[str, slice] = {}
        self._home: list[tuple[str, int]] = []  # of each quantity: field, and place in it
        fields = {**self.grids[0].forward.fields, **{name: [item] for name, item in beam_fields.items()}}
        for name, items in fields.items():
            self._slices[name] = slice(len(self.quantities), len(self.quantities) + len(items))
            self.quantities += items
            self._home += [(name, place) for place in range(len(items))]
        self._of_sample = tuple(self.grids[0].forward.fields)
        self._of_beam = tuple(beam_fields)
        self.scale, self.background = len(self.quantities), len(self.quantities) + 1
        self.quantities += [scale, background]
        limited = [np.arange(place.start, place.stop) for name, place in self._slices.items() if name in _NOT_NEGATIVE]
        self._limited = np.concatenate([np.zeros(0, dtype=np.intp), *limited])

    def defined(self, values: FloatArray) -> NDArray[np.bool_]:
        """Tell at which members, (...), of a batch the quantities are in their domains, as far as one can see."""
        return np.asarray((values[..., self._limited] >= 0.0).all(axis=-1))

    def limited(self) -> list[Quantity]:
        """Return the quantities that have no meaning below zero."""
        return [self.quantities[place] for place in self._limited]

    def moves(self, beam: Beam) -> bool:
        """Whether something stands between the kernel's points and the curve that the kernel does not know."""
        return bool(self._of_beam) or beam.footprint is not None

    def place(self, name: str) -> slice:
        """Return the places of a field's quantities."""
        return self._slices[name]

    def curve(self, values: FloatArray) -> FloatArray:
        """Compute the model curve, (..., n_points)."""
        return self.finish(values, self.reflectivity(values))

    def finish(self, values: FloatArray, r: FloatArray) -> FloatArray:
        """Apply scale and background."""
        return values[..., self.scale, np.newaxis] * r + values[..., self.background, np.newaxis]

    def reflectivity(self, values: FloatArray) -> FloatArray:
        """Compute what `finish` takes."""
        sample, beam_values = self._fields(values)
        curves = []
        for forward, beam, plan in self.grids:
            q, dq = beam.points(beam_values)
            r = forward.reflectivity(sample, q, dq, plan)
            factor = beam.illumination(beam_values)
            curves.append(r if factor is None else _tiled(factor, forward.n_curves) * r)
        return curves[0] if len(curves) == 1 else np.concatenate(curves, axis=-1)

    def derivatives(self, values: FloatArray, wanted: Sequence[int]) -> tuple[FloatArray, list[FloatArray]]:
        """Compute what `finish` takes and its derivatives, (..., n_points) each, with respect to these quantities.

        Scale and background are none of them: their derivatives are the curve itself, and 1.
        """
        sample, beam_values = self._fields(values)
        homes = [self._home[place] for place in wanted]
        needed = {name for name, _ in homes} | ({"q", "dq"} if self._of_beam else set())
        curves, columns = [], []
        for forward, beam, plan in self.grids:
            q, dq = beam.points(beam_values)
            r, jacobian = forward.jacobian(sample, q, dq, plan, needed)
            factor = beam.illumination(beam_values)
            tiled = None if factor is None else _tiled(factor, forward.n_curves)
            found = []
            for name, place in homes:
                if name in self._of_sample:
                    found.append(jacobian[name][..., place] if tiled is None else tiled * jacobian[name][..., place])
                else:
                    found.append(_moved(r, jacobian, beam, beam_values, name, forward.n_curves, tiled))
            curves.append(r if tiled is None else tiled * r)
            columns.append(found)
        if len(curves) == 1:
            return curves[0], columns[0]
        return np.concatenate(curves, axis=-1), [np.concatenate(c, axis=-1) for c in zip(*columns, strict=True)]

    def _fields(self, values: FloatArray) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        return (
            {name: values[..., self._slices[name]] for name in self._of_sample},
            {name: values[..., self._slices[name]] for name in self._of_beam},
        )


def _moved(
    r: FloatArray,
    jacobian: Mapping[str, FloatArray],
    beam: Beam,
    fields: Mapping[str, FloatArray],
    name: str,
    n_curves: int,
    illumination: FloatArray | None,
) -> FloatArray:
    """Return the derivative of the curves with respect to what moves their points."""
    moves = beam.moves(fields, name)
    total = np.zeros_like(r)
    for by, slope in ((moves.q, "q"), (moves.dq, "dq")):
        if by is not None and slope in jacobian:
            total += _tiled(by, n_curves) * jacobian[slope]
    if illumination is not None:
        total *= illumination
    if moves.illumination is not None:
        total += _tiled(moves.illumination, n_curves) * r
    return total


def _tiled(array: FloatArray, n_curves: int) -> FloatArray:
    """Repeat what holds for the points for every curve on them."""
    if n_curves == 1 or array.shape[-1] == 1:
        return array
    return np.concatenate([array] * n_curves, axis=-1)
