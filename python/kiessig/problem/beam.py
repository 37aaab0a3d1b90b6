"""Q and resolution of the points of one curve, and what moves them: offsets and a factor on the resolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig.errors import InvalidValueError
from kiessig.instrument import Resolution
from kiessig.probe import Probe, shifted_q_jacobian

if TYPE_CHECKING:
    from kiessig.footprint import Footprint

__all__ = ["BEAM_FIELDS", "Beam", "Moves"]

FloatArray = NDArray[np.float64]
Fields = Mapping[str, FloatArray]

BEAM_FIELDS = {"q_offset": 0.0, "angle_offset": 0.0, "resolution_factor": 1.0}
"""Quantities that move points, and the values at which they do nothing."""


class Moves(NamedTuple):
    """Derivatives of every point's Q, resolution and illumination with respect to one quantity; None for zero."""

    q: FloatArray | None
    dq: FloatArray | None
    illumination: FloatArray | None


class Beam:
    """Nominal points, and where they are for given values of the quantities of `BEAM_FIELDS`.

    Fields hold one number for every member of a batch, shape (..., 1); a field that is missing does nothing.
    """

    def __init__(
        self,
        q: FloatArray,
        resolution: FloatArray | Resolution | None,
        wavelength: FloatArray | None = None,
        probe: Probe | None = None,
        footprint: Footprint | None = None,
        normalised_to: str = "beam",
        *,
        widths_of_probe: bool = False,
    ) -> None:
        self.q = q
        self.wavelength = wavelength
        self.probe = probe
        self.footprint = footprint
        self.relative = normalised_to == "sample"
        self.resolution = resolution
        self._follow = probe if widths_of_probe else None  # whose widths change with the angle
        self.widths: FloatArray | None = resolution.sigma(q) if isinstance(resolution, Resolution) else resolution

    def points(self, fields: Fields) -> tuple[FloatArray, FloatArray | Resolution | None]:
        """Q and resolution, in the form that the kernels take: (n_q,) where nothing moves, else (..., n_q)."""
        if not fields:
            return self.q, self.resolution
        q, widths = self.q, self.widths
        if "angle_offset" in fields:
            if self.probe is not None:
                moved = self.probe.at_offset(self.probe.offset + fields["angle_offset"])
                q, widths = moved.q, widths if self._follow is None else moved.dq
            else:
                assert self.wavelength is not None  # checked by the measurement
                q = shifted_q_jacobian(self.q, self.wavelength, fields["angle_offset"])[0]
        if "q_offset" in fields:
            q = q + fields["q_offset"]
        if widths is not None and "resolution_factor" in fields:
            widths = widths * fields["resolution_factor"]
        if widths is None:
            return q, None
        if isinstance(self.resolution, Resolution):
            q, widths = np.broadcast_arrays(q, widths)  # its shape has one width for every point
            return q, self.resolution.with_widths(widths)
        return q, widths

    def moves(self, fields: Fields, name: str) -> Moves:
        """Compute what one of the fields moves."""
        if name == "q_offset":
            return Moves(np.ones(1), None, None)
        if name == "resolution_factor":
            widths = self.widths
            if self._follow is not None and "angle_offset" in fields:
                widths = self._follow.at_offset(self._follow.offset + fields["angle_offset"]).dq
            return Moves(None, widths, None)
        illumination = self._illumination(fields)[1] if self.footprint is not None else None
        if self.probe is None:
            assert self.wavelength is not None
            moved = shifted_q_jacobian(self.q, self.wavelength, fields["angle_offset"])[1].offset
            return Moves(moved, None, illumination)
        probe = self.probe.at_offset(self.probe.offset + fields["angle_offset"])
        by_width = probe.dq_jacobian() if self._follow is not None else None
        spread = None
        if by_width is not None:
            spread = by_width.offset * fields.get("resolution_factor", np.ones(1))
        return Moves(probe.q_jacobian().offset, spread, illumination)

    def illumination(self, fields: Fields) -> FloatArray | None:
        """Part of the beam that meets the sample, for every point; None without a footprint."""
        return None if self.footprint is None else self._illumination(fields)[0]

    def _illumination(self, fields: Fields) -> tuple[FloatArray, FloatArray]:
        """Return the factor and its derivative with respect to the angle offset."""
        assert self.footprint is not None
        jacobian = self.footprint.over_illumination_jacobian if self.relative else self.footprint.fraction_jacobian
        offset = fields.get("angle_offset", np.zeros(1))
        if self.probe is not None:
            factor, slopes = jacobian(self.probe.theta, offset=self.probe.offset + offset)
        else:
            assert self.wavelength is not None
            factor, slopes = jacobian(q=self.q, wavelength=self.wavelength, offset=offset)
        return factor, slopes.theta


def require_moving(owner: str, fields: Mapping[str, object], beam: Beam) -> None:
    """Raise where a quantity is to move points that cannot follow."""
    resolution = beam.resolution
    if isinstance(resolution, Resolution) and fields and not resolution.follows_points:
        message = (
            f"{owner}: {next(iter(fields))} must be left out with {resolution!r}, whose numbers belong to fixed points"
        )
        raise InvalidValueError(message)
    if "resolution_factor" in fields and beam.widths is None:
        message = f"{owner}: resolution_factor needs a resolution; the dataset has no dq and none was given"
        raise InvalidValueError(message)
    if "angle_offset" in fields and beam.wavelength is None and beam.probe is None:
        message = f"{owner}: angle_offset needs to know the angles; give wavelength or probe"
        raise InvalidValueError(message)
    if beam.footprint is not None and beam.wavelength is None and beam.probe is None:
        message = f"{owner}: footprint needs to know the angles; give wavelength or probe"
        raise InvalidValueError(message)
