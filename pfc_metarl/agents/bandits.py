"""Reference agents of the Bernoulli bandits, and what is known exactly of the best ones.

All start from a uniform prior over each arm, and go by the counts of its successes and failures.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from scipy import special

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.task import is_number, require_counts, require_finite, require_probabilities


@dataclass
class BanditAgent(ReferenceAgent):
    """What counts successes and failures: both (session, arm).

    Args:
        arms: of the bandit.
    """

    task = "bandit"
    learns_from = ("choice", "reward")
    arms: int = 2

    def __post_init__(self) -> None:
        require_counts(arms=self.arms)

    def require_table(self, trials: pd.DataFrame) -> None:
        """Its arms must be the agent's, where the table tells how many there are."""
        told = sum(str(name).startswith("p_") and str(name)[2:].isdigit() for name in trials)
        if told and told != self.arms:
            raise TableError(f"the table: {told} arms, as its columns p_ tell; the agent has {self.arms}")

    def start(self, sessions: int) -> None:
        """Begin sessions with nothing known."""
        self.successes, self.failures = np.zeros((2, sessions, self.arms), int)

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Count; see `ReferenceAgent`."""
        self.successes[rows, trial["choice"]] += trial["reward"]
        self.failures[rows, trial["choice"]] += 1 - trial["reward"]
        return {}


class IndexAgent(BanditAgent):
    """Pulls the arm of the highest index; ties are broken at random."""

    @abstractmethod
    def index(self) -> np.ndarray:
        """Of each arm now: (session, arm)."""

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Shared by the best arms: (session, arm)."""
        index = self.index()
        best = index == index.max(axis=1, keepdims=True)
        return best / best.sum(axis=1, keepdims=True)


@dataclass
class UCB(IndexAgent):
    """Upper confidence bound: mean + sqrt(chi log t / n), untried arms first (Garivier & Cappe 2011: chi = 1/2).

    Args:
        arms: of the bandit.
        chi: scale of the bonus.
    """

    chi: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite(chi=self.chi)
        if self.chi < 0:
            raise ConfigError(f"chi must be at least 0, not {self.chi}")

    def index(self) -> np.ndarray:
        """The bound."""
        pulls = self.successes + self.failures
        trial = 1 + pulls.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(pulls == 0, np.inf, self.successes / pulls + np.sqrt(self.chi * np.log(trial) / pulls))


