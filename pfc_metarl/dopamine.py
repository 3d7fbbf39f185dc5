"""Reward prediction errors, the model's dopamine, and what a stimulator does to them."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from pfc_metarl.errors import ConfigError

Number = TypeVar("Number")


def prediction_error(reward: Number, value: Number, value_before: Number, discount: float) -> Number:
    """delta = r + gamma V' - V: the error when reward r is met and a state of value V', after one of value V.

    Numbers or arrays of any kind (Methods, "Simulation 3", "Simulation 4" and "Simulation 6").
    """
    return reward + discount * value - value_before  # type: ignore[operator, return-value]


def prediction_errors(rewards: np.ndarray, values: np.ndarray, discount: float) -> np.ndarray:
    """Prediction errors of whole episodes: delta_t, met after action t, with the value V_{t+1} that follows.

    Args:
        rewards, values: (..., time); the last step has no next value, so no error.
        discount: gamma.

    Returns:
        (..., time - 1)
    """
    return prediction_error(rewards[..., :-1], values[..., 1:], values[..., :-1], discount)


class Stimulation(NamedTuple):
    """A stimulation protocol: on an event, something is added to the prediction error that the actor sees."""

    event: str
    """Name of an event of the task (`Task.events`), e.g. "risky_reward"."""
    size: float
    """What is added, in units of reward; negative: inhibition."""
    probability: float = 1.0
    """With which each such event is stimulated."""
    first_step: int = 0
    """Of the stretch of the episode in which the stimulator is on (steps from 0)."""
    last_step: int | None = None
    """Of that stretch; None: to the episode's end."""

    def draw(
        self, rngs: Sequence[np.random.Generator], steps: int, episodes: int, events: Sequence[str]
    ) -> tuple[int, np.ndarray]:
        """Draw at which steps such an event would be stimulated, each network's from its own generator.

        Args:
            rngs: one generator per network.
            steps, episodes: of the play.
            events: names of the task's events.

        Returns:
            The event's number (from 1), and what is added after each step: (time, network, episode).

        Raises:
            ConfigError: the task knows no such event; or no such size, probability or steps.
        """
        if self.event not in events:
            raise ConfigError(f"unknown event {self.event}; choose one of: {', '.join(events) or 'none in this task'}")
        if self.first_step < 0 or (self.last_step is not None and self.last_step < self.first_step):
            raise ConfigError(f"the steps of stimulation must rise from 0, not {self.first_step} to {self.last_step}")
        if not (np.isfinite(self.size) and 0 <= self.probability <= 1):
            raise ConfigError(
                f"size must be finite and probability between 0 and 1, not {self.size}, {self.probability}"
            )
        luck = np.stack([rng.random((steps, episodes)) for rng in rngs], axis=1)
        step = np.arange(steps)
        on = (step >= self.first_step) & (step <= (steps if self.last_step is None else self.last_step))
        size = self.size * (on[:, None, None] & (luck < self.probability))
        return list(events).index(self.event) + 1, size.astype(np.float32)
