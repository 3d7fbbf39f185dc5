"""The LSTM through time, compiled: play, with the task's own step inside, and the gradient of what was played.

Playing stores what the gradient needs, so that the forward pass is computed once. All arrays are float32 and C-ordered,
(network, time, episode, ...). Where nothing is to be learned, what only the gradient needs is kept of a step or two.
The loops know nothing of PyTorch; `pfc_metarl.networks.compiled` puts them under the agents.
"""

import numpy as np

from pfc_metarl.loops import F, kept, kernel, logistic, tanh

ROWS = 64
"""Of the products that give weight gradients: BLAS is fastest where these stay in the innermost cache."""


@kernel
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
    """Last reward and last action, one-hot, into what is seen at the next step."""
    following[:] = 0
    following[0] = reward
    if action >= 0:
        following[1 + action] = 1


@kernel
def play(  # type: ignore[no-untyped-def]
    step, task, endless, steps_per_trial, episodes, trials,
    weights, wp, bp, wv, bv, discount, steps, noise, given, event, stimulus,
    seen, cell, gates, squashed, last_value, begun, added, logits, values, actions, rewards, active,
):  # fmt: skip
    """Play episodes.

    Either one layer gives policy and value; or there are two, the first of which, the actor, sees in place of the last
    reward the prediction error that the values of the second, the critic, give (see `ActorCriticRPE`).

    Args:
        step, task, endless, steps_per_trial, episodes, trials: the task's step, and what it takes (see `stepper`).
        weights: of the layers, by what is seen (layer, network, seen, gate x unit).
        wp, bp, wv, bv: of the first layer's read-out, which begins with the policy, and of the last one's, which ends
            with the value: (network, output, unit) and (network, output).
        discount: gamma, of the prediction error.
        steps: to be played; where `values` has one more, that of the state that follows is filled in.
        noise: added to the logits, of which the action is the arg max (network, time, episode, action).
        given: the actions of somebody who is followed, -1 for none (network, time, episode); or no time steps.
        event, stimulus: number of the event that is stimulated, and what is then added to the next prediction error
            (time, network, episode).
        seen: by each layer (layer, network, time, episode, seen): observation, last reward, last action (one-hot), 1
            (its weight is the bias), and the layer's own output at the step before; given are all ones, what the last
            layer sees at first, and each layer's output before that.
        cell: (layer, network, time, episode, unit), before each step; the first are given.
        gates, squashed: (layer, network, time, episode, ...), filled in for the gradient.
        last_value, begun: the value before and whether there was one (network, episode), kept up to date.
        added: to the prediction errors (network, time + 1, episode); the first are given.
        logits, values, actions, rewards, active: filled in.
    """
    layers, networks, _, size, _ = seen.shape
    number, critic, ring = logits.shape[3], layers - 1, cell.shape[2]
    own = seen.shape[4] - cell.shape[4]  # where a layer's own output begins
    told = own - 2 - number  # where last reward and last action begin
    for n in range(networks):
        for t in range(values.shape[1]):
            for layer in range(critic, -1, -1):
                if layer < critic:
                    for e in range(size):
                        seen[layer, n, t, e, : own - 1] = seen[critic, n, t, e, : own - 1]
                        error = seen[critic, n, t, e, told] + discount * values[n, t, e] - last_value[n, e]
                        seen[layer, n, t, e, told] = begun[n, e] * error + added[n, t, e]
                        last_value[n, e], begun[n, e] = values[n, t, e], F(1)
                z, tops = gates[layer, n, t % gates.shape[2]], squashed[layer, n, t % gates.shape[2]]
                np.dot(seen[layer, n, t], weights[layer, n], z)
                for e in range(size):
                    c, c_new, h = (
                        cell[layer, n, t % ring, e],
                        cell[layer, n, (t + 1) % ring, e],
                        seen[layer, n, t + 1, e],
                    )
                    squash(z[e], c, c_new, tops[e], h[own:])
                    if layer == critic:
                        values[n, t, e] = read_out(h[own:], wv[n, -1]) + bv[n, -1]
            if t < steps:
                for e in range(size):
                    following, episode = seen[critic, n, t + 1, e], episodes[n, e]
                    action = choose(seen[0, n, t + 1, e, own:], wp[n], bp[n], noise[n, t, e], logits[n, t, e])
                    if given.shape[1]:
                        action = given[n, t, e]
                    active[n, t, e] = not episode.over
                    reward = step(task, endless, steps_per_trial, episode, trials[n, e], action, following[:told])
                    tell(following[told : own - 1], reward, action)
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


