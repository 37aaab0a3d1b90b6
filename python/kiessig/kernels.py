"""Arrays in, arrays out: specular reflectivity of layered samples and its exact derivatives.

All validation of arrays happens here; the compiled core is called with clean, contiguous arrays only.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.instrument import Resolution

__all__ = [
    "Gradient",
    "Jacobian",
    "amplitude",
    "reflectivity",
    "reflectivity_jacobian",
    "reflectivity_jvp",
    "reflectivity_vjp",
]

FloatArray = NDArray[np.float64]
Repeats = Sequence[tuple[int, int, int]]
"""(start, stop, count): inner layers start, ..., stop - 1 stand count times one after the other."""


class Jacobian(NamedTuple):
    """Derivatives of each point's reflectivity; ``n`` inner layers, ``n_q`` points, leading batch dimensions ``...``.

    Attributes
    ----------
    thickness : float array, shape (..., n_q, n)
    sld, sld_imag : float array, shape (..., n_q, n + 2)
    roughness : float array, shape (..., n_q, n + 1)
    q, scale, background : float array, shape (..., n_q)
        With respect to the point's own Q, and to the scale and background of its stack.
    dq : float array, shape (..., n_q), or None
        With respect to the point's own resolution; None where none was given.
    """

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    q: FloatArray
    scale: FloatArray
    background: FloatArray
    dq: FloatArray | None


class Gradient(NamedTuple):
    """Derivatives of one number with respect to every input, each in the shape of that input as it was given."""

    thickness: FloatArray
    sld: FloatArray
    sld_imag: FloatArray
    roughness: FloatArray
    q: FloatArray
    scale: FloatArray
    background: FloatArray
    dq: FloatArray | None


_UNITS = {"thickness": " angstrom", "roughness": " angstrom", "q": " 1/angstrom", "dq": " 1/angstrom"}
_NON_NEGATIVE = ("thickness", "sld_imag", "roughness", "dq")


def _real(function: str, name: str, value: ArrayLike) -> FloatArray:
    """Return a C-contiguous float64 array of finite numbers, or raise."""
    try:
        given = np.asarray(value)
    except ValueError as error:  # rows of different lengths
        message = f"{function}: {name} must be an array of real numbers; got a ragged {type(value).__name__}"
        raise ShapeError(message) from error
    if given.dtype.kind not in "fiu":
        message = f"{function}: {name} must be real numbers; got dtype {given.dtype}"
        raise InvalidValueError(message)
    # ascontiguousarray makes a scalar one-dimensional
    array = np.ascontiguousarray(given, dtype=np.float64).reshape(given.shape)
    _check(function, name, array, np.isfinite(array), "finite")
    return array


def _check(function: str, name: str, array: FloatArray, good: NDArray[np.bool_], rule: str) -> None:
    if good.all():
        return
    where = tuple(int(i) for i in np.argwhere(~good)[0]) if array.ndim else ()
    place = f"{name}[{', '.join(map(str, where))}]" if where else name
    message = f"{function}: {name} must be {rule}; {place} = {float(array[where])!r}{_UNITS.get(name, '')}"
    raise InvalidValueError(message)


@dataclass
class _Call:
    """The inputs of one call as the core takes them, and what turns its outputs into the caller's shapes."""

    function: str
    given: dict[str, FloatArray]  # validated inputs in the caller's shapes
    lead: tuple[int, ...]  # batch shape
    merged: bool  # the batch is in q alone: the core sees one stack with all points
    n_q: int
    scalar_q: bool
    lengths: dict[str, int]  # of each input's last axis as the core sees it
    arguments: dict[str, Any]

    def rows(self, name: str, array: FloatArray) -> FloatArray:
        """`array`, in the shape of the input `name`, as rows for the core: (1 or n_batch, length)."""
        length = self.lengths[name]
        leading = array.shape if name in ("scale", "background") else array.shape[:-1]
        if self.merged and name in ("q", "dq"):
            full = np.broadcast_to(array, (*self.lead, self.n_q))
            return np.ascontiguousarray(full).reshape(1, math.prod(self.lead) * self.n_q)
        if math.prod(leading) == 1:
            return np.ascontiguousarray(np.broadcast_to(array.reshape(-1), (length,))).reshape(1, length)
        if name in ("scale", "background"):
            array = array[..., np.newaxis]
        full = np.broadcast_to(array, (*self.lead, length))
        return np.ascontiguousarray(full).reshape(math.prod(self.lead), length)

    def points(self, array: NDArray[Any], *trailing: int) -> NDArray[Any]:
        """Output for every point, in the caller's shape."""
        shape = self.lead if self.scalar_q else (*self.lead, self.n_q)
        return array.reshape((*shape, *trailing))

    def reduced(self, name: str, array: FloatArray) -> FloatArray:
        """Gradient rows for the input `name`, summed over whatever that input was broadcast to."""
        like = self.given[name]
        if name in ("scale", "background"):
            full = array.reshape(() if self.merged else self.lead)
            if self.merged:  # one stack in the core
                return full.reshape(like.shape).copy()
        elif self.merged and name in ("q", "dq"):
            full = array.reshape((*self.lead, self.n_q))
        else:
            full = array.reshape((*(() if self.merged else self.lead), self.lengths[name]))
            if self.merged:
                full = full.reshape((1,) * (max(like.ndim, 1) - 1) + full.shape)
        extra = full.ndim - like.ndim
        full = full.sum(axis=tuple(range(extra))) if extra > 0 else full
        kept = tuple(axis for axis in range(like.ndim) if like.shape[axis] == 1 and full.shape[axis] != 1)
        return np.array(full.sum(axis=kept, keepdims=True) if kept else full, dtype=np.float64).reshape(like.shape)

    def run(self, core_function: Callable[..., Any], *more: Any) -> Any:
        try:
            return core_function(self.arguments, *more)
        except ValueError as error:  # smearing that would need too many nodes
            message = f"{self.function}: dq cannot be honoured: {error}; use a smaller dq or a thinner stack"
            raise InvalidValueError(message) from error


