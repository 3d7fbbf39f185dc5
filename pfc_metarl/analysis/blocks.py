"""Stable and volatile blocks of the volatility task's test: learning rates in each (Fig. 3c, d), and what is earned."""

import numpy as np
import pandas as pd

from pfc_metarl.analysis.learning_rates import half_means, learning_rates
from pfc_metarl.errors import TableError
from pfc_metarl.tasks.volatility import HIGH_FIRST, LOW_FIRST
from pfc_metarl.trials import SUBJECT, check_trials, require_columns, sessions_of, trained_on, was_played

UNTIED = trained_on("untied")
"""Group of the networks that were trained on reward probabilities that are not tied to volatility."""
BLOCKS = {LOW_FIRST: ("stable 1", "volatile 1"), HIGH_FIRST: ("volatile 2", "stable 2")}
"""Names of the two halves of a test episode, by its order, as in Fig. 3c and d."""
ORDERS = tuple(BLOCKS)
BY_ORDER = [*SUBJECT, "order"]


def named_blocks(means: pd.DataFrame) -> pd.DataFrame:
    """Put the halves' names of Fig. 3 in place of their numbers: columns order and half -> order and block.

    Raises:
        TableError: missing columns, or an order that is none of `ORDERS`.
    """
    require_columns(means, ["order", "half"], "the means")
    unknown = means.loc[~means["order"].isin(ORDERS), "order"]
    if len(unknown):
        raise TableError(f"order is {unknown.iloc[0]!r}; expected {' or '.join(ORDERS)}")
    names = [BLOCKS[order][half - 1] for order, half in zip(means["order"], means["half"])]
    return means.drop(columns="half").assign(block=names)


def block_learning_rates(trials: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """Learning rate in each half of the test episodes.

    Args:
        trials: a trial table of the volatility task with the column order; sessions of equal, even length.
        rates: of `learning_rates`.

    Returns:
        Table: group, subject, order, block (its name in Fig. 3), alpha (our choice for the bars: mean over the
        windows that lie inside the block), whole (one fit to the whole block).

    Raises:
        TableError: sessions of different or odd length, windows that are longer than a half, or a column volatile that
            tells of other halves.
    """
    trials = check_trials(trials, "volatility", needs=["order"])
    require_columns(rates, [*BY_ORDER, "first", "last", "alpha"], "the rates (fit them by group, subject and order)")
    lengths, windows = sessions_of(trials).size(), rates["last"] - rates["first"] + 1
    half = int(lengths.max()) // 2
    if lengths.nunique() > 1 or lengths.max() % 2:
        raise TableError(f"sessions have {lengths.min()} to {lengths.max()} trials; halves need equal, even numbers")
    if rates["last"].max() > lengths.max():
        raise TableError(f"the rates are of windows up to trial {rates['last'].max()}; sessions have {lengths.max()}")
    if windows.max() > half:
        raise TableError(f"windows of {windows.max()} trials do not lie inside a half of {half}")
    if "volatile" in trials:
        second = sessions_of(trials).cumcount() >= half
        wrong = trials["volatile"] != (second == (trials["order"] == LOW_FIRST))
        if wrong.any():
            at = trials[wrong].iloc[0]
            who = f"subject {at['subject']}, session {at['session']}, trial {at['trial']}"
            raise TableError(
                f"the table: {who}: volatile contradicts order ({at['order']}): {LOW_FIRST} has its second half"
                f" volatile, {HIGH_FIRST} its first; mend them, or leave one out"
            )
    means = half_means(rates, BY_ORDER, half)
    whole = half_means(learning_rates(trials, half, half), BY_ORDER, half)
    keys = [*BY_ORDER, "half"]
    both = means.merge(whole.rename(columns={"alpha": "whole"})[[*keys, "whole"]], on=keys, how="left")
    return named_blocks(both).drop(columns="sd")


def earnings(trials: pd.DataFrame) -> pd.DataFrame:
    """Points per trial: table group, subject, points. (Without a choice nothing is earned; see `was_played`.)

    Args:
        trials: a trial table of the volatility task.
    """
    trials = was_played(check_trials(trials, "volatility"))
    magnitude = trials["magnitude_left"].where(trials["choice"] == 0, trials["magnitude_right"])
    points = np.where(trials["choice"] == trials["good_arm"], magnitude, 0.0)
    return trials.assign(points=points).groupby(SUBJECT, sort=False, observed=True)["points"].mean().reset_index()
