"""Fit results: derived numbers, the table, JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import stat

import numpy as np
import pytest

from kiessig import FitResult
from kiessig.errors import DataError, InvalidValueError, ShapeError, UnknownNameError
from kiessig.optimize import minimize
from kiessig.result import Minimum
from kiessig.result.table import rounded

INF, NAN = math.inf, math.nan


def make(**changes) -> FitResult:
    errors = np.array([0.0312, 2.1e-9, 0.004, INF])
    rho = np.array([[1.0, 0.2, -0.95, NAN], [0.2, 1.0, 0.1, NAN], [-0.95, 0.1, 1.0, NAN], [NAN, NAN, NAN, 1.0]])
    covariance = rho * np.outer(errors, errors)
    fields = {
        "names": ["thickness", "background", "sld", "roughness"],
        "x": np.array([1466.7881, 1.697e-7, 4.23768, 0.0]),
        "covariance": covariance,
        "lower": np.array([1400.0, 0.0, -INF, 0.0]),
        "upper": np.array([1500.0, 1e-5, INF, 30.0]),
        "at_bounds": np.array([False, False, False, True]),
        "chi2": 975.1484,
        "n_points": 732,
        "method": "levenberg-marquardt",
        "success": True,
        "message": "converged: as it should",
        "n_evaluations": 23,
        "n_jacobian_evaluations": 20,
        "wall_time": 0.15,
    }
    return FitResult(**(fields | changes))


def lines_of(result: FitResult, **keywords) -> dict[str, list[str]]:
    """Words of each table row by its parameter's name."""
    return {
        line.split()[0]: line.split()
        for line in result.table(**keywords).splitlines()
        if line.split()[:1] and line.split()[0] in result.names
    }


def test_derived_numbers():
    result = make()
    assert result.degrees_of_freedom == 728
    assert result.reduced_chi2 == 975.1484 / 728
    assert result.chi2_per_point == 975.1484 / 732
    np.testing.assert_allclose(result.stderr, [0.0312, 2.1e-9, 0.004, INF], rtol=1e-15)  # a square and its root
    np.testing.assert_array_equal(result.undetermined, [False, False, False, True])
    assert result.values == {"thickness": 1466.7881, "background": 1.697e-7, "sld": 4.23768, "roughness": 0.0}
    assert all(type(value) is float for value in result.values.values())
    assert result.correlation[0, 2] == pytest.approx(-0.95, rel=1e-14)
    assert np.isnan(result.correlation[0, 3])


def test_ratios_without_degrees_of_freedom():
    result = make(n_points=4)
    assert result.degrees_of_freedom == 0
    assert math.isnan(result.reduced_chi2)
    assert "undefined (dof = 0)" in str(result)


def test_table():
    text = str(make())
    for part in (
        "levenberg-marquardt: converged\n",
        "chi2 = 975.1484",
        "chi2/N = 1.33217 (N = 732)",
        "chi2/dof = 1.33949 (dof = 728)",
        "23 evaluations, 20 of derivatives, in 0.15 s",
        "strongly correlated (|rho| > 0.9):\n  thickness, sld: -0.9500",
        "\n\nconverged: as it should",
    ):
        assert part in text
    rows = lines_of(make())
    assert rows["thickness"] == ["thickness", "1466.788", "0.031", "1400", "1500"]
    assert rows["background"] == ["background", "1.697e-07", "2.1e-09", "0", "1e-05"]
    assert rows["sld"] == ["sld", "4.2377", "0.0040", "-inf", "inf"]
    assert rows["roughness"] == ["roughness", "0", "inf", "0", "30", "at", "lower", "bound,", "undetermined"]
    assert "truth" not in text
    assert max(len(line) for line in text.splitlines()) <= 120
    assert text.isascii()


