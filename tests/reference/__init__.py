"""Slow, obvious oracles, one formula a file: never used by the package, only compared with it."""
