"""kiessig inside PyTorch: the numbers of our own functions, whatever PyTorch does to the function that it sees."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import kiessig as ks
from kiessig import errors

torch = pytest.importorskip("torch", minversion="2.2")

from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap  # noqa: E402

from kiessig.adapters import _torch_function  # noqa: E402 - there is nothing to test without PyTorch
from kiessig.adapters import torch as adapter  # noqa: E402
from kiessig.adapters.torch import reflectivity  # noqa: E402

# PyTorch's own, when it loads what forward mode needs
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")

NAMES = ("q", "thickness", "sld", "sld_imag", "roughness", "scale", "background", "dq")
# sums of a few hundred products, taken in another order than in our kernels
ROUNDING = {"rtol": 1e-11, "atol": 1e-14}


@pytest.fixture(params=["exchange", "numpy", "exchange, too large", "numpy, too large"], autouse=True)
def way(request, monkeypatch):
    """How tensors are read, and whether the Jacobian is kept.

    Through DLPack's exchange interface, or as arrays, where PyTorch is too old to have it.
    """
    if "numpy" in request.param:
        monkeypatch.setattr(_torch_function, "_tensors", lambda: None)
    if "too large" in request.param:
        monkeypatch.setattr(_torch_function, "most_entries", lambda smeared: 0)
    return request.param


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


def tensors(arguments, *, leaves=False):
    return {name: torch.tensor(x, requires_grad=leaves) for name, x in arguments.items()}


def as_function_of(name, given):
    return lambda x: reflectivity(**given | {name: x})


def jacobian_of(arguments):
    """Our own Jacobian in the form of PyTorch's: an entry for every entry of the input, also where points own one."""
    found = ks.reflectivity_jacobian(**arguments)[1]._asdict()
    return {name: np.diag(found[name]) if name in ("q", "dq") else found[name] for name in NAMES}


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_values_are_those_of_the_kernel(lead, leaves):
    arguments = stack(1, lead=lead)
    found = reflectivity(**tensors(arguments, leaves=leaves))
    assert found.dtype == torch.float64
    assert found.requires_grad == leaves
    # along with a Jacobian the sums of smearing are taken in another order
    np.testing.assert_allclose(found.detach(), ks.reflectivity(**arguments), rtol=1e-14)


def test_shapes_broadcast_as_in_the_kernel():
    a = stack(2)
    many = np.linspace(40.0, 60.0, 5)[:, None] * np.ones(3)
    cases = [
        a | {"q": 0.05, "dq": None},
        a | {"q": torch.tensor(0.05), "dq": None},
        a | {"sld_imag": 0.1, "roughness": 3},
        a | {"sld_imag": torch.tensor(0.1), "roughness": torch.tensor(3)},
        a | {"thickness": many},
        a | {"thickness": torch.tensor(many[:, None]), "scale": np.linspace(0.9, 1.1, 4)},
        a | {"q": np.outer([1.0, 1.1], a["q"]), "dq": None},
        a | {"thickness": [30.0], "sld": [0, 4, 2], "sld_imag": 0, "roughness": 0, "dq": None},
        a | {"thickness": [], "sld": [0.0, 4.0], "sld_imag": 0.0, "roughness": [3.0]},
        a | {"q": np.empty(0), "dq": None},
    ]
    for case in cases:
        expected = ks.reflectivity(**{k: np.asarray(x) if isinstance(x, torch.Tensor) else x for k, x in case.items()})
        found = reflectivity(**case)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6)  # 0.05 and 0.1 in single precision among them


def test_memory_is_shared(monkeypatch):
    """The kernel reads the tensors' memory, and its own result is the tensor's."""
    seen = {}
    kernel = _torch_function.value

    def spy(**arguments):
        seen.update(arguments)
        seen["r"] = kernel(**arguments)
        return seen["r"]

    monkeypatch.setattr(_torch_function, "_tensors", lambda: None)
    monkeypatch.setattr(_torch_function, "value", spy)
    given = tensors(stack(3))
    found = reflectivity(**given)
    for name in ("q", "thickness", "sld", "sld_imag", "roughness", "dq"):
        assert seen[name].ctypes.data == given[name].data_ptr()
    assert found.data_ptr() == seen["r"].ctypes.data


needs_exchange = pytest.mark.skipif(
    not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"), reason="this PyTorch does not hand out its tensors' memory"
)


