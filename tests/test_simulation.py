"""Simulated measurements: the right curve, with noise of the size that they state."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError
from kiessig.simulation import simulate

Q = np.geomspace(0.01, 0.2, 2000)
SAMPLE = ks.Layer(sld=0) | ks.Layer(100, sld=3.47, roughness=3) | ks.Layer(sld=2.07, roughness=3)


def curve(dq: np.ndarray | None = None) -> np.ndarray:
    return ks.reflectivity(Q, *SAMPLE.slabs(), scale=0.9, background=1e-6, dq=dq)


def test_counting_noise_has_the_variance_of_its_mean() -> None:
    incident = 1e7 * (Q / Q[0])
    data = simulate(Q, SAMPLE, scale=0.9, background=1e-6, counts=incident, seed=1)
    expected = curve() * incident
    np.testing.assert_allclose(data.dr, np.sqrt(expected) / incident, rtol=1e-14)  # roundoff
    np.testing.assert_allclose(data.r * incident, np.rint(data.r * incident), atol=1e-6)  # whole counts, to roundoff
    pulls = (data.r - curve()) / data.dr
    # of 2000 pulls: mean 0 +- 1/sqrt(2000), variance 1 +- sqrt(2/2000) and the little that Poisson adds; 4 sigma
    assert abs(pulls.mean()) < 4 * 0.0224
    assert abs(pulls.var() - 1.0) < 4 * 0.04


def test_points_without_counts_keep_their_uncertainty() -> None:
    data = simulate(Q, SAMPLE, background=1e-9, counts=1e3, seed=1)
    empty = data.r == 0.0
    assert empty.sum() > 100
    assert (data.dr[empty] > 0.0).all()


def test_relative_noise() -> None:
    data = simulate(Q, SAMPLE, scale=0.9, background=1e-6, relative_error=0.05, seed=1)
    np.testing.assert_allclose(data.dr, 0.05 * curve(), rtol=1e-14)  # roundoff
    pulls = (data.r - curve()) / data.dr
    assert abs(pulls.mean()) < 4 * 0.0224  # as above
    assert abs(pulls.var() - 1.0) < 4 * 0.0316


def test_resolution_smears_and_is_kept_as_sigma() -> None:
    data = simulate(Q, SAMPLE, scale=0.9, background=1e-6, resolution=ks.Resolution.constant(0.05), counts=1e12, seed=1)
    np.testing.assert_allclose(data.dq, 0.05 * Q, rtol=1e-15)
    np.testing.assert_allclose(data.r, curve(0.05 * Q), atol=6 * data.dr.max())  # 6 sigma of the noise
    assert np.abs(data.r - curve()).max() > 100 * data.dr.max()


def test_the_same_seed_gives_the_same_noise() -> None:
    first, again, other = (simulate(Q, SAMPLE, counts=1e6, background=1e-6, seed=seed).r for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "one of counts and relative_error is required; got neither"),
        ({"counts": 1.0, "relative_error": 0.1}, "got both"),
        ({"counts": 0.0}, "counts must be finite and positive"),
        ({"counts": np.nan}, "counts must be finite and positive"),
        ({"relative_error": -0.1}, "relative_error must be positive"),
        ({"counts": 1.0, "background": -1.0}, "the curve must be positive to have noise"),
    ],
)
def test_bad_arguments(arguments: dict[str, float], reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        simulate(Q, SAMPLE, **arguments)
