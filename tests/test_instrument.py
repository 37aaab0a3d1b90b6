"""Resolution: one width per point, one for all, or proportional to Q; always 1 sigma."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import FWHM_PER_SIGMA, Resolution, sigma_from_fwhm

Q = np.array([0.01, 0.02, -0.04, 0.0])


def test_fwhm_is_where_the_gaussian_has_half_its_height() -> None:
    half_width = FWHM_PER_SIGMA / 2.0
    # exp loses no more than the relative error of its argument, a few ulp
    assert math.exp(-0.5 * half_width**2) == pytest.approx(0.5, rel=1e-15)
    assert pytest.approx(2.354820045030949, rel=1e-15) == FWHM_PER_SIGMA


def test_sigma_from_fwhm_keeps_the_shape() -> None:
    assert sigma_from_fwhm(FWHM_PER_SIGMA) == 1.0
    assert sigma_from_fwhm(1.0).shape == ()
    np.testing.assert_array_equal(sigma_from_fwhm([[0.0, 2 * FWHM_PER_SIGMA]]), [[0.0, 2.0]])
    with pytest.raises(InvalidValueError, match=r"^sigma_from_fwhm: fwhm must be an array of real numbers"):
        sigma_from_fwhm("0.05")


def test_one_width_for_all_points() -> None:
    sigma = Resolution.gaussian(1e-3).sigma(Q)
    np.testing.assert_array_equal(sigma, np.full(4, 1e-3))
    assert Resolution.gaussian(1e-3).sigma(0.1).shape == ()
    assert Resolution.gaussian(1e-3).sigma(Q.reshape(2, 2)).shape == (2, 2)


def test_one_width_per_point() -> None:
    widths = np.array([1e-3, 2e-3, 0.0, 4e-3])
    np.testing.assert_array_equal(Resolution.gaussian(widths).sigma(Q), widths)
    with pytest.raises(
        ShapeError, match=r"^Resolution\.sigma: q must have the shape of the widths .* \(4,\); got \(3,\)$"
    ):
        Resolution.gaussian(widths).sigma(Q[:3])


def test_proportional_to_the_magnitude_of_q() -> None:
    resolution = Resolution.constant(0.02)
    np.testing.assert_array_equal(resolution.sigma(Q), 0.02 * np.abs(Q))
    np.testing.assert_array_equal(resolution.sigma([[0.5]]), [[0.01]])
    # a width in FWHM, as many instruments state it
    sigma = Resolution.constant(sigma_from_fwhm(0.05)).sigma(0.1)
    np.testing.assert_array_equal(sigma, 0.05 / FWHM_PER_SIGMA * 0.1)


def test_none_is_no_width() -> None:
    np.testing.assert_array_equal(Resolution.none().sigma(Q), np.zeros(4))


def test_points_in_another_order_keep_their_widths() -> None:
    widths = np.array([1e-3, 2e-3, 0.0, 4e-3])
    order = np.array([3, 0, 0, 1])
    for kind in (Resolution.gaussian, Resolution.refnx):
        moved = kind(widths).rearranged(lambda array: array[order])
        np.testing.assert_array_equal(moved.sigma(Q), widths[order])
        assert (moved.rule is None) == (kind(widths).rule is None)
    for rule in (Resolution.constant(0.02), Resolution.gaussian(1e-3)):
        assert rule.rearranged(lambda array: array[order]) is rule


def test_cannot_be_changed() -> None:
    widths = np.full(4, 1e-3)
    resolution = Resolution.gaussian(widths)
    widths[0] = 1.0
    sigma = resolution.sigma(Q)
    assert sigma[0] == 1e-3
    sigma[0] = 2.0  # a fresh array, the caller's own
    assert resolution.sigma(Q)[0] == 1e-3
    with pytest.raises(AttributeError):
        resolution.dq = widths  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "resolution",
    [
        Resolution.gaussian(1e-3),
        Resolution.gaussian([1e-3, 2e-3, 0.0, 4e-3]),
        Resolution.constant(0.02),
        Resolution.none(),
    ],
    ids=repr,
)
def test_survives_pickling_and_copying(resolution: Resolution) -> None:
    for other in (pickle.loads(pickle.dumps(resolution)), copy.deepcopy(resolution)):
        np.testing.assert_array_equal(other.sigma(Q), resolution.sigma(Q))
        assert repr(other) == repr(resolution)


def test_repr_tells_kind_and_width() -> None:
    assert repr(Resolution.gaussian(1e-3)) == "Resolution.gaussian(dq=0.001)"
    assert repr(Resolution.constant(0.02)) == "Resolution.constant(dq_over_q=0.02)"
    assert repr(Resolution.gaussian([2e-3, 1e-3])) == "Resolution.gaussian(dq of 2 points, 0.001 to 0.002 1/angstrom)"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Resolution(), InvalidValueError, "^Resolution: the kind must be chosen; use Resolution.gaussian"),
        (
            lambda: Resolution.gaussian([1e-3, -2.0, np.nan]),
            InvalidValueError,
            r"^Resolution\.gaussian: dq must be finite and non-negative; dq\[1\] = -2\.0 \(and 1 more\)$",
        ),
        (lambda: Resolution.gaussian(np.nan), InvalidValueError, "dq must be finite and non-negative; dq = nan"),
        (lambda: Resolution.gaussian([[np.inf]]), InvalidValueError, r"dq\[0, 0\] = inf"),
        (lambda: Resolution.gaussian([]), InvalidValueError, "dq must hold at least one width; got an empty array"),
        (lambda: Resolution.gaussian("1e-3"), InvalidValueError, "dq must be an array of real numbers; got dtype <U4"),
        (lambda: Resolution.gaussian(None), InvalidValueError, "dq must be an array of real numbers; got dtype object"),
        (lambda: Resolution.constant(-0.1), InvalidValueError, r"dq_over_q must be .*; dq_over_q = -0\.1$"),
        (lambda: Resolution.constant(np.nan), InvalidValueError, "dq_over_q = nan"),
        (
            lambda: Resolution.constant(5),
            InvalidValueError,
            r"must be a fraction, at least 0 and below 1; dq_over_q = 5\.0",
        ),
        (lambda: Resolution.constant([0.1, 0.2]), ShapeError, r"dq_over_q must be one number; got shape \(2,\)"),
        (lambda: Resolution.constant(0.02).sigma([0.1, np.inf]), InvalidValueError, r"q must be finite; q\[1\] = inf"),
        (lambda: Resolution.gaussian(0.02).sigma([1j]), InvalidValueError, "q must be an array of real numbers"),
    ],
)
def test_refuses(call, error, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=match):
        call()
