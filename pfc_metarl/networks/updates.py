"""Several updates of several networks in one compiled call: play, gradient, clipping, RMSProp.

Whatever a network learns lies side by side in one row of numbers, in the order of `Compiled.in_order`: of each layer
the weights by what it sees (seen, gate x unit); of each layer its read-out (unit, output) and biases; and the state of
each layer at an episode's start, output and cell. So do gradients and mean squares.
"""

from typing import NamedTuple

import numpy as np

from pfc_metarl.loops import F, kept
from pfc_metarl.networks.gradients import errors, through_time
from pfc_metarl.networks.kernels import RAISED, copy, play
from pfc_metarl.tasks.task import TIME


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
    trace_decay: float
    state_value_cost: float
    decay: float
    epsilon: float
    clip: float
    lowest: float
    highest: float


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


class Room(NamedTuple):
    """For what one update of one network computes; see `play` and `through_time`."""

    seen: np.ndarray
    cell: np.ndarray
    gates: np.ndarray
    squashed: np.ndarray
    added: np.ndarray
    logits: np.ndarray
    values: np.ndarray
    actions: np.ndarray
    active: np.ndarray
    read: np.ndarray
    bias: np.ndarray
    d_out: np.ndarray
    d_h: np.ndarray
    d_c: np.ndarray
    d_read: np.ndarray


@kept
def outputs(shape, layer):  # type: ignore[no-untyped-def]
    """How many outputs are read out of a layer: of a single one policy and value, of two one from each."""
    if shape.layers == 1:
        return shape.actions + 1
    return shape.actions if layer == 0 else 1


@kept
def seen_by(shape):  # type: ignore[no-untyped-def]
    """Size of what a layer sees: observation, last reward, last action, 1, its own output."""
    return shape.shown + 2 + shape.actions + shape.units


@kept
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


@kept
def room_for(shape, steps, told, size):  # type: ignore[no-untyped-def]
    """Room for so many steps of play, and so many that are told (one more, where episodes go on)."""
    layers, units, number, width = shape.layers, shape.units, shape.actions, seen_by(shape)
    seen = np.empty((layers, told + 1, size, width), F)
    seen[:, :, :, width - units - 1] = 1
    return Room(
        seen,
        np.empty((layers, told + 1, size, units), F),
        np.empty((layers, told, size, 4 * units), F),
        np.empty((layers, told, size, units), F),
        np.zeros((steps + 1, size), F),
        np.empty((steps, size, number), F),
        np.empty((told, size), F),
        np.empty((steps, size), np.int64),
        np.empty((steps, size), np.bool_),
        np.empty((number + 1, units), F),
        np.empty(number + 1, F),
        np.empty((steps, size, number + 1), F),
        np.empty((size, units), F),
        np.empty((size, units), F),
        np.empty((width, number + 1), F),
    )


@kept
def begin(see, episodes, trials, shape, numbers, starts, fresh, state, told, room):  # type: ignore[no-untyped-def]
    """Fill in what is seen first: that of an episode's start, or where the last update ended."""
    units, top, own = shape.units, shape.layers - 1, seen_by(shape) - shape.units
    if not see(episodes.ctypes, trials.ctypes, trials.shape[1], room.seen[top, 0]):
        raise RuntimeError(RAISED)
    for e in range(episodes.shape[0]):
        for layer in range(shape.layers):
            if fresh:
                start = starts + 2 * units * layer
                copy(numbers[start : start + units], state[layer, 0, e])
                copy(numbers[start + units : start + 2 * units], state[layer, 1, e])
            copy(state[layer, 0, e], room.seen[layer, 0, e, own:])
            copy(state[layer, 1, e], room.cell[layer, 0, e])
        copy(told[e], room.seen[top, 0, e, shape.shown :])


@kept
def go_on_from(before, now):  # type: ignore[no-untyped-def]
    """Copy records of episodes (episode, byte), and set their field time, 8 bytes, to 0."""
    for e in range(now.shape[0]):
        copy(before[e], now[e])
        now[e, TIME : TIME + 8] = 0


@kept
def end(shape, room, state, told, value):  # type: ignore[no-untyped-def]
    """Keep where the update ended, for the next to go on from."""
    steps, top, own = room.logits.shape[0], shape.layers - 1, seen_by(shape) - shape.units
    for e in range(value.shape[0]):
        value[e] = room.values[steps - 1, e]
        copy(room.seen[top, steps, e, shape.shown : own - 1], told[e])
        for layer in range(shape.layers):
            copy(room.seen[layer, steps, e, own:], state[layer, 0, e])
            copy(room.cell[layer, steps, e], state[layer, 1, e])


