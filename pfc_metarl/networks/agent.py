"""The contract of all networks: how an agent is started, acts and is recomputed for learning.

Whatever is inside, an agent sees the observation, the last reward and the last action, and gives a policy and a
value. Several networks are one module: every parameter has the network as its leading axis, and replicas share
nothing else. What an agent carries from step to step is a tuple of tensors, each (network, episode, ...).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.config import Config
from pfc_metarl.networks.policies import Gaussian, Policy, Softmax
from pfc_metarl.rmsprop import RMSProp
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task

Stimulus = tuple[int, np.ndarray]
"""Number of the event that is stimulated, and what is added to the next prediction error (time, network, episode)."""
State = tuple[Tensor, ...]
"""What an agent carries from step to step, each (network, episode, ...)."""


class Step(NamedTuple):
    """One step of an agent; all (network, episode, ...)."""

    logits: Tensor
    """Of the softmax policy (..., action); of another one, what it is made of (..., output)."""
    value: Tensor
    activity: Tensor
    """Of the units that give the policy (..., unit)."""
    state: State


class Seen(NamedTuple):
    """What an agent sees through an unroll; all (time, network, episode, ...)."""

    observations: Tensor
    rewards: Tensor
    """The last reward, 0 at an episode's start."""
    actions: Tensor
    """The last action, none (see `Policy`) at an episode's start."""
    begins: Tensor
    """Whether an episode begins with this step: the state is then that of an episode's start."""
    added: Tensor
    """What a stimulator adds to the prediction error that is seen (agents that see none ignore it)."""


class Unroll(NamedTuple):
    """An agent through time, with gradients; all (time, network, episode, ...)."""

    logits: Tensor
    values: Tensor
    activity: Tensor


class Played(NamedTuple):
    """What compiled loops leave of a play; arrays are (network, time, episode, ...)."""

    inputs: np.ndarray
    """Observation, last reward and last action (one-hot), of one step more."""
    added: np.ndarray
    """What a stimulator added to the prediction errors, of one step more."""
    activity: np.ndarray
    logits: np.ndarray
    values: np.ndarray
    """Of one step more where episodes run on."""
    actions: np.ndarray
    """The last one before the first step, then that of each step."""
    rewards: np.ndarray
    active: np.ndarray
    state: State
    """After the last step."""


class Lesson(NamedTuple):
    """What networks learn from in several updates, and how."""

    world: Episodes
    """The episodes of all updates at their start, (network, update x episode)."""
    noise: np.ndarray
    """Added to the logits (network, update, time, episode, action)."""
    start: tuple[State, Tensor, Tensor] | None
    """State, last reward and last action of episodes that go on; None: they begin."""
    optimiser: RMSProp
    clip: float
    """Largest norm of a gradient."""
    discount: float
    trace_decay: float
    state_value_cost: float
    bounds: tuple[float, float]
    """Between which prediction errors are learned from."""
    rates: Sequence[float]
    """Learning rate of each update."""
    entropy_costs: Sequence[float]
    """Of each update."""


class Taught(NamedTuple):
    """What became of it."""

    rewards: np.ndarray
    """(network, update, time, episode)."""
    losses: np.ndarray
    """(network, update); NaN from the first update on that diverged, in which nothing was learned."""
    gradient: Tensor
    """Of the last update, clipped (network, weight)."""
    end: tuple[State, Tensor, Tensor]
    """State, last reward and last action after the last step."""


class Agent(nn.Module, ABC):
    """Networks that play and learn together.

    Args:
        seeds: one per network; a network's weights depend on its own seed alone.
        observations: shape of the observation.
        actions: number of actions; or, if they are continuous, how many numbers one is.
        units: number of units that give the policy.
        continuous: whether an action is numbers.
    """

    acts_continuously: ClassVar[bool] = False
    """Whether it can be built for continuous actions."""

    sees_prediction_errors: ClassVar[bool] = False
    """Whether prediction errors are among the inputs, so that stimulation can act on them."""
    task_name = ""
    """Of the task they were built for; "": any that looks alike."""
    play_plainly = False
    """Leave compiled loops aside (set on an agent, to compare)."""

    def __init__(
        self, seeds: Sequence[int], observations: tuple[int, ...], actions: int, units: int, continuous: bool = False
    ) -> None:
        super().__init__()
        self.seeds, self.observations, self.actions, self.units = list(seeds), observations, actions, units
        self.action_policy: Policy = Gaussian(actions) if continuous else Softmax(actions)

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "Agent":
        """The agent that a config describes, for a task."""
        return cls(seeds, task.observations, task.actions, config.units)

    @abstractmethod
    def start(self, episodes: int) -> State:
        """The state at an episode's start, for so many episodes per network."""

    @abstractmethod
    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step, without gradients; arguments as in `Seen`, without time."""

    @abstractmethod
    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll from a state; where an episode begins (`Seen.begins`) the state is that of its start."""

    def auxiliary_loss(self, episodes: Episodes, rngs: Sequence[np.random.Generator]) -> Tensor | float:
        """What is added to each network's loss after `forward`: (network,); nothing by default.

        Args:
            episodes: that were played.
            rngs: one generator per network, for what the loss itself leaves to chance.
        """
        return 0.0

    @property
    def compiled(self) -> bool:
        """Whether it plays by `unroll` and learns by `learn`, compiled loops, in place of `act` and `forward`."""
        return False

    def unroll(
        self,
        world: Episodes,
        state: State,
        reward: np.ndarray,
        action: np.ndarray,
        noise: np.ndarray,
        given: np.ndarray | None,
        stimulus: Stimulus | None,
    ) -> Played:
        """Play episodes in compiled loops.

        Args:
            world: the episodes, which are stepped.
            state: before the first step.
            reward, action: the last ones before the first step (network, episode).
            noise: added to the logits, of which the action is the arg max (network, time, episode, action).
            given: the actions of somebody who is followed, -1 for none (network, time, episode); None: nobody.
            stimulus: number of the event that is stimulated, and what is then added to the next prediction error
                (time, network, episode); None: nothing.
        """
        raise NotImplementedError

    def learn(self, lesson: Lesson) -> Taught:
        """Several updates in compiled loops; weights, mean squares and episodes are changed."""
        raise NotImplementedError

    def in_order(self) -> list[nn.Parameter]:
        """All parameters, in the order in which the optimiser lays their numbers side by side."""
        return list(self.parameters())

    def fixed(self) -> dict[nn.Parameter, Tensor]:
        """Where learning changes nothing: parameters to truth values of their shape; by default nowhere."""
        return {}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device


def last_seen(observation: Tensor, reward: Tensor, action: Tensor, policy: Policy) -> Tensor:
    """Observation, last reward and last action as the policy shows it, as one vector (..., input)."""
    return torch.cat([observation, reward.unsqueeze(-1), policy.shown(action)], -1)
