"""The table that a sample prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiessig.layer import Slice, short

if TYPE_CHECKING:
    from kiessig.sample import Sample

__all__ = ["table"]

_STRUCTURE = ("thickness", "sld", "sld_imag", "roughness")
_MAGNETISM = ("sld_magnetic", "theta_m", "phi_m")
_UNITS = "thickness, roughness: angstrom; sld, sld_imag: 1e-6/angstrom^2"


def table(sample: Sample) -> str:
    """Write the media of a sample, one a row; of the slices of a profile, the first and the last."""
    layers, densities = sample.layers, sample.densities()
    magnetic = any(layer.is_magnetic for layer in layers)
    columns = _STRUCTURE + _MAGNETISM * magnetic
    rows: list[tuple[str, ...]] = [("", "medium", *columns)]
    for index, (layer, (sld, sld_imag)) in enumerate(zip(layers, densities, strict=True)):
        between = isinstance(layer, Slice) and index + 1 < len(layers) and isinstance(layers[index + 1], Slice)
        if between:
            if rows[-1][0] != "...":
                rows.append(("...", *[""] * (1 + len(columns))))
            continue
        shown = {name: getattr(layer, name) for name in columns} | {"sld": sld, "sld_imag": sld_imag}
        entries = ("-" if shown[name] is None else short(shown[name]) for name in columns)
        rows.append((str(index), layer.name or "", *entries))
    widths = [max(len(row[column]) for row in rows) for column in range(1, len(rows[0]))]
    count = len(layers)
    label = "" if sample.name is None else f" {sample.name!r}"
    lines = [f"Sample{label}: {count} {'medium' if count == 1 else 'media'}"]
    first = max(len(row[0]) for row in rows)
    for number, *row in rows:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{number:>{first}} {cells}".rstrip())
    lines.extend(
        f"media {start} to {stop - 1} stand {count} times"
        if stop - start > 1
        else f"medium {start} stands {count} times"
        for start, stop, count in sample.cells
    )
    units = _UNITS + "; sld_magnetic: 1e-6/angstrom^2; theta_m, phi_m: degrees" * magnetic
    lines.append(units + "; * depends on free parameters" * bool(sample.parameters))
    return "\n".join(lines)
