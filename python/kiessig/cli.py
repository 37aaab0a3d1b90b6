"""The command ``kiessig``: the one place of the package that prints."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kiessig.errors import DataError, InvalidValueError, KiessigError, MissingDependencyError, UnknownNameError

if TYPE_CHECKING:
    from kiessig.problem import Problem
    from kiessig.result import FitResult

__all__ = ["main"]

OK, NOT_CONVERGED, ERROR, INTERRUPTED = 0, 1, 2, 130

_DESCRIPTION = "Neutron and X-ray reflectometry: simulate and fit the reflectivity of layered samples."
_EPILOG = """\
examples:
  kiessig demo                         the whole path once, on simulated data
  kiessig fit film.yaml                fit the model to its data
  kiessig simulate film.yaml           write the data that a model would give

exit codes: 0 done, 1 the fit did not converge, 2 an error, 130 interrupted
"""
_DEMO = """\
Simulate a measurement of a film on silicon with counting noise, fit it from a wrong start, and print what was found
beside the truth. Writes kiessig-demo.png and kiessig-demo.json.
"""
_FIT = """\
Fit the model in a YAML file to its data. Prints a table of the parameters with their standard errors, and writes
MODEL-fit.json and MODEL-fit.png beside the model.
"""
_FIT_EPILOG = """\
examples:
  kiessig fit film.yaml
  kiessig fit film.yaml --method L-BFGS-B --output results/
  kiessig fit film.yaml --starts 16 --screen 8 --seed 1
  kiessig fit film.yaml --starts 1000 --checkpoint film.search     and --resume to go on

a model file:
  sample:                              # from the side of the beam to the substrate
    - {name: air, sld: 0}
    - name: film
      thickness: {value: 250, bounds: [200, 300]}     # angstrom
      sld: {value: 4, bounds: [3, 5]}                 # 1e-6/angstrom^2
      roughness: 5                                    # angstrom, of the interface facing the beam
    - {name: silicon, sld: 2.07, roughness: 3}
  data: {file: film.dat, columns: [q, r, dr, dq], dq: fwhm, q_unit: 1/angstrom}
  background: {value: 1e-7, bounds: [0, 1e-5]}

exit codes: 0 converged, 1 not converged (results are written all the same), 2 an error, 130 interrupted
"""
_SIMULATE = """\
Write the data that the model in a YAML file would give, with noise, at the values in the file. The columns are Q, R,
dR and dQ (1 sigma); the file begins with how to read them. With several measurements, each gets a file of its own.
"""
_SIMULATE_EPILOG = """\
examples:
  kiessig simulate film.yaml
  kiessig simulate film.yaml --output film.dat --seed 7

the model file needs:
  simulate:
    q: {start: 0.008, stop: 0.3, points: 200, spacing: log}
    dq_over_q: 0.02                    # with dq: sigma or dq: fwhm, whichever it is
    dq: sigma
    counts: 1e6                        # per point, at R = 1; or relative_error: 0.05
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the command's own name; those of the process when not given.

    Returns
    -------
    int
        Exit code: 0 done, 1 the fit did not converge, 2 an error, 130 interrupted.

    Raises
    ------
    SystemExit
        From argparse: for ``--help``, ``--version``, and arguments that it cannot read.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.run is None:
        parser.print_help(sys.stderr)
        return ERROR
    try:
        code: int = given.run(given)
        sys.stdout.flush()
    except KiessigError as error:
        _complain(f"error: {error}")
        return ERROR
    except KeyboardInterrupt:
        _complain("interrupted; no file is half-written")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough, as in "kiessig fit film.yaml | head -3"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return code


