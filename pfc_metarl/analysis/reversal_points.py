"""Reversal points and asymmetries of neurons, or of value predictors, that answer to rewards of several magnitudes.

As Dabney et al. 2020 analyse dopamine neurons in the variable-magnitude task (by their released code): of each neuron
the magnitude at which its answers change their sign, and how much steeper they are above it than below.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

AT_LEAST = 1e-3
"""Differences of counts are taken to be at least so large (the published code draws small numbers to break ties)."""
BELOW_ALL, ABOVE_ALL = 0.01, -0.1
"""What is added to the axis' ends for neurons that answer to all magnitudes alike (as published, arbitrary)."""


class Answers(NamedTuple):
    """Answers to rewards, less the baseline."""

    values: np.ndarray
    """(neuron, trial)."""
    levels: np.ndarray
    """Magnitude of each trial, as a number from 0 (trial,)."""

    def axis(self) -> np.ndarray:
        """Utility of each magnitude, which is the mean answer of all neurons: (level,)."""
        return np.array([self.values[:, self.levels == k].mean() for k in range(self.levels.max() + 1)])

    def by_level(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (neuron, trial) over the trials of each magnitude: (neuron, level)."""
        return values.astype(float) @ (self.levels[:, None] == np.arange(self.levels.max() + 1))


def reversal_points(answers: Answers, axis: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Where each neuron's answers change their sign, on the axis of utility: (neuron,).

    It is between those two magnitudes for which the most trials are positive above or negative below; nearer to the one
    beyond which there are almost as many.

    Args:
        answers: all of them.
        axis: see `Answers.axis`.
        used: whether a trial counts (neuron, trial).
    """
    positive, negative = (answers.by_level(used * (sign * answers.values > 0)) for sign in (1, -1))
    nothing = np.zeros((len(positive), 1))
    above = np.concatenate([np.cumsum(positive[:, ::-1], axis=1)[:, ::-1], nothing], axis=1)
    below = np.concatenate([nothing, np.cumsum(negative, axis=1)], axis=1)
    counts = above + below  # (neuron, border), of borders from below the first level to above the last
    at, rows, last = counts.argmax(axis=1), np.arange(len(counts)), len(axis)
    inner = at.clip(1, last - 1)
    near = [1 / np.maximum(np.abs(counts[rows, inner] - counts[rows, inner + k]), AT_LEAST) for k in (-1, 1)]
    between = (near[0] * axis[inner - 1] + near[1] * axis[inner]) / (near[0] + near[1])
    return np.where(at == 0, axis[0] + BELOW_ALL, np.where(at == last, axis[-1] + ABOVE_ALL, between))


def asymmetries(answers: Answers, axis: np.ndarray, used: np.ndarray, points: np.ndarray) -> np.ndarray:
    """a+ / (a+ + a-) of the slopes above and below each neuron's reversal point, of lines through it: (neuron,).

    NaN where one of them cannot be told.
    """
    away = axis[answers.levels] - points[:, None]  # (neuron, trial)
    slopes = []
    for side in (away >= 0, away <= 0):
        x = away * side * used
        with np.errstate(invalid="ignore", divide="ignore"):
            slopes.append((x * answers.values).sum(axis=1) / (x * x).sum(axis=1))
    above, below = slopes
    with np.errstate(invalid="ignore", divide="ignore"):
        share = above / (above + below)
    return np.where(np.isfinite(share), share, np.nan)


def in_halves(answers: Answers, rng: np.random.Generator) -> tuple[float, float]:
    """Correlations over neurons, of one random split of each neuron's trials (magnitude by magnitude): of asymmetry
    with reversal point, from the two halves, and of reversal points from these."""
    axis, first = answers.axis(), halves(answers, rng)
    points, others = (reversal_points(answers, axis, used) for used in (first, ~first))
    return correlation(asymmetries(answers, axis, ~first, others), points), correlation(points, others)


def halves(answers: Answers, rng: np.random.Generator) -> np.ndarray:
    """Whether a trial belongs to the first half of those of its magnitude (neuron, trial)."""
    drawn = rng.random(answers.values.shape) + answers.levels  # sorted, magnitudes come one after the other
    rank = drawn.argsort(axis=1).argsort(axis=1)
    return rank % 2 == 0


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's, of those pairs that are known; NaN of fewer than three, or of numbers that are all alike."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0 else float("nan")


def expectiles(values: np.ndarray, shares: np.ndarray, taus: np.ndarray) -> np.ndarray:
    """Expectiles of a distribution: where tau E[(x - e)+] = (1 - tau) E[(e - x)+], exactly: (tau,).

    Args:
        values: that it may have (value,).
        shares: their probabilities (value,).
        taus: between 0 and 1.
    """
    return np.array([stats.expectile(values, tau, weights=shares) for tau in taus])
