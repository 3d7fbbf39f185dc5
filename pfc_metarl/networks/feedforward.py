"""A network without memory: what it does depends on the observation alone. (What MAML adapts, Finn et al. 2017.)"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pfc_metarl.config import Config
from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll
from pfc_metarl.networks.recurrent import random_weights
from pfc_metarl.tasks.task import Task

Weights = Sequence[Tensor]
"""Of `FeedForward`, in the order of its parameters, each (network, ...)."""


class FeedForward(Agent):
    """Two layers of tanh units, then policy and value, both linear.

    Our choices: weights and biases normal, with s.d. 1 / sqrt(inputs); policy and value start at 0.

    Args:
        seeds, observations, actions, units, continuous: see `Agent`; units of each layer.
        biases: those of the first two layers begin so many times as large; 0: they begin at 0.
    """

    acts_continuously = True

    def __init__(
        self,
        seeds: Sequence[int],
        observations: tuple[int, ...],
        actions: int,
        units: int,
        continuous: bool = False,
        biases: float = 1.0,
    ) -> None:
        super().__init__(seeds, observations, actions, units, continuous)
        widths = (observations[0], units, units, self.action_policy.outputs + 1)
        for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            scale = inputs**-0.5 if layer < 2 else 0.0
            for part, (name, rows, times) in enumerate((("weight", inputs, 1.0), ("bias", 1, biases))):
                drawn = random_weights(seeds, 2 * layer + part, (rows, outputs), times * scale)
                self.register_parameter(f"{name}_{layer}", nn.Parameter(drawn))

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "FeedForward":
        """The agent that a config describes; see `Agent`."""
        return cls(
            seeds, task.observations, task.actions, config.units, task.continuous, getattr(config, "biases", 1.0)
        )

    def start(self, episodes: int) -> State:
        """A state of no numbers."""
        return (torch.zeros(len(self.seeds), episodes, 0, device=self.device),)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        logits, values, activity = run(list(self.parameters()), observation.unsqueeze(0))
        return Step(logits[0], values[0], activity[0], state)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        return run(list(self.parameters()), seen.observations)


def run(weights: Weights, observations: Tensor) -> Unroll:
    """What a network with these weights puts out: observations (time, network, episode, number)."""
    first, first_bias, second, second_bias, last, last_bias = weights
    hidden = torch.tanh(observations @ first + first_bias)
    hidden = torch.tanh(hidden @ second + second_bias)
    out = hidden @ last + last_bias
    return Unroll(out[..., :-1], out[..., -1], hidden)
