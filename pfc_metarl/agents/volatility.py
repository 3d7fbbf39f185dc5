"""Reference agents of the volatility task: the ideal Bayesian observer, and a learner of fixed rate (the control).

What they believe depends on the outcomes alone (which arm was the good one: a miss on one arm reveals the
other), never on their own choices. Both therefore see whole episodes at once, and choose afterwards.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from pfc_metarl.tasks.volatility import LEFT, RIGHT, Process

K_VALUES = 20
"""Points of the observer's grid over log k: the middles of so many equal bins (our choice)."""


class Beliefs(NamedTuple):
    """Of the observer, before each trial's outcome; both (trial, ...)."""

    p_left: np.ndarray
    """Probability that left is the good arm."""
    volatility: np.ndarray
    """Expected v."""


def log_k_grid(process: Process, values: int = K_VALUES) -> np.ndarray:
    """Middles of equal bins over the range of log k."""
    width = (process.log_k_high - process.log_k_low) / values
    return process.log_k_low + width * (np.arange(values) + 0.5)


def observe(good_arm: np.ndarray, process: Process, log_k: np.ndarray | None = None) -> Beliefs:
    """Exact inference under the training process: the joint posterior of better side, v and k, trial by trial.

    Args:
        good_arm: outcomes (trial, ...), 0 left, 1 right.
        process: what the observer takes the world to be.
        log_k: grid over log k, equally probable a priori; None: `log_k_grid`.
    """
    k = np.exp(log_k_grid(process) if log_k is None else log_k)
    v = np.array([0.0, process.high_volatility])
    worse = np.array([process.worse_stable, process.worse_volatile])
    left_good = np.stack([1 - worse, worse])[:, :, None]  # (better side, level of v, k)
    posterior = np.full((*good_arm.shape[1:], 2, 2, len(k)), 1 / (4 * len(k)))
    p_left, volatility = np.empty(good_arm.shape), np.empty(good_arm.shape)
    for t, outcome in enumerate(good_arm):
        p_left[t] = (posterior * left_good).sum((-3, -2, -1))
        volatility[t] = (posterior.sum((-3, -1)) * v).sum(-1)
        posterior *= np.where(outcome[..., None, None, None] == LEFT, left_good, 1 - left_good)
        posterior /= posterior.sum((-3, -2, -1), keepdims=True)
        flip = v[:, None]
        posterior = posterior * (1 - flip) + posterior[..., ::-1, :, :] * flip  # the better side changes
        posterior = posterior * (1 - k) + posterior[..., ::-1, :] * k  # v changes
    return Beliefs(p_left, volatility)


def choose_best(p_left: np.ndarray, magnitude_left: np.ndarray, magnitude_right: np.ndarray) -> np.ndarray:
    """Choice of the higher expected reward (our choice for the observer: an optimal agent has no temperature)."""
    return np.where(p_left * magnitude_left >= (1 - p_left) * magnitude_right, LEFT, RIGHT).astype(np.int8)


def fixed_rate_trace(good_arm: np.ndarray, alpha: float) -> np.ndarray:
    """Rescorla-Wagner estimate of the probability that left is good, before each trial, from 1/2: (trial, ...)."""
    rho = np.full(good_arm.shape, 0.5)
    for t in range(len(good_arm) - 1):
        rho[t + 1] = rho[t] + alpha * ((good_arm[t] == LEFT) - rho[t])
    return rho


def choose_softmax(
    p_left: np.ndarray, magnitude_left: np.ndarray, magnitude_right: np.ndarray, beta: float, rng: np.random.Generator
) -> np.ndarray:
    """Choice drawn from the softmax of beta times expected reward (in hundreds of points)."""
    difference = (p_left * magnitude_left - (1 - p_left) * magnitude_right) / 100
    return np.where(rng.random(p_left.shape) < expit(beta * difference), LEFT, RIGHT).astype(np.int8)
