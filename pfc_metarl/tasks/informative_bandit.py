"""A bandit of which one arm pays little, but tells which other one pays most (Wang et al. 2016, section 3.1.3)."""

from typing import NamedTuple

import numpy as np

from pfc_metarl.tasks.task import NONE, Task, require_counts, uniform

TARGETS = 10
"""Arms of which one is the target."""
INFORMATIVE = TARGETS
"""The arm that tells: it pays a tenth of the target's number, counted from 1."""
TARGET_PAYS, OTHERS_PAY = 5.0, 1.0
"""What the target pays, and what each of the others."""


class Rules(NamedTuple):
    """What `see` is told."""

    time_scale: int


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The number of trials done; and the last reward, one-hot: a tenth to ten tenths, or the target's."""
    observation[0] = episode.time / task.time_scale
    if episode.time > 0 and trials[episode.time - 1].choice != NONE:
        tenths = int(10 * trials[episode.time - 1].reward + 0.5)
        observation[min(tenths, TARGETS + 1)] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Pull an arm."""
    now = trials[episode.time]
    now.choice = action
    if action != NONE:
        if action == INFORMATIVE:
            now.reward = (episode.target + 1) / 10
        else:
            now.reward = TARGET_PAYS if action == episode.target else OTHERS_PAY
        now.regret = TARGET_PAYS - now.reward
    return float(now.reward)


class InformativeBandit(Task):
    """Eleven arms, all of which pay the same at each pull; which of ten is the target is drawn for each episode.

    The observation is the trial number as a share of the episode, as in `Bandit`, and the last reward, one-hot.

    Args:
        trials: per episode.
    """

    name = "informative_bandit"
    observations, actions = (TARGETS + 2,), TARGETS + 1
    steps_per_trial, choice_step = 1, 0
    episode_fields = [("target", "i1")]
    trial_fields = []
    outcome_fields = [("choice", "i1"), ("reward", "f4"), ("regret", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int) -> None:
        require_counts(trials=trials)
        self.trials, self.parameters = trials, Rules(trials)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Which arm is the target; see `Task`."""
        episodes["target"] = (TARGETS * uniform(rng, len(episodes))).astype(np.int8)
