"""Choice under risk, with and without stimulation of dopamine (Fig. 7)."""

import pandas as pd

from pfc_metarl.trials import NONE, SUBJECT, check_trials, responses, with_condition, with_responses

CONTROL, OWN = "control", "own protocol"
"""Conditions of the test: no stimulation; a protocol of the user's own."""
BLOCK_RISKY_REWARD, BLOCK_SAFE_REWARD = "block risky reward", "block safe reward"
BLOCK_RISKY_LOSS = "block risky loss"
STIMULATIONS = (BLOCK_RISKY_REWARD, BLOCK_SAFE_REWARD, BLOCK_RISKY_LOSS)
"""The paper's conditions: the outcome on which dopamine is stimulated or silenced."""


def risky_shares(trials: pd.DataFrame) -> pd.DataFrame:
    """Share of risky choices among valid free ones.

    Args:
        trials: a trial table of the optogenetics task.

    Returns:
        Table: condition ("" if the table has none), group, subject, p_risky, risky (share; NaN without choices), n
        (choices).
    """
    trials = with_condition(with_responses(check_trials(trials, "optogenetics")))
    counts = responses(trials) & (trials["risky"] != NONE)
    own = trials.assign(p_risky=trials["p_risky"].round(6), risky=trials["risky"].where(counts))  # single precision
    groups = own.groupby(["condition", *SUBJECT, "p_risky"], observed=True)["risky"]
    return groups.agg(risky="mean", n="count").reset_index()