@dataclass
class Gittins(IndexAgent):
    """Gittins index with discount .99, whose horizon 1 / (1 - .99) is the task's 100 trials (our choice).

    Args:
        arms: of the bandit.
        discount: gamma.
    """

    discount: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_discount(self.discount)

    def index(self) -> np.ndarray:
        """The Gittins index of each arm's counts."""
        pulls = int((self.successes + self.failures).max())
        table = gittins_indices(100 * max(1, -(-pulls // 100)), self.discount)  # as few tables as can be
        return table[self.successes, self.failures]


class Thompson(BanditAgent):
    """Thompson sampling: pulls the arm whose draw from its Beta posterior is the highest."""

    def probabilities(self, shown: Columns) -> np.ndarray:
        """That an arm's draw is the highest: (session, arm).

        The integral over the arm's draw of its density times the chance that the others' are lower is that of a
        polynomial, since all counts are whole numbers: Gauss and Legendre's rule gives it exactly.
        """
        degree = int((self.successes + self.failures).sum(axis=1).max()) + self.arms - 1
        x, weights = _gauss_legendre(degree // 2 + 1)
        a, b = 1 + self.successes[..., None], 1 + self.failures[..., None]
        lower = special.betainc(a, b, x)  # (session, arm, node)
        density = np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))
        others = [np.delete(lower, arm, axis=1).prod(axis=1) for arm in range(self.arms)]
        p = (density * np.stack(others, axis=1) * weights).sum(axis=-1)
        return p / p.sum(axis=1, keepdims=True)


@cache
def _gauss_legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, 1]."""
    x, weights = np.polynomial.legendre.leggauss(nodes)
    return (x + 1) / 2, weights / 2


AGENTS: dict[str, type[BanditAgent]] = {"Gittins": Gittins, "UCB": UCB, "Thompson": Thompson}
"""By the names they have in trial tables."""


@cache
def gittins_indices(pulls: int, discount: float, grid: int = 800, ahead: int = 400) -> np.ndarray:
    """Gittins indices of a Bernoulli arm with a uniform prior, by calibration.

    The index of a state is the sure reward per step at which stopping for good is as good as going on
    (Gittins 1979). For a grid of sure rewards, backward induction gives what going on is worth more than
    stopping; the index is where that crosses 0, by linear interpolation. Beyond `pulls` + `ahead` pulls the
    arm's probability counts as known. Against twice the grid and depth, indices up to 100 pulls at discount
    .99 move by less than .001.

    Args:
        pulls: largest number of pulls.
        discount: gamma.
        grid: number of sure rewards.
        ahead: further pulls that are looked ahead.

    Returns:
        (pulls + 1, pulls + 1): by successes and failures; NaN beyond `pulls`.
    """
    require_counts(pulls=pulls)
    _require_discount(discount)
    sure = np.linspace(0, 1, grid)
    out = np.full((pulls + 1, pulls + 1), np.nan)
    n = pulls + ahead
    mean = (1 + np.arange(n + 1)) / (n + 2)  # by successes
    # value above stopping, (successes, sure reward), in units of reward per step
    value = np.maximum(mean[:, None] - sure, 0) / (1 - discount)
    for n in range(pulls + ahead - 1, -1, -1):
        mean = ((1 + np.arange(n + 1)) / (n + 2))[:, None]
        go_on = mean - sure + discount * (mean * value[1:] + (1 - mean) * value[:-1])
        value = np.maximum(go_on, 0)
        if n <= pulls:
            last = np.maximum((go_on > 0).sum(1) - 1, 0)  # go_on falls with the sure reward
            rows = np.arange(n + 1)
            above, below = go_on[rows, last], go_on[rows, last + 1]
            out[rows, n - rows] = sure[last] + (sure[1] - sure[0]) * above / (above - below)
    return out


def _require_discount(discount: float) -> None:
    if not is_number(discount) or not 0 <= discount < 1:
        raise ConfigError(f"discount must be at least 0 and less than 1, not {discount}")


def bayes_optimal_regret(trials: int, p: tuple[float, float], discount: float = 1.0) -> np.ndarray:
    """Exact expected cumulative regret of the Bayes-optimal agent for two independent arms with uniform priors.

    Dynamic programming over the Beta counts finds the policy that earns most in `trials` trials in the mean
    over the prior (all 4.6 million states of 100 trials; about 3 s), each trial's reward counting `discount` times
    that of the one before; its regret on one bandit follows by propagating the probability of each state forward.

    Returns:
        (trial,)

    Raises:
        ConfigError: p are not two probabilities, or trials no number of trials.
    """
    require_counts(trials=trials)
    _require_two_arms(p)
    require_probabilities(discount=discount)
    policy, _ = _bayes_optimal_policy(trials, discount)
    arriving = np.ones((1, 1, 1))
    regret = np.empty(trials)
    for n in range(trials):
        first = arriving * policy[n]
        second = arriving - first
        regret[n] = first.sum() * (max(p) - p[0]) + second.sum() * (max(p) - p[1])
        arriving = np.zeros((n + 2,) * 3)
        arriving[1:, :-1, :-1] += p[0] * first
        arriving[:-1, 1:, :-1] += (1 - p[0]) * first
        arriving[:-1, :-1, 1:] += p[1] * second
        arriving[:-1, :-1, :-1] += (1 - p[1]) * second
    return regret.cumsum()


def bayes_optimal_reward(trials: int) -> float:
    """Exact expected total reward of the Bayes-optimal agent, in the mean over two independent arms, p uniform.

    Raises:
        ConfigError: no number of trials.
    """
    require_counts(trials=trials)
    return _bayes_optimal_policy(trials, 1.0)[1]


@cache
def _bayes_optimal_policy(trials: int, discount: float) -> tuple[list[np.ndarray], float]:
    """Probability of the first arm after n trials, by (successes 1, failures 1, successes 2), ties 1/2; its reward."""
    value = np.zeros((trials + 1,) * 3)
    policy = []
    for n in range(trials - 1, -1, -1):
        s1, f1, s2 = np.ogrid[: n + 1, : n + 1, : n + 1]
        f2 = np.maximum(n - s1 - f1 - s2, 0)  # cells with a negative count are never reached
        mean1, mean2 = (s1 + 1) / (s1 + f1 + 2), (s2 + 1) / (s2 + f2 + 2)
        value *= discount
        first = mean1 * (1 + value[1:, :-1, :-1]) + (1 - mean1) * value[:-1, 1:, :-1]
        second = mean2 * (1 + value[:-1, :-1, 1:]) + (1 - mean2) * value[:-1, :-1, :-1]
        value = np.maximum(first, second)
        policy.append(np.where(np.isclose(first, second, rtol=0, atol=1e-12), 0.5, first > second))
    return policy[::-1], float(value.item())


def bayes_optimal_regret_correlated(trials: int, p: tuple[float, float]) -> np.ndarray:
    """Exact expected cumulative regret of the agent that is Bayes-optimal for arms p and 1 - p, p uniform.

    To it either arm tells the same: a reward speaks for the arm that was pulled, no reward for the other. So the arm
    that more outcomes spoke for is best (either, if they are as many). The probability of each number of outcomes that
    spoke for the first arm is propagated, whatever the two arms' probabilities are.

    Returns:
        (trial,)

    Raises:
        ConfigError: p are not two probabilities, or trials no number of trials.
    """
    require_counts(trials=trials)
    _require_two_arms(p)
    arriving, regret = np.ones(1), np.empty(trials)
    for n in range(trials):
        spoke_for_first = 2 * np.arange(n + 1) - n
        first = arriving * (0.5 + 0.5 * np.sign(spoke_for_first))
        second = arriving - first
        regret[n] = first.sum() * (max(p) - p[0]) + second.sum() * (max(p) - p[1])
        for_first = first * p[0] + second * (1 - p[1])
        arriving = np.append(arriving - for_first, 0) + np.append(0, for_first)
    return regret.cumsum()


def _require_two_arms(p: tuple[float, float]) -> None:
    if not isinstance(p, Sequence) or len(p) != 2:
        raise ConfigError(f"p must be the reward probabilities of two arms, not {p}")
    require_probabilities(p_0=p[0], p_1=p[1])


def posterior(choices: np.ndarray, rewards: np.ndarray, arms: int) -> tuple[np.ndarray, np.ndarray]:
    """Ideal observer's mean and s.d. of each arm's probability, after each trial of what somebody played.

    Independent uniform priors: Beta posteriors.

    Args:
        choices, rewards: (trial, ...); a choice of -1 tells nothing.

    Returns:
        Mean and s.d., both (trial, ..., arm).

    Raises:
        TableError: a choice that is none of the arms, or a reward other than 0 and 1.
    """
    fits = np.shape(choices) == np.shape(rewards) and np.isin(choices, np.arange(-1, arms)).all()
    if not (fits and np.isin(rewards, (0, 1)).all()):
        raise TableError(f"choices must be arms from 0 to {arms - 1} (-1: none), and as many rewards, 0 or 1")
    chosen = choices[..., None] == np.arange(arms)
    a = 1 + (chosen & (rewards[..., None] == 1)).cumsum(0)
    b = 1 + (chosen & (rewards[..., None] == 0)).cumsum(0)
    return a / (a + b), np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
