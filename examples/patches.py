"""A film that covers 60 % of its substrate: patches whose intensities add, and one layer of averaged SLD.

python patches.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

COVERED = 0.6


def main(path="patches.png"):
    film, bare = [0.0, 6.0, 2.07], [0.0, 2.07]
    q = np.linspace(0.004, 0.12, 500)
    dq = 0.02 * q
    weights = ks.mixture_fractions([COVERED])
    # as many layers as each patch has: one in the film, none where the substrate is bare
    r, jacobian = ks.mixture_reflectivity_jacobian(
        q, [[350.0], []], [film, bare], roughness=4.0, weights=weights, dq=dq
    )
    averaged = ks.reflectivity(q, [350.0], [0.0, COVERED * film[1], 2.07], roughness=4.0, dq=dq)
    covered, uncovered = jacobian.weights.T  # what each patch alone reflects
    by_coverage = covered - uncovered  # the last weight is 1 minus the first

    figure = Figure(figsize=(7.0, 6.0), dpi=150, layout="constrained")
    curves, slope = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
    curves.plot(q, covered, color="0.75", linewidth=0.8, label="film everywhere")
    curves.plot(q, uncovered, color="0.45", linewidth=0.8, linestyle=":", label="bare substrate")
    curves.plot(q, averaged, color="#D55E00", linewidth=1.2, label="one film of averaged SLD (small patches)")
    curves.plot(
        q, r, color="#0072B2", linewidth=1.6, label=f"{COVERED:.0%} film, {1 - COVERED:.0%} bare (large patches)"
    )
    curves.set(yscale="log", ylabel="reflectivity", xlim=(0.0, 0.12))
    curves.legend(frameon=False, fontsize=9)
    slope.plot(q, 0.01 * by_coverage / r, color="#009E73", linewidth=1.2)
    slope.axhline(0.0, color="0.3", linewidth=0.8)
    slope.set(xlabel="Q (Å$^{-1}$)", ylabel="ΔR / R per 1 %\nof coverage")
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
