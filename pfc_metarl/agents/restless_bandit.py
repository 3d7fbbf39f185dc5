"""Reference agents of the restless bandit (Wang et al. 2016, section 3.1.4): UCB, and what filters its random walk.

Rescorla-Wagner, which plays and is fitted, is in `pfc_metarl.agents.lapsing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import norm

from pfc_metarl.agents import bandits
from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.task import LEFT, require_probabilities

BINS = 100
"""Of the grid over p (our choice): with twice as many, means of beliefs differ by less than .003."""


@dataclass
class UCB(bandits.UCB):
    """Upper confidence bound (published: chi = 1, which served best)."""

    task = "restless_bandit"
    chi: float = 1.0


class Filter(ReferenceAgent):
    """What knows that p walks, and believes in one or several sizes of steps: Bayes' rule on a grid over p.

    Either arm tells the same: a reward on the left speaks for p as no reward on the right does.

    Args:
        steps: s.d. of steps.
        chances: how probable each is, before anything is seen.

    Attributes:
        belief: (session, size of steps, bin of p).

    Raises:
        ConfigError: steps that are not between 0 and 1; chances that do not add up to 1.
    """

    task = "restless_bandit"
    learns_from = ("choice", "reward")

    def __init__(self, steps: Sequence[float], chances: Sequence[float]) -> None:
        for step in steps:
            require_probabilities(step=step)
        if len(chances) != len(steps) or not np.isclose(sum(chances), 1):
            raise ConfigError(f"chances must be one for each of {len(steps)} steps, and add up to 1, not {chances}")
        self.chances = np.array(chances, float)
        self.kernels = np.stack([walk(step) for step in steps])

    def start(self, sessions: int) -> None:
        """Begin sessions: p is uniform."""
        self.belief = np.tile(self.chances[:, None] / BINS, (sessions, 1, BINS))

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Learn from an outcome, then p walks on; see `ReferenceAgent`."""
        for_left = (trial["choice"] == LEFT) == (trial["reward"] == 1)
        belief = self.belief[rows] * np.where(for_left[:, None, None], MIDDLES, 1 - MIDDLES)
        belief /= belief.sum(axis=(1, 2), keepdims=True)
        self.belief[rows] = np.einsum("svb,vbc->svc", belief, self.kernels, optimize=True)
        return {}


class Thompson(Filter):
    """Thompson sampling by a walk of one size of steps: chooses the side that is better for a draw from its belief."""

    def __init__(self, step: float) -> None:
        super().__init__([step], [1.0])

    def probabilities(self, shown: Columns) -> np.ndarray:
        """That a draw of p is above 1/2, and below: (session, side)."""
        left = self.belief[:, :, MIDDLES > 0.5].sum(axis=(1, 2))
        return np.stack([left, 1 - left], axis=1)


class Optimum(Filter):
    """The best that can be done (but for the grid): chooses the side that pays more by its belief.

    No choice tells more than the other, so that there is nothing to explore.
    """

    def probabilities(self, shown: Columns) -> np.ndarray:
        """1 for the better side, shared where they are equal: (session, side)."""
        better = np.sign(np.round(2 * (self.belief * MIDDLES).sum(axis=(1, 2)) - 1, 9))
        return np.stack([1 + better, 1 - better], axis=1) / 2


MIDDLES = (np.arange(BINS) + 0.5) / BINS
"""Of the bins."""


@cache
def walk(step: float) -> np.ndarray:
    """Where a step leads from each bin, reflected at 0 and 1: probabilities (from, to)."""
    edges, sd = np.arange(BINS + 1) / BINS, max(step, 1e-9)
    images = np.concatenate([np.stack([2 * m + MIDDLES, 2 * m - MIDDLES]) for m in range(-3, 4)])  # in the mirrors
    below = norm.cdf((edges - images[..., None]) / sd).sum(axis=0)
    return np.diff(below, axis=1)
