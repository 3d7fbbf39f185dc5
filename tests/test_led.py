"""Being led: networks follow the choices and outcomes of a trial table."""

import numpy as np
import pandas as pd
import pytest
import torch
from fakes import SMALL, TWO_STEP, Clockwork, agent_of, rngs

from pfc_metarl.errors import TableError
from pfc_metarl.led import lead
from pfc_metarl.networks import AGENTS
from pfc_metarl.rollout import by_episode, play
from pfc_metarl.tasks.task import CENTRE, Task
from pfc_metarl.trials import KEYS

every_agent = pytest.mark.parametrize("name", AGENTS)


def table_of(task: Task, *seeds: int, episodes: int = 5, number: int = 0) -> pd.DataFrame:
    agent = agent_of("prefrontal", task, *seeds)
    return play(agent, task, rngs(*seeds, number=number), episodes).table()


def led_exactly(name: str, task: Task, episodes: int = 5) -> None:
    """One network is led along its own play: everything is bit-identical."""
    agent = agent_of(name, task, 3)
    played = play(agent, task, rngs(3), episodes)
    led = play(agent, task, given=played.table())
    own = played.active
    for what in ("actions", "rewards", "logits", "values", "activity", "probabilities"):
        assert torch.equal(getattr(led, what)[own], getattr(played, what)[own]), what
    assert torch.equal(led.active, own) and own.any()
    pd.testing.assert_frame_equal(led.table(), played.table(), check_dtype=False)


@pytest.mark.parametrize("task", ["two_step", "bandit"])
@every_agent
def test_led_along_its_own_trials_an_agent_does_the_same(name: str, task: str) -> None:
    led_exactly(name, SMALL[task])


@pytest.mark.parametrize("task", ["foraging", "volatility", "optogenetics", "inferred_value"])
def test_led_along_the_trials_of_the_other_tasks(task: str) -> None:
    """(Not of harlow: a table does not tell what the objects looked like.)"""
    led_exactly("prefrontal", SMALL[task], episodes=100)


def test_led_along_others() -> None:
    """Several networks along several subjects, among them themselves; and nobody's choices bear on another's."""
    agent = agent_of("prefrontal", TWO_STEP, 1, 2)
    played = play(agent, TWO_STEP, rngs(1, 2), 5)
    own = played.table()
    others = pd.concat([own.assign(group="animals", subject=own["subject"].map({1: "rat A", 2: "rat B"})), own])
    told = lead(agent, TWO_STEP, others)
    assert told["seed"].tolist() == [1] * len(others) + [2] * len(others)
    for seed, along in told.groupby("seed"):
        assert (along[KEYS].reset_index(drop=True) == others[KEYS].reset_index(drop=True)).all(axis=None)
        itself = along[(along["group"] == "networks") & (along["subject"] == seed)]["probability"].to_numpy()
        valid = own["valid"][own["subject"] == seed].to_numpy()
        expected = own["probability"][own["subject"] == seed].to_numpy()
        np.testing.assert_allclose(itself, np.where(valid, expected, np.nan), rtol=1e-5)
        as_rat = along[along["subject"] == f"rat {'AB'[seed - 1]}"]["probability"].to_numpy()
        np.testing.assert_allclose(as_rat, itself, rtol=1e-5)
    one, other = (along["probability"].to_numpy() for _, along in told.groupby("seed"))
    assert not np.isclose(one, other).all()


def test_rows_keep_their_order_and_sessions_may_differ_in_length() -> None:
    """Sorted by trial instead of by session; some sessions cut short. A trial's probability stays what it was."""
    task = SMALL["foraging"]
    agent = agent_of("prefrontal", task, 1)
    table = table_of(task, 1, 2, episodes=6)
    whole = lead(agent, task, table).set_index(KEYS)["probability"]
    cut = table[table["trial"] <= 3 + table["session"] % 3].sort_values("trial", kind="stable")
    assert cut["session"].is_monotonic_increasing is False
    told = lead(agent, task, cut)
    assert told[KEYS].equals(cut[KEYS].reset_index(drop=True))
    np.testing.assert_allclose(told["probability"], whole.loc[pd.MultiIndex.from_frame(cut[KEYS])], rtol=1e-5)


