"""The measured curves, from the folder of reference data or, where that is absent, from refnx's wheel."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import kiessig as ks
from benchmarks.rivals import MissingRivalError

_SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
# name here -> name in the folder of reference data, and below the package in refnx's wheel
_FILES = {
    "quartz film": ("quartz_film.csv", "reflect/tests/.Quartz_data.txt"),
    "DMPC in D2O": ("c_PLP0016596.dat", "analysis/tests/c_PLP0016596.dat"),
    "DMPC in mixed water": ("c_PLP0016601.dat", "analysis/tests/c_PLP0016601.dat"),
    "DMPC in H2O": ("c_PLP0016607.dat", "analysis/tests/c_PLP0016607.dat"),
}


def path(name: str) -> Path:
    """Return where the file of a measurement lies; raises MissingRivalError where it is nowhere."""
    reference, packaged = _FILES[name]
    candidates = [Path(os.environ.get("KIESSIG_DATA", _SHARED)) / "measured" / reference]
    found = importlib.util.find_spec("refnx")
    if found is not None and found.submodule_search_locations:
        candidates.append(Path(found.submodule_search_locations[0]) / packaged)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    message = f"{reference} is neither in the folder that KIESSIG_DATA names nor in an installed refnx"
    raise MissingRivalError(message)


def quartz_film() -> ks.Dataset:
    """732 points of a thick oxide film on silicon; the last column is read as its label says, as FWHM."""
    columns = ["_", "q", "r", "dr", "dq"]
    (data,) = ks.load(path("quartz film"), columns=columns, dq="fwhm", q_unit="1/angstrom")
    return data


def bilayer() -> dict[str, ks.Dataset]:
    """137, 97 and 104 points of a DMPC bilayer on silicon in three waters."""
    curves = {}
    for water in ("D2O", "mixed water", "H2O"):
        columns = ["q", "r", "dr", "dq"]
        (curves[water],) = ks.load(path(f"DMPC in {water}"), columns=columns, dq="fwhm", q_unit="1/angstrom")
    return curves
