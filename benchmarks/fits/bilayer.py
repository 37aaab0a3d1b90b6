"""A DMPC bilayer on oxidised silicon in three waters: thirteen parameters, by area per molecule and volumes.

The model is that of refnx's documentation, and its own quadrature is used, so that misfits compare to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kiessig as ks
from benchmarks.fits import measured
from benchmarks.fits.model import Curve, Medium, Model
from benchmarks.rivals.refnx_c import FWHM_PER_SIGMA

# scattering lengths in angstrom and volumes in cubic angstrom of the head and the tails of a molecule
B_HEAD, V_HEAD = 6.01e-4, 319.0
B_TAILS, V_TAILS = -2.92e-4, 782.0
BOUNDS = {
    "scale": (0.9, 1.1),
    "D2O background": (-1e-6, 1e-6),
    "mixed water background": (-1e-6, 1e-6),
    "H2O background": (-1e-6, 1e-6),
    "oxide thickness": (2.0, 30.0),
    "oxide roughness": (0.0, 7.0),
    "oxide water": (0.0, 0.5),
    "area": (52.0, 65.0),
    "inner head": (4.0, 11.0),
    "tails": (10.0, 17.0),
    "outer head": (4.0, 11.0),
    "D2O sld": (6.1, 6.36),
    "water roughness": (0.0, 5.0),
}
KNOWN = {
    "scale": 1.00663,
    "D2O background": 1.288e-7,
    "mixed water background": 5.16e-8,
    "H2O background": 2.43e-7,
    "oxide thickness": 12.322,
    "oxide roughness": 5.606,
    "oxide water": 0.1467,
    "area": 56.523,
    "inner head": 9.709,
    "tails": 13.330,
    "outer head": 8.059,
    "D2O sld": 6.1946,
    "water roughness": 0.1,
}
WATERS = {"D2O": None, "mixed water": 2.07, "H2O": -0.56}
SILICON_SLD = 2.07
MINIMUM = 627.5022  # chi2, by the same model in refnx


def model() -> Model:
    datasets = measured.bilayer()

    def curves(p: Mapping[str, Any]) -> list[Curve]:
        return [_curve(name, data, p) for name, data in datasets.items()]

    return Model(BOUNDS, curves, KNOWN)


def _curve(name: str, data: ks.Dataset, p: Mapping[str, Any]) -> Curve:
    water = p["D2O sld"] if WATERS[name] is None else WATERS[name]

    def hydrated(length: float, volume: float, thickness: Any) -> Any:
        """SLD where a molecule takes `volume` out of area times thickness, and water the rest."""
        fraction = volume / (p["area"] * thickness)
        return fraction * (1e6 * length / volume) + (1.0 - fraction) * water

    tails = hydrated(B_TAILS, V_TAILS, p["tails"])
    media = [
        Medium(0.0, SILICON_SLD, 0.0),
        Medium(p["oxide thickness"], p["oxide water"] * water + (1.0 - p["oxide water"]) * 3.47, p["oxide roughness"]),
        Medium(p["inner head"], hydrated(B_HEAD, V_HEAD, p["inner head"]), 3.0),
        Medium(p["tails"], tails, 3.0),
        Medium(p["tails"], tails, 0.0),
        Medium(p["outer head"], hydrated(B_HEAD, V_HEAD, p["outer head"]), 3.0),
        Medium(0.0, water, p["water roughness"]),
    ]
    scale = p["scale"] if name == "D2O" else 1.0
    return Curve(data, media, scale, p[f"{name} background"], ks.Resolution.refnx(data.dq))


def refnx_objective() -> Any:
    """Build the same for refnx, with its own leaflets."""
    from refnx.analysis import GlobalObjective, Objective, Parameter
    from refnx.dataset import ReflectDataset
    from refnx.reflect import SLD, LipidLeaflet, ReflectModel

    p = {
        name: Parameter(0.5 * (low + high), name=name, bounds=(low, high), vary=True)
        for name, (low, high) in BOUNDS.items()
    }
    heads = (p["area"], B_HEAD, V_HEAD)
    tails = (B_TAILS, V_TAILS, p["tails"])
    inner = LipidLeaflet(*heads, p["inner head"], *tails, 3, 3)
    outer = LipidLeaflet(*heads, p["outer head"], *tails, 3, 0, reverse_monolayer=True)
    oxide = SLD(3.47)(p["oxide thickness"], p["oxide roughness"])
    oxide.vfsolv = p["oxide water"]
    objectives = []
    for name, data in measured.bilayer().items():
        water = SLD(p["D2O sld"] if WATERS[name] is None else WATERS[name])
        structure = SLD(SILICON_SLD) | oxide | inner | outer | water(0, p["water roughness"])
        dataset = ReflectDataset((data.q, data.r, data.dr, FWHM_PER_SIGMA * data.dq))
        scale = p["scale"] if name == "D2O" else 1.0
        whole = ReflectModel(structure, scale=scale, bkg=p[f"{name} background"], dq_type="pointwise", threads=1)
        objectives.append(Objective(whole, dataset))
    return GlobalObjective(objectives)
