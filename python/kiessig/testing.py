"""For your own tests: whether what a model says is its derivative is the derivative of what it computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig._inputs import checked
from kiessig.errors import DerivativeError, InvalidValueError, ShapeError

__all__ = ["GradientReport", "check_gradient"]

FloatArray = NDArray[np.float64]

_LEVELS = 12  # steps: from one that sees the function bend to 1/2000 of it
_HALVINGS = 40  # at most, where first steps are refused
_UNRESOLVED = 1e-3  # relative uncertainty of a difference that nothing can be compared with
_INVISIBLE = 1e-10  # relative change of the value over the first step that may be taken for none
_ROWS = 20  # of the table


@dataclass(frozen=True)
class GradientReport:
    """What `check_gradient` found.

    Attributes
    ----------
    given : float64 array, shape of the value followed by that of x
        The derivatives under test.
    numerical : float64 array, same shape
        The same by differences.
    error : float64 array, same shape
        Estimated uncertainty of `numerical`.
    off, unresolved : bool array, same shape
        Where they disagree, and where differences are too uncertain to tell.
    n_evaluations : int
        Calls of the function.
    names : tuple of str
        Of the components of x, in the order of its elements.
    """

    given: FloatArray
    numerical: FloatArray
    error: FloatArray
    off: NDArray[np.bool_]
    unresolved: NDArray[np.bool_]
    n_evaluations: int
    names: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all derivatives agree."""
        return not (self.off.any() or self.unresolved.any())

    @property
    def largest_difference(self) -> float:
        """The largest difference relative to the derivative itself, among those beyond the error of the numerical."""
        difference = np.abs(self.given - self.numerical)
        known = (difference > 3.0 * self.error) & (self.numerical != 0.0)
        return float((difference[known] / np.abs(self.numerical[known])).max(initial=0.0))

    def __str__(self) -> str:
        """Return a table of what is wrong, the worst first."""
        wrong = self.off | self.unresolved
        count, total = int(wrong.sum()), wrong.size
        if not count:
            return f"check_gradient: all {total} derivatives agree (largest difference {self.largest_difference:.1e})"
        n = len(self.names)
        given, numerical, error = (a.reshape(-1, n) for a in (self.given, self.numerical, self.error))
        with np.errstate(all="ignore"):  # of no consequence: this is an order of rows
            badness = np.nan_to_num(np.abs(given - numerical) / np.abs(numerical), nan=np.inf)
        places = sorted(
            zip(*np.nonzero(wrong.reshape(-1, n)), strict=True), key=lambda place: -float(f"{badness[place]:.6g}")
        )
        values = self.given.shape[: self.given.ndim - 1] if self.given.size else ()
        rows = [("derivative", "given", "should be", "+-", "off by")]
        for row, column in places[:_ROWS]:
            what = f"by {self.names[column]}"
            if given.shape[0] > 1:
                index = np.unravel_index(row, values) if len(values) and np.prod(values) == given.shape[0] else (row,)
                what = f"of value[{', '.join(str(int(i)) for i in index)}] {what}"
            place = (row, column)
            if self.unresolved.reshape(-1, n)[place]:
                verdict = "cannot tell: the function jumps, bends or is noisy here"
            elif numerical[place] == 0.0:
                verdict = f"{given[place] - numerical[place]:+.3g}"
            else:
                verdict = f"{100.0 * (given[place] / numerical[place] - 1.0):+.3g} %"
            rows.append((what, f"{given[place]:.10g}", f"{numerical[place]:.10g}", f"{error[place]:.1e}", verdict))
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]) - 1)]
        lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]
        if count > _ROWS:
            lines.append(f"and {count - _ROWS} more")
        if (factor := self._common_factor()) is not None:
            lines.append(f"every one of them is the right one times {factor:.6g}")
        fault = "are wrong" if self.off.any() else "cannot be checked"
        return "\n".join([f"check_gradient: {count} of {total} derivatives {fault}", *lines])

    def _common_factor(self) -> float | None:
        known = self.off & (self.numerical != 0.0)
        if known.sum() < 1 or (self.off & ~known).any():
            return None
        factors = self.given[known] / self.numerical[known]
        middle = float(np.median(factors))
        return middle if middle != 0.0 and np.abs(factors - middle).max() <= 1e-6 * abs(middle) else None


