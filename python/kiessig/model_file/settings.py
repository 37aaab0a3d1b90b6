"""How to fit and what to simulate, as a model file says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kiessig.instrument import FWHM_PER_SIGMA, Resolution
from kiessig.model_file.entry import Entry

__all__ = ["WIDTHS", "FitSettings", "SimulationSettings", "constant_resolution"]

WIDTHS = ("sigma", "fwhm")

_FIT_KEYS = ("method", "starts", "seed", "screen", "eliminate", "max_evaluations", "max_time", "options")
_SIMULATE_KEYS = ("q", "dq_over_q", "dq", "counts", "relative_error", "seed")
_MOST_POINTS = 1_000_000  # of a simulated curve: beyond any instrument, and a slip of the pen is told at once


@dataclass(frozen=True)
class FitSettings:
    """How to fit; the defaults are those of `Problem.fit`."""

    method: str = "levenberg-marquardt"
    starts: int = 1
    seed: int | None = None
    screen: int = 1
    eliminate: bool = False
    max_evaluations: int | None = None
    max_time: float | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, entry: Entry | None) -> FitSettings:
        """Read the mapping ``fit``."""
        from kiessig.optimize.methods import METHODS, check_options

        if entry is None:
            return cls()
        keys = entry.mapping(_FIT_KEYS)
        given: dict[str, Any] = {}
        if "method" in keys:
            given["method"] = keys["method"].choice(METHODS)
        for key, least in (("starts", 1), ("seed", 0), ("screen", 1), ("max_evaluations", 1)):
            if key in keys:
                given[key] = keys[key].whole_number(least)
        if "eliminate" in keys:
            given["eliminate"] = keys["eliminate"].choice(("true", "false")) == "true"
        if "max_time" in keys:
            given["max_time"] = keys["max_time"].positive("s")
        settings = cls(**given)
        if "options" in keys:
            method = METHODS[settings.method]
            options = keys["options"].any_mapping("a mapping of the method's options")
            with keys["options"].located():
                check_options(method, options)
            settings.options.update({name: _option(option) for name, option in options.items()})
        return settings


@dataclass(frozen=True)
class SimulationSettings:
    """What `kiessig simulate` measures."""

    q: npt.NDArray[np.float64]
    resolution: Resolution | None
    counts: float | None
    relative_error: float | None
    seed: int | None

    @classmethod
    def read(cls, entry: Entry) -> SimulationSettings:
        """Read the mapping ``simulate``."""
        keys = entry.mapping(_SIMULATE_KEYS, ["q"])
        noise = [key for key in ("counts", "relative_error") if key in keys]
        if len(noise) != 1:
            entry.fail(
                f"the noise is required, once; got {' and '.join(noise) or 'neither'}\n"
                "write counts: 1e6 (per point, at R = 1) or relative_error: 0.05"
            )
        if "dq" in keys and "dq_over_q" not in keys:
            keys["dq"].fail("says what dq_over_q is; there is no dq_over_q here")
        level = keys[noise[0]].positive()
        return cls(
            q=_q_points(keys["q"]),
            resolution=constant_resolution(entry, keys) if "dq_over_q" in keys else None,
            counts=level if noise == ["counts"] else None,
            relative_error=level if noise == ["relative_error"] else None,
            seed=keys["seed"].whole_number(0) if "seed" in keys else None,
        )


def constant_resolution(entry: Entry, keys: dict[str, Entry]) -> Resolution:
    """Return the resolution that the keys ``dq_over_q`` and ``dq`` of a mapping state."""
    if "dq" not in keys:
        entry.fail("'dq' is required beside dq_over_q, to say which width it is: dq: sigma or dq: fwhm")
    width = keys["dq_over_q"].number()
    if not 0.0 <= width < 1.0:
        keys["dq_over_q"].fail(f"must be a fraction, such as 0.05 for 5 %; got {keys['dq_over_q'].shown()}")
    if keys["dq"].choice(WIDTHS) == "fwhm":
        width /= FWHM_PER_SIGMA
    return Resolution.constant(width)


def _q_points(entry: Entry) -> npt.NDArray[np.float64]:
    if isinstance(entry.value, list):
        points = [item.positive("1/angstrom") for item in entry.sequence("a list of Q")]
        return np.array(points, dtype=np.float64)
    keys = entry.mapping(("start", "stop", "points", "spacing"), ["start", "stop", "points"])
    start, stop = keys["start"].positive("1/angstrom"), keys["stop"].positive("1/angstrom")
    if stop <= start:
        keys["stop"].fail(f"must be above start; start = {start:g}, stop = {stop:g} 1/angstrom")
    number = keys["points"].whole_number(2, _MOST_POINTS)
    spacing = keys["spacing"].choice(["linear", "log"]) if "spacing" in keys else "linear"
    grid = np.geomspace if spacing == "log" else np.linspace
    return np.asarray(grid(start, stop, number), dtype=np.float64)


def _option(entry: Entry) -> Any:
    """Return an option of a method: a number, whole where it is written so, a switch or a word."""
    number = entry.plain_number()
    if number is None:
        word = entry.text("a number or a word")
        return word == "true" if word in ("true", "false") else word
    return int(number) if str(entry.value).strip().lstrip("+-").isdigit() else number
