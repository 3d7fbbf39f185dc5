"""What holds for every reference agent: it plays, and is led along what it or somebody else did."""

import pkgutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import pfc_metarl.agents
import pfc_metarl.analysis
from pfc_metarl.agents import informative_bandit, restless_bandit
from pfc_metarl.agents.agent import ReferenceAgent
from pfc_metarl.agents.bandits import UCB, Gittins, Thompson
from pfc_metarl.agents.lapsing import models
from pfc_metarl.agents.likelihood import ModelAgent
from pfc_metarl.agents.playing import draw_choices, lead, play, replay
from pfc_metarl.agents.stationary import StationaryForager, StationaryPlanner
from pfc_metarl.agents.two_step import ModelBased, ModelFree, RewardAsCue
from pfc_metarl.agents.volatility import FixedRate, IdealObserver
from pfc_metarl.errors import TableError
from pfc_metarl.tasks import Bandit, Foraging, InformativeBandit, RestlessBandit, Task, TwoStep, Volatility
from pfc_metarl.tasks.volatility import Process, Schedule
from pfc_metarl.trials import NONE, check_trials

TWO_STEP, BANDIT, VOLATILITY = TwoStep(30, 0.8, 0.9, 0.1, 0.1), Bandit(30, 2, "independent"), Volatility(30, Schedule())
THREE_ARMS = Bandit(30, 3, "independent")
INFORMATIVE, RESTLESS = InformativeBandit(30), RestlessBandit(30, 0.02, 0.2)
AGENTS: dict[str, tuple[ReferenceAgent, Task]] = {
    "model-free": (ModelFree(eligibility=1.0), TWO_STEP),
    "SARSA(0)": (ModelFree(learning_rate=0.3, inverse_temperature=2.0), TWO_STEP),
    "model-based": (ModelBased(0.8, 0.9, 0.1, 0.1), TWO_STEP),
    "reward as cue": (RewardAsCue(0.1), TWO_STEP),
    "stationary planner": (StationaryPlanner(0.8, 0.9, 0.1, 0.1), TWO_STEP),
    "stationary forager": (StationaryForager(0.1, 0.4), Foraging(30, 30, 0.5, [(0.1, 0.1)])),
    "observer": (IdealObserver(Process()), VOLATILITY),
    "fixed rate": (FixedRate(0.3, 10.0), VOLATILITY),
    "Gittins": (Gittins(), BANDIT),
    "Gittins, three arms": (Gittins(arms=3), THREE_ARMS),
    "UCB": (UCB(arms=3), THREE_ARMS),
    "Thompson": (Thompson(), BANDIT),
    "Thompson, three arms": (Thompson(arms=3), THREE_ARMS),
    "informative, Thompson": (informative_bandit.Thompson(), INFORMATIVE),
    "informative, UCB": (informative_bandit.UCB(), INFORMATIVE),
    "restless, UCB": (restless_bandit.UCB(), RESTLESS),
    "restless, Thompson": (restless_bandit.Thompson(0.06), RESTLESS),
    "restless, optimum": (restless_bandit.Optimum([0.02, 0.2], [0.5, 0.5]), RESTLESS),
    "restless, Rescorla-Wagner": (ModelAgent(models(0.5)["be"], np.array([10.0, 0.1]), "restless_bandit"), RESTLESS),
}


def played(name: str, sessions: int = 40) -> pd.DataFrame:
    agent, task = AGENTS[name]
    return play(agent, task, np.random.default_rng(1), sessions, name)


@pytest.mark.parametrize("name", AGENTS)
def test_led_along_its_own_trials_it_gives_the_probabilities_with_which_it_played(name: str) -> None:
    agent, task = AGENTS[name]
    table = played(name)
    assert len(table) == 40 * 30 and (table["group"] == name).all()
    check_trials(table, task.name)
    assert table["probability"].between(0, 1).all() and (table["probability"] > 0).all()
    np.testing.assert_array_equal(lead(agent, table), table["probability"])
    mixed = table.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(lead(agent, mixed), mixed["probability"], check_exact=True)


@pytest.mark.parametrize("name", AGENTS)
def test_sessions_are_led_apart(name: str) -> None:
    agent, _ = AGENTS[name]
    table = played(name)
    ragged = table[table["trial"] <= 10 + table["session"] % 7]
    together = lead(agent, ragged)
    apart = [lead(agent, own) for _, own in ragged.groupby("session")]
    pd.testing.assert_series_equal(together, pd.concat(apart), rtol=1e-9)


