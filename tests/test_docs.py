"""The code in the documentation's pages runs and prints what the page says, and the pages name what there is."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import NewType

import numpy as np
import pytest

import kiessig as ks
from kiessig.cli import main

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "generated" not in path.parts)

# Packages that a page's blocks need besides those of the tests.
HOSTS = {
    "adapters/genx.md": ["genx.models.lib.paratt"],
    "adapters/index.md": ["refnx.analysis"],
    "adapters/jax.md": ["jax"],
    "adapters/refl1d.md": ["refl1d.names", "bumps.fitters"],
    "adapters/refnx.md": ["refnx.analysis"],
    "adapters/scipp.md": ["scipp", "sciline"],
    "adapters/torch.md": ["torch"],
}

# Commands in the pages that other tests or .ci/run cover, by what they begin with.
ELSEWHERE = {
    "KIESSIG_ISA=x86_64_v3 python -m benchmarks.kernels": "tests/test_benchmarks.py",
    "cc program.c": "tests/packaging/test_embed.py",
    "cmake": "tests/packaging/test_embed.py",
    'python -c "import kiessig, pathlib': "tests/packaging/test_embed.py",
    "python -m benchmarks.fits": "tests/test_fit_cases.py",
    "python -m benchmarks.kernels": "tests/test_benchmarks.py",
    "python -m benchmarks": "tests/test_benchmarks_backends.py",
    "python -m kiessig.adapters.refl1d": "tests/adapters/test_refl1d.py",
    "python -m pip install": ".ci/run",
    "python docs/make_validation.py": "test_tables_of_the_validation",
}


def blocks(page, language):
    text = (DOCS / page).read_text(encoding="utf-8")
    fenced = re.findall(r"^```(.*?)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [body for opening, body in fenced if opening == language]


def run(block, name, namespace):
    """Lines that a block prints, and those that it says it prints: its comments at the beginning of a line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, name, "exec"), namespace)
    return out.getvalue().splitlines(), [line[2:] for line in block.splitlines() if line.startswith("# ")]


