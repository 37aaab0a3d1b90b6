"""What a method says when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from kiessig.optimize.objective import FloatArray

__all__ = ["Verdict"]


@dataclass(frozen=True)
class Verdict:
    """Why a method stopped, and where.

    Whether the point is a minimum is not its own to judge: `minimize` decides that by one rule for all methods.

    Parameters
    ----------
    reason : str
        Half a sentence, lower case.
    x : float array, shape (n,), optional
        The method's answer; None for the best point seen.
    remedy : str
        What to do if the point is no minimum, where the method knows.
    """

    reason: str
    x: FloatArray | None = None
    remedy: str = ""
