"""kiessig inside JAX: the numbers of our own functions, whatever JAX does to the function that it sees."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import kiessig as ks
from kiessig import errors
from kiessig.testing import check_gradient

jax = pytest.importorskip("jax", minversion="0.6.2")
jnp = jax.numpy

from kiessig.adapters import _jax_operations  # noqa: E402
from kiessig.adapters.jax import abeles, reflectivity  # noqa: E402 - there is nothing to test without JAX

ROUTES = ("ffi", "callback")
NAMES = ("q", "thickness", "sld", "sld_imag", "roughness", "scale", "background", "dq")
# sums of a few hundred products, taken in another order than in our kernels
ROUNDING = {"rtol": 1e-12, "atol": 1e-15}


@pytest.fixture(autouse=True)
def double_precision():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(params=["kept", "too large"])
def jacobian_size(request, monkeypatch):
    """Whether derivatives contract a Jacobian, or need a sweep of their own."""
    if request.param == "too large":
        monkeypatch.setattr(_jax_operations, "most_entries", lambda smeared: 0)
    jax.clear_caches()
    yield
    jax.clear_caches()


def stack(seed, n=3, n_q=12, lead=()):
    rng = np.random.default_rng(seed)
    q = np.linspace(0.008, 0.2, n_q) * rng.uniform(0.9, 1.1, (*lead, 1))
    return {
        "q": q,
        "thickness": rng.uniform(20.0, 80.0, (*lead, n)),
        "sld": rng.uniform(0.0, 7.0, (*lead, n + 2)),
        "sld_imag": rng.uniform(0.01, 0.3, (*lead, n + 2)),
        "roughness": rng.uniform(2.0, 6.0, (*lead, n + 1)),
        "scale": rng.uniform(0.8, 1.2, lead),
        "background": rng.uniform(1e-7, 1e-5, lead),
        "dq": 0.02 * q,
    }


def called(arguments, **more):
    return reflectivity(**arguments, **more)


def as_function_of(names, arguments, **more):
    return lambda *values: called(arguments | dict(zip(names, values, strict=True)), **more)


def jacobian_of(arguments):
    """Our own Jacobian in the form of JAX's: an entry for every entry of the input, also of those that points own."""
    found = ks.reflectivity_jacobian(**arguments)[1]._asdict()
    return {name: np.diag(found[name]) if name in ("q", "dq") else found[name] for name in NAMES}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_values_are_those_of_the_kernel(route, lead):
    arguments = stack(1, lead=lead)
    expected = ks.reflectivity(**arguments)
    for function in (called, jax.jit(called, static_argnames="route")):
        found = function(arguments, route=route)
        assert isinstance(found, jax.Array)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("route", ROUTES)
def test_shapes_broadcast_as_in_the_kernel(route):
    a = stack(2)
    many = np.linspace(40.0, 60.0, 5)[:, None] * np.ones(3)
    cases = [
        a | {"q": 0.05, "dq": None},
        a | {"sld_imag": 0.1, "roughness": 3.0},
        a | {"thickness": many},
        a | {"thickness": many[:, None], "scale": np.linspace(0.9, 1.1, 4)},
        a | {"q": np.outer([1.0, 1.1], a["q"]), "dq": None},
        a | {"thickness": [30.0], "sld": [0, 4, 2], "sld_imag": 0, "roughness": 0, "dq": None},
        a | {"thickness": [], "sld": [0.0, 4.0], "sld_imag": 0.0, "roughness": [3.0]},
        a | {"q": np.empty(0), "dq": None},
        a | {"thickness": np.empty((0, 3))},
    ]
    for case in cases:
        expected = ks.reflectivity(**case)
        found = called(case, route=route)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def test_kernel_is_part_of_the_compiled_program():
    arguments = stack(3)
    text = jax.jit(lambda q: called(arguments | {"q": q})).lower(arguments["q"]).as_text()
    assert "kiessig_reflectivity" in text
    assert "callback" not in text
    text = jax.jit(lambda q: called(arguments | {"q": q}, route="callback")).lower(arguments["q"]).as_text()
    assert "kiessig_reflectivity" not in text


