"""Simulation 6: a safe and a risky arm, under stimulation of dopamine (Stopper et al. 2014).

Methods, "Simulation 6". The safe arm always pays 1; the risky arm pays 4 with probability .125 or .5, drawn at
the episode's start. Five forced pulls of each arm, in randomised pairs, are followed by 20 free pulls. Which side
is risky changes from episode to episode with probability 1/2. A trial has two steps: fixation (action C is due)
and choice. An invalid action earns -1.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.task import CENTRE, LEFT, NONE, Task, require_finite, uniform

FIXATION, CHOICE = 0, 1
"""Steps of a trial."""
FIXATION_CUE, FORCED_LEFT, FREE = 0, 1, 3
"""What is seen: places in the one-hot observation; forced right follows forced left."""
SAFE_REWARD, RISKY_REWARD, RISKY_LOSS = 1, 2, 3
"""Events."""


class Rules(NamedTuple):
    """What `act` is told: what the arms pay, and whether forced pulls pay too."""

    safe_reward: float
    risky_reward: float
    forced_outcomes: bool


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The fixation cue, or which arms can be pulled."""
    trial, step = divmod(episode.time, 2)
    if step == FIXATION:
        observation[FIXATION_CUE] = 1
    elif trials[trial].free:
        observation[FREE] = 1
    else:
        observation[FORCED_LEFT + trials[trial].forced_side] = 1


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Fixate; pull an arm."""
    trial, step = divmod(episode.time, 2)
    now = trials[trial]
    if step == FIXATION:
        return 0.0 if action == CENTRE else -1.0
    if action == CENTRE or (not now.free and action != now.forced_side):
        return -1.0
    now.choice = action
    now.risky = action == episode.risky_side
    now.valid = True
    if not (now.free or task.forced_outcomes):
        return 0.0
    if now.risky == 0:
        now.reward = task.safe_reward
        episode.event = SAFE_REWARD
    elif now.pays:
        now.reward = task.risky_reward
        episode.event = RISKY_REWARD
    else:
        episode.event = RISKY_LOSS
    return float(now.reward)


class Optogenetics(Task):
    """Safe against risky.

    Our choices, where the paper is silent: observations one-hot (fixation, forced left, forced right, free); on a
    forced trial the other arm is invalid.

    Args:
        forced_pairs: pairs of forced pulls.
        free_pulls: free pulls, which follow.
        risky_probabilities: from which the risky arm's is drawn.
        safe_reward, risky_reward: what the arms pay.
        forced_outcomes: do forced pulls pay (P)? Else nothing follows them, and they tell nothing.

    Raises:
        ConfigError: no such probabilities, or rewards that are not finite.
    """

    name = "optogenetics"
    observations, actions = (4,), 3
    steps_per_trial, choice_step = 2, CHOICE
    events = ("safe_reward", "risky_reward", "risky_loss")
    episode_fields = [("p_risky", "f4"), ("risky_side", "i1")]
    trial_fields = [
        ("free", "?"),
        ("forced_side", "i1"),  # NONE: the choice is free
        ("pays", "?"),  # would the risky arm pay?
    ]
    outcome_fields = [("choice", "i1"), ("risky", "i1"), ("reward", "f4"), ("valid", "?")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(
        self,
        forced_pairs: int,
        free_pulls: int,
        risky_probabilities: Sequence[float],
        safe_reward: float,
        risky_reward: float,
        forced_outcomes: bool = True,
    ) -> None:
        if not risky_probabilities or not all(0 <= p <= 1 for p in risky_probabilities):
            raise ConfigError(f"risky_probabilities must be between 0 and 1, not {risky_probabilities}")
        if forced_pairs < 0 or free_pulls < 0:
            raise ConfigError(f"forced_pairs and free_pulls must be at least 0, not {forced_pairs}, {free_pulls}")
        require_finite(safe_reward=safe_reward, risky_reward=risky_reward)
        self.forced_pairs, self.risky_probabilities = forced_pairs, risky_probabilities
        self.trials = 2 * forced_pairs + free_pulls
        self.parameters = Rules(safe_reward, risky_reward, forced_outcomes)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The risky arm's probability and side, the forced pulls, and when the risky arm would pay; see `Task`."""
        probabilities = np.array(self.risky_probabilities, np.float32)
        which = (uniform(rng, len(episodes)) * len(probabilities)).astype(np.int64).clip(max=len(probabilities) - 1)
        episodes["p_risky"] = probabilities[which]
        episodes["risky_side"] = uniform(rng, len(episodes)) < 0.5
        first = uniform(rng, len(episodes), self.forced_pairs) < 0.5
        forced = 2 * self.forced_pairs
        trials["forced_side"][:, 0:forced:2], trials["forced_side"][:, 1:forced:2] = first, ~first
        trials["forced_side"][:, forced:], trials["free"][:, forced:] = NONE, True
        trials["pays"] = uniform(rng, *trials.shape) < episodes["p_risky"][:, None]

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: its forced pulls, and the outcomes of the risky arm."""
        super().lead(episode, trials, met)
        choice = met["choice"]
        if "risky_side" not in met:
            first = np.argmax(choice != NONE)
            episode["risky_side"] = choice[first] if met["risky"][first] == 1 else 1 - choice[first]
        trials["free"] = met.get("free", True)
        # the arm that was pulled tells which one was forced; where none was and it is not told, call it left
        forced_side = met.get("forced_side", np.where(choice == NONE, LEFT, choice))
        trials["forced_side"] = np.where(trials["free"], NONE, forced_side)
        if "reward" not in met:
            raise TableError("the table has no column reward, which networks are to be led along")
        trials["pays"] = met["reward"] > 0
