"""Geodesic acceleration of Levenberg-Marquardt steps: what single and batched searches share."""

from __future__ import annotations

from kiessig.optimize.objective import FloatArray

__all__ = ["ALPHA", "PROBE", "bend_of_residuals"]

#: Part of the step at which residuals are taken for their second derivative along it.
PROBE = 0.1
#: Largest length of the acceleration in units of the step's, both in the units of the damping.
ALPHA = 0.75


def bend_of_residuals(ahead: FloatArray, here: FloatArray, slope: FloatArray) -> FloatArray:
    """Return the second derivative of the residuals along a step v.

    Parameters
    ----------
    ahead, here : float arrays, shape (..., m)
        Residuals at ``x + PROBE v`` and at x.
    slope : float array, shape (..., m)
        ``J v``, with the exact Jacobian.

    References
    ----------
    .. [1] M. K. Transtrum and J. P. Sethna, Improvements to the Levenberg-Marquardt algorithm for nonlinear
       least-squares minimization (2012), arXiv:1201.5885, equation (12).
    """
    bend: FloatArray = 2.0 / PROBE * ((ahead - here) / PROBE - slope)
    return bend