@pytest.mark.usefixtures("jacobian_size")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_every_argument(route, name):
    arguments = stack(4)
    expected = jacobian_of(arguments)[name]
    function = as_function_of([name], arguments, route=route)
    x = arguments[name]
    tangent = np.random.default_rng(5).normal(size=np.shape(x))
    along = np.tensordot(expected, tangent, np.ndim(x))
    cotangent = np.random.default_rng(6).normal(size=expected.shape[0])
    across = np.tensordot(cotangent, expected, 1)
    for f in (function, jax.jit(function)):
        np.testing.assert_allclose(jax.jacfwd(f)(x), expected, **ROUNDING)
        np.testing.assert_allclose(jax.jacrev(f)(x), expected, **ROUNDING)
        np.testing.assert_allclose(jax.jvp(f, (x,), (tangent,))[1], along, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(jax.linearize(f, x)[1](tangent), along, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(jax.vjp(f, x)[1](cotangent)[0], across, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(jax.grad(lambda x, f=f: f(x) @ cotangent)(x), across, rtol=1e-10, atol=1e-14)


def test_gradient_of_a_misfit_is_that_of_differences():
    arguments = stack(7)
    measured = np.log(ks.reflectivity(**arguments))

    def misfit(x):
        inputs = arguments | {"thickness": x[:3], "sld": jnp.append(x[3:7], 2.0), "roughness": x[6], "scale": x[7]}
        return jnp.sum((jnp.log(called(inputs)) - measured) ** 2)

    function = jax.jit(jax.value_and_grad(misfit))
    x = np.array([50.0, 40.0, 60.0, 0.5, 3.0, 4.0, 5.0, 1.1])
    # smearing finds its nodes anew for every stack: its error, 1e-5 of R, need not be smooth
    check_gradient(lambda x: tuple(map(np.asarray, function(x))), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", NAMES)
def test_map_over_one_argument_is_a_loop(route, name):
    arguments = stack(8)
    many = np.stack([factor * np.asarray(arguments[name]) for factor in (0.9, 1.0, 1.2)], axis=-1)
    mapped = jax.jit(jax.vmap(as_function_of([name], arguments, route=route), in_axes=-1))(many)
    for k in range(3):
        # smeared points that are computed together share their nodes: within the error of smearing, 1e-5
        np.testing.assert_allclose(mapped[k], ks.reflectivity(**arguments | {name: many[..., k]}), rtol=2e-5)


@pytest.mark.parametrize("route", ROUTES)
def test_nested_maps_are_nested_loops(route):
    a = stack(9) | {"dq": None}
    factors, scales, qs = np.array([0.9, 1.0, 1.1]), np.array([1.0, 2.0]), a["q"][:4]

    def one(q, factor, scale):
        return called(a | {"q": q, "thickness": factor * a["thickness"], "scale": scale}, route=route)

    found = jax.jit(
        jax.vmap(jax.vmap(jax.vmap(one, (None, None, 0)), (None, 0, None), out_axes=1), (0, None, None), out_axes=2)
    )(qs, factors, scales)
    expected = [
        [[ks.reflectivity(**a | {"q": q, "thickness": f * a["thickness"], "scale": s}) for q in qs] for f in factors]
        for s in scales
    ]
    assert found.shape == (2, 3, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-13)  # points side by side, with and without their neighbours


@pytest.mark.usefixtures("jacobian_size")
@pytest.mark.parametrize("route", ROUTES)
def test_gradients_of_mapped_and_maps_of_gradients(route):
    arguments = stack(10, lead=(4,)) | {"dq": None}
    shared = arguments | {"sld": arguments["sld"][0], "q": arguments["q"][0]}
    weights = np.random.default_rng(11).normal(size=(4, 12))

    def one(thickness, roughness, sld, weights):
        inputs = {"sld_imag": 0.1, "scale": 1.0, "background": 0.0, "dq": None, "q": shared["q"]}
        r = called(inputs | {"thickness": thickness, "roughness": roughness, "sld": sld}, route=route)
        return r @ weights

    def alone(k):
        return ks.reflectivity_vjp(
            shared["q"],
            shared["thickness"][k],
            shared["sld"],
            np.full(5, 0.1),
            shared["roughness"][k],
            cotangent=weights[k],
        )[1]

    own = [alone(k) for k in range(4)]
    mapped = jax.vmap(jax.grad(one, argnums=(0, 1, 2)), (0, 0, None, 0))
    found = mapped(shared["thickness"], shared["roughness"], shared["sld"], weights)
    for field, name in zip(found, ("thickness", "roughness", "sld"), strict=True):
        np.testing.assert_allclose(field, [getattr(g, name) for g in own], rtol=1e-10, atol=1e-14)

    def total(*inputs):
        return jnp.sum(jax.vmap(one, (0, 0, None, 0))(*inputs, weights))

    found = jax.jit(jax.grad(total, argnums=(0, 1, 2)))(shared["thickness"], shared["roughness"], shared["sld"])
    np.testing.assert_allclose(found[0], [g.thickness for g in own], rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found[2], sum(g.sld for g in own), rtol=1e-10, atol=1e-14)


@pytest.mark.usefixtures("jacobian_size")
def test_gradients_of_broadcast_arguments_are_sums():
    arguments = stack(12, lead=(2, 3)) | {"dq": None, "sld_imag": 0.1, "roughness": 4.0}
    arguments["thickness"] = arguments["thickness"][:, :1]
    weights = np.random.default_rng(13).normal(size=(2, 3, 12))
    expected = ks.reflectivity_vjp(**arguments, cotangent=weights)[1]
    for name in NAMES[:-1]:
        found = jax.grad(lambda x, name=name: jnp.sum(called(arguments | {name: x}) * weights))(arguments[name])
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-10, atol=1e-14)


@pytest.mark.usefixtures("jacobian_size")
@pytest.mark.parametrize("route", ROUTES)
def test_single_precision_where_jax_has_no_other(route):
    jax.config.update("jax_enable_x64", False)
    arguments = stack(14)
    rounded = {name: np.asarray(x, dtype=np.float32).astype(np.float64) for name, x in arguments.items()}
    r = called(arguments, route=route)
    assert r.dtype == np.float32
    np.testing.assert_allclose(r, ks.reflectivity(**rounded), rtol=6e-8)  # half a unit in the last digit
    g = jax.jit(jax.grad(lambda x: jnp.sum(called(arguments | {"thickness": x}, route=route))))(arguments["thickness"])
    assert g.dtype == np.float32
    expected = ks.reflectivity_vjp(**rounded, cotangent=1.0)[1].thickness
    np.testing.assert_allclose(g, expected, atol=1e-6 * abs(expected).max())  # a sum of twelve in single precision


@pytest.mark.usefixtures("jacobian_size")
@pytest.mark.parametrize("order", ["hessian", "grad of grad", "jvp of grad", "jacfwd of jvp"])
def test_second_derivatives_are_refused(order):
    arguments = stack(15)
    x = arguments["thickness"]

    def total(x):
        return jnp.sum(called(arguments | {"thickness": x}))

    refused = {
        "hessian": lambda: jax.hessian(total)(x),
        "grad of grad": lambda: jax.grad(lambda x: jnp.sum(jax.grad(total)(x)))(x),
        "jvp of grad": lambda: jax.jvp(jax.grad(total), (x,), (x,)),
        "jacfwd of jvp": lambda: jax.jacfwd(lambda x: jax.jvp(total, (x,), (x,))[1])(x),
    }
    with pytest.raises(errors.NotOfferedError, match="second derivatives are not offered; for a Hessian"):
        refused[order]()


def test_large_jacobian_is_not_kept():
    arguments = stack(22, n=60, n_q=20_000) | {"dq": None}

    def total(x):
        return jnp.sum(called(arguments | {"sld": x}))

    text = str(jax.make_jaxpr(jax.grad(total))(arguments["sld"]))
    assert "kiessig_gradient" in text
    assert "20000,62" not in text
    found = jax.jit(jax.grad(total))(arguments["sld"])
    expected = ks.reflectivity_vjp(**arguments, cotangent=1.0)[1].sld
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12 * abs(expected).max())


@pytest.mark.usefixtures("jacobian_size")
def test_derivative_of_a_product_of_jacobian_and_vector_by_the_vector():
    arguments = stack(16)
    x = arguments["thickness"]
    jacobian = ks.reflectivity_jacobian(**arguments)[1].thickness

    def product(v):
        return jnp.sum(jax.jvp(as_function_of(["thickness"], arguments), (x,), (v,))[1] ** 2)

    np.testing.assert_allclose(jax.grad(product)(x), 2.0 * jacobian.T @ (jacobian @ x), rtol=1e-10)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("thickness", [10.0, -2.0, 3.0], r"thickness must be non-negative; thickness\[1\] = -2(.0)? angstrom"),
        ("roughness", [1.0, 1.0, np.nan, 1.0], r"roughness must be finite; roughness\[2\] = nan"),
        ("scale", np.inf, "scale must be finite; scale.* = inf"),
    ],
)
def test_bad_value_makes_the_program_fail(route, name, value, text):
    arguments = stack(17) | {name: np.asarray(value)}
    for function in (called, lambda a, route: jax.jit(lambda: called(a, route=route))()):
        with pytest.raises(Exception, match=text):  # of a type that differs between versions of JAX
            jax.block_until_ready(function(arguments, route=route))
    with pytest.raises(Exception, match=text):
        jax.block_until_ready(
            jax.grad(lambda x: jnp.sum(called(arguments | {"sld": x}, route=route)))(arguments["sld"])
        )


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"sld": 1.0}, errors.ShapeError, r"sld must have shape \(..., n \+ 2\), fronting to backing; got shape \(\)"),
        ({"thickness": np.ones(2)}, errors.ShapeError, r"thickness must have 3 entries on its last axis .* \(2,\)"),
        ({"thickness": 2.0}, errors.ShapeError, r"thickness must have 3 entries on its last axis .* got shape \(\)"),
        ({"dq": np.ones(3)}, errors.ShapeError, r"dq must have the shape of q; got shape \(3,\)"),
        ({"scale": np.ones(2), "background": np.ones(3)}, errors.ShapeError, "leading .* must broadcast"),
        ({"sld": np.ones(5, dtype=complex)}, errors.InvalidValueError, "sld must be real numbers; got dtype complex"),
        ({"sld": np.ones(5, dtype=bool)}, errors.InvalidValueError, "sld must be real numbers; got dtype bool"),
        ({"threads": 0}, errors.InvalidValueError, "threads must be None or a positive integer; got 0"),
        ({"route": "C"}, errors.InvalidValueError, "route must be 'ffi', 'callback' or None; got 'C'"),
    ],
)
def test_bad_argument_is_explained(change, error, text):
    with pytest.raises(error, match=f"^kiessig.adapters.jax.reflectivity: {text}"):
        called(stack(18) | change)


