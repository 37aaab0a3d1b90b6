"""A number that a fit may change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kiessig.errors import InvalidValueError
from kiessig.parameters.checks import (
    as_bounds,
    as_flag,
    as_name,
    as_number,
    bounds_text,
    check_within,
    number_text,
)
from kiessig.parameters.expression import Expression
from kiessig.parameters.graph import Operation
from kiessig.parameters.tracing import refuse_number

if TYPE_CHECKING:
    from kiessig.priors import Prior

__all__ = ["Parameter"]


class Parameter(Expression):
    """A number that a fit may change.

    The same Parameter may stand in any number of expressions, layers, samples and measurements: wherever it
    stands it has one value, and a fit of several measurements then refines it once (co-refinement).

    Parameters
    ----------
    value : float
        Present value, or start of a fit; finite and within `bounds`.
    bounds : (lower, upper), optional
        Limits that a fit respects, both included; None on either side, or altogether, for no limit.
    prior : Prior or frozen distribution, optional
        What is known about the value besides the data: one of `kiessig.priors`, or a frozen distribution of
        `scipy.stats`. Its support limits the bounds.
    name : str, optional
        How tables and messages call the parameter.
    fixed : bool
        A fixed parameter keeps its value in a fit.

    Raises
    ------
    InvalidValueError
        If a value or bound is no finite number (infinite bounds are open ones), the bounds are reversed or equal, the
        prior is none or has its support outside of them, or the value lies outside of either. Assigning to an
        attribute checks the same and, when it raises, changes nothing.

    Examples
    --------
    >>> from kiessig.parameters import Parameter
    >>> thickness = Parameter(1460, bounds=(1000, 2000), name="film thickness")
    >>> thickness.value = 1466.8
    >>> thickness
    Parameter(1466.8, bounds=(1000, 2000), name='film thickness')
    """

    __slots__ = ("_bounds", "_fixed", "_name", "_prior", "_value")

    def __init__(
        self,
        value: float | np.floating[Any] | np.integer[Any],
        bounds: Sequence[float | None] | None = None,
        prior: Any = None,
        name: str | None = None,
        *,
        fixed: bool = False,
    ) -> None:
        super().__init__(Operation.INPUT, ())
        self._name = as_name(name, "Parameter")
        owner = self._owner()
        self._value = as_number(value, owner, "value")
        self._prior = as_prior(prior, owner)
        self._bounds = _within_support(as_bounds(bounds, owner), self._prior, owner)
        self._fixed = as_flag(fixed, owner)
        check_within(self._value, self._bounds, owner)

    @property
    def value(self) -> float:
        """Present value."""
        refuse_number(self, "the value")
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        owner = self._owner()
        number = as_number(value, owner, "value")
        check_within(number, self._bounds, owner)
        self._value = number

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper limit, within the support of the prior; an open side is infinite."""
        return self._bounds

    @bounds.setter
    def bounds(self, bounds: Sequence[float | None] | None) -> None:
        owner = self._owner()
        limits = _within_support(as_bounds(bounds, owner), self._prior, owner)
        check_within(self._value, limits, owner)
        self._bounds = limits

    @property
    def prior(self) -> Prior | None:
        """Probability distribution of the value; assigning one limits the bounds to its support."""
        return self._prior

    @prior.setter
    def prior(self, prior: Any) -> None:
        owner = self._owner()
        found = as_prior(prior, owner)
        limits = _within_support(self._bounds, found, owner)
        check_within(self._value, limits, owner)
        self._prior, self._bounds = found, limits

    @property
    def fixed(self) -> bool:
        """Whether a fit leaves the parameter alone."""
        return self._fixed

    @fixed.setter
    def fixed(self, fixed: bool) -> None:
        self._fixed = as_flag(fixed, self._owner())

    @property
    def name(self) -> str | None:
        """How tables and messages call the parameter."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = as_name(name, self._owner())

    def _leaf_value(self) -> float:
        return self._value

    def _owner(self) -> str:
        return "Parameter" if self._name is None else f"Parameter {self._name!r}"

    def __str__(self) -> str:
        return f"Parameter({number_text(self._value)})" if self._name is None else self._name

    def __repr__(self) -> str:
        parts = [number_text(self._value)]
        if self._bounds != (-math.inf, math.inf):
            parts.append(f"bounds={bounds_text(self._bounds)}")
        if self._prior is not None:
            parts.append(f"prior={self._prior!r}")
        if self._name is not None:
            parts.append(f"name={self._name!r}")
        if self._fixed:
            parts.append("fixed=True")
        return f"Parameter({', '.join(parts)})"


def as_prior(prior: object, owner: str) -> Prior | None:
    """Return `prior` as a Prior, or raise InvalidValueError on behalf of `owner`."""
    if prior is None:
        return None
    from kiessig import priors

    return priors.as_prior(prior, owner)


def _within_support(bounds: tuple[float, float], prior: Prior | None, owner: str) -> tuple[float, float]:
    if prior is None:
        return bounds
    support = prior.support
    limits = (max(bounds[0], support[0]), min(bounds[1], support[1]))
    if not limits[0] < limits[1]:
        message = (
            f"{owner}: bounds must overlap the support of the prior; bounds = {bounds_text(bounds)}, support of "
            f"{prior!r} = {bounds_text(support)}"
        )
        raise InvalidValueError(message)
    return limits
