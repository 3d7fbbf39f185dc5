"""Networks that are led along subjects, made less sure of themselves: an inverse temperature and a lapse rate."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit

from pfc_metarl.trials import SUBJECT, require_columns

STARTS = ((0.0, -3.0), (-2.0, -1.0))
"""Of the search: log inverse temperature, log odds of lapsing."""
BOUNDS = ((-7.0, 4.0), (-9.0, 9.0))
SURE = 1e-15
"""Probabilities are taken to lie at least so far from 0 and 1."""


def tempered(told: pd.DataFrame) -> pd.DataFrame:
    """How well led networks predict choices between two, as they are and with two parameters fitted to each subject.

    The probability of a choice becomes (1 - lapse) logistic(beta logit(p)) + lapse / 2; beta = 1 and lapse = 0 is the
    network itself. What stands in `held_out` uses parameters that were fitted to the other half of the sessions (those
    of even number in the order of the table predict the odd ones, and the reverse).

    Args:
        told: of `pfc_metarl.led.lead`, with two choices.

    Returns:
        Table: group, subject, seed, n (choices), per_choice (mean log probability, of the network as it is),
        inverse_temperature, lapse (fitted to all sessions), held_out (mean log probability; NaN with one session).

    Raises:
        TableError: missing columns.
    """
    require_columns(told, [*SUBJECT, "seed", "session", "trial", "probability"], "the led networks' table")
    rows = []
    for who, own in told.groupby([*SUBJECT, "seed"], sort=False, observed=True):
        begins = own["session"].ne(own["session"].shift()) | (own["trial"].diff() <= 0)  # of another condition
        counts = own["probability"].notna().to_numpy()
        odds = logit(own["probability"].to_numpy(float)[counts].clip(SURE, 1 - SURE))
        odd = begins.cumsum().to_numpy()[counts] % 2 == 1
        best = _fitted(odds)
        held_out = np.nan
        if odd.any() and not odd.all():
            held_out = -sum(_miss(_fitted(odds[~half]), odds[half]) for half in (odd, ~odd)) / len(odds)
        values = len(odds), np.log(expit(odds)).mean(), np.exp(best[0]), expit(best[1]), held_out
        rows.append((*who, *values))
    columns = [*SUBJECT, "seed", "n", "per_choice", "inverse_temperature", "lapse", "held_out"]
    return pd.DataFrame(rows, columns=columns)


def _miss(x: np.ndarray, odds: np.ndarray) -> float:
    """Log probability of all choices, with a minus sign: x are log inverse temperature and log odds of lapsing."""
    lapse = expit(x[1])
    return -float(np.log((1 - lapse) * expit(np.exp(x[0]) * odds) + lapse / 2).sum())


def _fitted(odds: np.ndarray) -> np.ndarray:
    objective: Callable[[np.ndarray], float] = lambda x: _miss(x, odds)  # noqa: E731
    ends = [minimize(objective, x, method="L-BFGS-B", bounds=BOUNDS) for x in STARTS]
    return min(ends, key=lambda end: end.fun).x
