"""Priors against scipy.stats and differences, and constraints."""

from __future__ import annotations

import copy
import math
import pickle

import mpmath
import numpy as np
import pytest
import scipy.stats

import kiessig as ks
from kiessig import priors
from kiessig.errors import InvalidValueError
from kiessig.parameters import Parameter

# prior, the same by scipy, points within the support
CASES = {
    "uniform": (priors.Uniform(-1.0, 3.0), scipy.stats.uniform(-1.0, 4.0), [-1.0, 0.3, 3.0]),
    "normal": (priors.Normal(3.47, 0.02), scipy.stats.norm(3.47, 0.02), [3.4, 3.47, 3.55]),
    "truncated": (
        priors.TruncatedNormal(0.1, 0.2, 0.0, 1.0),
        scipy.stats.truncnorm(-0.5, 4.5, 0.1, 0.2),
        [0.0, 0.1, 0.7, 1.0],
    ),
    "tail": (
        priors.TruncatedNormal(0.0, 1.0, 12.0, math.inf),
        scipy.stats.truncnorm(12.0, math.inf, 0.0, 1.0),
        [12.0, 12.05, 13.0],
    ),
    "log-uniform": (priors.LogUniform(1e-8, 1e-5), scipy.stats.loguniform(1e-8, 1e-5), [1e-8, 3e-7, 1e-5]),
    "log-normal": (priors.LogNormal(1.5, 0.4), scipy.stats.lognorm(0.4, scale=math.exp(1.5)), [0.5, 4.0, 15.0]),
}
FROZEN = {
    "norm": (scipy.stats.norm(10.0, 2.0), [3.0, 9.5, 10.0, 10.0001, 18.0]),
    "gamma": (scipy.stats.gamma(3.0, scale=2.0), [0.01, 1.0, 4.0, 4.00001, 30.0]),
    "beta": (scipy.stats.beta(2.0, 5.0), [1e-4, 0.2, 0.9, 0.999]),
    "expon": (scipy.stats.expon(1.0, 2.0), [1.0, 1.5, 9.0]),
    "student": (scipy.stats.t(4.0), [-8.0, 0.0, 1e-9, 2.0]),
    "gumbel": (scipy.stats.gumbel_r(0.0, 3.0), [-5.0, 0.0, 0.5, 20.0]),
}


@pytest.mark.parametrize("name", CASES)
def test_priors_are_what_scipy_says(name):
    prior, reference, points = CASES[name]
    # scipy's own far tails are good to about 1e-10
    tolerance = 1e-9 if name == "tail" else 1e-13
    assert prior.support == pytest.approx(reference.support(), rel=1e-15)
    for x in points:
        assert prior.logpdf(x) == pytest.approx(float(reference.logpdf(x)), rel=tolerance, abs=tolerance)
    u = np.array([0.0, 1e-12, 0.1, 0.5, 0.999, 1.0])
    np.testing.assert_allclose(prior.ppf(u), reference.ppf(u), rtol=max(tolerance, 1e-12), atol=1e-15)
    assert copy.deepcopy(prior) == pickle.loads(pickle.dumps(prior)) == prior
    assert eval(repr(prior), {"inf": math.inf, **vars(priors)}) == prior


@pytest.mark.parametrize("name", CASES)
def test_densities_are_normalised(name):
    prior, _, _ = CASES[name]
    low, high = (float(end) for end in prior.ppf([0.0, 1.0]))
    with mpmath.workdps(20):
        inner = [float(end) for end in prior.ppf([0.001, 0.5, 0.999])]
        total = mpmath.quad(lambda x: mpmath.exp(prior.logpdf(float(x))) if prior._holds(float(x)) else 0,
                            [max(low, inner[0] - 50), *inner, min(high, inner[2] * 50 + 50)])  # fmt: skip
    assert float(total) == pytest.approx(1.0, abs=1e-9)


def check_rows(prior, points, tolerance, width):
    for x in points:
        row, derivative = prior.residual(x)
        reference = prior.reference - prior.logpdf(x)
        assert reference >= -1e-12
        assert 0.5 * row**2 == pytest.approx(reference, rel=tolerance, abs=1e-12 * (1.0 + abs(prior.reference)))
        assert -row * derivative == pytest.approx(prior.dlogpdf(x), rel=tolerance, abs=tolerance / width)


