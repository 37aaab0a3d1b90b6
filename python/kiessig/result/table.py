"""The table that a fit result shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kiessig.result.result import FitResult

__all__ = ["result_table"]

_STRONG = 0.9
_MOST_PAIRS = 10


def result_table(result: FitResult, truth: Mapping[str, float] | None = None) -> str:
    """Return `result` as lines of text; `truth` adds the true values and the deviations from them."""
    found = [*_header(result), "", *_parameters(result, truth), *_correlations(result), *_minima(result)]
    return "\n".join([*found, "", result.message])


def _header(result: FitResult) -> list[str]:
    label = {"chi2": "chi2", "log": "log misfit", "poisson": "deviance"}[result.misfit]
    dof = result.degrees_of_freedom
    reduced = f"{result.reduced_chi2:.6g}" if dof > 0 else "undefined"
    seconds = f"{result.wall_time:.3g} s" if result.wall_time >= 1e-3 else f"{1e3 * result.wall_time:.2g} ms"
    lines = [
        f"{result.method}: {'converged' if result.success else 'NOT CONVERGED'}",
        "   ".join(
            [
                f"{label} = {result.chi2:.7g}",
                f"{label}/N = {result.chi2_per_point:.6g} (N = {result.n_points})",
                f"{label}/dof = {reduced} (dof = {dof})",
            ]
        ),
        f"{result.n_evaluations} evaluations, {result.n_jacobian_evaluations} of derivatives, in {seconds}",
    ]
    if result.covariance_scale != 1.0:
        lines.append(f"standard errors for residuals of variance {result.covariance_scale:.6g}")
    return lines


def _parameters(result: FitResult, truth: Mapping[str, float] | None) -> list[str]:
    head = ["parameter", "value", "std. error", "lower", "upper"]
    rows = []
    for i, name in enumerate(result.names):
        value, error = float(result.x[i]), float(result.stderr[i])
        shown, shown_error = rounded(value, error)
        row = [name, shown, shown_error, f"{result.lower[i]:g}", f"{result.upper[i]:g}"]
        if truth is not None:
            row += _against(value, error, truth.get(name))
        rows.append([*row, _note(result, i)])
    head = [*head, *(["truth", "off by/s.e."] if truth is not None else []), ""]
    widths = [max(len(row[c]) for row in [head, *rows]) for c in range(len(head))]
    rule = "  ".join("-" * width for width in widths[:-1])
    body = [_line(row, widths) for row in rows]
    return [_line(head, widths), rule, *body]


def _line(row: list[str], widths: list[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _against(value: float, error: float, truth: float | None) -> list[str]:
    if truth is None:
        return ["", ""]
    usable = math.isfinite(error) and error > 0.0
    return [f"{truth:.7g}", f"{(value - truth) / error:+.2f}" if usable else ""]


def _note(result: FitResult, i: int) -> str:
    notes = []
    if result.at_bounds[i]:
        lower_is_nearer = abs(result.x[i] - result.lower[i]) <= abs(result.x[i] - result.upper[i])
        notes.append(f"at {'lower' if lower_is_nearer else 'upper'} bound")
    if result.undetermined[i]:
        notes.append("undetermined")
    return ", ".join(notes)


def _correlations(result: FitResult) -> list[str]:
    rho = result.correlation
    pairs = [
        (float(rho[i, j]), result.names[i], result.names[j])
        for i, j in zip(*np.triu_indices(len(result.names), 1), strict=True)
        if abs(rho[i, j]) > _STRONG
    ]
    if not pairs:
        return []
    pairs.sort(key=lambda pair: -abs(pair[0]))
    lines = ["", f"strongly correlated (|rho| > {_STRONG:g}):"]
    lines += [f"  {a}, {b}: {value:+.4f}" for value, a, b in pairs[:_MOST_PAIRS]]
    if len(pairs) > _MOST_PAIRS:
        lines.append(f"  and {len(pairs) - _MOST_PAIRS} more")
    return lines


def _minima(result: FitResult) -> list[str]:
    """Tell the distinct minima where there was a search: how often each was found, and how far above the lowest."""
    if sum(minimum.n_starts for minimum in result.minima) < 2:
        return []
    lines = ["", "minima, and the starts that ended there:"]
    for minimum in result.minima:
        above = minimum.value - result.minima[0].value
        lines.append(f"  {minimum.value:.7g}" + (f" (+{above:.4g})" if above > 0.0 else "") + f": {minimum.n_starts}")
    return lines


def rounded(value: float, error: float) -> tuple[str, str]:
    """Return value and standard error as text, to the second significant digit of the error."""
    if not (math.isfinite(error) and error > 0.0 and math.isfinite(value)):
        return f"{value:.6g}", f"{error:.2g}"
    if error < 1e-14 * abs(value):
        return f"{value:.15g}", f"{error:.1e}"
    # Rounding first: 0.0996 is 0.10 to two digits, and its last digit is the hundredth.
    place = math.floor(math.log10(float(f"{error:.1e}")))
    size = max(abs(value), error)
    if 1e-4 <= size < 1e7:
        decimals = max(1 - place, 0)
        return f"{value:.{decimals}f}", f"{error:.{decimals}f}"
    digits = max(math.floor(math.log10(abs(value))) - place + 1, 0) if value != 0.0 else 0
    return f"{value:.{digits}e}", f"{error:.1e}"
