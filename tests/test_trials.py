"""Trial tables: made from records, read from a laboratory's files, checked; what counts in analyses of behaviour."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pfc_metarl.analysis.lagged import lagged_design, lagged_regression
from pfc_metarl.analysis.matching import history_regression, matching_points
from pfc_metarl.analysis.stay import stay_probabilities, stay_regression
from pfc_metarl.errors import TableError
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.foraging import Foraging
from pfc_metarl.tasks.task import CENTRE
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.trials import (
    ANIMALS,
    COLUMNS,
    NONE,
    by_session,
    check_trials,
    previous,
    read_trials,
    responses,
    trial_table,
)


def animals(trials: int = 60, sessions: int = 4) -> pd.DataFrame:
    """What a laboratory would give: two rats at the two-step task, the needed columns alone."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product(
        [["Ada", "Bob"], range(1, sessions + 1), range(1, trials + 1)], names=["subject", "session", "trial"]
    )
    table = pd.DataFrame(index=index).reset_index()
    for name, p in (("choice", 0.5), ("common", 0.8), ("reward", 0.5)):
        table[name] = (rng.random(len(table)) < p).astype(int)
    return table.astype({"common": bool})


def test_table_of_a_played_task_row_by_row() -> None:
    task, world = TwoStep(7, 0.8, 0.9, 0.1, 0.1), Episodes(TwoStep(7, 0.8, 0.9, 0.1, 0.1), 1, 5)
    world.begin([np.random.default_rng(1)])
    rng = np.random.default_rng(2)
    actions = rng.integers(0, 3, (task.steps, 1, 5))
    for action in actions:
        world.step(action)
    subjects, sessions = np.array([9, 3, 3, 9, 3]), np.array([2, 1, 3, 1, 2])
    table = trial_table("two_step", world.records[0], world.trials[0], subjects, sessions, "somebody")
    keys = table[["subject", "session", "trial"]]
    assert keys.equals(keys.sort_values(list(keys)))
    assert len(table) == 35 and (table["group"] == "somebody").all()
    for i in range(5):
        own = table[(table["subject"] == subjects[i]) & (table["session"] == sessions[i])].reset_index(drop=True)
        for t, row in own.iterrows():
            record = world.trials[0, i, t]
            assert all(row[name] == record[name] for name in ("choice", "state", "common", "reward", "valid"))
            assert [row[f"action_{k}"] for k in (1, 2, 3)] == actions[3 * t : 3 * t + 3, 0, i].tolist()