def _cells(function: str, repeats: Repeats, n: int) -> list[tuple[int, int, int]]:
    """Return the repeated cells as plain integers, or raise."""
    cells: list[tuple[int, int, int]] = []
    end = 0
    for index, cell in enumerate(repeats):
        try:
            start, stop, count = (operator.index(number) for number in cell)
        except (TypeError, ValueError) as error:
            message = (
                f"{function}: repeats must be (start, stop, count) triples of integers; repeats[{index}] = {cell!r}"
            )
            raise InvalidValueError(message) from error
        if not (end <= start < stop <= n and 1 <= count < 2**31):
            message = (
                f"{function}: repeats must name inner layers, {end} <= start < stop <= {n}, in order without overlap, "
                f"and a count of at least 1; repeats[{index}] = {cell!r}"
            )
            raise InvalidValueError(message)
        end = stop
        cells.append((start, stop, count))
    return cells


def _prepare(
    function: str,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    threads: int | None = None,
    repeats: Repeats | None = None,
    plan: _core.Plan | None = None,
) -> _Call:
    given = {
        name: _real(function, name, value)
        for name, value in (
            ("q", q),
            ("thickness", thickness),
            ("sld", sld),
            ("sld_imag", sld_imag),
            ("roughness", roughness),
            ("scale", scale),
            ("background", background),
        )
    }
    if dq is not None:
        given["dq"] = _real(function, "dq", dq.sigma(given["q"]) if isinstance(dq, Resolution) else dq)
    for name in _NON_NEGATIVE:
        if name in given:
            _check(function, name, given[name], given[name] >= 0.0, "non-negative")

    if given["sld"].ndim == 0 or given["sld"].shape[-1] < 2:
        message = f"{function}: sld must have shape (..., n + 2), fronting to backing; got shape {given['sld'].shape}"
        raise ShapeError(message)
    n = given["sld"].shape[-1] - 2
    scalar_q = given["q"].ndim == 0
    n_q = 1 if scalar_q else given["q"].shape[-1]
    lengths = {"q": n_q, "thickness": n, "sld": n + 2, "sld_imag": n + 2, "roughness": n + 1, "dq": n_q}
    for name, length in lengths.items():
        if name not in given or (given[name].ndim == 0 and name != "thickness"):
            continue
        if given[name].shape[-1:] != (length,) or (name == "dq" and scalar_q):
            wanted = "the shape of q" if name == "dq" else f"{length} entries on its last axis (sld has {n + 2} media)"
            message = f"{function}: {name} must have {wanted}; got shape {given[name].shape}"
            raise ShapeError(message)
    lengths |= {"scale": 1, "background": 1}

    stacked = {
        name: array.shape if name in ("scale", "background") else array.shape[:-1] for name, array in given.items()
    }
    try:
        lead = np.broadcast_shapes(*stacked.values())
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items() if array.ndim)
        message = f"{function}: leading (batch) dimensions must broadcast; got {shapes}"
        raise ShapeError(message) from error
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1):
        message = f"{function}: threads must be None or a positive integer; got {threads!r}"
        raise InvalidValueError(message)

    merged = all(math.prod(shape) == 1 for name, shape in stacked.items() if name not in ("q", "dq"))
    call = _Call(function, given, lead, merged, n_q, scalar_q, lengths, {})
    call.arguments = {name: call.rows(name, array) for name, array in given.items()}
    call.arguments |= {"n_batch": 1 if merged else math.prod(lead), "threads": int(threads or 0)}
    call.arguments.setdefault("dq", None)
    call.arguments["rule"] = dq.rule if isinstance(dq, Resolution) else None
    call.arguments["plan"] = plan
    call.arguments["repeats"] = None if repeats is None else _cells(function, repeats, n)
    return call


