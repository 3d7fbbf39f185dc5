"""Regret on bandits: what was lost by not knowing the best arm (Fig. 1d)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pfc_metarl.agents.bandits import (
    AGENTS,
    Thompson,
    bayes_optimal_regret,
    bayes_optimal_regret_correlated,
    bayes_optimal_reward,
)
from pfc_metarl.agents.many_arms import OPTIMUM
from pfc_metarl.agents.playing import play
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.random_streams import REFERENCE, generator
from pfc_metarl.tasks.bandit import DISTRIBUTIONS, PAIRS, Bandit
from pfc_metarl.trials import SUBJECT, check_trials, require_counted_from_one, sessions_of

EXAMPLES = {"(.25, .75)": (0.25, 0.75), "(.6, .4)": (0.6, 0.4)}
"""The bandits of Fig. 1c; regret (Fig. 1d) is measured on the first."""
BAYES_INDEPENDENT, BAYES_CORRELATED = "Bayes-optimal, independent", "Bayes-optimal, correlated"
"""Agents that are the best possible in the mean over either distribution of bandits (column group)."""

THOMPSON = "Thompson"
"""As in `pfc_metarl.agents.bandits.AGENTS`."""


def regret_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Cumulative regret, mean over sessions; of each trial over those sessions in which it is valid.

    Args:
        trials: a trial table of the bandit task with the column regret; sessions of equal length.

    Returns:
        Table: group, subject, trial, regret (NaN from a trial on that is valid in no session).

    Raises:
        TableError: sessions of different length.
    """
    trials = check_trials(trials, "bandit", needs=["regret"])
    require_counted_from_one(trials)
    lengths = sessions_of(trials).size()
    if lengths.nunique() > 1:
        raise TableError(
            f"sessions have {lengths.min()} to {lengths.max()} trials; regret is compared at equal lengths"
        )
    told = trials.assign(regret=trials["regret"].where(trials["valid"]))
    mean = told.groupby([*SUBJECT, "trial"], sort=False, observed=True)["regret"].mean()
    return mean.groupby(SUBJECT, sort=False, observed=True).cumsum(skipna=False).reset_index()


def bayes_optimal_curves(trials: int, p: tuple[float, float]) -> pd.DataFrame:
    """The exact curves of the Bayes-optimal agents of either distribution on one bandit.

    Args:
        trials: of an episode.
        p: the arms' reward probabilities; the agent of correlated bandits believes that they add up to 1.

    Returns:
        Table as of `regret_curves`; subject 0.

    Raises:
        ConfigError: p are not two probabilities, or trials no number of trials.
    """
    curves = {
        BAYES_INDEPENDENT: bayes_optimal_regret(trials, p),
        BAYES_CORRELATED: bayes_optimal_regret_correlated(trials, p),
    }
    trial = np.arange(1, trials + 1)
    return pd.concat(
        pd.DataFrame({"group": group, "subject": 0, "trial": trial, "regret": curve}) for group, curve in curves.items()
    )


def optimal_regret(distribution: str, trials: int) -> float:
    """Exact expected cumulative regret of the agent that is Bayes-optimal for a distribution of two-armed bandits.

    Independent arms: the best arm pays 2/3 in the mean; the agent's reward is that of dynamic programming. Arms p and
    1 - p, p uniform: regret is a polynomial of p on either side of 1/2, which Gauss and Legendre's rule integrates
    exactly. Pairs: that agent is the best one for them too, since whatever the pair, the arm that more outcomes spoke
    for is the better one more probably.

    Args:
        distribution: one of `pfc_metarl.tasks.bandit.DISTRIBUTIONS`.
        trials: of an episode.

    Raises:
        ConfigError: an unknown distribution, or no number of trials.
    """
    if distribution not in DISTRIBUTIONS:
        raise ConfigError(f"distribution must be one of {', '.join(DISTRIBUTIONS)}, not {distribution}")
    if distribution == "independent":
        return trials * 2 / 3 - bayes_optimal_reward(trials)
    if distribution in PAIRS:
        return float(bayes_optimal_regret_correlated(trials, PAIRS[distribution])[-1])
    nodes, weights = np.polynomial.legendre.leggauss(trials // 2 + 1)  # of degree trials
    regrets = [bayes_optimal_regret_correlated(trials, (p, 1 - p))[-1] for p in (nodes + 1) / 4]
    return float(weights @ regrets / 2)


def known_regrets(tasks: Mapping[str, Bandit], seeds: Sequence[int], episodes: int) -> pd.DataFrame:
    """Cumulative regret on two-armed bandits of those that learn no weights.

    Args:
        tasks: by the names of their distributions.
        seeds: one for each set of episodes.
        episodes: in a set.

    Returns:
        Table: training (Thompson sampling; the exact optimum of who knows the distribution), test (the distribution),
        subject (of the optimum: 0), regret.
    """
    rows: list[tuple[str, str, int, float]] = []
    for i, (name, task) in enumerate(tasks.items()):
        for seed in seeds:
            rng = generator(REFERENCE, seed, list(AGENTS).index(THOMPSON), i + 1)
            played = play(Thompson(), task, rng, episodes, THOMPSON)
            rows.append((THOMPSON, name, seed, played["regret"].sum() / episodes))
        rows.append((OPTIMUM, name, 0, optimal_regret(name, task.trials)))
    return pd.DataFrame(rows, columns=["training", "test", "subject", "regret"])
