"""Problems of refl1d for the tests: a film on silicon, in several guises, with everything that a fit may vary."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of refl1d's and numba's imports
    from bumps.fitproblem import FitProblem
    from refl1d import __version__ as refl1d_version
    from refl1d import names

Q = np.linspace(0.008, 0.25, 60)


def materials():
    film = names.SLD("film", rho=6.3, irho=0.02)
    return names.SLD("silicon", rho=2.07), names.SLD("oxide", rho=3.47), film, names.SLD("air", rho=0.0)


def problem(
    *,
    magnetic=False,
    polarised=False,
    mixed=None,
    oversampling=0,
    angles=False,
    graded=False,
    back=False,
    field=0.0,
    noise=3.0,
):
    """A FitProblem, whose data are simulated with a fixed seed."""
    silicon, oxide, film, air = materials()
    silicon.irho.value = 0.0
    layers = [silicon(0, 3), oxide(17, 4), film(250, 5), air(0, 0)]
    if graded:
        layers.insert(2, names.FreeLayer(oxide, film, 40.0, z=[0.3, 0.7], rho=[3.0, 5.0], irho=[0.0, 0.0]))
    sample = names.Stack(layers)
    if back:
        sample = names.Stack([air(0, 5), film(250, 4), oxide(17, 3), silicon(0, 0)])
    if magnetic:
        film_layer = sample[2]
        film_layer.magnetism = names.Magnetism(rhoM=2.0, thetaM=250.0)
        film_layer.magnetism.rhoM.range(0.0, 5.0)
        film_layer.magnetism.thetaM.range(200.0, 300.0)
    probe = probe_of(polarised, oversampling, angles)
    if field:
        probe.H.value = field
        probe.H.range(0.0, 2.0)
        probe.Aguide.range(200.0, 300.0)
    if back:
        probe.back_reflectivity = True
    if mixed is None:
        experiment = names.Experiment(sample=sample, probe=probe, dz=5.0, step_interfaces=False)
    else:
        other = silicon(0, 3) | film(200, 5) | air
        experiment = names.MixedExperiment([sample, other], [0.7, 0.3], probe=probe, coherent=mixed, dz=5.0)
        experiment.ratio[0].range(0.1, 2.0)
    sample[1].thickness.range(5.0, 300.0)
    sample[1].interface.range(0.0, 10.0)
    sample[-2].thickness.range(5.0, 300.0)
    film.rho.range(5.0, 7.0)
    film.irho.range(0.0, 0.1)
    sample[0].interface.range(0.0, 10.0)
    state = np.random.get_state()  # noqa: NPY002 - what refl1d draws from
    try:
        np.random.seed(5)  # noqa: NPY002
        experiment.simulate_data(noise)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return FitProblem(experiment)


def probe_of(polarised, oversampling, angles):
    ones = np.ones_like(Q)
    if polarised:
        if refl1d_version == "1.0.0":
            pytest.skip("polarised probes of Q are broken in refl1d 1.0.0")
        return names.PolarizedQProbe([names.QProbe(Q, 0.02 * Q, R=ones, dR=ones, name=x) for x in "abcd"])
    if angles:
        theta = np.degrees(np.arcsin(Q * 5.0 / (4.0 * np.pi)))
        probe = names.NeutronProbe(T=theta, dT=0.02 * theta, L=5.0, dL=0.05, data=(ones, ones))
        probe.theta_offset.range(-0.05, 0.05)
        probe.theta_offset.value = 0.01
    else:
        probe = names.QProbe(Q, 0.02 * Q, R=ones, dR=ones)
    probe.intensity.range(0.8, 1.2)
    probe.background.range(0.0, 1e-4)
    probe.background.value = 1e-6
    if oversampling:
        probe.oversample(oversampling)
    return probe
