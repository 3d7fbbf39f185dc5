"""The LSTM through time, compiled: play, with the task's own step inside, and the gradient of what was played.

Playing stores what the gradient needs, so that the forward pass is computed once. All arrays are float32 and C-ordered,
(network, time, episode, ...). Where nothing is to be learned, what only the gradient needs is kept of a step or two.
The loops know nothing of PyTorch; `pfc_metarl.networks.compiled` puts them under the agents.
"""

import numba
import numpy as np

F = np.float32
FAST = {"contract", "reassoc", "nsz", "arcp", "afn"}
"""Liberties that the compiler may take with rounding; not that no number is NaN: divergence must be seen."""
kernel = numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
kept = numba.njit(nogil=True, error_model="numpy", fastmath=FAST, cache=True)
"""The same, kept on disk: for what knows no task."""


@numba.njit(error_model="numpy", fastmath=FAST, inline="always")
def tanh(x):  # type: ignore[no-untyped-def]
    """A rational approximation to about 2e-7 (coefficients of Eigen's), which the compiler can vectorise."""
    x = min(max(x, F(-7.90531110763549805)), F(7.90531110763549805))
    y = x * x
    p = F(-2.76076847742355e-16)
    p = p * y + F(2.00018790482477e-13)
    p = p * y + F(-8.60467152213735e-11)
    p = p * y + F(5.12229709037114e-08)
    p = p * y + F(1.48572235717979e-05)
    p = p * y + F(6.37261928875436e-04)
    p = p * y + F(4.89352455891786e-03)
    q = F(1.19825839466702e-06)
    q = q * y + F(1.18534705686654e-04)
    q = q * y + F(2.26843463243900e-03)
    q = q * y + F(4.89352518554385e-03)
    return x * p / q


@kernel
def lstm_step(x, h, c, wx, wh, b, from_x, gates, h_new, c_new, squashed):  # type: ignore[no-untyped-def]
    """One step of one network's episodes; gates in the order output, input, forget, candidate (see `LSTM`)."""
    units = h.shape[1]
    np.dot(h, wh, gates)
    np.dot(x, wx, from_x)
    for e in range(h.shape[0]):
        z, y = gates[e], from_x[e]
        for j in range(3 * units):
            z[j] = F(0.5) + F(0.5) * tanh(F(0.5) * (z[j] + y[j] + b[j]))
        for j in range(3 * units, 4 * units):
            z[j] = tanh(z[j] + y[j] + b[j])
        for j in range(units):
            c_new[e, j] = z[2 * units + j] * c[e, j] + z[units + j] * z[3 * units + j]
        for j in range(units):
            squashed[e, j] = tanh(c_new[e, j])
        for j in range(units):
            h_new[e, j] = z[j] * squashed[e, j]


@kernel
def play(  # type: ignore[no-untyped-def]
    step, task, endless, steps_per_trial, episodes, trials,
    wx, wh, b, wo, bo, steps, noise,
    inputs, hidden, cell, gates, squashed, logits, values, actions, rewards, active,
):  # fmt: skip
    """Play the prefrontal networks' episodes.

    Args:
        step, task, endless, steps_per_trial, episodes, trials: the task's step and what it takes (see `stepper`).
        wx, wh, b, wo, bo: weights (network, ...); of the read-outs (network, output, unit), the value last.
        steps: to be played; where `values` has one more, that of the state that follows is filled in.
        noise: added to the logits, of which the action is the arg max (network, time, episode, action).
        inputs: (network, time + 1, episode, input); the first step's are given.
        hidden, cell: (network, time + 1, episode, unit), before each step; the first are given.
        gates, squashed: filled in, for the gradient.
        logits, values, actions, rewards, active: filled in.
    """
    networks, _, size, number = logits.shape
    seen = inputs.shape[3] - 1 - number
    from_x = np.empty((size, wh.shape[2]), F)
    for n in range(networks):
        for t in range(values.shape[1]):
            k, ring, h_new = t % gates.shape[1], cell.shape[1], hidden[n, t + 1]
            c, c_new = cell[n, t % ring], cell[n, (t + 1) % ring]
            state = (inputs[n, t], hidden[n, t], c, wx[n], wh[n], b[n], from_x)
            lstm_step(*state, gates[n, k], h_new, c_new, squashed[n, k])
            for e in range(size):
                he, best, action = h_new[e], F(-np.inf), 0
                for a in range(number + 1):
                    z, w = F(0), wo[n, a]
                    for j in range(he.shape[0]):
                        z += he[j] * w[j]
                    z += bo[n, a]
                    if a == number:
                        values[n, t, e] = z
                    elif t < steps:
                        logits[n, t, e, a] = z
                        z += noise[n, t, e, a]
                        if z > best:
                            best, action = z, a
                if t < steps:
                    following = inputs[n, t + 1, e]
                    actions[n, t, e] = action
                    active[n, t, e] = not episodes[n, e].over
                    told = (episodes[n, e], trials[n, e], action, following[:seen])
                    rewards[n, t, e] = step(task, endless, steps_per_trial, *told)
                    following[seen] = rewards[n, t, e]
                    following[seen + 1 :] = 0
                    following[seen + 1 + action] = 1


