"""Outside programs in C and C++ find, build and run with what the wheel and a plain CMake installation put on disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import kiessig
from kiessig import _core

C_COMPILER = shutil.which(os.environ.get("CC", "cc"))
CXX_COMPILER = shutil.which(os.environ.get("CXX", "c++"))
CMAKE = shutil.which("cmake")
NM = shutil.which("nm")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
LANGUAGES = ["c", "cpp"]
INSTALLATIONS = ["wheel", "shared", "static"]

needs_compiler = pytest.mark.skipif(not (C_COMPILER and CXX_COMPILER), reason="no C and C++ compiler")
needs_cmake = pytest.mark.skipif(CMAKE is None, reason="no cmake")
needs_nm = pytest.mark.skipif(NM is None or sys.platform != "linux", reason="lists symbols of ELF files, by nm")


def run(*command: object, fails: bool = False, **variables: str) -> str:
    """Output of a command that must succeed, or fail; nothing in its environment may show it where kiessig is."""
    hidden = ("CMAKE_", "KIESSIG_", "LD_LIBRARY_PATH", "DYLD_", "CPATH", "LIBRARY_PATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= variables
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env=environment
    )
    output = result.stdout + result.stderr
    assert (result.returncode != 0) == fails, output
    return output


def generator() -> list[str]:
    return ["-G", "Ninja"] if shutil.which("ninja") else []


@pytest.fixture(scope="module")
def wheel_prefix() -> Path:
    package = Path(kiessig.__file__).parent
    origin = json.loads(metadata.distribution("kiessig").read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        pytest.skip("kiessig is installed in editable mode: there is no wheel to look into")
    return package


@pytest.fixture(scope="module")
def plain_prefixes(repository, tmp_path_factory) -> dict[str, Path]:
    """A shared and a static library from the source tree, without Python. Takes half a minute."""
    folder = tmp_path_factory.mktemp("plain installation")
    build = folder / "build"
    prefixes = {}
    for kind, shared in (("shared", "ON"), ("static", "OFF")):  # the second only links the objects of the first
        prefixes[kind] = folder / kind
        options = [
            "KIESSIG_BUILD_PYTHON=OFF",
            "KIESSIG_BUILD_TESTS=OFF",
            f"BUILD_SHARED_LIBS={shared}",
            "CMAKE_DISABLE_FIND_PACKAGE_CppAD=ON",  # must not be asked for
        ]
        run(CMAKE, "-S", repository, "-B", build, *generator(), *(f"-D{option}" for option in options))
        run(CMAKE, "--build", build, "--parallel", os.cpu_count() or 1)
        run(CMAKE, "--install", build, "--prefix", prefixes[kind])
    return prefixes


@pytest.fixture(scope="module", params=INSTALLATIONS)
def installation(request) -> tuple[str, Path]:
    """Kind of the library and where it is installed."""
    if request.param == "wheel":
        return "shared", request.getfixturevalue("wheel_prefix")
    return request.param, request.getfixturevalue("plain_prefixes")[request.param]


def configure(source: Path, build: Path, prefix: Path, *options: str, fails: bool = False) -> str:
    return run(CMAKE, "-S", source, "-B", build, *generator(), f"-DCMAKE_PREFIX_PATH={prefix}", *options, fails=fails)


def program(build: Path, name: str) -> Path:
    found = [path for path in build.rglob(f"{name}*") if path.stem == name and os.access(path, os.X_OK)]
    [path] = [path for path in found if path.is_file()]
    return path


@needs_cmake
@needs_compiler
@pytest.mark.parametrize("language", LANGUAGES)
def test_outside_program(installation, language, repository, tmp_path):
    kind, prefix = installation
    build = tmp_path / "an outside program"
    also_cxx = ["-DLANGUAGES=C;CXX"] if (kind, language) == ("static", "c") else []
    configure(repository / "tests" / "embed" / language, build, prefix, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *also_cxx)
    found = re.search(r"^kiessig_DIR:\w+=(.*)$", (build / "CMakeCache.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    assert Path(found[1]).resolve().is_relative_to(prefix.resolve())
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    assert [entry["command"] for entry in commands if "openmp" in entry["command"].lower()] == []

    run(CMAKE, "--build", build)
    path = os.pathsep.join([str(prefix / "bin"), os.environ["PATH"]])  # where Windows looks for a DLL
    assert run(program(build, "closed_form"), PATH=path).endswith("0 failures\n")
    assert run(program(build, "example"), PATH=path) == printed(repository, language)
    if language == "cpp":  # a fit function of Mantid, on a stand-in for its headers
        assert run(program(build, "mantid_function"), PATH=path) == "0 failures\n"
    if language == "c":
        refused = run(program(build, "closed_form"), fails=True, PATH=path, KIESSIG_ISA="z80")
        assert f"kiessig {kiessig.__version__}, kernels none\nkiessig_reflectivity: KIESSIG_ISA: must name" in refused
        assert refused.endswith("got 'z80'\n")


@needs_cmake
@needs_compiler
def test_static_library_asks_for_cxx(plain_prefixes, repository, tmp_path):
    said = configure(repository / "tests" / "embed" / "c", tmp_path / "build", plain_prefixes["static"], fails=True)
    assert "write project(... LANGUAGES C CXX)" in " ".join(said.split())


@needs_cmake
@needs_compiler
@pytest.mark.parametrize(
    ("wanted", "fails"), [("{0}.{1}", False), ("{0}.{1}.{2}", False), ("{0}.999", True), ("0.0", True)]
)
def test_version_is_compared(installation, wanted, fails, tmp_path):
    wanted = wanted.format(*kiessig.__version__.split("."))
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.18)\nproject(p LANGUAGES CXX)\nfind_package(kiessig {wanted} REQUIRED)\n"
    )
    said = configure(tmp_path, tmp_path / "build", installation[1], fails=fails)
    assert ("compatible with requested version" in " ".join(said.split())) == fails


@needs_cmake
@needs_compiler
def test_part_of_another_project(repository, tmp_path):
    """By add_subdirectory the target has the same name, and nothing but a compiler is needed."""
    (tmp_path / "main.c").write_text(
        "#include <kiessig/kiessig.h>\nint main(void) { return kiessig_version()[0] == 0; }\n"
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(p LANGUAGES C CXX)\n"
        f'add_subdirectory("{repository.as_posix()}" kiessig)\n'
        "add_executable(p main.c)\ntarget_link_libraries(p PRIVATE kiessig::core)\n"
    )
    run(CMAKE, "-S", tmp_path, "-B", tmp_path / "build", "-DCMAKE_DISABLE_FIND_PACKAGE_CppAD=ON")
    assert not (tmp_path / "build" / "kiessig" / "cpp" / "tests").exists()


@needs_compiler
@pytest.mark.parametrize(
    ("header", "compiler", "flags"),
    [
        ("kiessig.h", C_COMPILER, ["-std=c11"]),
        ("kiessig.h", CXX_COMPILER, ["-std=c++11"]),
        ("kiessig.h", CXX_COMPILER, ["-std=c++17"]),
        ("export.h", C_COMPILER, ["-std=c11"]),
        ("field.hpp", CXX_COMPILER, ["-std=c++17"]),
        ("mixture.hpp", CXX_COMPILER, ["-std=c++17"]),
        ("polarised.hpp", CXX_COMPILER, ["-std=c++17"]),
        ("specular.hpp", CXX_COMPILER, ["-std=c++17"]),
    ],
)
def test_header_stands_alone(header, compiler, flags, repository, tmp_path):
    source = tmp_path / ("main.c" if compiler == C_COMPILER else "main.cpp")
    source.write_text(f"#include <kiessig/{header}>\n#include <kiessig/{header}>\nint main(void) {{ return 0; }}\n")
    run(compiler, *flags, *STRICT, f"-I{repository / 'cpp' / 'include'}", "-c", source, "-o", tmp_path / "main.o")
    assert (tmp_path / "main.o").stat().st_size > 0


@needs_compiler
def test_unclean_header_is_noticed(tmp_path):
    (tmp_path / "main.c").write_text("static int f(void) { }\nint main(void) { return 0; }\n")
    said = run(C_COMPILER, "-std=c11", *STRICT, "-c", tmp_path / "main.c", "-o", tmp_path / "main.o", fails=True)
    assert "main.c:1" in said


def exported(library: Path, kinds: str = "") -> list[str]:
    """Names that a library exports; of certain kinds only, by the letters of nm."""
    lines = run(NM, "--dynamic", "--defined-only", library).splitlines()
    symbols = [line.split()[1:] for line in lines]
    return [name.split("@")[0] for kind, name in symbols if (kind in kinds if kinds else kind != "A")]  # A: a version


@needs_nm
@pytest.mark.parametrize("installation", ["wheel", "shared"], indirect=True)
def test_library_exports_its_interface_only(installation):
    [library] = installation[1].rglob("libkiessig.so.*")
    names = exported(library)
    assert {"kiessig_reflectivity", "kiessig_amplitude", "kiessig_reflectivity_jacobian", "kiessig_isa"} <= set(names)
    assert [name for name in names if not re.match(r"kiessig_|_ZN7kiessig|_ZNK7kiessig", name)] == []


@needs_nm
def test_extension_exports_nothing_of_the_library():
    # else, in a process that has loaded libkiessig as well, one's calls might end in the other; and our lock would not
    # be the only one around what CppAD keeps for the whole process
    names = exported(Path(_core.__file__))
    assert "PyInit__core" in names
    assert [name for name in exported(Path(_core.__file__), "TWi") if "kiessig" in name] == []
    assert [name for name in names if "CppAD" in name] == []


def test_other_builds_are_told_where_it_is(wheel_prefix):
    assert (wheel_prefix / "lib" / "cmake" / "kiessig" / "kiessigConfig.cmake").is_file()
    [entry] = metadata.distribution("kiessig").entry_points.select(group="cmake.root")
    assert (entry.name, entry.value) == ("kiessig", "kiessig")


def blocks(repository: Path, kind: str) -> list[str]:
    text = (repository / "docs" / "embedding.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def printed(repository: Path, language: str) -> str:
    """What the page says that the example prints."""
    return blocks(repository, "text")[LANGUAGES.index(language)]


@pytest.mark.parametrize(("language", "file"), [("c", "example.c"), ("cpp", "example.cpp")])
def test_page_shows_the_example(language, file, repository):
    assert (repository / "tests" / "embed" / language / file).read_text(encoding="utf-8") in blocks(
        repository, language
    )


def test_page_names_every_status(repository):
    header = (repository / "cpp" / "include" / "kiessig" / "kiessig.h").read_text(encoding="utf-8")
    page = (repository / "docs" / "embedding.md").read_text(encoding="utf-8")
    codes = re.findall(r"^  (KIESSIG_[A-Z_]+) = \d", header, re.MULTILINE)
    assert len(codes) == 7
    assert [code for code in codes if f"`{code}`" not in page] == []


def test_page_names_the_version(repository):
    page = (repository / "docs" / "embedding.md").read_text(encoding="utf-8")
    major, minor = kiessig.__version__.split(".")[:2]
    assert set(re.findall(r"libkiessig\.so\.([\d.]+)\b|find_package\(kiessig ([\d.]+)\)", page)) == {
        (f"{major}.{minor}", ""),
        ("", f"{major}.{minor}"),
    }
