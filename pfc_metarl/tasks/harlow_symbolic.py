"""Simulation 5 without vision: Harlow's task with random feature vectors in place of pictures.

The symbolic twin of the gaze task (harlow_gaze.py). In each episode two objects that were never seen before
are shown side by side on six trials, one always rewarded (+1), the other never (-1); the sides are shuffled
from trial to trial. Nothing but the outcome of the first trial tells which is which (Methods, "Simulation 5").
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.tasks import Task, draw_uniform

LEFT, RIGHT, CENTRE = 0, 1, 2
STEPS_PER_TRIAL = 2


class HarlowSymbolic(Task):
    """The learning-to-learn task for many networks and episodes at once.

    Our choices, as the twin is ours: two steps per trial, fixation and choice. At the fixation cue the action
    centre earns the paper's fixation reward (.2), any other nothing, and the trial goes on. At the choice the
    left and the right slot of the observation hold the features of the objects; left or right selects one. Here
    a trial cannot wait for a choice, so that centre forfeits it: -1, as invalid actions earn in the other
    simulations. Objects are random directions, features of unit length, the size of a one-hot input.

    Trial table (columns of `record`): choice (0 left, 1 right, -1 none), rewarded_side (0 left, 1 right),
    correct (the rewarded object was chosen), fixated (centre was held at the fixation cue).

    Args:
        trials: per episode.
        features: length of an object's feature vector.
        fixation_reward: for centre at the fixation cue.
        replaced: the paper's control: the unrewarded object is another one on every trial.
    """

    actions = 3

    def __init__(self, trials: int, features: int, fixation_reward: float, replaced: bool = False) -> None:
        self.trials, self.steps, self.features = trials, trials * STEPS_PER_TRIAL, features
        self.observations = 1 + 2 * features  # fixation cue, left object, right object
        self.fixation_reward, self.replaced = fixation_reward, replaced

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int) -> Tensor:
        """Start episodes; see `Task`."""
        self.rewarded_side = (draw_uniform(rngs, (self.trials,), episodes) < 0.5).long()
        # which of two random objects is rewarded is arbitrary already: the first
        self.rewarded = self._objects(rngs, 1, episodes)  # (1, network, episode, feature)
        self.unrewarded = self._objects(rngs, self.trials if self.replaced else 1, episodes)
        on_right = self.rewarded_side.unsqueeze(-1).bool()  # (trial, network, episode, 1)
        left = torch.where(on_right, self.unrewarded, self.rewarded)
        right = torch.where(on_right, self.rewarded, self.unrewarded)
        self.choices = torch.cat([torch.zeros_like(left[..., :1]), left, right], -1)  # (trial, network, episode, .)
        self.fixation = torch.zeros_like(self.choices[0])
        self.fixation[..., 0] = 1
        self.choice = torch.empty_like(self.rewarded_side)
        self.correct = torch.empty_like(on_right[..., 0])
        self.fixated = torch.empty_like(self.correct)
        self.time = 0
        return self.fixation

    def _objects(self, rngs: Sequence[np.random.Generator], sets: int, episodes: int) -> Tensor:
        """Random directions (set, network, episode, feature), each network's from its own generator."""
        size = (sets, episodes, self.features)
        drawn = torch.from_numpy(np.stack([rng.standard_normal(size, np.float32) for rng in rngs], axis=1))
        return drawn / drawn.norm(dim=-1, keepdim=True)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Take one action; see `Task`."""
        trial, phase = divmod(self.time, STEPS_PER_TRIAL)
        self.time += 1
        if phase == 0:
            self.fixated[trial] = action == CENTRE
            return self.choices[trial], self.fixation_reward * self.fixated[trial].float()
        self.choice[trial] = action.masked_fill(action == CENTRE, -1)
        self.correct[trial] = action == self.rewarded_side[trial]
        return self.fixation, 2 * self.correct[trial].float() - 1

    def record(self) -> dict[str, np.ndarray]:
        """The trial table's columns, each (trial, network, episode)."""
        return {
            "choice": self.choice.numpy().astype(np.int8),
            "rewarded_side": self.rewarded_side.numpy().astype(np.int8),
            "correct": self.correct.numpy(),
            "fixated": self.fixated.numpy(),
        }
