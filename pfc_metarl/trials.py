"""Trial tables, the common tongue of networks, reference agents, animals and people: one row per trial.

Columns: group (who behaves), subject, session, trial (counted up by one in a session), then those of the task
(`pfc_metarl.trial_columns`). Two of them say what counts in analyses of behaviour. `valid`: a trial that is not, or on
which no choice was made, is neither a response nor does it predict others. `free`: a trial whose choice was forced is
no response, but predicts those that follow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.api.typing import DataFrameGroupBy

from pfc_metarl.errors import TableError
from pfc_metarl.trial_columns import (
    ANIMALS,
    COLUMNS,
    COMMON_COLUMNS,
    KEY_COLUMNS,
    NETWORKS,
    NONE,
    OBSERVER,
    TOLD_TWICE,
    UNTRAINED,
    Column,
    Span,
    trained_on,
)

__all__ = [
    "ANIMALS", "COLUMNS", "KEYS", "NETWORKS", "NONE", "OBSERVER", "SESSION", "SUBJECT", "UNTRAINED", "by_session",
    "check_trials", "made_validly", "previous", "read_trials", "responses", "session_keys", "sessions_of", "trained_on",
    "trial_table", "was_played", "with_condition", "with_responses",
]  # fmt: skip

SUBJECT = ["group", "subject"]
"""Columns that name who behaves ..."""
SESSION = [*SUBJECT, "session"]
"""... a session (besides `condition` and `order`, where a table has them: see `sessions_of`) ..."""
KEYS = [*SESSION, "trial"]
"""... and a trial."""
TRUTH = {"true": True, "false": False}
"""Truth values as text, in small letters."""


def trial_table(
    task: str,
    episodes: np.ndarray,
    trials: np.ndarray,
    subject: ArrayLike,
    session: ArrayLike,
    group: str = NETWORKS,
) -> pd.DataFrame:
    """The table of a task that was played: the documented columns, as they stand in the records.

    Args:
        task: name of the task.
        episodes, trials: records (session,) and (session, trial) of `pfc_metarl.tasks.episodes.Episodes`.
        subject, session: who played, and the session's number, both (session,).
        group: who behaves.

    Returns:
        Table sorted by subject, session, trial; without the trials after an episode's end. Where a trial has several
        steps, action_1, action_2, ... are the responses at each of them.
    """
    order = np.lexsort((np.asarray(session), np.asarray(subject)))
    episodes, trials = episodes[order], trials[order]
    row, trial = np.nonzero(np.arange(trials.shape[1]) < episodes["trials"][:, None])
    keys = {"subject": np.asarray(subject)[order][row], "session": np.asarray(session)[order][row], "trial": trial + 1}
    columns: dict[str, object] = {"group": group, **keys}
    for column in (*COLUMNS[task], *COMMON_COLUMNS):
        if column.name in (trials.dtype.names or ()):
            columns[column.name] = trials[column.name][row, trial]
        elif column.name in (episodes.dtype.names or ()):
            columns[column.name] = episodes[column.name][row]
    steps = trials["actions"].shape[-1]
    if steps > 1:
        columns |= {f"action_{step + 1}": trials["actions"][row, trial, step] for step in range(steps)}
    return pd.DataFrame(columns)


def read_trials(path: str | Path, task: str, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read and check a laboratory's trial table.

    Args:
        path: of a .csv or .parquet file.
        task: name of the task (`COLUMNS`).
        rename: the file's name of a column to ours.

    Raises:
        TableError: the file cannot be read, or the table not be used; see `check_trials` and `with_responses`.
    """
    path, rename = Path(path), dict(rename or {})
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise TableError(f"{path}: a trial table is a .csv or a .parquet file")
    if not path.is_file():
        raise TableError(f"{path}: {'is a folder' if path.is_dir() else 'there is no such file'}")
    try:
        table = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path, rename)
    except TableError:
        raise
    except Exception as error:  # whatever the parsers raise
        reason = str(error).strip().splitlines()
        hint = "; save it as UTF-8" if isinstance(error, UnicodeError) else ""
        raise TableError(f"{path}: cannot be read: {reason[0] if reason else type(error).__name__}{hint}") from None
    absent = [name for name in rename if name not in table]
    if absent:
        raise TableError(f"{path}: no column {absent[0]} to rename; there are: {_names(table)}")
    return with_responses(check_trials(table.rename(columns=rename), task, str(path)), str(path))


