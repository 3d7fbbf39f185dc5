"""Accuracy by trial in Harlow's task, from trial tables."""

import pandas as pd

from pfc_metarl.analysis.learning_set import INTACT, RESET, accuracy_by_trial


def test_accuracy_by_hand() -> None:
    """Choices that are not made are wrong, but no choices; conditions number their sessions anew."""
    columns = {"subject": 1, "session": [1, 1, 2, 2], "trial": [1, 2, 1, 2], "rewarded_side": [0, 1, 0, 1]}
    intact = pd.DataFrame(columns | {"choice": [0, 1, 1, -1], "condition": INTACT})
    reset = pd.DataFrame(columns | {"choice": [1, 1, 1, 1], "condition": RESET})
    got = accuracy_by_trial(pd.concat([intact, reset])).set_index(["condition", "trial"])
    assert got.loc[INTACT, "accuracy"].tolist() == [50, 50] and got.loc[INTACT, "of_choices"].tolist() == [50, 100]
    assert got.loc[RESET, "accuracy"].tolist() == [0, 100] and (got["n"] == 2).all()
    alone = accuracy_by_trial(intact.drop(columns="condition"))
    assert alone["accuracy"].tolist() == [50, 50] and (alone["condition"] == "").all()
    both = pd.concat([intact.assign(pictures=pictures) for pictures in ("known", "new")])
    by_pictures = accuracy_by_trial(both, by=("condition", "pictures"))
    assert len(by_pictures) == 4 and by_pictures["pictures"].tolist() == ["known", "known", "new", "new"]
