"""The LSTM through time, compiled: one network plays episodes, with the task's own step inside.

Playing stores what the gradient needs, so that the forward pass is computed once. All arrays are float32 and C-ordered,
(time, episode, ...). Where nothing is to be learned, what only the gradient needs is kept of a step or two. The loops
know nothing of PyTorch; `pfc_metarl.networks.compiled` puts them under the agents.
"""

import numpy as np

from pfc_metarl.loops import F, kept, logistic, tanh
from pfc_metarl.tasks.task import EVENT, OVER

RAISED = "the task raised an error; NUMBA_DISABLE_JIT=1 in the environment shows it"


@kept
def squash(gates, c, c_new, squashed, h_new):  # type: ignore[no-untyped-def]
    """The rest of an LSTM's step in one episode; gates in the order output, input, forget, candidate (see `LSTM`)."""
    units = c.shape[0]  # slices, for the compiler vectorises loops whose indices it knows not to be negative
    o, i, f, g = gates[:units], gates[units : 2 * units], gates[2 * units : 3 * units], gates[3 * units :]
    for j in range(units):
        of_o, of_i, of_f, of_g = logistic(o[j]), logistic(i[j]), logistic(f[j]), tanh(g[j])
        of_c = of_f * c[j] + of_i * of_g
        top = tanh(of_c)
        o[j], i[j], f[j], g[j] = of_o, of_i, of_f, of_g
        c_new[j], squashed[j], h_new[j] = of_c, top, of_o * top


@kept
def copy(numbers, to):  # type: ignore[no-untyped-def]
    """Into the first places. (An assignment of slices takes numba a second or two to compile, for its messages.)"""
    for i in range(numbers.shape[0]):
        to[i] = numbers[i]


@kept
def read_out(h, w):  # type: ignore[no-untyped-def]
    """One output of a linear read-out, without its bias."""
    z = F(0)
    for j in range(h.shape[0]):
        z += h[j] * w[j]
    return z


@kept
def choose(h, w, b, noise, logits):  # type: ignore[no-untyped-def]
    """Fill in the logits, and draw from the softmax: the arg max of logits plus Gumbel noise."""
    best, action = F(-np.inf), 0
    for a in range(logits.shape[0]):
        logits[a] = read_out(h, w[a]) + b[a]
        if logits[a] + noise[a] > best:
            best, action = logits[a] + noise[a], a
    return action


@kept
def tell(following, reward, action):  # type: ignore[no-untyped-def]
    """Last reward and last action, one-hot, into what is seen at the next step."""
    following[:] = 0
    following[0] = reward
    if action >= 0:
        following[1 + action] = 1


@kept
def hear(seen, weights, cell, begins, start, out):  # type: ignore[no-untyped-def]
    """One layer of one network hears what is given, say what others saw.

    Args:
        seen: (time + 1, episode, seen) as in `play`; the layer's own outputs after the first are filled in.
        weights: (seen, gate x unit).
        cell: (2, episode, unit), of which the first is that before the first step.
        begins: (time, episode), whether an episode begins: then output and cell before it are `start` (2, unit).
        out: the layer's outputs (time, episode, unit), filled in.
    """
    steps, size = begins.shape
    units = cell.shape[2]
    own = seen.shape[2] - units
    gates, tops = np.empty((size, 4 * units), F), np.empty(units, F)
    for t in range(steps):
        for e in range(size):
            if begins[t, e]:
                copy(start[0], seen[t, e, own:])
                copy(start[1], cell[t % 2, e])
        np.dot(seen[t], weights, gates)
        for e in range(size):
            squash(gates[e], cell[t % 2, e], cell[(t + 1) % 2, e], tops, out[t, e])
            copy(out[t, e], seen[t + 1, e, own:])


@kept
def play(  # type: ignore[no-untyped-def]
    step, episodes, trials, weights, read, bias, discount, noise, given, event, stimulus, seen, cell, gates, squashed,
    last_value, begun, added, logits, values, actions, rewards, active,
):  # fmt: skip
    """One network plays episodes.

    Either one layer gives policy and value; or there are two, the first of which, the actor, sees in place of the last
    reward the prediction error that the values of the second, the critic, give (see `ActorCriticRPE`).

    Args:
        step: of the task (see `see_and_step`).
        episodes, trials: records of the episodes and of their trials, as bytes (episode, byte).
        weights: of the layers, by what is seen (layer, seen, gate x unit).
        read, bias: of the outputs, (output, unit) and (output,): the policy, read out of the first layer, and last the
            value, read out of the last one.
        discount: gamma, of the prediction error.
        noise: added to the logits, of which the action is the arg max (time, episode, action).
        given: the actions of somebody who is followed, -1 for none (time, episode); or no time steps.
        event, stimulus: number of the event that is stimulated, and what is then added to the next prediction error
            (time, episode); or no time steps.
        seen: by each layer (layer, time, episode, seen): observation, last reward, last action (one-hot), 1 (its weight
            is the bias), and the layer's own output at the step before; given are all ones, what the last layer sees at
            first, and each layer's output before that.
        cell: (layer, time, episode, unit), before each step; the first are given.
        gates, squashed: (layer, time, episode, ...), filled in for the gradient.
        last_value, begun: the value before and whether there was one (episode,), kept up to date.
        added: to the prediction errors (time + 1, episode); the first are given.
        logits, actions, rewards, active: filled in.
        values: filled in; where there is one more than there are steps, with that of the state that follows.
    """
    layers, _, size, _ = seen.shape
    steps, number, critic, ring = logits.shape[0], logits.shape[2], layers - 1, cell.shape[1]
    own = seen.shape[3] - cell.shape[3]  # where a layer's own output begins
    told = own - 2 - number  # where last reward and last action begin
    for t in range(values.shape[0]):
        for layer in range(critic, -1, -1):
            if layer < critic:
                for e in range(size):
                    copy(seen[critic, t, e, : own - 1], seen[layer, t, e])
                    error = seen[critic, t, e, told] + discount * values[t, e] - last_value[e]
                    seen[layer, t, e, told] = begun[e] * error + added[t, e]
                    last_value[e], begun[e] = values[t, e], F(1)
            z, tops = gates[layer, t % gates.shape[1]], squashed[layer, t % gates.shape[1]]
            np.dot(seen[layer, t], weights[layer], z)
            for e in range(size):
                h = seen[layer, t + 1, e, own:]
                squash(z[e], cell[layer, t % ring, e], cell[layer, (t + 1) % ring, e], tops[e], h)
                if layer == critic:
                    values[t, e] = read_out(h, read[number]) + bias[number]
        if t < steps:
            for e in range(size):
                actions[t, e] = choose(seen[0, t + 1, e, own:], read, bias, noise[t, e], logits[t, e])
                if given.shape[0]:
                    actions[t, e] = given[t, e]
                active[t, e] = not episodes[e, OVER]
            if not step(episodes.ctypes, trials.ctypes, trials.shape[1], actions[t], seen[critic, t + 1], rewards[t]):
                raise RuntimeError(RAISED)
            for e in range(size):
                tell(seen[critic, t + 1, e, told : own - 1], rewards[t, e], actions[t, e])
                added[t + 1, e] = stimulus[t, e] if stimulus.shape[0] and episodes[e, EVENT] == event else F(0)
