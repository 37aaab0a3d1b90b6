"""Scattering length densities from numbers and from formulas."""

from __future__ import annotations

import math

import pytest

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.materials import Material
from kiessig.parameters import Expression, Parameter, free_parameters

CU_K_ALPHA = 1.5418  # angstrom


# Literature values to two decimals, as printed in tables of reflectometry; the tolerance is half of a last digit plus
# what the literature's densities and scattering lengths differ by (0.3 %).
@pytest.mark.parametrize(
    ("formula", "density", "sld"),
    [
        ("Si", 2.33, 2.07),
        ("SiO2", 2.2, 3.47),
        ("D2O", 1.107, 6.37),
        ("H2O", 0.9975, -0.56),
        ("Au", 19.3, 4.66),
        ("Ni", 8.9, 9.41),
    ],
)
def test_neutron_sld_of_the_literature(formula, density, sld):
    material = Material(formula, density=density, radiation="neutron")
    assert material.sld == pytest.approx(sld, abs=0.005 + 0.003 * abs(sld))
    assert material.sld_imag >= 0


# Delta and beta of published tables at 8.05 keV (Si 7.6e-6 and 1.7e-7, Au 4.8e-5 and 4.9e-6) as sld = 2 pi delta /
# wavelength^2; compilations of f1 and f2 differ by 1 % in f1 and 4 % in f2.
@pytest.mark.parametrize(
    ("formula", "density", "sld", "sld_imag"),
    [("Si", 2.33, 20.1, 0.46), ("Au", 19.3, 124.7, 12.9), ("H2O", 1.0, 9.47, 0.032)],
)
def test_x_ray_sld_of_the_literature(formula, density, sld, sld_imag):
    material = Material(formula, density=density, radiation="x-ray", wavelength=CU_K_ALPHA)
    assert material.sld == pytest.approx(sld, rel=0.01)
    assert material.sld_imag == pytest.approx(sld_imag, rel=0.04)


def test_the_imaginary_part_is_the_measured_attenuation():
    # sld_imag = mu / (2 wavelength). Boron: 767 barn at 1.798 angstrom and 10.81 g/mol; tolerance for the rounded
    # constants. Silicon: NIST's mu / rho = 64.7 cm^2/g at 8.00 keV is 63.6 at Cu K-alpha (as energy^-2.9), of which
    # 2 % are scattering and no absorption; compilations of f2 differ by 4 %.
    per_volume = 2.34 / 10.81 * 0.602214  # nuclei per angstrom^3
    boron = Material("B", density=2.34, radiation="neutron")
    assert boron.sld_imag == pytest.approx(per_volume * 767e-8 / (2 * 1.798) * 1e6, rel=1e-3)
    silicon = Material("Si", density=2.33, radiation="x-ray", wavelength=CU_K_ALPHA)
    assert silicon.sld_imag == pytest.approx(63.6 * 2.33 * 1e-8 / (2 * CU_K_ALPHA) * 1e6, rel=0.06)


def test_isotopes():
    heavy = Material("D2O", density=1.107, radiation="neutron")
    assert Material("H[2]2O", density=1.107, radiation="neutron").sld == heavy.sld
    light = Material("H2O", density=1.107, radiation="neutron")
    assert heavy.sld > 6
    assert light.sld < 0
    # Guide coatings: 14.4 fm and 57.94 g/mol, natural nickel has 9.41. Tolerance: the rounded constants.
    nickel = Material("Ni[58]", density=8.79, radiation="neutron")
    assert nickel.sld == pytest.approx(8.79 / 57.94 * 0.602214 * 14.4 * 10, rel=1e-3)


def test_the_neutron_wavelength_matters_for_resonances_only():
    def at(formula, wavelength):
        return Material(formula, density=5.0, radiation="neutron", wavelength=wavelength)

    for formula in ("Si", "B"):
        # 1/v: the cross section grows with the wavelength, and sld_imag, its quotient by it, does not
        assert at(formula, 4.75).sld_imag == pytest.approx(at(formula, 1.0).sld_imag, rel=1e-12)
    assert abs(at("Gd", 4.75).sld - at("Gd", 1.0).sld) > 0.1
    assert abs(at("Gd", 4.75).sld_imag - at("Gd", 1.0).sld_imag) > 0.1


