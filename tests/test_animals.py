"""Own animals in one command: what the networks get they get too; codes and names are told; what is missing is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import SMALL, agent_of, rngs

import figures.animals
import simulations.__main__
from pfc_metarl.agents.estimation import estimate
from pfc_metarl.agents.families import ARMS_MODELS, models_of
from pfc_metarl.agents.likelihood import ModelAgent, choices_of
from pfc_metarl.agents.playing import play
from pfc_metarl.analysis.lagged import lagged_regression
from pfc_metarl.analysis.reversal import EVENTS, label_trials
from pfc_metarl.analysis.stay import stay_probabilities
from pfc_metarl.errors import ConfigError, RunError, TableError
from pfc_metarl.finished_run import load
from pfc_metarl.led import lead
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import play as play_networks
from pfc_metarl.simulation import Options
from pfc_metarl.simulation import run as run_simulation
from pfc_metarl.tasks.bandit import Bandit
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.trials import read_trials
from simulations.animals import NAMES
from simulations.foraging import SIMULATION as FORAGING
from simulations.two_step import SIMULATION as TWO_STEP
from simulations.volatility import SIMULATION as VOLATILITY

TASK = TwoStep(80, 0.8, 0.9, 0.1, 0.025)
BY_NAME = {model.name: model for model in models_of(TASK, [])}


def rats() -> pd.DataFrame:
    """Two rats of two sessions, some trials forced, some not valid."""
    agent, rng = ModelAgent(BY_NAME["hybrid"], [0.5, 4.0, 0.5, 0.6, 0.2], "two_step"), np.random.default_rng(1)
    tables = [play(agent, TASK, rng, 2, "animals").assign(subject=name) for name in ("r1", "r2")]
    table = pd.concat(tables, ignore_index=True).drop(columns=["probability", "valid"])
    table["free"], table["valid"] = rng.random(len(table)) < 0.9, rng.random(len(table)) < 0.95
    return table[["subject", "session", "trial", "choice", "common", "reward", "free", "valid"]]


def command(*words: object) -> None:
    simulations.__main__.main(["animals", *map(str, words)])


@pytest.fixture
def results(quick_results: Path, tmp_path: Path) -> Path:
    """Of a quick run of networks."""
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "two_step").symlink_to(quick_results / "quick" / "two_step")
    return tmp_path


@pytest.fixture
def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where fits are not what is tested."""
    monkeypatch.setattr("pfc_metarl.animals.models_of", lambda task, columns: ())


def test_animals_get_what_the_networks_get(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coded = rats().assign(choice=lambda t: t["choice"].map({0: "L", 1: "R"}), reward=lambda t: 10 * t["reward"])
    coded.rename(columns={"subject": "animal", "choice": "resp"}).to_csv(results / "rats.csv", index=False)
    words = ["--map", "subject=animal,choice=resp", "--values", "choice:L=0,R=1", "reward:10=1,0=0"]
    command("two_step", results / "rats.csv", "--quick", "--results", results, *words)
    said = capsys.readouterr().out
    table = rats()
    counts = (~table["valid"]).sum(), (table["valid"] & ~table["free"]).sum()
    assert (
        "320 trials in 4 sessions of 2 subjects; {} trials are not valid and are dropped, {} are forced".format(*counts)
        in said
    )
    run = RunFolder(results / "quick" / "animals" / "two_step", "")
    read = read_trials(results / "rats.csv", "two_step", {"animal": "subject", "resp": "choice"}, {
        "choice": {"L": "0", "R": "1"}, "reward": {"10": "1", "0": "0"},
    })  # fmt: skip
    pd.testing.assert_frame_equal(read[list(table)], table, check_dtype=False)
    for name, expected in (
        ("stay_probabilities", stay_probabilities(table)),
        ("lag_weights", lagged_regression(table)),
    ):
        pd.testing.assert_frame_equal(run.read_table(f"{name}.csv"), expected, check_dtype=False)
    means, networks = run.read_table("comparison.csv"), load(results / "quick" / "two_step")
    own, theirs = (means[means["group"] == group].set_index("quantity") for group in ("animals", "networks"))
    paper = networks.comparison.set_index("quantity")
    for quantity in own.index:
        assert theirs["mean"][quantity] == pytest.approx(paper["ours"][quantity], nan_ok=True)
        assert own["published"][quantity] == paper["published"][quantity]
    stays = stay_probabilities(table).query("rewarded == 1 and common == 1")["stay"]
    assert own["mean"]["stay after rewarded common"] == pytest.approx(stays.mean())
    values = run.read_table("values.csv").query("group == 'animals'").groupby("quantity")["value"]
    assert own["n"].to_dict() == values.count().to_dict() and own["n"]["stay after rewarded common"] == 2
    for quantity in values.count()[lambda n: n < 2].index:
        assert f"{quantity}: cannot be told: r" in said
    assert set(means["group"]) == {"networks", "animals", *BY_NAME}
    led = run.read_table("led.csv")
    told = lead(networks.networks, networks.task, table, 2)
    assert len(led) == 2 * len(networks.networks.seeds) and np.isfinite(led["per_choice"]).all()
    expected = np.log(told["probability"]).groupby([told["subject"], told["seed"]]).mean()
    np.testing.assert_allclose(led.sort_values(["subject", "seed"])["per_choice"], expected.sort_index(), rtol=1e-5)
    fits = run.read_table("fits.csv")
    assert set(fits["group"]) == {"animals", "networks"}
    figures.animals.draw(results, quick=True)
    assert (results / "quick" / "figures" / "animals_two_step.png").stat().st_size > 20_000


def test_without_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rats().to_parquet(tmp_path / "rats.parquet")
    command("two_step", tmp_path / "rats.parquet", "--results", tmp_path)
    assert "no networks beside them" in capsys.readouterr().out
    run = RunFolder(tmp_path / "animals" / "two_step", "")
    assert "led.csv" not in run.files("analyse") and "networks" not in set(run.read_table("comparison.csv")["group"])
    figures.animals.draw(tmp_path, quick=False)
    with pytest.raises(
        RunError, match=f"holds no animals; first: .* animals --results {tmp_path / 'other'} NAME TABLE"
    ):
        figures.animals.draw(tmp_path / "other", quick=False)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "two_step"])
