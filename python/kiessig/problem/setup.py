"""From the arguments of a measurement to its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kiessig import _core
from kiessig.data import Dataset
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.footprint import Footprint
from kiessig.instrument import Resolution
from kiessig.parameters import Quantity, as_quantity
from kiessig.polarisation import Channels, Efficiencies, EfficiencyDerivatives
from kiessig.probe import Probe
from kiessig.problem.beam import BEAM_FIELDS, Beam, require_moving
from kiessig.problem.forward import Forward, Plain
from kiessig.problem.magnetic import Magnetic
from kiessig.problem.model import Grid, Model
from kiessig.problem.patched import Patched, is_patches
from kiessig.sample import Sample

if TYPE_CHECKING:
    from kiessig.problem.measurement import Measurement

__all__ = ["NUISANCES", "combined", "devices", "instrument_model", "required_channels"]

FloatArray = NDArray[np.float64]

NUISANCES = ("q_offset", "angle_offset", "resolution_factor", "guide_angle", "field")
"""Quantities of a measurement besides scale, background and efficiencies, by the names of its arguments."""

_SAME_Q = 1e-9  # relative difference up to which a probe's q is that of the data, which files round


def required_channels(owner: str, dataset: object) -> dict[str, Dataset]:
    """Return the datasets by channel, under "" where there is but one of an unpolarised beam, or raise."""
    if isinstance(dataset, Dataset):
        return {"": dataset}
    if not isinstance(dataset, Channels):
        message = f"{owner}: dataset must be a Dataset, or Channels of them; got a {type(dataset).__name__}"
        raise InvalidValueError(message)
    found: dict[str, Dataset] = {}
    for name, item in zip(Channels._fields, dataset, strict=True):
        if item is None:
            continue
        if not isinstance(item, Dataset):
            message = f"{owner}: dataset.{name} must be a Dataset or None; got a {type(item).__name__}"
            raise InvalidValueError(message)
        found[name] = item
    if not found:
        message = f"{owner}: dataset must have at least one channel; all of them are None"
        raise InvalidValueError(message)
    return found


def combined(owner: str, channels: Mapping[str, Dataset]) -> Dataset:
    """Return all channels one after the other as one dataset."""
    items = list(channels.values())
    columns = {}
    for name in ("q", "r", "dr", "dq", "counts", "normalisation"):
        arrays = [getattr(item, name) for item in items]
        if all(array is not None for array in arrays):
            columns[name] = np.concatenate(arrays)
        elif name == "dq" and any(array is not None for array in arrays):
            message = f"{owner}: all channels must have dq, or none of them; give a resolution"
            raise InvalidValueError(message)
    label = next((item.name for item in items if item.name is not None), None)
    if "counts" in columns:
        return Dataset.from_counts(columns["q"], columns["counts"], columns["normalisation"], columns.get("dq"), label)
    return Dataset(columns["q"], columns["r"], columns.get("dr"), columns.get("dq"), label)


def devices(owner: str, efficiencies: object) -> dict[str, Quantity]:
    """Return the efficiencies that were given, as quantities, or raise."""
    if efficiencies is None:
        return {}
    names = EfficiencyDerivatives._fields
    if isinstance(efficiencies, Efficiencies):
        arrays = {name: getattr(efficiencies, name) for name in names}
        if any(array.ndim for array in arrays.values()):
            message = f"{owner}: efficiencies must be numbers, the same for all points; give a mapping for parameters"
            raise InvalidValueError(message)
        efficiencies = {name: float(array) for name, array in arrays.items()}
    if not isinstance(efficiencies, Mapping):
        message = (
            f"{owner}: efficiencies must be kiessig.Efficiencies, a mapping or None; "
            f"got a {type(efficiencies).__name__}"
        )
        raise InvalidValueError(message)
    for name in efficiencies:
        if name not in names:
            message = f"{owner}: efficiencies names no device: {name!r}; known names are {', '.join(names)}"
            raise UnknownNameError(message)
    return {name: as_quantity(value, owner, f"efficiencies[{name!r}]") for name, value in efficiencies.items()}


def instrument_model(owner: str, measurement: Measurement) -> Model:
    """Return the model of a measurement, or raise where its parts do not go together."""
    fields = {name: getattr(measurement, name) for name in BEAM_FIELDS}
    fields = {name: item for name, item in fields.items() if not _does_nothing(item, BEAM_FIELDS[name])}
    forward = _forward(owner, measurement)
    grids = []
    for names, rows in _grids(measurement.channels):
        beam = _beam(owner, measurement, rows)
        require_moving(owner, fields, beam)
        physics = forward.with_channels(names) if isinstance(forward, Magnetic) else forward
        grids.append(Grid(physics, beam, _core.Plan()))
    return Model(grids, fields, measurement.scale, measurement.background)


def _does_nothing(item: Quantity, default: float) -> bool:
    return isinstance(item, float) and item == default


def _forward(owner: str, measurement: Measurement) -> Forward:
    """Return the physics."""
    sample: Any = measurement.sample
    if is_patches(sample):
        if "" not in measurement.channels:
            message = f"{owner}: sample must not consist of patches where data are polarised"
            raise InvalidValueError(message)
        forward: Forward = Patched(sample)
    else:
        if not isinstance(sample, Sample):
            message = f"{owner}: sample must be a Sample; got a {type(sample).__name__}"
            raise InvalidValueError(message)
        slabs = sample.slab_expressions()  # raises where the sample is not complete
        if "" not in measurement.channels or slabs.sld_magnetic is not None:
            return Magnetic(slabs, (), measurement.guide_angle, measurement.field, measurement.efficiencies)
        forward = Plain(slabs)
    if measurement.efficiencies:
        message = f"{owner}: efficiencies need polarised data: Channels(pp=..., pm=..., mp=..., mm=...)"
        raise InvalidValueError(message)
    return forward


def _grids(channels: Mapping[str, Dataset]) -> list[tuple[tuple[str, ...], slice]]:
    """Return the channels that have their points in common, and their place among all points, in order."""
    if "" in channels:
        return [((), slice(None))]
    groups: list[tuple[tuple[str, ...], slice]] = []
    start = 0
    last: Dataset | None = None
    for name, item in channels.items():
        place = slice(start, start + len(item))
        if last is not None and _same(last.q, item.q) and _same(last.dq, item.dq):
            groups[-1] = ((*groups[-1][0], name), groups[-1][1])
        else:
            groups.append(((name,), place))
        start, last = place.stop, item
    return groups


def _same(a: FloatArray | None, b: FloatArray | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))


def _beam(owner: str, measurement: Measurement, rows: slice) -> Beam:
    """Return the points of one grid; checks what belongs to them."""
    q = measurement.dataset.q[rows]
    dq = measurement.dataset.dq
    probe, resolution = measurement.probe, measurement.resolution
    if probe is not None:
        if not isinstance(probe, Probe):
            message = f"{owner}: probe must be a Probe or None; got a {type(probe).__name__}"
            raise InvalidValueError(message)
        if probe.q.shape != q.shape or not np.allclose(probe.q, q, rtol=_SAME_Q, atol=0.0):
            message = f"{owner}: probe must have the q of the dataset, {q.size} points; got {probe!r}"
            raise ShapeError(message)
    if measurement.footprint is not None and not isinstance(measurement.footprint, Footprint):
        message = f"{owner}: footprint must be a Footprint or None; got a {type(measurement.footprint).__name__}"
        raise InvalidValueError(message)
    if measurement.normalised_to not in ("beam", "sample"):
        message = f"{owner}: normalised_to must be 'beam' or 'sample'; got {measurement.normalised_to!r}"
        raise UnknownNameError(message)
    width: FloatArray | Resolution | None = None if dq is None else dq[rows]
    of_probe = width is None and resolution is None and probe is not None and probe.dq is not None
    if of_probe:
        assert probe is not None
        width = probe.dq
    if resolution is not None:
        widths = resolution.sigma(q)  # raises where its widths are not those of these points
        width = widths if resolution.is_gaussian else resolution
    wavelength = measurement.wavelength
    if wavelength is not None and wavelength.ndim:
        wavelength = wavelength[rows]
    return Beam(q, width, wavelength, probe, measurement.footprint, measurement.normalised_to, widths_of_probe=of_probe)
