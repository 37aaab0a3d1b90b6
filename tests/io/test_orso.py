"""ORSO text files, most written by orsopy: what the header states is honoured, what it leaves open is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from orsopy import fileio

from kiessig.errors import DataError, InvalidValueError, UnknownNameError
from kiessig.instrument import FWHM_PER_SIGMA
from kiessig.io import load

ROWS = np.array([[0.1, 0.9, 0.05, 0.01], [0.2, -1e-7, 2e-7, 0.02], [0.3, 2.5e-5, 1e-6, 0.0]])
Q, R = fileio.Column("Qz", "1/angstrom"), fileio.Column("R")
SR = fileio.ErrorColumn("R", "uncertainty", "sigma")
SQ = fileio.ErrorColumn("Qz", "resolution", "sigma")

Write = Callable[..., Path]


def header(columns: list[Any], sample: str = "Ni film", polarisation: Any = "unpolarized", **more: Any) -> fileio.Orso:
    settings = fileio.InstrumentSettings(
        fileio.Value(1.0, "deg"), fileio.ValueRange(3.0, 12.0, "angstrom"), polarisation
    )
    source = fileio.DataSource(
        fileio.Person("A. Person", "An Institute"),
        fileio.Experiment("title", "reflectometer", datetime(2024, 5, 1), "neutron"),
        fileio.Sample(sample),
        fileio.Measurement(settings, ["raw.nxs"]),
    )
    return fileio.Orso(source, fileio.Reduction(fileio.Software("reducer")), columns, **more)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write datasets with orsopy; each is (rows, header arguments)."""

    def write(*datasets: tuple[np.ndarray, dict[str, Any]], edit: tuple[str, str] | None = None) -> Path:
        path = tmp_path / "film.ort"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some headers here are wrong on purpose
            fileio.save_orso([fileio.OrsoDataset(header(**keys), rows) for rows, keys in datasets], str(path))
        if edit is not None:
            text = path.read_text()
            assert edit[0] in text
            path.write_text(text.replace(*edit))
        return path

    return write


def one(write: Write, columns: list[Any], rows: np.ndarray = ROWS, **load_options: Any) -> Any:
    (dataset,) = load(write((rows, {"columns": columns})), **load_options)
    return dataset


def test_standard_columns(write: Write) -> None:
    dataset = one(write, [Q, R, SR, SQ])
    for i, column in enumerate((dataset.q, dataset.r, dataset.dr, dataset.dq)):
        np.testing.assert_array_equal(column, ROWS[:, i])
    assert dataset.name == "Ni film"


def test_inverse_nanometres_are_converted_in_q_and_dq(write: Write) -> None:
    dataset = one(write, [fileio.Column("Qz", "1/nm"), R, SR, SQ])
    np.testing.assert_array_equal(dataset.q, ROWS[:, 0] / 10)
    np.testing.assert_array_equal(dataset.dq, ROWS[:, 3] / 10)
    np.testing.assert_array_equal(dataset.r, ROWS[:, 1])
    np.testing.assert_array_equal(dataset.dr, ROWS[:, 2])


def test_fwhm_is_converted_in_dq_and_dr(write: Write) -> None:
    fwhm_r, fwhm_q = (fileio.ErrorColumn(of, value_is="FWHM", distribution="gaussian") for of in ("R", "Qz"))
    dataset = one(write, [fileio.Column("Qz", "1/nm"), R, SR, fwhm_q])
    np.testing.assert_array_equal(dataset.dq, ROWS[:, 3] / 10 / FWHM_PER_SIGMA)
    np.testing.assert_array_equal(dataset.dr, ROWS[:, 2])
    dataset = one(write, [Q, R, fwhm_r, SQ])
    np.testing.assert_array_equal(dataset.dr, ROWS[:, 2] / FWHM_PER_SIGMA)
    np.testing.assert_array_equal(dataset.dq, ROWS[:, 3])


@pytest.mark.parametrize("spelling", ["fwhm", "FWHM", "Fwhm"])
def test_value_is_in_any_case(write: Write, spelling: str) -> None:
    path = write(
        (ROWS, {"columns": [Q, R, SR, SQ]}), edit=("resolution, value_is: sigma", f"resolution, value_is: {spelling}")
    )
    (dataset,) = load(path)
    np.testing.assert_array_equal(dataset.dq, ROWS[:, 3] / FWHM_PER_SIGMA)


