"""Real measurements and the reference numbers that belong to them, through the Python interface."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks


def quartz_problem(folder, reading):
    """A thick oxide film on silicon; the file's last column is labelled FWHM, and has been read as sigma, too."""
    path = folder / "measured" / "quartz_film.csv"
    (data,) = ks.load(path, columns=["_", "q", "r", "dr", "dq"], dq=reading, q_unit="1/angstrom")
    film = ks.Layer(ks.Parameter(1460, (1400, 1500)), ks.Parameter(4.2, (0, 5)), roughness=ks.Parameter(10, (2, 20)))
    silicon = ks.Layer(sld=2.07, roughness=ks.Parameter(5, (2, 20)))
    scale = ks.Parameter(1.0, (0.9, 1.5))
    background = ks.Parameter(1e-7, (1e-8, 1e-5))
    measurement = ks.Measurement(data, ks.Layer(sld=0) | film | silicon, scale, background)
    return ks.Problem(measurement)


# chi2 per point, and (thickness, sld, top roughness, Si roughness, scale, background), by exact Gaussian smearing
QUARTZ = {
    "fwhm": (1.33217, [1466.788, 4.23768, 11.3257, 16.3519, 1.04180, 1.697e-7]),
    "sigma": (3.02293, [1467.396, 4.21995, 14.3515, 6.5635, 1.04217, 1.3005e-7]),
}


@pytest.mark.parametrize("method", ["levenberg-marquardt", "trf", "dogbox", "L-BFGS-B", "adam"])
@pytest.mark.parametrize("reading", ["fwhm", "sigma"])
def test_quartz_film(shared_data, reading, method):
    problem = quartz_problem(shared_data, reading)
    assert problem.n_points == 732
    result = problem.fit(method, progress=False)
    chi2_per_point, values = QUARTZ[reading]
    assert result.success, result.message
    # the references carry six digits, and were made by another quadrature of the same integral
    assert result.chi2_per_point == pytest.approx(chi2_per_point, abs=1e-4)
    # each within a tenth of its own standard error: what is left is the reference's rounding and the stopping rule
    assert np.abs((result.x - values) / result.stderr).max() < 0.1
    np.testing.assert_array_equal(problem.x, result.x)


def test_quartz_in_refnxs_quadrature(shared_data):
    (data,) = ks.load(
        shared_data / "measured" / "quartz_film.csv",
        columns=["_", "q", "r", "dr", "dq"],
        dq="sigma",
        q_unit="1/angstrom",
    )
    sample = ks.Layer(sld=0) | ks.Layer(1467.4, 4.21998, roughness=14.3474) | ks.Layer(sld=2.07, roughness=6.57276)
    # the first is what refnx 0.1.67 itself finds at these values, whose few digits make the second good to 0.01
    expected = {"refnx": 5279.822, "gaussian": 5275.44}
    for mode, log_likelihood in expected.items():
        resolution = getattr(ks.Resolution, mode)(data.dq)
        measurement = ks.Measurement(data, sample, 1.04275, 1.30156e-7, resolution)
        residuals = measurement.residuals()
        found = -0.5 * residuals @ residuals - np.log(data.dr * np.sqrt(2 * np.pi)).sum()
        assert found == pytest.approx(log_likelihood, abs=0.01)


def polymer_problem(folder, resolution=None, misfit="log"):
    path = folder / "measured" / "polymer_film.csv"
    (data,) = ks.load(path, columns=["q", "dq", "r", "dr"], dq="fwhm", q_unit="1/angstrom")
    film = ks.Layer(
        ks.Parameter(240, (150, 350), name="thickness"),
        ks.Parameter(7, (1, 8), name="sld"),
        roughness=ks.Parameter(4, (0, 20), name="roughness"),
    )
    sample = ks.Layer(sld=0) | film | ks.Layer(17, sld=3.47, roughness=5) | ks.Layer(sld=2.07, roughness=2.07)
    scale = ks.Parameter(1.0, (0.5, 1.5), name="scale")
    chosen = None if resolution is None else getattr(ks.Resolution, resolution)(data.dq)
    return ks.Problem(ks.Measurement(data, sample, scale, 2e-7, chosen, misfit=misfit))


# Misfit at the start and at the minimum. The published numbers, 126.5912 and 13.355671, belong to a 17-point
# Gauss-Hermite rule; the exact integral differs by more than their last digits.
POLYMER = {"gauss_hermite": (126.5912, 13.355671), None: (126.5671, 13.335928)}


