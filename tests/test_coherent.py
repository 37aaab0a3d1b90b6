"""Patches whose amplitudes add: against sums of single amplitudes and their derivatives, values and all products."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from reference import transfer_matrix
from reference.smearing import critical_points, smear
from reference.stacks import random_stack

MEDIA = ("thickness", "sld", "sld_imag", "roughness")
PLAIN = ("weights", "q", "scale", "background", "dq")
RNG = np.random.default_rng(20)
# from the back first; minima and total reflection of both sides
Q = np.concatenate([-np.sort(RNG.uniform(0.004, 0.2, 12))[::-1], [0.0], np.sort(RNG.uniform(0.004, 0.25, 20))])
DQ = 0.02 * np.abs(Q) + 1e-4
FRONTING, BACKING = 1.3, 2.07
WEIGHTS = np.array([0.2, 0.5, 0.1])
SCALE, BACKGROUND = 0.8, 1e-6


def stacks(seed, layers):
    """Absorbing stacks, fronting and backing too, between the same two media."""
    rng = np.random.default_rng([21, seed])
    found = [random_stack(rng, n, absorbing=True, fronting=FRONTING) for n in layers]
    for stack in found:
        stack.sld[-1] = BACKING
    return found


def in_one_array(patches):
    return {name: np.stack([getattr(stack, name) for stack in patches]) for name in MEDIA}


def one_by_one(patches):
    return {name: [getattr(stack, name) for stack in patches] for name in MEDIA}


CASES = {
    "array": (in_one_array, (3, 3, 3)),
    "list": (one_by_one, (0, 2, 5)),
    "list, longest first": (one_by_one, (4, 0)),
    "list of equals": (one_by_one, (2, 2)),
    "single": (in_one_array, (2,)),
    "no layers": (in_one_array, (0, 0)),
}


@pytest.fixture(params=CASES)
def case(request):
    arrange, layers = CASES[request.param]
    patches = stacks(len(layers) + sum(layers), layers)
    return patches, {**arrange(patches), "weights": WEIGHTS[: len(layers)], "coherent": True}


def by_hand(q, patches, weights):
    """R and its derivatives from the amplitudes of the patches: a list of arrays for each field."""
    found = [ks.amplitude_jacobian(q, *stack) for stack in patches]
    total = sum(w * v for w, (v, _) in zip(weights, found, strict=True))
    turned = 2.0 * total.conj()
    derivatives = {
        name: [
            (w * turned[:, np.newaxis] * getattr(own, name)).real for w, (_, own) in zip(weights, found, strict=True)
        ]
        for name in MEDIA
    }
    derivatives["weights"] = [np.stack([(turned * v).real for v, _ in found], axis=-1)]
    derivatives["q"] = [sum(w * (turned * own.q).real for w, (_, own) in zip(weights, found, strict=True))]
    return np.abs(total) ** 2, derivatives


def averaged_by_hand(q, dq, rule, patches, weights):
    """The same, smeared by a fixed rule: sums over its nodes, |q + node dq| seen from the side of q."""
    side = np.where(q < 0.0, -1.0, 1.0)
    r, derivatives = 0.0, {}
    for node, factor in zip(*rule, strict=True):
        at = np.abs(q) + node * dq
        one, own = by_hand(side * np.abs(at), patches, weights)
        inward = factor * np.where(at < 0.0, -1.0, 1.0) * side * own["q"][0]  # with respect to |q|; at 0 from above
        r = r + factor * one
        rows = {name: [factor * part for part in own[name]] for name in MEDIA}
        rows |= {"weights": [factor * own["weights"][0]], "q": [side * inward], "dq": [node * inward]}
        for name, parts in rows.items():
            before = derivatives.get(name, [0.0] * len(parts))
            derivatives[name] = [a + b for a, b in zip(before, parts, strict=True)]
    return r, derivatives


def assert_like(jacobian, r, derivatives, rtol):
    """Compare all fields of a Jacobian with derivatives by hand; entries lose what cancels in sums of their size."""
    np.testing.assert_allclose(jacobian.scale, r, rtol=1e-12, atol=1e-18)
    np.testing.assert_array_equal(jacobian.background, 1.0)
    for name, expected in derivatives.items():
        field = getattr(jacobian, name)
        if name in MEDIA:
            found = field if isinstance(field, tuple) else [field[:, p] for p in range(field.shape[1])]
        else:
            found = [field]
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.shape == theirs.shape
            most = np.abs(theirs).max(initial=1e-300)
            np.testing.assert_allclose(ours, SCALE * theirs, rtol=rtol, atol=1e-3 * rtol * most, err_msg=name)


def test_is_the_square_of_the_sum(case):
    patches, inputs = case
    total = sum(w * ks.amplitude(Q, *stack) for w, stack in zip(inputs["weights"], patches, strict=True))
    r = ks.mixture_reflectivity(Q, **inputs, scale=SCALE, background=BACKGROUND)
    # the same amplitudes; what is left of a sum of them is rounded like the largest
    np.testing.assert_allclose(r, SCALE * np.abs(total) ** 2 + BACKGROUND, rtol=1e-12)
    again, jacobian = ks.mixture_reflectivity_jacobian(Q, **inputs, scale=SCALE, background=BACKGROUND)
    np.testing.assert_allclose(again, r, rtol=1e-12)
    assert jacobian.dq is None
    # other orders of the same operations
    assert_like(jacobian, *by_hand(Q, patches, inputs["weights"]), rtol=1e-9)


def test_values_against_transfer_matrices(case):
    patches, inputs = case
    for q in (Q[Q > 0.0], Q[Q < 0.0]):
        seen = [stack if q[0] > 0.0 else stack.reversed for stack in patches]
        total = sum(
            w * transfer_matrix.amplitude(np.abs(q), *stack) for w, stack in zip(inputs["weights"], seen, strict=True)
        )
        # another algorithm in double precision
        np.testing.assert_allclose(ks.mixture_reflectivity(q, **inputs), np.abs(total) ** 2, rtol=1e-8, atol=1e-17)


def test_one_patch_is_the_stack():
    [stack] = stacks(1, (4,))
    media = in_one_array([stack])
    for more in ({}, {"dq": DQ}, {"dq": ks.Resolution.constant(0.03)}):
        r, jacobian = ks.mixture_reflectivity_jacobian(Q, **media, weights=[1.0], coherent=True, **more)
        expected, own = ks.reflectivity_jacobian(Q, *stack, **more)
        # where the nodes of an integral lie depends on roundings; each result is within 1e-6 of the integral
        rtol = 2e-6 if more else 1e-12
        np.testing.assert_allclose(r, expected, rtol=rtol)
        np.testing.assert_allclose(jacobian.weights[:, 0], 2.0 * r, rtol=1e-12)
        for name in MEDIA:
            theirs = getattr(own, name)
            most = np.abs(theirs).max(axis=0)
            assert (np.abs(getattr(jacobian, name)[:, 0] - theirs) <= (1e-4 if more else 1e-10) * most).all(), name


def test_equal_patches_are_one_stack():
    [stack] = stacks(2, (3,))
    for arrange in (in_one_array, one_by_one):
        media = arrange([stack, stack])
        r = ks.mixture_reflectivity(Q, **media, weights=[0.3, 0.7], coherent=True)
        np.testing.assert_allclose(r, ks.reflectivity(Q, *stack), rtol=1e-12)
        # weights are used as they are, and R goes with the square of their sum
        r = ks.mixture_reflectivity(Q, **media, weights=[0.5, 1.5], coherent=True)
        np.testing.assert_allclose(r, 4.0 * ks.reflectivity(Q, *stack), rtol=1e-12)
    assert ks.mixture_reflectivity(0.0, **media, weights=[0.5, 0.4], coherent=True) == pytest.approx(0.81, rel=1e-14)


def test_steps_interfere_by_their_height():
    height = 120.0
    bare = ks.reflectivity(Q[Q >= 0.0], [], [0.0, BACKING], roughness=4.0)
    inputs = {
        "thickness": [[], [height]],
        "sld": [[0.0, BACKING], [0.0, 0.0, BACKING]],  # the second patch begins deeper
        "roughness": [[4.0], [0.0, 4.0]],
        "weights": [0.5, 0.5],
    }
    r = ks.mixture_reflectivity(Q[Q >= 0.0], **inputs, coherent=True)
    np.testing.assert_allclose(r, bare * np.cos(0.5 * Q[Q >= 0.0] * height) ** 2, rtol=1e-10)
    # from the back the substrate's surfaces are level only where the thickness is made up for
    inputs = {
        "thickness": [[height], []],
        "sld": [[0.0, BACKING, BACKING], [0.0, BACKING]],
        "roughness": [[4.0, 0.0], [4.0]],
        "weights": [0.5, 0.5],
    }
    q = -np.linspace(0.03, 0.2, 9)
    bare = ks.reflectivity(q, [], [0.0, BACKING], roughness=4.0)
    r = ks.mixture_reflectivity(q, **inputs, coherent=True)
    np.testing.assert_allclose(r, bare * np.cos(0.5 * q * height) ** 2, rtol=1e-10)


@pytest.mark.parametrize("kind", ["refnx", "gauss_hermite"])
def test_fixed_rules_are_sums_over_their_nodes(case, kind):
    patches, inputs = case
    resolution = getattr(ks.Resolution, kind)(DQ)
    more = {"scale": SCALE, "background": BACKGROUND, "dq": resolution}
    r, jacobian = ks.mixture_reflectivity_jacobian(Q, **inputs, **more)
    expected, derivatives = averaged_by_hand(Q, DQ, resolution.smearing(Q)[1:], patches, inputs["weights"])
    np.testing.assert_allclose(r, SCALE * expected + BACKGROUND, rtol=1e-12)
    np.testing.assert_allclose(ks.mixture_reflectivity(Q, **inputs, **more), r, rtol=1e-12)
    assert_like(jacobian, expected, derivatives, rtol=1e-8)  # nodes of both signs cancel


def test_smearing_is_the_integral_of_the_intensity(case):
    patches, inputs = case
    weights = inputs["weights"]
    points = [3, 9, 15, 20, 30]
    q, dq = Q[points], DQ[points]
    r, jacobian = ks.mixture_reflectivity_jacobian(q, **inputs, dq=dq)
    for i, (at, width) in enumerate(zip(q, dq, strict=True)):
        side = -1.0 if at < 0.0 else 1.0
        seen = [stack if side > 0.0 else stack.reversed for stack in patches]
        edges = np.concatenate([critical_points(stack.sld) for stack in seen])

        def curve(x, side=side):
            return by_hand(side * x, patches, weights)[0]

        def by_weight(x, side=side):
            return by_hand(side * x, patches, weights)[1]["weights"][0][:, 0]

        def brute_force(function, weight="value", at=at, width=width, edges=edges):
            return smear(function, abs(at), width, edges, weight=weight, rtol=1e-9)

        exact = brute_force(curve)
        assert r[i] == pytest.approx(exact, rel=1e-5)  # the bound of the quadrature
        # derivatives are those of the integral that the nodes give, which follow the bound relative to R's own slopes
        assert jacobian.weights[i, 0] == pytest.approx(brute_force(by_weight), rel=1e-4, abs=1e-4 * exact)
        assert jacobian.q[i] == pytest.approx(side * brute_force(curve, "q"), rel=1e-4, abs=1e-4 * exact / width)
        assert jacobian.dq[i] == pytest.approx(brute_force(curve, "dq"), rel=1e-4, abs=1e-4 * exact / width)


@pytest.mark.parametrize("smeared", [False, True])
def test_products_are_those_of_the_jacobian(case, smeared):
    _, inputs = case
    rng = np.random.default_rng([22, smeared])
    inputs = {**inputs, "q": Q, "scale": 1.2, "background": 1e-6} | ({"dq": DQ} if smeared else {})
    r, jacobian = ks.mixture_reflectivity_jacobian(**inputs)
    cotangent = rng.standard_normal(Q.size)
    again, gradient = ks.mixture_reflectivity_vjp(**inputs, cotangent=cotangent)
    np.testing.assert_allclose(again, r, rtol=1e-12)
    listed = isinstance(inputs["sld"], list)
    tangents, expected = {}, np.zeros(Q.size)
    for name in MEDIA:
        tangents[name] = [rng.standard_normal(np.shape(part)) for part in inputs[name]]
        for i, part in enumerate(tangents[name]):
            derivative = getattr(jacobian, name)[i] if listed else getattr(jacobian, name)[:, i]
            expected += derivative @ part
            # sums over the points that cancel
            close = {"rtol": 1e-9, "atol": 1e-12 * np.abs(derivative).max(initial=1e-300)}
            np.testing.assert_allclose(getattr(gradient, name)[i], cotangent @ derivative, **close)
        assert isinstance(getattr(gradient, name), tuple if listed else np.ndarray)
        if not listed:
            tangents[name] = np.array(tangents[name])
    for name in PLAIN:
        if name not in inputs:
            assert getattr(gradient, name) is None
            continue
        tangents[name] = rng.standard_normal(np.shape(inputs[name]))
        derivative = getattr(jacobian, name)
        expected += derivative @ tangents[name] if name == "weights" else derivative * tangents[name]
        total = cotangent * derivative if name in ("q", "dq") else cotangent @ derivative
        assert getattr(gradient, name).shape == np.shape(inputs[name])
        np.testing.assert_allclose(getattr(gradient, name), total, rtol=1e-9, atol=1e-12 * np.abs(derivative).max())
    found_r, found = ks.mixture_reflectivity_jvp(**inputs, tangents=tangents)
    np.testing.assert_allclose(found_r, r, rtol=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    # alone, each tangent moves its own input only
    for name, tangent in tangents.items():
        _, alone = ks.mixture_reflectivity_jvp(**inputs, tangents={name: tangent})
        expected -= alone
    np.testing.assert_allclose(expected, 0.0, atol=1e-11 * np.abs(found).max())


def test_against_central_differences():
    patches = stacks(5, (1, 3))
    inputs = {**one_by_one(patches), "weights": [0.4, 0.5], "coherent": True, "q": Q[Q != 0.0], "background": 1e-6}
    inputs |= {"dq": ks.Resolution.refnx(DQ[Q != 0.0]), "scale": 0.9}
    cotangent = np.random.default_rng(23).standard_normal(Q.size - 1)
    _, gradient = ks.mixture_reflectivity_vjp(**inputs, cotangent=cotangent)
    for name in (*MEDIA, "weights"):
        for patch in range(2):
            field = np.asarray(inputs[name][patch])
            for j in np.ndindex(field.shape):
                if name == "sld" and j[0] in (0, len(field) - 1):
                    continue  # the media that patches share cannot move in one patch alone

                def moved(step, name=name, patch=patch, field=field, j=j):
                    changed = field.copy()
                    changed[j] += step
                    full = list(inputs[name])
                    full[patch] = changed
                    return cotangent @ ks.mixture_reflectivity(**{**inputs, name: full})

                expected = (moved(1e-4) - moved(-1e-4)) / 2e-4 if j or name == "weights" else 0.0
                found = gradient.weights[patch] if name == "weights" else getattr(gradient, name)[patch][j]
                # truncation of the order of the third derivative times 1e-8; roundoff 1e-12
                assert found == pytest.approx(expected, rel=1e-5, abs=1e-7), (name, patch, j)
    # the shared media move together
    for medium in (0, -1):

        def together(step, medium=medium):
            changed = [field.copy() for field in inputs["sld"]]
            for field in changed:
                field[medium] += step
            return cotangent @ ks.mixture_reflectivity(**{**inputs, "sld": changed})

        expected = (together(1e-4) - together(-1e-4)) / 2e-4
        found = sum(field[medium] for field in gradient.sld)
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-7)


def test_both_layouts_agree_and_so_do_threads():
    patches = stacks(6, (2, 2, 2))
    q = np.tile(Q, 30)  # several blocks
    for dq in (None, 1e-3):
        results = []
        for arrange in (in_one_array, one_by_one):
            for threads in (None, 1, 2):
                more = {"weights": WEIGHTS, "dq": dq, "threads": threads, "coherent": True}
                r, gradient = ks.mixture_reflectivity_vjp(q, **arrange(patches), **more, cotangent=1.0)
                results.append((r, *(np.array(field) for field in gradient if field is not None)))
        for other in results[1:]:
            for one, two in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(one, two)


def test_what_patches_share():
    patches = stacks(7, (2, 2, 2))
    media = in_one_array(patches)
    more = {"weights": WEIGHTS, "coherent": True, "cotangent": np.linspace(-1.0, 1.0, Q.size)}
    full = {
        "thickness": np.broadcast_to(media["thickness"][0], (3, 2)),
        "sld": media["sld"],
        "sld_imag": np.full((3, 4), 0.3),
        "roughness": np.broadcast_to(media["roughness"][0], (3, 3)),
    }
    shared = {"thickness": media["thickness"][0], "sld_imag": 0.3, "roughness": media["roughness"][:1]}
    expected, whole = ks.mixture_reflectivity_vjp(Q, **full, **more)
    found, gradient = ks.mixture_reflectivity_vjp(Q, sld=media["sld"], **shared, **more)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(gradient.thickness, whole.thickness.sum(axis=0), rtol=1e-12)
    assert float(gradient.sld_imag) == pytest.approx(whole.sld_imag.sum(), rel=1e-12)
    np.testing.assert_allclose(gradient.roughness, whole.roughness.sum(axis=0, keepdims=True), rtol=1e-12)
    # one number for all of a list of patches
    listed = {"thickness": list(full["thickness"]), "sld": list(media["sld"]), "sld_imag": 0.3, "roughness": 2.0}
    found, gradient = ks.mixture_reflectivity_vjp(Q, **listed, **more)
    expected, whole = ks.mixture_reflectivity_vjp(Q, **{**full, "roughness": np.full((3, 3), 2.0)}, **more)
    np.testing.assert_array_equal(found, expected)
    assert gradient.sld_imag.shape == gradient.roughness.shape == ()
    assert float(gradient.roughness) == pytest.approx(whole.roughness.sum(), rel=1e-12)
    assert float(gradient.sld_imag) == pytest.approx(whole.sld_imag.sum(), rel=1e-12)
    del more["cotangent"]
    _, jacobian = ks.mixture_reflectivity_jacobian(Q, **listed, **more)
    assert [part.shape for part in jacobian.roughness] == [(Q.size, 3)] * 3
    tangents = {"roughness": 1.0, "sld": [1.0, 0.0, 0.0], "weights": [0.0, 1.0, 0.0]}
    _, dr = ks.mixture_reflectivity_jvp(Q, **listed, **more, tangents=tangents)
    expected = sum(part.sum(axis=1) for part in jacobian.roughness) + jacobian.sld[0].sum(axis=1)
    np.testing.assert_allclose(dr, expected + jacobian.weights[:, 1], rtol=1e-9, atol=1e-12)


def test_sld_that_patches_share():
    sld, thickness = np.array([0.0, 4.5, 2.07]), np.array([[80.0], [110.0]])
    more = {"weights": [0.3, 0.7], "coherent": True, "cotangent": np.linspace(-1.0, 1.0, Q.size)}
    found, gradient = ks.mixture_reflectivity_vjp(Q, thickness, sld, **more)
    expected, whole = ks.mixture_reflectivity_vjp(Q, thickness, np.stack([sld, sld]), **more)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(gradient.sld, whole.sld.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("smeared", [False, True])
def test_leading_dimensions_are_a_batch(smeared):
    rng = np.random.default_rng(24)
    thickness = [rng.uniform(5.0, 200.0, (2, 1, 2)), np.zeros(0), rng.uniform(5.0, 200.0, (4, 1))]
    sld = [rng.uniform(0.0, 6.0, (4, 4)), rng.uniform(0.0, 6.0, 2), rng.uniform(0.0, 6.0, (2, 1, 3))]
    for field in sld:
        field[..., 0], field[..., -1] = FRONTING, BACKING
    inputs = {
        "q": Q + 1e-3 * np.arange(4)[:, np.newaxis],
        "thickness": thickness,
        "sld": sld,
        "roughness": 3.0,
        "weights": rng.uniform(0.0, 1.0, (5, 1, 1, 3)),
        "scale": rng.uniform(0.5, 1.0, (2, 4)),
        "background": rng.uniform(0.0, 1e-3, (5, 1, 1)),
        "coherent": True,
    } | ({"dq": DQ} if smeared else {})
    r, jacobian = ks.mixture_reflectivity_jacobian(**inputs)
    cotangent = rng.standard_normal((5, 2, 4, Q.size))
    _, gradient = ks.mixture_reflectivity_vjp(**inputs, cotangent=cotangent)
    _, dr = ks.mixture_reflectivity_jvp(**inputs, tangents={"thickness": [1.0, 0.0, 2.0], "background": 0.5})
    assert r.shape == dr.shape == (5, 2, 4, Q.size)
    assert [part.shape[-1] for part in jacobian.sld] == [4, 2, 3]
    expected = jacobian.thickness[0].sum(axis=-1) + 2.0 * jacobian.thickness[2].sum(axis=-1) + 0.5
    np.testing.assert_allclose(dr, expected, rtol=1e-9, atol=1e-12)
    for i, j, k in np.ndindex(5, 2, 4):
        alone = inputs | {
            "q": inputs["q"][k],
            "thickness": [thickness[0][j, 0], thickness[1], thickness[2][k]],
            "sld": [sld[0][k], sld[1], sld[2][j, 0]],
            "weights": inputs["weights"][i, 0, 0],
            "scale": inputs["scale"][j, k],
            "background": inputs["background"][i, 0, 0],
        }
        one, own = ks.mixture_reflectivity_jacobian(**alone)
        np.testing.assert_array_equal(r[i, j, k], one)
        for name in MEDIA:
            for found, expected in zip(getattr(jacobian, name), getattr(own, name), strict=True):
                np.testing.assert_array_equal(found[i, j, k], expected)
        for name in PLAIN if smeared else PLAIN[:-1]:
            np.testing.assert_array_equal(getattr(jacobian, name)[i, j, k], getattr(own, name))
    close = {"rtol": 1e-9, "atol": 1e-9}  # sums of thousands of terms of the order of 1
    weighted = {name: [cotangent[..., np.newaxis] * part for part in getattr(jacobian, name)] for name in MEDIA}
    np.testing.assert_allclose(gradient.thickness[0], weighted["thickness"][0].sum(axis=(0, 2, 3))[:, None], **close)
    assert gradient.thickness[1].shape == (0,)
    np.testing.assert_allclose(gradient.thickness[2], weighted["thickness"][2].sum(axis=(0, 1, 3)), **close)
    np.testing.assert_allclose(gradient.sld[0], weighted["sld"][0].sum(axis=(0, 1, 3)), **close)
    np.testing.assert_allclose(gradient.sld[1], weighted["sld"][1].sum(axis=(0, 1, 2, 3)), **close)
    assert float(gradient.roughness) == pytest.approx(sum(part.sum() for part in weighted["roughness"]), rel=1e-9)
    expected = np.einsum("bijq,bijqp->bp", cotangent, jacobian.weights)[:, None, None]
    np.testing.assert_allclose(gradient.weights, expected, **close)
    np.testing.assert_allclose(gradient.scale, np.einsum("bijq,bijq->ij", cotangent, jacobian.scale), **close)
    np.testing.assert_allclose(gradient.background[:, 0, 0], cotangent.sum(axis=(1, 2, 3)), **close)
    np.testing.assert_allclose(gradient.q, np.einsum("bijq,bijq->jq", cotangent, jacobian.q), **close)
    if smeared:
        np.testing.assert_allclose(gradient.dq, np.einsum("bijq,bijq->q", cotangent, jacobian.dq), **close)


@pytest.mark.parametrize("smeared", [False, True])
def test_one_q_alone_and_none_at_all(case, smeared):
    _, inputs = case
    dq, more = (1e-3, {"dq": 1.0}) if smeared else (None, {})
    r, jacobian = ks.mixture_reflectivity_jacobian(0.05, **inputs, dq=dq)
    full, whole = ks.mixture_reflectivity_jacobian([0.05], **inputs, dq=dq)
    assert isinstance(r, np.ndarray)
    assert r.shape == ()
    assert r == full[0]
    for name in (*MEDIA, *PLAIN):
        found, expected = getattr(jacobian, name), getattr(whole, name)
        if expected is None:
            assert found is None
            continue
        for one, two in zip(*((x if isinstance(x, tuple) else (x,)) for x in (found, expected)), strict=True):
            np.testing.assert_array_equal(one, two[0])
            assert one.shape == two.shape[1:]
    _, gradient = ks.mixture_reflectivity_vjp(0.05, **inputs, dq=dq, cotangent=2.0)
    assert gradient.q.shape == ()
    assert float(gradient.q) == pytest.approx(2.0 * float(jacobian.q), rel=1e-9)
    _, dr = ks.mixture_reflectivity_jvp(0.05, **inputs, dq=dq, tangents={"q": 1.0, **more})
    assert dr.shape == ()
    assert float(dr) == pytest.approx(float(jacobian.q + (jacobian.dq if smeared else 0.0)), rel=1e-9)
    for q in (np.zeros(0), np.zeros((3, 0))):
        r, jacobian = ks.mixture_reflectivity_jacobian(q, **inputs, dq=dq)
        assert r.shape == q.shape
        assert jacobian.weights.shape == (*q.shape, len(inputs["weights"]))
        _, gradient = ks.mixture_reflectivity_vjp(q, **inputs, dq=dq, cotangent=1.0)
        assert gradient.q.shape == q.shape
        np.testing.assert_array_equal(gradient.weights, 0.0)
        assert ks.mixture_reflectivity_jvp(q, **inputs, dq=dq, tangents={"weights": 1.0})[1].shape == q.shape


def test_inputs_stay_as_they_are_and_results_are_fresh(case):
    _, inputs = case
    before = {name: np.concatenate([np.ravel(part) for part in inputs[name]]) for name in MEDIA}
    r, jacobian = ks.mixture_reflectivity_jacobian(Q, **inputs, dq=DQ)
    _, gradient = ks.mixture_reflectivity_vjp(Q, **inputs, dq=DQ, cotangent=1.0)
    for field in (r, *jacobian, *gradient):
        for array in field if isinstance(field, tuple) else (field,):
            assert array.flags.writeable
            assert array.flags.c_contiguous
            assert array.dtype == np.float64
            array[...] = np.nan
    for name, value in before.items():
        np.testing.assert_array_equal(np.concatenate([np.ravel(part) for part in inputs[name]]), value)


def test_like_refl1d():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its import, and of numba
        refl1d = pytest.importorskip("refl1d.names", reason="refl1d is not installed")
        q = np.linspace(0.01, 0.2, 30)
        air, film, other, silicon = (
            refl1d.SLD(name, *sld) for name, sld in (("a", (0,)), ("f", (4, 0.1)), ("o", (1,)), ("s", (2.07,)))
        )
        covered = silicon(0, 3) | film(80, 4) | air
        mixed = silicon(0, 2) | other(50, 1) | film(20, 5) | air
        probe = refl1d.QProbe(q, 0.01 * q)
        experiment = refl1d.MixedExperiment([covered, mixed], [3, 1], probe=probe, coherent=True)
        expected = experiment.reflectivity(resolution=False)[1]
    r = ks.mixture_reflectivity(
        q,
        [[80.0], [20.0, 50.0]],
        [[0.0, 4.0, 2.07], [0.0, 4.0, 1.0, 2.07]],
        [[0.0, 0.1, 0.0], [0.0, 0.1, 0.0, 0.0]],
        [[4.0, 3.0], [5.0, 1.0, 2.0]],
        weights=[0.75, 0.25],  # it divides ratios by their sum
        coherent=True,
    )
    np.testing.assert_allclose(r, expected, rtol=1e-10)  # the same formula in another order


ARRAYS = {"q": [0.01, 0.05], "thickness": [[80.0], [20.0]], "sld": [[0.0, 4.0, 2.0], [0.0, 1.0, 2.0]]}
LISTED = {"q": [0.01, 0.05], "thickness": [[80.0], []], "sld": [[0.0, 4.0, 2.0], [0.0, 2.0]]}
FROM_BACK = {"q": [-0.01, -0.05]}


@pytest.mark.parametrize("function", ["", "_jacobian", "_vjp", "_jvp"])
@pytest.mark.parametrize(
    ("base", "changed", "error", "match"),
    [
        (
            ARRAYS,
            {"sld": [[0.0, 4.0, 2.0], [0.5, 1.0, 2.0]]},
            InvalidValueError,
            r"for the fronting, \[..., 0\], where coherent=True; patch 0 has 0\.0, patch 1 has 0\.5$",
        ),
        (
            LISTED,
            {"sld": [[0.0, 4.0, 2.0], np.array([[0.0, 2.0], [0.1, 2.0]])]},
            InvalidValueError,
            r"sld must be the same in all patches for the fronting, .* patch 0 has 0\.0, patch 1 has 0\.1$",
        ),
        (
            LISTED,
            {"sld": [[0.0, 4.0, 2.0], [0.0, 2.1]], "q": [0.1, -0.1]},
            InvalidValueError,
            r"for the backing, \[..., -1\], where coherent=True and q is negative; patch 0 has 2\.0, patch 1 has 2\.1$",
        ),
        (ARRAYS, {"weights": [0.5, -0.1]}, InvalidValueError, r"weights must be .*\[1\] = -0\.1$"),
        (ARRAYS, {"weights": [1.0]}, ShapeError, "stacks must have 1 patches"),
        (LISTED, {"thickness": [[80.0], [20.0]]}, ShapeError, r"thickness\[1\] must have 0 entries"),
        (ARRAYS, {"threads": 0}, InvalidValueError, "threads must be None or a positive integer; got 0$"),
        (ARRAYS, {"threads": True}, InvalidValueError, "threads must be None or a positive integer; got True$"),
        (ARRAYS, {"dq": [-1e-3, 0.0]}, InvalidValueError, r"dq must be .*; dq\[0\] = -0\.001 1/angstrom$"),
        (
            ARRAYS,
            {"thickness": [[1e9], [1e9]], "dq": 1e-2},
            InvalidValueError,
            "dq cannot be honoured: .*; use a smaller dq or thinner stacks$",
        ),
    ],
)
def test_refuses(function, base, changed, error, match):
    name = f"mixture_reflectivity{function}"
    more = {"_vjp": {"cotangent": 1.0}, "_jvp": {"tangents": {"weights": 1.0}}}.get(function, {})
    with pytest.raises(error, match=rf"^{name}: .*{match}"):
        getattr(ks, name)(**{"weights": [0.5, 0.5], **base, **changed}, coherent=True, **more)


def test_only_the_medium_of_the_beam_is_shared():
    backs = {"sld": [[0.0, 4.0, 2.0], [0.0, 1.0, 5.0]]}
    fronts = {"sld": [[0.3, 4.0, 2.0], [0.0, 1.0, 2.0]], **FROM_BACK}
    for changed in (backs, fronts):
        inputs = {**ARRAYS, **changed}
        total = sum(
            0.5 * ks.amplitude(inputs["q"], thickness, sld)
            for thickness, sld in zip(inputs["thickness"], inputs["sld"], strict=True)
        )
        r = ks.mixture_reflectivity(**inputs, weights=[0.5, 0.5], coherent=True)
        np.testing.assert_allclose(r, np.abs(total) ** 2, rtol=1e-12)
    assert ks.mixture_reflectivity(**{**ARRAYS, **fronts, "q": []}, weights=[0.5, 0.5], coherent=True).shape == (0,)


def test_refuses_in_products():
    good = {**LISTED, "weights": [0.5, 0.5], "coherent": True}
    match = r"_vjp: cotangent must broadcast to the result's shape \(2,\); got shape \(3,\)"
    with pytest.raises(ShapeError, match=match):
        ks.mixture_reflectivity_vjp(**good, cotangent=np.ones(3))
    with pytest.raises(UnknownNameError, match=r"_jvp: tangents names no input: 'weight'; did you mean 'weights'\?"):
        ks.mixture_reflectivity_jvp(**good, tangents={"weight": 1.0})
    with pytest.raises(InvalidValueError, match="tangents has 'dq', but no dq was given"):
        ks.mixture_reflectivity_jvp(**good, tangents={"dq": 1.0})
    with pytest.raises(ShapeError, match=r"tangents\['sld\[1\]'\] must broadcast to sld\[1\], shape \(2,\)"):
        ks.mixture_reflectivity_jvp(**good, tangents={"sld": [np.ones(3), np.ones(3)]})
