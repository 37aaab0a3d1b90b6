"""Arrows between C++ files point one way: bindings -> include <- src, and the topics of src as the table says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

# What a file or folder may include besides its own folder; the longest fitting row counts.
ARROWS = {
    "cpp/include": (),
    "cpp/src/simd": (),
    "cpp/src/parallel": (),
    "cpp/src/tape": ("cpp/include/kiessig/tape.hpp",),
    "cpp/src/resolution": ("cpp/include/kiessig/specular.hpp", "cpp/src/specular/kernel.hpp"),
    "cpp/src/specular": ("cpp/include/kiessig/specular.hpp", "cpp/src/simd", "cpp/src/resolution/reflector.hpp"),
    "cpp/src/polarised": (
        "cpp/src/resolution/reflector.hpp",
        "cpp/src/simd",
        "cpp/src/specular/even_pair.hpp",
        "cpp/src/specular/kernel.hpp",
        "cpp/src/specular/stack.hpp",
    ),
    "cpp/src/polarised/reflectivity.cpp": ("cpp/include/kiessig/polarised.hpp", "cpp/src/batch"),
    "cpp/src/specular/mixture_reflectivity.cpp": ("cpp/include/kiessig/mixture.hpp", "cpp/src/batch"),
    # where stacks, smearing and threads meet, for every physics
    "cpp/src/batch": ("cpp/src/parallel", "cpp/src/resolution", "cpp/src/specular/kernel.hpp"),
    "cpp/src/specular/reflectivity.cpp": ("cpp/include/kiessig/specular.hpp", "cpp/src/batch"),
    "cpp/src/specular/mixture.hpp": ("cpp/include/kiessig/specular.hpp", "cpp/src/resolution/reflector.hpp"),
    "cpp/src/specular/amplitude_derivatives.cpp": ("cpp/include/kiessig/specular.hpp", "cpp/src/parallel"),
    "cpp/src/specular/field.cpp": ("cpp/include/kiessig/field.hpp", "cpp/src/parallel"),
    "cpp/src/specular/reflectivity_float.cpp": ("cpp/include/kiessig/specular.hpp", "cpp/src/parallel"),
    # the C interface, over the C++ one
    "cpp/src/c_api": ("cpp/include/kiessig", "cpp/src/specular/kernel.hpp"),
    "cpp/tests": ("cpp",),
    "python/bindings": ("cpp/include",),
}
# Headers of others, and who may use them. The C++ standard library is everybody's but the kernels'.
FOREIGN = {
    "cppad/": ("cpp/src/tape", "cpp/tests"),
    "omp.h": ("cpp/src/parallel", "cpp/tests"),
    "pthread.h": ("cpp/src/parallel", "cpp/tests"),
    "unistd.h": ("cpp/tests",),
    "sys/": ("cpp/tests",),
    "pybind11/": ("python/bindings",),
}
C_HEADERS = {"float.h", "limits.h", "math.h", "stddef.h", "stdint.h", "string.h"}

SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
KERNEL_SOURCES = re.compile(r"OBJECT((?:\s+\S+\.cpp)+)")


def lies_in(file: str, place: str) -> bool:
    return file == place or file.startswith(place.rstrip("/") + "/")


def source_files(root: Path) -> list[str]:
    return sorted(
        path.relative_to(root).as_posix()
        for folder in ("cpp", "python/bindings")
        for path in (root / folder).rglob("*")
        if path.suffix in SUFFIXES
    )


def includes(root: Path, file: str) -> list[tuple[str, bool]]:
    """What `file` includes: (path in the tree, True), or (name as written, False) for a header of others."""
    found = []
    for bracket, name in INCLUDE.findall((root / file).read_text(encoding="utf-8")):
        beside = (root / file).parent / name
        public = root / "cpp" / "include" / name
        ours = beside if bracket == '"' and beside.is_file() else public
        if ours.is_file():
            found.append((ours.resolve().relative_to(root.resolve()).as_posix(), True))
        else:
            found.append((name, False))
    return found


def arrow_violations(root: Path) -> list[str]:
    wrong = []
    for file in source_files(root):
        row = max((place for place in ARROWS if lies_in(file, place)), key=len, default=None)
        if row is None:
            wrong.append(f"{file} has no row in ARROWS")
            continue
        for name, ours in includes(root, file):
            if ours:
                allowed = (Path(file).parent.as_posix(), *ARROWS[row])
                good = any(lies_in(name, place) for place in allowed)
            elif foreign := [users for prefix, users in FOREIGN.items() if name.startswith(prefix)]:
                good = any(lies_in(file, user) for user in foreign[0])
            else:  # a C++ standard header has no suffix
                good = name in C_HEADERS or re.fullmatch(r"[a-z_]+", name) is not None
            if not good:
                wrong.append(f"{file} includes {name}")
    return wrong


def cycles(root: Path) -> list[str]:
    below = {file: [name for name, ours in includes(root, file) if ours] for file in source_files(root)}
    closed: set[str] = set()
    wrong = []

    def visit(file: str, trail: tuple[str, ...]) -> None:
        if file in trail:
            wrong.append(" -> ".join((*trail[trail.index(file) :], file)))
        elif file not in closed:
            for name in below.get(file, []):
                visit(name, (*trail, file))
            closed.add(file)

    for file in below:
        visit(file, ())
    return wrong


def kernel_violations(root: Path) -> list[str]:
    """Headers other than C's that reach the files compiled once per instruction set."""
    lists = KERNEL_SOURCES.findall((root / "cpp" / "CMakeLists.txt").read_text(encoding="utf-8"))
    sources = [source for found in lists for source in found.split()]
    assert sources, "no source is compiled per instruction set: has the CMake file changed its form?"
    pending = [f"cpp/{source}" for source in sources]
    seen: set[str] = set()
    wrong = []
    while pending:
        file = pending.pop()
        if file in seen:
            continue
        seen.add(file)
        for name, ours in includes(root, file):
            if ours:
                pending.append(name)
            elif name not in C_HEADERS:
                wrong.append(f"{file} includes {name}")
    return wrong


