"""What is recalled of earlier episodes or trials: reward in contexts that come again, and staying with what a cue
reminds of (Ritter et al. 2018; Vikbladh et al. 2017)."""

import numpy as np
import pandas as pd

from pfc_metarl.trials import SUBJECT, require_columns, sessions_of

UNCUED, CUED, EPISODIC = "incremental, uncued", "incremental, cued", "episodic, cued"
"""Which trial is repeated or not: the one before, where there is no cue; the one before, where there is one; the one of
which the cue reminds."""
KINDS = [UNCUED, CUED, EPISODIC]


def by_meeting(trials: pd.DataFrame) -> pd.DataFrame:
    """Of a trial table of the barcode bandit: group, subject, met (how often the context was met), pull, reward and
    correct (was the good arm pulled): means over episodes."""
    require_columns(trials, [*SUBJECT, "choice", "reward", "met", "pull", "good_arm"], "the trial table")
    correct = trials["choice"] == trials["good_arm"]
    told = trials.assign(correct=correct.astype(float), reward=trials["reward"].astype(float))
    return told.groupby([*SUBJECT, "met", "pull"], observed=True)[["reward", "correct"]].mean().reset_index()


def first_pulls(trials: pd.DataFrame) -> pd.DataFrame:
    """Of the same: group, subject, reward (per episode), new and old: reward of the first pull in a context that is met
    for the first time, and in one that was met before; NaN where there is none."""
    require_columns(trials, [*SUBJECT, "reward", "met", "pull"], "the trial table")
    earned = trials["reward"].astype(float)
    first, new = trials["pull"] == 1, trials["met"] == 1
    columns = {"reward": earned, "new": earned.where(first & new), "old": earned.where(first & ~new)}
    table = trials[SUBJECT].assign(**columns).groupby(SUBJECT, observed=True).mean().reset_index()
    return table.assign(reward=table["reward"] * trials["pull"].max())


def cued_stay(trials: pd.DataFrame) -> pd.DataFrame:
    """Of a trial table of the episodic two-step task, with all trials of its sessions in order.

    Returns:
        group, subject, kind (`KINDS`), rewarded and common (0 or 1, of the trial that is repeated or not), stay
        (probability) and n (trials).
    """
    require_columns(trials, [*SUBJECT, "choice", "reward", "common", "source"], "the trial table")
    own = trials.reset_index(drop=True)
    place = sessions_of(own).cumcount().to_numpy()  # in the session
    begins, source = np.arange(len(own)) - place, own["source"].to_numpy(int)
    before, cued = np.arange(len(own)) - 1, source > 0
    parts = []
    for kind, which, other in (
        (UNCUED, ~cued & (place > 0), before),
        (CUED, cued & (place > 0), before),
        (EPISODIC, cued, begins + source - 1),
    ):
        there = own.iloc[other[which]]
        stay = own["choice"].to_numpy()[which] == there["choice"].to_numpy()
        told = {"rewarded": there["reward"].to_numpy(int), "common": there["common"].to_numpy(int)}
        parts.append(own.loc[which, SUBJECT].assign(kind=kind, stay=stay, **told))
    groups = pd.concat(parts).groupby([*SUBJECT, "kind", "rewarded", "common"], observed=True)["stay"]
    return groups.agg(stay="mean", n="size").reset_index()
