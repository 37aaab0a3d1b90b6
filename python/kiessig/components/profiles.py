"""Continuous profiles as slices whose number keeps an error bound, and whose slabs are expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kiessig.components.staircase import Rule, choose_rules, panel_points, panel_rule
from kiessig.errors import InvalidValueError
from kiessig.layer import Component, Layer, Slice
from kiessig.materials import Material
from kiessig.parameters import (
    Expression,
    Operand,
    Parameter,
    Quantity,
    as_name,
    as_number,
    as_quantity,
    free_parameters,
    record,
)

__all__ = ["ContinuousProfile", "Segment", "parameter_sets"]

FloatArray: TypeAlias = NDArray[np.float64]
Medium: TypeAlias = Operand | Material | Layer

_ERRORS = (1e-8, 1e-2)
_VARYING = ("sld", "sld_imag", "solvent_fraction", "sld_magnetic", "theta_m", "phi_m")
_DENSITIES = ("sld", "sld_imag", "solvent_fraction", "sld_magnetic")
_CONSTANT = Rule(0, 1)  # no steps
_RANDOM_SETS = 16
_MOST_CORNERS = 32
_NO_BOUNDS = (0.5, 2.0)  # times the present value
_OVERSHOOT = 1e-6  # of a fraction, by which a polynomial may pass 0 or 1


def _same(u: FloatArray) -> FloatArray:
    return u


class Segment(NamedTuple):
    """A smooth piece of a profile.

    Attributes
    ----------
    thickness : float or Expression
        Angstrom.
    medium : callable
        What is there at a coordinate from 0 to 1: an SLD in 1e-6/angstrom^2, a Material, or a Layer without thickness.
    position : callable
        Share of the thickness at an array of coordinates, increasing from 0 to 1; the same number, if not given. Where
        a profile is not smooth at an end, a coordinate that is slow there makes it so.
    """

    thickness: Quantity
    medium: Callable[[float], Medium]
    position: Callable[[FloatArray], FloatArray] = _same


class ContinuousProfile(Component):
    r"""A profile that changes continuously with depth, sliced as finely as an error bound asks for.

    Parameters
    ----------
    segments : sequence of Segment
        Smooth pieces, in the beam's direction. Where one ends and the next begins the profile may have a kink or jump.
    q_max : float
        Largest absolute Q that will be asked for, 1/angstrom.
    error : float
        Bound of the relative error of R, from 1e-8 to 1e-2; see Notes.
    roughness : float, Parameter or Expression
        Of the profile's top interface, to what lies before it, angstrom. That at its end is the roughness of what comes
        next.
    name : str, optional
        For tables and messages.

    Attributes
    ----------
    q_max, error : float
        As given.
    steps : int
        Number of steps that stand for the profile.

    Raises
    ------
    InvalidValueError
        If something is of another type or outside its domain, or a piece would need more than 1024 slices.

    See Also
    --------
    SplineProfile, FunctionalProfile, GradientLayer, PolymerBrush : profiles made of this.
    kiessig.microslices : interfaces of other shapes than the error function.

    Notes
    -----
    The slices are steps at the nodes of Gauss-Legendre rules, which represent the profile's Fourier components up to
    `q_max` with an error that falls faster than any power of their number; between slices there is no roughness. Their
    thicknesses and SLDs are expressions of the parameters, with exact derivatives.

    :math:`|\sqrt{R} - \sqrt{R_{exact}}|` stays below ``error / 2`` times the amplitude that the profile itself reflects
    at Q or at any larger one, at least 1e-4 of that of a sharp step of its total variation. That is ``error``
    relative to R where the profile reflects alone, and less where other interfaces reflect as well.

    The number of slices is chosen when the profile is made, and stays: for the present values of its parameters, the
    corners of their bounds (more than 32 of these: one parameter at a time), and 16 points within, with a factor of two
    kept in hand. Parameters without bounds count from half to twice their value, fixed ones as they are. Make the
    profile anew after bounds were widened or a fixed parameter changed, or for a larger `q_max`.

    Examples
    --------
    >>> import kiessig as ks
    >>> from kiessig.components.profiles import Segment
    >>> length = ks.Parameter(200, bounds=(100, 300), name="length")
    >>> ramp = ks.ContinuousProfile([Segment(length, lambda u: 6.0 - 4.0 * u**2)], q_max=0.2)
    >>> ramp.sld_profile([0.1, 199.9])[1].round(1)
    array([6., 2.])
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        *,
        q_max: float,
        error: float = 1e-5,
        roughness: Operand = 0.0,
        name: str | None = None,
    ) -> None:
        self.name = as_name(name, type(self).__name__)
        self._owner = type(self).__name__ if name is None else f"{type(self).__name__} {name!r}"
        self.q_max = self._positive("q_max", q_max, " 1/angstrom")
        self.error = self._positive("error", error, "")
        if not _ERRORS[0] <= self.error <= _ERRORS[1]:
            message = f"{self._owner}: error must be from {_ERRORS[0]:g} to {_ERRORS[1]:g}; error = {self.error!r}"
            raise InvalidValueError(message)
        self.segments = tuple(segments)
        if not self.segments:
            message = f"{self._owner}: at least one segment is required; got none"
            raise InvalidValueError(message)
        rules = self._choose()
        self.steps = sum(rule.panels * rule.degree for rule in rules)
        self._layers = tuple(self._slices(rules, as_quantity(roughness, self._owner, "roughness", unit="angstrom")))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The slices in the beam's direction."""
        return self._layers

    def __repr__(self) -> str:
        label = "" if self.name is None else f"{self.name!r}, "
        return f"{type(self).__name__}({label}{self.steps} steps, q_max={self.q_max:g}, error={self.error:g})"

    def _positive(self, argument: str, given: float, unit: str) -> float:
        number = as_number(given, self._owner, argument)
        if number <= 0.0:
            message = f"{self._owner}: {argument} must be positive; {argument} = {number!r}{unit}"
            raise InvalidValueError(message)
        return number

    def _medium(self, segment: Segment, u: float) -> Layer:
        medium = segment.medium(u)
        layer = medium if isinstance(medium, Layer) else Layer(sld=medium)
        if layer.solvent is None or isinstance(layer.solvent, str):
            return layer
        sld, sld_imag = layer.densities(None, None)
        magnetic = {key: getattr(layer, key) for key in ("sld_magnetic", "theta_m", "phi_m")}
        return Layer(sld=sld, sld_imag=sld_imag, name=layer.name, **magnetic)

    def _choose(self) -> list[Rule]:
        from kiessig._core import Tape  # that of the parameters; kernels are none of a description's business

        memory: dict[tuple[int, Rule], tuple[FloatArray, FloatArray]] = {}
        probe = [self._medium(segment, u) for segment in self.segments for u in (0.0, 0.31, 0.5, 0.87, 1.0)]
        inputs = [getattr(layer, key) for layer in probe for key in _DENSITIES]
        parameters = free_parameters([*inputs, *(segment.thickness for segment in self.segments)])
        points = parameter_sets(parameters)

        def sample(rules: Sequence[Rule]) -> list[tuple[FloatArray, FloatArray]]:
            return [one(i, rule) for i, rule in enumerate(rules)]

        def one(i: int, rule: Rule) -> tuple[FloatArray, FloatArray]:
            if (i, rule) not in memory:
                segment = self.segments[i]
                media = [self._medium(segment, float(u)) for u in panel_points(rule)]
                outputs = [segment.thickness]
                for key in _DENSITIES:
                    outputs += [getattr(layer, key) for layer in media]
                tape = Tape(*record(outputs, parameters))
                rows = np.asarray(tape.values(np.array(points)))
                memory[i, rule] = rows[:, 1:].reshape(len(points), len(_DENSITIES), -1), rows[:, 0]
            values, lengths = memory[i, rule]
            return values, lengths

        found = self._usable(sample, len(points))
        rules = choose_rules(found, [segment.position for segment in self.segments], self.q_max, self.error)
        if isinstance(rules, str):
            message = f"{self._owner}: {rules}; narrow them, or take a smaller q_max or a larger error"
            raise InvalidValueError(message)
        return [
            _CONSTANT if self._is_constant(segment) else rule
            for segment, rule in zip(self.segments, rules, strict=True)
        ]

    def _is_constant(self, segment: Segment) -> bool:
        first, *others = [_varying(self._medium(segment, float(u))) for u in panel_points(Rule(1, 4))]
        return all(_equal(first, other) for other in others)

    def _usable(
        self, sample: Callable[[Sequence[Rule]], list[tuple[FloatArray, FloatArray]]], sets: int
    ) -> Callable[[Sequence[Rule]], list[tuple[FloatArray, FloatArray]]]:
        """Leave out the sets of parameters at which the profile has no value; the present ones must have one."""

        def kept(rules: Sequence[Rule]) -> list[tuple[FloatArray, FloatArray]]:
            found = sample(rules)
            good = np.ones(sets, dtype=np.bool_)
            for values, lengths in found:
                good &= np.isfinite(values).all(axis=(1, 2)) & np.isfinite(lengths) & (lengths >= 0.0)
            if not good[0]:
                message = f"{self._owner}: the profile must be finite, and no thickness negative, at the present values"
                raise InvalidValueError(message)
            # fractions of a solvent are as good as densities of 1e-5/angstrom^2, more than media differ by
            scale = np.array([10.0 if key == "solvent_fraction" else 1.0 for key in _DENSITIES])
            return [(scale[:, np.newaxis] * values[good], lengths[good]) for values, lengths in found]

        return kept

    def _slices(self, rules: Sequence[Rule], roughness: Quantity) -> Iterator[Layer]:
        """Yield the slices: between two steps, and before the first and behind the last one."""
        pending: Quantity = 0.0  # thickness since the last step
        level: dict[str, Quantity] | None = None
        solvent: str | Material | None = None
        first = True

        def finished() -> Layer:
            assert level is not None
            kind = Layer if first else Slice
            made = kind(
                pending,
                roughness=roughness if first else 0.0,
                name=self.name,
                solvent=solvent,  # type: ignore[arg-type]  # one of the two names, as checked by the layer
                **_arguments(level, solvent),
            )
            object.__setattr__(made, "q_max", self.q_max)
            return made

        for segment, rule in zip(self.segments, rules, strict=True):
            constant = rule == _CONSTANT
            coordinates = np.array([0.0]) if constant else panel_points(rule)
            media = [self._medium(segment, float(u)) for u in coordinates]
            at_begin = _varying(media[0])
            if level is not None and not _equal(level, at_begin):  # a jump between segments
                yield finished()
                first, pending = False, 0.0
            level, solvent = at_begin, self._common_solvent(media)
            if constant:
                pending = pending + segment.thickness
                continue
            _, nodes, levels = panel_rule(rule.degree)
            places = segment.position(((np.arange(rule.panels)[:, np.newaxis] + nodes) / rule.panels).ravel())
            gaps = np.diff(places, prepend=0.0, append=1.0)
            pending = pending + segment.thickness * float(gaps[0])
            for k, gap in enumerate(gaps[1:]):
                yield finished()
                first = False
                panel, step = divmod(k, rule.degree)
                values = media[panel * rule.degree : (panel + 1) * rule.degree + 1]
                level = {key: _combined(levels[step + 1], [getattr(item, key) for item in values]) for key in _VARYING}
                pending = segment.thickness * float(gap)
        yield finished()

    def _common_solvent(self, media: Sequence[Layer]) -> str | Material | None:
        solvents = {layer.solvent for layer in media}
        varies = len({layer.sld for layer in media}) > 1 or len({layer.sld_imag for layer in media}) > 1
        if len(solvents) > 1 or (isinstance(media[0].solvent, str) and varies):
            message = (
                f"{self._owner}: where the solvent is the fronting or backing, the fraction alone may change with "
                "depth; give the solvent as a Material instead"
            )
            raise InvalidValueError(message)
        return media[0].solvent


