"""The measured files: read as what their headers say, in both readings of the resolution where it is open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.instrument import FWHM_PER_SIGMA
from kiessig.io import load


@pytest.fixture
def measured(shared_data: Path) -> Path:
    return shared_data / "measured"


def test_quartz_film_in_both_readings(measured: Path) -> None:
    path = measured / "quartz_film.csv"
    columns = ["index", "q", "r", "dr", "dq"]
    (fwhm,) = load(path, columns=columns, dq="fwhm", q_unit="1/angstrom")
    (sigma,) = load(path, columns=columns, dq="sigma", q_unit="1/angstrom")
    assert len(fwhm) == len(sigma) == 732
    assert sigma.dq is not None
    assert sigma.dr is not None
    # first and last row as they stand in the file
    assert (sigma.q[0], sigma.r[0], sigma.dr[0], sigma.dq[0]) == (0.00651411, 1.18154, 0.376686, 8.12876e-05)
    assert (sigma.q[-1], sigma.r[-1], sigma.dr[-1], sigma.dq[-1]) == (0.588499, 4.12702e-08, 2.39126e-07, 0.0126579)
    # one rounding in the division, one in the quotient
    np.testing.assert_allclose(sigma.dq / fwhm.dq, FWHM_PER_SIGMA, rtol=4e-16)
    np.testing.assert_allclose(sigma.dq / fwhm.dq, 2.3548, atol=5e-5)
    np.testing.assert_array_equal(fwhm.q, sigma.q)


def test_quartz_film_is_not_read_by_guessing(measured: Path) -> None:
    path = measured / "quartz_film.csv"
    with pytest.raises(InvalidValueError, match=r"5 columns of .* '0,0\.00651411,.*' under 'Q,R,sig_R,FWHM'"):
        load(path)
    with pytest.raises(InvalidValueError, match="dq must say what column 5"):
        load(path, columns=["_", "q", "r", "dr", "dq"], q_unit="1/angstrom")


def test_polymer_film(measured: Path) -> None:
    (dataset,) = load(measured / "polymer_film.csv", columns=["q", "dq", "r", "dr"], dq="fwhm", q_unit="1/angstrom")
    assert len(dataset) == 317
    assert dataset.name == "polymer_film"
    assert dataset.dr is not None
    assert dataset.dq is not None
    assert (dataset.q[0], dataset.r[0], dataset.dr[0]) == (0.00616013, 0.873746, 0.100923)
    assert dataset.dq[0] == 9.91135e-05 / FWHM_PER_SIGMA


@pytest.mark.parametrize(
    ("name", "points"),
    [("c_PLP0011859_q.txt", 408), ("c_PLP0016596.dat", 137), ("c_PLP0016601.dat", 97), ("c_PLP0016607.dat", 104)],
)
def test_platypus_files(measured: Path, name: str, points: int) -> None:
    (dataset,) = load(measured / name, columns=["q", "r", "dr", "dq"], dq="fwhm", q_unit="1/angstrom")
    table = np.loadtxt(measured / name)
    assert len(dataset) == points
    np.testing.assert_array_equal(dataset.q, table[:, 0])
    np.testing.assert_array_equal(dataset.r, table[:, 1])
    np.testing.assert_array_equal(dataset.dr, table[:, 2])
    np.testing.assert_array_equal(dataset.dq, table[:, 3] / FWHM_PER_SIGMA)
