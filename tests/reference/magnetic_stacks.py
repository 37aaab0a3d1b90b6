"""Seeded random magnetic stacks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reference.stacks import random_stack

__all__ = ["MagneticStack", "random_magnetic_stack"]


class MagneticStack(NamedTuple):
    """One sample, every medium in full; unpacks into the order of the arguments of the oracles."""

    thickness: np.ndarray
    sld: np.ndarray
    sld_imag: np.ndarray
    roughness: np.ndarray
    sld_magnetic: np.ndarray
    theta_m: np.ndarray
    phi_m: np.ndarray
    guide_angle: float = 90.0
    field: float = 0.0

    @property
    def arguments(self):
        """Keyword arguments of the public functions."""
        return self._asdict()


def random_magnetic_stack(rng, n, *, out_of_plane=False, guide_angle=90.0, field=0.0, backing=True, **options):
    """Stack of n layers magnetised in random directions; the fronting is not magnetic."""
    nuclear = random_stack(rng, n, **options)
    size = rng.uniform(0.2, 5.0, n + 2)
    size[0] = 0.0
    if not backing:
        size[-1] = 0.0
    phi = rng.uniform(-90.0, 90.0, n + 2) if out_of_plane else np.zeros(n + 2)
    return MagneticStack(*nuclear, size, rng.uniform(-180.0, 180.0, n + 2), phi, guide_angle, field)
