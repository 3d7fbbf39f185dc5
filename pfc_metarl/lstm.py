"""LSTMs and linear read-outs for many replicas at once.

All replicas are held in one module: every parameter has the network as its leading axis, so that
eight networks take a step in one batched matrix product. Replicas share nothing else.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

INITIALISATION = 0  # stream of random numbers; training and test have their own (rollout.py)


class State(NamedTuple):
    """What an LSTM carries from step to step; both (network, episode, unit)."""

    hidden: Tensor
    cell: Tensor


def random_weights(seeds: Sequence[int], stream: int, shape: tuple[int, int], scale: float) -> Tensor:
    """Normal weights (network, *shape) with s.d. scale, each network's drawn from its own seed (and stream)."""
    rngs = [np.random.default_rng([seed, INITIALISATION, stream]) for seed in seeds]
    return torch.from_numpy(np.stack([rng.normal(0, scale, shape) for rng in rngs]).astype(np.float32))


def _per_network(x: Tensor, weight: Tensor) -> Tensor:
    """(time, network, episode, input) times (network, input, output): one batched product with network as batch."""
    return torch.einsum("tnbi,nio->tnbo", x, weight)


class LSTM(nn.Module):
    """Replicated LSTM without peepholes, with a learned initial state.

    Gates are stored in the order output, input, forget, candidate:

        o, i, f = sigmoid(x W_x + h W_h + b),  g = tanh(x W_x + h W_h + b)
        c' = f c + i g,  h' = o tanh(c')

    Our choices, the paper is silent: input weights standard normal, as for any embedding of one-hot inputs
    (with small ones all observations look alike at first, and networks spend most of their training on
    learning to fixate); recurrent weights normal with s.d. 1/sqrt(units); biases 0 but for the forget
    gate's, 1 (the usual default of TensorFlow, which the paper used); the initial state starts at 0.

    Args:
        seeds: one per network; a network's weights depend on its own seed alone.
        inputs: size of the input vector.
        units: number of LSTM units.
        input_scale: s.d. of the initial input weights.
        stream: tells apart several LSTMs of one network.
    """

    def __init__(
        self, seeds: Sequence[int], inputs: int, units: int, input_scale: float = 1.0, stream: int = 0
    ) -> None:
        super().__init__()
        input_weight = random_weights(seeds, 2 * stream, (inputs, 4 * units), input_scale)
        hidden_weight = random_weights(seeds, 2 * stream + 1, (units, 4 * units), units**-0.5)
        self.units = units
        self.input_weight = nn.Parameter(input_weight)  # (network, input, 4 units)
        self.hidden_weight = nn.Parameter(hidden_weight)  # (network, unit, 4 units)
        self.bias = nn.Parameter(torch.zeros(len(seeds), 1, 4 * units))
        self.initial_hidden = nn.Parameter(torch.zeros(len(seeds), 1, units))
        self.initial_cell = nn.Parameter(torch.zeros(len(seeds), 1, units))
        with torch.no_grad():
            self.bias[..., 2 * units : 3 * units] = 1.0

    def initial_state(self, episodes: int) -> State:
        """The learned state at an episode's start, for so many episodes per network."""
        size = (-1, episodes, -1)
        return State(self.initial_hidden.expand(size), self.initial_cell.expand(size))

    def step(self, inputs: Tensor, state: State) -> State:
        """One step, without gradients: inputs (network, episode, input)."""
        units = self.units
        gates = torch.baddbmm(self.bias.expand(-1, inputs.shape[1], -1), inputs, self.input_weight)
        gates.baddbmm_(state.hidden, self.hidden_weight)
        o, i, f = gates[..., : 3 * units].sigmoid_().split(units, -1)
        g = gates[..., 3 * units :].tanh_()
        cell = torch.addcmul(f * state.cell, i, g)
        return State(o * torch.tanh(cell), cell)

    def forward(self, inputs: Tensor, state: State) -> Tensor:
        """All steps of an unroll: inputs (time, network, episode, input) -> hidden (time, network, episode, unit)."""
        return _Unroll.apply(inputs, self.input_weight, self.hidden_weight, self.bias, *state)


