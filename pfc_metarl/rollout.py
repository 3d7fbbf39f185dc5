"""An agent plays episodes of a task."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.dopamine import Stimulation
from pfc_metarl.errors import ConfigError
from pfc_metarl.network import ActorCriticRPE, Agent
from pfc_metarl.tasks import Task

TRAINING, TEST = 1, 2  # streams of random numbers (0 draws the initial weights)


class Carry(NamedTuple):
    """Where a stream stands between two stretches."""

    state: Any
    """The agent's state."""
    reward: Tensor
    """Last reward (network, episode)."""
    action: Tensor
    """Last action (network, episode)."""


class Trajectory(NamedTuple):
    """What a network saw, did and earned; all (time, network, episode, ...)."""

    inputs: Tensor
    """Inputs (..., input); for a stream one step more, the input that follows the last action."""
    actions: Tensor
    """Actions, integers."""
    rewards: Tensor
    """Reward that follows the action."""
    values: Tensor
    """The agent's value before the action."""
    hidden: Tensor
    """Output of the (actor's) LSTM when the action was chosen (..., unit)."""
    active: Tensor | None
    """Whether the episode is still on; None where all last to the end."""
    end: Carry
    """Where it ended, for a stream to go on from."""


def generators(seeds: Sequence[int], stream: int, index: int) -> list[np.random.Generator]:
    """One generator per network for one update (or test): a function of seed, stream and index, nothing to save."""
    return [np.random.default_rng([seed, stream, index]) for seed in seeds]


@torch.no_grad()
def play(
    network: Agent,
    task: Task,
    rngs: Sequence[np.random.Generator],
    episodes: int,
    start: Carry | None = None,
    stimulation: Stimulation | None = None,
    reset_every: int | None = None,
) -> Trajectory:
    """Play whole episodes (or the next stretch of a stream), weights fixed, actions drawn from the softmax policy.

    Args:
        network: the networks.
        task: the task.
        rngs: one generator per network, for the task, then the actions, then the stimulation.
        episodes: number of episodes per network.
        start: where the stream stands; None: at its start.
        stimulation: what is added to the prediction error, and on which event.
        reset_every: after so many steps put the LSTM back to its initial state and withhold the last reward and
            action, as at an episode's start (a lesion of all memory); None: never.

    Raises:
        ConfigError: stimulation of an agent that does not see prediction errors.
    """
    if stimulation is not None and not isinstance(network, ActorCriticRPE):
        raise ConfigError("stimulation acts on prediction errors, which only the agent actor-critic-rpe sees")
    networks, steps = len(rngs), task.steps
    observation = task.begin(rngs, episodes)
    # a draw from the softmax is the arg max of logits plus Gumbel noise, which is -log of an exponential
    noise = torch.from_numpy(
        np.stack([rng.standard_exponential((steps, episodes, task.actions), np.float32) for rng in rngs], axis=1)
    )
    noise.log_().neg_()
    inputs = torch.zeros(steps + task.continues, networks, episodes, network.input_size)
    actions = torch.empty(steps, networks, episodes, dtype=torch.int64)
    rewards, values = torch.empty(2, steps, networks, episodes)
    hidden = torch.empty(steps, networks, episodes, network.lstm.units)
    action: Tensor | None
    state, reward, action = start or (network.start(episodes), torch.zeros(networks, episodes), None)
    if stimulation is not None:
        stimulation.begin(rngs, episodes, steps)
    for t in range(steps):
        if reset_every and t % reset_every == 0:
            state, reward, action = network.start(episodes), torch.zeros(networks, episodes), None
        network.write_inputs(inputs[t], observation, reward, action)
        logits, values[t], state = network.act(inputs[t], state)
        action = torch.argmax(logits + noise[t], -1, out=actions[t])
        observation, reward = task.step(action)
        rewards[t], hidden[t] = reward, state.hidden
        if stimulation is not None and t + 1 < steps:
            inputs[t + 1, ..., -1] = stimulation.added(t, task.events())
    if task.continues:
        network.write_inputs(inputs[steps], observation, reward, action)
    active = None if task.lengths is None else torch.arange(steps).view(-1, 1, 1) < task.lengths
    assert action is not None
    return Trajectory(inputs, actions, rewards, values, hidden, active, Carry(state, reward, action))
