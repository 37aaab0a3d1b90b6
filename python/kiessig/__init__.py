"""kiessig: reflectivity of layered samples and its exact derivatives, from kernels to fits.

Public names load on first use, so that ``import kiessig`` costs little more than numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiessig._core import __version__ as __version__
    from kiessig.data import Dataset as Dataset
    from kiessig.errors import KiessigError as KiessigError
    from kiessig.instrument import Resolution as Resolution
    from kiessig.io import load as load
    from kiessig.kernels import Gradient as Gradient
    from kiessig.kernels import Jacobian as Jacobian
    from kiessig.kernels import amplitude as amplitude
    from kiessig.kernels import reflectivity as reflectivity
    from kiessig.kernels import reflectivity_jacobian as reflectivity_jacobian
    from kiessig.kernels import reflectivity_jvp as reflectivity_jvp
    from kiessig.kernels import reflectivity_vjp as reflectivity_vjp
    from kiessig.materials import Material as Material
    from kiessig.parameters import Expression as Expression
    from kiessig.parameters import Parameter as Parameter
    from kiessig.plan import Plan as Plan
    from kiessig.problem import Measurement as Measurement
    from kiessig.problem import Problem as Problem
    from kiessig.result import FitResult as FitResult
    from kiessig.sample import Layer as Layer
    from kiessig.sample import Sample as Sample
    from kiessig.slicing import Microslices as Microslices
    from kiessig.slicing import microslices as microslices

_HOME = {
    "Dataset": "data",
    "Expression": "parameters",
    "FitResult": "result",
    "Gradient": "kernels",
    "Jacobian": "kernels",
    "KiessigError": "errors",
    "Layer": "sample",
    "Material": "materials",
    "Measurement": "problem",
    "Microslices": "slicing",
    "Parameter": "parameters",
    "Plan": "plan",
    "Problem": "problem",
    "Resolution": "instrument",
    "Sample": "sample",
    "__version__": "_core",
    "amplitude": "kernels",
    "load": "io",
    "microslices": "slicing",
    "reflectivity": "kernels",
    "reflectivity_jacobian": "kernels",
    "reflectivity_jvp": "kernels",
    "reflectivity_vjp": "kernels",
}

__all__ = sorted(_HOME)  # noqa: PLE0605 - the table above is the one list of public names


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        message = f"module 'kiessig' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(importlib.import_module(f"kiessig.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
