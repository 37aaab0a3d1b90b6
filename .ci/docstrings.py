"""Check that the docstrings of the public names document what there is: run by .ci/run, with numpydoc's own checks."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator

from numpydoc.validate import validate

import kiessig

CHECKS = {
    "GL06",  # a section that numpydoc does not know
    "GL07",  # sections in another order than numpydoc's
    "GL08",  # no docstring
    "PR01",  # a parameter that is not documented
    "PR02",  # a documented parameter that does not exist
    "PR07",  # a parameter without description
    "PR10",  # no space before the colon
    "SS01",  # no summary
}


def public_names() -> Iterator[str]:
    for name in kiessig.__all__:
        value = getattr(kiessig, name)
        if not inspect.isclass(value):
            if callable(value):
                yield f"kiessig.{name}"
            continue
        if not hasattr(value, "_fields"):  # the fields of a named tuple are its attributes
            yield f"kiessig.{name}"
        for member, method in vars(value).items():
            if not member.startswith("_") and (callable(method) or isinstance(method, property | classmethod)):
                yield f"kiessig.{name}.{member}"


def faults_of(name: str) -> list[tuple[str, str]]:
    result = validate(name)
    # "arguments ... are those of `other`" and "..., as `other`" document them by reference
    waived = {"PR01"} if re.search(r"(are those of|, as) `kiessig\.", result["docstring"]) else set()
    return [fault for fault in result["errors"] if fault[0] in CHECKS - waived]


def main() -> int:
    names = list(public_names())
    faults = [(name, *fault) for name in names for fault in faults_of(name)]
    for name, code, text in faults:
        print(f"{name}: {code} {text}")
    print(f"{len(names)} public names, {len(faults)} faults")
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
