"""The demonstration: it finds what it simulated, at the default seed and at others."""

from __future__ import annotations

import numpy as np

from kiessig.demo import Demo, run_demo


def pulls(demo: Demo) -> np.ndarray:
    truth = np.array([demo.truth[name] for name in demo.result.names])
    return (demo.result.x - truth) / demo.result.stderr


def test_default_seed() -> None:
    demo = run_demo(progress=False)
    assert demo.result.success
    assert (np.abs(pulls(demo)) < 3.0).all()
    assert abs(demo.result.chi2_per_point - 1.0) < 0.2  # sqrt(2 / 250) = 0.09


def test_starts_from_values_that_are_wrong() -> None:
    demo = run_demo(progress=False)
    assert demo.start.keys() == demo.truth.keys()
    before = demo.problem.chi2([demo.start[name] for name in demo.result.names])
    assert before > 1000 * demo.result.chi2


def test_leaves_the_fitted_values_in_the_problem() -> None:
    demo = run_demo(progress=False)
    np.testing.assert_array_equal(demo.problem.x, demo.result.x)


def test_uncertainties_are_honest_over_seeds() -> None:
    demos = [run_demo(seed, progress=False) for seed in range(30)]
    assert all(demo.result.success for demo in demos)
    found = np.array([pulls(demo) for demo in demos])
    assert len(np.unique(found[:, 0])) == 30
    # 180 pulls of six parameters: their root mean square is 1 +- 1/sqrt(360) if all were independent; 5 of that.
    # A scale of the noise wrong by sqrt(2) gives 0.7 or 1.4.
    assert abs(np.sqrt((found**2).mean()) - 1.0) < 5 * 0.053
    assert np.abs(found).max() < 4.5  # one in 150 000 is beyond, and there are 180
    spread = np.array([demo.result.chi2_per_point for demo in demos])
    assert abs(spread.mean() - 244 / 250) < 5 * np.sqrt(2 / 250 / 30)  # mean over 30 of a sum of 250 squares
