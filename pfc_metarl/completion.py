"""What a shell needs in order to complete the words of the installed command; made by tyro."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Union

import tyro

from pfc_metarl.command_line import both

Command = Callable[..., object]


def print_completion(words: list[str], settings: Mapping[str, tuple[Any, Any] | None], figures: list[str]) -> None:
    """Print the script for a shell, and end.

    Args:
        words: --tyro-print-completion bash (or zsh, tcsh).
        settings: of each simulation its config and options; None: it has no flags.
        figures: what can be drawn.
    """
    of_simulations = {name: both(*own) if own else _no_flags for name, own in settings.items()}
    tree = _choice({"simulations": _choice(of_simulations), "figures": _choice(dict.fromkeys(figures, _figure))})
    tyro.cli(tree, args=words, prog="pfc-metarl")


def _choice(commands: Mapping[str, Command]) -> Command:
    """A command that is one of several."""
    kinds = [Annotated[Any, tyro.conf.subcommand(n, constructor=f, prefix_name=False)] for n, f in commands.items()]

    def one(command: Any) -> None: ...

    one.__annotations__["command"] = Annotated[Union[tuple(kinds)], tyro.conf.arg(name="")]  # noqa: UP007
    return one


def _no_flags() -> None: ...


def _figure(results: Path = Path("results"), quick: bool = False) -> None: ...