@needs_exchange
@pytest.mark.parametrize("leaves", [False, True])
def test_plain_tensors_go_the_short_way(way, monkeypatch, leaves):
    """Vectors and numbers for the kernels, without numpy in between; and parameters of modules."""
    if "numpy" in way:
        pytest.skip("this is about the other way")
    monkeypatch.setattr(_torch_function, "computed", None)
    monkeypatch.setattr(adapter, "computed", None)
    arguments = stack(30)
    expected, weights = ks.reflectivity(**arguments), np.random.default_rng(31).normal(size=12)
    given = tensors(arguments, leaves=leaves)
    given["sld"] = torch.nn.Parameter(given["sld"].detach(), requires_grad=leaves)
    found = reflectivity(**given)
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-14)
    np.testing.assert_array_equal(reflectivity(**given | {"scale": 2.0, "dq": None}, threads=1).shape, (12,))
    if leaves:
        monkeypatch.setattr(_torch_function, "_gradient", None)
        found.backward(torch.tensor(weights))
        gradient = ks.reflectivity_vjp(**arguments, cotangent=weights)[1]
        for name, x in given.items():
            np.testing.assert_allclose(x.grad, getattr(gradient, name), **ROUNDING)


def views():
    """Tensors of float64 numbers whose memory is not those numbers in a row."""
    x = torch.tensor(stack(32)["thickness"])
    return {
        "strided": lambda: x.repeat_interleave(2)[::2],
        "expanded": lambda: torch.tensor([41.0], dtype=torch.float64).expand(3),
        "with the other sign": lambda: torch._neg_view(-x),
        "flipped": lambda: x.flip(0),
        "without a gradient": lambda: x.clone().requires_grad_().detach(),
    }


@pytest.mark.parametrize("view", views())
def test_views_are_read_as_what_they_show(view):
    x = views()[view]()
    arguments = stack(32)
    expected = ks.reflectivity(**arguments | {"thickness": np.array(x.tolist())})
    np.testing.assert_allclose(reflectivity(**tensors(arguments) | {"thickness": x}), expected, rtol=1e-14)


@pytest.mark.parametrize("view", ["expanded", "with the other sign", "strided"])
def test_views_as_cotangents(view):
    arguments = stack(33, n_q=3)
    weights, given = views()[view](), tensors(arguments, leaves=True)
    reflectivity(**given).backward(weights)
    expected = ks.reflectivity_vjp(**arguments, cotangent=np.array(weights.tolist()))[1]
    for name, x in given.items():
        np.testing.assert_allclose(x.grad, getattr(expected, name), **ROUNDING)


def test_expanded_arguments_are_a_batch():
    arguments = stack(38)
    given = {name: x if x.ndim == 0 else x.expand(3, -1) for name, x in tensors(arguments).items()}
    given["thickness"].requires_grad_()
    r = reflectivity(**given)
    np.testing.assert_allclose(r.detach(), np.tile(ks.reflectivity(**arguments), (3, 1)), rtol=1e-14)
    r.sum().backward()
    expected = ks.reflectivity_vjp(**arguments, cotangent=np.ones(12))[1].thickness
    np.testing.assert_allclose(given["thickness"].grad, np.tile(expected, (3, 1)), **ROUNDING)


def test_rows_of_one_stack_are_its_jacobian():
    """Every point a stack of its own, by expanding: one backward sweep gives all rows."""
    arguments = stack(37)
    del arguments["dq"]
    rows = {name: torch.tensor(arguments[name]).expand(12, -1).requires_grad_() for name in NAMES[1:5]}
    given = tensors(arguments)
    r = reflectivity(given.pop("q")[:, None], **rows, scale=given["scale"], background=given["background"])
    expected = ks.reflectivity_jacobian(**arguments)
    np.testing.assert_allclose(r.detach()[:, 0], expected[0], rtol=1e-14)
    r.sum().backward()
    for name, x in rows.items():
        np.testing.assert_allclose(x.grad, getattr(expected[1], name), **ROUNDING)


@pytest.mark.parametrize("n_q", [1, 7, 8, 9, 16, 25])
def test_every_point_is_in_the_gradient(n_q):
    arguments = stack(35, n_q=n_q)
    weights, given = np.random.default_rng(36).normal(size=n_q), tensors(arguments, leaves=True)
    reflectivity(**given).backward(torch.tensor(weights))
    expected = ks.reflectivity_vjp(**arguments, cotangent=weights)[1]
    for name, x in given.items():
        np.testing.assert_allclose(x.grad, getattr(expected, name), **ROUNDING)


