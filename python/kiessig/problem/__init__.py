"""Where physics meets inference: measurements of samples, and the problems that they make together."""

from __future__ import annotations

from kiessig.problem.measurement import Measurement
from kiessig.problem.problem import Problem

__all__ = ["Measurement", "Problem"]
