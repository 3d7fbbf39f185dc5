"""python -m simulations NAME [options], or: python -m simulations all [options]."""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import simulations
from figures import __main__ as figures
from pfc_metarl.errors import ConfigError, UserError, one_line_errors

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


def names() -> list[str]:
    """All commands: the simulations in their order, then the others."""
    others = {m.name for m in pkgutil.iter_modules(simulations.__path__)} - {"__main__", *NAMES, *MODULES.values()}
    return NAMES + sorted(others | set(MODULES))


def main(arguments: list[str]) -> None:
    """The command."""
    known = names()
    choice = f"{', '.join(known)}, all"
    if not arguments or arguments[0] in ("--results", "--quick"):
        print(overview(arguments))
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


def overview(arguments: list[str]) -> str:
    """What there is, and what has been run in a results folder."""
    from pfc_metarl.overview import simulations_overview  # late: packages may be missing

    parser = figures.Parser(prog="python -m simulations")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--quick", action="store_true")
    where = parser.parse_args(arguments)
    results = where.results.expanduser()
    return simulations_overview(Path(simulations.__path__[0]), names(), MODULES, results, where.quick)


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
        if package == "--tyro-print-completion":
            complete([package, *rest])
        elif package == "simulations":
            main(rest)
        elif package == "figures":
            sys.argv = [f"pfc-metarl {package}", *rest]
            figures.main()
        else:
            raise UserError("pfc-metarl simulations NAME [options], or: pfc-metarl figures NAME [options]")


def complete(words: list[str]) -> None:
    """Print what a shell needs in order to complete all commands, and end."""
    from pfc_metarl.command_line import ASK, AskedError
    from pfc_metarl.completion import print_completion

    settings: dict[str, Any] = dict.fromkeys(names())
    for name in settings:
        try:
            prepare(name, [ASK])
        except AskedError as asked:
            settings[name] = asked.args[0]
        except (ConfigError, ModuleNotFoundError):
            pass  # it has no flags, or needs a package that is not there
    print_completion(words, settings, [*figures.names(), "all"])


if __name__ == "__main__":
    with one_line_errors():
        main(sys.argv[1:])
