"""Standing waves in a resonator: the field inside a film that guides neutrons between two mirrors.

A silicon film between nickel layers holds modes below the critical edge of nickel. At their Q the wave inside is much
stronger than the incident one, and a trace of absorber in the film takes a large part of the beam.

python standing_waves.py [standing_waves.png]
"""

import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import kiessig as ks

MEDIA = ["air", "Ni", "Si", "Ni", "glass"]
THICKNESS = np.array([150.0, 900.0, 500.0])
SLD = np.array([0.0, 9.41, 2.07, 9.41, 3.47])
ABSORBING = np.array([0.0, 0.0, 1e-3, 0.0, 0.0])


def main(argv: list[str] | None = None) -> None:
    """Compute the field over Q and depth, name the modes, and draw both."""
    arguments = sys.argv[1:] if argv is None else argv
    path = arguments[0] if arguments else "standing_waves.png"
    q = np.linspace(0.008, 0.026, 1500)
    z = np.linspace(-500.0, THICKNESS.sum() + 200.0, 800)
    intensity = np.abs(ks.field(q, z, THICKNESS, SLD, ABSORBING)) ** 2
    parts = ks.absorption(q, THICKNESS, SLD, ABSORBING)

    interfaces = np.concatenate([[0.0], np.cumsum(THICKNESS)])
    inside = (z >= interfaces[1]) & (z <= interfaces[2])
    strongest = intensity[:, inside].max(axis=1)
    edge = np.sqrt(16e-6 * np.pi * SLD[1])
    for i in range(1, q.size - 1):
        if strongest[i - 1] < strongest[i] > strongest[i + 1] and q[i] < edge:
            print(
                f"mode at Q = {q[i]:.5f} 1/angstrom: intensity {strongest[i]:.0f} times the incident one, "
                f"{100 * parts.layers[i, 1]:.0f} % absorbed"
            )

    figure = Figure(figsize=(9.0, 7.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 2, sharex="col", width_ratios=[4, 1], height_ratios=[2.2, 1])
    shading = axes[0, 0].pcolormesh(
        q, z, np.log10(np.maximum(intensity.T, 1e-3)), cmap="magma", vmin=-2, shading="nearest", rasterized=True
    )
    figure.colorbar(shading, ax=axes[0, 0], label="log₁₀ |ψ|²", location="left")
    axes[0, 0].set_ylabel("depth / Å")
    for depth in interfaces:
        axes[0, 0].axhline(depth, color="white", linewidth=0.8, linestyle=":")
    axes[0, 0].set_ylim(z[-1], z[0])

    axes[0, 1].plot(np.repeat(SLD, 2), np.concatenate([[z[0]], np.repeat(interfaces, 2), [z[-1]]]), color="black")
    axes[0, 1].set_ylim(z[-1], z[0])
    axes[0, 1].set_yticklabels([])
    axes[0, 1].tick_params(labelbottom=True)
    axes[0, 1].set_xlabel("SLD / 10⁻⁶ Å⁻²")
    for name, sld, top, bottom in zip(MEDIA, SLD, [z[0], *interfaces], [*interfaces, z[-1]], strict=True):
        side = 1 if sld < 5 else -1  # of the line on which there is room
        axes[0, 1].text(sld + 0.4 * side, (top + bottom) / 2, name, ha="left" if side > 0 else "right")

    axes[1, 0].plot(q, parts.reflected, color="#0072B2", label="reflected")
    axes[1, 0].plot(q, parts.layers[:, 1], color="#D55E00", label="absorbed in the film")
    axes[1, 0].plot(q, parts.transmitted, color="#009E73", label="transmitted")
    axes[1, 0].set_xlabel("Q / Å⁻¹")
    axes[1, 0].set_ylabel("part of the beam")
    axes[1, 0].legend(loc="center left")
    axes[1, 1].set_axis_off()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
