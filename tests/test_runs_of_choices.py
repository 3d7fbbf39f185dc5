"""Runs of choices, by hand and of known choosers."""

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.analysis.runs_of_choices import LONGEST, RATIOS, SHUFFLED, preference_by_trial, run_lengths, switching
from pfc_metarl.errors import TableError


def session(choice: list[int], reward: list[int], **more: object) -> pd.DataFrame:
    """A session whose steady state these trials are."""
    lead = len(choice) // 2
    table = pd.DataFrame({"choice": [0, 1] * (lead // 2) + choice, "reward": [0] * lead + reward})
    return table.assign(subject=1, session=1, trial=np.arange(1, len(table) + 1), **more)


def test_switching_by_hand() -> None:
    trials = session([0, 0, 0, 1, 1, 0, 1, 1], [1, 0, 1, 1, 1, 0, 0, 1])
    got = switching(trials).set_index(["reward", "run"])
    # by (reward, run): (1, 1) no, (0, 2) no, (1, 3) yes, (1, 1) no, (1, 2) yes, (0, 1) yes, (0, 1) no, last: unknown
    expected = {(0, 1): 0.5, (0, 2): 0.0, (1, 1): 0.0, (1, 2): 1.0, (1, 3): 1.0}
    assert got["switched"].to_dict() == expected and got["n"].tolist() == [2, 1, 2, 1, 1]


def test_what_is_no_response_ends_a_run() -> None:
    trials = session([0, 0, 0, 1, 1, 0, 1, 1], [0] * 8)
    trials["valid"] = trials["trial"] != 6  # the second of three
    got = switching(trials).set_index("run")["n"]
    assert got.to_dict() == {1: 4, 2: 1}  # before the gap nothing is known, the third begins anew


def test_lengths_of_independent_and_of_sticky_choices() -> None:
    """Lengths of independent choices are geometric, and shuffling does not change them; it breaks sticky ones."""
    rng, tables = np.random.default_rng(0), []
    for number in range(1, 201):
        flips = rng.random(120) < 0.2
        for subject, choice in (("coin", rng.integers(0, 2, 120)), ("sticky", np.cumsum(flips) % 2)):
            own = pd.DataFrame({"choice": choice, "reward": 0, "subject": subject, "session": number})
            tables.append(own.assign(trial=np.arange(1, 121)))
    trials = pd.concat(tables, ignore_index=True).sample(frac=1, random_state=0).sort_values("trial", kind="stable")
    share = run_lengths(trials, rng).set_index(["group", "subject", "length"])["share"]
    for group, subject, stay in (("animals", "coin", 0.5), (SHUFFLED, "coin", 0.5), ("animals", "sticky", 0.8)):
        own = share[group, subject]
        assert own.index.max() == LONGEST and own.sum() == pytest.approx(1)
        expected = [(1 - stay) * stay ** (length - 1) for length in (1, 2, 3, 4)]
        np.testing.assert_allclose(own[[1, 2, 3, 4]], expected, atol=0.03)
    assert share[SHUFFLED, "sticky", 1] > share["animals", "sticky", 1] + 0.2


def test_preference_by_hand() -> None:
    parts = [([0, 0, 1, 0], 0.45), ([1, 1, 0, 1], 0.2), ([1, 0, 1, 1], 0.22)]
    tables = [
        pd.DataFrame({"choice": choice, "reward": 0, "p0_left": p, "subject": 1, "session": i, "trial": [1, 2, 3, 4]})
        for i, (choice, p) in enumerate(parts, start=1)
    ]
    got = preference_by_trial(pd.concat(tables, ignore_index=True), 0.5).set_index(["ratio", "trial"])["share"]
    little, much = RATIOS
    assert got[much].tolist() == [1, 1, 0, 1] and got[little].tolist() == [1, 0.5, 0.5, 1]
    with pytest.raises(TableError, match="no column p0_left"):
        preference_by_trial(tables[0].drop(columns="p0_left"), 0.5)
