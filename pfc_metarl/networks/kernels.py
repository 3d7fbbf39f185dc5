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
def read_out(h, w):  # type: ignore[no-untyped-def]
    """One output of a linear read-out, without its bias."""
    z = F(0)
    for j in range(h.shape[0]):
        z += h[j] * w[j]
    return z


@kernel
def choose(h, w, b, noise, logits):  # type: ignore[no-untyped-def]
    """Fill in the logits, and draw from the softmax: the arg max of logits plus Gumbel noise."""
    best, action = F(-np.inf), 0
    for a in range(logits.shape[0]):
        logits[a] = read_out(h, w[a]) + b[a]
        if logits[a] + noise[a] > best:
            best, action = logits[a] + noise[a], a
    return action


@kernel
def tell(following, reward, action):  # type: ignore[no-untyped-def]
    """Last reward and last action, one-hot, into the next step's inputs."""
    following[:] = 0
    following[0] = reward
    if action >= 0:
        following[1 + action] = 1


@kernel
def play(  # type: ignore[no-untyped-def]
    step, task, endless, steps_per_trial, episodes, trials,
    wx, wh, b, wp, bp, wv, bv, discount, steps, noise, given, event, stimulus,
    inputs, of_actor, hidden, cell, gates, squashed, last_value, begun, added,
    logits, values, actions, rewards, active,
):  # fmt: skip
    """Play episodes.

    Either one layer gives policy and value; or there are two, the first of which, the actor, sees in place of the last
    reward the prediction error that the values of the second, the critic, give (see `ActorCriticRPE`).

    Args:
        step, task, endless, steps_per_trial, episodes, trials: the task's step, and what it takes (see `stepper`).
        wx, wh, b: weights of the layers (layer, network, ...).
        wp, bp, wv, bv: of policy and value (network, output, unit) and (network, output).
        discount: gamma, of the prediction error.
        steps: to be played; where `values` has one more, that of the state that follows is filled in.
        noise: added to the logits, of which the action is the arg max (network, time, episode, action).
        given: the actions of somebody who is followed, -1 for none (network, time, episode); or no time steps.
        event, stimulus: number of the event that is stimulated, and what is then added to the next prediction error
            (time, network, episode).
        inputs: observation, last reward, last action (network, time + 1, episode, input); the first step's are given.
        of_actor: what the actor sees (network, time, episode, input), filled in where there are two layers.
        hidden, cell: (layer, network, time + 1, episode, unit), before each step; the first are given.
        gates, squashed: (layer, network, time, episode, ...), filled in for the gradient.
        last_value, begun: the value before and whether there was one (network, episode), kept up to date.
        added: to the prediction errors (network, time + 1, episode); the first are given.
        logits, values, actions, rewards, active: filled in.
    """
    layers, (networks, _, size, number) = len(wx), logits.shape
    critic, seen, ring = layers - 1, inputs.shape[3] - 1 - number, cell.shape[2]
    from_x = np.empty((size, wh.shape[3]), F)
    for n in range(networks):
        for t in range(values.shape[1]):
            for layer in range(critic, -1, -1):
                x = inputs[n, t] if layer == critic else of_actor[n, t]
                c, c_new = cell[layer, n, t % ring], cell[layer, n, (t + 1) % ring]
                told = (x, hidden[layer, n, t], c, wx[layer, n], wh[layer, n], b[layer, n], from_x)
                k, h = t % gates.shape[2], hidden[layer, n, t + 1]
                lstm_step(*told, gates[layer, n, k], h, c_new, squashed[layer, n, k])
                if layer == critic:
                    for e in range(size):
                        values[n, t, e] = read_out(h[e], wv[n, 0]) + bv[n, 0]
                if layer > 0:
                    for e in range(size):
                        of_actor[n, t, e] = inputs[n, t, e]
                        error = inputs[n, t, e, seen] + discount * values[n, t, e] - last_value[n, e]
                        of_actor[n, t, e, seen] = begun[n, e] * error + added[n, t, e]
                        last_value[n, e], begun[n, e] = values[n, t, e], F(1)
            if t < steps:
                for e in range(size):
                    following, episode = inputs[n, t + 1, e], episodes[n, e]
                    action = choose(hidden[0, n, t + 1, e], wp[n], bp[n], noise[n, t, e], logits[n, t, e])
                    if given.shape[1]:
                        action = given[n, t, e]
                    active[n, t, e] = not episode.over
                    reward = step(task, endless, steps_per_trial, episode, trials[n, e], action, following[:seen])
                    tell(following[seen:], reward, action)
                    actions[n, t, e], rewards[n, t, e] = action, reward
                    added[n, t + 1, e] = stimulus[t, n, e] if episode.event == event else F(0)


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
