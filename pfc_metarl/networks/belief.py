"""A policy that is given a belief, which a recurrent network learns to hold by being told the truth (Humplik et al.
2019): in training it is told of which kind each instance was, and learns to predict that from what it has met.

The policy sees the observation and the belief, nothing else: it has no memory of its own, and its learning does not
reach into the belief.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll, last_seen
from pfc_metarl.networks.lstm import LSTM
from pfc_metarl.networks.recurrent import Head, Recurrent, per_network, random_weights
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task

POLICY_UNITS = 32
"""Units of the policy, between observation and belief and what it puts out (as in VariBAD's)."""


class InferringNetwork(Agent):
    """A recurrent network that infers what it is in, and a policy that is given what it infers.

    Args:
        seeds, observations, actions: see `Agent`.
        units: of the recurrent network.
        latents: see `Task`.
        inferred: numbers that are inferred, and those that the policy is given of them.
    """

    layer: ClassVar[type[Recurrent]] = LSTM

    def __init__(
        self,
        seeds: Sequence[int],
        observations: tuple[int, ...],
        actions: int,
        units: int,
        latents: int,
        inferred: tuple[int, int],
    ) -> None:
        super().__init__(seeds, observations, actions, POLICY_UNITS)
        self.latents, shown = latents, observations[0]
        self.recurrent = self.layer(seeds, shown + 1 + actions, units)
        self.inference = Head(len(seeds), units, inferred[0])
        inputs = shown + inferred[1]
        self.hidden = nn.Parameter(random_weights(seeds, 2, (inputs, POLICY_UNITS), inputs**-0.5))
        self.hidden_bias = nn.Parameter(torch.zeros(len(seeds), 1, POLICY_UNITS))
        self.heads = Head(len(seeds), POLICY_UNITS, self.action_policy.outputs + 1)
        self._unrolled: tuple[Seen, Tensor] | None = None  # what was seen and inferred last, for the loss

    def start(self, episodes: int) -> State:
        """The recurrent network's state at an episode's start; see `Agent`."""
        return self.recurrent.start(episodes)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        state = self.recurrent.step(last_seen(observation, reward, action, self.action_policy), state)
        told = self.given(self.inference.step(state[0]))
        out = self._policy(observation.unsqueeze(0), told.unsqueeze(0))
        return Step(out.logits[0], out.values[0], out.activity[0], state)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        inferred = self.infer(seen, state)
        self._unrolled = seen, inferred
        return self._policy(seen.observations, self.given(inferred).detach())

    @property
    def unrolled(self) -> tuple[Seen, Tensor]:
        """What was seen and inferred in the last unroll."""
        assert self._unrolled is not None, "no unroll yet"
        return self._unrolled

    def infer(self, seen: Seen, state: State) -> Tensor:
        """What is inferred at each step of an unroll: (time, network, episode, inferred)."""
        inputs = last_seen(seen.observations, seen.rewards, seen.actions, self.action_policy)
        return self.inference(self.recurrent(inputs, seen.begins, state))

    def given(self, inferred: Tensor) -> Tensor:
        """What of it the policy is given: (..., given)."""
        return inferred

    def _policy(self, observations: Tensor, told: Tensor) -> Unroll:
        hidden = torch.tanh(per_network(torch.cat([observations, told], -1), self.hidden) + self.hidden_bias)
        out = self.heads(hidden)
        return Unroll(out[..., :-1], out[..., -1], hidden)


class BeliefNetwork(InferringNetwork):
    """The belief is a probability of each kind; its loss is the cross-entropy of the truth, summed over steps."""

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "BeliefNetwork":
        """The agent that a config describes; see `Agent`."""
        if not task.latents:
            raise ConfigError(f"agent {config.agent} infers of which kind an instance is; {task.name} has no kinds")
        both = (task.latents, task.latents)
        return cls(seeds, task.observations, task.actions, config.units, task.latents, both)

    def given(self, inferred: Tensor) -> Tensor:
        """The probabilities; see `InferringNetwork`."""
        return torch.softmax(inferred, -1)

    def auxiliary_loss(self, episodes: Episodes, rngs: Sequence[np.random.Generator]) -> Tensor:
        """Cross-entropy, mean over episodes; see `Agent`."""
        _, inferred = self.unrolled
        truth, counts = latents_by_step(episodes, self.device)
        wrong = functional.cross_entropy(inferred[: len(truth)].movedim(-1, 1), truth, reduction="none")
        return (wrong * counts).sum(0).mean(-1)


def latents_by_step(episodes: Episodes, device: torch.device) -> tuple[Tensor, Tensor]:
    """The truth at each step, and whether the step belongs to an episode: both (time, network, episode)."""
    task, steps = episodes.task, episodes.task.steps_per_trial
    truth = task.latent(episodes.records, episodes.trials).repeat(steps, axis=-1)
    counts = np.arange(truth.shape[-1]) < episodes.records["trials"][..., None] * steps
    return tuple(torch.from_numpy(x.copy()).to(device).movedim(-1, 0) for x in (truth.astype(np.int64), counts))  # type: ignore[return-value]
