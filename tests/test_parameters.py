"""Parameters, their arithmetic and its recording."""

from __future__ import annotations

import copy
import fractions
import math
import operator
import pickle
import re

import numpy as np
import pytest

from kiessig.errors import InvalidValueError
from kiessig.parameters import Expression, Operation, Parameter, as_quantity, evaluate, free_parameters, record

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


def interpret(recording, x):
    """Run a recording on the values x of its inputs, one Python operation a step."""
    functions = dict(zip(range(2, 7), BINARY, strict=True))
    values = []
    for op, a, b in recording.steps.tolist():
        if op in (0, 1):
            values.append(float((recording.constants if op == 0 else x)[a]))
        else:
            values.append(-values[a] if op == 7 else functions[op](values[a], values[b]))
    return [values[index] for index in recording.outputs]


def random_graph(rng, parameters, size):
    """Expressions over shared subexpressions, each beside a function of the parameters' values (plain floats)."""
    pool = [(p, lambda x, i=i: x[i]) for i, p in enumerate(parameters)]
    while len(pool) < size:
        (left, f), (right, g) = (pool[index] for index in rng.integers(len(pool), size=2))
        operation, kind = BINARY[rng.integers(5)], rng.integers(4)
        number = float(rng.choice([-2.0, -0.5, 0.3, 2.0, 3.0]))
        if kind == 0:
            node = operation(left, number), lambda x, op=operation, f=f, c=number: op(f(x), c)
        elif kind == 1:
            node = operation(number, right), lambda x, op=operation, g=g, c=number: op(c, g(x))
        elif kind == 2:
            node = -left, lambda x, f=f: -f(x)
        else:
            node = operation(left, right), lambda x, op=operation, f=f, g=g: op(f(x), g(x))
        pool.append(node)
    return pool[len(parameters) :]


