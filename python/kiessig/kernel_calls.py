"""From the arguments of a kernel to a call of the compiled core, and back to the caller's shapes.

All validation of arrays happens here; the core is called with clean, contiguous arrays only. What users call stands in
`kiessig.kernels` and `kiessig.plan`; `function`, here, is the name that error messages begin with.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from kiessig import _core
from kiessig._inputs import checked_threads, known_tangents
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import Resolution

__all__ = [
    "Call",
    "Gradient",
    "Jacobian",
    "Repeats",
    "is_single",
    "plainly",
    "prepare",
    "real",
    "value",
    "value_and_gradient",
    "value_and_jacobian",
    "value_in_single",
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


_AXES = {
    "q": "point",
    "dq": "point",
    "thickness": "layer",
    "sld": "medium",
    "sld_imag": "medium",
    "roughness": "interface",
    "sld_magnetic": "medium",
    "theta_m": "medium",
    "phi_m": "medium",
    "guide_angle": None,
    "field": None,
    "scale": None,
    "background": None,
}
"""What the last axis of an input runs over; None: one number per stack, all axes are leading ones."""
_UNITS = {
    "thickness": " angstrom",
    "roughness": " angstrom",
    "q": " 1/angstrom",
    "dq": " 1/angstrom",
    "theta_m": " degrees",
    "phi_m": " degrees",
    "guide_angle": " degrees",
    "field": " tesla",
}
_ALL_FIELDS = (1 << len(Jacobian._fields)) - 1
_NON_NEGATIVE = ("thickness", "sld_imag", "roughness", "dq")


def real(function: str, name: str, value: ArrayLike) -> FloatArray:
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
    if not array.flags.aligned:  # a field of a packed record, say
        array = array.copy()
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
class Call:
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
        leading = array.shape if _AXES[name] is None else array.shape[:-1]
        if self.merged and _AXES[name] == "point":
            full = np.broadcast_to(array, (*self.lead, self.n_q))
            return np.ascontiguousarray(full).reshape(1, math.prod(self.lead) * self.n_q)
        if math.prod(leading) == 1:
            return np.ascontiguousarray(np.broadcast_to(array.reshape(-1), (length,))).reshape(1, length)
        if _AXES[name] is None:
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
        if _AXES[name] is None:
            full = array.reshape(() if self.merged else self.lead)
            if self.merged:  # one stack in the core
                return full.reshape(like.shape).copy()
        elif self.merged and _AXES[name] == "point":
            full = array.reshape((*self.lead, self.n_q))
        else:
            full = array.reshape((*(() if self.merged else self.lead), self.lengths[name]))
            if self.merged:
                full = full.reshape((1,) * (max(like.ndim, 1) - 1) + full.shape)
        extra = full.ndim - like.ndim
        full = full.sum(axis=tuple(range(extra))) if extra > 0 else full
        kept = tuple(axis for axis in range(like.ndim) if like.shape[axis] == 1 and full.shape[axis] != 1)
        return np.array(full.sum(axis=kept, keepdims=True) if kept else full, dtype=np.float64).reshape(like.shape)

    def weights(self, name: str, value: ArrayLike) -> FloatArray:
        """Return a number for every point, called `name` by the caller, as rows for the core."""
        array = real(self.function, name, value)
        shape = self.lead if self.scalar_q else (*self.lead, self.n_q)
        try:
            full = np.broadcast_to(array, shape)
        except ValueError as error:
            message = f"{self.function}: {name} must broadcast to the result's shape {shape}; got shape {array.shape}"
            raise ShapeError(message) from error
        return np.ascontiguousarray(full).reshape(self.arguments["n_batch"], self.arguments["q"].shape[1])

    def tangents(self, tangents: Mapping[str, ArrayLike], known: Sequence[str]) -> dict[str, FloatArray]:
        """Return the direction as rows for the core; `known` names all inputs that the function can have."""
        found = known_tangents(self.function, tangents, self.given, known)
        return {name: self.rows(name, tangent) for name, tangent in found.items()}

    def run(self, core_function: Callable[..., Any], *more: Any) -> Any:
        """Call the core."""
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


def prepare(
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
    more: Mapping[str, ArrayLike] | None = None,
    *,
    merge: bool = True,
) -> Call:
    """Check the arguments of a kernel and turn them into what the core takes.

    `more` are inputs beyond those of a nuclear stack, by name. With `merge`, a batch that is in q alone becomes one
    stack with all points, which is faster.
    """
    inputs: dict[str, ArrayLike] = {
        "q": q,
        "thickness": thickness,
        "sld": sld,
        "sld_imag": sld_imag,
        "roughness": roughness,
        **(more or {}),
        "scale": scale,
        "background": background,
    }
    given = {name: real(function, name, value) for name, value in inputs.items()}
    if dq is not None:
        given["dq"] = real(function, "dq", dq.sigma(given["q"]) if isinstance(dq, Resolution) else dq)
    for name in _NON_NEGATIVE:
        if name in given:
            _check(function, name, given[name], given[name] >= 0.0, "non-negative")

    if given["sld"].ndim == 0 or given["sld"].shape[-1] < 2:
        message = f"{function}: sld must have shape (..., n + 2), fronting to backing; got shape {given['sld'].shape}"
        raise ShapeError(message)
    n = given["sld"].shape[-1] - 2
    scalar_q = given["q"].ndim == 0
    n_q = 1 if scalar_q else given["q"].shape[-1]
    along = {"point": n_q, "layer": n, "medium": n + 2, "interface": n + 1}
    lengths = {}
    for name, array in given.items():
        axis = _AXES[name]
        lengths[name] = length = 1 if axis is None else along[axis]
        if axis is None or (array.ndim == 0 and name != "thickness"):
            continue
        if array.shape[-1:] != (length,) or (name == "dq" and scalar_q):
            wanted = "the shape of q" if name == "dq" else f"{length} entries on its last axis (sld has {n + 2} media)"
            message = f"{function}: {name} must have {wanted}; got shape {array.shape}"
            raise ShapeError(message)

    stacked = {name: array.shape if _AXES[name] is None else array.shape[:-1] for name, array in given.items()}
    try:
        lead = np.broadcast_shapes(*stacked.values())
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in given.items() if array.ndim)
        message = f"{function}: leading (batch) dimensions must broadcast; got {shapes}"
        raise ShapeError(message) from error
    thread_count = checked_threads(function, threads)

    merged = merge and all(math.prod(shape) == 1 for name, shape in stacked.items() if _AXES[name] != "point")
    call = Call(function, given, lead, merged, n_q, scalar_q, lengths, {})
    call.arguments = {name: call.rows(name, array) for name, array in given.items()}
    call.arguments |= {"n_batch": 1 if merged else math.prod(lead), "threads": thread_count}
    call.arguments.setdefault("dq", None)
    call.arguments["smearing"] = dq.smearing(given["q"]) if isinstance(dq, Resolution) else None
    call.arguments["plan"] = plan
    call.arguments["repeats"] = None if repeats is None else _cells(function, repeats, n)
    return call


def plainly(core_function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call the core on the user's arguments as they are; None where the long way is needed, to compute or to refuse."""
    try:
        return core_function(*arguments)
    except ValueError:  # smearing that would need too many nodes
        return None


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
    found: FloatArray | None = None if repeats is not None else plainly(_core.plain_reflectivity, plain)
    if found is not None:
        return found
    call = prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, plan)
    return call.points(call.run(_core.reflectivity))


