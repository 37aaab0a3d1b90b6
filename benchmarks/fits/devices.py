"""Four organic light-emitting diodes, simulated, with materials in common: forty parameters.

What is drawn from the seed is the truth (how the devices came out of the evaporator) and the noise. The bounds do not
depend on it: they are what an experimenter knows beforehand, thicknesses by the quartz balance to 15 %, scattering
length densities by formula and a density that may be off, roughnesses by nothing but common sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kiessig as ks
from benchmarks.fits.model import Curve, Medium, Model, measurement, minimum
from kiessig.simulation import simulate

FloatArray = NDArray[np.float64]

# from the air down: nominal scattering length density, half the width of its bounds
MATERIALS = {
    "cathode": (2.08, 0.3),
    "electron transport": (4.6, 0.8),  # deuterated
    "blocking": (3.2, 0.8),  # half deuterated
    "emitter": (2.4, 0.8),
    "hole transport": (5.3, 0.8),  # deuterated
    "injection": (1.6, 0.7),
}
# nominal thickness of each layer of each device, angstrom; the cathode and the native oxide are one for all
DEVICES = {
    "A": {"electron transport": 250.0, "emitter": 180.0, "hole transport": 300.0, "injection": 320.0},
    "B": {"electron transport": 250.0, "emitter": 300.0, "hole transport": 300.0, "injection": 320.0},
    "C": {"electron transport": 150.0, "emitter": 180.0, "hole transport": 220.0, "injection": 400.0},
    "D": {
        "electron transport": 200.0,
        "blocking": 90.0,
        "emitter": 220.0,
        "hole transport": 350.0,
        "injection": 280.0,
    },
}
CATHODE, OXIDE, OXIDE_SLD, SILICON_SLD = 120.0, 15.0, 3.47, 2.07
THICKNESS_TOLERANCE = 0.15
INTERVAL = 1.959964  # standard errors to either side that hold 95 % of a normal distribution

# A time-of-flight reflectometer at three angles (degrees), wider slits and longer times at the larger ones.
ANGLES = {0.6: 4e5, 1.5: 8e6, 3.5: 1.5e8}  # neutrons per point at the peak of the spectrum
WAVELENGTHS = (2.5, 14.0)  # angstrom
POINTS = 70  # per angle
PEAK = 4.0  # of the spectrum, angstrom
RELATIVE_WIDTH = 0.018  # dQ/Q, 1 sigma: 4.2 % FWHM


def beam() -> tuple[FloatArray, FloatArray]:
    """Return Q in ascending order, and the neutrons that would be counted at each point at a reflectivity of 1."""
    q, counts = [], []
    for angle, peak in ANGLES.items():
        wavelength = np.geomspace(*WAVELENGTHS, POINTS)
        # Maxwell's flux per logarithmic bin, lambda^-4 exp(-2 (PEAK / lambda)^2), is highest at PEAK
        spectrum = (PEAK / wavelength) ** 4 * np.exp(2.0 * (1.0 - (PEAK / wavelength) ** 2))
        q.append(4.0 * np.pi * np.sin(np.radians(angle)) / wavelength)
        counts.append(peak * spectrum)
    points, weights = np.concatenate(q), np.concatenate(counts)
    order = np.argsort(points)
    return points[order], weights[order]


def bounds() -> dict[str, tuple[float, float]]:
    """Return the bounds of all forty parameters by name."""
    found = {}
    for material, (sld, width) in MATERIALS.items():
        found[f"{material} sld"] = (sld - width, sld + width)
        found[f"{material} roughness"] = (1.0, 20.0)
    del found["blocking roughness"]  # that of the emitter below serves for it: one interface of one device
    found["oxide roughness"] = (1.0, 20.0)
    found["silicon roughness"] = (1.0, 8.0)
    found["cathode thickness"] = _about(CATHODE)
    found["oxide thickness"] = (5.0, 30.0)
    for device, layers in DEVICES.items():
        for material, thickness in layers.items():
            found[f"{device} {material} thickness"] = _about(thickness)
        found[f"{device} scale"] = (0.9, 1.1)
        found[f"{device} background"] = (1e-8, 1e-5)
    return found


def _about(thickness: float) -> tuple[float, float]:
    return (1.0 - THICKNESS_TOLERANCE) * thickness, (1.0 + THICKNESS_TOLERANCE) * thickness


def draw_truth(rng: np.random.Generator) -> dict[str, float]:
    """Draw how the devices came out: within the bounds, but not at their middles."""
    truth = {}
    for name, (low, high) in bounds().items():
        if name.endswith("background"):
            truth[name] = float(10.0 ** rng.uniform(-6.7, -6.0))
        elif name.endswith("scale"):
            truth[name] = float(rng.uniform(0.95, 1.05))
        elif name.endswith("roughness"):
            truth[name] = float(rng.uniform(3.0, min(high, 12.0)))
        else:  # normally distributed, the bounds three standard deviations away; the outermost parts are cut off
            middle, width = 0.5 * (low + high), high - low
            truth[name] = float(middle + width / 6.0 * np.clip(rng.standard_normal(), -2.5, 2.5))
    return truth


def simulated(seed: int = 0, *, noise: bool = True) -> Model:
    """Draw the truth, which the model knows, and measure it; without noise, the curves are the truth's own."""
    rng = np.random.default_rng(seed)
    truth = draw_truth(rng)
    q, counts = beam()
    resolution = ks.Resolution.constant(RELATIVE_WIDTH)
    placeholder = ks.Dataset(q, q, dr=q, dq=resolution.sigma(q))
    datasets = {}
    for device in DEVICES:
        exact = measurement(_curve(device, placeholder, truth))
        terms = {"scale": exact.scale, "background": exact.background}
        data = simulate(q, exact.sample, **terms, resolution=resolution, counts=counts, seed=rng, name=device)
        datasets[device] = data if noise else ks.Dataset(q, exact.reflectivity(), dr=data.dr, dq=data.dq, name=device)

    def curves(p: Mapping[str, Any]) -> list[Curve]:
        return [_curve(device, data, p) for device, data in datasets.items()]

    return Model(bounds(), curves, truth)


def _curve(device: str, data: ks.Dataset, p: Mapping[str, Any]) -> Curve:
    media = [Medium(0.0, 0.0, 0.0)]
    for material in MATERIALS:
        if material != "cathode" and material not in DEVICES[device]:
            continue
        thickness = p["cathode thickness" if material == "cathode" else f"{device} {material} thickness"]
        roughness = p["emitter roughness" if material == "blocking" else f"{material} roughness"]
        media.append(Medium(thickness, p[f"{material} sld"], roughness))
    media.append(Medium(p["oxide thickness"], OXIDE_SLD, p["oxide roughness"]))
    media.append(Medium(0.0, SILICON_SLD, p["silicon roughness"]))
    return Curve(data, media, p[f"{device} scale"], p[f"{device} background"])


def coverage(model: Model) -> float:
    """Return the share of the parameters whose 95 % interval, by the fit's own standard errors, holds the truth."""
    result = minimum(model)
    truth = np.array([model.known[name] for name in result.names])
    return float(np.mean(np.abs(result.x - truth) <= INTERVAL * result.stderr))