def plainly(function, x):
    """Value by plain floats, or None where it is none: what must raise."""
    try:
        value = function(x)
    except (ZeroDivisionError, OverflowError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


@pytest.mark.parametrize("seed", range(20))
def test_random_expressions_follow_float_arithmetic(seed):
    rng = np.random.default_rng(seed)
    parameters = [Parameter(value, name=f"p{i}") for i, value in enumerate(rng.uniform(0.2, 2.0, 4))]
    pool = random_graph(rng, parameters, 60)
    compared = 0
    for x in (rng.uniform(0.2, 2.0, 4).tolist(), rng.uniform(-2.0, 2.0, 4).tolist()):
        for parameter, value in zip(parameters, x, strict=True):
            parameter.value = value
        kept = []
        for expression, function in pool:
            expected = plainly(function, x)
            if expected is None:
                with pytest.raises(InvalidValueError, match=r"p\d = "):
                    _ = expression.value
            else:
                kept.append((expression, expected))
        compared += len(kept)
        # Equality to the last bit: the same operations in the same order, whichever way they are run.
        values = [expected for _, expected in kept]
        assert [expression.value for expression, _ in kept] == values
        assert evaluate(expression for expression, _ in kept) == values
        recording = record([expression for expression, _ in kept], parameters)
        assert interpret(recording, x) == values
        # Beyond the length limit formulas are abbreviated, and no longer Python.
        names = {f"p{i}": value for i, value in enumerate(x)}
        for expression, expected in kept:
            if "(...)" not in str(expression):
                assert eval(str(expression), {}, names) == expected, str(expression)
    assert compared > 40  # else the seed tests next to nothing


def test_a_recording_follows_its_inputs():
    rng = np.random.default_rng(7)
    a, b, c = (Parameter(value, name=name) for value, name in ((1.5, "a"), (2.5, "b"), (3.5, "c")))
    outputs = [a * b + c, 4.0, (a - c) ** 2 / b, b, -c]
    recording = record(outputs, [b, a])
    assert recording.n_inputs == 2
    for x in rng.uniform(-3, 3, (5, 2)):
        b.value, a.value = x
        assert interpret(recording, x) == [item if isinstance(item, float) else item.value for item in outputs]
    c.value = 100.0  # not an input: recorded as the constant it was
    assert interpret(recording, [1.0, 2.0])[4] == -3.5


def test_a_recording_has_the_documented_layout():
    a, b = Parameter(1.5), Parameter(2.5)
    product = a * b
    recording = record([product + 2.0, product - 2.0, product, a], [a, b])
    assert recording.steps.tolist() == [[1, 0, 0], [1, 1, 0], [4, 0, 1], [0, 0, 0], [2, 2, 3], [3, 2, 3]]
    assert recording.constants.tolist() == [2.0]
    assert recording.outputs.tolist() == [4, 5, 2, 0]
    assert [part.dtype for part in recording[1:]] == [np.int32, np.float64, np.int32]


def test_a_recording_of_nothing_and_of_constants():
    empty = record([], [Parameter(1.0)])
    assert empty.n_inputs == 1
    assert empty.steps.shape == (0, 3)
    assert empty.constants.shape == empty.outputs.shape == (0,)
    fixed = Parameter(3.0, fixed=True)
    assert interpret(record([1.0, 2, fixed, np.float32(0.5)], []), []) == [1.0, 2.0, 3.0, 0.5]


def test_operations_have_the_numbers_of_the_core(repository):
    header = repository / "cpp" / "include" / "kiessig" / "tape.hpp"
    if not header.is_file():
        pytest.skip("the C++ headers are not beside the tests")
    enumeration = re.search(r"enum class TapeOp[^{]*\{(.*?)\};", header.read_text(encoding="utf-8"), re.DOTALL)
    numbers = re.findall(r"^\s*(\w+) = (\d+),", enumeration.group(1), re.MULTILINE)
    assert {name.upper(): int(number) for name, number in numbers} == {op.name: int(op) for op in Operation}


def test_bad_inputs_and_outputs_of_a_recording():
    a = Parameter(1.0, name="a")
    with pytest.raises(InvalidValueError, match=r"record: inputs must be Parameters; inputs\[1\] is Expression"):
        record([a], [a, a + 1])
    with pytest.raises(InvalidValueError, match=r"inputs must be distinct; inputs\[0\] and inputs\[1\] are both"):
        record([a], [a, a])
    with pytest.raises(InvalidValueError, match=r"record: entry \[1\] must be finite; entry \[1\] = nan"):
        record([a, math.nan], [a])
    with pytest.raises(InvalidValueError, match=r"record: entry \[0\] must be a real number, Parameter or Expression"):
        record(["a"], [a])


@pytest.mark.parametrize("count", [10_000, 100_000])
def test_long_chains_need_no_recursion(count):
    start = Parameter(0.5, name="start")
    chain = start
    for _ in range(count):
        chain = chain + 1.0
    assert chain.value == count + 0.5
    assert free_parameters([chain]) == [start]
    recording = record([chain], [start])
    assert len(recording.steps) == count + 2  # the input, the constant 1 once, the additions
    assert interpret(recording, [2.0]) == [count + 2.0]
    assert len(repr(chain)) < 1000
    del chain  # freed without recursion, too


def test_shared_subexpressions_are_evaluated_and_recorded_once():
    doubled = start = Parameter(1.0, name="start")
    for _ in range(60):  # 2^60 paths to the start
        doubled = doubled + doubled
    assert doubled.value == 2.0**60
    assert len(record([doubled], [start]).steps) == 61
    assert free_parameters([doubled]) == [start]
    assert len(str(doubled)) < 1000


def test_numpy_scalars_and_other_real_numbers_are_operands():
    a = Parameter(3.0, name="a")
    for number in (np.float64(2), np.float32(2), np.int64(2), np.uint8(2), 2, fractions.Fraction(2)):
        for operation in BINARY:
            left, right = operation(a, number), operation(number, a)
            assert isinstance(left, Expression)
            assert isinstance(right, Expression)
            assert (left.value, right.value) == (operation(3.0, 2.0), operation(2.0, 3.0))
    assert sum([a, a, 1.0]).value == 7.0


@pytest.mark.parametrize("other", [True, np.True_, "2", None, 1j, np.complex128(1j), [1.0], np.array(["a"])])
def test_other_operands_are_refused(other):
    a = Parameter(3.0, name="a")
    for operation in BINARY:
        with pytest.raises(TypeError):
            operation(a, other)
        with pytest.raises(TypeError):
            operation(other, a)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64(np.nan), 10**400])
