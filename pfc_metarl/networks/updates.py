"""Several updates of several networks in one compiled call: play, gradient, clipping, RMSProp.

Whatever a network learns lies side by side in one row of numbers, in the order of `Compiled.in_order`: of each layer
the weights by what it sees (seen, gate x unit); of each layer its read-out (unit, output) and biases; and the state of
each layer at an episode's start, output and cell. So do gradients and mean squares.
"""

from typing import NamedTuple

import numpy as np

from pfc_metarl.loops import F, kernel
from pfc_metarl.networks.gradients import errors, through_time
from pfc_metarl.networks.kernels import play


class Shape(NamedTuple):
    """Of the networks."""

    layers: int
    shown: int
    """Numbers of the observation."""
    actions: int
    units: int
    learned_start: bool


class Rules(NamedTuple):
    """Of learning, float32; names as in `Config`."""

    discount: float
    state_value_cost: float
    decay: float
    epsilon: float
    clip: float


class Standing(NamedTuple):
    """Where episodes stand that go on from update to update; elsewhere only the shapes count."""

    state: np.ndarray
    """Output and cell (network, layer, 2, episode, unit)."""
    told: np.ndarray
    """Last reward and last action, one-hot (network, episode, 1 + action)."""
    value: np.ndarray
    """The value before, of an actor and a critic (network, episode)."""
    begun: np.ndarray
    """Whether there was one (network, episode)."""


@kernel
def outputs(shape, layer):  # type: ignore[no-untyped-def]
    """How many outputs are read out of a layer: of a single one policy and value, of two one from each."""
    if shape.layers == 1:
        return shape.actions + 1
    return shape.actions if layer == 0 else 1


@kernel
def seen_by(shape):  # type: ignore[no-untyped-def]
    """Size of what a layer sees: observation, last reward, last action, 1, its own output."""
    return shape.shown + 2 + shape.actions + shape.units


@kernel
def read_outs(numbers, shape, read, bias):  # type: ignore[no-untyped-def]
    """Fill in the read-outs (output, unit) and (output,) from a network's row; returns where the states begin."""
    at, first = shape.layers * seen_by(shape) * 4 * shape.units, 0
    for layer in range(shape.layers):
        count = outputs(shape, layer)
        for k in range(count):
            for j in range(shape.units):
                read[first + k, j] = numbers[at + j * count + k]
            bias[first + k] = numbers[at + shape.units * count + k]
        at, first = at + (shape.units + 1) * count, first + count
    return at


@kernel
def descend(weights, mean_square, gradient, rate, rules):  # type: ignore[no-untyped-def]
    """Clip a network's gradient and take a step of RMSProp (see `RMSProp`), unless it is not finite; returns whether.

    The gradient is left as it was clipped."""
    total = F(0)
    for i in range(gradient.shape[0]):
        total += gradient[i] * gradient[i]
    norm = np.sqrt(total)
    if not np.isfinite(norm):
        return False
    scale = min(F(1), rules.clip / norm)
    kept, new = rules.decay, F(1) - rules.decay
    for i in range(gradient.shape[0]):
        gradient[i] *= scale
        mean_square[i] = kept * mean_square[i] + new * gradient[i] * gradient[i]
        weights[i] -= rate * gradient[i] / (np.sqrt(mean_square[i]) + rules.epsilon)
    return True


