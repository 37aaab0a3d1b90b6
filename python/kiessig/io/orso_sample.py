"""The sample that the header of an ORSO text file describes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kiessig.errors import DataError
from kiessig.io.columns import read_text
from kiessig.io.orso import parse_ort
from kiessig.sample import Sample

__all__ = ["load_sample"]


def load_sample(
    path: str | os.PathLike[str],
    *,
    data_set: int = 0,
    radiation: str | None = None,
    wavelength: float | None = None,
) -> Sample:
    """Build the sample that the header of an ORSO text file describes.

    Parameters
    ----------
    path : str or path
        An ``.ort`` file.
    data_set : int
        Which of its data sets, from 0.
    radiation : {"neutron", "x-ray"}, optional
        What is scattered, where the header does not state its probe.
    wavelength : float, optional
        In angstrom; required for X-rays, see `kiessig.Material`.

    Returns
    -------
    Sample

    Raises
    ------
    DataError
        If the file cannot be read, has no such data set, or its header no sample model or no probe.
    InvalidValueError
        As `Sample.from_orso`.

    See Also
    --------
    kiessig.load : the curves.
    kiessig.Sample.from_orso : the same from a string.
    """
    place = Path(path)
    entries = parse_ort(place, read_text(place))
    if not 0 <= data_set < len(entries):
        message = f"load_sample: data_set must be from 0 to {len(entries) - 1}, as {path} has; got {data_set!r}"
        raise DataError(message)
    source = getattr(entries[data_set].info, "data_source", None)
    model = getattr(getattr(source, "sample", None), "model", None)
    if model is None:
        message = f"load_sample: {path} must describe its sample by a model in the header; it has none"
        raise DataError(message)
    stated = getattr(getattr(source, "experiment", None), "probe", None)
    probe = radiation or {"neutron": "neutron", "xray": "x-ray", "x-ray": "x-ray"}.get(str(stated or "").lower())
    if probe is None:
        message = (
            f"load_sample: {path} must state neutrons or x-rays as its probe; "
            "pass radiation='neutron' or radiation='x-ray'"
        )
        raise DataError(message)
    described = model if isinstance(model, Mapping) else model.to_dict()
    return Sample.from_orso(described, radiation=probe, wavelength=wavelength)
