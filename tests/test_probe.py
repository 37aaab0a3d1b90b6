"""Angle and wavelength to Q and its spread: formulas in 40 digits, refl1d, limits, and chains to the reflectivity."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from mpmath import mp, mpf

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import FWHM_PER_SIGMA
from reference.differences import derivative

FIELDS = ("theta", "wavelength", "offset", "dtheta", "dwavelength")


def exact_q(theta, wavelength, offset, dtheta, dwavelength):
    return 4 * mp.pi / wavelength * mp.sin(mp.radians(theta + offset))


def exact_dq(theta, wavelength, offset, dtheta, dwavelength):
    """The partial derivatives of Q, each times its width, in quadrature."""
    by_angle = derivative(lambda x: exact_q(x, wavelength, offset, 0, 0), theta)
    by_wavelength = derivative(lambda x: exact_q(theta, x, offset, 0, 0), wavelength)
    return mp.sqrt((by_angle * dtheta) ** 2 + (by_wavelength * dwavelength) ** 2)


def random_points(seed, n=12):
    rng = np.random.default_rng(seed)
    theta = rng.uniform(-3.0, 8.0, n)
    theta[:2] = 85.0, -60.0
    wavelength = rng.uniform(0.5, 20.0, n)
    return {
        "theta": theta,
        "wavelength": wavelength,
        "offset": rng.uniform(-0.1, 0.1, n),
        "dtheta": rng.uniform(0.001, 0.1, n),
        "dwavelength": rng.uniform(0.001, 0.1, n) * wavelength,
    }


def probe_of(points, **changed):
    values = {**points, **changed}
    offset = values.pop("offset")
    return ks.Probe(**values, offset=offset)


def test_q_and_dq_are_the_formulas():
    points = random_points(1)
    probe = probe_of(points)
    with mp.workdps(40):
        rows = [[mpf(float(points[name][i])) for name in FIELDS] for i in range(12)]
        q = [float(exact_q(*row)) for row in rows]
        dq = [float(exact_dq(*row)) for row in rows]
    # sums and products in double precision; the angle in radians is off by 1e-16 of itself
    np.testing.assert_allclose(probe.q, q, rtol=1e-14)
    np.testing.assert_allclose(probe.dq, dq, rtol=1e-14)


@pytest.mark.parametrize("which", ["q", "dq"])
def test_derivatives_against_differences_in_60_digits(which):
    points = random_points(2)
    function = {"q": exact_q, "dq": exact_dq}[which]
    if which == "dq":  # closed form, since exact_dq itself takes differences

        def function(theta, wavelength, offset, dtheta, dwavelength):
            angle = mp.radians(theta + offset)
            spread = (mp.sin(angle) * dwavelength / wavelength) ** 2 + (mp.cos(angle) * mp.radians(dtheta)) ** 2
            return 4 * mp.pi / wavelength * mp.sqrt(spread)

    jacobian = getattr(probe_of(points), f"{which}_jacobian")()
    for i in range(12):
        row = [float(points[name][i]) for name in FIELDS]
        for position, name in enumerate(FIELDS):

            def along(x, position=position, row=row):
                return function(*[x if j == position else mpf(value) for j, value in enumerate(row)])

            exact = float(derivative(along, row[position]))
            # terms of opposite sign may cancel in the derivative of dq by the angle
            assert getattr(jacobian, name)[i] == pytest.approx(exact, rel=1e-12, abs=1e-16), (name, i)


def test_like_refl1d():
    resolution = pytest.importorskip("refl1d.probe.resolution", reason="refl1d is not installed")
    rng = np.random.default_rng(3)
    theta, wavelength = rng.uniform(0.0, 10.0, 30), rng.uniform(1.0, 20.0, 30)
    dtheta, dwavelength = rng.uniform(0.0, 0.1, 30), rng.uniform(0.0, 0.5, 30)
    probe = ks.Probe(theta, wavelength, dtheta, dwavelength)
    # two orders of the same multiplications; refl1d's widths are full widths at half maximum
    np.testing.assert_allclose(probe.q, resolution.TL2Q(T=theta, L=wavelength), rtol=1e-14)
    widths = {"dT": FWHM_PER_SIGMA * dtheta, "dL": FWHM_PER_SIGMA * dwavelength}
    np.testing.assert_allclose(probe.dq, resolution.dTdL2dQ(T=theta, L=wavelength, **widths), rtol=1e-13)


def test_offset_like_refl1d():
    refl1d = pytest.importorskip("refl1d.probe", reason="refl1d is not installed")
    theta = np.linspace(0.1, 3.0, 20)
    other = refl1d.NeutronProbe(T=theta, L=4.75, dT=0.01, dL=0.05, theta_offset=0.013)
    probe = ks.Probe(theta, 4.75, 0.01 / FWHM_PER_SIGMA, 0.05 / FWHM_PER_SIGMA)
    np.testing.assert_allclose(probe.at_offset(0.013).q, other.Q, rtol=1e-14)
    # refl1d leaves dQ at the stated angle
    np.testing.assert_allclose(probe.dq, other.dQ, rtol=1e-13)


def test_constant_wavelength_and_time_of_flight_broadcast():
    angles = np.linspace(0.1, 3.0, 7)
    waves = np.linspace(2.0, 12.0, 5)
    assert ks.Probe(angles, 4.75, 0.01, 0.05).dq.shape == (7,)
    flight = ks.Probe(0.65, waves, 0.01, 0.01 * waves)
    assert flight.q.shape == flight.dq.shape == flight.theta.shape == (5,)
    np.testing.assert_array_equal(flight.theta, 0.65)
    both = ks.Probe(angles[:, np.newaxis], waves, dtheta=0.01)
    assert both.q.shape == both.q_jacobian().theta.shape == (7, 5)
    np.testing.assert_array_equal(both.q[3], ks.Probe(angles[3], waves).q)
    assert ks.Probe(0.5, 5.0).q.shape == ()
    assert ks.Probe(0.5, waves, offset=np.array([[0.0], [0.1]])).q.shape == (2, 5)


def test_widths_that_were_not_given():
    sharp = ks.Probe([0.5, 1.0], 5.0)
    assert sharp.dq is None
    assert sharp.dq_jacobian() is None
    assert sharp.dtheta is None
    assert sharp.dwavelength is None
    full = ks.Probe([0.5, 1.0], 5.0, dtheta=0.01, dwavelength=0.0)
    np.testing.assert_array_equal(ks.Probe([0.5, 1.0], 5.0, dtheta=0.01).dq, full.dq)
    only_wavelength = ks.Probe([0.5, 1.0], 5.0, dwavelength=0.1)
    np.testing.assert_allclose(only_wavelength.dq, 0.02 * only_wavelength.q, rtol=1e-15)


def test_derivatives_are_finite_and_one_sided_where_dq_is_zero():
    angles = np.array([0.0, 0.0, 0.0, 1.0, -1.0])
    dtheta, dwavelength = np.array([0.01, 0.0, 0.0, 0.0, 0.0]), np.array([0.1, 0.1, 0.0, 0.0, 0.0])
    probe = ks.Probe(angles, 5.0, dtheta, dwavelength)
    jacobian = probe.dq_jacobian()
    assert all(np.isfinite(field).all() for field in jacobian)
    h = 1e-6

    def slope(**step):
        moved = ks.Probe(
            angles + step.get("theta", 0.0),
            5.0,
            dtheta + step.get("dtheta", 0.0),
            dwavelength + step.get("dwavelength", 0.0),
        )
        return (moved.dq - probe.dq) / h

    for name in ("theta", "dtheta", "dwavelength"):
        # one-sided quotients: truncation of the order of h over the width, 1e-4 at most
        np.testing.assert_allclose(getattr(jacobian, name), slope(**{name: h}), rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(jacobian.theta[2:], 0.0)


def test_dq_at_grazing_incidence_is_that_of_the_angle():
    probe = ks.Probe(0.0, 5.0, dtheta=0.01, dwavelength=0.1)
    assert probe.q == 0.0
    assert float(probe.dq) == pytest.approx(4 * np.pi / 5.0 * np.radians(0.01), rel=1e-15)


def test_at_offset_replaces_the_offset():
    probe = ks.Probe([0.5, 1.0], 5.0, 0.01, offset=0.3)
    moved = probe.at_offset(0.02)
    np.testing.assert_array_equal(moved.offset, 0.02)
    np.testing.assert_array_equal(moved.angle, np.array([0.5, 1.0]) + 0.02)
    np.testing.assert_array_equal(moved.q, ks.Probe(np.array([0.5, 1.0]) + 0.02, 5.0).q)
    np.testing.assert_array_equal(probe.offset, 0.3)


def test_reflectivity_s_derivative_by_the_offset():
    waves = np.linspace(2.5, 12.0, 40)
    stack = ([250.0], [0.0, 4.2, 2.07], 0.0, 5.0)
    probe = ks.Probe(0.65, waves, dtheta=0.01, dwavelength=0.02 * waves)

    def r(offset):
        moved = probe.at_offset(offset)
        return ks.reflectivity(moved.q, *stack, dq=ks.Resolution.refnx(moved.dq))

    # a fixed quadrature rule is a smooth function of q and dq, to the last digits
    _, jacobian = ks.reflectivity_jacobian(probe.q, *stack, dq=ks.Resolution.refnx(probe.dq))
    slope = jacobian.q * probe.q_jacobian().offset + jacobian.dq * probe.dq_jacobian().offset
    h = 1e-5
    # truncation (h dQ/doffset 250 Å)² = 1e-8, roundoff 1e-16 / h of R next to 1
    np.testing.assert_allclose(slope, (r(h) - r(-h)) / (2 * h), rtol=1e-6, atol=1e-10)
    by_q_alone = jacobian.q * probe.q_jacobian().offset
    assert (np.abs(slope - by_q_alone) > 0.01 * np.abs(slope)).any()  # the width has its share


def test_from_q_and_shifted_q():
    rng = np.random.default_rng(4)
    q = np.array([-0.2, 0.0, *rng.uniform(0.005, 0.4, 8)])
    waves = rng.uniform(1.0, 15.0, 10)
    probe = ks.Probe.from_q(q, waves, dtheta=0.01)
    np.testing.assert_allclose(probe.q, q, rtol=1e-14)
    moved = ks.Probe.from_q(q, waves, offset=0.07)
    np.testing.assert_allclose(moved.q, ks.shifted_q(q, waves, 0.07), rtol=1e-13)
    assert moved.q[1] == pytest.approx(4 * np.pi / waves[1] * np.sin(np.radians(0.07)), rel=1e-14)
    assert moved.q[0] > q[0]  # the offset is added to the signed angle
    np.testing.assert_allclose(ks.shifted_q(moved.q, waves, -0.07), q, rtol=1e-12, atol=1e-17)
    np.testing.assert_array_equal(ks.shifted_q(q, waves, 0.0), q)


def test_shifted_q_derivatives():
    q, waves, offset = np.array([-0.2, 0.0, 0.01, 0.3, 1.5]), np.array([5.0, 5.0, 12.0, 1.5, 8.0]), 0.9
    value, jacobian = ks.shifted_q_jacobian(q, waves, offset)

    def exact(q, wavelength, offset):
        return 4 * mp.pi / wavelength * mp.sin(mp.asin(q * wavelength / (4 * mp.pi)) + mp.radians(offset))

    for i in range(5):
        row = [mpf(float(q[i])), mpf(float(waves[i])), mpf(offset)]
        assert value[i] == pytest.approx(float(exact(*row)), rel=1e-13)
        for position, name in enumerate(("q", "wavelength", "offset")):

            def along(x, position=position, row=row):
                return exact(*[x if j == position else value for j, value in enumerate(row)])

            expected = float(derivative(along, row[position]))
            # cos of the stated angle is as small as 0.3 here
            assert getattr(jacobian, name)[i] == pytest.approx(expected, rel=1e-12, abs=1e-17), name
    assert ks.shifted_q(0.1, [4.0, 5.0], [[0.0], [0.1], [0.2]]).shape == (3, 2)


def test_cannot_be_changed_and_survives_copies():
    theta = np.array([0.5, 1.0])
    probe = ks.Probe(theta, 5.0, 0.01)
    theta[:] = 9.0
    probe.theta[:] = 9.0
    np.testing.assert_array_equal(probe.theta, [0.5, 1.0])
    with pytest.raises(AttributeError):
        probe.theta = theta
    for other in (copy.deepcopy(probe), pickle.loads(pickle.dumps(probe))):
        np.testing.assert_array_equal(other.dq, probe.dq)
    assert repr(probe) == "Probe(2 points, 0.5 to 1 degrees, 5 to 5 Å, dtheta known)"
    assert repr(ks.Probe([], 5.0)) == "Probe(0 points)"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: ks.Probe([0.5, 91.0], 5.0),
            InvalidValueError,
            r"^Probe: theta must be in \[-90, 90\]; theta\[1\] = 91\.0 deg",
        ),
        (lambda: ks.Probe(np.nan, 5.0), InvalidValueError, "theta = nan"),
        (
            lambda: ks.Probe(0.5, [5.0, 0.0]),
            InvalidValueError,
            r"wavelength must be finite and positive; wavelength\[1\] = 0\.0 angstrom",
        ),
        (
            lambda: ks.Probe(0.5, 5.0, -0.1),
            InvalidValueError,
            "dtheta must be finite and non-negative; dtheta = -0.1 degrees",
        ),
        (lambda: ks.Probe(0.5, 5.0, None, np.inf), InvalidValueError, "dwavelength = inf angstrom"),
        (lambda: ks.Probe(89.5, 5.0, offset=1.0), InvalidValueError, r"theta \+ offset must be in .* = 90\.5 degrees"),
        (lambda: ks.Probe(0.5, 5.0).at_offset(np.nan), InvalidValueError, "offset must be finite"),
        (lambda: ks.Probe([0.5, 1.0], [1.0, 2.0, 3.0]), ShapeError, r"shapes must broadcast; got theta \(2,\), wave"),
        (lambda: ks.Probe("0.5", 5.0), InvalidValueError, "theta must be an array of real numbers"),
        (
            lambda: ks.Probe.from_q([0.1, 3.0], 5.0),
            InvalidValueError,
            r"q must be at most 4 pi / wavelength = 2\.51327 1/angstrom; q = 3\.0 with wavelength = 5\.0",
        ),
        (lambda: ks.shifted_q(4 * np.pi, 1.0, 0.0), InvalidValueError, r"^shifted_q: q must be below 4 pi"),
        (lambda: ks.shifted_q([0.1, 0.2], [1.0, 2.0, 3.0], 0.0), ShapeError, r"got q \(2,\), wavelength \(3,\)"),
        (lambda: ks.shifted_q_jacobian(0.1, 1.0, np.inf), InvalidValueError, "^shifted_q_jacobian: offset must be"),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call()
