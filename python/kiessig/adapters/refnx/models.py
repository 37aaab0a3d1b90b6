"""Reflectivity of refnx's models with exact derivatives by what enters the kernel.

A model is read as `Inputs`: one array of slabs per structure, and the numbers beside them. These follow from the
parameters by refnx's own arithmetic; their differences are cheap and call no kernel.
"""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig.adapters.refnx.kernels import refnx_module
from kiessig.errors import KiessigError
from kiessig.instrument import FWHM_PER_SIGMA, Resolution
from kiessig.kernels import Jacobian, reflectivity_jacobian

__all__ = ["Inputs", "NotExact", "model_and_derivatives", "read"]

FloatArray = NDArray[np.float64]

LEAST_CONSTANT = 0.5  # per cent: below, refnx does not smear with a constant dq/q


class NotExact(Exception):  # noqa: N818 - a signal between modules here
    """A model without exact derivatives here; differences of its own values must do."""


class Inputs(NamedTuple):
    """What a model hands to the kernel and to the smearing.

    Attributes
    ----------
    slabs : tuple of float arrays, each of shape (n + 2, 4)
        Of each structure.
    scales : float array, shape (n_structures,)
    background, dq, q_offset : float
        `dq` is refnx's constant ratio, a full width at half maximum in per cent.
    """

    slabs: tuple[FloatArray, ...]
    scales: FloatArray
    background: float
    dq: float
    q_offset: float


def read(model: Any) -> Inputs:
    """Return the inputs of a model as its parameters stand, or raise `NotExact`."""
    module = refnx_module("refnx.reflect.reflect_model")
    plain, mixed = module.ReflectModel, module.MixedReflectModel
    own = getattr(type(model), "model", None)
    if own is plain.model:
        structures, scales = [model.structure], [model.scale.value]
    elif own is mixed.model:
        structures, scales = model.structures, model.scales
    else:
        raise NotExact
    if type(model).__call__ not in (plain.__call__, mixed.__call__):
        raise NotExact
    slabs = tuple(np.array(structure.slabs(), dtype=np.float64) for structure in structures)
    if any(array.ndim != 2 or array.shape[1] > 5 for array in slabs):  # magnetic
        raise NotExact
    offset = getattr(model, "q_offset", 0.0)
    return Inputs(
        tuple(array[:, :4] for array in slabs),
        np.array([float(scale) for scale in scales]),
        float(model.bkg.value),
        float(model.dq),
        float(offset),
    )


class _Smearing(NamedTuple):
    """`q` and `dq` are what the kernel is given; curves come back through `collect`."""

    q: FloatArray
    dq: Resolution | None = None
    constant: bool = False  # whether widths go with q
    weight: FloatArray | None = None  # of tabulated kernels, shape (n_q, m)
    gain: FloatArray | None = None  # of each point, where refnx's weights do not add up to 1 and ours do

    def collect(self, curves: FloatArray) -> FloatArray:
        """Curves at the points of the kernel, shape (q.size, ...), as those at the points of the data."""
        if self.weight is None:
            return curves if self.gain is None else (curves.T * self.gain).T
        from scipy.integrate import simpson

        n, m = self.weight.shape
        shaped = curves.reshape(n, m, *curves.shape[1:])
        weight = self.weight.reshape(n, m, *([1] * (curves.ndim - 1)))
        nodes = self.q.reshape(n, m)
        return np.array([simpson(weight[i] * shaped[i], x=nodes[i], axis=0) for i in range(n)])


def _smearing(model: Any, x: FloatArray, x_err: Any, inputs: Inputs) -> _Smearing:
    q = x + inputs.q_offset
    if x_err is None or model.dq_type == "constant":
        x_err = inputs.dq
    if isinstance(x_err, numbers.Real):
        if float(x_err) < LEAST_CONSTANT:
            return _Smearing(q)
        return _Smearing(q, Resolution.refnx(dq_over_q=float(x_err) / 100.0 / FWHM_PER_SIGMA), constant=True)
    x_err = np.asarray(x_err, dtype=np.float64)
    if x_err.size == q.size:
        if model.quad_order == "ultimate":
            raise NotExact
        sigma = x_err.ravel() / FWHM_PER_SIGMA
        sharp = sigma == 0.0
        gain = np.where(sharp, _mass(model.quad_order), 1.0) if np.any(sharp) else None
        return _Smearing(q, Resolution.refnx(sigma, quad_order=model.quad_order), gain=gain)
    if x_err.ndim == q.ndim + 2 and x_err.shape[0] == q.size:
        return _Smearing((x_err[:, 0, :] + inputs.q_offset).ravel(), weight=x_err[:, 1, :])
    raise NotExact


