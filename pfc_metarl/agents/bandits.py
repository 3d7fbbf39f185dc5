"""Reference agents of the Bernoulli bandits, vectorised over episodes.

Each is a rule that gives an index per arm from the counts of successes and failures; the arm with the
highest index is pulled, ties are broken at random. All start from a uniform prior over each arm.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import stats

Rule = Callable[[np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray]
"""(successes, failures, trial from 0, generator) -> index; counts and index are (episode, arm)."""


def thompson(successes: np.ndarray, failures: np.ndarray, trial: int, rng: np.random.Generator) -> np.ndarray:
    """Thompson sampling: one draw from each arm's Beta posterior."""
    return rng.beta(1 + successes, 1 + failures)


def ucb(successes: np.ndarray, failures: np.ndarray, trial: int, rng: np.random.Generator) -> np.ndarray:
    """Upper confidence bound: mean + sqrt(log t / (2 n)), untried arms first (Garivier & Cappe 2011)."""
    pulls = successes + failures
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pulls == 0, np.inf, successes / pulls + np.sqrt(np.log(trial + 1) / (2 * pulls)))


def gittins(successes: np.ndarray, failures: np.ndarray, trial: int, rng: np.random.Generator) -> np.ndarray:
    """Gittins index with discount .99, whose horizon 1 / (1 - .99) is the task's 100 trials (our choice)."""
    return gittins_indices(100, 0.99)[successes, failures]


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


RULES: dict[str, Rule] = {"Gittins": gittins, "UCB": ucb, "Thompson": thompson}


def play(rule: Rule, p: np.ndarray, trials: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Play episodes of so many trials.

    Args:
        rule: the agent.
        p: reward probabilities (episode, arm).

    Returns:
        Choices and rewards, both (trial, episode).
    """
    successes, failures = np.zeros(p.shape, int), np.zeros(p.shape, int)
    choices, rewards = np.empty((2, trials, len(p)), int)
    rows = np.arange(len(p))
    for t in range(trials):
        index = rule(successes, failures, t, rng)
        best = index == index.max(axis=1, keepdims=True)
        choices[t] = np.where(best, rng.random(p.shape), -1).argmax(axis=1)
        rewards[t] = rng.random(len(p)) < p[rows, choices[t]]
        successes[rows, choices[t]] += rewards[t]
        failures[rows, choices[t]] += 1 - rewards[t]
    return choices, rewards


def bayes_optimal_regret(trials: int, p: tuple[float, float]) -> np.ndarray:
    """Exact expected cumulative regret of the Bayes-optimal agent for two independent arms with uniform priors.

    Dynamic programming over the Beta counts finds the policy that earns most in `trials` trials in the mean
    over the prior (all 4.6 million states of 100 trials; about 3 s); its regret on one bandit follows by
    propagating the probability of each state forward.

    Returns:
        (trial,)
    """
    policy = _bayes_optimal_policy(trials)
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


@cache
def _bayes_optimal_policy(trials: int) -> list[np.ndarray]:
    """Probability of the first arm after n trials, by (successes 1, failures 1, successes 2); ties 1/2."""
    value = np.zeros((trials + 1,) * 3)
    policy = []
    for n in range(trials - 1, -1, -1):
        s1, f1, s2 = np.ogrid[: n + 1, : n + 1, : n + 1]
        f2 = np.maximum(n - s1 - f1 - s2, 0)  # cells with a negative count are never reached
        mean1, mean2 = (s1 + 1) / (s1 + f1 + 2), (s2 + 1) / (s2 + f2 + 2)
        first = mean1 * (1 + value[1:, :-1, :-1]) + (1 - mean1) * value[:-1, 1:, :-1]
        second = mean2 * (1 + value[:-1, :-1, 1:]) + (1 - mean2) * value[:-1, :-1, :-1]
        value = np.maximum(first, second)
        policy.append(np.where(np.isclose(first, second, rtol=0, atol=1e-12), 0.5, first > second))
    return policy[::-1]


def bayes_optimal_regret_correlated(trials: int, p: float) -> np.ndarray:
    """Exact expected cumulative regret of the Bayes-optimal agent for arms p and 1 - p, p uniform.

    Either arm tells the same, so that the better posterior mean is always best: the arm that k of n
    outcomes spoke for, k binomial.

    Returns:
        (trial,)
    """
    n = np.arange(trials)
    better = max(p, 1 - p)
    wrong = stats.binom.cdf(np.ceil(n / 2) - 1, n, better) + 0.5 * (n % 2 == 0) * stats.binom.pmf(n // 2, n, better)
    return (abs(1 - 2 * p) * wrong).cumsum()


def posterior(choices: np.ndarray, rewards: np.ndarray, arms: int) -> tuple[np.ndarray, np.ndarray]:
    """Ideal observer's mean and s.d. of each arm's probability, after each trial of what somebody played.

    Independent uniform priors: Beta posteriors.

    Args:
        choices, rewards: (trial, ...).

    Returns:
        Mean and s.d., both (trial, ..., arm).
    """
    chosen = choices[..., None] == np.arange(arms)
    a = 1 + (chosen & (rewards[..., None] == 1)).cumsum(0)
    b = 1 + (chosen & (rewards[..., None] == 0)).cumsum(0)
    return a / (a + b), np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
