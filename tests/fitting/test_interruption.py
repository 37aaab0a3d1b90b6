"""Ctrl-C during a long fit, as it comes from a keyboard: a signal to a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from fitting.films import film

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a SIGINT cannot be sent to another process")

# The fourth step computes for as long as it takes until the signal comes.
PROGRAM = """
import json, signal, sys, time
from fitting.films import film
from kiessig.problem.objective import Objective

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in processes that a shell started in the background
told, waited = [], []
plain = Objective.residuals_and_jacobian

def slow(self, x):
    if len(told) == 3 and not waited:
        waited.append(True)
        print("running", flush=True)
        time.sleep(60.0)
    return plain(self, x)

Objective.residuals_and_jacobian = slow

def callback(n, lowest):
    told.append(lowest)

method, kept = sys.argv[1:]
options = {"checkpoint": kept} if kept else {}
problem = film()
result = problem.fit(method, starts=24, seed=1, progress=False, callback=callback, **options)
print(json.dumps([result.chi2, told, result.message, result.success, list(result.x), list(problem.x)]))
"""


def interrupted(method: str, kept: str = "") -> list:
    paths = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, method, kept],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        output = process.stdout.read()
    assert process.returncode == 0
    return json.loads(output)


@pytest.mark.parametrize("method", ["levenberg-marquardt", "trf"])
def test_the_best_point_is_returned_and_kept(method):
    chi2, told, message, success, x, values = interrupted(method)
    assert message.startswith("interrupted; ")
    assert not success
    assert len(told) == 3
    assert chi2 <= told[-1] * (1.0 + 1e-12)  # order of summation
    assert x == values
    assert film().chi2(x) == pytest.approx(chi2, rel=1e-12)


def test_the_checkpoint_is_complete(tmp_path):
    path = tmp_path / "kept"
    interrupted("levenberg-marquardt", str(path))
    assert [item.name for item in tmp_path.iterdir()] == ["kept"]
    resumed = film().fit(starts=24, seed=1, progress=False, checkpoint=path, resume=True)
    whole = film().fit(starts=24, seed=1, progress=False)
    np.testing.assert_array_equal(resumed.x, whole.x)
    assert resumed.minima == whole.minima
