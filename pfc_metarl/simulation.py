"""The course that every simulation takes: train, test, analyse, compare.

Each stage reads from the run's folder what the ones before it have written there, so that any of them can be done
again without those before.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

import numpy as np
import pandas as pd
import torch
import tyro
from threadpoolctl import threadpool_limits

from pfc_metarl import workers
from pfc_metarl.checkpoints import load_checkpoint, save_checkpoint
from pfc_metarl.cluster import cluster
from pfc_metarl.comparison import Curve, Quantity, compare, print_comparison
from pfc_metarl.config import STAGES, Config, as_saved, differences
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.memory import require_memory
from pfc_metarl.networks import agent_class, make_agent
from pfc_metarl.networks.agent import Agent
from pfc_metarl.results import RunFolder, readable_path, run_folder
from pfc_metarl.tasks.task import Task
from pfc_metarl.training import Executor, curves, join, networks_from, require_device, units

C = TypeVar("C", bound=Config)
Tables = dict[str, pd.DataFrame]
Networks = dict[str, Agent]
"""Trained networks by condition."""
CURVE_EVERY = 5.0
"""Seconds after which learning_curve.csv is written again while training goes on, at most so often."""


@dataclass(frozen=True)
class Tested:
    """What the trained networks did with frozen weights."""

    trials: pd.DataFrame
    """The trial table."""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """Arrays by name, each (network, episode, time, ...) unless `test` says otherwise."""
    learning: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The tracked columns trial by trial along the training (condition, subject, episode, trial, and they)."""
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Reward along the training (condition, subject, episode, reward_per_trial)."""


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
    behaviour: Callable[[C, pd.DataFrame], Tables] | None = None
    """The analyses that need a trial table alone, of whoever behaves: the tables by file name; part of `analyse`."""
    behaviour_quantities: Callable[[Tables], list[Quantity | Curve]] = lambda tables: []
    """What of them is compared with the paper; part of `compare`."""
    stationary: Callable[[C], Tables] | None = None
    """The tables of `behaviour` of an ideal learner that has come to rest; see `pfc_metarl.agents.stationary`."""
    tracked: Sequence[str] = ()
    """Columns of the trial table whose means by trial are kept along the training."""
    needs_prediction_errors: bool = False
    """Whether the agent must see prediction errors (for stimulation to act on)."""

    def config(self, preset: str, quick: bool = False) -> C:
        """A preset, or it with the tiny sizes of --quick; ConfigError for an unknown name."""
        if preset not in self.presets:
            raise ConfigError(f"unknown preset {preset}; choose one of: {', '.join(self.presets)}")
        return replace(self.presets[preset], **self.quick) if quick else self.presets[preset]

    def changed(self, config: C) -> str:
        """What of a config, but for which networks, is not as in the preset that it started from; "": nothing."""
        if config.preset not in self.presets:
            return f"preset {config.preset}, which is not known"
        told = differences(config, as_saved(self.presets[config.preset]))
        told = {name: both for name, both in told.items() if name not in ("networks", "first_seed")}  # which, not what
        return "; ".join(f"{name} {now} ({before})" for name, (before, now) in told.items())

    def flags(self, config: C, quick: bool = False) -> list[str]:
        """What on the command line, besides --quick, gives a config; nothing, if its preset is not known."""
        if config.preset not in self.presets:
            return []
        default = next(iter(self.presets))
        words = [] if config.preset == default else ["--preset", config.preset]
        for name, (_, value) in differences(config, as_saved(self.config(config.preset, quick))).items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                words += [f"--{flag}", *np.ravel(np.array(value, dtype=object)).astype(str)]
        return words


@dataclass(frozen=True)
class Options:
    """How to run, as against what."""

    quick: bool = False
    """Tiny sizes, to see the whole path in seconds; results go to <results>/quick/."""
    overwrite: bool = False
    """Train anew, also where a run is finished or of another config."""
    again_from: Annotated[Literal["", "test", "analyse", "compare"], tyro.conf.arg(name="from")] = ""
    """Do this stage of a trained run again, and those after it; settings that bear on these alone may have changed."""
    trained: Path | None = None
    """Folder of a run whose trained networks are used, e.g. results/optogenetics; nothing is trained then."""
    results: Path = Path("results")
    """Folder for the results of all simulations."""
    processes: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads for training (processes, where networks do not play in compiled loops); how many changes no result."""
    device: str = "cpu"
    """Where networks are trained: cpu; or cuda, by single steps of PyTorch, all networks at once (if they are many)."""
    cluster: str = ""
    """Address of a dask scheduler, e.g. tcp://node7:8786, whose workers train; "": this machine does."""

    def __post_init__(self) -> None:
        for name in ("results", "trained"):
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, readable_path(path))
        if self.processes < 1:
            raise ConfigError(f"processes must be at least 1, not {self.processes}")
        require_device(self.device)
        if self.trained and self.overwrite:
            raise ConfigError("--trained trains nothing, --overwrite does; give one of them")
        if self.again_from and (self.trained or self.overwrite):
            raise ConfigError("--from goes on with networks that the run has; leave out --trained and --overwrite")


