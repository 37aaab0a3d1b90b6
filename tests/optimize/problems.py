"""Test problems with exact Jacobians.

The NIST problems are the Statistical Reference Datasets for nonlinear regression (NIST/ITL StRD, public domain,
https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml); data, starts and certified values are theirs. The others are
from J. J. Moré, B. S. Garbow and K. E. Hillstrom, ACM Trans. Math. Softw. 7, 17 (1981), doi:10.1145/355934.355936, with
their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


class Fit:
    """An objective made of two functions."""

    def __init__(self, residuals: Callable, jacobian: Callable) -> None:
        self._residuals, self._jacobian = residuals, jacobian

    def residuals(self, x):
        with np.errstate(over="ignore"):
            return np.asarray(self._residuals(x), dtype=float)

    def jacobian(self, x):
        return np.asarray(self._jacobian(x), dtype=float)

    def value_and_gradient(self, x):
        r = self.residuals(x)
        return float(r @ r), 2.0 * self.jacobian(x).T @ r


class FitBoth(Fit):
    """The same, and residuals and Jacobian at once."""

    def residuals_and_jacobian(self, x):
        return self.residuals(x), self.jacobian(x)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split())


@dataclass(frozen=True)
class Nist:
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    model: Callable
    derivatives: Callable
    starts: tuple[tuple[float, ...], tuple[float, ...]]
    certified: tuple[float, ...]
    deviations: tuple[float, ...]
    residual_sum: float

    def objective(self, kind: type[Fit] = Fit) -> Fit:
        x, y = np.array(self.x), np.array(self.y)
        return kind(lambda b: self.model(x, b) - y, lambda b: np.column_stack(self.derivatives(x, b)))

    def __str__(self) -> str:
        return self.name


MISRA1A = Nist(
    name="Misra1a",
    x=_numbers(
        """
        77.6 114.9 141.1 190.8 239.9 289.0 332.8 378.4 434.8 477.3 536.8 593.1 689.1 760.0
        """
    ),
    y=_numbers(
        """
        10.07 14.73 17.94 23.93 29.61 35.18 40.02 44.82 50.76 55.05 61.01 66.40 75.47 81.78
        """
    ),
    model=lambda x, b: -b[0] * np.expm1(-b[1] * x),
    derivatives=lambda x, b: [-np.expm1(-b[1] * x), b[0] * x * np.exp(-b[1] * x)],
    starts=((500.0, 1e-4), (250.0, 5e-4)),
    certified=(2.3894212918e2, 5.5015643181e-4),
    deviations=(2.7070075241e0, 7.2668688436e-6),
    residual_sum=1.2455138894e-1,
)

BOXBOD = Nist(
    name="BoxBOD",
    x=(1.0, 2.0, 3.0, 5.0, 7.0, 10.0),
    y=(109.0, 149.0, 149.0, 191.0, 213.0, 224.0),
    model=MISRA1A.model,
    derivatives=MISRA1A.derivatives,
    starts=((1.0, 1.0), (100.0, 0.75)),
    certified=(2.1380940889e2, 5.4723748542e-1),
    deviations=(1.2354515176e1, 1.0455993237e-1),
    residual_sum=1.1680088766e3,
)


def _rational(x, b):
    return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1.0 + x * (b[4] + x * (b[5] + x * b[6])))


def _rational_derivatives(x, b):
    below = 1.0 + x * (b[4] + x * (b[5] + x * b[6]))
    y = _rational(x, b)
    return [1.0 / below, x / below, x**2 / below, x**3 / below, -y * x / below, -y * x**2 / below, -y * x**3 / below]


THURBER = Nist(
    name="Thurber",
    x=_numbers(
        """
        -3.067 -2.981 -2.921 -2.912 -2.840 -2.797 -2.702 -2.699 -2.633 -2.481 -2.363 -2.322 -1.501 -1.460 -1.274
        -1.212 -1.100 -1.046 -0.915 -0.714 -0.566 -0.545 -0.400 -0.309 -0.109 -0.103 0.010 0.119 0.377 0.790
        0.963 1.006 1.115 1.572 1.841 2.047 2.200
        """
    ),
    y=_numbers(
        """
        80.574 84.248 87.264 87.195 89.076 89.608 89.868 90.101 92.405 95.854 100.696 101.060 401.672 390.724
        567.534 635.316 733.054 759.087 894.206 990.785 1090.109 1080.914 1122.643 1178.351 1260.531 1273.514
        1288.339 1327.543 1353.863 1414.509 1425.208 1421.384 1442.962 1464.350 1468.705 1447.894 1457.628
        """
    ),
    model=_rational,
    derivatives=_rational_derivatives,
    starts=((1000.0, 1000.0, 400.0, 40.0, 0.7, 0.3, 0.03), (1300.0, 1500.0, 500.0, 75.0, 1.0, 0.4, 0.05)),
    certified=(
        1.2881396800e3,
        1.4910792535e3,
        5.8323836877e2,
        7.5416644291e1,
        9.6629502864e-1,
        3.9797285797e-1,
        4.9727297349e-2,
    ),
    deviations=(
        4.6647963344e0,
        3.9571156086e1,
        2.8698696102e1,
        5.5675370270e0,
        3.1333340687e-2,
        1.4984928198e-2,
        6.5842344623e-3,
    ),
    residual_sum=5.6427082397e3,
)

MGH10 = Nist(
    name="MGH10",
    x=tuple(50.0 + 5.0 * i for i in range(16)),
    y=_numbers(
        """
        3.478e4 2.861e4 2.365e4 1.963e4 1.637e4 1.372e4 1.154e4 9.744e3 8.261e3 7.030e3 6.005e3 5.147e3 4.427e3
        3.820e3 3.307e3 2.872e3
        """
    ),
    model=lambda x, b: b[0] * np.exp(b[1] / (x + b[2])),
    derivatives=lambda x, b: [
        np.exp(b[1] / (x + b[2])),
        b[0] * np.exp(b[1] / (x + b[2])) / (x + b[2]),
        -b[0] * b[1] * np.exp(b[1] / (x + b[2])) / (x + b[2]) ** 2,
    ],
    starts=((2.0, 4e5, 2.5e4), (0.02, 4e3, 250.0)),
    certified=(5.6096364710e-3, 6.1813463463e3, 3.4522363462e2),
    deviations=(1.5687892471e-4, 2.3309021107e1, 7.8486103508e-1),
    residual_sum=8.7945855171e1,
)

NIST = (MISRA1A, BOXBOD, THURBER, MGH10)


@dataclass(frozen=True)
class Function:
    """A function of Moré, Garbow and Hillstrom with its number there, usual start and minimum."""

    number: int
    name: str
    fit: Fit
    start: tuple[float, ...]
    minimum: tuple[float, ...]
    value: float = 0.0

    def __str__(self) -> str:
        return self.name


def _helical_residuals(x):
    turn = np.arctan2(x[1], x[0]) / (2.0 * np.pi)
    # The branch with theta in (-1/4, 3/4].
    turn += 1.0 if turn <= -0.25 else 0.0
    return [10.0 * (x[2] - 10.0 * turn), 10.0 * (np.hypot(x[0], x[1]) - 1.0), x[2]]


def _helical_jacobian(x):
    square = x[0] ** 2 + x[1] ** 2
    turn = np.array([-x[1], x[0]]) / (2.0 * np.pi * square)
    radius = np.array([x[0], x[1]]) / np.sqrt(square)
    return [[-100.0 * turn[0], -100.0 * turn[1], 10.0], [10.0 * radius[0], 10.0 * radius[1], 0.0], [0.0, 0.0, 1.0]]


def _wood_residuals(x):
    a, b = np.sqrt(10.0), np.sqrt(90.0)
    return [
        10.0 * (x[1] - x[0] ** 2),
        1.0 - x[0],
        b * (x[3] - x[2] ** 2),
        1.0 - x[2],
        a * (x[1] + x[3] - 2.0),
        (x[1] - x[3]) / a,
    ]


def _wood_jacobian(x):
    a, b = np.sqrt(10.0), np.sqrt(90.0)
    return [
        [-20.0 * x[0], 10.0, 0.0, 0.0],
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, -2.0 * b * x[2], b],
        [0.0, 0.0, -1.0, 0.0],
        [0.0, a, 0.0, a],
        [0.0, 1.0 / a, 0.0, -1.0 / a],
    ]


_BARD_U = np.arange(1.0, 16.0)
_BARD_V = 16.0 - _BARD_U
_BARD_W = np.minimum(_BARD_U, _BARD_V)
_BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])

ROSENBROCK = Function(
    1,
    "Rosenbrock",
    Fit(
        lambda x: [10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]],
        lambda x: [[-20.0 * x[0], 10.0], [-1.0, 0.0]],
    ),
    (-1.2, 1.0),
    (1.0, 1.0),
)
FREUDENSTEIN_ROTH = Function(
    2,
    "Freudenstein-Roth",
    Fit(
        lambda x: [
            -13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
            -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1],
        ],
        lambda x: [[1.0, (10.0 - 3.0 * x[1]) * x[1] - 2.0], [1.0, (3.0 * x[1] + 2.0) * x[1] - 14.0]],
    ),
    (0.5, -2.0),
    # The local minimum that the usual start leads to: x[0] = (53 - 4 sqrt(22)) / 3, x[1] = (2 - sqrt(22)) / 3.
    ((53.0 - 4.0 * np.sqrt(22.0)) / 3.0, (2.0 - np.sqrt(22.0)) / 3.0),
    48.98425367924,
)
POWELL_BADLY_SCALED = Function(
    3,
    "Powell badly scaled",
    Fit(
        lambda x: [1e4 * x[0] * x[1] - 1.0, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001],
        lambda x: [[1e4 * x[1], 1e4 * x[0]], [-np.exp(-x[0]), -np.exp(-x[1])]],
    ),
    (0.0, 1.0),
    (1.0981593296998e-5, 9.1061467398665),
)
BROWN_BADLY_SCALED = Function(
    4,
    "Brown badly scaled",
    Fit(
        lambda x: [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0],
        lambda x: [[1.0, 0.0], [0.0, 1.0], [x[1], x[0]]],
    ),
    (1.0, 1.0),
    (1e6, 2e-6),
)
BEALE = Function(
    5,
    "Beale",
    Fit(
        lambda x: [c - x[0] * (1.0 - x[1] ** (i + 1)) for i, c in enumerate((1.5, 2.25, 2.625))],
        lambda x: [[-(1.0 - x[1] ** (i + 1)), x[0] * (i + 1) * x[1] ** i] for i in range(3)],
    ),
    (1.0, 1.0),
    (3.0, 0.5),
)
HELICAL_VALLEY = Function(
    7, "helical valley", Fit(_helical_residuals, _helical_jacobian), (-1.0, 0.0, 0.0), (1.0, 0.0, 0.0)
)
BARD = Function(
    8,
    "Bard",
    Fit(
        lambda x: _BARD_Y - (x[0] + _BARD_U / (_BARD_V * x[1] + _BARD_W * x[2])),
        lambda x: np.column_stack(
            [
                -np.ones(15),
                _BARD_U * _BARD_V / (_BARD_V * x[1] + _BARD_W * x[2]) ** 2,
                _BARD_U * _BARD_W / (_BARD_V * x[1] + _BARD_W * x[2]) ** 2,
            ]
        ),
    ),
    (1.0, 1.0, 1.0),
    (0.0824106, 1.1330361, 2.3436952),
    8.2148773065789e-3,
)
POWELL_SINGULAR = Function(
    13,
    "Powell singular",
    Fit(
        lambda x: [
            x[0] + 10.0 * x[1],
            np.sqrt(5.0) * (x[2] - x[3]),
            (x[1] - 2.0 * x[2]) ** 2,
            np.sqrt(10.0) * (x[0] - x[3]) ** 2,
        ],
        lambda x: [
            [1.0, 10.0, 0.0, 0.0],
            [0.0, 0.0, np.sqrt(5.0), -np.sqrt(5.0)],
            [0.0, 2.0 * (x[1] - 2.0 * x[2]), -4.0 * (x[1] - 2.0 * x[2]), 0.0],
            [2.0 * np.sqrt(10.0) * (x[0] - x[3]), 0.0, 0.0, -2.0 * np.sqrt(10.0) * (x[0] - x[3])],
        ],
    ),
    (3.0, -1.0, 0.0, 1.0),
    (0.0, 0.0, 0.0, 0.0),
)
WOOD = Function(14, "Wood", Fit(_wood_residuals, _wood_jacobian), (-3.0, -1.0, -3.0, -1.0), (1.0, 1.0, 1.0, 1.0))

FUNCTIONS = (
    ROSENBROCK,
    FREUDENSTEIN_ROTH,
    POWELL_BADLY_SCALED,
    BROWN_BADLY_SCALED,
    BEALE,
    HELICAL_VALLEY,
    BARD,
    POWELL_SINGULAR,
    WOOD,
)
