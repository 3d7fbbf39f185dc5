"""Networks that follow a script: what they do, their values and what is in their units is known beforehand."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import one_hot

from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll
from pfc_metarl.tasks.task import CENTRE, Task

KNOWN = 6
"""Units that `known` tells; then come what is seen, and how often each action was done and what it has earned."""


def value(t: ArrayLike, seed: ArrayLike, slot: ArrayLike) -> np.ndarray:
    """The value at step t of an episode (of the slot, from 0)."""
    return np.sin(0.9 * np.asarray(t) + 1.3 * np.asarray(seed) + 0.37 * np.asarray(slot))


def known(
    t: ArrayLike, seed: ArrayLike, slot: ArrayLike, action: ArrayLike, reward: ArrayLike, mark: float = 0.0
) -> np.ndarray:
    """The first units' activity (..., KNOWN) at step t, after this last action and reward (-1 and 0 at the start)."""
    t, seed, slot, action, reward = np.broadcast_arrays(t, seed, slot, action, reward)
    parts = [t, action, reward, seed + 0.1 * np.sin(t), slot + 0.1 * np.cos(2 * t), mark + np.sin(0.7 * t + seed)]
    return np.stack([part.astype(float) for part in parts], -1)


def script(seed: int, slot: int, actions: Sequence[float], rewards: Sequence[float], mark: float = 0.0) -> np.ndarray:
    """`known` through an episode in which these actions were done and earned this: (time, KNOWN)."""
    before = [-1, *actions][:-1], [0, *rewards][:-1]
    return known(np.arange(len(actions)), seed, slot, *before, mark)


def hashed(*numbers: ArrayLike) -> np.ndarray:
    """Numbers in [0, 1) that look random and follow from the arguments."""
    mixed = sum(factor * np.asarray(n, float) for factor, n in zip((12.9898, 78.233, 37.719, 93.989, 54.37), numbers))
    return np.sin(mixed) * 43758.5453 % 1


class Scripted(Agent):
    """Does what is due, one of two sides (as if) at random where there is a choice, and in one step of twelve slips.

    Args:
        seeds: one per network.
        task: that it knows the rules of.
        mark: what tells several such agents apart, in their choices and in the last known unit.

    Attributes:
        plays: for each play, step by step what was added to the prediction error, each (network, episode).
    """

    sees_prediction_errors = True

    def __init__(self, seeds: Sequence[int], task: Task, mark: float = 0.0) -> None:
        seen = task.observations[0] if len(task.observations) == 1 else 0
        super().__init__(seeds, task.observations, task.actions, KNOWN + seen + 2 * task.actions)
        self.name, self.steps, self.mark = task.name, max(1, task.steps_per_trial), mark
        self.nothing = nn.Parameter(torch.zeros(1))
        self.plays: list[list[np.ndarray]] = []

    @classmethod
    def build(cls, config: object, task: Task, seeds: Sequence[int]) -> "Scripted":
        """See `Agent`."""
        return cls(seeds, task)

    def start(self, episodes: int) -> State:
        """Step, slot, how often each action was done, what it has earned, and what was added in all."""
        size, counts = (len(self.seeds), episodes), (len(self.seeds), episodes, self.actions)
        step, added = torch.zeros(2, *size, dtype=torch.float64)
        return step, torch.arange(episodes).expand(size).double(), torch.zeros(counts), torch.zeros(counts), added

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """Follow the script, and note what was added."""
        t, slot, done, earned, total = state
        if not t.any():
            self.plays.append([])
        self.plays[-1].append(added.numpy().copy())
        last = one_hot(action + 1, self.actions + 1)[..., 1:]
        done, earned, total = done + last, earned + last * reward.unsqueeze(-1), total + added
        seed, number = np.array(self.seeds)[:, None], (t.numpy(), slot.numpy())
        own = known(number[0], seed, number[1], action.numpy(), reward.numpy(), self.mark)
        seen = observation[..., :0].flatten(2) if observation.dim() > 3 else observation
        activity = torch.cat([torch.from_numpy(own).float(), seen.float(), done, earned], -1)
        logits = 100.0 * one_hot(torch.from_numpy(self.due(number, observation.numpy(), total.numpy())), self.actions)
        of_state = torch.from_numpy(value(number[0], seed, number[1])).float()
        return Step(logits, of_state, activity, (t + 1, slot, done, earned, total))

    def due(self, number: tuple[np.ndarray, np.ndarray], observation: np.ndarray, added: np.ndarray) -> np.ndarray:
        """The next action (network, episode)."""
        t, slot = number
        luck = hashed(t, np.array(self.seeds)[:, None], slot, self.mark, added)
        side, step = (luck < 0.5).astype(np.int64), t % self.steps
        if self.name == "inferred_value":  # as the cue says
            action = np.where(step == 2, observation[..., 2] == 1, CENTRE)
        elif self.name == "optogenetics":  # one arm, or either
            action = np.where(step == 1, np.where(observation[..., 3] == 1, side, observation[..., 2] == 1), CENTRE)
        elif self.steps == 1:
            action = side
        else:
            action = np.where(step == 0, CENTRE, side)
        return (action + (hashed(luck, 1) < 1 / 12)) % self.actions

    def forward(self, seen: Seen, state: State) -> Unroll:
        """It never learns."""
        raise NotImplementedError