def test_operands_must_be_finite(number):
    with pytest.raises(InvalidValueError, match=r"Expression: \*: operand must be finite; operand = (nan|-?inf)"):
        _ = Parameter(3.0) * number


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda a, b: a / b, r"division by zero in a / b\nat a = 8.0, b = 0.0$"),
        (lambda a, b: b**-1, r"division by zero in b \*\* \(-1\)\nat b = 0.0$"),
        (
            lambda a, b: (b - a) ** 0.5,
            r"fractional power of a negative number in \(b - a\) \*\* 0.5\nat b = 0.0, a = 8.0$",
        ),
        (lambda a, b: 1 + (a * 1e308), r"overflow in a \* 1e\+308\nat a = 8.0$"),
        (lambda a, b: 1e300**a, r"overflow in 1e\+300 \*\* a\nat a = 8.0$"),
    ],
)
def test_values_that_are_none_name_the_parameters(build, message):
    expression = build(Parameter(8.0, name="a"), Parameter(0.0, name="b"))
    with pytest.raises(InvalidValueError, match=message):
        _ = expression.value
    with pytest.raises(InvalidValueError, match=message):
        float(expression)
    with pytest.raises(InvalidValueError, match=message):
        evaluate([1.0, expression])
    assert isinstance(str(expression), str)


def test_a_message_about_many_parameters_stays_short():
    total = sum(Parameter(1.0, name=f"parameter {i}") for i in range(100))
    with pytest.raises(InvalidValueError, match=r"and 94 more$") as caught:
        _ = (total / (total - total)).value
    assert str(caught.value).count("\n") == 1
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("build", "formula"),
    [
        (lambda a, b, c: a + b + c, "a + b + c"),
        (lambda a, b, c: a + (b + c), "a + (b + c)"),
        (lambda a, b, c: a - (b - c), "a - (b - c)"),
        (lambda a, b, c: (a + b) * c / 2, "(a + b) * c / 2"),
        (lambda a, b, c: a / (b * c), "a / (b * c)"),
        (lambda a, b, c: -(a**2), "-a ** 2"),
        (lambda a, b, c: (-a) ** 2, "(-a) ** 2"),
        (lambda a, b, c: (-a).__neg__(), "-(-a)"),
        (lambda a, b, c: (a**b) ** c, "(a ** b) ** c"),
        (lambda a, b, c: a ** (b**c), "a ** b ** c"),
        (lambda a, b, c: -2 * a - -0.5, "-2 * a - -0.5"),
        (lambda a, b, c: (-2) ** a, "(-2) ** a"),
        (lambda a, b, c: a * Parameter(7), "a * Parameter(7)"),
    ],
)
def test_formulas_read_as_python_would(build, formula):
    expression = build(*(Parameter(1.0, name=name) for name in "abc"))
    assert str(expression) == formula
    assert repr(expression) == f"Expression({formula})"


def test_equality_and_hash_are_identity():
    a, b = Parameter(1.0), Parameter(1.0)
    same = a
    assert a == same
    assert a != b
    assert a != 1.0
    assert (a + 1) != (a + 1)
    assert len({a, b, a}) == 2


def test_truth_is_refused():
    a = Parameter(1.0)
    for item in (a, a + 1):
        with pytest.raises(TypeError, match=r"has no truth value; test its number with \.value"):
            bool(item)
        assert float(item) == item.value
        with pytest.raises(TypeError, match=r"is no whole number; round its value"):
            int(item)
    with pytest.raises(AttributeError):
        (a + 1).value = 3.0


