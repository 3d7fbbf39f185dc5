"""The gradient of what one network has played, compiled: of the loss by what is read out, and back through time."""

import numpy as np

from pfc_metarl.loops import F, kept

ROWS = 64
"""Of the products that give weight gradients: BLAS is fastest where these stay in the innermost cache."""


@kept
def errors(  # type: ignore[no-untyped-def]
    logits, values, actions, rewards, active, discount, decay, value_cost, entropy_cost, lowest, highest, d_out
):
    """The gradient of the loss (see `pfc_metarl.a2c.loss`) by what is read out.

    Args:
        logits, values, actions, rewards, active: as played; where there is one value more, it follows the last step.
        discount, decay, value_cost, entropy_cost: gamma, lambda (see `pfc_metarl.a2c.returns`), beta_v, beta_e.
        lowest, highest: between which prediction errors are learned from.
        d_out: by the logits and, last, the value (time, episode, output), filled in.

    Returns:
        The loss.
    """
    steps, size, number = logits.shape
    p, log_p = np.empty(number, F), np.empty(number, F)
    share, loss = F(1) / F(size), F(0)
    for e in range(size):
        r = values[steps, e] if values.shape[0] > steps else F(0)
        following = r
        for t in range(steps - 1, -1, -1):
            r = rewards[t, e] + discount * ((F(1) - decay) * following + decay * r)
            following = values[t, e] if active[t, e] else F(0)
            if not active[t, e]:
                d_out[t, e] = 0
                continue
            delta, z = min(max(r - values[t, e], lowest), highest), logits[t, e]
            top, total = z.max(), F(0)
            for a in range(number):
                p[a] = np.exp(z[a] - top)
                total += p[a]
            entropy = F(0)
            for a in range(number):
                p[a] /= total
                log_p[a] = z[a] - top - np.log(total)
                entropy -= p[a] * log_p[a]
            chosen = actions[t, e]
            for a in range(number):
                d = p[a] * delta + entropy_cost * p[a] * (log_p[a] + entropy)
                d_out[t, e, a] = share * (d - (delta if a == chosen else F(0)))
            d_out[t, e, number] = -share * value_cost * delta
            loss += share * (-log_p[chosen] * delta + F(0.5) * value_cost * delta * delta - entropy_cost * entropy)
    return loss


@kept
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


@kept
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
        d_out: by all that is read out (time, episode, output).
        first, read: the first output that is read out of this layer, and the weights of its own (output, unit).
        seen, cell, gates, squashed, weights: of this layer, as in `play`.
        d_h, d_c: by the state before the first step (episode, unit).
        d_weights: by the weights.
        d_read: by the weights of all that is read out (seen, output), as if it were read out of what is seen at the
            next step. All four are filled in.
    """
    steps, size, outputs = d_out.shape
    units, width = cell.shape[2], seen.shape[2]
    chunk = max(1, ROWS // size)
    d_gates = np.empty((chunk, size, 4 * units), F)
    of_weights, of_read = np.empty((width, 4 * units), F), np.empty((width, outputs), F)
    d_h[:], d_c[:], d_weights[:], d_read[:] = 0, 0, 0, 0
    back = weights[width - units :].T
    for end in range(steps, 0, -chunk):
        begin = max(0, end - chunk)
        for t in range(end - 1, begin - 1, -1):
            for e in range(size):
                of_h = d_h[e]
                for k in range(read.shape[0]):
                    d, w = d_out[t, e, first + k], read[k]
                    for j in range(units):
                        of_h[j] += d * w[j]
                slopes(gates[t, e], cell[t, e], squashed[t, e], of_h, d_c[e], d_gates[t - begin, e])
            np.dot(d_gates[t - begin], back, d_h)
        add_product(seen[begin:end], d_gates[: end - begin], of_weights, d_weights)
        add_product(seen[begin + 1 : end + 1], d_out[begin:end], of_read, d_read)
