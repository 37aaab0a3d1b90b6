"""Column text: delimiters, headers, stated meanings, damaged files; and writing that reads back exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kiessig as ks
from kiessig.errors import DataError, InvalidValueError, ShapeError, UnknownNameError
from kiessig.instrument import FWHM_PER_SIGMA
from kiessig.io import load, save_columns

ROWS = [[0.01, 0.9, 0.05, 1e-3], [0.02, -1e-7, 2e-7, 2e-3], [0.03, 2.5e-5, 1e-6, 0.0]]
STATED = {"columns": ["q", "r", "dr", "dq"], "dq": "sigma", "q_unit": "1/angstrom"}


def written(folder: Path, text: str | bytes, name: str = "film.dat") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows_as_text(delimiter: str = " ") -> str:
    return "".join(delimiter.join(map(repr, row)) + "\n" for row in ROWS)


def assert_is_film(dataset: ks.Dataset) -> None:
    expected = np.array(ROWS)
    for i, column in enumerate((dataset.q, dataset.r, dataset.dr, dataset.dq)):
        np.testing.assert_array_equal(column, expected[:, i])


@pytest.mark.parametrize("delimiter", [" ", "   ", "\t", " \t", ",", ", ", " , ", ";", "; ", ",\t"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    (dataset,) = load(written(tmp_path, rows_as_text(delimiter)), **STATED)
    assert_is_film(dataset)
    assert dataset.name == "film"


def test_is_the_public_load() -> None:
    assert ks.load is load


@pytest.mark.parametrize(
    "above",
    [
        "# Q,R,dR,dQ\n",
        "Q R dR dQ\n",
        "Q,FWHM,R,sig_R\n",
        "\n  \nmeasured in May 2020\nQ (1/A); R; dR; dQ\n\n",
        "# 1 2 3 4\n",
        ";;;\n",
        "Sample 12 at 300 K after 2 h\n",
        "300 K, field 2 T\n",
    ],
)
def test_words_and_comments_above_the_data_are_skipped(tmp_path: Path, above: str) -> None:
    (dataset,) = load(written(tmp_path, above + rows_as_text()), **STATED)
    assert_is_film(dataset)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\n\n# a break\n") + "\n\n",
        lambda text: text.replace("\n", "  # good point\n"),
        lambda text: text.replace(" ", ",").replace("\n", ",\n"),
        lambda text: "".join(f"  {line}  \n" for line in text.split("\n")),
    ],
    ids=["windows", "old-mac", "bom", "no-last-newline", "breaks", "remarks", "last-comma", "indented"],
)
def test_variants_of_text_are_read_alike(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    (dataset,) = load(written(tmp_path, change(rows_as_text())), **STATED)
    assert_is_film(dataset)


def test_bom_before_a_header_and_latin1_in_a_comment(tmp_path: Path) -> None:
    assert_is_film(load(written(tmp_path, "\ufeffQ,R,dR,dQ\n" + rows_as_text(",")), **STATED)[0])
    text = "# Q in 1/\u00c5\n".encode("latin-1") + rows_as_text().encode()
    assert_is_film(load(written(tmp_path, text), **STATED)[0])


def test_columns_in_any_order_and_case_some_skipped(tmp_path: Path) -> None:
    path = written(tmp_path, "7,0.5,0.01,9,1e-3,0.1,3\n8,0.4,0.02,9,2e-3,0.2,3\n")
    columns = ("index", "R", " Q ", None, "dQ", "DR", "_")
    (dataset,) = load(path, columns=columns, dq="SIGMA", q_unit="1/Angstrom")
    np.testing.assert_array_equal(dataset.q, [0.01, 0.02])
    np.testing.assert_array_equal(dataset.r, [0.5, 0.4])
    np.testing.assert_array_equal(dataset.dr, [0.1, 0.2])
    np.testing.assert_array_equal(dataset.dq, [1e-3, 2e-3])


def test_skipped_columns_may_hold_what_could_not_be_fitted(tmp_path: Path) -> None:
    path = written(tmp_path, "0.01 0.9 nan\n0.02 0.8 -1\n")
    (dataset,) = load(path, columns=["q", "r", "_"], q_unit="1/angstrom")
    assert len(dataset) == 2
    assert dataset.dr is None


def test_fwhm_and_sigma_differ_by_the_factor(tmp_path: Path) -> None:
    path = written(tmp_path, rows_as_text())
    (sigma,) = load(path, **STATED)
    (fwhm,) = load(path, **{**STATED, "dq": "fwhm"})
    assert sigma.dq is not None
    np.testing.assert_array_equal(fwhm.dq, sigma.dq / FWHM_PER_SIGMA)
    np.testing.assert_array_equal(fwhm.dr, sigma.dr)


def test_inverse_nanometres_are_converted_in_q_and_dq(tmp_path: Path) -> None:
    path = written(tmp_path, "0.1 0.9 0.05 0.01\n0.2 0.1 0.01 0.02\n")
    (dataset,) = load(path, **{**STATED, "q_unit": "1/nm"})
    np.testing.assert_array_equal(dataset.q, [0.01, 0.02])
    np.testing.assert_array_equal(dataset.dq, [0.001, 0.002])
    np.testing.assert_array_equal(dataset.r, [0.9, 0.1])
    np.testing.assert_array_equal(dataset.dr, [0.05, 0.01])


class TestWhatIsNotStatedIsAskedFor:
    def test_columns(self, tmp_path: Path) -> None:
        path = written(tmp_path, "# made in May\n# Q,R,sig_R,FWHM\n0,0.0065,1.18,0.376,8.1e-05\n", "quartz.csv")
        with pytest.raises(InvalidValueError) as caught:
            load(path)
        first, second = str(caught.value).split("\n")
        assert first == (
            f"load: columns must say what the 5 columns of {path} are; "
            "the first row is '0,0.0065,1.18,0.376,8.1e-05' under 'Q,R,sig_R,FWHM'"
        )
        assert "load(path, columns=['_', 'q', 'r', 'dr', 'dq'], dq='fwhm' or 'sigma', q_unit=" in second

    @pytest.mark.parametrize(
        ("row", "example"),
        [
            ("1 2", "columns=['q', 'r'], q_unit"),
            ("1 2 3", "columns=['q', 'r', 'dr'], q_unit"),
            ("1;2;3;4", "'dq'], dq="),
        ],
    )
    def test_columns_example_fits_the_file(self, tmp_path: Path, row: str, example: str) -> None:
        with pytest.raises(InvalidValueError) as caught:
            load(written(tmp_path, f"{row}\n"))
        assert f"the first row is '{row}'\n" in str(caught.value)
        assert example in str(caught.value)

    def test_columns_of_a_file_without_numbers(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidValueError, match="the file holds no row of numbers"):
            load(written(tmp_path, "nothing here\n"))

    def test_unit(self, tmp_path: Path) -> None:
        path = written(tmp_path, rows_as_text())
        with pytest.raises(
            InvalidValueError, match=r"q_unit must say the unit of Q and dq in .*film\.dat: '1/angstrom' or"
        ):
            load(path, columns=["q", "r", "dr", "dq"], dq="sigma")

    def test_width(self, tmp_path: Path) -> None:
        path = written(tmp_path, rows_as_text())
        with pytest.raises(
            InvalidValueError, match=r"say what column 4 of .* holds: dq='sigma' or dq='fwhm'\n.* 2\.3548 s"
        ):
            load(path, columns=["q", "r", "dr", "dq"], q_unit="1/angstrom")

    def test_no_width_needed_without_resolution(self, tmp_path: Path) -> None:
        path = written(tmp_path, rows_as_text())
        (dataset,) = load(path, columns=["q", "r", "dr", "_"], q_unit="1/angstrom")
        assert dataset.dq is None


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"columns": ["q", "r", "dr", "dx"]}, UnknownNameError, r"got 'dx'; did you mean 'd[qr]'\?"),
        ({"columns": ["qz", "r", "dr", "dq"]}, UnknownNameError, r"got 'qz'; did you mean 'q'\?"),
        ({"columns": ["q", "r", "dr", "FWHM"]}, UnknownNameError, r"got 'FWHM'; did you mean 'dq'\?"),
        ({"columns": ["q", "r", "sig_R", "dq"]}, UnknownNameError, r"got 'sig_R'; did you mean 'dr'\?"),
        ({"columns": ["q", "r", "dr", 4]}, UnknownNameError, r"may hold 'q', 'r', 'dr', 'dq', and '_' .* got 4$"),
        ({"columns": ["q", "q", "r", "dq"]}, InvalidValueError, "name each quantity once; 'q' stands 2 times"),
        ({"columns": ["q", "dr", "_", "dq"]}, InvalidValueError, r"must name 'q' and 'r'; 'r' missing in \['q', 'dr'"),
        ({"columns": []}, InvalidValueError, r"'q' and 'r' missing in \[\]"),
        ({"columns": "q r dr dq"}, InvalidValueError, r"columns must be a list such as .*; got 'q r dr dq'"),
        ({"columns": {"q": 0}}, InvalidValueError, "columns must be a list such as"),
        ({"dq": "fwmh"}, UnknownNameError, r"^load: dq must be 'sigma' or 'fwhm'; got 'fwmh'; did you mean 'fwhm'\?$"),
        ({"dq": 2.35}, UnknownNameError, r"dq must be 'sigma' or 'fwhm'; got 2\.35$"),
        ({"q_unit": "1/A"}, UnknownNameError, "q_unit must be '1/angstrom' or '1/nm'; got '1/A'"),
        ({"q_unit": "nm"}, UnknownNameError, r"got 'nm'; did you mean '1/nm'\?"),
        ({"bad_rows": "skip"}, UnknownNameError, "^load: bad_rows must be 'refuse' or 'mask'; got 'skip'"),
        (
            {"columns": ["q", "r", "dr", "_"]},
            InvalidValueError,
            "dq='sigma' applies to a resolution column; columns has no",
        ),
    ],
)
def test_wrong_statements(tmp_path: Path, options, error, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=match):
        load(written(tmp_path, rows_as_text()), **{**STATED, **options})


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "0.01 0.9 0.1 0.001\n0.02 oops 0.1 0.001\n",
            r"film\.dat, line 2: every column must be a number; got 'oops' in",
        ),
        (
            "# x\n0.01 0.9 0.1 0.001\n0.02 0.9 0.1\n",
            r"line 3: expected 4 columns \(q, r, dr, dq\), got 3: '0\.02 0\.9 0\.1'",
        ),
        ("0.01 0.9 0.1 0.001 5\n", "line 1: expected 4 columns .*, got 5"),
        ("0.01 0.9 0.1 0.001\nend of data\n", "line 2: every column must be a number; got 'end'"),
        ("0.01,0.9,,0.001\n", "line 1: every column must be a number; got ''"),
        (",0.9,0.1,0.001\n", "line 1: every column must be a number; got ''"),
        ("0.01;0.9 0.1;3;4\n", "line 1: every column must be a number; got '0.9 0.1'"),
        ("0.01 0.9 0.1 0.001\n0.02,0.9,0.1,0.001\n", "line 2: every column must be a number; got '0.02,0.9,0.1,0.001'"),
        ("1_0 0.9 0.1 0.001\n", "line 1: every column must be a number; got '1_0'"),
        # a damaged first row must not pass for a header
        (
            "n/a 0.9 0.1 0.001\n0.02 0.9 0.1 0.001\n",
            "line 1: every column must be a number; got 'n/a' .*; put # before",
        ),
        ("300 K and 2 T\n0.01 0.9 0.1 0.001\n", "line 1: .* got 'K' .*; put # before a line of words"),
        ("732\n0.01 0.9 0.1 0.001\n", "line 1: expected 4 columns .*, got 1: '732'"),
        (
            "0,01;0,9;0,1;0,001\n",
            r"no row of numbers \(written with a decimal point.*first line is '0,01;0,9;0,1;0,001'",
        ),
        ("0,01\t0,9\t0,1\t0,001\n", "every column must be a number; got '01 0'"),
        ("only words\nand more\n", "holds no row of numbers .*; its first line is 'only words'"),
        ("# only a comment\n", "holds no row of numbers"),
        ("", r"film\.dat is empty"),
        (" \n\n\t\n", "is empty"),
        (b"0.01 0.9\x00\x01", r"must be text, it is binary \(byte 0x00 at 8\)"),
        (b"\x89PNG\r\n\x1a\n", "must be text, it is binary"),
        ("0.01 0.9 0.1 0.001\n".encode("utf-16"), "must be UTF-8 text, it is UTF-16; save it as UTF-8"),
    ],
)
def test_damaged_files(tmp_path: Path, text, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=match):
        load(written(tmp_path, text), **STATED)


def test_long_lines_are_cut_in_messages(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(written(tmp_path, "0.01 0.9 0.1 0.001\n" + "word " * 100), **STATED)
    assert str(caught.value).endswith("word wo...'")
    assert len(str(caught.value)) < len(str(tmp_path)) + 250


def test_missing_file_suggests_a_near_name(tmp_path: Path) -> None:
    written(tmp_path, rows_as_text(), "quartz_film.csv")
    with pytest.raises(DataError, match=r"there is no file .*quarz_film\.csv; did you mean 'quartz_film\.csv'\?"):
        load(tmp_path / "quarz_film.csv", **STATED)
    with pytest.raises(DataError, match=r"there is no file .*x\.csv$"):
        load(tmp_path / "no" / "folder" / "x.csv", **STATED)


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a file is required; .* is a folder"):
        load(tmp_path, **STATED)


def test_binary_orso_and_renamed_orso_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"only the text form of ORSO files is read, .*film\.orb is the binary one\nconvert it"
    ):
        load(tmp_path / "film.orb")
    text = "# # ORSO reflectivity data file | 1.2 standard | YAML encoding | https://www.reflectometry.org/\n"
    with pytest.raises(DataError, match=r"film\.dat is an ORSO file; rename it to end in \.ort"):
        load(written(tmp_path, text + rows_as_text()), **STATED)


class TestUnusableRows:
    TEXT = (
        "# header\n0.01 0.9 0.1 0.001\n\n0.02 0.8 0 0.001\n0.03 nan 0.1 0.001\n0.04 0.7 -0.1 -1\n0.05 0.6 0.1 0.001\n"
    )

    def test_are_refused_by_line(self, tmp_path: Path) -> None:
        path = written(tmp_path, self.TEXT)
        with pytest.raises(DataError) as caught:
            load(path, **{**STATED, "dq": "fwhm"})
        first, second = str(caught.value).split("\n")
        # the numbers are those of the file, not yet converted
        assert first == (
            f"load: {path}: r must be finite: line 5: r = nan; dr must be finite and > 0: line 4: dr = 0.0, "
            "line 6: dr = -0.1; dq must be finite and >= 0: line 6: dq = -1.0"
        )
        assert "bad_rows='mask'" in second

    def test_are_masked_when_asked(self, tmp_path: Path) -> None:
        (dataset,) = load(written(tmp_path, self.TEXT), **STATED, bad_rows="mask")
        np.testing.assert_array_equal(dataset.q, [0.01, 0.05])
        np.testing.assert_array_equal(dataset.masked_rows, [1, 2, 3])

    def test_must_leave_something(self, tmp_path: Path) -> None:
        path = written(tmp_path, "0.01 nan 0.1 0.001\n")
        with pytest.raises(
            DataError, match=r"^load: .*film\.dat: at least one usable row is required; all 1 are unusable"
        ):
            load(path, **STATED, bad_rows="mask")


class TestSaveColumns:
    @staticmethod
    def curve() -> dict[str, np.ndarray]:
        rng = np.random.default_rng(20240611)
        n = 500
        extremes = [5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3]
        r = np.concatenate([10.0 ** rng.uniform(-300, 300, n) * rng.choice([-1, 1], n), extremes, [-0.0]])
        size = r.size
        return {
            "q": rng.uniform(-0.1, 0.5, size),
            "r": r,
            "dr": 10.0 ** rng.uniform(-300, 300, size),
            "dq": np.concatenate([[0.0], rng.uniform(0, 0.1, size - 1)]),
        }

    @pytest.mark.parametrize("names", [["q", "r"], ["q", "r", "dr"], ["q", "r", "dq"], ["q", "r", "dr", "dq"]])
    def test_reads_back_to_the_last_bit(self, tmp_path: Path, names: list[str]) -> None:
        curve = {name: values for name, values in self.curve().items() if name in names}
        save_columns(tmp_path / "film.dat", **curve)
        width = {"dq": "sigma"} if "dq" in names else {}
        (dataset,) = load(tmp_path / "film.dat", columns=names, q_unit="1/angstrom", **width)
        for name in ("q", "r", "dr", "dq"):
            column = getattr(dataset, name)
            if name in names:
                assert column.tobytes() == curve[name].tobytes()
            else:
                assert column is None

    def test_header_labels_the_columns_and_says_sigma(self, tmp_path: Path) -> None:
        save_columns(tmp_path / "film.dat", *np.ones((4, 1)), comment="simulated\n\nseed 7")
        assert (tmp_path / "film.dat").read_text() == (
            "# kiessig.load(path, columns=['q', 'r', 'dr', 'dq'], dq='sigma', q_unit='1/angstrom')\n"
            "# q: momentum transfer, 1/angstrom\n"
            "# r: reflectivity\n"
            "# dr: uncertainty of r, 1 sigma\n"
            "# dq: resolution, 1 sigma of q, 1/angstrom\n"
            "# simulated\n"
            "#\n"
            "# seed 7\n"
            "# q r dr dq\n"
            "1.0 1.0 1.0 1.0\n"
        )

    def test_replaces_a_file_and_leaves_no_other(self, tmp_path: Path) -> None:
        path = written(tmp_path, "old")
        save_columns(path, [0.1], [0.9])
        assert path.read_text().endswith("# q r\n0.1 0.9\n")
        assert [entry.name for entry in tmp_path.iterdir()] == ["film.dat"]

    def test_failure_keeps_the_old_file_and_leaves_no_draft(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = written(tmp_path, "old")

        def refuse(self: Path, target: Path) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "replace", refuse)
        with pytest.raises(DataError, match=r"^save_columns: .*film\.dat cannot be written: No space left on device$"):
            save_columns(path, [0.1], [0.9])
        assert path.read_text() == "old"
        assert [entry.name for entry in tmp_path.iterdir()] == ["film.dat"]

    @pytest.mark.parametrize(
        ("arguments", "error", "match"),
        [
            (
                ([0.1], [np.nan]),
                DataError,
                r"^save_columns: r must be finite: r\[0\] = nan\nsuch rows could not be read",
            ),
            (([0.1], [1], [0]), DataError, r"dr must be finite and > 0: dr\[0\] = 0\.0"),
            (([0.1], [1, 2]), ShapeError, "^save_columns: the columns must have equal lengths; q has 1, r has 2"),
            (([], []), DataError, "^save_columns: at least one point is required"),
            (([0.1], ["x"]), InvalidValueError, "^save_columns: r must be an array of real numbers"),
        ],
    )
    def test_refuses_what_could_not_be_read(self, tmp_path, arguments, error, match) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(error, match=match):
            save_columns(tmp_path / "film.dat", *arguments)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("suffix", [".ort", ".ORB"])
    def test_refuses_the_suffixes_of_other_formats(self, tmp_path: Path, suffix: str) -> None:
        with pytest.raises(InvalidValueError, match=f"path must not end in {suffix}, it is no ORSO file"):
            save_columns(tmp_path / f"film{suffix}", [0.1], [0.9])

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="cannot be written: No such file or directory"):
            save_columns(tmp_path / "no" / "film.dat", [0.1], [0.9])
