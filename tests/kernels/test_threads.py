"""Threads: the same bits for any number of them, no lock held while computing, and life after fork."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import kiessig as ks
from reference.stacks import q_grid, random_stack

FIELDS = ("thickness", "sld", "sld_imag", "roughness", "q", "scale", "background", "dq")


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize(("n_batch", "n_q"), [(1, 3000), (7, 300), (300, 3)])
def test_every_number_of_threads_gives_the_same_bits(n_batch, n_q, smeared):
    rng = np.random.default_rng([81, n_batch])
    stack = random_stack(rng, 4, absorbing=True, thickness=(5.0, 60.0))
    thickness = stack.thickness * rng.uniform(0.9, 1.1, (n_batch, 1))
    q = q_grid(rng, n_q, low=0.008)
    arguments = (q, thickness, *stack[1:])
    options = {"dq": 0.01 * q} if smeared else {}
    cotangent = rng.standard_normal((n_batch, n_q))
    tangents = {"thickness": rng.standard_normal(4), "sld": rng.standard_normal(6)}
    r = ks.reflectivity(*arguments, **options, threads=1)
    r_jacobian, jacobian = ks.reflectivity_jacobian(*arguments, **options, threads=1)
    _, gradient = ks.reflectivity_vjp(*arguments, **options, cotangent=cotangent, threads=1)
    _, dr = ks.reflectivity_jvp(*arguments, **options, tangents=tangents, threads=1)
    for threads in (2, 3, None):
        np.testing.assert_array_equal(ks.reflectivity(*arguments, **options, threads=threads), r)
        same_r, same = ks.reflectivity_jacobian(*arguments, **options, threads=threads)
        np.testing.assert_array_equal(same_r, r_jacobian)
        _, same_gradient = ks.reflectivity_vjp(*arguments, **options, cotangent=cotangent, threads=threads)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(same, name), getattr(jacobian, name))
            np.testing.assert_array_equal(getattr(same_gradient, name), getattr(gradient, name))
        np.testing.assert_array_equal(
            ks.reflectivity_jvp(*arguments, **options, tangents=tangents, threads=threads)[1], dr
        )
    np.testing.assert_array_equal(ks.amplitude(*arguments, threads=2), ks.amplitude(*arguments, threads=1))


def test_more_threads_than_work():
    r = ks.reflectivity([0.05], [], [0.0, 6.36], threads=64)
    np.testing.assert_array_equal(r, ks.reflectivity([0.05], [], [0.0, 6.36], threads=1))


LARGE = (np.linspace(0.01, 0.3, 20_000), np.full(60, 20.0), np.linspace(0.0, 6.0, 62))


@pytest.mark.parametrize(
    "call",
    [
        lambda: ks.reflectivity(*LARGE, 0.1, 3.0, threads=1),
        lambda: ks.amplitude(*LARGE, 0.1, 3.0, threads=1),
        lambda: ks.reflectivity_jacobian(LARGE[0][::4], *LARGE[1:], 0.1, 3.0, threads=1),
        lambda: ks.reflectivity_vjp(*LARGE, 0.1, 3.0, cotangent=np.ones(20_000), threads=1),
        lambda: ks.reflectivity_jvp(*LARGE, 0.1, 3.0, tangents={"sld": 1.0}, threads=1),
        lambda: ks.reflectivity(LARGE[0][::100], *LARGE[1:], 0.1, 3.0, dq=0.001, threads=1),
    ],
    ids=["reflectivity", "amplitude", "jacobian", "vjp", "jvp", "smeared"],
)
def test_the_lock_is_released(call):
    # with a switch interval far longer than the call, another thread runs only if the call lets go of the interpreter
    seen = []
    started, stop = threading.Event(), threading.Event()

    def witness():
        started.set()
        while not stop.is_set():
            inside.wait(0.0005)
            if inside.is_set():
                seen.append(True)
                inside.clear()

    inside = threading.Event()
    interval = sys.getswitchinterval()
    thread = threading.Thread(target=witness)
    try:
        sys.setswitchinterval(1000.0)
        thread.start()
        started.wait()
        for _ in range(50):
            inside.set()
            before = len(seen)
            call()
            if len(seen) > before:
                break
    finally:
        found = bool(seen)
        stop.set()
        sys.setswitchinterval(interval)
        thread.join()
    assert found


def test_concurrent_calls_do_not_disturb_each_other():
    rng = np.random.default_rng(82)
    cases = [(q_grid(rng, 400), *random_stack(rng, n, absorbing=True)) for n in (0, 1, 5, 20)]
    expected = [ks.reflectivity_jacobian(*case, threads=1) for case in cases]
    wrong = []

    def work(i):
        for _ in range(20):
            r, jacobian = ks.reflectivity_jacobian(*cases[i], threads=2)
            if not (np.array_equal(r, expected[i][0]) and np.array_equal(jacobian.sld, expected[i][1].sld)):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORK = """
    import multiprocessing
    import sys
    import warnings

    import numpy as np
    import kiessig as ks

    warnings.simplefilter("ignore", DeprecationWarning)  # fork of a threaded process is what is tested here
    q = np.linspace(0.01, 0.3, 20000)
    stack = (np.full(20, 20.0), np.linspace(0.0, 6.0, 22), 0.1, 3.0)


    def child(_):
        r = ks.reflectivity(q, *stack, threads=2)
        _, gradient = ks.reflectivity_vjp(q, *stack, cotangent=r, threads=2)
        smeared = ks.reflectivity(q[::100], *stack, dq=0.001, threads=2)
        return r, gradient.sld, smeared


    if __name__ == "__main__":
        expected = child(0)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for result in pool.map(child, range(4)):
                for a, b in zip(result, expected):
                    np.testing.assert_array_equal(a, b)
        again = child(0)
        for a, b in zip(again, expected):
            np.testing.assert_array_equal(a, b)
        print("done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_fork_after_a_threaded_call(tmp_path):
    # an OpenMP runtime that has run threads before fork() hangs in the child's next parallel region if it is let
    script = tmp_path / "fork.py"
    script.write_text(textwrap.dedent(FORK))
    finished = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "done"
