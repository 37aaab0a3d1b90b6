"""Shapes of interfaces: how the SLD goes from one medium to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.interfaces.rules import GaussRules, Measure

__all__ = ["InterfaceShape", "shape_named"]

FloatArray = NDArray[np.float64]
Function = Callable[[FloatArray], ArrayLike]

_NODES = 24  # of Gauss and Legendre, on every panel of a density
_PANELS = 96
_FEW_NODES = 6  # on each of many panels
_COMPLETE = 1e-6  # a profile may begin and end so far from 0 and 1; what is missing is put right by scaling
_CONSISTENT = 1e-8  # integral of a density against the rise of its profile, on every panel

_ROOT_2, _ROOT_3 = math.sqrt(2.0), math.sqrt(3.0)
_SLOPE = math.sqrt(2.0 / math.pi)  # of the tanh
_HALF_PERIOD = math.pi / math.sqrt(math.pi**2 - 8.0)  # of the sine, where its density has unit width


class InterfaceShape:
    r"""A monotone profile from 0 to 1, in the coordinate t = (z - z_j) / roughness.

    Parameters
    ----------
    cdf : callable
        The profile g(t) of an array of t, non-decreasing from 0 to 1.
    pdf : callable
        Its derivative g'(t), the density.
    support : (float, float)
        Where g begins and ends. A profile with tails is cut there and scaled: it must have come within 1e-6 of 0 and 1.
    breaks : sequence of float, optional
        Where within the support g' has a kink or a jump.
    name : str, optional
        For messages.

    Raises
    ------
    InvalidValueError
        If the profile does not go from 0 to 1, falls, is not finite, or `pdf` is not its derivative.

    See Also
    --------
    InterfaceShape.tabulated : from a table.
    shape_named : the shapes that have a name.

    Notes
    -----
    The roughness of an interface scales its coordinate; it is the 1 sigma width of the profile where g' has unit
    variance.

    Examples
    --------
    A gradient that begins at once and fades, with a mean of 0 and a width of 1:

    >>> import numpy as np
    >>> from kiessig.interfaces import InterfaceShape
    >>> shape = InterfaceShape(lambda t: 1 - np.exp(-(t + 1)), lambda t: np.exp(-(t + 1)), support=(-1.0, 20.0))
    >>> round(shape.width, 6)
    1.0
    """

    def __init__(
        self,
        cdf: Function,
        pdf: Function,
        support: tuple[float, float],
        *,
        breaks: Sequence[float] = (),
        name: str = "user-defined",
    ) -> None:
        self.name = name
        self.support = _support(support)
        low, high = self.support
        self._breaks = _finite("breaks", breaks)
        if self._breaks.ndim != 1 or ((self._breaks <= low) | (self._breaks >= high)).any():
            message = f"InterfaceShape: breaks must lie within the support {self.support!r}; got {breaks!r}"
            raise InvalidValueError(message)
        self._cdf, self._pdf = cdf, pdf
        self._low, high_value = (float(self._of("cdf", np.array([end]))[0]) for end in self.support)
        self._rise = high_value - self._low
        if abs(self._low) > _COMPLETE or abs(high_value - 1.0) > _COMPLETE:
            message = (
                f"InterfaceShape: cdf must go from 0 to 1 over its support; got {self._low!r} at {low!r} and "
                f"{high_value!r} at {high!r}"
            )
            raise InvalidValueError(message)
        self._check_density()

    @classmethod
    def tabulated(cls, t: ArrayLike, g: ArrayLike, *, name: str = "tabulated") -> InterfaceShape:
        """Make a shape from a table, with straight lines between its points.

        Parameters
        ----------
        t : float array, shape (n,)
            Increasing, in units of the roughness: angstrom, where the roughness is 1. A repeated value makes a jump.
        g : float array, shape (n,)
            The profile, from 0 to 1, non-decreasing.
        name : str, optional
            For messages.

        Returns
        -------
        InterfaceShape

        Raises
        ------
        ShapeError, InvalidValueError
            If the arrays do not fit together, decrease, are not finite, or do not go from 0 to 1.

        Examples
        --------
        >>> from kiessig.interfaces import InterfaceShape
        >>> InterfaceShape.tabulated([-2, 0, 1, 1, 2], [0, 0.2, 0.3, 0.8, 1]).profile([0.5])
        array([0.25])
        """
        return _Tabulated(t, g, name)

    def __repr__(self) -> str:
        return f"InterfaceShape({self.name!r})"

    def profile(self, t: ArrayLike) -> FloatArray:
        """Return g(t), 0 before the support and 1 behind it."""
        t = np.asarray(t, dtype=np.float64)
        low, high = self.support
        inside = (self._of("cdf", np.clip(t, low, high)) - self._low) / self._rise
        return np.where(t <= low, 0.0, np.where(t >= high, 1.0, inside))

    def density(self, t: ArrayLike) -> FloatArray:
        """Return g'(t), 0 outside the support."""
        t = np.asarray(t, dtype=np.float64)
        low, high = self.support
        return np.where((t < low) | (t > high), 0.0, self._of("pdf", np.clip(t, low, high)) / self._rise)

    @cached_property
    def width(self) -> float:
        """Standard deviation of the density: the 1 sigma width of an interface with a roughness of 1."""
        t, w, _ = self._measure
        return float(np.sqrt(w @ (t - w @ t) ** 2))

    def rules(self, error: float) -> GaussRules:
        """Return the rules by which interfaces of this shape become steps, for a bound of the relative error of R."""
        known: dict[float, GaussRules] = self.__dict__.setdefault("_rules", {})
        if error not in known:
            known[error] = GaussRules(self._measure, error)
        return known[error]

    def _of(self, kind: str, t: FloatArray) -> FloatArray:
        value = np.asarray((self._cdf if kind == "cdf" else self._pdf)(t))
        if value.shape != t.shape or value.dtype.kind not in "fiu":
            message = (
                f"InterfaceShape: {kind} must return real numbers in the shape of its argument, {t.shape}; got shape "
                f"{value.shape}, dtype {value.dtype}"
            )
            raise ShapeError(message)
        if not np.isfinite(value).all():
            where = np.argwhere(~np.isfinite(value))[0]
            message = f"InterfaceShape: {kind} must be finite; {kind}({float(t[tuple(where)])!r}) is not"
            raise InvalidValueError(message)
        return value.astype(np.float64)

    @cached_property
    def _ends(self) -> FloatArray:
        """Ends of the panels."""
        return np.unique(np.concatenate([np.linspace(*self.support, _PANELS + 1), self._breaks]))

    def _points(self) -> tuple[FloatArray, FloatArray]:
        """Points and weights of the quadrature, one row a panel."""
        x, w = np.polynomial.legendre.leggauss(_NODES)
        half = 0.5 * np.diff(self._ends)[:, np.newaxis]
        t = 0.5 * (self._ends[1:] + self._ends[:-1])[:, np.newaxis] + half * x
        return t, half * w * self.density(t)

    @cached_property
    def _measure(self) -> Measure:
        t, w = (part.ravel() for part in self._points())
        kept = w > 0.0
        return Measure(t[kept], w[kept] / w[kept].sum(), _limit(self._ends, _NODES))

    def _check_density(self) -> None:
        ends = self._ends
        t, w = self._points()
        if (w < 0.0).any():
            where = t[w < 0.0][:1]
            found = float(self._of("pdf", where)[0])
            message = f"InterfaceShape: pdf must be non-negative; pdf({float(where[0])!r}) = {found!r}"
            raise InvalidValueError(message)
        rise = np.diff(self.profile(ends))
        wrong = np.abs(w.sum(axis=1) - rise) > _CONSISTENT
        if wrong.any():
            i = int(np.argmax(wrong))
            message = (
                f"InterfaceShape: pdf must be the derivative of cdf, with its kinks in breaks; from {ends[i]!r} to "
                f"{ends[i + 1]!r} cdf rises by {rise[i]!r} and pdf integrates to {float(w[i].sum())!r}"
            )
            raise InvalidValueError(message)