class _Unroll(torch.autograd.Function):
    """The LSTM through time with its gradient written out (backpropagation through time).

    Autograd over single steps would take several times as long at this size. What does not depend on
    the recursion (input products, local slopes, weight gradients) is done for all time steps at once;
    the tests compare outputs and gradients with torch.nn.LSTM.
    """

    @staticmethod
    def forward(ctx, inputs, input_weight, hidden_weight, bias, hidden0, cell0):
        units = hidden0.shape[-1]
        gates = _per_network(inputs, input_weight).add_(bias)
        steps, networks, episodes, _ = gates.shape
        hidden = gates.new_empty(steps + 1, networks, episodes, units)
        cell = torch.empty_like(hidden)
        squashed = torch.empty_like(hidden[1:])  # tanh(cell)
        hidden[0], cell[0] = hidden0, cell0
        for h, c, z, h_next, c_next, s in zip(
            hidden.unbind(), cell.unbind(), gates.unbind(), hidden[1:].unbind(), cell[1:].unbind(), squashed.unbind()
        ):
            z.baddbmm_(h, hidden_weight)
            o, i, f = z[..., : 3 * units].sigmoid_().split(units, -1)
            g = z[..., 3 * units :].tanh_()
            torch.mul(f, c, out=c_next).addcmul_(i, g)
            torch.tanh(c_next, out=s)
            torch.mul(o, s, out=h_next)
        ctx.save_for_backward(inputs, input_weight, hidden_weight, gates, hidden, cell, squashed)
        return hidden[1:]

    @staticmethod
    def backward(ctx, grad_hidden):
        inputs, input_weight, hidden_weight, gates, hidden, cell, squashed = ctx.saved_tensors
        steps, networks, episodes, units = squashed.shape
        o, i, f, g = gates.split(units, -1)
        # d(gate before squashing): slopes first, for all steps; the recursion multiplies in the error
        slope = torch.empty_like(gates)
        slope[..., :units] = squashed * o * (1 - o)
        slope[..., units : 2 * units] = g * i * (1 - i)
        slope[..., 2 * units : 3 * units] = cell[:-1] * f * (1 - f)
        slope[..., 3 * units :] = i * (1 - g * g)
        cell_from_hidden = o * (1 - squashed * squashed)
        back = hidden_weight.transpose(1, 2).contiguous()
        d_hidden, d_cell = grad_hidden[-1], torch.zeros_like(squashed[0])
        for t in range(steps - 1, -1, -1):
            d_cell.addcmul_(d_hidden, cell_from_hidden[t])
            d_gates = slope[t]
            by_gate = d_gates.view(networks, episodes, 4, units)
            by_gate[:, :, 0] *= d_hidden
            by_gate[:, :, 1:] *= d_cell.unsqueeze(2)
            d_cell *= f[t]
            d_hidden = torch.baddbmm(grad_hidden[t - 1], d_gates, back) if t else torch.bmm(d_gates, back)

        def by_network(x: Tensor) -> Tensor:  # (time, network, episode, .) -> (network, time x episode, .)
            return x.transpose(0, 1).reshape(networks, steps * episodes, -1)

        d_gates = by_network(slope)
        d_inputs = _per_network(slope, input_weight.transpose(1, 2)) if ctx.needs_input_grad[0] else None
        d_input_weight = torch.bmm(by_network(inputs).transpose(1, 2), d_gates)
        d_hidden_weight = torch.bmm(by_network(hidden[:-1]).transpose(1, 2), d_gates)
        return d_inputs, d_input_weight, d_hidden_weight, d_gates.sum(1, keepdim=True), d_hidden, d_cell


class Head(nn.Module):
    """Replicated linear read-out of the LSTM; starts at 0, so with a uniform policy and values of 0 (our choice)."""

    def __init__(self, networks: int, units: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(networks, units, outputs))
        self.bias = nn.Parameter(torch.zeros(networks, 1, outputs))

    def step(self, hidden: Tensor) -> Tensor:
        """(network, episode, unit) -> (network, episode, output), without gradients."""
        return torch.baddbmm(self.bias, hidden, self.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """(time, network, episode, unit) -> (time, network, episode, output)."""
        return _per_network(hidden, self.weight) + self.bias