def test_smearing_that_cannot_be_honoured_is_said_so():
    with pytest.raises(Exception, match="dq cannot be honoured"):
        reflectivity([0.1], [1e9], [0.0, 4.0, 2.0], dq=[1.0]).block_until_ready()


def test_threads_change_nothing():
    arguments = stack(19, n=10, n_q=300, lead=(8,)) | {"dq": None}
    np.testing.assert_array_equal(called(arguments, threads=1), called(arguments, threads=2))


def test_refnx_slabs():
    kernels = pytest.importorskip("refnx.reflect._creflect")
    rng = np.random.default_rng(20)
    slabs = np.column_stack(
        [rng.uniform(20, 60, 5), rng.uniform(0, 6, 5), rng.uniform(0, 0.1, 5), rng.uniform(1, 4, 5)]
    )
    slabs[0, 2] = 0.0
    q = np.linspace(0.01, 0.3, 60).reshape(3, 20)
    expected = kernels.abeles(q, slabs, scale=0.9, bkg=1e-6)
    for threads in (-1, 0, 1):
        found = jax.jit(abeles, static_argnums=4)(q, slabs, 0.9, 1e-6, threads)
        np.testing.assert_allclose(found, expected, rtol=1e-8)  # refnx's small imaginary part of every medium
    with pytest.raises(errors.ShapeError, match=r"layers must have shape \(n \+ 2, 4\); got shape \(5, 3\)"):
        abeles(q, slabs[:, :3])


