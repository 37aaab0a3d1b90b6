"""A polymer brush and a free-form profile: continuous profiles in as many slices as an error bound needs.

python free_form.py [figure.png]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

import kiessig as ks

Q_MAX = 0.25
SILICON, OXIDE = ks.Layer(sld=2.07, name="Si"), ks.Layer(12, sld=3.47, roughness=3, name="oxide")
D2O = ks.Layer(sld=6.36, name="D2O")


def brush(power, error=1e-5):
    """A brush on the oxide, in whatever the sample's backing is."""
    return ks.PolymerBrush(
        1.0, "backing", fraction=0.5, length=250, power=power, base=15, roughness=3, q_max=Q_MAX, error=error
    )


def spline(error=1e-5):
    """A monotone spline through six knots, the last one of the solvent itself."""
    return ks.SplineProfile(
        [3.5, 3.6, 4.6, 5.3, 6.1, 6.36], [25, 50, 60, 70, 60], flat_ends=True, roughness=3, q_max=Q_MAX, error=error
    )


def main(path="free_form.png"):
    q = np.linspace(0.006, Q_MAX, 600)
    cases = {
        "parabolic brush": (brush(1.0), brush(1.0, 1e-8)),
        "elliptic brush": (brush(0.5), brush(0.5, 1e-8)),
        "spline": (spline(), spline(1e-8)),
    }
    figure = Figure(figsize=(9.0, 4.2), dpi=150, layout="constrained")
    curves, profiles = figure.subplots(1, 2, width_ratios=(1.3, 1.0))
    for number, (name, (component, finer)) in enumerate(cases.items()):
        colour = ("#0072B2", "#D55E00", "#009E73")[number]
        sample, reference = (SILICON | OXIDE | part | D2O for part in (component, finer))
        r = ks.reflectivity(q, *sample.slabs())
        off = np.abs(r / ks.reflectivity(q, *reference.slabs()) - 1).max()
        print(f"{name}: {component.steps} steps, R within {off:.1e} of that of {finer.steps}")
        curves.plot(q, 10.0 ** (-2 * number) * r, color=colour, linewidth=1.2, label=f"{name}, {component.steps} steps")
        z, sld = sample.sld_profile(np.linspace(-30, 330, 800))
        profiles.plot(z, sld, color=colour, linewidth=1.5)
    curves.set(yscale="log", xlabel="Q (Å$^{-1}$)", ylabel="reflectivity, shifted by two decades each")
    curves.legend(frameon=False)
    profiles.set(xlabel="depth (Å)", ylabel="SLD (10$^{-6}$ Å$^{-2}$)", xlim=(-30, 330))
    figure.savefig(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