def test_the_other_tasks(name: str, tmp_path: Path) -> None:
    """Networks' own trials for animals'."""

    task = {"bandits": "bandit"}.get(name, name)
    agent = "actor-critic-rpe" if name == "optogenetics" else "prefrontal"
    long = VOLATILITY.tasks(VOLATILITY.config("fast", quick=True)).values()
    played = next(iter(long)) if name == "volatility" else SMALL[task]
    table = play_networks(agent_of(agent, played, 1, 2), played, rngs(1, 2), 6).table("animals")
    more = {
        "volatility": {"order": "low first", "volatile": table["trial"] > played.trials // 2},
        "optogenetics": {"condition": "control"},
        "inferred_value": dict.fromkeys(EVENTS, 1.0),
    }.get(name, {})  # fmt: skip
    table.drop(columns="probability").assign(**more).to_csv(tmp_path / "table.csv", index=False)
    command(name, tmp_path / "table.csv", "--results", tmp_path, "--quick")
    run = RunFolder(tmp_path / "quick" / "animals" / name, "")
    assert run.finished and len(run.files("analyse")) >= 1


@pytest.mark.parametrize(
    "words, error, said",
    [
        (["mice", "rats.csv"], ConfigError, "write: animals NAME TABLE; NAME is one of: bandits"),
        (["two_step"], ConfigError, "write: animals NAME TABLE"),
        (["two_step", "rats.csv", "--map", "choice=a,choice=b"], ConfigError, "--map tells choice twice"),
        (["two_step", "rats.csv", "--map", "choice=a", "reward=a"], ConfigError, "--map tells a twice"),
        (["two_step", "rats.csv", "--values", "choice:L=0,L=1"], ConfigError, "--values choice: tells L twice"),
        (["two_step", "rats.csv", "--values", "choice:L=0", "choice:L=1"], ConfigError, "choice: tells L twice"),
        (["two_step", "rats.csv", "--map", "choice=a", "--map", "reward=b"], ConfigError, "--map is given twice"),
        (["two_step", "networks.csv"], ConfigError, "column group: networks is what others are called"),
        (["bandits", "arms.csv"], TableError, "arms.csv: no column regret"),
        (["two_step", "rats.csv", "--map", "validity=free"], ConfigError, "--map: validity is no column of ours"),
        (["two_step", "rats.csv", "--task", "colour=1"], ConfigError, "--task knows no colour; there are: common_prob"),
        (["two_step", "rats.csv", "--task", "reward_high=x"], ConfigError, "reward_high=x: expected a number"),
        (["two_step", "rats.csv", "--task", "trials=9.5"], ConfigError, "trials=9.5: expected a whole number"),
        (["two_step", "rats.csv", "--task", "trials=20,trials=30"], ConfigError, "--task tells trials twice"),
        (["two_step", "rats.csv", "--values", "choice:0=1,1=x"], TableError, "column choice, row .*'x'; expected 0, 1"),
        (["two_step", "rats.csv", "--task", "reward_high=2"], ConfigError, "reward_high must be a finite number"),
        (["inferred_value", "cues.csv"], TableError, "no column fixation"),
        (["two_step", "rats.csv", "--map", "choice"], ConfigError, "--map takes words like choice=resp"),
        (["two_step", "rats.csv", "--values", "choice=L"], ConfigError, "--values takes words like choice:L=0,R=1"),
        (["two_step", "none.csv"], TableError, "there is no such file"),
        (["two_step", "rats.csv", "--map", "choice=resp"], TableError, "no column resp to rename"),
        (["two_step", "rats.csv", "--values", "choice:left=0"], TableError, "column choice: left never occurs"),
        (["two_step", "rats.csv", "--values", "side:L=0"], TableError, "no column side whose values could be told"),
        (
            ["two_step", "rats.csv", "--values", "choice:1=2"],
            TableError,
            "column choice, row .*: 2.0; expected 0, 1 or -1",
        ),
    ],
)
def test_words_that_make_no_sense(
    words: list[str], error: type[Exception], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rats().to_csv("rats.csv", index=False)
    cues = {"trial_in_block": [1, 2], "cue": [0, 1], "rewarded_cue": [0, 0]}
    pd.DataFrame({"subject": 1, "trial": [1, 2], "block": 1, **cues}).to_csv("cues.csv", index=False)
    rats().assign(group="networks").to_csv("networks.csv", index=False)
    pd.DataFrame({"subject": 1, "trial": range(40), "choice": 0, "reward": 1}).to_csv("arms.csv", index=False)
    with pytest.raises(error, match=said) as caught:
        command(*words)
    assert (
        "\n" not in str(caught.value)
        and not (tmp_path / "results" / "animals" / "two_step" / "trials.parquet").exists()
    )


def test_networks_led_along_another_networks_trials(quick_results: Path) -> None:
    """A network predicts its own choices at least as well as those of others (in the mean over both)."""
    run = load(quick_results / "quick" / "two_step")
    own = run.trials.assign(group="x")
    told = lead(run.networks, run.task, own, 2)
    log_p = np.log(told["probability"]).groupby([told["subject"], told["seed"]]).mean().unstack()
    same = np.diag(log_p.to_numpy()).mean()
    other = log_p.to_numpy()[~np.eye(len(log_p), dtype=bool)].mean()
    assert same > other


def _spoiled(how: str) -> pd.DataFrame:
    table = rats()
    if how == "duplicated":
        return pd.concat([table, table.iloc[[7]]])
    if how == "empty":
        return table.head(0)
    column, row, value = {
        "missing": ("choice", 7, None), "text": ("reward", 7, "yes"), "unknown": ("choice", 7, 3),
        "gap": ("trial", 7, 99),
    }[how]  # fmt: skip
    table = table.astype({column: object})
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    "how, said",
    [
        ("duplicated", "row 321: subject r1, session 1, trial 8 stands there twice"),
        ("empty", "holds no trials"),
        ("missing", "column choice, row 8: empty; expected 0, 1 or -1"),
        ("text", "column reward, row 8: 'yes'; expected 0 or 1"),
        ("unknown", "column choice, row 8: 3"),
        ("gap", "trial 9 follows trial 7"),
    ],
)
def test_tables_that_are_refused(how: str, said: str, tmp_path: Path) -> None:
    """In one line, and what an earlier table gave stays as it was."""
    earlier = tmp_path / "animals" / "two_step"
    earlier.mkdir(parents=True)
    (earlier / "comparison.csv").write_text("mine")
    _spoiled(how).to_csv(tmp_path / "rats.csv", index=False)
    with pytest.raises(TableError, match=said) as caught:
        command("two_step", tmp_path / "rats.csv", "--results", tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "rats.csv")) and "\n" not in str(caught.value)
    assert (earlier / "comparison.csv").read_text() == "mine"


