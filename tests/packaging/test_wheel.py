"""What an installation puts on disk, and what its metadata say."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import kiessig
from kiessig import _core

ALLOWED = [
    r"kiessig/([a-z_0-9]+/)*[a-z_0-9]+\.py",
    r"kiessig/py\.typed",
    r"kiessig/_core\.pyi",
    r"kiessig/_core\.[\w.-]+\.(so|pyd)",
    # for other programs
    r"kiessig/include/kiessig/(export\.h|kiessig\.h|(field|mixture|polarised|specular)\.hpp)",
    r"kiessig/lib/(libkiessig\.so\.\d+\.\d+|libkiessig\.\d+\.\d+\.dylib|kiessig\.lib)|kiessig/bin/kiessig\.dll",
    r"kiessig/lib/cmake/kiessig/kiessig(Config|ConfigVersion|Targets|Targets-release)\.cmake",
    r"kiessig-[\w.]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt|licenses/LICENSE|licenses/LICENSES/EPL-2\.0\.txt)",
    # what repairing a wheel adds
    r"kiessig\.libs/libgomp-[\w.-]+",
    r"kiessig-[\w.]+\.dist-info/sboms/auditwheel\.cdx\.json",
    # the installer's own
    r"kiessig-[\w.]+\.dist-info/(INSTALLER|REQUESTED|direct_url\.json|uv_cache\.json)",
    r"(\.\./)+(bin/kiessig|Scripts/kiessig\.exe)",
    r"kiessig/([a-z_0-9]+/)*__pycache__/[\w.-]+\.pyc",
]


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def installed():
    """Files of the installed distribution; an editable installation has none of its own."""
    distribution = metadata.distribution("kiessig")
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        pytest.skip("kiessig is installed in editable mode: there is no wheel to look into")
    return [file.as_posix() for file in distribution.files]


def strangers(files):
    return [file for file in files if not any(re.fullmatch(pattern, file) for pattern in ALLOWED)]


def test_wheel_holds_our_files_only(installed):
    assert strangers(installed) == []


@pytest.mark.parametrize(
    "file",
    [
        "kiessig/kernels.cpp",
        "kiessig/include/cppad/cppad.hpp",
        "kiessig/include/kiessig/tape.hpp",
        "kiessig/lib/libkiessig_core.a",
        "kiessig.libs/libcppad_lib.so",
        "include/kiessig/tape.hpp",
        "cmeel.prefix/lib/libcppad_lib.so",
        "tests/conftest.py",
        "kiessig/tests/data.csv",
    ],
)
def test_stranger_is_noticed(file):
    assert strangers([file, "kiessig/problem/problem.py", "kiessig/io/orso.py"]) == [file]


def test_every_module_is_there(installed, repository):
    package = repository / "python"
    assert {path.relative_to(package).as_posix() for path in package.glob("kiessig/**/*.py")} <= set(installed)


def test_typing_files_are_there(installed):
    assert {"kiessig/py.typed", "kiessig/_core.pyi"} <= set(installed)


def test_one_extension_module(installed):
    assert len([file for file in installed if file.endswith((".so", ".pyd"))]) == 1


def test_tests_import_the_installed_package(installed, repository):
    where = Path(kiessig.__file__)
    assert where.is_relative_to(metadata.distribution("kiessig").locate_file("kiessig"))
    assert not where.is_relative_to(repository / "python")


def test_version_is_the_same_everywhere(project):
    assert kiessig.__version__ == project["version"]
    assert metadata.version("kiessig") == project["version"]


def test_version_is_written_once(repository, project):
    """Besides pyproject.toml, neither the package nor the build files nor the citation repeat it."""
    files = [
        repository / "CMakeLists.txt",
        repository / "CITATION.cff",
        *(repository / "python").rglob("*.py"),
        *(repository / "python").rglob("*.cpp"),
        *(repository / "cpp").rglob("CMakeLists.txt"),
    ]
    written = re.compile(rf"(?<![\d.]){re.escape(project['version'])}(?![\d.])")
    assert [file.name for file in files if written.search(file.read_text(encoding="utf-8"))] == []
    assert not re.search(
        r"^(version|date-released):", (repository / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_licence_of_the_binary_is_stated(installed, project):
    facts = metadata.metadata("kiessig")
    assert facts["License-Expression"] == project["license"] == "BSD-3-Clause AND EPL-2.0"
    assert sorted(facts.get_all("License-File")) == ["LICENSE", "LICENSES/EPL-2.0.txt"]


def test_notices_name_the_versions_that_are_compiled_in(repository):
    """A recipient may ask for the source of CppAD, and must know of which."""
    build = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    (cppad,) = [requirement for requirement in build if requirement.startswith("cmeel-cppad")]
    assert cppad in (repository / "LICENSE").read_text(encoding="utf-8")


def test_cppad_is_compiled_into_the_extension_alone(installed):
    """The licence of the wheel names EPL-2.0 for the extension, and that of libkiessig does not."""
    text = b"cppad.general"  # written in its headers, not in our source
    files = [Path(metadata.distribution("kiessig").locate_file(file)) for file in installed]
    [library] = [file for file in files if re.fullmatch(r"libkiessig[.\d]*\.(so|dylib)[.\d]*|kiessig\.dll", file.name)]
    assert text in Path(_core.__file__).read_bytes()
    assert text not in library.read_bytes()


def test_command_is_installed():
    (command,) = metadata.distribution("kiessig").entry_points.select(group="console_scripts")
    assert command.name == "kiessig"
    assert callable(command.load())