def test_operands_that_change_between_forward_and_backward(way):
    """What is kept belongs to the moment of the forward call; what is computed anew must not be of another moment."""
    arguments = stack(34)
    given = tensors(arguments)
    x = given["thickness"].requires_grad_()
    r = reflectivity(**given).sum()
    with torch.no_grad():
        x.mul_(1.5)
    if "too large" in way:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            r.backward()
        return
    r.backward()
    expected = ks.reflectivity_vjp(**arguments, cotangent=np.ones(12))[1].thickness
    np.testing.assert_allclose(x.grad, expected, **ROUNDING)


def test_gradcheck_in_every_mode():
    given = tensors(stack(4), leaves=True)
    del given["dq"]  # smearing finds its nodes anew for every stack: its error need not be smooth

    def function(*values):
        return reflectivity(**dict(zip(given, values, strict=True)))

    assert torch.autograd.gradcheck(
        function,
        tuple(given.values()),
        eps=1e-6,
        atol=1e-7,  # differences of first order, with the error of rounding 1e-16 / 1e-6
        rtol=1e-5,
        check_forward_ad=True,
        check_batched_grad=True,
        check_batched_forward_grad=True,
    )


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("name", NAMES)
def test_backward_of_every_argument(name, lead):
    arguments = stack(5, lead=lead)
    given = tensors(arguments)
    x = given[name].requires_grad_()
    weights = np.random.default_rng(6).normal(size=(*lead, 12))
    reflectivity(**given).backward(torch.tensor(weights))
    expected = ks.reflectivity_vjp(**arguments, cotangent=weights)[1]
    np.testing.assert_allclose(x.grad, getattr(expected, name), **ROUNDING)
    assert all(other.grad is None for other in given.values() if other is not x)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_of_every_argument(name):
    arguments = stack(7)
    given, expected = tensors(arguments), jacobian_of(arguments)[name]
    function, x = as_function_of(name, given), given[name]
    tangent = torch.tensor(np.random.default_rng(8).normal(size=x.shape))
    cotangent = torch.tensor(np.random.default_rng(9).normal(size=expected.shape[0]))
    along = np.tensordot(expected, tangent, x.ndim)
    across = np.tensordot(cotangent, expected, 1)
    np.testing.assert_allclose(jacrev(function)(x), expected, **ROUNDING)
    np.testing.assert_allclose(jacfwd(function)(x), expected, **ROUNDING)
    np.testing.assert_allclose(jvp(function, (x,), (tangent,))[1], along, **ROUNDING)
    np.testing.assert_allclose(vjp(function, x)[1](cotangent)[0], across, **ROUNDING)
    np.testing.assert_allclose(grad(lambda x: function(x) @ cotangent)(x), across, **ROUNDING)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        found = torch.autograd.forward_ad.unpack_dual(function(dual)).tangent
    np.testing.assert_allclose(found, along, **ROUNDING)
    jacobian = torch.autograd.functional.jacobian(function, x, vectorize=True)
    np.testing.assert_allclose(jacobian, expected, **ROUNDING)


@pytest.mark.parametrize("name", NAMES)
def test_map_over_one_argument_is_a_loop(name):
    arguments = stack(10)
    many = np.stack([factor * np.asarray(arguments[name]) for factor in (0.9, 1.0, 1.2)], axis=-1)
    mapped = vmap(as_function_of(name, tensors(arguments)), in_dims=-1)(torch.tensor(many))
    for k in range(3):
        # smeared points that are computed together share their nodes: within the error of smearing, 1e-5
        np.testing.assert_allclose(mapped[k], ks.reflectivity(**arguments | {name: many[..., k]}), rtol=2e-5)


def test_nested_maps_are_nested_loops():
    a = stack(11) | {"dq": None}
    given = {name: x if x is None else torch.tensor(x) for name, x in a.items()}
    factors, scales, qs = np.array([0.9, 1.0, 1.1]), np.array([1.0, 2.0]), a["q"][:4]

    def one(q, factor, scale):
        return reflectivity(**given | {"q": q, "thickness": factor * given["thickness"], "scale": scale})

    mapped = vmap(vmap(vmap(one, (None, None, 0)), (None, 0, None), out_dims=1), (0, None, None), out_dims=2)
    expected = [
        [[ks.reflectivity(**a | {"q": q, "thickness": f * a["thickness"], "scale": s}) for q in qs] for f in factors]
        for s in scales
    ]
    found = mapped(*map(torch.tensor, (qs, factors, scales)))
    assert found.shape == (2, 3, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-13)  # points side by side, with and without their neighbours