def commands(page):
    lines = "".join(blocks(page, "")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ") or "-m " in line or "kiessig " in line]


def refnx_fit():
    """What a user of refnx has before the two lines."""
    from refnx.analysis import CurveFitter, Objective
    from refnx.dataset import Data1D
    from refnx.reflect import SLD, ReflectModel

    q = np.geomspace(0.01, 0.2, 40)
    r = ks.reflectivity(q, [100.0], [0.0, 3.47, 2.07], roughness=[3.0, 3.0])
    film = SLD(3.47)(105, 3)
    film.thick.setp(vary=True, bounds=(80, 120))
    model = ReflectModel(SLD(0)(0, 0) | film | SLD(2.07)(0, 3), bkg=0.0, dq=0.0)
    objective = Objective(model, Data1D((q, r, 0.05 * r)))
    return {"objective": objective, "fitter": CurveFitter(objective)}


def refl1d_fit(monkeypatch):
    import bumps.fitters
    from bumps.names import FitProblem
    from refl1d.names import SLD, Experiment, QProbe

    for name in ("FITTERS", "FIT_AVAILABLE_IDS", "FIT_ACTIVE_IDS"):  # the page adds to them
        monkeypatch.setattr(bumps.fitters, name, list(getattr(bumps.fitters, name)))
    q = np.geomspace(0.01, 0.2, 40)
    r = ks.reflectivity(q, [100.0], [0.0, 3.47, 2.07], roughness=[3.0, 3.0])
    sample = SLD("Si", rho=2.07)(0, 3) | SLD("film", rho=3.47)(105, 3) | SLD("air", rho=0)
    sample["film"].thickness.range(80, 120)
    return {
        "bumps": bumps,
        "problem": FitProblem(Experiment(probe=QProbe(q, 0.01 * q, data=(r, 0.05 * r)), sample=sample)),
    }


def scipp_reduction():
    """Events, and a pipeline from them to a curve in which a reference is still missing."""
    import sciline
    import scipp as sc

    q = sc.array(dims=["event"], values=np.linspace(0.01, 0.2, 50), unit="1/angstrom")
    counts = sc.ones(dims=["event"], shape=[50], with_variances=True)
    events = sc.DataArray(counts, coords={"Q": q}).bin(Q=4)
    kinds = {name: NewType(name, object) for name in ("Events", "EventQ", "TheoryAtEvents", "ReflectivityOverQ")}

    def event_q(events):
        return events.bins.coords["Q"].copy()

    def curve(events, theory):
        found = events.hist() / theory.bins.sum()
        middles = sc.midpoints(found.coords["Q"])
        return found.assign_coords(Q_resolution=0.02 * middles)

    event_q.__annotations__ = {"events": kinds["Events"], "return": kinds["EventQ"]}
    curve.__annotations__ = {
        "events": kinds["Events"],
        "theory": kinds["TheoryAtEvents"],
        "return": kinds["ReflectivityOverQ"],
    }
    pipeline = sciline.Pipeline([event_q, curve], params={kinds["Events"]: events})
    return {**kinds, "events": events.copy(), "pipeline": pipeline}


def mantid_reduction(monkeypatch):
    """Stand-ins for the parts of Mantid that cannot be installed here."""
    from adapters import mantid_stand_in

    class Workspace:
        def readX(self, index):  # noqa: N802
            return np.linspace(0.01, 0.2, 20)

    for name, module in mantid_stand_in.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    description = {
        "back_sld": 2.07,
        "back_roughness": 3.0,
        "front_sld": 0.0,
        "scale": 1.0,
        "background": 0.0,
        "layers": [],
    }
    return {
        "model_description": description,
        "norm_wksp": Workspace(),
        "Fit": lambda function, InputWorkspace: None,  # noqa: N803
        "curve": None,
    }


def namespace_of(page, monkeypatch):
    if page in ("adapters/index.md", "adapters/refnx.md"):
        return refnx_fit()
    if page == "adapters/refl1d.md":
        return refl1d_fit(monkeypatch)
    if page == "adapters/scipp.md":
        return scipp_reduction()
    if page == "adapters/mantid.md":
        return mantid_reduction(monkeypatch)
    return {}


@pytest.fixture
def folder(repository, tmp_path, monkeypatch):
    """Return a temporary folder with the examples, which is the current one."""
    shutil.copytree(repository / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_snippets_print_what_the_page_says(page, folder, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the hosts' own imports
        for host in HOSTS.get(page, []):
            pytest.importorskip(host)
        namespace = namespace_of(page, monkeypatch)
    try:
        for number, block in enumerate(blocks(page, "python")):
            printed, expected = run(block, f"{page}, snippet {number}", namespace)
            if page not in HOSTS or expected:  # hosts report what they do
                assert printed == expected, block
    finally:
        restore(page)


def test_wrong_snippet_is_found():
    printed, expected = run("print(1 + 1)\n# 3\n", "planted", {})
    assert printed != expected
    with pytest.raises(ZeroDivisionError):
        run("1 / 0", "planted", {})


def restore(page):
    """Take back what a page has put into its host."""
    name = {"adapters/refl1d.md": "refl1d", "adapters/genx.md": "genx"}.get(page)
    if name is not None:
        importlib.import_module(f"kiessig.adapters.{name}").restore()
    if page == "adapters/jax.md":
        import jax

        jax.config.update("jax_enable_x64", False)


def test_commands_are_found():
    assert commands("quick-start.md") == [
        "python -m pip install '.[plot]'",
        "kiessig demo",
        "kiessig fit examples/film.yaml",
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_run_here_or_elsewhere(page, folder, capsys):
    for command in commands(page):
        words = shlex.split(command, comments=True)
        if words[0] == "kiessig":
            if words[1:] != ["demo"]:  # tests/test_demo.py runs that
                assert main(words[1:]) == 0
        else:
            assert any(command.startswith(known) for known in ELSEWHERE), command


def test_every_page_is_in_the_tree_of_contents():
    listed = set()
    for page in PAGES:
        folder = Path(page).parent
        for tree in blocks(page, "{toctree}"):
            names = [line for line in tree.splitlines() if line and not line.startswith(":")]
            for name in names:
                listed |= {path.relative_to(DOCS).as_posix() for path in (DOCS / folder).glob(f"{name}.md")}
    assert set(PAGES) - listed == {"index.md"}


def test_the_reference_lists_every_public_name():
    text = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    parts = re.split(r"^\.\. (?:currentmodule|module):: ", text, flags=re.MULTILINE)[1:]
    listed = set()
    for part in parts:
        module = importlib.import_module(part.split("\n", 1)[0])
        for name in re.findall(r"^   (\w+)$", part, re.MULTILINE):
            assert hasattr(module, name), f"{module.__name__}.{name}"
            listed.add((module.__name__, name))
    assert {name for module, name in listed if module == "kiessig"} == set(ks.__all__) - {"__version__"}


@pytest.fixture
def validation(repository, tmp_path):
    """Run the command that measures the tables, on a copy of the page; returns its output and the page."""
    page = tmp_path / "validation.md"
    shutil.copy(DOCS / "validation.md", page)

    def command(*tables, **environment):
        line = [sys.executable, "-W", "ignore", str(DOCS / "make_validation.py"), "--page", str(page), *tables]
        done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout, page.read_text(encoding="utf-8")

    return command


def numbers(page, table):
    [text] = re.findall(rf"<!-- {table} -->(.*?)<!-- end of {table} -->", page, re.DOTALL)
    return [float(number) for number in re.findall(r"\b\d\.\de[+-]\d\d\b", text)]


# what the page promises: the limits of the kernels' own tests (reference/tolerances.py, 1e-5 for smearing)
@pytest.mark.parametrize(("table", "entries", "limit"), [("digits", 9, 1e-9), ("resolution", 8, 1e-6)])
def test_tables_of_the_validation(validation, table, entries, limit):
    measured = numbers(validation(table)[1], table)
    assert len(measured) == entries
    assert max(measured) < limit
    written = numbers((DOCS / "validation.md").read_text(encoding="utf-8"), table)
    assert len(written) == entries
    assert max(written) < limit


def test_validation_without_the_data_says_so_and_keeps_the_table(validation, tmp_path):
    out, page = validation("orso", KIESSIG_DATA=str(tmp_path))
    assert out.startswith("orso skipped: no ORSO suite in ")
    assert out.endswith(": set KIESSIG_DATA to the folder that holds orso_validation/\n")
    assert page == (DOCS / "validation.md").read_text(encoding="utf-8")
