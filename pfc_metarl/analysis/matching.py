"""Matching: choice ratios against reward ratios, how past rewards and choices drive choice, and what is earned."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

from pfc_metarl.agents.foraging import matching_reward, optimal_reward, random_reward
from pfc_metarl.analysis.history import choice_regression, history_design, signed_side
from pfc_metarl.analysis.logistic import OK, TOO_FEW
from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.tasks.task import require_counts, require_probabilities
from pfc_metarl.trials import (
    SUBJECT,
    check_trials,
    made_validly,
    previous,
    require_columns,
    require_order,
    responses,
    sessions_of,
    was_played,
    with_responses,
)

OPTIMUM, MATCHING, RANDOM = "optimum", "matching", "random"
"""Policies that know the base probabilities (column `group`)."""
POLICIES = {OPTIMUM: optimal_reward, MATCHING: matching_reward, RANDOM: random_reward}
"""What each of them earns in the long run, per trial."""


def steady_state(trials: pd.DataFrame) -> pd.Series:
    """True for the last two thirds of each session (Methods, simulation 1); TableError if the table is not in order."""
    require_order(trials)
    sessions = sessions_of(trials)["trial"]
    return sessions.cumcount() + 1 > sessions.transform("size") / 3


def matching_points(trials: pd.DataFrame) -> pd.DataFrame:
    """Log ratios of each session's steady state; NaN for sessions where a count is 0.

    Args:
        trials: a trial table of the foraging task.

    Returns:
        Table: group, subject, session, log2_choice and log2_reward (right : left).
    """
    trials = with_responses(check_trials(trials, "foraging"))
    own = trials[steady_state(trials) & responses(trials)]
    left, right = own["choice"] == 0, own["choice"] == 1
    counts = {"left": left, "right": right, "left_reward": left * own["reward"], "right_reward": right * own["reward"]}
    sums = sessions_of(own.assign(**counts))[list(counts)].sum()
    sums = sums.where((sums > 0).all(axis=1))
    choice, reward = sums["right"] / sums["left"], sums["right_reward"] / sums["left_reward"]
    return pd.DataFrame({"log2_choice": np.log2(choice), "log2_reward": np.log2(reward)}).reset_index()


def matching_fit(points: pd.DataFrame) -> pd.DataFrame:
    """Generalised matching law by least squares, subject by subject.

    Args:
        points: of `matching_points`.

    Returns:
        Table: group, subject, slope, intercept, r, n (sessions), fit ("ok"; "too few trials" with less than three
        sessions of different reward ratios: the rest is NaN).
    """
    require_columns(points, [*SUBJECT, "log2_choice", "log2_reward"], "the points")
    rows = []
    for who, own in points.groupby(SUBJECT, sort=False, observed=True):
        own = own[np.isfinite(own[["log2_choice", "log2_reward"]]).all(axis=1)]
        if own["log2_reward"].nunique() < 3:
            rows.append((*who, np.nan, np.nan, np.nan, len(own), TOO_FEW))
            continue
        fit = smf.ols("log2_choice ~ log2_reward", own).fit()
        r = own["log2_choice"].corr(own["log2_reward"])
        rows.append((*who, fit.params["log2_reward"], fit.params["Intercept"], r, len(own), OK))
    return pd.DataFrame(rows, columns=[*SUBJECT, "slope", "intercept", "r", "n", "fit"])


def history_regression(
    trials: pd.DataFrame, lags: int = 15, kinds: Sequence[str] = ("reward", "choice")
) -> pd.DataFrame:
    """Logistic regression of choosing right on past rewards and choices together, subject by subject.

    As in Lau & Glimcher 2005: for each lag, R_right - R_left and C_right - C_left so many trials back. Steady-state
    trials with a full history are the responses.

    Args:
        trials: a trial table of the foraging task.
        lags: how many trials back.
        kinds: of the past, that are in the regression; one of the two, to leave the other out.

    Returns:
        Table: group, subject, kind (reward, choice), lag, weight, se, n, fit; see `choice_regression`.
    """
    require_counts(lags=lags)
    trials = check_trials(trials, "foraging")
    side = signed_side(trials)
    past = {"reward": side * trials["reward"], "choice": side}
    design = history_design(trials, {kind: past[kind] for kind in kinds}, lags)
    return choice_regression(trials, design, steady_state(trials) & responses(trials), "kind")


def choice_values(trials: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Value of either choice: its own reward and choice history weighted by the fitted filters (Tsutsui et al. 2016).

    Args:
        trials: a checked trial table, of one subject.
        weights: of `history_regression`, of that subject.

    Returns:
        left and right in the rows of `trials`; NaN before a full history, and where weights are NaN (not told).

    Raises:
        TableError: several subjects; weights of another one, or that are infinite or not there.
    """
    require_columns(weights, ["kind", "lag", "weight"], "the weights")
    if len(trials[SUBJECT].drop_duplicates()) != 1 or weights.duplicated(["kind", "lag"]).any():
        raise TableError("choice values are those of one subject, by its own weights")
    lags = weights.groupby("kind")["lag"].agg(["min", "max", "size"])
    if set(lags.index) != {"reward", "choice"} or (lags["min"] != 1).any() or (lags["max"] != lags["size"]).any():
        raise TableError("weights must be those of reward and choice at all lags from 1 on")
    who = trials[SUBJECT].iloc[0].tolist()
    if "subject" in weights and (weights[SUBJECT] != who).any(axis=None):
        raise TableError(f"the weights are not those of subject {who[1]}")
    if np.isinf(weights["weight"]).any():
        raise TableError("a weight is infinite; history_regression gives NaN where weights cannot be told")
    own = pd.DataFrame(index=trials.index)
    for name, choice in (("left", 0), ("right", 1)):
        chose = (trials["choice"] == choice) & made_validly(trials)
        past = trials.assign(choice=chose.astype(float), reward=trials["reward"] * chose)
        own[name] = sum(
            row.weight * previous(past, [row.kind], row.lag)[row.kind] for row in weights.itertuples(index=False)
        )
    return own


