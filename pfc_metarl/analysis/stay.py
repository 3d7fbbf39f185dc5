"""Stay probabilities in the two-step task: does the subject repeat its first choice (Daw et al. 2011)?"""

import numpy as np
import pandas as pd

from pfc_metarl.analysis.logistic import fit_logistic
from pfc_metarl.trials import SUBJECT, check_trials, made_validly, previous, require_columns, responses

CONDITIONS = ["rewarded common", "rewarded uncommon", "unrewarded common", "unrewarded uncommon"]
"""What the trial before was, in the paper's order."""
TERMS = ["Intercept", "reward", "transition", "reward x transition"]
"""Of the regression."""


def stay_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per trial that is valid and free, and whose predecessor is valid.

    Args:
        trials: a trial table of the two-step task.

    Returns:
        group, subject, stay (0 or 1), rewarded and common (0 or 1, of the trial before).
    """
    return _pairs(check_trials(trials, "two_step")).dropna().astype({"stay": int, "rewarded": int, "common": int})


def _pairs(trials: pd.DataFrame) -> pd.DataFrame:
    """The columns of `stay_trials` for every trial; NaN where the trial or its predecessor does not count."""
    before = previous(trials.assign(made=made_validly(trials)), ["choice", "reward", "common", "made"])
    both = responses(trials) & (before["made"] == True)  # noqa: E712 (NaN at a session's start)
    stay = (trials["choice"] == before["choice"]).astype(float)
    columns = {"stay": stay, "rewarded": before["reward"].astype(float), "common": before["common"].astype(float)}
    return trials[SUBJECT].assign(**{name: column.where(both) for name, column in columns.items()})


def stay_probabilities(trials: pd.DataFrame) -> pd.DataFrame:
    """Table: group, subject, rewarded, common, stay (probability; NaN where there is no such trial), n (trials)."""
    pairs = _pairs(check_trials(trials, "two_step"))
    who = pairs[SUBJECT].drop_duplicates()
    conditions = pd.DataFrame([(0, 0), (0, 1), (1, 0), (1, 1)], columns=["rewarded", "common"])
    groups = pairs.dropna().groupby([*SUBJECT, "rewarded", "common"], observed=True)["stay"]
    table = who.merge(conditions, how="cross").merge(groups.agg(stay="mean", n="size").reset_index(), how="left")
    return table.fillna({"n": 0}).astype({"n": int})


def stay_regression(trials: pd.DataFrame) -> pd.DataFrame:
    """Logistic regression of staying on reward, transition and their interaction, subject by subject.

    Predictors are coded +1/2 (rewarded, common) and -1/2, so that a main effect is an effect on average
    over the other factor. The interaction is the mark of model-based, the main effect of reward that of
    model-free control.

    Returns:
        Table: group, subject, term, weight (log odds), se, p, n (trials), fit ("ok", or why the subject's weights are
        NaN: see `fit_logistic`).
    """
    rows = []
    for who, pairs in _pairs(check_trials(trials, "two_step")).groupby(SUBJECT, sort=False, observed=True):
        own = pairs.dropna()
        reward, transition = own["rewarded"].to_numpy() - 0.5, own["common"].to_numpy() - 0.5
        regressors = np.column_stack([np.ones(len(own)), reward, transition, reward * transition])
        result = fit_logistic(regressors, own["stay"].to_numpy())
        for term, *values in zip(TERMS, result.weights, result.errors, result.p):
            rows.append((*who, term, *values, len(own), result.fit))
    return pd.DataFrame(rows, columns=[*SUBJECT, "term", "weight", "se", "p", "n", "fit"])


def stay_matrix(probabilities: pd.DataFrame) -> pd.DataFrame:
    """Stay probabilities as one row per group and subject and one column per condition, in the paper's order."""
    require_columns(probabilities, [*SUBJECT, "rewarded", "common", "stay"], "the stay probabilities")
    names = np.where(probabilities["rewarded"] == 1, "rewarded ", "unrewarded ")
    names = names + np.where(probabilities["common"] == 1, "common", "uncommon").astype(object)
    wide = probabilities.assign(condition=names).pivot(index=SUBJECT, columns="condition", values="stay")
    return wide[CONDITIONS]
