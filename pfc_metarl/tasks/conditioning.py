"""Pavlovian conditioning to uncertain rewards (Dabney et al. 2020): one cue for rewards of many magnitudes, and three
for a reward with different probabilities."""

from collections.abc import Mapping

import numpy as np

from pfc_metarl.tasks.task import Task, require_counts, uniform

MAGNITUDES = (0.1, 0.3, 1.2, 2.5, 5.0, 10.0, 20.0)
"""Of the variable-magnitude task; microlitres."""
SHARES = (0.066, 0.091, 0.148, 0.155, 0.312, 0.151, 0.077)
"""Of its trials (recomputed from the released recordings)."""
UTILITIES = (-3.58, -3.29, -2.76, -1.76, 0.24, 4.43, 8.32)
"""What they are worth to dopamine neurons: mean answers of all, less the baseline (recomputed likewise)."""
PROBABILITIES = (0.1, 0.5, 0.9)
"""Of the variable-probability task."""
CUES = 1 + len(PROBABILITIES)
"""The first is that of the variable magnitude, the others are those of the probabilities."""


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The cue."""
    observation[trials[episode.time].cue] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """The reward comes, whatever is done."""
    now = trials[episode.time]
    now.reward = now.pays
    return float(now.reward)


class Conditioning(Task):
    """Trials of one step: a cue, and the reward that follows it. There are two actions, of which nothing depends.

    Rewards are the utilities of the magnitudes; after the other cues 1 or 0 (our choice).

    Args:
        trials: per episode.
    """

    name = "conditioning"
    observations, actions = (CUES,), 2
    steps_per_trial, choice_step = 1, 0
    trial_fields = [("cue", "i1"), ("magnitude", "f4"), ("pays", "f4")]
    outcome_fields = [("reward", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int) -> None:
        require_counts(trials=trials)
        self.trials = trials

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Cues and rewards; see `Task`."""
        which, luck = uniform(rng, *trials.shape, 2).transpose(2, 0, 1)
        trials["cue"] = which * CUES
        ends = np.cumsum(SHARES) / np.sum(SHARES)
        level, variable = np.searchsorted(ends[:-1], luck, "right"), trials["cue"] == 0
        trials["magnitude"] = np.where(variable, np.array(MAGNITUDES)[level], 0)
        paid = luck < np.array((0.0, *PROBABILITIES))[trials["cue"]]
        trials["pays"] = np.where(variable, np.array(UTILITIES)[level], paid)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: cues and rewards; see `Task`."""
        super().lead(episode, trials, met)
        trials["pays"] = met["reward"]

    def responses(self, met: Mapping[str, np.ndarray]) -> np.ndarray:
        """The first action, for nothing depends on it."""
        return np.zeros((len(met["cue"]), 1), int)
