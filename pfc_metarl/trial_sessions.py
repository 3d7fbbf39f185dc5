"""Sessions of a trial table, and which of its trials count."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from pfc_metarl.errors import ConfigError, TableError
from pfc_metarl.trial_columns import NETWORKS, NONE

SUBJECT = ["group", "subject"]
"""Columns that name who behaves ..."""
SESSION = [*SUBJECT, "session"]
"""... a session (besides `condition` and `order`, where a table has them: see `sessions_of`) ..."""
KEYS = [*SESSION, "trial"]
"""... and a trial."""


def session_keys(trials: pd.DataFrame) -> list[str]:
    """The columns that name a session of this table."""
    return [*SUBJECT, *(key for key in ("condition", "order") if key in trials), "session"]


def sessions_of(trials: pd.DataFrame) -> DataFrameGroupBy:
    """The sessions, in the order in which they stand in the table."""
    return trials.groupby(session_keys(trials), sort=False, observed=True, dropna=False)


def with_condition(trials: pd.DataFrame) -> pd.DataFrame:
    """The table with the column condition, "" if it has none."""
    return trials if "condition" in trials else trials.assign(condition="")


def of_networks(table: pd.DataFrame) -> pd.Series:
    """Is the group that of networks, whatever they were trained on (see `trained_on`)?"""
    return table["group"].astype(str).str.startswith(NETWORKS)


def made_validly(trials: pd.DataFrame) -> pd.Series:
    """Was a choice made, a state reached (if the task has any), and the trial not marked as invalid?"""
    valid = _truth(trials, "valid") if "valid" in trials else pd.Series(True, trials.index)
    for name in {"choice", "state"} & set(trials):
        valid = valid & (trials[name] != NONE)
    return valid


def responses(trials: pd.DataFrame) -> pd.Series:
    """Is the choice one that analyses of behaviour are to explain: valid, and not forced?"""
    valid = made_validly(trials)
    return valid & _truth(trials, "free") if "free" in trials else valid


def _truth(trials: pd.DataFrame, column: str) -> pd.Series:
    if not (pd.api.types.is_bool_dtype(trials[column]) or pd.api.types.is_numeric_dtype(trials[column])):
        raise TableError(f"the column {column} holds no truth values (text?): check_trials reads it")
    return trials[column].astype(bool)


def was_played(trials: pd.DataFrame) -> pd.DataFrame:
    """A checked table without the trials that are marked as not valid though a choice was made.

    What remains is what a subject's earnings are the mean of: trials without a choice earn nothing, but count."""
    return trials[trials["valid"] | (trials["choice"] == NONE)]


def with_responses(trials: pd.DataFrame, source: str = "the table") -> pd.DataFrame:
    """The table; TableError if it has no `responses` at all."""
    if not responses(trials).any():
        raise TableError(f"{source}: no trial is valid and free; there is nothing to analyse")
    return trials


def previous(trials: pd.DataFrame, columns: Sequence[str], lag: int = 1) -> pd.DataFrame:
    """The columns' values so many trials before in the same session; NaN where there is none.

    Raises:
        TableError: missing columns; the trials of a session do not follow each other.
        ConfigError: a lag that is no whole number from 1.
    """
    if lag < 1 or lag % 1:
        raise ConfigError(f"lag must be a whole number of at least 1, not {lag}")
    require_columns(trials, [*SESSION, "trial", *columns], "the trial table (check_trials fills in what is missing)")
    require_order(trials)
    return sessions_of(trials)[list(columns)].shift(lag)


def require_columns(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """TableError that names the first column of what an analysis was to be given that is not there."""
    if not isinstance(table, pd.DataFrame):
        raise TableError(f"{what}: is no pandas.DataFrame, but {type(table).__name__}")
    absent = [name for name in columns if name not in table]
    if absent:
        raise TableError(f"{what}: no column {absent[0]}; there are: {', '.join(map(str, table.columns))}")


def require_counted_from_one(trials: pd.DataFrame) -> None:
    """TableError unless each session's first trial is number 1: where trials are told by their number."""
    first = sessions_of(trials)["trial"].min()
    if (first != 1).any():
        at = first[first != 1].reset_index().iloc[0]
        raise TableError(
            f"the table: subject {at['subject']}, session {at['session']} begins with trial {at['trial']}; here trials"
            " are told by their number: count them from 1 in each session"
        )


def require_order(trials: pd.DataFrame) -> None:
    """TableError unless the trials of each session follow each other, none left out."""
    if not (sessions_of(trials)["trial"].diff().fillna(1) == 1).all():
        raise TableError(
            "the trial table must be sorted by subject, session and trial, with all trials of a session: check_trials"
            " sees to it"
        )


def by_session(trials: pd.DataFrame, columns: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns as arrays (trial, session), for all sessions of all subjects side by side.

    Sessions may differ in length; shorter ones are filled up with -1.

    Returns:
        The arrays, and flat positions: array.reshape(-1)[positions] is in the table's order.
    """
    sessions = sessions_of(trials)
    session, row = sessions.ngroup().to_numpy(), sessions.cumcount().to_numpy()
    shape = (row.max() + 1, session.max() + 1)
    arrays = {}
    for column in columns:
        arrays[column] = np.full(shape, -1, dtype=np.result_type(trials[column].dtype, np.int64))
        arrays[column][row, session] = trials[column]
    return arrays, row * shape[1] + session
