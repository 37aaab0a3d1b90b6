"""Arrays in, arrays out: exact derivatives of the complex reflection amplitude."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.kernel_calls import Repeats, prepare

__all__ = ["AmplitudeGradient", "AmplitudeJacobian", "amplitude_jacobian", "amplitude_vjp"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class AmplitudeJacobian(NamedTuple):
    """Derivatives of each point's amplitude; ``n`` inner layers, ``n_q`` points, leading batch dimensions ``...``.

    Attributes
    ----------
    thickness : complex array, shape (..., n_q, n)
    sld, sld_imag : complex array, shape (..., n_q, n + 2)
    roughness : complex array, shape (..., n_q, n + 1)
    q : complex array, shape (..., n_q)
        With respect to the point's own Q.
    """

    thickness: ComplexArray
    sld: ComplexArray
    sld_imag: ComplexArray
    roughness: ComplexArray
    q: ComplexArray


class AmplitudeGradient(NamedTuple):
    """Derivatives of one real number with respect to every input, each in the shape of that input as it was given."""

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    q: FloatArray


def amplitude_jacobian(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[ComplexArray, AmplitudeJacobian]:
    """Compute the complex reflection amplitude and its derivatives with respect to every input.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, repeats, threads
        As in `reflectivity`.

    Returns
    -------
    v : complex128 array, shape (..., n_q)
        As `amplitude`.
    jacobian : AmplitudeJacobian
        Exact derivatives dV, complex, with respect to the real inputs.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Notes
    -----
    The reflectivity's derivatives are ``2 Re(conj(V) dV)``; `reflectivity_jacobian` computes them at a third of the
    cost. What is said there of one-sided derivatives holds here.

    Examples
    --------
    >>> import kiessig as ks
    >>> v, jacobian = ks.amplitude_jacobian([0.05, 0.1], [100.0], [0.0, 3.47, 2.07])
    >>> jacobian.sld.shape
    (2, 3)
    """
    function = "amplitude_jacobian"
    call = prepare(function, q, thickness, sld, sld_imag, roughness, threads=threads, repeats=repeats)
    v, fields = call.run(_core.amplitude_jacobian)
    shaped = [
        call.points(array, *(() if name == "q" else (call.lengths[name],)))
        for name, array in zip(AmplitudeJacobian._fields, fields, strict=True)
    ]
    return call.points(v), AmplitudeJacobian._make(shaped)


def amplitude_vjp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    cotangent: ArrayLike,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[ComplexArray, AmplitudeGradient]:
    r"""Compute the complex reflection amplitude and the gradient of a real function L of it.

    With the cotangent :math:`c = \partial L/\partial\operatorname{Re} V + i\,\partial L/\partial\operatorname{Im} V`,
    the gradient is that of :math:`dL = \sum \operatorname{Re}(c^* dV)`. For :math:`L = \sum |V - M|^2`, say,
    :math:`c = 2 (V - M)`.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, repeats, threads
        As in `reflectivity`.
    cotangent : complex array, shape (..., n_q)
        Broadcastable to the amplitude. Frameworks that take ``dL = sum(Re(c dV))`` instead want it conjugated.

    Returns
    -------
    v : complex128 array, shape (..., n_q)
        As `amplitude`.
    gradient : AmplitudeGradient
        Each field real, in the shape of that input as given, summed over whatever it was broadcast to.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Examples
    --------
    >>> import kiessig as ks
    >>> v, gradient = ks.amplitude_vjp([0.05, 0.1], [100.0], [0.0, 3.47, 2.07], cotangent=[1.0, 1.0j])
    >>> gradient.thickness.shape
    (1,)
    """
    function = "amplitude_vjp"
    call = prepare(function, q, thickness, sld, sld_imag, roughness, threads=threads, repeats=repeats)
    shape = call.lead if call.scalar_q else (*call.lead, call.n_q)
    rows = _weights(function, cotangent, shape).reshape(call.arguments["n_batch"], call.arguments["q"].shape[1])
    v, fields = call.run(_core.amplitude_vjp, rows)
    reduced = [call.reduced(name, array) for name, array in zip(AmplitudeGradient._fields, fields, strict=True)]
    return call.points(v), AmplitudeGradient._make(reduced)


def _weights(function: str, cotangent: ArrayLike, shape: tuple[int, ...]) -> ComplexArray:
    """Cotangents in the shape of the amplitudes, or raise."""
    try:
        given = np.asarray(cotangent)
    except ValueError as error:  # rows of different lengths
        message = f"{function}: cotangent must be an array of complex numbers; got a ragged {type(cotangent).__name__}"
        raise ShapeError(message) from error
    if given.dtype.kind not in "fiuc":
        message = f"{function}: cotangent must be complex numbers; got dtype {given.dtype}"
        raise InvalidValueError(message)
    if not (finite := np.isfinite(given)).all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        place = f"cotangent[{', '.join(map(str, where))}]" if where else "cotangent"
        message = f"{function}: cotangent must be finite; {place} = {given[where].item()!r}"
        raise InvalidValueError(message)
    try:
        return np.array(np.broadcast_to(given, shape), dtype=np.complex128, order="C")
    except ValueError as error:
        message = f"{function}: cotangent must broadcast to the result's shape {shape}; got shape {given.shape}"
        raise ShapeError(message) from error
