"""Residuals of all measurements and their derivatives, for one vector of parameters or a batch of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError, KiessigError
from kiessig.misfit import misfit_and_gradient, require_positive_model
from kiessig.parameters import Parameter
from kiessig.problem.forward import OWNER, SLABS, Plain, slabs_of
from kiessig.problem.losses import Loss
from kiessig.problem.misfits import compare
from kiessig.problem.model import Model
from kiessig.problem.replay import Relations

__all__ = ["Comparison", "Data", "Evaluation", "Part"]

FloatArray = NDArray[np.float64]
Columns = Mapping[str, FloatArray]

_CHUNK_BYTES = 1 << 23  # of derivatives at once: they are read back from the cache, not from memory
_MOST_MEMBERS = 1024


class Comparison(NamedTuple):
    """How one measurement's model is compared with its data."""

    model: Model
    misfit: str
    loss: Loss | None
    data: Columns
    n_points: int

    def residuals(self, data: Columns, model: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute residuals and their slopes in the model; raises for one model, (n_points,), that has none."""
        residuals, slope = compare(self.misfit, data, model)
        if model.ndim == 1 and self.misfit != "chi2" and not (model > 0.0).all():
            grids = self.model.grids
            q = np.concatenate([grid.beam.q for grid in grids for _ in range(grid.forward.n_curves)])
            require_positive_model(OWNER, q, model, self.misfit)
        if self.loss is None:
            return residuals, slope
        bent, by_residual = self.loss.apply(residuals)
        return bent, slope * by_residual

    @property
    def is_fused(self) -> bool:
        """Whether one pass of the kernel gives the misfit and its gradient."""
        plain = len(self.model.grids) == 1 and isinstance(self.model.grids[0].forward, Plain)
        beam = self.model.grids[0].beam
        return plain and self.misfit in ("chi2", "log") and self.loss is None and not self.model.moves(beam)


class Part(NamedTuple):
    """One measurement's place among all residuals and all quantities."""

    comparison: Comparison
    rows: slice
    quantities: slice
    wanted: list[int]  # the varying quantities of the model, without scale and background
    relations: list[int]  # their places among all varying ones
    direct: list[int] | None  # the parameters that they are, where each of them is one
    scale: int | None  # places of these among all varying ones
    background: int | None


class Data:
    """What is compared with the models: one set of columns for each measurement, the same for all members or not."""

    def __init__(self, columns: Sequence[Columns], n_members: int | None = None) -> None:
        self.columns = columns
        self.n_members = n_members

    def take(self, members: NDArray[np.intp]) -> Data:
        """Return the data of some members, row by row."""
        if self.n_members is None:
            return self
        chosen = [{name: a[members] if a.ndim > 1 else a for name, a in item.items()} for item in self.columns]
        return Data(chosen, members.size)


Compute = Callable[[FloatArray, FloatArray | None, Data, Sequence[FloatArray]], None]
"""Takes values of all quantities, their derivatives, the data, and arrays to fill."""


class Evaluation:
    """All measurements at once: the relations between parameters, the models, and the chain rule between them."""

    def __init__(self, comparisons: Sequence[Comparison], parameters: Sequence[Parameter]) -> None:
        quantities = [item for comparison in comparisons for item in comparison.model.quantities]
        self.relations = Relations(quantities, parameters)
        self.n_parameters = len(parameters)
        self.parts: list[Part] = []
        self.n_points = 0
        self._member_bytes = 0
        place_of = {place: number for number, place in enumerate(self.relations.varying)}
        start = 0
        for comparison in comparisons:
            model = comparison.model
            here = slice(start, start + len(model.quantities))
            wanted = [p for p in range(model.scale) if start + p in place_of]
            numbers = [place_of[start + p] for p in wanted]
            direct = [self.relations.direct[number] for number in numbers]
            rows = slice(self.n_points, self.n_points + comparison.n_points)
            self.parts.append(
                Part(
                    comparison,
                    rows,
                    here,
                    wanted,
                    numbers,
                    [place for place in direct if place is not None] if None not in direct else None,
                    place_of.get(start + model.scale),
                    place_of.get(start + model.background),
                )
            )
            start, self.n_points = here.stop, rows.stop
            self._member_bytes = max(self._member_bytes, 8 * comparison.n_points * len(model.quantities))
        self.data = Data([comparison.data for comparison in comparisons])

    def residuals(self, x: FloatArray, data: Data | None = None) -> FloatArray:
        """Return the residuals, (..., n_points)."""
        return self.run(self._residuals, x, data, [(self.n_points,)], slopes=False)[0]

    def residuals_and_jacobian(self, x: FloatArray, data: Data | None = None) -> tuple[FloatArray, FloatArray]:
        """Return the residuals and their derivatives, (..., n_points, n_parameters)."""
        shapes = [(self.n_points,), (self.n_points, self.n_parameters)]
        residuals, jacobian = self.run(self._residuals_and_jacobian, x, data, shapes, slopes=True)
        return residuals, jacobian

    def value_and_gradient(self, x: FloatArray, data: Data | None = None) -> tuple[FloatArray, FloatArray]:
        """Return the sum of squared residuals, (...), and its gradient, (..., n_parameters)."""
        value, gradient = self.run(self._value_and_gradient, x, data, [(), (self.n_parameters,)], slopes=True)
        return value, gradient

    def run(
        self, compute: Compute, x: FloatArray, data: Data | None, shapes: Sequence[tuple[int, ...]], *, slopes: bool
    ) -> list[FloatArray]:
        """Fill arrays of these shapes behind the leading ones of x; those of members without a model with NaN.

        A single x, (n_parameters,), without a model raises instead.
        """
        data = self.data if data is None else data
        lead = x.shape[:-1]
        found = [np.empty((*lead, *shape)) for shape in shapes]
        if not lead:
            values, relations = self._replay(x, slopes=slopes)
            if not np.isfinite(values).all():
                message = "Problem: an expression of parameters has no finite value"
                raise InvalidValueError(message)
            compute(values, relations, data, found)
            return found
        n_members = int(np.prod(lead))
        points = x.reshape(n_members, x.shape[-1])
        flat = [array.reshape(n_members, *shape) for array, shape in zip(found, shapes, strict=True)]
        step = max(1, min(_MOST_MEMBERS, _CHUNK_BYTES // max(self._member_bytes, 1)))
        for start in range(0, n_members, step):
            members = np.arange(start, min(start + step, n_members))
            with np.errstate(all="ignore"):  # members that are undefined are looked for below
                values, relations = self._replay(points[start : start + step], slopes=slopes)
            good = np.isfinite(values).all(axis=-1) & np.isfinite(points[start : start + step]).all(axis=-1)
            for part in self.parts:
                good &= part.comparison.model.defined(values[..., part.quantities])
            if good.all():
                self._attempt(compute, values, relations, data, flat, members)
                continue
            for array in flat:
                array[members[~good]] = np.nan
            if good.any():
                chosen = None if relations is None else relations[good]
                self._attempt(compute, values[good], chosen, data, flat, members[good])
        return found

    def _attempt(
        self,
        compute: Compute,
        values: FloatArray,
        relations: FloatArray | None,
        data: Data,
        found: Sequence[FloatArray],
        members: NDArray[np.intp],
    ) -> None:
        """Fill the members' rows; where something refuses them together, each half, and NaN where it refuses one."""
        together = members[-1] - members[0] == members.size - 1
        rows = [array[members[0] : members[-1] + 1] if together else np.empty((members.size, *array.shape[1:]))
                for array in found]  # fmt: skip
        chosen = data.take(members)
        try:
            if members.size == 1:  # numbers and vectors have a shorter way into the kernels
                alone = Data([{name: a[0] if a.ndim > 1 else a for name, a in item.items()} for item in chosen.columns])
                one = None if relations is None else relations[0]
                compute(values[0], one, alone, [array[0, ...] for array in rows])
            else:
                compute(values, relations, chosen, rows)
        except KiessigError:
            if members.size == 1:
                for array in rows:
                    array[...] = np.nan
            else:
                half = members.size // 2
                for some in (slice(None, half), slice(half, None)):
                    part = None if relations is None else relations[some]
                    self._attempt(compute, values[some], part, data, found, members[some])
                return
        if not together:
            for array, row in zip(found, rows, strict=True):
                array[members] = row

    def _replay(self, x: FloatArray, *, slopes: bool) -> tuple[FloatArray, FloatArray | None]:
        return self.relations.jacobian(x) if slopes else (self.relations.values(x), None)

    def _residuals(
        self, values: FloatArray, relations: FloatArray | None, data: Data, found: Sequence[FloatArray]
    ) -> None:
        for part, columns in zip(self.parts, data.columns, strict=True):
            model = part.comparison.model.curve(values[..., part.quantities])
            found[0][..., part.rows] = part.comparison.residuals(columns, model)[0]

    def _residuals_and_jacobian(
        self, values: FloatArray, relations: FloatArray | None, data: Data, found: Sequence[FloatArray]
    ) -> None:
        assert relations is not None
        for part, columns in zip(self.parts, data.columns, strict=True):
            model, own = part.comparison.model, values[..., part.quantities]
            r, derivatives = model.derivatives(own, part.wanted)
            residuals, slope = part.comparison.residuals(columns, model.finish(own, r))
            found[0][..., part.rows] = residuals
            jacobian = found[1][..., part.rows, :]
            chain(part, derivatives, slope * own[..., model.scale, np.newaxis], relations, jacobian)
            for number, column in ((part.scale, slope * r), (part.background, slope)):
                if number is not None:
                    self._add(number, column, relations, jacobian)

    def _add(self, number: int, column: FloatArray, relations: FloatArray, jacobian: FloatArray) -> None:
        """Add what one quantity contributes."""
        direct = self.relations.direct[number]
        if direct is not None:
            jacobian[..., direct] += column
        else:
            jacobian += column[..., np.newaxis] * relations[..., np.newaxis, number, :]

    def _value_and_gradient(
        self, values: FloatArray, relations: FloatArray | None, data: Data, found: Sequence[FloatArray]
    ) -> None:
        assert relations is not None
        for array in found:
            array[...] = 0.0
        for part, columns in zip(self.parts, data.columns, strict=True):
            own = values[..., part.quantities]
            if part.comparison.is_fused:
                total, gradient = _fused(part.comparison, own, columns)
            else:
                total, gradient = _summed(part, own, columns)
            found[0][...] += total
            numbers = [*part.relations, *(number for number in (part.scale, part.background) if number is not None)]
            places = [*part.wanted]
            model = part.comparison.model
            places += [model.scale] * (part.scale is not None) + [model.background] * (part.background is not None)
            by_quantity = gradient[..., np.newaxis, places]
            found[1][...] += (by_quantity @ relations[..., numbers, :])[..., 0, :]


def chain(
    part: Part, derivatives: Sequence[FloatArray], factor: FloatArray, relations: FloatArray, jacobian: FloatArray
) -> None:
    """Write factor * derivatives, as derivatives with respect to the parameters, to (..., n_points, n_parameters)."""
    if part.direct is not None:
        met: set[int] = set()
        for place, column in zip(part.direct, derivatives, strict=True):
            if place in met:
                jacobian[..., place] += factor * column
            else:
                np.multiply(factor, column, out=jacobian[..., place])
                met.add(place)
        for place in range(jacobian.shape[-1]):
            if place not in met:
                jacobian[..., place] = 0.0
        return
    stacked = np.empty((*factor.shape, len(derivatives)))
    for number, column in enumerate(derivatives):
        np.multiply(factor, column, out=stacked[..., number])
    jacobian[...] = stacked @ relations[..., part.relations, :]


def _fused(comparison: Comparison, values: FloatArray, data: Columns) -> tuple[FloatArray, FloatArray]:
    """Misfit and its gradient with respect to all quantities, from one pass of the kernel."""
    model = comparison.model
    forward, beam, plan = model.grids[0]
    assert isinstance(forward, Plain)
    slabs = slabs_of({name: values[..., model.place(name)] for name in SLABS})
    scale: FloatArray | float = values[..., model.scale]
    background: FloatArray | float = values[..., model.background]
    if values.ndim == 1:  # plain numbers have a shorter way into the kernel
        scale, background = float(scale), float(background)
    dr = data["dr"] if comparison.misfit == "chi2" else None
    total, gradient = misfit_and_gradient(
        OWNER, data["r"], dr, beam.q, *slabs, scale, background, beam.resolution, None, forward.repeats, plan
    )
    found = np.empty_like(values)
    for name in SLABS:
        found[..., model.place(name)] = getattr(gradient, name)
    found[..., model.scale], found[..., model.background] = gradient.scale, gradient.background
    return np.asarray(total), found


def _summed(part: Part, values: FloatArray, data: Columns) -> tuple[FloatArray, FloatArray]:
    """Misfit and its gradient with respect to the quantities that vary, from the Jacobian."""
    model = part.comparison.model
    r, derivatives = model.derivatives(values, part.wanted)
    residuals, slope = part.comparison.residuals(data, model.finish(values, r))
    weights = 2.0 * residuals * slope
    found = np.zeros_like(values)
    scaled = weights * values[..., model.scale, np.newaxis]
    for place, column in zip(part.wanted, derivatives, strict=True):
        found[..., place] = np.einsum("...i,...i->...", scaled, column)
    found[..., model.scale] = np.einsum("...i,...i->...", weights, r)
    found[..., model.background] = weights.sum(axis=-1)
    return np.einsum("...i,...i->...", residuals, residuals), found
