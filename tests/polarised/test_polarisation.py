"""Efficiencies of polarisers, analysers and flippers."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import matrix, mp, mpf

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError

DEVICES = ("polariser", "polariser_flipper", "analyser", "analyser_flipper")


def random_channels(rng, *shape):
    return ks.Channels(*rng.uniform(0.0, 1.0, (4, *shape)))


def by_counting(values, channels, one=1.0):
    """Intensities, neutron by neutron: what each device does to each spin, summed over all histories."""
    p, f, a, g = (values[name] for name in DEVICES)
    intensities = []
    for first in (0, 1):
        for second in (0, 1):
            total = 0 * one
            for born, chance in ((0, p), (1, one - p)):
                for flipped in (0, 1):
                    turn = (f if flipped else one - f) if first else (0 * one if flipped else one)
                    incident = born ^ flipped
                    for scattered in (0, 1):
                        for flipped_again in (0, 1):
                            turn_again = (
                                (g if flipped_again else one - g) if second else (0 * one if flipped_again else one)
                            )
                            passes = a if scattered ^ flipped_again == 0 else one - a
                            r = channels[2 * incident + scattered]
                            total = total + chance * turn * r * turn_again * passes
            intensities.append(total)
    return intensities


def test_perfect_devices_change_nothing():
    channels = random_channels(np.random.default_rng(121), 7)
    for found in (ks.Efficiencies().mix(channels), ks.Efficiencies().correct(channels)):
        np.testing.assert_array_equal(found, channels)


def test_closed_forms():
    channels = ks.Channels(0.9, 0.2, 0.1, 0.4)
    # nothing but an imperfect polariser: a mix of the incident spins
    mixed = ks.Efficiencies(polariser=0.8).mix(channels)
    np.testing.assert_allclose(
        mixed, [0.8 * 0.9 + 0.2 * 0.1, 0.8 * 0.2 + 0.2 * 0.4, 0.74 - 0.7 + 0.22, 0.36], rtol=1e-14
    )
    # a flipper that never flips measures the first state twice
    mixed = ks.Efficiencies(polariser_flipper=0.0).mix(channels)
    np.testing.assert_allclose(mixed, [0.9, 0.2, 0.9, 0.2])
    # no analyser: half the sum over scattered spins, whatever its flipper does
    mixed = ks.Efficiencies(analyser=0.5, analyser_flipper=0.3).mix(channels)
    np.testing.assert_allclose(mixed, [0.55, 0.55, 0.25, 0.25], rtol=1e-14)
    # no polarisation anywhere: a quarter of everything
    mixed = ks.Efficiencies(polariser=0.5, analyser=0.5).mix(channels)
    np.testing.assert_allclose(mixed, 0.4, rtol=1e-14)
    # a polariser of the other spin
    np.testing.assert_allclose(ks.Efficiencies(polariser=0.0).mix(channels), [0.1, 0.4, 0.9, 0.2], rtol=1e-14)


def test_flipping_ratio_of_a_sample_that_does_not_flip():
    # with polarisations P and A the ratio of flippers off-off to off-on is (1 + PA)/(1 − PA) for a perfect flipper
    p, a = 0.97, 0.93
    mixed = ks.Efficiencies(polariser=p, analyser=a).mix(ks.Channels(1.0, 0.0, 0.0, 1.0))
    product = (2 * p - 1) * (2 * a - 1)
    np.testing.assert_allclose(mixed.pp / mixed.pm, (1 + product) / (1 - product), rtol=1e-13)


def test_random_devices_against_counting_neutrons():
    rng = np.random.default_rng(122)
    for _ in range(20):
        values = dict(zip(DEVICES, rng.uniform(0.0, 1.0, 4), strict=True))
        channels = random_channels(rng)
        with mp.workdps(40):
            exact = by_counting(
                {name: mpf(value) for name, value in values.items()}, [mpf(float(r)) for r in channels], mpf(1)
            )
        # all terms are positive: a few roundings
        np.testing.assert_allclose(ks.Efficiencies(**values).mix(channels), [float(x) for x in exact], rtol=1e-14)


def test_correction_against_forty_digits():
    rng = np.random.default_rng(123)
    for _ in range(10):
        values = dict(zip(DEVICES, rng.uniform(0.8, 1.0, 4), strict=True))
        intensities = random_channels(rng)
        with mp.workdps(40):
            exact_values = {name: mpf(value) for name, value in values.items()}
            columns = [by_counting(exact_values, [mpf(int(i == j)) for i in range(4)], mpf(1)) for j in range(4)]
            mix = matrix(columns).T
            exact = mp.lu_solve(mix, matrix([mpf(float(x)) for x in intensities]))
        # the mix of such devices has a condition of less than 20
        found = ks.Efficiencies(**values).correct(intensities)
        np.testing.assert_allclose(found, [float(x) for x in exact], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(), (5,), (2, 5)])
def test_round_trip(shape):
    rng = np.random.default_rng(124)
    devices = ks.Efficiencies(rng.uniform(0.8, 1.0, 5 if shape else ()), 0.98, 0.05, rng.uniform(0.9, 1.0, shape))
    channels = random_channels(rng, *shape)
    np.testing.assert_allclose(devices.correct(devices.mix(channels)), channels, rtol=1e-12)
    np.testing.assert_allclose(devices.mix(devices.correct(channels)), channels, rtol=1e-12)


def test_jacobian_against_complex_step():
    rng = np.random.default_rng(125)
    values = {name: rng.uniform(0.6, 1.0, 5) for name in DEVICES}
    channels = random_channels(rng, 5)
    mixed, jacobian = ks.Efficiencies(**values).mix_jacobian(channels)
    np.testing.assert_array_equal(mixed, ks.Efficiencies(**values).mix(channels))
    step = 1e-30  # intensities are polynomials: the imaginary part is the derivative to the last digit
    for name in DEVICES:
        exact = by_counting({**values, name: values[name] + 1j * step}, channels)
        np.testing.assert_allclose(getattr(jacobian, name), np.imag(exact) / step, rtol=1e-13, atol=1e-15)


def test_transpose():
    rng = np.random.default_rng(126)
    devices = ks.Efficiencies(*rng.uniform(0.5, 1.0, (4, 6)))
    channels, weights = random_channels(rng, 6), random_channels(rng, 6)
    np.testing.assert_allclose(
        np.sum(np.array(devices.mix(channels)) * weights),
        np.sum(np.array(devices.mix_transposed(weights)) * channels),
        rtol=1e-13,
    )


def test_scale_and_background_pass_through():
    rng = np.random.default_rng(127)
    devices = ks.Efficiencies(*rng.uniform(0.0, 1.0, 4))
    channels = random_channels(rng, 3)
    moved = ks.Channels(*(2.5 * np.array(channels) + 0.3))
    np.testing.assert_allclose(devices.mix(moved), 2.5 * np.array(devices.mix(channels)) + 0.3, rtol=1e-14)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("value", [-1e-9, 1.0 + 1e-9, np.nan, np.inf])
def test_outside_their_domain(name, value):
    with pytest.raises(InvalidValueError, match=rf"^Efficiencies: {name} must be between 0 and 1; {name}\[1\] = "):
        ks.Efficiencies(**{name: [0.9, value]})
    with pytest.raises(InvalidValueError, match=rf"{name} = "):
        ks.Efficiencies(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("polariser", 0.5), ("analyser", 0.5), ("polariser_flipper", 0), ("analyser_flipper", 0)]
)
def test_what_cannot_be_corrected(name, value):
    devices = ks.Efficiencies(**{name: [0.9, value]})
    devices.mix(ks.Channels(1.0, 0.0, 0.0, 1.0))
    with pytest.raises(InvalidValueError, match=rf"^Efficiencies\.correct: {name} must be .*; {name}\[1\] = "):
        devices.correct(ks.Channels(1.0, 0.0, 0.0, 1.0))


def test_bad_channels():
    devices = ks.Efficiencies(polariser=[0.9, 0.8])
    with pytest.raises(InvalidValueError, match=r"^Efficiencies\.mix: channels must be kiessig\.Channels.*; got tuple"):
        devices.mix((1.0, 0.0, 0.0, 1.0))
    with pytest.raises(InvalidValueError, match=r"^Efficiencies\.correct: mp must be finite; mp\[1\] = nan"):
        devices.correct(ks.Channels(1.0, 0.0, [0.0, np.nan], 1.0))
    with pytest.raises(InvalidValueError, match=r"^Efficiencies\.mix: pm must be an array of real numbers"):
        devices.mix(ks.Channels(1.0, "x", 0.0, 1.0))
    with pytest.raises(ShapeError, match=r"must broadcast; got mm \(3,\), polariser \(2,\)"):
        devices.mix(ks.Channels(1.0, 0.0, 0.0, [1.0, 1.0, 1.0]))


def test_efficiencies_are_kept_apart_from_what_was_given():
    given = np.array([0.9, 0.8])
    devices = ks.Efficiencies(given)
    given[:] = 0.0
    devices.polariser[:] = 0.0
    np.testing.assert_array_equal(devices.polariser, [0.9, 0.8])
    assert "polariser=array([0.9, 0.8])" in repr(devices)
