"""The introductory Bernoulli bandits (Fig. 1; Wang et al. 2016): one choice per step, reward 1 or 0."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.tasks import Task, draw_uniform

PAIRS = {"easy": (0.1, 0.9), "medium": (0.25, 0.75), "hard": (0.4, 0.6)}
"""Two-armed bandits with known probabilities, on sides drawn at random."""
DISTRIBUTIONS: tuple[Literal["independent", "correlated", "easy", "medium", "hard"], ...] = (
    "independent",
    "correlated",
    "easy",
    "medium",
    "hard",
)
"""Names of the training distributions."""


class Bandit(Task):
    """Bernoulli bandits whose reward probabilities are drawn anew for each episode.

    The observation is the trial number as a share of the episode (our choice of scale).

    Trial table (columns of `record`): choice (arm, from 0), reward (1 or 0), regret (best arm's probability
    less the chosen arm's), and the arms' probabilities p_0, p_1, ...

    Args:
        trials: per episode.
        arms: number of arms; 2 for all but the independent distribution.
        distribution: "independent" (each p uniform), "correlated" (p uniform, and 1 - p), "easy", "medium" or
            "hard" (`PAIRS`), or the probabilities themselves.
        time_scale: trial number that is seen as 1; None: the last.
    """

    observations = 1

    def __init__(
        self, trials: int, arms: int, distribution: str | Sequence[float], time_scale: int | None = None
    ) -> None:
        self.trials = self.steps = trials
        self.actions, self.distribution, self.time_scale = arms, distribution, time_scale or trials

    def probabilities(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Reward probabilities (network, episode, arm)."""
        if not isinstance(self.distribution, str):
            return torch.tensor(self.distribution).expand(len(rngs), episodes, -1)
        uniform = draw_uniform(rngs, (self.actions,), episodes).movedim(0, -1)
        if self.distribution == "independent":
            return uniform
        p = uniform[..., 0]
        if self.distribution in PAIRS:
            low, high = PAIRS[self.distribution]
            p = torch.where(p < 0.5, low, high)
        return torch.stack([p, 1 - p], -1)

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes; see `Task`."""
        self.p = self.probabilities(rngs, episodes)
        self.luck = draw_uniform(rngs, (self.trials,), episodes)
        self.choice = torch.zeros_like(self.luck, dtype=torch.int64)
        self.reward = torch.zeros_like(self.luck)
        self.time = 0
        return torch.zeros(*self.luck.shape[1:], 1)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        reward = (self.luck[self.time] < self.p.gather(-1, action.unsqueeze(-1)).squeeze(-1)).float()
        self.choice[self.time], self.reward[self.time] = action, reward
        self.time += 1
        return torch.full((*action.shape, 1), self.time / self.time_scale), reward

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        p = self.p.unsqueeze(0).expand(self.trials, -1, -1, -1)
        chosen = p.gather(-1, self.choice.unsqueeze(-1)).squeeze(-1)
        columns = {
            "choice": self.choice.numpy().astype(np.int8),
            "reward": self.reward.numpy().astype(np.int8),
            "regret": (p.amax(-1) - chosen).numpy(),
        }
        return columns | {f"p_{arm}": p[..., arm].numpy() for arm in range(self.actions)}
