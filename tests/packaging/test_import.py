"""What `import kiessig` does to the process, each time in a fresh interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import kiessig

HEAVY = ("scipy", "matplotlib", "orsopy", "periodictable", "yaml", "tqdm")
EVERYTHING = "[getattr(kiessig, name) for name in kiessig.__all__]"


def run(*lines: str) -> str:
    script = "\n".join(lines)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("then", ["", EVERYTHING])
def test_import_loads_no_heavy_package(then):
    loaded = run("import sys, kiessig", then, f"print([name for name in {HEAVY} if name in sys.modules])")
    assert loaded == "[]\n"


def test_bare_import_loads_nothing_of_ours():
    loaded = run("import sys, kiessig", "print([name for name in sys.modules if name.startswith('kiessig.')])")
    assert loaded == "[]\n"


# Subnormal numbers: with flush-to-zero or denormals-are-zero set, each of these is 0. The operands come from an array,
# so that nothing is worked out at compile time.
SUBNORMALS = (
    "import numpy as np",
    "def subnormals():",
    "    tiny = np.array([5e-324, 2.2250738585072014e-308])",
    "    return (tiny * np.array([1.0, 0.5])).tolist(), float(tiny[0]) * 3.0",
    "before = subnormals()",
)
COMPUTE = "kiessig.reflectivity(np.linspace(0.0, 0.5, 5000), [100.0] * 50, [0.0] + [4.0, 2.0] * 25 + [2.07], 0.01, 3.0)"


@pytest.mark.parametrize("then", ["kiessig.reflectivity", COMPUTE])
def test_subnormal_numbers_survive(then):
    # in this thread and in one that starts afterwards, which inherits the mode
    after = run(
        *SUBNORMALS,
        "import kiessig, threading",
        then,
        "found = [subnormals()]",
        "thread = threading.Thread(target=lambda: found.append(subnormals()))",
        "thread.start(); thread.join()",
        "print(before == found[0] == found[1], *before)",
    )
    assert after == "True [5e-324, 1.1125369292536007e-308] 1.5e-323\n"


def test_public_names_resolve():
    assert sorted(set(kiessig.__all__)) == kiessig.__all__ == dir(kiessig)
    for name in kiessig.__all__:
        assert getattr(kiessig, name) is not None


def test_type_checkers_see_the_same_names(repository):
    """The imports for type checkers and the table of homes say the same."""
    tree = ast.parse((repository / "python" / "kiessig" / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.asname: statement.module
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom) and statement.module and statement.module.startswith("kiessig.")
        for alias in statement.names
    }
    assert seen == {name: f"kiessig.{home}" for name, home in kiessig._HOME.items()}


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'kiessig' has no attribute 'reflectivty'"):
        kiessig.reflectivty  # noqa: B018
