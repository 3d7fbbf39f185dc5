"""What is made of an arm that pays little and tells much: rewards, regret and pulls (Wang et al. 2016, Fig. 3)."""

import pandas as pd

from pfc_metarl.tasks.informative_bandit import INFORMATIVE
from pfc_metarl.trials import SUBJECT, check_trials, require_counted_from_one, sessions_of


def by_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """Means over sessions, trial by trial.

    Args:
        trials: trial table of the informative bandit, with the column regret.

    Returns:
        Table: group, subject, trial, reward, regret, informative and target (shares of pulls).
    """
    own = _marked(trials)
    columns = ["reward", "regret", "informative", "target"]
    return own.groupby([*SUBJECT, "trial"], sort=False, observed=True)[columns].mean().reset_index()


def strategies(trials: pd.DataFrame) -> pd.DataFrame:
    """How often sessions begin with the informative arm, and go on with the target alone.

    Args:
        trials: as for `by_trial`.

    Returns:
        Table: group, subject, first (share of sessions in which the informative arm is pulled first), then_target (in
        which, besides, all other pulls are the target's).
    """
    own = _marked(trials)
    first = (own["trial"] == 1) & own["informative"]
    after = (own["trial"] > 1) & own["target"]
    sessions = sessions_of(own.assign(first=first, after=first | after))
    told = sessions.agg(first=("first", "any"), then_target=("after", "all"))
    return told.groupby(SUBJECT, sort=False, observed=True).mean().reset_index()


def _marked(trials: pd.DataFrame) -> pd.DataFrame:
    """The checked table, with whether each pull was the informative arm's or the target's."""
    trials = check_trials(trials, "informative_bandit", needs=["regret"])
    require_counted_from_one(trials)
    informative, target = trials["choice"] == INFORMATIVE, trials["choice"] == trials["target"]
    return trials.assign(informative=informative, target=target)
