"""Patches whose amplitudes add: one call of the core for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig import _core
from kiessig._inputs import sum_to_shape
from kiessig.data import FloatArray
from kiessig.errors import InvalidValueError
from kiessig.mixture.arguments import MEDIA, MixtureArguments, MixtureGradient, MixtureJacobian

__all__ = ["Coherent"]


@dataclass
class Coherent(MixtureArguments):
    """A mixture |sum_i w_i r_i|^2. The rows that the core sees hold those of all patches, one after the other."""

    def __post_init__(self) -> None:
        """Check that the patches share the medium that the beam comes from."""
        self._check_medium(self.plain["q"] >= 0.0, 0, "fronting, [..., 0], where coherent=True")
        self._check_medium(self.plain["q"] < 0.0, -1, "backing, [..., -1], where coherent=True and q is negative")

    def value(self) -> FloatArray:
        """Compute the reflectivity."""
        return self._points(self._run(_core.mixture_reflectivity))

    def jacobian(self) -> tuple[FloatArray, MixtureJacobian]:
        """Compute the reflectivity and the derivatives of every point."""
        r, found = self._run(_core.mixture_jacobian)
        fields: dict[str, Any] = dict(zip(MixtureJacobian._fields, found, strict=True))
        for name in ("q", "scale", "background", "dq"):
            fields[name] = None if fields[name] is None else self._points(fields[name])
        fields["weights"] = self._points(fields["weights"], self.n_patches)
        for name in MEDIA:
            if self.one_by_one:
                fields[name] = tuple(part.copy() for part in self._by_patch(name, self._points(fields[name], -1)))
            else:
                fields[name] = self._points(fields[name], self.n_patches, self._length(name, 0))
        return self._points(r), MixtureJacobian(**fields)

    def vjp(self, cotangent: ArrayLike) -> tuple[FloatArray, MixtureGradient]:
        """Compute the reflectivity and the gradient of the sum of cotangent times reflectivity."""
        rows = np.ascontiguousarray(self._cotangent(cotangent)).reshape(math.prod(self.lead), self.n_q)
        r, found = self._run(_core.mixture_vjp, rows)
        arrays = dict(zip(MixtureGradient._fields, found, strict=True))
        fields: dict[str, Any] = {"dq": None}
        for name, like in self.plain.items():
            own = () if name in ("scale", "background") else arrays[name].shape[1:]
            full = arrays[name].reshape((*self.lead, *own))
            fields[name] = sum_to_shape(full, like.shape)
        for name in MEDIA:
            full = arrays[name].reshape(*self.lead, arrays[name].shape[-1])
            if self.one_by_one:
                parts = [
                    sum_to_shape(part, media[name].shape)
                    for part, media in zip(self._by_patch(name, full), self.media, strict=True)
                ]
                fields[name] = tuple(parts) if name in self.one_by_one else np.asarray(sum(parts))
            else:
                patched = full.reshape(*self.lead, self.n_patches, self._length(name, 0))
                fields[name] = sum_to_shape(patched, self.media[0][name].shape)
        return self._points(r), MixtureGradient(**fields)

    def jvp(self, tangents: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
        """Compute the reflectivity and its derivative along the tangents."""
        plain, media = self._tangents(tangents)
        rows = {name: self._plain_rows(name, array) for name, array in plain.items()}
        rows |= {name: self._media_rows(name, [moved[name] for moved in media]) for name in media[0]}
        r, dr = self._run(_core.mixture_jvp, rows)
        return self._points(r), self._points(dr)

    def _check_medium(self, used: NDArray[np.bool_], medium: int, where: str) -> None:
        if not np.any(used):
            return
        media = [array["sld"][..., medium] for array in self.media]
        patched = np.stack(np.broadcast_arrays(*media), axis=-1) if self.one_by_one else np.atleast_1d(media[0])
        other = np.argwhere(patched != patched[..., :1])
        if len(other):
            *batch, patch = (int(i) for i in other[0])
            row = patched[tuple(batch)]
            message = (
                f"{self.function}: sld must be the same in all patches for the {where}; "
                f"patch 0 has {float(row[0])!r}, patch {patch} has {float(row[patch])!r}"
            )
            raise InvalidValueError(message)

    def _length(self, name: str, patch: int) -> int:
        """Return the number of entries of one patch's row."""
        sld = self.media[patch if self.one_by_one else 0]["sld"]
        return int(sld.shape[-1]) - 2 + MEDIA[name]

    def _by_patch(self, name: str, rows: FloatArray) -> list[FloatArray]:
        """Split the rows of all patches, on the last axis."""
        lengths = [self._length(name, patch) for patch in range(self.n_patches)]
        return np.split(rows, np.cumsum(lengths)[:-1], axis=-1)

    def _media_rows(self, name: str, arrays: Sequence[FloatArray]) -> FloatArray:
        """Return one input of the patches as rows for the core."""
        if self.one_by_one:
            full = np.concatenate(
                [np.broadcast_to(a, (*self.lead, self._length(name, patch))) for patch, a in enumerate(arrays)], axis=-1
            )
        else:
            full = np.broadcast_to(arrays[0], (*self.lead, self.n_patches, self._length(name, 0)))
        return np.ascontiguousarray(full).reshape(math.prod(self.lead), math.prod(full.shape[len(self.lead) :]))

    def _plain_rows(self, name: str, array: FloatArray) -> FloatArray:
        length = {"scale": 1, "background": 1, "weights": self.n_patches}.get(name, self.n_q)
        column = array[..., np.newaxis] if name in ("scale", "background") else array
        full = np.broadcast_to(column, (*self.lead, length))
        return np.ascontiguousarray(full).reshape(math.prod(self.lead), length)

    def _run(self, core_function: Callable[..., Any], *more: Any) -> Any:
        arguments: dict[str, Any] = {name: self._plain_rows(name, array) for name, array in self.plain.items()}
        arguments |= {name: self._media_rows(name, [media[name] for media in self.media]) for name in MEDIA}
        arguments |= {"n_batch": math.prod(self.lead), "threads": self.threads, "plan": None, "repeats": None}
        arguments["layers"] = [self._length("thickness", patch) for patch in range(self.n_patches)]
        arguments["smearing"] = None if self.resolution is None else self.resolution.smearing(self.plain["q"])
        arguments.setdefault("dq", None)
        try:
            return core_function(arguments, *more)
        except ValueError as error:  # smearing that would need too many nodes
            message = f"{self.function}: dq cannot be honoured: {error}; use a smaller dq or thinner stacks"
            raise InvalidValueError(message) from error

    def _points(self, array: FloatArray, *trailing: int) -> FloatArray:
        """Return what holds every point of the core in the shape of the result; its last axis may be cut into more."""
        end = trailing if -1 not in trailing else array.shape[-1:]
        return array.reshape((*self.shape, *end))
