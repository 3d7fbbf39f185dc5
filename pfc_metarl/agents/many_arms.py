"""Reference agents of Duan et al. 2016 (RL2, Table 1) for bandits with independent arms, and the exact optimum.

As in the authors' evaluation, estimates start as one success in two pulls (but Thompson sampling from the uniform prior
from which probabilities are drawn), and what each agent leaves open (c, epsilon, the number of samples) is tuned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy import special

from pfc_metarl.agents.agent import Columns
from pfc_metarl.agents.bandits import BanditAgent, IndexAgent
from pfc_metarl.tasks.task import require_counts, require_finite, require_probabilities


class RandomArm(BanditAgent):
    """Pulls any arm."""

    def probabilities(self, shown: Columns) -> np.ndarray:
        """All alike: (session, arm)."""
        return np.full(self.successes.shape, 1 / self.arms)


class Greedy(IndexAgent):
    """Pulls the arm of the highest estimate; of several the first, as in the authors' code.

    (By a draw among them it would earn more: one that has paid once in two pulls equals one that was never pulled.)
    """

    @property
    def pulls(self) -> np.ndarray:
        """Those that were made and the two that estimates start with: (session, arm)."""
        return 2 + self.successes + self.failures

    def index(self) -> np.ndarray:
        """The estimate."""
        return (1 + self.successes) / self.pulls

    def probabilities(self, shown: Columns) -> np.ndarray:
        """1 for the arm with the highest index: (session, arm)."""
        return np.eye(self.arms)[self.index().argmax(axis=1)]


@dataclass
class EpsilonGreedy(Greedy):
    """Pulls the arm of the highest estimate, or, with probability epsilon, any.

    Args:
        arms: of the bandit.
        epsilon: probability.
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_probabilities(epsilon=self.epsilon)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """(session, arm)."""
        return (1 - self.epsilon) * super().probabilities(shown) + self.epsilon / self.arms


@dataclass
class UCB1(Greedy):
    """Upper confidence bound: estimate + c sqrt(2 log t / n) (Auer et al. 2002, scaled).

    Args:
        arms: of the bandit.
        c: scale of the bonus.
    """

    c: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(c=self.c)

    def index(self) -> np.ndarray:
        """The bound; t is how many pulls were made (at the first of all, 1: all arms are alike)."""
        t = np.maximum(1, (self.successes + self.failures).sum(axis=1, keepdims=True))
        return super().index() + self.c * np.sqrt(2 * np.log(t) / self.pulls)


@dataclass
class SampledThompson(BanditAgent):
    """Thompson sampling, optimistic with several samples: pulls the best arm of that sample from the posterior which
    has the highest density.

    It draws samples itself, so that its probabilities are 0 or 1 (`pfc_metarl.agents.bandits.Thompson` integrates).

    Args:
        arms: of the bandit.
        samples: from the posterior, at each pull.
        seed: of the samples.
    """

    samples: int = 1
    seed: int = 0
    _rng: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(samples=self.samples)

    def start(self, sessions: int) -> None:
        """Begin sessions with nothing known."""
        super().start(sessions)
        self._rng = np.random.default_rng(self.seed)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """1 for the arm that the sample says: (session, arm)."""
        a, b = 1 + self.successes, 1 + self.failures  # a uniform prior
        drawn = self._rng.beta(a, b, size=(self.samples, *a.shape))
        density = (special.xlogy(a - 1, drawn) + special.xlog1py(b - 1, -drawn)).sum(axis=-1)
        best = drawn[density.argmax(axis=0), np.arange(len(a))].argmax(axis=1)
        return np.eye(self.arms)[best]


PUBLICATION = "Duan 2016"
"""Name of the published table (data/related.csv)."""
OPTIMUM, GITTINS = "exact optimum", "Gittins"
"""Further rows of our table."""
TENTHS = [i / 10 for i in range(11)]
AGENTS: dict[str, type[BanditAgent]] = {
    "random": RandomArm,
    "Thompson": SampledThompson,
    "optimistic Thompson": SampledThompson,
    "UCB1": UCB1,
    "epsilon-greedy": EpsilonGreedy,
    "greedy": Greedy,
}
"""By the names they have in trial tables; with Gittins (`pfc_metarl.agents.bandits`) those of the published table."""
TUNED: Mapping[str, tuple[str, list]] = {
    "optimistic Thompson": ("samples", list(range(1, 21))),
    "UCB1": ("c", TENTHS),
    "epsilon-greedy": ("epsilon", TENTHS),
}
"""What is tuned, and over which values, as published."""


def explore_then_commit(arms: int, pulls: int) -> float:
    """Exact expected reward of pulls of the best arm by what as many pulls before have told, p uniform.

    Those before are spread evenly over as many arms as is best; more than that cannot be had by who does not choose
    while it explores.

    Args:
        arms: number of arms.
        pulls: number of pulls, before and after.

    Raises:
        ConfigError: no whole numbers from 1.
    """
    require_counts(arms=arms, pulls=pulls)
    return pulls * max(_best_mean(arms, pulls, tried) for tried in range(1, min(arms, pulls) + 1))


def _best_mean(arms: int, pulls: int, tried: int) -> float:
    """Expected highest posterior mean, after pulls of so many arms."""
    means = [np.arange(1, n + 2) / (n + 2) for n in (len(own) for own in np.array_split(np.arange(pulls), tried))]
    means += [np.array([0.5])] if tried < arms else []  # all numbers of successes are equally likely
    levels = np.unique(np.concatenate(means))
    at_most = np.prod([(own <= levels[:, None]).mean(axis=1) for own in means], axis=0)
    return float(levels @ np.diff(at_most, prepend=0))


def optimal_total_reward(arms: int, pulls: int) -> float:
    """Exact expected total reward of the best that can be done with independent arms, p uniform.

    Dynamic programming over the counts of the arms that were pulled, in whatever order (feasible up to some 12 pulls,
    however many arms there are).

    Args:
        arms: number of arms.
        pulls: number of pulls.

    Raises:
        ConfigError: no whole numbers from 1.
    """
    require_counts(arms=arms, pulls=pulls)

    @cache
    def worth(known: tuple[tuple[int, int], ...], left: int) -> float:
        """Of what is to come, by the successes and failures of all arms that were pulled."""
        if not left:
            return 0.0
        best = 0.0
        for s, f in {*known, *([(0, 0)] if len(known) < arms else [])}:
            others = list(known)
            if s + f:
                others.remove((s, f))
            p = (s + 1) / (s + f + 2)
            won, lost = (tuple(sorted([*others, counts])) for counts in ((s + 1, f), (s, f + 1)))
            best = max(best, p * (1 + worth(won, left - 1)) + (1 - p) * worth(lost, left - 1))
        return best

    return worth((), pulls)
