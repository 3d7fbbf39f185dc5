"""python -m simulations NAME [options], or: python -m simulations all [options]."""

import importlib
import pkgutil
import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import simulations
from pfc_metarl.errors import ConfigError, UserError, one_line_errors
from pfc_metarl.overview import simulations_overview

NAMES = [
    "bandits",
    "foraging",
    "volatility",
    "inferred_value",
    "two_step",
    "harlow",
    "optogenetics",
    "prediction_error_input",
]
"""What `all` runs; the others run on request (harlow_gaze takes as long as all of these together)."""
MODULES = {"import": "importing"}
"""Where a command's module has another name."""


def main(arguments: list[str]) -> None:
    """The command."""
    others = {m.name for m in pkgutil.iter_modules(simulations.__path__)} - {"__main__", *NAMES, *MODULES.values()}
    known = NAMES + sorted(others | set(MODULES))
    choice = f"{', '.join(known)}, all"
    if not arguments:
        print(simulations_overview(Path(simulations.__path__[0]), known, MODULES, Path("results")))
        return
    name, *options = arguments
    if name in ("-h", "--help"):
        print(f"python -m simulations NAME [options]; NAME is one of: {choice} (NAME --help shows the options)")
        return
    if name not in (*known, "all"):
        raise UserError(f"unknown simulation {name}; choose one of: {choice}")
    prepared = [prepare(each, options) for each in (NAMES if name == "all" else [name])]  # all, before the first begins
    for command in prepared:
        command()


def prepare(name: str, options: list[str]) -> Callable[[], object]:
    """Read a simulation's options; what is returned runs it."""
    from pfc_metarl.command_line import command_line  # late: it takes a second or two
    from pfc_metarl.simulation import run

    module = importlib.import_module(f"simulations.{MODULES.get(name, name)}")
    try:
        if hasattr(module, "prepare"):
            return module.prepare(options)
        return partial(run, module.SIMULATION, *command_line(module.SIMULATION, options))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def installed() -> None:
    """The command that is installed, pfc-metarl: the words that else follow python -m."""
    package, *rest = sys.argv[1:] or [""]
    with one_line_errors():
        if package not in ("simulations", "figures"):
            raise UserError("pfc-metarl simulations NAME [options], or: pfc-metarl figures NAME [options]")
    sys.argv = [f"pfc-metarl {package}", *rest]
    runpy.run_module(package, run_name="__main__")


if __name__ == "__main__":
    with one_line_errors():
        main(sys.argv[1:])
