"""Led networks made less sure: a temperature and a lapse that come back, and halves that predict each other."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from pfc_metarl.analysis.tempering import tempered
from pfc_metarl.errors import TableError


def led(beta: float, lapse: float, sessions: int, n: int = 20_000) -> pd.DataFrame:
    """A subject who chooses as a network would if it were less sure; forced trials are not told."""
    rng = np.random.default_rng(1)
    p_left = expit(rng.normal(0, 4, n))
    left = rng.random(n) < (1 - lapse) * expit(beta * logit(p_left)) + lapse / 2
    probability = np.where(rng.random(n) < 0.1, np.nan, np.where(left, p_left, 1 - p_left))
    session = np.arange(n) * sessions // n
    keys = {"group": "animals", "subject": 1, "session": session, "seed": 1, "trial": np.arange(n)}
    return pd.DataFrame({**keys, "probability": probability})


def miss(p: np.ndarray, beta: float, lapse: float) -> float:
    return -np.log((1 - lapse) * expit(beta * logit(p)) + lapse / 2).mean()


@pytest.mark.parametrize("beta, lapse", [(0.5, 0.2), (1.0, 0.0), (0.2, 0.0)])
def test_temperature_and_lapse_come_back(beta: float, lapse: float) -> None:
    table = led(beta, lapse, 10)
    told, p = tempered(table).iloc[0], table["probability"].dropna().to_numpy()
    gained = (miss(p, beta, lapse) - miss(p, told["inverse_temperature"], told["lapse"])) * len(p)
    assert 0 <= gained < 8  # more than the truth, as two parameters may
    assert told["held_out"] > told["per_choice"] - 0.002


def test_each_half_is_predicted_by_the_other() -> None:
    """Against a search on a grid."""
    table = led(0.5, 0.2, 4)
    p, odd = table["probability"].to_numpy(), (table["session"] % 2 == 0).to_numpy()  # sessions 1 and 3 of four
    p, odd = p[~np.isnan(p)], odd[~np.isnan(p)]
    total, grid = 0.0, [(b, e) for b in np.linspace(0.3, 0.8, 51) for e in np.linspace(0, 0.4, 41)]
    for half in (odd, ~odd):
        best = min(grid, key=lambda x: miss(p[~half], *x))
        total -= miss(p[half], *best) * half.sum()
    told = tempered(table).iloc[0]
    assert told["held_out"] == pytest.approx(total / len(p), abs=1e-3)
    assert told["n"] == len(p) and told["per_choice"] == pytest.approx(np.log(p).mean())


def test_a_single_session_holds_nothing_out() -> None:
    told = tempered(led(0.5, 0.2, 1)).iloc[0]
    assert np.isnan(told["held_out"]) and np.isfinite(told["inverse_temperature"])
    with pytest.raises(TableError, match="no column seed"):
        tempered(led(0.5, 0.2, 1).drop(columns="seed"))


def test_sessions_may_be_numbered_anew() -> None:
    """In each condition: where trials begin again, a session does, also if its first trials are not told."""
    table = led(0.5, 0.2, 2)
    begins = table["session"].diff() == 1
    anew = table.assign(
        session=1, trial=np.where(table["session"] == 0, table["trial"], table["trial"] - begins.idxmax())
    )
    anew.loc[begins.idxmax(), "probability"] = table.loc[begins.idxmax(), "probability"] = np.nan
    assert tempered(anew)["held_out"].tolist() == pytest.approx(tempered(table)["held_out"].tolist())
