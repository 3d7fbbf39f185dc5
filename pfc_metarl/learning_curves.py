"""Learning curves: reward along the training, and what a long training says on its way."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from pfc_metarl.a2c import Learned
from pfc_metarl.config import Config

PIECES = 100
"""Points of the learning curve of a training, at each of which it is saved."""
SAY_EVERY = 30.0
"""Seconds between lines, where the output is no terminal."""


class Progress:
    """Reward per trial and the means of columns along a training, in stretches of equal length.

    Args:
        networks, trials: of the training, and of its longest episode.
        columns: of the trial table, kept trial by trial.
    """

    def __init__(self, networks: int, trials: int, columns: Sequence[str]) -> None:
        self.networks, self.trials, self.columns = networks, trials, columns
        self.rewards: list[list[float]] = []  # (stretch, network)
        self.tracked: list[list[list[list[float]]]] = []  # (stretch, column, network, trial)
        self._clear()

    def _clear(self) -> None:
        self._reward, self._played = np.zeros((2, self.networks))
        self._sum = np.zeros((len(self.columns), self.networks, self.trials))
        self._count = np.zeros((self.networks, self.trials))

    def add(self, learned: Learned) -> None:
        """Count updates in."""
        self._reward += learned.rewards.sum((0, 2), dtype=torch.float64).cpu().numpy()
        totals, count = learned.episodes.by_trial(self.columns)
        self._played += count.sum(1)
        self._sum += totals
        self._count += count

    def close(self) -> float:
        """End a stretch; returns the mean reward per trial in it."""
        self.rewards.append(_ratio(self._reward, self._played).tolist())
        if self.columns:
            self.tracked.append([_ratio(total, self._count).tolist() for total in self._sum])
        self._clear()
        return float(np.mean(self.rewards[-1]))


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN where nothing was counted: in a short stretch no running episode may have ended."""
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


class Lines:
    """What a training says where there is no terminal for a progress bar: a line now and then.

    Args:
        name: what is trained.
        done: updates that had been done before.
    """

    def __init__(self, name: str, done: int) -> None:
        self.name, self.before, self.began = name, done, time.monotonic()
        self.last = self.began

    def say(self, done: int, updates: int, words: str) -> None:
        """How far it is, how long it will take, and these words; nothing, if it is too soon."""
        now = time.monotonic()
        if now - self.last < SAY_EVERY or sys.stderr.isatty():
            return
        left = tqdm.format_interval((now - self.began) / (done - self.before) * (updates - done))
        print(f"{self.name}: {done / updates:.0%}, {left} left, {words}", file=sys.stderr, flush=True)
        self.last = now


def stretch(updates: int) -> int:
    """Updates from one point of the learning curve to the next."""
    return max(1, updates // PIECES)


def curve_table(config: Config, condition: str, seeds: Sequence[int], rewards: list) -> pd.DataFrame:
    """Rewards (stretch, network) as a table: condition, subject, episode (last of the stretch), reward_per_trial."""
    axes = {"condition": [condition], "subject": seeds, "episode": _last_episodes(config, len(rewards))}
    return _long({"reward_per_trial": np.array(rewards).T}, axes)


def by_trial_table(
    config: Config, condition: str, seeds: Sequence[int], columns: Sequence[str], means: list
) -> pd.DataFrame:
    """Means of columns (stretch, column, network, trial) as a table: condition, subject, episode, trial, columns."""
    values = np.array(means).transpose(1, 2, 0, 3)
    axes = {"condition": [condition], "subject": seeds, "episode": _last_episodes(config, len(means))}
    return _long(dict(zip(columns, values)), axes | {"trial": range(1, values.shape[3] + 1)})


def _last_episodes(config: Config, stretches: int) -> np.ndarray:
    """Episodes that each network had played at the end of each stretch of training."""
    updates = np.minimum(np.arange(1, stretches + 1) * stretch(config.updates), config.updates)
    return updates * config.episodes_per_update


def _long(columns: dict[str, np.ndarray], axes: Mapping[str, Iterable]) -> pd.DataFrame:
    index = pd.MultiIndex.from_product(axes.values(), names=axes)
    return pd.DataFrame({name: values.reshape(-1) for name, values in columns.items()}, index).reset_index()
