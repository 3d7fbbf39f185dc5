"""Miller's lagged regression: how do the trials before, by their type, bear on the choice (Miller et al. 2017)?"""

import pandas as pd

from pfc_metarl.analysis.history import choice_regression, history_design, signed_side
from pfc_metarl.tasks.task import require_counts
from pfc_metarl.trials import check_trials, responses

TRIAL_TYPES = {
    "common rewarded": (1, 1),
    "common unrewarded": (1, 0),
    "uncommon rewarded": (0, 1),
    "uncommon unrewarded": (0, 0),
}
"""Trial type to (common, reward)."""


def lagged_design(trials: pd.DataFrame, lags: int) -> pd.DataFrame:
    """Regressors of each trial, a column per (trial type, lag): +1 if the trial so many back was of that type
    and its choice was right, -1 if left, 0 if of another type or not valid; NaN before the session's start."""
    side = signed_side(trials)
    signed = {
        name: side * ((trials["common"] == common) & (trials["reward"] == reward))
        for name, (common, reward) in TRIAL_TYPES.items()
    }
    return history_design(trials, signed, lags)


def lagged_regression(trials: pd.DataFrame, lags: int = 5) -> pd.DataFrame:
    """Logistic regression of the choice (right) on the last trials' choices by trial type, subject by subject.

    Trials with fewer than `lags` predecessors in their session, forced ones, and those that are not valid, are left out
    as responses.

    Args:
        trials: a trial table of the two-step task.
        lags: how many trials back.

    Returns:
        Table: group, subject, trial_type, lag, weight, se, n, fit; see `choice_regression`.
    """
    require_counts(lags=lags)
    trials = check_trials(trials, "two_step")
    return choice_regression(trials, lagged_design(trials, lags), responses(trials), "trial_type")
