"""Value and Jacobian beside refnx's C kernel, single thread, on the same stacks in one run.

Run from the root of the source tree with the extra `bench` installed: ``python -m benchmarks``.
"""

from __future__ import annotations

import platform

import numpy as np
from refnx.reflect import _creflect

import kiessig as ks
from benchmarks.cases import Case, cases
from benchmarks.timing import side_by_side


def ours(case: Case) -> tuple[object, ...]:
    return (case.q, case.thickness, case.sld, case.sld_imag, case.roughness)


def assert_same_answer(case: Case) -> None:
    """Value against refnx, Jacobian against central differences of the value: a wrong answer is not timed."""
    reference = _creflect.abeles(case.q, case.slabs, threads=1)
    # refnx's matrix products cancel where |V| is small: its own error is some 1e-16 n / |V|, |V| >= 1e-5 here
    np.testing.assert_allclose(ks.reflectivity(*ours(case)), reference, rtol=1e-9)
    r, jacobian = ks.reflectivity_jacobian(*ours(case))
    step = 1e-4
    for layer in {0, case.thickness.size - 1}:
        moved = np.zeros_like(case.thickness)
        moved[layer] = step
        low, high = (ks.reflectivity(case.q, case.thickness + sign * moved, *ours(case)[2:]) for sign in (-1.0, 1.0))
        # truncation (step / d)^2 and cancellation 1e-16 R / step, against the size of R per angstrom
        np.testing.assert_allclose(
            jacobian.thickness[:, layer], (high - low) / (2 * step), atol=1e-6 * r.max(), rtol=1e-4
        )


def main() -> None:
    """Print one line per case: medians, the range of the middle 80 %, and ratios to refnx."""
    print(f"kiessig {ks.__version__}, Python {platform.python_version()}, numpy {np.__version__}, one thread")
    print(f"{'case':32} {'refnx C':>20} {'value':>20} {'value + Jacobian':>20} {'value x':>9} {'Jacobian x':>11}")
    for case in cases():
        assert_same_answer(case)
        slabs = case.slabs
        times = side_by_side(
            {
                "refnx": lambda: _creflect.abeles(case.q, slabs, threads=1),  # noqa: B023 - used within the turn
                "value": lambda: ks.reflectivity(*ours(case), threads=1),  # noqa: B023
                "jacobian": lambda: ks.reflectivity_jacobian(*ours(case), threads=1),  # noqa: B023
            }
        )
        cells = [f"{t.median * 1e6:8.1f} [{t.low * 1e6:.0f}-{t.high * 1e6:.0f}] us" for t in times.values()]
        ratios = [times["refnx"].median / times[name].median for name in ("value", "jacobian")]
        print(f"{case.name:32} " + " ".join(f"{cell:>20}" for cell in cells) + f" {ratios[0]:8.1f}x {ratios[1]:10.1f}x")


if __name__ == "__main__":
    main()
