"""The checker of other people's gradients: passes what is right, and says of what is wrong what and by how much."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig import errors
from kiessig.testing import check_gradient

Q = np.linspace(0.01, 0.2, 8)


def curve(x):
    """Reflectivity by two thicknesses, an SLD and three roughnesses."""
    r, jacobian = ks.reflectivity_jacobian(Q, x[:2], [0.0, x[2], 4.0, 2.07], 0.0, x[3:])
    return r, np.hstack([jacobian.thickness, jacobian.sld[:, 1:2], jacobian.roughness])


X = np.array([100.0, 50.0, 3.0, 3.0, 4.0, 5.0])


def test_right_jacobian_passes():
    report = check_gradient(curve, X, rtol=1e-9)
    assert report.passed
    assert report.given.shape == report.numerical.shape == report.error.shape == (8, 6)
    assert report.n_evaluations == 1 + 24 * 6
    # from total reflection, R = 1, to 1e-6: rounding of R sets what differences can see
    assert report.error.max() < 1e-12
    assert str(report).startswith("check_gradient: all 48 derivatives agree")


@pytest.mark.parametrize(
    ("function", "derivative", "x"),
    [
        (np.sin, np.cos, 1.0),
        (np.exp, np.exp, -3.0),
        (np.log, lambda x: 1.0 / x, 1e-3),  # the first steps lead out of its domain
        (np.log, lambda x: 1.0 / x, 1e-9),
        (lambda x: x**7, lambda x: 7.0 * x**6, 1e6),
        (lambda x: np.sin(300.0 * x), lambda x: 300.0 * np.cos(300.0 * x), 2.0),
        (lambda x: 5.0, lambda x: 0.0, 1.0),
        (lambda x: 5.0 + 1e-9 * x, lambda x: 1e-9, 1.0),
    ],
)
def test_closed_forms(function, derivative, x):
    report = check_gradient(function, x, derivative, rtol=1e-7)
    assert report.passed
    # the error that it states is the one that it makes, but for what rounding within the function does
    assert abs(report.numerical - derivative(x)) <= 3.0 * report.error + 1e-11 * abs(derivative(x))


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("values", [(), (4,), (2, 1)])
def test_shapes(shape, values):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=values + shape)

    def function(x):
        return np.sin(np.tensordot(matrix, x, len(shape))), 0.0

    def derivative(x):
        inner = np.cos(np.tensordot(matrix, x, len(shape)))
        return inner.reshape(values + (1,) * len(shape)) * matrix

    x = rng.normal(size=shape)
    assert check_gradient(lambda x: function(x)[0], x, derivative).given.shape == values + shape
    assert check_gradient(lambda x: (function(x)[0], derivative(x)), x).passed


@pytest.mark.parametrize(
    ("row", "column", "factor", "off_by"), [(3, 1, -1.0, "-200 %"), (2, 4, 1.0001, "+0.01 %"), (0, 2, 2.0, "+100 %")]
)
def test_wrong_component_is_named(row, column, factor, off_by):
    x = X.copy()
    q = np.linspace(0.03, 0.2, 8)

    def wrong(x):
        r, jacobian = ks.reflectivity_jacobian(q, x[:2], [0.0, x[2], 4.0, 2.07], 0.0, x[3:])
        found = np.hstack([jacobian.thickness, jacobian.sld[:, 1:2], jacobian.roughness])
        found[row, column] *= factor
        return r, found

    names = ["d1", "d2", "rho", "s1", "s2", "s3"]
    with pytest.raises(AssertionError) as caught:
        check_gradient(wrong, x, names=names)
    assert isinstance(caught.value, errors.DerivativeError)
    lines = str(caught.value).splitlines()
    assert lines[0] == "check_gradient: 1 of 48 derivatives are wrong"
    assert lines[2].startswith(f"of value[{row}] by {names[column]}")
    assert lines[2].endswith(off_by)
    given, should_be = wrong(x)[1][row, column], wrong(x)[1][row, column] / factor
    assert f"{given:.6g}"[:6] in lines[2]
    assert f"{should_be:.6g}"[:6] in lines[2]
    assert lines[3] == f"every one of them is the right one times {factor:.6g}"


def test_smallest_wrong_entry_that_must_be_seen():
    """Off by ten times the tolerance is off, by a tenth of it is not."""
    for factor, passes in ((1.0 + 1e-5, False), (1.0 + 1e-7, True)):

        def function(x, factor=factor):
            return np.sum(np.sin(x)), np.cos(x) * [1.0, factor]

        if passes:
            assert check_gradient(function, [0.3, 0.7]).passed
        else:
            with pytest.raises(errors.DerivativeError, match=r"by x\[1\]"):
                check_gradient(function, [0.3, 0.7])
            assert check_gradient(function, [0.3, 0.7], atol=1e-4).passed


def test_missing_derivative_is_not_hidden_by_the_larger_ones():
    def function(x):
        return 1e6 * np.sin(x[0]) + x[1], np.array([1e6 * np.cos(x[0]), 0.0])

    with pytest.raises(errors.DerivativeError, match=r"by x\[1\] +0 +(1|0\.99999)"):
        check_gradient(function, [0.1, 0.2])


def test_nan_is_wrong():
    with pytest.raises(errors.DerivativeError, match=r"by x\[0\] +nan"):
        check_gradient(lambda x: (x @ x, 2.0 * x * [np.nan, 1.0]), [1.0, 2.0])


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda x: abs(x), 1.0),
        (lambda x: float(x > 0.0), 0.0),
        (lambda x: float(x) ** 2 + 1e-3 * np.sin(1e9 * float(x) ** 3), 0.0),
    ],
)
def test_kinks_steps_and_noise_are_not_taken_for_derivatives(function, slope):
    with pytest.raises(errors.DerivativeError, match="cannot tell: the function jumps, bends or is noisy here"):
        check_gradient(lambda x: (function(x), slope), 0.0 if slope or function(1.0) == 1.0 else 0.5)


def test_bounds_are_kept():
    seen = []

    def function(x):
        seen.append(x.copy())
        return np.sum(np.sqrt(x + 1.0)), 0.5 / np.sqrt(x + 1.0)

    lower, upper = np.array([0.0, -np.inf, 1.0]), np.array([np.inf, 2.0, 1.0001])
    report = check_gradient(function, [0.0, 2.0, 1.00005], bounds=(lower, upper), rtol=1e-8)
    assert report.passed
    assert all(np.all((x >= lower) & (x <= upper)) for x in seen)
    with pytest.raises(errors.InvalidValueError, match=r"x must lie within bounds of some width; not so at \[1\]"):
        check_gradient(function, [0.0, 3.0, 1.00005], bounds=(lower, upper))


def test_long_tables_are_cut():
    with pytest.raises(errors.DerivativeError) as caught:
        check_gradient(lambda x: (x @ x, np.arange(30.0)), np.ones(30))
    assert "and 9 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 23


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: check_gradient(lambda x: (x @ x, 2.0), [1.0]), errors.ShapeError, r"shape \(1,\), .*got shape \(\)"),
        (lambda: check_gradient(np.sum, [1.0]), errors.InvalidValueError, r"must return \(value, derivative\)"),
        (lambda: check_gradient(lambda x: np.nan, 1.0, np.cos), errors.InvalidValueError, "value must be finite"),
        (lambda: check_gradient(np.sin, np.inf, np.cos), errors.InvalidValueError, "x must be finite"),
        (lambda: check_gradient(np.sin, 1.0, np.cos, step=0.0), errors.InvalidValueError, "step must be finite and"),
        (lambda: check_gradient(np.sin, 1.0, np.cos, step=[1.0, 1.0]), errors.ShapeError, "step and bounds must broad"),
        (lambda: check_gradient(np.sin, 1.0, np.cos, names=["a", "b"]), errors.ShapeError, "names must have one entry"),
    ],
)
def test_bad_argument_is_explained(call, error, text):
    with pytest.raises(error, match=f"^check_gradient: .*{text}|^check_gradient: {text}"):
        call()