class TestUnlabelledResolution:
    COLUMNS = (
        fileio.ErrorColumn("Qz", "resolution"),
        fileio.ErrorColumn("Qz"),
        fileio.Column("sQz", "1/angstrom"),
        fileio.Column("sQz"),
        fileio.Column("dQz", "1/angstrom", "resolution"),
    )

    @pytest.mark.parametrize("column", COLUMNS, ids=repr)
    def test_is_refused_with_the_remedy(self, write: Write, column: Any) -> None:
        with pytest.raises(DataError) as caught:
            one(write, [Q, R, SR, column])
        first, second = str(caught.value).split("\n")
        assert "film.ort does not say whether its resolution" in first
        assert repr(column.name) in first
        assert second == "state it: load(path, dq='sigma') or load(path, dq='fwhm')"

    @pytest.mark.parametrize("column", COLUMNS, ids=repr)
    def test_is_read_as_stated(self, write: Write, column: Any) -> None:
        np.testing.assert_array_equal(one(write, [Q, R, SR, column], dq="sigma").dq, ROWS[:, 3])
        np.testing.assert_array_equal(one(write, [Q, R, SR, column], dq="fwhm").dq, ROWS[:, 3] / FWHM_PER_SIGMA)

    def test_plain_columns_as_some_reductions_write_them(self, write: Write) -> None:
        columns = [Q, R, fileio.Column("sR", physical_quantity="standard deviation of R"), fileio.Column("sQz", "1/nm")]
        dataset = one(write, columns, dq="sigma")
        np.testing.assert_array_equal(dataset.dr, ROWS[:, 2])
        np.testing.assert_array_equal(dataset.dq, ROWS[:, 3] / 10)  # its own unit


def test_statement_must_agree_with_the_file(write: Write) -> None:
    fwhm = fileio.ErrorColumn("Qz", "resolution", "FWHM")
    np.testing.assert_array_equal(one(write, [Q, R, SR, SQ], dq="sigma").dq, ROWS[:, 3])
    with pytest.raises(
        InvalidValueError, match=r"^load: dq='fwhm' contradicts .*film\.ort, which states value_is: sigma for"
    ):
        one(write, [Q, R, SR, SQ], dq="fwhm")
    with pytest.raises(InvalidValueError, match=r"dq='sigma' contradicts .* which states value_is: FWHM for 'sQz'"):
        one(write, [Q, R, SR, fwhm], dq="sigma")


def test_statement_without_resolution_column(write: Write) -> None:
    with pytest.raises(InvalidValueError, match=r"dq='sigma' applies to a resolution column; .*film\.ort has none"):
        one(write, [Q, R, SR], ROWS[:, :3], dq="sigma")


class TestUnitOfQ:
    @pytest.mark.parametrize("unit", [None, ""])
    def test_missing(self, write: Write, unit: str | None) -> None:
        columns = [fileio.Column("Qz", unit), R, SR, SQ]
        with pytest.raises(
            DataError, match=r"unit of Q must be '1/angstrom' or '1/nm'; .* does not state it\npass q_unit="
        ):
            one(write, columns)
        np.testing.assert_array_equal(one(write, columns, q_unit="1/angstrom").q, ROWS[:, 0])
        dataset = one(write, columns, q_unit="1/nm")
        np.testing.assert_array_equal(dataset.q, ROWS[:, 0] / 10)
        np.testing.assert_array_equal(dataset.dq, ROWS[:, 3] / 10)

    def test_unknown(self, write: Write) -> None:
        columns = [fileio.Column("Qz", "1/A"), R, SR, SQ]
        with pytest.raises(DataError, match=r"film\.ort states '1/A'\npass q_unit= to state it"):
            one(write, columns)
        np.testing.assert_array_equal(one(write, columns, q_unit="1/nm").q, ROWS[:, 0] / 10)

    @pytest.mark.parametrize(
        ("unit", "factor"), [("1/Angstrom", 1), ("1 / nm", 10), ("angstrom^-1", 1), ("nm**-1", 10)]
    )
    def test_spellings(self, write: Write, unit: str, factor: float) -> None:
        np.testing.assert_array_equal(one(write, [fileio.Column("Qz", unit), R, SR, SQ]).q, ROWS[:, 0] / factor)

    def test_statement_must_agree(self, write: Write) -> None:
        np.testing.assert_array_equal(one(write, [Q, R, SR, SQ], q_unit="1/angstrom").q, ROWS[:, 0])
        with pytest.raises(InvalidValueError, match=r"q_unit='1/nm' contradicts .* which states '1/angstrom'"):
            one(write, [Q, R, SR, SQ], q_unit="1/nm")

    def test_of_a_resolution_that_is_none(self, write: Write) -> None:
        with pytest.raises(DataError, match="resolution must be in '1/angstrom' or '1/nm'; column 'sQz' states 'deg'"):
            one(write, [Q, R, SR, fileio.Column("sQz", "deg")], dq="sigma")


