"""Experiments of refl1d near one point: the kernel straightened, everything else as refl1d has it.

At the point, the reflectivity and its exact derivatives by all slabs are computed once. Nearby, R is its value there
plus these derivatives times what the slabs have moved; probe, resolution, mixing and residuals are refl1d's own code,
which costs little. Central differences of such residuals have no error from the kernel: it is straight.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kiessig.adapters._host import host_module
from kiessig.adapters.refl1d.kernels import INSTALL
from kiessig.amplitudes import amplitude_jacobian
from kiessig.errors import KiessigError
from kiessig.kernels import reflectivity_jacobian
from kiessig.polarised import polarised_reflectivity_jacobian

__all__ = ["NotStraight", "StraightExperiment"]

FloatArray = NDArray[np.float64]
Curve = NDArray[Any]  # of R, or of complex amplitudes

# Between our R and refl1d's: the roundoff of two kernels, and 1e-10 (1e-6/angstrom²) of absorption that refl1d adds to
# all media of magnetic samples. Relative to residuals, of which R's error is some per cent.
SAME = 1e-5


class NotStraight(Exception):  # noqa: N818 - a signal between modules here
    """An experiment, or a point of it, that needs differences of refl1d's own residuals."""


class _Slabs(NamedTuple):
    """What refl1d's `Experiment` hands to the kernel: its slabs, and the points of Q."""

    inputs: FloatArray  # w, sigma, rho, irho; with magnetism rhoM, thetaM, Aguide, H as well
    q: FloatArray
    n: int
    magnetic: bool

    def same_kind(self, other: _Slabs) -> bool:
        return self.n == other.n and self.q.shape == other.q.shape and self.magnetic == other.magnetic


def _read(experiment: Any) -> _Slabs:
    slabs = experiment._render_slabs()
    if slabs.rho.shape[0] != 1:
        raise NotStraight
    magnetic = bool(slabs.ismagnetic)
    parts = [slabs.w, slabs.sigma, slabs.rho[0], slabs.irho[0]]
    if magnetic:
        parts += [slabs.rhoM, slabs.thetaM, [experiment.probe.Aguide.value, experiment.probe.H.value]]
    q = np.array(experiment.probe.calc_Q, dtype=np.float64)
    return _Slabs(np.concatenate(parts).astype(np.float64), q, len(slabs.w), magnetic)


class _Part:
    """One experiment's curves at the point, and their derivatives; `of` gives them nearby."""

    def __init__(self, at: _Slabs, *, coherent: bool) -> None:
        self._at = at
        try:
            curves = self._magnetic() if at.magnetic else [self._plain(coherent=coherent)]
        except KiessigError as error:
            raise NotStraight from error
        if at.magnetic and coherent:
            raise NotStraight
        self._value = [value for value, _, _ in curves]
        self._by_q = [by_q for _, by_q, _ in curves]
        self._derivative = [derivative for _, _, derivative in curves]

    def of(self, now: _Slabs) -> list[Curve]:
        """Curves for slabs nearby: one, or of a magnetic sample those of --, -+, +-, ++."""
        if not now.same_kind(self._at):
            raise NotStraight
        moved, shift = now.inputs - self._at.inputs, now.q - self._at.q
        curves = []
        for value, by_q, derivative in zip(self._value, self._by_q, self._derivative, strict=True):
            curve = value + derivative @ moved
            curves.append(curve + by_q * shift if shift.any() else curve)
        return curves

    def _columns(self) -> dict[str, FloatArray]:
        n, inputs = self._at.n, self._at.inputs
        names, lengths = ["w", "sigma", "rho", "irho"], [n, n - 1, n, n]
        if self._at.magnetic:
            names, lengths = [*names, "rho_m", "theta_m", "guide"], [*lengths, n, n, 2]
        parts = np.split(inputs, np.cumsum(lengths)[:-1])
        return dict(zip(names, parts, strict=True))

    def _stack(self, columns: dict[str, FloatArray]) -> tuple[FloatArray, ...]:
        # refl1d counts from the substrate, which is our backing, and takes the absolute value of the absorption
        return (
            columns["w"][1:-1][::-1],
            columns["rho"][::-1],
            np.abs(columns["irho"])[::-1],
            np.abs(columns["sigma"])[::-1],
        )

    def _by_inputs(self, jacobian: Any, columns: dict[str, FloatArray]) -> list[Curve]:
        edges = np.zeros((len(self._at.q), 1))
        turn = np.where(columns["irho"] < 0.0, -1.0, 1.0)
        side = np.where(columns["sigma"] < 0.0, -1.0, 1.0)
        return [
            np.hstack([edges, jacobian.thickness[:, ::-1], edges]),
            jacobian.roughness[:, ::-1] * side,
            jacobian.sld[:, ::-1],
            jacobian.sld_imag[:, ::-1] * turn,
        ]

    def _plain(self, *, coherent: bool) -> tuple[Curve, Curve, Curve]:
        columns = self._columns()
        function: Any = amplitude_jacobian if coherent else reflectivity_jacobian
        value, jacobian = function(self._at.q, *self._stack(columns))
        return value, jacobian.q, np.hstack(self._by_inputs(jacobian, columns))

    def _magnetic(self) -> list[tuple[Curve, Curve, Curve]]:
        columns = self._columns()
        q, (guide, field) = self._at.q, columns["guide"]
        # refl1d lets the absorption at the beam's side into its wavevector, and errs in a negative field
        if (
            field < 0.0
            or (columns["irho"][-1] != 0.0 and np.any(q >= 0.0))
            or (columns["irho"][0] != 0.0 and np.any(q < 0.0))
        ):
            raise NotStraight
        value, jacobians = polarised_reflectivity_jacobian(
            q,
            *self._stack(columns),
            sld_magnetic=columns["rho_m"][::-1],
            theta_m=columns["theta_m"][::-1],
            guide_angle=float(guide),
            field=float(field),
        )
        curves = []
        for channel in ("mm", "mp", "pm", "pp"):
            jacobian = getattr(jacobians, channel)
            ends = np.stack([jacobian.guide_angle, jacobian.field], axis=1)
            magnetic = [jacobian.sld_magnetic[:, ::-1], jacobian.theta_m[:, ::-1], ends]
            derivative = np.hstack([*self._by_inputs(jacobian, columns), *magnetic])
            curves.append((getattr(value, channel), jacobian.q, derivative))
        return curves


