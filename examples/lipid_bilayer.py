"""A lipid bilayer on silicon in three waters, refined together from simulated data: lipid leaflets and solvents.

python lipid_bilayer.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

WATERS = {"D2O": 6.36, "SMW": 2.07, "H2O": -0.56}  # SLD, 1e-6/angstrom^2
COLOURS = ("#0072B2", "#D55E00", "#009E73")
TRUTH = {"area per molecule": 57.0, "inner heads": 9.5, "outer heads": 8.5, "tails": 13.5, "oxide": 12.0, "pores": 0.15}


def samples():
    """The same bilayer in every water; what the lipids and the oxide leave free, the water of each sample fills."""
    area = ks.Parameter(60, bounds=(52, 65), name="area per molecule")
    tails = ks.Parameter(14, bounds=(10, 17), name="tails")
    heads = [ks.Parameter(9, bounds=(6, 12), name=f"{side} heads") for side in ("inner", "outer")]
    oxide = ks.Layer(
        ks.Parameter(15, bounds=(2, 30), name="oxide"),
        sld=3.47,
        roughness=3,
        name="oxide",
        solvent="backing",
        solvent_fraction=ks.Parameter(0.1, bounds=(0, 0.5), name="pores"),
    )
    dmpc = {"b_heads": 6.01e-4, "v_heads": 319, "b_tails": -2.92e-4, "v_tails": 782}
    inner, outer = (
        ks.LipidLeaflet(
            area,
            head_thickness=thickness,
            tail_thickness=tails,
            roughness=roughness,
            head_tail_roughness=3,
            reverse_monolayer=reverse,
            **dmpc,
        )
        for thickness, roughness, reverse in ((heads[0], 3, False), (heads[1], 0, True))
    )
    silicon = ks.Layer(sld=2.07, name="Si")
    return {
        name: silicon | oxide | inner | outer | ks.Layer(sld=sld, roughness=3, name=name)
        for name, sld in WATERS.items()
    }


def main(path="lipid_bilayer.png"):
    made = samples()
    parameters = {item.name: item for item in made["D2O"].parameters}
    start = {name: item.value for name, item in parameters.items()}
    for name, value in TRUTH.items():
        parameters[name].value = value
    q = np.geomspace(0.008, 0.3, 120)
    rng = np.random.default_rng(7)
    measurements = []
    for name, sample in made.items():
        r = ks.reflectivity(q, *sample.slabs(), background=5e-7, dq=0.03 * q)
        dr = np.sqrt((0.03 * r) ** 2 + 1e-7**2)
        data = ks.Dataset(q, r + dr * rng.standard_normal(q.size), dr, 0.03 * q, name=name)
        measurements.append(ks.Measurement(data, sample, background=5e-7))
    for name, value in start.items():
        parameters[name].value = value
    result = ks.Problem(measurements).fit(progress=False)
    for name, value in result.values.items():
        error = result.stderr[result.names.index(name)]
        print(f"{name}: {value:.3f} +- {error:.3f} (made with {TRUTH[name]:g})")

    figure = Figure(figsize=(9.0, 4.2), dpi=150, layout="constrained")
    curves, profiles = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    for number, (measurement, colour) in enumerate(zip(measurements, COLOURS, strict=True)):
        shift = 10.0 ** (-2 * number)
        data = measurement.dataset
        curves.plot(q, shift * np.maximum(data.r, 1e-8), ".", color=colour, markersize=3, label=measurement.name)
        curves.plot(q, shift * measurement.reflectivity(), color="black", linewidth=0.9)
        z, sld = measurement.sample.sld_profile(np.linspace(-20, 90, 600))
        profiles.plot(z, sld, color=colour, linewidth=1.5)
    curves.set(xscale="log", yscale="log", xlabel="Q (Å$^{-1}$)", ylabel="reflectivity, shifted by two decades each")
    curves.legend(frameon=False)
    profiles.set(xlabel="depth (Å)", ylabel="SLD (10$^{-6}$ Å$^{-2}$)", xlim=(-20, 90))
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
