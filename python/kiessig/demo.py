"""A fit from start to end on a simulated measurement, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kiessig.instrument import Resolution
from kiessig.parameters import Parameter
from kiessig.problem import Measurement, Problem
from kiessig.sample import Layer
from kiessig.simulation import simulate

if TYPE_CHECKING:
    from kiessig.result import FitResult

__all__ = ["Demo", "run_demo"]

_TRUTH = {
    "film thickness": 312.0,
    "film sld": 5.4,
    "film roughness": 6.0,
    "silicon roughness": 4.0,
    "scale": 1.02,
    "background": 4e-7,
}
_START = {
    "film thickness": 290.0,
    "film sld": 4.5,
    "film roughness": 12.0,
    "silicon roughness": 8.0,
    "scale": 0.9,
    "background": 2e-6,
}
_BOUNDS = {
    "film thickness": (250, 350),
    "film sld": (3, 7),
    "film roughness": (0, 20),
    "silicon roughness": (0, 20),
    "scale": (0.8, 1.2),
    "background": (0, 1e-5),
}


@dataclass(frozen=True)
class Demo:
    """What `run_demo` did.

    Attributes
    ----------
    problem : Problem
        The measurement and its model, at the fitted values.
    start, truth : dict
        Values by name: where the fit started, and what the measurement was simulated with.
    result : FitResult
        What the fit found.
    """

    problem: Problem
    start: dict[str, float]
    truth: dict[str, float]
    result: FitResult


def run_demo(seed: int = 7, *, progress: bool = True) -> Demo:
    """Simulate a film on silicon at a time-of-flight reflectometer, and fit it from a wrong start.

    Parameters
    ----------
    seed : int
        Of the counting noise.
    progress : bool
        Show a progress bar should the fit take longer than a second.

    Returns
    -------
    Demo

    Raises
    ------
    InvalidValueError
        If the seed is not valid.

    Examples
    --------
    >>> from kiessig.demo import run_demo
    >>> demo = run_demo(progress=False)
    >>> demo.result.success
    True
    """
    parameters = {name: Parameter(_TRUTH[name], bounds=bounds, name=name) for name, bounds in _BOUNDS.items()}
    thickness, sld, film_roughness, silicon_roughness, scale, background = parameters.values()
    sample = (
        Layer(sld=0, name="air")
        | Layer(thickness, sld, roughness=film_roughness, name="film")
        | Layer(sld=2.07, roughness=silicon_roughness, name="silicon")
    )

    q = np.geomspace(0.008, 0.3, 250)
    # Counting lasts longer, and slits are wider, at higher angles: where the reflectivity needs it.
    counts = 5e4 * (q / q[0]) ** 2
    dataset = simulate(
        q,
        sample,
        scale=scale,
        background=background,
        resolution=Resolution.constant(0.02),
        counts=counts,
        seed=seed,
        name="simulated",
    )

    for name, value in _START.items():
        parameters[name].value = value
    problem = Problem(Measurement(dataset, sample, scale=scale, background=background))
    result = problem.fit(progress=progress)
    return Demo(problem, dict(_START), dict(_TRUTH), result)
