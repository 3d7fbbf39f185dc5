"""Simulation 1: choice between two arms that are baited again and again (Lau & Glimcher 2005; Tsutsui et al. 2016).

Methods, "Simulation 1". An arm's reward probability grows while it is not chosen,

    p(a) = 1 - (1 - p0(a)) ** (n(a) + 1),

n(a) being the trials since it was last chosen (0 right after it was chosen, whether or not rewarded), and the
base probabilities add up to 0.5. A trial has two steps: fixation (action C is due) and choice (L or R). An
invalid action earns -1. Episodes last 50 to 100 trials.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.tasks import Task, draw_uniform

LEFT, RIGHT, CENTRE = 0, 1, 2
FIXATION_CUE, CHOICE_CUE = 0, 1
STEPS_PER_TRIAL = 2


class Foraging(Task):
    """The baited schedule for many networks and episodes at once.

    Our choices, where the paper is silent: observations one-hot (fixation, choice); on a trial without a valid
    choice both arms count as unchosen.

    Trial table (columns of `record`): choice (0 left, 1 right, -1 invalid), reward (1 or 0), p0_left (base
    probability of left; right's is the sum less that), valid, played (False after the episode's end).

    Args:
        trials: of the longest episode.
        shortest: trials of the shortest episode.
        total: sum of the two base probabilities.
        intervals: p0_left is drawn uniformly from these intervals (low, high).
    """

    observations, actions = 2, 3

    def __init__(self, trials: int, shortest: int, total: float, intervals: Sequence[tuple[float, float]]) -> None:
        self.trials, self.steps = trials, trials * STEPS_PER_TRIAL
        self.shortest, self.total, self.intervals = shortest, total, list(intervals)

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes; see `Task`."""
        spread = draw_uniform(rngs, (), episodes) * (self.trials - self.shortest + 1)
        self.n_trials = (spread.long() + self.shortest).clamp(max=self.trials)
        self.lengths = self.n_trials * STEPS_PER_TRIAL
        left = self._base_probability(draw_uniform(rngs, (), episodes))
        self.p0 = torch.stack([left, self.total - left], -1)  # (network, episode, arm)
        self.luck = draw_uniform(rngs, (self.trials,), episodes)
        self.unchosen = torch.zeros_like(self.p0)
        self.choice = torch.full(self.luck.shape, -1)
        self.reward = torch.zeros_like(self.luck)
        self.screens = torch.eye(2).view(2, 1, 1, 2).expand(-1, len(rngs), episodes, -1)
        self.time = 0
        return self.screens[FIXATION_CUE]

    def _base_probability(self, uniform: Tensor) -> Tensor:
        """Uniform numbers in [0, 1) to base probabilities, uniform over the intervals."""
        edges = torch.tensor(self.intervals)
        ends = (edges[:, 1] - edges[:, 0]).cumsum(0)
        position = uniform * ends[-1]
        interval = torch.bucketize(position, ends, right=True).clamp(max=len(ends) - 1)
        return edges[interval, 1] - (ends[interval] - position)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        trial, phase = divmod(self.time, STEPS_PER_TRIAL)
        on = trial < self.n_trials
        self.time += 1
        left_or_right = action != CENTRE
        if phase == 0:
            return self.screens[CHOICE_CUE], -(left_or_right & on).float()
        chosen = torch.stack([action == LEFT, action == RIGHT], -1)
        p = 1 - (1 - self.p0) ** (self.unchosen + 1)
        pays = self.luck[trial] < (p * chosen).sum(-1)  # 0 without a valid choice
        self.unchosen = (self.unchosen + 1).masked_fill_(chosen, 0)
        self.choice[trial] = action.masked_fill(~left_or_right, -1)
        self.reward[trial] = (pays & on).float()
        return self.screens[FIXATION_CUE], torch.where(left_or_right, self.reward[trial], -1.0) * on

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        trial = torch.arange(self.trials).view(-1, 1, 1)
        return {
            "choice": self.choice.numpy().astype(np.int8),
            "reward": self.reward.numpy().astype(np.int8),
            "p0_left": self.p0[..., 0].expand(self.trials, -1, -1).numpy(),
            "valid": (self.choice >= 0).numpy(),
            "played": (trial < self.n_trials).numpy(),
        }
