"""kiessig under bumps: a fitter with exact derivatives of refl1d's models.

bumps itself is imported when something here is called.
"""

from __future__ import annotations

from typing import Any

from kiessig.adapters.bumps.fitter import grad_fit as _grad_fit
from kiessig.adapters.bumps.fitter import register as register
from kiessig.adapters.bumps.residuals import residuals_and_jacobian as residuals_and_jacobian

__all__ = ["GradFit", "register", "residuals_and_jacobian"]


def __getattr__(name: str) -> Any:
    if name == "GradFit":
        return _grad_fit()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