def pybind_violations(root: Path) -> list[str]:
    return [
        path.relative_to(root).as_posix()
        for path in sorted((root / "cpp").rglob("*"))
        if path.is_file() and "pybind11" in path.read_text(encoding="utf-8", errors="replace").lower()
    ]


def test_includes_follow_the_table(repository):
    assert arrow_violations(repository) == []


def test_no_file_includes_itself_through_others(repository):
    assert cycles(repository) == []


def test_kernels_include_c_headers_only(repository):
    # An inline function of the C++ library, compiled there for AVX-512, may be the copy that the linker keeps for all.
    assert kernel_violations(repository) == []


def test_core_does_not_know_the_binding(repository):
    assert pybind_violations(repository) == []


def test_every_row_is_used(repository):
    files = source_files(repository)
    assert [row for row in ARROWS if not any(lies_in(file, row) for file in files)] == []


@pytest.mark.parametrize(
    ("file", "line", "check"),
    [
        ("cpp/src/simd/math.hpp", '#include "../parallel/parallel.hpp"', arrow_violations),
        ("cpp/src/tape/tape.cpp", "#include <kiessig/specular.hpp>", arrow_violations),
        ("cpp/src/resolution/smearing.cpp", '#  include "../specular/stack.hpp"', arrow_violations),
        ("cpp/src/specular/stack.hpp", '#include "../resolution/smearing.hpp"', arrow_violations),
        ("cpp/src/specular/stack.hpp", "#include <cppad/cppad.hpp>", arrow_violations),
        ("cpp/include/kiessig/tape.hpp", "#include <Eigen/Dense>", arrow_violations),
        ("cpp/include/kiessig/tape.hpp", '#include "../../src/parallel/parallel.hpp"', arrow_violations),
        ("python/bindings/tape.cpp", '#include "../../cpp/src/specular/stack.hpp"', arrow_violations),
        ("cpp/src/diffraction/bloch.cpp", "#include <vector>", arrow_violations),
        ("cpp/src/resolution/reflector.hpp", '#include "../specular/stack.hpp"', cycles),
        ("cpp/src/simd/vector.hpp", "#include <algorithm>", kernel_violations),
        ("cpp/src/specular/kernel.hpp", "#include <omp.h>", kernel_violations),
        ("cpp/src/polarised/spin.hpp", "#include <complex>", kernel_violations),
        ("cpp/src/polarised/stack.hpp", '#include "../resolution/smearing.hpp"', arrow_violations),
        ("cpp/src/specular/kernel_float.hpp", "#include <vector>", kernel_violations),
        ("cpp/src/specular/stack.cpp", "// as pybind11 does", pybind_violations),
    ],
)
def test_planted_fault_is_found(repository, tmp_path, file, line, check):
    for folder in ("cpp", "python/bindings"):
        shutil.copytree(repository / folder, tmp_path / folder)
    before = set(check(tmp_path))
    planted = tmp_path / file
    planted.parent.mkdir(exist_ok=True)
    with planted.open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
    found = set(check(tmp_path)) - before
    assert len(found) == 1
    assert file in found.pop()