def test_the_order_of_rows_and_columns_does_not_matter(tmp_path: Path) -> None:
    table = rats().query("session == 1")
    shuffled = table.sample(frac=1, random_state=1)[table.columns[::-1]].sort_values("subject", kind="stable")
    tables = []
    for name, own in (("plain", table), ("shuffled", shuffled)):
        own.to_csv(tmp_path / f"{name}.csv", index=False)
        command("two_step", tmp_path / f"{name}.csv", "--results", tmp_path / name)
        tables.append([RunFolder(tmp_path / name / "animals" / "two_step", "").read_table(f"{what}.csv")
                       for what in ("fits", "lag_weights", "comparison")])  # fmt: skip
    for plain, other in zip(*tables):
        pd.testing.assert_frame_equal(plain, other)


def test_models_know_the_probabilities_of_the_animals_task(tmp_path: Path) -> None:
    rats().to_csv(tmp_path / "rats.csv", index=False)
    fits = {}
    for common in (0.8, 0.6):
        told = ["--task", f"common_probability={common}", "--results", tmp_path / str(common)]
        command("two_step", tmp_path / "rats.csv", *told)
        fits[common] = RunFolder(tmp_path / str(common) / "animals" / "two_step", "").read_table("fits.csv")
        own = read_trials(tmp_path / "rats.csv", "two_step").query("subject == 'r1'").reset_index(drop=True)
        model = next(m for m in models_of(TwoStep(80, common, 0.9, 0.1, 0.025), []) if m.name == "model-based")
        expected = estimate(model, choices_of(model.family, own))[0].log_likelihood
        told = fits[common].query("subject == 'r1' and model == 'model-based'")["log_likelihood"]
        assert told.tolist() == pytest.approx([expected])
    assert (fits[0.8]["log_likelihood"] != fits[0.6]["log_likelihood"]).sum() == 6  # but not of what plans nothing


