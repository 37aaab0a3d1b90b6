"""The part of Mantid's Python that a fit function sees, for machines without Mantid.

`mantid.api.IFunction1D`: a framework calls `init`, in which the function declares its parameters; then, as often as a
minimiser wants, `function1D(xvals)`, which returns an array, and `functionDeriv1D(xvals, jacobian)`, which hands every
derivative to `jacobian.set(i_point, i_parameter, value)`, parameters counted in the order of their declaration.
`FunctionFactory.subscribe` takes the class, whose name is the function's.
"""

from __future__ import annotations

import types

import numpy as np


class IFunction1D:
    def __init__(self):
        self._parameters = {}

    def declareParameter(self, name, value, description=""):  # noqa: N802 - Mantid's names
        assert name not in self._parameters
        self._parameters[name] = float(value)

    def getParameterValue(self, name):  # noqa: N802
        return self._parameters[name]

    def setParameter(self, name, value):  # noqa: N802
        assert name in self._parameters, name
        self._parameters[name] = float(value)

    def numParams(self):  # noqa: N802
        return len(self._parameters)

    def parameterName(self, i):  # noqa: N802
        return list(self._parameters)[i]


class Jacobian:
    def __init__(self, n_points, n_parameters):
        self.values = np.full((n_points, n_parameters), np.nan)

    def set(self, i, p, value):
        assert type(value) is float
        self.values[i, p] = value


class _Factory:
    def __init__(self):
        self._classes = {}

    def subscribe(self, function):
        self._classes[function.__name__] = function

    def createFunction(self, name):  # noqa: N802
        function = self._classes[name]()
        function.init()
        return function


def modules():
    """Modules `mantid` and `mantid.api`."""
    package, api = types.ModuleType("mantid"), types.ModuleType("mantid.api")
    api.IFunction1D, api.FunctionFactory = IFunction1D, _Factory()
    package.api = api
    return {"mantid": package, "mantid.api": api}