@pytest.mark.parametrize(
    "decide",
    [
        lambda a, b: 1 if a < b else 2,
        lambda a, b: a <= b and a,
        lambda a, b: 0 < a < b,
        lambda a, b: max(a, b),
        lambda a, b: min(a, 2.0),
        lambda a, b: sorted([a, b]),
        lambda a, b: np.max(np.array([a, b])),
        lambda a, b: np.where(np.array([a, b]) > 1, 1, 0),
        lambda a, b: not (a > 2),
    ],
)
def test_decisions_by_comparisons_are_refused(decide):
    with pytest.raises(TypeError, match=r"Condition: has no truth value.*\n?.*kiessig\.functions\.where"):
        decide(Parameter(1.0), Parameter(2.0))


def test_free_parameters_are_distinct_and_in_order():
    a, b, c, d = (Parameter(1.0, name=name) for name in "abcd")
    d.fixed = True
    assert free_parameters([2.0, b * (d + a) - b, np.float64(3), c, a]) == [b, a, c]
    assert free_parameters([]) == []
    d.fixed = False
    assert free_parameters([c + d, d, a]) == [c, d, a]
    with pytest.raises(InvalidValueError, match=r"free_parameters: entry \[1\] must be a real number"):
        free_parameters([a, "b"])


def test_attributes_of_a_parameter():
    p = Parameter(np.float32(3), (None, 10), name="p")
    assert (p.value, p.bounds, p.fixed, p.name) == (3.0, (-math.inf, 10.0), False, "p")
    assert all(type(number) is float for number in (p.value, *p.bounds))
    p.value, p.bounds, p.fixed, p.name = 4, (0, None), True, "q"
    assert (p.value, p.bounds, p.fixed, p.name) == (4.0, (0.0, math.inf), True, "q")
    p.bounds = None
    assert p.bounds == (-math.inf, math.inf)
    p.bounds = np.array([4.0, 5.0])  # a value at its bound lies within
    assert p.bounds == (4.0, 5.0)
    assert Parameter(0.0, bounds=(-math.inf, math.inf)).bounds == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Parameter(1460), "Parameter(1460)"),
        (Parameter(1.5, (None, 2)), "Parameter(1.5, bounds=(None, 2))"),
        (Parameter(1.5, (1, 2), name="d", fixed=True), "Parameter(1.5, bounds=(1, 2), name='d', fixed=True)"),
    ],
)
def test_repr_of_a_parameter_builds_it_again(parameter, text):
    assert repr(parameter) == text
    assert repr(eval(text, {"Parameter": Parameter})) == text


BAD_VALUES = [
    (math.nan, r"value must be finite; value = nan"),
    (-math.inf, r"value must be finite; value = -inf"),
    (10**400, r"value must be finite"),
    (True, r"value must be a real number; got True \(bool\)"),
    (np.True_, r"value must be a real number; got .*True.* \(bool"),
    ("3", r"value must be a real number; got '3' \(str\)"),
    (None, r"value must be a real number; got None"),
    (1j, r"value must be a real number; got 1j \(complex\)"),
    (np.ones((3, 3)), r"value must be a real number; got array.* \(ndarray\)"),
    (Parameter(1.0), r"value must be a real number; got Parameter\(1\) \(Parameter\)"),
    (11.0, r"value must lie within its bounds; value = 11.0, bounds = \(0, 10\)"),
    (-1e-9, r"value must lie within its bounds; value = -1e-09, bounds = \(0, 10\)"),
]

BAD_BOUNDS = [
    ((10, 0), r"the lower bound must be below the upper one; bounds = \(10, 0\)$"),
    ((5, 5), r"the lower bound must be below the upper one; bounds = \(5, 5\); use fixed=True"),
    ((math.inf, None), r"the lower bound must be below the upper one"),
    ((None, -math.inf), r"the lower bound must be below the upper one"),
    ((math.nan, 10), r"bounds\[0\] must be finite; bounds\[0\] = nan"),
    ((0, math.nan), r"bounds\[1\] must be finite; bounds\[1\] = nan"),
    ((0, True), r"bounds\[1\] must be a real number; got True \(bool\)"),
    (("0", 10), r"bounds\[0\] must be a real number; got '0' \(str\)"),
    ((0, 5, 10), r"bounds must be a pair \(lower, upper\) or None; got \(0, 5, 10\) \(tuple\)"),
    (10, r"bounds must be a pair \(lower, upper\) or None; got 10 \(int\)"),
    ((6, 10), r"value must lie within its bounds; value = 5.0, bounds = \(6, 10\)"),
    ((None, 4), r"value must lie within its bounds; value = 5.0, bounds = \(None, 4\)"),
]


