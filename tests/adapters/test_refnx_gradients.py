"""Exact derivatives of refnx's objectives, beside differences of refnx's own numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("refnx.reflect", reason="refnx is not installed")

import kiessig.adapters.refnx as adapter
from adapters.refnx_objectives import FWHM, Q, data, film, varied
from kiessig.errors import InvalidValueError

# central differences with two steps, extrapolated: h⁴ of a curve, and the roundoff of refnx's residuals (1e-16 of some
# tens, over steps of 1e-4 of the parameter's own size). What the adapter's own differences add is below 1e-9.
TOLERANCE = 2e-7


def differences(f, x, part=1e-4):
    """Derivatives of f, by Richardson's extrapolation of central differences."""
    columns = []
    for k, value in enumerate(x):
        h = part * (abs(value) or 1.0)

        def slope(step, k=k):
            moved = [np.array(x) for _ in range(2)]
            moved[0][k] -= step
            moved[1][k] += step
            return (np.asarray(f(moved[1])) - np.asarray(f(moved[0]))) / (moved[1][k] - moved[0][k])

        columns.append((4.0 * slope(h / 2) - slope(h)) / 3.0)
    return np.stack(columns, axis=-1)


def assert_same(found, expected, tolerance=TOLERANCE):
    size = np.max(np.abs(expected), axis=0)
    assert np.all(size > 0.0), "a parameter has no effect"
    assert found.shape == expected.shape
    assert np.max(np.abs(found - expected) / size) < tolerance, np.max(np.abs(found - expected) / size, axis=0)


def objective_of(kind="plain", x_err=FWHM, model=None, **settings):
    from refnx.analysis import Objective

    model = model or film(kind)
    measured = data(model, x_err=x_err)
    if x_err is not None and model.dq_type == "pointwise":
        model.dq.setp(vary=False)  # without effect
    return Objective(model, measured, **settings)


def square_root(x, y, y_err=None):
    """A transform that refnx does not know by name."""
    return np.sqrt(y), None if y_err is None else 0.5 * y_err / np.sqrt(y)


def tabulated():
    """Resolution as tabulated probabilities, one kernel per point."""
    offsets = np.linspace(-1.0, 1.0, 11) * FWHM[:, np.newaxis]
    weight = np.exp(-4.0 * np.log(2.0) * (offsets / FWHM[:, np.newaxis]) ** 2)
    from scipy.integrate import simpson

    weight /= simpson(weight, x=offsets, axis=1)[:, np.newaxis]
    return np.stack([Q[:, np.newaxis] + offsets, weight], axis=1)


def cases():
    from refnx.analysis import GlobalObjective, Objective, Parameter, Transform

    def lnsigma():
        objective = objective_of(lnsigma=Parameter(-3.0, "lnsigma"))
        varied((objective.lnsigma, (-6.0, 0.0)))
        return objective

    def shared():
        first, second = film(), film(dq_type="constant")
        varied((first.structure[2].rough, (0.0, 10.0)))
        second.structure[1] = first.structure[1]
        parts = [objective_of(model=first, transform=Transform("logY")), objective_of(model=second)]
        return GlobalObjective(parts, lambdas=[0.5, 2.0])

    def logarithmic_and_lnsigma():
        objective = objective_of(lnsigma=Parameter(-3.0, "lnsigma"), transform=Transform("YX4"))
        varied((objective.lnsigma, (-6.0, 0.0)))
        return objective

    def resolution_kernel():
        model = film()
        model.dq.setp(vary=False)
        measured = data(model, x_err=FWHM)
        measured._x_err = tabulated()  # as a reduction program's dataset carries it
        return Objective(model, measured)

    return {
        "pointwise": objective_of,
        "pointwise, 31 nodes": lambda: objective_of(model=film(quad_order=31)),
        "unsmeared": lambda: objective_of(x_err=np.zeros_like(Q)),
        "mixed": lambda: objective_of("mixed"),
        "graded": lambda: objective_of(model=film(graded=True)),
        "resolution kernel": resolution_kernel,
        "log": lambda: objective_of(transform=Transform("logY")),
        "YX2": lambda: objective_of(transform=Transform("YX2")),
        "own transform": lambda: objective_of(transform=square_root),
        "unweighted": lambda: objective_of(use_weights=False),
        "lnsigma": lnsigma,
        "lnsigma and YX4": logarithmic_and_lnsigma,
        "global": shared,
    }


# refnx's own log grid moves with dq and q_offset in steps, which differences of its numbers see and ours do not
CONSTANT = ("global",)


@pytest.mark.parametrize("name", cases())
def test_jacobian_of_residuals(name):
    objective = cases()[name]()
    x = np.array(objective.varying_parameters())
    if name in CONSTANT:
        for part in objective.objectives:
            for parameter in (part.model.dq, part.model.q_offset):
                parameter.setp(vary=False)
        x = np.array(objective.varying_parameters())
    found = adapter.jac(objective)(x)
    np.testing.assert_array_equal(np.array(objective.varying_parameters()), x)
    assert_same(found, differences(objective.residuals, x))