def _arguments(level: dict[str, Quantity], solvent: object) -> dict[str, Quantity]:
    """Return arguments of a slice; polynomials pass the ends of a range by a little, which is put right."""
    from kiessig.functions import where

    made = dict(level)
    absorption = made["sld_imag"]
    if isinstance(absorption, Expression):
        made["sld_imag"] = where(absorption < 0.0, 0.0, absorption)
    elif -_OVERSHOOT <= absorption < 0.0:
        made["sld_imag"] = 0.0
    fraction = made.pop("solvent_fraction")
    if solvent is not None:
        if isinstance(fraction, float) and -_OVERSHOOT <= fraction <= 1.0 + _OVERSHOOT:
            fraction = min(max(fraction, 0.0), 1.0)
        made["solvent_fraction"] = fraction
    return made


def _combined(row: FloatArray, values: Sequence[Quantity]) -> Quantity:
    """Combine linearly; what is the same everywhere stays itself."""
    if all(value is values[0] or (isinstance(value, float) and value == values[0]) for value in values):
        return values[0]
    number = math.fsum(
        float(c) * value for c, value in zip(row, values, strict=True) if not isinstance(value, Expression)
    )
    total: Quantity = number
    for c, value in zip(row, values, strict=True):
        if isinstance(value, Expression) and c != 0.0:
            term = value if c == 1.0 else float(c) * value
            total = term if isinstance(total, float) and total == 0.0 else total + term
    return total