def _read_csv(path: Path, rename: Mapping[str, str]) -> pd.DataFrame:
    """A CSV file, in which names of subjects, sessions and so on are text ("007"), but for plain whole numbers."""
    head = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0].dropna().str.strip()
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(head) == 1 and separator in head.iloc[0]:
            raise TableError(f"{path}: its columns are separated by {name}; save it with commas")
    if head.duplicated().any():
        raise TableError(f"{path}: several columns are called {head[head.duplicated()].iloc[0]}")
    keys = [column.name for column in KEY_COLUMNS if column.values is str]
    names = [name for name in head if rename.get(name, name) in keys]
    table = pd.read_csv(path, low_memory=False)
    texts = pd.read_csv(path, usecols=names, dtype=str, na_filter=False)
    for name in names:
        text = texts[name].str.strip()
        plain = text.str.fullmatch(r"0|-?[1-9]\d{0,17}").all()
        table[name] = text.astype(np.int64) if plain else text.where(text != "")
    return table


def check_trials(table: pd.DataFrame, task: str, source: str = "the table", needs: Sequence[str] = ()) -> pd.DataFrame:
    """A trial table that analyses can rely on.

    Args:
        table: the documented columns of the task, and others, which are kept as they are.
        task: name of the task (`COLUMNS`).
        source: what messages call the table.
        needs: optional columns that must be there all the same.

    Returns:
        The table with a new index: columns that were missing and have a default are filled in (group: animals;
        session: 1; free: True; valid: a choice was made), truth values are truth values and whole numbers whole,
        trials without a choice are not valid, and the trials of each session are in rising order.

    Raises:
        TableError: one line that names the table, the column, the row (from 1) and what was expected. Refused are:
        no rows; missing columns; names that are all but those of a column; values that are empty or not allowed;
        columns that contradict each other; a trial that stands there twice; and trial numbers that jump (neighbours
        would be wrong).
    """
    if task not in COLUMNS:
        raise TableError(f"{source}: unknown task {task}; choose one of: {', '.join(COLUMNS)}")
    if not isinstance(table, pd.DataFrame):
        raise TableError(f"{source}: is no pandas.DataFrame, but {type(table).__name__}; read_trials reads a file")
    if not table.columns.is_unique:
        raise TableError(f"{source}: several columns are called {table.columns[table.columns.duplicated()][0]}")
    if table.empty:
        raise TableError(f"{source}: holds no trials")
    documented = (*KEY_COLUMNS, *COLUMNS[task], *COMMON_COLUMNS)
    _refuse_near_misses(table, [column.name for column in documented], source)
    checked = table.reset_index(drop=True)
    for column in documented:
        if column.name in table:
            checked[column.name] = _mended(checked[column.name], column, source)
            if column.name in TOLD_TWICE:
                _refuse_contradiction(checked, column, source)
        elif column.default is not None or not column.optional or column.name in needs:
            checked[column.name] = _default(checked, column, source, _names(table))
    for name in needs:
        if name not in checked:
            raise TableError(f"{source}: no column {name}; there are: {_names(table)}")
    checked["valid"] = made_validly(checked)
    return _in_order(checked, source)


def session_keys(trials: pd.DataFrame) -> list[str]:
    """The columns that name a session of this table."""
    return [*SUBJECT, *(key for key in ("condition", "order") if key in trials), "session"]


def sessions_of(trials: pd.DataFrame) -> DataFrameGroupBy:
    """The sessions, in the order in which they stand in the table."""
    return trials.groupby(session_keys(trials), sort=False, observed=True)


def with_condition(trials: pd.DataFrame) -> pd.DataFrame:
    """The table with the column condition, "" if it has none."""
    return trials if "condition" in trials else trials.assign(condition="")


def made_validly(trials: pd.DataFrame) -> pd.Series:
    """Was a choice made, a state reached (if the task has any), and the trial not marked as invalid?"""
    valid = trials["valid"].astype(bool) if "valid" in trials else pd.Series(True, trials.index)
    for name in {"choice", "state"} & set(trials):
        valid = valid & (trials[name] != NONE)
    return valid