def test_columns_line_up():
    lines = make().table(truth={"thickness": 1466.8}).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("parameter"))
    ends = [i for i, c in enumerate(lines[start + 1] + " ") if c == " " and lines[start + 1][i - 1 : i] == "-"]
    for line in lines[start : start + 6]:
        for end in ends[1:5]:
            assert line[end - 1] != " "  # right-aligned numbers end where the rule ends
            assert line[end : end + 1] in ("", " ")


def test_failure_is_shown():
    text = str(make(success=False, message="not converged: raise max_evaluations"))
    assert text.startswith("levenberg-marquardt: NOT CONVERGED\n")
    assert text.endswith("not converged: raise max_evaluations")


def test_other_misfits_and_scales_are_named():
    text = str(make(misfit="log", covariance_scale=0.0123))
    assert "log misfit = 975.1484   log misfit/N = 1.33217 (N = 732)" in text
    assert "standard errors for residuals of variance 0.0123" in text
    assert "variance" not in str(make())


def test_upper_bound_is_told_from_lower():
    result = make(x=np.array([1500.0, 0.0, 4.2, 3.0]), at_bounds=np.array([True, True, False, False]))
    rows = lines_of(result)
    assert rows["thickness"][-3:] == ["at", "upper", "bound"]
    assert rows["background"][-3:] == ["at", "lower", "bound"]


def test_truth_adds_deviations():
    rows = lines_of(make(), truth={"thickness": 1466.7569, "sld": 4.24168, "roughness": 5.0})
    assert rows["thickness"][-2:] == ["1466.757", "+1.00"]
    assert rows["sld"][-2:] == ["4.24168", "-1.00"]
    assert rows["background"] == ["background", "1.697e-07", "2.1e-09", "0", "1e-05"]
    assert rows["roughness"][5] == "5"  # no deviation in infinite errors
    head = next(line for line in make().table(truth={}).splitlines() if line.startswith("parameter"))
    assert head.split("  ")[-1] == "off by/s.e."


def test_truth_of_an_unknown_name():
    with pytest.raises(UnknownNameError, match="no fitted parameter 'thicknes'; did you mean 'thickness'"):
        make().table(truth={"thicknes": 1.0})


def test_many_correlated_pairs_are_cut_short():
    n = 6
    result = make(
        names=[f"p{i}" for i in range(n)],
        x=np.ones(n),
        covariance=np.eye(n) * 0.01 + 0.99,
        lower=np.zeros(n),
        upper=np.full(n, 2.0),
        at_bounds=np.zeros(n, dtype=bool),
    )
    assert str(result).count("+0.99") == 10
    assert "and 5 more" in str(result)


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (1466.7881, 0.0312, ("1466.788", "0.031")),
        (1466.7881, 0.0996, ("1466.79", "0.10")),
        (1466.7881, 312.0, ("1467", "312")),
        (-3.14159, 0.5, ("-3.14", "0.50")),
        (0.0, 0.02, ("0.000", "0.020")),
        (1.697e-7, 2.1e-9, ("1.697e-07", "2.1e-09")),
        (1.6e-7, 3e-6, ("2e-07", "3.0e-06")),
        (-2.5e11, 3.456e8, ("-2.5000e+11", "3.5e+08")),
        (0.0, 1e-9, ("0e+00", "1.0e-09")),
        (4.237681, 0.0, ("4.23768", "0")),
        (4.237681, INF, ("4.23768", "inf")),
        (4.237681, NAN, ("4.23768", "nan")),
        (1.0 / 3.0, 1e-30, ("0.333333333333333", "1.0e-30")),
    ],
)
def test_digits_follow_the_error(value, error, shown):
    assert rounded(value, error) == shown


SPECIAL = [NAN, INF, -INF, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 1.0 / 3.0]


@pytest.mark.parametrize("number", SPECIAL)
def test_json_keeps_every_bit(number, tmp_path):
    x = np.array([number, 1.0 / 7.0, 4.23768, 0.0])
    covariance = make().covariance
    covariance[0, 1] = number
    result = make(x=x, covariance=covariance, chi2=number, wall_time=number)
    text = result.to_json(tmp_path / "result.json")
    for again in (FitResult.from_json(text), FitResult.from_json(tmp_path / "result.json")):
        assert again == result
        assert again.x.tobytes() == result.x.tobytes()
        assert again.covariance.tobytes() == result.covariance.tobytes()
        assert np.float64(again.chi2).tobytes() == np.float64(number).tobytes()


