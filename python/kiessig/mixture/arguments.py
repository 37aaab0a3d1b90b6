"""The arguments of a mixture, checked, whether its patches' intensities or amplitudes add.

What users call stands in `kiessig.mixture`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from kiessig._inputs import broadcast, checked, checked_threads, known_tangents
from kiessig.data import FloatArray
from kiessig.errors import ShapeError
from kiessig.instrument import Resolution

__all__ = ["MEDIA", "MixtureArguments", "MixtureGradient", "MixtureJacobian", "PatchArrays", "Patches"]

Patches: TypeAlias = ArrayLike | Sequence[ArrayLike]
"""One array with an axis of patches, or a sequence with one array per patch."""

PatchArrays: TypeAlias = FloatArray | tuple[FloatArray, ...]
"""What comes out: an array where one was given, one array per patch where a sequence of them was given."""

MEDIA = {"thickness": 0, "sld": 2, "sld_imag": 2, "roughness": 1}  # length of the last axis less n
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
class MixtureArguments(ABC):
    """The inputs of one call. `lead` is the batch of the result; a scalar q counts as one point inside."""

    function: str
    plain: dict[str, FloatArray]  # q, weights, scale, background and dq as given
    media: list[dict[str, FloatArray]]  # thickness, sld, sld_imag, roughness as given: one for each patch, or for all
    one_by_one: frozenset[str]  # the names of those that were given patch by patch; empty: patches are in one array
    resolution: Resolution | None  # where dq is one
    threads: int  # 0: chosen by the amount of work
    lead: tuple[int, ...]
    n_q: int

    @abstractmethod
    def value(self) -> FloatArray:
        """Compute the reflectivity."""

    @abstractmethod
    def jacobian(self) -> tuple[FloatArray, MixtureJacobian]:
        """Compute the reflectivity and the derivatives of every point."""

    @abstractmethod
    def vjp(self, cotangent: ArrayLike) -> tuple[FloatArray, MixtureGradient]:
        """Compute the reflectivity and the gradient of the sum of cotangent times reflectivity."""

    @abstractmethod
    def jvp(self, tangents: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
        """Compute the reflectivity and its derivative along the tangents."""

    @classmethod
    def given(
        cls,
        function: str,
        q: ArrayLike,
        thickness: Patches,
        sld: Patches,
        sld_imag: Patches,
        roughness: Patches,
        weights: ArrayLike,
        scale: ArrayLike,
        background: ArrayLike,
        dq: ArrayLike | Resolution | None,
        threads: int | None,
    ) -> Self:
        """Check the arguments of a mixture."""
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
        return cls(function, plain, media, one_by_one, resolution, checked_threads(function, threads), lead, n_q)

    @property
    def n_patches(self) -> int:
        """Number of patches."""
        return int(self.plain["weights"].shape[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return (*self.lead, self.n_q) if self.plain["q"].ndim else self.lead

    def _cotangent(self, cotangent: ArrayLike) -> FloatArray:
        """Return the cotangent of every point, (*lead, n_q)."""
        array = checked(self.function, "cotangent", cotangent)
        try:
            return np.broadcast_to(array, self.shape).reshape(*self.lead, self.n_q)
        except ValueError as error:
            message = (
                f"{self.function}: cotangent must broadcast to the result's shape {self.shape}; got shape {array.shape}"
            )
            raise ShapeError(message) from error

    def _tangents(self, tangents: Mapping[str, Any]) -> tuple[dict[str, FloatArray], list[dict[str, FloatArray]]]:
        """Return the directions of the plain inputs, and those of the media for each call of the kernel."""
        whole = {name: value for name, value in tangents.items() if name not in self.one_by_one}
        found = known_tangents(self.function, whole, {**self.media[0], **self.plain})
        plain = {name: array for name, array in found.items() if name in self.plain}
        media = [{name: array for name, array in found.items() if name in MEDIA} for _ in self.media]
        for name in self.one_by_one & set(tangents):
            for i, value in enumerate(_entries(self.function, f"tangents[{name!r}]", tangents[name], len(self.media))):
                label = f"{name}[{i}]"
                media[i][name] = known_tangents(self.function, {label: value}, {label: self.media[i][name]})[label]
        return plain, media


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
    for name, more in MEDIA.items():
        array = arrays[name]
        if (array.ndim or name == "thickness") and array.shape[-1:] != (n + more,):
            message = (
                f"{function}: {labels[name]} must have {n + more} entries on its last axis "
                f"({labels['sld']} has {n + 2} media); got shape {array.shape}"
            )
            raise ShapeError(message)