def responses(trials: pd.DataFrame) -> pd.Series:
    """Is the choice one that analyses of behaviour are to explain: valid, and not forced?"""
    valid = made_validly(trials)
    return valid & trials["free"].astype(bool) if "free" in trials else valid


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
        TableError: the trials of a session are not in rising order.
    """
    sessions = sessions_of(trials)
    if not (sessions["trial"].diff().fillna(1) > 0).all():
        raise TableError("the trial table must be sorted by subject, session and trial: check_trials does it")
    return sessions[list(columns)].shift(lag)


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


def _names(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.columns))


def _refuse_near_misses(table: pd.DataFrame, documented: Sequence[str], source: str) -> None:
    """TableError for a column that was meant to be a documented one, and would silently not count."""
    for name in map(str, table.columns):
        meant = name.strip().lower()
        if name != meant and meant in documented and meant not in table:
            raise TableError(f"{source}: there is a column {name!r}; if it is {meant}, rename it")


def _refuse_contradiction(table: pd.DataFrame, column: Column, source: str) -> None:
    """TableError where a column is not what follows from those told before it."""
    if column.default is None or (column.name == "free" and "forced_side" not in table):
        return
    try:
        follows = column.default(table)
    except KeyError:  # from columns that are not there
        return
    wrong = (table[column.name] != follows) & (table["choice"] != NONE)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        found = f"column {column.name}, row {row + 1}: {table[column.name].iloc[row]}"
        raise TableError(
            f"{source}: {found} contradicts the other columns ({column.meaning}); mend them, or leave it out"
        )


def _default(table: pd.DataFrame, column: Column, source: str, names: str) -> object:
    """What stands in for a missing column."""
    try:
        if column.default is not None:
            return column.default(table)
    except KeyError:  # of what it could be told from, something is missing too
        pass
    raise TableError(f"{source}: no column {column.name} ({column.meaning}); there are: {names}")


def _mended(values: pd.Series, column: Column, source: str) -> pd.Series:
    """The values in their proper type; TableError for the first one that is not allowed."""
    if column.values is str:
        wrong, mended = values.isna() | _odd_names(values), values
    else:
        if column.values is bool and not pd.api.types.is_numeric_dtype(values.dtype):
            values = values.map(lambda v: TRUTH.get(v.strip().lower(), v) if isinstance(v, str) else v)
        values = values.astype(object) if isinstance(values.dtype, pd.CategoricalDtype) else values
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        wrong = ~_allowed(numbers, column) | (numbers.isna() & values.notna())
        kinds = {"b": bool, "i": np.int64, "f": float}  # a type of the right kind is kept, however small
        kind = "b" if column.values is bool else "i" if column.expects_whole else "f"
        fits = isinstance(values.dtype, np.dtype) and values.dtype.kind == kind
        mended = values if fits else numbers.where(~wrong, 0).astype(kinds[kind])
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        value = values.iloc[row]
        found = "empty" if pd.isna(value) is True else repr(value) if isinstance(value, str) else str(value)
        more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
        expected = f"{column.expected} ({column.meaning})"
        raise TableError(f"{source}: column {column.name}, row {row + 1}{more}: {found}; expected {expected}")
    return mended


def _odd_names(values: pd.Series) -> pd.Series:
    """Those that begin or end with a space, or are no names at all (lists)."""
    try:
        different = values.unique()  # of some thousand rows they are a few
    except TypeError:
        return values.map(lambda v: getattr(v, "__hash__", None) is None).astype(bool)
    return values.isin([v for v in different if isinstance(v, str) and v != v.strip()])


def _allowed(numbers: pd.Series, column: Column) -> pd.Series:
    if isinstance(column.values, Span):
        low, high, whole = column.values
        return np.isfinite(numbers) & (numbers >= low) & (numbers <= high) & (not whole or numbers % 1 == 0)
    if column.values is float:
        return np.isfinite(numbers) | numbers.isna()
    return numbers.isin((0, 1) if column.values is bool else column.values)


def _in_order(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """The trials of each session in rising order; TableError where a number stands there twice or is left out."""
    if _steps(table).eq(1).all():
        return table
    again = table.duplicated([*session_keys(table), "trial"])
    if again.any():
        at = table[again].iloc[0]
        raise TableError(
            f"{source}: row {at.name + 1}: subject {at['subject']}, session {at['session']}, trial {at['trial']} stands"
            " there twice; does a column tell the sessions apart?"
        )
    table = table.iloc[np.lexsort((table["trial"], sessions_of(table).ngroup()))].reset_index(drop=True)
    jumps = _steps(table) != 1
    if jumps.any():
        at, before = table[jumps].iloc[0], table["trial"][jumps.idxmax() - 1]
        raise TableError(
            f"{source}: subject {at['subject']}, session {at['session']}: trial {at['trial']} follows trial {before};"
            " keep the trials between (mark forced ones with free = False, invalid ones with valid = False)"
        )
    return table


def _steps(table: pd.DataFrame) -> pd.Series:
    """From each trial's number to the one before in its session; 1 for the first."""
    return sessions_of(table)["trial"].diff().fillna(1)
