"""The course that every simulation takes: command line, train, test, analyse, compare, provenance."""

import argparse
import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import numpy as np
import pandas as pd
import torch
import tyro

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError, one_line_errors
from pfc_metarl.network import Agent
from pfc_metarl.published import print_comparison
from pfc_metarl.results import RunFolder
from pfc_metarl.tasks import Task
from pfc_metarl.training import curve_by_trial_name, train

C = TypeVar("C", bound=Config)
Tables = dict[str, pd.DataFrame]


@dataclass
class Tested:
    """What the trained networks did with frozen weights."""

    trials: pd.DataFrame
    """The trial table."""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays by name, each (network, episode, time, ...)."""
    in_memory: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays that the analyses need and that are too large to keep."""
    learning: dict[str, pd.DataFrame] = field(default_factory=dict)
    """By condition, the tracked column trial by trial along the training, if the simulation tracks one."""


@dataclass(frozen=True)
class Simulation(Generic[C]):
    """One simulation of the paper: its parts, in the order in which they run."""

    name: str
    """Name on the command line and of the results folder."""
    description: str
    """What it is, for --help."""
    presets: dict[str, C]
    """Configs by preset name; the first is the default."""
    quick: dict[str, Any]
    """Fields that --quick makes small."""
    tasks: Callable[[C], dict[str, Task]]
    """The tasks that networks are trained on, each a set of networks of its own, by condition ("" if only one)."""
    test: Callable[[C, dict[str, Agent]], Tested]
    """Let the trained networks play."""
    analyse: Callable[[C, Tested], Tables]
    """From what they did to small tables, by file name without ending."""
    compare: Callable[[Tables], pd.DataFrame]
    """From these tables to the comparison with the paper and the animals."""
    tracked: str = ""
    """Column of the trial table whose mean by trial is kept along the training; "": none."""

    def quick_config(self, preset: str) -> C:
        """A preset with the tiny sizes of --quick."""
        return replace(self.presets[preset], **self.quick)


@dataclass(frozen=True)
class Options:
    """How to run, as against what."""

    quick: bool = False
    """Tiny sizes, to see the whole path in seconds; results go to <results>/quick/."""
    overwrite: bool = False
    """Do a run again that is finished, or replace one of another config."""
    results: Path = Path("results")
    """Folder for the results of all simulations."""
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes for training, at most one per network."""

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise ConfigError(f"processes must be at least 1, not {self.processes}")


def command_line(simulation: Simulation[C], arguments: Sequence[str]) -> tuple[C, Options]:
    """Config and options from the command line; ConfigError for values that make no sense."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", default=next(iter(simulation.presets)))
    first.add_argument("--quick", action="store_true")
    chosen, _ = first.parse_known_args(arguments)
    if chosen.preset not in simulation.presets:
        raise ConfigError(f"unknown preset {chosen.preset}; choose one of: {', '.join(simulation.presets)}")
    default = simulation.quick_config(chosen.preset) if chosen.quick else simulation.presets[chosen.preset]

    usual = Options(processes=1) if chosen.quick else Options()  # starting processes would take longer than quick runs
    return parse(simulation.name, simulation.description, default, usual, arguments)


def parse(name: str, description: str, config: Any, options: Any, arguments: Sequence[str]) -> tuple[Any, Any]:
    """Config and options with what the command line changes in them; ConfigError, one line, if it cannot be read."""

    def both(config: Any = config, options: Any = options) -> tuple[Any, Any]:
        return config, options

    unprefixed = tyro.conf.arg(name="")
    both.__annotations__.update(
        config=Annotated[type(config), unprefixed], options=Annotated[type(options), unprefixed]
    )
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(both, args=arguments, prog=f"python -m simulations {name}", description=description)
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


def run(simulation: Simulation[C], config: C, options: Options) -> RunFolder:
    """Run a simulation, or what is left of it; a finished run is left alone and its comparison shown again."""
    started = time.time()
    folder = RunFolder(
        options.results / "quick" / simulation.name if options.quick else options.results / simulation.name
    )
    resumed = (folder.path / "config.json").exists() and not options.overwrite
    processes = folder.open(config, options.processes, options.overwrite)
    if folder.finished:
        print(f"{folder.path} is finished (--overwrite runs it again)")
        print_comparison(folder.read_table("comparison.csv"))
        return folder
    torch.set_num_threads(1)
    networks = {
        condition: train(config, task, folder, processes, condition, simulation.tracked)
        for condition, task in simulation.tasks(config).items()
    }
    tested = simulation.test(config, networks)
    if simulation.tracked:
        tested.learning = {c: pd.read_csv(folder.path / curve_by_trial_name(c)) for c in networks}
    folder.write_table("trials.parquet", tested.trials)
    folder.write_arrays("arrays.npz", tested.arrays)
    tables = simulation.analyse(config, tested)
    for name, table in tables.items():
        folder.write_table(f"{name}.csv", table)
    comparison = simulation.compare(tables)
    folder.write_table("comparison.csv", comparison)
    folder.finish(config, started, resumed)
    print_comparison(comparison)
    print(f"{simulation.name}: {time.time() - started:.0f} s, results in {folder.path}")
    return folder


def main(simulation: Simulation[C], arguments: Sequence[str] | None = None) -> None:
    """Command line of one simulation."""
    with one_line_errors():
        run(simulation, *command_line(simulation, sys.argv[1:] if arguments is None else arguments))
