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

# Every step waits for as long as a long fit computes; the signal comes in one of the first.
PROGRAM = """
import json, sys, time
import numpy as np
from fitting.films import film
from kiessig.problem.objective import Objective

plain = Objective.residuals_and_jacobian

def slow(self, x):
    found = plain(self, x)
    if np.ndim(x) > 1:
        time.sleep(0.02)
    return found

Objective.residuals_and_jacobian = slow
told = []

def callback(n, lowest):
    told.append(lowest)
    if len(told) == 3:
        print("running", flush=True)

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
    assert len(told) < 200
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
