"""The optimisers are usable alone: no physics, and no scipy before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kiessig.optimize

FILES = sorted(Path(kiessig.optimize.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_imports_stay_within_the_layer(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] == "kiessig":
                assert name == "kiessig.errors" or name.startswith("kiessig.optimize"), name


def test_scipy_is_not_imported_before_it_is_needed():
    code = (
        "import sys, numpy as np\n"
        "from kiessig.optimize import minimize\n"
        "class Line:\n"
        "    def residuals(self, x): return np.array([x[0] - 3.0, 1.0])\n"
        "    def jacobian(self, x): return np.array([[1.0], [0.0]])\n"
        "    def value_and_gradient(self, x):\n"
        "        r = self.residuals(x); return float(r @ r), 2.0 * self.jacobian(x).T @ r\n"
        "for method in ('levenberg-marquardt', 'adam'):\n"
        "    assert minimize(Line(), [1.0], method=method).success\n"
        "assert not any(m.split('.')[0] in ('scipy', 'kiessig._core') for m in sys.modules)\n"
        "assert 'kiessig._core' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