def test_json_is_strict_and_readable_by_others():
    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(make().to_json(), parse_constant=refuse)
    assert document["format"] == "kiessig.fit-result"
    assert document["version"] == 1
    assert document["parameters"][0] == {
        "name": "thickness",
        "value": 1466.7881,
        "stderr": make().stderr[0],
        "lower": 1400.0,
        "upper": 1500.0,
        "at_bound": False,
    }
    assert document["parameters"][3]["stderr"] == "Infinity"
    assert document["covariance"][3][0] == "NaN"
    assert document["parameters"][2]["lower"] == "-Infinity"
    assert document["reduced_chi2"] == 975.1484 / 728


def test_json_keeps_names_and_messages_of_any_script(tmp_path):
    result = make(names=["Dicke (Å)", "ρ 'film'", 'a "b"\n', "{"], message="fertig: σ")
    result.to_json(tmp_path / "r.json")
    assert FitResult.from_json(tmp_path / "r.json") == result


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(FitResult)])
def test_results_differ_if_any_field_does(field):
    other = {
        "names": ["a", "b", "c", "d"],
        "x": np.zeros(4),
        "covariance": np.eye(4),
        "lower": np.full(4, -1.0),
        "upper": np.full(4, 1e9),
        "at_bounds": np.ones(4, dtype=bool),
        "chi2": 975.14840000000004,
        "misfit": "log",
        "method": "trf",
        "message": "",
        "success": False,
        "minima": (Minimum(np.array([1466.7881, 1.697e-7, 4.23768, 0.0]), 975.1484, 3, True, "converged"),),
        "history": np.array([[1.0, 975.1484]]),
    }.get(field, 17)
    if field == "chi2":
        other = np.nextafter(975.1484, 1000.0)
    assert make(**{field: other}) != make()
    assert make() == make()
    assert make() != "a result"


def test_results_are_not_hashable():
    with pytest.raises(TypeError):
        hash(make())