def run(simulation: Simulation[C], config: C, options: Options, execute: Executor | None = None) -> RunFolder:
    """Run a simulation, or what is left of it; a finished run is left alone and its comparison shown again.

    Args:
        simulation: the simulation.
        config: its settings.
        options: how to run.
        execute: who trains the units of work; None: this machine, or the cluster that the options name.

    Raises:
        ConfigError, RunError, TrainingDiverged: with one line for the user.
    """
    if simulation.needs_prediction_errors and not agent_class(config.agent).sees_prediction_errors:
        raise ConfigError(
            f"{simulation.name} stimulates prediction errors; choose an agent that sees them: actor-critic-rpe"
        )
    tasks, started = simulation.tasks(config), time.time()
    execute = execute or (cluster(options.cluster) if options.cluster else workers.execute)
    agent_class(config.agent)
    require_memory(config, tasks, options.processes)
    for condition, task in tasks.items():
        make_agent(config.for_condition(condition), task, config.seeds[:1])  # does it fit?
    folder = run_folder(options.results, simulation.name, options.quick)
    torch.set_num_threads(1)
    donor = RunFolder(options.trained, "") if options.trained else None
    if donor:
        donor.require_trained(simulation.name, config)
    if options.again_from and not folder.path.exists():
        raise RunError(f"{folder.path} holds no run; first give the same command without --from")
    with folder.locked(), threadpool_limits(1):  # or sums would be rounded as the machine's number of cores has it
        taken, whole = folder.taken_from, folder.done("train")
        damaged = folder.damaged("train") if folder.ended("train") else []
        if damaged and "checkpoint.pt" not in damaged and not options.overwrite:
            raise RunError(
                f"{folder.path / damaged[0]} is gone or damaged, and its networks are whole; put it back, or train anew"
                " with --overwrite"
            )
        if taken and not whole and not donor and not options.overwrite:
            raise RunError(f"{folder.path} had its networks from {taken}, and they are damaged; add: --trained {taken}")
        if donor and whole and taken != str(donor.path):
            raise RunError(f"{folder.path} holds trained networks of its own; choose another --results for --trained")
        flags = simulation.flags(config, options.quick) + (["--trained", str(options.trained)] if donor else [])
        folder.open(simulation.name, config, options.overwrite, options.again_from, flags)
        if folder.finished:
            print(f"{folder.path} is finished (--from analyse does its analyses again, --overwrite trains anew)")
        for stage in [s for s in STAGES if not folder.done(s)]:
            _do(stage, simulation, config, tasks, folder, donor, options, execute)
        if options.quick:
            print(f"{simulation.name}: of tiny sizes; what they come to beside the paper means nothing")
        else:
            print_comparison(folder.read_table("comparison.csv"))
    print(f"{simulation.name}: {time.time() - started:.0f} s, results in {folder.path}")
    return folder


def _do(
    stage: str,
    simulation: Simulation[C],
    config: C,
    tasks: Mapping[str, Task],
    folder: RunFolder,
    donor: RunFolder | None,
    options: Options,
    execute: Executor,
) -> None:
    """One stage; trained networks are those of the donor, if there is one."""
    damaged = folder.damaged(stage)
    again = f" again, for {damaged[0]} is gone or damaged" if damaged and folder.ended(stage) else ""
    print(f"{simulation.name}: {stage}{again}", file=sys.stderr, flush=True)
    with folder.doing(stage, resumed=stage == "train" and any(folder.path.glob("training_*.pt"))):
        if stage == "train" and donor:
            folder.adopt(donor)
        elif stage == "train":
            _train(simulation, config, tasks, folder, options, execute)
        elif stage == "test":
            tested = simulation.test(config, networks_of(config, tasks, folder))
            folder.write_table("trials.parquet", tested.trials)
            folder.write_arrays("arrays.npz", tested.arrays)
        elif stage == "analyse":
            for name, table in simulation.analyse(config, _tested(folder)).items():
                folder.write_table(f"{name}.csv", table)
        else:
            comparison = simulation.compare(tables_of(folder))
            folder.write_table("comparison.csv", comparison.assign(changed=simulation.changed(config)))


def _train(
    simulation: Simulation[C],
    config: C,
    tasks: Mapping[str, Task],
    folder: RunFolder,
    options: Options,
    execute: Executor,
) -> None:
    work = units(config, tasks, folder.path, simulation.tracked, options.device)
    partial, looked = [unit.path.name for unit in work], time.monotonic()
    folder.claim(partial)

    def saved() -> None:
        nonlocal looked
        if time.monotonic() - looked > CURVE_EVERY and any(unit.path.exists() for unit in work):
            folder.write_table("learning_curve.csv", curves(work)[0])
            looked = time.monotonic()

    execute(work, options.processes, saved)
    trained = join(work)
    folder.claim(["checkpoint.pt"])
    save_checkpoint(trained.weights, folder.path / "checkpoint.pt")
    folder.write_table("learning_curve.csv", trained.curve)
    if trained.by_trial is not None:
        folder.write_table("learning_by_trial.csv", trained.by_trial)
    folder.disown(partial)


def networks_of(config: C, tasks: Mapping[str, Task], folder: RunFolder) -> Networks:
    """The networks that a run has trained, by condition; RunError if they are not of this config."""
    path = folder.path / "checkpoint.pt"
    return networks_from(load_checkpoint(path), config, tasks, path)


def _tested(folder: RunFolder) -> Tested:
    own = {"learning": "learning_by_trial.csv", "curve": "learning_curve.csv"}
    learning = {key: folder.read_table(name) for key, name in own.items() if name in folder.files("train")}
    return Tested(folder.read_table("trials.parquet"), folder.read_arrays("arrays.npz"), **learning)


def tables_of(folder: RunFolder) -> Tables:
    """The tables that a run's analyses have written, by name."""
    return {
        name.removesuffix(".csv"): folder.read_table(name) for name in folder.files("analyse") if name.endswith(".csv")
    }