def reward_rates(trials: pd.DataFrame, base_probability_sum: float) -> pd.DataFrame:
    """Steady-state reward per trial (see `was_played`), and that of known policies on the same base probabilities.

    Args:
        trials: a trial table of the foraging task with the column p0_left.
        base_probability_sum: sum of the two base probabilities.

    Returns:
        Table: group (who behaves, then the policies), subject (on whose base probabilities), reward (per trial),
        share_of_optimum.
    """
    require_probabilities(base_probability_sum=base_probability_sum)
    if base_probability_sum == 0:
        raise ConfigError("base_probability_sum must be greater than 0: nothing could be earned")
    trials = check_trials(trials, "foraging", needs=["p0_left"])
    if trials["p0_left"].max() > base_probability_sum + 1e-6:
        raise TableError(f"p0_left is {trials['p0_left'].max():g}, more than both together ({base_probability_sum:g})")
    sums = sessions_of(was_played(trials[steady_state(trials)])).agg(
        reward=("reward", "sum"), trials=("reward", "size"), p0_left=("p0_left", "first")
    )
    grid = np.linspace(0, base_probability_sum, 101)
    earned = {"": sums["reward"]}
    for name, rate in POLICIES.items():
        rates = [rate(p, base_probability_sum - p) for p in grid]
        earned[name] = np.interp(sums["p0_left"], grid, rates) * sums["trials"]
    by_subject = sums.assign(**earned).groupby(SUBJECT, sort=False, observed=True)[[*earned, "trials"]].sum()
    rows = [
        (name or group, subject, own[name] / own["trials"], own[name] / own[OPTIMUM])
        for name in earned
        for (group, subject), own in by_subject.iterrows()
    ]
    return pd.DataFrame(rows, columns=[*SUBJECT, "reward", "share_of_optimum"])
