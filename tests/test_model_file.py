"""Model files: what they say is what is built, and what they say wrongly is told with its place."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import KiessigError, ModelFileError
from kiessig.model_file import Model, load_model
from kiessig.model_file.arithmetic import evaluate_arithmetic

FILM = """\
sample:
  - {name: air, sld: 0}
  - name: film
    thickness: {value: 250, bounds: [200, 300]}
    sld: {value: 4, bounds: [3, 5]}
    roughness: 5
  - {name: silicon, sld: 2.07, roughness: 3}
data: {file: film.dat, columns: [q, r, dr, dq], dq: sigma, q_unit: 1/angstrom}
background: {value: 1e-7, bounds: [0, 1e-5]}
"""

SIMULATE = "simulate: {q: {start: 0.01, stop: 0.2, points: 20}, counts: 1e6, seed: 1}\n"


def load(folder: Path, text: str) -> Model:
    file = folder / "film.yaml"
    file.write_text(text, encoding="utf-8")
    return load_model(file)


def complaint(folder: Path, text: str) -> str:
    """Return the message of the error that `text` must give, without the folder."""
    with pytest.raises(ModelFileError) as caught:
        load(folder, text).problem()
    message = str(caught.value)
    assert message.count("\n") <= 1, "an error has two lines at most"
    return message.replace(f"{folder}/", "")


@pytest.fixture
def film_data(tmp_path: Path) -> Path:
    file = tmp_path / "film.dat"
    file.write_text("0.02 0.9 0.01 0.001\n0.03 0.2 0.01 0.002\n0.04 0.02 0.002 0.003\n")
    return file


@pytest.mark.usefixtures("film_data")
class TestProblem:
    def test_the_short_form_is_one_measurement(self, tmp_path: Path) -> None:
        problem = load(tmp_path, FILM).problem()
        assert problem.names == ["film thickness", "film sld", "background"]
        np.testing.assert_array_equal(problem.x, [250.0, 4.0, 1e-7])
        np.testing.assert_array_equal(problem.bounds, [[200.0, 3.0, 0.0], [300.0, 5.0, 1e-5]])
        (measurement,) = problem.measurements
        slabs = measurement.sample.slabs()
        np.testing.assert_array_equal(slabs.thickness, [250.0])
        np.testing.assert_array_equal(slabs.sld, [0.0, 4.0, 2.07])
        np.testing.assert_array_equal(slabs.roughness, [5.0, 3.0])
        assert measurement.scale == 1.0
        assert measurement.misfit == "chi2"

    def test_is_the_same_as_the_python_interface(self, tmp_path: Path, film_data: Path) -> None:
        film = ks.Layer(250, 4, roughness=5)
        sample = ks.Layer(sld=0) | film | ks.Layer(sld=2.07, roughness=3)
        [data] = ks.load(film_data, columns=["q", "r", "dr", "dq"], dq="sigma", q_unit="1/angstrom")
        expected = ks.Measurement(data, sample, background=1e-7).residuals()
        np.testing.assert_array_equal(load(tmp_path, FILM).problem().residuals(), expected)

    def test_dq_says_which_width_the_column_holds(self, tmp_path: Path) -> None:
        sigma = load(tmp_path, FILM).problem().measurements[0].dataset
        fwhm = load(tmp_path, FILM.replace("dq: sigma", "dq: fwhm")).problem().measurements[0].dataset
        np.testing.assert_allclose(fwhm.dq * np.sqrt(8 * np.log(2)), sigma.dq, rtol=1e-15)  # roundoff

    def test_limits_of_q_and_units(self, tmp_path: Path) -> None:
        text = FILM.replace("q_unit: 1/angstrom", "q_unit: 1/nm, q_min: 0.0025, q_max: 0.0035")
        np.testing.assert_allclose(load(tmp_path, text).problem().measurements[0].dataset.q, [0.003], rtol=1e-15)

    def test_bad_rows_can_be_masked(self, tmp_path: Path, film_data: Path) -> None:
        film_data.write_text(film_data.read_text() + "0.05 0.01 0 0.003\n")
        assert "line 4" in complaint(tmp_path, FILM)
        assert "write bad_rows: mask" in complaint(tmp_path, FILM)
        masked = load(tmp_path, FILM.replace("dq: sigma", "dq: sigma, bad_rows: mask")).problem()
        assert masked.n_points == 3

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("resolution: none", [0.0, 0.0, 0.0]),
            ("resolution: data", [0.001, 0.002, 0.003]),
            ("resolution: {dq_over_q: 0.02, dq: sigma}", [0.0004, 0.0006, 0.0008]),
            ("resolution: {dq_over_q: 0.0470964, dq: fwhm}", [0.0004, 0.0006, 0.0008]),
        ],
    )
    def test_resolution(self, tmp_path: Path, line: str, expected: list[float]) -> None:
        (measurement,) = load(tmp_path, FILM + line).problem().measurements
        sharp = ks.Dataset(measurement.dataset.q, measurement.dataset.r, measurement.dataset.dr, np.array(expected))
        plain = ks.Measurement(sharp, measurement.sample, background=1e-7)
        # 0.0470964 is 0.02 sqrt(8 ln 2) to six digits
        np.testing.assert_allclose(measurement.reflectivity(), plain.reflectivity(), rtol=1e-6)

    def test_missing_resolution_is_not_assumed_to_be_none(self, tmp_path: Path) -> None:
        text = FILM.replace("[q, r, dr, dq], dq: sigma", "[q, r, dr, _]")
        assert "film.yaml: 'resolution' is required, film.dat has none\nwrite resolution: none" in complaint(
            tmp_path, text
        )
        assert load(tmp_path, text + "resolution: none").problem().n_points == 3

    def test_misfit(self, tmp_path: Path) -> None:
        assert load(tmp_path, FILM + "misfit: log").problem().misfit == "log"

    def test_a_fixed_parameter_stays_out(self, tmp_path: Path) -> None:
        text = FILM.replace("bounds: [3, 5]", "bounds: [3, 5], fixed: true")
        assert load(tmp_path, text).problem().names == ["film thickness", "background"]

    def test_an_orso_file_says_what_its_columns_are(self, tmp_path: Path) -> None:
        from orsopy import fileio

        columns = [fileio.Column("Qz", "1/nm"), fileio.Column("R"), fileio.ErrorColumn("R", value_is="sigma")]
        source = fileio.DataSource(
            fileio.Person("A. Person", "An Institute"),
            fileio.Experiment("title", "reflectometer", datetime(2024, 5, 1), "neutron"),
            fileio.Sample("film"),
            fileio.Measurement(fileio.InstrumentSettings(fileio.Value(1.0), fileio.Value(5.0)), ["raw"]),
        )
        reduction = fileio.Reduction(fileio.Software("reducer"))
        rows = np.array([[0.2, 0.9, 0.01], [0.3, 0.2, 0.01]])
        sets = [
            fileio.OrsoDataset(fileio.Orso(source, reduction, columns, data_set=i), (i + 1) * rows) for i in range(2)
        ]
        fileio.save_orso(sets, str(tmp_path / "film.ort"))
        lines = [line for line in FILM.splitlines() if not line.startswith("data")]
        text = "\n".join([*lines, "resolution: none", "data: "])
        assert "film.ort holds 2 data sets; say which with 'data_set': 0 'film" in complaint(
            tmp_path, text + "film.ort"
        )
        (measurement,) = load(tmp_path, text + "{file: film.ort, data_set: 1}").problem().measurements
        np.testing.assert_allclose(measurement.dataset.q, [0.04, 0.06], rtol=1e-15)  # roundoff

    def test_data_are_sought_beside_the_model_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        assert load(tmp_path, FILM).problem().n_points == 3

    def test_two_parameters_of_one_name(self, tmp_path: Path) -> None:
        text = FILM.replace("bounds: [3, 5]", "name: x").replace("bounds: [200, 300]", "name: x")
        assert complaint(tmp_path, text) == "film.yaml: parameters must have different names; 2 are called 'x'"

    def test_nothing_to_fit(self, tmp_path: Path) -> None:
        text = FILM.replace("{value: 250, bounds: [200, 300]}", "250").replace("{value: 4, bounds: [3, 5]}", "4")
        text = text.replace("{value: 1e-7, bounds: [0, 1e-5]}", "1e-7")
        assert "nothing to fit" in complaint(tmp_path, text)


class TestQuantities:
    HEAD = "parameters:\n  a: {value: 12, bounds: [2, 30]}\n  b: 3\n"
    TAIL = "sample:\n  - {sld: 0}\n  - {thickness: %s, sld: 4}\n  - {sld: 2.07}\n"

    def thickness(self, folder: Path, text: str) -> object:
        return load(folder, self.HEAD + self.TAIL % text).measurements[0].sample.layers[1].thickness

    @pytest.mark.parametrize("text", ["100", "1e2", "'100'", "+1.0E2", "1.0e+2", "0100", "1_00"])
    def test_spellings_of_a_number(self, tmp_path: Path, text: str) -> None:
        # YAML 1.1 would make a string of 1e2 and the octal 64 of 0100
        assert self.thickness(tmp_path, text) == 100.0

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("a", 12.0),
            ("2 * a + b", 27.0),
            ("-(a - 2*b)**2 / -b", 12.0),
            ("a / 2**b * 2", 3.0),
            ("2 ** -1 * a", 6.0),
            ("sqrt(3 * a)", 6.0),
            ("sqrt(b + 1) * a", 24.0),
            ("'maximum(a, 20) - minimum(b, 5)'", 17.0),
            ("'clip(a, 0, 10)'", 10.0),
            ("absolute(exp(0 * a) - a)", 11.0),
        ],
    )
    def test_formulas(self, tmp_path: Path, text: str, value: float) -> None:
        quantity = self.thickness(tmp_path, text)
        assert float(quantity) == value  # small whole numbers: exact

    def test_formulas_follow_their_parameters(self, tmp_path: Path) -> None:
        model = load(tmp_path, self.HEAD + self.TAIL % "2 * a + b")
        sample = model.measurements[0].sample
        assert sample.parameters == [model.parameters["a"]]
        sample.parameters[0].value = 20.0
        assert sample.slabs().thickness[0] == 43.0

    def test_names_may_stand_for_formulas_in_any_order(self, tmp_path: Path) -> None:
        head = "parameters: {total: core + shell, core: {value: 5}, shell: 2 * core}\n"
        assert load(tmp_path, head + self.TAIL % "total").measurements[0].sample.slabs().thickness[0] == 15.0

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("c", "no parameter is called 'c'"),
            ("2 * aa", "no parameter is called 'aa'; did you mean 'a'?"),
            ("a()", "the functions of a formula are exp, log, sqrt"),
            ("sqrt()", "sqrt takes 1 argument(s); got 0"),
            ("minimum(a)", "minimum takes 2 argument(s); got 1"),
            ("log(b - 3)", "log of 0.0"),
            ("__import__('os').getcwd()", "the functions of a formula are"),
            ("'where(a, 1, 2)'", "the functions of a formula are"),
            ("'clip(a, lower=2)'", "the functions of a formula are"),
            ("a.real", "not a number"),
            ("'a[0]'", "not a number"),
            ("[x for x in a]", "a list of 1"),
            ("a if a else b", "not a number"),
            ("{lambda: 3}", "unknown key 'lambda'"),
            ("a < b", "not a number"),
            ("a // 2", "not a number"),
            ("a % 2", "not a number"),
            ("a ^ 2", "a power is written with **"),
            ("3 angstrom", "not a number"),
            ("'3,47'", "decimals are written with a point"),
            ("True", "not a number"),
            ("off", "no parameter is called 'off'"),
            ("1j", "not a number"),
            ("9**9**9", "too large"),
            ("b / 0", "division by zero"),
            ("(b - 4)**0.5", "finite real number"),
            ("1e999", "must be finite"),
            ("nan", "must be finite"),
            ("''", "is required; got ''"),
            ("", "is required; got nothing"),
            ("-5", "must be non-negative"),
            ("b - a", "must be non-negative"),
            ("a / (b - 3)", "division by zero"),
        ],
    )
    def test_what_is_no_quantity(self, tmp_path: Path, text: str, reason: str) -> None:
        message = complaint(tmp_path, self.HEAD + self.TAIL % text)
        assert message.startswith("film.yaml: sample")
        assert reason in message

    @pytest.mark.parametrize("text", ["(" * 400 + "1" + ")" * 400, "-" * 900 + "1", "1+" * 450 + "1", "1" * 2000])
    def test_very_long_formulas(self, text: str) -> None:
        def no_names(name: str) -> float:
            raise AssertionError(name)

        try:
            value = evaluate_arithmetic(text, no_names)
        except KiessigError:
            return
        assert value in (1.0, 451.0)  # 900 signs cancel

    def test_one_name_is_one_parameter(self, tmp_path: Path) -> None:
        text = self.HEAD + "sample: [{sld: 0}, {thickness: a, sld: 4, roughness: a}, {sld: 2, roughness: a}]"
        sample = load(tmp_path, text).measurements[0].sample
        assert len(sample.parameters) == 1

    def test_an_alias_is_the_same_parameter(self, tmp_path: Path) -> None:
        text = (
            "sample:\n  - {sld: 0}\n  - &l {name: x, thickness: {value: 3}, sld: 4}\n"
            "  - *l\n  - {<<: *l, sld: 5}\n  - {sld: 2}\n"
        )
        sample = load(tmp_path, text).measurements[0].sample
        assert len(sample.parameters) == 1
        sample.parameters[0].value = 7.0
        np.testing.assert_array_equal(sample.slabs().thickness, [7.0, 7.0, 7.0])
        np.testing.assert_array_equal(sample.slabs().sld, [0.0, 4.0, 4.0, 5.0, 2.0])

    @pytest.mark.parametrize(
        ("named", "reason"),
        [
            ("{a: b, b: a + 1}", "parameters.a: the formula leads back to itself: a -> b -> a"),
            ("{a: a}", "a -> a"),
            ("{my thickness: 3}", "parameters.my thickness: a name must consist of letters"),
            ("{lambda: 3}", "a name must consist of letters"),
            ("{nan: 3}", "a name must consist of letters"),
            ("[a]", "parameters: a mapping of names to parameters is required; got a list of 1"),
            ("{a: {value: x}}", "parameters.a.value: must be a number; got 'x'"),
            ("{a: {bounds: [1, 2]}}", "parameters.a: 'value' is required; the keys here are bounds"),
            ("{a: {}}", "parameters.a: 'value' is required; there is no key here"),
            ("{a: {value: 3, bound: [1, 2]}}", "parameters.a.bound: unknown key 'bound'; did you mean 'bounds'?"),
            ("{a: {value: 3, bounds: [5, 1]}}", "parameters.a: the lower bound must be below the upper one"),
            ("{a: {value: 9, bounds: [1, 5]}}", "parameters.a: value must lie within its bounds; value = 9.0"),
            ("{a: {value: 3, bounds: 1}}", "parameters.a.bounds: a pair [lower, upper] is required; got '1'"),
            ("{a: {value: 3, bounds: [1]}}", "parameters.a.bounds: must be a pair [lower, upper]; got a list of 1"),
            ("{a: {value: 3, bounds: [1, x]}}", "parameters.a.bounds[1]: must be a number, or null for no limit"),
            ("{a: {value: 3, fixed: maybe}}", "parameters.a.fixed: must be one of true, false; got 'maybe'"),
            ("{a: {value: 3, fixed: [x]}}", "parameters.a.fixed: one of true, false is required; got a list of 1"),
        ],
    )
    def test_named_parameters(self, tmp_path: Path, named: str, reason: str) -> None:
        assert reason in complaint(tmp_path, f"parameters: {named}\n" + self.TAIL % "3")

    @pytest.mark.parametrize("limits", ["[0, null]", "[0, ]", "[0, .inf]", "[-.inf, .inf]", "[0, inf]"])
    def test_open_bounds(self, tmp_path: Path, limits: str) -> None:
        if limits == "[0, ]":
            assert "must be a pair" in complaint(tmp_path, self.TAIL % f"{{value: 3, bounds: {limits}}}")
            return
        (parameter,) = load(tmp_path, self.TAIL % f"{{value: 3, bounds: {limits}}}").measurements[0].sample.parameters
        assert parameter.bounds[1] == np.inf


class TestSamples:
    def test_material(self, tmp_path: Path) -> None:
        text = FILM.replace(
            "sld: {value: 4, bounds: [3, 5]}",
            "material: {formula: SiO2, density: {value: 2.2, bounds: [1, 3]}, radiation: x-ray, wavelength: 1.54}",
        )
        (spec,) = load(tmp_path, text).measurements
        layer = spec.sample.layers[1]
        expected = ks.Material("SiO2", density=2.2, radiation="x-ray", wavelength=1.54)
        assert (layer.sld.value, layer.sld_imag.value) == (expected.sld, expected.sld_imag)
        assert [parameter.name for parameter in spec.sample.parameters] == [None, "film density"]

    def test_several_measurements_share_what_they_name(self, tmp_path: Path, film_data: Path) -> None:
        data = f"{{file: {film_data.name}, columns: [q, r, dr, dq], dq: sigma, q_unit: 1/angstrom}}"
        text = f"""\
