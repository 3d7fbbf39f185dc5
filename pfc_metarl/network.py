"""The agents: the prefrontal network, and its variant that sees prediction errors in place of rewards.

Methods, "Architecture and training": a fully connected LSTM receives the observation, the previous
reward and the previous action; its output feeds a linear softmax policy and a linear value unit.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pfc_metarl.config import Config
from pfc_metarl.lstm import LSTM, Head, State
from pfc_metarl.tasks import Task


class Agent(nn.Module, ABC):
    """What all agents share: their inputs, and the verbs by which they play and learn.

    Inputs are the observation, the previous reward, the previous action (one-hot), and what else an agent
    needs. `act` takes one step while playing; calling the agent recomputes a whole unroll, with gradients.

    Args:
        seeds: one per network; a network's weights depend on its own seed alone.
        observations: size of the observation.
        actions: number of actions.
    """

    lstm: LSTM
    """The LSTM that gives the policy."""

    def __init__(self, seeds: Sequence[int], observations: int, actions: int) -> None:
        super().__init__()
        self.seeds, self.observations, self.actions = list(seeds), observations, actions

    @property
    def input_size(self) -> int:
        """Size of the input vector."""
        return self.observations + 1 + self.actions

    def write_inputs(self, out: Tensor, observation: Tensor, reward: Tensor, action: Tensor | None) -> None:
        """Fill `out` (network, episode, input), all zeros, with what the network sees; no action at the start."""
        out[..., : self.observations] = observation
        out[..., self.observations] = reward
        if action is not None:
            seen = out[..., self.observations + 1 : self.observations + 1 + self.actions]
            seen.scatter_(-1, action.unsqueeze(-1), 1.0)

    @abstractmethod
    def start(self, episodes: int) -> Any:
        """The learned state at an episode's start, for so many episodes per network."""

    @abstractmethod
    def act(self, inputs: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """One step, without gradients: inputs (network, episode, input) -> policy logits, value, next state."""

    @abstractmethod
    def states(self, inputs: Tensor, state: Any) -> Tensor:
        """LSTM output through an unroll: inputs (time, network, episode, input) -> (time, network, episode, unit)."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """A whole unroll: inputs (time, network, episode, input) -> logits (..., action), values (...)."""


class PrefrontalNetwork(Agent):
    """LSTM, softmax policy and value of the paper (simulations 1 to 5).

    Args:
        seeds, observations, actions: see `Agent`.
        units: LSTM units (48 in simulations 1 to 4).
        input_scale: s.d. of the initial input weights.
    """

    def __init__(
        self, seeds: Sequence[int], observations: int, actions: int, units: int, input_scale: float = 1.0
    ) -> None:
        super().__init__(seeds, observations, actions)
        self.lstm = LSTM(seeds, self.input_size, units, input_scale)
        self.heads = Head(len(seeds), units, actions + 1)  # policy logits, and last the value

    def start(self, episodes: int) -> State:
        """The learned state; see `Agent`."""
        return self.lstm.initial_state(episodes)

    def act(self, inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """One step; see `Agent`."""
        state = self.lstm.step(inputs, state)
        out = self.heads.step(state.hidden)
        return out[..., :-1], out[..., -1], state

    def states(self, inputs: Tensor, state: State) -> Tensor:
        """LSTM output through an unroll; see `Agent`."""
        return self.lstm(inputs, state)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """A whole unroll; see `Agent`."""
        out = self.heads(self.states(inputs, state))
        return out[..., :-1], out[..., -1]


class ActorCriticState(NamedTuple):
    """State of actor and critic (network, episode, unit), the critic's last value, and 1 if there was one, else 0."""

    hidden: Tensor
    cell: Tensor
    critic_hidden: Tensor
    critic_cell: Tensor
    value: Tensor
    begun: Tensor


class ActorCriticRPE(Agent):
    """Actor and critic as two LSTMs; the actor sees prediction errors in place of rewards (simulation 6).

    The critic sees observation, last reward and last action, and gives the value V_t. The actor sees
    observation, last action and the reward prediction error of the last action, which the critic's values give,

        delta = r_{t-1} + gamma V_t - V_{t-1}   (0 on an episode's first step),

    and gives the policy. The error is an input like any other: no gradient flows through it. Its place in the
    input vector is the last; what a stimulator adds to it (dopamine.py) stands there before `act` adds delta.

    Args:
        seeds, observations, actions: see `Agent`.
        units: of each LSTM (48).
        discount: gamma of the prediction error.
        input_scale: s.d. of the initial input weights.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        observations: int,
        actions: int,
        units: int,
        discount: float,
        input_scale: float = 1.0,
    ) -> None:
        super().__init__(seeds, observations, actions)
        self.discount = discount
        self.lstm = LSTM(
            seeds, self.input_size, units, input_scale
        )  # the actor's, with a weight for the reward: unused
        self.critic = LSTM(seeds, super().input_size, units, input_scale, stream=1)
        self.policy = Head(len(seeds), units, actions)
        self.value = Head(len(seeds), units, 1)

    @property
    def input_size(self) -> int:
        """Size of the input vector: the prediction error comes last."""
        return super().input_size + 1

    def start(self, episodes: int) -> ActorCriticState:
        """The learned states at an episode's start."""
        begun = torch.zeros(len(self.seeds), episodes)
        states = (*self.lstm.initial_state(episodes), *self.critic.initial_state(episodes))
        return ActorCriticState(*states, value=begun, begun=begun)

    def act(self, inputs: Tensor, state: ActorCriticState) -> tuple[Tensor, Tensor, ActorCriticState]:
        """One step: critic, prediction error (written into inputs), actor; see `Agent`."""
        critic = self.critic.step(inputs[..., :-1], State(state.critic_hidden, state.critic_cell))
        value = self.value.step(critic.hidden).squeeze(-1)
        reward = inputs[..., self.observations]
        inputs[..., -1] += state.begun * (reward + self.discount * value - state.value)
        actor = self.lstm.step(self._without_reward(inputs), State(state.hidden, state.cell))
        return self.policy.step(actor.hidden), value, ActorCriticState(*actor, *critic, value, torch.ones_like(value))

    def _without_reward(self, inputs: Tensor) -> Tensor:
        seen = inputs.clone()
        seen[..., self.observations] = 0.0
        return seen

    def states(self, inputs: Tensor, state: ActorCriticState) -> Tensor:
        """The actor's LSTM output through an unroll."""
        return self.lstm(self._without_reward(inputs), State(state.hidden, state.cell))

    def forward(self, inputs: Tensor, state: ActorCriticState) -> tuple[Tensor, Tensor]:
        """A whole unroll, with the prediction errors that `act` wrote: logits (..., action), values (...)."""
        critic = self.critic(inputs[..., :-1], State(state.critic_hidden, state.critic_cell))
        return self.policy(self.states(inputs, state)), self.value(critic).squeeze(-1)


def make_agent(config: Config, task: Task, seeds: Sequence[int]) -> Agent:
    """The agent that a config names, untrained: "prefrontal" or "actor-critic-rpe"."""
    sizes = (task.observations, task.actions, config.units)
    if config.agent == "prefrontal":
        return PrefrontalNetwork(seeds, *sizes)
    return ActorCriticRPE(seeds, *sizes, config.discount)
