"""A supermirror of 162 Ni/Ti layers, and what every single thickness does to its reflectivity.

python supermirror.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

NICKEL, TITANIUM, GLASS = 9.41, -1.94, 3.6  # SLD, 1e-6/angstrom^2
M = 3  # reflects up to three times the critical edge of nickel
EDGE = np.sqrt(16e-6 * np.pi * NICKEL)


def sequence():
    """Thickness of every layer, Mezei's fourth-root law: pair j reflects at Q_j = Q_edge j^(1/4), thick pairs on top.

    Each layer is a quarter of the wavelength across it: pi / sqrt(Q^2 - 16 pi SLD).
    """
    q = EDGE * np.arange(1.0, M**4 + 1.0) ** 0.25
    q = np.maximum(q, 1.02 * EDGE)  # at the edge itself the wave in nickel has no wavelength
    pairs = np.pi / np.sqrt(q[:, np.newaxis] ** 2 - 16e-6 * np.pi * np.array([NICKEL, TITANIUM]))
    return pairs.ravel()


def main(path="supermirror.png"):
    thickness = sequence()
    pairs = thickness.size // 2
    sld = np.array([0.0, *[NICKEL, TITANIUM] * pairs, GLASS])
    sld_imag = np.array([0.0, *[0.002, 0.001] * pairs, 0.0])  # absorption at 5 angstrom
    q = np.linspace(0.5, 3.6, 600) * EDGE
    inputs = {"sld": sld, "sld_imag": sld_imag, "roughness": 5.0, "dq": 0.01 * q}

    # the gradient of a mean over the points between the edges asks for a cotangent of 1 / (their number) there
    plateau = (q > EDGE) & (q < M * EDGE)
    r, gradient = ks.reflectivity_vjp(q, thickness, **inputs, cotangent=plateau / plateau.sum())

    figure = Figure(figsize=(7.0, 6.0), dpi=150, layout="constrained")
    curve, slopes = figure.subplots(2, 1)
    nickel = ks.reflectivity(q, [], [0.0, NICKEL], 0.002, 5.0, dq=0.01 * q)
    curve.plot(q / EDGE, nickel, color="0.6", linewidth=1.0, label="nickel")
    curve.plot(q / EDGE, r, color="#0072B2", linewidth=1.4, label=f"{thickness.size} layers")
    curve.set(xlabel="Q / critical edge of nickel", ylabel="reflectivity", ylim=(0.0, 1.05), xlim=(0.5, 3.6))
    curve.legend(frameon=False)
    for first, name, colour in ((0, "nickel", "#0072B2"), (1, "titanium", "#D55E00")):
        number = np.arange(first, thickness.size, 2)
        slopes.plot(number, 100.0 * gradient.thickness[first::2], ".-", color=colour, linewidth=0.6, label=name)
    slopes.axhline(0.0, color="0.3", linewidth=0.8)
    slopes.set(xlabel="layer, from the surface", ylabel="change of the mean reflectivity\nbetween the edges (% per Å)")
    slopes.legend(frameon=False)
    figure.savefig(path)
    print(f"mean reflectivity between m = 1 and {M}: {r[plateau].mean():.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