def _parser() -> argparse.ArgumentParser:
    def command(name: str, run: Any, summary: str, description: str, epilog: str | None = None) -> Any:
        added = commands.add_parser(
            name,
            help=summary,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(run=run)
        return added

    parser = _Parser(
        prog="kiessig",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    demo = command("demo", _demo, "simulate a measurement and fit it", _DEMO)
    demo.add_argument("--output", type=Path, metavar="DIR", help="folder for the two files (default: this one)")
    demo.add_argument("--seed", type=_whole, default=7, metavar="N", help="seed of the noise (default: 7)")

    fit = command("fit", _fit, "fit a model to its data", _FIT, _FIT_EPILOG)
    fit.add_argument("model", type=Path, metavar="MODEL.yaml", help="model file")
    fit.add_argument("--method", type=_method, metavar="M", help="method, instead of the model file's")
    fit.add_argument(
        "--starts", type=_whole, metavar="N", help="number of starting points, instead of the model file's"
    )
    fit.add_argument(
        "--seed", type=_whole, metavar="N", help="seed of the starting points, instead of the model file's"
    )
    fit.add_argument(
        "--screen", type=_whole, metavar="N", help="draw so many points for each start, and begin from the best"
    )
    fit.add_argument(
        "--max-time", type=float, metavar="SECONDS", help="end with what is found by then, instead of the model file's"
    )
    fit.add_argument("--checkpoint", type=Path, metavar="FILE", help="keep the state of a long search in this file")
    fit.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    fit.add_argument(
        "--output",
        metavar="PATH",
        help="folder/ for the two files, or the beginning of their names: run1 gives run1.json and run1.png",
    )
    fit.add_argument("--quiet", action="store_true", help="print nothing but errors")
    for parser_with_plot in (demo, fit):
        parser_with_plot.add_argument("--no-plot", action="store_true", help="write no figure; needs no matplotlib")

    simulate = command("simulate", _simulate, "write the data that a model would give", _SIMULATE, _SIMULATE_EPILOG)
    simulate.add_argument("model", type=Path, metavar="MODEL.yaml", help="model file")
    simulate.add_argument("--output", type=Path, metavar="FILE", help="file to write (default: MODEL-simulated.dat)")
    simulate.add_argument("--seed", type=_whole, metavar="N", help="seed of the noise, instead of the model file's")
    return parser


class _Parser(argparse.ArgumentParser):
    """Complains in two lines; the usage is for those who ask."""

    def error(self, message: str) -> NoReturn:
        self.exit(ERROR, f"kiessig: error: {message}\nsee {self.prog} --help\n")


class _Version(argparse.Action):
    """Print the version; the core, which has it, is loaded only then."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import kiessig

        print(f"kiessig {kiessig.__version__}")
        parser.exit()


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        message = f"must be a whole number, not negative; got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return number


def _method(text: str) -> str:
    from kiessig.optimize.methods import find_method

    try:
        return find_method(text).name
    except UnknownNameError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("minimize: method ")) from None


def _demo(given: argparse.Namespace) -> int:
    from kiessig.demo import run_demo

    stem = _folder(Path() if given.output is None else given.output) / "kiessig-demo"
    _require_plot(given)
    demo = run_demo(given.seed)
    written = _write(demo.problem, demo.result, stem, plot=not given.no_plot)
    measurement = demo.problem.measurements[0]
    print(f"simulated: {len(measurement.dataset)} points of a film on silicon, counting noise, seed {given.seed}")
    start = ", ".join(f"{name} {value:g} (truth {demo.truth[name]:g})" for name, value in list(demo.start.items())[:2])
    print(f"wrong start: {start}, ...\n")
    print(demo.result.table(truth=demo.truth))
    _tell(written)
    return _judge(demo.result)


def _fit(given: argparse.Namespace) -> int:
    from kiessig.model_file import load_model

    model = load_model(given.model)
    stem = _fit_stem(given)
    _require_plot(given)
    problem = model.problem()
    settings = model.fit
    result = problem.fit(
        method=settings.method if given.method is None else given.method,
        starts=settings.starts if given.starts is None else given.starts,
        seed=settings.seed if given.seed is None else given.seed,
        progress=not given.quiet,
        screen=settings.screen if given.screen is None else given.screen,
        eliminate=settings.eliminate,
        max_evaluations=settings.max_evaluations,
        max_time=settings.max_time if given.max_time is None else given.max_time,
        checkpoint=given.checkpoint,
        resume=given.resume,
        **settings.options,
    )
    written = _write(problem, result, stem, plot=not given.no_plot)
    if not given.quiet:
        print(result)
        _tell(written)
    return _judge(result)


def _simulate(given: argparse.Namespace) -> int:
    from kiessig.io import save_columns
    from kiessig.model_file import load_model

    model = load_model(given.model)
    output = given.output if given.output is not None else _beside(given.model, "-simulated.dat")
    names = [spec.name or f"{number}" for number, spec in enumerate(model.measurements)]
    if len(names) == 1:
        files = [output]
    else:
        files = [output.with_name(f"{output.stem}-{_as_file_name(name)}{output.suffix}") for name in names]
        if len(set(files)) < len(files):
            message = f"{given.model}: measurements need different names, their files are called after them"
            raise InvalidValueError(message)
    for file in files:
        _folder(file.parent)
        if file.exists() and file.samefile(given.model):
            message = f"--output must not be the model file itself; got {file}"
            raise InvalidValueError(message)
    datasets = model.simulate(given.seed)
    _make(output.parent)
    for file, dataset in zip(files, datasets, strict=True):
        save_columns(file, dataset.q, dataset.r, dataset.dr, dataset.dq, comment=f"simulated from {given.model.name}")
    for file, dataset in zip(files, datasets, strict=True):
        print(f"wrote {file}: {len(dataset)} points, Q {dataset.q.min():g} to {dataset.q.max():g} 1/angstrom")
    print("read with " + _data_entry(files[0], has_dq=datasets[0].dq is not None))
    return OK


def _data_entry(file: Path, *, has_dq: bool) -> str:
    columns = "columns: [q, r, dr, dq], dq: sigma" if has_dq else "columns: [q, r, dr]"
    return f"data: {{file: {file.name}, {columns}, q_unit: 1/angstrom}}"


def _fit_stem(given: argparse.Namespace) -> Path:
    """Return the path of the two files without their endings."""
    if given.output is None:
        return _folder(given.model.parent) / f"{given.model.stem}-fit"
    output = Path(given.output)
    if given.output.endswith(("/", os.sep)) or output.is_dir():
        return _folder(output) / f"{given.model.stem}-fit"
    if output.suffix.lower() in (".json", ".png"):
        output = output.with_suffix("")
    return _folder(output.parent) / output.name


def _folder(path: Path) -> Path:
    """Return the path of a folder that is there or can be made; asked before any work is done for it."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        message = f"--output: {there} is no folder"
        raise DataError(message)
    if not os.access(there, os.W_OK | os.X_OK):
        message = f"--output: the folder {there} cannot be written to; choose another with --output"
        raise DataError(message)
    return path


def _beside(model: Path, ending: str) -> Path:
    return model.with_name(f"{model.stem}{ending}")


def _as_file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)


def _require_plot(given: argparse.Namespace) -> None:
    if not given.no_plot:
        from kiessig.plot import require_matplotlib

        try:
            require_matplotlib()
        except MissingDependencyError as error:
            message = f"{error}\nor go without the figure: --no-plot"
            raise MissingDependencyError(message) from error


def _write(problem: Problem, result: FitResult, stem: Path, *, plot: bool) -> list[Path]:
    """Write the result, and the figure where it is wanted; return the files."""
    _make(stem.parent)
    files = [stem.with_name(f"{stem.name}.json")]
    if plot:
        from kiessig.plot import plot_fit

        files.append(stem.with_name(f"{stem.name}.png"))
        plot_fit(problem, result, path=files[-1])
    result.to_json(files[0])
    return files


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"--output: the folder {folder} cannot be made: {error.strerror or error}"
        raise DataError(message) from error


def _tell(files: Sequence[Path]) -> None:
    print(f"\nwrote {' and '.join(map(str, files))}")


def _judge(result: FitResult) -> int:
    if result.success:
        return OK
    _complain(result.message)
    return NOT_CONVERGED


def _complain(text: str) -> None:
    print(f"kiessig: {text}", file=sys.stderr)
