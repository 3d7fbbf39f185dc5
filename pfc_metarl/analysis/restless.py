"""Restless bandits: regret by volatility, and learning rates by blocks of sessions (Wang et al. 2016, Fig. 4)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pfc_metarl.agents.estimation import estimate
from pfc_metarl.agents.likelihood import choices_of
from pfc_metarl.agents.models import Model
from pfc_metarl.errors import TableError
from pfc_metarl.progress import progress
from pfc_metarl.tasks.task import require_counts
from pfc_metarl.trials import SUBJECT, check_trials, require_counted_from_one, sessions_of

BY = [*SUBJECT, "condition"]


def regret_by_trial(trials: pd.DataFrame) -> pd.DataFrame:
    """Cumulative regret, mean over sessions.

    Args:
        trials: trial table of the restless bandit, with the columns condition and regret.

    Returns:
        Table: group, subject, condition, trial, regret.
    """
    trials = check_trials(trials, "restless_bandit", needs=["condition", "regret"])
    require_counted_from_one(trials)
    mean = trials.groupby([*BY, "trial"], sort=False, observed=True)["regret"].mean()
    return mean.groupby(BY, sort=False, observed=True).cumsum().reset_index()


def fit_blocks(trials: pd.DataFrame, models: Mapping[str, Model], sessions: int) -> pd.DataFrame:
    """Models fitted by maximum likelihood to blocks of sessions, each block by itself.

    Args:
        trials: trial table of the models' task, with the column condition.
        models: by name.
        sessions: in a block; those of a subject and condition that do not fill one are left out.

    Returns:
        Table: group, subject, condition, block (from 1), model, bic (of the block), and the models' parameters (NaN
        where they are not free).

    Raises:
        TableError: no block is full.
    """
    require_counts(sessions=sessions)
    task = next(iter(models.values())).family.tasks[0]
    trials = check_trials(trials, task, needs=["condition"])
    block = trials.groupby(BY, sort=False, observed=True, group_keys=False)["session"].transform(_rank) // sessions
    full = trials.assign(block=block + 1).groupby([*BY, "block"], sort=False, observed=True)
    rows = []
    for key, own in progress(full, "fitting blocks"):
        if sessions_of(own).ngroups < sessions:
            continue
        for name, model in models.items():
            choices = choices_of(model.family, own, 2)
            got, _ = estimate(model, choices)
            bic = len(model.free) * np.log(choices.to_explain[0]) - 2 * got.log_likelihood
            values = {parameter.name: value for parameter, value in zip(model.free, got.value)}
            rows.append(dict(zip([*BY, "block"], key)) | {"model": name, "bic": bic} | values)
    if not rows:
        raise TableError(f"no subject has {sessions} sessions in a condition; blocks of so many are fitted")
    return pd.DataFrame(rows)


def _rank(sessions: pd.Series) -> np.ndarray:
    """Which session each row belongs to, in the order in which they stand."""
    return pd.factorize(sessions)[0]
