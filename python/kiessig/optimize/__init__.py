"""Minimisation of sums of squares with exact derivatives: vectors and callables only.

`minimize` is the one entry; an objective is anything with the methods of `Objective`. The misfit is
``sum(residuals**2)`` everywhere, without a factor 1/2, and its gradient ``2 J.T @ residuals``.
"""

from __future__ import annotations

from kiessig.optimize.covariance import correlation, covariance
from kiessig.optimize.driver import Outcome, minimize
from kiessig.optimize.methods import METHODS, Method, find_method
from kiessig.optimize.objective import Evaluator, Objective, StopSearch
from kiessig.optimize.transforms import BoxTransform

__all__ = [
    "METHODS",
    "BoxTransform",
    "Evaluator",
    "Method",
    "Objective",
    "Outcome",
    "StopSearch",
    "correlation",
    "covariance",
    "find_method",
    "minimize",
]
