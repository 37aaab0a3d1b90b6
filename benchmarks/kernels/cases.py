"""The table: every task, our side, the rivals, and the ratio that is required."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import numpy as np

import kiessig as ks
from benchmarks import stacks
from benchmarks.kernels import agreement, importing, ours
from benchmarks.kernels.case import Case, Comparison, Run
from benchmarks.rivals import jax_refnx, refl1d, reflectorch, refnx_c, torch_refnx
from benchmarks.stacks import measured, stack


def kind(absorbing: bool) -> str:
    return "absorbing" if absorbing else "real"


def curve(n_layers: int, absorbing: bool) -> Case:
    """Value, and value with full Jacobian, beside refnx's plain value."""
    sample = stack(n_layers, 1000, absorbing=absorbing)
    case = Case(
        f"{n_layers} layers x 1000 Q, {kind(absorbing)}", agreement.curve_and_jacobian(sample, absorbing=absorbing)
    )
    case.add("value", ours.value(sample)).add("value and Jacobian", ours.jacobian(sample))
    rival = partial(refnx_c.value, sample)
    case.against("refnx C", rival, 5.5 if absorbing else 15.0, ours="value")
    return case.against("refnx C", rival, 3.5 if absorbing else 7.0, ours="value and Jacobian")


def log_misfit(absorbing: bool) -> Case:
    """Value and gradient of a misfit of logarithms."""
    sample = stack(10, 1000, absorbing=absorbing)
    data = measured(ours.value(sample)(), sample.q)
    # as for the curve; in the gradient of ln R the cancelling part weighs as much as any other
    agree = agreement.same_gradients({"JAX": 1e-8, "PyTorch": 1e-8})
    case = Case(f"log misfit and gradient, 10 layers x 1000 Q, {kind(absorbing)}", agree)
    case.add("kiessig", ours.log_misfit(sample, data, absorbing=absorbing))
    case.against(
        "JAX",
        partial(jax_refnx.log_misfit, sample, data, absorbing=absorbing),
        20.0 if absorbing else 40.0,
        compiles=True,
    )
    return case.against(
        "PyTorch", partial(torch_refnx.log_misfit, sample, data, absorbing=absorbing), 40.0 if absorbing else 80.0
    )


def jacobian(n_layers: int, required: float) -> Case:
    """Full Jacobian beside automatic differentiation."""
    sample = stack(n_layers, 1000, absorbing=True)
    case = Case(f"full Jacobian, {n_layers} layers x 1000 Q, absorbing", agreement.same_jacobian)
    case.add("kiessig", ours.jacobian(sample))
    case.against("JAX jacfwd", partial(jax_refnx.jacobian, sample), required, compiles=True)
    return case.against("JAX grad by points", partial(jax_refnx.jacobian_by_points, sample), compiles=True)


def smeared() -> Case:
    """Chi-squared with pointwise resolution, as a fit evaluates it."""
    sample = stacks.film(1000)
    data = measured(ours.value(sample)(), sample.q)
    case = Case("smeared chi2 and gradient, 2 layers x 1000 Q", agreement.same_smeared_fit(sample, data))
    rivals: dict[str, Callable[[], Run]] = {
        "refnx C": partial(refnx_c.smeared_chi2, sample, data),
        "JAX": partial(jax_refnx.smeared_chi2, sample, data),
    }
    contenders: dict[str, Callable[[], Run]] = {
        "kiessig, Plan": partial(ours.planned_chi2, sample, data),
        "kiessig": partial(ours.smeared_chi2, sample, data),
        "kiessig, 17 nodes": partial(ours.smeared_chi2, sample, data, ks.Resolution.refnx(data.dq)),
    }
    for name, make in contenders.items():
        case.add(name, make())
        for rival, make_rival in rivals.items():
            required = 40.0 if name == "kiessig, Plan" else None
            case.against(rival, make_rival, required, ours=name, compiles=rival == "JAX")
    return case


