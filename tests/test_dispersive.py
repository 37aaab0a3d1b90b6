"""SLDs that belong to the point: beside a loop over points, transfer matrices, refnx; derivatives of every kind."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.dispersive import _Layout
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from reference import transfer_matrix

FIELDS = ("thickness", "sld", "sld_imag", "roughness", "q", "scale", "background")
PER_POINT = ("q", "scale", "background", "dq")


def example(seed, n_q=40, n_sets=5, n=3, *, negative=True):
    """A sample with some sets of SLDs, and points that choose among them in no order."""
    rng = np.random.default_rng(seed)
    q = rng.uniform(0.004, 0.2, n_q)
    if negative:
        q[::7] *= -1.0
        q[1::11] = 0.0
    return {
        "q": q,
        "thickness": rng.uniform(5.0, 200.0, n),
        "sld": rng.uniform(-0.5, 7.0, (n_sets, n + 2)),
        "sld_imag": rng.uniform(0.0, 1.0, (n_sets, n + 2)),
        "roughness": rng.uniform(0.0, 6.0, n + 1),
        "index": rng.integers(0, n_sets, n_q),
    }


def one_point(case, i, **more):
    """The point alone, with its own set."""
    own = case["index"][i]
    stack = (case["thickness"], case["sld"][own], case["sld_imag"][own], case["roughness"])
    return ks.reflectivity_jacobian(case["q"][i : i + 1], *stack, **more)


@pytest.mark.parametrize(("n_q", "n_sets"), [(1, 1), (40, 1), (40, 5), (40, 40), (13, 60), (600, 2)])
def test_is_a_loop_over_points(n_q, n_sets):
    case = example(1, n_q, n_sets)
    more = {"scale": 0.9, "background": 1e-6}
    r, jacobian = ks.dispersive_reflectivity_jacobian(**case, **more)
    assert jacobian.dq is None
    for i in range(n_q):
        alone, own = one_point(case, i, **more)
        # the same formula, in another block of the vector unit
        np.testing.assert_allclose(r[i], alone[0], rtol=1e-12)
        for name in FIELDS:
            expected = getattr(own, name)[0]
            found = getattr(jacobian, name)[i]
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13 * np.abs(expected).max(), err_msg=name)
    np.testing.assert_allclose(ks.dispersive_reflectivity(**case, **more), r, rtol=1e-12)


def test_values_against_transfer_matrices():
    case = example(2, negative=False)
    r = ks.dispersive_reflectivity(**case)
    for own in range(5):
        at = case["index"] == own
        stack = (case["thickness"], case["sld"][own], case["sld_imag"][own], case["roughness"])
        exact = transfer_matrix.reflectivity(case["q"][at], *stack)
        # another algorithm in double precision; R of 1e-8 has an amplitude of 1e-4 with roundoff 1e-15
        np.testing.assert_allclose(r[at], exact, rtol=1e-9, atol=1e-18)


def test_points_are_smeared_with_their_own_set():
    case = example(3)
    rng = np.random.default_rng(3)
    dq = 0.03 * np.abs(case["q"]) + 1e-4
    dq[::5] = 0.0
    r, jacobian = ks.dispersive_reflectivity_jacobian(**case, dq=dq)
    np.testing.assert_allclose(ks.dispersive_reflectivity(**case, dq=dq), r, rtol=1e-12)
    cotangent = rng.standard_normal(40)
    _, gradient = ks.dispersive_reflectivity_vjp(**case, dq=dq, cotangent=cotangent)
    np.testing.assert_allclose(gradient.dq, cotangent * jacobian.dq, rtol=1e-9, atol=1e-14)
    for i in range(40):
        alone, own = one_point(case, i, dq=dq[i : i + 1])
        # nodes are shared with other points of the set: each keeps the bound of 1e-5
        np.testing.assert_allclose(r[i], alone[0], rtol=2e-5)
        scale = np.abs(own.dq[0]) + alone[0] / (dq[i] + 1e-4)
        assert abs(jacobian.dq[i] - own.dq[0]) < 1e-3 * scale
        np.testing.assert_allclose(jacobian.sld[i], own.sld[0], rtol=1e-3, atol=1e-4 * alone[0])


@pytest.mark.parametrize(
    "resolution",
    [
        ks.Resolution.constant(0.02),
        ks.Resolution.gaussian(1e-3),
        ks.Resolution.refnx(np.linspace(1e-4, 2e-3, 40)),
        ks.Resolution.triangular(np.linspace(1e-4, 2e-3, 40)),
        ks.Resolution.sampled([-1.0, 0.0, 2.0], [1.0, 3.0, 0.0], dq=np.linspace(1e-4, 2e-3, 40)),
    ],
    ids=["constant", "one width", "refnx", "triangular", "sampled"],
)
def test_resolution_objects(resolution):
    case = example(4)
    r = ks.dispersive_reflectivity(**case, dq=resolution)
    for i in range(40):
        own = resolution.rearranged(lambda widths, i=i: widths[i : i + 1])
        alone, _ = one_point(case, i, dq=own)
        np.testing.assert_allclose(r[i], alone[0], rtol=2e-5)
    cotangent = np.ones(40)
    _, gradient = ks.dispersive_reflectivity_vjp(**case, dq=resolution, cotangent=cotangent)
    assert gradient.dq.shape == (40,)


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize(("n_q", "n_sets"), [(40, 5), (30, 30), (13, 60)])
def test_products_are_those_of_the_jacobian(n_q, n_sets, smeared):
    rng = np.random.default_rng([5, n_q, smeared])
    case = example(5, n_q, n_sets)
    more = {"scale": 1.3, "background": 1e-5}
    if smeared:
        more["dq"] = 0.02 * np.abs(case["q"]) + 1e-4
    r, jacobian = ks.dispersive_reflectivity_jacobian(**case, **more)
    cotangent = rng.standard_normal(n_q)
    again, gradient = ks.dispersive_reflectivity_vjp(**case, **more, cotangent=cotangent)
    np.testing.assert_allclose(again, r, rtol=1e-12)
    inputs = {**case, **more}
    tangents, expected = {}, np.zeros(n_q)
    for name in FIELDS + (("dq",) if smeared else ()):
        derivative, weighted = getattr(jacobian, name), getattr(gradient, name)
        tangent = rng.standard_normal(np.shape(inputs[name]))
        tangents[name] = tangent
        assert weighted.shape == np.shape(inputs[name])
        if name in ("sld", "sld_imag"):
            total = np.zeros((n_sets, 5))
            np.add.at(total, case["index"], cotangent[:, np.newaxis] * derivative)
            expected += np.einsum("ij,ij->i", derivative, tangent[case["index"]])
        elif name in ("q", "dq"):
            total = cotangent * derivative
            expected += derivative * tangent
        else:
            total = cotangent @ derivative
            expected += derivative @ tangent if np.ndim(tangent) else derivative * tangent
        # sums of n_q terms that cancel
        np.testing.assert_allclose(weighted, total, rtol=1e-9, atol=1e-12 * np.abs(derivative).max(), err_msg=name)
    found_r, found = ks.dispersive_reflectivity_jvp(**case, **more, tangents=tangents)
    np.testing.assert_allclose(found_r, r, rtol=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    unused = np.setdiff1d(np.arange(n_sets), case["index"])
    np.testing.assert_array_equal(gradient.sld[unused], 0.0)
    assert unused.size or n_sets < 60


def test_order_of_the_points_does_not_matter():
    rng = np.random.default_rng(6)
    case = example(6, 200, 7)
    r = ks.dispersive_reflectivity(**case)
    order = rng.permutation(200)
    shuffled = {**case, "q": case["q"][order], "index": case["index"][order]}
    np.testing.assert_allclose(ks.dispersive_reflectivity(**shuffled), r[order], rtol=1e-12)


def test_one_set_for_all_is_the_plain_kernel():
    case = example(7, n_sets=1)
    stack = (case["thickness"], case["sld"][0], case["sld_imag"][0], case["roughness"])
    np.testing.assert_allclose(ks.dispersive_reflectivity(**case), ks.reflectivity(case["q"], *stack), rtol=1e-12)


def test_sets_that_share_their_sld_or_their_absorption():
    case = example(8)
    full = ks.dispersive_reflectivity(**{**case, "sld": np.broadcast_to(case["sld"][:1], (5, 5))})
    for shared in (case["sld"][0], case["sld"][:1]):
        changed = {**case, "sld": shared}
        np.testing.assert_allclose(ks.dispersive_reflectivity(**changed), full, rtol=1e-12)
        _, gradient = ks.dispersive_reflectivity_vjp(**changed, cotangent=1.0)
        _, jacobian = ks.dispersive_reflectivity_jacobian(**changed)
        assert gradient.sld.shape == shared.shape
        assert gradient.sld_imag.shape == (5, 5)
        np.testing.assert_allclose(gradient.sld.ravel(), jacobian.sld.sum(axis=0), rtol=1e-9, atol=1e-11)
    for absorption in (0.0, 0.3, case["sld_imag"][0]):
        changed = {**case, "sld_imag": absorption}
        each = np.array(np.broadcast_to(absorption, (5, 5)))
        expected = ks.dispersive_reflectivity(**{**case, "sld_imag": each})
        np.testing.assert_allclose(ks.dispersive_reflectivity(**changed), expected, rtol=1e-12)
        _, gradient = ks.dispersive_reflectivity_vjp(**changed, cotangent=1.0)
        assert gradient.sld_imag.shape == np.shape(absorption)


def test_leading_dimensions_are_a_batch():
    case = example(9)
    rng = np.random.default_rng(9)
    thickness = rng.uniform(5.0, 200.0, (2, 1, 3))
    sld = rng.uniform(0.0, 6.0, (4, 5, 5))
    scale = rng.uniform(0.5, 1.0, (2, 1))
    batch = {**case, "thickness": thickness, "sld": sld}
    dq = 0.02 * np.abs(case["q"])
    cotangent = rng.standard_normal((2, 4, 40))
    for more in ({}, {"dq": dq}):
        r, jacobian = ks.dispersive_reflectivity_jacobian(**batch, **more, scale=scale)
        _, gradient = ks.dispersive_reflectivity_vjp(**batch, **more, scale=scale, cotangent=cotangent)
        assert r.shape == (2, 4, 40)
        assert jacobian.thickness.shape == (2, 4, 40, 3)
        assert jacobian.sld.shape == (2, 4, 40, 5)
        for i in range(2):
            for j in range(4):
                alone = {**case, "thickness": thickness[i, 0], "sld": sld[j]}
                one, own = ks.dispersive_reflectivity_jacobian(**alone, **more, scale=scale[i, 0])
                np.testing.assert_allclose(r[i, j], one, rtol=1e-12)
                np.testing.assert_allclose(jacobian.sld[i, j], own.sld, rtol=1e-10, atol=1e-14)
        expected = np.einsum("ijq,ijqk->ik", cotangent, jacobian.thickness)[:, np.newaxis]
        np.testing.assert_allclose(gradient.thickness, expected, rtol=1e-9, atol=1e-10)
        expected = np.einsum("ijq,ijq->i", cotangent, jacobian.scale)[:, np.newaxis]
        np.testing.assert_allclose(gradient.scale, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(gradient.q, np.sum(cotangent * jacobian.q, axis=(0, 1)), rtol=1e-9, atol=1e-10)
        assert gradient.roughness.shape == (4,)
        assert gradient.sld.shape == (4, 5, 5)
    tangents = {"sld": rng.standard_normal((4, 5, 5)), "scale": 0.3}
    _, dr = ks.dispersive_reflectivity_jvp(**batch, scale=scale, tangents=tangents)
    r, jacobian = ks.dispersive_reflectivity_jacobian(**batch, scale=scale)
    expected = np.einsum("ijqk,jqk->ijq", jacobian.sld, tangents["sld"][:, case["index"]]) + 0.3 * jacobian.scale
    np.testing.assert_allclose(dr, expected, rtol=1e-9, atol=1e-12)


def test_one_q_alone_and_none_at_all():
    sld = [[0.0, 3.0, 2.07], [0.0, 4.0, 2.07]]
    expected = ks.reflectivity(0.05, [100.0], sld[1])
    assert ks.dispersive_reflectivity(0.05, [100.0], sld, index=1).shape == ()
    assert ks.dispersive_reflectivity(0.05, [100.0], sld, index=1) == pytest.approx(float(expected), rel=1e-12)
    _, jacobian = ks.dispersive_reflectivity_jacobian(0.05, [100.0], sld, index=1, dq=1e-3)
    assert jacobian.sld.shape == (3,)
    assert jacobian.dq.shape == jacobian.q.shape == ()
    _, gradient = ks.dispersive_reflectivity_vjp(0.05, [100.0], sld, index=1, dq=1e-3, cotangent=2.0)
    assert gradient.q.shape == gradient.dq.shape == ()
    assert float(gradient.q) == pytest.approx(2.0 * float(jacobian.q), rel=1e-9)
    np.testing.assert_array_equal(gradient.sld[0], 0.0)
    _, dr = ks.dispersive_reflectivity_jvp(0.05, [100.0], sld, index=1, tangents={"q": 2.0})
    assert dr.shape == ()
    r, jacobian = ks.dispersive_reflectivity_jacobian([], [100.0], sld, index=[])
    assert r.shape == (0,)
    assert jacobian.sld.shape == (0, 3)
    _, gradient = ks.dispersive_reflectivity_vjp([], [100.0], sld, index=[], cotangent=[])
    np.testing.assert_array_equal(gradient.sld, np.zeros((2, 3)))


def test_repeated_cells():
    case = example(10)
    thickness = np.array([20.0, 30.0, 40.0])
    r = ks.dispersive_reflectivity(**{**case, "thickness": thickness}, repeats=[(1, 3, 6)])
    for i in (0, 1, 2, 3):
        own = case["index"][i]
        stack = (thickness, case["sld"][own], case["sld_imag"][own], case["roughness"])
        np.testing.assert_allclose(r[i], ks.reflectivity(case["q"][i], *stack, repeats=[(1, 3, 6)]), rtol=1e-12)


def test_inputs_stay_as_they_are_and_results_are_fresh():
    case = example(11)
    before = {name: value.copy() for name, value in case.items()}
    r, jacobian = ks.dispersive_reflectivity_jacobian(**case)
    for array in (r, *(field for field in jacobian if field is not None)):
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert array.dtype == np.float64
        array[...] = np.nan
    for name, value in before.items():
        np.testing.assert_array_equal(case[name], value)


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize("counts", [[1000, *[1] * 99], [1] * 300, [0, 3, 0, 700, 9], [257, 255, 256]])
def test_rows_hold_few_copies(counts, smeared):
    rng = np.random.default_rng(12)
    index = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    row_cost = 50 if smeared else 8
    layout = _Layout.of(index, len(counts), row_cost)
    points = np.arange(index.size)
    np.testing.assert_array_equal(layout.positions.ravel()[layout.place], points)
    np.testing.assert_array_equal(np.sort(layout.positions[layout.real]), points)
    np.testing.assert_array_equal(
        index[layout.positions], np.broadcast_to(layout.sets[:, np.newaxis], layout.real.shape)
    )
    # at most twice what no arrangement can go below: every point once, and one row for every set that has points
    least = index.size + row_cost * np.count_nonzero(counts)
    assert layout.positions.size + row_cost * layout.sets.size <= 2 * least


def test_time_of_flight_like_refnx():
    reflect = pytest.importorskip("refnx.reflect", reason="refnx is not installed")
    if not hasattr(reflect, "ReflectModelTL"):
        pytest.skip("this refnx has no wavelength-dependent model")
    wavelength = np.repeat(np.geomspace(2.0, 18.0, 12), 3)
    theta = np.tile([0.5, 0.9, 2.0], 12)
    gadolinia = reflect.MaterialSLD("Gd2O3", 7.41)
    structure = reflect.SLD(0) | gadolinia(120, 3) | reflect.SLD(2.07)(0, 4)
    each, index = np.unique(wavelength, return_inverse=True)
    slabs = []
    for wave in each:
        structure.wavelength = wave
        slabs.append(structure.slabs()[:, :4])
    slabs = np.array(slabs)
    assert np.ptp(slabs[:, 1, 1]) > 0.1  # it is wavelength-dependent at all
    stack = (slabs[0, 1:-1, 0], slabs[..., 1], slabs[..., 2], slabs[0, 1:, 3])
    offset = 0.012
    probe = ks.Probe(theta, wavelength, offset=offset)
    footprint = reflect.Footprint(30.0, 0.4)
    model = reflect.ReflectModelTL(structure, bkg=2e-7, scale=0.9, dq=5.0, t_offset=offset, footprint=footprint)
    expected = model.model(np.c_[theta, wavelength])
    sigma = ks.Resolution.refnx(ks.instrument.sigma_from_fwhm(0.05 * probe.q))
    found = ks.dispersive_reflectivity(probe.q, *stack, index=index, scale=0.9, dq=sigma)
    found = found * ks.Footprint.gaussian_fwhm(0.4, 30.0).fraction(probe.angle) + 2e-7
    # two kernels that agree to 1e-9 in the amplitudes' roundoff
    np.testing.assert_allclose(found, expected, rtol=1e-9)


GOOD = {"q": [0.01, 0.05], "thickness": [100.0], "sld": [[0.0, 3.0, 2.07], [0.0, 4.0, 2.07]], "index": [0, 1]}


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        (
            {"index": [0, 2]},
            InvalidValueError,
            r"^dispersive_reflectivity: index must be 0 to 1 \(sld has 2 sets\); index\[1\] = 2$",
        ),
        ({"index": [0, -1]}, InvalidValueError, r"index\[1\] = -1$"),
        ({"index": [0.0, 1.0]}, InvalidValueError, "index must be integers, the set of each point; got dtype float64"),
        ({"index": [True, False]}, InvalidValueError, "got dtype bool"),
        ({"index": [0, 1, 1]}, ShapeError, r"index must have shape \(2,\), one set per point of q; got shape \(3,\)"),
        ({"index": 0}, ShapeError, r"got shape \(\)"),
        ({"sld": 3.0}, ShapeError, r"sld must have shape \(..., n_sets, n \+ 2\); got shape \(\)"),
        ({"sld": [[0.0], [1.0]]}, ShapeError, r"got shape \(2, 1\)"),
        ({"sld": [[0.0, np.nan, 2.07]] * 2}, InvalidValueError, r"sld must be finite; sld\[0, 1\] = nan"),
        ({"sld_imag": [[0.0, 0.0, 0.1], [0.0, -1.0, 0.0]]}, InvalidValueError, r"sld_imag\[1, 1\] = -1\.0"),
        ({"sld_imag": np.zeros((3, 3))}, ShapeError, r"sets must broadcast; got sld \(2,\), sld_imag \(3,\)"),
        (
            {"thickness": [100.0, 20.0]},
            ShapeError,
            r"thickness must have 1 entries on its last axis \(sld has 3 media\)",
        ),
        ({"thickness": [-1.0]}, InvalidValueError, r"thickness\[0\] = -1\.0 angstrom"),
        ({"thickness": 100.0}, ShapeError, r"got shape \(\)"),
        ({"roughness": [1.0]}, ShapeError, "roughness must have 2 entries"),
        ({"q": [0.01, np.inf]}, InvalidValueError, r"q must be finite; q\[1\] = inf 1/angstrom"),
        ({"dq": [1e-3]}, ShapeError, r"dq must have the shape of q; got shape \(1,\)"),
        ({"dq": -1e-3}, InvalidValueError, "dq must be finite and non-negative"),
        (
            {"thickness": np.ones((2, 1)), "scale": np.ones(3)},
            ShapeError,
            r"leading \(batch\) dimensions must broadcast; got thickness \(2,\), scale \(3,\)",
        ),
        ({"threads": 0}, InvalidValueError, "^dispersive_reflectivity: threads must be"),
    ],
)
def test_refuses(changed, error, match):
    with pytest.raises(error, match=match):
        ks.dispersive_reflectivity(**{**GOOD, **changed})


def test_refuses_in_products():
    with pytest.raises(
        ShapeError, match=r"_vjp: cotangent must broadcast to the result's shape \(2,\); got shape \(3,\)"
    ):
        ks.dispersive_reflectivity_vjp(**GOOD, cotangent=np.ones(3))
    with pytest.raises(InvalidValueError, match=r"cotangent must be finite; cotangent\[1\] = nan"):
        ks.dispersive_reflectivity_vjp(**GOOD, cotangent=[0.0, np.nan])
    with pytest.raises(UnknownNameError, match=r"_jvp: tangents names no input: 'slds'; did you mean 'sld'\?"):
        ks.dispersive_reflectivity_jvp(**GOOD, tangents={"slds": 1.0})
    with pytest.raises(InvalidValueError, match="tangents has 'dq', but no dq was given"):
        ks.dispersive_reflectivity_jvp(**GOOD, tangents={"dq": 1.0})
    with pytest.raises(
        ShapeError, match=r"tangents\['sld'\] must broadcast to sld, shape \(2, 3\); got shape \(3, 3\)"
    ):
        ks.dispersive_reflectivity_jvp(**GOOD, tangents={"sld": np.ones((3, 3))})
