"""A film that swells while it is measured: a thousand short exposures, each to be fitted by itself.

One curve is fitted in about a millisecond; what a loop over the curves costs beyond the kernels is what a batch saves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import kiessig as ks

FloatArray = NDArray[np.float64]

NAMES = ("thickness", "sld", "roughness", "scale", "background")
LOWER = np.array([150.0, 2.0, 0.0, 0.8, 1e-8])
UPPER = np.array([350.0, 7.0, 20.0, 1.2, 1e-4])
START = np.array([240.0, 5.0, 6.0, 1.0, 3e-6])  # of every curve
SILICON_SLD, SILICON_ROUGHNESS = 2.07, 3.0
N_CURVES, N_POINTS = 1000, 60
RELATIVE_WIDTH = 0.025
COUNTS = 2e4  # neutrons that a point of an exposure would collect at a reflectivity of 1, at the lowest Q


class Series:
    """The curves and their models: an objective whose members have data of their own.

    `x` has shape (..., 5); `members` tells, for each row of x, which curve it belongs to: all in order by default.
    """

    takes_members = True

    def __init__(self, q: FloatArray, r: FloatArray, dr: FloatArray) -> None:
        self.q, self.r, self.dr = q, r, dr
        self._plan = ks.Plan(q, RELATIVE_WIDTH * q)

    def __len__(self) -> int:
        return len(self.r)

    def residuals(self, x: FloatArray, members: Any = None) -> FloatArray:
        chosen = slice(None) if members is None else members
        return (self.r[chosen] - self._plan.reflectivity(**_slabs(x))) / self.dr[chosen]

    def residuals_and_jacobian(self, x: FloatArray, members: Any = None) -> tuple[FloatArray, FloatArray]:
        chosen = slice(None) if members is None else members
        model, slopes = self._plan.jacobian(**_slabs(x))
        columns = (
            slopes.thickness[..., 0],
            slopes.sld[..., 1],
            slopes.roughness[..., 0],
            slopes.scale,
            slopes.background,
        )
        weight = 1.0 / self.dr[chosen]
        return (self.r[chosen] - model) * weight, -np.stack(columns, axis=-1) * weight[..., np.newaxis]

    def jacobian(self, x: FloatArray, members: Any = None) -> FloatArray:
        return self.residuals_and_jacobian(x, members)[1]

    def value_and_gradient(self, x: FloatArray, members: Any = None) -> tuple[Any, FloatArray]:
        residuals, jacobian = self.residuals_and_jacobian(x, members)
        return np.sum(residuals**2, axis=-1), 2.0 * np.einsum("...ij,...i->...j", jacobian, residuals)

    def alone(self, index: int) -> One:
        """Return the objective of one curve."""
        return One(Series(self.q, self.r[index], self.dr[index]))


class One:
    """One curve, as `scipy.optimize.least_squares` takes it: it asks for the Jacobian where it had the residuals."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._x: FloatArray | None = None
        self._known: tuple[FloatArray, FloatArray] | None = None

    def residuals(self, x: FloatArray) -> FloatArray:
        return self._both(x)[0]

    def jacobian(self, x: FloatArray) -> FloatArray:
        return self._both(x)[1]

    def _both(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self._known is None or not np.array_equal(x, self._x):
            self._x, self._known = x.copy(), self._series.residuals_and_jacobian(x)
        return self._known


class Experiment(NamedTuple):
    """The series and what it was simulated with, shape (n_curves, 5)."""

    series: Series
    truth: FloatArray


def simulated(seed: int = 0, n_curves: int = N_CURVES) -> Experiment:
    """Draw the series: thickness, density and roughness change together as the vapour goes in."""
    rng = np.random.default_rng(seed)
    progress = 1.0 - np.exp(-3.0 * np.linspace(0.0, 1.0, n_curves))
    truth = np.stack(
        [
            205.0 + 70.0 * progress,
            6.2 - 1.6 * progress,
            4.0 + 4.0 * progress,
            np.full(n_curves, 1.02),
            np.full(n_curves, 2e-6),
        ],
        axis=-1,
    )
    q = np.geomspace(0.01, 0.15, N_POINTS)
    counts = COUNTS * (q / q[0]) ** 2  # slits open with the angle, so that the footprint on the sample stays the same
    exact = ks.Plan(q, RELATIVE_WIDTH * q).reflectivity(**_slabs(truth))
    expected = exact * counts
    return Experiment(Series(q, rng.poisson(expected) / counts, np.sqrt(expected) / counts), truth)


def _slabs(x: FloatArray) -> dict[str, Any]:
    """Arguments of the kernels for values of the parameters, shape (..., 5)."""
    ones = np.ones(x.shape[:-1])
    return {
        "thickness": x[..., :1],
        "sld": np.stack([0.0 * ones, x[..., 1], SILICON_SLD * ones], axis=-1),
        "roughness": np.stack([x[..., 2], SILICON_ROUGHNESS * ones], axis=-1),
        "scale": x[..., 3],
        "background": x[..., 4],
    }


def problem_of(series: Series) -> ks.Problem:
    """Build the problem of one curve of the series."""
    bounds = zip(LOWER, UPPER, strict=True)
    p = [ks.Parameter(x, box, name=name) for x, box, name in zip(START, bounds, NAMES, strict=True)]
    film = ks.Layer(p[0], sld=p[1], roughness=p[2])
    sample = ks.Layer(sld=0.0) | film | ks.Layer(sld=SILICON_SLD, roughness=SILICON_ROUGHNESS)
    resolution = ks.Resolution.gaussian(RELATIVE_WIDTH * series.q)
    data = ks.Dataset(series.q, series.r[0], dr=series.dr[0])
    return ks.Problem(ks.Measurement(data, sample, scale=p[3], background=p[4], resolution=resolution))


def minimum(experiment: Experiment) -> float:
    """Return the sum of the lowest misfits, each found from the truth of its curve."""
    from kiessig.optimize import minimize

    series = experiment.series
    total = 0.0
    for index, start in enumerate(experiment.truth):
        total += minimize(Series(series.q, series.r[index], series.dr[index]), start, (LOWER, UPPER)).value
    return total
