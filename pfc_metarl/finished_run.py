"""A finished run, read back."""

import importlib
import shlex
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pfc_metarl.config import from_saved
from pfc_metarl.errors import RunError
from pfc_metarl.networks.agent import Agent
from pfc_metarl.results import RunFolder
from pfc_metarl.simulation import Networks, Simulation, Tables, networks_of, tables_of
from pfc_metarl.tasks.task import Task


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
        return networks_of(self.config, self.tasks, self.folder)

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
        return tables_of(self.folder)

    @cached_property
    def learning_curve(self) -> pd.DataFrame:
        """Mean reward per trial along the training: condition, subject, episode, reward_per_trial."""
        return self.folder.read_table("learning_curve.csv")

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
    if not isinstance(path, str | Path):
        raise RunError(f"a run is loaded from its folder's path, not {type(path).__name__}")
    path = Path(path)
    if not (path / "config.json").exists():
        raise RunError(f"{path} holds no run (no config.json)")
    name = str(RunFolder(path, "").read_json("config.json").get("simulation"))
    if not name.isidentifier():
        raise RunError(f"{path / 'config.json'} names no simulation")
    try:
        simulation = importlib.import_module(f"simulations.{name}").SIMULATION
    except AttributeError:
        more = "; its runs lie in folders below" if any(path.glob("*/config.json")) else ""
        raise RunError(f"{path} holds tables of {name}, but no networks{more}; read it with pandas") from None
    except ModuleNotFoundError:
        raise RunError(f"{path} is a run of {name}, and there is no simulations/{name}.py") from None
    quick = path.parent.name == "quick"
    results = path.parent.parent if quick else path.parent
    words = ["python", "-m", "simulations", name, *["--quick"] * quick, "--results", str(results)]
    folder = RunFolder(path, shlex.join(words))
    folder.require_finished()
    return Run(simulation, folder)
