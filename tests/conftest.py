"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Measured data and the ORSO validation suite, which are not part of the package."""
    folder = Path(os.environ.get("KIESSIG_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no reference data: set KIESSIG_DATA to the folder that holds measured/ and orso_validation/")
    return folder
