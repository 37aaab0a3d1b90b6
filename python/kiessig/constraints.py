"""Inequalities between parameters, as a fit can follow them."""

from __future__ import annotations

from kiessig.errors import InvalidValueError
from kiessig.parameters import Condition, Expression, Operation, arrived, as_name, as_number

__all__ = ["Constraint"]


class Constraint:
    """An inequality that a fit is drawn to respect: a soft constraint.

    Adds the residual ``max(0, violation) / tolerance`` to those of the data: nothing while the inequality holds, and
    one standard deviation for a violation by `tolerance`. The residual is continuous; its derivative steps where the
    violation begins, where it is that of the inner side, 0.

    Parameters
    ----------
    requirement : Condition or Expression
        What must hold: a comparison ``a < b`` or ``a <= b`` (or ``>``, ``>=``) of expressions, between which a fit
        makes no difference, or an expression that must not be positive.
    tolerance : float
        Positive; in the unit of the two sides of the comparison.
    name : str, optional
        How messages call the constraint.

    Attributes
    ----------
    violation : Expression
        By how much the inequality is violated; not positive where it holds.
    tolerance : float
    name : str or None

    Raises
    ------
    InvalidValueError
        If the requirement is no single comparison and no expression, or the tolerance is not positive.

    Examples
    --------
    >>> import kiessig as ks
    >>> head = ks.Parameter(9.0, bounds=(5, 15), name="head")
    >>> tail = ks.Parameter(14.0, bounds=(5, 25), name="tail")
    >>> ks.Constraint(head < 0.7 * tail, tolerance=0.1)
    Constraint(head - 0.7 * tail <= 0, tolerance=0.1)
    """

    __slots__ = ("name", "tolerance", "violation")

    violation: Expression
    tolerance: float
    name: str | None

    def __init__(self, requirement: Condition | Expression, tolerance: float, name: str | None = None) -> None:
        self.name = as_name(name, "Constraint")
        self.violation = _violation(requirement)
        self.tolerance = as_number(tolerance, "Constraint", "tolerance")
        if not self.tolerance > 0.0:
            message = f"Constraint: tolerance must be positive; tolerance = {self.tolerance}"
            raise InvalidValueError(message)

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        return f"Constraint({self.violation} <= 0, tolerance={self.tolerance:g}{named})"


def _violation(requirement: object) -> Expression:
    if isinstance(requirement, Expression):
        return requirement
    if not isinstance(requirement, Condition):
        message = (
            "Constraint: requirement must be a comparison of expressions, such as a < b, or an expression that must "
            f"not be positive; got {arrived(requirement)}"
        )
        raise InvalidValueError(message)
    if requirement._operation not in (Operation.LESS, Operation.LESS_EQUAL):
        message = (
            f"Constraint: requirement must be one comparison by <, <=, > or >=; got {requirement}\n"
            "make a Constraint of each of several; share a parameter, or write one by the other, for an equality"
        )
        raise InvalidValueError(message)
    return Expression(Operation.SUBTRACT, requirement._operands)
