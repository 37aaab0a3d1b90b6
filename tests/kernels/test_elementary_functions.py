"""The kernels' own exp, logarithm, sine and cosine against 40 digits, in units in the last place."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp

from kiessig import _core

COUNT = 4000


def ulps(found, exact):
    """How far off, in units in the last place of the exact value."""
    with mp.workdps(40):
        return np.array(
            [float(abs(mp.mpf(f) - e) / mp.mpf(np.spacing(abs(float(e))))) for f, e in zip(found, exact, strict=True)]
        )


@pytest.fixture(scope="module")
def angles():
    rng = np.random.default_rng(1)
    # 2 k d reaches 1e8 for layers of 1e7 angstrom at Q = 10; half of the angles lie next to multiples of pi/2
    spread = rng.choice([-1.0, 1.0], COUNT) * 10.0 ** rng.uniform(-8, 8.3, COUNT)
    with mp.workdps(60):
        near = [float(int(k) * mp.pi / 2) for k in 10.0 ** rng.uniform(0, 8, COUNT)]
    return np.concatenate([spread, near, [0.0, 1e8, -1e8]])


def exact(function, x):
    with mp.workdps(60):
        return [function(mp.mpf(v)) for v in x]


def test_exponential():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-340, 80, COUNT), rng.uniform(-1, 1, COUNT), [0.0, -340.0, 80.0]])
    found = _core.elementary_functions(x)[0]
    assert ulps(found, exact(mp.exp, x)).max() <= 2


def test_exponential_vanishes_far_below():
    found = _core.elementary_functions(np.array([-341.0, -1e3, -1e300]))[0]
    assert (found == 0).all()


def test_logarithm():
    rng = np.random.default_rng(3)
    extremes = [
        5e-324,
        2.2e-308,
        2.3e-308,
        1.7976931348623157e308,
        0.5,
        2.0,
        np.sqrt(0.5),
        np.sqrt(2.0),
        np.nextafter(1, 2),
    ]
    x = np.concatenate([10.0 ** rng.uniform(-320, 308, COUNT), rng.uniform(0.3, 3.0, COUNT), extremes])
    found = _core.elementary_functions(x)[1]
    assert ulps(found, exact(mp.log, x)).max() <= 1
    assert _core.elementary_functions(np.array([1.0, -1.0]))[1].tolist() == [0.0, 0.0]


def test_logarithm_outside_its_domain_is_nan():
    assert np.isnan(_core.elementary_functions(np.array([0.0, np.inf, np.nan]))[1]).all()


def test_sine_and_cosine(angles):
    _, _, sine, cosine, _ = _core.elementary_functions(angles)
    nonzero = angles != 0
    assert sine[~nonzero] == [0.0]
    assert ulps(sine[nonzero], exact(mp.sin, angles[nonzero])).max() <= 2
    assert ulps(cosine, exact(mp.cos, angles)).max() <= 2


def test_half_angle_form(angles):
    twice = _core.elementary_functions(angles)[4]
    wanted = np.array([float(v) for v in exact(lambda x: mp.cos(2 * x), angles)])
    np.testing.assert_allclose(twice, wanted, rtol=0, atol=1e-15)  # phase 5e-16, and a few roundings of the quotient
