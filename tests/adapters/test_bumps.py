"""Exact Jacobians of bumps problems and the fitter on them, beside differences of the programs' own residuals."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("refl1d.experiment", reason="refl1d is not installed")
    from bumps import fitters
    from bumps.curve import Curve
    from bumps.fitproblem import FitProblem
    from refl1d import backends, names

import kiessig.adapters.bumps as adapter
from adapters.refl1d_problems import problem
from kiessig.adapters.refl1d import experiments
from kiessig.errors import InvalidValueError

# central differences with two steps, extrapolated: roundoff of refl1d's residuals (1e-14 of some tens) over steps of
# 1e-4 of a parameter, and h⁴ of curves with some fringes
TOLERANCE = 1e-6


def differences(fit, x):
    columns = []
    for k, value in enumerate(x):
        h = 1e-4 * (abs(value) or 1.0)

        def slope(step, k=k):
            moved = [np.array(x) for _ in range(2)]
            moved[0][k] -= step
            moved[1][k] += step
            rows = []
            for point in moved:
                fit.setp(point)
                rows.append(np.concatenate([np.ravel(fit.residuals()), np.ravel(fit.parameter_residuals())]))
            return (rows[1] - rows[0]) / (moved[1][k] - moved[0][k])

        columns.append((4.0 * slope(h / 2) - slope(h)) / 3.0)
    fit.setp(x)
    return np.stack(columns, axis=1)


def quiet(**settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return problem(**settings)


def moved(fit):
    """A point away from the one that the data were simulated at."""
    rng = np.random.default_rng(7)
    lower, upper = (np.asarray(bound) for bound in fit.bounds())
    x = np.asarray(fit.getp()) * (1.0 + 5e-3 * rng.standard_normal(len(lower)))
    margin = np.where(np.isfinite(upper - lower), 1e-3 * (upper - lower), 0.0)
    return np.clip(x, lower + margin, upper - margin)


def assert_jacobian(fit, tolerance=TOLERANCE):
    x = moved(fit)
    before = backends.backend
    value, jacobian = adapter.residuals_and_jacobian(fit, x)
    assert backends.backend is before
    np.testing.assert_array_equal(fit.getp(), x)
    expected = differences(fit, x)
    own = np.concatenate([np.ravel(fit.residuals()), np.ravel(fit.parameter_residuals())])
    np.testing.assert_allclose(value[:-1], own, rtol=0, atol=1e-7)
    assert value[-1] == 0.0
    size = np.max(np.abs(expected), axis=0)
    assert np.all(size > 0.0), "a parameter has no effect"
    error = np.max(np.abs(jacobian[:-1] - expected) / size, axis=0)
    assert np.all(error < tolerance), error


GUISES = {
    "plain": {},
    "oversampled": {"oversampling": 10},
    "angles": {"angles": True},
    "graded": {"graded": True},
    "from the back": {"back": True},
    "mixed": {"mixed": False},
    "coherent": {"mixed": True},
    "polarised": {"polarised": True},
    "magnetic": {"magnetic": True, "polarised": True},
    "in a field": {"magnetic": True, "polarised": True, "field": 0.7},
    "magnetic, unpolarised": {"magnetic": True},
}


@pytest.fixture
def straightened(monkeypatch):
    """How often an experiment was straightened, and how often it could not be."""
    counts = {"yes": 0, "no": 0}
    own = experiments.StraightExperiment.__init__

    def counted(self, experiment):
        try:
            own(self, experiment)
        except experiments.NotStraight:
            counts["no"] += 1
            raise
        counts["yes"] += 1

    monkeypatch.setattr(experiments.StraightExperiment, "__init__", counted)
    return counts


@pytest.mark.parametrize("name", [name for name in GUISES if name != "magnetic, unpolarised"])
def test_jacobian(name, straightened):
    assert_jacobian(quiet(**GUISES[name]))
    assert straightened == {"yes": 1, "no": 0}


def test_several_models_priors_and_expressions(straightened):
    first, second = quiet(), quiet(oversampling=5)
    one, two = next(iter(first.models)), next(iter(second.models))
    two.sample[2].thickness = one.sample[2].thickness  # shared
    one.sample[1].thickness.fixed = True
    one.sample[1].interface.equals(one.sample[2].thickness / 50.0)  # follows another
    one.sample[2].thickness.pm(20.0)
    one.sample[0].interface.dev(0.5, mean=3.2)  # a normal prior
    fit = FitProblem([one, two], weights=[0.5, 2.0])
    assert_jacobian(fit)
    assert straightened == {"yes": 2, "no": 0}


def test_free_variables(straightened):
    from bumps.parameter import FreeVariables

    first, second = next(iter(quiet().models)), next(iter(quiet().models))
    second.sample = first.sample
    thickness = first.sample[2].thickness
    thickness.fixed = True
    free = FreeVariables(names=["a", "b"], thickness=thickness)
    free.thickness.range(200.0, 300.0)
    free.thickness.values = [250.0, 240.0]
    first.probe.intensity.fixed = second.probe.intensity.fixed = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = FitProblem([first, second], freevars=free)
    assert len([p for p in fit.labels() if "thickness" in p]) >= 2
    x = moved(fit)
    fit.setp(x)
    if not np.array_equal(fit.getp(), x):
        pytest.skip("this bumps does not keep free variables that are set")
    assert_jacobian(fit)
    assert straightened == {"yes": 2, "no": 0}


def test_models_of_another_kind(straightened):
    x = np.linspace(0.0, 1.0, 20)

    def line(x, a=1.0, b=0.5):
        return np.exp(-a * x) + b

    curve = Curve(line, x, line(x) + 0.01, 0.02)
    curve.a.range(0.0, 3.0)
    curve.b.range(0.0, 2.0)
    fit = FitProblem([curve, next(iter(quiet().models))])
    assert_jacobian(fit)
    assert straightened == {"yes": 1, "no": 1}


def test_own_experiments_fall_back(straightened):
    class Own(names.Experiment):
        def reflectivity(self, *args, **keywords):
            q, r = super().reflectivity(*args, **keywords)
            return q, 1.5 * r

    base = next(iter(quiet().models))
    fit = FitProblem(Own(sample=base.sample, probe=base.probe, dz=5.0))
    assert_jacobian(fit)
    assert straightened == {"yes": 0, "no": 1}


def test_a_model_that_knows_its_jacobian():
    class Line:
        name = "line"

        def __init__(self):
            self.slope = names.Parameter(2.0, name="slope", bounds=(0.0, 5.0))
            self.slope.fixed = False

        def parameters(self):
            return [self.slope]

        def update(self):
            pass

        def numpoints(self):
            return 3

        def residuals(self):
            return np.array([1.0, 2.0, 3.0]) * self.slope.value - 1.0

        def residual_jacobian(self, parameters):
            assert parameters == [self.slope]
            return np.array([[10.0], [20.0], [30.0]])  # wrong on purpose

        def nllf(self):
            return 0.5 * float(self.residuals() @ self.residuals())

    _, jacobian = adapter.residuals_and_jacobian(FitProblem(Line(), weights=[3.0]), [2.0])
    np.testing.assert_array_equal(jacobian[:3], [[30.0], [60.0], [90.0]])


def test_slabs_whose_number_changes():
    # microslabs of the interfaces: another number of them at some of the points
    base = next(iter(quiet().models))
    experiment = names.Experiment(sample=base.sample, probe=base.probe, dz=4.0, step_interfaces=True)
    fit = FitProblem(experiment)
    value, jacobian = adapter.residuals_and_jacobian(fit, moved(fit))
    assert np.all(np.isfinite(value))
    assert np.all(np.isfinite(jacobian))


@pytest.fixture
def registered():
    known = [list(array) for array in (fitters.FITTERS, fitters.FIT_AVAILABLE_IDS, fitters.FIT_ACTIVE_IDS)]
    adapter.register()
    adapter.register()
    yield
    for array, before in zip((fitters.FITTERS, fitters.FIT_AVAILABLE_IDS, fitters.FIT_ACTIVE_IDS), known, strict=True):
        array[:] = before


@pytest.mark.usefixtures("registered")
def test_fit_by_name():
    fit = quiet(oversampling=5)
    true = np.array(fit.getp())
    start = moved(fit)
    fit.setp(start)
    before = fit.nllf()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fitters.fit(fit, method="kiessig", steps=60)
    assert result.fun < 0.3 * before
    assert result.fun <= fit_with("lm", start) * (1.0 + 1e-6)
    # statistical errors from the exact Jacobian: the true values are within five of them
    assert np.all(np.abs(result.x - true) <= 5.0 * result.dx)


def fit_with(method, start):
    fit = quiet(oversampling=5)
    fit.setp(start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitters.fit(fit, method=method).fun


class Monitors:
    """What bumps hands to a fitter."""

    def __init__(self, stop_at=None):
        self.values, self.stop_at = [], stop_at

    def __call__(self, step, point, value, **_):
        assert step == len(self.values)
        self.values.append(value)

    def stopping(self):
        return self.stop_at is not None and len(self.values) > self.stop_at


def solve(fit, stop_at=None, **options):
    monitors = Monitors(stop_at)
    fitter = adapter.GradFit(fit)
    x, value = fitter.solve(monitors, **options)
    return x, value, monitors.values, fitter


def test_monitors_and_stopping():
    fit = quiet()
    fit.setp(moved(fit))
    _, value, values, fitter = solve(fit)
    assert values == sorted(values, reverse=True)
    assert value == pytest.approx(values[-1], rel=1e-6)
    assert fitter.cov().shape == (len(fit.getp()),) * 2
    fit.setp(moved(fit))
    _, value, values, _ = solve(fit, stop_at=2)
    assert len(values) == 3
    assert value <= values[-1] * (1.0 + 1e-12)
    fit.setp(moved(fit))
    _, _, values, _ = solve(fit, steps=1)
    assert len(values) == 2


def test_bounds_and_constraints():
    fit = quiet()
    experiment = next(iter(fit.models))
    thickness = experiment.sample[2].thickness
    thickness.range(252.0, 300.0)  # the data were made with 250
    thickness.value = 255.0
    fit = FitProblem(experiment)
    x, value, _, _ = solve(fit)
    lower, upper = (np.asarray(bound) for bound in fit.bounds())
    assert np.all((lower <= x) & (x <= upper))
    assert thickness.value == pytest.approx(252.0, abs=1e-3)
    assert np.isfinite(value)

    thickness.range(200.0, 300.0)
    thickness.value = 255.0
    constrained = FitProblem(experiment, constraints=[thickness > 253.0])
    x, value, _, _ = solve(constrained)
    assert value < constrained.penalty_nllf  # no constraint is broken
    assert thickness.value >= 253.0
    assert not constrained.constraints_nllf()[1]


def test_a_broken_constraint_is_a_residual():
    experiment = next(iter(quiet().models))
    thickness = experiment.sample[2].thickness
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bumps's, of the constraint
        fit = FitProblem(experiment, constraints=[thickness > 253.0])
    value, jacobian = adapter.residuals_and_jacobian(fit, fit.getp())
    cost = fit.constraints_nllf()[0]  # 3 angstrom from the bound: their square, or in newer bumps that squared again
    assert cost in (9.0, 81.0)
    assert value[-1] ** 2 / 2.0 == pytest.approx(cost)
    k = [parameter is thickness for parameter in fit.parameters].index(True)
    slope = np.sqrt(2.0) if cost == 9.0 else np.sqrt(2.0) * 2.0 * 3.0
    assert jacobian[-1, k] == pytest.approx(-slope, rel=1e-6)
    assert np.count_nonzero(jacobian[-1]) == 1


def test_refuses():
    fit = quiet()
    with pytest.raises(InvalidValueError, match=r"p must hold the 8 parameters; got shape \(2,\)"):
        adapter.residuals_and_jacobian(fit, [1.0, 2.0])


def test_without_bumps():
    script = """
import sys
sys.modules["bumps"] = None
import kiessig.adapters.bumps as adapter
try:
    adapter.register()
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("kiessig.adapters.bumps: bumps.fitters cannot be imported")
