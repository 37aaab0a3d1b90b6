"""Measure how far kiessig's numbers are from independent ones, and write the tables of docs/validation.md.

Run from anywhere: ``python docs/make_validation.py``. The ORSO suite is read from the folder that KIESSIG_DATA names or
from ../shared/data beside the source tree. What is not there is said and left out, and the page keeps its old table.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))  # the oracles are those of the tests

import kiessig as ks  # noqa: E402
from reference import parratt, smearing, transfer_matrix  # noqa: E402
from reference.stacks import Stack, edges, q_grid, random_stack  # noqa: E402

PAGE = REPOSITORY / "docs" / "validation.md"


class MissingError(Exception):
    """What a table needs is not installed or not there."""


def deviation(found, reference) -> float:
    return float(np.max(np.abs(np.asarray(found) / np.asarray(reference) - 1)))


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def orso_folder() -> Path:
    folder = Path(os.environ.get("KIESSIG_DATA", REPOSITORY.parent / "shared" / "data")) / "orso_validation"
    if not folder.is_dir():
        message = f"no ORSO suite in {folder}: set KIESSIG_DATA to the folder that holds orso_validation/"
        raise MissingError(message)
    return folder


def orso_names(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]


def orso() -> str:
    """Unpolarised cases 0 to 7 of the ORSO suite, polarised 0 and 1."""
    folder = orso_folder()
    rows = []
    for number in range(8):
        layers, data = orso_names(folder / "unpolarised" / f"test{number}.txt")
        slabs = np.loadtxt(folder / "unpolarised" / layers, ndmin=2)
        stack = Stack(slabs[1:-1, 0], slabs[:, 1], slabs[:, 2], slabs[1:, 3])
        q, reference, *more = np.loadtxt(folder / "unpolarised" / data).T
        smeared = number in (4, 5)
        found = ks.reflectivity(q, *stack, **({"dq": more[-1]} if smeared else {}))
        some = slice(None, None, max(len(q) // 20, 1))
        if smeared:  # the file's quadrature ends at 3.5 sigma and is not renormalised
            beyond = np.array([beyond_the_file(stack, *point) for point in zip(q, more[-1], strict=True)])
            reference = reference + beyond
        exact = "" if smeared else f"{deviation(found[some], exact_r(q[some], stack)):.1e}"
        name = f"unpolarised {number}" + (", resolution" if smeared else "")
        rows.append([name, str(len(q)), str(len(stack.thickness)), f"{deviation(found, reference):.1e}", exact])
    for number in range(2):
        layers, data, guide, field = orso_names(folder / "polarised" / f"test{number}.txt")
        thickness, sld, mu, theta, magnetic, roughness = np.loadtxt(folder / "polarised" / layers, ndmin=2).T
        r = ks.polarised_reflectivity(
            (columns := np.loadtxt(folder / "polarised" / data).T)[0],
            thickness[1:-1],
            sld,
            mu,
            roughness[1:],
            sld_magnetic=magnetic,
            theta_m=theta,
            guide_angle=float(guide),
            field=float(field),
        )
        for column, channel in ((4, "pp"), (1, "mm"), (3, "pm")):
            if columns[column].max() > 1e-30:  # else squared roundoff of the program that wrote the file
                found = deviation(getattr(r, channel), columns[column])
                rows.append([f"polarised {number}, {channel}", str(len(columns[0])), "", f"{found:.1e}", ""])
    head = ["case", "points", "layers", "largest relative deviation from the file", "from 40 digits"]
    return table(head, rows)


def beyond_the_file(stack: Stack, q: float, dq: float) -> float:
    """What a Gaussian holds beyond the 3.5 sigma to which refnx integrates it."""

    def curve(x):
        return transfer_matrix.reflectivity(x, *stack)

    return smearing.smear(curve, q, dq, edges(stack)) - smearing.smear(curve, q, dq, edges(stack), reach=3.5)


def exact_r(q, stack) -> np.ndarray:
    return np.abs(parratt.amplitudes(q, stack)) ** 2


def digits() -> str:
    """Value and derivatives beside 40-digit arithmetic."""
    rows = []
    for n, absorbing in [(0, False), (1, False), (1, True), (5, True), (20, True)]:
        value = slope = 0.0
        for seed in range(5):
            rng = np.random.default_rng([n, absorbing, seed])
            stack, q = random_stack(rng, n, absorbing=absorbing), q_grid(rng, 20)
            exact = exact_r(q, stack)
            # beyond the amplitude's roundoff of 1e-14 a relative deviation says nothing
            seen = exact > 1e-12
            r, jacobian = ks.reflectivity_jacobian(q, *stack)
            value = max(value, deviation(r[seen], exact[seen]))
            if n:
                some = slice(None, None, 7)
                reference = slope_by_thickness(q[some], stack)
                off = np.max(np.abs(jacobian.thickness[some] - reference)) / np.max(np.abs(reference))
                slope = max(slope, float(off))
        rows.append([f"{n}{', absorbing' if absorbing else ''}", f"{value:.1e}", f"{slope:.1e}" if n else ""])
    return table(["layers", "R", "∂R/∂thickness, of the stack's largest"], rows)


def slope_by_thickness(q, stack) -> np.ndarray:
    """∂R/∂d by differences in 40 digits."""
    from mpmath import mp, mpf

    with mp.workdps(40):
        step = mpf(10) ** -12
        reference = np.zeros((len(q), len(stack.thickness)))
        for i, x in enumerate(q):
            for j in range(len(stack.thickness)):
                r = []
                for sign in (1, -1):
                    thickness = [mpf(d) for d in stack.thickness]
                    thickness[j] += sign * step
                    r.append(parratt.reflectivity(x, thickness, *stack[1:]))
                reference[i, j] = float((r[0] - r[1]) / (2 * step))
    return reference


def installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError as error:
        message = f"{name} is not installed"
        raise MissingError(message) from error


def slabs_of(stack: Stack) -> np.ndarray:
    n = len(stack.thickness)
    return np.column_stack(
        [[0.0, *stack.thickness, 0.0], stack.sld, [0.0, *stack.sld_imag[1:]], [0.0, *stack.roughness]]
    ).reshape(n + 2, 4)


def programs() -> str:
    """Random stacks beside other programs."""
    version_refnx, version_refl1d = installed("refnx"), installed("refl1d")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from refl1d.sample.reflectivity import reflectivity_amplitude
        from refnx.reflect import abeles
    rows = []
    for n in (1, 5, 20, 100):
        worst = dict.fromkeys(("refnx", "refl1d", "transfer matrix"), 0.0)
        for seed in range(50):
            rng = np.random.default_rng([n, seed])
            stack, q = random_stack(rng, n, absorbing=True, thickness=(3.0, 100.0)), q_grid(rng, 100)
            r = ks.reflectivity(q, *stack)
            seen = r > 1e-12
            slabs = slabs_of(stack)
            others = {"refnx": abeles(q, slabs), "transfer matrix": transfer_matrix.reflectivity(q, *stack)}
            amplitude = reflectivity_amplitude(
                q / 2, depth=slabs[:, 0], rho=slabs[:, 1], irho=slabs[:, 2], sigma=slabs[1:, 3]
            )
            others["refl1d"] = np.abs(amplitude) ** 2
            for name, other in others.items():
                both = seen & np.isfinite(other)
                worst[name] = max(worst[name], deviation(r[both], other[both]))
        rows.append([str(n), *(f"{worst[name]:.1e}" for name in worst)])
    return table(["layers", f"refnx {version_refnx}", f"refl1d {version_refl1d}", "matrices in numpy"], rows)


def resolution() -> str:
    """Smeared curves beside adaptive integration."""
    cases = {
        "substrate, across its edge": (([], [0.0, 2.07], [0.0, 0.0], [3.0]), (0.006, 0.03)),
        "film of 300 angstrom": (([300.0], [0.0, 4.5, 2.07], [0.0] * 3, [5.0, 3.0]), (0.01, 0.25)),
        "film of 3000 angstrom": (([3000.0], [0.0, 4.5, 2.07], [0.0] * 3, [5.0, 3.0]), (0.012, 0.05)),
        "two absorbing layers": (([50.0, 200.0], [0.0, 6.0, 3.0, 2.07], [0.0, 0.5, 0.1, 0.0], [4.0] * 3), (0.01, 0.2)),
    }
    rows = []
    for name, (arrays, (low, high)) in cases.items():
        stack, q, worst = Stack(*map(np.array, arrays)), np.linspace(low, high, 9), []
        for width in (0.02, 0.06):
            found = ks.reflectivity(q, *stack, dq=width * q)

            def curve(x, stack=stack):
                return transfer_matrix.reflectivity(x, *stack)

            exact = [smearing.smear(curve, centre, width * centre, edges(stack)) for centre in q]
            worst.append(f"{deviation(found, exact):.1e}")
        rows.append([name, *worst])
    return table(["sample", "σ/Q = 2 %", "σ/Q = 6 %"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "orso": orso,
    "digits": digits,
    "programs": programs,
    "resolution": resolution,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=PAGE, help="the page whose tables are replaced")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all of them if not given")
    given = parser.parse_args()
    unknown = set(given.tables) - set(TABLES)
    if unknown:
        parser.error(f"no table named {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    text = given.page.read_text(encoding="utf-8")
    for name in given.tables or TABLES:
        try:
            made = TABLES[name]()
        except MissingError as error:
            print(f"{name} skipped: {error}")
            continue
        print(f"{name}\n{made}\n")
        between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text, places = between.subn(lambda m, made=made: f"{m[1]}\n{made}\n\n{m[2]}", text)
        if places != 1:
            print(f"{given.page} has {places} places for the table {name}, and must have one")
            return 1
    given.page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