def test_dopamine_of_animals(tmp_path: Path) -> None:
    """Responses to the cue after a reversal, experienced and inferred, as means by hand; gaps are no trials."""
    rng, n = np.random.default_rng(1), 400
    block = np.arange(n) // 5
    rewarded = (rng.random(n // 5) < 0.5).astype(int)[block]
    table = pd.DataFrame({
        "subject": 1, "trial": np.arange(n), "block": block + 1, "trial_in_block": np.arange(n) % 5 + 1,
        "cue": rng.integers(0, 2, n), "rewarded_cue": rewarded,
        **{event: np.where(rng.random(n) < 0.1, np.nan, rng.random(n)) for event in EVENTS},
    })  # fmt: skip
    table.to_csv(tmp_path / "cells.csv", index=False)
    command("inferred_value", tmp_path / "cells.csv", "--results", tmp_path)
    got = (
        RunFolder(tmp_path / "animals" / "inferred_value", "")
        .read_table("comparison.csv")
        .set_index("quantity")["mean"]
    )
    labelled = label_trials(table)
    for comparison in ("before reversal", "experienced", "inferred"):
        for when in ("before", "after"):
            own = labelled[(labelled["comparison"] == comparison) & (labelled["cue_rewarded"] == when)]["stimulus"]
            name = f"stimulus, {comparison}, cue rewarded {when} reversal"
            assert got[name] == pytest.approx(np.nanmean(own))


def test_bandits_of_more_arms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Models know all arms, whichever a subject tried; the paper has two."""
    agent, task = ModelAgent(ARMS_MODELS[0], [0.4, 4.0], "bandit", 3), Bandit(60, 3, "independent")
    own = play(agent, task, np.random.default_rng(1), 3, "animals").drop(columns=["p_0", "p_1", "p_2", "probability"])
    timid = own.assign(subject=2, choice=own["choice"].clip(upper=1))
    pd.concat([own, timid]).to_csv(tmp_path / "arms.csv", index=False)
    command("bandits", tmp_path / "arms.csv", "--quick", "--results", tmp_path)
    assert "nothing that is published" in capsys.readouterr().out
    fits = RunFolder(tmp_path / "quick" / "animals" / "bandits", "").read_table("fits.csv")
    np.testing.assert_allclose(fits["chance"], -np.log(3))
    figures.animals.draw(tmp_path, quick=True)


def test_second_choices_beside_networks_without(results: Path) -> None:
    """Each is fitted with the models of its own task."""
    table = rats().assign(second_choice=np.random.default_rng(1).integers(0, 2, len(rats())))
    table.to_csv(results / "people.csv", index=False)
    command("two_step", results / "people.csv", "--quick", "--results", results)
    run = RunFolder(results / "quick" / "animals" / "two_step", "")
    models = run.read_table("fits.csv").groupby("group")["model"].unique()
    assert "latent-state planner" in models["networks"] and list(models["animals"]) == [
        "model-free", "model-based", "hybrid",
    ]  # fmt: skip
    assert run.read_table("recovery.csv").empty  # our task has one choice per trial


def test_values_stand_by_their_subjects(no_models: None, tmp_path: Path) -> None:
    """In whatever order the file has them."""
    table = pd.concat([rats().query(f"subject == '{name}'") for name in ("r2", "r1")])
    table.to_csv(tmp_path / "rats.csv", index=False)
    command("two_step", tmp_path / "rats.csv", "--results", tmp_path)
    run = RunFolder(tmp_path / "animals" / "two_step", "")
    values = run.read_table("values.csv").query("group == 'animals'").set_index(["quantity", "subject"])["value"]
    told = table.reset_index(drop=True)
    stays = stay_probabilities(told).query("rewarded == 1 and common == 1").set_index("subject")["stay"]
    weights = (
        lagged_regression(told).query("trial_type == 'common rewarded' and lag == 1").set_index("subject")["weight"]
    )
    for quantity, own in (("stay after rewarded common", stays), ("weight of common rewarded, lag 1", weights)):
        assert [values[quantity, name] for name in own.index] == pytest.approx(own.tolist(), nan_ok=True)
    with pytest.raises(RunError, match="holds tables of animals, but no networks; read it with pandas"):
        load(tmp_path / "animals" / "two_step")


def test_animals_are_analysed_as_the_networks_beside_them(
    no_models: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the settings of their run, and the user's of the task."""
    config = replace(FORAGING.config("fast", quick=True), lags=3, base_probability_sum=0.4, episodes=32, held_out=())
    run_simulation(FORAGING, config, Options(quick=True, results=tmp_path, processes=1))
    trials = load(tmp_path / "quick" / "foraging").trials.assign(group="animals")
    trials.to_parquet(tmp_path / "pigeons.parquet")
    command("foraging", tmp_path / "pigeons.parquet", "--quick", "--results", tmp_path)
    assert "base_probability_sum 0.4" in capsys.readouterr().out
    run = RunFolder(tmp_path / "quick" / "animals" / "foraging", "")
    pd.testing.assert_frame_equal(
        run.read_table("history_weights.csv").drop(columns="group"),
        load(tmp_path / "quick" / "foraging").tables["history_weights"].drop(columns="group"),
    )
    rates = run.read_table("reward_rates.csv").query("group == 'optimum'")["reward"]
    command(
        "foraging", tmp_path / "pigeons.parquet", "--quick", "--results", tmp_path, "--task", "base_probability_sum=0.6"
    )
    assert (run.read_table("reward_rates.csv").query("group == 'optimum'")["reward"] > rates).all()


def test_conditions_of_animals_in_harlows_task(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"subject": 1, "session": np.repeat(range(40), 6), "trial": np.tile(range(1, 7), 40)})
    table = table.assign(choice=rng.integers(0, 2, 240), rewarded_side=rng.integers(0, 2, 240), condition="lab")
    table.to_csv(tmp_path / "monkeys.csv", index=False)
    command("harlow", tmp_path / "monkeys.csv", "--results", tmp_path)
    means = RunFolder(tmp_path / "animals" / "harlow", "").read_table("comparison.csv").set_index("quantity")["mean"]
    right = (table["choice"] == table["rewarded_side"])[table["trial"] == 2].mean()
    assert means["trained, trial 2: % correct"] == pytest.approx(100 * right)
    table.assign(condition=np.where(table["session"] < 20, "a", "b")).to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(TableError, match="two.csv: several conditions, none of them intact"):
        command("harlow", tmp_path / "two.csv", "--results", tmp_path)


def test_the_networks_are_of_this_simulation(quick_results: Path, tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "foraging").symlink_to(quick_results / "quick" / "two_step")
    rats()[["subject", "session", "trial", "choice", "reward"]].to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ConfigError, match="foraging holds a run of two_step, not of foraging"):
        command("foraging", tmp_path / "t.csv", "--quick", "--results", tmp_path)


