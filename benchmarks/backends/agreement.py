"""Proof that backends compute the same: a wrong answer is not timed. Each tolerance has its reason beside it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.backends.registry import BACKENDS, OURS, SEVENTEEN
from benchmarks.backends.tasks import FIELDS, Size
from benchmarks.stacks import FloatArray

Digest = Mapping[str, FloatArray]

EPSILON = np.finfo(np.float64).eps
LARGEST_PHASE = 20.0  # Q d of one layer
# Truncation with steps of 1e-4, relative to the largest entry; it falls as the square of the step, which is tested. The
# third derivative of ln R is large where R all but vanishes: 3e-4 for 1 layer x 10 000 points, 1000 layers x 100. Of
# the others the largest are 2e-6 (Jacobian, 1000 layers) and 8e-8.
DIFFERENCES = {"gradient": 1e-3, "jacobian": 1e-5, "smeared": 1e-6}
GROWTH = 10.0  # of roundoff in products of matrices, where reflection is strong; Parratt's recursion has none


def differences(task: str, size: Size, results: Mapping[str, Digest]) -> dict[str, str]:
    """Return the backends whose answers differ by more than is explained, and how."""
    found = {}
    for name, result in results.items():
        reference = results[reference_of(task, name)]
        try:
            _same(task, size, result, reference, exact=BACKENDS[name].derivatives == "exact")
        except AssertionError as error:
            found[name] = "answers differ: " + " ".join(str(error).split())
    if task == "smeared" and size.layers <= 2 and {OURS, SEVENTEEN} <= set(results):
        # 17 nodes miss 5e-4 of the Gaussian, which is 5e-3 of dR, in a sum of signed residuals; in thick stacks they
        # are too few for the fringes
        for name, largest in ((field, np.abs(results[OURS][field]).max()) for field in FIELDS):
            worst = np.abs(results[OURS][name] - results[SEVENTEEN][name]).max()
            if not worst <= 3e-2 * largest:
                found[SEVENTEEN] = f"answers differ: {name} is off by {worst / largest:.1e}, more than 17 nodes explain"
    return found


def reference_of(task: str, name: str) -> str:
    """Whose answer it must be: that of the same quadrature."""
    return SEVENTEEN if task == "smeared" and BACKENDS[name].quadrature == "17 nodes" else OURS


def _same(task: str, size: Size, result: Digest, reference: Digest, *, exact: bool) -> None:
    n = size.layers + 1
    roundoff = GROWTH * EPSILON * LARGEST_PHASE * n  # of the amplitude: the phases add up, and each is rounded
    for name, expected in reference.items():
        found = np.asarray(result[name])
        assert found.shape == expected.shape, f"{name} has shape {found.shape}, not {expected.shape}"
        assert np.all(np.isfinite(found)), f"{name} is not finite"
        if name == "R":
            bound = 2.0 * np.sqrt(np.abs(expected)) * roundoff + roundoff**2
        elif name == "misfit":
            bound = np.abs(expected) * 1e5 * roundoff  # relative errors of R, where |r| is 1e-5 and not 1
        else:
            # the derivative of roundoff is that of R where R is small, 1e5 times
            largest = np.abs(expected).max(axis=-1, keepdims=True) if task == "jacobian" else np.abs(expected).max()
            bound = np.broadcast_to((1e5 * roundoff if exact else DIFFERENCES[task]) * largest, expected.shape)
        excess = np.abs(found - expected) - bound
        worst = np.unravel_index(np.argmax(excess), excess.shape) if excess.size else ()
        pair = f"{found[worst]:.15g}, not {expected[worst]:.15g} within {bound[worst]:.1e}"
        assert not np.any(excess > 0.0), f"{name}{list(map(int, worst))} is {pair}"
