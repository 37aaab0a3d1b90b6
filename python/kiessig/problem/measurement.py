"""Measurements: data, the sample that they were measured on, and what the instrument adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig._inputs import checked
from kiessig.data import Dataset
from kiessig.errors import InvalidValueError, ShapeError
from kiessig.instrument import Resolution
from kiessig.parameters import Operand, Parameter, Quantity, as_quantity, evaluate, free_parameters
from kiessig.polarisation import Channels, Efficiencies
from kiessig.problem.evaluation import Comparison
from kiessig.problem.losses import as_loss
from kiessig.problem.misfits import data_columns, require_misfit
from kiessig.problem.setup import NUISANCES, combined, devices, instrument_model, required_channels
from kiessig.sample import Sample

if TYPE_CHECKING:
    from kiessig.footprint import Footprint
    from kiessig.probe import Probe

__all__ = ["Measurement"]

FloatArray = NDArray[np.float64]


class Measurement:
    """A dataset, the sample it was measured on, and what the instrument adds.

    The model curve is ``scale * illumination * smeared(R) + background``, where the illumination is 1 without a
    footprint. Which R is computed follows from sample and data:

    ==============================================  ==============================================================
    layers, some of them in repeated cells          `kiessig.reflectivity`
    `Channels` of data, or magnetic layers          `kiessig.polarised_reflectivity`; one dataset of a magnetic sample
                                                    is one of an unpolarised beam, half the sum of the channels
    patches side by side                            `kiessig.mixture_reflectivity`
    ==============================================  ==============================================================

    Parameters
    ----------
    dataset : Dataset or Channels of Dataset
        What was measured; with polarised beams ``Channels(pp=..., pm=None, mp=None, mm=...)``, None for what was not.
    sample : Sample or patches
        What it was measured on; complete (see `Sample`).
    scale, background : float, Parameter or Expression
        Of the model curve; the same for all channels.
    resolution : Resolution, optional
        None takes the dataset's own ``dq``, or no smearing where it has none. ``Resolution.none()`` switches smearing
        off.
    misfit : {"chi2", "log", "poisson"}
        Residuals are ``(R - model) / dR``; or ``ln R - ln model``, which needs no dR and weighs every decade of R
        alike; or the signed roots of the Poisson deviance of the counts, for datasets that have counts (see
        `Dataset.from_counts`).
    name : str, optional
        For tables and plots; that of the dataset when not given.
    loss : {"huber", "cauchy", "student"}, optional
        Makes outlying residuals count for less; None squares them. See Notes.
    loss_scale : float, optional
        Size of residual at which that begins, in units of the residuals (of dR for chi2). By default that with 95 % of
        the efficiency of least squares for normal noise: 1.345 for Huber, 2.385 for Cauchy; and 1 for Student.
    df : float, optional
        Degrees of freedom of the Student loss, 4 by default.
    q_offset : float, Parameter or Expression
        True Q less stated Q, 1/angstrom.
    angle_offset : float, Parameter or Expression
        True glancing angle less stated one, degrees; needs `wavelength` or `probe`. With a probe the resolution
        follows.
    resolution_factor : float, Parameter or Expression
        Multiplies all widths, non-negative.
    wavelength : float or float array, shape (n_q,), optional
        Of the points, angstrom.
    probe : Probe, optional
        Angles and wavelengths of the points; its ``q`` must be that of the dataset. Its ``dq``, where it has one, is
        the resolution if there is no other.
    footprint : Footprint, optional
        What part of the beam the sample receives; needs `wavelength` or `probe`.
    normalised_to : {"beam", "sample"}
        Whether data were divided by the whole beam (`Footprint.fraction`) or by the illumination of the sample
        (`Footprint.over_illumination`).
    guide_angle, field : float, Parameter or Expression
        As in `kiessig.polarised_reflectivity`.
    efficiencies : Efficiencies or mapping of name to float, Parameter or Expression, optional
        Of polariser, analyser and flippers, by the names of `Efficiencies`; those left out are perfect.

    Raises
    ------
    InvalidValueError
        If an argument is of another type, the sample is not complete, or arguments do not go together.
    DataError
        If the dataset lacks what the misfit needs: dR for "chi2", R > 0 for "log", counts for "poisson".
    UnknownNameError
        For another misfit or loss.
    ShapeError
        If wavelengths or the probe are not those of the points.

    Notes
    -----
    With a loss rho, residuals are ``sign(r) sqrt(rho(r))``: their squares add up to the loss, so that every optimiser
    minimises it, and exactly. In units of the scale c, Huber is ``r**2`` up to c and ``2 c |r| - c**2`` beyond, Cauchy
    ``c**2 ln(1 + (r / c)**2)``, both as in `scipy.optimize.least_squares`; Student is
    ``(df + 1) ln(1 + (r / c)**2 / df)``, which is -2 ln L of Student's distribution but for a constant. The weight that
    Gauss-Newton steps and standard errors then give to a point is ``(d sqrt(rho) / dr)**2``: 1 near zero for Huber and
    Cauchy (``(df + 1) / (df c**2)`` for Student), falling as ``c / (2 |r|)`` (Huber) or faster, and never negative.

    The Poisson deviance ``2 (mu - n + n ln(n / mu))``, with ``mu = normalisation * model``, is smooth where mu = n; a
    point without counts has the residual ``-sqrt(2 mu)``.

    Examples
    --------
    >>> import kiessig as ks
    >>> film = ks.Parameter(100, bounds=(50, 150), name="thickness")
    >>> sample = ks.Layer(sld=0) | ks.Layer(film, sld=3.47) | ks.Layer(sld=2.07, roughness=3)
    >>> data = ks.Dataset([0.05, 0.1], [1e-3, 1e-4], dr=[1e-4, 1e-5])
    >>> ks.Measurement(data, sample).reflectivity().shape
    (2,)
    """

    def __init__(
        self,
        dataset: Dataset | Channels[Dataset | None],
        sample: Sample | Any,
        scale: Operand = 1.0,
        background: Operand = 0.0,
        resolution: Resolution | None = None,
        *,
        misfit: str = "chi2",
        name: str | None = None,
        loss: str | None = None,
        loss_scale: float | None = None,
        df: float | None = None,
        q_offset: Operand = 0.0,
        angle_offset: Operand = 0.0,
        resolution_factor: Operand = 1.0,
        wavelength: ArrayLike | None = None,
        probe: Probe | None = None,
        footprint: Footprint | None = None,
        normalised_to: str = "beam",
        guide_angle: Operand = 90.0,
        field: Operand = 0.0,
        efficiencies: Efficiencies | Mapping[str, Operand] | None = None,
    ) -> None:
        owner = "Measurement"
        self.channels = required_channels(owner, dataset)
        if resolution is not None and not isinstance(resolution, Resolution):
            message = (
                f"{owner}: resolution must be a Resolution or None; got a {type(resolution).__name__}; "
                "widths become one by Resolution.gaussian(dq) or Resolution.constant(dq_over_q)"
            )
            raise InvalidValueError(message)
        for item in self.channels.values():
            require_misfit(owner, misfit, item)
        self._loss = as_loss(owner, loss, loss_scale, df)
        self.dataset: Dataset = dataset if isinstance(dataset, Dataset) else combined(owner, self.channels)
        self.sample = sample
        self.scale: Quantity = as_quantity(scale, owner, "scale")
        self.background: Quantity = as_quantity(background, owner, "background")
        self.resolution = resolution
        self.misfit = misfit
        self.loss = loss
        self.name = self.dataset.name if name is None else name
        self.q_offset: Quantity = as_quantity(q_offset, owner, "q_offset")
        self.angle_offset: Quantity = as_quantity(angle_offset, owner, "angle_offset")
        self.resolution_factor: Quantity = as_quantity(resolution_factor, owner, "resolution_factor", non_negative=True)
        self.guide_angle: Quantity = as_quantity(guide_angle, owner, "guide_angle", unit="degrees")
        self.field: Quantity = as_quantity(field, owner, "field", unit="tesla")
        self.efficiencies = devices(owner, efficiencies)
        self.probe = probe
        self.footprint = footprint
        self.normalised_to = normalised_to
        self.wavelength = (
            None if wavelength is None else checked(owner, "wavelength", wavelength, "finite and positive")
        )
        if self.wavelength is not None and self.wavelength.shape not in ((), self.dataset.q.shape):
            message = (
                f"{owner}: wavelength must be a number or have the shape of the points, {self.dataset.q.shape}; "
                f"got {self.wavelength.shape}"
            )
            raise ShapeError(message)
        self._model = instrument_model(owner, self)

    @property
    def parameters(self) -> list[Parameter]:
        """Free parameters: of the sample, then scale and background, then what else the instrument adds."""
        own = self._model.quantities
        return free_parameters([*self.sample.parameters, self.scale, self.background, *own])

    def reflectivity(self) -> FloatArray:
        """Compute the model curve at the points of the dataset and the present values of the parameters.

        Returns
        -------
        float array, shape (n_q,)
            Of all channels that were measured, in the order pp, pm, mp, mm, where there are several.

        Raises
        ------
        InvalidValueError
            If a parameter or expression has a value outside its domain.
        """
        return self._model.curve(np.array(evaluate(self._model.quantities)))

    def residuals(self) -> FloatArray:
        """Compute the residuals at the present values of the parameters, shape (n_q,); see `misfit` and `loss`."""
        comparison = self._comparison()
        return comparison.residuals(comparison.data, self.reflectivity())[0]

    def on_points(self, dataset: Dataset) -> Measurement:
        """Return the same measurement at other points, for curves to plot.

        Parameters
        ----------
        dataset : Dataset
            The points; its ``dq`` is the resolution. Needs ``dr``, which only residuals use.

        Returns
        -------
        Measurement

        Raises
        ------
        InvalidValueError
            Where something of the instrument belongs to the points there are: several channels, a probe, a wavelength
            for each point.
        """
        if len(self.channels) > 1 or self.probe is not None or (self.wavelength is not None and self.wavelength.ndim):
            message = (
                "Measurement.on_points: the instrument must be the same for all points; this one belongs to its own"
            )
            raise InvalidValueError(message)
        kept = (*NUISANCES, "wavelength", "footprint", "normalised_to", "efficiencies")
        keywords = {name: getattr(self, name) for name in kept}
        channel = next(iter(self.channels))
        points: Any = dataset
        if channel:
            points = Channels(**{name: dataset if name == channel else None for name in Channels._fields})
        return Measurement(points, self.sample, self.scale, self.background, **keywords)

    def __repr__(self) -> str:
        label = "" if self.name is None else f"{self.name!r}, "
        media = f"{len(self.sample.layers)} media" if isinstance(self.sample, Sample) else repr(self.sample)
        return f"Measurement({label}{len(self.dataset)} points, {media}, misfit={self.misfit!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        kept = (
            *NUISANCES,
            "wavelength",
            "probe",
            "footprint",
            "normalised_to",
            "efficiencies",
            "misfit",
            "name",
            "loss",
        )
        keywords = {name: getattr(self, name) for name in kept}
        if self._loss is not None:
            keywords |= {"loss_scale": self._loss.scale, "df": self._loss.df if self.loss == "student" else None}
        dataset: Any = self.dataset
        if "" not in self.channels:
            dataset = Channels(**{name: self.channels.get(name) for name in Channels._fields})
        return _rebuild, ((dataset, self.sample, self.scale, self.background, self.resolution), keywords)

    def _comparison(self) -> Comparison:
        """Return the model, and what it is compared with."""
        data = data_columns(self.misfit, self.dataset)
        return Comparison(self._model, self.misfit, self._loss, data, len(self.dataset))


def _rebuild(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Measurement:
    return Measurement(*arguments, **keywords)
