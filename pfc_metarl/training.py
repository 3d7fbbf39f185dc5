"""The course of training: networks shared out over processes, checkpoints, resuming, progress.

The networks of a run are split into groups, one per process; a group's networks train in lockstep. Each
group keeps its own checkpoint, training_<first seed>.pt; the finished groups are joined into checkpoint.pt.
"""

import io
import multiprocessing
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.multiprocessing.spawn import ProcessRaisedException, spawn
from tqdm import tqdm

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.errors import RunError, TrainingDiverged
from pfc_metarl.network import Agent, make_agent
from pfc_metarl.results import RunFolder, written_aside
from pfc_metarl.tasks import Task

PIECES = 100  # checkpoints, and points of the learning curve, per training


class Group(NamedTuple):
    """What one process needs in order to train its networks."""

    config: Config
    task: Task
    seeds: list[int]
    path: Path
    position: int
    tracked: str = ""


def train(
    config: Config, task: Task, folder: RunFolder, processes: int, condition: str = "", tracked: str = ""
) -> Agent:
    """Train the networks of a config, or go on where an earlier run stopped.

    Args:
        config: hyperparameters, number of networks and episodes.
        task: the task.
        folder: receives checkpoint.pt and learning_curve.csv (seed, episode, reward per trial).
        processes: at most so many, each with one thread.
        condition: what sets these networks apart from others of the same run; goes into the file names.
        tracked: column of the task's record whose mean, trial by trial, is kept along the training in
            learning_curve_by_trial.csv (seed, episode, trial, and the column); "": none.

    Returns:
        The trained networks.

    Raises:
        TrainingDiverged: a loss was not finite. The last good checkpoint stays.
        RunError: a checkpoint is truncated or not of this run.
    """
    suffix = f"_{condition}" if condition else ""
    final = folder.path / f"checkpoint{suffix}.pt"
    if not final.exists():
        parts = [list(map(int, part)) for part in np.array_split(config.seeds, min(processes, config.networks))]
        groups = [
            Group(config, task, seeds, folder.path / f"training{suffix}_{seeds[0]}.pt", position, tracked)
            for position, seeds in enumerate(parts)
        ]
        if len(groups) == 1:
            _train_group(0, groups, None)
        else:
            _train_in_processes(groups)
        states = [load_checkpoint(group.path) for group in groups]
        folder.write_table(f"learning_curve{suffix}.csv", _learning_curve(config, states))
        if tracked:
            folder.write_table(curve_by_trial_name(condition), _curve_by_trial(config, states, tracked))
        joined = {name: torch.cat([state["network"][name] for state in states]) for name in states[0]["network"]}
        save_checkpoint({"seeds": config.seeds, "network": joined}, final)
    for seed in config.seeds:  # not by pattern: another condition's name begins alike
        (folder.path / f"training{suffix}_{seed}.pt").unlink(missing_ok=True)
    return load_networks(final, config, task)


def load_networks(path: Path, config: Config, task: Task) -> Agent:
    """The trained networks of a run; RunError if the file is truncated or holds something else."""
    network = make_agent(config, task, config.seeds)
    state = load_checkpoint(path)
    try:
        network.load_state_dict(state["network"])
    except (RuntimeError, KeyError, TypeError):
        raise _foreign(path) from None
    return network.requires_grad_(False)


def load_checkpoint(path: Path) -> dict:
    """A checkpoint's content; RunError if it cannot be read."""
    try:
        state = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, KeyError, OSError):
        raise RunError(
            f"checkpoint {path} cannot be read (truncated?); delete it to train these networks anew"
        ) from None
    if not isinstance(state, dict) or "network" not in state:
        raise _foreign(path)
    return state


def _foreign(path: Path) -> RunError:
    return RunError(f"checkpoint {path} is not of this run; delete it to train these networks anew")


