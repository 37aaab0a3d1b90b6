"""Shapes of interfaces: the profiles and the curves of a film whose interfaces have one roughness and six shapes.

python interface_shapes.py
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks
from kiessig.interfaces import InterfaceShape


def main(path: str = "interface_shapes.png") -> None:
    """Draw the profiles and curves."""
    thickness, sld, roughness = [80.0], [0.0, 4.5, 2.07], 8.0
    q, z = np.linspace(0.008, 0.3, 600), np.linspace(-35.0, 115.0, 1000)

    # a shape of your own, here from a table: a sharp rise, then a tail into the medium behind
    tail = InterfaceShape.tabulated([-0.7, -0.7, -0.2, 0.5, 3.0], [0.0, 0.4, 0.7, 0.85, 1.0], name="table")
    shapes = ["erf", "tanh", "linear", "exponential", "sinusoidal", tail]
    colours = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"]  # of Okabe and Ito

    figure = Figure(figsize=(9.0, 4.2), dpi=200, layout="constrained")
    profiles, curves = figure.subplots(1, 2, width_ratios=(1.0, 1.3))
    for number, (shape, colour) in enumerate(zip(shapes, colours, strict=True)):
        slices = ks.microslices(thickness, sld, roughness=roughness, interfaces=shape, q_max=0.3)
        r, jacobian = slices.reflectivity_jacobian(q, dq=0.02 * q)
        name = shape if isinstance(shape, str) else shape.name
        profiles.plot(z, slices.profile(z)[0] + 2 * number, color=colour, linewidth=1.3)
        profiles.stairs(
            slices.sld[1:-1] + 2 * number, slices.depth, color=colour, baseline=None, linewidth=0.5, alpha=0.7
        )
        profiles.text(40.0, 4.65 + 2 * number, name, color=colour, fontsize=8, ha="center", va="bottom")
        curves.plot(q, r * 1000.0**-number, color=colour, linewidth=1.1, label=name)
        steepest = np.abs(jacobian.roughness[:, 0] / r).max()
        print(f"{name:12s} {slices.thickness.size:3d} slices, largest d(ln R)/d(roughness) {steepest:.2f} per angstrom")

    profiles.set(
        xlabel="depth (Å)", ylabel="SLD (10$^{-6}$ Å$^{-2}$), shifted by 2 each", xlim=(z[0], z[-1]), ylim=(-0.5, 16.0)
    )
    curves.set(xlabel="Q (Å$^{-1}$)", ylabel="reflectivity, shifted by 1000 each", yscale="log")
    curves.legend(fontsize=8, frameon=False)
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