# ---- What the public functions and a Plan share. `function` is the name that errors begin with.


def value(
    function: str,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    scale: ArrayLike,
    background: ArrayLike,
    dq: ArrayLike | Resolution | None,
    threads: int | None,
    repeats: Repeats | None,
    plan: _core.Plan | None,
) -> FloatArray:
    """Reflectivity, on the shortest way through for plain vectors and numbers."""
    plain = (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan)
    if repeats is None and (found := _core.plain_reflectivity(*plain)) is not None:
        return found
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, plan)
    return call.points(call.run(_core.reflectivity))


def value_and_jacobian(
    function: str,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    scale: ArrayLike,
    background: ArrayLike,
    dq: ArrayLike | Resolution | None,
    threads: int | None,
    repeats: Repeats | None,
    plan: _core.Plan | None,
) -> tuple[FloatArray, Jacobian]:
    """Reflectivity and Jacobian; see `value`."""
    plain = (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan)
    if repeats is None and (found := _core.plain_jacobian(*plain)) is not None:
        return found[0], Jacobian._make(found[1])
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, plan)
    r, fields = call.run(_core.reflectivity_jacobian)
    trailing = {name: (call.lengths[name],) for name in ("thickness", "sld", "sld_imag", "roughness")}
    shaped = [
        None if array is None else call.points(array, *trailing.get(name, ()))
        for name, array in zip(Jacobian._fields, fields, strict=True)
    ]
    return call.points(r), Jacobian._make(shaped)


def value_and_gradient(
    function: str,
    cotangent: ArrayLike,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    scale: ArrayLike,
    background: ArrayLike,
    dq: ArrayLike | Resolution | None,
    threads: int | None,
    repeats: Repeats | None,
    plan: _core.Plan | None,
) -> tuple[FloatArray, Gradient]:
    """Reflectivity and vector-Jacobian product; see `value`."""
    plain = (cotangent, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan)
    if repeats is None and (found := _core.plain_vjp(*plain)) is not None:
        return found[0], Gradient._make(found[1])
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, plan)
    weights = _real(function, "cotangent", cotangent)
    shape = call.lead if call.scalar_q else (*call.lead, call.n_q)
    try:
        weights = np.broadcast_to(weights, shape)
    except ValueError as error:
        message = f"{function}: cotangent must broadcast to the result's shape {shape}; got shape {weights.shape}"
        raise ShapeError(message) from error
    rows = np.ascontiguousarray(weights).reshape(call.arguments["n_batch"], call.arguments["q"].shape[1])
    r, fields = call.run(_core.reflectivity_vjp, rows)
    reduced = [
        None if array is None else call.reduced(name, array)
        for name, array in zip(Gradient._fields, fields, strict=True)
    ]
    return call.points(r), Gradient._make(reduced)


# ---- The public functions.


