"""Which trials are compared after a reversal, and the ideal observers' prediction errors."""

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.analysis.reversal import (
    AFTER,
    AWARE,
    BEFORE,
    BEFORE_REVERSAL,
    BLIND,
    COMPARISONS,
    EVENTS,
    EXPERIENCED,
    INFERRED,
    context_read_out,
    ideal_errors,
    label_trials,
    mean_errors,
)


def blocks() -> pd.DataFrame:
    """Three blocks of three trials, of which the second and the third reverse."""
    return pd.DataFrame(
        {
            "group": "networks",
            "subject": 1,
            "session": 1,
            "trial": np.arange(1, 10),
            "block": np.repeat([1, 2, 3], 3),
            "trial_in_block": [1, 2, 3] * 3,
            "cue": [0, 1, 0, 1, 1, 0, 1, 0, 0],
            "rewarded_cue": np.repeat([0, 1, 0], 3),
        }
    )


def test_labels() -> None:
    got = label_trials(blocks())
    assert got["comparison"].tolist() == [""] * 3 + [BEFORE_REVERSAL, EXPERIENCED, "", BEFORE_REVERSAL, INFERRED, ""]
    assert got["reversed"].tolist() == [False] * 3 + [True] * 6
    assert got["cue_rewarded"].tolist()[3:5] == [AFTER, AFTER] and got["cue_rewarded"].tolist()[6] == BEFORE


def test_sessions_do_not_run_into_each_other() -> None:
    two = pd.concat([blocks(), blocks().assign(session=2, rewarded_cue=lambda t: 1 - t["rewarded_cue"])])
    together = label_trials(two)["comparison"]
    assert together.tolist() == 2 * label_trials(blocks())["comparison"].tolist()


def test_mean_errors_by_hand() -> None:
    labelled = pd.concat([label_trials(blocks()), label_trials(blocks().assign(subject=2))], ignore_index=True)
    labelled[list(EVENTS)] = np.arange(18)[:, None] + np.array([0.0, 0.1, 0.2])
    got = mean_errors(labelled).set_index(["subject", "comparison", "cue_rewarded", "event"])
    assert len(got) == 2 * 6 * 3 and (got["group"] == "networks").all()  # those that never occurred are there too
    assert (got["n"] == got["prediction_error"].notna()).all() and got["n"].sum() == 2 * 4 * 3
    assert got.loc[(1, BEFORE_REVERSAL, AFTER, "stimulus"), "prediction_error"] == pytest.approx(3.1)
    assert got.loc[(1, EXPERIENCED, AFTER, "saccade"), "prediction_error"] == pytest.approx(4.2)
    assert got.loc[(2, INFERRED, AFTER, "fixation"), "prediction_error"] == pytest.approx(9 + 7)


def test_trials_that_are_not_valid_are_not_compared() -> None:
    for row, gone in ((3, [3, 4]), (7, [7])):  # a first trial, and with it the second; a second
        valid = np.arange(9) != row
        got, whole = (label_trials(table)["comparison"] for table in (blocks().assign(valid=valid), blocks()))
        assert (got == "").tolist() == [w == "" or i in gone for i, w in enumerate(whole)]


def test_ideal_observers() -> None:
    error = ideal_errors(switch_probability=0.5, block_trials=5, discount=0.9)
    error = error.set_index(["group", "comparison", "cue_rewarded"])["prediction_error"]
    assert len(error) == 2 * len(COMPARISONS) * 2
    assert error[AWARE, BEFORE_REVERSAL, BEFORE] == 0
    assert error[AWARE, INFERRED, AFTER] == pytest.approx(0.81 * 0.5)
    assert error[BLIND, BEFORE_REVERSAL, BEFORE] == pytest.approx(0.324)
    assert error[BLIND, EXPERIENCED, BEFORE] == pytest.approx(-0.324)


def test_context_read_out() -> None:
    """One subject's state is that of the cue that pays from the reversal's second step on, another's a trial later."""
    rng, tables, states = np.random.default_rng(0), [], []
    for subject, from_step in ((1, 2), (2, 4)):
        pays = rng.permutation(np.repeat([0, 1, 1, 0], 10)).repeat(5)
        own = pd.DataFrame({"rewarded_cue": pays, "trial": np.arange(200) + 1, "block": np.arange(200) // 5 + 1})
        own = own.assign(group="networks", subject=subject, session=1, trial_in_block=np.tile(np.arange(5) + 1, 40))
        tables.append(own.assign(cue=rng.integers(0, 2, 200)))
        believed = np.roll(pays, from_step // 4)[:, None].repeat(4, axis=1)
        believed[:, :from_step] = np.roll(pays, 1 + from_step // 4)[:, None] if from_step < 4 else believed
        states.append(np.stack([2.0 * believed - 1, rng.normal(size=(200, 4))], axis=-1))
    labelled = label_trials(pd.concat(tables, ignore_index=True))
    table = context_read_out(np.concatenate(states), labelled)
    wide = table.pivot(index=["subject", "trial_in_block"], columns="step", values="share")
    np.testing.assert_array_equal(wide.loc[[(1, 1), (1, 2), (2, 1), (2, 2)]], [[0, 0, 1, 1], [1] * 4, [0] * 4, [1] * 4])
    few = labelled[labelled["trial_in_block"] < 3]
    assert context_read_out(np.concatenate(states)[few.index], few)["share"].isna().all()