class StraightExperiment:
    """An `Experiment` or `MixedExperiment` of refl1d, straightened at its present parameters.

    Parameters
    ----------
    experiment : refl1d Experiment or MixedExperiment
        With its parameters at the point.

    Raises
    ------
    NotStraight
        For other models, coherent mixtures of magnetic samples, and where R differs from refl1d's own.
    """

    def __init__(self, experiment: Any) -> None:
        module = host_module("refl1d.experiment", "kiessig.adapters.refl1d", INSTALL)
        kind = type(experiment)
        self._mixed = isinstance(experiment, module.MixedExperiment)
        base = module.MixedExperiment if self._mixed else module.Experiment
        if not isinstance(experiment, base) or any(
            getattr(kind, name) is not getattr(base, name) for name in ("reflectivity", "residuals", "_reflamp", "nllf")
        ):
            raise NotStraight
        parts = experiment.parts if self._mixed else [experiment]
        self._coherent = self._mixed and bool(experiment.coherent)
        self._parts = [_Part(_read(part), coherent=self._coherent) for part in parts]
        own = np.array(experiment.residuals(), dtype=np.float64)
        found = self.residuals(experiment)
        if found.shape != own.shape or not np.all(np.abs(found - own) <= SAME * (1.0 + np.abs(own))):
            raise NotStraight

    def residuals(self, experiment: Any) -> FloatArray:
        """Compute residuals at the parameters as they are now, near the point.

        Parameters
        ----------
        experiment : refl1d Experiment or MixedExperiment
            The one of the constructor; what it has cached is left cleared.

        Returns
        -------
        float array, shape (n_points,)

        Raises
        ------
        NotStraight
            Where the number of slabs or of points of Q is another one here.
        """
        parts = experiment.parts if self._mixed else [experiment]
        slabs = [_read(part) for part in parts]
        curves = [straight.of(now) for straight, now in zip(self._parts, slabs, strict=True)]
        r = self._mixture(experiment, curves)
        cache = experiment._cache
        cache["reflectivity", True, 0] = experiment.probe.apply_beam(slabs[0].q, r, resolution=True, interpolation=0)
        cache.pop("residuals", None)
        try:
            return np.array(experiment.residuals(), dtype=np.float64)
        finally:
            experiment.update()

    def _mixture(self, experiment: Any, curves: list[list[Curve]]) -> Any:
        """Return R of the mixture in the form that refl1d's probe expects."""
        polarised = bool(experiment.probe.polarized)
        if self._mixed:
            ratio = np.array([float(ratio.value) for ratio in experiment.ratio])
            fraction = ratio / ratio.sum()
            if self._coherent:
                total = sum(f * of[0] for f, of in zip(fraction, curves, strict=True))
                curves, fraction = [[np.abs(total) ** 2]], np.ones(1)
        else:
            fraction = np.ones(1)
        four = [of if len(of) == 4 else [of[0], 0.0 * of[0], 0.0 * of[0], of[0]] for of in curves]
        if polarised:
            return [sum(f * of[c] for f, of in zip(fraction, four, strict=True)) for c in range(4)]
        return sum(f * (sum(of) / 2.0 if len(of) == 4 else of[0]) for f, of in zip(fraction, curves, strict=True))
