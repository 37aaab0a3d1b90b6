"""One file for each rival, run as its own documentation does; they are told the bounds, and nothing else."""

from __future__ import annotations
