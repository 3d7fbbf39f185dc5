"""The introductory Bernoulli bandits (Fig. 1; Wang et al. 2016): one choice per step, reward 1 or 0."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import NONE, Task, require_counts, uniform

PAIRS = {"easy": (0.1, 0.9), "medium": (0.25, 0.75), "hard": (0.4, 0.6)}
"""Two-armed bandits with known probabilities, on sides drawn at random."""
Distribution = Literal["independent", "correlated", "easy", "medium", "hard"]
DISTRIBUTIONS: tuple[Distribution, ...] = get_args(Distribution)
"""Names of the training distributions."""


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
    if action != NONE:  # as an animal may have done that a network is led along
        now.reward = now.pays[action]
        now.regret = episode.regrets[action]
    return float(now.reward)


class Bandit(Task):
    """Bernoulli bandits whose reward probabilities are drawn anew for each episode.

    The observation is the trial number as a share of the episode (our choice of scale).

    Args:
        trials: per episode.
        arms: number of arms; 2 for all but the independent distribution.
        distribution: "independent" (each p uniform), "correlated" (p uniform, and 1 - p), "easy", "medium" or
            "hard" (`PAIRS`), or the probabilities themselves.
        time_scale: trial number that is seen as 1; None: the last.

    Raises:
        ConfigError: a distribution that is unknown, or does not fit the number of arms.
    """

    name = "bandit"
    observations = (1,)
    steps_per_trial, choice_step = 1, 0
    outcome_fields = [("choice", "i1"), ("reward", "i1"), ("regret", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(
        self, trials: int, arms: int, distribution: str | Sequence[float], time_scale: int | None = None
    ) -> None:
        require_counts(arms=arms, time_scale=time_scale or 1)
        if isinstance(distribution, str):
            if distribution not in DISTRIBUTIONS:
                raise ConfigError(f"distribution must be one of {', '.join(DISTRIBUTIONS)}, not {distribution}")
            if arms != 2 and distribution != "independent":
                raise ConfigError(f"arms must be 2 with the distribution {distribution}, not {arms}")
        elif len(distribution) != arms or not all(0 <= p <= 1 for p in distribution):
            raise ConfigError(f"distribution must be {arms} probabilities, one per arm, not {tuple(distribution)}")
        self.trials = trials
        self.actions, self.distribution, self.latents = arms, distribution, arms
        self.parameters = Rules(time_scale or trials)
        self.episode_fields = [
            *((f"p_{arm}", "f4") for arm in range(arms)),
            ("regrets", "f4", (arms,)),  # the best arm's probability less each arm's
        ]
        self.trial_fields = [("pays", "i1", (arms,))]  # would each arm pay?

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Reward probabilities, and which arms would pay; see `Task`."""
        self._write(episodes, self.probabilities(rng, len(episodes)))
        self.again(rng, episodes, trials)

    def again(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Which arms would pay; see `Task`."""
        p = np.stack([episodes[f"p_{arm}"] for arm in range(self.actions)], axis=1)
        trials["pays"] = uniform(rng, *trials.shape)[..., None] < p[:, None]

    def probabilities(self, rng: np.random.Generator, episodes: int) -> np.ndarray:
        """Reward probabilities (episode, arm)."""
        if not isinstance(self.distribution, str):
            return np.tile(np.array(self.distribution, np.float32), (episodes, 1))
        drawn = uniform(rng, episodes, self.actions)
        if self.distribution == "independent":
            return drawn
        p = drawn[:, 0]
        if self.distribution in PAIRS:
            low, high = np.array(PAIRS[self.distribution], np.float32)
            p = np.where(p < 0.5, low, high)
        return np.stack([p, 1 - p], axis=-1)

    def _write(self, episodes: np.ndarray, p: np.ndarray) -> None:
        """The arms' probabilities (episode, arm), and what they cost."""
        for arm in range(self.actions):
            episodes[f"p_{arm}"] = p[:, arm]
        episodes["regrets"] = p.max(axis=1, keepdims=True) - p

    def latent(self, episodes: np.ndarray, trials: np.ndarray) -> np.ndarray:
        """The best arm; see `Task`."""
        return np.broadcast_to(episodes["regrets"].argmin(-1)[..., None], trials.shape)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: the rewards it got, whichever arm it had chosen; regret is NaN where p is not told."""
        trials["pays"] = met["reward"][:, None]
        p = [met.get(f"p_{arm}", [np.nan])[0] for arm in range(self.actions)]
        self._write(episode, np.array([p], np.float32))
