"""Polarised beams on magnetic samples, and unpolarised ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kiessig import _core
from kiessig._inputs import speaking_as
from kiessig.parameters import Quantity
from kiessig.polarisation import Channels, Efficiencies, EfficiencyDerivatives
from kiessig.polarised import polarised_reflectivity, polarised_reflectivity_jacobian
from kiessig.problem.forward import OWNER, SLABS, Fields, Forward, Width, slabs_of, written_out
from kiessig.sample import SlabExpressions

__all__ = ["Magnetic"]

FloatArray = NDArray[np.float64]

_MOMENTS = {"sld_magnetic": 0.0, "theta_m": 90.0, "phi_m": 0.0}
_DEVICES = EfficiencyDerivatives._fields
_NUMBERS = ("guide_angle", "field", *_DEVICES)


class Magnetic(Forward):
    """A stack in the four-channel kernel: some of its channels, or the mean over the incident spins of their sum."""

    def __init__(
        self,
        slabs: SlabExpressions,
        channels: tuple[str, ...],
        guide_angle: Quantity,
        field: Quantity,
        efficiencies: Mapping[str, Quantity],
    ) -> None:
        slabs = written_out(slabs)
        self.fields = {name: list(getattr(slabs, name)) for name in SLABS}
        for name, default in _MOMENTS.items():
            given = getattr(slabs, name)
            self.fields[name] = [default] * len(slabs.sld) if given is None else list(given)
        self.fields |= {"guide_angle": [guide_angle], "field": [field]}
        self.fields |= {name: [efficiencies[name]] for name in _DEVICES if name in efficiencies}
        self.channels = channels
        self.n_curves = max(len(channels), 1)

    def with_channels(self, channels: tuple[str, ...]) -> Magnetic:
        """Return the same physics for other channels."""
        twin = Magnetic.__new__(Magnetic)
        twin.fields, twin.channels, twin.n_curves = self.fields, channels, max(len(channels), 1)
        return twin

    def reflectivity(self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan) -> FloatArray:
        """See `Forward`."""
        with speaking_as(OWNER):
            found = polarised_reflectivity(q, *slabs_of(values), **self._more(values), dq=dq)
        return self._chosen(found, 0)

    def jacobian(
        self, values: Fields, q: FloatArray, dq: Width, plan: _core.Plan, wanted: Collection[str]
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """See `Forward`."""
        with speaking_as(OWNER):
            r, jacobian = polarised_reflectivity_jacobian(q, *slabs_of(values), **self._more(values), dq=dq)
        derivatives = {}
        for name in (*self.fields, "q", "dq"):
            columns: Channels[Any] = Channels._make(getattr(channel, name) for channel in jacobian)
            if columns.pp is None:
                continue
            number = name in _NUMBERS or name in ("q", "dq")
            chosen = self._chosen(columns, 0 if number else 1)
            derivatives[name] = chosen[..., np.newaxis] if name in _NUMBERS else chosen
        return self._chosen(r, 0), derivatives

    def _more(self, values: Fields) -> dict[str, Any]:
        more: dict[str, Any] = {name: values[name] for name in _MOMENTS}
        more |= {name: values[name][..., 0] for name in ("guide_angle", "field")}
        devices = {name: values[name] for name in _DEVICES if name in values}
        return more | {"efficiencies": Efficiencies(**devices) if devices else None}

    def _chosen(self, found: Channels[FloatArray], trailing: int) -> FloatArray:
        """Return the channels one after the other on the axis of points, or half their sum."""
        if not self.channels:
            return 0.5 * (found.pp + found.pm + found.mp + found.mm)
        chosen = [getattr(found, name) for name in self.channels]
        return chosen[0] if len(chosen) == 1 else np.concatenate(chosen, axis=-1 - trailing)
