"""Many starts at once: algorithms whose state is an array with a row for each member, over batched objectives."""

from __future__ import annotations

from kiessig.optimize.batch.driver import BatchOutcome, minimize_batch

__all__ = ["BatchOutcome", "minimize_batch"]
