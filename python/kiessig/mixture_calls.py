"""From the arguments of a mixture to calls of the kernels, and back to the caller's shapes.

What users call stands in `kiessig.mixture`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from kiessig import kernels
from kiessig._inputs import broadcast, checked, known_tangents, speaking_as, sum_to_shape
from kiessig.data import FloatArray
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import Resolution

__all__ = ["Incoherent", "MixtureGradient", "MixtureJacobian", "PatchArrays", "Patches", "mixture"]

Patches: TypeAlias = ArrayLike | Sequence[ArrayLike]
"""One array with an axis of patches, or a sequence with one array per patch."""

PatchArrays: TypeAlias = FloatArray | tuple[FloatArray, ...]
"""What comes out: an array where one was given, one array per patch where a sequence of them was given."""

_MEDIA = {"thickness": 0, "sld": 2, "sld_imag": 2, "roughness": 1}  # length of the last axis less n
_UNITS = {"thickness": "angstrom", "roughness": "angstrom"}


class MixtureJacobian(NamedTuple):
    """Derivatives of each point's reflectivity; P patches of n inner layers, ``n_q`` points, batch dimensions ``...``.

    Attributes
    ----------
    thickness : float array, shape (..., n_q, P, n)
    sld, sld_imag : float array, shape (..., n_q, P, n + 2)
    roughness : float array, shape (..., n_q, P, n + 1)
        These four are tuples of P arrays (..., n_q, n), (..., n_q, n + 2), (..., n_q, n + 1) where the patches were
        given one by one.
    weights : float array, shape (..., n_q, P)
    q, scale, background : float array, shape (..., n_q)
        With respect to the point's own Q, and to the scale and background of its sample.
    dq : float array, shape (..., n_q), or None
        With respect to the point's own resolution; None where none was given.
    """

    thickness: PatchArrays
    sld: PatchArrays
    sld_imag: PatchArrays
    roughness: PatchArrays
    weights: FloatArray
    q: FloatArray
    scale: FloatArray
    background: FloatArray
    dq: FloatArray | None


class MixtureGradient(NamedTuple):
    """Derivatives of one number with respect to every input, each in the shape of that input as it was given.

    Fields of inputs that were given patch by patch are tuples, one array per patch.
    """

    thickness: PatchArrays
    sld: PatchArrays
    sld_imag: PatchArrays
    roughness: PatchArrays
    weights: FloatArray
    q: FloatArray
    scale: FloatArray
    background: FloatArray
    dq: FloatArray | None


@dataclass
class Incoherent:
    """Patches whose intensities add: one call of the kernel for patches in one array, else one for each patch.

    `lead` is the batch of the result. Below, "patched" arrays have shape (*lead, patches of one call, n_q, ...), and a
    scalar q counts as one point until `_points`.
    """

    function: str
    plain: dict[str, FloatArray]  # q, weights, scale, background and dq as given
    media: list[dict[str, FloatArray]]  # thickness, sld, sld_imag and roughness as given, for each call of the kernel
    one_by_one: frozenset[str]  # the names of those that were given patch by patch; empty: patches are in one array
    resolution: Resolution | None  # where dq is one
    threads: int | None
    lead: tuple[int, ...]
    n_q: int

    def value(self) -> FloatArray:
        """Compute the reflectivity."""
        with speaking_as(self.function):
            parts = [self._patched(kernels.reflectivity(**inputs)) for inputs in self._calls()]
        return self._points(self._mixed(self._sum(parts)))

    def jacobian(self) -> tuple[FloatArray, MixtureJacobian]:
        """Compute the reflectivity and the derivatives of every point."""
        with speaking_as(self.function):
            found = [kernels.reflectivity_jacobian(**inputs) for inputs in self._calls()]
        parts = [self._patched(r) for r, _ in found]
        bare = self._sum(parts)
        scale = self._column("scale")
        by_weights = np.concatenate(
            [self._points(np.moveaxis(scale[..., np.newaxis] * r, -2, -1), 1) for r in parts], -1
        )
        fields: dict[str, Any] = {"dq": None}
        for name in ("q", "dq"):
            if name in self.plain:
                fields[name] = self._points(
                    scale * self._sum([self._patched(getattr(rows, name)) for _, rows in found])
                )
        for name in _MEDIA:
            each = []
            for (_, rows), factor in zip(found, self._factors(), strict=True):
                patched = self._patched(getattr(rows, name), getattr(rows, name).shape[-1])
                scaled = np.empty(np.moveaxis(patched, -3, -2).shape)  # points first, in one pass through memory
                np.multiply(factor[..., np.newaxis], patched, out=np.moveaxis(scaled, -2, -3))
                each.append(scaled if self.plain["q"].ndim else scaled[..., 0, :, :])
            fields[name] = tuple(part[..., 0, :] for part in each) if self.one_by_one else each[0]
        fields["scale"] = self._points(bare)
        fields["background"] = np.ones_like(fields["scale"])
        return self._points(self._mixed(bare)), MixtureJacobian(weights=by_weights, **fields)

    def vjp(self, cotangent: ArrayLike) -> tuple[FloatArray, MixtureGradient]:
        """Compute the reflectivity and the gradient of the sum of cotangent times reflectivity."""
        given = checked(self.function, "cotangent", cotangent)
        shape = (*self.lead, self.n_q) if self.plain["q"].ndim else self.lead
        try:
            incoming = np.broadcast_to(given, shape).reshape(*self.lead, self.n_q)
        except ValueError as error:
            message = (
                f"{self.function}: cotangent must broadcast to the result's shape {shape}; got shape {given.shape}"
            )
            raise ShapeError(message) from error
        parts, gradients = [], []
        with speaking_as(self.function):
            for inputs, factor in zip(self._calls(), self._factors(), strict=True):
                patched = np.broadcast_to(factor * incoming[..., np.newaxis, :], self._patched_shape())
                r, gradient = kernels.reflectivity_vjp(**inputs, cotangent=sum_to_shape(patched, _kernel_shape(inputs)))
                parts.append(self._patched(r))
                gradients.append(gradient)
        bare = self._sum(parts)
        scaled = (self._column("scale") * incoming)[..., np.newaxis, :]
        by_weight = np.concatenate([np.sum(scaled * r, axis=-1) for r in parts], axis=-1)
        sums = {
            "weights": np.broadcast_to(by_weight, (*self.lead, by_weight.shape[-1])),
            "scale": np.sum(incoming * bare, axis=-1),
            "background": np.sum(incoming, axis=-1),
        }
        fields: dict[str, Any] = {"dq": None}
        fields |= {name: sum_to_shape(array, self.plain[name].shape) for name, array in sums.items()}
        for name in ("q", "dq"):
            if name in self.plain:
                total = sum(getattr(gradient, name) for gradient in gradients)
                fields[name] = np.asarray(total).reshape(self.plain[name].shape)
        for name in _MEDIA:
            each = [
                np.asarray(getattr(gradient, name)).reshape(media[name].shape)
                for gradient, media in zip(gradients, self.media, strict=True)
            ]
            fields[name] = tuple(each) if name in self.one_by_one else np.asarray(sum(each))
        return self._points(self._mixed(bare)), MixtureGradient(**fields)

    def jvp(self, tangents: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
        """Compute the reflectivity and its derivative along the tangents."""
        plain, media = self._tangents(tangents)
        parts, slopes = [], []
        with speaking_as(self.function):
            for inputs, moved in zip(self._calls(), media, strict=True):
                along = {name: self._for_kernel(name, array) for name, array in (moved | plain).items()}
                along = {name: array for name, array in along.items() if name in inputs}
                r, dr = kernels.reflectivity_jvp(**inputs, tangents=along)
                parts.append(self._patched(r))
                slopes.append(self._patched(dr))
        bare = self._sum(parts)
        change = self._column("scale") * self._sum(slopes)
        if "weights" in plain:
            change = change + self._column("scale") * self._sum(parts, plain["weights"])
        if "scale" in plain:
            change = change + plain["scale"][..., np.newaxis] * bare
        if "background" in plain:
            change = change + plain["background"][..., np.newaxis]
        return self._points(self._mixed(bare)), self._points(change)

    def _calls(self) -> list[dict[str, Any]]:
        """Return the arguments of each call of the kernel."""
        shared: dict[str, Any] = {"threads": self.threads}
        for name in ("q", "dq"):
            if name in self.plain:
                shared[name] = self._for_kernel(name, self.plain[name])
        if self.resolution is not None:
            shared["dq"] = self.resolution.rearranged(lambda widths: self._for_kernel("dq", widths))
        return [shared | {name: self._for_kernel(name, array) for name, array in media.items()} for media in self.media]

    def _for_kernel(self, name: str, array: FloatArray) -> FloatArray:
        """Return an input as the kernel takes it, with the axis of patches."""
        if name == "q" and not array.ndim:
            return array.reshape(1)
        patched = name in _MEDIA and name not in self.one_by_one
        return array if patched or array.ndim < 2 else array[..., np.newaxis, :]

    def _patched_shape(self) -> tuple[int, ...]:
        return (*self.lead, 1 if self.one_by_one else self.plain["weights"].shape[-1], self.n_q)

    def _patched(self, array: FloatArray, *trailing: int) -> FloatArray:
        return np.broadcast_to(array, (*self._patched_shape(), *trailing))

    def _column(self, name: str) -> FloatArray:
        """Return the scale or the background, to stand beside an array of points."""
        return self.plain[name][..., np.newaxis]

    def _factors(self) -> list[FloatArray]:
        """Return, for each call of the kernel, what multiplies the points of its patches, (..., patches, 1)."""
        return self._split(self._column("scale") * self.plain["weights"])

    def _split(self, weights: FloatArray) -> list[FloatArray]:
        if not self.one_by_one:
            return [weights[..., np.newaxis]]
        return [weights[..., i : i + 1, np.newaxis] for i in range(weights.shape[-1])]

    def _sum(self, parts: Sequence[FloatArray], weights: FloatArray | None = None) -> FloatArray:
        """Sum all patches with the weights: (*lead, n_q)."""
        each = self._split(self.plain["weights"] if weights is None else weights)
        return sum((np.sum(w * part, axis=-2) for w, part in zip(each, parts, strict=True)), np.zeros(()))

    def _mixed(self, bare: FloatArray) -> FloatArray:
        return self._column("scale") * bare + self._column("background")

    def _points(self, array: FloatArray, trailing: int = 0) -> FloatArray:
        """Return a fresh array of the result's shape; `array` may still have to be broadcast to the batch."""
        end = array.shape[array.ndim - trailing :]
        full = np.broadcast_to(array, (*self.lead, self.n_q, *end))
        return np.array(full if self.plain["q"].ndim else full.reshape((*self.lead, *end)), order="C")

    def _tangents(self, tangents: Mapping[str, Any]) -> tuple[dict[str, FloatArray], list[dict[str, FloatArray]]]:
        """Return the directions of the plain inputs, and those of the media for each call of the kernel."""
        whole = {name: value for name, value in tangents.items() if name not in self.one_by_one}
        found = known_tangents(self.function, whole, {**self.media[0], **self.plain})
        plain = {name: array for name, array in found.items() if name in self.plain}
        media = [{name: array for name, array in found.items() if name in _MEDIA} for _ in self.media]
        for name in self.one_by_one & set(tangents):
            for i, value in enumerate(_entries(self.function, f"tangents[{name!r}]", tangents[name], len(self.media))):
                label = f"{name}[{i}]"
                media[i][name] = known_tangents(self.function, {label: value}, {label: self.media[i][name]})[label]
        return plain, media


