"""Patches side by side: against sums of single stacks and transfer matrices, values and derivatives, all layouts."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from reference import transfer_matrix
from reference.stacks import random_stack

MEDIA = ("thickness", "sld", "sld_imag", "roughness")
PLAIN = ("weights", "q", "scale", "background")
RNG = np.random.default_rng(0)
Q = np.concatenate([[-0.1, -0.02, 0.0], np.sort(RNG.uniform(0.004, 0.25, 30))])
DQ = 0.02 * np.abs(Q) + 1e-4


def stacks(seed, layers):
    rng = np.random.default_rng([1, seed])
    return [random_stack(rng, n, absorbing=True, fronting=0.0) for n in layers]


def in_one_array(patches):
    return {name: np.stack([getattr(stack, name) for stack in patches]) for name in MEDIA}


def one_by_one(patches):
    return {name: [getattr(stack, name) for stack in patches] for name in MEDIA}


CASES = {
    "array": (in_one_array, (3, 3, 3)),
    "list": (one_by_one, (0, 2, 5)),
    "list of equals": (one_by_one, (2, 2)),
    "single": (in_one_array, (2,)),
}
WEIGHTS = np.array([0.2, 0.5, 0.1])


@pytest.fixture(params=CASES)
def case(request):
    arrange, layers = CASES[request.param]
    patches = stacks(len(layers), layers)
    return patches, arrange(patches), WEIGHTS[: len(layers)]


def patch(field, i, *, listed):
    """The part of a Jacobian's field that belongs to one patch."""
    return field[i] if listed else field[:, i]


@pytest.mark.parametrize("smeared", [False, True])
def test_is_the_weighted_sum(case, smeared):
    patches, media, weights = case
    dq = DQ if smeared else None
    more = {"scale": 0.8, "background": 1e-6}
    r, jacobian = ks.mixture_reflectivity_jacobian(Q, **media, weights=weights, dq=dq, **more)
    np.testing.assert_allclose(ks.mixture_reflectivity(Q, **media, weights=weights, dq=dq, **more), r, rtol=1e-12)
    each = [ks.reflectivity_jacobian(Q, *stack, dq=dq) for stack in patches]
    bare = sum(w * one for w, (one, _) in zip(weights, each, strict=True))
    np.testing.assert_allclose(r, 0.8 * bare + 1e-6, rtol=1e-12)
    np.testing.assert_allclose(jacobian.scale, bare, rtol=1e-12)
    np.testing.assert_array_equal(jacobian.background, 1.0)
    np.testing.assert_allclose(jacobian.weights, 0.8 * np.stack([one for one, _ in each], axis=-1), rtol=1e-12)
    for name in ("q", "dq") if smeared else ("q",):
        expected = 0.8 * sum(w * getattr(own, name) for w, (_, own) in zip(weights, each, strict=True))
        np.testing.assert_allclose(getattr(jacobian, name), expected, rtol=1e-11, atol=1e-14)
    assert (jacobian.dq is None) != smeared
    listed = isinstance(media["sld"], list)
    for name in MEDIA:
        field = getattr(jacobian, name)
        assert isinstance(field, tuple if listed else np.ndarray)
        for i, (_, own) in enumerate(each):
            expected = 0.8 * weights[i] * getattr(own, name)
            np.testing.assert_allclose(patch(field, i, listed=listed), expected, rtol=1e-11, atol=1e-300)


def test_values_against_transfer_matrices(case):
    patches, media, weights = case
    q = Q[Q > 0]
    exact = sum(w * transfer_matrix.reflectivity(q, *stack) for w, stack in zip(weights, patches, strict=True))
    # another algorithm in double precision
    np.testing.assert_allclose(ks.mixture_reflectivity(q, **media, weights=weights), exact, rtol=1e-9, atol=1e-18)


