"""Trial tables: made from a task's record, and turned into arrays for recursions over trials."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

KEYS = ["subject", "session", "trial"]


def trial_table(record: dict[str, np.ndarray], subjects: Sequence[int | str]) -> pd.DataFrame:
    """Tidy table from arrays (trial, subject, session); sorted by subject, session, trial, which count from 1.

    Args:
        record: column name to array.
        subjects: names along the second axis (for networks their seeds).
    """
    trials, n_subjects, sessions = next(iter(record.values())).shape
    index = pd.MultiIndex.from_product([subjects, range(1, sessions + 1), range(1, trials + 1)], names=KEYS)
    columns = {name: array.transpose(1, 2, 0).reshape(-1) for name, array in record.items()}
    return pd.DataFrame(columns, index=index).reset_index()


def previous(trials: pd.DataFrame, columns: Sequence[str], lag: int = 1) -> pd.DataFrame:
    """The columns' values so many trials before in the same session; NaN where there is none.

    Raises:
        ValueError: the trials of a session do not stand together in rising order.
    """
    groups = trials.groupby(["subject", "session"], sort=False)
    if "trial" in trials and not (groups["trial"].diff().fillna(1) > 0).all():
        raise ValueError("the trial table must be sorted by subject, session and trial: use sort_values")
    return groups[list(columns)].shift(lag)


def by_session(trials: pd.DataFrame, columns: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns as arrays (trial, session), for all sessions of all subjects side by side.

    Sessions may differ in length; shorter ones are filled up with -1.

    Returns:
        The arrays, and flat positions: array.reshape(-1)[positions] is in the table's order.
    """
    session = trials.groupby(["subject", "session"], sort=False).ngroup().to_numpy()
    row = trials.groupby(["subject", "session"], sort=False).cumcount().to_numpy()
    shape = (row.max() + 1, session.max() + 1)
    arrays = {}
    for column in columns:
        arrays[column] = np.full(shape, -1, dtype=np.result_type(trials[column].dtype, np.int64))
        arrays[column][row, session] = trials[column]
    return arrays, row * shape[1] + session