def _mass(quad_order: int) -> float:
    """Return what refnx's quadrature makes of 1, also at a point without width, where all nodes coincide."""
    z, weight = np.polynomial.legendre.leggauss(int(quad_order))
    reach = 3.5  # sigma
    return float(weight @ np.exp(-0.5 * (reach * z) ** 2) * reach / np.sqrt(2.0 * np.pi))


def model_and_derivatives(
    model: Any, x: Any, x_err: Any, inputs: Inputs, directions: list[Inputs]
) -> tuple[FloatArray, FloatArray]:
    """Compute a model and its derivatives along directions in its inputs.

    Parameters
    ----------
    model : ReflectModel or MixedReflectModel
        Of refnx.
    x : float array, shape (n_q,)
        Of the data, 1/angstrom.
    x_err : float array or None
        The data's full widths at half maximum, or tabulated kernels, as refnx takes them.
    inputs : Inputs
        As `read` gives them.
    directions : list of Inputs
        The derivative of the inputs with respect to each parameter.

    Returns
    -------
    value : float array, shape (n_q,)
    derivatives : float array, shape (n_q, n_directions)

    Raises
    ------
    NotExact
        Where refnx does something that has no counterpart here.
    """
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1:
        raise NotExact
    smearing = _smearing(model, x, x_err, inputs)
    # R of refnx's kernel is even in Q; a constant dq/q has its own rules for what lies below zero
    if smearing.constant and np.any(smearing.q <= 0.0):
        raise NotExact
    sign = np.where(smearing.q < 0.0, -1.0, 1.0)
    value = np.full(x.size, inputs.background)
    moved = np.zeros((x.size, len(directions)))
    for i, slabs in enumerate(inputs.slabs):
        r, jacobian = _kernel(np.abs(smearing.q), slabs, smearing.dq)
        along = _along(jacobian, slabs, [direction.slabs[i] for direction in directions])
        offsets = np.array([direction.q_offset for direction in directions])
        if offsets.any():
            along += np.multiply.outer(_by_offset(jacobian, smearing, inputs, sign), offsets)
        widths = np.array([direction.dq for direction in directions])
        if widths.any() and smearing.constant and jacobian.dq is not None:
            along += np.multiply.outer(jacobian.dq * np.abs(smearing.q), widths / 100.0 / FWHM_PER_SIGMA)
        curve = smearing.collect(r)
        value += inputs.scales[i] * curve
        moved += inputs.scales[i] * smearing.collect(along)
        moved += np.multiply.outer(curve, np.array([direction.scales[i] for direction in directions]))
    return value, moved + np.array([direction.background for direction in directions])


def _kernel(q: FloatArray, slabs: FloatArray, dq: Resolution | None) -> tuple[FloatArray, Jacobian]:
    try:
        # a roughness enters as its square
        return reflectivity_jacobian(q, slabs[1:-1, 0], slabs[:, 1], slabs[:, 2], np.abs(slabs[1:, 3]), dq=dq)
    except KiessigError as error:
        raise NotExact from error


def _along(jacobian: Jacobian, slabs: FloatArray, directions: list[FloatArray]) -> FloatArray:
    """Contract the Jacobian with each direction in the slabs; shape (n_q, n_directions)."""
    steps = np.array(directions)
    sign = np.where(slabs[1:, 3] < 0.0, -1.0, 1.0)
    return np.asarray(
        jacobian.thickness @ steps[:, 1:-1, 0].T
        + jacobian.sld @ steps[:, :, 1].T
        + jacobian.sld_imag @ steps[:, :, 2].T
        + jacobian.roughness @ (sign * steps[:, 1:, 3]).T
    )


def _by_offset(jacobian: Jacobian, smearing: _Smearing, inputs: Inputs, sign: FloatArray) -> FloatArray:
    by_offset = sign * jacobian.q
    if smearing.constant and jacobian.dq is not None:
        by_offset = by_offset + sign * jacobian.dq * inputs.dq / 100.0 / FWHM_PER_SIGMA  # the width goes with q
    return np.asarray(by_offset)
