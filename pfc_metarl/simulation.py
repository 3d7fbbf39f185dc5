"""The course that every simulation takes: train, test, analyse, compare; and a finished run read back.

Each stage reads from the run's folder what the ones before it have written there, so that any of them can be done
again without those before.
"""

import importlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
import pandas as pd
import torch
import tyro

from pfc_metarl.checkpoints import load_checkpoint, save_checkpoint
from pfc_metarl.config import Config, from_saved
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.networks import agent_class
from pfc_metarl.networks.agent import Agent
from pfc_metarl.published import compare, print_comparison
from pfc_metarl.results import STAGES, RunFolder, run_folder
from pfc_metarl.tasks.task import Task
from pfc_metarl.training import Unit, join, networks_from, units
from pfc_metarl.workers import execute

C = TypeVar("C", bound=Config)
Tables = dict[str, pd.DataFrame]
Networks = dict[str, Agent]
"""Trained networks by condition."""
Executor = Callable[[Sequence[Unit], int], None]
"""Who trains units of work, at most so many at once: `pfc_metarl.workers.execute`, or a cluster."""


@dataclass(frozen=True)
class Tested:
    """What the trained networks did with frozen weights."""

    trials: pd.DataFrame
    """The trial table."""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays by name, each (network, episode, time, ...) unless `test` says otherwise."""
    learning: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The tracked column trial by trial along the training (condition, subject, episode, trial, and the column)."""


@dataclass(frozen=True)
class Simulation(Generic[C]):
    """One simulation of the paper: its parts, in the order in which they run."""

    name: str
    """Name on the command line and of the results folder; its module is simulations.<name>."""
    description: str
    """What it is, for --help."""
    presets: dict[str, C]
    """Configs by preset name; the first is the default."""
    quick: dict[str, Any]
    """Fields that --quick makes small."""
    tasks: Callable[[C], Mapping[str, Task]]
    """The tasks that networks are trained on, each a set of networks of its own, by condition; the first is the
    paper's main one."""
    test: Callable[[C, Networks], Tested]
    """Let the trained networks play."""
    analyse: Callable[[C, Tested], Tables]
    """From what they did to small tables, by file name without ending."""
    compare: Callable[[Tables], pd.DataFrame] = lambda tables: compare([])
    """From these tables to the comparison with the paper and the animals; nothing, if nothing is published."""
    tracked: str = ""
    """Column of the trial table whose mean by trial is kept along the training; "": none."""
    needs_prediction_errors: bool = False
    """Whether the agent must see prediction errors (for stimulation to act on)."""

    def config(self, preset: str, quick: bool = False) -> C:
        """A preset, or it with the tiny sizes of --quick; ConfigError for an unknown name."""
        if preset not in self.presets:
            raise ConfigError(f"unknown preset {preset}; choose one of: {', '.join(self.presets)}")
        return replace(self.presets[preset], **self.quick) if quick else self.presets[preset]


