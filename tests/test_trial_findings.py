"""What strangers found who tried to get wrong numbers, or to lose a run: each kind once."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import SMALL, agent_of, rngs

from pfc_metarl.agents.fitting import fit_model_free
from pfc_metarl.agents.playing import lead, play
from pfc_metarl.agents.two_step import ModelFree
from pfc_metarl.analysis.blocks import earnings
from pfc_metarl.analysis.lagged import lagged_regression
from pfc_metarl.analysis.learning_rates import learning_rates
from pfc_metarl.analysis.learning_set import accuracy_by_trial
from pfc_metarl.analysis.matching import matching_fit, matching_points
from pfc_metarl.analysis.regret import bayes_optimal_curves, regret_curves
from pfc_metarl.analysis.reversal import ideal_errors, label_trials
from pfc_metarl.analysis.risk import risky_shares
from pfc_metarl.analysis.stay import stay_probabilities
from pfc_metarl.animals import named
from pfc_metarl.command_line import command_line
from pfc_metarl.errors import ConfigError, RunError, TableError
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import play as play_networks
from pfc_metarl.simulation import Options
from pfc_metarl.trials import check_trials, read_trials
from simulations.two_step import SIMULATION

CONFIG = SIMULATION.config("fast", quick=True)


@pytest.fixture
def rats() -> pd.DataFrame:
    """Two sessions each of two rats."""
    task = replace_trials(CONFIG.trials)
    tables = []
    for subject in ("r1", "r2"):
        played = play(ModelFree(0.5, 1.0), task, np.random.default_rng(len(tables)), 2, "animals")
        tables.append(played.assign(subject=subject).drop(columns="probability"))
    return pd.concat(tables, ignore_index=True)


def replace_trials(trials: int):  # type: ignore[no-untyped-def]
    from simulations.two_step import make_task

    return make_task(replace(CONFIG, trials=trials))


# -- tables


@pytest.mark.parametrize("name", ["Valid", "VALID", "valid ", " free", "Group", "Session"])
def test_names_that_all_but_fit_are_refused(rats: pd.DataFrame, name: str) -> None:
    meant = name.strip().lower()
    with pytest.raises(TableError, match=f"there is a column '{name}'; if it is {meant}, rename it"):
        stay_probabilities(rats.drop(columns=meant, errors="ignore").assign(**{name: True}))


def test_names_of_animals_in_a_file_are_text(rats: pd.DataFrame, tmp_path: Path) -> None:
    for names in (("007", "7"), ("3.1", "3.10"), ("1e3", "1000"), ("NA", "null"), ("a ", " b")):
        rats.assign(subject=rats["subject"].map(dict(zip(("r1", "r2"), names)))).to_csv(tmp_path / "rats.csv")
        read = read_trials(tmp_path / "rats.csv", "two_step")
        assert read["subject"].unique().tolist() == [name.strip() for name in names]
    rats.assign(subject=rats["subject"].map({"r1": 7, "r2": 10})).to_csv(tmp_path / "rats.csv")
    assert read_trials(tmp_path / "rats.csv", "two_step")["subject"].unique().tolist() == [7, 10]
    renamed = rats.rename(columns={"subject": "animal"}).assign(animal="007")
    renamed["session"] = np.arange(len(rats)) // CONFIG.trials
    renamed.to_csv(tmp_path / "rats.csv")
    assert read_trials(tmp_path / "rats.csv", "two_step", {"animal": "subject"})["subject"].eq("007").all()


def test_headers_that_cannot_be_meant(rats: pd.DataFrame, tmp_path: Path) -> None:
    text = rats.to_csv(index=False)
    (tmp_path / "twice.csv").write_text(text.replace("state", "choice", 1))
    (tmp_path / "semicolons.csv").write_text(text.replace(",", ";"))
    (tmp_path / "comment.csv").write_text("# rats of 2025\n" + text)
    (tmp_path / "folder.csv").mkdir()
    for name, words in (
        ("twice.csv", "several columns are called choice"),
        ("semicolons.csv", "separated by semicolons; save it with commas"),
        ("comment.csv", "its first line is a comment; it must name the columns"),
        ("folder.csv", "is a folder"),
    ):
        with pytest.raises(TableError, match=words):
            read_trials(tmp_path / name, "two_step")


def test_columns_that_contradict_each_other(rats: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="column state, subject r1, session 1, trial 1: . contradicts"):
        check_trials(rats.assign(state=1 - rats["state"]), "two_step")
    arms = optogenetics().assign(risky_side=0)
    with pytest.raises(TableError, match="column risky, subject 1, session 1, trial 0: . contradicts"):
        check_trials(arms.assign(risky=arms["choice"]), "optogenetics")
    with pytest.raises(TableError, match="column free, subject 1, session 1, trial 0: True contradicts"):
        check_trials(arms.assign(free=True), "optogenetics")


def optogenetics() -> pd.DataFrame:
    """Six forced trials on the right, then four free ones on the left."""
    choice = [1] * 6 + [0] * 4
    return pd.DataFrame({
        "subject": 1, "trial": range(10), "choice": choice, "forced_side": [1] * 6 + [-1] * 4, "risky_side": 0,
        "reward": 1.0, "p_risky": 0.5,
    })  # fmt: skip


def test_forced_trials_are_told_by_their_side() -> None:
    (row,) = risky_shares(optogenetics()).itertuples()
    assert (row.risky, row.n) == (1.0, 4)


def test_a_first_block_is_no_reversal_whatever_its_number() -> None:
    block = np.repeat([3, 4, 5], 5)
    table = pd.DataFrame({
        "subject": 1, "trial": range(15), "block": block, "trial_in_block": np.tile(range(1, 6), 3), "cue": 0,
        "rewarded_cue": np.where(block == 5, 1, 0),
    })  # fmt: skip
    assert label_trials(table).groupby("block")["reversed"].sum().tolist() == [0, 0, 5]


def test_subjects_do_not_vanish_and_nonsense_is_refused(rats: pd.DataFrame) -> None:
    left = pd.DataFrame({"subject": 1, "trial": range(80), "choice": 0, "reward": [0, 1] * 40})
    assert matching_fit(matching_points(left))["fit"].tolist() == ["too few trials"]
    for call in (lambda: lagged_regression(rats, 0), lambda: lagged_regression(rats, 2.5)):  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="lags must be a whole number of at least 1"):
            call()
    with pytest.raises(TableError, match="fitted to one subject"):
        fit_model_free(rats)
    one = rats[rats["subject"] == "r1"]
    assert np.isnan(fit_model_free(one.assign(reward=0))) and np.isnan(fit_model_free(one.assign(free=False)))
    bandit = pd.DataFrame({"subject": 1, "session": [1, 1, 2], "trial": [1, 2, 1], "choice": 0, "reward": 0})
    with pytest.raises(TableError, match="sessions have 1 to 2 trials"):
        regret_curves(bandit.assign(regret=0.1))
    points = pd.DataFrame({"subject": 1, "trial": range(20), "choice": 0, "good_arm": 0, "order": "x"})
    with pytest.raises(TableError, match="points, about 0 to 100, and the largest is at most 1"):
        learning_rates(points.assign(magnitude_left=0.5, magnitude_right=0.4))


def test_what_is_no_table_is_said(rats: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="is no pandas.DataFrame, but str"):
        stay_probabilities("rats.csv")  # type: ignore[arg-type]


def test_one_column_may_tell_tests_apart() -> None:
    table = pd.DataFrame({"subject": 1, "trial": [1, 2] * 2, "choice": 0, "rewarded_side": [0, 1, 1, 1]})
    table["condition"] = ["a", "a", "b", "b"]
    pd.testing.assert_frame_equal(accuracy_by_trial(table, "condition"), accuracy_by_trial(table, ["condition"]))


def test_trials_marked_as_not_valid_are_no_part_of_means() -> None:
    marked = pd.DataFrame({
        "subject": 1, "session": [1, 1, 1, 2, 2, 2], "trial": [1, 2, 3] * 2, "choice": [0, 0, -1, 0, 0, -1],
        "valid": [True, True, False, False, True, False],
    })  # fmt: skip
    regret = regret_curves(marked.assign(reward=0, regret=[0.5, 0.5, 0, 9e-9, 0, 0]))["regret"]
    assert regret.tolist()[:2] == [0.5, 0.75] and np.isnan(regret[2])
    points = marked.assign(good_arm=0, magnitude_left=[10, 20, 30, 1000, 20, 30], magnitude_right=1)
    assert earnings(points)["points"].tolist() == [50 / 5]  # without a choice nothing is earned, but the trial counts


def test_nonsense_for_curves_of_ideal_agents() -> None:
    for call in (
        lambda: ideal_errors(1.5, 5, 0.9),
        lambda: ideal_errors(0.5, 0, 0.9),
        lambda: bayes_optimal_curves(0, (0.2, 0.8)),
        lambda: bayes_optimal_curves(10, (0.2, 1.8)),
        lambda: bayes_optimal_curves(10, (0.2,)),  # type: ignore[arg-type]
        lambda: bayes_optimal_curves(5, 0.5),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError):
            call()


# -- agents and networks


def test_networks_play_the_task_they_were_built_for() -> None:
    with pytest.raises(ConfigError, match="these networks were built for"):
        play_networks(agent_of("prefrontal", SMALL["bandit"], 1, 2), SMALL["two_step"], rngs(1, 2), 2)


def test_agents_with_parameters_that_make_no_sense() -> None:
    for make in (lambda: ModelFree(2.0), lambda: ModelFree(float("nan")), lambda: ModelFree(0.5, 7.0)):
        with pytest.raises(ConfigError, match="must be between 0 and 1"):
            make()
    with pytest.raises(ConfigError, match="the agent plays two_step, not bandit"):
        play(ModelFree(), SMALL["bandit"], np.random.default_rng(1), 2, "x")


def test_agents_know_their_choices() -> None:
    from pfc_metarl.agents.bandits import Thompson

    table = pd.DataFrame({"subject": 1, "trial": [1, 2], "choice": [0, 2], "reward": 0})
    with pytest.raises(TableError, match="a choice that the agent does not know; there are 0 to 1"):
        lead(Thompson(2), table)


def test_every_network_needs_a_generator() -> None:
    agent = agent_of("prefrontal", SMALL["bandit"], 1, 2)
    for number in ((), (1,), (1, 2, 3)):
        with pytest.raises(ConfigError, match=f"a generator for each of the 2 networks, not {len(number)}"):
            play_networks(agent, SMALL["bandit"], rngs(*number), 2)


# -- runs


def test_no_option_removes_a_run_and_then_refuses() -> None:
    for arguments in (["--overwrite", "--from", "test"], ["--from", "test", "--trained", "results/two_step"]):
        with pytest.raises(ConfigError, match="--from goes on with networks that the run has"):
            command_line(SIMULATION, arguments)
    assert Options(results=Path("~/results")).results == Path.home() / "results"
    with pytest.raises(ConfigError, match="is no path of UTF-8 letters"):
        Options(results=Path("b\udcff"))


def test_a_config_that_was_edited_is_noticed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "")
    folder.open("two_step", CONFIG)
    saved = json.loads((tmp_path / "config.json").read_text())
    saved["config"]["learning_rate"] = 0.5
    (tmp_path / "config.json").write_text(json.dumps(saved))
    with pytest.raises(RunError, match="is not what the run was made with"):
        folder.open("two_step", replace(CONFIG, learning_rate=0.5))


def test_a_config_that_was_edited_is_noticed_after_overwriting_too(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "")
    folder.open("two_step", CONFIG)
    folder.open("two_step", CONFIG, overwrite=True)
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"networks": 2', '"networks": 3'))
    with pytest.raises(RunError, match="is not what the run was made with"):
        folder.open("two_step", CONFIG)


def test_what_is_in_the_way_is_said_before_anything_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "")
    folder.open("two_step", CONFIG)
    folder.write_table("trials.parquet", pd.DataFrame({"x": [1]}))
    (tmp_path / "comparison.csv").mkdir()
    with pytest.raises(RunError, match="comparison.csv is in the way"):
        folder.open("two_step", CONFIG, overwrite=True)
    assert (tmp_path / "trials.parquet").exists()


def test_tables_are_utf_8_whatever_the_locale(rats: pd.DataFrame, tmp_path: Path) -> None:
    rats.replace({"subject": {"r1": "ü"}}).to_csv(tmp_path / "rats.csv", index=False)
    code = "import sys; from pfc_metarl.trials import read_trials; read_trials(sys.argv[1], 'two_step')"
    plain = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", code, str(tmp_path / "rats.csv")]
    done = subprocess.run(command, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_subjects_of_one_name_are_told_apart_by_their_group() -> None:
    told = pd.DataFrame({"group": ["sham", "lesion", "sham", "networks"], "subject": ["a", "a", "b", "a"]})
    assert named(told[:3], told) == "a (sham), a (lesion), b"
    assert named(told[2:3], told) == "b"