@kernel
def train(  # type: ignore[no-untyped-def]
    see, step, task, endless, steps_per_trial, goes_on, begun, episodes, trials, noise, shape, rules, rates,
    entropy_costs, weights, mean_square, gradient, standing, rewards, losses,
):  # fmt: skip
    """Train networks, one after the other, for some updates.

    Args:
        see, step, task, endless, steps_per_trial: of the task (see `stepper`).
        goes_on: whether episodes go on from update to update, and `begun`, whether they have before the first.
        episodes, trials: records of all updates (network, update x episode, ...), at their start.
        noise: (network, update, time, episode, action), see `play`.
        shape, rules: of networks and learning.
        rates, entropy_costs: learning rate and beta_e of each update.
        weights, mean_square: (network, number), changed.
        gradient: of the last update, clipped (network, number), filled in.
        standing: where the episodes stand, kept up to date.
        rewards: (network, update, time, episode), filled in.
        losses: (network, update), filled in; from the update on at which loss or gradient is not finite, NaN: nothing
            is learned from there on.
    """
    networks, updates, steps, size, number = noise.shape
    layers, units, width = shape.layers, shape.units, seen_by(shape)
    own, told, top = width - units, steps + (1 if goes_on else 0), shape.layers - 1
    seen, cell = np.empty((layers, told + 1, size, width), F), np.empty((layers, told + 1, size, units), F)
    gates, squashed = np.empty((layers, told, size, 4 * units), F), np.empty((layers, told, size, units), F)
    logits, values, added = (
        np.empty((steps, size, number), F),
        np.empty((told, size), F),
        np.zeros((steps + 1, size), F),
    )
    actions, active = np.empty((steps, size), np.int64), np.empty((steps, size), np.bool_)
    nobody, nothing = np.empty((0, size), np.int64), np.empty((0, size), F)
    read, bias, d_out = (
        np.empty((number + 1, units), F),
        np.empty(number + 1, F),
        np.empty((steps, size, number + 1), F),
    )
    d_h, d_c, d_read = np.empty((size, units), F), np.empty((size, units), F), np.empty((width, number + 1), F)
    seen[:, :, :, own - 1] = 1
    of_layers = layers * width * 4 * units
    for n in range(networks):
        by_layer = weights[n, :of_layers].reshape(layers, width, 4 * units)
        d_by_layer = gradient[n, :of_layers].reshape(layers, width, 4 * units)
        state, last, value, was = standing.state[n], standing.told[n], standing.value[n], standing.begun[n]
        for u in range(updates):
            now, its = episodes[n, u * size : (u + 1) * size], trials[n, u * size : (u + 1) * size]
            starts = read_outs(weights[n], shape, read, bias)
            fresh = not goes_on or (u == 0 and not begun)
            for e in range(size):
                if fresh:
                    last[e], value[e], was[e] = 0, 0, 0
                elif u > 0:
                    now[e] = episodes[n, (u - 1) * size + e]
                    now[e].time = 0
                for layer in range(layers):
                    if fresh:
                        start = starts + 2 * units * layer
                        state[layer, 0, e] = weights[n, start : start + units]
                        state[layer, 1, e] = weights[n, start + units : start + 2 * units]
                    seen[layer, 0, e, own:], cell[layer, 0, e] = state[layer, 0, e], state[layer, 1, e]
                seen[top, 0, e, : shape.shown] = 0
                see(task, now[e], its[e], seen[top, 0, e, : shape.shown])
                seen[top, 0, e, shape.shown : own - 1] = last[e]
            play(
                step, task, endless, steps_per_trial, now, its, by_layer, read, bias, rules.discount, noise[n, u],
                nobody, -1, nothing, seen, cell, gates, squashed, value, was, added, logits, values, actions,
                rewards[n, u], active,
            )  # fmt: skip
            for e in range(size):
                last[e], value[e] = seen[top, steps, e, shape.shown : own - 1], values[steps - 1, e]
                for layer in range(layers):
                    state[layer, 0, e], state[layer, 1, e] = seen[layer, steps, e, own:], cell[layer, steps, e]
            costs = (rules.discount, rules.state_value_cost, entropy_costs[u])
            losses[n, u] = errors(logits, values, actions, rewards[n, u], active, *costs, d_out)
            at, first = of_layers, 0
            for layer in range(layers):
                count = outputs(shape, layer)
                through_time(
                    d_out, first, read[first : first + count], seen[layer], cell[layer], gates[layer], squashed[layer],
                    by_layer[layer], d_h, d_c, d_by_layer[layer], d_read,
                )  # fmt: skip
                for k in range(count):
                    for j in range(units):
                        gradient[n, at + j * count + k] = d_read[own + j, first + k]
                    gradient[n, at + units * count + k] = d_read[own - 1, first + k]
                at, first = at + (units + 1) * count, first + count
                start = starts + 2 * units * layer
                gradient[n, start : start + 2 * units] = 0
                if fresh and shape.learned_start:
                    for e in range(size):
                        for j in range(units):
                            gradient[n, start + j] += d_h[e, j]
                            gradient[n, start + units + j] += d_c[e, j]
            finite = np.isfinite(losses[n, u])
            if not (finite and descend(weights[n], mean_square[n], gradient[n], rates[u], rules)):
                losses[n, u:] = np.nan
                break
