"""Model files: samples, data and settings in YAML."""

from __future__ import annotations

from kiessig.model_file.model import Model, load_model

__all__ = ["Model", "load_model"]
