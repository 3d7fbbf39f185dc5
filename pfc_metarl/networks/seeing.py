"""Networks with eyes, for simulation 5 from pixels: convolutions in front of any other agent."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll
from pfc_metarl.random_streams import INITIAL_WEIGHTS, generators
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task

PART = 100
"""Of the initial weights; those of the recurrent layers have smaller numbers."""
PIECE = 256
"""Views at a time: the memory of small pieces is used again, that of large ones is asked for anew every time."""


class Filters(nn.Module):
    """Replicated convolution, rectified.

    Initial weights normal with s.d. sqrt(2 / inputs), biases 0 (our choice, He et al. 2015).

    Args:
        rngs: one per network.
        number, channels, size: of the filters.
        stride: between their places.
    """

    def __init__(
        self, rngs: Sequence[np.random.Generator], number: int, channels: int, size: int, stride: int = 1
    ) -> None:
        super().__init__()
        shape, scale, self.stride = (number, channels, size, size), np.sqrt(2 / (channels * size * size)), stride
        drawn = np.stack([rng.standard_normal(shape, np.float32) * scale for rng in rngs]).swapaxes(-1, -2)
        # (network, filter, channel, row, column), drawn column by column
        self.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(drawn, np.float32)))
        self.bias = nn.Parameter(torch.zeros(len(rngs), number))

    def forward(self, network: int, maps: Tensor) -> Tensor:
        """One network's maps (view, channel, row, column) -> (view, filter, row, column)."""
        return functional.conv2d(maps, self.weight[network], self.bias[network], self.stride).relu_()


class Eye(nn.Module):
    """Convolutions and a fully connected layer, rectified.

    The paper names only "a conventional image-processing network"; the layers are those of the 2016 architecture
    (Mirowski et al. 2016): 16 filters 8 x 8 stride 4, 32 filters 4 x 4 stride 2, 256 units.

    Args:
        seeds: one per network; a network's weights depend on its own seed alone.
        view: shape of what is seen, (height, width, channel), height equal to width.
        filters: (number, size, stride) of each convolution, one or more.
        features: units of the last layer.
    """

    def __init__(
        self, seeds: Sequence[int], view: tuple[int, ...], filters: Sequence[tuple[int, int, int]], features: int
    ) -> None:
        super().__init__()
        self.view = view
        rngs, (size, _, channels) = generators(INITIAL_WEIGHTS, seeds, PART), view
        self.convolutions = nn.ModuleList()
        for number, width, stride in filters:
            self.convolutions.append(Filters(rngs, number, channels, width, stride))
            channels, size = number, (size - width) // stride + 1
        self.connected = Filters(rngs, features, channels, size)  # as large as the map: it has a single place

    def forward(self, views: Tensor) -> Tensor:
        """Views (..., network, episode, height, width, channel), uint8 -> features (..., network, episode, feature).

        Features are together about as long as a one-hot vector.
        """
        # one network after the other: convolutions in groups need two to three times as long (without a GPU)
        by_network = []
        for network, own in enumerate(views.unbind(-5)):
            pieces = own.reshape(-1, *self.view).split(PIECE)
            features = torch.cat([self._features(network, piece) for piece in pieces])
            by_network.append(features.view(*own.shape[:-3], -1))
        return torch.stack(by_network, -3)

    def _features(self, network: int, views: Tensor) -> Tensor:
        """One network's: (view, height, width, channel) -> (view, feature)."""
        maps = self._first(network, views)
        for convolution in self.convolutions[1:]:
            maps = convolution(network, maps)
        weight, bias = self.connected.weight[network].flatten(1), self.connected.bias[network]
        return functional.linear(maps.flatten(1), weight, bias).relu_() / len(bias) ** 0.5

    def _first(self, network: int, views: Tensor) -> Tensor:
        """The first convolution. For its gradient the bytes are kept, which take a quarter of the numbers' memory."""
        numbers = _numbers(views)
        place = numbers.data_ptr()

        def keep(saved: Tensor) -> Tensor:
            return views if saved.data_ptr() == place else saved

        def get(kept: Tensor) -> Tensor:
            return _numbers(kept) if kept.dtype == torch.uint8 else kept

        with saved_tensors_hooks(keep, get):
            return self.convolutions[0](network, numbers)


def _numbers(views: Tensor) -> Tensor:
    """(view, height, width, channel), uint8 -> (view, channel, height, width), from -.5 to .5."""
    return views.permute(0, 3, 1, 2).float().div_(255).sub_(0.5)


class SeeingNetwork(Agent):
    """An eye in front of an agent, for which the eye's features take the place of a one-hot observation.

    Args:
        eye: what comes first.
        agent: what comes behind it, for observations of the eye's features.
    """

    def __init__(self, eye: Eye, agent: Agent) -> None:
        super().__init__(agent.seeds, eye.view, agent.actions, agent.units)
        self.sees_prediction_errors = agent.sees_prediction_errors  # type: ignore[misc]
        self.eye, self.agent = eye, agent

    @classmethod
    def build(cls, config: Any, task: Task, seeds: Sequence[int]) -> "SeeingNetwork":
        """The agent that a config names behind the eye that it describes (`filters`, `features`); see `Agent`."""
        from pfc_metarl.networks import agent_class  # here, for that module knows this one

        behind = copy(task)  # the task as it looks behind the eye
        behind.observations = (config.features,)
        eye = Eye(seeds, task.observations, config.filters, config.features)
        return cls(eye, agent_class(config.agent).build(config, behind, seeds))

    def start(self, episodes: int) -> State:
        """The state at an episode's start: the agent's; see `Agent`."""
        return self.agent.start(episodes)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        return self.agent.act(self.eye(observation), reward, action, state, added)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        return self.agent(seen._replace(observations=self.eye(seen.observations)), state)

    def fixed(self) -> dict[nn.Parameter, Tensor]:
        """The agent's."""
        return self.agent.fixed()

    def auxiliary_loss(self, episodes: Episodes, rngs: Sequence[np.random.Generator]) -> Tensor | float:
        """The agent's."""
        return self.agent.auxiliary_loss(episodes, rngs)
