"""The result of a fit: numbers with their uncertainties, a table to read and JSON to keep."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from kiessig.optimize.covariance import correlation, covariance
from kiessig.optimize.names import suggestion
from kiessig.result.minimum import Minimum

if TYPE_CHECKING:
    from kiessig.optimize.driver import Outcome

__all__ = ["FitResult"]

_MISFITS = ("chi2", "log", "poisson")
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FitResult:
    """Parameters found by a fit, with their uncertainties and how they were found.

    Parameters
    ----------
    names : list of str
        Names of the free parameters; they order every array below.
    x : float array, shape (n,)
        Values.
    covariance : float array, shape (n, n)
        Covariance of the values; infinite variance and NaN covariances where the data do not determine a parameter.
    lower, upper : float arrays, shape (n,)
        Bounds; infinite where there is none.
    at_bounds : bool array, shape (n,)
        Parameters that ended on a bound. Their standard errors, and those of what is correlated with them, are those of
        the unbounded problem: read them with care.
    chi2 : float
        Misfit at the end, the plain sum of squared residuals.
    n_points : int
        Number of data points.
    method, success, message : str, bool, str
        What ran, whether it ended in a minimum, and what to do if not.
    n_evaluations, n_jacobian_evaluations : int
        Evaluations of the model, and of its derivatives.
    wall_time : float
        Seconds.
    misfit : {"chi2", "log", "poisson"}
        What the residuals are: differences in units of the error bars, or differences of logarithms.
    covariance_scale : float
        Variance of one residual that `covariance` was built with: 1 where error bars are taken at their word.
    minima : tuple of Minimum
        The distinct minima that the starts have led to, the lowest first; that one is the result.
    history : float array, shape (t, 2)
        Evaluations so far, and the lowest misfit by then; a row wherever it fell.

    Notes
    -----
    Two results are equal if all their fields are, to the last bit; NaN equals NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from kiessig import FitResult
    >>> result = FitResult(names=["thickness"], x=np.array([1466.7881]), covariance=np.array([[0.0009]]),
    ...     lower=np.array([1400.0]), upper=np.array([1500.0]), at_bounds=np.array([False]), chi2=975.2, n_points=732,
    ...     method="levenberg-marquardt", success=True, message="converged", n_evaluations=10,
    ...     n_jacobian_evaluations=10, wall_time=0.05)
    >>> result.values["thickness"], round(float(result.stderr[0]), 6), round(result.chi2_per_point, 4)
    (1466.7881, 0.03, 1.3322)
    """

    names: list[str]
    x: FloatArray
    covariance: FloatArray
    lower: FloatArray
    upper: FloatArray
    at_bounds: npt.NDArray[np.bool_]
    chi2: float
    n_points: int
    method: str
    success: bool
    message: str
    n_evaluations: int
    n_jacobian_evaluations: int
    wall_time: float
    misfit: str = "chi2"
    covariance_scale: float = 1.0
    minima: tuple[Minimum, ...] = ()
    history: FloatArray = field(default_factory=lambda: np.empty((0, 2)))

    def __post_init__(self) -> None:
        n = len(self.names)
        if len(set(self.names)) != n:
            twice = next(name for name in self.names if self.names.count(name) > 1)
            message = f"FitResult: names must be different; {twice!r} occurs more than once"
            raise InvalidValueError(message)
        if self.misfit not in _MISFITS:
            message = f"FitResult: misfit must be one of {', '.join(_MISFITS)}; got {self.misfit!r}"
            raise InvalidValueError(message)
        shapes = {"x": (n,), "covariance": (n, n), "lower": (n,), "upper": (n,), "at_bounds": (n,)}
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=bool if name == "at_bounds" else np.float64)
            if array.shape != shape:
                message = f"FitResult: {name} must have shape {shape} for {n} names; got {array.shape}"
                raise ShapeError(message)
            object.__setattr__(self, name, array)
        variances = np.diag(self.covariance)
        if np.any(variances < 0.0):
            i = int(np.argmax(variances < 0.0))
            message = f"FitResult: variances must be non-negative; covariance[{i}, {i}] = {float(variances[i])!r}"
            raise InvalidValueError(message)
        plain: dict[str, type] = {
            "chi2": float,
            "wall_time": float,
            "covariance_scale": float,
            "n_points": int,
            "n_evaluations": int,
            "n_jacobian_evaluations": int,
            "success": bool,
        }
        for name, kind in plain.items():
            object.__setattr__(self, name, kind(getattr(self, name)))
        object.__setattr__(self, "names", [str(name) for name in self.names])
        object.__setattr__(self, "minima", tuple(self.minima))
        object.__setattr__(self, "history", np.array(self.history, dtype=np.float64).reshape(-1, 2))

    @classmethod
    def from_outcome(
        cls,
        outcome: Outcome,
        names: Sequence[str],
        lower: npt.ArrayLike,
        upper: npt.ArrayLike,
        *,
        n_points: int | None = None,
        misfit: str = "chi2",
        covariance_scale: float = 1.0,
    ) -> FitResult:
        """Build the result from what `kiessig.optimize.minimize` returned.

        Parameters
        ----------
        outcome : Outcome
            Residuals and Jacobian in it give the covariance.
        names : sequence of str
            Names of the parameters.
        lower, upper : arrays, shape (n,)
            Bounds.
        n_points : int, optional
            Number of data points. Default: the number of residuals.
        misfit : {"chi2", "log", "poisson"}
            What the residuals are.
        covariance_scale : float
            Variance of one residual; see `kiessig.optimize.covariance`.

        Returns
        -------
        FitResult
        """
        return cls(
            names=list(names),
            x=outcome.x,
            covariance=covariance(outcome.jacobian, scale=covariance_scale)[0],
            lower=np.asarray(lower, dtype=np.float64),
            upper=np.asarray(upper, dtype=np.float64),
            at_bounds=outcome.at_bounds,
            chi2=outcome.value,
            n_points=outcome.residuals.size if n_points is None else n_points,
            method=outcome.method,
            success=outcome.success,
            message=outcome.message,
            n_evaluations=outcome.n_evaluations,
            n_jacobian_evaluations=outcome.n_jacobian_evaluations,
            wall_time=outcome.wall_time,
            misfit=misfit,
            covariance_scale=covariance_scale,
        )

    @property
    def values(self) -> dict[str, float]:
        """Values by name."""
        return dict(zip(self.names, self.x.tolist(), strict=True))

    @property
    def stderr(self) -> FloatArray:
        """Standard errors, shape (n,); infinite for parameters that the data do not determine."""
        errors: FloatArray = np.sqrt(np.diag(self.covariance))
        return errors

    @property
    def undetermined(self) -> npt.NDArray[np.bool_]:
        """Parameters that the data do not determine, shape (n,)."""
        return np.isinf(np.diag(self.covariance))

    @property
    def correlation(self) -> FloatArray:
        """Correlation matrix, shape (n, n); NaN beside parameters that the data do not determine."""
        return correlation(self.covariance)

    @property
    def degrees_of_freedom(self) -> int:
        """Data points less parameters."""
        return self.n_points - len(self.names)

    @property
    def reduced_chi2(self) -> float:
        """Misfit per degree of freedom; NaN without any."""
        return self.chi2 / self.degrees_of_freedom if self.degrees_of_freedom > 0 else math.nan

    @property
    def chi2_per_point(self) -> float:
        """Misfit per data point; NaN without any."""
        return self.chi2 / self.n_points if self.n_points > 0 else math.nan

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FitResult):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]  # arrays inside: equal by content, so not hashable

    def __str__(self) -> str:
        return self.table()

    def table(self, truth: Mapping[str, float] | None = None) -> str:
        """Return the result as text.

        Parameters
        ----------
        truth : mapping of str to float, optional
            True values by name, where they are known, as in a simulation. Adds them, and the deviations from them in
            standard errors.

        Raises
        ------
        UnknownNameError
            If `truth` names a parameter that was not fitted.
        """
        from kiessig.result.table import result_table

        for name in truth or {}:
            if name not in self.names:
                message = f"table: truth names no fitted parameter {name!r}{suggestion(name, self.names)}"
                raise UnknownNameError(message)
        return result_table(self, truth)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the result as JSON, and write it to a file if a path is given.

        Numbers keep every bit. Those that JSON cannot express are written as the strings "NaN", "Infinity" and
        "-Infinity". A file appears whole or not at all: it is written under another name beside `path`, then renamed.

        Parameters
        ----------
        path : path, optional
            File to write; an existing one is replaced.

        Raises
        ------
        DataError
            If the file cannot be written.
        """
        from kiessig.result.file import encode, write_whole

        text = encode(self)
        if path is not None:
            write_whole(os.fspath(path), text)
        return text

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> FitResult:
        """Return the result that `to_json` wrote.

        Parameters
        ----------
        source : path or str
            A path, or the JSON itself: text that begins with a brace is never taken for a path.

        Raises
        ------
        DataError
            If there is no such file, or it is not JSON, or not a result of this package.
        """
        from kiessig.result.file import decode

        return decode(source)


def _same(a: object, b: object) -> bool:
    if isinstance(a, (np.ndarray, float)):
        return np.array_equal(np.asarray(a), np.asarray(b), equal_nan=np.asarray(a).dtype != bool)
    return a == b