@pytest.mark.parametrize("resolution", POLYMER)
def test_polymer_film_with_the_log_misfit(shared_data, resolution):
    problem = polymer_problem(shared_data, resolution)
    start, minimum = POLYMER[resolution]
    assert problem.chi2() == pytest.approx(start, abs=1e-4)
    result = problem.fit(progress=False)
    assert result.success, result.message
    assert result.chi2 == pytest.approx(minimum, abs=1e-5)
    if resolution == "gauss_hermite":
        np.testing.assert_allclose(result.x, [254.9154, 6.37636, 5.2532, 1.01340], rtol=2e-5)  # the reference's digits


def test_polymer_film_by_exact_smearing_agrees_with_adaptive_integration(shared_data):
    from reference import smearing, transfer_matrix

    problem = polymer_problem(shared_data)
    (measurement,) = problem.measurements
    data = measurement.dataset
    slabs = measurement.sample.slabs()
    rows = np.linspace(0, len(data) - 1, 12).astype(int)
    edges = smearing.critical_points(slabs.sld)
    exact = [
        smearing.smear(lambda q: transfer_matrix.reflectivity(q, *slabs), data.q[row], data.dq[row], edges) + 2e-7
        for row in rows
    ]
    np.testing.assert_allclose(measurement.reflectivity()[rows], exact, rtol=1e-6)  # ten times below the stated bound


def test_polymer_film_with_chi2(shared_data):
    result = polymer_problem(shared_data, "gauss_hermite", "chi2").fit(progress=False)
    assert result.chi2_per_point == pytest.approx(1.78807, abs=1e-5)
    np.testing.assert_allclose(result.x, [254.931, 6.3467, 4.081, 0.98586], rtol=1e-4)


def dmpc_problem(folder):
    """Three contrasts of a lipid bilayer as plain layers: shared thicknesses and roughness, one SLD per layer."""
    files = {"D2O": "c_PLP0016596.dat", "mix": "c_PLP0016601.dat", "H2O": "c_PLP0016607.dat"}
    solvent = {"D2O": ks.Parameter(6.2, (6.1, 6.36), name="D2O sld"), "mix": 2.07, "H2O": -0.56}
    oxide = ks.Parameter(12, (2, 30), name="oxide thickness")
    hydration = ks.Parameter(0.15, (0, 0.5), name="oxide hydration")
    head = ks.Parameter(9, (4, 15), name="head thickness")
    tails = ks.Parameter(27, (18, 36), name="tail thickness")
    wet = ks.Parameter(0.35, (0, 1), name="head hydration")
    wet_tails = ks.Parameter(0.05, (0, 0.4), name="tail hydration")
    rough = ks.Parameter(4, (1, 8), name="bilayer roughness")
    measurements = []
    for name, file in files.items():
        (data,) = ks.load(folder / "measured" / file, columns=["q", "r", "dr", "dq"], dq="fwhm", q_unit="1/angstrom")
        water = solvent[name]
        heads = wet * water + (1 - wet) * 1.88  # 6.01e-4 angstrom of scattering length in 319 cubic angstrom
        lipid = wet_tails * water + (1 - wet_tails) * -0.373  # -2.92e-4 angstrom in 782 cubic angstrom
        sample = (
            ks.Layer(sld=2.07, name="silicon")
            | ks.Layer(oxide, hydration * water + (1 - hydration) * 3.47, roughness=3, name="oxide")
            | ks.Layer(head, heads, roughness=rough, name="inner heads")
            | ks.Layer(tails, lipid, roughness=rough, name="tails")
            | ks.Layer(head, heads, roughness=rough, name="outer heads")
            | ks.Layer(sld=water, roughness=rough, name="solvent")
        )
        scale = ks.Parameter(1.0, (0.9, 1.1), name="scale") if name == "D2O" else 1.0
        background = ks.Parameter(1e-7, (-1e-6, 1e-6), name=f"{name} background")
        measurements.append(ks.Measurement(data, sample, scale, background, name=name))
    return ks.Problem(measurements)


def test_three_contrasts_of_a_bilayer(shared_data):
    problem = dmpc_problem(shared_data)
    assert problem.n_points == 137 + 97 + 104
    assert len(problem.parameters) == 12
    start = problem.chi2()
    result = problem.fit(progress=False)
    assert result.success, result.message
    assert result.chi2 < 0.2 * start
    # a bilayer of leaflets reaches 627.5 with 13 parameters; plain layers with one roughness are a poorer model
    assert 600 < result.chi2 < 1000
    assert result.degrees_of_freedom == 338 - 12
    # a minimum: two methods agree, and the gradient vanishes for what is not at a bound
    again = dmpc_problem(shared_data).fit("trf", progress=False)
    assert again.chi2 == pytest.approx(result.chi2, rel=1e-6)
    values = result.values
    # the leaflet model's bilayer is 9.709 + 2 * 13.330 + 8.059 angstrom thick
    assert 2 * values["head thickness"] + values["tail thickness"] == pytest.approx(44.4, abs=1.0)
