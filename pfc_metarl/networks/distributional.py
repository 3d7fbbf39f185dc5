"""The prefrontal network with a distribution of values: optimistic and pessimistic predictors (Dabney et al. 2020).

Each predictor V_i learns from its own prediction errors,

    delta_i = r_t + gamma V_j(s_{t+1}) - V_i(s_t),  j drawn anew each time,

positive ones with a weight of tau_i, negative ones of 1 - tau_i. At rest it is the tau_i-th expectile of what follows.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Seen, State, Step, Unroll, last_seen
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.networks.recurrent import Head
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task

PREDICTORS = 39
"""About as many as neurons were recorded in the variable-magnitude task, 40; one is in the middle."""
MIDDLE = PREDICTORS // 2
"""The predictor with a tau of .5, which learns the mean."""


class DistributionalNetwork(PrefrontalNetwork):
    """LSTM and softmax policy as in the prefrontal network, and a population of value predictors.

    The policy learns from the advantage over the predictor in the middle, the expected value. Predictors learn by a
    loss of their own: their squared errors times their weights; with a tau of .5 that is the usual loss of values.

    Args:
        seeds, observations, actions, units, learned_start, input_scale, continuous: see `PrefrontalNetwork`.
        discount: gamma.
        cost: weight of the loss of values.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        observations: tuple[int, ...],
        actions: int,
        units: int,
        learned_start: bool,
        input_scale: float,
        continuous: bool,
        discount: float,
        cost: float,
    ) -> None:
        super().__init__(seeds, observations, actions, units, learned_start, input_scale, continuous)
        self.heads = Head(len(seeds), units, self.action_policy.outputs)  # of the policy
        self.predictors = Head(len(seeds), units, PREDICTORS)
        self.discount, self.cost = discount, cost
        self._unrolled: tuple[Seen, Tensor] | None = None  # what was seen and predicted last, for the loss

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "DistributionalNetwork":
        """The agent that a config describes; see `Agent`."""
        if task.running:
            raise ConfigError(f"agent {config.agent} is not told the last reward of episodes that follow each other")
        own = (config.learned_start, config.input_scale, task.continuous, config.discount, config.state_value_cost)
        return cls(seeds, task.observations, task.actions, config.units, *own)

    @classmethod
    def taus(cls) -> np.ndarray:
        """Asymmetry of each predictor, evenly spread: (predictor,)."""
        return (np.arange(1, PREDICTORS + 1) / (PREDICTORS + 1)).astype(np.float32)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        state = self.recurrent.step(last_seen(observation, reward, action, self.action_policy), state)
        return Step(self.heads.step(state[0]), self.predictors.step(state[0])[..., MIDDLE], state[0], state)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        inputs = last_seen(seen.observations, seen.rewards, seen.actions, self.action_policy)
        activity = self.recurrent(inputs, seen.begins, state)
        predicted = self.predictors(activity)
        self._unrolled = seen, predicted
        return Unroll(self.heads(activity), predicted.detach()[..., MIDDLE], activity)

    def auxiliary_loss(self, episodes: Episodes, rngs: Sequence[np.random.Generator]) -> Tensor:
        """That of all predictors, their mean; summed over steps, mean over episodes; see `Agent`."""
        assert self._unrolled is not None, "no unroll yet"
        (seen, predicted), task = self._unrolled, episodes.task
        rewards, following = seen.rewards[1:], predicted.detach()[1:]
        if task.continues:
            predicted, counts = predicted[:-1], torch.ones_like(rewards)
        else:
            last = torch.from_numpy(episodes.reward).to(self.device)
            rewards = torch.cat([rewards, last.unsqueeze(0)])
            own = torch.from_numpy(episodes.records["trials"] * task.steps_per_trial).to(self.device)
            counts = (torch.arange(len(rewards), device=self.device).view(-1, 1, 1) < own).float()
            nothing = torch.zeros_like(predicted[:1])
            following = torch.cat([following * counts[1:].unsqueeze(-1), nothing])
        drawn = np.stack([rng.integers(0, PREDICTORS, (len(rewards), *following.shape[2:])) for rng in rngs], 1)
        targets = rewards.unsqueeze(-1) + self.discount * following.gather(-1, torch.from_numpy(drawn).to(self.device))
        errors, taus = targets - predicted, torch.from_numpy(self.taus()).to(self.device)
        weights = torch.where(errors > 0, taus, 1 - taus)
        return self.cost * ((weights * errors.square()).mean(-1) * counts).sum(0).mean(-1)


class SymmetricNetwork(DistributionalNetwork):
    """As many predictors, all of them with a tau of .5: each learns the mean, as in the classical theory."""

    @classmethod
    def taus(cls) -> np.ndarray:
        """All .5; see `DistributionalNetwork`."""
        return np.full(PREDICTORS, 0.5, np.float32)
