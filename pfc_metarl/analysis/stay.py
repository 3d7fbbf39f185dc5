"""Stay probabilities in the two-step task: does the subject repeat its first choice (Daw et al. 2011)?"""

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pfc_metarl.analysis.trials import previous


def stay_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """One row per trial whose own response and whose predecessor's are valid.

    Args:
        trials: columns subject, session, trial, choice, reward, common, valid.

    Returns:
        subject, stay (0 or 1), rewarded and common (0 or 1, of the trial before).
    """
    before = previous(trials, ["choice", "reward", "common", "valid"])
    both = trials["valid"].astype(bool) & (before["valid"] == True)  # noqa: E712 (NaN at a session's start)
    return pd.DataFrame(
        {
            "subject": trials.loc[both, "subject"],
            "stay": (trials["choice"] == before["choice"])[both].astype(int),
            "rewarded": before.loc[both, "reward"].astype(int),
            "common": before.loc[both, "common"].astype(int),
        }
    ).reset_index(drop=True)


def stay_probabilities(trials: pd.DataFrame) -> pd.DataFrame:
    """Table: subject, rewarded, common, stay (probability), n (trials)."""
    groups = stay_trials(trials).groupby(["subject", "rewarded", "common"])["stay"]
    return groups.agg(stay="mean", n="size").reset_index()


def stay_regression(trials: pd.DataFrame) -> pd.DataFrame:
    """Logistic regression of staying on reward, transition and their interaction, subject by subject.

    Predictors are coded +1/2 (rewarded, common) and -1/2, so that a main effect is an effect on average
    over the other factor. The interaction is the mark of model-based, the main effect of reward that of
    model-free control.

    Returns:
        Table: subject, term, weight (log odds), se, p.
    """
    table = stay_trials(trials)
    table["reward"] = table["rewarded"] - 0.5
    table["transition"] = table["common"] - 0.5
    rows = []
    for subject, own in table.groupby("subject"):
        fit = smf.logit("stay ~ reward * transition", own).fit(disp=0)
        for term in fit.params.index:
            rows.append((subject, term, fit.params[term], fit.bse[term], fit.pvalues[term]))
    return pd.DataFrame(rows, columns=["subject", "term", "weight", "se", "p"]).replace(
        {"term": {"reward:transition": "reward x transition"}}
    )


def stay_matrix(probabilities: pd.DataFrame) -> pd.DataFrame:
    """Stay probabilities as one row per subject and one column per condition, in the paper's order."""
    names = np.where(probabilities["rewarded"] == 1, "rewarded ", "unrewarded ")
    names = names + np.where(probabilities["common"] == 1, "common", "uncommon").astype(object)
    wide = probabilities.assign(condition=names).pivot(index="subject", columns="condition", values="stay")
    return wide[CONDITIONS]


CONDITIONS = ["rewarded common", "rewarded uncommon", "unrewarded common", "unrewarded uncommon"]