@pytest.mark.parametrize("smeared", [False, True])
def test_products_are_those_of_the_jacobian(case, smeared):
    _, media, weights = case
    rng = np.random.default_rng([2, smeared])
    plain = {"weights": weights, "q": Q, "scale": 1.2, "background": 1e-6} | ({"dq": DQ} if smeared else {})
    r, jacobian = ks.mixture_reflectivity_jacobian(**media, **plain)
    cotangent = rng.standard_normal(Q.size)
    again, gradient = ks.mixture_reflectivity_vjp(**media, **plain, cotangent=cotangent)
    np.testing.assert_allclose(again, r, rtol=1e-12)
    listed = isinstance(media["sld"], list)
    tangents, expected = {}, np.zeros(Q.size)
    for name in MEDIA:
        tangents[name] = [rng.standard_normal(np.shape(part)) for part in media[name]]
        for i, part in enumerate(tangents[name]):
            derivative = patch(getattr(jacobian, name), i, listed=listed)
            expected += derivative @ part
            # sums over the points that cancel
            tolerance = {"rtol": 1e-9, "atol": 1e-12 * np.abs(derivative).max(initial=1e-300)}
            np.testing.assert_allclose(getattr(gradient, name)[i], cotangent @ derivative, **tolerance)
        assert isinstance(getattr(gradient, name), tuple if listed else np.ndarray)
        if not listed:
            tangents[name] = np.array(tangents[name])
    for name, value in plain.items():
        tangents[name] = rng.standard_normal(np.shape(value))
        derivative = getattr(jacobian, name)
        own = name in ("q", "dq")
        expected += derivative @ tangents[name] if name == "weights" else derivative * tangents[name]
        total = cotangent * derivative if own else cotangent @ derivative
        assert getattr(gradient, name).shape == np.shape(value)
        np.testing.assert_allclose(getattr(gradient, name), total, rtol=1e-9, atol=1e-13 * np.abs(derivative).max())
    found_r, found = ks.mixture_reflectivity_jvp(**media, **plain, tangents=tangents)
    np.testing.assert_allclose(found_r, r, rtol=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_both_layouts_agree():
    patches = stacks(3, (2, 2, 2))
    array, listed = in_one_array(patches), one_by_one(patches)
    nested = {name: [list(map(float, row)) for row in rows] for name, rows in listed.items()}
    for dq in (None, DQ):
        expected, jacobian = ks.mixture_reflectivity_jacobian(Q, **array, weights=WEIGHTS, dq=dq)
        found, parts = ks.mixture_reflectivity_jacobian(Q, **listed, weights=WEIGHTS, dq=dq)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose(np.stack(parts.sld, axis=1), jacobian.sld, rtol=1e-11, atol=1e-300)
        again, rows = ks.mixture_reflectivity_jacobian(Q, **nested, weights=WEIGHTS, dq=dq)
        np.testing.assert_array_equal(again, expected)
        np.testing.assert_array_equal(rows.sld, jacobian.sld)  # regular nested lists are read as arrays


def test_what_patches_share():
    patches = stacks(4, (2, 2, 2))
    media = in_one_array(patches)
    shared = {"thickness": media["thickness"][0], "sld_imag": 0.3, "roughness": media["roughness"][:1]}
    full = {
        "thickness": np.broadcast_to(media["thickness"][0], (3, 2)),
        "sld": media["sld"],
        "sld_imag": np.full((3, 4), 0.3),
        "roughness": np.broadcast_to(media["roughness"][0], (3, 3)),
    }
    cotangent = np.linspace(-1.0, 1.0, Q.size)
    expected, whole = ks.mixture_reflectivity_vjp(Q, **full, weights=WEIGHTS, cotangent=cotangent)
    found, gradient = ks.mixture_reflectivity_vjp(Q, sld=media["sld"], **shared, weights=WEIGHTS, cotangent=cotangent)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient.thickness, whole.thickness.sum(axis=0), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(gradient.sld_imag, whole.sld_imag.sum(), rtol=1e-10)
    np.testing.assert_allclose(gradient.roughness, whole.roughness.sum(axis=0, keepdims=True), rtol=1e-10, atol=1e-13)
    # one number for all of a list of patches
    listed = {"thickness": list(full["thickness"]), "sld": list(media["sld"]), "sld_imag": 0.3, "roughness": 2.0}
    found, gradient = ks.mixture_reflectivity_vjp(Q, **listed, weights=WEIGHTS, cotangent=cotangent)
    arrays = {**full, "roughness": np.full((3, 3), 2.0)}
    expected, whole = ks.mixture_reflectivity_vjp(Q, **arrays, weights=WEIGHTS, cotangent=cotangent)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert gradient.sld_imag.shape == gradient.roughness.shape == ()
    assert float(gradient.roughness) == pytest.approx(whole.roughness.sum(), rel=1e-9)
    tangents = {"roughness": 1.0, "sld": list(np.ones((3, 4))), "weights": [0.0, 1.0, 0.0]}
    _, dr = ks.mixture_reflectivity_jvp(Q, **listed, weights=WEIGHTS, tangents=tangents)
    _, jacobian = ks.mixture_reflectivity_jacobian(Q, **arrays, weights=WEIGHTS)
    expected = jacobian.roughness.sum(axis=(1, 2)) + jacobian.sld.sum(axis=(1, 2)) + jacobian.weights[:, 1]
    np.testing.assert_allclose(dr, expected, rtol=1e-9, atol=1e-12)


def test_leading_dimensions_are_a_batch():
    rng = np.random.default_rng(5)
    thickness = rng.uniform(5.0, 200.0, (2, 1, 3, 2))
    sld = rng.uniform(0.0, 6.0, (4, 3, 4))
    weights = rng.uniform(0.0, 1.0, (5, 1, 1, 3))
    scale = rng.uniform(0.5, 1.0, (2, 4))
    q = Q + 1e-3 * np.arange(4)[:, np.newaxis]
    cotangent = rng.standard_normal((5, 2, 4, Q.size))
    inputs = {"q": q, "thickness": thickness, "sld": sld, "weights": weights, "scale": scale, "roughness": 3.0}
    for more in ({}, {"dq": DQ}):
        r, jacobian = ks.mixture_reflectivity_jacobian(**inputs, **more)
        _, gradient = ks.mixture_reflectivity_vjp(**inputs, **more, cotangent=cotangent)
        assert r.shape == (5, 2, 4, Q.size)
        assert jacobian.sld.shape == (5, 2, 4, Q.size, 3, 4)
        assert jacobian.weights.shape == (5, 2, 4, Q.size, 3)
        for i, j, k in np.ndindex(5, 2, 4):
            alone = {"q": q[k], "thickness": thickness[j, 0], "sld": sld[k], "weights": weights[i, 0, 0]}
            one, own = ks.mixture_reflectivity_jacobian(**alone, **more, scale=scale[j, k], roughness=3.0)
            np.testing.assert_allclose(r[i, j, k], one, rtol=1e-12)
            for name in (*MEDIA, *PLAIN):
                found = getattr(jacobian, name)[i, j, k]
                np.testing.assert_allclose(found, getattr(own, name), rtol=1e-10, atol=1e-13, err_msg=name)
        close = {"rtol": 1e-9, "atol": 1e-9}  # sums of thousands of terms of the order of 1
        expected = np.einsum("bijq,bijqpk->ipk", cotangent, jacobian.thickness)[:, np.newaxis]
        np.testing.assert_allclose(gradient.thickness, expected, **close)
        np.testing.assert_allclose(gradient.sld, np.einsum("bijq,bijqpk->jpk", cotangent, jacobian.sld), **close)
        expected = np.einsum("bijq,bijqp->bp", cotangent, jacobian.weights)[:, np.newaxis, np.newaxis]
        np.testing.assert_allclose(gradient.weights, expected, **close)
        np.testing.assert_allclose(gradient.scale, np.einsum("bijq,bijq->ij", cotangent, jacobian.scale), **close)
        np.testing.assert_allclose(gradient.q, np.einsum("bijq,bijq->jq", cotangent, jacobian.q), **close)
        assert gradient.roughness.shape == gradient.background.shape == ()
        if more:
            np.testing.assert_allclose(gradient.dq, np.einsum("bijq,bijq->q", cotangent, jacobian.dq), **close)
    tangents = {"thickness": rng.standard_normal((2, 1, 3, 2)), "weights": [1.0, 2.0, 3.0], "q": 1.0, "scale": 0.1}
    _, dr = ks.mixture_reflectivity_jvp(**inputs, tangents=tangents)
    _, jacobian = ks.mixture_reflectivity_jacobian(**inputs)
    expected = np.einsum("bijqpk,ipk->bijq", jacobian.thickness, tangents["thickness"][:, 0])
    expected += jacobian.weights @ tangents["weights"] + jacobian.q + 0.1 * jacobian.scale
    np.testing.assert_allclose(dr, expected, rtol=1e-9, atol=1e-10)


def test_a_list_of_batches():
    rng = np.random.default_rng(6)
    thickness = [rng.uniform(5.0, 200.0, (3, 1)), rng.uniform(5.0, 200.0, (3, 4))]
    sld = [rng.uniform(0.0, 6.0, (3, 3)), rng.uniform(0.0, 6.0, 6)]
    weights = [0.4, 0.6]
    r, jacobian = ks.mixture_reflectivity_jacobian(Q, thickness, sld, weights=weights)
    cotangent = rng.standard_normal((3, Q.size))
    _, gradient = ks.mixture_reflectivity_vjp(Q, thickness, sld, weights=weights, cotangent=cotangent)
    assert r.shape == (3, Q.size)
    for i in range(3):
        alone = ([part[i] for part in thickness], [sld[0][i], sld[1]])
        one, own = ks.mixture_reflectivity_jacobian(Q, *alone, weights=weights)
        np.testing.assert_allclose(r[i], one, rtol=1e-12)
        for name in ("thickness", "sld"):
            for found, expected in zip(getattr(jacobian, name), getattr(own, name), strict=True):
                np.testing.assert_allclose(found[i], expected, rtol=1e-10, atol=1e-13)
    assert [part.shape for part in gradient.sld] == [(3, 3), (6,)]
    expected = np.einsum("iq,iqk->k", cotangent, jacobian.sld[1])
    np.testing.assert_allclose(gradient.sld[1], expected, rtol=1e-9, atol=1e-10)


def test_weights_are_used_as_they_are():
    media = in_one_array(stacks(7, (1, 1)))
    r = ks.mixture_reflectivity(Q, **media, weights=[0.5, 0.5])
    np.testing.assert_allclose(ks.mixture_reflectivity(Q, **media, weights=[2.0, 2.0]), 4.0 * r, rtol=1e-14)
    assert ks.mixture_reflectivity(0.0, **media, weights=[0.5, 0.4]) == pytest.approx(0.9, rel=1e-15)  # R(0) = 1 each
    only = ks.mixture_reflectivity(Q, **media, weights=[0.0, 1.0])
    np.testing.assert_allclose(only, ks.reflectivity(Q, *(media[name][1] for name in MEDIA)), rtol=1e-12)


def test_equal_patches_are_one_stack():
    [stack] = stacks(8, (3,))
    media = in_one_array([stack, stack, stack])
    r = ks.mixture_reflectivity(Q, **media, weights=ks.mixture_fractions([0.3, 0.45]), dq=DQ)
    np.testing.assert_allclose(r, ks.reflectivity(Q, *stack, dq=DQ), rtol=1e-13)


@pytest.mark.parametrize("kind", ["constant", "gaussian", "refnx"])
@pytest.mark.parametrize("arrange", [in_one_array, one_by_one])
def test_resolution_objects(kind, arrange):
    patches = stacks(9, (2, 2))
    q, dq = np.stack([Q, Q + 1e-3]), np.stack([DQ, 2.0 * DQ])
    resolution = getattr(ks.Resolution, kind)(0.02 if kind == "constant" else dq)
    media = arrange(patches)
    r, gradient = ks.mixture_reflectivity_vjp(q, **media, weights=[0.4, 0.6], dq=resolution, cotangent=1.0)
    each = [ks.reflectivity(q, *stack, dq=resolution) for stack in patches]
    # nodes shared with other points: each keeps the bound of 1e-5
    np.testing.assert_allclose(r, 0.4 * each[0] + 0.6 * each[1], rtol=1e-12 if kind == "refnx" else 2e-5)
    assert gradient.dq.shape == q.shape


def test_one_q_alone_and_none_at_all(case):
    _, media, weights = case
    r, jacobian = ks.mixture_reflectivity_jacobian(0.05, **media, weights=weights, dq=1e-3)
    full, whole = ks.mixture_reflectivity_jacobian([0.05], **media, weights=weights, dq=1e-3)
    assert r.shape == jacobian.q.shape == jacobian.dq.shape == ()
    assert float(r) == pytest.approx(float(full[0]), rel=1e-13)
    np.testing.assert_allclose(jacobian.weights, whole.weights[0], rtol=1e-13)
    for name in MEDIA:
        found, expected = getattr(jacobian, name), getattr(whole, name)
        if isinstance(found, tuple):
            assert [part.shape for part in found] == [part.shape[1:] for part in expected]
        else:
            assert found.shape == expected.shape[1:]
    _, gradient = ks.mixture_reflectivity_vjp(0.05, **media, weights=weights, dq=1e-3, cotangent=2.0)
    assert gradient.q.shape == gradient.dq.shape == ()
    assert float(gradient.q) == pytest.approx(2.0 * float(jacobian.q), rel=1e-9)
    _, dr = ks.mixture_reflectivity_jvp(0.05, **media, weights=weights, dq=1e-3, tangents={"q": 1.0, "dq": 1.0})
    assert float(dr) == pytest.approx(float(jacobian.q + jacobian.dq), rel=1e-9)
    assert ks.mixture_reflectivity([], **media, weights=weights).shape == (0,)


def test_inputs_stay_as_they_are_and_results_are_fresh():
    media = in_one_array(stacks(10, (2, 2)))
    before = {name: value.copy() for name, value in media.items()}
    r, jacobian = ks.mixture_reflectivity_jacobian(Q, **media, weights=[0.4, 0.6], dq=DQ)
    _, gradient = ks.mixture_reflectivity_vjp(Q, **media, weights=[0.4, 0.6], dq=DQ, cotangent=1.0)
    for array in (r, *jacobian, *gradient):
        assert array.flags.writeable
        assert array.flags.c_contiguous
        array[...] = np.nan
    for name, value in before.items():
        np.testing.assert_array_equal(media[name], value)


def test_fractions_add_to_one():
    covered = np.array([[0.2, 0.3], [0.0, 1.0], [0.1, 0.2]])
    found = ks.mixture_fractions(covered)
    np.testing.assert_array_equal(found[:, :2], covered)
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-15)
    np.testing.assert_array_equal(ks.mixture_fractions([0.1] * 10)[-1], 0.0)  # sums to 1 - 1e-16
    np.testing.assert_array_equal(ks.mixture_fractions([]), [1.0])
    for covered, match in (
        ([0.7, 0.4], r"^mixture_fractions: covered must add to at most 1; got a sum of 1\.1"),
        ([0.7, -0.1], r"covered must be finite and non-negative; covered\[1\] = -0\.1"),
        (0.7, r"covered must have shape \(..., P - 1\); got a single number"),
    ):
        with pytest.raises((InvalidValueError, ShapeError), match=match):
            ks.mixture_fractions(covered)