@pytest.mark.parametrize(("value", "message"), BAD_VALUES)
def test_bad_values_are_refused_and_change_nothing(value, message):
    with pytest.raises(InvalidValueError, match=r"^Parameter 'p': " + message) as caught:
        Parameter(value, (0, 10), name="p")
    assert "\n" not in str(caught.value)
    p = Parameter(5.0, (0, 10), name="p")
    with pytest.raises(InvalidValueError, match=r"^Parameter 'p': " + message):
        p.value = value
    assert repr(p) == "Parameter(5, bounds=(0, 10), name='p')"


@pytest.mark.parametrize(("bounds", "message"), BAD_BOUNDS)
def test_bad_bounds_are_refused_and_change_nothing(bounds, message):
    with pytest.raises(InvalidValueError, match=r"^Parameter: " + message):
        Parameter(5.0, bounds)
    p = Parameter(5.0, (0, 10))
    with pytest.raises(InvalidValueError, match=r"^Parameter: " + message):
        p.bounds = bounds
    assert repr(p) == "Parameter(5, bounds=(0, 10))"


@pytest.mark.parametrize("name", ["", 3, b"p"])
def test_bad_names_are_refused_and_change_nothing(name):
    with pytest.raises(InvalidValueError, match="name must be a non-empty string or None"):
        Parameter(5.0, name=name)
    p = Parameter(5.0, name="p")
    with pytest.raises(InvalidValueError, match="Parameter 'p': name must be a non-empty string or None"):
        p.name = name
    assert p.name == "p"


@pytest.mark.parametrize("fixed", [1, "yes", None])
def test_bad_flags_are_refused_and_change_nothing(fixed):
    with pytest.raises(InvalidValueError, match="fixed must be True or False"):
        Parameter(5.0, fixed=fixed)
    p = Parameter(5.0)
    with pytest.raises(InvalidValueError, match="fixed must be True or False"):
        p.fixed = fixed
    assert p.fixed is False


def test_quantities():
    a = Parameter(-1.0, (-2, 3))
    for item in (a, 2 * a):
        assert as_quantity(item, "Model", "width") is item
    assert type(as_quantity(np.int64(-3), "Model", "width")) is float
    with pytest.raises(InvalidValueError, match=r"^Model: width must be non-negative; width = -1e-300 angstrom$"):
        as_quantity(-1e-300, "Model", "width", unit="angstrom", non_negative=True)
    with pytest.raises(InvalidValueError, match=r"^Model: width must be non-negative; width = Parameter\(-1, bounds="):
        as_quantity(a, "Model", "width", non_negative=True)
    relation = 2 * a  # may change sign with its parameter, and is not asked
    assert as_quantity(relation, "Model", "width", non_negative=True) is relation
    assert as_quantity(0, "Model", "width", non_negative=True) == 0.0


def test_misspelt_attributes_are_refused():
    with pytest.raises(AttributeError):
        Parameter(5.0).bound = (0, 1)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
def test_copies_keep_sharing_among_themselves(duplicate):
    a = Parameter(2.0, (0, 5), name="a")
    copied, relation = duplicate([a, a**2 + 1.0])
    copied.value = 3.0
    assert relation.value == 10.0
    assert a.value == 2.0


def test_what_is_written_twice_is_recorded_once():
    a, b = Parameter(2.0, name="a"), Parameter(3.0, name="b")
    recording = record([(a + b) * 2.0, 1.0 / ((a + b) * 2.0), b + a], [a, b])
    assert len(recording.steps) == 8  # a, b, a + b, 2, the product, 1, the quotient, b + a
    assert interpret(recording, [2.0, 3.0]) == [10.0, 0.1, 5.0]
