"""The one table of methods: what each is called, what it takes and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kiessig.errors import InvalidValueError, UnknownNameError
from kiessig.optimize.batch.methods import BATCHED
from kiessig.optimize.batch.single import run_single
from kiessig.optimize.levenberg_marquardt import levenberg_marquardt
from kiessig.optimize.names import suggestion
from kiessig.optimize.scipy_evolution import differential_evolution
from kiessig.optimize.scipy_global import scipy_global
from kiessig.optimize.scipy_least_squares import scipy_least_squares
from kiessig.optimize.scipy_minimize import scipy_minimize
from kiessig.optimize.verdict import Verdict

__all__ = ["METHODS", "Method", "check_options", "find_method"]


@dataclass(frozen=True)
class Method:
    """A method of minimisation.

    Parameters
    ----------
    name : str
        As documented and reported.
    run : callable
        ``run(evaluator, x0, lower, upper, **options) -> Verdict``.
    options : tuple of str
        What the caller may set.
    evaluations : tuple of int
        Default limit as (constant, per parameter).
    takes_bounds : bool
        Whether finite bounds are possible.
    searches_box : bool
        Whether finite bounds are needed, all of which is searched.
    one_at_a_time : bool
        Whether a second run waits until the first has ended, in whatever thread.
    """

    name: str
    run: Callable[..., Verdict]
    options: tuple[str, ...]
    evaluations: tuple[int, int]
    takes_bounds: bool = True
    searches_box: bool = False
    one_at_a_time: bool = False


def _batched(name: str) -> Method:
    method = BATCHED[name]
    return Method(name, partial(run_single, make=method.make), method.options, method.evaluations)


def _scipy(name: str, evaluations: tuple[int, int], *options: str) -> Method:
    return Method(name, partial(scipy_minimize, method=name), options, evaluations)


def _search(name: str, *options: str) -> Method:
    return Method(name, partial(scipy_global, method=name), (*_SEARCH, *options), (10000, 5000), searches_box=True)


_SEARCH = ("seed", "finish")
_RADII = ("initial_trust_radius", "max_trust_radius", "eta")
_TOLERANCES = ("ftol", "xtol", "gtol")
_ALL = (
    Method("levenberg-marquardt", levenberg_marquardt, ("ftol", "xtol", "damping", "geodesic"), (200, 200)),
    Method("trf", partial(scipy_least_squares, method="trf"), (*_TOLERANCES, "tr_solver"), (200, 200)),
    Method("dogbox", partial(scipy_least_squares, method="dogbox"), (*_TOLERANCES, "tr_solver"), (200, 200)),
    Method("lm", partial(scipy_least_squares, method="lm"), _TOLERANCES, (200, 200), takes_bounds=False),
    *(_batched(name) for name in BATCHED if name != "levenberg-marquardt"),
    _scipy("L-BFGS-B", (2000, 1000), "ftol", "gtol", "maxcor", "maxls"),
    _scipy("BFGS", (2000, 1000), "gtol", "xrtol"),
    _scipy("CG", (2000, 1000), "gtol"),
    _scipy("Newton-CG", (2000, 1000), "xtol"),
    _scipy("TNC", (2000, 1000), "ftol", "gtol", "xtol", "eta", "stepmx"),
    _scipy("SLSQP", (2000, 1000), "ftol"),
    _scipy("trust-constr", (2000, 1000), "gtol", "xtol", "initial_tr_radius"),
    _scipy("Nelder-Mead", (2000, 3000), "xatol", "fatol", "adaptive"),
    _scipy("Powell", (2000, 3000), "xtol", "ftol"),
    # scipy keeps a lock for each of these two
    replace(_scipy("COBYLA", (2000, 3000), "rhobeg", "tol"), one_at_a_time=True),
    replace(_scipy("COBYQA", (2000, 3000), "initial_tr_radius", "final_tr_radius"), one_at_a_time=True),
    *(_scipy(name, (2000, 1000), "gtol", *_RADII) for name in ("dogleg", "trust-ncg", "trust-exact")),
    _scipy("trust-krylov", (2000, 1000), "gtol", "inexact"),
    Method(
        "differential-evolution",
        differential_evolution,
        (*_SEARCH, "strategy", "popsize", "tol", "atol", "mutation", "recombination", "init", "maxiter"),
        (10000, 5000),
        searches_box=True,
    ),
    _search("dual-annealing", "maxiter", "initial_temp", "restart_temp_ratio", "visit", "accept", "no_local_search"),
    _search("basinhopping", "niter", "T", "stepsize", "niter_success"),
    _search("shgo", "n", "iters", "sampling_method"),
    _search("direct", "eps", "maxiter", "locally_biased", "vol_tol", "len_tol"),
)
#: Methods by name.
METHODS: dict[str, Method] = {method.name: method for method in _ALL}


def find_method(name: str) -> Method:
    """Return the method called `name`, upper and lower case alike.

    Raises
    ------
    UnknownNameError
        If there is none.
    """
    if isinstance(name, str):
        for known, method in METHODS.items():
            if known.casefold() == name.casefold():
                return method
        near = suggestion(name, METHODS)
    else:
        near = ""
    message = f"minimize: method must be one of {', '.join(METHODS)}; got {name!r}{near}"
    raise UnknownNameError(message)


def check_options(method: Method, options: dict[str, Any]) -> None:
    """Raise InvalidValueError if an option is not one of the method's own."""
    for option in options:
        if option not in method.options:
            message = (
                f"minimize: method {method.name!r} has no option {option!r}{suggestion(option, method.options)}\n"
                f"its options are {', '.join(method.options)}"
            )
            raise InvalidValueError(message)
