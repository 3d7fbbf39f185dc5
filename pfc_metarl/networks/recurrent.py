"""What recurrent layers have in common, and the linear read-outs, for many replicas at once.

Every parameter has the network as its leading axis, so that eight networks take a step in one batched matrix product.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.networks.agent import State
from pfc_metarl.random_streams import INITIAL_WEIGHTS, generators


def random_weights(seeds: Sequence[int], part: int, shape: tuple[int, ...], scale: float) -> Tensor:
    """Normal weights (network, then `shape`) with s.d. scale, each network's drawn from its own seed."""
    rngs = generators(INITIAL_WEIGHTS, seeds, part)
    return torch.from_numpy(np.stack([rng.normal(0, scale, shape) for rng in rngs]).astype(np.float32))


def per_network(x: Tensor, weight: Tensor) -> Tensor:
    """(time, network, episode, input) times (network, input, output): one batched product with network as batch."""
    return torch.einsum("tnbi,nio->tnbo", x, weight)


class Recurrent(nn.Module, ABC):
    """A replicated recurrent layer; its state is a tuple of tensors (network, episode, unit).

    Our choices, the paper is silent: input weights normal, their s.d. by default 1, as for any embedding of one-hot
    inputs (with small ones all observations look alike at first); recurrent weights normal with s.d. 1/sqrt(units);
    biases 0; the learned state starts at 0.

    Args:
        seeds: one per network; a network's weights depend on its own seed alone.
        inputs: size of the input vector.
        units: number of units.
        layer: tells apart several layers of one network.
        learned_start: whether the state at an episode's start is learned (as in all simulations but that from
            pixels); else it is 0.
        input_scale: s.d. of the initial input weights.
    """

    gates: int
    """Vectors of the size of the units that inputs and recurrent connections feed."""
    states: int
    """Tensors of the state."""
    forget: int | None = None
    """The forget gate's place among the gates, if there is one: its biases start at 1, as is usual."""

    def __init__(
        self,
        seeds: Sequence[int],
        inputs: int,
        units: int,
        layer: int = 0,
        learned_start: bool = True,
        input_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.units = units
        width = self.gates * units
        # (network, input, gate x unit), (network, unit, gate x unit)
        self.input_weight = nn.Parameter(random_weights(seeds, 2 * layer, (inputs, width), input_scale))
        self.hidden_weight = nn.Parameter(random_weights(seeds, 2 * layer + 1, (units, width), units**-0.5))
        self.bias = nn.Parameter(torch.zeros(len(seeds), 1, width))
        if self.forget is not None:
            self.bias.data[..., self.forget * units : (self.forget + 1) * units] = 1.0
        self.initial = nn.Parameter(torch.zeros(len(seeds), self.states, units), requires_grad=learned_start)

    def start(self, episodes: int) -> State:
        """The state at an episode's start, for so many episodes per network."""
        return tuple(x.unsqueeze(1).expand(-1, episodes, -1) for x in self.initial.unbind(1))

    @property
    def heard(self) -> tuple[nn.Parameter, ...]:
        """Weights (network, unit, ...) by which other units hear of each unit."""
        return (self.hidden_weight,)

    @abstractmethod
    def cell(self, gates: Tensor, state: State) -> State:
        """One step, from what inputs and bias give (network, episode, gate x unit) -> next state, output first."""

    def step(self, inputs: Tensor, state: State) -> State:
        """One step: inputs (network, episode, input) -> next state, whose first tensor is the output."""
        return self.cell(torch.baddbmm(self.bias, inputs, self.input_weight), state)

    def forward(self, inputs: Tensor, begins: Tensor, state: State) -> Tensor:
        """All steps of an unroll.

        Args:
            inputs: (time, network, episode, input).
            begins: (time, network, episode): where True, the state is first put back to that of an episode's start.
            state: before the first step.

        Returns:
            Outputs (time, network, episode, unit).
        """
        products = per_network(inputs, self.input_weight) + self.bias
        at_start, out = self.start(inputs.shape[2]), []
        for gates, begin in zip(products.unbind(), begins.unsqueeze(-1).unbind()):
            state = tuple(torch.where(begin, s0, s) for s0, s in zip(at_start, state))
            state = self.cell(gates, state)
            out.append(state[0])
        return torch.stack(out)


class Head(nn.Module):
    """Replicated linear read-out; starts at 0, so with a uniform policy and values of 0 (our choice)."""

    def __init__(self, networks: int, units: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(networks, units, outputs))
        self.bias = nn.Parameter(torch.zeros(networks, 1, outputs))

    def step(self, hidden: Tensor) -> Tensor:
        """(network, episode, unit) -> (network, episode, output)."""
        return torch.baddbmm(self.bias, hidden, self.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """(time, network, episode, unit) -> (time, network, episode, output)."""
        return per_network(hidden, self.weight) + self.bias
