"""Arrows between Python modules point one way: _core <- kernels <- problem; files, plots and commands are leaves."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

# What a module (or package) imports when it is loaded, besides itself. `import kiessig` alone loads none of them.
LOADS = {
    "errors": (),
    # what there is to describe: knows no kernel, no optimiser
    "parameters": ("errors",),
    "functions": ("errors", "parameters"),
    "constraints": ("errors", "parameters"),
    "priors": ("errors", "parameters", "constraints"),
    "data": ("errors",),
    "instrument": ("errors", "data"),
    "materials": ("errors", "parameters"),
    "layer": ("errors", "parameters", "materials"),
    "profile": ("errors",),
    "_sample_table": ("layer",),
    "sample": ("errors", "parameters", "materials", "layer", "profile", "_sample_table"),
    "components": ("errors", "parameters", "materials", "layer", "sample"),
    "orso_model": ("errors", "parameters", "materials", "layer", "sample", "components"),
    "_inputs": ("errors", "data"),
    "probe": ("errors", "data", "_inputs"),
    "footprint": ("errors", "data", "instrument", "_inputs", "probe"),
    # arrays in, arrays out
    "kernel_calls": ("errors", "instrument", "_inputs", "_core"),
    "kernels": ("errors", "instrument", "kernel_calls", "_core"),
    "misfit": ("errors", "instrument", "kernel_calls", "_core"),
    "plan": ("instrument", "kernel_calls", "misfit", "_core"),
    "amplitudes": ("errors", "kernel_calls", "_core"),
    "fields": ("errors", "kernel_calls", "_core"),
    "polarisation": ("errors", "data"),
    "polarised": ("errors", "instrument", "polarisation", "kernel_calls", "_core"),
    "dispersive": ("errors", "data", "instrument", "_inputs", "kernel_calls", "kernels"),
    "mixture": ("errors", "data", "instrument", "_inputs", "kernels", "_core"),
    "interfaces": ("errors", "instrument", "kernel_calls", "_core"),
    # vectors and callables only
    "optimize": ("errors",),
    # what a fit reports
    "progress": (),
    "result": ("errors", "optimize"),
    # physics meets inference
    "problem": (
        *("errors", "parameters", "constraints", "data", "_inputs", "instrument", "probe", "footprint", "sample"),
        *("kernel_calls", "misfit", "polarisation", "polarised", "mixture", "_core"),
    ),
    "fitting": ("errors", "optimize", "parameters", "progress", "result"),
    "simulation": ("errors", "parameters", "data", "instrument", "sample"),
    # leaves
    "io": ("errors", "data", "instrument", "sample"),
    "plot": ("errors", "data", "sample", "problem"),
    "model_file": (
        "errors",
        "parameters",
        "functions",
        "data",
        "instrument",
        "materials",
        "misfit",
        "sample",
        "problem",
    ),
    "demo": ("parameters", "instrument", "sample", "problem", "simulation"),
    "cli": ("errors",),
    "__main__": ("cli",),
    # leaves inside other programs, which stand here by their names
    "adapters": (
        "errors",
        "_core",
        "_inputs",
        "data",
        "instrument",
        "kernel_calls",
        "kernels",
        "polarised",
        "amplitudes",
    ),
    # for the tests of others
    "testing": ("errors", "_inputs"),
}
# Imports inside functions, or for annotations only, that LOADS does not hold.
LATER = {
    "layer": ("sample",),
    "sample": ("orso_model", "components", "interfaces"),
    "_sample_table": ("sample",),
    "components": ("functions", "interfaces", "_core"),
    "parameters": ("functions", "priors"),
    "problem": ("fitting", "result"),
    "fitting": ("problem",),
    "simulation": ("kernels",),
    "plot": ("result",),
    "model_file": ("functions", "optimize", "simulation", "io"),
    "demo": ("result",),
    "cli": ("__init__", "optimize", "problem", "result", "io", "model_file", "plot", "demo"),
}
LEAVES = {"io", "plot", "report", "model_file", "demo", "cli", "__main__", "adapters", "testing"}
HOSTS = {
    "bumps",
    "genx",
    "jax",
    "mantid",
    "refl1d",
    "refnx",
    "scipp",
    "torch",
}  # imported inside functions of their adapters alone

AT_LOAD = {"numpy"}
INSIDE_FUNCTIONS = {"scipy", "orsopy", "periodictable", "yaml", "tqdm", "matplotlib"}


class Import(NamedTuple):
    module: str  # the importing module's row, as in LOADS
    name: str  # dotted name of what is imported
    line: int
    at_load: bool


def row_of(name: str) -> str:
    """The row of a dotted name within kiessig."""
    return name.removeprefix("kiessig").removeprefix(".").split(".")[0] or "__init__"


def imports(package: Path) -> list[Import]:
    """Every import statement below `package`. Names taken from the package itself count as its modules."""
    found = []
    for file in sorted(package.rglob("*.py")):
        parts = ["kiessig", *file.relative_to(package).with_suffix("").parts]
        home = parts[:-1]  # what a relative import starts from
        row = row_of(".".join(home if parts[-1] == "__init__" else parts))

        def visit(node: ast.AST, *, at_load: bool, home: list[str] = home, row: str = row) -> None:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = [*home[: len(home) - node.level + 1], *([node.module] if node.module else [])]
                dotted = ".".join(base) if node.level else str(node.module)
                names = [f"kiessig.{alias.name}" for alias in node.names] if dotted == "kiessig" else [dotted]
            found.extend(Import(row, name, node.lineno, at_load) for name in names)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                at_load = False
            elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                for child in node.body:
                    visit(child, at_load=False)
                for child in node.orelse:
                    visit(child, at_load=at_load)
                return
            for child in ast.iter_child_nodes(node):
                visit(child, at_load=at_load)

        visit(ast.parse(file.read_text(encoding="utf-8")), at_load=True)
    return found


def violations(package: Path) -> list[str]:
    wrong = []
    for module, name, line, at_load in imports(package):
        top = name.split(".")[0]
        if top == "kiessig":
            other = row_of(name)
            if module == "__init__":  # the package names everything for type checkers and loads nothing
                good = not at_load
            else:
                good = other == module or other in LOADS.get(module, ()) + (() if at_load else LATER.get(module, ()))
        else:
            hosts = HOSTS if module == "adapters" else set()
            known = AT_LOAD | sys.stdlib_module_names | (set() if at_load else INSIDE_FUNCTIONS | hosts)
            good = top in known
        if not good:
            when = "when loaded" if at_load else "later"
            wrong.append(f"{module}: imports {name} {when} (line {line})")
    return wrong


@pytest.fixture(scope="module")
def violations_there_are(repository):
    return violations(repository / "python" / "kiessig")


def test_imports_follow_the_table(violations_there_are):
    assert violations_there_are == []


def test_table_lists_the_modules_there_are(repository):
    package = repository / "python" / "kiessig"
    modules = {row_of(".".join(path.relative_to(package).with_suffix("").parts)) for path in package.rglob("*.py")}
    assert set(LOADS) == modules - {"__init__"}
    assert set(LATER) <= set(LOADS)


def test_table_has_no_unused_arrows(repository):
    seen = {(found.module, row_of(found.name)) for found in imports(repository / "python" / "kiessig")}
    for table in (LOADS, LATER):
        assert [(row, other) for row, others in table.items() for other in others if (row, other) not in seen] == []


def test_table_has_no_cycle():
    # A module may load those whose rows stand above its own, so that the table reads from the bottom layer up.
    order = ["_core", *LOADS]
    for module, others in LOADS.items():
        assert [other for other in others if order.index(other) >= order.index(module)] == [], module


def test_table_keeps_the_walls():
    """The rules that the rows above must not be edited against."""
    users = {other: {module for module, others in LOADS.items() if other in others} for other in ("_core", *LOADS)}
    kernel_side = {"kernel_calls", "kernels", "misfit", "amplitudes", "fields", "plan", "polarised"}
    assert users["_core"] == {*kernel_side, "interfaces", "mixture", "problem", "adapters"}
    assert set(LOADS["optimize"] + LATER.get("optimize", ())) == {"errors"}
    for module in ("errors", "parameters", "data", "instrument", "materials", "sample"):
        reached = set(LOADS[module] + LATER.get(module, ()))
        assert reached.isdisjoint({"_core", "kernels", "optimize", "problem", *LEAVES})
    for leaf in LEAVES & set(LOADS):
        assert users[leaf] <= LEAVES, leaf


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("sample.py", "import kiessig.kernels"),
        ("sample.py", "from kiessig import kernels"),
        ("sample.py", "from . import problem"),
        ("data.py", "from .problem import Problem"),
        ("materials.py", "import scipy.special"),
        ("kernels.py", "try:\n    import matplotlib\nexcept ImportError:\n    pass"),
        ("kernels.py", "import pandas"),
        ("kernels.py", "def f():\n    import pandas"),
        ("kernels.py", "class A:\n    from kiessig.problem import Problem"),
        ("parameters/graph.py", "def f():\n    from kiessig.kernels import reflectivity"),
        ("optimize/polish.py", "from kiessig.sample import Layer"),
        ("optimize/polish.py", "from ..sample import Layer"),
        ("optimize/polish.py", "from kiessig import _core"),
        ("optimize/__init__.py", "from .. import kernels"),
        ("problem/problem.py", "from kiessig import io"),
        ("__init__.py", "from kiessig import kernels"),
        ("__init__.py", "import scipy"),
        ("newcomer.py", "from kiessig import errors"),
    ],
)
def test_planted_import_is_found(repository, violations_there_are, tmp_path, file, line):
    package = tmp_path / "kiessig"
    planted = package / file
    planted.parent.mkdir(parents=True)
    original = repository / "python" / "kiessig" / file
    text = original.read_text(encoding="utf-8") if original.exists() else ""
    planted.write_text(f"{text}\n{line}\n", encoding="utf-8")
    found = set(violations(package)) - set(violations_there_are)
    assert len(found) == 1
    assert found.pop().startswith(f"{row_of(file.removesuffix('.py').replace('/', '.'))}:")
