"""Shapes, batches, memory layouts and types: arrays in, fresh arrays out."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference.stacks import q_grid, random_stack

FIELDS = ("thickness", "sld", "sld_imag", "roughness", "q", "scale", "background", "dq")


def batch_case(rng, n_batch, n, n_q):
    stacks = [random_stack(rng, n, absorbing=True) for _ in range(n_batch)]
    arguments = {name: np.array([getattr(s, name) for s in stacks]) for name in stacks[0]._fields}
    q = np.array([q_grid(rng, n_q, low=0.005) for _ in range(n_batch)])
    return {"q": q, **arguments}


def element(arguments, b):
    return {name: value[b] for name, value in arguments.items()}


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (2, 1, 4), (0,), (3, 0)])
@pytest.mark.parametrize("n", [0, 2])
def test_result_has_the_shape_of_q(shape, n):
    rng = np.random.default_rng([71, n])
    stack = random_stack(rng, n)
    q = rng.uniform(0.01, 0.1, shape)
    r = ks.reflectivity(q, *stack)
    assert np.shape(r) == shape
    amplitude = ks.amplitude(q, *stack)
    assert np.shape(amplitude) == shape
    r, jacobian = ks.reflectivity_jacobian(q, *stack, dq=0.001)
    assert np.shape(r) == shape
    lengths = {"thickness": (n,), "sld": (n + 2,), "sld_imag": (n + 2,), "roughness": (n + 1,)}
    for name in FIELDS:
        assert np.shape(getattr(jacobian, name)) == shape + lengths.get(name, ()), name
    flat = np.array([ks.reflectivity(x, *stack) for x in q.ravel()]).reshape(shape)
    np.testing.assert_allclose(ks.reflectivity(q, *stack), flat, rtol=1e-11)
    _, dr = ks.reflectivity_jvp(q, *stack, tangents={"sld": 1.0})
    assert np.shape(dr) == shape
    _, gradient = ks.reflectivity_vjp(q, *stack, cotangent=np.ones(shape))
    assert np.shape(gradient.q) == shape
    assert np.shape(gradient.sld) == (n + 2,)


def test_scalar_q_gives_a_number():
    r = ks.reflectivity(0.05, [], [0.0, 6.36])
    assert float(r) == ks.reflectivity([0.05], [], [0.0, 6.36])[0]
    assert complex(ks.amplitude(0.05, [], [0.0, 6.36])) == ks.amplitude([0.05], [], [0.0, 6.36])[0]


@pytest.mark.parametrize("dq", [None, 0.001])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_batch_is_a_loop(n, dq):
    rng = np.random.default_rng([72, n])
    arguments = batch_case(rng, 3, n, 11)
    r, jacobian = ks.reflectivity_jacobian(**arguments, dq=dq)
    cotangent = rng.standard_normal((3, 11))
    tangents = {name: rng.standard_normal(value.shape) for name, value in arguments.items()}
    value, gradient = ks.reflectivity_vjp(**arguments, dq=dq, cotangent=cotangent)
    _, dr = ks.reflectivity_jvp(**arguments, dq=dq, tangents=tangents)
    assert r.shape == (3, 11)
    for b in range(3):
        one = element(arguments, b)
        r_b, jacobian_b = ks.reflectivity_jacobian(**one, dq=dq)
        np.testing.assert_array_equal(r[b], r_b)
        np.testing.assert_array_equal(value[b], r_b)
        np.testing.assert_array_equal(ks.reflectivity(**arguments, dq=dq)[b], ks.reflectivity(**one, dq=dq))
        np.testing.assert_array_equal(ks.amplitude(**arguments)[b], ks.amplitude(**one))
        _, gradient_b = ks.reflectivity_vjp(**one, dq=dq, cotangent=cotangent[b])
        _, dr_b = ks.reflectivity_jvp(**one, dq=dq, tangents=element(tangents, b))
        np.testing.assert_array_equal(dr[b], dr_b)
        for name in ("thickness", "sld", "sld_imag", "roughness", "q"):
            np.testing.assert_array_equal(getattr(jacobian, name)[b], getattr(jacobian_b, name), err_msg=name)
            np.testing.assert_array_equal(getattr(gradient, name)[b], getattr(gradient_b, name), err_msg=name)


def test_leading_dimensions_broadcast():
    rng = np.random.default_rng(73)
    thickness = rng.uniform(20.0, 200.0, (4, 1, 2))
    sld = rng.uniform(0.0, 6.0, (3, 4))
    roughness = rng.uniform(0.0, 4.0, 3)
    q = q_grid(rng, 7)
    scale, background = rng.uniform(0.5, 1.5, (4, 1)), rng.uniform(0.0, 1e-5, 3)
    r = ks.reflectivity(q, thickness, sld, 0.1, roughness, scale=scale, background=background)
    assert r.shape == (4, 3, 7)
    for a in range(4):
        for b in range(3):
            one = ks.reflectivity(
                q, thickness[a, 0], sld[b], 0.1, roughness, scale=scale[a, 0], background=background[b]
            )
            np.testing.assert_array_equal(r[a, b], one)


def test_one_batched_argument_makes_a_batch():
    q = np.linspace(0.01, 0.1, 5)
    base = {"thickness": [100.0], "sld": [0.0, 4.0, 2.07], "sld_imag": [0.0, 0.1, 0.2], "roughness": [3.0, 4.0]}
    for name, value in base.items():
        batched = np.array([value, 1.1 * np.array(value)])
        r = ks.reflectivity(q, **{**base, name: batched})
        assert r.shape == (2, 5), name
        np.testing.assert_array_equal(r[1], ks.reflectivity(q, **{**base, name: batched[1]}))
    batched_q = ks.reflectivity(np.array([q, 2 * q]), **base)
    np.testing.assert_array_equal(batched_q[1], ks.reflectivity(2 * q, **base))
    for name in ("scale", "background"):
        r = ks.reflectivity(q, **base, **{name: np.array([0.5, 2.0, 3.0])})
        assert r.shape == (3, 5), name
        np.testing.assert_array_equal(r[1], ks.reflectivity(q, **base, **{name: 2.0}))
    r = ks.reflectivity(q, **base, dq=np.full((2, 5), 0.001) * [[1.0], [2.0]])
    assert r.shape == (2, 5)
    # points of one stack may share their quadrature nodes: each is within 1e-5 of the integral
    np.testing.assert_allclose(r[1], ks.reflectivity(q, **base, dq=0.002), rtol=2e-5)


def test_gradient_has_the_shapes_of_the_inputs():
    # what was broadcast on the way in is summed on the way out
    rng = np.random.default_rng(74)
    q = q_grid(rng, 7)
    inputs = {
        "thickness": rng.uniform(20.0, 200.0, (4, 1, 2)),
        "sld": rng.uniform(0.0, 6.0, (3, 4)),
        "sld_imag": np.float64(0.1),
        "roughness": np.float64(2.0),
    }
    options = {"scale": rng.uniform(0.5, 1.5, (4, 1)), "background": 1e-6, "dq": 0.02 * q}
    cotangent = rng.standard_normal((4, 3, 7))
    _, gradient = ks.reflectivity_vjp(q, **inputs, **options, cotangent=cotangent)
    full = {
        "q": np.broadcast_to(q, (4, 3, 7)).copy(),
        "thickness": np.broadcast_to(inputs["thickness"], (4, 3, 2)).copy(),
        "sld": np.broadcast_to(inputs["sld"], (4, 3, 4)).copy(),
        "sld_imag": np.full((4, 3, 4), 0.1),
        "roughness": np.full((4, 3, 3), 2.0),
        "scale": np.broadcast_to(options["scale"], (4, 3)).copy(),
        "background": np.full((4, 3), 1e-6),
        "dq": np.broadcast_to(options["dq"], (4, 3, 7)).copy(),
    }
    _, expanded = ks.reflectivity_vjp(**full, cotangent=cotangent)
    given = {"q": q, **inputs, **options}
    for name in FIELDS:
        found, terms = getattr(gradient, name), getattr(expanded, name)
        shape = np.shape(given[name])
        assert np.shape(found) == shape, name
        padded = (1,) * (terms.ndim - len(shape)) + shape
        axes = tuple(i for i, (a, b) in enumerate(zip(padded, terms.shape, strict=True)) if a == 1 and b != 1)
        expected = terms.sum(axis=axes).reshape(shape)
        size = np.abs(terms).sum(axis=axes).reshape(shape)
        assert np.all(np.abs(found - expected) <= 1e-13 * size), name  # order of summation


def test_defaults_have_scalar_gradients():
    q = np.linspace(0.01, 0.1, 6)
    cotangent = np.ones(6)
    _, gradient = ks.reflectivity_vjp(q, [100.0], [0.0, 4.0, 2.07], cotangent=cotangent)
    _, jacobian = ks.reflectivity_jacobian(q, [100.0], [0.0, 4.0, 2.07])
    for name in ("sld_imag", "roughness", "scale", "background"):
        found = getattr(gradient, name)
        assert np.shape(found) == (), name
        np.testing.assert_allclose(found, getattr(jacobian, name).sum(), rtol=1e-12, atol=1e-18)
    assert gradient.dq is None
    _, gradient = ks.reflectivity_vjp(q, [100.0], [0.0, 4.0, 2.07], cotangent=cotangent, dq=0.001)
    assert np.shape(gradient.dq) == ()


def test_two_dimensional_q_gradient():
    rng = np.random.default_rng(75)
    stack = random_stack(rng, 2, absorbing=True)
    q = q_grid(rng, 12).reshape(3, 4)
    cotangent = rng.standard_normal((3, 4))
    _, gradient = ks.reflectivity_vjp(q, *stack, cotangent=cotangent)
    _, flat = ks.reflectivity_vjp(q.ravel(), *stack, cotangent=cotangent.ravel())
    assert gradient.q.shape == (3, 4)
    np.testing.assert_allclose(gradient.q.ravel(), flat.q, rtol=1e-12)
    for name in ("thickness", "sld", "sld_imag", "roughness"):
        np.testing.assert_allclose(getattr(gradient, name), getattr(flat, name), rtol=1e-10)


def strided(x):
    wide = np.full((*x.shape[:-1], 3 * x.shape[-1]), np.nan)
    wide[..., ::3] = x
    return wide[..., ::3]


def backwards(x):
    return np.ascontiguousarray(x[..., ::-1])[..., ::-1]


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x):
    raw = np.zeros(x.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(np.float64).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


LAYOUTS = {
    "strided": strided,
    "backwards": backwards,
    "fortran": np.asfortranarray,
    "read-only": read_only,
    "unaligned": unaligned,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layouts(layout):
    rng = np.random.default_rng(76)
    arguments = batch_case(rng, 3, 4, 10)
    arguments["dq"] = 0.02 * arguments["q"]
    change = LAYOUTS[layout]
    changed = {name: change(value) for name, value in arguments.items()}
    np.testing.assert_array_equal(ks.reflectivity(**changed), ks.reflectivity(**arguments))
    cotangent = rng.standard_normal((3, 10))
    tangents = {name: rng.standard_normal(value.shape) for name, value in arguments.items()}
    _, expected = ks.reflectivity_jacobian(**arguments)
    _, found = ks.reflectivity_jacobian(**changed)
    _, gradient = ks.reflectivity_vjp(**arguments, cotangent=cotangent)
    _, changed_gradient = ks.reflectivity_vjp(**changed, cotangent=change(cotangent))
    for name in arguments:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(getattr(changed_gradient, name), getattr(gradient, name))
    _, dr = ks.reflectivity_jvp(**arguments, tangents=tangents)
    changed_tangents = {name: change(value) for name, value in tangents.items()}
    np.testing.assert_array_equal(ks.reflectivity_jvp(**changed, tangents=changed_tangents)[1], dr)


def test_column_views_of_a_slab_table():
    slabs = np.array([[0.0, 2.07, 0.0, 0.0], [100.0, 3.45, 0.1, 3.0], [200.0, 5.0, 0.01, 1.0], [0.0, 6.0, 0.0, 5.0]])
    q = np.linspace(0.005, 0.3, 30)
    views = (slabs[1:-1, 0], slabs[:, 1], slabs[:, 2], slabs[1:, 3])
    np.testing.assert_array_equal(ks.reflectivity(q, *views), ks.reflectivity(q, *(v.copy() for v in views)))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.int64, np.uint8, np.longdouble])
def test_other_real_types(dtype):
    sld, thickness, roughness = np.array([0, 4, 2], dtype), np.array([100], dtype), np.array([3, 2], dtype)
    q = np.array([0.25, 0.125, 1.0], np.float64)
    expected = ks.reflectivity(q, [100.0], [0.0, 4.0, 2.0], [0.0, 1.0, 0.0], [3.0, 2.0])
    found = ks.reflectivity(q, thickness, sld, np.array([0, 1, 0], dtype), roughness)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        ks.reflectivity(np.array([1, 2], dtype), [], [0, 4])[:1], ks.reflectivity([1.0], [], [0, 4])
    )
    if np.issubdtype(dtype, np.floating):
        assert ks.reflectivity(q.astype(dtype), thickness, sld).dtype == np.float64


def test_inputs_are_not_modified_and_outputs_are_fresh():
    rng = np.random.default_rng(77)
    arguments = batch_case(rng, 2, 3, 9)
    arguments["dq"] = 0.02 * arguments["q"]
    arguments["scale"] = np.ones(2)
    cotangent = rng.standard_normal((2, 9))
    tangents = {name: rng.standard_normal(value.shape) for name, value in arguments.items()}
    before = {name: value.copy() for name, value in arguments.items()}
    before_tangents = {name: value.copy() for name, value in tangents.items()}
    before_cotangent = cotangent.copy()

    r, jacobian = ks.reflectivity_jacobian(**arguments)
    value, gradient = ks.reflectivity_vjp(**arguments, cotangent=cotangent)
    r_again, dr = ks.reflectivity_jvp(**arguments, tangents=tangents)
    unsmeared = {name: v for name, v in arguments.items() if name not in ("dq", "scale")}
    complex_amplitude = ks.amplitude(**unsmeared)
    outputs = [r, value, r_again, dr, complex_amplitude, ks.reflectivity(**arguments)]
    outputs += [getattr(result, name) for result in (jacobian, gradient) for name in FIELDS if name != "background"]
    for output in outputs:
        assert output.dtype == (np.complex128 if output is complex_amplitude else np.float64)
        assert output.flags.c_contiguous
        assert output.flags.writeable
        assert all(not np.shares_memory(output, x) for x in (*arguments.values(), *tangents.values(), cotangent))
    for i, output in enumerate(outputs):
        assert all(not np.shares_memory(output, other) for other in outputs[i + 1 :])
        output[...] = np.nan
    for name, x in before.items():
        np.testing.assert_array_equal(arguments[name], x)
    for name, x in before_tangents.items():
        np.testing.assert_array_equal(tangents[name], x)
    np.testing.assert_array_equal(cotangent, before_cotangent)
    assert np.all(np.isfinite(ks.reflectivity(**arguments)))


def test_same_array_for_several_arguments():
    x = np.array([0.05, 0.08, 0.11])
    r = ks.reflectivity(x, x[:1], x)
    np.testing.assert_array_equal(r, ks.reflectivity(x.copy(), x[:1].copy(), x.copy()))


def test_empty_batch():
    r = ks.reflectivity(np.linspace(0.01, 0.1, 5), np.empty((0, 1)), np.empty((0, 3)))
    assert r.shape == (0, 5)
    r, jacobian = ks.reflectivity_jacobian(np.linspace(0.01, 0.1, 5), np.empty((0, 1)), np.empty((0, 3)))
    assert r.shape == (0, 5)
    assert jacobian.sld.shape == (0, 5, 3)


def test_no_points():
    r, gradient = ks.reflectivity_vjp([], [100.0], [0.0, 4.0, 2.07], cotangent=[], dq=0.001)
    assert r.shape == (0,)
    np.testing.assert_array_equal(gradient.sld, np.zeros(3))
    np.testing.assert_array_equal(gradient.scale, 0.0)
    r, dr = ks.reflectivity_jvp([], [100.0], [0.0, 4.0, 2.07], tangents={"sld": 1.0})
    assert r.shape == dr.shape == (0,)


def test_calls_do_not_see_each_others_stacks():
    # working memory is kept from call to call: every function on ever other stacks, against a fresh process's answer
    # by the batch, which reads all stacks in one call
    rng = np.random.default_rng(11)
    q = np.linspace(0.01, 0.2, 30)
    thickness, sld = rng.uniform(10, 200, (40, 2)), rng.uniform(0, 7, (40, 4))
    roughness, sld_imag = np.full((40, 3), 3.0), np.zeros((40, 4))
    batch = ks.reflectivity(q, thickness, sld, sld_imag, roughness)
    for i in range(40):
        stack = (thickness[i], sld[i], sld_imag[i], roughness[i])
        calls = (
            lambda stack=stack: ks.reflectivity(q, *stack),
            lambda stack=stack: ks.reflectivity_jacobian(q, *stack)[0],
            lambda stack=stack: ks.reflectivity_vjp(q, *stack, cotangent=np.ones(30))[0],
            lambda stack=stack: np.abs(ks.amplitude(q, *stack)) ** 2,
        )
        # the value and the sweep differ by rounding, a wrong stack by everything
        np.testing.assert_allclose(calls[rng.integers(4)](), batch[i], rtol=1e-9)
