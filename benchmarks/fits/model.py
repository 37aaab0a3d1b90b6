"""A model written once, for parameters of kiessig and for numbers of any array library alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import kiessig as ks

Bounds = Mapping[str, tuple[float, float]]


class Medium(NamedTuple):
    """One medium, in the beam's direction; the thickness of the first and the last means nothing."""

    thickness: Any
    sld: Any
    roughness: Any


class Curve(NamedTuple):
    """One measured curve and its model."""

    data: ks.Dataset
    media: list[Medium]
    scale: Any
    background: Any
    resolution: ks.Resolution | None = None  # None: exact Gaussian smearing by the widths of the data


class Model(NamedTuple):
    """Bounds by name, and what makes the curves out of values by name."""

    bounds: Bounds
    curves: Callable[[Mapping[str, Any]], list[Curve]]
    known: Mapping[str, float]  # values in the basin of the global minimum, for judging fits and not for making them


def problem(model: Model) -> ks.Problem:
    """Build the problem for kiessig; the values of the parameters are the middles of their bounds."""
    p = {name: ks.Parameter(0.5 * (low + high), (low, high), name=name) for name, (low, high) in model.bounds.items()}
    return ks.Problem([measurement(curve) for curve in model.curves(p)])


def measurement(curve: Curve) -> ks.Measurement:
    first, *inner, last = curve.media
    layers = [ks.Layer(sld=first.sld)]
    layers += [ks.Layer(medium.thickness, medium.sld, roughness=medium.roughness) for medium in inner]
    layers.append(ks.Layer(sld=last.sld, roughness=last.roughness))
    return ks.Measurement(curve.data, ks.Sample(layers), curve.scale, curve.background, curve.resolution)


def in_17_nodes(model: Model) -> Model:
    """Return the model smeared as refnx does it."""

    def curves(p: Mapping[str, Any]) -> list[Curve]:
        return [curve._replace(resolution=ks.Resolution.refnx(curve.data.dq)) for curve in model.curves(p)]

    return model._replace(curves=curves)


def minimum(model: Model) -> ks.FitResult:
    """Fit from the known values."""
    whole = problem(model)
    for parameter, name in zip(whole.parameters, whole.names, strict=True):
        parameter.value = model.known[name]
    return whole.fit(progress=False)