def test_what_was_there_stays_until_the_new_tables_are_written(
    no_models: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, and where a user's own file is in the way."""
    rats().to_csv(tmp_path / "rats.csv", index=False)
    words = ["two_step", tmp_path / "rats.csv", "--results", tmp_path]
    command(*words)
    folder = tmp_path / "animals" / "two_step"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(table: pd.DataFrame, path: Path, name: str) -> None:
        if name == "values.csv":
            raise OSError(28, "No space left on device")
        table.to_csv(path, index=False)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr("pfc_metarl.results._write", full)
        command(*words)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "led.csv").write_text("mine")
    monkeypatch.setattr("pfc_metarl.animals.led", lambda networks, trials: pd.DataFrame({"group": []}))
    monkeypatch.setattr("simulations.animals.networks_of", lambda simulation, where: load_fake())
    with pytest.raises(RunError, match="led.csv is in the way"):
        command(*words)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before | {"led.csv": b"mine"}


def load_fake() -> object:
    """A run of networks of which nothing is known."""

    class Fake:
        config, tables, task = TWO_STEP.config("fast"), {}, TASK

    Fake.tables = TWO_STEP.behaviour(Fake.config, rats())  # type: ignore[misc]
    return Fake()


def test_names_that_become_numbers(no_models: None, tmp_path: Path) -> None:
    rats().to_csv(tmp_path / "rats.csv", index=False)
    command("two_step", tmp_path / "rats.csv", "--results", tmp_path, "--values", "subject:r1=1")
    trials = RunFolder(tmp_path / "animals" / "two_step", "").read_table("trials.parquet")
    assert trials["subject"].unique().tolist() == ["1", "r2"]


