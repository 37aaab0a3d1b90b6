"""kiessig: reflectivity of layered samples and its exact derivatives, from kernels to fits.

Public names load on first use, so that ``import kiessig`` costs little more than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiessig import functions as functions
    from kiessig import priors as priors
    from kiessig._core import __version__ as __version__
    from kiessig.amplitudes import AmplitudeGradient as AmplitudeGradient
    from kiessig.amplitudes import AmplitudeJacobian as AmplitudeJacobian
    from kiessig.amplitudes import amplitude_jacobian as amplitude_jacobian
    from kiessig.amplitudes import amplitude_vjp as amplitude_vjp
    from kiessig.components import ContinuousProfile as ContinuousProfile
    from kiessig.components import FunctionalProfile as FunctionalProfile
    from kiessig.components import GradientLayer as GradientLayer
    from kiessig.components import LipidLeaflet as LipidLeaflet
    from kiessig.components import Patches as Patches
    from kiessig.components import PolymerBrush as PolymerBrush
    from kiessig.components import SplineProfile as SplineProfile
    from kiessig.components import Stack as Stack
    from kiessig.components import shapes as shapes
    from kiessig.constraints import Constraint as Constraint
    from kiessig.data import Dataset as Dataset
    from kiessig.dispersive import dispersive_reflectivity as dispersive_reflectivity
    from kiessig.dispersive import dispersive_reflectivity_jacobian as dispersive_reflectivity_jacobian
    from kiessig.dispersive import dispersive_reflectivity_jvp as dispersive_reflectivity_jvp
    from kiessig.dispersive import dispersive_reflectivity_vjp as dispersive_reflectivity_vjp
    from kiessig.errors import KiessigError as KiessigError
    from kiessig.fields import Absorption as Absorption
    from kiessig.fields import absorption as absorption
    from kiessig.fields import field as field
    from kiessig.fields import penetration_depth as penetration_depth
    from kiessig.footprint import Footprint as Footprint
    from kiessig.footprint import FootprintJacobian as FootprintJacobian
    from kiessig.instrument import Resolution as Resolution
    from kiessig.interfaces import Microslices as Microslices
    from kiessig.interfaces import microslices as microslices
    from kiessig.io import load as load
    from kiessig.io import load_sample as load_sample
    from kiessig.kernels import Gradient as Gradient
    from kiessig.kernels import Jacobian as Jacobian
    from kiessig.kernels import amplitude as amplitude
    from kiessig.kernels import reflectivity as reflectivity
    from kiessig.kernels import reflectivity_jacobian as reflectivity_jacobian
    from kiessig.kernels import reflectivity_jvp as reflectivity_jvp
    from kiessig.kernels import reflectivity_vjp as reflectivity_vjp
    from kiessig.layer import Component as Component
    from kiessig.materials import Material as Material
    from kiessig.materials import magnetic_sld as magnetic_sld
    from kiessig.misfit import reflectivity_misfit as reflectivity_misfit
    from kiessig.mixture import MixtureGradient as MixtureGradient
    from kiessig.mixture import MixtureJacobian as MixtureJacobian
    from kiessig.mixture import mixture_fractions as mixture_fractions
    from kiessig.mixture import mixture_reflectivity as mixture_reflectivity
    from kiessig.mixture import mixture_reflectivity_jacobian as mixture_reflectivity_jacobian
    from kiessig.mixture import mixture_reflectivity_jvp as mixture_reflectivity_jvp
    from kiessig.mixture import mixture_reflectivity_vjp as mixture_reflectivity_vjp
    from kiessig.parameters import Condition as Condition
    from kiessig.parameters import Expression as Expression
    from kiessig.parameters import Parameter as Parameter
    from kiessig.parameters import trace as trace
    from kiessig.plan import Plan as Plan
    from kiessig.polarisation import Channels as Channels
    from kiessig.polarisation import Efficiencies as Efficiencies
    from kiessig.polarised import PolarisedGradient as PolarisedGradient
    from kiessig.polarised import PolarisedJacobian as PolarisedJacobian
    from kiessig.polarised import polarised_reflectivity as polarised_reflectivity
    from kiessig.polarised import polarised_reflectivity_jacobian as polarised_reflectivity_jacobian
    from kiessig.polarised import polarised_reflectivity_jvp as polarised_reflectivity_jvp
    from kiessig.polarised import polarised_reflectivity_vjp as polarised_reflectivity_vjp
    from kiessig.probe import Probe as Probe
    from kiessig.probe import ProbeJacobian as ProbeJacobian
    from kiessig.probe import shifted_q as shifted_q
    from kiessig.probe import shifted_q_jacobian as shifted_q_jacobian
    from kiessig.problem import Measurement as Measurement
    from kiessig.problem import Problem as Problem
    from kiessig.result import FitResult as FitResult
    from kiessig.sample import Layer as Layer
    from kiessig.sample import Sample as Sample

_HOME = {
    "Absorption": "fields",
    "AmplitudeGradient": "amplitudes",
    "AmplitudeJacobian": "amplitudes",
    "Channels": "polarisation",
    "Component": "layer",
    "Condition": "parameters",
    "Constraint": "constraints",
    "ContinuousProfile": "components",
    "Dataset": "data",
    "Efficiencies": "polarisation",
    "Expression": "parameters",
    "FitResult": "result",
    "Footprint": "footprint",
    "FootprintJacobian": "footprint",
    "FunctionalProfile": "components",
    "Gradient": "kernels",
    "GradientLayer": "components",
    "Jacobian": "kernels",
    "KiessigError": "errors",
    "Layer": "sample",
    "LipidLeaflet": "components",
    "Material": "materials",
    "Measurement": "problem",
    "Microslices": "interfaces",
    "MixtureGradient": "mixture",
    "MixtureJacobian": "mixture",
    "Parameter": "parameters",
    "Patches": "components",
    "Plan": "plan",
    "PolarisedGradient": "polarised",
    "PolarisedJacobian": "polarised",
    "PolymerBrush": "components",
    "Probe": "probe",
    "ProbeJacobian": "probe",
    "Problem": "problem",
    "Resolution": "instrument",
    "Sample": "sample",
    "SplineProfile": "components",
    "Stack": "components",
    "__version__": "_core",
    "absorption": "fields",
    "amplitude": "kernels",
    "amplitude_jacobian": "amplitudes",
    "amplitude_vjp": "amplitudes",
    "dispersive_reflectivity": "dispersive",
    "dispersive_reflectivity_jacobian": "dispersive",
    "dispersive_reflectivity_jvp": "dispersive",
    "dispersive_reflectivity_vjp": "dispersive",
    "field": "fields",
    "load": "io",
    "load_sample": "io",
    "magnetic_sld": "materials",
    "microslices": "interfaces",
    "mixture_fractions": "mixture",
    "mixture_reflectivity": "mixture",
    "mixture_reflectivity_jacobian": "mixture",
    "mixture_reflectivity_jvp": "mixture",
    "mixture_reflectivity_vjp": "mixture",
    "penetration_depth": "fields",
    "polarised_reflectivity": "polarised",
    "polarised_reflectivity_jacobian": "polarised",
    "polarised_reflectivity_jvp": "polarised",
    "polarised_reflectivity_vjp": "polarised",
    "reflectivity": "kernels",
    "reflectivity_jacobian": "kernels",
    "reflectivity_jvp": "kernels",
    "reflectivity_misfit": "misfit",
    "reflectivity_vjp": "kernels",
    "shapes": "components",
    "shifted_q": "probe",
    "shifted_q_jacobian": "probe",
    "trace": "parameters",
}

_MODULES = ("functions", "priors")  # which are used as ks.functions.exp

__all__ = sorted(_HOME)  # noqa: PLE0605 - the table above is the one list of public names


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"kiessig.{name}")
    if name not in _HOME:
        message = f"module 'kiessig' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f"kiessig.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
