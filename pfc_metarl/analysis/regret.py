"""Regret on bandits: what was lost by not knowing the best arm (Fig. 1d)."""

import numpy as np
import pandas as pd

from pfc_metarl.agents.bandits import bayes_optimal_regret, bayes_optimal_regret_correlated
from pfc_metarl.errors import TableError
from pfc_metarl.trials import SUBJECT, check_trials, require_alike, require_counted_from_one, sessions_of

EXAMPLES = {"(.25, .75)": (0.25, 0.75), "(.6, .4)": (0.6, 0.4)}
"""The bandits of Fig. 1c; regret (Fig. 1d) is measured on the first."""
BAYES_INDEPENDENT, BAYES_CORRELATED = "Bayes-optimal, independent", "Bayes-optimal, correlated"
"""Agents that are the best possible in the mean over either distribution of bandits (column group)."""


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
    require_alike(trials)
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
