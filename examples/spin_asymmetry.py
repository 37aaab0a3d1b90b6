"""A magnetic film in polarised neutrons: four channels, the spin asymmetry, and what imperfect devices do to it.

python spin_asymmetry.py [FIGURE.png]

Iron under a gold cap on silicon, measured in a guide field in the plane. Where the magnetisation lies along the field,
the two spins see two films and no neutron changes its spin; turned by 30 degrees, some do. A polariser and an analyser
that let a few percent of the wrong spins through bury the weak spin-flip channels under the strong ones; where their
efficiencies are known, the mixture can be undone.
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

COLOURS = {"pp": "#0072B2", "mm": "#D55E00", "pm": "#009E73"}  # of Okabe and Ito
GUIDE = 270.0  # degrees: a guide field in the plane; theta_m = 270 is along it
Q = np.linspace(0.008, 0.16, 700)
FILM = {
    "thickness": [40.0, 220.0],
    "sld": [0.0, 4.66, 8.02, 2.07],  # 1e-6/angstrom^2: vacuum | gold | iron | silicon
    "sld_imag": [0.0, 0.016, 0.002, 0.0],
    "roughness": [5.0, 6.0, 4.0],
    "sld_magnetic": [0.0, 0.0, 4.9, 0.0],
    "guide_angle": GUIDE,
    "dq": 0.015 * Q,
}


def asymmetry(r: ks.Channels) -> np.ndarray:
    """Of the two channels without spin flip."""
    return (r.pp - r.mm) / (r.pp + r.mm)


def main(path: str = "spin_asymmetry.png") -> None:
    """Compute and draw."""
    turned = ks.polarised_reflectivity(Q, **FILM, theta_m=GUIDE - 30.0)
    r, jacobian = ks.polarised_reflectivity_jacobian(Q, **FILM, theta_m=GUIDE)
    devices = ks.Efficiencies(polariser=0.98, polariser_flipper=0.99, analyser=0.96, analyser_flipper=0.99)
    measured = ks.polarised_reflectivity(Q, **FILM, theta_m=GUIDE - 30.0, efficiencies=devices)
    corrected = devices.correct(measured)
    assert np.allclose(corrected.pm, turned.pm, atol=1e-9)

    # d[(a - b)/(a + b)] = 2 (b da - a db) / (a + b)^2, with respect to the magnetic SLD of the iron
    by_magnetisation = [channel.sld_magnetic[:, 2] for channel in (jacobian.pp, jacobian.mm)]
    slope = 2.0 * (r.mm * by_magnetisation[0] - r.pp * by_magnetisation[1]) / (r.pp + r.mm) ** 2

    figure = Figure(figsize=(9.0, 5.0), dpi=150, layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.2, 1.0))
    curves = figure.add_subplot(grid[:, 0])
    for name in ("pp", "mm", "pm"):
        label = "$R^{+-} = R^{-+}$" if name == "pm" else f"$R^{{{'++' if name == 'pp' else '--'}}}$"
        curves.semilogy(Q, getattr(turned, name), color=COLOURS[name], label=label)
    curves.semilogy(Q, measured.pm, "--", color=COLOURS["pm"], linewidth=1.0, label="$R^{+-}$ as measured")
    curves.set(xlabel="Q (Å$^{-1}$)", ylabel="reflectivity", ylim=(1e-7, 2.0))
    curves.set_title("magnetisation turned by 30° from the field", fontsize=10)
    curves.legend(frameon=False)

    asymmetries = figure.add_subplot(grid[0, 1])
    asymmetries.plot(Q, asymmetry(r), color="#0072B2")
    asymmetries.axhline(0.0, color="0.3", linewidth=0.8)
    asymmetries.set(ylabel="spin asymmetry", ylim=(-1.05, 1.05))
    asymmetries.set_title("magnetisation along the field", fontsize=10)
    asymmetries.tick_params(labelbottom=False)

    slopes = figure.add_subplot(grid[1, 1], sharex=asymmetries)
    slopes.plot(Q, 0.049 * slope, color="#009E73")
    slopes.axhline(0.0, color="0.3", linewidth=0.8)
    slopes.set(xlabel="Q (Å$^{-1}$)", ylabel="change of the asymmetry\nper 1 % of magnetisation")
    figure.savefig(path)
    print(f"largest spin-flip reflectivity: {turned.pm.max():.3f}")
    print(f"largest share of wrong spins in the measured one: {(1.0 - turned.pm / measured.pm).max():.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
