"""Tabular MDPs drawn at random (Duan et al. 2016, RL2): what pays and leads where is learned over several episodes."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import TableError
from pfc_metarl.tasks.task import Task, require_counts, uniform

MEAN = 1.0
"""Of mean rewards, whose s.d. is 1; so is that of a reward around its mean."""


class Rules(NamedTuple):
    """What `see` and `act` are told."""

    states: int
    horizon: int


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The state, one-hot, and whether an (inner) episode begins."""
    observation[trials[episode.time].at] = 1
    observation[task.states] = episode.time % task.horizon == 0


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Act, be paid, and go on to another state; or, where an (inner) episode ends, to the first."""
    now = trials[episode.time]
    now.choice = action
    now.reward = episode.means[now.at, action] + now.noise
    after = episode.time + 1
    if after < episode.trials and after % task.horizon > 0:
        reached = 0
        while reached < task.states - 1 and now.chance >= episode.cumulative[now.at, action, reached]:
            reached += 1
        trials[after].at = reached
    return float(now.reward)


class TabularMDP(Task):
    """An MDP of a few states, each of whose actions leads to any of them with probabilities from a flat Dirichlet
    distribution, and pays a mean, drawn from N(1, 1), with noise of s.d. 1.

    Every (inner) episode begins in state 0; the MDP is the same in all of them. A trial is a step.

    Args:
        episodes: on one MDP.
        states, actions: how many.
        horizon: steps of an episode.
    """

    name = "tabular_mdp"
    steps_per_trial, choice_step = 1, 0
    trial_fields = [("inner", "i4"), ("noise", "f4"), ("chance", "f4")]
    outcome_fields = [("at", "i2"), ("choice", "i1"), ("reward", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, episodes: int = 10, states: int = 10, actions: int = 5, horizon: int = 10) -> None:
        require_counts(episodes=episodes, states=states, actions=actions, horizon=horizon)
        self.episodes, self.states, self.actions, self.horizon = episodes, states, actions, horizon
        self.trials, self.observations, self.parameters = episodes * horizon, (states + 1,), Rules(states, horizon)
        self.episode_fields = [("means", "f4", (states, actions)), ("cumulative", "f4", (states, actions, states))]

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The MDP, and all noise; see `Task`."""
        size = len(episodes), self.states, self.actions
        episodes["means"] = MEAN + rng.standard_normal(size, np.float32)
        weights = rng.standard_exponential((*size, self.states), np.float32).cumsum(-1)
        episodes["cumulative"] = weights / weights[..., -1:]
        self.again(rng, episodes, trials)

    def again(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Noise of rewards, and where actions lead; see `Task`."""
        trials["inner"] = np.arange(trials.shape[1]) // self.horizon + 1
        trials["noise"] = rng.standard_normal(trials.shape, np.float32)
        trials["chance"] = uniform(rng, *trials.shape)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: its rewards, and the states it came to, by chance in an MDP where all are alike.

        Raises:
            TableError: there is no such state, or an episode begins in another than the first.
        """
        begins = np.arange(len(trials)) % self.horizon == 0
        if (met["at"] >= np.where(begins, 1, self.states)).any():
            raise TableError(f"column at: states are 0 to {self.states - 1}, and 0 at every {self.horizon} steps")
        trials["inner"], trials["noise"] = met["inner"], met["reward"]
        episode["means"], episode["cumulative"] = 0, np.arange(1, self.states + 1) / self.states
        trials["chance"][:-1] = (met["at"][1:] + 0.5) / self.states