def _edited(edit) -> str:
    document = json.loads(make().to_json())
    edit(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "text is not valid JSON"),
        ('{"format": "kiessig.fit-result", "version": 1, "chi2": NaN}', "the literal NaN is not JSON"),
        ("{}", 'is not a fit result; it must hold "format"'),
        ('{"format": "something.else"}', "is not a fit result"),
        (_edited(lambda d: d.update(version=2)), "has version 2; this release reads version 1"),
        (_edited(lambda d: d.pop("version")), "has version None"),
        (_edited(lambda d: d.pop("chi2")), "lacks the key 'chi2'"),
        (_edited(lambda d: d["parameters"][1].pop("upper")), "lacks the key 'upper'"),
        (_edited(lambda d: d.update(chi2="12")), "'12' is not a number"),
        (_edited(lambda d: d.update(chi2=True)), "True is not a number"),
        (_edited(lambda d: d.update(success="yes")), "'yes' is not of type bool"),
        (_edited(lambda d: d.update(n_points=7.5)), "7.5 is not of type int"),
        (_edited(lambda d: d.update(n_points=True)), "True is not of type int"),
        (_edited(lambda d: d.update(misfit="l2")), "misfit must be one of chi2, log, poisson; got 'l2'"),
        (_edited(lambda d: d.update(covariance=[[1.0]])), "does not belong there"),
        (_edited(lambda d: d.update(parameters=3)), "does not belong there"),
        (_edited(lambda d: d["covariance"][0].append(1.0)), "does not belong there"),
        (_edited(lambda d: d["parameters"][1].update(name="sld")), "'sld' occurs more than once"),
    ],
)
def test_json_that_is_refused(text, said, tmp_path):
    with pytest.raises(DataError, match=r"FitResult\.from_json: text ") as caught:
        FitResult.from_json(text)
    assert said in str(caught.value)
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(DataError) as caught:
        FitResult.from_json(tmp_path / "bad.json")
    assert "bad.json" in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"cannot read '.*absent.json'"):
        FitResult.from_json(tmp_path / "absent.json")
    with pytest.raises(DataError, match="cannot read"):
        FitResult.from_json(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(DataError, match="cannot read"):
        FitResult.from_json(str(tmp_path / "latin.json"))
    (tmp_path / "list.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="is not a fit result"):
        FitResult.from_json(tmp_path / "list.json")


def test_files_appear_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    make().to_json(path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match=r"cannot write '.*result.json': No space left on device"):
        make(chi2=1.0).to_json(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["result.json"]


def test_files_that_cannot_be_written(tmp_path):
    with pytest.raises(DataError, match="cannot write"):
        make().to_json(tmp_path / "no" / "folder.json")
    with pytest.raises(DataError, match="cannot write"):
        make().to_json(tmp_path)
    assert os.listdir(tmp_path) == []


def test_written_files_follow_links_and_the_umask(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "r.json")
    plain = tmp_path / "plain"
    plain.write_text("")
    make().to_json(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert FitResult.from_json(tmp_path / "real" / "r.json") == make()
    assert stat.S_IMODE((tmp_path / "real" / "r.json").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"x": np.zeros(3)}, ShapeError, r"x must have shape \(4,\) for 4 names; got \(3,\)"),
        ({"covariance": np.eye(3)}, ShapeError, r"covariance must have shape \(4, 4\)"),
        ({"at_bounds": [True]}, ShapeError, r"at_bounds must have shape \(4,\)"),
        ({"names": ["a", "b", "a", "c"]}, InvalidValueError, "'a' occurs more than once"),
        ({"covariance": np.diag([1.0, -2.0, 1.0, 1.0])}, InvalidValueError, r"non-negative; covariance\[1, 1\] = -2.0"),
        ({"misfit": "chi"}, InvalidValueError, "misfit must be one of chi2, log, poisson; got 'chi'"),
    ],
)
def test_results_that_are_refused(changes, error, said):
    with pytest.raises(error, match=said):
        make(**changes)


def test_a_result_keeps_its_own_arrays():
    x = np.array([1.0, 2.0, 3.0, 4.0])
    result = make(x=x)
    x[:] = 0.0
    assert result.x.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_from_a_minimisation():
    """A straight line: values, errors and counts arrive where they belong."""

    class Line:
        t = np.array([0.0, 1.0, 2.0, 3.0])
        y = np.array([1.1, 2.9, 5.2, 6.8])

        def residuals(self, x):
            return (x[0] + x[1] * self.t - self.y) / 0.1

        def jacobian(self, x):
            return np.column_stack([np.ones(4), self.t]) / 0.1

        def value_and_gradient(self, x):
            r = self.residuals(x)
            return float(r @ r), 2.0 * self.jacobian(x).T @ r

    outcome = minimize(Line(), [0.0, 0.0], ([-5.0, 0.0], [5.0, 1.5]))
    result = FitResult.from_outcome(outcome, ["offset", "slope"], [-5.0, 0.0], [5.0, 1.5], covariance_scale=4.0)
    assert result.values == dict(zip(["offset", "slope"], outcome.x.tolist(), strict=True))
    assert result.at_bounds.tolist() == [False, True]
    assert result.n_points == 4
    # Closed form for four equidistant points: variances 0.01 * 14/20 and 0.01 / 5, times the scale.
    np.testing.assert_allclose(result.stderr**2, [0.04 * 14 / 20, 0.04 / 5], rtol=1e-13)
    assert result.chi2 == outcome.value
    assert result.n_evaluations == outcome.n_evaluations
    assert FitResult.from_json(result.to_json()) == result
    assert "at upper bound" in str(result)
