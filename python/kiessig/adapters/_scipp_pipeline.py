"""Pipelines of ess.reflectometry: what they reduce as data of a fit, and theory as a provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kiessig.adapters._host import host_module
from kiessig.data import Dataset
from kiessig.errors import InvalidValueError, ShapeError

__all__ = ["dataset", "provider"]

INSTALL = "install scipp, 24.2.0 or newer"


def dataset(curve: Any, *, name: str | None = None, bad_rows: str = "refuse") -> Dataset:
    """Take a reduced curve of ess.reflectometry, its ``ReflectivityOverQ``, as data of a fit.

    Parameters
    ----------
    curve : scipp.DataArray
        One dimension; dimensionless, with variances where there are uncertainties. Coordinates ``Q``, in any unit of
        inverse length, at the points or at the edges of bins, whose middles are taken; and ``Q_resolution``, if any,
        the width (1 sigma) in a unit of inverse length.
    name : str, optional
        Name for tables and plots.
    bad_rows : {"refuse", "mask"}, default "refuse"
        As of `kiessig.Dataset`. Points that a mask of the curve leaves out are such rows, and so are bins without
        events, whose reflectivity is not a number.

    Returns
    -------
    kiessig.Dataset

    Raises
    ------
    MissingDependencyError
        Where scipp is not installed.
    InvalidValueError
        For something else than a data array, events that have not been summed, and other units.
    ShapeError
        For another number of dimensions, and coordinates that do not go with the data.
    DataError
        As `kiessig.Dataset`.

    Examples
    --------
    >>> import scipp as sc  # doctest: +SKIP
    >>> from kiessig.adapters.scipp import dataset
    >>> edges = sc.linspace("Q", 0.01, 0.04, 4, unit="1/angstrom")  # doctest: +SKIP
    >>> r = sc.array(dims=["Q"], values=[0.9, 0.1, 0.02], variances=[1e-4, 1e-6, 1e-8])  # doctest: +SKIP
    >>> dataset(sc.DataArray(r, coords={"Q": edges})).dr  # doctest: +SKIP
    array([0.01, 0.001, 0.0001])
    """
    sc = host_module("scipp", "kiessig.adapters.scipp", INSTALL)
    if not isinstance(curve, sc.DataArray):
        message = f"dataset: curve must be a scipp.DataArray; got {type(curve).__name__}"
        raise InvalidValueError(message)
    if curve.bins is not None:
        message = "dataset: curve must be a histogram; it holds events: sum them first, .hist() or .bins.sum()"
        raise InvalidValueError(message)
    if curve.ndim != 1:
        message = f"dataset: curve must have one dimension; got {dict(curve.sizes)}"
        raise ShapeError(message)
    r = _converted(sc, "curve", curve.data, "dimensionless")
    q = _coordinate(sc, curve, "Q")
    if q is None:
        message = f"dataset: curve must have a coordinate 'Q'; it has {', '.join(map(repr, curve.coords)) or 'none'}"
        raise InvalidValueError(message)
    values = np.array(r.values, dtype=np.float64)
    for mask in curve.masks.values():
        values[np.broadcast_to(mask.values, values.shape)] = np.nan
    return Dataset(
        q,
        values,
        dr=None if r.variances is None else np.sqrt(r.variances),
        dq=_coordinate(sc, curve, "Q_resolution"),
        name=name or curve.name or None,
        bad_rows=bad_rows,
    )


def _converted(sc: Any, name: str, value: Any, unit: str) -> Any:
    try:
        return value.to(unit=unit, dtype="float64", copy=False)
    except (sc.UnitError, sc.DTypeError) as error:
        message = f"dataset: {name} must be numbers with a unit like {unit}; got {value.unit}, {value.dtype}"
        raise InvalidValueError(message) from error


def _coordinate(sc: Any, curve: Any, name: str) -> Any:
    """Return a coordinate in 1/angstrom at the points, or None."""
    if name not in curve.coords:
        return None
    given = _converted(sc, name, curve.coords[name], "1/angstrom")
    if given.ndim == 0:
        given = given.broadcast(sizes=dict(curve.sizes))
    [size] = curve.shape
    if given.dims != curve.dims or given.shape not in ((size,), (size + 1,)):
        message = f"dataset: {name} must have the dimension of the curve, {dict(curve.sizes)}; got {dict(given.sizes)}"
        raise ShapeError(message)
    values = np.asarray(given.values)
    return values if given.shape == (size,) else 0.5 * (values[:-1] + values[1:])


def provider(q: Any, result: Any, *stack: Any, **more: Any) -> Callable[[Any], Any]:
    """Make a provider for a sciline pipeline: the reflectivity of a known sample at the Q of that pipeline.

    Parameters
    ----------
    q, result : type
        The pipeline's types (a class, ``NewType`` or a parametrised ``Scope``) of what it takes and gives.
    *stack, **more
        As of `kiessig.adapters.scipp.reflectivity` after `q`: thickness, SLD and so on.

    Returns
    -------
    callable
        To be inserted into a `sciline.Pipeline`, whose graph then knows how to get `result` from `q`.

    See Also
    --------
    reflectivity : what it computes, of dense Q and of events in bins.

    Examples
    --------
    >>> from typing import NewType
    >>> from kiessig.adapters.scipp import provider
    >>> EventQ, Theory = NewType("EventQ", object), NewType("Theory", object)
    >>> theory = provider(EventQ, Theory, [100.0], [0.0, 3.47, 2.07], roughness=[3.0, 2.0])
    >>> theory.__annotations__ == {"q": EventQ, "return": Theory}
    True
    """

    def theory(q: Any) -> Any:
        from kiessig.adapters.scipp import reflectivity

        return reflectivity(q, *stack, **more)

    theory.__doc__ = "Reflectivity of a known sample."
    theory.__annotations__ = {"q": q, "return": result}
    return theory