def test_maps_of_gradients_and_gradients_of_maps():
    arguments = stack(12, lead=(4,)) | {"dq": None}
    q, sld = torch.tensor(arguments["q"][0]), torch.tensor(arguments["sld"][0])
    thickness, roughness = torch.tensor(arguments["thickness"]), torch.tensor(arguments["roughness"])
    weights = torch.tensor(np.random.default_rng(13).normal(size=(4, 12)))

    def one(thickness, roughness, sld, weights):
        return reflectivity(q, thickness, sld, 0.1, roughness) @ weights

    def alone(k):
        inputs = (q.numpy(), arguments["thickness"][k], sld.numpy(), np.full(5, 0.1), arguments["roughness"][k])
        return ks.reflectivity_vjp(*inputs, cotangent=weights[k].numpy())[1]

    own = [alone(k) for k in range(4)]
    found = vmap(grad(one, argnums=(0, 1, 2)), (0, 0, None, 0))(thickness, roughness, sld, weights)
    for field, name in zip(found, ("thickness", "roughness", "sld"), strict=True):
        np.testing.assert_allclose(field, [getattr(g, name) for g in own], **ROUNDING)

    def total(*inputs):
        return vmap(one, (0, 0, None, 0))(*inputs, weights).sum()

    found = grad(total, argnums=(0, 1, 2))(thickness, roughness, sld)
    np.testing.assert_allclose(found[0], [g.thickness for g in own], **ROUNDING)
    np.testing.assert_allclose(found[2], sum(g.sld for g in own), **ROUNDING)


def test_gradients_of_broadcast_arguments_are_sums():
    arguments = stack(14, lead=(2, 3)) | {"dq": None, "sld_imag": 0.1, "roughness": 4.0}
    arguments["thickness"] = arguments["thickness"][:, :1]
    arguments["q"] = arguments["q"][0, 0]
    weights = np.random.default_rng(15).normal(size=(2, 3, 12))
    expected = ks.reflectivity_vjp(**arguments, cotangent=weights)[1]
    given = {
        name: None if x is None else torch.tensor(x, dtype=torch.float64, requires_grad=True)
        for name, x in arguments.items()
    }
    reflectivity(**given).backward(torch.tensor(weights))
    for name in NAMES[:-1]:
        np.testing.assert_allclose(given[name].grad, getattr(expected, name), **ROUNDING)


def test_one_stack_with_scalars():
    """The short way through backward sums over what a number was broadcast to."""
    arguments = stack(16) | {"dq": None, "sld_imag": 0.1, "roughness": 4.0}
    given = {
        name: None if x is None else torch.tensor(x, dtype=torch.float64, requires_grad=True)
        for name, x in arguments.items()
    }
    (reflectivity(**given) * 2.0).sum().backward()
    expected = ks.reflectivity_vjp(**arguments, cotangent=2.0)[1]
    for name in NAMES[:-1]:
        assert given[name].grad.shape == given[name].shape
        np.testing.assert_allclose(given[name].grad, getattr(expected, name), **ROUNDING)


def test_single_precision():
    arguments = stack(17)
    rounded = {name: np.asarray(x, dtype=np.float32) for name, x in arguments.items()}
    given = tensors(rounded)
    given["sld"].requires_grad_()
    r = reflectivity(**given)
    assert r.dtype == torch.float32
    doubled = {name: x.astype(np.float64) for name, x in rounded.items()}
    np.testing.assert_allclose(r.detach(), ks.reflectivity(**doubled), rtol=6e-8)  # half a unit in the last digit
    r.sum().backward()
    assert given["sld"].grad.dtype == torch.float32
    expected = ks.reflectivity_vjp(**doubled, cotangent=1.0)[1].sld
    np.testing.assert_allclose(given["sld"].grad, expected, atol=2e-7 * abs(expected).max())
    assert reflectivity(**given | {"q": torch.tensor(arguments["q"])}).dtype == torch.float64