def is_single(function: str, dtype: DTypeLike) -> bool:
    """Whether `dtype` is float32 rather than float64; raises for any other."""
    try:
        wanted = None if dtype is None else np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted not in (np.float64, np.float32):
        message = f"{function}: dtype must be float64 or float32; got {dtype!r}"
        raise InvalidValueError(message)
    return wanted == np.float32


def value_in_single(
    function: str,
    q: ArrayLike,
    thickness: ArrayLike,
    sld: ArrayLike,
    sld_imag: ArrayLike,
    roughness: ArrayLike,
    scale: ArrayLike,
    background: ArrayLike,
    threads: int | None,
    repeats: Repeats | None,
) -> NDArray[np.float32]:
    """Reflectivity in single precision; see `value`."""
    plain = (q, thickness, sld, sld_imag, roughness, scale, background, threads)
    if repeats is None and (found := _core.plain_reflectivity_float(*plain)) is not None:
        return found
    call = prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, None, threads, repeats)
    return call.points(call.run(_core.reflectivity_float))


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
    wanted: Container[str] | None = None,
) -> tuple[FloatArray, Jacobian]:
    """Reflectivity and Jacobian; see `value`.

    Fields that are not `wanted` may be None: where there is smearing, they would cost time.
    """
    fields = _ALL_FIELDS
    if wanted is not None and dq is not None:
        fields = sum(1 << place for place, name in enumerate(Jacobian._fields) if name in wanted)
    plain = (q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, plan, fields)
    if repeats is None and (found := plainly(_core.plain_jacobian, plain)) is not None:
        return found[0], Jacobian._make(found[1])
    call = prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, plan)
    call.arguments["fields"] = fields
    r, found_fields = call.run(_core.reflectivity_jacobian)
    trailing = {name: (call.lengths[name],) for name in ("thickness", "sld", "sld_imag", "roughness")}
    shaped = [
        None if array is None else call.points(array, *trailing.get(name, ()))
        for name, array in zip(Jacobian._fields, found_fields, strict=True)
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
    if repeats is None and (found := plainly(_core.plain_vjp, plain)) is not None:
        return found[0], Gradient._make(found[1])
    call = prepare(function, q, thickness, sld, sld_imag, roughness, scale, background, dq, threads, repeats, plan)
    r, fields = call.run(_core.reflectivity_vjp, call.weights("cotangent", cotangent))
    reduced = [
        None if array is None else call.reduced(name, array)
        for name, array in zip(Gradient._fields, fields, strict=True)
    ]
    return call.points(r), Gradient._make(reduced)