class TestLabelsThatCannotBeUsed:
    @pytest.mark.parametrize("distribution", ["uniform", "triangular", "lorentzian", "rectangular"])
    def test_distribution(self, write: Write, distribution: str) -> None:
        # "rectangular" stands in the specification but not in orsopy, which warns of it
        edit = ("resolution, value_is: sigma", f"resolution, value_is: sigma, distribution: {distribution}")
        path = write((ROWS, {"columns": [Q, R, SR, SQ]}), edit=edit)
        with pytest.raises(DataError, match=f"distribution of column 'sQz' must be 'gaussian'; got '{distribution}'"):
            load(path, dq="sigma")

    def test_distribution_of_the_uncertainty(self, write: Write) -> None:
        uniform = fileio.ErrorColumn("R", "uncertainty", "sigma", "uniform")
        with pytest.raises(DataError, match="distribution of column 'sR' must be 'gaussian'; got 'uniform'"):
            one(write, [Q, R, uniform, SQ])

    def test_value_is(self, write: Write) -> None:
        path = write(
            (ROWS, {"columns": [Q, R, SR, SQ]}), edit=("resolution, value_is: sigma", "resolution, value_is: HWHM")
        )
        with pytest.raises(DataError, match="value_is of column 'sQz' must be 'sigma' or 'fwhm'; got 'HWHM'"):
            load(path, dq="sigma")

    @pytest.mark.parametrize("dq", [None, "sigma"])
    def test_relative_error_type(self, write: Write, dq: str | None) -> None:
        path = write((ROWS, {"columns": [Q, R, SR, SQ]}), edit=("error_type: resolution", "error_type: relative"))
        with pytest.raises(DataError, match=r"error_type of column 'sQz' must be 'resolution' or .*; got 'relative'"):
            load(path, dq=dq)

    def test_uncertainty_of_q_is_a_resolution_only_if_stated(self, write: Write) -> None:
        column = fileio.ErrorColumn("Qz", "uncertainty", "FWHM")
        with pytest.raises(
            DataError, match=r"'sQz' must be the resolution of Q; its error_type is 'uncertainty'\nif it is"
        ):
            one(write, [Q, R, SR, column])
        np.testing.assert_array_equal(one(write, [Q, R, SR, column], dq="fwhm").dq, ROWS[:, 3] / FWHM_PER_SIGMA)

    def test_resolution_of_r(self, write: Write) -> None:
        with pytest.raises(DataError, match="error_type of column 'sR' must be 'uncertainty'; got 'resolution'"):
            one(write, [Q, R, fileio.ErrorColumn("R", "resolution", "sigma"), SQ])


