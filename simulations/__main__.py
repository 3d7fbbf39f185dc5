"""python -m simulations NAME [options], or: python -m simulations all [options]."""

import importlib
import sys

from pfc_metarl.errors import UserError, one_line_errors
from pfc_metarl.simulation import main

ON_REQUEST = ["harlow_gaze"]  # takes as long as all the others together
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

CHOICE = f"{', '.join(NAMES + ON_REQUEST)}, all"
USAGE = f"python -m simulations NAME [options]; NAME is one of: {CHOICE} (NAME --help shows the options)"

if __name__ == "__main__":
    with one_line_errors():
        name, *options = sys.argv[1:] or ["--help"]
        if name in ("-h", "--help"):
            print(USAGE)
        elif name not in (*NAMES, *ON_REQUEST, "all"):
            raise UserError(f"unknown simulation {name}; choose one of: {CHOICE}")
        else:
            for each in NAMES if name == "all" else [name]:
                module = importlib.import_module(f"simulations.{each}")
                if hasattr(module, "SIMULATION"):
                    main(module.SIMULATION, options)
                else:
                    module.main(options)
