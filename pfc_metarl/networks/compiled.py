"""The compiled loops under the prefrontal network: play and learn without a call of PyTorch in between."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.networks import kernels
from pfc_metarl.networks.agent import State
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.tasks.episodes import Episodes


class Played(NamedTuple):
    """What a play leaves, for the trajectory and for the gradient; arrays are (network, time, episode, ...)."""

    inputs: np.ndarray
    """Observation, last reward and last action, of one step more."""
    hidden: np.ndarray
    """Before each step, and after the last one."""
    cell: np.ndarray
    gates: np.ndarray
    squashed: np.ndarray
    logits: np.ndarray
    values: np.ndarray
    """Of one step more where episodes run on."""
    actions: np.ndarray
    rewards: np.ndarray
    active: np.ndarray
    state: State
    """After the last step."""


def play(
    agent: PrefrontalNetwork, world: Episodes, state: State, inputs: Tensor, noise: np.ndarray, steps: int, learn: bool
) -> Played:
    """Play episodes.

    Args:
        agent: the networks.
        world: the episodes, which are stepped.
        state: of the agent, before the first step.
        inputs: of the first step (network, episode, input).
        noise: added to the logits, of which the action is the arg max (network, time, episode, action).
        steps: to be played.
        learn: whether to keep what the gradient needs.
    """
    task, (networks, size), units = world.task, world.records.shape, agent.units
    wx, wh, b, wo, bo = weights(agent)
    told = steps + task.continues  # one more where episodes run on

    def empty(*shape: int) -> np.ndarray:
        return np.empty((networks, *shape), np.float32)

    hidden, cell = empty(told + 1, size, units), empty(told + 1 if learn else 2, size, units)
    seen = empty(steps + 1, size, inputs.shape[-1])
    seen[:, 0], hidden[:, 0], cell[:, 0] = inputs, state[0], state[1]
    kept = told if learn else 1
    gates, squashed = empty(kept, size, 4 * units), empty(kept, size, units)
    logits, values, rewards = empty(steps, size, agent.actions), empty(told, size), empty(steps, size)
    actions, active = np.empty((networks, steps, size), np.int64), np.empty((networks, steps, size), np.bool_)
    kernels.play(
        world.step_one, task.parameters, world.endless, task.steps_per_trial, world.records, world.trials,
        wx, wh, b, wo, bo, steps, noise,
        seen, hidden, cell, gates, squashed, logits, values, actions, rewards, active,
    )  # fmt: skip
    world.observation[:], world.reward[:] = seen[:, -1, :, : world.observation.shape[-1]], rewards[:, -1]
    after = (torch.from_numpy(hidden[:, steps]), torch.from_numpy(cell[:, steps % cell.shape[1]]))
    return Played(seen, hidden, cell, gates, squashed, logits, values, actions, rewards, active, after)


def learn(
    agent: PrefrontalNetwork, played: Played, begins: Tensor, bootstrap: np.ndarray, discount: float,
    state_value_cost: float, entropy_cost: float,
) -> Tensor:  # fmt: skip
    """Fill in the gradients of the networks' losses.

    Args:
        agent: the networks that played.
        played: what they did, with what the gradient needs.
        begins: whether an episode began with the first step (network, episode).
        bootstrap: what follows the last step (network, episode).
        discount, state_value_cost, entropy_cost: gamma, beta_v, beta_e.

    Returns:
        Losses, (network,).
    """
    wx, wh, b, wo, bo = weights(agent)
    networks, steps, size, number = played.logits.shape
    units = agent.units
    d_out = np.empty((networks, steps, size, number + 1), np.float32)
    losses = np.empty(networks, np.float32)
    costs = (np.float32(discount), np.float32(state_value_cost), np.float32(entropy_cost))
    what = (played.logits, played.values, played.actions, played.rewards, played.active, bootstrap)
    kernels.errors(*what, *costs, d_out, losses)
    rows = steps * size
    d_out = d_out.reshape(networks, rows, number + 1)
    d_hidden = np.matmul(d_out, wo).reshape(networks, steps, size, units)
    d_gates, (d_h, d_c) = (
        np.empty((networks, steps, size, 4 * units), np.float32),
        np.zeros((2, networks, size, units), np.float32),
    )
    back = np.ascontiguousarray(wh.swapaxes(1, 2))
    kernels.through_time(d_hidden, played.gates, played.cell, played.squashed, back, d_gates, d_h, d_c)
    d_gates = d_gates.reshape(networks, rows, 4 * units)

    def sent(x: np.ndarray, d: np.ndarray) -> np.ndarray:
        return np.matmul(x[:, :steps].reshape(networks, rows, -1).swapaxes(1, 2), d)

    at_start = begins.numpy()[..., None]
    gradients = {
        agent.recurrent.input_weight: sent(played.inputs, d_gates),
        agent.recurrent.hidden_weight: sent(played.hidden, d_gates),
        agent.recurrent.bias: d_gates.sum(1, keepdims=True),
        agent.recurrent.initial: np.stack([(d * at_start).sum(1) for d in (d_h, d_c)], axis=1),
        agent.heads.weight: sent(played.hidden[:, 1:], d_out),
        agent.heads.bias: d_out.sum(1, keepdims=True),
    }
    for parameter, gradient in gradients.items():
        if parameter.requires_grad:
            parameter.grad = torch.from_numpy(gradient)
    return torch.from_numpy(losses)


def weights(agent: PrefrontalNetwork) -> tuple[np.ndarray, ...]:
    """Input, recurrent and bias, and of the read-outs (network, output, unit) and bias."""
    layer, heads = agent.recurrent, agent.heads
    wx, wh, b, wo, bo = (p.detach().numpy() for p in (*layer.weights(), heads.weight, heads.bias))
    return wx, wh, b[:, 0], np.ascontiguousarray(wo.swapaxes(1, 2)), bo[:, 0]
