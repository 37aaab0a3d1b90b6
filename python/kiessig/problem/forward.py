"""From the quantities of a sample to reflectivities: what is common to all physics, and plain stacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kiessig import _core, kernel_calls
from kiessig.instrument import Resolution
from kiessig.parameters import Quantity
from kiessig.sample import SlabExpressions

__all__ = ["OWNER", "SLABS", "Forward", "Plain", "slabs_of", "written_out"]

FloatArray = NDArray[np.float64]
Fields = Mapping[str, FloatArray]
Width = FloatArray | Resolution | None

OWNER = "Measurement"
"""What messages of the kernels begin with."""

SLABS = ("thickness", "sld", "sld_imag", "roughness")


class Forward(ABC):
    """One physics: reflectivities of the sample, without scale and background.

    Attributes
    ----------
    fields : dict of list of float or Expression
        What the reflectivity depends on. Values come back as arrays (..., length) of the same names.
    n_curves : int
        Curves that are computed at the same points; they follow each other in the last axis.
    """

    fields: dict[str, list[Quantity]]
    n_curves: int = 1

    @abstractmethod
    def reflectivity(self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan) -> FloatArray:
        """Return the curves, (..., n_curves * n_q)."""

    @abstractmethod
    def jacobian(
        self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan, wanted: Collection[str]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Return the curves and their derivatives: (..., n_curves * n_q, length) for each field.

        And, under "q" and "dq", (..., n_curves * n_q), those with respect to each point's own. Fields that are not
        wanted may be missing.
        """


def slabs_of(values: Fields) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the first four arguments of every kernel after q."""
    return values["thickness"], values["sld"], values["sld_imag"], values["roughness"]


class Plain(Forward):
    """A stack without magnetism; repeated cells are computed by the kernel."""

    def __init__(self, slabs: SlabExpressions) -> None:
        self.fields = {name: list(getattr(slabs, name)) for name in SLABS}
        self.repeats = slabs.repeats or None

    def reflectivity(self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan) -> FloatArray:
        """See `Forward`."""
        return kernel_calls.value(OWNER, q, *slabs_of(values), 1.0, 0.0, dq, None, self.repeats, plan)

    def jacobian(
        self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan, wanted: Collection[str]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """See `Forward`."""
        arguments = (OWNER, q, *slabs_of(values), 1.0, 0.0, dq, None, self.repeats, plan, wanted)
        r, fields = kernel_calls.value_and_jacobian(*arguments)
        return r, {name: array for name, array in fields._asdict().items() if array is not None}


def written_out(slabs: SlabExpressions) -> SlabExpressions:
    """Return the slabs with every repeat written out, for kernels that know no repeats."""
    if not slabs.repeats:
        return slabs
    order: list[int] = []  # of the inner layers
    done = 0
    for start, stop, count in slabs.repeats:
        order += [*range(done, start), *(list(range(start, stop)) * count)]
        done = stop
    order += range(done, len(slabs.thickness))

    def media(items: Sequence[Quantity] | None) -> list[Quantity] | None:
        return None if items is None else [items[0], *(items[1 + i] for i in order), items[-1]]

    return SlabExpressions(
        [slabs.thickness[i] for i in order],
        media(slabs.sld) or [],
        media(slabs.sld_imag) or [],
        [*(slabs.roughness[i] for i in order), slabs.roughness[-1]],
        None,
        *(media(items) for items in (slabs.sld_magnetic, slabs.theta_m, slabs.phi_m)),
    )
