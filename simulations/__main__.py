"""python -m simulations NAME [options], or: python -m simulations all [options]."""

import importlib
import pkgutil
import sys

import simulations
from pfc_metarl.errors import UserError, one_line_errors

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


def main(arguments: list[str]) -> None:
    """The command."""
    known = NAMES + sorted({m.name for m in pkgutil.iter_modules(simulations.__path__)} - {"__main__", *NAMES})
    choice = f"{', '.join(known)}, all"
    name, *options = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(f"python -m simulations NAME [options]; NAME is one of: {choice} (NAME --help shows the options)")
        return
    if name not in (*known, "all"):
        raise UserError(f"unknown simulation {name}; choose one of: {choice}")
    from pfc_metarl.command_line import command_line  # late: it takes a second or two
    from pfc_metarl.simulation import run

    for each in NAMES if name == "all" else [name]:
        module = importlib.import_module(f"simulations.{each}")
        if hasattr(module, "main"):
            module.main(options)
        else:
            run(module.SIMULATION, *command_line(module.SIMULATION, options))


if __name__ == "__main__":
    with one_line_errors():
        main(sys.argv[1:])
