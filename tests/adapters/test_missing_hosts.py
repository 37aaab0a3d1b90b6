"""Adapters without their host: they can be imported, and say what to install when they are called."""

from __future__ import annotations

import importlib
import sys

import pytest

from kiessig import errors

ADAPTERS = {"jax": "_jax_operations", "torch": "_torch_function"}


@pytest.mark.parametrize("host", ADAPTERS)
def test_missing_host_is_explained(host, monkeypatch):
    adapter = importlib.import_module(f"kiessig.adapters.{host}")
    importer = importlib.import_module(f"kiessig.adapters.{ADAPTERS[host]}").host
    monkeypatch.setitem(sys.modules, host, None)  # as if it could not be found
    importer.cache_clear()
    try:
        with pytest.raises(errors.MissingDependencyError, match=rf"{host} cannot be .*; install kiessig\[{host}\]"):
            adapter.reflectivity([0.1], [], [0.0, 2.0])
    finally:
        importer.cache_clear()


@pytest.mark.parametrize("host", ADAPTERS)
def test_extra_that_the_message_names_exists(host, repository):
    assert f'\n{host} = ["{host}>=' in (repository / "pyproject.toml").read_text(encoding="utf-8")