def check_gradient(
    function: Callable[[Any], Any],
    x: ArrayLike,
    derivative: Callable[[Any], Any] | None = None,
    *,
    rtol: float = 1e-6,
    atol: float = 0.0,
    step: ArrayLike | None = None,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    names: Sequence[str] | None = None,
) -> GradientReport:
    r"""Check a gradient or Jacobian against differences of high order.

    Central differences :math:`(f(x + h e_i) - f(x - h e_i)) / 2h` are taken at steps that halve twelve times and
    extrapolated to :math:`h \to 0` [1]_. Of all extrapolations the one with the smallest estimated error counts: step
    against step, plus what rounding the function's values makes of it. For a smooth function this is good to ten
    digits and more.

    Parameters
    ----------
    function : callable
        ``function(x)`` returns ``(value, derivative)``, or the value alone where `derivative` is given. The value is a
        number or an array of any shape.
    x : float array of any shape
        Where to check.
    derivative : callable, optional
        ``derivative(x)`` returns the gradient, in the shape of x, or the Jacobian, in the shape of the value followed
        by that of x.
    rtol, atol : float, optional
        A derivative is off where it differs from the difference quotient by more than ``rtol * |quotient| + atol`` and
        three times the estimated error.
    step : float array broadcastable to x, optional
        The first step; by default a hundredth of x, or of 1 where x is smaller. Widths over which the function changes
        visibly are good ones.
    bounds : (lower, upper), optional
        Arrays that broadcast to x. The function is evaluated within them alone, with differences to one side where x
        lies on a bound.
    names : sequence of str, optional
        Of the components of x, for the report.

    Returns
    -------
    GradientReport

    Raises
    ------
    DerivativeError
        An ``AssertionError``, with a table of the derivatives that are off: what was given, what it would need to be,
        and by how much it is off. Also where the function is not smooth enough, or too noisy, to tell.
    ShapeError
        Where the derivative has not the shape that value and x give it.
    InvalidValueError
        Where values are not finite, or x lies outside the bounds.

    Notes
    -----
    The function is called 24 times for every component of x. Steps that it refuses, by a ``ValueError`` or
    ``ArithmeticError`` or with a value that is not finite, are left out.

    References
    ----------
    .. [1] C. J. F. Ridders, Adv. Eng. Softw. 4, 75 (1982), doi:10.1016/S0141-1195(82)80057-0

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig.testing import check_gradient
    >>> check_gradient(np.sin, 1.0, np.cos).passed
    True
    >>> def misfit(x):
    ...     return np.sum(x**2), x  # forgets the 2
    >>> check_gradient(misfit, [1.0, 3.0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    kiessig.errors.DerivativeError: check_gradient: 2 of 2 derivatives are wrong
    derivative  given  should be  +-       off by
    by x[0]     1      2          ...  -50 %
    by x[1]     3      6          ...  -50 %
    every one of them is the right one times 0.5
    """
    point = checked("check_gradient", "x", x)
    labels = _names(names, point.shape)
    if derivative is None:
        result = function(point.copy())
        if not isinstance(result, tuple) or len(result) != 2:
            message = (
                "check_gradient: function must return (value, derivative) where no derivative is given; "
                f"got {type(result).__name__}"
            )
            raise InvalidValueError(message)
        value, given = result
    else:
        value, given = function(point.copy()), derivative(point.copy())
    value = checked("check_gradient", "the function's value", value)
    given = np.asarray(given, dtype=np.float64)
    if given.shape != value.shape + point.shape:
        message = (
            f"check_gradient: the derivative must have shape {value.shape + point.shape}, that of the value and of x; "
            f"got shape {given.shape}"
        )
        raise ShapeError(message)

    steps, below, above = _steps(point, step, bounds)
    evaluations = 1

    def at(flat: FloatArray) -> FloatArray:
        nonlocal evaluations
        evaluations += 1
        try:
            with np.errstate(all="ignore"):  # the function may not be meant for all steps
                found = function(flat.reshape(point.shape))
            found = found[0] if derivative is None else found
        except (ValueError, ArithmeticError):
            return np.full(value.size, np.nan)
        return np.asarray(found, dtype=np.float64).reshape(value.size)

    flat, values = point.reshape(-1), value.reshape(-1)
    numerical = np.empty((values.size, flat.size))
    error = np.empty_like(numerical)
    for i in range(flat.size):
        numerical[:, i], error[:, i] = _extrapolated(at, flat, values, i, steps[i], below[i], above[i])
    mine = given.reshape(numerical.shape)
    # what a difference can be measured by: itself, those by the other components, and changes of the value that matter
    others = np.max(np.abs(numerical) * steps, axis=1, initial=0.0)[:, np.newaxis] / steps
    visible = _INVISIBLE * np.abs(values)[:, np.newaxis] / steps
    resolved = atol + np.maximum(_UNRESOLVED * np.maximum(np.abs(numerical), others), visible)
    unresolved = ~(3.0 * error <= resolved)  # true for NaN
    off = ~(np.abs(mine - numerical) <= rtol * np.abs(numerical) + atol + 3.0 * error) & ~unresolved
    shape = given.shape
    report = GradientReport(
        given,
        numerical.reshape(shape),
        error.reshape(shape),
        off.reshape(shape),
        unresolved.reshape(shape),
        evaluations,
        labels,
    )
    if not report.passed:
        raise DerivativeError(str(report))
    return report


