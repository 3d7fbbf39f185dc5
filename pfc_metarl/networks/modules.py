"""Modules with sparse communication: several small LSTMs that compete for the input (Goyal et al. 2021, "Recurrent
independent mechanisms").

At each step a module attends to the input, or to a null input of zeros; those whose attention to the input is strongest
are active, and the others keep their state. Active modules then read from all by attention.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import State
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.networks.recurrent import Recurrent, random_weights
from pfc_metarl.tasks.task import Task

MODULES, ACTIVE = 6, 4
"""Modules, and how many of them are active at a step (both as published for the copying task)."""


class ModularLSTM(Recurrent):
    """Replicated modules, among which the units are shared out in their order.

    With u units per module, k(x) the keys that the input x has for it, q an offset that is learned (without it nobody
    could attend at first, when states are 0), and a softmax over input and null input, which is a logistic function,

        a = sigmoid(k(x) (h + q) / sqrt(u));  what the LSTM hears: a x

    (section 3; the module's own state as its query, and values that are the LSTM's input weights, are our choice: both
    would be products of two matrices). Of the active ones the output is the LSTM's, plus what it reads: values of all
    modules, weighed by a softmax of its query on their keys, all linear in outputs.

    Recurrent weights inside of modules, and those of reading, are normal with s.d. 1/sqrt(u), q standard normal; else
    see `Recurrent` and `LSTM`.

    Raises:
        ConfigError: units that cannot be shared out.
    """

    gates, states, forget = 5, 2, 2  # of the LSTM: output, input, forget, candidate; and the keys

    def __init__(
        self, seeds: Sequence[int], inputs: int, units: int, learned_start: bool = True, input_scale: float = 1.0
    ) -> None:
        if units % MODULES:
            raise ConfigError(f"units must be a multiple of the {MODULES} modules, not {units}")
        super().__init__(seeds, inputs, units, 0, learned_start, input_scale)
        self.active, self.size = ACTIVE, units // MODULES
        scale = self.size**-0.5
        # (network, unit, gate x unit of its module) and (network, unit, query, key and value of its module)
        self.hidden_weight = nn.Parameter(random_weights(seeds, 1, (units, 4 * self.size), scale))
        self.reading_weight = nn.Parameter(random_weights(seeds, 2, (units, 3 * self.size), scale))
        self.offset = nn.Parameter(random_weights(seeds, 3, (1, units), 1.0))

    @property
    def heard(self) -> tuple[nn.Parameter, ...]:
        """Also by those that read; see `Recurrent`."""
        return self.hidden_weight, self.reading_weight

    def cell(self, gates: Tensor, state: State) -> State:
        """One step; see `Recurrent`."""
        hidden, cell = state
        of_input, keys = gates.split([4 * self.units, self.units], -1)
        attention = self.attention(keys, hidden)
        active = self.strongest(attention).repeat_interleave(self.size, -1)
        heard = attention.repeat_interleave(self.size, -1).repeat(1, 1, 4)
        of_modules = self._products(hidden, self.hidden_weight).unflatten(-1, (4, -1)).transpose(2, 3).flatten(2)
        gates = torch.lerp(self.bias[..., : 4 * self.units], of_input, heard) + of_modules
        o, i, f = gates[..., : 3 * self.units].sigmoid().split(self.units, -1)
        new = torch.addcmul(f * cell, i, gates[..., 3 * self.units :].tanh())
        cell, hidden = torch.where(active, new, cell), torch.where(active, o * torch.tanh(new), hidden)
        return torch.where(active, hidden + self.read(hidden), hidden), cell

    def attention(self, keys: Tensor, hidden: Tensor) -> Tensor:
        """Of each module to the input: (network, episode, module).

        Args:
            keys: of the input, and its bias (network, episode, unit).
            hidden: outputs before the step (network, episode, unit).
        """
        products = keys * (hidden + self.offset)
        return torch.sigmoid(products.unflatten(-1, (MODULES, -1)).sum(-1) / self.size**0.5)

    def strongest(self, attention: Tensor) -> Tensor:
        """Whether a module is among the active ones (..., module)."""
        first = attention.topk(self.active, -1).indices
        return torch.zeros_like(attention, dtype=torch.bool).scatter(-1, first, True)

    def read(self, hidden: Tensor) -> Tensor:
        """What each module reads from all: (network, episode, unit)."""
        query, key, value = self._products(hidden, self.reading_weight).split(self.size, -1)
        weights = torch.softmax(query @ key.transpose(-1, -2) / self.size**0.5, -1)
        return (weights @ value).flatten(2)

    def _products(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """Outputs times weights of their own module: (network, episode, module, output)."""
        by_module = hidden.unflatten(-1, (MODULES, -1)).transpose(1, 2)  # (network, module, episode, unit)
        return (by_module @ weight.unflatten(1, (MODULES, -1))).transpose(1, 2)

    @staticmethod
    def were_active(activity: Tensor, state: State) -> Tensor:
        """Whether each module was active, which is told by whether its output changed.

        Args:
            activity: outputs (time, network, episode, unit), no episode beginning after the first step.
            state: before the first step.

        Returns:
            (time, network, episode, module)
        """
        before = torch.cat([state[0].unsqueeze(0), activity[:-1]])
        return (activity != before).unflatten(-1, (MODULES, -1)).any(-1)


class ModularNetwork(PrefrontalNetwork):
    """The prefrontal network with modules; policy and value are linear in the outputs of all of them."""

    layer = ModularLSTM
    recurrent: ModularLSTM

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "ModularNetwork":
        """The agent that a config describes, whose field active_modules, if it has one, says how many; see `Agent`."""
        network = super().build(config, task, seeds)
        assert isinstance(network, cls)
        network.recurrent.active = getattr(config, "active_modules", ACTIVE)
        return network
