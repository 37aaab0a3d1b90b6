"""The examples, run as a user would: they end well, and say what they are there to say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kiessig as ks
from kiessig.cli import main
from kiessig.model_file import load_model

SCRIPTS = Path(__file__).resolve().parents[1] / "examples"
TESTED_ABOVE = ("fit_film.py", "gradients.py")


@pytest.fixture
def examples(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the examples, which is the current folder."""
    folder = tmp_path / "examples"
    shutil.copytree(repository / "examples", folder)
    monkeypatch.chdir(folder)
    return folder


def truth(file: str, **more: float) -> dict[str, float]:
    """Return the numbers of a model that was simulated, by the names that the fit of it uses."""
    model = load_model(file)
    sample = model.measurements[0].sample
    layers = {layer.name: layer for layer in sample.layers}
    return {
        "film thickness": float(layers["film"].thickness),
        "oxide thickness": float(layers["oxide"].thickness),
        **more,
    }


def check(result: ks.FitResult, expected: dict[str, float]) -> None:
    assert result.success
    assert abs(result.chi2_per_point - 1.0) < 5 * np.sqrt(2 / result.n_points)  # scatter of the mean of N squares
    errors = dict(zip(result.names, result.stderr, strict=True))
    off = {name: (result.values[name] - value) / errors[name] for name, value in expected.items()}
    assert {name: value for name, value in off.items() if abs(value) > 4.0} == {}  # one in 16 000 by chance


@pytest.mark.usefixtures("examples")
def test_film() -> None:
    assert main(["fit", "film.yaml"]) == 0
    expected = truth("film_truth.yaml", **{"film sld": 6.15, "film roughness": 7, "scale": 0.98, "background": 6e-7})
    check(ks.FitResult.from_json("film-fit.json"), expected)
    assert Path("film-fit.png").is_file()


@pytest.mark.usefixtures("examples")
def test_contrasts() -> None:
    assert main(["fit", "contrasts.yaml"]) == 0
    result = ks.FitResult.from_json("contrasts-fit.json")
    assert len(result.names) == 9
    expected = {"water fraction": 0.35, "polymer sld": 1.4, "D2O sld": 6.36, "surface roughness": 12}
    expected |= {"D2O background": 3e-7, "SMW background": 1e-6, "H2O background": 2e-6}
    check(result, truth("contrasts_truth.yaml", **expected))


@pytest.mark.usefixtures("examples")
def test_contrasts_need_more_than_one_start() -> None:
    assert main(["fit", "contrasts.yaml", "--starts", "1", "--no-plot"]) in (0, 1)
    assert ks.FitResult.from_json("contrasts-fit.json").chi2_per_point > 100


@pytest.mark.usefixtures("examples")
def test_fit_film_in_python_is_the_fit_on_the_command_line() -> None:
    done = subprocess.run([sys.executable, "fit_film.py"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert Path("fit_film.png").is_file()
    assert main(["fit", "film.yaml", "--no-plot"]) == 0
    table = str(ks.FitResult.from_json("film-fit.json"))

    def without_times(text: str) -> str:
        return re.sub(r"in \S+ m?s", "", text)

    assert without_times(done.stdout.strip()) == without_times(table)


@pytest.mark.usefixtures("examples")
def test_gradients() -> None:
    done = subprocess.run([sys.executable, "gradients.py"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    found = re.match(r"thickness (\S+) and (\S+) angstrom after (\d+) evaluations", done.stdout)
    assert found
    np.testing.assert_allclose([float(found[1]), float(found[2])], [210.0, 90.0], atol=0.05)  # BFGS stops at gtol 1e-5
    assert int(found[3]) < 50


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.py") if path.name not in TESTED_ABOVE))
@pytest.mark.usefixtures("examples")
def test_script_draws_a_figure(script: str, tmp_path: Path) -> None:
    figure = tmp_path / "figure.png"
    command = [sys.executable, "-W", "error", script, str(figure)]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert figure.stat().st_size > 20_000  # empty axes are smaller
    assert not Path(script).with_suffix(".png").exists()
    numbers = [float(number) for number in re.findall(r"\d+\.\d+", done.stdout)]
    if script == "absorbing_multilayer.py":
        absorbing, lossless = numbers
        assert 0.5 < absorbing < lossless - 0.1 < 0.9
    if script == "interface_shapes.py":
        slices = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
        assert list(slices) == ["erf", "tanh", "linear", "exponential", "sinusoidal", "table"]
        assert max(slices.values()) < 100
    if script == "supermirror.py":
        assert 0.7 < numbers[0] < 0.9


@pytest.mark.parametrize(
    ("model", "files"),
    [
        ("film", ["film.dat"]),
        ("contrasts", ["contrasts-D2O.dat", "contrasts-SMW.dat", "contrasts-H2O.dat"]),
    ],
)
def test_data_are_what_their_model_gives(examples: Path, model: str, files: list[str]) -> None:
    shutil.rmtree(examples)
    examples.mkdir()
    original = Path(__file__).resolve().parents[1] / "examples"
    assert main(["simulate", str(original / f"{model}_truth.yaml"), "--output", str(examples / f"{model}.dat")]) == 0
    for file in files:
        new, old = (
            ks.load(folder / file, columns=["q", "r", "dr", "dq"], dq="sigma", q_unit="1/angstrom")[0]
            for folder in (examples, original)
        )
        # the curve is the same to the accuracy of the kernels; random streams may change between versions of numpy
        np.testing.assert_allclose(new.q, old.q, rtol=1e-12)
        np.testing.assert_allclose(new.dr, old.dr, rtol=1e-5)
        assert (np.abs(new.r - old.r) < 8 * old.dr).all()


def test_every_example_says_what_it_shows(repository: Path) -> None:
    files = [file for file in (repository / "examples").iterdir() if file.suffix in (".py", ".yaml")]
    assert len(files) >= 10
    table = (repository / "examples" / "README.md").read_text(encoding="utf-8")
    for file in files:
        assert f"`{file.name}`" in table
        first = file.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(("# ", '"""'))
        assert len(first) > 40