@pytest.mark.parametrize("target", ["nll", "nlpost"])
@pytest.mark.parametrize(
    "name", ["pointwise", "unsmeared", "mixed", "log", "unweighted", "lnsigma", "lnsigma and YX4", "global"]
)
def test_gradient(name, target):
    from scipy.stats import norm

    objective = cases()[name]()
    parts = getattr(objective, "objectives", [objective])
    for part in parts:
        part.model.dq.setp(vary=False)
        part.model.q_offset.setp(vary=name not in CONSTANT)
        part.logp_extra = lambda model, data: -0.5 * ((model.bkg.value - 1e-7) / 1e-8) ** 2
    thickness = next(p for p in objective.varying_parameters() if p.name.endswith("thick"))
    thickness.bounds = norm(240.0, 5.0)
    x = np.array(objective.varying_parameters())
    x *= 1.0 + 1e-3 * np.random.default_rng(2).standard_normal(x.size)
    found = adapter.grad(objective, target)(x)
    expected = differences(getattr(objective, target), x)
    objective.setp(x)
    # refnx's sums of 70 terms, over steps of 1e-4 of a parameter: what cancels between points is lost
    lost = 1e-6 * np.abs(expected * x).max() / np.abs(x)
    assert np.all(np.abs(found - expected) <= 1e-5 * np.abs(expected) + lost), (found, expected)


def test_constant_dq_differs_from_refnx_by_its_own_grid_only():
    # derivatives by the stack are exact; those by dq and q_offset are of the smearing at fixed nodes
    objective = objective_of(model=film(dq_type="constant"))
    names = [p.name for p in objective.varying_parameters()]
    x = np.array(objective.varying_parameters())
    found, expected = adapter.jac(objective)(x), differences(objective.residuals, x)
    size = np.max(np.abs(expected), axis=0)
    error = np.max(np.abs(found - expected) / size, axis=0)
    moves_the_grid = np.array(["dq" in name or "q_offset" in name for name in names])
    assert moves_the_grid.sum() == 2
    assert np.all(error[~moves_the_grid] < TOLERANCE)
    # the number of the grid's points is rounded: refnx's curve jumps where that changes, by a few 1e-4 of R, which is
    # seen less the wider the step
    wide = differences(objective.residuals, x, part=0.1)
    error = np.max(np.abs(found - wide) / size, axis=0)
    assert np.all(error[moves_the_grid] < 0.05), error


def test_what_is_not_exact_falls_back(monkeypatch):
    from refnx.analysis import Objective
    from refnx.reflect import ReflectModel

    class Own(ReflectModel):
        def model(self, x, p=None, x_err=None):
            return 1.5 * super().model(x, p, x_err)

    base = film()
    model = Own(base.structure, scale=base.scale, bkg=base.bkg, dq=base.dq, q_offset=base.q_offset)
    model.dq.setp(vary=False)
    objective = Objective(model, data(model))
    x = np.array(objective.varying_parameters())
    assert_same(adapter.jac(objective)(x), differences(objective.residuals, x), 1e-5)


def test_a_value_at_its_bound():
    objective = objective_of()
    model = objective.model
    model.structure[1].rough.setp(value=0.0)
    model.structure[-1].rough.setp(value=8.0)
    x = np.array(objective.varying_parameters())
    evaluated = []
    own = model.structure.slabs
    model.structure.slabs = lambda *a, **k: evaluated.append(np.array(objective.varying_parameters())) or own(*a, **k)
    found = adapter.jac(objective)(x)
    lower = np.array([p.bounds.lb for p in objective.varying_parameters()])
    upper = np.array([p.bounds.ub for p in objective.varying_parameters()])
    assert len(evaluated) > x.size
    assert np.all(lower <= np.array(evaluated))
    assert np.all(np.array(evaluated) <= upper)
    del model.structure.slabs
    inside = [k for k in range(x.size) if lower[k] < x[k] < upper[k]]
    expected = differences(objective.residuals, x)
    assert_same(found[:, inside], expected[:, inside])
    # at 0 the derivative by a roughness is 0
    zero = next(k for k in range(x.size) if x[k] == 0.0)
    np.testing.assert_array_equal(found[:, zero], 0.0)


@pytest.mark.parametrize("method", ["least_squares", "L-BFGS-B"])
def test_curve_fitter(method):
    from refnx.analysis import CurveFitter, Transform

    objective = objective_of(transform=Transform("logY"))
    true = np.array(objective.varying_parameters())
    objective.setp(true * np.where(np.abs(true) > 1e-3, 1.005, 1.0))
    start = objective.chisqr()
    calls = []
    derivative = adapter.jac(objective) if method == "least_squares" else adapter.grad(objective)

    def counted(x):
        calls.append(1)
        return derivative(x)

    keywords = {} if method == "least_squares" else {"options": {"maxiter": 200}, "verbose": False}
    with warnings.catch_warnings(), adapter.backend():
        warnings.simplefilter("ignore")
        result = CurveFitter(objective).fit(method, jac=counted, **keywords)
    assert calls
    assert objective.chisqr() < 0.2 * start
    if method == "least_squares":
        # noise of 2 % under error bars of 3 %: chi² is 4/9 of its number of points
        assert 0.2 < objective.chisqr() / Q.size < 0.8
        assert result.success


def test_refuses():
    objective = objective_of()
    with pytest.raises(InvalidValueError, match=r"grad: target must be 'nll' or 'nlpost'; got 'chi2'"):
        adapter.grad(objective, "chi2")
    with pytest.raises(InvalidValueError, match=r"jac: objective must have residuals; got int"):
        adapter.jac(3)
    with pytest.raises(InvalidValueError, match=r"x must hold the 8 varying parameters; got shape \(3,\)"):
        adapter.jac(objective)(np.zeros(3))
