"""Simulation 5 without vision: Harlow's task with random feature vectors in place of pictures.

The symbolic twin of the gaze task (harlow_gaze.py). In each episode two objects that were never seen before
are shown side by side on six trials, one always rewarded (+1), the other never (-1); the sides are shuffled
from trial to trial. Nothing but the outcome of the first trial tells which is which (Methods, "Simulation 5").
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import CENTRE, LEFT, NONE, RIGHT, Task, require_finite, uniform

FIXATION, CHOICE = 0, 1
"""Steps of a trial."""


class Rules(NamedTuple):
    """What `act` is told."""

    fixation_reward: float


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """The fixation cue, or the left and the right object."""
    trial, step = divmod(episode.time, 2)
    if step == FIXATION:
        observation[0] = 1
    else:
        left, right = trials[trial].left_object, trials[trial].right_object
        for i in range(len(left)):
            observation[1 + i], observation[1 + len(left) + i] = left[i], right[i]


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Fixate; choose an object."""
    trial, step = divmod(episode.time, 2)
    now = trials[trial]
    if step == FIXATION:
        now.fixated = action == CENTRE
        return task.fixation_reward if now.fixated else 0.0
    if action != CENTRE:
        now.choice = action
    now.correct = action == now.rewarded_side
    return 1.0 if now.correct else -1.0


class HarlowSymbolic(Task):
    """The learning-to-learn task.

    Our choices, as the twin is ours: two steps per trial, fixation and choice. At the fixation cue the action
    centre earns the paper's fixation reward (.2), any other nothing, and the trial goes on. At the choice the
    left and the right slot of the observation hold the features of the objects; left or right selects one. Here
    a trial cannot wait for a choice, so that centre forfeits it: -1, as invalid actions earn in the other
    simulations. Objects are random directions, features of unit length, the size of a one-hot input.

    Args:
        trials: per episode.
        features: length of an object's feature vector.
        fixation_reward: for centre at the fixation cue.
        replaced: the paper's control: the unrewarded object is another one on every trial.

    Raises:
        ConfigError: too few features to tell objects apart.
    """

    name = "harlow"
    actions = 3
    steps_per_trial, choice_step = 2, CHOICE
    outcome_fields = [("choice", "i1"), ("correct", "?"), ("fixated", "?")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int, features: int, fixation_reward: float, replaced: bool = False) -> None:
        if features < 2:
            raise ConfigError(f"features must be at least 2, not {features}")
        require_finite(fixation_reward=fixation_reward)
        self.trials, self.features, self.replaced = trials, features, replaced
        self.observations = (1 + 2 * features,)  # fixation cue, left object, right object
        self.parameters = Rules(fixation_reward)
        self.episode_fields = [("rewarded_object", "f4", (features,))]
        self.trial_fields = [
            ("rewarded_side", "i1"),
            ("left_object", "f4", (features,)),
            ("right_object", "f4", (features,)),
        ]

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The objects, and the sides on which the rewarded one is; see `Task`."""
        trials["rewarded_side"] = uniform(rng, *trials.shape) < 0.5
        # which of two random objects is rewarded is arbitrary already: the first
        rewarded = self._objects(rng, 1, len(episodes))
        self._show(episodes, trials, rewarded, self._objects(rng, self.trials if self.replaced else 1, len(episodes)))

    def _objects(self, rng: np.random.Generator, sets: int, episodes: int) -> np.ndarray:
        """Random directions (episode, set, feature)."""
        drawn = rng.standard_normal((sets, episodes, self.features), np.float32).swapaxes(0, 1)
        return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)

    def _show(self, episodes: np.ndarray, trials: np.ndarray, rewarded: np.ndarray, unrewarded: np.ndarray) -> None:
        """Objects (episode, trial or 1, feature) on their sides."""
        on_right = (trials["rewarded_side"] == RIGHT)[..., None]
        episodes["rewarded_object"] = rewarded[:, 0]
        trials["left_object"] = np.where(on_right, unrewarded, rewarded)
        trials["right_object"] = np.where(on_right, rewarded, unrewarded)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What a subject met: the sides of the rewarded object.

        A table does not tell what the objects looked like: directions at right angles to each other stand for them.
        """
        super().lead(episode, trials, met)
        if "rewarded_side" not in met:
            chosen = np.where(met["choice"] == NONE, RIGHT, met["choice"])  # without a choice it does not matter
            trials["rewarded_side"] = np.where(met["correct"], chosen, 1 - chosen)
        other = 1 + np.arange(len(trials)) % (self.features - 1) * self.replaced
        directions = np.eye(self.features, dtype=np.float32)[None]
        self._show(episode, trials[None], directions[:, :1], directions[:, other])

    def responses(self, met: Mapping[str, np.ndarray]) -> np.ndarray:
        """Fixation (or an action that is not), then the choice."""
        actions = super().responses(met)
        actions[:, FIXATION] = np.where(met.get("fixated", True), CENTRE, LEFT)
        return actions
