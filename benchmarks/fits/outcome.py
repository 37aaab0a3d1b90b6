"""What one fit found, whoever made it."""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """One fit."""

    chi2: float
    seconds: float  # wall time
    evaluations: int  # of the curves; those with derivatives count once