class TestFindingColumns:
    def test_errors_are_optional(self, write: Write) -> None:
        dataset = one(write, [Q, R], ROWS[:, :2])
        assert dataset.dr is None
        assert dataset.dq is None
        dataset = one(write, [Q, R, SR], ROWS[:, :3])
        np.testing.assert_array_equal(dataset.dr, ROWS[:, 2])
        assert dataset.dq is None
        dataset = one(write, [Q, R, SQ], ROWS[:, [0, 1, 3]])
        np.testing.assert_array_equal(dataset.dq, ROWS[:, 3])
        assert dataset.dr is None

    def test_unlabelled_uncertainty_is_one_sigma(self, write: Write) -> None:
        np.testing.assert_array_equal(one(write, [Q, R, fileio.ErrorColumn("R"), SQ]).dr, ROWS[:, 2])

    def test_by_name_in_another_order_with_further_columns(self, write: Write) -> None:
        q, r = fileio.Column("Q", "1/angstrom"), fileio.Column("r")
        wavelength = fileio.Column("lambda", "angstrom", "wavelength")
        columns = [wavelength, q, fileio.ErrorColumn("Q", "resolution", "sigma"), r, fileio.ErrorColumn("lambda"), SR]
        rows = np.column_stack([np.full(3, 5.0), ROWS[:, 0], ROWS[:, 3], ROWS[:, 1], np.full(3, 0.1), ROWS[:, 2]])
        dataset = one(write, columns, rows)
        for i, column in enumerate((dataset.q, dataset.r, dataset.dr, dataset.dq)):
            np.testing.assert_array_equal(column, ROWS[:, i])

    def test_by_physical_quantity(self, write: Write) -> None:
        columns = [
            fileio.Column("x", "1/angstrom", "normal_wavevector_transfer"),
            fileio.Column("y", None, "Reflectivity"),
            fileio.ErrorColumn("y", "uncertainty", "sigma"),
            fileio.ErrorColumn("x", "resolution", "sigma"),
        ]
        dataset = one(write, columns)
        for i, column in enumerate((dataset.q, dataset.r, dataset.dr, dataset.dq)):
            np.testing.assert_array_equal(column, ROWS[:, i])

    def test_name_goes_before_physical_quantity(self, write: Write) -> None:
        other = fileio.Column("Qtotal", "1/angstrom", "wavevector transfer")
        rows = np.column_stack([np.full(3, 7.0), ROWS[:, :2]])
        np.testing.assert_array_equal(one(write, [other, Q, R], rows).q, ROWS[:, 0])

    @pytest.mark.parametrize("name", ["sQz", "width"])
    def test_name_and_error_of_in_one_entry(self, write: Write, name: str) -> None:
        # legal in the schema of 1.2; orsopy makes a plain Column of it
        edit = (
            "{error_of: Qz, error_type: resolution, value_is: sigma}",
            f"{{name: {name}, error_of: Qz, value_is: FWHM}}",
        )
        (dataset,) = load(write((ROWS, {"columns": [Q, R, SR, SQ]}), edit=edit))
        np.testing.assert_array_equal(dataset.dq, ROWS[:, 3] / FWHM_PER_SIGMA)

    @pytest.mark.parametrize(
        ("columns", "match"),
        [
            ([fileio.Column("theta", "deg"), R], r"column Qz \(.*\) is required; the header has 'theta', 'R'"),
            ([Q, fileio.Column("counts")], r"column R \(the reflectivity\) is required; the header has 'Qz', 'counts'"),
        ],
    )
    def test_required(self, write: Write, columns: list[Any], match: str) -> None:
        with pytest.raises(DataError, match=match):
            one(write, columns, ROWS[:, :2])

    def test_what_may_be_an_error_column_is_not_passed_over(self, write: Write) -> None:
        with pytest.raises(
            DataError, match=r"column 3, 'noise', stands where ORSO has the uncertainty of R \(sR\), but"
        ):
            one(write, [Q, R, fileio.Column("noise"), SQ])
        with pytest.raises(DataError, match=r"column 4, 'width', stands where ORSO has the resolution \(sQz\), but"):
            one(write, [Q, R, SR, fileio.Column("width", "1/angstrom")])

    def test_what_is_labelled_as_something_else_is_left_aside(self, write: Write) -> None:
        dataset = one(write, [Q, R, fileio.Column("lambda", "angstrom"), fileio.Column("n", None, "counts")])
        assert dataset.dr is None
        assert dataset.dq is None

    def test_columns_of_nan_are_unknown(self, write: Write) -> None:
        rows = ROWS.copy()
        rows[:, 2:] = np.nan
        dataset = one(write, [Q, R, SR, fileio.ErrorColumn("Qz")], rows)
        assert dataset.dr is None
        assert dataset.dq is None


