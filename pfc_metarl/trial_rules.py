"""What must hold between the columns of a trial table: where it tells something twice, both must agree."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from pfc_metarl.errors import TableError
from pfc_metarl.trial_columns import COLUMNS, COMMON_COLUMNS, NONE
from pfc_metarl.trial_sessions import sessions_of

FOLLOW = ("state", "correct", "risky", "free")
"""Columns that follow from others (`Column.default`)."""


class Rule(NamedTuple):
    """What a column must be, if the others that it is told from are there too."""

    column: str
    words: str
    holds: Callable[[pd.DataFrame], pd.Series]
    """For each trial of a checked table; KeyError if columns are missing."""


def _none(trials: pd.DataFrame) -> pd.Series:
    return trials["choice"] == NONE


def _p_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Reward probabilities of a bandit's arms; KeyError if the table does not tell them."""
    arms = [name for name in trials if str(name).startswith("p_") and str(name)[2:].isdigit()]
    if not arms:
        raise KeyError("p_0")
    absent = [f"p_{arm}" for arm in range(len(arms)) if f"p_{arm}" not in trials]
    if absent:
        raise TableError(f"the table: no column {absent[0]}, but {arms[-1]}; there is one for each arm, or none")
    return trials[[f"p_{arm}" for arm in range(len(arms))]]


def _regret(trials: pd.DataFrame) -> pd.Series:
    p = _p_of(trials).to_numpy(float)
    chosen = p[np.arange(len(p)), trials["choice"].clip(0, p.shape[1] - 1)]
    return _none(trials) | np.isclose(trials["regret"], p.max(axis=1) - chosen, atol=1e-3)


def _points(trials: pd.DataFrame) -> pd.Series:
    chosen = trials["magnitude_left"].where(trials["choice"] == 0, trials["magnitude_right"])
    paid = chosen.where(trials["choice"] == trials["good_arm"], 0)
    return _none(trials) | pd.Series(np.isclose(trials["reward"], paid, rtol=1e-3, atol=1e-3), trials.index)


def _in_hundreds(trials: pd.DataFrame) -> pd.Series:
    return pd.Series(max(trials["magnitude_left"].max(), trials["magnitude_right"].max()) > 1, trials.index)


def _same_block(trials: pd.DataFrame) -> pd.Series:
    return sessions_of(trials)["block"].diff() == 0


def _counted(trials: pd.DataFrame) -> pd.Series:
    step, first = sessions_of(trials)["trial_in_block"].diff(), sessions_of(trials).cumcount() == 0
    return first | (step == 1).where(_same_block(trials), trials["trial_in_block"] == 1)


RULES: dict[str, tuple[Rule, ...]] = {
    "bandit": (
        Rule("choice", "there is a column p_ for each arm", lambda t: t["choice"] < _p_of(t).shape[1]),
        Rule("regret", "the best arm's p_ less the chosen one's", _regret),
    ),
    "foraging": (
        Rule(
            "p0_left",
            "it is the same throughout a session",
            lambda t: t["p0_left"] == sessions_of(t)["p0_left"].transform("first"),
        ),
    ),
    "volatility": (
        Rule("magnitude_left", "points, about 0 to 100, and the largest is at most 1", _in_hundreds),
        Rule("reward", "the chosen arm's magnitude if it is the good one, else 0", _points),
    ),
    "inferred_value": (
        Rule("block", "it rises", lambda t: ~(sessions_of(t)["block"].diff() < 0)),
        Rule("trial_in_block", "it counts the trials of each block from 1", _counted),
        Rule(
            "rewarded_cue",
            "it is the same throughout a block",
            lambda t: ~_same_block(t) | (sessions_of(t)["rewarded_cue"].diff() == 0),
        ),
        Rule(
            "reward", "the rewarded cue pays", lambda t: ~t["valid"] | (t["reward"] == (t["cue"] == t["rewarded_cue"]))
        ),
    ),
    "optogenetics": (
        Rule(
            "choice",
            "a forced choice is that of forced_side",
            lambda t: ~t["valid"] | (t["forced_side"] == NONE) | (t["choice"] == t["forced_side"]),
        ),
    ),
}
"""By task, besides columns that follow from others ..."""
WITHOUT_CHOICE = Rule("reward", "0 without a choice", lambda t: ~_none(t) | (t["reward"] == 0))
"""... and in all of them."""


def refuse_contradictions(trials: pd.DataFrame, task: str, source: str) -> None:
    """TableError for the first trial of a checked table on which a rule does not hold."""
    for rule in (*_of_defaults(trials, task), *RULES.get(task, ()), WITHOUT_CHOICE):
        if rule.column not in trials:
            continue
        try:
            wrong = ~rule.holds(trials).astype(bool)
        except KeyError:  # from columns that are not there
            continue
        if wrong.any():
            at = trials[wrong].iloc[0]
            who = f"subject {at['subject']}, session {at['session']}, trial {at['trial']}"
            raise TableError(
                f"{source}: column {rule.column}, {who}: {at[rule.column]} contradicts the other columns"
                f" ({rule.words}); mend them, or leave it out"
            )


def _of_defaults(trials: pd.DataFrame, task: str) -> list[Rule]:
    rules = []
    for column in (*COLUMNS[task], *COMMON_COLUMNS):
        follows = column.default
        if column.name in FOLLOW and follows is not None and (column.name != "free" or "forced_side" in trials):

            def holds(t: pd.DataFrame, name: str = column.name, follows: Callable = follows) -> pd.Series:
                return (t[name] == follows(t)) | _none(t)

            rules.append(Rule(column.name, column.meaning, holds))
    return rules