def _kernel_shape(inputs: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of what the kernel returns."""
    arrays = [value for name, value in inputs.items() if isinstance(value, np.ndarray)]
    return (*np.broadcast_shapes(*(array.shape[:-1] for array in arrays)), inputs["q"].shape[-1])


def mixture(
    function: str,
    q: ArrayLike,
    thickness: Patches,
    sld: Patches,
    sld_imag: Patches,
    roughness: Patches,
    weights: ArrayLike,
    coherent: bool,
    scale: ArrayLike,
    background: ArrayLike,
    dq: ArrayLike | Resolution | None,
    threads: int | None,
) -> Incoherent:
    """Check the arguments of a mixture, and choose how its patches add."""
    plain = {
        "q": checked(function, "q", q, "finite", "1/angstrom"),
        "weights": checked(function, "weights", weights, "finite and non-negative"),
        "scale": checked(function, "scale", scale),
        "background": checked(function, "background", background),
    }
    if dq is not None:
        widths = dq.sigma(plain["q"]) if isinstance(dq, Resolution) else dq
        plain["dq"] = checked(function, "dq", widths, "finite and non-negative", "1/angstrom")
    n_q = plain["q"].shape[-1] if plain["q"].ndim else 1
    if "dq" in plain and plain["dq"].ndim and plain["dq"].shape[-1:] != plain["q"].shape[-1:]:
        message = f"{function}: dq must have the shape of q; got shape {plain['dq'].shape}"
        raise ShapeError(message)
    if not plain["weights"].ndim or not plain["weights"].shape[-1]:
        message = f"{function}: weights must have shape (..., P), one per patch; got shape {plain['weights'].shape}"
        raise ShapeError(message)
    if coherent:
        message = f"{function}: coherent must be False: amplitudes of patches cannot be added yet"
        raise InvalidValueError(message)
    n_patches = plain["weights"].shape[-1]
    given = {"thickness": thickness, "sld": sld, "sld_imag": sld_imag, "roughness": roughness}
    media, one_by_one = _media(function, given, n_patches)
    behind = {"scale": 0, "background": 0}
    leads = {name: array.shape[: max(array.ndim - behind.get(name, 1), 0)] for name, array in plain.items()}
    for i, arrays in enumerate(media):
        for name, array in arrays.items():
            label, axes = (f"{name}[{i}]", 1) if name in one_by_one else (name, 2)
            leads[label] = array.shape[: max(array.ndim - axes, 0)]
    lead = broadcast(function, "leading (batch) dimensions", leads)
    resolution = dq if isinstance(dq, Resolution) else None
    return Incoherent(function, plain, media, one_by_one, resolution, threads, lead, n_q)


def _media(
    function: str, given: Mapping[str, Patches], n_patches: int
) -> tuple[list[dict[str, FloatArray]], frozenset[str]]:
    """Check the stacks; return those of each call of the kernel, and the names of what was given patch by patch."""
    if not any(_is_one_by_one(value) for value in given.values()):
        arrays = {name: _medium(function, name, name, value) for name, value in given.items()}
        _check_lengths(function, arrays, {name: name for name in arrays})
        axes = [array.shape[-2] for array in arrays.values() if array.ndim > 1]
        if max(axes, default=1) != n_patches or not set(axes) <= {1, n_patches}:
            found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items() if array.ndim)
            message = (
                f"{function}: stacks must have {n_patches} patches, as weights has, before the last axis; got {found}"
            )
            raise ShapeError(message)
        return [arrays], frozenset()
    scalars = {name for name in ("sld_imag", "roughness") if _is_number(given[name])}
    rows = {name: _entries(function, name, value, n_patches) for name, value in given.items() if name not in scalars}
    media = []
    for i in range(n_patches):
        labels = {name: name if name in scalars else f"{name}[{i}]" for name in given}
        values = {name: given[name] if name in scalars else rows[name][i] for name in given}
        arrays = {name: _medium(function, labels[name], name, value) for name, value in values.items()}
        for name in rows:
            if not arrays[name].ndim:
                message = (
                    f"{function}: {name} must hold one array per patch where patches are given one by one "
                    f"(one number may stand for all of them); {labels[name]} is a number"
                )
                raise ShapeError(message)
        _check_lengths(function, arrays, labels)
        media.append(arrays)
    return media, frozenset(rows)


def _is_number(value: Any) -> bool:
    return not isinstance(value, list | tuple) and np.ndim(value) == 0


def _is_one_by_one(value: Any) -> bool:
    """Whether a value is a sequence of arrays, or of rows that make no array."""
    if not isinstance(value, list | tuple):
        return False
    if any(isinstance(entry, np.ndarray) and entry.ndim for entry in value):
        return True
    try:
        np.asarray(value)
    except ValueError:
        return True
    return False


def _entries(function: str, name: str, value: Any, n_patches: int) -> Sequence[ArrayLike]:
    if not isinstance(value, list | tuple) or len(value) != n_patches:
        got = f"{len(value)} entries" if isinstance(value, list | tuple) else f"a {type(value).__name__}"
        message = (
            f"{function}: {name} must be a sequence of {n_patches} arrays, one per patch as weights has, "
            f"where patches are given one by one; got {got}"
        )
        raise ShapeError(message)
    return value


def _medium(function: str, label: str, name: str, value: Any) -> FloatArray:
    domain = "finite" if name == "sld" else "finite and non-negative"
    return checked(function, label, value, domain, _UNITS.get(name, ""))


def _check_lengths(function: str, arrays: Mapping[str, FloatArray], labels: Mapping[str, str]) -> None:
    if not arrays["sld"].ndim or arrays["sld"].shape[-1] < 2:
        message = (
            f"{function}: {labels['sld']} must have n + 2 entries on its last axis, fronting to backing; "
            f"got shape {arrays['sld'].shape}"
        )
        raise ShapeError(message)
    n = arrays["sld"].shape[-1] - 2
    for name, more in _MEDIA.items():
        array = arrays[name]
        if (array.ndim or name == "thickness") and array.shape[-1:] != (n + more,):
            message = (
                f"{function}: {labels[name]} must have {n + more} entries on its last axis "
                f"({labels['sld']} has {n + 2} media); got shape {array.shape}"
            )
            raise ShapeError(message)
