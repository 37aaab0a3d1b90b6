"""A sample shorter than the beam's footprint, measured with X-rays whose angle is off by a hundredth of a degree.

python over_illumination.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

WAVELENGTH = 1.5406  # angstrom
OFFSETS = {-0.01: "#D55E00", 0.0: "#0072B2", 0.01: "#009E73"}  # degrees


def main(path="over_illumination.png"):
    theta = np.linspace(0.02, 1.2, 800)
    footprint = ks.Footprint.gaussian_fwhm(0.15, sample_length=20.0)  # mm, both
    stack = ([180.0], [0.0, 40.0, 20.1], [0.0, 1.5, 0.46], [6.0, 3.0])

    figure = Figure(figsize=(9.0, 4.6), dpi=150, layout="constrained")
    panels = figure.subplot_mosaic([["curves", "factors"], ["curves", "change"]], width_ratios=(1.5, 1.0))
    curves, factors, change = panels["curves"], panels["factors"], panels["change"]
    for offset, colour in OFFSETS.items():
        probe = ks.Probe(theta, WAVELENGTH, dtheta=0.005, offset=offset)
        fraction, by_fraction = footprint.fraction_jacobian(probe.angle)
        r, by = ks.reflectivity_jacobian(probe.q, *stack, dq=probe.dq)
        label = f"angle off by {offset:+.2f}°" if offset else "angle as on the motor"
        curves.plot(theta, fraction * r, color=colour, linewidth=1.2, label=label)
        if not offset:
            curves.plot(theta, r, color="0.5", linewidth=0.8, label="reflectivity")
            # the offset moves Q, its spread, and the footprint
            by_offset = by.q * probe.q_jacobian().offset + by.dq * probe.dq_jacobian().offset
            change.plot(theta, 0.01 * (by_offset / r + by_fraction.theta / fraction), color=colour, linewidth=1.2)
            factors.plot(theta, fraction, color=colour, label="fraction of the beam on the sample")
            factors.plot(theta, footprint.over_illumination(theta), color="#CC79A7", label="over-illumination")
    curves.set(yscale="log", xlabel="angle on the motor (degrees)", ylabel="intensity / whole beam", xlim=(0.0, 1.2))
    factors.set(ylim=(0.0, 1.4), yticks=(0.0, 0.5, 1.0), xlim=(0.0, 1.2))
    factors.tick_params(labelbottom=False)
    for axes in (curves, factors):
        axes.legend(frameon=False, fontsize=9, loc="upper right")
    change.axhline(0.0, color="0.3", linewidth=0.8)
    change.set(xlabel="angle on the motor (degrees)", ylabel="ΔI / I per 0.01°", xlim=(0.0, 1.2))
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