class TestSeveralDataSets:
    def test_units_and_labels_are_those_of_each(self, write: Write) -> None:
        other = [fileio.Column("Qz", "1/nm"), R, SR, fileio.ErrorColumn("Qz", "resolution", "FWHM")]
        path = write(
            (ROWS, {"columns": [Q, R, SR, SQ], "data_set": "cold"}),
            (ROWS[:2], {"columns": other, "data_set": "hot", "sample": "Co film"}),
        )
        cold, hot = load(path)
        assert (cold.name, hot.name) == ("Ni film, cold", "Co film, hot")
        assert (len(cold), len(hot)) == (3, 2)
        np.testing.assert_array_equal(cold.q, ROWS[:, 0])
        np.testing.assert_array_equal(hot.q, ROWS[:2, 0] / 10)
        np.testing.assert_array_equal(hot.dq, ROWS[:2, 3] / 10 / FWHM_PER_SIGMA)

    def test_polarisation_is_in_the_name(self, write: Write) -> None:
        columns = [Q, R, SR, SQ]
        path = write(
            (ROWS, {"columns": columns, "polarisation": "pp", "data_set": "spin_up"}),
            (ROWS, {"columns": columns, "polarisation": "mm"}),
            (ROWS, {"columns": columns, "polarisation": "po", "data_set": "po"}),
            (ROWS, {"columns": columns, "polarisation": "unpolarized", "data_set": "all"}),
        )
        names = [dataset.name for dataset in load(path)]
        assert names == [
            "Ni film, spin_up, pp",
            "Ni film, data set 1, mm",
            "Ni film, po",
            "Ni film, all",
        ]

    def test_polarisation_may_be_a_vector(self, write: Write) -> None:
        (dataset,) = load(write((ROWS, {"columns": [Q, R, SR, SQ], "polarisation": fileio.ValueVector(0.0, 0.0, 0.5)})))
        assert dataset.name == "Ni film, polarisation (0, 0, 0.5)"

    def test_errors_name_the_data_set(self, write: Write) -> None:
        other = [Q, R, SR, fileio.ErrorColumn("Qz")]
        path = write((ROWS, {"columns": [Q, R, SR, SQ]}), (ROWS, {"columns": other}))
        with pytest.raises(DataError, match=r"film\.ort, data set 1 does not say whether its resolution"):
            load(path)

    def test_first_separator_is_optional(self, write: Write) -> None:
        # the specification allows it; orsopy 1.2.3 alone runs the two data sets together
        columns = [Q, R, SR, SQ]
        path = write(
            (ROWS, {"columns": columns}),
            (ROWS[:2], {"columns": columns, "polarisation": "mm"}),
            edit=("# data_set: 0\n", ""),
        )
        first, second = load(path)
        assert (len(first), len(second)) == (3, 2)
        assert (first.name, second.name) == ("Ni film, data set 0", "Ni film, data set 1, mm")

    def test_one_with_a_number_needs_no_number_in_its_name(self, write: Write) -> None:
        (dataset,) = load(write((ROWS, {"columns": [Q, R, SR, SQ], "data_set": 5})))
        assert dataset.name == "Ni film"


def test_name_falls_back_to_the_file(write: Write) -> None:
    (dataset,) = load(write((ROWS, {"columns": [Q, R, SR, SQ], "sample": " "})))
    assert dataset.name == "film"


def test_suffix_in_any_case(write: Write) -> None:
    path = write((ROWS, {"columns": [Q, R, SR, SQ]}))
    upper = path.rename(path.with_suffix(".ORT"))
    assert len(load(upper)[0]) == 3


@pytest.mark.parametrize(
    "change",
    [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t, lambda t: t.replace("Ni film", "Ni \u00b5 film")],
)
def test_line_ends_byte_order_mark_and_unicode(write: Write, change: Callable[[str], str]) -> None:
    path = write((ROWS, {"columns": [Q, R, SR, SQ]}))
    path.write_bytes(change(path.read_text()).encode())
    (dataset,) = load(path)
    np.testing.assert_array_equal(dataset.dq, ROWS[:, 3])
    assert dataset.name is not None
    assert dataset.name.startswith("Ni")


