"""kiessig under Mantid: the reference of a reduction, and a fit function with analytic derivatives.

The first needs numpy only. The second is a class that Mantid's framework calls; it is made when it is asked for.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kiessig.adapters._host import host_module
from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.instrument import Resolution
from kiessig.kernels import reflectivity, reflectivity_jacobian

__all__ = ["fit_function", "reference_reflectivity", "register"]

FloatArray = NDArray[np.float64]

INSTALL = "run it in Mantid's Python, or install the conda package mantid"
NEEDED = ("back_sld", "back_roughness", "front_sld", "scale", "background", "layers")
OF_LAYER = ("thickness", "sld", "isld", "roughness")
MOST_LAYERS = 100


def reference_reflectivity(
    model_description: Mapping[str, Any], q: ArrayLike, q_resolution: float = 0.025, *, smearing: str = "refl1d"
) -> NDArray[np.float64]:
    """Compute the reflectivity of the reference sample that a reduction divides by.

    Takes the place of ``LRReductionWithReference.calculate_reflectivity``, with its description of the sample.

    Parameters
    ----------
    model_description : mapping
        ``back_sld``, ``back_roughness``, ``front_sld``, ``scale``, ``background``, and ``layers``: from the back to the
        front, each a mapping of ``thickness``, ``sld``, ``isld`` and ``roughness``, that of its front. SLD in
        1e-6/angstrom^2, lengths in angstrom.
    q : float array, shape (n,)
        1/angstrom; points or edges of bins.
    q_resolution : float, optional
        Width (1 sigma) of the resolution over Q.
    smearing : {"refl1d", "exact"}, optional
        "refl1d" gives the numbers that refl1d gives: straight lines between the points of `q` under the resolution.
        "exact" integrates the reflectivity itself, which points far apart need.

    Returns
    -------
    float64 array, shape (n,)
        ``scale * (R + background)``, R smeared.

    Raises
    ------
    UnknownNameError
        For keys that are unknown or missing.
    InvalidValueError
        For another `smearing`, and as `kiessig.reflectivity`.

    Examples
    --------
    >>> from kiessig.adapters.mantid import reference_reflectivity
    >>> water = {"back_sld": 6.36, "back_roughness": 3.0, "front_sld": 0.0, "scale": 1.0, "background": 0.0}
    >>> water |= {"layers": [{"thickness": 20.0, "sld": 2.0, "isld": 0.0, "roughness": 4.0}]}
    >>> reference_reflectivity(water, [0.01, 0.05, 0.1]).shape
    (3,)
    """
    function = "reference_reflectivity"
    _keys(function, "model_description", model_description, NEEDED)
    layers = list(model_description["layers"])
    for i, layer in enumerate(layers):
        _keys(function, f"layers[{i}]", layer, OF_LAYER)
    if smearing not in ("refl1d", "exact"):
        message = f"{function}: smearing must be 'refl1d' or 'exact'; got {smearing!r}"
        raise InvalidValueError(message)
    points = np.asarray(q, dtype=np.float64)
    sigma = float(q_resolution) * np.abs(points)
    layers.reverse()
    r = reflectivity(
        points,
        [layer["thickness"] for layer in layers],
        [model_description["front_sld"], *(layer["sld"] for layer in layers), model_description["back_sld"]],
        [0.0, *(layer["isld"] for layer in layers), 0.0],
        [*(layer["roughness"] for layer in layers), model_description["back_roughness"]],
        dq=Resolution.refl1d(sigma) if smearing == "refl1d" else sigma,
    )
    return float(model_description["scale"]) * (r + float(model_description["background"]))


def _keys(function: str, name: str, given: Any, wanted: tuple[str, ...]) -> None:
    if not isinstance(given, Mapping):
        message = f"{function}: {name} must be a mapping; got {type(given).__name__}"
        raise InvalidValueError(message)
    missing = [key for key in wanted if key not in given]
    unknown = [key for key in given if key not in wanted]
    if missing or unknown:
        wrong = [f"lacks {', '.join(missing)}"] if missing else []
        wrong += [f"has unknown {', '.join(map(str, unknown))}"] if unknown else []
        message = f"{function}: {name} {' and '.join(wrong)}; its keys are {', '.join(wanted)}"
        raise UnknownNameError(message)


def _parameters(n_layers: int) -> dict[str, float]:
    """Names and defaults, in the order in which Mantid numbers them."""
    parameters = {"Scale": 1.0, "Background": 0.0, "Resolution": 0.0, "FrontSLD": 0.0}
    for i in range(1, n_layers + 1):
        parameters |= {f"Thickness{i}": 100.0, f"SLD{i}": 0.0, f"Absorption{i}": 0.0, f"Roughness{i}": 0.0}
    return parameters | {"BackSLD": 0.0, "BackAbsorption": 0.0, "BackRoughness": 0.0}


class _Evaluation:
    """The model at the values of Mantid's parameters, and the columns of its Jacobian."""

    def __init__(self, n_layers: int, values: dict[str, float], q: FloatArray) -> None:
        self._values = values
        layers = range(1, n_layers + 1)
        self._names: dict[str, list[str | None]] = {
            "thickness": [f"Thickness{i}" for i in layers],
            "sld": ["FrontSLD", *(f"SLD{i}" for i in layers), "BackSLD"],
            "sld_imag": [None, *(f"Absorption{i}" for i in layers), "BackAbsorption"],
            "roughness": [*(f"Roughness{i}" for i in layers), "BackRoughness"],
            "scale": ["Scale"],
            "background": ["Background"],
        }
        self._q = q
        width = max(values["Resolution"], 0.0)
        columns: dict[str, Any] = {
            name: np.array([self._value(name, key) for key in keys]) for name, keys in self._names.items()
        }
        columns["scale"], columns["background"] = columns["scale"][0], columns["background"][0]
        # the integral at width 0 has a derivative as well, which is 0
        self.arguments: dict[str, Any] = {"q": q, **columns, "dq": width * np.abs(q) if width > 0.0 else None}

    def _value(self, field: str, name: str | None) -> float:
        if name is None:
            return 0.0
        value = self._values[name]
        if field == "roughness":
            return abs(value)  # the model is even in it
        return max(value, 0.0) if field in ("thickness", "sld_imag") else value

    def columns(self) -> dict[str, FloatArray]:
        """Return the derivative by each parameter, shape (n_q,) each."""
        _, jacobian = reflectivity_jacobian(**self.arguments)
        found = {}
        for field, names in self._names.items():
            derivative = getattr(jacobian, field)
            for j, name in enumerate(names):
                if name is None:
                    continue
                column = derivative if derivative.ndim == 1 else derivative[:, j]
                found[name] = -column if field == "roughness" and self._values[name] < 0.0 else column
        found["Resolution"] = np.zeros(self._q.size) if jacobian.dq is None else jacobian.dq * np.abs(self._q)
        return found