def test_groups_may_be_called_as_what_is_missing_is(tmp_path: Path) -> None:
    own, names = rats(), ["NA", "nan", "None"]
    rat = own[own["subject"] == "r1"]
    pd.concat([rat.assign(group=name) for name in names]).to_csv(tmp_path / "rats.csv", index=False)
    command("two_step", tmp_path / "rats.csv", "--results", tmp_path)
    run = RunFolder(tmp_path / "animals" / "two_step", "")
    assert set(run.read_table("fits.csv")["group"]) == set(names)
    figures.animals.draw(tmp_path, quick=False)


def test_conditions_whose_sessions_are_numbered_anew(no_models: None, tmp_path: Path) -> None:
    """Each session has its own base probability."""
    rng, rows = np.random.default_rng(1), []
    for condition, probabilities in (("am", (0.05, 0.02, 0.25)), ("pm", (0.12, 0.15, 0.32))):
        for session, p0 in enumerate(probabilities, 1):
            keys = {"subject": "a", "condition": condition, "session": session, "trial": range(1, 61)}
            did = {"choice": rng.integers(0, 2, 60), "reward": rng.integers(0, 2, 60)}
            rows.append(pd.DataFrame({**keys, **did, "p0_left": p0}))
    pd.concat(rows).to_csv(tmp_path / "pigeons.csv", index=False)
    command("foraging", tmp_path / "pigeons.csv", "--results", tmp_path)
    points = RunFolder(tmp_path / "animals" / "foraging", "").read_table("matching_points.csv")
    told = points.set_index(["condition", "session"])
    assert told["p0_left"].to_dict() == {("am", 1): 0.05, ("am", 2): 0.02, ("am", 3): 0.25,
                                         ("pm", 1): 0.12, ("pm", 2): 0.15, ("pm", 3): 0.32}  # fmt: skip
    assert told["parameters"]["pm", 1] == "held out" and told["parameters"]["am", 1] == "trained"


@pytest.mark.parametrize("absent", [["volatile"], ["volatile", "order"], []])
def test_volatility_without_the_blocks(absent: list[str], tmp_path: Path) -> None:
    """A single rate is fitted, as if they were all alike."""
    long = next(iter(VOLATILITY.tasks(VOLATILITY.config("fast", quick=True)).values()))
    table = play_networks(agent_of("prefrontal", long, 1, 2), long, rngs(1, 2), 3).table("animals")
    table = table.assign(order="low first", volatile=table["trial"] > long.trials // 2)
    table = table.drop(columns=[*absent, "probability"])
    table.to_csv(tmp_path / "table.csv", index=False)
    command("volatility", tmp_path / "table.csv", "--results", tmp_path, "--quick")
    run = RunFolder(tmp_path / "quick" / "animals" / "volatility", "")
    assert set(run.read_table("fits.csv")["model"]) == {"fixed rate", *["rate by volatility"] * (not absent)}
    assert ("block_learning_rates.csv" in run.files("analyse")) == (not absent)
