"""Reflectivity where scattering length densities differ from point to point, as they do with the wavelength.

Points that share a set of SLDs stand together in the rows of one batched call of the kernel; rows are filled up with
copies of their last point, which take no part in any result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import kernels
from kiessig._inputs import broadcast, checked, known_tangents, speaking_as
from kiessig.data import FloatArray
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import Resolution
from kiessig.kernel_calls import Gradient, Jacobian, Repeats

__all__ = [
    "dispersive_reflectivity",
    "dispersive_reflectivity_jacobian",
    "dispersive_reflectivity_jvp",
    "dispersive_reflectivity_vjp",
]

IntArray = NDArray[np.intp]

# What a row costs besides its points, in points: setting up the stack, and placing the nodes of smearing (measured at
# 10 absorbing layers). Sharp points are computed eight at a time.
_ROW = 8
_SMEARED_ROW = 50
_VECTOR = 8


def dispersive_reflectivity(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    index: ArrayLike,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> FloatArray:
    """Compute the reflectivity of a sample whose SLDs depend on the point, because they depend on its wavelength.

    Every point i is that of a sample with the SLDs ``sld[index[i]]``: time of flight across an absorption resonance
    (Gd, Cd, Eu, Sm), X-rays of several energies, or X-rays whose energy is scanned across an edge. Thickness and
    roughness belong to the sample and are the same for all points.

    Parameters
    ----------
    q : float array, shape (..., n_q)
        Momentum transfer, 1/angstrom; negative from the back, as in `kiessig.reflectivity`.
    thickness : float array, shape (..., n)
        Thickness of the inner layers, angstrom, non-negative.
    sld : float array, shape (..., n_sets, n + 2)
        Sets of scattering length densities of all media, 1e-6/angstrom^2.
    sld_imag : float array, shape (..., n_sets, n + 2), or (n + 2,), or scalar
        Imaginary parts, non-negative: positive absorbs. One row, or one number, holds for all sets. Sets that differ in
        `sld_imag` only may share one row of `sld` likewise.
    roughness : float array, shape (..., n + 1), or scalar
        As in `kiessig.reflectivity`.
    index : integer array, shape (n_q,)
        The set of each point, 0 to n_sets - 1. Points may come in any order, and sets may have any number of them.
    scale, background : float array, shape (...), optional
        Per sample.
    dq : float array broadcastable to q, or Resolution, optional
        Width (1 sigma) of the resolution, 1/angstrom. A point is smeared with its own set: SLDs do not vary within its
        resolution.
    repeats, threads
        As in `kiessig.reflectivity`.

    Returns
    -------
    float64 array, shape (..., n_q)

    Raises
    ------
    ShapeError
        Where shapes do not fit together.
    InvalidValueError
        For values outside their domain, and for an `index` that names no set.

    See Also
    --------
    dispersive_reflectivity_jacobian, dispersive_reflectivity_vjp, dispersive_reflectivity_jvp : with derivatives.
    kiessig.Probe : Q and resolution of angles and wavelengths.

    Notes
    -----
    Ten absorbing layers take 0.03 microseconds for a point among many of its set, and 0.5 microseconds for one that has
    a set to itself. Smeared points share their integration nodes with those of the same set only.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> wavelength = np.array([4.0, 5.0, 4.0, 5.0, 6.0])
    >>> q = ks.Probe([0.3, 0.3, 0.6, 0.6, 0.6], wavelength).q
    >>> each, index = np.unique(wavelength, return_inverse=True)
    >>> film = 1.5 + 0.2 * each
    >>> sld = np.stack([np.zeros(3), film, np.full(3, 2.07)], axis=-1)
    >>> r = ks.dispersive_reflectivity(q, [100.0], sld, index=index)
    >>> r.shape
    (5,)
    """
    function = "dispersive_reflectivity"
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads)
    with speaking_as(function):
        r = kernels.reflectivity(**call.arguments)
    return call.points(r)


def dispersive_reflectivity_jacobian(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    index: ArrayLike,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, Jacobian]:
    """Compute the reflectivity where SLDs depend on the point, and its derivatives with respect to every input.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads
        As in `dispersive_reflectivity`.

    Returns
    -------
    r : float64 array, shape (..., n_q)
    jacobian : Jacobian
        As that of `kiessig.reflectivity_jacobian`: ``sld`` and ``sld_imag``, shape (..., n_q, n + 2), are with respect
        to the entries of the point's own set.

    Raises
    ------
    ShapeError, InvalidValueError
        As `dispersive_reflectivity`.

    Examples
    --------
    >>> import kiessig as ks
    >>> sld = [[0.0, 3.0, 2.07], [0.0, 4.0, 2.07]]
    >>> r, jacobian = ks.dispersive_reflectivity_jacobian([0.01, 0.05, 0.1], [100.0], sld, index=[0, 1, 1])
    >>> jacobian.thickness.shape, jacobian.sld.shape
    ((3, 1), (3, 3))
    """
    function = "dispersive_reflectivity_jacobian"
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads)
    with speaking_as(function):
        r, rows = kernels.reflectivity_jacobian(**call.arguments)
    return call.points(r), Jacobian._make(None if field is None else call.points(field) for field in rows)


def dispersive_reflectivity_vjp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    index: ArrayLike,
    cotangent: ArrayLike,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, Gradient]:
    """Compute the reflectivity where SLDs depend on the point, and the gradient of ``sum(cotangent * R)``.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads
        As in `dispersive_reflectivity`.
    cotangent : float array, shape (..., n_q)
        Broadcastable to the reflectivity.

    Returns
    -------
    r : float64 array, shape (..., n_q)
    gradient : Gradient
        Each field in the shape of that input as given; ``sld`` is (..., n_sets, n + 2), summed over the points of each
        set, and zero for a set without points.

    Raises
    ------
    ShapeError, InvalidValueError
        As `dispersive_reflectivity`.

    Examples
    --------
    >>> import kiessig as ks
    >>> sld = [[0.0, 3.0, 2.07], [0.0, 4.0, 2.07]]
    >>> q, cotangent = [0.01, 0.05, 0.1], [1.0, 1.0, 1.0]
    >>> r, gradient = ks.dispersive_reflectivity_vjp(q, [100.0], sld, index=[0, 1, 1], cotangent=cotangent)
    >>> gradient.thickness.shape, gradient.sld.shape
    ((1,), (2, 3))
    """
    function = "dispersive_reflectivity_vjp"
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads)
    weights = checked(function, "cotangent", cotangent)
    shape = call.lead if call.scalar_q else (*call.lead, call.layout.place.size)
    try:
        weights = np.broadcast_to(weights, shape).reshape(*call.lead, call.layout.place.size)
    except ValueError as error:
        message = f"{function}: cotangent must broadcast to the result's shape {shape}; got shape {weights.shape}"
        raise ShapeError(message) from error
    padded = np.where(call.layout.real, call.layout.spread(weights), 0.0)
    with speaking_as(function):
        r, gradient = kernels.reflectivity_vjp(**call.arguments, cotangent=padded)
    fields = [
        None if field is None else call.reduced(name, field)
        for name, field in zip(Gradient._fields, gradient, strict=True)
    ]
    return call.points(r), Gradient._make(fields)


def dispersive_reflectivity_jvp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    index: ArrayLike,
    tangents: Mapping[str, ArrayLike],
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute the reflectivity where SLDs depend on the point, and its derivative along a direction in the inputs.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads
        As in `dispersive_reflectivity`.
    tangents : mapping of input name to float array
        The direction: for any of the inputs an array that broadcasts to that input; inputs left out do not move.

    Returns
    -------
    r, dr : float64 array, shape (..., n_q)

    Raises
    ------
    ShapeError, InvalidValueError
        As `dispersive_reflectivity`.
    UnknownNameError
        For a tangent of something that is not an input.

    Examples
    --------
    >>> import kiessig as ks
    >>> sld = [[0.0, 3.0, 2.07], [0.0, 4.0, 2.07]]
    >>> tangents = {"sld": [[0.0, 1.0, 0.0], [0.0, 0.5, 0.0]]}
    >>> r, dr = ks.dispersive_reflectivity_jvp([0.05, 0.1], [100.0], sld, index=[0, 1], tangents=tangents)
    >>> dr.shape
    (2,)
    """
    function = "dispersive_reflectivity_jvp"
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, index, scale, background, dq, repeats, threads)
    given = known_tangents(function, tangents, call.given)
    moved = {name: call.arranged(name, array) for name, array in given.items()}
    with speaking_as(function):
        r, dr = kernels.reflectivity_jvp(**call.arguments, tangents=moved)
    return call.points(r), call.points(dr)


