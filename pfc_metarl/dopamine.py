"""Reward prediction errors, the model's dopamine, and what a stimulator does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pfc_metarl.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor


def prediction_errors(rewards: np.ndarray, values: np.ndarray, discount: float) -> np.ndarray:
    """Temporal-difference errors delta_t = r_t + gamma V_{t+1} - V_t (Methods, simulations 3 and 4).

    delta_t is the error when the event after action t is seen: reward r_t and the next state, of value V_{t+1}.

    Args:
        rewards, values: (..., time); the last step has no next value, so no error.
        discount: gamma.

    Returns:
        (..., time - 1)
    """
    return rewards[..., :-1] + discount * values[..., 1:] - values[..., :-1]


@dataclass
class Stimulation:
    """A stimulation protocol: on an event, something is added to the prediction error that the actor sees.

    Args:
        event: name of an event of the task (`Task.events`), e.g. "risky_reward".
        size: what is added, in units of reward; negative: inhibition.
        probability: with which each such event is stimulated.
        first_step, last_step: stretch of the episode in which the stimulator is on (steps from 0); -1: to the end.
    """

    event: str
    size: float
    probability: float = 1.0
    first_step: int = 0
    last_step: int = -1

    def begin(self, rngs: Sequence[np.random.Generator], episodes: int, steps: int) -> None:
        """Draw which events will be stimulated, each network's from its own generator."""
        import torch

        luck = np.stack([rng.random((steps, episodes)) for rng in rngs], axis=1)
        self._on = torch.from_numpy(luck < self.probability)  # (time, network, episode)
        last = steps - 1 if self.last_step < 0 else self.last_step
        self._on[: self.first_step] = False
        self._on[last + 1 :] = False
        self.stimulated = 0

    def added(self, step: int, events: Mapping[str, Tensor]) -> Tensor:
        """What is added after this step's action: (network, episode). ConfigError if the task knows no such event."""
        if self.event not in events:
            raise ConfigError(f"unknown event {self.event}; choose one of: {', '.join(events) or 'none in this task'}")
        hit = events[self.event] & self._on[step]
        self.stimulated += int(hit.sum())
        return hit * self.size
