"""Miller's lagged regression: how do the trials before, by their type, bear on the choice (Miller et al. 2017)?"""

import pandas as pd
import statsmodels.api as sm

from pfc_metarl.analysis.trials import previous

TRIAL_TYPES = {
    "common rewarded": (1, 1),
    "common unrewarded": (1, 0),
    "uncommon rewarded": (0, 1),
    "uncommon unrewarded": (0, 0),
}
"""Trial type to (common, reward)."""


def lagged_design(trials: pd.DataFrame, lags: int) -> pd.DataFrame:
    """Regressors of each trial, a column per (trial type, lag): +1 if the trial so many back was of that type
    and its choice was right, -1 if left, 0 if of another type or invalid; NaN before the session's start."""
    side = (2 * trials["choice"] - 1).where(trials["valid"].astype(bool), 0)
    signed = trials[["subject", "session", "trial"]].copy()
    for name, (common, reward) in TRIAL_TYPES.items():
        signed[name] = side * ((trials["common"] == common) & (trials["reward"] == reward))
    columns: dict[tuple[str, int], pd.Series] = {}
    for lag in range(1, lags + 1):
        shifted = previous(signed, list(TRIAL_TYPES), lag)
        columns |= {(name, lag): shifted[name] for name in TRIAL_TYPES}
    return pd.DataFrame(columns)


def lagged_regression(trials: pd.DataFrame, lags: int = 5) -> pd.DataFrame:
    """Logistic regression of the choice (right) on the last trials' choices by trial type, subject by subject.

    Trials with fewer than `lags` predecessors in their session, and invalid ones, are left out as responses.

    Args:
        trials: columns subject, session, trial, choice, reward, common, valid.
        lags: how many trials back.

    Returns:
        Table: subject, trial_type, lag, weight (log odds; positive: the choice tends to be repeated), se.
    """
    design = lagged_design(trials, lags)
    use = trials["valid"].astype(bool) & design.notna().all(axis=1)
    rows = []
    for subject, own in trials[use].groupby("subject"):
        x = sm.add_constant(design.loc[own.index].to_numpy(float))
        fit = sm.Logit(own["choice"].to_numpy(float), x).fit(disp=0)
        for (name, lag), weight, se in zip(design.columns, fit.params[1:], fit.bse[1:]):
            rows.append((subject, name, lag, weight, se))
    return pd.DataFrame(rows, columns=["subject", "trial_type", "lag", "weight", "se"])
