"""The stub of the compiled core agrees with the signatures that the core itself reports."""

from __future__ import annotations

import ast
import re

import pytest

from kiessig import _core


def is_public(name: str) -> bool:
    return name == "__init__" or not name.startswith("_")


def parameters_of(function) -> list[str]:
    """Parameter names from the signature that pybind11 writes in the docstring; unnamed ones are arg0, arg1, ..."""
    signature = function.__doc__.splitlines()[0]
    inside = signature[signature.index("(") + 1 : signature.rindex(") -> ")]
    while (bare := re.sub(r"\[[^\[\]]*\]", "", inside)) != inside:  # commas within annotations
        inside = bare
    return [part.split(":")[0].strip() for part in inside.split(",") if part.strip()]


@pytest.fixture(scope="module")
def stub(repository):
    """Functions of the stub by dotted name: (names of positional-only parameters, names of the others)."""
    tree = ast.parse((repository / "python" / "kiessig" / "_core.pyi").read_text(encoding="utf-8"))
    found = {}
    for owner, body in [("", tree.body), *((n.name + ".", n.body) for n in tree.body if isinstance(n, ast.ClassDef))]:
        for node in body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list and is_public(node.name):
                positional = [argument.arg for argument in node.args.posonlyargs]
                found[owner + node.name] = positional, [argument.arg for argument in node.args.args]
    return found


def compiled():
    for name, value in vars(_core).items():
        if isinstance(value, type):
            for member, method in vars(value).items():
                if callable(method) and is_public(member):
                    yield f"{name}.{member}", method
        elif callable(value) and is_public(name):
            yield name, value


def test_same_functions(stub):
    assert sorted(stub) == sorted(name for name, _ in compiled())


@pytest.mark.parametrize(("name", "function"), list(compiled()))
def test_same_parameters(stub, name, function):
    positional_only, named = stub[name]
    theirs = [parameter for parameter in parameters_of(function) if parameter != "self"]
    ours = [parameter for parameter in (*positional_only, *named) if parameter != "self"]
    assert len(ours) == len(theirs)
    # what has no name in the core can be passed by position only
    for our, their in zip(ours, theirs, strict=True):
        assert our in positional_only if re.fullmatch(r"arg\d+", their) else our == their
