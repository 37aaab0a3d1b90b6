"""A model file as a whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kiessig.data import Dataset
from kiessig.model_file.document import read_document
from kiessig.model_file.entry import Entry
from kiessig.model_file.measurements import MeasurementSpec, read_measurements
from kiessig.model_file.quantities import Quantities
from kiessig.model_file.settings import FitSettings, SimulationSettings
from kiessig.parameters import Quantity
from kiessig.problem import Problem

__all__ = ["Model", "load_model"]

_KEYS = (
    "sample",
    "data",
    "scale",
    "background",
    "resolution",
    "misfit",
    "name",
    "parameters",
    "samples",
    "measurements",
    "fit",
    "simulate",
)


@dataclass(frozen=True)
class Model:
    """What a model file says, checked; no data file has been opened yet.

    Attributes
    ----------
    path : Path
        The model file.
    parameters : dict
        Named parameters and quantities.
    measurements : list of MeasurementSpec
        At least one.
    fit : FitSettings
        How to fit.
    """

    path: Path
    parameters: dict[str, Quantity]
    measurements: list[MeasurementSpec]
    fit: FitSettings
    _root: Entry
    _simulation: SimulationSettings | None

    def problem(self) -> Problem:
        """Read the data and build the problem.

        Returns
        -------
        Problem

        Raises
        ------
        ModelFileError
            If a measurement has no data, its file cannot be read or lacks something, or two parameters have the
            same name.
        """
        measurements = [spec.measurement() for spec in self.measurements]
        with self._root.located():
            problem = Problem(measurements)
        if not problem.parameters:
            self._root.fail(
                "there is nothing to fit, every quantity is a number\n"
                "write the ones to fit as {value: ..., bounds: [..., ...]}"
            )
        return problem

    def simulate(self, seed: int | None = None) -> list[Dataset]:
        """Draw what each measurement would see at the values in the file.

        Parameters
        ----------
        seed : int, optional
            Of the noise; by default the file's own, and without one different noise each time.

        Returns
        -------
        list of Dataset
            One for each measurement, with its name.

        Raises
        ------
        ModelFileError
            If the file does not say what to simulate, or the model curve has no noise to draw from.
        """
        import numpy as np

        from kiessig.simulation import simulate

        settings = self._simulation
        if settings is None:
            self._root.fail(
                "'simulate' is required to simulate, such as\n"
                "simulate: {q: {start: 0.01, stop: 0.3, points: 200}, dq_over_q: 0.02, dq: sigma, counts: 1e6}"
            )
        rng = np.random.default_rng(settings.seed if seed is None else seed)
        datasets = []
        for spec in self.measurements:
            with spec.entry.located():
                dataset = simulate(
                    settings.q,
                    spec.sample,
                    scale=spec.scale,
                    background=spec.background,
                    resolution=spec.resolution if settings.resolution is None else settings.resolution,
                    counts=settings.counts,
                    relative_error=settings.relative_error,
                    seed=rng,
                    name=spec.name,
                )
            datasets.append(dataset)
        return datasets


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : str or path
        YAML file. Data files in it are relative to its folder.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file cannot be read, or anything in it cannot be built; the message holds the file and the path of
        the key.

    Notes
    -----
    A file that describes one measurement::

        sample:                       # from the fronting to the backing
          - {name: air, sld: 0}
          - name: film
            thickness: {value: 250, bounds: [200, 300]}
            sld: {value: 4, bounds: [3, 5]}
            roughness: 5              # of the interface facing the beam
          - {name: silicon, sld: 2.07, roughness: 3}
        data: {file: film.dat, columns: [q, r, dr, dq], dq: fwhm, q_unit: 1/angstrom}
        background: {value: 1e-7, bounds: [0, 1e-5]}

    A quantity is a number, a parameter (``value``, and optionally ``bounds``, ``name`` and ``fixed``), or a formula
    over the names in ``parameters``, of numbers, names, ``+ - * / **``, parentheses and functions such as ``sqrt(a)``
    or, in quotes for its comma, ``'minimum(a, b)'``. Wherever a name, or a YAML alias of a parameter, stands, it is
    the same parameter. In place of ``sld`` (and ``sld_imag``) a layer may have
    ``material: {formula: SiO2, density: 2.2, radiation: neutron}``, with ``wavelength`` for X-rays.

    Several measurements are a list ``measurements``, each with the keys ``name``, ``sample``, ``data``, ``scale``,
    ``background``, ``resolution`` and ``misfit``; its sample is a list of layers, or the name of one in ``samples``.

    ``data`` is the name of an ``.ort`` file, or a mapping of ``file``, ``columns``, ``dq`` (sigma or fwhm), ``q_unit``,
    ``bad_rows`` (see `kiessig.load`), ``q_min``, ``q_max`` (1/angstrom) and ``data_set`` (its number in a file of
    several). ``resolution`` is ``data`` (the default), ``none``, or ``{dq_over_q: 0.02, dq: sigma}`` with either width.
    ``misfit`` is chi2 or log. ``fit`` has ``method``, ``starts``, ``seed``, ``screen``, ``eliminate`` (true or false),
    ``max_evaluations``, ``max_time`` in seconds, and ``options`` of the method. ``simulate`` has ``q`` (a list, or
    ``start``, ``stop``, ``points`` and ``spacing``, linear or log), ``dq_over_q`` with ``dq``, and ``counts`` per point
    at R = 1, or ``relative_error``; and a ``seed``.
    """
    file = Path(path)
    root = Entry(read_document(file), file)
    if not isinstance(root.value, dict):
        root.fail(f"a model is a mapping of keys such as sample and data; got {root.shown()}")
    keys = root.mapping(_KEYS)
    quantities = Quantities(keys.get("parameters"))
    return Model(
        path=file,
        measurements=read_measurements(root, keys, quantities),
        parameters=quantities.named,
        fit=FitSettings.read(keys.get("fit")),
        _root=root,
        _simulation=SimulationSettings.read(keys["simulate"]) if "simulate" in keys else None,
    )