@pytest.mark.parametrize("name", CASES)
def test_rows_and_derivatives_of_priors(name):
    prior, _, points = CASES[name]
    check_rows(prior, points, 1e-12, prior.ppf(0.84) - prior.ppf(0.16))
    for x in points:
        with mpmath.workdps(30):
            low, high = prior.support
            h = 1e-5 * (abs(x) + 1e-9)
            inside = x - 2 * h > low and x + 2 * h < high
        if inside:  # fourth-order differences of the row: error of order (1e-5)^4 and 1e-16 / 1e-5
            f = [prior.residual(x + k * h)[0] for k in (-2, -1, 1, 2)]
            slope = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
            assert prior.residual(x)[1] == pytest.approx(slope, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", FROZEN)
def test_any_frozen_distribution_is_a_prior(name):
    frozen, points = FROZEN[name]
    prior = priors.FromDistribution(frozen)
    width = 0.5 * (frozen.ppf(0.84) - frozen.ppf(0.16))
    assert prior.support == frozen.support()
    for x in points:
        assert prior.logpdf(x) == float(frozen.logpdf(x))
    exact = {
        "norm": lambda x: -(x - 10.0) / 4.0,
        "gamma": lambda x: 2.0 / x - 0.5,
        "beta": lambda x: 1.0 / x - 4.0 / (1.0 - x),
        "expon": lambda x: -0.5,
        "student": lambda x: -5.0 * x / (4.0 + x * x),
        "gumbel": lambda x: (math.exp(-x / 3.0) - 1.0) / 3.0,
    }[name]
    for x in points:
        # the stated error
        assert prior.dlogpdf(x) == pytest.approx(exact(x), rel=1e-9, abs=1e-11 / width)
    check_rows(prior, points, 1e-6, width)
    given = priors.FromDistribution(frozen, dlogpdf=exact)
    assert given.dlogpdf(points[1]) == exact(points[1])
    check_rows(given, points, 1e-9, width)
    np.testing.assert_array_equal(prior.ppf([0.1, 0.9]), frozen.ppf([0.1, 0.9]))


@pytest.mark.parametrize("name", [*CASES, *FROZEN])
def test_rows_are_smooth_through_the_mode(name):
    prior = CASES[name][0] if name in CASES else priors.FromDistribution(FROZEN[name][0])
    low, high = (float(end) for end in prior.ppf([0.2, 0.8]))
    x = np.geomspace(low, high, 401) if low > 0.0 else np.linspace(low, high, 401)
    rows, slopes = np.array([prior.residual(float(at)) for at in x]).T
    steps = np.diff(rows)
    trapezia = 0.5 * (slopes[1:] + slopes[:-1]) * np.diff(x)
    # the trapezium rule's error on a smooth function, (step / width)^2 of the slope
    np.testing.assert_allclose(steps, trapezia, rtol=1e-3, atol=1e-12)
    assert (slopes >= 0.0).all()


def test_rows_close_to_the_mode_do_not_cancel():
    prior = priors.FromDistribution(scipy.stats.norm(10.0, 2.0))
    for x in (10.0 + 1e-6, 10.0 - 3e-6, 10.0 + 1e-3):
        # the root of a difference of densities would be off by 1e-3 at the first; the mode is known to 1e-11
        assert prior.residual(x) == pytest.approx(((x - 10.0) / 2.0, 0.5), rel=1e-5)
    assert prior.residual(10.0) == pytest.approx((0.0, 0.5), rel=1e-6, abs=1e-10)


def test_outside_of_the_support():
    for prior, x in ((priors.Uniform(0, 1), 1.1), (priors.LogNormal(0, 1), 0.0), (priors.LogUniform(1, 2), 0.5)):
        assert prior.logpdf(x) == -math.inf
        assert math.isnan(prior.dlogpdf(x))
        assert prior.residual(x)[0] == math.inf
    vanishing = priors.FromDistribution(scipy.stats.gamma(3.0))
    assert vanishing.logpdf(0.0) == -math.inf
    assert vanishing.dlogpdf(0.0) == math.inf
    with pytest.raises(InvalidValueError, match=r"^Normal\.logpdf: x must be finite; x = nan"):
        priors.Normal(0, 1).logpdf(math.nan)


def test_draws_follow_the_distribution():
    rng = np.random.default_rng(11)
    for name, (prior, reference, _) in CASES.items():
        drawn = prior.rvs(rng, 2000)
        assert drawn.shape == (2000,)
        # seeded; a correct sampler fails one seed in a thousand
        assert scipy.stats.kstest(drawn, reference.cdf).pvalue > 1e-3, name
    assert type(priors.Uniform(0, 1).rvs(rng)) is float
    assert priors.FromDistribution(scipy.stats.norm()).rvs(rng, (2, 3)).shape == (2, 3)
    with pytest.raises(InvalidValueError, match="u must lie within 0 and 1"):
        priors.Normal(0, 1).ppf([0.5, 1.5])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: priors.Uniform(3, 1), r"^Uniform: lower must be below upper; lower = 3\.0, upper = 1\.0"),
        (lambda: priors.Uniform(0, math.inf), r"^Uniform: upper must be finite; upper = inf"),
        (lambda: priors.Normal(0, 0), r"^Normal: sigma must be positive; sigma = 0\.0"),
        (lambda: priors.Normal("a", 1), r"^Normal: mean must be a real number; got 'a' \(str\)"),
        (lambda: priors.TruncatedNormal(0, 1, 2, 2), r"^TruncatedNormal: lower must be below upper"),
        (lambda: priors.TruncatedNormal(0, 1, math.nan, 2), r"^TruncatedNormal: lower must be finite"),
        (lambda: priors.LogUniform(0, 1), r"^LogUniform: lower must be positive; lower = 0\.0"),
        (lambda: priors.LogNormal(0, -1), r"^LogNormal: sigma must be positive"),
        (lambda: priors.FromDistribution(scipy.stats.poisson(3)), r"has no logpdf"),
        (lambda: priors.FromDistribution(scipy.stats.multivariate_normal([0, 0])), r"has no ppf and no support"),
        (lambda: priors.FromDistribution(scipy.stats.gamma(0.5)).residual(1.0), r"needs a bounded density"),
    ],
)
def test_bad_priors_are_refused(build, message):
    with pytest.raises(InvalidValueError, match=message):
        build()