def test_trials_after_the_end_are_left_out() -> None:
    world = Episodes(Foraging(20, 5, 0.5, [(0.0, 0.5)]), 1, 30)
    world.begin([np.random.default_rng(1)])
    for t in range(40):
        world.step(np.full((1, 30), CENTRE if t % 2 == 0 else t % 4 // 2))
    table = trial_table("foraging", world.records[0], world.trials[0], np.ones(30), np.arange(30))
    lengths = table.groupby("session").size()
    assert lengths.tolist() == world.records[0]["trials"].tolist() and lengths.min() < 20
    assert table["valid"].all() and (table["choice"] >= 0).all()
    assert (table.groupby("session")["p0_left"].nunique() == 1).all()


def test_defaults() -> None:
    table = animals(sessions=1).drop(columns="session")
    table.loc[4, "choice"] = NONE
    checked = check_trials(table, "two_step")
    assert (checked["group"] == ANIMALS).all() and (checked["session"] == 1).all() and checked["free"].all()
    assert checked.index[~checked["valid"]].tolist() == [4]
    row = checked.iloc[7]
    assert row["state"] == (row["choice"] if row["common"] else 1 - row["choice"]) and checked["state"][4] == NONE
    pd.testing.assert_frame_equal(check_trials(checked, "two_step"), checked)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_files(tmp_path: Path, ending: str) -> None:
    theirs = animals().rename(columns={"subject": "rat", "choice": "side"}).assign(weight=300.5)
    path = tmp_path / f"rats.{ending}"
    theirs.to_csv(path, index=False) if ending == "csv" else theirs.to_parquet(path)
    read = read_trials(path, "two_step", rename={"rat": "subject", "side": "choice"})
    assert (read["weight"] == 300.5).all()
    pd.testing.assert_frame_equal(stay_probabilities(read), stay_probabilities(animals()))
    with pytest.raises(TableError, match=f"{path}: no column animal to rename; there are: rat, session"):
        read_trials(path, "two_step", rename={"animal": "subject"})


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("rats.csv", None, "there is no such file"),
        ("rats.xlsx", "", "is a .csv or a .parquet file"),
        ("rats.csv", "", "cannot be read: No columns to parse"),
        ("rats.csv", "subject,trial\n1,2\n4,5,6,7,8,9\n", "row 2 has 6 fields, the header 2"),
        ("rats.parquet", "no parquet", "cannot be read"),
        ("rats.csv", "subject,trial,choice,common,reward\n", "holds no trials"),
        ("rats.csv", "subject;trial;choice\n1;2;0\n", "its columns are separated by semicolons; save it with commas"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(TableError, match=message) as error:
        read_trials(tmp_path / name, "two_step")
    assert "\n" not in str(error.value) and str(tmp_path / name) in str(error.value)


def test_folder_and_binary_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    for name in ("folder.csv", "binary.csv"):
        with pytest.raises(TableError) as error:
            read_trials(tmp_path / name, "two_step")
        assert "\n" not in str(error.value)


def put(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A table with another value in one place."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        values = table[column].astype(object)
        values[row] = value
        return table.assign(**{column: values})

    return change


BAD: list[tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    (lambda t: t.iloc[:0], "holds no trials"),
    (lambda t: t.drop(columns="reward"), r"no column reward \(1 rewarded, 0 not\); there are: subject, session, tri"),
    (lambda t: t.drop(columns="subject"), "no column subject"),
    (lambda t: t.set_index("trial"), "no column trial"),
    (lambda t: pd.concat([t, t["choice"]], axis=1), "several columns are called choice"),
    (put("choice", 2, np.nan), r"column choice, row 3: empty; expected 0, 1 or -1 \(0 left, 1 right, -1 none\)"),
    (put("choice", 2, 2), "column choice, row 3: 2; expected 0, 1 or -1"),
    (put("choice", 2, "left"), "column choice, row 3: 'left'; expected"),
    (lambda t: t.assign(choice=t["choice"] + 1), r"column choice, row \d+ \(and \d+ more\): 2; expected"),
    (put("choice", 2, np.inf), "column choice, row 3: inf"),
    (put("choice", 2, [0]), r"column choice, row 3: \[0\]"),
    (put("reward", 0, 0.5), "column reward, row 1: 0.5; expected 0 or 1"),
    (lambda t: t.assign(reward=3 * t["reward"]), r"column reward, row \d+ .*: 3; expected 0 or 1"),
    (put("reward", 5, None), "column reward, row 6: empty"),
    (put("common", 5, np.nan), "column common, row 6: empty; expected True or False"),
    (put("common", 5, "rare"), "column common, row 6: 'rare'; expected True or False"),
    (put("common", 5, 2), "column common, row 6: 2; expected True or False"),
    (lambda t: t.assign(valid="yes"), "column valid, row 1 .*: 'yes'; expected True or False"),
    (lambda t: t.assign(valid=pd.array([True, None] * 240, dtype="boolean")), "column valid, row 2 .*: empty"),
    (put("subject", 9, None), "column subject, row 10: empty; expected text or a number"),
    (put("subject", 9, ["Ada"]), "column subject, row 10: "),
    (put("session", 9, np.nan), "column session, row 10: empty"),
    (put("trial", 9, np.nan), "column trial, row 10: empty; expected a whole number"),
    (put("trial", 9, 10.5), "column trial, row 10: 10.5; expected a whole number"),
    (put("trial", 9, "ten"), "column trial, row 10: 'ten'"),
    (put("trial", 9, 1e30), r"column trial, row 10: 1e\+30"),
    (lambda t: pd.concat([t, t.iloc[[3]]]), "row 481: subject Ada, session 1, trial 4 stands there twice"),
    (lambda t: t.drop(columns="session"), "row 61: subject Ada, session 1, trial 1 .* does a column tell the sessions"),
    (lambda t: t.drop(index=7), "subject Ada, session 1: trial 9 follows trial 7; keep .*free = False.*valid = False"),
    (lambda t: t.assign(state=5), "column state, row 1 .*: 5"),
]  # fmt: skip


@pytest.mark.parametrize("change, message", BAD, ids=[message for _, message in BAD])
def test_tables_that_cannot_be_used(change: Callable[[pd.DataFrame], pd.DataFrame], message: str) -> None:
    for use in (lambda t: check_trials(t, "two_step"), stay_probabilities, stay_regression, lagged_regression):
        with pytest.raises(TableError, match="^the table: .*" + message) as error:
            use(change(animals()))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("nothing", [{"valid": False}, {"choice": NONE, "reward": 0}, {"free": 0}])
def test_tables_without_a_response(tmp_path: Path, nothing: dict[str, object]) -> None:
    """A file is refused; analyses name every subject, and that it has no trials."""
    table = animals().assign(**nothing)
    table.to_csv(tmp_path / "rats.csv")
    for use in (lambda: read_trials(tmp_path / "rats.csv", "two_step"), lambda: matching_points(table)):
        with pytest.raises(TableError, match="no trial is valid and free; there is nothing to analyse"):
            use()
    for regression in (stay_regression, lagged_regression, history_regression):
        got = regression(table)
        assert got["subject"].unique().tolist() == ["Ada", "Bob"] and (got["n"] == 0).all()
        assert (got["fit"] == "too few trials").all() and got["weight"].isna().all()
    assert stay_probabilities(table)["n"].tolist() == [0] * 8 and stay_probabilities(table)["stay"].isna().all()


def test_unknown_task_and_needed_columns() -> None:
    with pytest.raises(TableError, match="rats.csv: unknown task two-step; choose one of: .*bandit"):
        check_trials(animals(), "two-step", "rats.csv")
    for need in ("good_state", "weight"):
        with pytest.raises(TableError, match=f"no column {need}"):
            check_trials(animals(), "two_step", needs=[need])


def text(values: pd.Series) -> pd.Series:
    return values.astype(bool).astype(str).str.upper()


SAME: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "text": lambda t: t.assign(valid=text(t["valid"]), common=text(t["common"]), reward=t["reward"].astype(str)),
    "numbers": lambda t: t.assign(valid=t["valid"].astype(float), common=t["common"].astype(int)),
    "floats": lambda t: t.astype({"choice": float, "reward": float, "trial": float, "session": float}),
    "small": lambda t: t.astype({"choice": "int8", "reward": "int8", "trial": "int16"}),
    "categories": lambda t: t.astype({"choice": "category", "subject": "category", "session": "category"}),
    "nullable": lambda t: t.convert_dtypes(),
    "index that repeats": lambda t: t.set_axis([0] * len(t)),
    "shuffled": lambda t: t.sample(frac=1, random_state=1),
    "counted on from session to session": lambda t: t.assign(trial=t["trial"] + 60 * t["session"]),
    "other columns": lambda t: t.assign(notes="none", weight=np.nan),
}


@pytest.mark.parametrize("name", SAME)
def test_other_ways_to_write_the_same_table(name: str) -> None:
    table = animals()
    table["valid"] = np.random.default_rng(1).random(len(table)) > 0.1
    for analysis in (stay_probabilities, stay_regression, lagged_regression):
        got, expected = (analysis(t).astype({"subject": str}) for t in (SAME[name](table), table))
        keys = [column for column in expected if expected[column].dtype.kind not in "f" and column != "n"]
        got, expected = (t.sort_values(keys, ignore_index=True) for t in (got, expected))
        pd.testing.assert_frame_equal(got, expected, check_exact=False, rtol=1e-9)


def test_a_trial_without_a_choice_is_no_switch() -> None:
    """Marked by the choice alone, or by `valid` too, or by `valid` with some choice: the same."""
    table = animals()
    out = np.random.default_rng(1).random(len(table)) < 0.1
    ways = [
        table.assign(choice=table["choice"].mask(out, NONE), reward=table["reward"].mask(out, 0)),
        table.assign(choice=table["choice"].mask(out, NONE), reward=table["reward"].mask(out, 0), valid=~out),
        table.assign(valid=~out),
    ]
    for analysis in (stay_probabilities, lagged_regression):
        first, *others = map(analysis, ways)
        for other in others:
            pd.testing.assert_frame_equal(first, other)


def test_forced_choices_predict_but_are_no_responses() -> None:
    table = check_trials(
        pd.DataFrame(
            {
                "subject": "Ada",
                "trial": [1, 2, 3, 4, 5, 6],
                "choice": [0, 0, 1, 1, NONE, 1],
                "common": True,
                "reward": [1, 1, 1, 1, 0, 1],
                "free": [True, True, False, True, True, True],
            }
        ),
        "two_step",
    )
    assert responses(table).tolist() == [True, True, False, True, False, True]
    got = stay_probabilities(table).set_index(["rewarded", "common"])
    assert got.loc[(1, 1), ["stay", "n"]].tolist() == [1, 2]  # 1 -> 2 and 3 -> 4; 3 is forced, 5 has no choice
    assert got["n"].sum() == 2
    design = lagged_design(table, 1)["common rewarded", 1]
    assert design.tolist()[1:] == [-1, -1, 1, 1, 0]


def test_forced_choices_in_matching() -> None:
    rng = np.random.default_rng(0)
    table = animals(trials=120).drop(columns="common").assign(free=rng.random(960) < 0.8)
    flipped = table.assign(choice=np.where(table["free"], table["choice"], 1 - table["choice"]))
    pd.testing.assert_frame_equal(matching_points(table), matching_points(flipped))  # responses alone
    weights, others = (history_regression(t, 2) for t in (table, flipped))
    assert (weights["n"] == others["n"]).all() and (weights["n"] < 480 * 2 / 3).all()
    assert (weights["weight"] != others["weight"]).all()  # but the forced ones predict


def test_conditions_are_sessions_apart() -> None:
    table = animals()
    both = pd.concat([table.assign(condition="a"), table.assign(condition="b")])
    assert len(check_trials(both, "two_step")) == 2 * len(table)
    once, twice = stay_probabilities(table), stay_probabilities(both)
    assert (twice["n"] == 2 * once["n"]).all() and (twice["stay"] == once["stay"]).all()


def test_groups_with_the_same_subjects_are_kept_apart() -> None:
    one, two = (
        animals().assign(group="x"),
        animals().assign(group="y", choice=lambda t: 1 - t["choice"].shift(fill_value=0)),
    )
    together = lagged_regression(pd.concat([one, two]))
    apart = pd.concat([lagged_regression(one), lagged_regression(two)], ignore_index=True)
    pd.testing.assert_frame_equal(together, apart)


def test_sessions_to_arrays_and_back() -> None:
    table = check_trials(animals(trials=5), "two_step").assign(x=lambda t: np.arange(len(t)))
    ragged = table.drop(index=[3, 4, 39])
    arrays, positions = by_session(ragged, ["x"])
    assert arrays["x"].shape == (5, 8) and (arrays["x"] == -1).sum() == 3
    np.testing.assert_array_equal(arrays["x"].reshape(-1)[positions], ragged["x"])
    assert arrays["x"][:, 0].tolist() == [0, 1, 2, -1, -1]


def test_previous_trials_stay_in_their_session() -> None:
    table = check_trials(animals(trials=5), "two_step").assign(x=lambda t: np.arange(len(t)))
    for lag in (1, 3):
        before = previous(table, ["x"], lag)["x"]
        first = table["trial"] <= lag
        assert before[first].isna().all() and (before[~first] == table["x"][~first] - lag).all()
    with pytest.raises(TableError, match="must be sorted"):
        previous(table.iloc[::-1], ["x"])


def test_columns_are_documented_once() -> None:
    for task, columns in COLUMNS.items():
        names = [column.name for column in columns]
        assert len(set(names)) == len(names), task
        for column in columns:
            assert column.meaning and column.expected
            assert column.optional or column.default is None
