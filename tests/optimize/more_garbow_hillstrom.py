"""Functions of Moré, Garbow and Hillstrom beyond those in `problems`, with their numbers, usual starts and minima.

J. J. Moré, B. S. Garbow and K. E. Hillstrom, ACM Trans. Math. Softw. 7, 17 (1981), doi:10.1145/355934.355936. Minima
have the six digits that are printed there, and where there are several all of them: the first is the lowest. In number
11 the paper's ``y_i m i x_2`` is read as ``y_i - x_2``, as everybody does. Derivatives are by the complex step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimize.problems import FUNCTIONS, Fit, _numbers
from optimize.strd import MGH09, MGH10, MGH17, complex_step

__all__ = ["COLLECTION", "Case"]


@dataclass(frozen=True)
class Case:
    """A function, where searches begin, and the misfits that they may end at."""

    number: int
    name: str
    fit: Fit
    start: tuple[float, ...]
    minima: tuple[float, ...]

    def __str__(self) -> str:
        return self.name


def _case(number, name, residuals, start, *minima) -> Case:
    def array(x):
        return np.stack([np.asarray(value) + 0.0 * x[0] for value in residuals(x)])

    return Case(number, name, Fit(array, complex_step(array)), tuple(start), minima)


def _vector(number, name, residuals, start, *minima) -> Case:
    return Case(number, name, Fit(residuals, complex_step(residuals)), tuple(start), minima)


def _absolute(z):
    return z * np.where(np.real(z) < 0.0, -1.0, 1.0)


_TENTHS = 0.1 * np.arange(1, 11)
_GAUSSIAN = np.array([9, 44, 175, 540, 1295, 2420, 3521, 3989, 3521, 2420, 1295, 540, 175, 44, 9]) / 1e4
_GULF_T = np.arange(1, 100) / 100.0
_GULF_Y = 25.0 + (-50.0 * np.log(_GULF_T)) ** (2.0 / 3.0)
_BROWN_DENNIS_T = np.arange(1, 21) / 5.0
_BIGGS_T = 0.1 * np.arange(1, 14)
_BIGGS_Y = np.exp(-_BIGGS_T) - 5.0 * np.exp(-10.0 * _BIGGS_T) + 3.0 * np.exp(-4.0 * _BIGGS_T)
_OSBORNE_T = np.arange(65) / 10.0
_OSBORNE_Y = np.array(
    _numbers(
        """
        1.366 1.191 1.112 1.013 0.991 0.885 0.831 0.847 0.786 0.725 0.746 0.679 0.608 0.655 0.616 0.606 0.602 0.626
        0.651 0.724 0.649 0.649 0.694 0.644 0.624 0.661 0.612 0.558 0.533 0.495 0.500 0.423 0.395 0.375 0.372 0.391
        0.396 0.405 0.428 0.429 0.523 0.562 0.607 0.653 0.672 0.708 0.633 0.668 0.645 0.632 0.591 0.559 0.597 0.625
        0.739 0.710 0.729 0.720 0.636 0.581 0.428 0.292 0.162 0.098 0.054
        """
    )
)


def _osborne(x):
    t = _OSBORNE_T
    return _OSBORNE_Y - (
        x[0] * np.exp(-t * x[4])
        + x[1] * np.exp(-((t - x[8]) ** 2) * x[5])
        + x[2] * np.exp(-((t - x[9]) ** 2) * x[6])
        + x[3] * np.exp(-((t - x[10]) ** 2) * x[7])
    )


def _watson(x):
    t = np.arange(1, 30)[:, np.newaxis] / 29.0
    j = np.arange(x.size)
    slope = (j[1:] * x[1:] * t ** (j[1:] - 1)).sum(axis=1)
    value = (x * t**j).sum(axis=1)
    return np.concatenate([slope - value**2 - 1.0, [x[0], x[1] - x[0] ** 2 - 1.0]])


def _rosenbrock(x):
    return np.concatenate([10.0 * (x[1::2] - x[::2] ** 2), 1.0 - x[::2]])


def _powell(x):
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    parts = a + 10.0 * b, np.sqrt(5.0) * (c - d), (b - 2.0 * c) ** 2, np.sqrt(10.0) * (a - d) ** 2
    return np.concatenate(parts)


def _penalty(x):
    return np.concatenate([np.sqrt(1e-5) * (x - 1.0), [(x**2).sum() - 0.25]])


def _second_penalty(x):
    n = x.size
    i = np.arange(2, n + 1)
    y = np.exp(i / 10.0) + np.exp((i - 1) / 10.0)
    root = np.sqrt(1e-5)
    return np.concatenate(
        [
            [x[0] - 0.2],
            root * (np.exp(x[1:] / 10.0) + np.exp(x[:-1] / 10.0) - y),
            root * (np.exp(x[1:] / 10.0) - np.exp(-0.1)),
            [(np.arange(n, 0, -1) * x**2).sum() - 1.0],
        ]
    )


def _variably_dimensioned(x):
    total = (np.arange(1, x.size + 1) * (x - 1.0)).sum()
    return np.concatenate([x - 1.0, [total, total**2]])


def _trigonometric(x):
    i = np.arange(1, x.size + 1)
    return x.size - np.cos(x).sum() + i * (1.0 - np.cos(x)) - np.sin(x)


def _brown_almost_linear(x):
    return np.concatenate([x[:-1] + x.sum() - (x.size + 1.0), [np.prod(x) - 1.0]])


def _boundary_value(x):
    h = 1.0 / (x.size + 1)
    t = h * np.arange(1, x.size + 1)
    padded = np.concatenate([[0.0], x, [0.0]])
    return 2.0 * x - padded[:-2] - padded[2:] + 0.5 * h**2 * (x + t + 1.0) ** 3


def _integral(x):
    n = x.size
    h = 1.0 / (n + 1)
    t = h * np.arange(1, n + 1)
    cubes = (x + t + 1.0) ** 3
    before, after = np.cumsum(t * cubes), np.cumsum(((1.0 - t) * cubes)[::-1])[::-1]
    return x + 0.5 * h * ((1.0 - t) * before + t * np.concatenate([after[1:], [0.0]]))


def _broyden_tridiagonal(x):
    padded = np.concatenate([[0.0], x, [0.0]])
    return (3.0 - 2.0 * x) * x - padded[:-2] - 2.0 * padded[2:] + 1.0


def _broyden_banded(x):
    n = x.size
    band = np.array([[(i - 5 <= j <= i + 1) and i != j for j in range(n)] for i in range(n)], dtype=float)
    return x * (2.0 + 5.0 * x**2) + 1.0 - band @ (x * (1.0 + x))


def _linear_full_rank(x, m=20):
    padded = np.concatenate([x, np.zeros(m - x.size)])
    return padded - 2.0 / m * x.sum() - 1.0


def _linear_rank_one(x, m=20):
    return np.arange(1, m + 1) * (np.arange(1, x.size + 1) * x).sum() - 1.0


_N = 10
_T = np.arange(1, _N + 1) / (_N + 1.0)
_MORE = (
    _vector(
        6,
        "Jennrich-Sampson",
        lambda x: 2.0 + 2.0 * np.arange(1, 11) - np.exp(np.arange(1, 11) * x[0]) - np.exp(np.arange(1, 11) * x[1]),
        (0.3, 0.4),
        124.362,
    ),
    _vector(
        9,
        "Gaussian",
        lambda x: x[0] * np.exp(-0.5 * x[1] * (0.5 * (7.0 - np.arange(15)) - x[2]) ** 2) - _GAUSSIAN,
        (0.4, 1.0, 0.0),
        1.12793e-8,
    ),
    Case(10, "Meyer", MGH10.objective(), MGH10.starts[1], (87.9458,)),
    _vector(
        11,
        "Gulf research and development",
        lambda x: np.exp(-(_absolute(_GULF_Y - x[1]) ** x[2]) / x[0]) - _GULF_T,
        (5.0, 2.5, 0.15),
        0.0,
    ),
    _vector(
        12,
        "Box three-dimensional",
        lambda x: (
            np.exp(-_TENTHS * x[0]) - np.exp(-_TENTHS * x[1]) - x[2] * (np.exp(-_TENTHS) - np.exp(-10.0 * _TENTHS))
        ),
        (0.0, 10.0, 20.0),
        0.0,
    ),
    Case(15, "Kowalik-Osborne", MGH09.objective(), MGH09.starts[1], (3.07505e-4,)),
    _vector(
        16,
        "Brown-Dennis",
        lambda x: (
            (x[0] + _BROWN_DENNIS_T * x[1] - np.exp(_BROWN_DENNIS_T)) ** 2
            + (x[2] + x[3] * np.sin(_BROWN_DENNIS_T) - np.cos(_BROWN_DENNIS_T)) ** 2
        ),
        (25.0, 5.0, -5.0, -1.0),
        85822.2,
    ),
    Case(17, "Osborne 1", MGH17.objective(), MGH17.starts[1], (5.46489e-5,)),
    _vector(
        18,
        "Biggs EXP6",
        lambda x: (
            x[2] * np.exp(-_BIGGS_T * x[0])
            - x[3] * np.exp(-_BIGGS_T * x[1])
            + x[5] * np.exp(-_BIGGS_T * x[4])
            - _BIGGS_Y
        ),
        (1.0, 2.0, 1.0, 1.0, 1.0, 1.0),
        0.0,
        5.65565e-3,
    ),
    _vector(19, "Osborne 2", _osborne, (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), 4.01377e-2),
    _vector(20, "Watson", _watson, np.zeros(6), 2.28767e-3),
    _vector(21, "extended Rosenbrock", _rosenbrock, (-1.2, 1.0) * 5, 0.0),
    _vector(22, "extended Powell singular", _powell, (3.0, -1.0, 0.0, 1.0) * 2, 0.0),
    _vector(23, "penalty I", _penalty, np.arange(1.0, 11.0), 7.08765e-5),
    _vector(24, "penalty II", _second_penalty, np.full(4, 0.5), 9.37629e-6),
    _vector(25, "variably dimensioned", _variably_dimensioned, 1.0 - np.arange(1, _N + 1) / _N, 0.0),
    _vector(26, "trigonometric", _trigonometric, np.full(_N, 1.0 / _N), 0.0, 2.79506e-5),
    _vector(27, "Brown almost-linear", _brown_almost_linear, np.full(_N, 0.5), 0.0, 1.0),
    _vector(28, "discrete boundary value", _boundary_value, _T * (_T - 1.0), 0.0),
    _vector(29, "discrete integral equation", _integral, _T * (_T - 1.0), 0.0),
    _vector(30, "Broyden tridiagonal", _broyden_tridiagonal, -np.ones(_N), 0.0),
    _vector(31, "Broyden banded", _broyden_banded, -np.ones(_N), 0.0),
    _vector(32, "linear, full rank", _linear_full_rank, np.ones(_N), 10.0),
    # m (m - 1) / (2 (2 m + 1)) with m = 20
    _vector(33, "linear, rank one", _linear_rank_one, np.ones(_N), 190.0 / 41.0),
)

COLLECTION = tuple(
    sorted(
        (*(Case(f.number, f.name, f.fit, f.start, (f.value,)) for f in FUNCTIONS), *_MORE),
        key=lambda case: case.number,
    )
)
