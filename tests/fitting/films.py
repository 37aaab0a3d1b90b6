"""A film on silicon whose thickness has several minima within its bounds, and data with noise."""

from __future__ import annotations

import numpy as np

import kiessig as ks

Q = np.geomspace(0.01, 0.2, 60)
TRUTH = {"thickness": 300.0, "sld": 4.5, "roughness": 6.0, "scale": 1.03, "background": 2e-6}
BOUNDS = {
    "thickness": (150.0, 500.0),
    "sld": (2.0, 7.0),
    "roughness": (0.0, 15.0),
    "scale": (0.8, 1.2),
    "background": (1e-8, 1e-5),
}
START = {"thickness": 420.0, "sld": 3.2, "roughness": 9.0, "scale": 0.98, "background": 1e-6}


def reflectivity(values=TRUTH):
    return ks.reflectivity(
        Q,
        [values["thickness"]],
        [0.0, values["sld"], 2.07],
        roughness=[values["roughness"], 3.0],
        scale=values["scale"],
        background=values["background"],
    )


def measured(values=TRUTH, seed=3):
    """Reflectivity with noise of 3 %, and its uncertainty."""
    exact = reflectivity(values)
    return exact + 0.03 * exact * np.random.default_rng(seed).standard_normal(Q.size), 0.03 * exact


def film(start=START, *, seed=3, bounds=BOUNDS):
    r, dr = measured(seed=seed)
    p = {name: ks.Parameter(value, bounds.get(name), name=name) for name, value in start.items()}
    sample = (
        ks.Layer(sld=0)
        | ks.Layer(p["thickness"], p["sld"], roughness=p["roughness"])
        | ks.Layer(sld=2.07, roughness=3.0)
    )
    return ks.Problem(ks.Measurement(ks.Dataset(Q, r, dr=dr), sample, p["scale"], p["background"]))
