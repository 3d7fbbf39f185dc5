"""Own animals in one command: what the networks get they get too; codes and names are told; what is missing is said."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fakes import SMALL, agent_of, rngs

import figures.animals
import simulations.__main__
from pfc_metarl.agents.likelihood import ModelAgent
from pfc_metarl.agents.models import MODELS
from pfc_metarl.agents.playing import play
from pfc_metarl.analysis.lagged import lagged_regression
from pfc_metarl.analysis.stay import stay_probabilities
from pfc_metarl.errors import ConfigError, RunError, TableError
from pfc_metarl.finished_run import load
from pfc_metarl.led import lead
from pfc_metarl.results import RunFolder
from pfc_metarl.rollout import play as play_networks
from pfc_metarl.tasks.two_step import TwoStep
from pfc_metarl.trials import read_trials
from simulations.animals import NAMES
from simulations.volatility import SIMULATION as VOLATILITY

BY_NAME = {model.name: model for model in MODELS}
TASK = TwoStep(80, 0.8, 0.9, 0.1, 0.025)


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


def test_animals_get_what_the_networks_get(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coded = rats().assign(choice=lambda t: t["choice"].map({0: "L", 1: "R"}), reward=lambda t: 10 * t["reward"])
    coded.rename(columns={"subject": "animal", "choice": "resp"}).to_csv(results / "rats.csv", index=False)
    words = ["--map", "subject=animal,choice=resp", "--values", "choice:L=0,R=1", "reward:10=1,0=0"]
    command("two_step", results / "rats.csv", "--quick", "--results", results, *words)
    said = capsys.readouterr().out
    table = rats()
    counts = (~table["valid"]).sum(), (table["valid"] & ~table["free"]).sum()
    assert (
        "320 trials in 4 sessions of 2 subjects; {} trials are not valid and dropped, {} are forced".format(*counts)
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
    comparison, networks = run.read_table("comparison.csv"), load(results / "quick" / "two_step")
    own = comparison.set_index("quantity")
    paper = networks.comparison.set_index("quantity")
    for quantity in own.index:
        assert own["networks"][quantity] == pytest.approx(paper["ours"][quantity], nan_ok=True)
        assert own["published"][quantity] == paper["published"][quantity]
    stays = stay_probabilities(table).query("rewarded == 1 and common == 1")["stay"]
    assert own["subjects"]["stay after rewarded common"] == pytest.approx(stays.mean()) and own["n"].eq(2).all()
    led = run.read_table("led.csv")
    told = lead(networks.networks, networks.task, table, 2)
    assert len(led) == 2 * len(networks.networks.seeds) and np.isfinite(led["per_choice"]).all()
    expected = np.log(told["probability"]).groupby([told["subject"], told["seed"]]).mean()
    np.testing.assert_allclose(led.sort_values(["subject", "seed"])["per_choice"], expected.sort_index(), rtol=1e-5)
    fits = run.read_table("fits.csv")
    assert set(fits["group"]) == {"animals", "networks"} and "hybrid of Daw et al. 2011" not in set(fits["model"])
    figures.animals.draw(results, quick=True)
    assert (results / "quick" / "figures" / "animals_two_step.png").stat().st_size > 20_000


def test_without_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rats().to_parquet(tmp_path / "rats.parquet")
    command("two_step", tmp_path / "rats.parquet", "--results", tmp_path)
    assert "no networks beside them" in capsys.readouterr().out
    run = RunFolder(tmp_path / "animals" / "two_step", "")
    assert "led.csv" not in run.files("analyse") and run.read_table("comparison.csv")["networks"].isna().all()
    figures.animals.draw(tmp_path, quick=False)
    with pytest.raises(RunError, match="holds no animals"):
        figures.animals.draw(tmp_path / "other", quick=False)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "two_step"])
def test_the_other_tasks(name: str, tmp_path: Path) -> None:
    """Networks' own trials for animals'."""

    task = {"bandits": "bandit"}.get(name, name)
    agent = "actor-critic-rpe" if name == "optogenetics" else "prefrontal"
    long = VOLATILITY.tasks(VOLATILITY.config("fast", quick=True)).values()
    played = next(iter(long)) if name == "volatility" else SMALL[task]
    table = play_networks(agent_of(agent, played, 1, 2), played, rngs(1, 2), 6).table("animals")
    more = {"volatility": {"order": "low first"}, "optogenetics": {"condition": "control"}}.get(name, {})
    table.drop(columns="probability").assign(**more).to_csv(tmp_path / "table.csv", index=False)
    command(name, tmp_path / "table.csv", "--results", tmp_path, "--quick")
    run = RunFolder(tmp_path / "quick" / "animals" / name, "")
    assert run.finished and len(run.files("analyse")) >= 1


@pytest.mark.parametrize(
    "words, error, said",
    [
        (["mice", "rats.csv"], ConfigError, "write: animals NAME TABLE; NAME is one of: bandits"),
        (["two_step"], ConfigError, "write: animals NAME TABLE"),
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