def save_checkpoint(state: dict, path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    content = io.BytesIO()  # by way of memory: torch.save would write the temporary file's name into the archive
    torch.save(state, content)
    with written_aside(path) as aside:
        aside.write_bytes(content.getvalue())


def _train_in_processes(groups: Sequence[Group]) -> None:
    """One process per group; if one fails the others are ended, and its error is raised here."""
    try:
        spawn(_train_group, (groups, os.getpid()), nprocs=len(groups))
    except ProcessRaisedException as error:
        kind, _, message = error.msg.strip().splitlines()[-1].partition(": ")
        for user_error in (TrainingDiverged, RunError):
            if kind.endswith(user_error.__name__):
                raise user_error(message) from None
        raise


def _train_group(index: int, groups: Sequence[Group], parent: int | None) -> None:
    """Train one group to its end, saving after each piece."""
    torch.set_num_threads(1)  # steps this small are slower with more
    config, task, seeds, path, position, tracked = groups[index]
    learner = Learner(config, task, seeds)
    curve: list[list[float]] = []  # (point, network)
    by_trial: list[list[list[float]]] = []  # (point, network, trial)
    if path.exists():
        state = load_checkpoint(path)
        try:
            if state["seeds"] != seeds:
                raise _foreign(path)
            learner.load_state_dict(state)
            curve, by_trial = state["curve"], state.get("by_trial", [])
        except (RuntimeError, KeyError, ValueError, TypeError):
            raise _foreign(path) from None
    piece = max(1, config.updates // PIECES)
    bar = tqdm(
        total=config.updates * config.episodes_per_update * task.steps * len(seeds),
        initial=learner.update * config.episodes_per_update * task.steps * len(seeds),
        desc=f"networks {seeds[0]}-{seeds[-1]}",
        unit="step",
        unit_scale=True,
        position=position,
        disable=None,  # silent when the output is no terminal
    )
    with bar:
        while learner.update < config.updates:
            if parent is not None and multiprocessing.parent_process() is not None and os.getppid() != parent:
                return  # the run was killed: leave no orphan behind
            reward, tracked_sum = torch.zeros(len(seeds)), np.zeros((len(seeds), task.trials))
            stop = min((learner.update // piece + 1) * piece, config.updates)
            updates = stop - learner.update
            for _ in range(updates):
                trajectory = learner.learn()
                share_played = 1.0 if task.lengths is None else task.lengths.float().mean(-1) / task.steps
                reward += trajectory.rewards.sum(0).mean(-1) / (task.trials * share_played)
                if tracked:
                    tracked_sum += task.record()[tracked].mean(-1).T
                bar.update(trajectory.rewards.numel())
            curve.append((reward / updates).tolist())
            by_trial.append((tracked_sum / updates).tolist())
            bar.set_postfix_str(f"reward/trial {sum(curve[-1]) / len(seeds):.3f}")
            save_checkpoint({**learner.state_dict(), "curve": curve, "by_trial": by_trial}, path)


def curve_by_trial_name(condition: str) -> str:
    """File of the tracked column along the training."""
    return f"learning_curve_by_trial{'_' if condition else ''}{condition}.csv"


def _ends_of_pieces(config: Config, pieces: int) -> np.ndarray:
    """Episodes that each network had played at the end of each stretch of training."""
    return np.minimum(np.arange(1, pieces + 1) * max(1, config.updates // PIECES), config.updates) * (
        config.episodes_per_update
    )


def _learning_curve(config: Config, states: Sequence[dict]) -> pd.DataFrame:
    """Tidy table: seed, episode (last of the stretch averaged over), reward per trial."""
    curve = np.concatenate([np.array(state["curve"]) for state in states], axis=1)  # (point, network)
    last = _ends_of_pieces(config, len(curve))
    table = pd.DataFrame(curve, index=pd.Index(last, name="episode"), columns=pd.Index(config.seeds, name="seed"))
    return table.melt(ignore_index=False, value_name="reward_per_trial").reset_index()[
        ["seed", "episode", "reward_per_trial"]
    ]


def _curve_by_trial(config: Config, states: Sequence[dict], tracked: str) -> pd.DataFrame:
    """Tidy table: seed, episode (last of the stretch averaged over), trial within the episode, tracked mean."""
    curve = np.concatenate([np.array(state["by_trial"]) for state in states], axis=1)  # (point, network, trial)
    axes = [_ends_of_pieces(config, len(curve)), config.seeds, range(1, curve.shape[-1] + 1)]
    index = pd.MultiIndex.from_product(axes, names=["episode", "seed", "trial"])
    table = pd.Series(curve.reshape(-1), index, name=tracked).reset_index().sort_values(["seed", "episode", "trial"])
    return table[["seed", "episode", "trial", tracked]]
