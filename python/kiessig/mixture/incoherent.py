"""Patches whose intensities add: calls of the kernel, and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kiessig import kernels
from kiessig._inputs import speaking_as, sum_to_shape
from kiessig.data import FloatArray
from kiessig.mixture.arguments import MEDIA, MixtureArguments, MixtureGradient, MixtureJacobian

__all__ = ["Incoherent"]


class Incoherent(MixtureArguments):
    """Patches whose intensities add: one call of the kernel for patches in one array, else one for each patch.

    Below, "patched" arrays have shape (*lead, patches of one call, n_q, ...), and a scalar q counts as one point until
    `_points`.
    """

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
        for name in MEDIA:
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
        incoming = self._cotangent(cotangent)
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
        for name in MEDIA:
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
        shared: dict[str, Any] = {"threads": self.threads or None}
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
        patched = name in MEDIA and name not in self.one_by_one
        return array if patched or array.ndim < 2 else array[..., np.newaxis, :]

    def _patched_shape(self) -> tuple[int, ...]:
        return (*self.lead, 1 if self.one_by_one else self.n_patches, self.n_q)

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


def _kernel_shape(inputs: dict[str, Any]) -> tuple[int, ...]:
    """Return the shape of what the kernel returns."""
    arrays = [value for name, value in inputs.items() if isinstance(value, np.ndarray)]
    return (*np.broadcast_shapes(*(array.shape[:-1] for array in arrays)), inputs["q"].shape[-1])
