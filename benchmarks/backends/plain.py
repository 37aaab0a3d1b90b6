"""Backends that are functions of NumPy arrays: kiessig's own, and those whose derivatives must be differenced."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import kiessig as ks
from benchmarks.backends.tasks import FIELDS, Problem
from benchmarks.rivals import MissingRivalError
from benchmarks.stacks import FloatArray, Stack

SAME = "the same as kiessig"  # why one is left out of a task
STEP = 1e-4  # of central differences: truncation (step Q n)^2, cancellation 1e-16 / step

Run = Callable[[], Any]
Curve = Callable[[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]


def kiessig(task: str, problem: Problem) -> Run:
    """The library's own functions; smearing within its error bound."""
    q, *inputs = problem.stack
    curve = problem.curve
    if task in ("value", "batch"):
        return lambda: ks.reflectivity(q, *inputs, threads=1)
    if task == "gradient":

        def gradient() -> Any:
            value, found = ks.reflectivity_misfit(q, *inputs, r=curve.r, misfit="log", threads=1)
            return value, [getattr(found, name) for name in FIELDS]

        return gradient
    if task == "jacobian":

        def jacobian() -> Any:
            r, found = ks.reflectivity_jacobian(q, *inputs, threads=1)
            return r, [getattr(found, name) for name in FIELDS]

        return jacobian
    return _smeared(problem, curve.dq)


def kiessig_with_17_nodes(task: str, problem: Problem) -> Run:
    """The quadrature of the others, for the smeared task; there is no difference in the other tasks."""
    if task != "smeared":
        raise MissingRivalError(SAME)
    return _smeared(problem, ks.Resolution.refnx(problem.curve.dq))


def _smeared(problem: Problem, dq: Any) -> Run:
    q, *inputs = problem.stack
    curve = problem.curve

    def smeared() -> Any:
        value, found = ks.reflectivity_misfit(q, *inputs, r=curve.r, dr=curve.dr, dq=dq, threads=1)
        return value, [getattr(found, name) for name in FIELDS]

    return smeared


def kiessig_differences(task: str, problem: Problem) -> Run:
    """What derivatives would cost without their formulas, on the same kernel."""
    if task in ("value", "batch"):
        raise MissingRivalError(SAME)
    return differenced(task, problem, lambda q, *inputs: ks.reflectivity(q, *inputs, threads=1))


def refnx_c(task: str, problem: Problem) -> Run:
    """refnx's C kernel; its derivatives are differenced, as refnx does it without JAX."""
    try:
        from refnx.reflect import _creflect
    except ImportError as error:
        message = f"refnx cannot be imported ({error})"
        raise MissingRivalError(message) from error
    slabs = _rows(problem.stack)
    if task == "batch":
        vectorised = getattr(_creflect, "abeles_vectorised", None)
        if vectorised is None:
            message = "this refnx has no kernel for batches"
            raise MissingRivalError(message)
        return lambda: vectorised(problem.stack.q, slabs, threads=1)

    def curve(q: FloatArray, *inputs: FloatArray) -> Any:
        thickness, sld, sld_imag, roughness = inputs
        slabs[1:-1, 0], slabs[:, 1], slabs[:, 2], slabs[1:, 3] = thickness, sld, sld_imag, roughness
        return _creflect.abeles(q, slabs, threads=1)

    if task == "value":
        return lambda: _creflect.abeles(problem.stack.q, slabs, threads=1)
    return differenced(task, problem, curve)


def _rows(stack: Stack) -> FloatArray:
    rows = np.zeros((*stack.sld.shape, 4))
    rows[..., 1:-1, 0] = stack.thickness
    rows[..., :, 1] = stack.sld
    rows[..., :, 2] = stack.sld_imag
    rows[..., 1:, 3] = stack.roughness
    return rows


def refl1d_numba(task: str, problem: Problem) -> Run:
    """refl1d's Abeles kernel, compiled by numba; its derivatives are differenced, as bumps does it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the import
            import numba
            from refl1d.sample.reflectivity import reflectivity_amplitude
    except ImportError as error:
        message = f"refl1d with numba cannot be imported ({error})"
        raise MissingRivalError(message) from error
    numba.set_num_threads(1)

    def curve(q: FloatArray, *inputs: FloatArray) -> Any:
        thickness, sld, sld_imag, roughness = inputs
        depth = np.concatenate([[0.0], thickness, [0.0]])
        # it resizes SLDs in place: two short copies
        slds = {"rho": sld.copy(), "irho": sld_imag.copy()}
        r = reflectivity_amplitude(kz=0.5 * q.ravel(), depth=depth, sigma=roughness, **slds)
        return (r.real**2 + r.imag**2).reshape(q.shape)

    if task == "batch":
        q, *batch = problem.stack
        return lambda: np.array([curve(q, *inputs) for inputs in zip(*batch, strict=True)])
    if task == "value":
        return lambda: curve(problem.stack.q, *problem.stack[1:])
    return differenced(task, problem, curve)


def differenced(task: str, problem: Problem, curve: Curve) -> Run:
    """Derivatives by central differences, two curves for every input."""
    q, data = problem.stack.q, problem.curve
    if task == "gradient":
        log_r = np.log(data.r)

        def function(*inputs: FloatArray) -> Any:
            residual = log_r - np.log(curve(q, *inputs))
            return residual @ residual

    elif task == "jacobian":

        def function(*inputs: FloatArray) -> Any:
            return curve(q, *inputs)

    else:

        def function(*inputs: FloatArray) -> Any:
            residual = (curve(problem.nodes, *inputs) @ problem.weights - data.r) / data.dr
            return residual @ residual

    def run() -> Any:
        inputs = [np.array(array) for array in problem.inputs]
        value = function(*inputs)
        fields = []
        for name, array in zip(FIELDS, inputs, strict=True):
            columns = np.zeros((array.size, *np.shape(value)))
            for i in range(array.size):
                if name == "sld_imag" and i == 0:
                    continue  # the fronting's absorption changes nothing, and may not become negative
                centre = array[i]
                array[i] = centre + STEP
                above = function(*inputs)
                array[i] = centre - STEP
                columns[i] = (above - function(*inputs)) / (2.0 * STEP)
                array[i] = centre
            fields.append(columns.T)
        return value, fields

    return run