@kept
def errors(  # type: ignore[no-untyped-def]
    logits, values, actions, rewards, active, bootstrap, discount, value_cost, entropy_cost, d_out, losses
):
    """The gradient of each network's loss (see `pfc_metarl.a2c.loss`) by what is read out, with n-step returns.

    Args:
        logits, values, actions, rewards, active: as played.
        bootstrap: (network, episode), what follows the last step.
        discount, value_cost, entropy_cost: gamma, beta_v, beta_e.
        d_out: by the logits and, last, the value (network, time, episode, output), filled in.
        losses: (network,), filled in.
    """
    networks, steps, size, number = logits.shape
    p, log_p = np.empty(number, F), np.empty(number, F)
    share = F(1) / F(size)
    for n in range(networks):
        losses[n] = 0
        for e in range(size):
            r = bootstrap[n, e]
            for t in range(steps - 1, -1, -1):
                r = rewards[n, t, e] + discount * r
                if not active[n, t, e]:
                    d_out[n, t, e] = 0
                    continue
                delta, z = r - values[n, t, e], logits[n, t, e]
                top, total = z.max(), F(0)
                for a in range(number):
                    p[a] = np.exp(z[a] - top)
                    total += p[a]
                entropy = F(0)
                for a in range(number):
                    p[a] /= total
                    log_p[a] = z[a] - top - np.log(total)
                    entropy -= p[a] * log_p[a]
                chosen = actions[n, t, e]
                for a in range(number):
                    d = p[a] * delta + entropy_cost * p[a] * (log_p[a] + entropy)
                    d_out[n, t, e, a] = share * (d - (delta if a == chosen else F(0)))
                d_out[n, t, e, number] = -share * value_cost * delta
                losses[n] += share * (
                    -log_p[chosen] * delta + F(0.5) * value_cost * delta * delta - entropy_cost * entropy
                )


@kept
def through_time(d_hidden, gates, cell, squashed, back, d_gates, d_h, d_c):  # type: ignore[no-untyped-def]
    """Backpropagation through time of one layer.

    Args:
        d_hidden: by its output, from what reads it (network, time, episode, unit).
        gates, cell, squashed: as played.
        back: recurrent weights, transposed (network, gate x unit, unit).
        d_gates: by the gates before squashing (network, time, episode, gate x unit), filled in.
        d_h, d_c: by the state before the first step (network, episode, unit), filled in; at the call zeros.
    """
    networks, steps, size, units = d_hidden.shape
    d_cell = np.empty(units, F)
    for n in range(networks):
        dh, dc = d_h[n], d_c[n]
        for t in range(steps - 1, -1, -1):
            for e in range(size):
                g, s, c, z = gates[n, t, e], squashed[n, t, e], cell[n, t, e], d_gates[n, t, e]
                of_h, of_c, own = dh[e], dc[e], d_hidden[n, t, e]
                for j in range(units):
                    of_h[j] += own[j]
                for j in range(units):
                    z[j] = of_h[j] * s[j] * g[j] * (F(1) - g[j])
                for j in range(units):
                    d_cell[j] = of_c[j] + of_h[j] * g[j] * (F(1) - s[j] * s[j])
                for j in range(units):
                    z[units + j] = d_cell[j] * g[3 * units + j] * g[units + j] * (F(1) - g[units + j])
                for j in range(units):
                    z[2 * units + j] = d_cell[j] * c[j] * g[2 * units + j] * (F(1) - g[2 * units + j])
                for j in range(units):
                    z[3 * units + j] = d_cell[j] * g[units + j] * (F(1) - g[3 * units + j] * g[3 * units + j])
                for j in range(units):
                    of_c[j] = d_cell[j] * g[2 * units + j]
            np.dot(d_gates[n, t], back[n], dh)
