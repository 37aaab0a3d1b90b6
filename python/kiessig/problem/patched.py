"""Samples that are not the same everywhere: patches side by side."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig import _core
from kiessig._inputs import speaking_as
from kiessig.errors import InvalidValueError
from kiessig.mixture import mixture_reflectivity, mixture_reflectivity_jacobian
from kiessig.problem.forward import OWNER, SLABS, Fields, Forward, Width, written_out

__all__ = ["Patched", "is_patches"]

FloatArray = NDArray[np.float64]


def is_patches(sample: object) -> bool:
    """Whether a sample is a mixture of samples."""
    return all(hasattr(sample, name) for name in ("samples", "fractions", "coherent"))


class Patched(Forward):
    """Intensities or amplitudes of patches, weighted with their fractions of the area."""

    def __init__(self, sample: Any) -> None:
        slabs = [written_out(patch.slab_expressions()) for patch in sample.samples]
        if any(patch.sld_magnetic is not None for patch in slabs):
            message = f"{OWNER}: sample must not be magnetic where it consists of patches"
            raise InvalidValueError(message)
        # the first patch and the last would otherwise have different media that the beam comes from
        self.coherent = bool(sample.coherent)
        self.fields = {name: [item for patch in slabs for item in getattr(patch, name)] for name in SLABS}
        self.fields["fractions"] = list(sample.fractions)
        self.ends = {name: np.cumsum([len(getattr(patch, name)) for patch in slabs])[:-1] for name in SLABS}

    def reflectivity(self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan) -> FloatArray:
        """See `Forward`."""
        with speaking_as(OWNER):
            return mixture_reflectivity(q, *self._stacks(values), **self._more(values), dq=dq)

    def jacobian(
        self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan, wanted: Collection[str]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """See `Forward`."""
        with speaking_as(OWNER):
            r, found = mixture_reflectivity_jacobian(q, *self._stacks(values), **self._more(values), dq=dq)
        derivatives = {name: np.concatenate(getattr(found, name), axis=-1) for name in SLABS}
        derivatives |= {"fractions": found.weights, "q": found.q}
        return r, derivatives if found.dq is None else derivatives | {"dq": found.dq}

    def _stacks(self, values: Fields) -> list[list[FloatArray]]:
        return [np.split(values[name], self.ends[name], axis=-1) for name in SLABS]

    def _more(self, values: Fields) -> dict[str, Any]:
        return {"weights": values["fractions"], "coherent": self.coherent}
