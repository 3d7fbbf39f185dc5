"""What analyses can rely on in a trial table, and what is refused: values column by column, names, order, rules."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import pandas as pd

from pfc_metarl.errors import TableError
from pfc_metarl.trial_columns import COLUMNS, COMMON_COLUMNS, KEY_COLUMNS, Column, Span
from pfc_metarl.trial_rules import refuse_contradictions
from pfc_metarl.trial_sessions import SESSION, made_validly, session_keys, sessions_of

SILENT = ("valid", "free", "group", "session", "condition", "order")
"""Columns without which a table is read all the same, but to another effect."""
TRUTH = {"true": True, "false": False}
"""Truth values as text, in small letters."""


def check_trials(table: pd.DataFrame, task: str, source: str = "the table", needs: Sequence[str] = ()) -> pd.DataFrame:
    """A trial table that analyses can rely on.

    Args:
        table: the documented columns of the task, and others, which are kept as they are.
        task: name of the task (`COLUMNS`).
        source: what messages call the table.
        needs: other columns that must be there, without gaps.

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
        elif column.default is not None or not column.optional or column.name in needs:
            checked[column.name] = _default(checked, column, source, _names(table))
    for name in needs:
        if name not in checked:
            raise TableError(f"{source}: no column {name}; there are: {_names(table)}")
        if checked[name].isna().any():
            raise TableError(f"{source}: column {name}, row {int(np.argmax(checked[name].isna())) + 1}: empty")
    checked["valid"] = made_validly(checked)
    checked = _in_order(checked, source)
    refuse_contradictions(checked, task, source)
    return checked


def _names(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.columns))


def _refuse_near_misses(table: pd.DataFrame, documented: Sequence[str], source: str) -> None:
    """TableError for a column that was meant to be a documented one, and would silently not count."""
    plain = {name.replace("_", ""): name for name in documented}
    for name in map(str, table.columns):
        meant = name.strip().lower()
        meant = plain.get(re.sub(r"[\W_]", "", meant), meant)  # "second choice", "SecondChoice"
        if meant not in documented:
            meant = next(iter(get_close_matches(meant, SILENT, 1, 0.8)), meant)
        if name != meant and meant in documented and meant not in table:
            raise TableError(f"{source}: there is a column {name!r}; if it is {meant}, rename it")


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
        values = values.astype(float) if values.dtype == np.float16 else values  # of which pandas makes no groups
        wrong, mended = values.isna() | _odd_names(values, may_be_empty=column.name == "condition"), values
    elif getattr(values.dtype, "kind", "") in "cmM":
        raise TableError(f"{source}: column {column.name} holds {values.dtype}; expected {column.expected}")
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


def _odd_names(values: pd.Series, may_be_empty: bool) -> pd.Series:
    """Those that are empty, begin or end with a space, or are no names at all (lists)."""
    try:
        different = values.unique()  # of some thousand rows they are a few
    except TypeError:
        return values.map(lambda v: getattr(v, "__hash__", None) is None).astype(bool)
    return values.isin([v for v in different if isinstance(v, str) and (v != v.strip() or not (v or may_be_empty))])


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
        _require_whole_sessions(table, source)
        return table
    again = table.duplicated([*session_keys(table), "trial"])
    if again.any():
        at = table[again].iloc[0]
        raise TableError(
            f"{source}: row {at.name + 1}: subject {at['subject']}, session {at['session']}, trial {at['trial']} stands"
            " there twice; does a column tell the sessions apart?"
        )
    table = table.iloc[np.lexsort((table["trial"], sessions_of(table).ngroup()))].reset_index(drop=True)
    _require_whole_sessions(table, source)
    jumps = _steps(table) != 1
    if jumps.any():
        at, before = table[jumps].iloc[0], table["trial"][jumps.idxmax() - 1]
        raise TableError(
            f"{source}: subject {at['subject']}, session {at['session']}: trial {at['trial']} follows trial {before};"
            " keep the trials between (mark forced ones with free = False, invalid ones with valid = False)"
        )
    return table


def _require_whole_sessions(table: pd.DataFrame, source: str) -> None:
    """TableError where condition, order or group change within a session: its parts would be taken for sessions."""
    ends = sessions_of(table)["trial"].agg(["min", "max"]).reset_index()
    different = ends.groupby(SESSION, sort=False, observed=True)["min"].nunique() > 1
    if different.any():
        _, subject, session = different.idxmax()
        raise TableError(
            f"{source}: subject {subject}, session {session}: condition or order changes on the way; they name whole"
            " sessions (give another column the name)"
        )
    same = ends.merge(ends, left_on=["subject", "session"], right_on=["subject", "session"], suffixes=("", "_other"))
    on = same[(same["group"] != same["group_other"]) & (same["min"] == same["max_other"] + 1)]
    if len(on):
        raise TableError(
            f"{source}: subject {on['subject'].iloc[0]}, session {on['session'].iloc[0]}: group changes on the way"
            f" (trial {on['min'].iloc[0]}); it names whole sessions (number the parts as sessions of their own)"
        )


def _steps(table: pd.DataFrame) -> pd.Series:
    """From each trial's number to the one before in its session; 1 for the first."""
    return sessions_of(table)["trial"].diff().fillna(1)
