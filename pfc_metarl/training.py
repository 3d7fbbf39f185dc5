"""The course of training: units of work, checkpoints, resuming, progress.

A unit is a block of networks of one condition that trains in lockstep. Which networks form a block is fixed, so that
who executes the units, and how many at once, changes nothing in their results. Each unit keeps a checkpoint of its
own; finished, they are joined.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from pfc_metarl.a2c import Learner
from pfc_metarl.checkpoints import foreign, load_checkpoint, save_checkpoint
from pfc_metarl.config import Config
from pfc_metarl.errors import RunError
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Agent
from pfc_metarl.rollout import Trajectory
from pfc_metarl.tasks.task import Task

BLOCK = 4
"""Networks of a unit: enough to make a step's products large, few enough to share out eight of them."""
PIECES = 100
"""Checkpoints, and points of the learning curve, of a training."""


class Unit(NamedTuple):
    """A block of networks to be trained."""

    config: Config
    task: Task
    condition: str
    """What these networks are trained on, where a simulation trains several sets."""
    seeds: list[int]
    path: Path
    """Of its checkpoint."""
    tracked: str = ""
    """Column of the trial table whose mean, trial by trial, is kept along the training; "": none."""


def units(config: Config, tasks: Mapping[str, Task], folder: Path, tracked: str = "") -> list[Unit]:
    """The units of a training, in a fixed order."""
    blocks = [config.seeds[i : i + BLOCK] for i in range(0, config.networks, BLOCK)]
    return [
        Unit(config, task, condition, seeds, folder / f"training_{condition}_{seeds[0]}.pt", tracked)
        for condition, task in tasks.items()
        for seeds in blocks
    ]


class Progress:
    """Of a unit along its training: reward per trial and the tracked column, in stretches of equal length."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.rewards: list[list[float]] = []  # (stretch, network)
        self.tracked: list[list[list[float]]] = []  # (stretch, network, trial)
        self._clear()

    def _clear(self) -> None:
        networks, trials = len(self.unit.seeds), self.unit.task.trials
        self._reward, self._trials = np.zeros(networks), np.zeros(networks)
        self._sum, self._count = np.zeros((2, networks, trials))

    def add(self, trajectory: Trajectory) -> None:
        """Count an update in."""
        self._reward += trajectory.rewards.sum((0, 2), dtype=torch.float64).cpu().numpy()
        _, count = trajectory.by_trial("")
        self._trials += count.sum(1)
        if self.unit.tracked:
            total, count = trajectory.by_trial(self.unit.tracked)
            self._sum += total
            self._count += count

    def close(self) -> float:
        """End a stretch; returns the mean reward per trial in it."""
        self.rewards.append(_ratio(self._reward, self._trials).tolist())
        if self.unit.tracked:
            self.tracked.append(_ratio(self._sum, self._count).tolist())
        self._clear()
        return float(np.mean(self.rewards[-1]))


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN where nothing was counted: in a short stretch no running episode may have ended."""
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def train_unit(unit: Unit, position: int = 0, stopped: Callable[[], bool] = lambda: False) -> None:
    """Train a unit to its end, or go on where it stopped, saving after each stretch.

    Args:
        unit: the unit.
        position: line of its progress bar.
        stopped: asked before each update; the training ends where it says so.

    Raises:
        TrainingDiverged: a loss was not finite. The last good checkpoint stays.
        RunError: the checkpoint is truncated or not of this run; or the training was stopped.
    """
    torch.set_num_threads(1)  # steps this small are slower with more
    config, learner, progress = unit.config, Learner(unit.config, unit.task, unit.seeds), Progress(unit)
    if unit.path.exists():
        _restore(unit, learner, progress)
    stretch = max(1, config.updates // PIECES)
    per_update = config.episodes_per_update * unit.task.steps * len(unit.seeds)
    bar = tqdm(
        total=config.updates * per_update,
        initial=learner.update * per_update,
        desc=f"{unit.condition} networks {unit.seeds[0]}-{unit.seeds[-1]}".strip(),
        unit="step",
        unit_scale=True,
        position=position,
        disable=None,  # silent when the output is no terminal
    )
    with bar:
        while learner.update < config.updates:
            if stopped():
                raise RunError("the training was stopped; the same command goes on from the last checkpoint")
            progress.add(learner.learn())
            bar.update(per_update)
            if learner.update % stretch == 0 or learner.update == config.updates:
                bar.set_postfix_str(f"reward/trial {progress.close():.3f}")
                curve = {"rewards": progress.rewards, "tracked": progress.tracked}
                save_checkpoint({**learner.state_dict(), "config": repr(config), "curve": curve}, unit.path)


def _restore(unit: Unit, learner: Learner, progress: Progress) -> None:
    state = load_checkpoint(unit.path)
    try:
        if (state["seeds"], state["config"]) != (unit.seeds, repr(unit.config)):
            raise foreign(unit.path)
        learner.load_state_dict(state)
        progress.rewards, progress.tracked = state["curve"]["rewards"], state["curve"]["tracked"]
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError):
        raise foreign(unit.path) from None


