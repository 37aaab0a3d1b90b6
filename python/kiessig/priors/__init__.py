"""What is known about a parameter besides the data: probability distributions.

Every prior has the logarithm of its normalised density, the derivative of that, and a row for least squares whose
square is the prior's share of a misfit. `Parameter` takes a prior, or a frozen distribution of `scipy.stats`.
"""

from __future__ import annotations

from kiessig.constraints import Constraint
from kiessig.priors.base import Prior
from kiessig.priors.distributions import LogNormal, LogUniform, Normal, TruncatedNormal, Uniform
from kiessig.priors.frozen import FromDistribution, as_prior

__all__ = [
    "Constraint",
    "FromDistribution",
    "LogNormal",
    "LogUniform",
    "Normal",
    "Prior",
    "TruncatedNormal",
    "Uniform",
    "as_prior",
]
