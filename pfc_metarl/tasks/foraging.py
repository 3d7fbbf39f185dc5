"""Simulation 1: choice between two arms that are baited again and again (Lau & Glimcher 2005; Tsutsui et al. 2016).

Methods, "Simulation 1". An arm's reward probability grows while it is not chosen,

    p(a) = 1 - (1 - p0(a)) ** (n(a) + 1),

n(a) being the trials since it was last chosen (0 right after it was chosen, whether or not rewarded), and the
base probabilities add up to 0.5. A trial has two steps: fixation (action C is due) and choice (L or R). An
invalid action earns -1. Episodes last 50 to 100 trials.

A variant has a third step, on which the screen is blank, any action will do and the outcome is told, so that at the
next fixation the choice and its reward are no longer among a network's inputs.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import CENTRE, LEFT, RIGHT, Task, require_probabilities, uniform

FIXATION, CHOICE, OUTCOME = 0, 1, 2
"""Steps of a trial; of the first two what is seen: places in the one-hot observation."""
ALWAYS, NEVER = -1.0, 2.0
"""Luck with which a choice is rewarded whatever its probability, and never."""


class Rules(NamedTuple):
    """What `see` and `act` are told."""

    steps: int
    """Of a trial."""


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The fixation cue or the choice cue."""
    step = episode.time % task.steps
    if step != OUTCOME:
        observation[step] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Fixate; choose an arm, while the other one waits."""
    trial, step = divmod(episode.time, task.steps)
    now = trials[trial]
    if step == OUTCOME:
        return 0.0
    if step == FIXATION:
        return 0.0 if action == CENTRE else -1.0
    if action != CENTRE:
        now.choice = action
        now.valid = True
        p = np.float32(1) - episode.empty[action] ** (episode.waited[action] + np.float32(1))  # single precision
        now.reward = now.luck < p
    for arm in (LEFT, RIGHT):
        episode.waited[arm] = 0 if arm == action else episode.waited[arm] + 1
    return float(now.reward) if now.valid else -1.0


class Foraging(Task):
    """The baited schedule.

    Our choices, where the paper is silent: observations one-hot (fixation, choice); on a trial without a valid
    choice both arms count as unchosen.

    Args:
        trials: of the longest episode.
        shortest_episode: trials of the shortest episode.
        base_probability_sum: sum of the two base probabilities.
        intervals: p0(left) is drawn uniformly from these intervals (low, high).

    Raises:
        ConfigError: no such episodes, or no such probabilities.
    """

    name = "foraging"
    observations, actions = (2,), 3
    steps_per_trial, choice_step = 2, CHOICE
    episode_fields = [
        ("p0_left", "f4"),
        ("empty", "f4", (2,)),  # 1 - p0 of each arm
        ("waited", "f4", (2,)),  # n of each arm
    ]
    trial_fields = [("luck", "f4")]
    outcome_fields = [("choice", "i1"), ("reward", "i1"), ("valid", "?")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(
        self, trials: int, shortest_episode: int, base_probability_sum: float, intervals: Sequence[tuple[float, float]]
    ) -> None:
        if not 1 <= shortest_episode <= trials:
            raise ConfigError(f"shortest_episode must be 1 to {trials}, the longest, not {shortest_episode}")
        require_probabilities(base_probability_sum=base_probability_sum)
        if not intervals or not all(0 <= low <= high <= base_probability_sum for low, high in intervals):
            raise ConfigError(f"intervals must lie between 0 and {base_probability_sum}, low before high: {intervals}")
        self.trials, self.shortest_episode = trials, shortest_episode
        self.base_probability_sum, self.intervals = base_probability_sum, intervals
        self.parameters = Rules(self.steps_per_trial)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Lengths, base probabilities and luck; see `Task`."""
        longer = uniform(rng, len(episodes)) * (self.trials - self.shortest_episode + 1)
        episodes["trials"] = (self.shortest_episode + longer.astype(np.int64)).clip(max=self.trials)
        left = self._base_probability(uniform(rng, len(episodes)))
        episodes["p0_left"] = left
        episodes["empty"] = 1 - np.stack([left, self.base_probability_sum - left], axis=-1)
        trials["luck"] = uniform(rng, *trials.shape)

    def _base_probability(self, drawn: np.ndarray) -> np.ndarray:
        """Uniform numbers in [0, 1) to base probabilities, uniform over the intervals."""
        edges = np.array(self.intervals, np.float32)
        ends = (edges[:, 1] - edges[:, 0]).cumsum(dtype=np.float64).astype(np.float32)
        position = drawn * ends[-1]
        interval = np.searchsorted(ends, position, side="right").clip(max=len(ends) - 1)
        return edges[interval, 1] - (ends[interval] - position)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: the rewards it got, whichever arm it had chosen."""
        super().lead(episode, trials, met)
        trials["luck"] = np.where(met["reward"] == 1, ALWAYS, NEVER)


class ForagingWithOutcome(Foraging):
    """The variant with a step on which the outcome is told; see `Foraging`."""

    steps_per_trial = 3
