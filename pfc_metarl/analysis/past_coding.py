"""What a state tells beyond its inputs, and what of it the policy uses: what lies further back than the last trial.

At fixation last action and last reward are among a network's inputs, so that untrained networks "code" them too. What
goes beyond them a network must have kept in mind. But a random recurrent network keeps it as well (an echo state,
Jaeger 2001), and a linear read-out finds it there; only the policy tells whether it is put to use.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pfc_metarl.analysis.read_out import FOLDS, decode, explained
from pfc_metarl.analysis.unit_coding import ACTION, PRODUCT, REWARD, VALUE, foraging_factors
from pfc_metarl.progress import progress
from pfc_metarl.trials import check_trials

LAST = [ACTION, REWARD, PRODUCT]
"""What is told of the last trial."""
STATE, POLICY = "state", "policy"
"""Who tells: a linear read-out of the state, held out; the log odds of the choice."""


def past_coding(
    trials: pd.DataFrame, states: Mapping[str, np.ndarray], policies: Mapping[str, np.ndarray], lags: int
) -> pd.DataFrame:
    """How much of what lies further back do the state at fixation and the policy at the choice tell?

    The targets are action, reward and their product two trials back, and choice value, all less what the last trial's
    action, reward and product tell of them (by least squares); from the log odds too this is taken away.

    Args:
        trials: trial table of networks at the foraging task.
        states: hidden states at each trial's fixation, (trial, unit) in the table's rows, by group.
        policies: log odds of right at each trial's choice, (trial, read-out), by group.
        lags: of the history regression that gives values; see `foraging_factors`.

    Returns:
        Table: group, subject, by (state, policy), target (e.g. "reward, two back", "value"), r2: of the state that of
        a read-out, cross-validated by sessions; of the policy the squared correlation, mean over read-outs. NaN where
        a target does not vary, and of the state with too few sessions for a read-out.
    """
    rows = []
    for subject, own in progress(check_trials(trials, "foraging").groupby("subject", sort=False), "further back"):
        at, known, targets = _further_back(own, lags)
        for group in states:
            r2 = {STATE: _told_by_state(states[group][at], targets.to_numpy(), own.loc[at, "session"].to_numpy())}
            log_odds = _left(policies[group][at], known)
            r2[POLICY] = (_correlations(log_odds, targets.to_numpy()) ** 2).mean(axis=0)
            for by, values in r2.items():
                told_of = {"group": group, "subject": subject, "by": by}
                rows += [{**told_of, "target": target, "r2": value} for target, value in zip(targets, values)]
    return pd.DataFrame(rows, columns=["group", "subject", "by", "target", "r2"])


def _further_back(own: pd.DataFrame, lags: int) -> tuple[pd.Index, np.ndarray, pd.DataFrame]:
    """Rows that are used, what is known of the last trial (row, .), and the targets, of one subject."""
    (last, _), (before, _) = (foraging_factors(own, lags, back) for back in (1, 2))
    at = last.index.intersection(before.index)
    known = np.column_stack([np.ones(len(at)), last.loc[at, LAST]])
    targets = before.loc[at, LAST].add_suffix(", two back").assign(**{VALUE: last.loc[at, VALUE]})
    return at, known, pd.DataFrame(_left(targets.to_numpy(), known), at, targets.columns)


def _told_by_state(states: np.ndarray, targets: np.ndarray, sessions: np.ndarray) -> np.ndarray:
    """Share of the targets that a held-out read-out tells; NaN with too few sessions for one."""
    if len(np.unique(sessions)) < FOLDS:
        return np.full(targets.shape[1], np.nan)
    return explained(targets, decode(states, targets, sessions))


def _left(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (row, .) less their regression on what is known."""
    return values - known @ np.linalg.lstsq(known, values)[0]


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of columns (row, a) with columns (row, b): (a, b)."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (x.T @ y) / np.outer(np.linalg.norm(x, axis=0), np.linalg.norm(y, axis=0))
