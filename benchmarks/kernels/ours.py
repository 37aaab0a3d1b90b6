"""Our side of every case, through the public functions, on one thread unless said otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import kiessig as ks
from benchmarks.stacks import Curve, FloatArray, MagneticStack, Stack


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
    """Sum of squared differences of ln R, and its gradient."""
    q, thickness, sld, sld_imag, roughness = stack

    def run() -> Any:
        value, gradient = ks.reflectivity_misfit(
            q, thickness, sld, sld_imag, roughness, r=curve.r, misfit="log", threads=1
        )
        fields = (gradient.thickness, gradient.sld, gradient.roughness)
        return value, (*fields, gradient.sld_imag) if absorbing else fields

    return run


def smeared_chi2(stack: Stack, curve: Curve, resolution: Any = None) -> Callable[[], Any]:
    """Chi-squared of the smeared curve, and its gradient.

    `resolution` None smears to the library's bounded error.
    """
    q, thickness, sld, sld_imag, roughness = stack
    dq = curve.dq if resolution is None else resolution

    def run() -> Any:
        value, gradient = ks.reflectivity_misfit(
            q, thickness, sld, sld_imag, roughness, r=curve.r, dr=curve.dr, dq=dq, threads=1
        )
        return value, (gradient.thickness, gradient.sld, gradient.roughness)

    return run


def planned_chi2(stack: Stack, curve: Curve) -> Callable[[], Any]:
    """The same with a Plan, which remembers where smearing placed its nodes.

    A plan gains nothing from being asked the same twice in a fit, so thicknesses move by up to 2 % from call to call;
    the first call is at the stack itself.
    """
    plan = ks.Plan(stack.q, dq=curve.dq, threads=1)
    thicknesses = itertools.cycle([factor * stack.thickness for factor in (1.0, 1.01, 0.99, 1.02, 0.98)])
    _, _, sld, sld_imag, roughness = stack

    def run() -> Any:
        value, gradient = plan.misfit(next(thicknesses), sld, sld_imag, roughness, r=curve.r, dr=curve.dr)
        return value, (gradient.thickness, gradient.sld, gradient.roughness)

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


def polarised(stack: MagneticStack) -> Callable[[], ks.Channels]:
    """Four channels of a magnetic stack."""
    return lambda: ks.polarised_reflectivity(**stack._asdict(), guide_angle=270.0, threads=1)


def polarised_jacobian(stack: MagneticStack) -> Callable[[], Any]:
    """Four channels and their derivatives with respect to every input."""
    return lambda: ks.polarised_reflectivity_jacobian(**stack._asdict(), guide_angle=270.0, threads=1)


def two_scalar_runs(stack: MagneticStack) -> Callable[[], Any]:
    """The two channels of a stack that is magnetised along the guide field, as nuclear stacks."""
    nuclear = (stack.sld_imag, stack.roughness)

    def run() -> Any:
        return [
            ks.reflectivity(stack.q, stack.thickness, stack.sld + sign * stack.sld_magnetic, *nuclear, threads=1)
            for sign in (1.0, -1.0)
        ]

    return run
