"""The command line as a user meets it: what it prints, writes and returns, and how it complains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kiessig as ks
from kiessig.cli import main

MODEL = """\
sample:
  - {name: air, sld: 0}
  - {name: film, thickness: {value: 190, bounds: [150, 250]}, sld: 4, roughness: 5}
  - {name: silicon, sld: 2.07, roughness: 3}
data: {file: film.dat, columns: [q, r, dr, dq], dq: sigma, q_unit: 1/angstrom}
background: {value: 1e-6, bounds: [0, 1e-5]}
simulate: {q: {start: 0.01, stop: 0.2, points: 60}, dq_over_q: 0.02, dq: sigma, counts: 1e7, seed: 1}
"""
TRUTH = MODEL.replace("value: 190", "value: 200")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a model and the data that belong to it."""
    monkeypatch.chdir(tmp_path)
    Path("truth.yaml").write_text(TRUTH)
    Path("film.yaml").write_text(MODEL)
    assert main(["simulate", "truth.yaml", "--output", "film.dat"]) == 0
    return tmp_path


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@pytest.mark.usefixtures("folder")
class TestFit:
    def test_prints_the_table_and_writes_two_files(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = names(folder)
        capsys.readouterr()
        assert main(["fit", "film.yaml"]) == 0
        output, errors = capsys.readouterr()
        assert errors == ""
        assert "levenberg-marquardt: converged" in output
        assert output.endswith("\nwrote film-fit.json and film-fit.png\n")
        assert names(folder) - before == {"film-fit.json", "film-fit.png"}
        assert Path("film-fit.png").read_bytes().startswith(b"\x89PNG")
        result = ks.FitResult.from_json(Path("film-fit.json"))
        assert str(result) in output
        # the noise was drawn at 200, and 4 standard errors happen once in 16 000 draws; this draw is seeded
        assert abs(result.values["film thickness"] - 200.0) < 4 * result.stderr[0]
        assert json.loads(Path("film-fit.json").read_text())["success"] is True

    def test_writes_beside_the_model(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        elsewhere = folder / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        assert main(["fit", "../film.yaml", "--no-plot"]) == 0
        assert names(elsewhere) == set()
        assert (folder / "film-fit.json").is_file()

    @pytest.mark.parametrize(
        ("output", "expected"),
        [
            ("existing", "existing/film-fit.json"),
            ("new/", "new/film-fit.json"),
            ("new/deep/", "new/deep/film-fit.json"),
            ("run1", "run1.json"),
            ("new/run1", "new/run1.json"),
            ("run1.json", "run1.json"),
            ("run1.png", "run1.json"),
            ("run1.5", "run1.5.json"),
        ],
    )
    def test_output(self, folder: Path, output: str, expected: str) -> None:
        (folder / "existing").mkdir()
        assert main(["fit", "film.yaml", "--no-plot", "--quiet", "--output", output]) == 0
        assert (folder / expected).is_file()

    def test_quiet_and_no_plot(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        assert main(["fit", "film.yaml", "--quiet", "--no-plot"]) == 0
        assert capsys.readouterr() == ("", "")
        assert not (folder / "film-fit.png").exists()

    def test_settings_of_the_file_and_of_the_command(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = MODEL.replace("bounds: [0, 1e-5]", "bounds: [1e-9, 1e-5]")
        (folder / "film.yaml").write_text(text + "fit: {method: dogbox, starts: 3, seed: 1}\n")
        main(["fit", "film.yaml", "--no-plot"])
        assert "dogbox: converged" in capsys.readouterr().out
        main(["fit", "film.yaml", "--no-plot", "--method", "l-bfgs-b", "--starts", "1"])
        assert "L-BFGS-B: converged" in capsys.readouterr().out

    def test_seed_of_the_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        fit = ks.Problem.fit

        def spy(self: ks.Problem, **settings: object) -> ks.FitResult:
            seen.append(settings)
            return fit(self)

        monkeypatch.setattr(ks.Problem, "fit", spy)
        main(["fit", "film.yaml", "--no-plot", "--starts", "4", "--seed", "9", "--quiet"])
        assert seen == [
            {
                "method": "levenberg-marquardt",
                "starts": 4,
                "seed": 9,
                "progress": False,
                "screen": 1,
                "eliminate": False,
                "max_evaluations": None,
                "max_time": None,
                "checkpoint": None,
                "resume": False,
            }
        ]

    def test_search_can_be_kept_and_taken_up(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = MODEL.replace("bounds: [0, 1e-5]", "bounds: [1e-9, 1e-5]")
        (folder / "film.yaml").write_text(text + "fit: {starts: 6, screen: 2, seed: 1, max_time: 60}\n")
        search = ["fit", "film.yaml", "--no-plot", "--checkpoint", "film.search"]
        assert main(search) == 0
        once = json.loads(Path("film-fit.json").read_text())
        assert Path("film.search").stat().st_size > 0
        capsys.readouterr()
        assert main([*search, "--resume"]) == 0
        again = json.loads(Path("film-fit.json").read_text())
        assert again["chi2"] == once["chi2"]
        assert again["minima"] == once["minima"]
        (folder / "film.yaml").write_text(text + "fit: {starts: 7, screen: 2, seed: 1}\n")
        assert main([*search, "--resume"]) == 2
        assert "belongs to another fit" in capsys.readouterr().err

    def test_not_converged_is_said_and_written(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (folder / "film.yaml").write_text(MODEL + "fit: {max_evaluations: 2}\n")
        capsys.readouterr()
        assert main(["fit", "film.yaml"]) == 1
        output, errors = capsys.readouterr()
        assert "NOT CONVERGED" in output
        assert errors.startswith("kiessig: not converged: ")
        assert errors.count("\n") == 1
        assert {"film-fit.json", "film-fit.png"} <= names(folder)
        assert json.loads(Path("film-fit.json").read_text())["success"] is False

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["flim.yaml"], "flim.yaml: there is no such model file; did you mean 'film.yaml'?"),
            (["."], "a model file is required, this is a folder"),
            (["film.dat"], "film.dat: a model is a mapping of keys such as sample and data"),
            (["film.yaml", "--output", "film.yaml/"], "--output: film.yaml is no folder"),
            (["film.yaml", "--output", "film.dat/x"], "--output: film.dat is no folder"),
        ],
    )
    def test_errors(self, folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str) -> None:
        before = names(folder)
        capsys.readouterr()
        assert main(["fit", *arguments]) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        assert errors.startswith("kiessig: error: ")
        assert reason in errors
        assert errors.count("\n") <= 2
        assert names(folder) == before

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("dq: sigma, q_unit", "q_unit", "film.yaml: data: 'dq' is required"),
            (
                "thickness:",
                "thicknes:",
                "film.yaml: sample[1].thicknes: unknown key 'thicknes'; did you mean 'thickness'?",
            ),
            ("[150, 250]", "[250, 150]", "film.yaml: sample[1].thickness: the lower bound must be below the upper one"),
            ("value: 190", "value: 90", "film.yaml: sample[1].thickness: value must lie within its bounds"),
            ("film.dat", "gone.dat", "film.yaml: data: there is no file gone.dat"),
            ("[0, 1e-5]}", "[0, 1e-5]}\nfit: {method: lm}", "method 'lm' takes no bounds"),
            ("[0, 1e-5]}", "[0, null]}\nfit: {starts: 3}", "several starts need finite bounds"),
        ],
    )
    def test_errors_in_the_model(
        self, folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, reason: str
    ) -> None:
        assert old in MODEL
        (folder / "film.yaml").write_text(MODEL.replace(old, new))
        self.test_errors(folder, capsys, ["film.yaml"], reason)

    def test_bad_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments, reason in (
            (["--method", "trff"], "must be one of levenberg-marquardt"),
            (["--starts", "-1"], "must be a whole number, not negative; got '-1'"),
            (["--seed", "x"], "must be a whole number, not negative; got 'x'"),
            (["--colour"], "unrecognized arguments: --colour"),
        ):
            with pytest.raises(SystemExit) as stop:
                main(["fit", "film.yaml", *arguments])
            assert stop.value.code == 2
            errors = capsys.readouterr().err
            assert reason in errors
            assert errors.count("\n") == 2

    def test_zero_starts(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        assert main(["fit", "film.yaml", "--starts", "0"]) == 2
        assert "starts must be a positive whole number; got 0" in capsys.readouterr().err

    def test_interrupted(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        before = names(folder)
        capsys.readouterr()
        monkeypatch.setattr(ks.Problem, "fit", interrupt)
        assert main(["fit", "film.yaml"]) == 130
        assert capsys.readouterr() == ("", "kiessig: interrupted; no file is half-written\n")
        assert names(folder) == before

    def test_without_matplotlib(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        before = names(folder)
        capsys.readouterr()
        assert main(["fit", "film.yaml"]) == 2
        errors = capsys.readouterr().err
        assert "pip install 'kiessig[plot]'" in errors
        assert "--no-plot" in errors
        assert names(folder) == before
        assert main(["fit", "film.yaml", "--no-plot"]) == 0

    def test_a_reader_that_has_seen_enough(self) -> None:
        command = [sys.executable, "-m", "kiessig", "fit", "film.yaml", "--no-plot"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait(timeout=60) == 0


@pytest.mark.usefixtures("folder")
class TestSimulate:
    def test_writes_what_fit_reads(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        capsys.readouterr()
        assert main(["simulate", "film.yaml"]) == 0
        output = capsys.readouterr().out
        assert output.startswith("wrote film-simulated.dat: 60 points, Q 0.01 to 0.2 1/angstrom\nread with data: {")
        entry = output.split("read with ")[1]
        lines = [line for line in MODEL.splitlines() if not line.startswith("data")]
        (folder / "again.yaml").write_text("\n".join([*lines, entry]))
        assert main(["fit", "again.yaml", "--no-plot"]) == 0
        result = ks.FitResult.from_json(folder / "again-fit.json")
        assert abs(result.values["film thickness"] - 190.0) < 4 * result.stderr[0]  # as in TestFit
        assert abs(result.chi2_per_point - 1.0) < 4 * np.sqrt(2 / 60)  # of 60 squares

    def test_resolution_is_written_as_sigma(self) -> None:
        Path("fwhm.yaml").write_text(MODEL.replace("0.02, dq: sigma, counts", "0.02, dq: fwhm, counts"))
        main(["simulate", "fwhm.yaml"])
        (data,) = ks.load("fwhm-simulated.dat", columns=["q", "r", "dr", "dq"], dq="sigma", q_unit="1/angstrom")
        np.testing.assert_allclose(data.dq, 0.02 * data.q / np.sqrt(8 * np.log(2)), rtol=1e-14)  # roundoff

    def test_seed(self) -> None:
        for seed, file in (("4", "a.dat"), ("4", "b.dat"), ("5", "c.dat")):
            assert main(["simulate", "film.yaml", "--output", file, "--seed", seed]) == 0
        a, b, c = (Path(file).read_text() for file in ("a.dat", "b.dat", "c.dat"))
        assert a == b
        assert a != c

    def test_several_measurements_get_a_file_each(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = (
            "samples: {s: [{sld: 0}, {sld: 2}]}\n"
            "measurements: [{name: in D2O, sample: s}, {sample: s}]\n"
            "simulate: {q: [0.01, 0.02], relative_error: 0.1, seed: 1}\n"
        )
        Path("two.yaml").write_text(text)
        assert main(["simulate", "two.yaml", "--output", "out/sim.txt"]) == 0
        assert names(folder / "out") == {"sim-in_D2O.txt", "sim-1.txt"}
        assert "columns: [q, r, dr]," in capsys.readouterr().out
        Path("two.yaml").write_text(text.replace("in D2O", "1"))
        assert main(["simulate", "two.yaml"]) == 2
        assert "measurements need different names" in capsys.readouterr().err

    def test_the_model_is_not_overwritten(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["simulate", "film.yaml", "--output", "film.yaml"]) == 2
        assert "--output must not be the model file itself" in capsys.readouterr().err
        assert Path("film.yaml").read_text() == MODEL

    def test_what_cannot_be_simulated(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        Path("film.yaml").write_text("\n".join(MODEL.splitlines()[:-1]))
        before = names(folder)
        assert main(["simulate", "film.yaml"]) == 2
        assert "film.yaml: 'simulate' is required to simulate" in capsys.readouterr().err
        assert main(["simulate", "truth.yaml", "--output", "sim.ort"]) == 2
        assert "must not end in .ort" in capsys.readouterr().err
        assert names(folder) == before


class TestDemo:
    def test_prints_the_truth_and_writes_two_files(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(["demo"]) == 0
        output, errors = capsys.readouterr()
        assert errors == ""
        assert "wrong start: film thickness 290 (truth 312)" in output
        assert "truth  off by/s.e." in output
        assert output.endswith("\nwrote kiessig-demo.json and kiessig-demo.png\n")
        assert names(tmp_path) == {"kiessig-demo.json", "kiessig-demo.png"}
        result = ks.FitResult.from_json(tmp_path / "kiessig-demo.json")
        assert abs(result.values["film thickness"] - 312.0) < 3 * result.stderr[0]

    def test_options(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        other = tmp_path / "made" / "here"
        assert main(["demo", "--output", str(other), "--seed", "3", "--no-plot"]) == 0
        assert names(other) == {"kiessig-demo.json"}
        assert "seed 3" in capsys.readouterr().out


class TestTheCommandItself:
    def test_help_names_every_option_and_an_example(self, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments, words in (
            ([], ("demo", "fit", "simulate", "kiessig fit film.yaml", "--version")),
            (["demo"], ("--output", "--seed", "--no-plot")),
            (["fit"], ("--method", "--starts", "--seed", "--output", "--no-plot", "--quiet", "dq: fwhm")),
            (["simulate"], ("--output", "--seed", "dq_over_q", "counts")),
        ):
            with pytest.raises(SystemExit) as stop:
                main([*arguments, "--help"])
            assert stop.value.code == 0
            text = capsys.readouterr().out
            assert [word for word in words if word not in text] == []
            assert max(map(len, text.splitlines())) <= 120

    def test_the_model_in_the_help_can_be_fitted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit):
            main(["fit", "--help"])
        text = capsys.readouterr().out.split("a model file:\n")[1].split("\n\n")[0]
        simulate = (
            "\n  simulate: {q: {start: 0.01, stop: 0.2, points: 99}, dq_over_q: 0.05, dq: fwhm, counts: 1e8, seed: 1}\n"
        )
        Path("film.yaml").write_text(text + simulate)
        assert main(["simulate", "film.yaml", "--output", "film.dat"]) == 0
        Path("film.yaml").write_text((text + simulate).replace("dq: fwhm, q_unit", "dq: sigma, q_unit"))
        assert main(["fit", "film.yaml", "--no-plot"]) == 0

    def test_no_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert "kiessig demo" in capsys.readouterr().err

    def test_unknown_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as stop:
            main(["fitt"])
        assert stop.value.code == 2
        assert "invalid choice: 'fitt'" in capsys.readouterr().err

    def test_as_a_module(self) -> None:
        command = [sys.executable, "-m", "kiessig", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == f"kiessig {ks.__version__}\n"


@pytest.mark.parametrize(("width", "expected"), [("fwhm", 1.3322), ("sigma", 3.0229)])
def test_quartz_film(
    width: str, expected: float, tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quartz.yaml").write_text(f"""\
sample:
  - {{name: air, sld: 0}}
  - name: film
    thickness: {{value: 1460, bounds: [1400, 1500]}}
    sld: {{value: 4.2, bounds: [0, 5]}}
    roughness: {{value: 10, bounds: [2, 20]}}
  - {{name: silicon, sld: 2.07, roughness: {{value: 5, bounds: [2, 20]}}}}
scale: {{value: 1, bounds: [0.9, 1.5]}}
background: {{value: 1e-7, bounds: [1e-8, 1e-5]}}
data:
  file: {json.dumps(str(shared_data / "measured" / "quartz_film.csv"))}
  columns: [index, q, r, dr, dq]
  dq: {width}
  q_unit: 1/angstrom
""")
    assert main(["fit", str(tmp_path / "quartz.yaml")]) == 0
    result = ks.FitResult.from_json(tmp_path / "quartz-fit.json")
    assert result.n_points == 732
    assert abs(result.chi2_per_point - expected) < 1e-3  # the reference optima are known to 1e-5
    assert f"chi2/N = {expected:.2f}" in capsys.readouterr().out