@dataclass(frozen=True)
class Options:
    """How to run, as against what."""

    quick: bool = False
    """Tiny sizes, to see the whole path in seconds; results go to <results>/quick/."""
    overwrite: bool = False
    """Train anew, also where a run is finished or of another config."""
    again_from: Annotated[Literal["", "test", "analyse", "compare"], tyro.conf.arg(name="from")] = ""
    """Do this stage of a trained run again, and those after it."""
    results: Path = Path("results")
    """Folder for the results of all simulations."""
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Processes for training; how many changes nothing in the results."""

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise ConfigError(f"processes must be at least 1, not {self.processes}")


def run(simulation: Simulation[C], config: C, options: Options, execute: Executor = execute) -> RunFolder:
    """Run a simulation, or what is left of it; a finished run is left alone and its comparison shown again.

    Args:
        simulation: the simulation.
        config: its settings.
        options: how to run.
        execute: who trains the units of work, given these and the number of processes.

    Raises:
        ConfigError, RunError, TrainingDiverged: with one line for the user.
    """
    if simulation.needs_prediction_errors and not agent_class(config.agent).sees_prediction_errors:
        raise ConfigError(
            f"{simulation.name} stimulates prediction errors; choose an agent that sees them: actor-critic-rpe"
        )
    tasks, started = simulation.tasks(config), time.time()
    agent_class(config.agent)
    folder = run_folder(options.results, simulation.name, options.quick)
    folder.open(simulation.name, config, options.overwrite)
    if options.again_from:
        folder.redo(options.again_from)
    if folder.finished:
        print(f"{folder.path} is finished (--from analyse does its analyses again, --overwrite trains anew)")
    torch.set_num_threads(1)
    for stage in [s for s in STAGES if not folder.done(s)] if not folder.finished else []:
        resumed = stage == "train" and any(folder.path.glob("training_*.pt"))
        with folder.doing(stage, resumed):
            _do(stage, simulation, config, tasks, folder, lambda work: execute(work, options.processes))
    print_comparison(folder.read_table("comparison.csv"))
    print(f"{simulation.name}: {time.time() - started:.0f} s, results in {folder.path}")
    return folder


def _do(
    stage: str,
    simulation: Simulation[C],
    config: C,
    tasks: Mapping[str, Task],
    folder: RunFolder,
    train_all: Callable[[list[Unit]], None],
) -> None:
    """One stage."""
    if stage == "train":
        _train(simulation, config, tasks, folder, train_all)
    elif stage == "test":
        tested = simulation.test(config, _networks(config, tasks, folder))
        folder.write_table("trials.parquet", tested.trials)
        folder.write_arrays("arrays.npz", tested.arrays)
    elif stage == "analyse":
        for name, table in simulation.analyse(config, _tested(folder)).items():
            folder.write_table(f"{name}.csv", table)
    else:
        folder.write_table("comparison.csv", simulation.compare(_tables(folder)))


def _train(
    simulation: Simulation[C],
    config: C,
    tasks: Mapping[str, Task],
    folder: RunFolder,
    train_all: Callable[[list[Unit]], None],
) -> None:
    work = units(config, tasks, folder.path, simulation.tracked)
    partial = [unit.path.name for unit in work]
    folder.claim(partial)
    train_all(work)
    trained = join(work)
    folder.claim(["checkpoint.pt"])
    save_checkpoint(trained.weights, folder.path / "checkpoint.pt")
    folder.write_table("learning_curve.csv", trained.curve)
    if trained.by_trial is not None:
        folder.write_table("learning_by_trial.csv", trained.by_trial)
    folder.disown(partial)


def _networks(config: C, tasks: Mapping[str, Task], folder: RunFolder) -> Networks:
    path = folder.path / "checkpoint.pt"
    return networks_from(load_checkpoint(path), config, tasks, path)


def _tested(folder: RunFolder) -> Tested:
    learning = [folder.read_table(name) for name in folder.files("train") if name == "learning_by_trial.csv"]
    return Tested(folder.read_table("trials.parquet"), folder.read_arrays("arrays.npz"), *learning)


def _tables(folder: RunFolder) -> Tables:
    return {
        name.removesuffix(".csv"): folder.read_table(name) for name in folder.files("analyse") if name.endswith(".csv")
    }


class Run:
    """A finished run, read back: what `pfc_metarl.load` returns.

    Args:
        simulation: the simulation.
        folder: its results.
    """

    def __init__(self, simulation: Simulation, folder: RunFolder) -> None:
        self.simulation, self.folder = simulation, folder

    @cached_property
    def config(self) -> Any:
        """The config, as it was."""
        return from_saved(type(next(iter(self.simulation.presets.values()))), self.folder.read_config())

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks that the networks were trained on, by condition."""
        return self.simulation.tasks(self.config)

    @cached_property
    def by_condition(self) -> Networks:
        """All trained networks, by condition."""
        return _networks(self.config, self.tasks, self.folder)

    @property
    def task(self) -> Task:
        """The task of the main condition."""
        return next(iter(self.tasks.values()))

    @property
    def networks(self) -> Agent:
        """The networks of the main condition, with the run's weights: one agent that plays at once."""
        return next(iter(self.by_condition.values()))

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The trial table of the test."""
        return self.folder.read_table("trials.parquet")

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Values, activity and so on, by name."""
        return self.folder.read_arrays("arrays.npz")

    @cached_property
    def tables(self) -> Tables:
        """The tables of the analyses, by name."""
        return _tables(self.folder)

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """The comparison with the paper and the animals."""
        return self.folder.read_table("comparison.csv")


def load(path: str | Path) -> Run:
    """Read a finished run back.

    Args:
        path: the run's folder, e.g. "results/two_step".

    Raises:
        RunError: there is no finished run, or it is not of a known simulation.
    """
    path = Path(path)
    if not (path / "config.json").exists():
        raise RunError(f"{path} holds no run (no config.json)")
    folder = RunFolder(path, f"python -m simulations {path.name}")
    name = str(folder.read_json("config.json").get("simulation"))
    if not name.isidentifier():
        raise RunError(f"{path / 'config.json'} names no simulation")
    try:
        simulation = importlib.import_module(f"simulations.{name}").SIMULATION
    except (ModuleNotFoundError, AttributeError):
        raise RunError(f"{path} is a run of {name}, and there is no simulations/{name}.py") from None
    if not folder.finished:
        raise RunError(f"{path} holds no finished run; make it with: {folder.command}")
    return Run(simulation, folder)