ARRAYS = {"q": [0.01, 0.05], "thickness": [[80.0], [20.0]], "sld": [[0.0, 4.0, 2.0], [0.0, 1.0, 2.0]]}
LISTED = {"q": [0.01, 0.05], "thickness": [[80.0], []], "sld": [[0.0, 4.0, 2.0], [0.0, 2.0]]}


@pytest.mark.parametrize(
    ("base", "changed", "error", "match"),
    [
        (ARRAYS, {"weights": [0.5, -0.1]}, InvalidValueError, r"^mixture_reflectivity: weights must .*\[1\] = -0\.1$"),
        (ARRAYS, {"weights": [0.5, np.nan]}, InvalidValueError, r"weights\[1\] = nan"),
        (ARRAYS, {"weights": 0.5}, ShapeError, r"weights must have shape \(..., P\), one per patch; got shape \(\)"),
        (ARRAYS, {"weights": []}, ShapeError, r"got shape \(0,\)"),
        (
            ARRAYS,
            {"weights": [0.5, 0.2, 0.3]},
            ShapeError,
            r"stacks must have 3 patches, as weights has, before the last axis; got thickness \(2, 1\), sld \(2, 3\)",
        ),
        (ARRAYS, {"weights": [1.0]}, ShapeError, "stacks must have 1 patches"),
        (ARRAYS, {"coherent": "no"}, InvalidValueError, "y: coherent must be True or False; got .no.$"),
        (ARRAYS, {"sld": [[0.0, np.inf, 2.0]] * 2}, InvalidValueError, r"sld must be finite; sld\[0, 1\] = inf"),
        (ARRAYS, {"thickness": [[80.0], [-2.0]]}, InvalidValueError, r"thickness\[1, 0\] = -2\.0 angstrom"),
        (
            ARRAYS,
            {"roughness": [1.0]},
            ShapeError,
            r"roughness must have 2 entries on its last axis \(sld has 3 media\)",
        ),
        (ARRAYS, {"sld": 3.0}, ShapeError, r"sld must have n \+ 2 entries"),
        (ARRAYS, {"q": [0.1, np.nan]}, InvalidValueError, r"q must be finite; q\[1\] = nan 1/angstrom"),
        (ARRAYS, {"dq": [1e-3]}, ShapeError, "dq must have the shape of q"),
        (ARRAYS, {"dq": -1.0}, InvalidValueError, "dq must be finite and non-negative"),
        (ARRAYS, {"scale": np.ones(2), "weights": np.ones((3, 2))}, ShapeError, r"got weights \(3,\), scale \(2,\)"),
        (ARRAYS, {"threads": -1}, InvalidValueError, "^mixture_reflectivity: threads must be"),
        (LISTED, {"weights": [1.0, 1.0, 1.0]}, ShapeError, "thickness must be a sequence of 3 arrays.*; got 2 entries"),
        (LISTED, {"thickness": np.ones((2, 1))}, ShapeError, "thickness must be a sequence of 2 arrays.*a ndarray"),
        (
            LISTED,
            {"thickness": [[80.0], [20.0]]},
            ShapeError,
            r"thickness\[1\] must have 0 entries .*sld\[1\] has 2 media",
        ),
        (
            LISTED,
            {"roughness": [3.0, 2.0]},
            ShapeError,
            r"roughness must hold one array per patch .*roughness\[0\] is a n",
        ),
        (LISTED, {"sld": [[0.0, 4.0, 2.0], [0.0, np.nan]]}, InvalidValueError, r"sld\[1\]\[1\] = nan"),
        (LISTED, {"sld": [[0.0, 4.0, 2.0], [0.0]]}, ShapeError, r"sld\[1\] must have n \+ 2 entries"),
        (
            LISTED,
            {"sld_imag": [[0.0, 0.1, 0.0], [0.0, -0.1]]},
            InvalidValueError,
            r"sld_imag\[1\] must .*\[1\] = -0\.1",
        ),
        (LISTED, {"sld": [[0.0, [4.0], 2.0], [0.0, 2.0]]}, InvalidValueError, r"sld\[0\] must be an array of real"),
    ],
)
def test_refuses(base, changed, error, match):
    with pytest.raises(error, match=match):
        ks.mixture_reflectivity(**{"weights": [0.5, 0.5], **base, **changed})


def test_refuses_in_products():
    good = {**LISTED, "weights": [0.5, 0.5]}
    with pytest.raises(
        ShapeError, match=r"_vjp: cotangent must broadcast to the result's shape \(2,\); got shape \(3,\)"
    ):
        ks.mixture_reflectivity_vjp(**good, cotangent=np.ones(3))
    with pytest.raises(UnknownNameError, match=r"_jvp: tangents names no input: 'weight'; did you mean 'weights'\?"):
        ks.mixture_reflectivity_jvp(**good, tangents={"weight": 1.0})
    with pytest.raises(InvalidValueError, match="tangents has 'dq', but no dq was given"):
        ks.mixture_reflectivity_jvp(**good, tangents={"dq": 1.0})
    with pytest.raises(ShapeError, match=r"tangents\['sld'\] must be a sequence of 2 arrays.*; got a ndarray"):
        ks.mixture_reflectivity_jvp(**good, tangents={"sld": np.ones(2)})
    with pytest.raises(ShapeError, match=r"tangents\['sld\[1\]'\] must broadcast to sld\[1\], shape \(2,\)"):
        ks.mixture_reflectivity_jvp(**good, tangents={"sld": [np.ones(3), np.ones(3)]})
