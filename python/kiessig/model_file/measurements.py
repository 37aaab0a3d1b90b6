"""Measurements of a model file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kiessig.data import BAD_ROWS, Dataset
from kiessig.instrument import FWHM_PER_SIGMA, Resolution
from kiessig.misfit import MISFITS
from kiessig.model_file.document import nearest
from kiessig.model_file.entry import Entry
from kiessig.model_file.quantities import Quantities
from kiessig.model_file.samples import read_sample
from kiessig.model_file.settings import WIDTHS, constant_resolution
from kiessig.parameters import Quantity
from kiessig.problem import Measurement
from kiessig.sample import Sample

__all__ = ["MeasurementSpec", "read_measurements"]

_MEASUREMENT_KEYS = ("name", "sample", "data", "scale", "background", "resolution", "misfit")
_DATA_KEYS = ("file", "columns", "dq", "q_unit", "q_min", "q_max", "bad_rows", "data_set")


@dataclass(frozen=True)
class DataSource:
    """A data file and how to read it."""

    entry: Entry
    file: Path
    options: dict[str, Any] = field(default_factory=dict)
    q_min: float | None = None
    q_max: float | None = None
    data_set: Entry | None = None

    def load(self) -> Dataset:
        """Read the file; whatever prevents it is a ModelFileError."""
        from kiessig.io import load

        with self.entry.located():
            datasets = load(self.file, **self.options)
        dataset = self._choose(datasets)
        if self.q_min is not None or self.q_max is not None:
            with self.entry.located():
                dataset = dataset.select(q_min=self.q_min, q_max=self.q_max)
        return dataset

    def _choose(self, datasets: list[Dataset]) -> Dataset:
        names = ", ".join(f"{i} {dataset.name!r}" for i, dataset in enumerate(datasets))
        if self.data_set is None:
            if len(datasets) > 1:
                self.entry.fail(f"{self.file.name} holds {len(datasets)} data sets; say which with 'data_set': {names}")
            return datasets[0]
        chosen = self.data_set.whole_number(0)
        if chosen >= len(datasets):
            self.data_set.fail(f"{self.file.name} has no data set {chosen}; it holds {names}")
        return datasets[chosen]


@dataclass(frozen=True)
class MeasurementSpec:
    """A measurement as far as the model file alone says it; the data are read later, if at all."""

    entry: Entry
    name: str | None
    sample: Sample
    scale: Quantity
    background: Quantity
    resolution: Resolution | None
    misfit: str
    data: DataSource | None

    def measurement(self) -> Measurement:
        """Read the data and build the measurement; whatever prevents it is a ModelFileError."""
        if self.data is None:
            self.entry.fail("'data' is required for a fit, such as data: {file: film.ort}")
        dataset = self.data.load()
        if self.resolution is None and dataset.dq is None:
            self.entry.fail(
                f"'resolution' is required, {self.data.file.name} has none\n"
                "write resolution: none, or resolution: {dq_over_q: 0.02, dq: sigma} (dq: fwhm for full widths)"
            )
        with self.entry.located():
            return Measurement(
                dataset,
                self.sample,
                scale=self.scale,
                background=self.background,
                resolution=self.resolution,
                misfit=self.misfit,
                name=self.name,
            )


def read_measurements(root: Entry, keys: dict[str, Entry], quantities: Quantities) -> list[MeasurementSpec]:
    """Read the one measurement that the file itself describes, or the list of them."""
    samples: dict[str, Sample] = {}
    if "samples" in keys:
        for name, entry in keys["samples"].any_mapping("a mapping of names to lists of layers").items():
            samples[name] = read_sample(entry, quantities, name)
    if "measurements" not in keys:
        if "sample" not in keys:
            root.fail(f"'sample' (or 'measurements') is required; the keys here are {', '.join(keys)}")
        own = {key: keys[key] for key in _MEASUREMENT_KEYS if key in keys}
        return [_measurement(root, own, quantities, samples)]
    for key in _MEASUREMENT_KEYS:
        if key in keys:
            keys[key].fail("does not go with 'measurements'; write it into each measurement of the list")
    found = []
    for entry in keys["measurements"].sequence("a list of measurements"):
        own = entry.mapping(_MEASUREMENT_KEYS, ["sample"])
        found.append(_measurement(entry, own, quantities, samples))
    return found


def _measurement(
    entry: Entry, keys: dict[str, Entry], quantities: Quantities, samples: dict[str, Sample]
) -> MeasurementSpec:
    name = keys["name"].text() if "name" in keys else None
    misfit = keys["misfit"].choice(MISFITS) if "misfit" in keys else "chi2"
    chosen = keys["sample"]
    if isinstance(chosen.value, str):
        if chosen.value not in samples:
            known = f"samples are {', '.join(samples)}" if samples else "there is no top-level 'samples'"
            chosen.fail(f"no sample is called {chosen.value!r}{nearest(chosen.value, samples)}; {known}")
        sample = samples[chosen.value]
    else:
        sample = read_sample(chosen, quantities, name)
    return MeasurementSpec(
        entry=entry,
        name=name,
        sample=sample,
        scale=quantities.read(keys["scale"]) if "scale" in keys else 1.0,
        background=quantities.read(keys["background"]) if "background" in keys else 0.0,
        resolution=_resolution(keys["resolution"]) if "resolution" in keys else None,
        misfit=misfit,
        data=_data(keys["data"]) if "data" in keys else None,
    )


def _resolution(entry: Entry) -> Resolution | None:
    if isinstance(entry.value, str) and entry.plain_number() is None:
        return Resolution.none() if entry.choice(["data", "none"]) == "none" else None
    if not isinstance(entry.value, dict):
        entry.fail(
            f"must be 'data', 'none' or {{dq_over_q: 0.02, dq: sigma}}; got {entry.shown()}\n"
            "dq: sigma or fwhm says which width dq_over_q is"
        )
    return constant_resolution(entry, entry.mapping(["dq_over_q", "dq"], ["dq_over_q"]))


def _data(entry: Entry) -> DataSource:
    folder = entry.file.parent
    if isinstance(entry.value, str):
        entry = Entry({"file": entry.value}, entry.file, entry.path)
    keys = entry.mapping(_DATA_KEYS, ["file"])
    file = folder / keys["file"].text("a file name")
    options: dict[str, Any] = {}
    if "columns" in keys:
        columns = keys["columns"].sequence("a list such as [q, r, dr, dq]")
        options["columns"] = [None if column.value is None else column.text() for column in columns]
    if "dq" in keys:
        options["dq"] = keys["dq"].choice(WIDTHS)
    if "q_unit" in keys:
        options["q_unit"] = keys["q_unit"].choice(["1/angstrom", "1/nm"])
    if "bad_rows" in keys:
        options["bad_rows"] = keys["bad_rows"].choice(BAD_ROWS)
    if file.suffix.lower() != ".ort":
        _require_labels(entry, options)
    return DataSource(
        entry=entry,
        file=file,
        options=options,
        q_min=keys["q_min"].number() if "q_min" in keys else None,
        q_max=keys["q_max"].number() if "q_max" in keys else None,
        data_set=keys.get("data_set"),
    )


def _require_labels(entry: Entry, options: dict[str, Any]) -> None:
    """Raise where column text lacks what only its owner can know."""
    if "columns" not in options:
        entry.fail("'columns' is required for a text file, such as columns: [q, r, dr, dq] ('_' for one to skip)")
    if "dq" not in options and any(str(name).strip().lower() == "dq" for name in options["columns"]):
        entry.fail(
            f"'dq' is required, to say what the column dq holds: dq: sigma or dq: fwhm\n"
            f"it decides the misfit: FWHM = {FWHM_PER_SIGMA:.4f} sigma"
        )
    if "q_unit" not in options:
        entry.fail("'q_unit' is required for a text file: q_unit: 1/angstrom or q_unit: 1/nm")
