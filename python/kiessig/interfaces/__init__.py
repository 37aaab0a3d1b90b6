"""Interfaces of other shapes than the error function, cut into sharp steps, with the derivatives carried through.

`shapes` has the shapes, `rules` where the steps of one shape stand, `slicing` the slices of a whole stack, and
`slice_map` their derivatives.
"""

from __future__ import annotations

from kiessig.interfaces.shapes import SHAPES, InterfaceShape, shape_named
from kiessig.interfaces.slicing import Microslices, microslices

__all__ = ["SHAPES", "InterfaceShape", "Microslices", "microslices", "shape_named"]
