"""The tasks of the paper, one file each. All of them follow `Task`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Task(ABC):
    """A task that several networks play at once, each of them several episodes in lockstep.

    All random numbers of an episode are drawn when it begins, each network's from its own generator:
    what one network meets does not depend on how many others play beside it.
    """

    observations: int
    """Size of the observation."""
    actions: int
    """Number of actions."""
    steps: int
    """Time steps of one episode."""
    trials: int
    """Trials of one episode."""
    lengths: Tensor | None = None
    """Steps of each episode of this batch (network, episode) where they differ; None: all have `steps`.
    After an episode's end the task pays nothing, and what is done there is not learned from."""
    continues: bool = False
    """Whether an "episode" is a stretch of an endless stream: then the network's state runs on into the next."""
    carried: Tensor | None = None
    """What the task itself carries from one stretch of a stream to the next; None before the first."""

    @abstractmethod
    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes, so many per generator (network); returns the first observation (network, episode, .)."""

    @abstractmethod
    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take actions (network, episode); returns next observation and reward (network, episode)."""

    @abstractmethod
    def record(self) -> dict[str, np.ndarray]:
        """What happened in the finished episodes: trial-table columns, each (trial, network, episode)."""

    def events(self) -> dict[str, Tensor]:
        """What the last action led to, by name: (network, episode), True where it happened (for stimulation)."""
        return {}


def draw_uniform(rngs: Sequence[np.random.Generator], leading: tuple[int, ...], episodes: int) -> Tensor:
    """Uniform numbers (*leading, network, episode), each network's from its own generator."""
    return torch.from_numpy(np.stack([rng.random((*leading, episodes), dtype=np.float32) for rng in rngs], axis=-2))
