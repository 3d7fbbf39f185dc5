"""python -m figures NUMBER, or: python -m figures all."""

import argparse
import importlib
import pkgutil
from pathlib import Path
from typing import NoReturn

import figures
from pfc_metarl.errors import UserError, one_line_errors

FIGURES = {
    "1": "figure1",
    "2": "figure2",
    "3": "figure3",
    "4": "figure4",
    "4c": "figure_4c",
    "5": "figure5",
    "6": "figure6",
    "7": "figure7",
    "s4": "figure_s4",
    "s6": "figure_s6",
    "s9": "figure_s9",
}
"""Number on the command line -> module of this package; any other module goes by its own name."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """As a UserError."""
        raise UserError(f"{message}; {self.prog} --help shows all options")


def names() -> dict[str, str]:
    """Name on the command line -> module, of all that can be drawn."""
    own = {m.name for m in pkgutil.iter_modules(figures.__path__)} - {"__main__", *FIGURES.values()}
    return FIGURES | {name: name for name in sorted(own)}


def main() -> None:
    """Draw figures into <results>/figures/."""
    parser, known = Parser(prog="python -m figures", description=__doc__), names()
    parser.add_argument("figure", nargs="?", help=f"one of: {', '.join(known)}; all: {', '.join(FIGURES)}")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of the simulations' results")
    parser.add_argument("--quick", action="store_true", help="draw from the results of --quick runs")
    with one_line_errors():
        arguments = parser.parse_args()
        folder = arguments.results.expanduser()
        if arguments.figure is None:
            from pfc_metarl.overview import figures_overview  # late: packages may be missing
            from pfc_metarl.plotting import figures_folder

            print(figures_overview(Path(figures.__path__[0]), known, figures_folder(folder, arguments.quick)))
            return
        if arguments.figure not in (*known, "all"):
            raise UserError(f"unknown figure {arguments.figure}; choose one of: {', '.join(known)}, all")
        for name in FIGURES if arguments.figure == "all" else [arguments.figure]:
            importlib.import_module(f"figures.{known[name]}").draw(folder, arguments.quick)


if __name__ == "__main__":
    main()
