"""Proofs that contenders compute the same: a wrong answer is not timed. Each tolerance has its reason beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import kiessig as ks
from benchmarks.kernels import ours
from benchmarks.stacks import Curve, FloatArray, Stack

Results = Mapping[str, Any]


def same_curve(results: Results, ours: str = "kiessig", rival: str = "refnx C") -> None:
    # A product of transfer matrices cancels where |V| is small: its own error is some 1e-16 n / |V|, and |V| >= 1e-5
    # in all these stacks.
    np.testing.assert_allclose(np.asarray(results[ours]), np.asarray(results[rival]), rtol=1e-9)


def same_curves(names: tuple[str, ...]) -> Callable[[Results], None]:
    """Every rival that is there against ours."""

    def agree(results: Results) -> None:
        for name in names:
            if name in results:
                same_curve(results, rival=name)

    return agree


def curve_and_jacobian(stack: Stack, *, absorbing: bool) -> Callable[[Results], None]:
    """The curve against refnx; the Jacobian against differences along a random direction that moves every parameter."""
    rng = np.random.default_rng(7)
    direction = {name: rng.standard_normal(getattr(stack, name).shape) for name in ("thickness", "sld", "roughness")}
    if absorbing:
        direction["sld_imag"] = rng.standard_normal(stack.sld_imag.shape)
        direction["sld_imag"][0] = 0.0  # the fronting's absorption is ignored, and may not become negative
    step = 1e-4

    def moved(sign: float) -> FloatArray:
        inputs = {name: getattr(stack, name) + sign * step * along for name, along in direction.items()}
        return ks.reflectivity(**{**stack._asdict(), **inputs}, threads=1)

    def agree(results: Results) -> None:
        same_curve(results, "value")
        r, jacobian = results["value and Jacobian"]
        np.testing.assert_allclose(r, results["value"], rtol=1e-12)  # another order of the same operations
        slope = sum(getattr(jacobian, name) @ along for name, along in direction.items())
        difference = (moved(1.0) - moved(-1.0)) / (2.0 * step)
        # truncation: (step Q n)^2 relative, 1e-7 at most; cancellation: 1e-15 R / step
        np.testing.assert_allclose(slope, difference, rtol=1e-5, atol=1e-6 * np.abs(difference).max())

    return agree


def same_gradients(tolerances: Mapping[str, float]) -> Callable[[Results], None]:
    """Value and gradient by fields, against rivals that are there; relative to the largest entry of a field."""

    def agree(results: Results) -> None:
        value, gradient = results["kiessig"]
        for name, tolerance in tolerances.items():
            if name not in results:
                continue
            other_value, other_gradient = results[name]
            np.testing.assert_allclose(value, float(other_value), rtol=tolerance)
            for mine, other in zip(gradient, other_gradient, strict=True):
                other = np.asarray(other)
                np.testing.assert_allclose(mine, other, rtol=0.0, atol=tolerance * np.abs(other).max())

    return agree


def same_jacobian(results: Results) -> None:
    _, mine = results["kiessig"]
    fields = (mine.thickness, mine.sld, mine.roughness, mine.sld_imag)
    for name in ("JAX jacfwd", "JAX grad by points"):
        if name not in results:
            continue
        for field, other in zip(fields, results[name], strict=True):
            largest = np.abs(other).max(axis=1, keepdims=True)
            # the rival's cancellation, as for the curve; the fronting's own absorption has no derivative in either
            np.testing.assert_allclose(field / largest, other / largest, rtol=0.0, atol=1e-8)


def same_smeared_fit(stack: Stack, curve: Curve) -> Callable[[Results], None]:
    """With refnx's own 17 nodes to rounding; with our nodes to what 17 nodes that miss 5e-4 of the Gaussian explain."""
    refnx = ks.Resolution.refnx(curve.dq)

    def agree(results: Results) -> None:
        # differences: truncation and cancellation of steps of 1e-4 in a sum of 1000 squares of order 1
        same_gradients({"JAX": 1e-8, "refnx C": 1e-5})({**results, "kiessig": results["kiessig, 17 nodes"]})
        exact = ours.smeared_value(stack, curve)
        # weights that sum to 0.999535, and the kink of R at the critical edge between two of the 17 nodes
        np.testing.assert_allclose(ours.smeared_value(stack, curve, refnx), exact, rtol=3e-3)
        same_gradients({"kiessig, 17 nodes": 3e-2})(results)  # 5e-4 of R is 5e-3 of dR, in a sum of signed residuals
        same_gradients({"kiessig, Plan": 1e-3})(results)  # both are within 1e-5 of R, which is 1e-4 of dR

    return agree


def same_numbers(results: Results) -> None:
    # sums run in an order that does not depend on the number of threads
    first, *others = results.values()
    for other in others:
        np.testing.assert_array_equal(first, other)


def same_cell(results: Results) -> None:
    r, gradient = results["kiessig"]
    explicit_r, explicit = results["4000 layers"]
    # 4000 steps of rounding, amplified where the stack is at a Bragg peak
    np.testing.assert_allclose(r, explicit_r, rtol=1e-9, atol=1e-12)
    for mine, other in zip(gradient, explicit, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0.0, atol=1e-7 * np.abs(other).max())


def same_channels(results: Results) -> None:
    """All four channels against refl1d's, and those of our Jacobian."""
    ours = np.array(results["value"])
    np.testing.assert_allclose(np.array(results["value and Jacobian"][0]), ours, rtol=1e-11)  # another order of sums
    if "refl1d" in results:
        # it adds 1e-10 of absorption to every medium, the fronting included
        np.testing.assert_allclose(ours, np.array(results["refl1d"]), rtol=1e-7)


def same_collinear(results: Results) -> None:
    """The two channels without flip are the scalar ones."""
    channels, scalar = results["kiessig"], results["two scalar runs"]
    np.testing.assert_allclose(np.array([channels.pp, channels.mm]), np.array(scalar), rtol=1e-12)
    assert not np.any(channels.pm)
    assert not np.any(channels.mp)