def test_the_default_neutron_wavelength_is_the_tabulated_one():
    default = Material("Gd", radiation="neutron")
    explicit = Material("Gd", radiation="neutron", wavelength=1.798)
    assert default.wavelength == 1.798
    assert (default.sld, default.sld_imag) == (explicit.sld, explicit.sld_imag)


@pytest.mark.parametrize("radiation", ["neutron", "x-ray"])
def test_sld_is_linear_in_the_density(radiation):
    density = Parameter(2.2, bounds=(0, 3), name="density")
    followed = Material("SiO2", density=density, radiation=radiation, wavelength=CU_K_ALPHA)
    for part in (followed.sld, followed.sld_imag):
        assert isinstance(part, Expression)
        assert free_parameters([part]) == [density]
    for value in (0.0, 1.1, 2.2):
        density.value = value
        number = Material("SiO2", density=value, radiation=radiation, wavelength=CU_K_ALPHA)
        assert isinstance(number.sld, float)
        assert (followed.sld.value, followed.sld_imag.value) == (number.sld, number.sld_imag)
    assert number.sld > 3
    packed = Material("SiO2", density=2.0 * density, radiation=radiation, wavelength=CU_K_ALPHA)
    assert packed.sld.value == pytest.approx(2 * number.sld, rel=1e-15)  # one rounding


def test_densities_that_periodictable_knows():
    silicon = Material("Si", radiation="neutron")
    assert silicon.density == pytest.approx(2.33, abs=0.005)
    assert silicon.sld == Material("Si", density=silicon.density, radiation="neutron").sld
    stated = Material("SiO2@2.2", radiation="neutron")
    assert stated.density == 2.2
    assert stated.sld == Material("SiO2", density=2.2, radiation="neutron").sld
    # as dense in molecules as H2O at 1 g/cm^3: 20.028 / 18.015
    assert Material("D2O@1n", radiation="neutron").density == pytest.approx(1.1117, abs=1e-4)
    for formula in ("SiO2", "50%wt Co // Ti"):
        with pytest.raises(InvalidValueError, match=r"density is required.*; give density= in g/cm\^3"):
            Material(formula, radiation="neutron")
    with pytest.raises(InvalidValueError, match=r"density must be given once; formula = 'SiO2@2.2' and density = 2.0"):
        Material("SiO2@2.2", density=2.0, radiation="neutron")