def test_refnx_compiled_objective(monkeypatch):
    reflect = pytest.importorskip("refnx.reflect")
    # its package asks for pytensor and PyMC when it is imported; the compiler alone needs neither
    package = types.ModuleType("refnx.reflect.extra")
    package.__path__ = [str(Path(reflect.__file__).parent / "extra")]
    monkeypatch.setitem(sys.modules, "refnx.reflect.extra", package)
    compiler = pytest.importorskip("refnx.reflect.extra._jax_compiler")
    from refnx.analysis import Objective
    from refnx.dataset import Data1D
    from refnx.reflect import SLD, ReflectModel

    from kiessig.adapters.refnx import reflect_fn

    q = np.linspace(0.01, 0.2, 40)
    film = SLD(3.0)(100.0, 4.0)
    model = ReflectModel(SLD(0.0)(0, 0) | film | SLD(6.36)(0, 3.0), bkg=1e-6, dq=5.0)
    film.thick.setp(95.0, vary=True, bounds=(50, 150))
    film.rough.setp(5.0, vary=True, bounds=(0, 10))
    r = np.exp(-30.0 * q)
    objective = Objective(model, Data1D((q, r, 0.05 * r)))
    theirs = compiler.compile_objective(objective)
    ours = compiler.compile_objective(objective, reflect_fn=reflect_fn)
    x = np.array([97.0, 4.5])
    np.testing.assert_allclose(ours.logl(x), theirs.logl(x), rtol=1e-8)
    np.testing.assert_allclose(ours.grad_logl(x), theirs.grad_logl(x), rtol=1e-6)
    np.testing.assert_allclose(
        jax.jacfwd(ours.generative)(x), jax.jacfwd(theirs.generative_fwd)(x), rtol=1e-6, atol=1e-12
    )


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_jax_is_imported_by_the_first_call_and_left_as_it_is():
    done = python(
        "import sys, kiessig.adapters.jax as adapter\n"
        "assert 'jax' not in sys.modules\n"
        "r = adapter.reflectivity([0.05], [10.0], [0.0, 4.0, 2.0])\n"
        "import jax\n"
        "assert not jax.config.jax_enable_x64 and str(r.dtype) == 'float32', r.dtype\n"
    )
    assert done.returncode == 0, done.stderr


def test_threads_of_both_live_together():
    done = python(
        "import threading, jax, jax.numpy as jnp, numpy as np, kiessig as ks\n"
        "from kiessig.adapters.jax import reflectivity\n"
        "q = np.linspace(0.01, 0.3, 2000)\n"
        "slabs = (np.full((8, 20), 30.0), np.r_[0.0, np.tile([2.0, 5.0], 10), 2.07])\n"
        "f = jax.jit(jax.value_and_grad(lambda d: jnp.sum(reflectivity(q, d, slabs[1], threads=4))))\n"
        "f(slabs[0])[0].block_until_ready()\n"
        "found = []\n"
        "def work():\n"
        "    for _ in range(5):\n"
        "        ks.reflectivity(q, *slabs, threads=4)\n"
        "        found.append(float(f(slabs[0])[0]))\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "assert len(found) == 20 and len(set(found)) == 1, found\n"
    )
    assert done.returncode == 0, done.stderr
