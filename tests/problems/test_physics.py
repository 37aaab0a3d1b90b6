"""Each physics that a measurement can have, against its own kernel, and with exact derivatives."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import InvalidValueError, UnknownNameError
from problems.cases import Extended, Q, assert_derivatives, film_data, film_layers, parameter

MOMENTS = {"sld_magnetic": [0.0, 2.0, 0.0, 0.0], "theta_m": [90.0, 60.0, 90.0, 90.0], "phi_m": [0.0, 5.0, 0.0, 0.0]}


def magnetic_sample():
    return Extended.of(
        film_layers(),
        sld_magnetic=[0.0, parameter(2.0, "sld_magnetic"), 0.0, 0.0],
        theta_m=[90.0, parameter(60.0, "theta_m"), 90.0, 90.0],
        phi_m=[0.0, parameter(5.0, "phi_m"), 0.0, 0.0],
    )


def patches(*, coherent):
    film = ks.Sample(film_layers())
    thick = ks.Layer(parameter(30.0, "cell"), sld=3.3, roughness=3.0)
    thin = Extended.of([film.layers[0], thick, film.layers[-1]], repeats=((0, 1, 3),))
    fraction = parameter(0.3, "fraction", (0.0, 1.0))
    return SimpleNamespace(
        samples=(film, thin),
        fractions=[fraction, 1.0 - fraction],
        coherent=coherent,
        parameters=[*film.parameters, *thin.parameters, fraction],
    )


def batch_is_loop(problem, tolerance=1e-11):
    """Relative to the largest entry of each column: sharp curves are the same arithmetic in another order."""
    x = problem.x * (1.0 + 0.01 * np.random.default_rng(5).uniform(-1, 1, (6, problem.x.size)))
    x[3, 0] = -1.0
    residuals, jacobian = problem.residuals_and_jacobian(x)
    value, gradient = problem.value_and_gradient(x)
    for row in (0, 1, 2, 4, 5):
        alone, slopes = problem.residuals_and_jacobian(x[row])
        size = np.abs(slopes).max(axis=0)
        np.testing.assert_allclose(residuals[row], alone, atol=tolerance * np.abs(alone).max())
        np.testing.assert_allclose(jacobian[row] / size, slopes / size, atol=tolerance)
        np.testing.assert_allclose(gradient[row], problem.value_and_gradient(x[row])[1], rtol=1e-6)
    assert np.isnan(residuals[3]).all()
    assert np.isnan(gradient[3]).all()
    assert np.isnan(value[3])


def test_repeated_cells_are_the_written_out_stack():
    layers = film_layers()
    sample = Extended.of(layers, repeats=((0, 2, 5),))
    written = ks.Sample([layers[0], *(layers[1:3] * 5), layers[3]])
    found = ks.Measurement(film_data(), sample).reflectivity()
    # powers of a matrix against the recursion, relative; R down to 1e-7 of amplitudes that cancel
    np.testing.assert_allclose(found, ks.Measurement(film_data(), written).reflectivity(), rtol=1e-7)
    problem = ks.Problem(ks.Measurement(film_data(), sample, scale=parameter(1.0, "scale")))
    assert_derivatives(problem)
    batch_is_loop(problem, 1e-9)


def test_polarised_channels_are_those_of_the_kernel():
    data = ks.Channels(pp=film_data(seed=1), pm=film_data(seed=2), mp=None, mm=film_data(seed=3))
    sample = magnetic_sample()
    devices = {"polariser": parameter(0.98, "polariser"), "analyser_flipper": 0.95}
    measurement = ks.Measurement(
        data,
        sample,
        scale=parameter(1.1, "scale"),
        background=parameter(1e-6, "background"),
        guide_angle=parameter(88.0, "guide_angle"),
        field=parameter(0.1, "field"),
        efficiencies=devices,
    )
    expected = ks.polarised_reflectivity(
        Q,
        *sample.slabs(),
        **MOMENTS,
        guide_angle=88.0,
        field=0.1,
        scale=1.1,
        background=1e-6,
        efficiencies=ks.Efficiencies(polariser=0.98, analyser_flipper=0.95),
    )
    joined = np.concatenate([expected.pp, expected.pm, expected.mm])
    np.testing.assert_allclose(measurement.reflectivity(), joined, rtol=1e-12)
    problem = ks.Problem(measurement)
    assert problem.n_points == 3 * Q.size
    assert "polariser" in problem.names
    np.testing.assert_allclose(
        problem.residuals(), (measurement.dataset.r - joined) / measurement.dataset.dr, rtol=1e-9, atol=1e-9
    )
    assert_derivatives(problem)
    batch_is_loop(problem)
    twin = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(twin.residuals(), problem.residuals())


def test_channels_may_have_points_of_their_own():
    whole = film_data(smeared=True)
    data = ks.Channels(pp=whole, pm=None, mp=whole.select(q_min=0.02), mm=whole.select(q_max=0.1))
    sample = magnetic_sample()
    measurement = ks.Measurement(data, sample, resolution_factor=parameter(1.1, "factor"))
    alone = ks.polarised_reflectivity(data.mp.q, *sample.slabs(), **MOMENTS, dq=1.1 * data.mp.dq)
    place = slice(len(whole), len(whole) + len(data.mp))
    np.testing.assert_allclose(measurement.reflectivity()[place], alone.mp, rtol=1e-9)
    # smeared curves jump by parts in 1e10 where nodes change
    assert_derivatives(ks.Problem(measurement), step=1e-4, tolerance=2e-4)


def test_one_dataset_of_a_magnetic_sample_is_of_an_unpolarised_beam():
    sample = magnetic_sample()
    found = ks.Measurement(film_data(), sample).reflectivity()
    channels = ks.polarised_reflectivity(Q, *sample.slabs(), **MOMENTS)
    np.testing.assert_allclose(found, 0.5 * sum(channels), rtol=1e-13)


def test_polarised_data_of_a_sample_without_magnetism_have_equal_channels():
    data = ks.Channels(pp=film_data(), pm=None, mp=None, mm=film_data())
    sample = ks.Sample(film_layers())
    plain = ks.reflectivity(Q, *sample.slabs())
    # spin blocks against the scalar recursion
    np.testing.assert_allclose(ks.Measurement(data, sample).reflectivity(), np.tile(plain, 2), rtol=1e-10)


@pytest.mark.parametrize(
    ("repeats", "order"),
    [
        (((0, 2, 3),), [0, 1, 2, 1, 2, 1, 2, 3]),
        (((0, 1, 3),), [0, 1, 1, 1, 2, 3]),
        (((1, 2, 2),), [0, 1, 2, 2, 3]),
        (((0, 1, 2), (1, 2, 3)), [0, 1, 1, 2, 2, 2, 3]),
    ],
)
def test_repeats_of_magnetic_cells_are_written_out(repeats, order):
    layers = film_layers()
    extra = {"sld_magnetic": [0.0, 2.0, 1.0, 0.0], "theta_m": [90.0, 45.0, 80.0, 90.0], "phi_m": [0.0] * 4}
    sample = Extended.of(layers, repeats=repeats, **extra)
    written = Extended.of([layers[i] for i in order], **{key: [row[i] for i in order] for key, row in extra.items()})
    data = ks.Channels(pp=film_data(), pm=film_data(), mp=None, mm=None)
    np.testing.assert_array_equal(
        ks.Measurement(data, sample).reflectivity(), ks.Measurement(data, written).reflectivity()
    )


@pytest.mark.parametrize("smeared", [False, True])
@pytest.mark.parametrize("coherent", [False, True])
def test_patches_are_the_mixture(coherent, smeared):
    sample = patches(coherent=coherent)
    data = film_data(smeared=smeared)
    measurement = ks.Measurement(data, sample, scale=parameter(1.1, "scale"))
    film, thin = (part.slabs() for part in sample.samples)
    written = ([30.0] * 3, [0.0, 3.3, 3.3, 3.3, 2.07], [0.0] * 5, [3.0, 3.0, 3.0, thin.roughness[-1]])
    stacks = [[np.array(a), np.array(b)] for a, b in zip(film, written, strict=True)]
    expected = ks.mixture_reflectivity(Q, *stacks, weights=[0.3, 0.7], coherent=coherent, scale=1.1, dq=data.dq)
    np.testing.assert_allclose(measurement.reflectivity(), expected, rtol=1e-12)
    problem = ks.Problem(measurement)
    assert_derivatives(problem, step=1e-4 if smeared else 1e-6, tolerance=1e-4 if smeared else 1e-5)
    batch_is_loop(problem, 1e-5 if smeared else 1e-11)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"efficiencies": {"polariser": 0.9}}, InvalidValueError, "efficiencies need polarised data"),
        ({"efficiencies": {"polarizer": 0.9}}, UnknownNameError, "names no device: 'polarizer'; known names are"),
        ({"efficiencies": 0.9}, InvalidValueError, "efficiencies must be kiessig.Efficiencies, a mapping or None"),
        ({"dataset": ks.Channels(None, None, None, None)}, InvalidValueError, "at least one channel"),
        ({"dataset": ks.Channels(1.0, None, None, None)}, InvalidValueError, "dataset.pp must be a Dataset or None"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, error, message):
    with pytest.raises(error, match=message):
        ks.Measurement(**{"dataset": film_data(), "sample": ks.Sample(film_layers()), **arguments})


def test_patches_and_polarised_data_do_not_go_together():
    with pytest.raises(InvalidValueError, match="must not consist of patches where data are polarised"):
        ks.Measurement(ks.Channels(film_data(), None, None, None), patches(coherent=False))
    magnetic = SimpleNamespace(samples=(magnetic_sample(),), fractions=[1.0], coherent=False, parameters=[])
    with pytest.raises(InvalidValueError, match="must not be magnetic where it consists of patches"):
        ks.Measurement(film_data(), magnetic)
