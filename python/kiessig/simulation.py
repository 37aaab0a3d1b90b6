"""Simulated measurements: a model curve with the noise of counting."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kiessig.data import Dataset
from kiessig.errors import InvalidValueError
from kiessig.instrument import Resolution
from kiessig.parameters import Operand, as_number, evaluate
from kiessig.sample import Sample

__all__ = ["simulate"]


def simulate(
    q: ArrayLike,
    sample: Sample,
    *,
    scale: Operand = 1.0,
    background: Operand = 0.0,
    resolution: Resolution | None = None,
    counts: ArrayLike | None = None,
    relative_error: float | None = None,
    seed: int | np.random.Generator | None = None,
    name: str | None = None,
) -> Dataset:
    """Draw a measurement of a sample at the present values of its parameters.

    Parameters
    ----------
    q : float array, shape (n_q,)
        Momentum transfer, 1/angstrom.
    sample : Sample
        What is measured.
    scale, background : float, Parameter or Expression
        Of the curve, ``scale * smeared(R) + background``.
    resolution : Resolution, optional
        None for a perfect instrument.
    counts : float or float array, shape (n_q,), optional
        Counts that each point would collect at a reflectivity of 1. The noise is then that of counting: Poisson.
    relative_error : float, optional
        Alternatively, normal noise of this fraction of the curve.
    seed : int or numpy Generator, optional
        Of the noise; None draws different noise each time.
    name : str, optional
        Of the dataset.

    Returns
    -------
    Dataset
        With `dr`, and with `dq` where there is a resolution. `dr` is the standard deviation that the noise was drawn
        with, not an estimate from the counts themselves: it does not favour points that happen to be low, and a point
        without a single count keeps a finite one.

    Raises
    ------
    InvalidValueError
        If not exactly one of `counts` and `relative_error` is given, one of them is not positive, or the curve is not
        positive somewhere.
    ShapeError
        If shapes do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> import kiessig as ks
    >>> from kiessig.simulation import simulate
    >>> sample = ks.Layer(sld=0) | ks.Layer(100, sld=3.47, roughness=3) | ks.Layer(sld=2.07, roughness=3)
    >>> simulate(np.linspace(0.01, 0.2, 50), sample, background=1e-6, counts=1e6, seed=1)
    Dataset(50 points, Q 0.01 to 0.2 1/angstrom, dr)
    """
    from kiessig.kernels import reflectivity

    points = np.asarray(q)
    factor, offset = evaluate([scale, background])
    dq = None if resolution is None else resolution.sigma(points)
    curve = reflectivity(points, *sample.slabs(), scale=factor, background=offset, dq=resolution)
    bad = np.flatnonzero(~(curve > 0.0))
    if bad.size:
        message = (
            f"simulate: the curve must be positive to have noise; at q = {points[bad[0]]:g} 1/angstrom it is "
            f"{curve[bad[0]]:g}; give a background"
        )
        raise InvalidValueError(message)
    generator = np.random.default_rng(seed)
    if counts is not None and relative_error is None:
        incident = np.asarray(counts, dtype=np.float64)
        if not np.all(np.isfinite(incident) & (incident > 0.0)):
            message = f"simulate: counts must be finite and positive; got {counts!r}"
            raise InvalidValueError(message)
        expected = curve * incident
        r, dr = generator.poisson(expected) / incident, np.sqrt(expected) / incident
    elif relative_error is not None and counts is None:
        fraction = as_number(relative_error, "simulate", "relative_error")
        if fraction <= 0.0:
            message = f"simulate: relative_error must be positive; relative_error = {fraction}"
            raise InvalidValueError(message)
        dr = fraction * curve
        r = curve + dr * generator.standard_normal(curve.shape)
    else:
        both = "neither" if counts is None else "both"
        message = f"simulate: one of counts and relative_error is required; got {both}"
        raise InvalidValueError(message)
    return Dataset(points, r, dr=dr, dq=dq, name=name)
