"""Experienced and inferred value after a reversal: which trials are compared, and their prediction errors (Fig. 4)."""

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

from pfc_metarl.analysis.read_out import PENALTIES, principal_components
from pfc_metarl.tasks.task import require_counts, require_probabilities
from pfc_metarl.trials import SUBJECT, check_trials, require_columns, session_keys, sessions_of

EVENTS = ("fixation", "stimulus", "saccade")
"""What the prediction errors are of, in the order of a trial: columns of the trial table."""
BEFORE_REVERSAL, EXPERIENCED, INFERRED = "before reversal", "experienced", "inferred"
COMPARISONS = (BEFORE_REVERSAL, EXPERIENCED, INFERRED)
"""Trial 1 of a block that reversed; trial 2 with trial 1's cue; trial 2 with the other cue."""
BEFORE, AFTER = "before", "after"
"""When the trial's cue is the rewarded one: before the reversal or after it (column cue_rewarded)."""
AWARE, BLIND = "boundary-aware", "boundary-blind"
"""Ideal observers (column group): do they know where blocks begin?"""


def label_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Say which trials are compared.

    Args:
        trials: a trial table of the inferred-value task.

    Returns:
        The checked table with the columns reversed (did the block reverse), comparison ("" for trials of none: among
        them those that are not valid, and a second trial after a first that is not), and cue_rewarded ("before",
        "after").
    """
    trials = check_trials(trials, "inferred_value")
    before = sessions_of(trials)[["rewarded_cue", "cue", "valid"]].shift(1)
    first = (trials["trial_in_block"] == 1) & before["rewarded_cue"].notna()
    reversal = (trials["rewarded_cue"] != before["rewarded_cue"]) & first
    met = sessions_of(trials.assign(met=reversal))["met"].shift(1, fill_value=False)
    after_reversal = met & (trials["trial_in_block"] == 2)
    same_cue = trials["cue"] == before["cue"]
    comparison = np.select([reversal, after_reversal & same_cue, after_reversal], COMPARISONS, default="")
    blocks = reversal.groupby([trials[key] for key in [*session_keys(trials), "block"]], sort=False, observed=True)
    usable = trials["valid"] & (reversal | (before["valid"] == True))  # noqa: E712 (NaN at a session's start)
    cue_rewarded = np.where(trials["cue"] == trials["rewarded_cue"], AFTER, BEFORE)
    return trials.assign(
        comparison=np.where(usable, comparison, ""), cue_rewarded=cue_rewarded, reversed=blocks.transform("any")
    )


def mean_errors(labelled: pd.DataFrame) -> pd.DataFrame:
    """Mean prediction errors of the trials that are compared.

    Args:
        labelled: of `label_trials`, with a column of prediction errors for each of `EVENTS`.

    Returns:
        Table: group, subject, comparison, cue_rewarded, event, prediction_error (mean over trials that tell it; NaN
        where there are none), n (of these).

    Raises:
        TableError: missing columns.
    """
    keys = [*SUBJECT, "comparison", "cue_rewarded"]
    require_columns(labelled, [*keys, *EVENTS], "the labelled trials")
    long = labelled.melt(keys, list(EVENTS), "event", "prediction_error")
    means = long.groupby([*keys, "event"], observed=True)["prediction_error"].agg(prediction_error="mean", n="count")
    every = pd.MultiIndex.from_product([COMPARISONS, (BEFORE, AFTER), EVENTS], names=[*keys[2:], "event"]).to_frame(
        index=False
    )
    whole = labelled[SUBJECT].drop_duplicates().merge(every, how="cross")
    return whole.merge(means.reset_index(), how="left").fillna({"n": 0}).astype({"n": int})


def ideal_errors(switch_probability: float, block_trials: int, discount: float) -> pd.DataFrame:
    """Prediction errors at the stimulus of observers who know the task, with and without the blocks' boundaries.

    What follows the trial does not depend on its cue, so that the error is gamma^2 (b - 1/2) for a cue that is
    believed to be rewarded with probability b: two steps lie between fixation and reward. One who knows the
    boundaries believes in a change with the switch probability at a block's start and never else; one who does
    not, at every trial with that probability divided by the block's length.

    Args:
        switch_probability: chance that the rewarded cue changes at a block's start.
        block_trials: trials of a block.
        discount: gamma, per time step.

    Returns:
        Table: group, comparison, cue_rewarded, prediction_error.

    Raises:
        ConfigError: no such probabilities, or no trials.
    """
    require_probabilities(switch_probability=switch_probability, discount=discount)
    require_counts(block_trials=block_trials)
    aware, blind = switch_probability, switch_probability / block_trials
    rows = []
    for group, at_start, within in ((AWARE, aware, 0.0), (BLIND, blind, blind)):
        for comparison in COMPARISONS:
            change = at_start if comparison == BEFORE_REVERSAL else within  # since the last outcome
            seen_last = BEFORE if comparison == BEFORE_REVERSAL else AFTER
            for cue_rewarded in (BEFORE, AFTER):
                belief = 1 - change if cue_rewarded == seen_last else change
                rows.append((group, comparison, cue_rewarded, discount**2 * (belief - 0.5)))
    return pd.DataFrame(rows, columns=["group", "comparison", "cue_rewarded", "prediction_error"])


def state_pca(states: np.ndarray, labelled: pd.DataFrame) -> pd.DataFrame:
    """Each network's state on trials 1 and 2 of blocks that reversed, on its own first two principal components.

    Args:
        states: (row of the trial table, step, unit).
        labelled: of `label_trials`.

    Returns:
        Table: subject, trial_in_block (1: reversal trial), step (0 fixation, 1 cue, 2 action, 3 reward), cue,
        rewarded_cue, pc1, pc2.
    """
    tables = []
    for subject, rows in labelled.groupby("subject", sort=False).indices.items():
        components, _ = principal_components(states[rows])
        own = labelled.iloc[rows]
        use = np.flatnonzero(own["reversed"] & (own["trial_in_block"] <= 2))
        told = own.iloc[use][["trial_in_block", "cue", "rewarded_cue"]].assign(subject=subject)
        tables += [
            told.assign(step=step, pc1=components[use, step, 0], pc2=components[use, step, 1])
            for step in range(states.shape[1])
        ]
    return pd.concat(tables, ignore_index=True)


def context_read_out(states: np.ndarray, labelled: pd.DataFrame) -> pd.DataFrame:
    """How often the state tells the cue that now pays, on trials 1 and 2 of blocks that reversed.

    What tells it is read out, for each step of the trial, from states on the later trials of all blocks.

    Args:
        states, labelled: see `state_pca`.

    Returns:
        Table: subject, trial_in_block, step, share (of trials; 0: it tells the cue that paid before; NaN where there
        are no later trials with either cue), n.
    """
    rows = []
    for subject, own in labelled.groupby("subject", sort=False).indices.items():
        trials = labelled.iloc[own]
        pays, trial = np.where(trials["rewarded_cue"] == 1, 1.0, -1.0), trials["trial_in_block"].to_numpy()
        later = np.flatnonzero(trial > 2)
        for step in range(states.shape[1]):
            able = len(np.unique(pays[later])) == 2
            read_out = RidgeCV(PENALTIES).fit(states[own[later], step], pays[later]) if able else None
            for early in (1, 2):
                at = np.flatnonzero((trial == early) & trials["reversed"])
                if read_out is None or not len(at):
                    rows.append((subject, early, step, np.nan, len(at)))
                    continue
                told = np.sign(read_out.predict(states[own[at], step])) == pays[at]
                rows.append((subject, early, step, told.mean(), len(at)))
    return pd.DataFrame(rows, columns=["subject", "trial_in_block", "step", "share", "n"])