parameters: {{d: {{value: 20, bounds: [10, 30]}}}}
samples:
  heavy: [{{sld: 2.07}}, {{thickness: d, sld: 3.47}}, {{sld: 6.36}}]
measurements:
  - {{name: D2O, sample: heavy, data: {data}, scale: {{value: 1, bounds: [0.9, 1.1]}}}}
  - {{name: H2O, sample: [{{sld: 2}}, {{thickness: d, sld: 3}}, {{sld: -0.56}}], data: {data}, scale: {{value: 1}}}}
  - {{name: again, sample: heavy, data: {data}}}
"""
        problem = load(tmp_path, text).problem()
        assert problem.names == ["d", "D2O scale", "H2O scale"]
        assert problem.measurements[0].sample is problem.measurements[2].sample
        assert [item.name for item in problem.measurements] == ["D2O", "H2O", "again"]

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (
                "thickness:",
                "thicknes:",
                "sample[1].thicknes: unknown key 'thicknes'; did you mean 'thickness'?\nallowed",
            ),
            ("sample:", "Sample:", "Sample: unknown key 'Sample'; did you mean 'sample'?"),
            (
                "    sld: {value: 4, bounds: [3, 5]}\n",
                "",
                "sample[1]: one of 'sld' and 'material' is required; got neither",
            ),
            (
                "roughness: 5",
                "material: {formula: Si, radiation: neutron}",
                "sample[1]: one of 'sld' and 'material' is required; got both",
            ),
            (
                "sld: 2.07,",
                "sld_imag: 1, material: {formula: Si, radiation: neutron},",
                "sample[2].sld_imag: does not go with 'material'",
            ),
            ("sld: 2.07,", "material: Si,", "sample[2].material: a mapping with the keys formula"),
            ("sld: 2.07,", "material: {formula: Si},", "sample[2].material: 'radiation' is required"),
            (
                "sld: 2.07,",
                "material: {formula: Sx, radiation: neutron},",
                "sample[2].material: formula must be a chemical formula",
            ),
            (
                "sld: 2.07,",
                "material: {formula: SiO2, radiation: neutron},",
                "density is required, none is tabulated for 'SiO2'; give density in",
            ),
            (
                "sld: 2.07,",
                "material: {formula: Si, radiation: xray},",
                "must be one of neutron, x-ray; got 'xray'; did you mean 'x-ray'?",
            ),
            (
                "sld: 2.07,",
                "material: {formula: Si, radiation: x-ray, wavelength: 0},",
                "sample[2].material.wavelength: must be positive; got 0 angstrom",
            ),
            ("sld: 0}", "sld: 0, roughness: 3}", "sample: the fronting has no top interface"),
            (
                "roughness: 3}",
                "roughness: 3, thickness: 3}",
                "sample: the backing (last medium) must have no thickness",
            ),
            (
                "    thickness: {value: 250, bounds: [200, 300]}\n",
                "",
                "sample: an inner layer must have a thickness; layers[1] 'film'",
            ),
            ("value: 250, bounds: [200, 300]", "value: -250", "sample[1].thickness: must be non-negative"),
            ("roughness: 5", "roughness: -5", "sample[1].roughness: must be non-negative; roughness = -5.0 angstrom"),
            ("name: film\n", "name:\n", "sample[1].name: a text is required; got nothing"),
            ("name: film\n", "name: [film]\n", "sample[1].name: a text is required; got a list of 1"),
        ],
    )
    def test_what_is_no_sample(self, tmp_path: Path, old: str, new: str, reason: str) -> None:
        assert old in FILM
        message = complaint(tmp_path, FILM.replace(old, new, 1))
        assert message.startswith("film.yaml: ")
        assert reason in message

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (
                "sample: []",
                "sample: a list of layers, from the fronting to the backing, is required; got an empty list",
            ),
            ("sample:", "sample: a list of layers, from the fronting to the backing, is required; got nothing"),
            ("sample: [air, silicon]", "sample[0]: a mapping with the keys name, thickness"),
            ("sample: [{sld: 0}]", "sample: at least two media are required"),
            ("sample: gold", "sample: no sample is called 'gold'; there is no top-level 'samples'"),
            ("samples: {golf: [{sld: 0}, {sld: 4}]}\nsample: gold", "did you mean 'golf'?; samples are golf"),
            ("scale: 1", "'sample' (or 'measurements') is required; the keys here are scale"),
            ("measurements: []", "measurements: a list of measurements is required; got an empty list"),
            ("measurements: [{name: x}]", "measurements[0]: 'sample' is required; the keys here are name"),
            ("measurements: [{sample: [{sld: 0}, {sld: 1}]}]\nscale: 1", "scale: does not go with 'measurements'"),
            ("measurements: [{sample: [{sld: 0}, {sld: 1}]}]", "measurements[0]: 'data' is required for a fit"),
            ("sample: &s [*s, *s]", "sample[0]: a mapping with the keys name"),
            ("sample: [{sld: 0}, {sld: &p {value: *p}}]", "sample[1].sld.value: must be a number; got a mapping"),
        ],
    )
    def test_what_is_no_model(self, tmp_path: Path, text: str, reason: str) -> None:
        assert reason in complaint(tmp_path, text)


@pytest.mark.usefixtures("film_data")
class TestSettings:
    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("dq: sigma, ", "", "data: 'dq' is required, to say what the column dq holds: dq: sigma or dq: fwhm\n"),
            ("dq: sigma", "dq: fhwm", "data.dq: must be one of sigma, fwhm; got 'fhwm'; did you mean 'fwhm'?"),
            (", q_unit: 1/angstrom", "", "data: 'q_unit' is required for a text file"),
            ("1/angstrom", "1/m", "data.q_unit: must be one of 1/angstrom, 1/nm; got '1/m'"),
            ("columns: [q, r, dr, dq], ", "", "data: 'columns' is required for a text file"),
            ("[q, r, dr, dq]", "qrd", "data.columns: a list such as [q, r, dr, dq] is required; got 'qrd'"),
            ("[q, r, dr, dq]", "[q, r, dr, dq, dz]", "data: columns may hold 'q', 'r', 'dr', 'dq'"),
            ("[q, r, dr, dq], dq: sigma", "[q, r, dr]", "film.dat, line 1: expected 3 columns (q, r, dr), got 4"),
            ("film.dat", "flim.dat", "data: there is no file flim.dat; did you mean 'film.dat'?"),
            ("file: film.dat, ", "", "data: 'file' is required"),
            ("dq: sigma", "dq: sigma, q_min: 1", "data: at least one point must lie between q_min = 1.0"),
            ("dq: sigma", "dq: sigma, data_set: 1", "data.data_set: film.dat has no data set 1; it holds 0 'film'"),
            ("[q, r, dr, dq]", "[q, r, _, dq]", "the chi2 misfit needs dr"),
        ],
    )
    def test_data(self, tmp_path: Path, old: str, new: str, reason: str) -> None:
        assert old in FILM
        message = complaint(tmp_path, FILM.replace(old, new))
        assert message.startswith("film.yaml: ")
        assert reason in message

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("resolution: 0.02", "resolution: must be 'data', 'none' or {dq_over_q: 0.02, dq: sigma}; got '0.02'"),
            ("resolution: sharp", "resolution: must be one of data, none; got 'sharp'"),
            ("resolution: {dq_over_q: 0.02}", "resolution: 'dq' is required beside dq_over_q"),
            (
                "resolution: {dq_over_q: 5, dq: fwhm}",
                "resolution.dq_over_q: must be a fraction, such as 0.05 for 5 %; got '5'",
            ),
            ("misfit: chi", "misfit: must be one of chi2, log; got 'chi'; did you mean 'chi2'?"),
            ("scale: big", "scale: must be a number, a parameter"),
            ("fit: {method: newtn-cg}", "fit.method: must be one of levenberg-marquardt"),
            (
                "fit: {method: trf, options: {ftoll: 1}}",
                "fit.options: method 'trf' has no option 'ftoll'; did you mean 'ftol'?",
            ),
            ("fit: {starts: 0}", "fit.starts: must be a whole number, at least 1; got '0'"),
            ("fit: {starts: 2.5}", "fit.starts: must be a whole number, at least 1; got '2.5'"),
            ("fit: {seed: -1}", "fit.seed: must be a whole number, at least 0; got '-1'"),
            ("fit: 3", "fit: a mapping with the keys method"),
            ("simulate: {counts: 1}", "simulate: 'q' is required; the keys here are counts"),
            ("simulate: {q: [0.1]}", "simulate: the noise is required, once; got neither"),
            ("simulate: {q: [0.1], counts: 1, relative_error: 1}", "got counts and relative_error"),
            ("simulate: {q: [0.1], counts: 0}", "simulate.counts: must be positive; got 0"),
            ("simulate: {q: [-0.1], counts: 1}", "simulate.q[0]: must be positive; got -0.1 1/angstrom"),
            ("simulate: {q: {start: 2, stop: 1, points: 9}, counts: 1}", "simulate.q.stop: must be above start"),
            (
                "simulate: {q: {start: 1, stop: 2, points: 1}, counts: 1}",
                "simulate.q.points: must be a whole number, at least 2",
            ),
            (
                "simulate: {q: {start: 1, stop: 2, points: 1e12}, counts: 1}",
                "simulate.q.points: must not be above 1000000",
            ),
            ("simulate: {q: [0.1], counts: 1, dq: sigma}", "simulate.dq: says what dq_over_q is"),
            ("simulate: {q: [0.1], counts: 1, dq_over_q: 0.1}", "simulate: 'dq' is required beside dq_over_q"),
        ],
    )
    def test_bad_settings(self, tmp_path: Path, line: str, reason: str) -> None:
        message = complaint(tmp_path, FILM + line)
        assert message.startswith("film.yaml: ")
        assert reason in message

    def test_fit(self, tmp_path: Path) -> None:
        line = "fit: {method: TRF, starts: 3, seed: 7, max_evaluations: 50, options: {ftol: 1e-9, tr_solver: lsmr}}"
        fit = load(tmp_path, FILM + line).fit
        assert (fit.method, fit.starts, fit.seed, fit.max_evaluations) == ("trf", 3, 7, 50)
        assert fit.options == {"ftol": 1e-9, "tr_solver": "lsmr"}

    def test_options_that_are_whole_numbers_and_switches(self, tmp_path: Path) -> None:
        line = "fit: {method: nelder-mead, options: {adaptive: true, xatol: 1}}"
        options = load(tmp_path, FILM + line).fit.options
        assert options == {"adaptive": True, "xatol": 1}
        assert [type(value) for value in options.values()] == [bool, int]


class TestSimulate:
    def test_seed_of_the_file_and_of_the_caller(self, tmp_path: Path) -> None:
        model = load(tmp_path, FILM + SIMULATE)
        (first,), (second,), (other,) = model.simulate(), model.simulate(), model.simulate(seed=2)
        np.testing.assert_array_equal(first.r, second.r)
        assert (first.r != other.r).any()

    def test_grid_and_resolution(self, tmp_path: Path) -> None:
        line = (
            "simulate: {q: {start: 0.01, stop: 0.16, points: 5, spacing: log}, dq_over_q: 0.02, dq: sigma, counts: 1}"
        )
        (data,) = load(tmp_path, FILM + line).simulate()
        np.testing.assert_allclose(data.q, [0.01, 0.02, 0.04, 0.08, 0.16], rtol=1e-14)  # roundoff of a power
        np.testing.assert_allclose(data.dq, 0.02 * data.q, rtol=1e-15)

    def test_measurements_have_noise_of_their_own(self, tmp_path: Path) -> None:
        text = "samples: {s: [{sld: 0}, {sld: 2}]}\nmeasurements: [{name: a, sample: s}, {name: b, sample: s}]\n"
        first, second = load(tmp_path, text + SIMULATE).simulate()
        assert (first.name, second.name) == ("a", "b")
        assert (first.r != second.r).any()

    def test_a_file_without_simulate(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError, match=r"'simulate' is required to simulate, such as\nsimulate: \{q:"):
            load(tmp_path, FILM).simulate()

    def test_the_line_that_the_message_proposes(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError) as caught:
            load(tmp_path, FILM).simulate()
        assert len(load(tmp_path, FILM + str(caught.value).split("\n")[1]).simulate()[0]) == 200


class TestText:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "film.yaml: the file is empty"),
            ("# nothing yet\n", "film.yaml: the file is empty"),
            ("hello", "film.yaml: a model is a mapping of keys such as sample and data; got 'hello'"),
            ("- 3", "got a list of 1"),
            ("sample:\n\t- {sld: 0}\n", "film.yaml, line 2: not valid YAML: found character '\\t'"),
            ("sample:\n\t- {sld: 0}\n", "the line has a tab; YAML is indented with spaces"),
            ("sample: [\n", "film.yaml, line 2: not valid YAML"),
            ("sample: x: y\n", "a text with ': ' that needs quotes"),
            ("sample: [{sld: 0}\ndata: 3\n", "a missing comma or closing bracket"),
            (
                "scale: 1\nsample: 2\nscale: 3\n",
                "film.yaml, line 3: the key 'scale' stands twice in one mapping, first in line 1",
            ),
            ("sample: [{sld: 0, sld: 1}]", "film.yaml, line 1: the key 'sld' stands twice"),
            ("? [a, b]\n: 3\n", "a key must be a single word"),
            ("a: 1\n---\nb: 2\n", "not valid YAML: but found another document"),
            ("sample: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
            ("sample: *nothing", "found undefined alias"),
            ("[" * 3000, "nested too deeply"),
            ("sample: \x00", "not a YAML text file"),
        ],
    )
    def test_what_is_no_yaml(self, tmp_path: Path, text: str, reason: str) -> None:
        assert reason in complaint(tmp_path, text)

    def test_merged_keys_are_no_duplicates(self, tmp_path: Path) -> None:
        text = "sample:\n  - &a {sld: 0}\n  - {thickness: 3, <<: *a, sld: 4}\n  - {<<: *a, sld: 2}\n"
        sld = load(tmp_path, text).measurements[0].sample.slabs().sld
        np.testing.assert_array_equal(sld, [0.0, 4.0, 2.0])

    def test_words_stay_words(self, tmp_path: Path) -> None:
        # YAML 1.1 reads no as False, 2024-01-01 as a date, 12:30 as 750 and 1e3 as text
        text = "sample: [{name: no, sld: 0}, {name: 2024-01-01, sld: 1, thickness: 3}, {name: 12:30, sld: 1e3}]"
        layers = load(tmp_path, text).measurements[0].sample.layers
        assert [layer.name for layer in layers] == ["no", "2024-01-01", "12:30"]
        assert layers[2].sld == 1000.0

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "film.yaml").write_bytes(b"\xff\xfes\x00")
        with pytest.raises(ModelFileError, match="must be text in UTF-8; byte 0 is not"):
            load_model(tmp_path / "film.yaml")

    def test_missing_files_and_folders(self, tmp_path: Path) -> None:
        (tmp_path / "film.yaml").write_text(FILM)
        with pytest.raises(ModelFileError, match=r"there is no such model file; did you mean 'film\.yaml'\?"):
            load_model(tmp_path / "flim.yaml")
        with pytest.raises(ModelFileError, match="a model file is required, this is a folder"):
            load_model(tmp_path)
