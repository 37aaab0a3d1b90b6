"""A monochromator of 100 Ni/Ti bilayers as one repeated cell, and what its period and its roughness do.

python multilayer.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks
from kiessig.parameters import evaluate

REPEATS = 100


def main(path="multilayer.png"):
    period = ks.Parameter(60, bounds=(50, 70), name="period")
    share = ks.Parameter(0.45, bounds=(0.2, 0.8), name="nickel share")
    rough = ks.Parameter(4, bounds=(0, 10), name="roughness")
    nickel = ks.Layer(share * period, sld=9.41, sld_imag=0.002, roughness=rough, name="Ni")
    titanium = ks.Layer((1 - share) * period, sld=-1.94, sld_imag=0.001, roughness=rough, name="Ti")
    stack = ks.Stack([nickel, titanium], repeats=REPEATS, name="mirror")
    sample = ks.Layer(sld=0, name="air") | stack | ks.Layer(sld=3.6, roughness=3, name="glass")
    print(sample)

    q = np.linspace(0.01, 0.35, 1500)
    figure = Figure(figsize=(9.0, 4.2), dpi=150, layout="constrained")
    curves, profile = figure.subplots(1, 2, width_ratios=(1.6, 1.0))
    for value, colour in ((0.0, "0.6"), (4.0, "#0072B2"), (8.0, "#D55E00")):
        rough.value = value
        slabs = sample.slab_expressions()  # the cell once, and how often it stands
        numbers = [evaluate(part) for part in slabs[:4]]
        r = ks.reflectivity(q, *numbers, repeats=slabs.repeats, dq=0.01 * q)
        first = (q > 0.09) & (q < 0.13)
        print(f"roughness {value:.1f} angstrom: peak of the first order {r[first].max():.3f}")
        curves.plot(q, r, color=colour, linewidth=1.0, label=f"roughness {value:g} Å")
    curves.set(yscale="log", xlabel="Q (Å$^{-1}$)", ylabel="reflectivity", ylim=(2e-8, 2))
    curves.legend(frameon=False)
    rough.value = 4.0
    for part, colour in (("sld", "#0072B2"), ("sld_imag", "#D55E00")):
        z, sld = sample.sld_profile(np.linspace(-30, 400, 1500), part=part)
        profile.plot(z, sld * (1000 if part == "sld_imag" else 1), color=colour, linewidth=1.2)
    profile.set(xlabel="depth (Å)", ylabel="SLD (10$^{-6}$ Å$^{-2}$), imaginary part × 1000", xlim=(-30, 400))
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
