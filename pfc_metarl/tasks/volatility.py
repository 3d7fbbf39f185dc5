"""Simulation 2: a two-armed bandit whose volatility changes (Behrens et al. 2007).

Methods, "Simulation 2". On each trial one of two arms is the good one: left with probability r(t), else right.
The good arm, if chosen, pays its magnitude; the other pays 0. Magnitudes are drawn anew for each arm and
trial, 100 x Beta(4, 4), and shown before the choice. There is no fixation step: a trial is one time step.
"""

from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import LEFT, Task, require_counts, require_finite, require_probabilities, uniform

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

    def require_sense(self) -> None:
        """ConfigError for what are no probabilities."""
        values = (self.high_volatility, self.worse_stable, self.worse_volatile)
        require_probabilities(**dict(zip(self._fields, values)))
        if not -np.inf < self.log_k_low <= self.log_k_high <= 0:
            raise ConfigError(f"log k must rise from {self.log_k_low} to {self.log_k_high}, at most 0")

    def draw(self, rng: np.random.Generator, episodes: int, trials: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether each trial is volatile, and its better side: (episode, trial)."""
        k = np.exp(self.log_k_low + (self.log_k_high - self.log_k_low) * uniform(rng, episodes))
        start = uniform(rng, episodes, 2) < 0.5
        # what happens after trial t bears on trial t + 1
        v_changes = uniform(rng, episodes, trials - 1) < k[:, None]
        volatile = np.column_stack([start[:, 0], v_changes]).cumsum(1) % 2 == 1
        side_changes = uniform(rng, episodes, trials - 1) < self.high_volatility
        side = np.column_stack([start[:, 1], side_changes & volatile[:, :-1]]).cumsum(1) % 2
        return volatile, side


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

    def require_sense(self) -> None:
        """ConfigError for what are no probabilities, no number of trials, or an unknown order."""
        require_probabilities(worse_stable=self.worse_stable, worse_volatile=self.worse_volatile)
        require_counts(switch_every=self.switch_every)
        if self.order not in (LOW_FIRST, HIGH_FIRST):
            raise ConfigError(f"order must be {LOW_FIRST} or {HIGH_FIRST}, not {self.order}")

    def draw(self, rng: np.random.Generator, episodes: int, trials: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether each trial is volatile, and its better side: (episode, trial)."""
        since_half = np.arange(trials) - trials // 2
        volatile = since_half >= 0
        switches = np.where(volatile, 1 + since_half // self.switch_every, 0)  # since the stable half
        if self.order == HIGH_FIRST:
            volatile, switches = volatile[::-1], switches[::-1]
        start = uniform(rng, episodes) < 0.5
        return np.tile(volatile, (episodes, 1)), (start[:, None] + switches) % 2


class Rules(NamedTuple):
    """What `see` and `act` are told."""

    reward_scale: np.float32


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The two magnitudes."""
    now = trials[episode.time]
    observation[0] = now.magnitude_left * task.reward_scale
    observation[1] = now.magnitude_right * task.reward_scale


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Choose an arm; the good one pays its magnitude."""
    now = trials[episode.time]
    now.choice = action
    if action == now.good_arm:
        now.reward = now.magnitude_left if action == LEFT else now.magnitude_right
    return now.reward * task.reward_scale


class Volatility(Task):
    """The bandit whose volatility changes.

    The observation is the two magnitudes. They and the reward are multiplied by `reward_scale`; in the trial
    table both are in points, 0 to 100.

    Args:
        trials: per episode.
        course: how the reward probabilities change.
        reward_scale: of reward and observed magnitudes.

    Raises:
        ConfigError: no such probabilities, or an unknown order.
    """

    name = "volatility"
    observations, actions = (2,), 2
    steps_per_trial, choice_step = 1, 0
    trial_fields = [
        ("p_left", "f4"),
        ("volatile", "?"),
        ("good_arm", "i1"),
        ("magnitude_left", "f4"),
        ("magnitude_right", "f4"),
    ]
    outcome_fields = [("choice", "i1"), ("reward", "f4")]  # reward in points
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int, course: Process | Schedule, reward_scale: float = 0.01) -> None:
        course.require_sense()
        require_finite(reward_scale=reward_scale)
        self.trials, self.course = trials, course
        self.parameters = Rules(np.float32(reward_scale))

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The course of the probabilities, the good arm, and the magnitudes; see `Task`."""
        volatile, better_side = self.course.draw(rng, *trials.shape)
        worse = np.where(volatile, np.float32(self.course.worse_volatile), np.float32(self.course.worse_stable))
        trials["volatile"] = volatile
        trials["p_left"] = np.where(better_side == LEFT, 1 - worse, worse)
        trials["good_arm"] = uniform(rng, *trials.shape) >= trials["p_left"]
        magnitudes = 100 * rng.beta(4, 4, (*trials.shape[::-1], 2)).astype(np.float32)  # (trial, episode, arm)
        trials["magnitude_left"], trials["magnitude_right"] = magnitudes.T
