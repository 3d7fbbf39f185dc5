"""How actions are drawn from what a network puts out: one of several, or numbers (for continuous actions).

Play, learning and networks know this interface alone. Actions are whole numbers (network, episode), -1 where there is
none; or numbers (network, episode, dimension), 0 where there are none.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Policy(ABC):
    """A distribution of actions.

    Args:
        actions: how many there are to choose from; or how many numbers one is.
    """

    actions: int

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that a network must put out for it."""

    @abstractmethod
    def noise(self, rngs: Sequence[np.random.Generator], *size: int) -> np.ndarray:
        """What chance decides about actions, each network's from its own generator: (network, then `size`, action)."""

    @abstractmethod
    def draw(self, out: Tensor, noise: Tensor) -> Tensor:
        """The action, from what the network puts out (..., output) and noise (..., action)."""

    @abstractmethod
    def log_probability(self, out: Tensor, action: Tensor) -> Tensor:
        """Of an action (of numbers: log density): (...)."""

    @abstractmethod
    def entropy(self, out: Tensor) -> Tensor:
        """In nats: (...)."""

    @abstractmethod
    def none(self, *size: int) -> Tensor:
        """No action, as where an episode begins."""

    @abstractmethod
    def shown(self, action: Tensor) -> Tensor:
        """The last action as the network sees it: (..., action)."""


class Softmax(Policy):
    """One of several actions, by a softmax of logits."""

    @property
    def outputs(self) -> int:
        """A logit each."""
        return self.actions

    def noise(self, rngs: Sequence[np.random.Generator], *size: int) -> np.ndarray:
        """Minus the logs of exponentials (Gumbel noise): the arg max of logits with them is drawn from the softmax."""
        drawn = np.stack([rng.standard_exponential((*size, self.actions), np.float32) for rng in rngs])
        with np.errstate(divide="ignore"):
            return np.negative(np.log(drawn, out=drawn), out=drawn)

    def draw(self, out: Tensor, noise: Tensor) -> Tensor:
        """See `Policy`."""
        return torch.argmax(out + noise, -1)

    def log_probability(self, out: Tensor, action: Tensor) -> Tensor:
        """See `Policy`; of no action, that of the first."""
        return torch.log_softmax(out, -1).gather(-1, action.clamp(min=0).unsqueeze(-1)).squeeze(-1)

    def entropy(self, out: Tensor) -> Tensor:
        """See `Policy`."""
        log_policy = torch.log_softmax(out, -1)
        return -(log_policy.exp() * log_policy).sum(-1)

    def none(self, *size: int) -> Tensor:
        """-1."""
        return torch.full(size, -1)

    def shown(self, action: Tensor) -> Tensor:
        """One-hot; zeros for none."""
        one_hot = torch.zeros(*action.shape, self.actions + 1, device=action.device)
        return one_hot.scatter_(-1, (action + 1).unsqueeze(-1), 1.0)[..., 1:]


class Gaussian(Policy):
    """Independent normal numbers; the network puts out their means, then the logs of their s.d.s."""

    @property
    def outputs(self) -> int:
        """Two for each number."""
        return 2 * self.actions

    def noise(self, rngs: Sequence[np.random.Generator], *size: int) -> np.ndarray:
        """Standard normal."""
        return np.stack([rng.standard_normal((*size, self.actions), np.float32) for rng in rngs])

    def draw(self, out: Tensor, noise: Tensor) -> Tensor:
        """See `Policy`."""
        mean, log_sd = out.split(self.actions, -1)
        return mean + log_sd.exp() * noise

    def log_probability(self, out: Tensor, action: Tensor) -> Tensor:
        """See `Policy`."""
        mean, log_sd = out.split(self.actions, -1)
        each = ((action - mean) / log_sd.exp()).square() + 2 * log_sd + math.log(2 * math.pi)
        return -0.5 * each.sum(-1)

    def entropy(self, out: Tensor) -> Tensor:
        """See `Policy`."""
        return (out[..., self.actions :] + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)

    def none(self, *size: int) -> Tensor:
        """0."""
        return torch.zeros(*size, self.actions)

    def shown(self, action: Tensor) -> Tensor:
        """As it is."""
        return action
