"""Choice under risk."""

import pandas as pd

from pfc_metarl.analysis.risk import CONTROL, risky_shares


def test_risky_shares_by_hand() -> None:
    """Forced pulls and missing choices do not count; what is risky is told by the side."""
    trials = pd.DataFrame(
        {
            "subject": 1,
            "session": [1] * 6 + [2] * 3,
            "trial": [1, 2, 3, 4, 5, 6, 1, 2, 3],
            "choice": [0, 1, 0, 0, 1, -1, 1, 1, 0],
            "free": [False, False, True, True, True, True, True, True, True],
            "p_risky": [0.5] * 6 + [0.125] * 3,
            "risky_side": [0] * 6 + [1] * 3,
        }
    )
    got = risky_shares(trials).set_index("p_risky")
    assert got.loc[0.5, ["risky", "n"]].tolist() == [2 / 3, 3] and got.loc[0.125, ["risky", "n"]].tolist() == [2 / 3, 3]
    two = risky_shares(pd.concat([trials.assign(condition=CONTROL), trials.assign(condition="other")]))
    assert two["n"].tolist() == [3] * 4 and two["condition"].tolist() == [CONTROL] * 2 + ["other"] * 2
    told = trials.assign(risky=[1, 0, 1, 1, 0, -1, 0, 0, 0]).drop(columns="risky_side")
    assert risky_shares(told).set_index("p_risky").loc[0.125, "risky"] == 0
