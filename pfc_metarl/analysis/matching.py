"""Matching behaviour: choice ratios against reward ratios, and how past rewards and choices drive choice."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pfc_metarl.analysis.trials import previous


def steady_state(trials: pd.DataFrame) -> pd.Series:
    """True for the last two thirds of each session (Methods, simulation 1)."""
    groups = trials.groupby(["subject", "session"], sort=False)["trial"]
    return trials["trial"] > groups.transform("max") / 3


def matching_points(trials: pd.DataFrame) -> pd.DataFrame:
    """Log ratios of each session's steady state; sessions where a count is 0 have no log ratio and are left out.

    Args:
        trials: columns subject, session, trial, choice, reward, valid.

    Returns:
        Table: subject, session, log2_choice and log2_reward (right : left).
    """
    own = trials[steady_state(trials) & trials["valid"].astype(bool)]
    counts = own.assign(
        left=own["choice"] == 0,
        right=own["choice"] == 1,
        left_reward=own["reward"].where(own["choice"] == 0, 0),
        right_reward=own["reward"].where(own["choice"] == 1, 0),
    )
    sums = counts.groupby(["subject", "session"])[["left", "right", "left_reward", "right_reward"]].sum()
    sums = sums[(sums > 0).all(axis=1)]
    return pd.DataFrame(
        {
            "log2_choice": np.log2(sums["right"] / sums["left"]),
            "log2_reward": np.log2(sums["right_reward"] / sums["left_reward"]),
        }
    ).reset_index()


def matching_fit(points: pd.DataFrame) -> pd.DataFrame:
    """Generalised matching law by least squares, subject by subject: subject, slope, intercept, r, n."""
    rows = []
    for subject, own in points.groupby("subject"):
        fit = smf.ols("log2_choice ~ log2_reward", own).fit()
        r = own["log2_choice"].corr(own["log2_reward"])
        rows.append((subject, fit.params["log2_reward"], fit.params["Intercept"], r, len(own)))
    return pd.DataFrame(rows, columns=["subject", "slope", "intercept", "r", "n"])


def history(trials: pd.DataFrame, lags: int) -> pd.DataFrame:
    """Regressors of Lau & Glimcher: for each lag, (R_right - R_left) and (C_right - C_left) that many trials back.

    Columns are (kind, lag) with kind "reward" or "choice"; 0 for invalid trials, NaN before the session's start.
    """
    side = (2 * trials["choice"] - 1).where(trials["valid"].astype(bool), 0)
    signed = trials[["subject", "session", "trial"]].assign(reward=side * trials["reward"], choice=side)
    columns: dict[tuple[str, int], pd.Series] = {}
    for lag in range(1, lags + 1):
        shifted = previous(signed, ["reward", "choice"], lag)
        columns |= {(kind, lag): shifted[kind] for kind in ("reward", "choice")}
    return pd.DataFrame(columns)


def history_regression(trials: pd.DataFrame, lags: int = 15) -> pd.DataFrame:
    """Logistic regression of choosing right on past rewards and choices together, subject by subject.

    Steady-state trials with a full history are the responses.

    Returns:
        Table: subject, kind (reward, choice), lag, weight (log odds; positive: repeat), se.
    """
    design = history(trials, lags)
    use = steady_state(trials) & trials["valid"].astype(bool) & design.notna().all(axis=1)
    rows = []
    for subject, own in trials[use].groupby("subject"):
        x = sm.add_constant(design.loc[own.index].to_numpy(float))
        fit = sm.Logit(own["choice"].to_numpy(float), x).fit(disp=0)
        for (kind, lag), weight, se in zip(design.columns, fit.params[1:], fit.bse[1:]):
            rows.append((subject, kind, lag, weight, se))
    return pd.DataFrame(rows, columns=["subject", "kind", "lag", "weight", "se"])


def choice_values(trials: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Value of either choice: its own reward and choice history weighted by the fitted filters (Tsutsui et al. 2016).

    Args:
        trials: of one subject.
        weights: of `history_regression`, of that subject.

    Returns:
        left and right in the rows of `trials`; NaN before a full history.
    """
    own = pd.DataFrame(index=trials.index)
    for name, choice in (("left", 0), ("right", 1)):
        chose = (trials["choice"] == choice) & trials["valid"].astype(bool)
        past = trials[["subject", "session", "trial"]].assign(
            choice=chose.astype(float), reward=trials["reward"] * chose
        )
        own[name] = sum(
            row.weight * previous(past, [row.kind], row.lag)[row.kind] for row in weights.itertuples(index=False)
        )
    return own
