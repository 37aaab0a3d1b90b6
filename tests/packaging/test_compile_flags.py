"""Flags that change the host process or its arithmetic stand in no build file."""

from __future__ import annotations

import re

import pytest

FORBIDDEN = re.compile(
    r"-ffast-math|-Ofast|-funsafe-math-optimizations|-ffinite-math-only|-fassociative-math|-freciprocal-math"
    r"|-march=native|-mtune=native|-mcpu=native|/fp:fast|-fp-model[= ]fast|crtfastmath|-mdaz-ftz"
)


def build_files(repository):
    found = [
        path
        for folder in (repository / "cpp", repository / "cmake", repository / "python")
        for path in folder.rglob("*")
        if path.name == "CMakeLists.txt" or path.suffix in (".cmake", ".cpp", ".hpp", ".h")
    ]
    return [repository / "pyproject.toml", repository / "CMakeLists.txt", *found]


def test_no_such_flag(repository):
    files = build_files(repository)
    assert len(files) > 10
    assert [(file.name, FORBIDDEN.findall(text)) for file in files if FORBIDDEN.search(text := file.read_text())] == []


@pytest.mark.parametrize(
    "line", ["target_link_options(a -Ofast)", '#pragma GCC optimize("-ffast-math")', "-march=native"]
)
def test_flag_is_noticed(line):
    assert FORBIDDEN.search(line)
