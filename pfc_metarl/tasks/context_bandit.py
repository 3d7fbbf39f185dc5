"""A two-armed bandit with a cue that tells its rule: the good arm stays, or it changes at every trial."""

import numpy as np

from pfc_metarl.tasks.task import NONE, Task, require_counts, require_probabilities, uniform

STAYS, ALTERNATES = 0, 1
"""Contexts: after a reward one should choose the same arm again, or the other one."""


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The cue."""
    observation[trials[episode.time].context] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Choose an arm; it pays or not."""
    now = trials[episode.time]
    now.choice = action
    if action != NONE:  # as a subject may have done that a network is led along
        now.reward = now.pays[action]
    return float(now.reward)


class ContextBandit(Task):
    """The bandit. Which arm is good at first is left to chance; the rule says where it goes from trial to trial.

    Args:
        trials: per episode.
        high: probability with which the good arm pays; the other one pays with 1 - high.
        changes: whether the context changes half-way through an episode; else it is the same in all of it.
    """

    name = "context_bandit"
    observations, actions = (2,), 2
    steps_per_trial, choice_step = 1, 0
    trial_fields = [("context", "i1"), ("good_arm", "i1"), ("pays", "i1", (2,))]
    outcome_fields = [("choice", "i1"), ("reward", "i1")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int, high: float, changes: bool = False) -> None:
        require_counts(trials=trials)
        require_probabilities(high=high)
        self.trials, self.high, self.changes = trials, high, changes

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The context, the good arm, and which arms would pay; see `Task`."""
        first, start = (uniform(rng, len(episodes), 2) < 0.5).T[..., None]
        late = np.arange(self.trials) >= self.trials / 2
        trials["context"] = first ^ (late & self.changes)
        moves = trials["context"] == ALTERNATES
        moves[:, 0] = start[:, 0]
        trials["good_arm"] = moves.cumsum(1) % 2
        p = np.where(trials["good_arm"][..., None] == (0, 1), self.high, 1 - self.high)
        trials["pays"] = uniform(rng, *trials.shape)[..., None] < p