def test_parameters_with_priors():
    p = Parameter(3.47, prior=priors.Normal(3.47, 0.05), name="sld")
    assert p.prior == priors.Normal(3.47, 0.05)
    assert p.bounds == (-math.inf, math.inf)
    assert repr(p) == "Parameter(3.47, prior=Normal(mean=3.47, sigma=0.05), name='sld')"
    q = Parameter(2.0, prior=priors.Uniform(0, 4))
    assert q.bounds == (0.0, 4.0)
    q.bounds = (1, 9)
    assert q.bounds == (1.0, 4.0)
    q.bounds = None
    assert q.bounds == (0.0, 4.0)
    q.prior = None
    assert q.prior is None
    assert q.bounds == (0.0, 4.0)
    frozen = Parameter(2.0, bounds=(1, 5), prior=scipy.stats.norm(2.0, 0.5))
    assert isinstance(frozen.prior, priors.FromDistribution)
    assert repr(frozen) == "Parameter(2, bounds=(1, 5), prior=FromDistribution(norm(2.0, 0.5)))"
    copied = pickle.loads(pickle.dumps(frozen))
    assert copied.prior.logpdf(2.5) == frozen.prior.logpdf(2.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"prior": "uniform"},
            r"prior must be one of kiessig\.priors or a frozen distribution with a logpdf; got",
        ),
        ({"prior": priors.Normal}, r"prior must be one of"),
        ({"prior": priors.Uniform(6, 9)}, r"value must lie within its bounds; value = 5\.0, bounds = \(6, 9\)"),
        (
            {"prior": priors.Uniform(6, 9), "bounds": (0, 5)},
            r"bounds must overlap the support of the prior; bounds = \(0, 5\), support of Uniform\(lower=6\.0",
        ),
    ],
)
def test_priors_that_do_not_fit_are_refused_and_change_nothing(arguments, message):
    with pytest.raises(InvalidValueError, match=r"^Parameter 'p': " + message):
        Parameter(5.0, name="p", **arguments)
    p = Parameter(5.0, (0, 5), name="p", prior=priors.Normal(5, 1))
    with pytest.raises(InvalidValueError, match=r"^Parameter 'p': "):
        p.prior = arguments["prior"]
    assert repr(p) == "Parameter(5, bounds=(0, 5), prior=Normal(mean=5.0, sigma=1.0), name='p')"


def test_constraints():
    a, b = Parameter(1.0, name="a"), Parameter(3.0, name="b")
    for requirement, violation, text in (
        (a < b, -2.0, "a - b <= 0"),
        (a <= 0.5 * b, -0.5, "a - 0.5 * b <= 0"),
        (a >= b, 2.0, "b - a <= 0"),
        (a > 2, 1.0, "2 - a <= 0"),
        (a * b - 2.0, 1.0, "a * b - 2 <= 0"),
    ):
        constraint = ks.Constraint(requirement, 0.1)
        assert constraint.violation.value == violation
        assert constraint.tolerance == 0.1
        assert repr(constraint) == f"Constraint({text}, tolerance=0.1)"
    assert priors.Constraint is ks.Constraint
    assert ks.Constraint(a < b, 1, name="order").name == "order"


@pytest.mark.parametrize(
    ("requirement", "tolerance", "message"),
    [
        (
            lambda a, b: (a < b) & (b < 9),
            1.0,
            r"requirement must be one comparison by .*; got \(a < b\) & \(b < 9\)\nmake",
        ),
        (lambda a, b: ~(a < b), 1.0, r"requirement must be one comparison"),
        (lambda a, b: ks.functions.equal(a, b), 1.0, r"requirement must be one comparison .*\n.*share a parameter"),
        (lambda a, b: a == b, 1.0, r"requirement must be a comparison of expressions.*; got False \(bool\)"),
        (lambda a, b: a < b, 0.0, r"tolerance must be positive; tolerance = 0\.0"),
        (lambda a, b: a < b, "x", r"tolerance must be a real number"),
    ],
)
def test_bad_constraints_are_refused(requirement, tolerance, message):
    with pytest.raises(InvalidValueError, match=r"^Constraint: " + message):
        ks.Constraint(requirement(Parameter(1.0, name="a"), Parameter(2.0, name="b")), tolerance)