class Trained(NamedTuple):
    """What a training leaves."""

    weights: dict[str, dict]
    """By condition: seeds, and network (name of each parameter to its values)."""
    curve: pd.DataFrame
    """condition, subject, episode (last of the stretch averaged over), reward_per_trial."""
    by_trial: pd.DataFrame | None
    """condition, subject, episode, trial, and the mean of the tracked column, if there is one."""


def join(finished: list[Unit]) -> Trained:
    """Join finished units, from their checkpoints."""
    states = [load_checkpoint(unit.path) for unit in finished]
    weights: dict[str, dict] = {}
    for unit, state in zip(finished, states):
        own = weights.setdefault(unit.condition, {"seeds": [], "network": []})
        own["seeds"] += unit.seeds
        own["network"].append(state["network"])
    for own in weights.values():
        own["network"] = {name: torch.cat([part[name] for part in own["network"]]) for name in own["network"][0]}
    curves = [_curve(unit, state["curve"]["rewards"]) for unit, state in zip(finished, states)]
    tracked = [_curve_by_trial(u, s["curve"]["tracked"]) for u, s in zip(finished, states) if u.tracked]
    return Trained(weights, pd.concat(curves, ignore_index=True), pd.concat(tracked) if tracked else None)


def _ends_of_stretches(config: Config, stretches: int) -> np.ndarray:
    """Episodes that each network had played at the end of each stretch of training."""
    updates = np.minimum(np.arange(1, stretches + 1) * max(1, config.updates // PIECES), config.updates)
    return updates * config.episodes_per_update


def _curve(unit: Unit, rewards: list) -> pd.DataFrame:
    episodes = _ends_of_stretches(unit.config, len(rewards))
    index = pd.MultiIndex.from_product(
        [[unit.condition], unit.seeds, episodes], names=["condition", "subject", "episode"]
    )
    return pd.DataFrame({"reward_per_trial": np.array(rewards).T.reshape(-1)}, index).reset_index()


def _curve_by_trial(unit: Unit, tracked: list) -> pd.DataFrame:
    values = np.array(tracked).transpose(1, 0, 2)  # (network, stretch, trial)
    axes = [[unit.condition], unit.seeds, _ends_of_stretches(unit.config, len(tracked)), range(1, values.shape[2] + 1)]
    index = pd.MultiIndex.from_product(axes, names=["condition", "subject", "episode", "trial"])
    return pd.DataFrame({unit.tracked: values.reshape(-1)}, index).reset_index()


def networks_from(weights: dict[str, dict], config: Config, tasks: Mapping[str, Task], path: Path) -> dict[str, Agent]:
    """The trained networks of a run, by condition, weights frozen; RunError if they are not of this run."""
    networks = {}
    for condition, task in tasks.items():
        networks[condition] = make_agent(config, task, config.seeds)
        try:
            if weights[condition]["seeds"] != config.seeds:
                raise foreign(path)
            networks[condition].load_state_dict(weights[condition]["network"])
        except (RuntimeError, KeyError, TypeError, AttributeError):
            raise foreign(path) from None
        networks[condition].requires_grad_(False)
    return networks
