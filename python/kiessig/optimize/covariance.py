"""Covariance of least-squares estimates from the Jacobian of the residuals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.optimize.objective import FloatArray

__all__ = ["correlation", "covariance"]

# A null vector comes out of the SVD with rounding dust in the components it does not have.
_PARTICIPATION = 1.5e-8


def covariance(
    jacobian: npt.ArrayLike, *, scale: float = 1.0, rcond: float = 1e-10
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return the covariance ``scale * inv(J.T @ J)`` and which parameters the data do not determine.

    The columns of J are scaled to length one and the inverse is taken through the singular values, so that parameters
    of very different size (1e-7 beside 1e3) lose no digits to each other.

    Parameters
    ----------
    jacobian : array, shape (m, n)
        d(residuals)/dx, the residuals in units of their standard deviations.
    scale : float
        Variance of one residual: 1 where the residuals are divided by known standard deviations, the reduced misfit
        where the errors are known only up to a common factor.
    rcond : float
        Singular values of the scaled Jacobian below ``rcond`` times the largest count as zero. The default is above
        the rounding noise of an exact Jacobian (about 1e-13) and below what any experiment resolves.

    Returns
    -------
    covariance : array, shape (n, n)
        For an undetermined parameter the variance is infinite and its covariances are NaN.
    undetermined : bool array, shape (n,)
        Parameters that take part in a direction along which the residuals do not change.

    Raises
    ------
    ShapeError
        If `jacobian` is not two-dimensional.
    InvalidValueError
        If `jacobian` is not finite, or `scale` is negative or not finite.

    Examples
    --------
    A straight line through three points; slope and offset are independent:

    >>> import numpy as np
    >>> from kiessig.optimize import covariance
    >>> cov, undetermined = covariance(np.array([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> np.sqrt(np.diag(cov)).round(4).tolist()
    [0.7071, 0.5774]
    """
    jac = np.asarray(jacobian, dtype=np.float64)
    if jac.ndim != 2:
        message = f"covariance: jacobian must have shape (m, n); got shape {jac.shape}"
        raise ShapeError(message)
    if not np.all(np.isfinite(jac)):
        row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(jac)))
        message = f"covariance: jacobian must be finite; jacobian[{row}, {column}] = {float(jac[row, column])!r}"
        raise InvalidValueError(message)
    if not (np.isfinite(scale) and scale >= 0.0):
        message = f"covariance: scale must be finite and non-negative; got {scale!r}"
        raise InvalidValueError(message)
    n = jac.shape[1]
    norms = column_norms(jac)
    used = np.where(norms > 0.0, norms, 1.0)
    _, singular, vt = np.linalg.svd(jac / used, full_matrices=jac.shape[0] < n)
    full = np.zeros(n)
    full[: singular.size] = singular
    kept = full > rcond * max(float(full.max(initial=0.0)), np.finfo(np.float64).tiny)
    undetermined = np.sqrt(np.sum(vt[~kept] ** 2, axis=0)) > _PARTICIPATION
    half = vt[kept] / full[kept, None]
    with np.errstate(over="ignore"):
        cov = scale * (half.T @ half) / used / used[:, None]
    undetermined |= np.isinf(np.diag(cov))  # a variance beyond the largest double
    cov[undetermined, :] = np.nan
    cov[:, undetermined] = np.nan
    cov[undetermined, undetermined] = np.inf
    return cov, undetermined


def correlation(covariance: npt.ArrayLike) -> FloatArray:
    """Return the correlation matrix of a covariance matrix.

    Parameters
    ----------
    covariance : array, shape (n, n)
        As `covariance` returns it.

    Returns
    -------
    array, shape (n, n)
        Ones on the diagonal, NaN between an undetermined parameter (infinite variance) and any other.

    Raises
    ------
    ShapeError
        If the matrix is not square.
    """
    cov = np.asarray(covariance, dtype=np.float64)
    if cov.ndim != 2 or cov.shape[0] != cov.shape[1]:
        message = f"correlation: covariance must be square; got shape {cov.shape}"
        raise ShapeError(message)
    deviation = np.sqrt(np.diag(cov))
    usable = np.isfinite(deviation) & (deviation > 0.0)
    inverse = np.full(deviation.shape, np.nan)
    inverse[usable] = 1.0 / deviation[usable]
    result: FloatArray = np.clip(inverse[:, None] * cov * inverse, -1.0, 1.0)
    np.fill_diagonal(result, 1.0)
    return result


def column_norms(matrix: FloatArray) -> FloatArray:
    """Euclidean length of each column, without overflow or underflow on the way."""
    largest = np.max(np.abs(matrix), axis=0, initial=0.0)
    used = np.where(largest > 0.0, largest, 1.0)
    norms: FloatArray = largest * np.sqrt(np.sum((matrix / used) ** 2, axis=0))
    return norms
