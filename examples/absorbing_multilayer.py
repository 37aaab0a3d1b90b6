"""Absorption in a tungsten/silicon multilayer: what X-rays of 8 keV lose at total reflection and at each Bragg peak.

python absorbing_multilayer.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

CELLS = 20
WAVELENGTH = 1.5406  # angstrom, Cu K alpha 1


def main(path="absorbing_multilayer.png"):
    tungsten = ks.Material("W", density=19.3, radiation="x-ray", wavelength=WAVELENGTH)
    silicon = ks.Material("Si", density=2.33, radiation="x-ray", wavelength=WAVELENGTH)
    sample = ks.Layer(sld=0) | ks.Layer(15, tungsten, roughness=3) | ks.Layer(25, silicon, roughness=3)
    slabs = (sample | ks.Layer(sld=silicon, roughness=3)).slabs()
    repeats = [(0, 2, CELLS)]  # the two layers, so many times

    q = np.linspace(0.005, 0.6, 3000)
    stack = (q, slabs.thickness, slabs.sld)
    absorbing, jacobian = ks.reflectivity_jacobian(*stack, slabs.sld_imag, slabs.roughness, repeats=repeats)
    lossless = ks.reflectivity(*stack, 0.0, slabs.roughness, repeats=repeats)
    lost_per_percent = -0.01 * np.sum(jacobian.sld_imag * slabs.sld_imag, axis=1)

    figure = Figure(figsize=(9.0, 4.2), dpi=150, layout="constrained")
    curves, low, lost = figure.subplot_mosaic([["curves", "low"], ["curves", "lost"]], width_ratios=(1.4, 1.0)).values()
    for axes in (curves, low):
        axes.plot(q, lossless, color="#E69F00", linewidth=0.9, label="no absorption")
        axes.plot(q, absorbing, color="#0072B2", linewidth=1.2, label="W and Si as they are")
    curves.set(yscale="log", xlabel="Q (Å$^{-1}$)", ylabel="reflectivity", xlim=(0.0, 0.6))
    curves.set_title(f"[W 15 Å / Si 25 Å] × {CELLS} on Si, λ = {WAVELENGTH} Å", fontsize=10)
    curves.legend(frameon=False)
    low.set(xlim=(0.0, 0.2), ylim=(0.0, 1.05), ylabel="reflectivity")
    low.tick_params(labelbottom=False)
    lost.plot(q, lost_per_percent, color="#009E73", linewidth=1.2)
    lost.set(xlim=(0.0, 0.2), xlabel="Q (Å$^{-1}$)", ylabel="loss per 1 %\nof absorption")
    figure.savefig(path)
    peak = np.argmax(np.where(q > 0.1, absorbing, 0.0))
    print(f"first Bragg peak: R = {absorbing[peak]:.3f}, and {lossless[peak]:.3f} without absorption")


if __name__ == "__main__":
    main(*sys.argv[1:])
