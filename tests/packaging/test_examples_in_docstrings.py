"""The examples in docstrings run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import kiessig

# Modules whose examples need a package that is not installed with the tests.
HOSTS = {"kiessig.adapters.jax": "jax", "kiessig.adapters.torch": "torch"}


def modules():
    yield "kiessig"
    for module in pkgutil.walk_packages(kiessig.__path__, "kiessig."):
        if module.name.rpartition(".")[2] not in ("__main__", "_core"):
            yield module.name


def examples(name):
    return [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]


@pytest.mark.parametrize("name", list(modules()))
def test_examples(name, tmp_path, monkeypatch):
    if name in HOSTS:
        pytest.importorskip(HOSTS[name])
    monkeypatch.chdir(tmp_path)  # some write files
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    report = []
    for test in examples(name):
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_there_are_examples():
    assert {test.name for test in examples("kiessig.kernels")} >= {"kiessig.kernels.reflectivity"}


def test_wrong_example_is_found():
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "planted", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test, out=lambda text: None).failed == 1