@functools.cache
def fit_function(n_layers: int) -> type[Any]:
    """Return the fit function of a sample with a number of layers, a class for `mantid.api.FunctionFactory`.

    Its name is ``KiessigReflectivity<n_layers>``; its x are Q in 1/angstrom. Parameters, in this order, lengths in
    angstrom and SLD in 1e-6/angstrom^2: ``Scale``, ``Background``, ``Resolution`` (1 sigma of Q over Q), ``FrontSLD``;
    for each layer from the front, counted from 1, ``Thickness1``, ``SLD1``, ``Absorption1`` and ``Roughness1``, that of
    its front; ``BackSLD``, ``BackAbsorption``, ``BackRoughness``. The value is Scale * R + Background.

    Parameters
    ----------
    n_layers : int
        0 to 100.

    Returns
    -------
    type
        Derived from `mantid.api.IFunction1D`.

    Raises
    ------
    MissingDependencyError
        Where Mantid is not installed.
    InvalidValueError
        For another number of layers.

    Notes
    -----
    Mantid's minimisers know constraints as penalties only. A negative thickness, absorption or resolution that they try
    counts as 0, with the derivative there; the sign of a roughness has no effect.
    """
    try:
        count = operator.index(n_layers)
    except TypeError:
        count = -1
    if not 0 <= count <= MOST_LAYERS:
        message = f"fit_function: n_layers must be an integer from 0 to {MOST_LAYERS}; got {n_layers!r}"
        raise InvalidValueError(message)
    api = host_module("mantid.api", "kiessig.adapters.mantid", INSTALL)
    defaults = _parameters(count)

    class KiessigReflectivity(api.IFunction1D):  # type: ignore[misc, name-defined]
        """Specular reflectivity with analytic derivatives; see `kiessig.adapters.mantid.fit_function`."""

        def category(self) -> str:
            """Return where Mantid's lists show it."""
            return "Reflectometry"

        def init(self) -> None:
            """Declare the parameters."""
            for name, value in defaults.items():
                self.declareParameter(name, value)

        def _evaluation(self, xvals: ArrayLike) -> _Evaluation:
            values = {name: float(self.getParameterValue(name)) for name in defaults}
            return _Evaluation(count, values, np.asarray(xvals, dtype=np.float64))

        def function1D(self, xvals: ArrayLike) -> FloatArray:  # noqa: N802 - Mantid's names
            """Return the model at each x."""
            return np.asarray(reflectivity(**self._evaluation(xvals).arguments), dtype=np.float64)

        def functionDeriv1D(self, xvals: ArrayLike, jacobian: Any) -> None:  # noqa: N802
            """Hand the derivatives at each x to Mantid's Jacobian."""
            columns = self._evaluation(xvals).columns()
            for p, name in enumerate(defaults):
                for i, derivative in enumerate(columns[name].tolist()):
                    jacobian.set(i, p, derivative)

    KiessigReflectivity.__name__ = KiessigReflectivity.__qualname__ = f"KiessigReflectivity{count}"
    return KiessigReflectivity


def register(n_layers: int) -> None:
    """Make the fit function of a number of layers known to Mantid's `Fit` and its interfaces.

    Parameters
    ----------
    n_layers : int
        0 to 100.

    Raises
    ------
    MissingDependencyError, InvalidValueError
        As `fit_function`.

    Examples
    --------
    >>> from kiessig.adapters.mantid import register
    >>> register(2)  # doctest: +SKIP
    >>> Fit("name=KiessigReflectivity2,BackSLD=2.07", InputWorkspace=workspace)  # doctest: +SKIP
    """
    function = fit_function(n_layers)
    host_module("mantid.api", "kiessig.adapters.mantid", INSTALL).FunctionFactory.subscribe(function)