@kept
def backward(shape, room, weights, start_counts, gradient):  # type: ignore[no-untyped-def]
    """From the gradient by what is read out to that of a network's row.

    Args:
        shape, room: as played.
        weights: of the layers (layer, seen, gate x unit).
        start_counts: whether the episodes' start is learned, and they have begun in this update.
        gradient: filled in.
    """
    units, width, of_layers = shape.units, seen_by(shape), weights.size
    by_layer = gradient[:of_layers].reshape(weights.shape)
    at, first, start = of_layers, 0, gradient.shape[0] - 2 * units * shape.layers
    for layer in range(shape.layers):
        count = outputs(shape, layer)
        through_time(
            room.d_out, first, room.read[first : first + count], room.seen[layer], room.cell[layer], room.gates[layer],
            room.squashed[layer], weights[layer], room.d_h, room.d_c, by_layer[layer], room.d_read,
        )  # fmt: skip
        for k in range(count):
            for j in range(units):
                gradient[at + j * count + k] = room.d_read[width - units + j, first + k]
            gradient[at + units * count + k] = room.d_read[width - units - 1, first + k]
        for j in range(units):
            of_h, of_c = F(0), F(0)
            for e in range(room.d_h.shape[0]):
                of_h, of_c = of_h + room.d_h[e, j], of_c + room.d_c[e, j]
            gradient[start + j] = of_h if start_counts else F(0)
            gradient[start + units + j] = of_c if start_counts else F(0)
        at, first, start = at + (units + 1) * count, first + count, start + 2 * units


@kept
def descend(weights, mean_square, gradient, rate, rules):  # type: ignore[no-untyped-def]
    """Clip a network's gradient and take a step of RMSProp (see `RMSProp`), unless it is not finite; returns whether.

    The gradient is left as it was clipped."""
    total = F(0)
    for i in range(gradient.shape[0]):
        total += gradient[i] * gradient[i]
    norm = np.sqrt(total)
    if np.isinf(norm):  # in single precision squares overflow where numbers do not yet
        exact = 0.0
        for i in range(gradient.shape[0]):
            exact += np.float64(gradient[i]) * np.float64(gradient[i])
        norm = F(np.sqrt(exact))
    if not np.isfinite(norm):
        return False
    scale = min(F(1), rules.clip / norm)
    kept, new = rules.decay, F(1) - rules.decay
    for i in range(gradient.shape[0]):
        gradient[i] *= scale
        mean_square[i] = kept * mean_square[i] + new * gradient[i] * gradient[i]
        weights[i] -= rate * gradient[i] / (np.sqrt(mean_square[i]) + rules.epsilon)
    return True


@kept
def train(  # type: ignore[no-untyped-def]
    see, step, goes_on, begun, episodes, trials, noise, shape, rules, rates, entropy_costs, weights, mean_square,
    gradient, standing, rewards, losses,
):  # fmt: skip
    """Train networks, one after the other, for some updates.

    Args:
        see, step: of the task (see `see_and_step`).
        goes_on: whether episodes go on from update to update, and `begun`, whether they have before the first.
        episodes, trials: records of all updates, at their start, as bytes (network, update x episode, byte).
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
    networks, updates, steps, size, _ = noise.shape
    room = room_for(shape, steps, steps + (1 if goes_on else 0), size)
    nobody, nothing = np.empty((0, size), np.int64), np.empty((0, size), F)
    of_layers = shape.layers * seen_by(shape) * 4 * shape.units
    for n in range(networks):
        by_layer = weights[n, :of_layers].reshape(shape.layers, seen_by(shape), 4 * shape.units)
        state, told, value, was = standing.state[n], standing.told[n], standing.value[n], standing.begun[n]
        for u in range(updates):
            now, its = episodes[n, u * size : (u + 1) * size], trials[n, u * size : (u + 1) * size]
            fresh = not goes_on or (u == 0 and not begun)
            if fresh:
                told[:], value[:], was[:] = 0, 0, 0
            elif u > 0:
                go_on_from(episodes[n, (u - 1) * size : u * size], now)
            starts = read_outs(weights[n], shape, room.read, room.bias)
            begin(see, now, its, shape, weights[n], starts, fresh, state, told, room)
            play(
                step, now, its, by_layer, room.read, room.bias, rules.discount,
                noise[n, u], nobody, np.int64(-1), nothing, room.seen, room.cell, room.gates, room.squashed, value, was,
                room.added, room.logits, room.values, room.actions, rewards[n, u], room.active,
            )  # fmt: skip
            end(shape, room, state, told, value)
            losses[n, u] = errors(
                room.logits, room.values, room.actions, rewards[n, u], room.active, rules.discount,
                rules.trace_decay, rules.state_value_cost, entropy_costs[u], rules.lowest, rules.highest, room.d_out,
            )  # fmt: skip
            backward(shape, room, by_layer, fresh and shape.learned_start, gradient[n])
            finite = np.isfinite(losses[n, u])
            if not (finite and descend(weights[n], mean_square[n], gradient[n], rates[u], rules)):
                losses[n, u:] = np.nan
                break