def test_numbers_parameters_and_expressions():
    plain = Material(sld=3.47)
    assert (plain.sld, plain.sld_imag, plain.formula, plain.density, plain.wavelength) == (3.47, 0.0, None, None, None)
    sld, absorption = Parameter(-0.56, name="sld"), Parameter(0.1, bounds=(0, 1), name="absorption")
    material = Material(sld=sld, sld_imag=2 * absorption, name="water")
    assert material.sld is sld
    assert material.sld_imag.value == 0.2
    assert (material.name, Material("Si", radiation="neutron").name, plain.name) == ("water", "Si", None)
    assert repr(material) == "Material('water', sld=sld, sld_imag=2 * absorption)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"either sld or a formula is required; got neither"),
        ({"sld_imag": 1.0}, r"either sld or a formula is required"),
        ({"sld": math.nan}, r"sld must be finite; sld = nan"),
        ({"sld": "3.47"}, r"sld must be a real number, Parameter or Expression; got '3.47' \(str\)"),
        ({"sld": True}, r"sld must be a real number"),
        ({"sld": 1.0, "sld_imag": -0.1}, r"sld_imag must be non-negative; sld_imag = -0.1 1e-6/angstrom\^2"),
        ({"sld": 1.0, "sld_imag": Parameter(-0.1)}, r"sld_imag must be non-negative; sld_imag = Parameter\(-0.1\)"),
        ({"sld": 1.0, "density": 2.0}, r"density needs a formula; density = 2.0"),
        ({"sld": 1.0, "radiation": "neutron"}, r"radiation needs a formula; radiation = 'neutron'"),
        ({"sld": 1.0, "wavelength": 1.8}, r"wavelength needs a formula; wavelength = 1.8"),
        ({"formula": "Si", "sld": 1.0, "radiation": "neutron"}, r"sld excludes a formula; sld = 1.0"),
        ({"formula": "Si", "sld_imag": 0.0, "radiation": "neutron"}, r"sld_imag excludes a formula; sld_imag = 0.0"),
        ({"formula": "Si"}, r"radiation is required with a formula; got none; give 'neutron' or 'x-ray'"),
        ({"formula": "Si", "radiation": "x-ray"}, r"wavelength is required for x-rays"),
        (
            {"formula": "Si", "radiation": "x-ray", "wavelength": 0},
            r"wavelength must be positive; wavelength = 0.0 angstrom",
        ),
        ({"formula": "Si", "radiation": "neutron", "wavelength": -1}, r"wavelength must be positive"),
        (
            {"formula": "Si", "radiation": "neutron", "wavelength": math.nan},
            r"wavelength must be finite; wavelength = nan",
        ),
        (
            {"formula": "Si", "radiation": "neutron", "density": -2.3},
            r"density must be non-negative; density = -2.3 g/cm\^3",
        ),
        ({"formula": "Si", "radiation": "neutron", "density": Parameter(-2.3)}, r"density must be non-negative"),
        ({"formula": "Si", "radiation": "neutron", "density": math.inf}, r"density must be finite"),
        (
            {"formula": "Xx", "radiation": "neutron", "density": 1},
            r"formula must be a chemical formula .*formula = 'Xx' \(unknown element",
        ),
        ({"formula": "NaCl(", "radiation": "neutron", "density": 1}, r"formula must be .*formula = 'NaCl\('"),
        ({"formula": "D[2]2O", "radiation": "neutron", "density": 1}, r"formula must be .*formula = 'D\[2\]2O'"),
        ({"formula": "", "radiation": "neutron", "density": 1}, r"formula must be .*formula = '' \(it has no atoms\)"),
        ({"formula": 14, "radiation": "neutron", "density": 1}, r"formula must be a string; got 14 \(int\)"),
        (
            {"formula": "At", "radiation": "neutron", "density": 7},
            r"periodictable has no neutron scattering data for 'At'; give sld= instead",
        ),
        (
            {"formula": "Bk", "radiation": "x-ray", "wavelength": 1.5, "density": 7},
            r"periodictable has no x-ray scattering data for 'Bk'",
        ),
        (
            {"formula": "Si", "radiation": "x-ray", "wavelength": 1e-3},
            r"wavelength must lie within the tables.*0.001 angstrom",
        ),
        (
            {"formula": "Si", "radiation": "x-ray", "wavelength": 600},
            r"wavelength must lie within the tables.*600.0 angstrom",
        ),
        ({"sld": 1.0, "name": ""}, r"name must be a non-empty string or None"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InvalidValueError, match=rf"^Material: {message}") as caught:
        Material(**arguments)
    assert str(caught.value).count("\n") <= 1


@pytest.mark.parametrize(
    ("radiation", "near"),
    [("xray", "'x-ray'"), ("X-ray", "'x-ray'"), ("neutrons", "'neutron'"), ("muons", None), (1, None)],
)
def test_unknown_radiation(radiation, near):
    with pytest.raises(UnknownNameError, match=r"radiation must be 'neutron' or 'x-ray'; got") as caught:
        Material("Si", radiation=radiation)
    assert (f"did you mean {near}?" in str(caught.value)) == (near is not None)


def test_messages_name_the_material():
    with pytest.raises(InvalidValueError, match=r"^Material 'oxide': sld must be finite"):
        Material(sld=math.inf, name="oxide")


def test_a_material_does_not_change():
    material = Material(sld=1.0)
    for attribute in ("sld", "density", "misspelt"):
        with pytest.raises(AttributeError):
            setattr(material, attribute, 2.0)