class _Tabulated(InterfaceShape):
    """Straight lines between points; see `InterfaceShape.tabulated`."""

    def __init__(self, t: ArrayLike, g: ArrayLike, name: str) -> None:
        self.name = name
        self._t, self._g = _finite("t", t), _finite("g", g)
        if self._t.ndim != 1 or self._t.shape != self._g.shape or self._t.size < 2:
            message = (
                "InterfaceShape.tabulated: t and g must be two vectors of the same length, 2 or more; got shapes "
                f"{self._t.shape} and {self._g.shape}"
            )
            raise ShapeError(message)
        for what, values in (("t", self._t), ("g", self._g)):
            if (np.diff(values) < 0.0).any():
                i = int(np.argmax(np.diff(values) < 0.0)) + 1
                message = (
                    f"InterfaceShape.tabulated: {what} must not decrease; {what}[{i - 1}] = {float(values[i - 1])!r}, "
                    f"{what}[{i}] = {float(values[i])!r}"
                )
                raise InvalidValueError(message)
        if abs(self._g[0]) > _COMPLETE or abs(self._g[-1] - 1.0) > _COMPLETE:
            message = (
                "InterfaceShape.tabulated: g must go from 0 to 1; got "
                f"g[0] = {float(self._g[0])!r}, g[-1] = {float(self._g[-1])!r}"
            )
            raise InvalidValueError(message)
        self._g = (self._g - self._g[0]) / (self._g[-1] - self._g[0])
        self.support = _support((float(self._t[0]), float(self._t[-1])))

    def profile(self, t: ArrayLike) -> FloatArray:
        t = np.asarray(t, dtype=np.float64)
        after = np.searchsorted(self._t, t, side="right")
        before = np.searchsorted(self._t, t, side="left")
        return np.where(after == before, self._line(t, after), 0.5 * (self._at(after - 1) + self._at(before)))

    def density(self, t: ArrayLike) -> FloatArray:
        t = np.asarray(t, dtype=np.float64)
        after = np.clip(np.searchsorted(self._t, t, side="right"), 1, self._t.size - 1)
        run = self._t[after] - self._t[after - 1]
        slope = np.divide(self._g[after] - self._g[after - 1], run, out=np.zeros_like(run), where=run > 0.0)
        return np.where((t < self.support[0]) | (t > self.support[1]), 0.0, slope)

    def _at(self, index: NDArray[np.intp]) -> FloatArray:
        return self._g[np.clip(index, 0, self._g.size - 1)]

    def _line(self, t: FloatArray, after: NDArray[np.intp]) -> FloatArray:
        """Value between two points of the table, and that of its ends beyond them."""
        i = np.clip(after, 1, self._t.size - 1)
        run, rise = self._t[i] - self._t[i - 1], self._g[i] - self._g[i - 1]
        share = np.divide(t - self._t[i - 1], run, out=np.zeros(np.shape(t)), where=run > 0.0)
        inside = self._g[i - 1] + np.clip(share, 0.0, 1.0) * rise
        return np.where(after == 0, 0.0, np.where(after == self._t.size, 1.0, inside))

    @cached_property
    def _measure(self) -> Measure:
        jumps = np.diff(self._t) == 0.0
        places, masses = self._t[1:][jumps], np.diff(self._g)[jumps]
        ends = np.unique(np.concatenate([np.linspace(*self.support, _PANELS + 1), self._t]))
        half, middle = 0.5 * np.diff(ends)[:, np.newaxis], 0.5 * (ends[1:] + ends[:-1])[:, np.newaxis]
        n_nodes = max(_FEW_NODES, -(-_NODES * _PANELS // half.size))
        x, w = np.polynomial.legendre.leggauss(n_nodes)
        t = np.concatenate([(middle + half * x).ravel(), places])
        shares = np.concatenate([(half * w * self.density(middle)).ravel(), masses])
        order = np.argsort(t, kind="stable")
        order = order[shares[order] > 0.0]
        return Measure(t[order], shares[order] / shares.sum(), _limit(ends, n_nodes))


def _limit(ends: FloatArray, n_nodes: int) -> float:
    """Largest omega at which n nodes on every panel integrate exp(i omega t) to roundoff: a radian on four of them."""
    return 0.5 * n_nodes / float(np.max(np.diff(ends)))


def _support(given: tuple[float, float]) -> tuple[float, float]:
    ends = _finite("support", given)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        message = f"InterfaceShape: support must be two increasing numbers; got {given!r}"
        raise InvalidValueError(message)
    return float(ends[0]), float(ends[1])


def _finite(name: str, given: ArrayLike) -> FloatArray:
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = f"InterfaceShape: {name} must be real numbers; got {given!r}"
        raise InvalidValueError(message) from error
    if not np.isfinite(array).all():
        message = f"InterfaceShape: {name} must be finite; got {given!r}"
        raise InvalidValueError(message)
    return array


def _normal(t: FloatArray) -> Any:
    from scipy.special import ndtr

    return ndtr(t)


# Shapes with tails end where 1e-13 and less of their density is left, beyond what the smallest error asks for.
_MAKERS: dict[str, Callable[[], InterfaceShape]] = {
    "erf": lambda: InterfaceShape(
        _normal, lambda t: np.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi), (-8.3, 8.3), name="erf"
    ),
    "tanh": lambda: InterfaceShape(
        lambda t: 0.5 * (1.0 + np.tanh(_SLOPE * t)),
        lambda t: 0.5 * _SLOPE / np.cosh(_SLOPE * t) ** 2,
        (-18.8, 18.8),
        name="tanh",
    ),
    "linear": lambda: InterfaceShape.tabulated([-_ROOT_3, _ROOT_3], [0.0, 1.0], name="linear"),
    "exponential": lambda: InterfaceShape(
        lambda t: np.where(t < 0.0, 0.5 * np.exp(-_ROOT_2 * np.abs(t)), 1.0 - 0.5 * np.exp(-_ROOT_2 * np.abs(t))),
        lambda t: np.exp(-_ROOT_2 * np.abs(t)) / _ROOT_2,
        (-20.4, 20.4),
        breaks=[0.0],
        name="exponential",
    ),
    "sinusoidal": lambda: InterfaceShape(
        lambda t: 0.5 + 0.5 * np.sin(0.5 * math.pi * t / _HALF_PERIOD),
        lambda t: 0.25 * math.pi / _HALF_PERIOD * np.cos(0.5 * math.pi * t / _HALF_PERIOD),
        (-_HALF_PERIOD, _HALF_PERIOD),
        name="sinusoidal",
    ),
    "step": lambda: InterfaceShape.tabulated([-1.0, -1.0, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0], name="step"),
}

SHAPES = tuple(_MAKERS)
"""Names of the shapes."""


@cache
def shape_named(name: str) -> InterfaceShape:
    r"""Return one of the shapes that have a name.

    With s for the roughness and z counted from the middle:

    ===========  =======================================  ==================  ==============
    name         profile                                  begins and ends     1 sigma width
    ===========  =======================================  ==================  ==============
    erf          (1 + erf(z / (√2 s))) / 2                                    s
    tanh         (1 + tanh(√(2/π) z / s)) / 2                                 1.1366 s
    linear       1/2 + z / (2 √3 s)                       ±√3 s               s
    exponential  exp(√2 z / s) / 2, 1 - exp(-√2 z / s)/2                      s
    sinusoidal   (1 + sin(π z / (2 a s))) / 2             ±a s, a = 2.2976    s
    step         0, 1/2, 1                                steps at ±s         s
    ===========  =======================================  ==================  ==============

    The roughness of the tanh is that of the error function with the same slope in the middle [2]_; its width is
    (π/2)^{3/2} / √3 = 1.1366 of that. The others have the width itself, with a = π / √(π² - 8) for the sine [1]_.

    Parameters
    ----------
    name : str
        "erf", "tanh", "linear", "exponential", "sinusoidal" or "step".

    Returns
    -------
    InterfaceShape

    Raises
    ------
    InvalidValueError
        For any other name.

    References
    ----------
    .. [1] D. G. Stearns, J. Appl. Phys. 65, 491 (1989), doi:10.1063/1.343131
    .. [2] D. Bahr, W. Press, R. Jebasinski, S. Mantl, Phys. Rev. B 47, 4385 (1993), doi:10.1103/PhysRevB.47.4385

    Examples
    --------
    >>> from kiessig.interfaces import shape_named
    >>> round(shape_named("tanh").width, 4)
    1.1366
    """
    if name not in _MAKERS:
        import difflib

        near = difflib.get_close_matches(str(name), SHAPES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known names are {', '.join(SHAPES)}"
        message = f"shape_named: no interface has the shape {name!r}; {hint}"
        raise InvalidValueError(message)
    return _MAKERS[name]()