def polarised(n_layers: int, field: float) -> Case:
    """Four spin channels, and their full Jacobian, beside refl1d's value."""
    sample = stacks.magnetic(n_layers, 1000, collinear=False, field=field)
    where = f" in {field} T" if field else ""
    case = Case(f"polarised, {n_layers} layers x 1000 Q{where}", agreement.same_channels)
    case.add("value", ours.polarised(sample)).add("value and Jacobian", ours.polarised_jacobian(sample))
    rival = partial(refl1d.value, sample)
    case.against("refl1d", rival, 5.0, ours="value", compiles=True)
    return case.against("refl1d", rival, 2.0, ours="value and Jacobian", compiles=True)


def collinear() -> Case:
    """Magnetisation along the guide field, beside two runs of the scalar kernel."""
    sample = stacks.magnetic(10, 1000, collinear=True)
    case = Case("polarised, collinear, 10 layers x 1000 Q", agreement.same_collinear)
    case.add("kiessig", ours.polarised(sample))
    return case.against("two scalar runs", partial(ours.two_scalar_runs, sample), 0.9)


def batch() -> Case:
    """Simulation in bulk, as for training data."""
    sample = stacks.batch(1000, 5, 128)
    whole, chunks = "reflectorch", "reflectorch, 50 at a time"
    case = Case("1000 stacks of 5 layers x 128 Q", agreement.same_curves((whole, chunks)))
    case.add("kiessig", ours.value(sample))
    case.against(whole, partial(reflectorch.batch_value, sample), 80.0)
    return case.against(chunks, partial(reflectorch.batch_value, sample, 50))


def repeats() -> Case:
    """A multilayer as a repeated cell, and written out."""
    cell = stack(4, 1000, absorbing=True, seed=3)
    weight = np.random.default_rng(5).standard_normal(cell.q.size)
    case = Case("cell of 4 layers x 1000 repeats x 1000 Q, value and gradient", agreement.same_cell)
    case.add("kiessig", ours.repeated_cell(cell, 1000, weight))
    return case.against("4000 layers", partial(ours.explicit_cell, cell, 1000, weight), 50.0)


def threads() -> Case:
    """The same work on two threads and on one."""
    sample = stacks.batch(100, 10, 1000)
    case = Case("100 stacks of 10 layers x 1000 Q", agreement.same_numbers, clock="wall")
    if (os.cpu_count() or 1) < 2:
        case.skipped["2 threads"] = "one core only"
        return case
    case.add("2 threads", ours.value(sample, threads=2))
    return case.against("1 thread", partial(ours.value, sample, threads=1), 1.8, ours="2 threads")


def call() -> Case:
    """What one call costs in Python."""
    sample = stack(1, 100, absorbing=False)
    case = Case("one call, 1 layer x 100 Q, real", agreement.same_curve)
    case.add("kiessig", ours.value_as_called(sample))
    return case.against("refnx C", partial(refnx_c.model_value, sample), 1.0)


def imports() -> Case:
    """Import time beyond numpy's own, which must be half of it at most: a ratio of two."""
    case = Case("import, beyond numpy's own", lambda _: None, measure=importing.measure)
    case.comparisons = [
        Comparison(importing.PACKAGE, importing.NUMPY, 2.0),
        Comparison(f"{importing.PACKAGE} and the kernels", importing.NUMPY, None),
    ]
    return case


CASES: dict[str, Callable[[], Case]] = {
    **{
        f"curve-{kind(absorbing)}-{n_layers}": partial(curve, n_layers, absorbing)
        for absorbing in (False, True)
        for n_layers in (10, 40)
    },
    "misfit-real": partial(log_misfit, False),
    "misfit-absorbing": partial(log_misfit, True),
    "jacobian-10": partial(jacobian, 10, 500.0),
    "jacobian-40": partial(jacobian, 40, 2000.0),
    "smeared": smeared,
    "polarised-3": partial(polarised, 3, 0.0),
    "polarised-10": partial(polarised, 10, 0.0),
    "polarised-10-field": partial(polarised, 10, 0.5),
    "polarised-collinear": collinear,
    "batch": batch,
    "repeats": repeats,
    "threads": threads,
    "call": call,
    "import": imports,
}