@pytest.mark.parametrize(
    "second",
    [
        lambda f, x: hessian(f)(x),
        lambda f, x: jacrev(jacrev(f))(x),
        lambda f, x: jacfwd(jacfwd(f))(x),
        lambda f, x: jacrev(jacfwd(f))(x),
        lambda f, x: torch.autograd.functional.hessian(f, x),
        lambda f, x: torch.autograd.gradgradcheck(f, x.clone().requires_grad_()),
        lambda f, x: jvp(grad(f), (x,), (x,)),
        lambda f, x: vmap(hessian(f))(x[None]),
    ],
)
def test_second_derivatives_are_refused(second):
    given = tensors(stack(18))

    def total(x):
        return reflectivity(**given | {"thickness": x}).sum()

    with pytest.raises(errors.NotOfferedError, match="second derivatives are not offered; for a Hessian"):
        second(total, given["thickness"])


def test_forward_over_backward_is_refused():
    given = tensors(stack(19))
    x = given["thickness"]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x.requires_grad_(), torch.ones_like(x))
        with pytest.raises(errors.NotOfferedError, match="second derivatives are not offered"):
            torch.autograd.grad(reflectivity(**given | {"thickness": dual}).sum(), x)


def test_backward_twice_through_one_graph():
    given = tensors(stack(20))
    x = given["sld"].requires_grad_()
    r = reflectivity(**given).sum()
    first = torch.autograd.grad(r, x, retain_graph=True)[0]
    np.testing.assert_array_equal(torch.autograd.grad(r, x)[0], first)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"thickness": torch.tensor([1.0, -2.0, 3.0])}, errors.InvalidValueError, r"thickness\[1\] = -2.0 angstrom"),
        ({"roughness": torch.tensor(np.nan)}, errors.InvalidValueError, r"roughness\[0\] = nan"),
        ({"thickness": torch.ones(2)}, errors.ShapeError, "thickness must have 3 entries"),
        ({"sld": 1.0}, errors.ShapeError, "sld must have shape"),
        ({"scale": torch.ones(2), "background": torch.ones(3)}, errors.ShapeError, "leading .* must broadcast"),
        ({"q": torch.ones(12, device="meta")}, errors.InvalidValueError, r"q must be on the CPU; .* meta; call .cpu"),
        ({"sld": torch.ones(5, dtype=torch.float16)}, errors.InvalidValueError, "sld must be of float64, float32 or"),
        ({"sld": torch.ones(5, dtype=torch.complex128)}, errors.InvalidValueError, "got torch.complex128"),
        ({"sld": "thick"}, errors.InvalidValueError, "sld must be a tensor, an array or a number; got str"),
        ({"threads": 0}, errors.InvalidValueError, "threads must be None or a positive integer; got 0"),
    ],
)
@pytest.mark.parametrize("leaves", [False, True])
def test_bad_argument_is_explained(change, error, text, leaves):
    with pytest.raises(error, match=text):
        reflectivity(**tensors(stack(21), leaves=leaves) | change)


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_torch_is_imported_by_the_first_call_and_left_as_it_is():
    done = python(
        "import sys, kiessig.adapters.torch as adapter\n"
        "assert 'torch' not in sys.modules\n"
        "r = adapter.reflectivity([0.05], [10.0], [0.0, 4.0, 2.0])\n"
        "import torch\n"
        "assert torch.get_default_dtype() == torch.float32 and r.dtype == torch.float64\n"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("first", ["torch", "kiessig"])
def test_threads_of_both_live_together(first):
    second = "kiessig" if first == "torch" else "torch"
    done = python(
        f"import {first}; import {second}, threading, numpy as np, torch, kiessig as ks\n"
        "from kiessig.adapters.torch import reflectivity\n"
        "torch.set_num_threads(4)\n"
        "q = torch.linspace(0.01, 0.3, 2000, dtype=torch.float64)\n"
        "d = torch.full((8, 20), 30.0, dtype=torch.float64)\n"
        "sld = np.r_[0.0, np.tile([2.0, 5.0], 10), 2.07]\n"
        "square = torch.rand(300, 300, dtype=torch.float64)\n"
        "def once():\n"
        "    x = d.clone().requires_grad_()\n"
        "    square @ square\n"
        "    reflectivity(q, x, sld, threads=4).sum().backward()\n"
        "    return x.grad\n"
        "expected, found = once(), []\n"
        "def work():\n"
        "    for _ in range(5):\n"
        "        ks.reflectivity(q, d, sld, threads=4)\n"
        "        found.append(torch.equal(once(), expected))\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "assert found == [True] * 20, found\n"
    )
    assert done.returncode == 0, done.stderr
