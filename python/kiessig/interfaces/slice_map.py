"""The linear map from a stack to the slices that stand for it, and back for derivatives.

Step k of interface j lies at z_j + sigma_j x_k, and the slice between two steps holds medium m with the share
S_{m-1} - S_m, S_j the level that interface j has reached by then. Positions are linear in thickness and roughness, SLDs
in the SLDs of the media, for a given order of all steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kiessig.interfaces.rules import Rule

__all__ = ["FIELDS", "SliceMap"]

FloatArray = NDArray[np.float64]

FIELDS = ("thickness", "sld", "sld_imag", "roughness")


class SliceMap:
    """The map at one stack, or at each stack of a batch.

    Parameters
    ----------
    thickness : float array, shape (..., n)
    roughness : float array, shape (..., n + 1)
        With the same leading dimensions.
    rules : sequence of Rule
        Steps of every interface.
    factor : bool array, shape (n + 1,)
        Which interfaces keep their roughness instead of having steps.

    Attributes
    ----------
    centres : float array, shape (..., n + 1)
        Depths of the interfaces.
    depth : float array, shape (..., s + 1)
        Depths of the steps, in order.
    interface : int array, shape (..., s + 1)
        Whose steps they are.
    """

    def __init__(
        self, thickness: FloatArray, roughness: FloatArray, rules: Sequence[Rule], factor: NDArray[np.bool_]
    ) -> None:
        n = thickness.shape[-1]
        self.centres = np.concatenate([np.zeros((*thickness.shape[:-1], 1)), np.cumsum(thickness, axis=-1)], axis=-1)
        interface = np.repeat(np.arange(n + 1), [rule.nodes.size for rule in rules])
        node = np.concatenate([rule.nodes for rule in rules])
        places = self.centres[..., interface] + roughness[..., interface] * node
        order = np.argsort(places, axis=-1, kind="stable")
        self.depth = np.take_along_axis(places, order, axis=-1)
        self.interface, node = interface[order], node[order]

        own = self.interface[..., np.newaxis] == np.arange(n + 1)
        self._by_thickness = (self.interface[..., np.newaxis] > np.arange(n)).astype(np.float64)
        self._by_roughness = own * node[..., np.newaxis]
        self._kept = (own & factor).astype(np.float64)
        self._by_sld = _shares(own, rules)
        self._by_sld_imag = self._by_sld.copy()
        self._by_sld_imag[..., 0] = 0.0  # absorption of the fronting is ignored

    def forward(self, moving: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Apply the map to values or to tangents of those fields that there are, given with all their dimensions."""
        found = {}
        if "thickness" in moving or "roughness" in moving:
            depth = np.zeros_like(self.depth)
            if "thickness" in moving:
                depth += product(self._by_thickness, moving["thickness"])
            if "roughness" in moving:
                depth += product(self._by_roughness, moving["roughness"])
                found["roughness"] = product(self._kept, moving["roughness"])
            found["thickness"] = np.diff(depth, axis=-1)
        if "sld" in moving:
            found["sld"] = product(self._by_sld, moving["sld"])
        if "sld_imag" in moving:
            found["sld_imag"] = product(self._by_sld_imag, moving["sld_imag"])
        return found

    def transposed(
        self, thickness: FloatArray, sld: FloatArray, sld_imag: FloatArray, roughness: FloatArray
    ) -> dict[str, FloatArray]:
        """Apply the transpose to derivatives with respect to the slices, one row a point."""
        outside = np.zeros((*thickness.shape[:-1], 1))
        of_depth = np.concatenate([outside, thickness], axis=-1) - np.concatenate([thickness, outside], axis=-1)
        return {
            "thickness": of_depth @ self._by_thickness,
            "sld": sld @ self._by_sld,
            "sld_imag": sld_imag @ self._by_sld_imag,
            "roughness": of_depth @ self._by_roughness + roughness @ self._kept,
        }


def product(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Matrix times vector, of every stack of a batch."""
    result: FloatArray = (matrix @ vector[..., np.newaxis])[..., 0]
    return result


def _shares(own: NDArray[np.bool_], rules: Sequence[Rule]) -> FloatArray:
    """How much of every medium is in the fronting, in every slice, and in the backing: shape (..., s + 2, n + 2)."""
    passed = np.cumsum(own, axis=-2)
    passed = np.concatenate([np.zeros_like(passed[..., :1, :]), passed], axis=-2)
    levels = np.ones((*passed.shape[:-1], passed.shape[-1] + 2))
    for j, rule in enumerate(rules):
        levels[..., j + 1] = rule.levels[passed[..., j]]
    levels[..., -1] = 0.0
    shares: FloatArray = levels[..., :-1] - levels[..., 1:]
    return shares
