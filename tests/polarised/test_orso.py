"""The ORSO community's validation suite, https://github.com/reflectivity/analysis (CC0): polarised tests 0 and 1."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from reference import polarised_boundary_conditions
from reference.magnetic_stacks import MagneticStack

SUITE_TOLERANCE = 8e-5
COLUMNS = {"mm": 1, "mp": 2, "pm": 3, "pp": 4}  # R--, R-+, R+-, R++


@pytest.fixture(scope="module")
def case(shared_data):
    """Return a reader of (stack, data) by number of the test."""
    folder = shared_data / "orso_validation" / "polarised"

    def read(number):
        lines = (folder / f"test{number}.txt").read_text().splitlines()
        layers, data, guide_angle, field = (line.strip() for line in lines if line.strip() and not line.startswith("#"))
        thickness, sld, mu, theta, magnetic, roughness = np.loadtxt(folder / layers, ndmin=2).T
        # roughness is 0 throughout, so that the interface to which a row's belongs does not matter
        stack = MagneticStack(
            thickness[1:-1],
            sld,
            mu,
            roughness[1:],
            magnetic,
            theta,
            np.zeros(len(sld)),
            float(guide_angle),
            float(field),
        )
        return stack, np.loadtxt(folder / data)

    return read


def test_field_along_the_normal(case):
    # the field is uniform and nothing is magnetised: it drops out of every wavevector and no spin flips. The file's
    # spin-flip columns, 1e-38 to 1e-31, are the squared roundoff of the program that wrote it.
    stack, data = case(0)
    r = ks.polarised_reflectivity(data[:, 0], **stack.arguments)
    for name in ("pp", "mm"):
        np.testing.assert_allclose(getattr(r, name), data[:, COLUMNS[name]], rtol=SUITE_TOLERANCE)
        np.testing.assert_allclose(getattr(r, name), data[:, COLUMNS[name]], rtol=1e-6)
        # the program that wrote it adds 1e-16/angstrom² of absorption, here and at the resonances of the film
        np.testing.assert_allclose(getattr(r, name), data[:, COLUMNS[name]], rtol=2e-7)
    for name in ("pm", "mp"):
        assert np.max(data[:, COLUMNS[name]]) < 1e-31
        assert np.max(getattr(r, name)) < 1e-31
    some = slice(None, None, 50)
    exact = np.abs(polarised_boundary_conditions.amplitudes_of_many(data[some, 0], stack)) ** 2
    np.testing.assert_allclose(r.pp[some], exact[0], rtol=1e-11)


def test_two_directions(case):
    stack, data = case(1)
    r = ks.polarised_reflectivity(data[:, 0], **stack.arguments)
    for name, column in COLUMNS.items():
        np.testing.assert_allclose(getattr(r, name), data[:, column], rtol=SUITE_TOLERANCE, err_msg=name)
        np.testing.assert_allclose(getattr(r, name), data[:, column], rtol=1e-6, err_msg=name)
        # what is left is the absorption that the program adds
        np.testing.assert_allclose(getattr(r, name), data[:, column], rtol=1e-7, err_msg=name)
    some = slice(None, None, 50)
    exact = np.abs(polarised_boundary_conditions.amplitudes_of_many(data[some, 0], stack)) ** 2
    np.testing.assert_allclose([channel[some] for channel in r], exact, rtol=1e-10)


def test_guide_field_turned_round_names_the_spins_the_other_way(case):
    stack, data = case(1)
    turned = stack._replace(guide_angle=270.0)
    r = ks.polarised_reflectivity(data[:, 0], **turned.arguments)
    for name, other in (("pp", "mm"), ("mm", "pp"), ("pm", "mp"), ("mp", "pm")):
        np.testing.assert_allclose(getattr(r, name), data[:, COLUMNS[other]], rtol=1e-6)
    assert np.max(np.abs(r.pp / data[:, COLUMNS["pp"]] - 1)) > 1.0
