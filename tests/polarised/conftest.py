"""The compiled polarised kernel, or what stands in for it where the extension was built without one."""

from __future__ import annotations

import pytest

from kiessig import _core
from reference import polarised_kernel

NAMES = ("polarised_reflectivity", "polarised_jacobian", "polarised_vjp", "polarised_jvp")


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """Whether the functions are the compiled ones."""
    if all(hasattr(_core, name) for name in NAMES):
        return True
    for name in NAMES:
        monkeypatch.setattr(_core, name, getattr(polarised_kernel, name), raising=False)
    return False


@pytest.fixture
def smears(kernel):
    """Skip where there is nothing that smears."""
    if not kernel:
        pytest.skip("the extension has no polarised kernel, and its stand-in knows no resolution")