def _names(names: Sequence[str] | None, shape: tuple[int, ...]) -> tuple[str, ...]:
    if names is None:
        indices = (", ".join(map(str, index)) for index in np.ndindex(*shape))
        return tuple(f"x[{index}]" if index else "x" for index in indices)
    if len(names) != int(np.prod(shape)):
        message = f"check_gradient: names must have one entry for each component of x, {shape}; got {len(names)}"
        raise ShapeError(message)
    return tuple(map(str, names))


def _steps(
    point: FloatArray, step: ArrayLike | None, bounds: tuple[ArrayLike, ArrayLike] | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the first steps, and how far x may go down and up, all flat."""
    try:
        wanted = 0.01 * np.maximum(np.abs(point), 1.0) if step is None else np.broadcast_to(step, point.shape)
        lower, upper = (np.asarray(bound, dtype=np.float64) for bound in bounds or (-np.inf, np.inf))
        below, above = np.broadcast_to(point - lower, point.shape), np.broadcast_to(upper - point, point.shape)
    except ValueError as error:
        message = f"check_gradient: step and bounds must broadcast to x, shape {point.shape}"
        raise ShapeError(message) from error
    for name, good in (
        ("step must be finite and positive", np.isfinite(wanted) & (wanted > 0.0)),
        ("x must lie within bounds of some width", (below >= 0.0) & (above >= 0.0) & (below + above > 0.0)),
    ):
        if not good.all():
            where = tuple(int(i) for i in np.argwhere(~good)[0])
            message = f"check_gradient: {name}; not so at {list(where)}"
            raise InvalidValueError(message)
    return np.array(wanted, dtype=np.float64).reshape(-1), below.reshape(-1), above.reshape(-1)


def _extrapolated(
    at: Callable[[FloatArray], FloatArray],
    x: FloatArray,
    value: FloatArray,
    i: int,
    step: float,
    below: float,
    above: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the derivative of all values by component i, and its estimated error."""
    one_sided = min(below, above) < 1e-3 * step  # too near to a bound for steps to either side
    side = 1.0 if above >= below else -1.0
    step = min(step, max(below, above) if one_sided else min(below, above))
    order = 2.0 if one_sided else 4.0  # by what halving the step divides the leading error
    best, least = np.zeros(value.size), np.full(value.size, np.inf)
    rounding = np.finfo(np.float64).eps * np.abs(value)
    previous: list[FloatArray] = []
    usable = 0
    for level in range(_HALVINGS):
        up, down = x.copy(), x.copy()
        h = step / 2.0**level
        up[i] += side * h
        if one_sided:
            f_up, f_down = at(up), value
        else:
            down[i] -= side * h
            f_up, f_down = at(up), at(down)
        width = up[i] - down[i]  # as it is after rounding
        if width == 0.0:
            break
        with np.errstate(all="ignore"):  # values that are not finite are left out below
            quotient = (f_up - f_down) / width
            current = [quotient]
            noise = (rounding + np.finfo(np.float64).eps * (np.abs(f_up) + np.abs(f_down))) / abs(width)
            for j, coarser in enumerate(previous):
                factor = order ** (j + 1)
                finer = current[j] + (current[j] - coarser) / (factor - 1.0)
                current.append(finer)
                estimate = np.maximum(np.abs(finer - current[j]), np.abs(finer - coarser)) + noise
                better = estimate < least  # false for NaN
                best, least = np.where(better, finer, best), np.where(better, estimate, least)
        previous = current
        usable += bool(np.isfinite(quotient).all())
        if usable == _LEVELS:
            break
    return best, least
