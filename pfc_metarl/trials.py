"""Trial tables, the common tongue of networks, reference agents, animals and people: one row per trial.

Columns: group (who behaves), subject, session, trial (counted up by one in a session), then those of the task
(`pfc_metarl.trial_columns`). Two of them say what counts in analyses of behaviour. `valid`: a trial that is not, or on
which no choice was made, is neither a response nor does it predict others. `free`: a trial whose choice was forced is
no response, but predicts those that follow.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from pfc_metarl.errors import TableError
from pfc_metarl.trial_checks import check_trials
from pfc_metarl.trial_columns import (
    ANIMALS,
    COLUMNS,
    COMMON_COLUMNS,
    KEY_COLUMNS,
    NETWORKS,
    NONE,
    OBSERVER,
    UNTRAINED,
    trained_on,
)
from pfc_metarl.trial_sessions import (
    KEYS,
    SESSION,
    SUBJECT,
    by_session,
    made_validly,
    of_networks,
    previous,
    require_columns,
    require_counted_from_one,
    require_order,
    responses,
    session_keys,
    sessions_of,
    was_played,
    with_condition,
    with_responses,
)

__all__ = [
    "ANIMALS", "COLUMNS", "KEYS", "NETWORKS", "NONE", "OBSERVER", "SESSION", "SUBJECT", "UNTRAINED", "by_session",
    "check_trials", "made_validly", "of_networks", "previous", "read_trials", "require_order",
    "responses", "session_keys", "sessions_of", "trained_on", "trial_table", "was_played", "with_condition",
    "with_responses", "require_columns", "require_counted_from_one",
]  # fmt: skip


def trial_table(
    task: str, episodes: np.ndarray, trials: np.ndarray, subject: ArrayLike, session: ArrayLike, group: str = NETWORKS
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


def read_trials(
    path: str | Path,
    task: str,
    rename: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Read and check a laboratory's trial table.

    Args:
        path: of a .csv or .parquet file.
        task: name of the task (`COLUMNS`).
        rename: the file's name of a column to ours.
        values: by our name of a column, the file's code to ours, e.g. {"choice": {"L": "0", "R": "1"}}.

    Raises:
        TableError: the file cannot be read, or the table not be used; see `check_trials` and `with_responses`.
    """
    if not isinstance(path, str | Path):
        raise TableError(
            f"a trial table is read from a file's path, not {type(path).__name__}; check_trials checks one"
        )
    path, rename = Path(path), {} if rename is None else rename
    if not isinstance(rename, Mapping):
        raise TableError(f"rename must be a dict from the file's names to ours, not {type(rename).__name__}")
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
        raise TableError(f"{path}: no column {absent[0]} to rename; there are: {', '.join(map(str, table.columns))}")
    table = table.rename(columns=rename)
    for name, codes in (values or {}).items():
        if name not in table:
            raise TableError(f"{path}: no column {name} whose values could be told; there are: {', '.join(table)}")
        names = name in [column.name for column in (*KEY_COLUMNS, *COLUMNS[task]) if column.values is str]
        table[name] = _recoded(table[name], codes, f"{path}: column {name}", names)
    return with_responses(check_trials(table, task, str(path)), str(path))


def _recoded(values: pd.Series, codes: Mapping[str, str], source: str, names: bool) -> pd.Series:
    """Values with our codes in place of the file's; TableError for a code that never occurs (a slip?).

    Names are text then, all of them; what is none becomes numbers where all codes are.
    """
    text = values.map(_in_words)
    absent = [code for code in codes if not (text == code).any()]
    if absent:
        raise TableError(f"{source}: {absent[0]} never occurs; there are: {', '.join(sorted(text.unique())[:10])}")
    new = text.map(codes)
    if names:
        return new.where(new.notna(), text)
    numbers = pd.to_numeric(new, errors="coerce")
    return (numbers if numbers.notna().equals(new.notna()) else new).where(new.notna(), values)


def _in_words(value: object) -> str:
    """As it stands in a file: 1.0 is 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _read_csv(path: Path, rename: Mapping[str, str]) -> pd.DataFrame:
    """A CSV file, in which names of subjects, sessions and so on are text ("007"), but for plain whole numbers."""
    head = pd.read_csv(path, header=None, nrows=1, dtype=str, skipinitialspace=True).iloc[0].dropna()
    if len(head) and head.iloc[0].startswith("#"):
        raise TableError(f"{path}: its first line is a comment; it must name the columns")
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len(head) == 1 and separator in head.iloc[0]:
            raise TableError(f"{path}: its columns are separated by {name}; save it with commas")
    if head.duplicated().any():
        raise TableError(f"{path}: several columns are called {head[head.duplicated()].iloc[0]}")
    _require_even_rows(path)
    keys = [column.name for column in KEY_COLUMNS if column.values is str]
    names = [name for name in head if rename.get(name.strip(), name.strip()) in keys]
    table = pd.read_csv(path, low_memory=False, skipinitialspace=True)
    texts = pd.read_csv(path, usecols=names, dtype=str, na_filter=False, skipinitialspace=True)
    for name in names:
        text = texts[name].str.strip()
        plain = text.str.fullmatch(r"0|-?[1-9]\d{0,17}").all()
        table[name] = text.astype(np.int64) if plain else text.where(text != "")
    return table


def _require_even_rows(path: Path) -> None:
    """TableError for a row with more fields than the header has: pandas would take the first for an index."""
    with path.open(newline="", encoding="utf-8") as file:
        lengths = [len(row) for _, row in zip(range(100), csv.reader(file, skipinitialspace=True)) if row]
    longer = [number for number, length in enumerate(lengths) if length > lengths[0]]
    if longer:
        raise TableError(
            f"{path}: row {longer[0]} has {lengths[longer[0]]} fields, the header {lengths[0]}; write it without row"
            " names and without commas at the ends of lines"
        )
