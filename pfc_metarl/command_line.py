"""The command line of a simulation: every field of its config is a flag."""

import argparse
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.simulation import Options, Simulation

C = TypeVar("C", bound=Config)


ASK = "--what-could-stand-here"
"""In place of all arguments: nothing is read, and AskedError tells config and options."""


class AskedError(Exception):
    """Config and options, whose fields are the flags of a command."""


@dataclass(frozen=True)
class Where:
    """Where results are, for commands that work on several runs."""

    results: Path = field(default=Path("results"))
    """Folder for the results of all simulations."""
    quick: bool = False
    """Those of --quick runs, in <results>/quick."""


def command_line(simulation: Simulation[C], arguments: Sequence[str]) -> tuple[C, Options]:
    """Config and options from the command line; ConfigError for values that make no sense."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", default=next(iter(simulation.presets)))
    first.add_argument("--quick", action="store_true")
    chosen, _ = first.parse_known_args(arguments)
    default = simulation.config(chosen.preset, chosen.quick)
    usual = Options(processes=1) if chosen.quick else Options()  # starting processes would take longer than quick runs
    return parse(simulation.name, simulation.description, default, usual, arguments)


def both(config: Any, options: Any) -> Callable[..., tuple[Any, Any]]:
    """A function of the two, whose fields are flags; these are their defaults."""

    def read(config: Any = config, options: Any = options) -> tuple[Any, Any]:
        return config, options

    unprefixed = tyro.conf.arg(name="")
    read.__annotations__.update(
        config=Annotated[type(config), unprefixed], options=Annotated[type(options), unprefixed]
    )
    return read


def parse(name: str, description: str, config: Any, options: Any, arguments: Sequence[str]) -> tuple[Any, Any]:
    """Config and options with what the command line changes in them; ConfigError, one line, if it cannot be read."""

    if list(arguments) == [ASK]:
        raise AskedError((config, options))
    said, read = io.StringIO(), both(config, options)
    try:
        with redirect_stderr(said):
            return tyro.cli(read, args=arguments, prog=f"python -m simulations {name}", description=description)
    except SystemExit as end:
        if not end.code:
            raise  # --help
        raise ConfigError(f"{_first_words(said.getvalue())}; --help shows all options") from None


def _first_words(box: str) -> str:
    """What tyro says in its box, up to the first rule, as one line; the frame is of dashes where lines are unknown."""
    lines = [line.strip("│ ") for line in box.splitlines()[1:]]  # the first has the title
    is_rule = [not line.strip("╭╮╰╯─-") for line in lines] + [True]
    first = is_rule.index(False) if False in is_rule else 0
    return " ".join(lines[first : is_rule.index(True, first)])