@kernel
def slopes(gates, c, squashed, of_h, of_c, d):  # type: ignore[no-untyped-def]
    """From the error of an LSTM's output and cell to those of its gates, before squashing, and of the cell before.

    (In one loop there would be too many arrays for the compiler to tell that they do not overlap.)"""
    units = c.shape[0]
    o, i, f, g = gates[:units], gates[units : 2 * units], gates[2 * units : 3 * units], gates[3 * units :]
    d_o, d_i, d_f, d_g = d[:units], d[units : 2 * units], d[2 * units : 3 * units], d[3 * units :]
    for j in range(units):
        d_o[j] = of_h[j] * squashed[j] * o[j] * (F(1) - o[j])
    for j in range(units):
        of_c[j] += of_h[j] * o[j] * (F(1) - squashed[j] * squashed[j])
    for j in range(units):
        d_i[j] = of_c[j] * g[j] * i[j] * (F(1) - i[j])
    for j in range(units):
        d_f[j] = of_c[j] * c[j] * f[j] * (F(1) - f[j])
    for j in range(units):
        d_g[j] = of_c[j] * i[j] * (F(1) - g[j] * g[j])
    for j in range(units):
        of_c[j] *= f[j]


@kernel
def add_product(x, d, product, total):  # type: ignore[no-untyped-def]
    """Add x^T d, of (step, episode, ...) each, to a total; the product is room for it."""
    rows = x.shape[0] * x.shape[1]
    np.dot(x.reshape(rows, x.shape[2]).T, d.reshape(rows, d.shape[2]), product)
    for i in range(total.shape[0]):
        own, its = total[i], product[i]
        for j in range(total.shape[1]):
            own[j] += its[j]


@kept
def through_time(  # type: ignore[no-untyped-def]
    d_out, first, read, seen, cell, gates, squashed, weights, d_h, d_c, d_weights, d_read
):
    """Backpropagation through time of one layer.

    Args:
        d_out: by all that is read out (network, time, episode, output).
        first, read: the first output that is read out of this layer, and its weights (network, output, unit).
        seen, cell, gates, squashed: as played.
        weights: as in `play`.
        d_h, d_c: by the state before the first step (network, episode, unit).
        d_weights: by the weights.
        d_read: by the weights of all that is read out (network, seen, output), as if it were read out of what is seen
            at the next step. All four are filled in, and zeros at the call.
    """
    networks, steps, size, outputs = d_out.shape
    units, width = cell.shape[3], seen.shape[3]
    chunk = max(1, ROWS // size)
    d_gates = np.empty((chunk, size, 4 * units), F)
    of_weights, of_read = np.empty((width, 4 * units), F), np.empty((width, outputs), F)
    for n in range(networks):
        back, dh, dc = weights[n, width - units :].T, d_h[n], d_c[n]
        for end in range(steps, 0, -chunk):
            begin = max(0, end - chunk)
            for t in range(end - 1, begin - 1, -1):
                for e in range(size):
                    of_h = dh[e]
                    for k in range(read.shape[1]):
                        d, w = d_out[n, t, e, first + k], read[n, k]
                        for j in range(units):
                            of_h[j] += d * w[j]
                    slopes(gates[n, t, e], cell[n, t, e], squashed[n, t, e], of_h, dc[e], d_gates[t - begin, e])
                np.dot(d_gates[t - begin], back, dh)
            add_product(seen[n, begin:end], d_gates[: end - begin], of_weights, d_weights[n])
            add_product(seen[n, begin + 1 : end + 1], d_out[n, begin:end], of_read, d_read[n])