class _Layout(NamedTuple):
    """Where each point stands in the rows that the kernel computes."""

    positions: IntArray  # (n_rows, length): the point in each place
    real: NDArray[np.bool_]  # (n_rows, length): not a copy
    place: IntArray  # (n_q,): the place of each point, in the flattened rows
    sets: IntArray  # (n_rows,): the set of each row, in ascending order
    n_sets: int

    @classmethod
    def of(cls, index: IntArray, n_sets: int, row_cost: int) -> _Layout:
        counts = np.bincount(index, minlength=n_sets)
        length = cls._length(counts, row_cost)
        rows = -(-counts // length)
        sets = np.repeat(np.arange(n_sets), rows)
        number = np.arange(sets.size) - (np.cumsum(rows) - rows)[sets]  # of a row among those of its set
        rank = number[:, np.newaxis] * length + np.arange(length)  # of a point among those of its set
        real = rank < counts[sets, np.newaxis]
        order = np.argsort(index, kind="stable")
        first = np.cumsum(counts) - counts
        positions = order[np.minimum(rank, counts[sets, np.newaxis] - 1) + first[sets, np.newaxis]]
        place = np.empty(index.size, dtype=np.intp)
        place[positions[real]] = np.flatnonzero(real)
        return cls(positions, real, place, sets, n_sets)

    @staticmethod
    def _length(counts: IntArray, row_cost: int) -> int:
        """Choose the length of rows that costs least in all: long rows are few, short ones hold few copies."""
        longest = max(int(counts.max(initial=0)), 1)
        candidates = np.unique([*(2 ** np.arange(longest.bit_length())), longest])
        rows = np.sum(-(-counts[:, np.newaxis] // candidates), axis=0)
        return int(candidates[np.argmin(rows * (-(-candidates // _VECTOR) * _VECTOR + row_cost))])

    def spread(self, array: FloatArray) -> FloatArray:
        """From (..., n_q) to (..., n_rows, length)."""
        return array[..., self.positions]

    def set_rows(self, array: FloatArray) -> FloatArray:
        """From (..., n_sets, length) to (..., n_rows, length)."""
        return np.take(array, self.sets, axis=-2)

    def set_sums(self, array: FloatArray) -> FloatArray:
        """From (..., n_rows, length) to (..., n_sets, length): the adjoint of `set_rows`."""
        found, first = np.unique(self.sets, return_index=True)
        result = np.zeros((*array.shape[:-2], self.n_sets, array.shape[-1]))
        if found.size:
            result[..., found, :] = np.add.reduceat(array, first, axis=-2)
        return result


@dataclass
class _Call:
    """The inputs of one call, and what turns the kernel's rows into the caller's shapes."""

    given: dict[str, FloatArray]  # validated, in the caller's shapes
    layout: _Layout
    lead: tuple[int, ...]
    scalar_q: bool
    arguments: dict[str, Any]

    def arranged(self, name: str, array: FloatArray) -> FloatArray:
        """`array`, in the shape of the input `name`, with the axis of rows that the kernel's batch has."""
        if name in ("q", "dq"):
            return self.layout.spread(array) if array.ndim else array
        if name in ("sld", "sld_imag"):
            one_row = array.ndim < 2 or array.shape[-2] == 1
            return array if one_row else self.layout.set_rows(array)
        if name in ("scale", "background"):
            return array[..., np.newaxis] if array.ndim else array
        return array[..., np.newaxis, :] if array.ndim > 1 else array

    def points(self, array: FloatArray) -> FloatArray:
        """From (*lead, n_rows, length, ...) to (*lead, n_q, ...)."""
        axis = len(self.lead)
        flat = array.reshape(*self.lead, array.shape[axis] * array.shape[axis + 1], *array.shape[axis + 2 :])
        found = np.take(flat, self.layout.place, axis=axis)
        return found.reshape((*self.lead, *found.shape[axis + 1 :])) if self.scalar_q else found

    def reduced(self, name: str, gradient: FloatArray) -> FloatArray:
        """Turn the gradient of an input as `arranged` into one of the input as the caller gave it."""
        like = self.given[name].shape
        if name in ("q", "dq") and gradient.ndim:
            gradient = gradient.reshape(*gradient.shape[:-2], gradient.shape[-2] * gradient.shape[-1])
            return np.take(gradient, self.layout.place, axis=-1).reshape(like)
        if name in ("sld", "sld_imag") and len(like) > 1 and like[-2] != 1:
            return self.layout.set_sums(gradient)
        return gradient.reshape(like)


def _prepare(
    function: str,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    index: ArrayLike,
    scale: ArrayLike,
    background: ArrayLike,
    dq: ArrayLike | Resolution | None,
    repeats: Repeats | None,
    threads: int | None,
) -> _Call:
    given = {
        "q": checked(function, "q", q, "finite", "1/angstrom"),
        "thickness": checked(function, "thickness", thickness, "finite and non-negative", "angstrom"),
        "sld": checked(function, "sld", sld),
        "sld_imag": checked(function, "sld_imag", sld_imag, "finite and non-negative"),
        "roughness": checked(function, "roughness", roughness, "finite and non-negative", "angstrom"),
        "scale": checked(function, "scale", scale),
        "background": checked(function, "background", background),
    }
    if dq is not None:
        widths = dq.sigma(given["q"]) if isinstance(dq, Resolution) else dq
        given["dq"] = checked(function, "dq", widths, "finite and non-negative", "1/angstrom")
    if not given["sld"].ndim or given["sld"].shape[-1] < 2:
        message = f"{function}: sld must have shape (..., n_sets, n + 2); got shape {given['sld'].shape}"
        raise ShapeError(message)
    n = given["sld"].shape[-1] - 2
    scalar_q = not given["q"].ndim
    n_q = 1 if scalar_q else given["q"].shape[-1]
    lengths = {"thickness": n, "sld_imag": n + 2, "roughness": n + 1, "dq": n_q}
    for name, length in lengths.items():
        if name not in given or (not given[name].ndim and name != "thickness"):
            continue
        if given[name].shape[-1:] != (length,) or (name == "dq" and scalar_q):
            wanted = "the shape of q" if name == "dq" else f"{length} entries on its last axis (sld has {n + 2} media)"
            message = f"{function}: {name} must have {wanted}; got shape {given[name].shape}"
            raise ShapeError(message)
    behind = {"sld": 2, "sld_imag": 2, "scale": 0, "background": 0}  # axes after those of the batch, 1 for the others
    n_sets = math.prod(broadcast(function, "sets", {k: given[k].shape[-2:-1] for k in ("sld", "sld_imag")}))
    lead = broadcast(
        function,
        "leading (batch) dimensions",
        {name: array.shape[: max(array.ndim - behind.get(name, 1), 0)] for name, array in given.items()},
    )

    layout = _Layout.of(_index(function, index, n_q, n_sets, scalar_q), n_sets, _ROW if dq is None else _SMEARED_ROW)
    if scalar_q:
        given["q"] = given["q"].reshape(1)
    call = _Call(given, layout, lead, scalar_q, {})
    call.arguments = {name: call.arranged(name, array) for name, array in given.items()}
    if isinstance(dq, Resolution):
        call.arguments["dq"] = dq.rearranged(layout.spread)
    call.arguments |= {"repeats": repeats, "threads": threads}
    if scalar_q:
        given["q"] = given["q"].reshape(())
    return call


def _index(function: str, index: ArrayLike, n_q: int, n_sets: int, scalar_q: bool) -> IntArray:
    found = np.asarray(index)
    if found.dtype.kind not in "iu" and found.size:
        message = f"{function}: index must be integers, the set of each point; got dtype {found.dtype}"
        raise InvalidValueError(message)
    wanted = () if scalar_q else (n_q,)
    if found.shape != wanted:
        message = f"{function}: index must have shape {wanted}, one set per point of q; got shape {found.shape}"
        raise ShapeError(message)
    found = found.reshape(n_q).astype(np.intp)
    bad = np.flatnonzero((found < 0) | (found >= n_sets))
    if bad.size:
        where = int(bad[0])
        place = "index" if scalar_q else f"index[{where}]"
        message = f"{function}: index must be 0 to {n_sets - 1} (sld has {n_sets} sets); {place} = {int(found[where])}"
        raise InvalidValueError(message)
    return found
