"""Shapes of interfaces, and the quadrature rules that turn them into steps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import hermite_e, legendre

from kiessig.errors import InvalidValueError, KiessigError, ShapeError
from kiessig.interfaces import SHAPES, InterfaceShape, shape_named
from reference import graded

T = np.linspace(-9.0, 9.0, 1801) + 0.0037  # no corner of any shape is on this grid
STRENGTHS = (0.0, 1e-3, 0.05)


@pytest.mark.parametrize("name", SHAPES)
def test_profile_is_the_formula(name):
    # tails cut at 1e-13 of the density change the profile by as much
    np.testing.assert_allclose(shape_named(name).profile(T), graded.CDF[name](T), rtol=0, atol=5e-13)


@pytest.mark.parametrize("name", SHAPES)
def test_profile_is_that_of_refnx(name):
    others = pytest.importorskip("refnx.reflect.interface", reason="refnx is not installed")
    other = getattr(others, name.capitalize())()
    sigma, centre = 3.7, 12.0
    z = centre + sigma * T
    found = shape_named(name).profile((z - centre) / sigma)
    np.testing.assert_allclose(found, other(z, scale=sigma, loc=centre), rtol=0, atol=5e-13)


@pytest.mark.parametrize("name", SHAPES)
def test_density_is_the_derivative(name):
    shape, h = shape_named(name), 1e-4
    slope = (shape.profile(T + h) - shape.profile(T - h)) / (2 * h)
    # h² g'''/6 with third derivatives up to 3, and roundoff 1e-16/h; nearest corner is 1e-3 from the grid
    np.testing.assert_allclose(shape.density(T), slope, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", SHAPES)
def test_width(name):
    # tanh: logistic distribution with the scale sqrt(pi/8), whose standard deviation is pi/sqrt(3) of that
    expected = np.pi / np.sqrt(3) * np.sqrt(np.pi / 8) if name == "tanh" else 1.0
    assert shape_named(name).width == pytest.approx(expected, rel=1e-9)  # tail of the exponential: 5e-13 × (20 sigma)²


def test_half_way_up_in_the_middle():
    for name in SHAPES:
        np.testing.assert_allclose(shape_named(name).profile([-30.0, 0.0, 30.0]), [0.0, 0.5, 1.0], rtol=0, atol=1e-15)


def test_linear_rule_is_that_of_gauss_and_legendre():
    rules = shape_named("linear").rules(1e-5)
    rule = rules._rule(1, 8)
    nodes, weights = legendre.leggauss(8)
    np.testing.assert_allclose(rule.nodes, np.sqrt(3) * nodes, rtol=0, atol=1e-13)
    np.testing.assert_allclose(np.diff(rule.levels), weights / 2, rtol=1e-12)


def test_normal_rule_is_that_of_gauss_and_hermite():
    rules = shape_named("erf").rules(1e-8)
    rule = rules._rule(1, 5)
    nodes, weights = hermite_e.hermegauss(5)
    # tails of 1e-13 are cut at 7.3 sigma: their eighth moment, 1e-6, is what the rule does not see
    np.testing.assert_allclose(rule.nodes, nodes, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.diff(rule.levels), weights / np.sqrt(2 * np.pi), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("error", [1e-3, 1e-5, 1e-7])
def test_chosen_rule_has_the_transform_of_the_density(name, error):
    rules = shape_named(name).rules(error)
    transforms = {
        "erf": lambda w: np.exp(-(w**2) / 2),
        "tanh": lambda w: np.sqrt(np.pi**3 / 8) * w / np.sinh(np.sqrt(np.pi**3 / 8) * w),
        "exponential": lambda w: 1 / (1 + w**2 / 2),
        "linear": lambda w: np.sinc(np.sqrt(3) * w / np.pi),
        "sinusoidal": lambda w: np.cos(graded._A * w) / (1 - (2 * graded._A * w / np.pi) ** 2),
        "step": np.cos,
    }
    for largest in (0.3, 1.7, 4.1):
        rule = rules.choose(largest, 0.0)
        omega = np.linspace(1e-3, largest, 117)
        found = np.exp(1j * np.outer(omega, rule.nodes)) @ np.diff(rule.levels)
        exact = transforms[name](omega)
        largest_beyond = np.maximum.accumulate(np.abs(transforms[name](np.linspace(1e-3, 60.0, 6001)))[::-1])[::-1]
        scale = np.maximum(np.interp(omega, np.linspace(1e-3, 60.0, 6001), largest_beyond), 1e-4)
        # a twentieth: the bound is kept on a grid of 0.02 in between
        assert (np.abs(found - exact) <= 0.5 * 1.05 * error * scale).all(), (largest, rule.nodes.size)
        assert (np.diff(rule.levels) > 0).all()
        assert rule.levels[0] == 0.0
        assert rule.levels[-1] == 1.0
        assert (np.diff(rule.nodes) > 0).all()


def test_fewer_steps_where_less_is_asked():
    for name in SHAPES:
        sizes = [
            [shape_named(name).rules(error).choose(omega, strength).nodes.size for omega in (0.2, 1.0, 3.0)]
            for error in (1e-3, 1e-5, 1e-7)
            for strength in STRENGTHS
        ]
        assert (np.diff(sizes, axis=1) >= 0).all(), name
        assert (np.diff(np.reshape(sizes, (3, 3, 3)), axis=0) >= 0).all(), name
    # figures that the documentation may rely on: a few steps for what measurements see
    assert shape_named("tanh").rules(1e-5).choose(1.0, 1e-3).nodes.size <= 16
    assert shape_named("linear").rules(1e-5).choose(1.0, 1e-3).nodes.size <= 6


def test_too_many_steps_are_none():
    assert shape_named("exponential").rules(1e-5).choose(1e3, 0.0) is None


def test_user_shape_is_the_named_one():
    """The raised cosine written by a user has the steps of the shape with the name."""
    half = np.pi / np.sqrt(np.pi**2 - 8)
    user = InterfaceShape(
        lambda t: np.sin(np.pi * (t / half + 1) / 4) ** 2,
        lambda t: np.pi / (4 * half) * np.sin(np.pi * (t / half + 1) / 2),
        (-half, half),
        name="raised cosine",
    )
    mine, theirs = (shape.rules(1e-5).choose(2.0, 1e-3) for shape in (user, shape_named("sinusoidal")))
    np.testing.assert_allclose(mine.nodes, theirs.nodes, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mine.levels, theirs.levels, rtol=0, atol=1e-12)
    assert repr(user) == "InterfaceShape('raised cosine')"


def test_tabulated_profile_is_linear_interpolation():
    t, g = [-2.0, -1.0, 0.5, 3.0], [0.0, 0.1, 0.7, 1.0]
    shape = InterfaceShape.tabulated(t, g)
    np.testing.assert_allclose(shape.profile(T), np.interp(T, t, g), rtol=0, atol=1e-15)
    np.testing.assert_array_equal(shape.profile(t), g)


def test_tabulated_jumps_are_steps_of_their_own():
    shape = InterfaceShape.tabulated([-1.0, -1.0, 0.0, 2.0, 2.0], [0.0, 0.2, 0.2, 0.2, 1.0])
    rule = shape.rules(1e-5).choose(3.0, 0.01)
    np.testing.assert_array_equal(rule.nodes, [-1.0, 2.0])
    np.testing.assert_allclose(np.diff(rule.levels), [0.2, 0.8], rtol=1e-15)
    np.testing.assert_allclose(shape.profile([-1.0, 0.0, 2.0, 2.5]), [0.1, 0.2, 0.6, 1.0], rtol=1e-15)


def test_tabulated_moments():
    """Steps of a table carry its mean and its variance, those of boxes between its points."""
    t, g = np.array([-2.0, -1.0, 0.5, 3.0]), np.array([0.0, 0.1, 0.7, 1.0])
    rule = InterfaceShape.tabulated(t, g).rules(1e-5).choose(1.0, 1e-3)
    mass, middle = np.diff(g), (t[1:] + t[:-1]) / 2
    mean = mass @ middle
    square = mass @ (middle**2 + np.diff(t) ** 2 / 12)
    weights = np.diff(rule.levels)
    np.testing.assert_allclose([weights @ rule.nodes, weights @ rule.nodes**2], [mean, square], rtol=1e-12)


def normal(t):
    return np.exp(-t * t / 2) / np.sqrt(2 * np.pi)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: shape_named("tanhh"), InvalidValueError, "no interface has the shape 'tanhh'; did you mean 'tanh'"),
        (
            lambda: InterfaceShape(graded.CDF["erf"], normal, (-3.0, 3.0)),
            InvalidValueError,
            r"cdf must go from 0 to 1 over its support; got 0\.00134.* at -3\.0 and 0\.998.* at 3\.0",
        ),
        (
            lambda: InterfaceShape(graded.CDF["erf"], lambda t: 2 * normal(t), (-8.0, 8.0)),
            InvalidValueError,
            "pdf must be the derivative of cdf, with its kinks in breaks; from ",
        ),
        (
            lambda: InterfaceShape(
                graded.CDF["exponential"], lambda t: np.exp(-np.sqrt(2) * abs(t)) / 2**0.5, (-11, 12)
            ),
            InvalidValueError,
            "pdf must be the derivative of cdf, with its kinks in breaks",
        ),
        (
            lambda: InterfaceShape(graded.CDF["erf"], lambda t: normal(t) - 1e-3, (-8.0, 8.0)),
            InvalidValueError,
            "pdf must be non-negative; pdf(.*) = -0.00",
        ),
        (
            lambda: InterfaceShape(graded.CDF["erf"], lambda t: normal(t) / (t > -5), (-8.0, 8.0)),
            InvalidValueError,
            r"pdf must be finite; pdf\(-7",
        ),
        (
            lambda: InterfaceShape(lambda t: 0.5, normal, (-8.0, 8.0)),
            ShapeError,
            r"cdf must return real numbers in the shape of its argument, \(1,\); got shape \(\)",
        ),
        (
            lambda: InterfaceShape(graded.CDF["erf"], normal, (8.0, -8.0)),
            InvalidValueError,
            r"support must be two increasing numbers; got \(8\.0, -8\.0\)",
        ),
        (
            lambda: InterfaceShape(graded.CDF["erf"], normal, (-8.0, 8.0), breaks=[9.0]),
            InvalidValueError,
            r"breaks must lie within the support \(-8\.0, 8\.0\); got \[9\.0\]",
        ),
        (
            lambda: InterfaceShape.tabulated([0, 1, 2], [0.0, 1.0]),
            ShapeError,
            r"t and g must be two vectors of the same length, 2 or more; got shapes \(3,\) and \(2,\)",
        ),
        (
            lambda: InterfaceShape.tabulated([0, 1, 2], [0.0, 1.1, 1.0]),
            InvalidValueError,
            r"g must not decrease; g\[1\] = 1\.1, g\[2\] = 1\.0",
        ),
        (
            lambda: InterfaceShape.tabulated([0, 2, 1], [0.0, 0.5, 1.0]),
            InvalidValueError,
            r"t must not decrease; t\[1\] = 2\.0, t\[2\] = 1\.0",
        ),
        (
            lambda: InterfaceShape.tabulated([0, 1], [0.0, 0.5]),
            InvalidValueError,
            r"g must go from 0 to 1; got g\[0\] = 0\.0, g\[-1\] = 0\.5",
        ),
        (lambda: InterfaceShape.tabulated([0, np.nan], [0.0, 1.0]), InvalidValueError, "t must be finite; got"),
        (lambda: InterfaceShape.tabulated([0, "a"], [0.0, 1.0]), InvalidValueError, "t must be real numbers; got"),
        (lambda: InterfaceShape.tabulated([1, 1], [0.0, 1.0]), InvalidValueError, "support must be two increasing"),
    ],
)
def test_refusals(make, kind, message):
    with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(kind, match=message) as caught:
        make()
    assert isinstance(caught.value, KiessigError)
    assert len(str(caught.value).splitlines()) <= 2