def reflectivity(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> FloatArray:
    r"""Compute the specular reflectivity of layered samples.

    Evaluates ``scale * smeared(R) + background`` with :math:`R = |V_0|^2` from Parratt's recursion with Névot–Croce
    roughness [1]_ [2]_, for media ordered along the beam from the fronting ``[0]`` to the backing ``[-1]``:

    .. math::

        k_j^2 = Q^2/4 - 4\pi(\rho_j - \rho_0), \qquad
        F_j = \frac{k_j - k_{j+1}}{k_j + k_{j+1}} e^{-2 k_j k_{j+1} \sigma_j^2}, \qquad
        V_j = \frac{F_j + X_{j+1}}{1 + F_j X_{j+1}}, \quad X_j = e^{2 i k_j d_j} V_j

    Parameters
    ----------
    q : float array, shape (..., n_q)
        Momentum transfer, 1/angstrom; any shape, a scalar included. A negative value is seen from the back: the
        reversed stack at ``|q|``. ``q = 0`` gives ``R = 1``.
    thickness : float array, shape (..., n)
        Thickness of the inner layers, angstrom, non-negative; ``[]`` for a single interface.
    sld : float array, shape (..., n + 2)
        Scattering length density of all media, 1e-6/angstrom^2.
    sld_imag : float array, shape (..., n + 2), or scalar
        Its imaginary part, non-negative: positive absorbs. That of the fronting is ignored.
    roughness : float array, shape (..., n + 1), or scalar
        Width (1 sigma of the error function) of the interface between media j and j + 1, angstrom, non-negative.
    scale, background : float array, shape (...), optional
        Per stack.
    dq : float array broadcastable to q, or Resolution, optional
        Width (1 sigma) of the Gaussian resolution, 1/angstrom. None and 0: no smearing.
    repeats : sequence of (start, stop, count), optional
        Repeated cells: the inner layers ``start, ..., stop - 1`` stand ``count`` times one after the other. The
        interface between two repeats has the roughness of the top interface of layer ``start``. Arrays hold each layer
        once, and so do derivatives, which are those of all repeats together. The cost grows with the logarithm of the
        count.
    threads : int, optional
        Threads to use; None chooses by the amount of work.

    Returns
    -------
    float64 array, shape (..., n_q)
        Leading dimensions of all arguments broadcast. Fresh, writable, C-contiguous.

    Raises
    ------
    ShapeError
        Where shapes do not fit together.
    InvalidValueError
        For values that are not finite, negative where that has no meaning, or not real numbers.

    See Also
    --------
    reflectivity_jacobian, reflectivity_vjp, reflectivity_jvp : with derivatives.
    amplitude : the complex amplitude.

    Notes
    -----
    Smearing integrates over all Q; the part of a wide kernel beyond Q = 0 reads ``R(|Q|)``. The quadrature places its
    nodes by the fringe period, the widths and the critical edge and halves its panels until R is resolved on them; its
    error stays below 1e-5 of the exact integral.

    Where both media of an interface are evanescent, the Névot–Croce factor grows with roughness, and R may exceed 1
    for a roughness far beyond the range of that approximation; its exponent is held at 80.

    References
    ----------
    .. [1] L. G. Parratt, Phys. Rev. 95, 359 (1954), doi:10.1103/PhysRev.95.359
    .. [2] L. Névot, P. Croce, Rev. Phys. Appl. 15, 761 (1980), doi:10.1051/rphysap:01980001503076100

    Examples
    --------
    >>> import kiessig as ks
    >>> r = ks.reflectivity([0.01, 0.1], [100.0], [0.0, 3.47, 2.07], roughness=[3.0, 2.0])
    >>> r.shape
    (2,)
    """
    return value("reflectivity", q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, None)


def amplitude(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> NDArray[np.complex128]:
    """Compute the complex reflection amplitude, whose squared modulus is the reflectivity.

    The wave is written exp(+ikz) along the beam, so that absorption and evanescence give Im k > 0, and the phase is
    that at the first interface.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, repeats, threads
        As in `reflectivity`.

    Returns
    -------
    complex128 array, shape (..., n_q)
        -1 at q = 0.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Examples
    --------
    >>> import kiessig as ks
    >>> abs(complex(ks.amplitude(0.005, [], [0.0, 6.36])))  # below the critical edge
    1.0
    """
    call = _prepare("amplitude", q, thickness, sld, sld_imag, roughness, threads=threads, repeats=repeats)
    return call.points(call.run(_core.amplitude))


def reflectivity_jacobian(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, Jacobian]:
    """Compute the reflectivity and its derivatives with respect to every input.

    One reverse sweep per Q gives all derivatives at once, so that this costs a small multiple of the value, whatever
    the number of layers.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, scale, background, dq, repeats, threads
        As in `reflectivity`.

    Returns
    -------
    r : float64 array, shape (..., n_q)
    jacobian : Jacobian
        Exact derivatives, field by field.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Notes
    -----
    ``sld_imag`` derivatives at 0 are the one-sided ones towards absorption. Where an inner layer is at its own critical
    edge the derivative is finite and exact. At the backing's own edge dR/dsld diverges as an inverse square root from
    the side above; exactly there the diverging term is dropped, which is the limit from the side of total reflection
    for a stack that does not absorb. Smeared derivatives are those of the integral, which are finite at the edge.

    Examples
    --------
    >>> import kiessig as ks
    >>> r, jacobian = ks.reflectivity_jacobian([0.05, 0.1], [100.0], [0.0, 3.47, 2.07])
    >>> jacobian.thickness.shape, jacobian.sld.shape, jacobian.roughness.shape
    ((2, 1), (2, 3), (2, 2))
    """
    function = "reflectivity_jacobian"
    return value_and_jacobian(
        function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, None
    )


def reflectivity_vjp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    cotangent: ArrayLike,
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, Gradient]:
    """Compute the reflectivity and the gradient of ``sum(cotangent * R)``, without storing the Jacobian.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, scale, background, dq, repeats, threads
        As in `reflectivity`.
    cotangent : float array, shape (..., n_q)
        Broadcastable to the reflectivity.

    Returns
    -------
    r : float64 array, shape (..., n_q)
    gradient : Gradient
        Each field in the shape of that input as given, summed over whatever it was broadcast to.

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.

    Notes
    -----
    Sums run in an order that does not depend on the number of threads. See `reflectivity_jacobian` for one-sided
    derivatives.

    Examples
    --------
    >>> import kiessig as ks
    >>> r, gradient = ks.reflectivity_vjp([0.05, 0.1], [100.0], [0.0, 3.47, 2.07], cotangent=[1.0, 1.0])
    >>> gradient.thickness.shape, gradient.sld_imag.shape
    ((1,), ())
    """
    inputs = (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, None)
    return value_and_gradient("reflectivity_vjp", cotangent, *inputs)


def reflectivity_jvp(
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike = 0.0,
    roughness: ArrayLike = 0.0,
    *,
    tangents: Mapping[str, ArrayLike],
    scale: ArrayLike = 1.0,
    background: ArrayLike = 0.0,
    dq: ArrayLike | Resolution | None = None,
    repeats: Repeats | None = None,
    threads: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Compute the reflectivity and its derivative along a direction in the inputs.

    Parameters
    ----------
    q, thickness, sld, sld_imag, roughness, scale, background, dq, repeats, threads
        As in `reflectivity`.
    tangents : mapping of input name to float array
        The direction: for any of the inputs an array that broadcasts to that input; inputs left out do not move.

    Returns
    -------
    r, dr : float64 array, shape (..., n_q)

    Raises
    ------
    ShapeError, InvalidValueError
        As `reflectivity`.
    UnknownNameError
        For a tangent of something that is not an input.

    Examples
    --------
    >>> import kiessig as ks
    >>> r, dr = ks.reflectivity_jvp([0.05], [100.0], [0.0, 3.47, 2.07], tangents={"thickness": [1.0]})
    >>> dr.shape
    (1,)
    """
    function = "reflectivity_jvp"
    call = _prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats)
    rows = {}
    for name, value in tangents.items():
        if name not in call.given:
            if name == "dq":
                message = f"{function}: tangents has 'dq', but no dq was given"
                raise InvalidValueError(message)
            near = difflib.get_close_matches(str(name), Jacobian._fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known names are {', '.join(Jacobian._fields)}"
            message = f"{function}: tangents names no input: {name!r}{hint}"
            raise UnknownNameError(message)
        tangent = _real(function, f"tangents[{name!r}]", value)
        try:
            tangent = np.broadcast_to(tangent, call.given[name].shape)
        except ValueError as error:
            message = (
                f"{function}: tangents[{name!r}] must broadcast to {name}, shape {call.given[name].shape}; "
                f"got shape {tangent.shape}"
            )
            raise ShapeError(message) from error
        rows[name] = call.rows(name, tangent)
    r, dr = call.run(_core.reflectivity_jvp, rows)
    return call.points(r), call.points(dr)
