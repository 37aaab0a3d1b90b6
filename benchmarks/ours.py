"""Our side of every case, through the public functions, on one thread unless said otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import kiessig as ks
from benchmarks.stacks import Curve, FloatArray, Stack


def value(stack: Stack, threads: int = 1) -> Callable[[], FloatArray]:
    """Reflectivity of a stack or a batch."""
    q, thickness, sld, sld_imag, roughness = stack
    return lambda: ks.reflectivity(q, thickness, sld, sld_imag, roughness, threads=threads)


def value_as_called(stack: Stack) -> Callable[[], FloatArray]:
    """Reflectivity as a user calls it: the number of threads is left to the library."""
    q, thickness, sld, sld_imag, roughness = stack
    return lambda: ks.reflectivity(q, thickness, sld, sld_imag, roughness)


def jacobian(stack: Stack) -> Callable[[], tuple[FloatArray, ks.Jacobian]]:
    """Reflectivity and its derivatives with respect to every input."""
    q, thickness, sld, sld_imag, roughness = stack
    return lambda: ks.reflectivity_jacobian(q, thickness, sld, sld_imag, roughness, threads=1)


def log_misfit(stack: Stack, curve: Curve, *, absorbing: bool) -> Callable[[], Any]:
    """Sum of squared differences of ln R, and its gradient: the Jacobian contracted, which needs one pass only."""
    q, thickness, sld, sld_imag, roughness = stack
    log_r = np.log(curve.r)

    def run() -> Any:
        r, jacobian = ks.reflectivity_jacobian(q, thickness, sld, sld_imag, roughness, threads=1)
        difference = np.log(r)
        difference -= log_r
        weight = difference / r
        weight *= 2.0
        gradient = [weight @ jacobian.thickness, weight @ jacobian.sld, weight @ jacobian.roughness]
        if absorbing:
            gradient.append(weight @ jacobian.sld_imag)
        return difference @ difference, tuple(gradient)

    return run


def smeared_chi2(stack: Stack, curve: Curve, resolution: Any = None) -> Callable[[], Any]:
    """Chi-squared of the smeared curve, and its gradient: the value, then the product without a Jacobian.

    `resolution` None smears to the library's bounded error.
    """
    q, thickness, sld, sld_imag, roughness = stack
    dq = curve.dq if resolution is None else resolution
    inverse_dr = 1.0 / curve.dr

    def run() -> Any:
        residual = ks.reflectivity(q, thickness, sld, sld_imag, roughness, dq=dq, threads=1)
        residual -= curve.r
        residual *= inverse_dr
        weight = residual * inverse_dr
        weight *= 2.0
        _, gradient = ks.reflectivity_vjp(q, thickness, sld, sld_imag, roughness, cotangent=weight, dq=dq, threads=1)
        return residual @ residual, (gradient.thickness, gradient.sld, gradient.roughness)

    return run


def planned_chi2(stack: Stack, curve: Curve) -> Callable[[], Any]:
    """The same with a Plan, which remembers where smearing placed its nodes.

    A plan gains nothing from being asked the same twice in a fit, so thicknesses move by up to 2 % from call to call;
    the first call is at the stack itself.
    """
    plan = ks.Plan(stack.q, dq=curve.dq, threads=1)
    thicknesses = itertools.cycle([factor * stack.thickness for factor in (1.0, 1.01, 0.99, 1.02, 0.98)])
    _, _, sld, sld_imag, roughness = stack
    inverse_dr = 1.0 / curve.dr

    def run() -> Any:
        thickness = next(thicknesses)
        residual = plan.reflectivity(thickness, sld, sld_imag, roughness)
        residual -= curve.r
        residual *= inverse_dr
        weight = residual * inverse_dr
        weight *= 2.0
        _, gradient = plan.vjp(thickness, sld, sld_imag, roughness, cotangent=weight)
        return residual @ residual, (gradient.thickness, gradient.sld, gradient.roughness)

    return run


def smeared_value(stack: Stack, curve: Curve, resolution: Any = None) -> FloatArray:
    """The smeared curve alone, for the proof of agreement."""
    return ks.reflectivity(*stack, dq=curve.dq if resolution is None else resolution, threads=1)


def repeated_cell(cell: Stack, repeats: int, weight: FloatArray) -> Callable[[], Any]:
    """Reflectivity of a cell repeated many times, and the gradient of sum(weight R) by the cell's own parameters."""
    q, thickness, sld, sld_imag, roughness = cell
    cells = [(0, thickness.size, repeats)]

    def run() -> Any:
        r, gradient = ks.reflectivity_vjp(
            q, thickness, sld, sld_imag, roughness, cotangent=weight, repeats=cells, threads=1
        )
        return r, (gradient.thickness, gradient.sld[1:-1], gradient.sld_imag[1:-1], gradient.roughness[:-1])

    return run


def explicit_cell(cell: Stack, repeats: int, weight: FloatArray) -> Callable[[], Any]:
    """The same with every layer written out; gradients of the copies are summed."""
    n = cell.thickness.size
    thickness = np.tile(cell.thickness, repeats)
    sld, sld_imag = (np.concatenate([x[:1], np.tile(x[1:-1], repeats), x[-1:]]) for x in (cell.sld, cell.sld_imag))
    # the last roughness is that of the backing; between two copies lies the roughness of the cell's first layer
    roughness = np.concatenate([np.tile(cell.roughness[:-1], repeats), cell.roughness[-1:]])

    def run() -> Any:
        r, gradient = ks.reflectivity_vjp(cell.q, thickness, sld, sld_imag, roughness, cotangent=weight, threads=1)
        folded = gradient.thickness.reshape(repeats, n).sum(axis=0)
        inner = (g[1:-1].reshape(repeats, n).sum(axis=0) for g in (gradient.sld, gradient.sld_imag))
        rough = gradient.roughness[:-1].reshape(repeats, n).sum(axis=0)
        return r, (folded, *inner, rough)

    return run
