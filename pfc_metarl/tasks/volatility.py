"""Simulation 2: a two-armed bandit whose volatility changes (Behrens et al. 2007).

Methods, "Simulation 2". On each trial one of two arms is the good one: left with probability r(t), else right.
The good arm, if chosen, pays its magnitude; the other pays 0. Magnitudes are drawn anew for each arm and
trial, 100 x Beta(4, 4), and shown before the choice. There is no fixation step: a trial is one time step.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.tasks import Task, draw_uniform

LEFT, RIGHT = 0, 1
LOW_FIRST, HIGH_FIRST = "low first", "high first"


class Process(NamedTuple):
    """The process that networks are trained on; defaults as published.

    With probability v(t) the better side changes; with probability k, v(t+1) = high_volatility - v(t). The
    published r is tied to v. Our choices: when v changes the better side stays (no other reading is without
    switches in stable phases); k is drawn at an episode's start.
    """

    high_volatility: float = 0.2
    """v is this or 0, at the start either with probability 1/2."""
    worse_stable: float = 0.25
    """Reward probability of the worse arm while v = 0; that of the better one is 1 minus this."""
    worse_volatile: float = 0.0
    """Reward probability of the worse arm while v is high."""
    log_k_low: float = -4.5
    """log k is uniform between this (natural logarithm) ..."""
    log_k_high: float = -3.5
    """... and this."""


class Schedule(NamedTuple):
    """The published test: one half of the episode stable, in the other the better side alternates.

    Which side is the better one at the start is random. Every border is a switch, in both orders: the published
    low-volatility-first episode is .75, .2, .8, .2, .8 (or its mirror image), high-first is its reverse.
    """

    order: str = LOW_FIRST
    """LOW_FIRST or HIGH_FIRST."""
    worse_stable: float = 0.25
    """Reward probability of the worse arm in the stable half."""
    worse_volatile: float = 0.2
    """Reward probability of the worse arm in the volatile half."""
    switch_every: int = 25
    """Trials between switches in the volatile half."""


class Volatility(Task):
    """The bandit for many networks and episodes at once.

    The observation is the two magnitudes. They and the reward are multiplied by `reward_scale`; in the trial
    table both are in points, 0 to 100.

    Trial table (columns of `record`): choice and good_arm (0 left, 1 right), reward (points), magnitude_left,
    magnitude_right (points), p_left (probability that left is the good arm), volatile (is v > 0, or is it the
    volatile half of a test episode).

    Args:
        trials: per episode.
        course: how the reward probabilities change.
        reward_scale: of reward and observed magnitudes.
    """

    observations, actions = 2, 2

    def __init__(self, trials: int, course: Process | Schedule, reward_scale: float = 0.01) -> None:
        self.trials = self.steps = trials
        self.course, self.reward_scale = course, reward_scale

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes; see `Task`."""
        self.volatile, better_side = self._draw_course(rngs, episodes)  # both (trial, network, episode)
        worse = torch.where(self.volatile, self.course.worse_volatile, self.course.worse_stable)
        self.p_left = torch.where(better_side == LEFT, 1 - worse, worse)
        self.good_arm = (draw_uniform(rngs, (self.trials,), episodes) >= self.p_left).long()
        # (trial, network, episode, arm), in points
        self.magnitude = torch.from_numpy(
            np.stack([100 * rng.beta(4, 4, (self.trials, episodes, 2)).astype(np.float32) for rng in rngs], axis=1)
        )
        self.choice = torch.zeros_like(self.good_arm)
        self.reward = torch.zeros_like(self.p_left)
        self.time = 0
        return self.magnitude[0] * self.reward_scale

    def _draw_course(self, rngs: Sequence[np.random.Generator], episodes: int) -> tuple[Tensor, Tensor]:
        """Whether each trial is volatile, and its better side."""
        if isinstance(self.course, Process):
            return self._draw_process(self.course, rngs, episodes)
        half, trial = self.trials // 2, torch.arange(self.trials)
        switches = 1 + (trial - half).div(self.course.switch_every, rounding_mode="floor")  # since the stable half
        volatile = trial >= half
        if self.course.order == HIGH_FIRST:
            switches, volatile = switches.flip(0), volatile.flip(0)
        start = (draw_uniform(rngs, (), episodes) < 0.5).long()
        side = start + torch.where(volatile, switches, 0).view(-1, 1, 1)
        return volatile.view(-1, 1, 1).expand(side.shape), side % 2

    def _draw_process(
        self, process: Process, rngs: Sequence[np.random.Generator], episodes: int
    ) -> tuple[Tensor, Tensor]:
        span = process.log_k_high - process.log_k_low
        k = (process.log_k_low + span * draw_uniform(rngs, (), episodes)).exp()
        start = (draw_uniform(rngs, (2,), episodes) < 0.5).long()
        # what happens after trial t bears on trial t + 1
        v_changes = draw_uniform(rngs, (self.trials - 1,), episodes) < k
        volatile = torch.cat([start[:1], v_changes.long()]).cumsum(0) % 2 == 1
        side_changes = draw_uniform(rngs, (self.trials - 1,), episodes) < process.high_volatility
        side = torch.cat([start[1:], (side_changes & volatile[:-1]).long()]).cumsum(0) % 2
        return volatile, side

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        t = self.time
        self.choice[t] = action
        magnitude = self.magnitude[t].gather(-1, action.unsqueeze(-1)).squeeze(-1)
        self.reward[t] = magnitude * (action == self.good_arm[t])
        self.time += 1
        # after the last trial nothing is due, whatever is seen
        return self.magnitude[min(self.time, self.trials - 1)] * self.reward_scale, self.reward[t] * self.reward_scale

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        return {
            "choice": self.choice.numpy().astype(np.int8),
            "good_arm": self.good_arm.numpy().astype(np.int8),
            "reward": self.reward.numpy(),
            "magnitude_left": self.magnitude[..., LEFT].numpy(),
            "magnitude_right": self.magnitude[..., RIGHT].numpy(),
            "p_left": self.p_left.numpy(),
            "volatile": self.volatile.numpy(),
        }
