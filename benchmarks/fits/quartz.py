"""A thick oxide film on silicon: six parameters, two dozen fringe orders within the bounds of the thickness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.fits import measured
from benchmarks.fits.model import Curve, Medium, Model
from benchmarks.rivals.refnx_c import FWHM_PER_SIGMA

BOUNDS = {
    "thickness": (1400.0, 1500.0),
    "sld": (0.0, 5.0),
    "roughness": (2.0, 20.0),
    "silicon roughness": (2.0, 20.0),
    "scale": (0.9, 1.5),
    "background": (1e-8, 1e-5),
}
# Something thin between oxide and silicon, of which nothing is known, and silicon's own density (2.07) within 10 %.
INTERLAYER_BOUNDS = {
    **BOUNDS,
    "interlayer thickness": (2.0, 100.0),
    "interlayer sld": (0.0, 5.0),
    "interlayer roughness": (2.0, 20.0),
    "silicon sld": (1.9, 2.3),
}
KNOWN = {
    "thickness": 1466.788,
    "sld": 4.23768,
    "roughness": 11.3257,
    "silicon roughness": 16.3519,
    "scale": 1.0418,
    "background": 1.697e-7,
}
INTERLAYER_KNOWN = {
    **KNOWN,
    "thickness": 1458.0,
    "sld": 4.24,
    "roughness": 11.43,
    "silicon roughness": 2.9,
    "interlayer thickness": 27.6,
    "interlayer sld": 2.92,
    "interlayer roughness": 5.4,
    "silicon sld": 2.207,
    "scale": 1.049,
    "background": 1.16e-7,
}
# chi2 per point of the global minima with exact Gaussian smearing; the first by an independent implementation
MINIMUM, INTERLAYER_MINIMUM = 1.33217, 1.21076
SILICON_SLD = 2.07


def model(*, interlayer: bool = False) -> Model:
    data = measured.quartz_film()

    def curves(p: Mapping[str, Any]) -> list[Curve]:
        media = [Medium(0.0, 0.0, 0.0), Medium(p["thickness"], p["sld"], p["roughness"])]
        if interlayer:
            media.append(Medium(p["interlayer thickness"], p["interlayer sld"], p["interlayer roughness"]))
        media.append(Medium(0.0, p["silicon sld"] if interlayer else SILICON_SLD, p["silicon roughness"]))
        return [Curve(data, media, p["scale"], p["background"])]

    if interlayer:
        return Model(INTERLAYER_BOUNDS, curves, INTERLAYER_KNOWN)
    return Model(BOUNDS, curves, KNOWN)


def refnx_objective(*, interlayer: bool = False) -> Any:
    """Build the same for refnx, in its own pointwise quadrature."""
    from refnx.analysis import Objective, Parameter
    from refnx.dataset import ReflectDataset
    from refnx.reflect import SLD, ReflectModel

    bounds = INTERLAYER_BOUNDS if interlayer else BOUNDS
    p = {
        name: Parameter(0.5 * (low + high), name=name, bounds=(low, high), vary=True)
        for name, (low, high) in bounds.items()
    }
    structure = SLD(0.0) | SLD(p["sld"])(p["thickness"], p["roughness"])
    if interlayer:
        structure |= SLD(p["interlayer sld"])(p["interlayer thickness"], p["interlayer roughness"])
    structure |= SLD(p["silicon sld"] if interlayer else SILICON_SLD)(0, p["silicon roughness"])
    data = measured.quartz_film()
    dataset = ReflectDataset((data.q, data.r, data.dr, FWHM_PER_SIGMA * data.dq))
    whole = ReflectModel(structure, scale=p["scale"], bkg=p["background"], dq_type="pointwise", threads=1)
    return Objective(whole, dataset)
