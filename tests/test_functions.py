"""Functions of parameters: values, derivatives, conditions, arrays and traced functions."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading

import mpmath
import numpy as np
import pytest
import scipy.special

import kiessig as ks
from kiessig import _core, functions
from kiessig.errors import InvalidValueError, RecordingError
from kiessig.parameters import Condition, Expression, Parameter, record, require_defined, trace

# name: (mpmath's, an interval of arguments)
UNARY = {
    "exp": (mpmath.exp, (-3.0, 3.0)),
    "log": (mpmath.log, (0.1, 5.0)),
    "sqrt": (mpmath.sqrt, (0.1, 5.0)),
    "sin": (mpmath.sin, (-3.0, 3.0)),
    "cos": (mpmath.cos, (-3.0, 3.0)),
    "tan": (mpmath.tan, (-1.4, 1.4)),
    "arcsin": (mpmath.asin, (-0.9, 0.9)),
    "arccos": (mpmath.acos, (-0.9, 0.9)),
    "arctan": (mpmath.atan, (-3.0, 3.0)),
    "sinh": (mpmath.sinh, (-3.0, 3.0)),
    "cosh": (mpmath.cosh, (-3.0, 3.0)),
    "tanh": (mpmath.tanh, (-3.0, 3.0)),
    "erf": (mpmath.erf, (-3.0, 3.0)),
    "absolute": (abs, (-3.0, -0.1)),
}


def tape(outputs, inputs):
    return _core.Tape(*record(outputs, inputs))


def values_and_jacobian(outputs, inputs):
    return tape(outputs, inputs).jacobian(np.array([item.value for item in inputs]))


@pytest.mark.parametrize("name", UNARY)
def test_functions_and_their_derivatives_follow_mpmath(name):
    exact, interval = UNARY[name]
    rng = np.random.default_rng(5)
    p = Parameter(1.0, name="p")
    function = getattr(functions, name)
    expression = function(p)
    assert str(expression) == f"{name}(p)"
    replay = tape([expression], [p])
    for x in rng.uniform(*interval, 20):
        p.value = x
        # a few roundings; near zeros those of the argument, of order 1
        assert expression.value == pytest.approx(float(exact(x)), rel=1e-14, abs=1e-15)
        assert function(float(x)) == expression.value
        value, slope = replay.jacobian(np.array([x]))
        with mpmath.workdps(40):
            first, second = (float(mpmath.diff(exact, mpmath.mpf(x), n)) for n in (1, 2))
        assert value[0] == pytest.approx(expression.value, rel=1e-15)
        assert slope[0, 0] == pytest.approx(first, rel=1e-13, abs=1e-15)
        bend = replay.hessian(np.array([x]), np.ones(1))[0, 0]
        assert bend == pytest.approx(second, rel=1e-12, abs=1e-14)


def test_second_derivatives_follow_mpmath():
    a, b, c = (Parameter(value, name=name) for value, name in ((1.3, "a"), (0.7, "b"), (2.1, "c")))
    inputs = [a, b, c]

    def build(a, b, c, exp, sin, log):
        return [exp(a * b) / c + a**b, sin(c / a) * b**3 - log(a + c) ** 2, a / (b * c)]

    weights = np.array([0.7, -1.9, 0.4])
    hessian = tape(build(a, b, c, functions.exp, functions.sin, functions.log), inputs).hessian(
        np.array([1.3, 0.7, 2.1]), weights
    )
    with mpmath.workdps(40):

        def total(*x):
            outputs = build(*x, mpmath.exp, mpmath.sin, mpmath.log)
            return sum(w * y for w, y in zip(weights.tolist(), outputs, strict=True))

        for i, j in itertools.product(range(3), range(3)):
            order = [int(k == i) + int(k == j) for k in range(3)]
            exact = mpmath.diff(total, (mpmath.mpf(1.3), mpmath.mpf(0.7), mpmath.mpf(2.1)), tuple(order))
            # ten operations, sums of terms of order 10
            assert hessian[i, j] == pytest.approx(float(exact), rel=1e-12)


def test_batches_are_rows():
    rng = np.random.default_rng(8)
    inputs = [Parameter(1.0, name=f"p{i}") for i in range(4)]
    a, b, c, d = inputs
    outputs = [functions.exp(a) * b, functions.where(c > d, functions.sqrt(c), d**2), 3.0, functions.maximum(a, b) / d]
    replay = tape(outputs, inputs)
    x = rng.uniform(0.5, 2.0, (3, 5, 4))
    weights = rng.normal(size=4)
    values, jacobian = replay.jacobian(x)
    hessian = replay.hessian(x, weights)
    each = rng.normal(size=(3, 5, 4))
    hessians = replay.hessian(x, each)
    assert values.shape == (3, 5, 4)
    assert jacobian.shape == (3, 5, 4, 4)
    assert hessian.shape == (3, 5, 4, 4)
    np.testing.assert_array_equal(replay.values(x), values)
    for place in np.ndindex(3, 5):
        y, slopes = replay.jacobian(x[place])
        # one row and eight are different loops, which a compiler may contract differently
        np.testing.assert_allclose(values[place], y, rtol=1e-15)
        np.testing.assert_allclose(jacobian[place], slopes, rtol=1e-14)
        np.testing.assert_array_equal(hessian[place], replay.hessian(x[place], weights))
        np.testing.assert_array_equal(hessians[place], replay.hessian(x[place], each[place]))
    assert replay.values(np.empty((0, 4))).shape == (0, 4)
    with pytest.raises(ValueError, match=r"x must have shape \(\.\.\., 4\); its last length is 3"):
        replay.values(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"weights must have shape"):
        replay.hessian(x, np.ones(3))


def test_threads_on_one_tape_give_what_one_gives():
    rng = np.random.default_rng(9)
    inputs = [Parameter(1.0) for _ in range(6)]
    outputs = [functions.exp(a * b) + functions.erf(a / (b + 1.0)) for a in inputs for b in inputs]
    replay = tape(outputs, inputs)
    points = rng.uniform(0.5, 1.5, (40, 6))
    weights = np.ones(36)

    def run():
        return [(*replay.jacobian(x), replay.hessian(x, weights), *replay.jacobian(points)) for x in points]

    expected = run()
    results = [None] * 4

    def fill(place):
        results[place] = run()

    threads = [threading.Thread(target=fill, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        for found, wanted in zip(result, expected, strict=True):
            for one, other in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(one, other)


def test_a_chain_of_thousands_of_steps():
    p, q = Parameter(0.3, name="p"), Parameter(1e-3, name="q")
    chain = p
    for _ in range(2500):
        chain = functions.sin(chain) + q
    values, jacobian = values_and_jacobian([chain], [p, q])
    x, by_p, by_q = 0.3, 1.0, 0.0
    for _ in range(2500):
        slope = math.cos(x)
        x, by_p, by_q = math.sin(x) + 1e-3, slope * by_p, slope * by_q + 1.0
    assert chain.value == pytest.approx(x, rel=1e-12)  # 2500 contracting steps
    assert values[0] == pytest.approx(x, rel=1e-12)
    np.testing.assert_allclose(jacobian[0], [by_p, by_q], rtol=1e-10)
    # second derivatives of a chain: differences of the first ones, whose error is 1e-12 / 2e-6 and (1e-6)^2
    replay = tape([chain], [p, q])
    centre, steps = np.array([0.3, 1e-3]), np.diag([1e-6, 1e-9])
    rows = [(replay.jacobian(centre + s)[1][0] - replay.jacobian(centre - s)[1][0]) / (2 * s.sum()) for s in steps]
    np.testing.assert_allclose(replay.hessian(centre, np.ones(1)), rows, rtol=1e-4, atol=1e-8)


def test_kinks_have_the_stated_derivatives():
    a, b = Parameter(2.0, name="a"), Parameter(2.0, name="b")
    outputs = [functions.minimum(a, b), functions.maximum(a, b), abs(a - b), functions.clip(a, 2.0, 5.0)]
    values, jacobian = values_and_jacobian(outputs, [a, b])
    assert values.tolist() == [2.0, 2.0, 0.0, 2.0]
    assert jacobian.tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0], [0.5, 0.0]]
    b.value = 3.0
    values, jacobian = values_and_jacobian(outputs, [a, b])
    assert values.tolist() == [2.0, 3.0, 1.0, 2.0]
    assert jacobian.tolist() == [[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [0.5, 0.0]]


def test_where_follows_its_condition_and_hides_the_other_branch():
    x, limit = Parameter(4.0, name="x"), Parameter(0.0, name="limit")
    root = functions.where(x > limit, functions.sqrt(x), functions.log(-x) * limit)
    replay = tape([root], [x, limit])
    assert str(root) == "where(limit < x, sqrt(x), log(-x) * limit)"
    assert root.value == 2.0
    assert replay.jacobian(np.array([4.0, 0.0]))[1].tolist() == [[0.25, 0.0]]
    x.value = -math.e
    assert root.value == 0.0
    np.testing.assert_allclose(replay.jacobian(np.array([-math.e, 0.0]))[1], [[0.0, 1.0]], atol=1e-16)
    x.value = 0.0  # log(-0) is taken, and has no value
    with pytest.raises(InvalidValueError, match=r"log of -0\.0 in log\(-x\)\nat x = 0\.0"):
        _ = root.value
    nested = functions.where(x > 0, functions.where(limit < 0, 1.0, 2.0), 3.0)
    assert nested.value == 3.0
    x.value = 1.0
    assert nested.value == 2.0


def test_conditions_combine():
    a, b = Parameter(1.0, name="a"), Parameter(2.0, name="b")
    cases = {
        "a < b": a < b,
        "b < a": a > b,
        "a <= 1": a <= 1,
        "2 <= a": a >= 2,
        "(a < b) & (b <= 2)": (a < b) & (b <= 2),
        "(b < a) | (2 < b)": (a > b) | (b > 2),
        "~(a < b)": ~(a < b),
        "a == 1": functions.equal(a, 1),
    }
    holds = [True, False, True, False, True, False, False, True]
    for (text, condition), expected in zip(cases.items(), holds, strict=True):
        assert isinstance(condition, Condition)
        assert str(condition) == text
        chosen = functions.where(condition, 1.0, 0.0)
        assert chosen.value == expected, text
        values, jacobian = values_and_jacobian([chosen], [a, b])
        assert values[0] == expected
        assert not jacobian.any()
    assert functions.where((a < b) & True, 1.0, 0.0).value == 1.0
    assert functions.where(False | (a < b), a, b).value == 1.0
    assert functions.where(True, a, b) is a
    assert functions.where(np.bool_(False), 1, 2) == 2.0
    with pytest.raises(InvalidValueError, match=r"condition must be a comparison of expressions or a bool; got 1"):
        functions.where(1, a, b)
    with pytest.raises(TypeError):
        _ = (a < b) & 1


def test_numpy_functions_are_functions_of_expressions():
    p, q = Parameter(0.4, name="p"), Parameter(0.9, name="q")
    for name in set(UNARY) - {"erf"}:
        numpys = getattr(np, name)
        assert str(numpys(p)) == f"{name}(p)"
        if name != "absolute":
            assert [str(item) for item in numpys(np.array([p, q]))] == [f"{name}(p)", f"{name}(q)"]
        else:
            assert [str(item) for item in numpys(np.array([p, q]))] == ["absolute(p)", "absolute(q)"]
    assert str(scipy.special.erf(p)) == "erf(p)"
    assert str(np.minimum(p, 2)) == "minimum(p, 2)"
    assert str(np.maximum(np.float64(2), p)) == "maximum(2, p)"
    for numpys, x, y in ((np.hypot, 0.4, 0.9), (np.add, 0.4, 0.9), (np.power, 0.4, 0.9), (np.divide, 0.4, 0.9)):
        assert numpys(p, q).value == pytest.approx(numpys(x, y), rel=1e-15)
    for numpys in (np.square, np.reciprocal, np.log10, np.log2, np.degrees, np.deg2rad, np.negative):
        assert numpys(p).value == pytest.approx(numpys(0.4), rel=1e-15)
    assert isinstance(np.less(p, 1.0), Condition)
    assert isinstance(np.float64(1.0) < p, Condition)
    assert p != np.float64(0.4)
    assert np.float64(0.4) != p
    for call in (lambda: np.arctan2(p, q), lambda: np.add.reduce(p), lambda: np.exp(p, where=False)):
        with pytest.raises(RecordingError, match=r"numpy\.\S+ .*knows no expressions|numpy\.add\.reduce"):
            call()


def test_arrays_of_expressions():
    p, q = Parameter(0.4, name="p"), Parameter(0.9, name="q")
    both, x = np.array([p, q]), np.array([0.4, 0.9])
    weights = np.array([1.5, -2.0])

    def floats(array):
        return np.asarray(array, dtype=float)

    np.testing.assert_array_equal(floats(weights * p), weights * 0.4)
    np.testing.assert_array_equal(floats(p - weights), 0.4 - weights)
    np.testing.assert_array_equal(floats(weights / both), weights / x)
    np.testing.assert_array_equal(floats(functions.exp([p, 1.0])), np.exp([0.4, 1.0]))
    np.testing.assert_array_equal(floats(functions.where([p > 0.5, q > 0.5], both, 0.0)), [0.0, 0.9])
    np.testing.assert_allclose(float(np.sum(both * both)), (x * x).sum(), rtol=1e-15)
    np.testing.assert_allclose(float(np.dot(both, weights)), x @ weights, rtol=1e-15)
    np.testing.assert_allclose(float(np.std(both)), x.std(), rtol=1e-15)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # before, linspace asks what type its ends have
        np.testing.assert_allclose(floats(np.linspace(0.0, p, 4)), np.linspace(0.0, 0.4, 4), rtol=1e-15)
    assert isinstance(np.array(2.0) * p, Expression)
    assert (both == p).tolist() == [True, False]
    with pytest.raises(TypeError, match="truth value"):
        np.max(both)


def test_numbers_give_numbers():
    assert functions.exp(0) == 1.0
    assert type(functions.minimum(np.int64(1), 2)) is float
    assert functions.clip(3, None, 2) == 2.0
    with pytest.raises(InvalidValueError, match=r"functions\.log: value must be finite; log of -1\.0"):
        functions.log(-1)
    with pytest.raises(InvalidValueError, match=r"functions\.exp: argument 1 must be finite"):
        functions.exp(math.inf)
    with pytest.raises(InvalidValueError, match=r"functions\.erf: argument 1 must be a real number, Parameter or Expr"):
        functions.erf("1")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda a, b: functions.log(a - b),
            r"finite; log of -1\.0 in log\(a - b\)\nat a = 1\.0, b = 2\.0",
        ),
        (lambda a, b: functions.sqrt(a - b) + 1, r"value must be finite; sqrt of -1\.0 in sqrt\(a - b\)"),
        (lambda a, b: functions.arcsin(b), r"value must be finite; arcsin of 2\.0 in arcsin\(b\)\nat b = 2\.0"),
        (lambda a, b: functions.exp(b * 1000), r"value must be finite; overflow in exp\(b \* 1000\)"),
        (
            lambda a, b: 3 * functions.sqrt(b - 2 * a) + b,
            r"derivative must be finite; that of sqrt\(b - 2 \* a\) by a is -inf\nat b = 2\.0, a = 1\.0",
        ),
        (lambda a, b: (a - 1) ** 0.5, r"derivative must be finite; that of \(a - 1\) \*\* 0\.5 by a is inf"),
        (
            lambda a, b: (-a) ** b,
            r"that of \(-a\) \*\* b by b is nan\nat a = 1\.0, b = 2\.0",
        ),
    ],
)
def test_what_has_no_value_or_derivative_is_named(build, message):
    a, b = Parameter(5.0, name="a"), Parameter(7.0, name="b")
    x = np.array([1.0, 2.0])  # not the present values
    output = build(a, b)
    values, jacobian = tape([output], [a, b]).jacobian(x)
    assert not (np.isfinite(values).all() and np.isfinite(jacobian).all())
    with pytest.raises(InvalidValueError, match=message):
        require_defined([a + b, output], [a, b], x, lambda recording: _core.Tape(*recording).jacobian(x)[1])
    assert (a.value, b.value) == (5.0, 7.0)


def test_a_traced_function_is_what_it_is_with_numbers():
    def profile(thickness, roughness, n, np):
        z = np.linspace(-1.0, 1.0, n) * thickness
        shape = np.tanh(z / roughness) * np.exp(-z / 50.0)
        total = sum(value**2 for value in shape)
        return {"shape": shape, "norm": [np.sqrt(total), (thickness / total, 3.0)]}

    thickness, roughness = Parameter(20.0, name="thickness"), Parameter(6.0, name="roughness")
    calls = []

    def counted(*arguments, **keywords):
        calls.append(arguments)
        return profile(*arguments, **keywords)

    traced = trace(counted, thickness, roughness, 7, np=np)
    outputs = [*traced["shape"], traced["norm"][0], *traced["norm"][1]]
    replay = tape(outputs, [thickness, roughness])
    for x in np.random.default_rng(3).uniform(5.0, 30.0, (5, 2)):
        plain = profile(*x.tolist(), 7, np=np)
        expected = [*plain["shape"], plain["norm"][0], *plain["norm"][1]]
        # a score of operations, sums of positive terms
        np.testing.assert_allclose(replay.values(x), expected, rtol=1e-14, atol=1e-15)
    assert len(calls) == 1


def test_a_traced_function_shapes_a_fit():
    film = Parameter(110.0, bounds=(90, 130), name="film")
    share = Parameter(0.3, bounds=(0.05, 0.9), name="share")

    def layers(total, fraction):
        return total * functions.sqrt(fraction), total * (1.0 - functions.sqrt(fraction))

    first, second = trace(layers, film, share)
    sample = ks.Layer(sld=0) | ks.Layer(first, sld=3.0) | ks.Layer(second, sld=5.0) | ks.Layer(sld=2.07)
    q = np.linspace(0.01, 0.3, 60)
    r = ks.reflectivity(q, [60.0, 60.0], [0.0, 3.0, 5.0, 2.07])
    result = ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.01 * r), sample)).fit(progress=False)
    assert result.values["film"] == pytest.approx(120.0, abs=1e-4)
    assert result.values["share"] == pytest.approx(0.25, abs=1e-4)


def test_a_problem_names_what_is_undefined_at_a_point_and_marks_it_in_a_batch():
    width = Parameter(4.0, bounds=(-1, 9), name="width")
    sample = ks.Layer(sld=0) | ks.Layer(50.0 * functions.sqrt(width), sld=4.0) | ks.Layer(sld=2.07)
    q = np.linspace(0.01, 0.3, 20)
    r = ks.reflectivity(q, [100.0], [0.0, 4.0, 2.07])
    problem = ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.01 * r), sample))
    undefined = r"^Expression: value must be finite; sqrt of -0\.5 in sqrt\(width\)\nat width = -0\.5$"
    infinite = r"^Expression: derivative must be finite; that of sqrt\(width\) by width is inf\nat width = 0$"
    for method in (problem.residuals, problem.residuals_and_jacobian, problem.value_and_gradient):
        with pytest.raises(InvalidValueError, match=undefined):
            method(np.array([-0.5]))
    assert np.isfinite(problem.residuals(np.array([0.0]))).all()
    for method in (problem.residuals_and_jacobian, problem.value_and_gradient):
        with pytest.raises(InvalidValueError, match=infinite):
            method(np.array([0.0]))
    logarithm = ks.Layer(sld=0) | ks.Layer(50.0, sld=functions.log(width)) | ks.Layer(sld=2.07)
    other = ks.Problem(ks.Measurement(ks.Dataset(q, r, dr=0.01 * r), logarithm))
    with pytest.raises(InvalidValueError, match=r"log of -1\.0 in log\(width\)\nat width = -1$"):
        other.value_and_gradient(np.array([-1.0]))  # whose slope, 1 / width, is finite
    rows, slopes = problem.residuals_and_jacobian(np.array([[4.0], [-0.5], [0.0]]))
    assert np.isfinite(rows).all(axis=1).tolist() == [True, False, True]
    assert np.isfinite(slopes).all(axis=(1, 2)).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a: math.exp(a), r"float\(\) of a would be a number that does not follow its parameters\nuse kiessig"),
        (lambda a: float(a + 1), r"float\(\) of a \+ 1 would be a number"),
        (lambda a: a.value * 2, r"the value of a would be a number"),
        (lambda a: a if a > 0 else -a, r"Condition: has no truth value"),
        (lambda a: np.asarray([a, 1.0], dtype=float), r"float\(\) of a would be a number"),
        (lambda a: [a * i for i in range(int(a))], r"int\(\) of a would be a number"),
        (lambda a: np.interp(a, [0, 1], [0, 1]), r"float\(\) of a would be a number"),
        (lambda a: np.floor(a), r"numpy\.floor knows no expressions of parameters"),
        (lambda a: a.mean(), r"no attribute 'mean'\nwhat calls other programs.*cannot be recorded: minimise"),
        (lambda a: "x" * a, r"cannot be recorded, with expressions it raises: .*\nwhat calls other programs"),
        (lambda a: 3.0, r"must return something that depends on its parameters; it returned numbers alone"),
        (lambda a: {"x": [a, "y"]}, r"the result\['x'\]\[1\] is 'y' \(str\)"),
        (lambda a: [a, math.nan], r"the result\[1\] is nan"),
        (lambda a: a > 0, r"the result is Condition\(0 < a\)"),
    ],
)
def test_what_cannot_be_recorded_says_why(function, message):
    a = Parameter(2.0, name="a")
    with pytest.raises(RecordingError, match=message) as caught:
        trace(function, a)
    assert str(caught.value).count("\n") <= 1
    assert float(a) == a.value == 2.0  # outside it is as ever


def test_recording_ends_with_the_call_and_belongs_to_its_thread():
    a = Parameter(2.0, name="a")
    inside = threading.Event()
    done = threading.Event()

    def slow(x):
        inside.set()
        assert done.wait(10.0)
        return x * 2.0

    thread = threading.Thread(target=trace, args=(slow, a))
    thread.start()
    assert inside.wait(10.0)
    assert float(a) == 2.0  # another thread records
    done.set()
    thread.join()
    with contextlib.suppress(ZeroDivisionError):
        trace(lambda x: 1 / 0, a)
    assert math.sqrt(a + 2.0) == 2.0


def test_modules_are_found_from_the_package():
    assert ks.functions.exp(0.0) == 1.0
    assert ks.priors.Normal(0.0, 1.0).residual(1.0) == (1.0, 1.0)
