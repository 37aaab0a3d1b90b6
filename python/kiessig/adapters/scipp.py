"""kiessig under scipp and ess.reflectometry: reflectivity of a `scipp.Variable` of Q, dense or binned.

`dataset` takes what a pipeline has reduced as data of a fit, `provider` makes theory a step of a pipeline.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.adapters._host import host_module
from kiessig.adapters._scipp_pipeline import INSTALL, dataset, provider
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import Resolution
from kiessig.kernels import reflectivity as _reflectivity

__all__ = ["dataset", "provider", "reflectivity"]

FloatArray = NDArray[np.float64]

Q_UNIT = "1/angstrom"
UNITS = {"thickness": ("angstrom", 1.0), "sld": ("1/angstrom**2", 1e6), "sld_imag": ("1/angstrom**2", 1e6)}
UNITS |= {"roughness": ("angstrom", 1.0), "scale": ("dimensionless", 1.0), "background": ("dimensionless", 1.0)}


def reflectivity(
    q: Any,
    thickness: Any,
    sld: Any,
    sld_imag: Any = 0.0,
    roughness: Any = 0.0,
    *,
    scale: Any = 1.0,
    background: Any = 0.0,
    dq: Any = None,
    threads: int | None = None,
) -> Any:
    """Compute the specular reflectivity of one sample at every Q of a scipp variable.

    Parameters
    ----------
    q : scipp.Variable
        Momentum transfer in any unit of inverse length, any number of dimensions; or binned, as ``da.bins.coords["Q"]``
        of events is. No variances. Where it is not finite, so is the result.
    thickness, sld, sld_imag, roughness, scale, background : float array or scipp.Variable
        As of `kiessig.reflectivity`, from the fronting on. Plain numbers are in angstrom and 1e-6/angstrom^2; a
        variable's unit is converted, so that an SLD of 2.07e-6 has the unit 1/angstrom^2.
    dq : scipp.Variable or Resolution, optional
        Width (1 sigma) of the resolution, with the dimensions of `q` or some of them; for a binned `q`, binned alike.
    threads : int, optional
        As of `kiessig.reflectivity`.

    Returns
    -------
    scipp.Variable
        Dimensionless, with the dimensions of `q`, and its bins where it has such.

    Raises
    ------
    MissingDependencyError
        Where scipp is not installed.
    InvalidValueError
        For something else than a variable, units that are none of Q or SLD, variances, bins of more than a coordinate,
        and as `kiessig.reflectivity`.
    ShapeError
        Where bins or dimensions of `dq` are not those of `q`.

    Notes
    -----
    Events are evaluated one by one, in the buffer that all bins share: 1e6 of them take some hundredths of a second
    without resolution. Smeared, each of them is an integral of its own.

    Examples
    --------
    >>> import scipp as sc  # doctest: +SKIP
    >>> from kiessig.adapters.scipp import reflectivity
    >>> q = sc.linspace("Q", 0.1, 2.0, 50, unit="1/nm")  # doctest: +SKIP
    >>> reflectivity(q, [100.0], [0.0, 3.47, 2.07], roughness=[3.0, 2.0]).unit  # doctest: +SKIP
    dimensionless
    """
    sc = host_module("scipp", "kiessig.adapters.scipp", INSTALL)
    _require_variable(sc, "q", q)
    inputs = {"thickness": thickness, "sld": sld, "sld_imag": sld_imag, "roughness": roughness}
    inputs |= {"scale": scale, "background": background}
    numbers = {name: _numbers(sc, name, value) for name, value in inputs.items()}
    if not q.bins:
        widths = dq if dq is None or isinstance(dq, Resolution) else _spread(sc, dq, q)
        return sc.array(dims=q.dims, values=_curve(_q(sc, "q", q), numbers, widths, threads), unit="dimensionless")
    buffer, parts = _buffer(sc, "q", q)
    widths = dq
    if dq is not None and not isinstance(dq, Resolution):
        _require_variable(sc, "dq", dq)
        widths = _widths_of_bins(sc, dq, q, parts)
    values = _curve(_q(sc, "q", buffer), numbers, widths, threads)
    data = sc.array(dims=buffer.dims, values=values, unit="dimensionless")
    return sc.bins(begin=parts["begin"], end=parts["end"], dim=parts["dim"], data=data)


def _require_variable(sc: Any, name: str, value: Any) -> None:
    if not isinstance(value, sc.Variable):
        hint = f"; take its coordinate, .coords[{name!r}]" if isinstance(value, sc.DataArray) else ""
        message = f"reflectivity: {name} must be a scipp.Variable; got {type(value).__name__}{hint}"
        raise InvalidValueError(message)


def _buffer(sc: Any, name: str, binned: Any) -> tuple[Any, dict[str, Any]]:
    """Return the events of all bins, without those that a slice has left in the buffer, and where bins begin."""
    parts = binned.bins.constituents
    if not isinstance(parts["data"], sc.Variable):
        message = f"reflectivity: bins of {name} must hold a variable; take theirs, .bins.coords['Q']"
        raise InvalidValueError(message)
    if int(binned.bins.size().sum().value) != parts["data"].size:
        parts = binned.copy().bins.constituents
    return parts["data"], parts


def _q(sc: Any, name: str, value: Any) -> FloatArray:
    if value.variances is not None:
        message = f"reflectivity: {name} must have no variances; put the uncertainty of Q into dq"
        raise InvalidValueError(message)
    try:
        converted = value.to(unit=Q_UNIT, dtype="float64", copy=False)
    except (sc.UnitError, sc.DTypeError) as error:
        message = f"reflectivity: {name} must be numbers with a unit of inverse length; got {value.unit}, {value.dtype}"
        raise InvalidValueError(message) from error
    return np.asarray(converted.values, dtype=np.float64)


def _numbers(sc: Any, name: str, value: Any) -> ArrayLike:
    if not isinstance(value, sc.Variable):
        return value  # type: ignore[no-any-return]
    unit, factor = UNITS[name]
    if value.variances is not None or value.bins:
        message = f"reflectivity: {name} must be plain numbers; got bins or variances"
        raise InvalidValueError(message)
    try:
        return np.asarray(value.to(unit=unit, dtype="float64", copy=False).values) * factor
    except (sc.UnitError, sc.DTypeError) as error:
        message = f"reflectivity: {name} must have a unit like {unit}; got {value.unit}, {value.dtype}"
        raise InvalidValueError(message) from error


def _spread(sc: Any, dq: Any, q: Any) -> FloatArray:
    """Return the widths in the shape of a dense q."""
    _require_variable(sc, "dq", dq)
    try:
        shaped = sc.broadcast(dq, sizes=dict(q.sizes))
    except (sc.DimensionError, sc.VariancesError) as error:
        message = f"reflectivity: dq must have dimensions of q, {dict(q.sizes)}; got {dict(dq.sizes)}"
        raise ShapeError(message) from error
    return _q(sc, "dq", shaped)


def _widths_of_bins(sc: Any, dq: Any, q: Any, parts: dict[str, Any]) -> FloatArray:
    if not dq.bins:
        if not set(dq.dims) <= set(q.dims):
            message = f"reflectivity: dq must have dimensions of q, {dict(q.sizes)}; got {dict(dq.sizes)}"
            raise ShapeError(message)
        dq = sc.bins_like(q, dq)
    sizes = q.sizes == dq.sizes and sc.identical(q.bins.size(), dq.bins.size())
    if not sizes:
        message = "reflectivity: dq must be binned as q is; bins differ in number or size"
        raise ShapeError(message)
    widths, own = _buffer(sc, "dq", dq)
    if not (sc.identical(own["begin"], parts["begin"]) and sc.identical(own["end"], parts["end"])):
        widths, own = _buffer(sc, "dq", dq.copy())
        message = "reflectivity: dq must be binned as q is; events of the two stand in another order"
        if not (sc.identical(own["begin"], parts["begin"]) and sc.identical(own["end"], parts["end"])):
            raise ShapeError(message)
    return _q(sc, "dq", widths)


def _curve(
    q: FloatArray, numbers: dict[str, ArrayLike], dq: FloatArray | Resolution | None, threads: int | None
) -> FloatArray:
    known = np.isfinite(q)
    if isinstance(dq, np.ndarray):
        dq = np.broadcast_to(dq, q.shape)
        known &= np.isfinite(dq)
    stack = (numbers["thickness"], numbers["sld"], numbers["sld_imag"], numbers["roughness"])
    settings: dict[str, Any] = {"scale": numbers["scale"], "background": numbers["background"], "threads": threads}
    flat = np.ascontiguousarray(q[known])
    widths = dq[known] if isinstance(dq, np.ndarray) else dq
    if isinstance(dq, Resolution) and not np.all(known):
        message = "reflectivity: with a Resolution every q must be finite, since widths go with points"
        raise InvalidValueError(message)
    r = np.full(q.shape, np.nan)
    if flat.size or q.size == 0:
        r[known] = _reflectivity(flat, *stack, dq=widths, **settings)
    return r
