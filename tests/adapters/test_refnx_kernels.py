"""Our kernels in the place of refnx's: the same numbers, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from reference.magnetic_stacks import random_magnetic_stack
from reference.stacks import q_grid, random_stack

creflect = pytest.importorskip("refnx.reflect._creflect", reason="refnx is not installed")
reflect_model = pytest.importorskip("refnx.reflect.reflect_model")

import kiessig.adapters.refnx as adapter  # noqa: E402 - skipped above where refnx is missing

C_ABELES, C_VECTORISED = creflect.abeles, creflect.abeles_vectorised
C_GEPORE = getattr(creflect, "gepore", None)
needs_gepore = pytest.mark.skipif(C_GEPORE is None, reason="this refnx knows no polarised neutrons")
# both find the amplitude with some tens of roundoffs of the largest |F|: relative 1e-9 in R = |r|² needs R >= 1e-12
RELATIVE, ABSOLUTE = 1e-9, 1e-20


def slabs(stack):
    """A strided view, as `Structure.slabs()[:, :4]` is."""
    rows = np.zeros((stack.sld.size, 5))
    rows[1:-1, 0], rows[:, 1], rows[:, 2], rows[1:, 3] = stack.thickness, stack.sld, stack.sld_imag, stack.roughness
    return rows[:, :4]


def stack_of(n, seed, absorbing=True):
    return random_stack(np.random.default_rng([201, n, seed]), n, absorbing=absorbing, thickness=(3.0, 150.0))


@pytest.mark.parametrize("n", [0, 1, 3, 20])
def test_abeles(n):
    for seed in range(4):
        w = slabs(stack_of(n, seed))
        q = q_grid(np.random.default_rng(seed), 40, low=0.004, high=0.4)
        assert not w.flags.c_contiguous
        expected = C_ABELES(q, w, scale=0.9, bkg=2e-7, threads=1)
        np.testing.assert_allclose(adapter.abeles(q, w, scale=0.9, bkg=2e-7), expected, rtol=RELATIVE, atol=ABSOLUTE)


@pytest.mark.parametrize("shape", [(24,), (4, 6), (2, 3, 4), (24, 1)])
def test_shape_of_q(shape):
    w = slabs(stack_of(2, 0))
    q = np.linspace(0.01, 0.3, 24).reshape(shape)
    found = adapter.abeles(q, w, threads=-1)
    assert found.shape == shape
    assert found.flags.writeable
    assert found.flags.owndata or found.base.flags.owndata
    found *= 2.0  # as refnx does
    np.testing.assert_allclose(found, 2.0 * C_ABELES(q, w, threads=1), rtol=RELATIVE, atol=ABSOLUTE)


def test_threads_change_nothing():
    w = slabs(stack_of(5, 1))
    q = np.linspace(0.01, 0.3, 3000)
    expected = adapter.abeles(q, w)
    for threads in (0, 1, 2, -1):
        np.testing.assert_array_equal(adapter.abeles(q, w, threads=threads), expected)


def test_negative_q_and_absorbing_fronting():
    # refnx ignores the absorption of the fronting; its two C kernels differ below Q = 0, where the matrix one returns
    # values far above 1: ours follows the other, which is even in Q
    w = slabs(stack_of(2, 2)).copy()
    w[0, 2] = 0.3
    q = np.concatenate([-np.linspace(0.002, 0.1, 20), [0.0], np.linspace(0.002, 0.1, 20)])
    found = adapter.abeles(q, w)
    np.testing.assert_allclose(found, creflect.parratt(q, w, threads=1), rtol=RELATIVE)
    np.testing.assert_allclose(found[20:], C_ABELES(q[20:], w, threads=1), rtol=RELATIVE)


@pytest.mark.parametrize("change", [(1, 0, -5.0), (1, 2, -0.1), (2, 3, -4.0), (1, 1, np.nan)])
def test_what_our_kernel_refuses_goes_to_theirs(change):
    w = slabs(stack_of(2, 3)).copy()
    row, column, value = change
    w[row, column] = value
    q = np.linspace(0.01, 0.2, 10)
    # another number of threads is another place of a point in its vector
    np.testing.assert_allclose(adapter.abeles(q, w), C_ABELES(q, w, threads=1), rtol=1e-12)
    many = np.stack([w, w])
    np.testing.assert_allclose(adapter.abeles_vectorised(q, many), C_VECTORISED(q, many), rtol=1e-12)


def test_abeles_vectorised():
    stacks = np.stack([slabs(stack_of(3, seed)) for seed in range(7)])
    rng = np.random.default_rng(8)
    scale, bkg = rng.uniform(0.8, 1.2, 7), rng.uniform(0.0, 1e-6, 7)
    q = np.linspace(0.01, 0.3, 24)
    expected = C_VECTORISED(q, stacks, scale, bkg)
    np.testing.assert_allclose(adapter.abeles_vectorised(q, stacks, scale, bkg), expected, RELATIVE, ABSOLUTE)
    shaped = adapter.abeles_vectorised(q.reshape(4, 6), stacks)
    np.testing.assert_allclose(shaped.reshape(7, -1), C_VECTORISED(q, stacks), rtol=RELATIVE, atol=ABSOLUTE)


@needs_gepore
@pytest.mark.parametrize(("guide", "field"), [(270.0, 0.0), (30.0, 0.0), (270.0, 0.4), (270.0, -0.4)])
@pytest.mark.parametrize("absorbing_fronting", [False, True])
def test_gepore(guide, field, absorbing_fronting):
    rng = np.random.default_rng([202, int(guide)])
    for n in (0, 1, 3):
        stack = random_magnetic_stack(rng, n, guide_angle=-guide, field=field, absorbing=True, fronting=2.07)
        stack.sld_imag[0] = 0.2 if absorbing_fronting else 0.0
        columns = (
            np.concatenate(([0.0], stack.thickness, [0.0])),
            stack.sld,
            stack.sld_imag,
            np.append(0.0, stack.roughness),
            stack.sld_magnetic,
            stack.theta_m,
        )
        w = np.ascontiguousarray(np.transpose(columns))
        q = q_grid(rng, 30, low=0.01)
        found = adapter.gepore(q, w, H=field, Aguide=guide, scale=1.1, bkg=1e-7)
        expected = C_GEPORE(q, w, H=field, Aguide=guide, scale=1.1, bkg=1e-7)
        np.testing.assert_allclose(found, expected, rtol=1e-8, err_msg=f"{n}")


def everything_patched():
    from refnx.reflect import structure

    early = [getattr(reflect_model, name).__defaults__ for name in ("_smear_kernel", "_smeared_kernel_pointwise")]
    named = [(reflect_model, name) for name in ("kernel", "abeles", "gepore")]
    named += [(sys.modules.get("refnx.reflect._polarised_reflect_model"), "gepore"), (structure, "get_reflect_backend")]
    return [getattr(owner, name, None) for owner, name in named] + early


BEFORE = everything_patched()


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    yield
    assert everything_patched() == BEFORE


def models():
    from refnx.reflect import SLD, MixedReflectModel, ReflectModel, ReflectModelTL

    structure = SLD(0.0) | SLD(6.3 + 0.02j)(250, 5) | SLD(3.47)(17, 4) | SLD(2.07)(0, 3)
    q = np.linspace(0.01, 0.2, 30)
    angles = np.c_[np.full(30, 0.8), np.linspace(2.0, 15.0, 30)]
    return {
        "pointwise": lambda: ReflectModel(structure)(q, x_err=0.05 * q),
        "constant": lambda: ReflectModel(structure, dq=5.0)(q),
        "unsmeared": lambda: ReflectModel(structure, dq=0.0)(q),
        "mixed": lambda: MixedReflectModel([structure, structure[:2] | SLD(2.07)])(q, x_err=0.05 * q),
        "dispersive": lambda: ReflectModelTL(structure)(angles, x_err=np.full(30, 1e-3)),
        "dispersive, unsmeared": lambda: ReflectModelTL(structure, dq=0.0)(angles),
        "reflectivity": lambda: reflect_model.reflectivity(q, structure.slabs()[:, :4]),
        "structure": lambda: structure.reflectivity(q),
        "polarised": lambda: reflect_model.reflectivity(
            q,
            np.c_[structure.slabs()[:, :4], [0.0, 2.0, 1.0, 0.0], [0.0, 300.0, 250.0, 0.0]],
            spin=reflect_model.SpinChannel.UP_DOWN,
        ),
    }


@pytest.mark.parametrize("name", models())
def test_models_of_refnx(name, monkeypatch):
    if name == "polarised" and C_GEPORE is None:
        pytest.skip("this refnx knows no polarised neutrons")
    calculate = models()[name]
    expected = calculate()
    used = []
    for module in ("kernels", "switch"):  # whichever of ours is called
        for function in ("abeles", "gepore"):
            own = getattr(adapter, function)
            target = sys.modules[f"kiessig.adapters.refnx.{module}"]
            monkeypatch.setattr(target, function, lambda *a, _own=own, **k: used.append(1) or _own(*a, **k))
    with adapter.backend() as kernel:
        found = calculate()
    assert used, "refnx computed with its own kernel"
    assert callable(kernel)
    # the spline of the constant dq/q carries the kernel's roundoff from one decade to the next
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    np.testing.assert_array_equal(calculate(), expected)


def test_nested_exceptional_and_permanent():
    with adapter.backend() as kernel, adapter.backend():
        assert reflect_model.kernel is kernel
    with pytest.raises(RuntimeError, match="planned"), adapter.backend():
        raise RuntimeError("planned")  # noqa: EM101
    assert everything_patched() == BEFORE
    adapter.restore()
    adapter.use()
    adapter.use()
    with adapter.backend():
        adapter.restore()
        assert reflect_model.kernel is kernel  # the with is still open
    assert everything_patched() == BEFORE


def test_someone_elses_kernel_stays():
    with adapter.backend():
        reflect_model.kernel = creflect.parratt
    assert reflect_model.kernel is creflect.parratt
    reflect_model.kernel = C_ABELES
    with adapter.backend() as ours:
        with reflect_model.use_reflect_backend("c_parratt") as theirs:
            assert reflect_model.kernel is theirs
        assert reflect_model.kernel is ours


def test_threads_that_overlap():
    inside, leave = threading.Event(), threading.Event()

    def long():
        with adapter.backend():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=long)
    thread.start()
    inside.wait(10)
    with adapter.backend() as kernel:
        pass
    assert reflect_model.kernel is kernel  # the other thread is not done
    leave.set()
    thread.join()
    assert everything_patched() == BEFORE


def test_without_refnx():
    script = """
import sys
sys.modules["refnx"] = None
import kiessig.adapters.refnx as adapter
try:
    adapter.use()
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("kiessig.adapters.refnx: refnx.reflect.reflect_model cannot be imported")
    assert "install refnx" in result.stdout
