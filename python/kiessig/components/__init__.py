"""What a sample may consist of besides layers: repeated cells, lipid leaflets, continuous profiles, patches."""

from __future__ import annotations

from kiessig.components.brush import PolymerBrush
from kiessig.components.functional import FunctionalProfile, GradientLayer, shapes
from kiessig.components.lipid import LipidLeaflet
from kiessig.components.patches import Patches
from kiessig.components.profiles import ContinuousProfile
from kiessig.components.spline import SplineProfile
from kiessig.components.stack import Stack

__all__ = [
    "ContinuousProfile",
    "FunctionalProfile",
    "GradientLayer",
    "LipidLeaflet",
    "Patches",
    "PolymerBrush",
    "SplineProfile",
    "Stack",
    "shapes",
]