def _varying(layer: Layer) -> dict[str, Quantity]:
    return {key: getattr(layer, key) for key in _VARYING}


def _equal(one: dict[str, Quantity], other: dict[str, Quantity]) -> bool:
    return all(
        value is other[key] or (isinstance(value, float) and isinstance(other[key], float) and value == other[key])
        for key, value in one.items()
    )


def parameter_sets(parameters: Sequence[Parameter]) -> list[FloatArray]:
    """Return sets of values at which a profile is looked at; the present ones first."""
    present = np.array([parameter.value for parameter in parameters])
    if not parameters:
        return [present]
    ends = np.array([_range(parameter) for parameter in parameters])
    n = len(parameters)
    corners: list[FloatArray] = []
    if 2**n <= _MOST_CORNERS:
        corners = [np.where((code >> np.arange(n)) & 1, ends[:, 1], ends[:, 0]) for code in range(2**n)]
    else:
        for i in range(n):
            for side in (0, 1):
                corner = present.copy()
                corner[i] = ends[i, side]
                corners.append(corner)
        corners += [ends[:, 0], ends[:, 1]]
    generator = np.random.default_rng(20)  # the same choice whenever the same profile is made
    inner = ends[:, 0] + (ends[:, 1] - ends[:, 0]) * generator.random((_RANDOM_SETS, n))
    return [present, *corners, *inner]


def _range(parameter: Parameter) -> tuple[float, float]:
    value = parameter.value
    around = sorted(factor * value for factor in _NO_BOUNDS)
    lower, upper = parameter.bounds
    return (
        lower if math.isfinite(lower) else min(around[0], upper),
        upper if math.isfinite(upper) else max(around[1], lower),
    )
