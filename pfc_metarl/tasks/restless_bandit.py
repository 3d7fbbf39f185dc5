"""A restless bandit: two arms p and 1 - p, p a random walk that is slow or fast (Wang et al. 2016, section 3.1.4)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pfc_metarl.tasks.task import LEFT, NONE, Task, require_counts, require_probabilities, uniform


class Rules(NamedTuple):
    """What `see` is told."""

    time_scale: int


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The number of trials done."""
    observation[0] = episode.time / task.time_scale


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Pull an arm."""
    now = trials[episode.time]
    now.choice = action
    if action != NONE:
        now.reward = now.pays[action]
        now.regret = now.regrets[action]
    return float(now.reward)


class RestlessBandit(Task):
    """Two arms that pay 1 with probabilities p and 1 - p; p is uniform at the start, then walks.

    Each step is normal, and the walk is reflected at 0 and 1. How large steps are is drawn for each episode, and not
    shown: the observation is the trial number as a share of the episode, as in `Bandit`.

    Args:
        trials: per episode.
        low_step, high_step: s.d. of a step, in episodes of low and of high volatility.
        volatile: share of episodes of high volatility.

    Raises:
        ConfigError: a number that is none, or not between 0 and 1.
    """

    name = "restless_bandit"
    observations, actions = (1,), 2
    steps_per_trial, choice_step = 1, 0
    episode_fields = [("volatile", "?")]
    trial_fields = [
        ("p_left", "f4"),
        ("pays", "i1", (2,)),  # would each arm pay? Exactly one does
        ("regrets", "f4", (2,)),  # the better arm's probability less each arm's
    ]
    outcome_fields = [("choice", "i1"), ("reward", "i1"), ("regret", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int, low_step: float, high_step: float, volatile: float = 0.5) -> None:
        require_counts(trials=trials)
        require_probabilities(low_step=low_step, high_step=high_step, volatile=volatile)
        self.trials, self.parameters = trials, Rules(trials)
        self.low_step, self.high_step, self.volatile = low_step, high_step, volatile

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Volatility, the walk of p, and which arm would pay; see `Task`."""
        episodes["volatile"] = uniform(rng, len(episodes)) < self.volatile
        sd = np.where(episodes["volatile"], np.float32(self.high_step), np.float32(self.low_step))
        start = uniform(rng, len(episodes), 1)
        steps = sd[:, None] * rng.standard_normal((trials.shape[1] - 1, len(episodes)), np.float32).T
        p_left = reflected(np.column_stack([start, steps]).cumsum(axis=1))
        self._write(trials, p_left, uniform(rng, *trials.shape) < p_left)

    def _write(self, trials: np.ndarray, p_left: np.ndarray, pays_left: np.ndarray) -> None:
        """What each arm costs, and which one would pay, both by what left does (..., trial)."""
        trials["p_left"] = p_left
        p = np.stack([p_left, 1 - p_left], axis=-1)
        trials["regrets"] = p.max(axis=-1, keepdims=True) - p
        trials["pays"] = pays_left[..., None] == (True, False)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What somebody met: rewards, whichever arm was chosen; regret is NaN where p is not told."""
        super().lead(episode, trials, met)
        p_left = np.asarray(met.get("p_left", np.full(len(trials), np.nan)), np.float32)
        self._write(trials, p_left, (met["choice"] == LEFT) == (met["reward"] == 1))


def reflected(x: np.ndarray) -> np.ndarray:
    """Numbers folded into [0, 1], as by mirrors at 0 and 1."""
    folded = np.mod(x, 2)
    return np.minimum(folded, 2 - folded)
