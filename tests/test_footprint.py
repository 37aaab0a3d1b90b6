"""How much of the beam the sample receives: integrals over the profile, refnx, limits, derivatives in 60 digits."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy.integrate import quad

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import FWHM_PER_SIGMA
from reference.differences import derivative

ANGLES = np.array([0.003, 0.05, 0.2, 0.4, 0.9, 3.0, 20.0])
SIGMA, LENGTH = 0.11, 23.0


def gaussian_fraction(sigma, length, angle):
    return mp.erf(length * abs(mp.sin(mp.radians(angle))) / (sigma * mp.sqrt(8)))


def box_fraction(width, length, angle):
    return min(length * abs(mp.sin(mp.radians(angle))) / width, mpf(1))


def gaussian_density(sigma):
    return 1 / (sigma * mp.sqrt(2 * mp.pi))


EXACT = {
    ("gaussian", "fraction"): gaussian_fraction,
    ("gaussian", "over_illumination"): lambda w, length, angle: (
        gaussian_fraction(w, length, angle) / (gaussian_density(w) * length * abs(mp.sin(mp.radians(angle))))
    ),
    ("box", "fraction"): box_fraction,
    ("box", "over_illumination"): lambda w, length, angle: (
        box_fraction(w, length, angle) * w / (length * abs(mp.sin(mp.radians(angle))))
    ),
}


@pytest.mark.parametrize("profile", ["gaussian", "box"])
def test_fraction_is_the_integral_over_what_the_sample_covers(profile):
    width = SIGMA if profile == "gaussian" else 0.3

    def density(z):
        if profile == "gaussian":
            return np.exp(-0.5 * (z / width) ** 2) / (width * np.sqrt(2 * np.pi))
        return float(abs(z) <= width / 2) / width

    footprint = getattr(ks.Footprint, profile)(width, LENGTH)
    for angle in ANGLES:
        half = LENGTH * np.sin(np.radians(angle)) / 2
        breaks = [x for x in (-width / 2, width / 2, -5 * width, 5 * width) if abs(x) < half]
        expected = quad(density, -half, half, points=breaks or None, limit=200)[0]
        assert footprint.fraction(angle) == pytest.approx(expected, rel=1e-9)
        mean_illumination = expected / (2 * half * density(0.0))
        assert footprint.over_illumination(angle) == pytest.approx(mean_illumination, rel=1e-9)


@pytest.mark.parametrize("signs", [1.0, -1.0])
@pytest.mark.parametrize(("profile", "which"), EXACT)
def test_values_and_derivatives_in_60_digits(profile, which, signs):
    width = SIGMA if profile == "gaussian" else 0.3
    footprint = getattr(ks.Footprint, profile)(width, LENGTH)
    value, jacobian = getattr(footprint, f"{which}_jacobian")(signs * ANGLES, offset=0.001)
    np.testing.assert_array_equal(value, getattr(footprint, which)(signs * ANGLES, offset=0.001))
    exact = EXACT[profile, which]
    for i, angle in enumerate(signs * ANGLES):
        row = [mpf(width), mpf(LENGTH), mpf(float(angle)) + mpf(0.001)]
        with mp.workdps(60):
            expected = float(exact(*row))
        # the angle in radians is rounded: 1e-16 of an exponent of up to 500 in the tail of the Gaussian
        assert value[i] == pytest.approx(expected, rel=1e-14)
        for position, name in enumerate(("width", "sample_length", "theta")):

            def along(x, position=position, row=row):
                return exact(*[x if j == position else other for j, other in enumerate(row)])

            slope = float(derivative(along, row[position]))
            assert getattr(jacobian, name)[i] == pytest.approx(slope, rel=2e-13, abs=1e-40), (name, angle)
    assert jacobian.q is None
    assert jacobian.wavelength is None


@pytest.mark.parametrize(("profile", "which"), EXACT)
def test_derivatives_by_q_and_wavelength(profile, which):
    width = SIGMA if profile == "gaussian" else 0.3
    footprint = getattr(ks.Footprint, profile)(width, LENGTH)
    q, waves, offset = np.array([-0.03, 0.004, 0.01, 0.1]), np.array([1.54, 5.0, 2.0, 4.0]), 0.02
    value, jacobian = getattr(footprint, f"{which}_jacobian")(q=q, wavelength=waves, offset=offset)
    same, by_angle = getattr(footprint, f"{which}_jacobian")(ks.Probe.from_q(q, waves, offset=offset).angle)
    np.testing.assert_allclose(value, same, rtol=1e-14)
    np.testing.assert_allclose(jacobian.theta, by_angle.theta, rtol=1e-12)

    def exact(q, wavelength):
        angle = mp.degrees(mp.asin(q * wavelength / (4 * mp.pi))) + mpf(offset)
        return EXACT[profile, which](mpf(width), mpf(LENGTH), angle)

    for i in range(4):
        x, wave = mpf(float(q[i])), mpf(float(waves[i]))
        by_q = float(derivative(lambda x, wave=wave: exact(x, wave), x))
        by_wave = float(derivative(lambda wave, x=x: exact(x, wave), wave))
        assert jacobian.q[i] == pytest.approx(by_q, rel=1e-12, abs=1e-40)
        assert jacobian.wavelength[i] == pytest.approx(by_wave, rel=1e-12, abs=1e-40)


def test_like_refnx():
    general = pytest.importorskip("refnx.util.general", reason="refnx is not installed")
    for fwhm, length in ((0.05, 100.0), (0.6, 20.0), (2.0, 5.0)):
        expected = general.beamfrac(fwhm, length, ANGLES)
        found = ks.Footprint.gaussian_fwhm(fwhm, length).fraction(ANGLES)
        # refnx subtracts 0.5 from the cumulative distribution: 1e-16 absolute
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    reflect_model = pytest.importorskip("refnx.reflect.reflect_model", reason="refnx is not installed")
    expected = reflect_model.Footprint(20.0, 0.6)(ANGLES)
    np.testing.assert_allclose(ks.Footprint.gaussian_fwhm(0.6, 20.0).fraction(ANGLES), expected, rtol=1e-13)


def test_known_angles():
    # the sample's edge at 1 sigma: 68.27 %; a box that is just filled: 1; a sixth of it at sin/6
    at_one_sigma = np.degrees(np.arcsin(2 * SIGMA / LENGTH))
    assert ks.Footprint.gaussian(SIGMA, LENGTH).fraction(at_one_sigma) == pytest.approx(0.6826894921370859, rel=1e-14)
    box = ks.Footprint.box(0.3, LENGTH)
    spill = np.degrees(np.arcsin(0.3 / LENGTH))
    assert box.fraction(1.001 * spill) == 1.0
    assert box.over_illumination(0.999 * spill) == 1.0
    assert box.fraction(np.degrees(np.arcsin(0.05 / LENGTH))) == pytest.approx(1 / 6, rel=1e-14)
    assert box.over_illumination(np.degrees(np.arcsin(0.6 / LENGTH))) == pytest.approx(0.5, rel=1e-14)


def test_fwhm_is_kept_as_sigma():
    footprint = ks.Footprint.gaussian_fwhm(FWHM_PER_SIGMA * SIGMA, LENGTH)
    assert footprint.width == pytest.approx(SIGMA, rel=1e-15)
    assert footprint.profile == "gaussian"
    np.testing.assert_allclose(footprint.fraction(ANGLES), ks.Footprint.gaussian(SIGMA, LENGTH).fraction(ANGLES))


@pytest.mark.parametrize("profile", ["gaussian", "box"])
def test_zero_angle(profile):
    footprint = getattr(ks.Footprint, profile)(0.2, LENGTH)
    value, jacobian = footprint.fraction_jacobian([0.0, -0.0])
    np.testing.assert_array_equal(value, 0.0)
    peak = 1 / (0.2 * np.sqrt(2 * np.pi)) if profile == "gaussian" else 1 / 0.2
    np.testing.assert_allclose(jacobian.theta, peak * LENGTH * np.pi / 180, rtol=1e-14)  # towards positive angles
    np.testing.assert_array_equal(jacobian.width, 0.0)
    np.testing.assert_array_equal(jacobian.sample_length, 0.0)
    value, jacobian = footprint.over_illumination_jacobian([0.0, -0.0])
    np.testing.assert_array_equal(value, 1.0)
    assert not any(np.any(field) for field in jacobian[:3])
    assert footprint.fraction(q=0.0, wavelength=5.0) == 0.0


def test_small_angles_lose_no_digits():
    angles = 10.0 ** np.linspace(-12, -1, 40)
    _, jacobian = ks.Footprint.gaussian(SIGMA, LENGTH).over_illumination_jacobian(angles)
    for i, angle in enumerate(angles):
        exact = derivative(lambda x: EXACT["gaussian", "over_illumination"](mpf(SIGMA), mpf(LENGTH), x), float(angle))
        # differences of a function that is 1 - 1e-24: 60 digits less 18 of the step leave 18
        assert jacobian.theta[i] == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize("profile", ["gaussian", "box"])
def test_infinite_sample_takes_all_of_the_beam(profile):
    footprint = getattr(ks.Footprint, profile)(0.2, [np.inf, LENGTH])
    value, jacobian = footprint.fraction_jacobian([[0.0], [0.05], [-3.0]])
    np.testing.assert_array_equal(value[:, 0], 1.0)
    assert 0.0 < value[1, 1] < 1.0
    for field in jacobian[:3]:
        np.testing.assert_array_equal(field[:, 0], 0.0)
        assert np.isfinite(field).all()
    # the limit of long samples
    long = getattr(ks.Footprint, profile)(0.2, 1e9).fraction(0.05)
    assert long == 1.0
    with pytest.raises(InvalidValueError, match=r"^Footprint\.over_illumination: sample_length must be finite"):
        footprint.over_illumination(0.1)


def test_extremes_are_finite():
    for profile in ("gaussian", "box"):
        for width, length in ((1e-150, 1e150), (1e150, 1e-150), (1e-300, 1.0)):
            footprint = getattr(ks.Footprint, profile)(width, length)
            for which in ("fraction", "over_illumination"):
                value, jacobian = getattr(footprint, f"{which}_jacobian")([1e-3, 1.0, 90.0])
                assert np.isfinite(value).all()
                assert ((value >= 0.0) & (value <= 1.0)).all()
                assert all(np.isfinite(field).all() for field in jacobian[:3])


def test_one_width_per_point_as_slits_that_open_with_the_angle():
    angles = np.array([0.2, 0.4, 0.8])
    footprint = ks.Footprint.gaussian(0.05 * angles, 10.0)
    fraction, jacobian = footprint.fraction_jacobian(angles)
    assert fraction.shape == jacobian.width.shape == (3,)
    np.testing.assert_allclose(fraction, fraction[0], rtol=1e-4)  # but for sin against its argument
    assert footprint.fraction(angles[:, np.newaxis]).shape == (3, 3)


def test_reflectivity_s_derivative_by_the_offset():
    q, wavelength, stack = np.linspace(-0.02, 0.2, 45), 1.54, ([200.0], [0.0, 30.0, 20.0], 1.0, 4.0)
    footprint = ks.Footprint.gaussian(0.05, 10.0)

    def intensity(offset):
        factor = footprint.fraction(q=q, wavelength=wavelength, offset=offset)
        return factor * ks.reflectivity(ks.shifted_q(q, wavelength, offset), *stack)

    fraction, factor = footprint.fraction_jacobian(q=q, wavelength=wavelength, offset=0.004)
    shifted, shift = ks.shifted_q_jacobian(q, wavelength, 0.004)
    r, jacobian = ks.reflectivity_jacobian(shifted, *stack)
    slope = fraction * jacobian.q * shift.offset + factor.theta * r
    h = 1e-6
    numeric = (intensity(0.004 + h) - intensity(0.004 - h)) / (2 * h)
    # roundoff 1e-16 / h, truncation (h dQ/dh d)²
    np.testing.assert_allclose(slope, numeric, rtol=1e-5, atol=1e-8)


def test_cannot_be_changed_and_survives_copies():
    length = np.array([10.0, 20.0])
    footprint = ks.Footprint.box(0.3, length)
    length[:] = 1.0
    footprint.sample_length[:] = 1.0
    np.testing.assert_array_equal(footprint.sample_length, [10.0, 20.0])
    for other in (copy.deepcopy(footprint), pickle.loads(pickle.dumps(footprint))):
        np.testing.assert_array_equal(other.fraction(0.3), footprint.fraction(0.3))
    assert repr(footprint) == "Footprint.box(width=0.3, sample_length=<2 values>)"
    assert repr(ks.Footprint.gaussian(0.1, np.inf)) == "Footprint.gaussian(sigma=0.1, sample_length=inf)"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: ks.Footprint(), InvalidValueError, r"^Footprint: the beam's profile must be chosen; use Footprint\.g"),
        (
            lambda: ks.Footprint.gaussian(0.0, 10.0),
            InvalidValueError,
            r"^Footprint\.gaussian: sigma must be finite and positive; sigma = 0\.0",
        ),
        (lambda: ks.Footprint.gaussian_fwhm(-1.0, 10.0), InvalidValueError, "fwhm must be finite and pos.*; fwhm = -1"),
        (lambda: ks.Footprint.box(np.inf, 10.0), InvalidValueError, "width must be finite and positive"),
        (
            lambda: ks.Footprint.box(0.1, 0.0),
            InvalidValueError,
            r"sample_length must be positive; sample_length = 0\.0",
        ),
        (lambda: ks.Footprint.box(0.1, np.nan), InvalidValueError, "sample_length = nan"),
        (lambda: ks.Footprint.box([0.1, 0.2], [1.0, 2.0, 3.0]), ShapeError, r"width \(2,\), sample_length \(3,\)"),
        (lambda: ks.Footprint.box(0.1, 1.0).fraction(), InvalidValueError, "theta, or both q and .*; got none of them"),
        (lambda: ks.Footprint.box(0.1, 1.0).fraction(q=0.1), InvalidValueError, "got q$"),
        (lambda: ks.Footprint.box(0.1, 1.0).fraction(0.1, q=0.1), InvalidValueError, "got theta and q$"),
        (
            lambda: ks.Footprint.box(0.1, 1.0).fraction(0.1, wavelength=5.0),
            InvalidValueError,
            "got theta and wavelength$",
        ),
        (
            lambda: ks.Footprint.box(0.1, 1.0).fraction(q=3.0, wavelength=5.0),
            InvalidValueError,
            r"^Footprint\.fraction: q must be at most 4 pi / wavelength",
        ),
        (lambda: ks.Footprint.box(0.1, 1.0).fraction(np.nan), InvalidValueError, "theta must be in"),
        (lambda: ks.Footprint.box([0.1, 0.2], 1.0).fraction([1.0, 2.0, 3.0]), ShapeError, r"the angle \(3,\)"),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call()
