"""Which Jacobians hosts keep for the derivatives that may follow, rather than compute these by a sweep of their own."""

from __future__ import annotations

__all__ = ["most_entries"]

_MOST = 1_000_000  # 8 MB: beyond that, writing and reading it costs more than a second sweep
# Each column is summed over the nodes of the resolution by itself, a gradient once. One thread of an AMD EPYC, Jacobian
# beside value and gradient: 0.7 to 0.8 up to 5 layers x 1000 Q, 0.98 for 10 x 1000 (45 000 entries), 1.9 for 40 x 1000.
_MOST_SMEARED = 50_000


def most_entries(*, smeared: bool) -> int:
    """Return how many entries a Jacobian may have that is kept."""
    return _MOST_SMEARED if smeared else _MOST