@pytest.mark.parametrize("task", ["foraging", "inferred_value"])
def test_led_sessions_are_active_to_their_end(task: str) -> None:
    table = table_of(SMALL[task], 1, episodes=100)
    cut = table[(table["trial"] <= 2) | (table["session"] == 1)]
    led = play(agent_of("prefrontal", SMALL[task], 1), SMALL[task], given=cut)
    steps = SMALL[task].steps_per_trial * cut.groupby("session").size().to_numpy()
    assert (led.active.sum(0)[0].numpy() == steps).all() and steps[0] > steps[1]


def test_a_longer_session_than_the_tasks_own() -> None:
    short, long = Clockwork(1, 2, 0.5), Clockwork(4, 2, 0.5)
    agent = agent_of("prefrontal", long, 1)
    played = play(agent, long, rngs(1), 100)
    assert torch.equal(play(agent, short, given=played.table()).probabilities, played.probabilities)


def test_invalid_and_forced_choices_have_no_probability() -> None:
    task = SMALL["optogenetics"]
    agent = agent_of("prefrontal", task, 1)
    table = play(agent, task, rngs(1), 20).table()
    told = lead(agent, task, table)["probability"].to_numpy()
    counts = (table["free"] & table["valid"]).to_numpy()
    assert 0 < counts.sum() < table["free"].sum() < len(table)  # some of each kind
    assert np.array_equal(~np.isnan(told), counts)
    np.testing.assert_allclose(told[counts], table["probability"][counts], rtol=1e-5)


def test_the_response_at_every_step_may_be_missing() -> None:
    """Animals' tables have only the choice: then they fixated."""
    table = table_of(TWO_STEP, 1, episodes=3)
    bare = table[["subject", "session", "trial", "choice", "common", "reward", "valid"]]
    led = play(agent_of("prefrontal", TWO_STEP, 1), TWO_STEP, given=bare)
    actions = by_episode(led.actions)[0].reshape(-1, 3)
    assert (actions[:, 0] == CENTRE).all()
    assert (actions[:, 1] == table["choice"].where(table["choice"] >= 0, CENTRE)).all()
    assert (by_episode(led.rewards)[0].reshape(-1, 3)[:, 2] == table["reward"].where(table["valid"], -1)).all()


@pytest.mark.parametrize("task", ["bandit", "volatility"])
def test_a_trial_without_a_choice(task: str) -> None:
    """Where there is no action for it: no probability, and no last action at the next step."""
    table = table_of(SMALL[task], 1, episodes=3)
    missed = table["trial"] == 4
    table["choice"], table["reward"] = table["choice"].mask(missed, -1), table["reward"].mask(missed, 0)
    agent = agent_of("prefrontal", SMALL[task], 1)
    assert (lead(agent, SMALL[task], table)["probability"].isna() == missed).all()
    led = play(agent, SMALL[task], given=table)
    assert (led.seen.actions[4] == -1).all() and (led.seen.actions[5] >= 0).all()
    assert not led.rewards[3].any() and (led.table()["choice"] == table["choice"]).all()


@pytest.mark.parametrize(
    "task, change, words",
    [
        ("bandit", {"choice": 3}, "3"),  # it has three arms: 0, 1, 2
        ("two_step", {"action_2": 3}, "3"),
        ("two_step", {"common": None}, "common"),
        ("bandit", {"reward": 0.5}, "reward"),
    ],
)
def test_tables_that_nobody_can_be_led_along(task: str, change: dict, words: str) -> None:
    table = table_of(SMALL[task], 1, episodes=2).assign(**change)
    with pytest.raises(TableError, match=words) as caught:
        lead(agent_of("prefrontal", SMALL[task], 1), SMALL[task], table)
    assert "\n" not in str(caught.value)
