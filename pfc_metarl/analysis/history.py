"""Regressions of choice on what was done and earned in the trials before (Lau & Glimcher 2005; Miller et al. 2017)."""

import numpy as np
import pandas as pd

from pfc_metarl.analysis.logistic import fit_logistic
from pfc_metarl.errors import TableError
from pfc_metarl.trials import SUBJECT, made_validly, previous, session_keys, sessions_of


def signed_side(trials: pd.DataFrame) -> pd.Series:
    """+1 where right was chosen, -1 where left was, 0 on trials that are not valid."""
    return (2 * trials["choice"] - 1).where(made_validly(trials), 0)


def history_design(trials: pd.DataFrame, signed: dict[str, pd.Series], lags: int) -> pd.DataFrame:
    """Regressors of each trial: what each signed column was so many trials before; NaN before the session's start.

    Args:
        trials: a checked trial table.
        signed: by name, a number for each trial: positive speaks for right, negative for left.
        lags: how many trials back.

    Returns:
        Columns (name, lag), in the rows of `trials`.

    Raises:
        TableError: no session has more trials than there are lags.
    """
    longest = int(sessions_of(trials).size().max())
    if lags >= longest:
        raise TableError(f"lags must be less than the longest session's {longest} trials, not {lags}")
    table = trials[[*session_keys(trials), "trial"]].assign(**signed)
    columns: dict[tuple[str, int], pd.Series] = {}
    for lag in range(1, lags + 1):
        shifted = previous(table, list(signed), lag)
        columns |= {(name, lag): shifted[name] for name in signed}
    return pd.DataFrame(columns)


def choice_regression(trials: pd.DataFrame, design: pd.DataFrame, use: pd.Series, name: str) -> pd.DataFrame:
    """Logistic regression of choosing right on a design, subject by subject.

    Args:
        trials: a checked trial table.
        design: of `history_design`.
        use: which trials are the responses; those without a full history are left out besides.
        name: what the table calls the names of the signed columns.

    Returns:
        Table: group, subject, `name`, lag, weight (log odds; positive: the choice tends to be repeated), se, n (trials)
        and fit ("ok", or why the subject's weights are NaN: see `fit_logistic`).
    """
    use = use & design.notna().all(axis=1)
    rows = []
    for who, own in use.groupby([trials[key] for key in SUBJECT], sort=False, observed=True):
        chosen = own.index[own]
        regressors = np.column_stack([np.ones(len(chosen)), design.loc[chosen].to_numpy(float)])
        result = fit_logistic(regressors, trials.loc[chosen, "choice"].to_numpy(float))
        for (kind, lag), weight, se in zip(design.columns, result.weights[1:], result.errors[1:]):
            rows.append((*who, kind, lag, weight, se, len(chosen), result.fit))
    return pd.DataFrame(rows, columns=[*SUBJECT, name, "lag", "weight", "se", "n", "fit"])