def test_header_entries_of_no_concern_are_not_judged(write: Write) -> None:
    path = write((ROWS, {"columns": [Q, R, SR, SQ]}), edit=("probe: neutron", "probe: muons\n#     user: {a: 1}"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load(path)[0]) == 3


def test_old_header_by_hand(tmp_path: Path) -> None:
    """A header of the 0.1 standard, with keys that later versions dropped."""
    path = tmp_path / "old.ort"
    path.write_text(
        "# # ORSO reflectivity data file | 0.1 standard | YAML encoding | https://www.reflectometry.org/\n"
        "# data_source:\n"
        "#     owner: {name: T. Proposer, affiliation: The Institute}\n"
        "#     experiment: {ID: 2020 0304, start_date: 2021-05-12, title: t, instrument: i, probe: neutron}\n"
        "#     sample: {name: Ni1000}\n"
        "#     measurement:\n"
        "#         instrument_settings:\n"
        "#             incident_angle: {unit: deg, min: 0.4, max: 1.0}\n"
        "#             wavelength: {unit: angstrom, min: 3.0, max: 12.5}\n"
        "#             polarization: po\n"
        "#         data_files: [{file: a.hdf}]\n"
        "# reduction:\n"
        "#     software: {name: eos.py}\n"
        "# columns:\n"
        "#     - {name: Qz, unit: 1/angstrom, dimension: WW transfer}\n"
        "#     - {name: R, dimension: reflectivity}\n"
        "#     - {error_of: R}\n"
        "#     - {error_of: Qz, error_type: resolution}\n"
        "# data_set: spin_up\n"
        "# #  Qz  RQz  sR  sQ\n"
        "1.0e-02 3.9e+00 4.3e+00 5.2e-05\n"
        "\n"
        "1.1e-02 1.2e+01 8.9e+00 5.3e-05\n"
    )
    with pytest.raises(DataError, match="does not say whether its resolution"):
        load(path)
    (dataset,) = load(path, dq="sigma")
    assert dataset.name == "Ni1000, spin_up, po"
    np.testing.assert_array_equal(dataset.dq, [5.2e-5, 5.3e-5])


class TestUnusableRows:
    def damaged(self, write: Write) -> Path:
        rows = ROWS.copy()
        rows[1, 2] = 0.0
        return write((ROWS, {"columns": [Q, R, SR, SQ]}), (rows, {"columns": [Q, R, SR, SQ]}))

    def test_are_refused_by_line(self, write: Write) -> None:
        path = self.damaged(write)
        line = len(path.read_text().split("\n")) - 2  # the last but one
        with pytest.raises(
            DataError, match=rf"film\.ort, data set 1: dr must be finite and > 0: line {line}: dr = 0\.0\nrem"
        ):
            load(path)

    def test_are_masked_when_asked(self, write: Write) -> None:
        first, second = load(self.damaged(write), bad_rows="mask")
        assert first.masked_rows.size == 0
        np.testing.assert_array_equal(second.masked_rows, [1])


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (
            ("2.9999999999999999e-01", "oops"),
            r"film\.ort, line \d+: every column must be a number; got 'oops' in 'oops 2\.5",
        ),
        (("2.9999999999999999e-01 ", ""), r"line \d+: expected 4 columns as above, got 3"),
        (
            ("# # ORSO reflectivity", "# # reflectivity"),
            "not an ORSO text file that orsopy can read: NotOrsoCompatibleFileE",
        ),
        (("# columns:", "# rows:"), "not an ORSO text file that orsopy can read: TypeError: .*columns"),
        (("# columns:", "# columns: ["), r"not an ORSO text file that orsopy can read: ParserError: "),
        (("- {name: R}\n# ", ""), "not an ORSO text file .*: Data has to have the same number of columns as header"),
    ],
)
def test_damaged_files(write: Write, edit: tuple[str, str], match: str) -> None:
    with pytest.raises(DataError, match=match) as caught:
        load(write((ROWS, {"columns": [Q, R, SR, SQ]}), edit=edit))
    assert "\n" not in str(caught.value)


def test_data_set_without_rows(write: Write) -> None:
    path = write((ROWS, {"columns": [Q, R, SR, SQ]}))
    path.write_text(path.read_text() + "# data_set: 1\n")
    with pytest.raises(DataError, match=r"film\.ort: every data set must have rows; data set 1 has none"):
        load(path)


def test_wrong_options(write: Write, tmp_path: Path) -> None:
    path = write((ROWS, {"columns": [Q, R, SR, SQ]}))
    with pytest.raises(InvalidValueError, match=r"columns does not apply to .*film\.ort; the header of an \.ort file"):
        load(path, columns=["q", "r", "dr", "dq"])
    with pytest.raises(UnknownNameError, match=r"dq must be 'sigma' or 'fwhm'; got 'sigm'; did you mean 'sigma'\?"):
        load(path, dq="sigm")
    with pytest.raises(DataError, match=r"there is no file .*film2\.ort; did you mean 'film\.ort'\?"):
        load(tmp_path / "film2.ort")
