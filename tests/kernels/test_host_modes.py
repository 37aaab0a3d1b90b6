"""The ways of refnx and refl1d: their numbers, beside the programs themselves, and their derivatives."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import FWHM_PER_SIGMA

THICKNESS = [250.0, 17.0]
SLD = [0.0, 6.3, 3.47, 2.07]
SLD_IMAG = [0.0, 0.02, 0.0, 0.01]
ROUGHNESS = [5.0, 4.0, 3.0]
STACK = (THICKNESS, SLD, SLD_IMAG, ROUGHNESS)
Q = np.concatenate([np.linspace(0.003, 0.03, 25), np.linspace(0.035, 0.25, 40)])
DQ = 0.03 * Q + 2e-4
TABLE = ([-2.0, -1.0, 0.0, 0.5, 3.0], [0.0, 2.0, 3.0, 1.0, 0.5])  # lopsided, of any area
# two kernels that agree to 1e-10 where R > 1e-8, and weights that do to a few roundoffs
HOST = 1e-9


def theory_points(seed=1, each=20):
    """Points as an oversampled probe has them: normal about the nominal ones, in no order."""
    rng = np.random.default_rng(seed)
    return np.concatenate([Q, np.abs(rng.normal(np.repeat(Q, each), np.repeat(DQ, each)))])


def slabs():
    rows = np.zeros((4, 4))
    rows[1:3, 0] = THICKNESS
    rows[:, 1] = SLD
    rows[:, 2] = SLD_IMAG
    rows[1:, 3] = ROUGHNESS
    return rows


MODES = {
    "refnx pointwise": lambda q, dq: ks.Resolution.refnx(dq, quad_order=31),
    "refnx constant": lambda q, dq: ks.Resolution.refnx(dq_over_q=0.03),
    "refl1d": lambda q, dq: ks.Resolution.refl1d(dq),
    "refl1d oversampled": lambda q, dq: ks.Resolution.refl1d(dq, theory=theory_points()),
    "refl1d uniform": lambda q, dq: ks.Resolution.refl1d(dq, shape="uniform", theory=theory_points()),
    "refl1d sampled": lambda q, dq: ks.Resolution.refl1d(dq, shape=TABLE, theory=theory_points()),
}
MATRICES = [name for name in MODES if name != "refnx pointwise"]


@pytest.mark.parametrize("order", [5, 17, 61])
def test_refnx_pointwise(order):
    reflect_model = pytest.importorskip("refnx.reflect.reflect_model", reason="refnx is not installed")
    expected = reflect_model.reflectivity(Q, slabs(), scale=1.1, bkg=1e-7, dq=FWHM_PER_SIGMA * DQ, quad_order=order)
    resolution = ks.Resolution.refnx(DQ, quad_order=order)
    np.testing.assert_allclose(ks.reflectivity(Q, *STACK, scale=1.1, background=1e-7, dq=resolution), expected, HOST)


@pytest.mark.parametrize(
    "q",
    [Q, np.linspace(0.01, 0.3, 301), Q[::-1].copy(), np.array([0.05]), np.concatenate([[0.0], Q])],
    ids=["uneven", "even", "descending", "one point", "with zero"],
)
@pytest.mark.parametrize("dq_over_q", [0.0022, 0.01, 0.03, 0.2])
def test_refnx_constant(dq_over_q, q):
    reflect_model = pytest.importorskip("refnx.reflect.reflect_model", reason="refnx is not installed")
    per_cent = 100.0 * FWHM_PER_SIGMA * dq_over_q
    expected = reflect_model.reflectivity(q, slabs(), scale=1.1, bkg=1e-7, dq=per_cent)
    resolution = ks.Resolution.refnx(dq_over_q=dq_over_q)
    found = ks.reflectivity(q, *STACK, scale=1.1, background=1e-7, dq=resolution)
    np.testing.assert_allclose(found, expected, rtol=HOST)


def test_refnx_does_not_smear_below_half_a_per_cent():
    reflect_model = pytest.importorskip("refnx.reflect.reflect_model", reason="refnx is not installed")
    resolution = ks.Resolution.refnx(dq_over_q=0.499 / 100.0 / FWHM_PER_SIGMA)
    np.testing.assert_allclose(
        ks.reflectivity(Q, *STACK, dq=resolution), reflect_model.reflectivity(Q, slabs(), dq=0.499), rtol=HOST
    )
    np.testing.assert_array_equal(resolution.sigma(Q), 0.0)
    _, jacobian = ks.reflectivity_jacobian(Q, *STACK, dq=resolution)
    np.testing.assert_array_equal(jacobian.q, ks.reflectivity_jacobian(Q, *STACK)[1].q)


@pytest.fixture
def refl1d_reflectivity():
    module = pytest.importorskip("refl1d.sample.reflectivity", reason="refl1d is not installed")
    pytest.importorskip("refl1d.backends").set_backend("python")  # compiles nothing
    return module


@pytest.mark.parametrize("oversampled", [False, True])
@pytest.mark.parametrize("shape", ["normal", "uniform", TABLE], ids=["normal", "uniform", "sampled"])
def test_refl1d_convolution(refl1d_reflectivity, shape, oversampled):
    theory = np.unique(theory_points() if oversampled else Q)
    dq = DQ.copy()
    dq[[3, 40]] = 0.0
    r = ks.reflectivity(theory, *STACK)
    if isinstance(shape, str):
        expected = refl1d_reflectivity.convolve(theory, r, Q, dq, resolution=shape)
    else:
        expected = refl1d_reflectivity.convolve_sampled(theory, r, *shape, Q, dq)
    resolution = ks.Resolution.refl1d(dq, shape=shape, theory=theory if oversampled else None)
    # on each piece, convolve_sampled loses some digits to the differences of cubes of Q
    np.testing.assert_allclose(ks.reflectivity(Q, *STACK, dq=resolution), expected, rtol=HOST)


@pytest.mark.parametrize("oversampling", [None, 25])
@pytest.mark.parametrize("shape", ["normal", "uniform"])
def test_refl1d_probe(refl1d_reflectivity, shape, oversampling):
    names = pytest.importorskip("refl1d.names")
    ones = np.ones_like(Q)
    probe = names.QProbe(Q, DQ, R=ones, dR=ones, intensity=1.1, background=1e-7, resolution=shape)
    theory = None
    if oversampling:
        probe.oversample(oversampling, seed=3)
        theory = probe.calc_Q
    materials = [names.SLD(str(i), rho=rho, irho=irho) for i, (rho, irho) in enumerate(zip(SLD, SLD_IMAG, strict=True))]
    sample = materials[3](0, ROUGHNESS[2]) | materials[2](THICKNESS[1], ROUGHNESS[1])
    sample = sample | materials[1](THICKNESS[0], ROUGHNESS[0]) | materials[0]
    experiment = names.Experiment(probe=probe, sample=sample, dz=0.1, step_interfaces=False)
    _, expected = experiment.reflectivity()
    resolution = ks.Resolution.refl1d(DQ, shape=shape, theory=theory)
    np.testing.assert_allclose(ks.reflectivity(Q, *STACK, scale=1.1, background=1e-7, dq=resolution), expected, HOST)


def test_refl1d_from_the_back(refl1d_reflectivity):
    r = ks.reflectivity(-Q, *STACK)
    expected = refl1d_reflectivity.convolve(Q, r, Q, DQ)
    np.testing.assert_allclose(ks.reflectivity(-Q, *STACK, dq=ks.Resolution.refl1d(DQ)), expected, rtol=HOST)


def test_matrices_approach_the_integral():
    q = np.linspace(0.05, 0.2, 60)
    dq = 0.02 * q
    theory = np.linspace(0.02, 0.24, 40_000)
    # straight lines 5.5e-6 apart: (250 angstrom * 5.5e-6)² / 8 of a fringe; the Gaussian's cut: 2e-4 of its mass, where
    # R is some times as large as in a minimum of the fringes
    for shape, exact, error in (
        ("normal", ks.Resolution.gaussian, 1.5e-3),
        ("uniform", ks.Resolution.uniform, 1e-5),
        (([-3.0, 0.0, 3.0], [0.0, 1.0, 0.0]), lambda dq: ks.Resolution.triangular(3.0 / np.sqrt(6.0) * dq), 1e-5),
    ):
        found = ks.reflectivity(q, *STACK, dq=ks.Resolution.refl1d(dq, shape=shape, theory=theory))
        np.testing.assert_allclose(found, ks.reflectivity(q, *STACK, dq=exact(dq)), rtol=error)


def test_refnx_constant_is_a_gaussian_of_log_q():
    # samples 0.068 FWHM apart on a grid whose steps, with rounding, are 0.068 sigma decades: narrower than dq_over_q by
    # ln(10) / FWHM_PER_SIGMA = 0.978. Nodes stand still in the derivatives, which they do not in refnx: what remains is
    # the derivative of the integral
    q, width = np.linspace(0.02, 0.2, 80), 0.03
    grid_step = np.diff(np.log(ks.Resolution.refnx(dq_over_q=width).smearing(q)[1]))[0]
    narrower = grid_step / (0.068 * FWHM_PER_SIGMA * width)
    assert narrower == pytest.approx(np.log(10.0) / FWHM_PER_SIGMA, rel=2e-3)
    z = np.linspace(-4.08, 4.08, 4001)  # each of the 51 samples stands for 0.16 sigma
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi) * (z[1] - z[0])
    r, jacobian = ks.reflectivity_jacobian(q, *STACK, dq=ks.Resolution.refnx(dq_over_q=width))
    at, curve = ks.reflectivity_jacobian((q[:, np.newaxis] * np.exp(narrower * width * z)).ravel(), *STACK)
    at, slope = at.reshape(80, -1), curve.q.reshape(80, -1)
    spread = np.exp(narrower * width * z)
    # the cubic through nodes 0.5 % apart, on fringes of 250 angstrom; the samples' own ends
    np.testing.assert_allclose(r, at @ density, rtol=2e-3)
    scale = r / (width * q)
    assert np.all(np.abs(jacobian.q - (slope * spread) @ density) <= 2e-3 * scale)
    # in the form that keeps what moves over the cut
    by_width = at @ (density * (z * z - 1.0)) / (width * q)
    assert np.all(np.abs(jacobian.dq - by_width) <= 2e-3 * scale)


@pytest.mark.parametrize("mode", MATRICES)
def test_constant_curve(mode):
    # total reflection: refl1d renormalises; the samples of refnx's Gaussian reach 4.08 sigma, and miss 4.4e-5
    found = ks.reflectivity(Q, [], [0.0, 1e4], dq=MODES[mode](Q, DQ))
    np.testing.assert_allclose(found, 1.0 - 4.4e-5 if mode == "refnx constant" else 1.0, rtol=2e-6)


@pytest.mark.parametrize("mode", ["refl1d oversampled", "refl1d uniform", "refl1d sampled"])
def test_derivatives_by_q_and_width_at_fixed_theory_points(mode):
    _, jacobian = ks.reflectivity_jacobian(Q, *STACK, dq=MODES[mode](Q, DQ))

    def difference(by_q, by_dq, h=1e-9):
        r = [ks.reflectivity(Q + s * by_q, *STACK, dq=MODES[mode](Q, DQ + s * by_dq)) for s in (-h, h)]
        return (r[1] - r[0]) / (2.0 * h)

    # where a theory point enters or leaves the kernel, the cut moves: none does within 1e-9 of these
    for name, expected in (("q", difference(1.0, 0.0)), ("dq", difference(0.0, 1.0))):
        scale = ks.reflectivity(Q, *STACK) / DQ
        # roundoff of R over the step, 1e-16 / 1e-9 of it
        assert np.all(np.abs(getattr(jacobian, name) - expected) <= 1e-6 * scale), name


@pytest.mark.parametrize("shape", ["normal", "uniform"])
def test_without_width_refl1d_draws_the_straight_line(shape):
    theory = np.linspace(0.002, 0.26, 200)
    r, jacobian = ks.reflectivity_jacobian(Q, *STACK, dq=ks.Resolution.refl1d(0.0, shape=shape, theory=theory))
    at = ks.reflectivity(theory, *STACK)
    np.testing.assert_allclose(r, np.interp(Q, theory, at), rtol=1e-12)
    slope = np.diff(at)[np.searchsorted(theory, Q) - 1] / (theory[1] - theory[0])
    np.testing.assert_allclose(jacobian.q, slope, rtol=1e-9)
    np.testing.assert_array_equal(jacobian.dq, 0.0)


def test_refnx_constant_is_linear_in_r():
    # the derivative by the stack is the same matrix on the derivatives at the nodes
    resolution = ks.Resolution.refnx(dq_over_q=0.03)
    _, q, first, start, weight, by_q, _ = resolution.smearing(Q)
    r, at = ks.reflectivity_jacobian(q, *STACK)
    _, jacobian = ks.reflectivity_jacobian(Q, *STACK, dq=resolution)
    for i in (0, 17, 64):
        rows, nodes = slice(start[i], start[i + 1]), slice(first[i], first[i] + start[i + 1] - start[i])
        np.testing.assert_allclose(jacobian.thickness[i], weight[rows] @ at.thickness[nodes], rtol=1e-9, atol=1e-18)
        np.testing.assert_allclose(jacobian.q[i], by_q[rows] @ r[nodes], rtol=1e-10)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("mode", MODES)
def test_products_are_those_of_the_jacobian(mode, sign):
    rng = np.random.default_rng(5)
    q = sign * Q
    resolution = MODES[mode](Q, DQ)
    r, jacobian = ks.reflectivity_jacobian(q, *STACK, scale=1.3, dq=resolution)
    np.testing.assert_allclose(ks.reflectivity(q, *STACK, scale=1.3, dq=resolution), r, rtol=1e-12)
    cotangent = rng.standard_normal(Q.size)
    again, gradient = ks.reflectivity_vjp(q, *STACK, scale=1.3, dq=resolution, cotangent=cotangent)
    np.testing.assert_allclose(again, r, rtol=1e-12)
    tangents = {
        name: rng.standard_normal(np.shape(value)) for name, value in zip(jacobian._fields, STACK, strict=False)
    }
    tangents |= {"q": rng.standard_normal(Q.size), "dq": rng.standard_normal(Q.size)}
    expected = np.zeros(Q.size)
    for name, tangent in tangents.items():
        derivative = getattr(jacobian, name)
        if derivative.ndim == 1:
            expected += derivative * tangent
            product = cotangent * derivative
        else:
            expected += derivative @ tangent
            product = cotangent @ derivative
        # sums of 65 terms that cancel
        size = np.abs(derivative).max()
        np.testing.assert_allclose(getattr(gradient, name), product, rtol=1e-9, atol=1e-12 * size)
    found_r, found = ks.reflectivity_jvp(q, *STACK, scale=1.3, dq=resolution, tangents=tangents)
    np.testing.assert_allclose(found_r, r, rtol=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("mode", MODES)
def test_plan_gives_the_same(mode):
    resolution = MODES[mode](Q, DQ)
    plan = ks.Plan(Q, resolution)
    expected, jacobian = ks.reflectivity_jacobian(Q, *STACK, dq=resolution)
    for _ in range(2):
        np.testing.assert_allclose(plan.reflectivity(*STACK), expected, rtol=1e-12)
    r, planned = plan.jacobian(*STACK)
    np.testing.assert_allclose(r, expected, rtol=1e-12)
    np.testing.assert_array_equal(planned.dq, jacobian.dq)


@pytest.mark.parametrize("mode", MODES)
def test_batches_of_stacks_and_many_points(mode):
    resolution = MODES[mode](Q, DQ)
    thickness = np.array([[250.0, 17.0], [100.0, 50.0]])
    together = ks.reflectivity(Q, thickness, *STACK[1:], dq=resolution)
    for row, d in zip(together, thickness, strict=True):
        np.testing.assert_array_equal(row, ks.reflectivity(Q, d, *STACK[1:], dq=resolution))
    # several blocks of points
    many = np.linspace(0.005, 0.2, 700)
    whole = MODES[mode](many, 0.03 * many)
    widths = whole.sigma(many)
    if mode.startswith("refl1d") and mode != "refl1d":
        parts = [MODES[mode](many[s], widths[s]) for s in (slice(0, 300), slice(300, 700))]
        halves = [
            ks.reflectivity(many[s], *STACK, dq=part)
            for s, part in zip((slice(0, 300), slice(300, 700)), parts, strict=True)
        ]
        np.testing.assert_allclose(ks.reflectivity(many, *STACK, dq=whole), np.concatenate(halves), rtol=1e-12)


@pytest.mark.parametrize("mode", MATRICES)
def test_polarised_channels(mode):
    resolution = MODES[mode](Q, DQ)
    found = ks.polarised_reflectivity(Q, *STACK, sld_magnetic=[0.0, 2.0, 0.0, 0.0], theta_m=90.0, dq=resolution)
    for channel, sign in (("pp", 1.0), ("mm", -1.0)):
        sld = np.add(SLD, [0.0, 2.0 * sign, 0.0, 0.0])
        expected = ks.reflectivity(Q, THICKNESS, sld, SLD_IMAG, ROUGHNESS, dq=resolution)
        np.testing.assert_allclose(getattr(found, channel), expected, rtol=1e-10)


@pytest.mark.parametrize("mode", MODES)
def test_survives_pickling_and_copying(mode):
    resolution = MODES[mode](Q, DQ)
    expected = ks.reflectivity(Q, *STACK, dq=resolution)
    for other in (pickle.loads(pickle.dumps(resolution)), copy.deepcopy(resolution)):
        assert repr(other) == repr(resolution)
        np.testing.assert_array_equal(ks.reflectivity(Q, *STACK, dq=other), expected)


def test_the_matrix_follows_the_points():
    # it is kept for the next call with the same points, and for no other
    resolution = ks.Resolution.refl1d(1e-3)
    first = ks.reflectivity(Q, *STACK, dq=resolution)
    ks.reflectivity(Q[:30], *STACK, dq=resolution)
    np.testing.assert_array_equal(ks.reflectivity(Q, *STACK, dq=resolution), first)
    assert resolution.smearing(Q) is resolution.smearing(Q)
    shifted = ks.reflectivity(Q + 1e-3, *STACK, dq=resolution)
    np.testing.assert_array_equal(shifted, ks.reflectivity(Q + 1e-3, *STACK, dq=ks.Resolution.refl1d(1e-3)))


def test_repr():
    assert repr(ks.Resolution.refnx(1e-3)) == "Resolution.refnx(dq=0.001)"
    assert repr(ks.Resolution.refnx(1e-3, quad_order=5)) == "Resolution.refnx(dq=0.001, quad_order=5)"
    assert repr(ks.Resolution.refnx(dq_over_q=0.02)) == "Resolution.refnx(dq_over_q=0.02)"
    assert repr(ks.Resolution.refl1d(1e-3)) == "Resolution.refl1d(dq=0.001)"
    uniform = ks.Resolution.refl1d(1e-3, shape="uniform", theory=[0.1, 0.2])
    assert repr(uniform) == "Resolution.refl1d(dq=0.001, shape='uniform', 2 theory points)"


def smeared(q, resolution):
    return ks.reflectivity(q, *STACK, dq=resolution)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda r: r.refnx(), InvalidValueError, r"^Resolution\.refnx: exactly one of dq and dq_over_q.*neither$"),
        (lambda r: r.refnx(1e-3, dq_over_q=0.1), InvalidValueError, "got both$"),
        (lambda r: r.refnx(dq_over_q=5.0), InvalidValueError, r"^Resolution\.refnx: dq_over_q must be a fraction"),
        (
            lambda r: r.refnx(1e-3, quad_order=0),
            InvalidValueError,
            "quad_order must be an integer from 1 to 1000; got 0",
        ),
        (lambda r: r.refnx(1e-3, quad_order=2.5), InvalidValueError, "quad_order must be an integer .* got 2.5"),
        (lambda r: smeared([0.0], r.refnx(dq_over_q=0.1)), InvalidValueError, "q must have a point other than 0"),
        (lambda r: r.refl1d(-1.0), InvalidValueError, r"^Resolution\.refl1d: dq must be finite and non-negative"),
        (
            lambda r: r.refl1d(1e-3, shape="square"),
            InvalidValueError,
            "shape must be 'normal', 'uniform' .* 'square'",
        ),
        (lambda r: r.refl1d(1e-3, shape=3), InvalidValueError, "shape must be .* got 3"),
        (lambda r: r.refl1d(1e-3, shape=([0, 1], [-1, 1])), InvalidValueError, r"densities\[0\] = -1\.0"),
        (lambda r: r.refl1d(1e-3, theory=[0.1, -0.2]), InvalidValueError, r"theory\[1\] = -0\.2"),
        (lambda r: r.refl1d(1e-3, theory=[0.1, np.nan]), InvalidValueError, r"theory\[1\] = nan"),
        (lambda r: r.refl1d(1e-3, theory=[0.1, 0.1]), InvalidValueError, "theory must have at least two different"),
        (lambda r: r.refl1d(1e-3, theory=[[0.1], [0.2]]), ShapeError, r"theory must be a vector; got shape \(2, 1\)"),
        (lambda r: smeared([0.1], r.refl1d(1e-3)), InvalidValueError, "at least two different points; got 1"),
        (
            lambda r: smeared([0.1, 0.3, 0.2], r.refl1d(1e-3, theory=[0.1, 0.2])),
            InvalidValueError,
            r"^Resolution\.refl1d: q must be within its resolution of the theory points, 0.1 to 0.2 .*; q\[1\] = 0.3$",
        ),
        (
            lambda r: smeared([0.1, 0.3], r.refl1d(1e-3, shape="uniform", theory=[0.1, 0.2])),
            InvalidValueError,
            r"q\[1\] = 0.3$",
        ),
        (lambda r: smeared([0.1, 0.3], r.refl1d(0.0, theory=[0.1, 0.2])), InvalidValueError, r"q\[1\] = 0.3$"),
        (lambda r: smeared([-0.1, 0.1], r.refl1d(1e-3)), InvalidValueError, "points share the nodes of one side"),
        (lambda r: smeared([-0.1, 0.1], r.refnx(dq_over_q=0.1)), InvalidValueError, "the nodes of one side"),
        (
            lambda r: smeared([[0.1, 0.2], [0.1, 0.3]], r.refl1d(1e-3)),
            ShapeError,
            r"q must be one vector, all of whose points share the nodes; got shape \(2, 2\)",
        ),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call(ks.Resolution)
