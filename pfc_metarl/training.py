"""The course of training: units of work, checkpoints, resuming, progress.

A unit is a block of networks of one condition that trains in lockstep. Which networks form a block is fixed, so that
who executes the units, and how many at once, changes nothing in their results. Each unit keeps a checkpoint of its
own; finished, they are joined.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from tqdm import tqdm

from pfc_metarl.a2c import Learner
from pfc_metarl.checkpoints import foreign, load_checkpoint, save_checkpoint
from pfc_metarl.config import STAGES, Config, bears_on
from pfc_metarl.errors import ConfigError, RunError
from pfc_metarl.learning_curves import Lines, Progress, by_trial_table, curve_table, stretch
from pfc_metarl.maml import MAMLConfig, MAMLLearner
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Agent
from pfc_metarl.tasks.task import Task

BLOCK = 4
"""Networks of a unit: enough to make a step's products large, few enough to share out eight of them."""


class Unit(NamedTuple):
    """A block of networks to be trained."""

    config: Config
    task: Task
    condition: str
    """What these networks are trained on, where a simulation trains several sets."""
    seeds: list[int]
    path: Path
    """Of its checkpoint."""
    tracked: Sequence[str] = ()
    """Columns of the trial table whose means, trial by trial, are kept along the training."""
    device: str = "cpu"
    """Where it is trained."""

    @property
    def name(self) -> str:
        """For the screen."""
        return f"{self.condition} networks {self.seeds[0]}-{self.seeds[-1]}".strip()


Executor = Callable[[Sequence[Unit], int, Callable[[], None]], None]
"""Who trains units of work, at most so many at once, and calls now and then that some have saved: this machine
(`pfc_metarl.workers.execute`), or a cluster."""


def units(
    config: Config, tasks: Mapping[str, Task], folder: Path, tracked: Sequence[str] = (), device: str = "cpu"
) -> list[Unit]:
    """The units of a training, in a fixed order; on a GPU all networks of a condition are one."""
    block = BLOCK if device == "cpu" else config.networks
    blocks = [config.seeds[i : i + block] for i in range(0, config.networks, block)]
    return [
        Unit(
            config.for_condition(condition),
            task,
            condition,
            seeds,
            folder / f"training_{condition}_{seeds[0]}.pt",
            tracked,
            device,
        )
        for condition, task in tasks.items()
        for seeds in blocks
    ]


def require_device(device: str) -> None:
    """Raise a ConfigError unless networks can be trained there."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ConfigError(f"device must be cpu, cuda or cuda:1 (its number), not {device}")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"--device {device} cannot be used here ({reason}); leave it out, or use cpu") from None


def training_settings(config: Config) -> str:
    """What a training depends on, to be compared."""
    values = asdict(config)
    return repr({name: value for name, value in values.items() if bears_on(type(config), [name]) == STAGES[0]})


def train_unit(
    unit: Unit, position: int = 0, stopped: Callable[[], bool] = lambda: False, saved: Callable[[], None] = lambda: None
) -> None:
    """Train a unit to its end, or go on where it stopped, saving after each stretch.

    Args:
        unit: the unit.
        position: line of its progress bar; where the output is no terminal, a line is written now and then instead.
        stopped: asked before each few updates; the training ends where it says so.
        saved: called after each stretch.

    Raises:
        TrainingDiverged: a loss was not finite. The last good checkpoint stays.
        RunError: the checkpoint is truncated or not of this run; or the training was stopped.
    """
    torch.set_num_threads(1)  # steps this small are slower with more
    config = unit.config
    kind = MAMLLearner if isinstance(config, MAMLConfig) else Learner
    learner = kind(config, unit.task, unit.seeds, unit.device)
    progress = Progress(len(unit.seeds), unit.task.trials, unit.tracked)
    if unit.path.exists():
        _restore(unit, learner, progress)
    per_update = config.episodes_per_update * unit.task.steps * len(unit.seeds)
    bar = tqdm(
        total=config.updates * per_update,
        initial=learner.update * per_update,
        desc=unit.name,
        unit="step",
        unit_scale=True,
        position=position,
        disable=None,  # silent when the output is no terminal
    )
    lines = Lines(unit.name, learner.update)
    with bar:
        while learner.update < config.updates:
            if stopped():
                raise RunError("the training was stopped; the same command goes on from the last checkpoint")
            before, whole = learner.update, stretch(config.updates)
            progress.add(learner.learn(min(whole - before % whole, config.updates - before)))
            bar.update(per_update * (learner.update - before))
            if learner.update % whole == 0 or learner.update == config.updates:
                reward = f"reward/trial {progress.close():.3f}"
                bar.set_postfix_str(reward)
                lines.say(learner.update, config.updates, reward)
                curve = {"rewards": progress.rewards, "tracked": progress.tracked}
                state = {**learner.state_dict(), "config": training_settings(config), "curve": curve}
                save_checkpoint(state, unit.path)
                saved()


def _restore(unit: Unit, learner: Learner, progress: Progress) -> None:
    state = load_checkpoint(unit.path)
    try:
        if (state["seeds"], state["config"]) != (unit.seeds, training_settings(unit.config)):
            raise foreign(unit.path)
        learner.load_state_dict(state)
        progress.rewards, progress.tracked = state["curve"]["rewards"], state["curve"]["tracked"]
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError):
        raise foreign(unit.path) from None
    _require_finite(learner.network, unit.path)


def _require_finite(networks: Agent, path: Path) -> None:
    if not all(torch.isfinite(p).all() for p in networks.parameters()):
        raise RunError(f"checkpoint {path} holds numbers that are not finite; delete it to train these networks anew")


class Trained(NamedTuple):
    """What a training leaves."""

    weights: dict[str, dict]
    """By condition: seeds, and network (name of each parameter to its values)."""
    curve: pd.DataFrame
    """condition, subject, episode (last of the stretch averaged over), reward_per_trial."""
    by_trial: pd.DataFrame | None
    """condition, subject, episode, trial, and the means of the tracked columns, if there are any."""


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
    return Trained(weights, *curves(finished))


def curves(begun: list[Unit]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Learning curves of units, as far as they have come: `Trained.curve` and `Trained.by_trial`."""
    told = [(u, load_checkpoint(u.path)["curve"]) for u in begun if u.path.exists()]
    rewards = [curve_table(u.config, u.condition, u.seeds, own["rewards"]) for u, own in told]
    means = [by_trial_table(u.config, u.condition, u.seeds, u.tracked, own["tracked"]) for u, own in told if u.tracked]
    return pd.concat(rewards, ignore_index=True), pd.concat(means) if means else None


def networks_from(weights: dict[str, dict], config: Config, tasks: Mapping[str, Task], path: Path) -> dict[str, Agent]:
    """The trained networks of a run, by condition, weights frozen; RunError if they are not of this run."""
    networks = {}
    for condition, task in tasks.items():
        networks[condition] = make_agent(config.for_condition(condition), task, config.seeds)
        try:
            if weights[condition]["seeds"] != config.seeds:
                raise foreign(path)
            networks[condition].load_state_dict(weights[condition]["network"])
        except (RuntimeError, KeyError, TypeError, AttributeError):
            raise foreign(path) from None
        _require_finite(networks[condition], path)
        networks[condition].requires_grad_(False)
    return networks
