"""A network plays episodes of a task."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.network import PrefrontalNetwork
from pfc_metarl.tasks import Task

TRAINING, TEST = 1, 2  # streams of random numbers (0 draws the initial weights)


class Trajectory(NamedTuple):
    """What a network saw, did and earned."""

    inputs: Tensor
    """(time, network, episode, input): observation, previous reward, previous action."""
    actions: Tensor
    """(time, network, episode), integers."""
    rewards: Tensor
    """(time, network, episode): reward that follows the action."""
    hidden: Tensor
    """(time, network, episode, unit): LSTM output when the action was chosen."""
    active: Tensor | None
    """(time, network, episode): whether the episode is still on; None where all last to the end."""


def generators(seeds: Sequence[int], stream: int, index: int) -> list[np.random.Generator]:
    """One generator per network for one update (or test): a function of seed, stream and index, nothing to save."""
    return [np.random.default_rng([seed, stream, index]) for seed in seeds]


@torch.no_grad()
def play(
    network: PrefrontalNetwork,
    task: Task,
    rngs: Sequence[np.random.Generator],
    episodes: int,
    reset_every: int | None = None,
) -> Trajectory:
    """Play whole episodes, weights fixed, actions drawn from the softmax policy.

    Args:
        network: the networks.
        task: the task.
        rngs: one generator per network, for the task and then for the actions.
        episodes: number of episodes per network.
        reset_every: after so many steps put the LSTM back to its initial state and withhold the last reward and
            action, as at an episode's start (a lesion of all memory); None: never.
    """
    networks, steps = len(rngs), task.steps
    observation = task.begin(rngs, episodes)
    # a draw from the softmax is the arg max of logits plus Gumbel noise, which is -log of an exponential
    noise = torch.from_numpy(
        np.stack([rng.standard_exponential((steps, episodes, task.actions), np.float32) for rng in rngs], axis=1)
    )
    noise.log_().neg_()
    inputs = torch.zeros(steps, networks, episodes, network.input_size)
    actions = torch.empty(steps, networks, episodes, dtype=torch.int64)
    rewards = torch.empty(steps, networks, episodes)
    hidden = torch.empty(steps, networks, episodes, network.lstm.units)
    state = network.lstm.initial_state(episodes)
    reward, action = torch.zeros(networks, episodes), None
    for t in range(steps):
        if reset_every and t % reset_every == 0:
            state, reward, action = network.lstm.initial_state(episodes), torch.zeros(networks, episodes), None
        network.write_inputs(inputs[t], observation, reward, action)
        logits, state = network.act(inputs[t], state)
        action = torch.argmax(logits.add_(noise[t]), -1, out=actions[t])
        observation, reward = task.step(action)
        rewards[t], hidden[t] = reward, state.hidden
    active = None if task.lengths is None else torch.arange(steps).view(-1, 1, 1) < task.lengths
    return Trajectory(inputs, actions, rewards, hidden, active)
