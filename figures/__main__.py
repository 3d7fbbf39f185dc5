"""python -m figures NUMBER, or: python -m figures all."""

import argparse
import importlib
from pathlib import Path

from pfc_metarl.errors import UserError, one_line_errors

FIGURES = {
    "1": "figure1",
    "2": "figure2",
    "3": "figure3",
    "4": "figure4",
    "5": "figure5",
    "6": "figure6",
    "7": "figure7",
    "s9": "figure_s9",
}
"""Number on the command line -> module of this package."""


def main() -> None:
    """Draw figures into <results>/figures/."""
    parser = argparse.ArgumentParser(prog="python -m figures", description=__doc__)
    parser.add_argument("figure", help=f"one of: {', '.join(FIGURES)}, all")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the simulations' results")
    parser.add_argument("--quick", action="store_true", help="draw from the results of --quick runs")
    arguments = parser.parse_args()
    with one_line_errors():
        if arguments.figure not in (*FIGURES, "all"):
            raise UserError(f"unknown figure {arguments.figure}; choose one of: {', '.join(FIGURES)}, all")
        for number in FIGURES if arguments.figure == "all" else [arguments.figure]:
            importlib.import_module(f"figures.{FIGURES[number]}").draw(arguments.results, arguments.quick)


if __name__ == "__main__":
    main()
