"""Tiny least-squares problems within bounds, many at once, solved exactly."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = ["solve_bounded", "solve_free"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ENUMERATED = 5  # unknowns: 3**5 faces of the box; more go through scipy, one member after the other


def solve_free(matrix: FloatArray, right: FloatArray, free: BoolArray) -> FloatArray:
    """Solve the rows and columns of symmetric systems that are free; the others' unknowns are 0.

    Parameters
    ----------
    matrix : float array, shape (..., k, k)
        Positive semidefinite.
    right : float array, shape (..., k, n)
        The right-hand sides.
    free : bool array, shape (..., k)
        Which unknowns to solve for.

    Returns
    -------
    float array, shape (..., k, n)
    """
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    size = np.where(free & (diagonal > 0.0), diagonal, 1.0) ** -0.5
    both = free[..., :, np.newaxis] & free[..., np.newaxis, :]
    scaled = np.where(both, matrix * size[..., :, np.newaxis] * size[..., np.newaxis, :], 0.0)
    place = np.arange(free.shape[-1])
    scaled[..., place, place] += ~free
    rows = np.where(free[..., np.newaxis], right * size[..., np.newaxis], 0.0)
    try:
        found = np.linalg.solve(scaled, rows)
    except np.linalg.LinAlgError:  # unknowns that the data cannot tell apart: the smallest solution
        found = np.linalg.pinv(scaled, hermitian=True) @ rows
    return np.asarray(found * size[..., np.newaxis])


def solve_bounded(
    matrix: FloatArray, right: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Minimise ``c @ matrix @ c / 2 - right @ c`` within ``lower <= c <= upper``.

    Where the free minimum lies outside, all faces of the box are tried: the minimum within is that of one of them.

    Parameters
    ----------
    matrix : float array, shape (n_members, k, k)
        Positive definite.
    right : float array, shape (n_members, k)
        Minus half the gradient at c = 0.
    lower, upper : float arrays, shape (k,)
        The box; infinite where there is no bound.

    Returns
    -------
    solution : float array, shape (n_members, k)
    free : bool array, shape (n_members, k)
        Where no bound holds the solution.
    """
    k = right.shape[-1]
    everything = np.ones(right.shape, dtype=np.bool_)
    solution = solve_free(matrix, right[..., np.newaxis], everything)[..., 0]
    free = everything
    outside = np.flatnonzero(~((solution >= lower) & (solution <= upper)).all(axis=-1) & np.isfinite(solution).all(-1))
    if not outside.size:
        return solution, free
    if k > _ENUMERATED:
        for member in outside:
            solution[member], free[member] = _one_by_scipy(matrix[member], right[member], lower, upper)
        return solution, free
    matrix, right = matrix[outside], right[outside]
    best = np.full(outside.size, np.inf)
    choices = [[None, *(limit for limit in limits if np.isfinite(limit))] for limits in zip(lower, upper, strict=True)]
    for face in itertools.product(*choices):
        loose = np.array([limit is None for limit in face])
        if loose.all():
            continue
        held = np.array([0.0 if limit is None else limit for limit in face])
        rest = right - matrix @ held
        where = np.broadcast_to(loose, right.shape)
        candidate = held + solve_free(matrix, rest[..., np.newaxis], where)[..., 0]
        value = 0.5 * np.einsum("mi,mij,mj->m", candidate, matrix, candidate) - (right * candidate).sum(axis=-1)
        better = ((candidate >= lower) & (candidate <= upper)).all(axis=-1) & (value < best)
        best = np.where(better, value, best)
        solution[outside[better]], free[outside[better]] = candidate[better], loose
    return solution, free


def _one_by_scipy(
    matrix: FloatArray, right: FloatArray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, BoolArray]:
    from scipy.optimize import lsq_linear

    size = np.diagonal(matrix) ** -0.5
    root = np.linalg.cholesky(matrix * size[:, np.newaxis] * size)
    limits = (lower / size, upper / size)
    found = lsq_linear(root.T, np.linalg.solve(root, right * size), limits, method="bvls", tol=1e-15)
    free = found.active_mask == 0
    solution = np.where(found.active_mask < 0, lower, np.where(found.active_mask > 0, upper, found.x * size))
    return solution, free
