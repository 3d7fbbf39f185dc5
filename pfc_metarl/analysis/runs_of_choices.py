"""Matching in detail: how long the same arm is chosen in a row, what ends it, and how preference grows in a session.

The paper's Supplementary Figure 4 holds finer-grained analyses of simulation 1; it could not be had: these are ours.
"""

import numpy as np
import pandas as pd

from pfc_metarl.analysis.matching import steady_state
from pfc_metarl.trials import SUBJECT, check_trials, require_columns, responses, session_keys, sessions_of

LONGEST = 12
"""Runs of more choices are taken together with those of this many."""
SHUFFLED = "choices shuffled"
"""The group whose choices are those of others in random order within each session's steady state."""
RATIOS = {"less than 3 : 1": (0, 0.75), "3 : 1 or more": (0.75, 1.01)}
"""Sessions by the richer arm's share of the base probabilities: from, to below."""


def runs(trials: pd.DataFrame) -> pd.DataFrame:
    """Each response of the steady state as part of a run of choices of the same arm.

    Args:
        trials: a checked trial table of the foraging task.

    Returns:
        Table: group, subject, session, trial, run (so many choices in a row, with this one), reward, switched (does
        the next trial choose the other arm; NaN where it is no response). What is no response ends a run.
    """
    use = steady_state(trials) & responses(trials)
    choice = trials["choice"].where(use, -1)
    keys = session_keys(trials)
    sessions = [trials[key] for key in keys]
    begins = choice != choice.groupby(sessions, sort=False).shift(1)
    number = begins.groupby(sessions, sort=False).cumsum()
    after = choice.groupby(sessions, sort=False).shift(-1).where(lambda next_one: next_one >= 0)
    run = choice.groupby([*sessions, number], sort=False).cumcount() + 1
    switched = (after != choice).astype(float).where(after.notna())
    return trials[[*keys, "trial", "reward"]].assign(run=run, switched=switched)[use]


def switching(trials: pd.DataFrame) -> pd.DataFrame:
    """How probable it is that the next choice is of the other arm, after so many of this one, by the last reward.

    Args:
        trials: a trial table of the foraging task.

    Returns:
        Table: group, subject, reward, run (1 to `LONGEST`), switched (share), n.
    """
    own = runs(check_trials(trials, "foraging")).dropna()
    own = own.assign(run=own["run"].clip(upper=LONGEST))
    by_run = own.groupby([*SUBJECT, "reward", "run"], observed=True)["switched"]
    return by_run.agg(["mean", "size"]).rename(columns={"mean": "switched", "size": "n"}).reset_index()


def run_lengths(trials: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Lengths of runs that ended with a switch, beside those of the same choices in random order (group `SHUFFLED`).

    Args:
        trials: a trial table of the foraging task.
        rng: shuffles.

    Returns:
        Table: group, subject, length (1 to `LONGEST`), share (of the subject's runs).
    """
    trials = check_trials(trials, "foraging")
    use = steady_state(trials) & responses(trials)
    mixed = trials.assign(group=SHUFFLED)
    mixed.loc[use, "choice"] = sessions_of(trials[use])["choice"].transform(rng.permutation)
    tables = []
    for table in (trials, mixed):
        ended = runs(table).query("switched == 1")
        length = ended["run"].clip(upper=LONGEST).rename("length")
        counts = ended.groupby([*SUBJECT, length], observed=True).size()
        tables.append((counts / counts.groupby(SUBJECT, observed=True).transform("sum")).rename("share").reset_index())
    return pd.concat(tables, ignore_index=True)


def preference_by_trial(trials: pd.DataFrame, base_probability_sum: float) -> pd.DataFrame:
    """Share of choices of the arm that pays more, trial by trial, for sessions in which it pays a little or much more.

    Args:
        trials: a trial table of the foraging task with the column p0_left.
        base_probability_sum: of the task.

    Returns:
        Table: group, subject, ratio (of `RATIOS`), trial, share.

    Raises:
        TableError: no column p0_left.
    """
    require_columns(trials, ["p0_left"], "the table")
    own = check_trials(trials, "foraging")
    own = own[responses(own)]
    left = own["p0_left"] / base_probability_sum
    own = own.assign(share=(own["choice"] == (left < 0.5)).astype(float), richer=np.maximum(left, 1 - left))
    parts = []
    for ratio, (low, high) in RATIOS.items():
        part = own[(own["richer"] >= low) & (own["richer"] < high)]
        by_trial = part.groupby([*SUBJECT, "trial"], observed=True)["share"].mean().reset_index()
        parts.append(by_trial.assign(ratio=ratio))
    return pd.concat(parts, ignore_index=True)[[*SUBJECT, "ratio", "trial", "share"]]