@pytest.mark.parametrize("name", AGENTS)
def test_probabilities_of_all_choices_add_up(name: str) -> None:
    """On one trial, whatever is chosen; what was chosen before is kept."""
    agent, task = AGENTS[name]
    table = played(name)
    last = table["trial"] == 30
    total = 0.0
    for choice in range(task.actions if "bandit" in task.name else min(2, task.actions)):
        other = table.assign(choice=table["choice"].mask(last, choice))
        other = other.drop(columns=["state", "regret", *["reward"] * (task.name == "volatility")], errors="ignore")
        total = total + lead(agent, other)[last]
    np.testing.assert_allclose(total, 1, rtol=1e-12)


@pytest.mark.parametrize("name", AGENTS)
def test_forced_and_invalid_trials(name: str) -> None:
    """Neither has a probability; agents learn from forced ones, and from invalid ones if outcomes are all they need."""
    agent, task = AGENTS[name]
    table = played(name)
    out = table["trial"] == 5
    told = {
        "forced": lead(agent, table.assign(free=~out)),
        "not valid": lead(agent, table.assign(valid=~out)),
        "no choice": lead(
            agent, table.assign(choice=table["choice"].mask(out, NONE), reward=table["reward"].mask(out, 0))
        ),
    }
    for p in told.values():
        assert p[out].isna().all() and p[~out].notna().all()
        np.testing.assert_array_equal(p[table["trial"] < 5], table["probability"][table["trial"] < 5])
    np.testing.assert_array_equal(told["forced"][~out], table["probability"][~out])
    without = table[~out].assign(trial=lambda t: t["trial"] - (t["trial"] > 5))  # as if it had never been
    expected = table["probability"][~out] if task.name == "volatility" else lead(agent, without)
    for way in ("not valid", "no choice"):
        np.testing.assert_array_equal(told[way][~out], expected)


def test_choices_are_drawn_with_their_probabilities() -> None:
    p = np.array([0.1, 0.6, 0.3])
    drawn = draw_choices(np.tile(p, (100_000, 1)), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn) / 100_000, p, atol=0.006)
    sure = draw_choices(np.repeat(np.eye(3), 1000, axis=0), np.random.default_rng(0))
    assert (sure == np.repeat([0, 1, 2], 1000)).all()


def test_stated_probabilities_are_those_of_the_choices() -> None:
    table = played("fixed rate", 500)
    expected = table["probability"] ** 2 + (1 - table["probability"]) ** 2  # of p, given that the choice has p
    assert table["probability"].sum() == pytest.approx(expected.sum(), rel=0.02)


def test_tables_without_what_an_agent_needs() -> None:
    table = played("model-based")
    with pytest.raises(TableError, match="the table: no column magnitude_left"):
        lead(FixedRate(0.3, 10.0), played("observer").drop(columns="magnitude_left"))
    with pytest.raises(TableError, match="column reward, row 1"):
        lead(ModelFree(), table.assign(reward=0.5))
    without_state = lead(AGENTS["model-based"][0], table.drop(columns="state"))  # told by choice and transition
    np.testing.assert_array_equal(without_state, table["probability"])


def test_errors_stand_in_the_rows_of_the_table() -> None:
    table = played("model-free")
    table.loc[7, "valid"] = False
    errors = replay(ModelFree(eligibility=1.0), table)
    assert list(errors) == ["at_state", "at_reward"] and errors.index[errors["at_state"].isna()].tolist() == [7]
    mixed = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(replay(ModelFree(eligibility=1.0), mixed), errors.loc[mixed.index])
    assert replay(Thompson(), played("Thompson")).empty


def test_play_draws_from_its_generator_alone() -> None:
    first, again = played("Thompson"), played("Thompson")
    pd.testing.assert_frame_equal(first, again)
    other = play(Thompson(), BANDIT, np.random.default_rng(2), 40, "Thompson")
    assert not first["choice"].equals(other["choice"])


def test_agents_and_analyses_need_no_torch() -> None:
    packages = (pfc_metarl.agents, pfc_metarl.analysis)
    names = [f"{p.__name__}.{module.name}" for p in packages for module in pkgutil.iter_modules(p.__path__)]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    assert len(names) > 15 and subprocess.run([sys.executable, "-c", code]).returncode == 0
