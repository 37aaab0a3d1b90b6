"""Offsets of Q and angle, the resolution factor and the footprint: what they do, and their derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, ShapeError, UnknownNameError
from problems.cases import Q, assert_derivatives, film_data, film_layers, parameter

SLABS = ks.Sample(film_layers()).slabs()


def measured(data=None, **arguments):
    return ks.Measurement(film_data() if data is None else data, ks.Sample(film_layers()), **arguments)


@pytest.mark.parametrize("smeared", [False, True])
def test_q_offset_moves_the_points(smeared):
    data = film_data(smeared=smeared)
    found = measured(data, q_offset=2e-4).reflectivity()
    np.testing.assert_allclose(found, ks.reflectivity(Q + 2e-4, *SLABS, dq=data.dq), rtol=1e-12)


def test_angle_offset_moves_the_points_by_their_wavelength():
    found = measured(angle_offset=0.02, wavelength=5.0).reflectivity()
    np.testing.assert_allclose(found, ks.reflectivity(ks.shifted_q(Q, 5.0, 0.02), *SLABS), rtol=1e-12)


def test_a_probe_moves_points_and_resolution():
    probe = ks.Probe.from_q(Q, 5.0, dtheta=0.01, dwavelength=0.1)
    found = measured(angle_offset=0.02, probe=probe, resolution_factor=1.2).reflectivity()
    moved = ks.Probe.from_q(Q, 5.0, dtheta=0.01, dwavelength=0.1, offset=0.02)
    # offsets of an angle that was found from q: rounding of the arcsine
    np.testing.assert_allclose(found, ks.reflectivity(moved.q, *SLABS, dq=1.2 * moved.dq), rtol=1e-8)


def test_a_datasets_own_resolution_stands_before_that_of_the_probe():
    probe = ks.Probe.from_q(Q, 5.0, dtheta=0.01)
    data = film_data(smeared=True)
    found = measured(data, angle_offset=0.02, probe=probe).reflectivity()
    moved = ks.Probe.from_q(Q, 5.0, offset=0.02).q
    np.testing.assert_allclose(found, ks.reflectivity(moved, *SLABS, dq=data.dq), rtol=1e-8)


@pytest.mark.parametrize("kind", [None, "constant", "uniform"])
def test_resolution_factor_multiplies_every_width(kind):
    data = film_data(smeared=True)
    resolution = {
        None: None,
        "constant": ks.Resolution.constant(0.03),
        "uniform": ks.Resolution.uniform(0.02 * Q),
    }[kind]
    expected = {None: 1.3 * data.dq, "constant": 1.3 * 0.03 * Q, "uniform": ks.Resolution.uniform(1.3 * 0.02 * Q)}[kind]
    found = measured(data, resolution=resolution, resolution_factor=1.3).reflectivity()
    np.testing.assert_allclose(found, ks.reflectivity(Q, *SLABS, dq=expected), rtol=1e-12)


@pytest.mark.parametrize("normalised_to", ["beam", "sample"])
def test_footprint_multiplies_r_and_not_the_background(normalised_to):
    footprint = ks.Footprint.gaussian(0.5, 50.0)
    found = measured(
        footprint=footprint, normalised_to=normalised_to, wavelength=5.0, scale=1.1, background=1e-6, angle_offset=0.02
    ).reflectivity()
    factor = (footprint.fraction if normalised_to == "beam" else footprint.over_illumination)(
        q=Q, wavelength=5.0, offset=0.02
    )
    expected = 1.1 * factor * ks.reflectivity(ks.shifted_q(Q, 5.0, 0.02), *SLABS) + 1e-6
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "smeared"),
    [
        ({"q_offset": parameter(1e-4, "offset")}, False),
        ({"q_offset": parameter(1e-4, "offset"), "angle_offset": parameter(0.02, "angle"), "wavelength": 5.0}, False),
        ({"resolution_factor": parameter(1.1, "factor"), "q_offset": parameter(1e-4, "offset")}, True),
        (
            {
                "angle_offset": parameter(0.02, "angle"),
                "resolution_factor": parameter(1.1, "factor"),
                "probe": ks.Probe.from_q(Q, 5.0, dtheta=0.01, dwavelength=0.1),
                "footprint": ks.Footprint.box(0.5, 50.0),
            },
            False,
        ),
        ({"resolution": ks.Resolution.triangular(0.02 * Q), "resolution_factor": parameter(1.1, "factor")}, False),
    ],
)
def test_derivatives(arguments, smeared):
    problem = ks.Problem(measured(film_data(smeared=smeared), scale=parameter(1.0, "scale"), **arguments))
    is_smeared = smeared or "resolution_factor" in arguments
    # smeared curves jump by parts in 1e10 where nodes change: wider steps, whose truncation shows
    assert_derivatives(problem, step=1e-4 if is_smeared else 1e-5, tolerance=3e-4 if is_smeared else 1e-4)
    x = problem.x * (1.0 + 1e-3 * np.arange(5)[:, np.newaxis])
    residuals, jacobian = problem.residuals_and_jacobian(x)
    for row, member in enumerate(x):
        alone, slopes = problem.residuals_and_jacobian(member)
        size = np.abs(slopes).max(axis=0)
        np.testing.assert_allclose(residuals[row], alone, atol=1e-5)  # the bound of smearing, and far better
        np.testing.assert_allclose(jacobian[row] / size, slopes / size, atol=1e-5)


def test_names_of_nuisance_parameters():
    problem = ks.Problem(measured(q_offset=ks.Parameter(0.0), angle_offset=ks.Parameter(0.0), wavelength=5.0))
    assert problem.names[-2:] == ["q offset", "angle offset"]
    lower, _ = ks.Problem(measured(film_data(smeared=True), resolution_factor=ks.Parameter(1.0))).bounds
    assert lower[-1] == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"angle_offset": 0.1}, InvalidValueError, "angle_offset needs to know the angles; give wavelength or probe"),
        ({"footprint": ks.Footprint.box(1.0, 5.0)}, InvalidValueError, "footprint needs to know the angles"),
        ({"resolution_factor": 1.1}, InvalidValueError, "resolution_factor needs a resolution"),
        ({"resolution_factor": -1.0}, InvalidValueError, "resolution_factor must be non-negative"),
        ({"wavelength": -5.0}, InvalidValueError, "wavelength must be finite and positive"),
        ({"wavelength": [5.0, 5.0]}, ShapeError, r"wavelength must be a number or have the shape of the points"),
        ({"probe": ks.Probe(1.0, 5.0)}, ShapeError, "probe must have the q of the dataset, 40 points"),
        ({"probe": 5.0}, InvalidValueError, "probe must be a Probe or None; got a float"),
        ({"footprint": 5.0}, InvalidValueError, "footprint must be a Footprint or None; got a float"),
        ({"normalised_to": "monitor"}, UnknownNameError, "normalised_to must be 'beam' or 'sample'; got 'monitor'"),
        (
            {"resolution": ks.Resolution.refl1d(0.02 * Q), "q_offset": 1e-4},
            InvalidValueError,
            "q_offset must be left out with Resolution.refl1d.*fixed points",
        ),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        measured(**arguments)


def test_other_points_of_the_same_instrument():
    instrument = measured(scale=1.2, q_offset=1e-4)
    grid = film_data(q=np.linspace(0.02, 0.1, 7))
    np.testing.assert_allclose(
        instrument.on_points(grid).reflectivity(), 1.2 * ks.reflectivity(grid.q + 1e-4, *SLABS), rtol=1e-12
    )
    with pytest.raises(InvalidValueError, match="belongs to its own"):
        measured(probe=ks.Probe.from_q(Q, 5.0)).on_points(grid)
