"""Times over the number of layers, one panel for each task, at one number of points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.backends.registry import OURS
from benchmarks.backends.report import tasks_of
from benchmarks.backends.tasks import TITLES

POINTS = 1000
# kiessig in blue, refnx in orange and red, refl1d in brown, what was written for this in greens; dashed: differences
STYLES: dict[str, dict[str, Any]] = {
    "kiessig": {"color": "#0b4f9e", "lw": 2.4, "marker": "o"},
    "kiessig, 17 nodes": {"color": "#0b4f9e", "lw": 1.2, "marker": "o", "mfc": "white"},
    "kiessig in JAX": {"color": "#3d8fe0", "lw": 1.6, "marker": "s"},
    "kiessig in torch": {"color": "#7fb8f0", "lw": 1.6, "marker": "D"},
    "kiessig, differences": {"color": "#5b7fa8", "lw": 1.2, "marker": "o", "ls": "--", "mfc": "white"},
    "refnx C": {"color": "#c4411d", "lw": 1.4, "marker": "^"},
    "refnx JAX": {"color": "#e8872b", "lw": 1.4, "marker": "s"},
    "refnx FFI": {"color": "#f2b84b", "lw": 1.4, "marker": "v"},
    "refnx torch": {"color": "#b06a8a", "lw": 1.4, "marker": "D"},
    "refl1d numba": {"color": "#7a5230", "lw": 1.4, "marker": "P"},
    "JAX Parratt": {"color": "#2a8a4a", "lw": 1.4, "marker": "s"},
    "torch Parratt": {"color": "#7cb96a", "lw": 1.4, "marker": "D"},
}


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the figure into a file whose name says which format."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        message = f"--plot: matplotlib cannot be imported ({error})"
        raise SystemExit(message) from error
    tasks = tasks_of(results)
    columns = 3 if len(tasks) > 4 else 2 if len(tasks) > 1 else 1
    rows = -(-(len(tasks) + (len(tasks) % columns == 0)) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4.6 * columns, 3.7 * rows), squeeze=False, sharex=False)
    handles: dict[str, Any] = {}
    for axis, task in zip(axes.flat, tasks, strict=False):
        found = [row for row in results["rows"] if row["task"] == task]
        points = nearest(found)
        chosen = sorted((row for row in found if row["points"] == points), key=lambda row: row["layers"])
        for name in results["backends"]:
            times = [
                (row["layers"], row["contenders"][name]["median"])
                for row in chosen
                if "median" in row["contenders"].get(name, {})
            ]
            if times:
                style = {"ms": 4.5, "zorder": 3 if name == OURS else 2, **STYLES[name]}
                [line] = axis.plot(*zip(*times, strict=True), **style)
                handles.setdefault(name, line)
        axis.set(xscale="log", yscale="log", xlabel="layers", ylabel="time of one call (s)")
        ticks = [row["layers"] for row in chosen]
        axis.set_xticks(ticks, labels=[str(n) for n in ticks])
        axis.minorticks_off()
        axis.set_title(f"{TITLES[task]}, {points} Q", fontsize=10)
        axis.grid(alpha=0.3)
    spare = list(axes.flat)[len(tasks) :]
    for axis in spare:
        axis.axis("off")
    names = [name for name in results["backends"] if name in handles]
    where = spare[0] if spare else figure
    where.legend([handles[name] for name in names], names, loc="center left", fontsize=9, frameon=False)
    figure.suptitle(f"One thread, double precision; {results['environment']['processor']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)


def nearest(rows: list[dict[str, Any]]) -> int:
    """Return the number of points that is drawn: that of most others' figures, where it was measured."""
    return min({row["points"] for row in rows}, key=lambda points: (abs(points - POINTS), points))
