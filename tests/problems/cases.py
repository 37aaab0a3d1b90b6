"""Problems that several files test."""

from __future__ import annotations

import numpy as np
import pytest

import kiessig as ks

Q = np.geomspace(0.008, 0.2, 40)


class Extended(ks.Sample):
    """A sample whose cells repeat, or whose media are magnetic."""

    __slots__ = ("extra",)

    @classmethod
    def of(cls, layers, **extra):
        sample = cls(layers)
        sample.extra = extra
        return sample

    def slab_expressions(self):
        return super().slab_expressions()._replace(**self.extra)

    @property
    def parameters(self):
        found = super().parameters
        for items in self.extra.values():
            found += [item for item in items if isinstance(item, ks.Parameter) and item not in found]
        return found


def parameter(value, name, bounds=None):
    return ks.Parameter(value, bounds, name=name)


def film_layers():
    return [
        ks.Layer(sld=0.0),
        ks.Layer(parameter(120.0, "thickness"), sld=parameter(4.0, "sld"), roughness=parameter(6.0, "roughness")),
        ks.Layer(15.0, sld=3.47, roughness=3.0),
        ks.Layer(sld=2.07, roughness=parameter(4.0, "substrate roughness")),
    ]


def film_data(*, smeared=False, counts=None, seed=0, q=Q):
    """Data a few per cent from a film like that of `film_layers`, or its counts."""
    rng = np.random.default_rng(seed)
    dq = 0.02 * q if smeared else None
    slabs = ([118.0, 15.0], [0.0, 4.1, 3.47, 2.07], 0.0, [5.0, 3.0, 4.0])
    r = ks.reflectivity(q, *slabs, background=1e-6, dq=dq)
    if counts is not None:
        return ks.Dataset.from_counts(q, rng.poisson(r * counts), counts, dq=dq)
    return ks.Dataset(q, r * (1 + 0.05 * rng.standard_normal(q.size)), dr=0.05 * r, dq=dq)


def assert_derivatives(problem, *, step=1e-6, tolerance=1e-5, x=None):
    """The Jacobian against central differences, the gradient against the Jacobian."""
    x = problem.x if x is None else x
    h = step * np.maximum(1e-2, np.abs(x))
    residuals = problem.residuals(np.concatenate([x + np.diag(h), x - np.diag(h)]))
    differences = ((residuals[: x.size] - residuals[x.size :]) / (2 * h)[:, np.newaxis]).T
    found, jacobian = problem.residuals_and_jacobian(x)
    scale = np.abs(jacobian).max(axis=0)
    assert (scale > 0).all()
    np.testing.assert_allclose(jacobian / scale, differences / scale, atol=tolerance)
    value, gradient = problem.value_and_gradient(x)
    assert value == pytest.approx(found @ found, rel=1e-12)
    # two orders of summation; relative to the largest entry of each column's products
    size = np.abs(2 * jacobian * found[:, np.newaxis]).sum(axis=0)
    np.testing.assert_allclose(gradient / size, 2 * jacobian.T @ found / size, atol=1e-12)
