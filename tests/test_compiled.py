"""The compiled loops against the plain path, which plays and learns step by step in PyTorch."""

from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
import torch
from fakes import SMALL, lively

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.dopamine import Stimulation
from pfc_metarl.networks import AGENTS, make_agent
from pfc_metarl.rollout import Trajectory, play
from pfc_metarl.tasks import Alchemy, Bandit, GridNavi, TabularMDP
from pfc_metarl.tasks.stepping import see_and_step

CONFIG = Config(units=6, networks=2, episodes=80, episodes_per_update=5, learning_rate=0.002, entropy_cost_end=0.0)
COMPILED = ["prefrontal", "no-memory", "actor-critic-rpe"]
ALIKE = ["no-reward", "no-action"]
"""Compiled too, with fixed weights like no-memory."""
each = pytest.mark.parametrize("name", COMPILED)
every_task = pytest.mark.parametrize("task", SMALL)
MORE = {"alchemy": Alchemy(1, 15), "grid_navi": GridNavi(2, 6), "tabular_mdp": TabularMDP(2)}
"""Further tasks; the first has an array among its parameters."""


def learner(name: str, task: str, **changes: object) -> Learner:
    config = replace(CONFIG, agent=name, **changes)  # type: ignore[arg-type]
    made = Learner(config, (SMALL | MORE)[task], config.seeds)
    lively(made.network, 0.3 if task in SMALL else 0.1)  # where inputs are large, rounding errors are, too
    return made


def plainly(monkeypatch: pytest.MonkeyPatch, made: Learner) -> Learner:
    """The same, step by step."""
    monkeypatch.setattr(made.network, "play_plainly", True)
    return made


def assert_same(one: Trajectory, other: Trajectory) -> None:
    assert torch.equal(one.actions, other.actions)
    for name in ("rewards", "active", "logits", "values", "activity"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-4, atol=2e-5)
    for own, its in zip((*one.seen, *one.start, *one.end[:-1][0]), (*other.seen, *other.start, *other.end[:-1][0])):
        torch.testing.assert_close(own, its, rtol=1e-4, atol=2e-5)
    for field in ("reward", "action", "begins"):
        assert torch.equal(getattr(one.end, field), getattr(other.end, field))
    np.testing.assert_array_equal(one.end.episodes.records, other.end.episodes.records)
    np.testing.assert_array_equal(one.end.episodes.trials, other.end.episodes.trials)
    np.testing.assert_array_equal(one.end.episodes.observation, other.end.episodes.observation)
    np.testing.assert_array_equal(one.end.episodes.reward, other.end.episodes.reward)


@pytest.mark.parametrize("name, task", [*product(COMPILED, SMALL), *product(COMPILED[:1], MORE)])
def test_they_play_and_learn_alike(name: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actions, outcomes, all gradients and losses, through several updates (and stretches, where episodes run on)."""
    fast, slow = learner(name, task), plainly(monkeypatch, learner(name, task))
    assert fast.network.compiled and not slow.network.compiled
    for _ in range(4):
        assert_same(fast.play(), slow.play())
        same_learning(fast, slow, 1)


def same_learning(fast: Learner, slow: Learner, updates: int) -> None:
    """In one call and in single updates, from the same weights: what is played, gradients, mean squares, weights."""
    learned = fast.learn(updates)
    parts = [slow.learn() for _ in range(updates)]
    assert fast.update == slow.update
    torch.testing.assert_close(learned.rewards, torch.cat([part.rewards for part in parts], 2))
    for name in ("records", "trials"):
        own = np.concatenate([getattr(part.episodes, name) for part in parts], axis=1)
        np.testing.assert_array_equal(getattr(learned.episodes, name), own)
    layers = fast.optimiser, slow.optimiser
    told = [[o.of_parameters(x) for o, x in zip(layers, both)] for both in (
        (fast.gradient, slow.gradient), (fast.optimiser.mean_square, slow.optimiser.mean_square),
    )]  # fmt: skip
    for one, other in (*told, (fast.network.in_order(), slow.network.in_order())):
        for p, q in zip(one, other, strict=True):
            torch.testing.assert_close(p, q, rtol=2e-3, atol=2e-4 * float(q.detach().abs().max()) + 1e-7)


@each
@pytest.mark.parametrize("task", ["two_step", "inferred_value"])
@pytest.mark.parametrize("learned_start", [True, False])
def test_several_updates_in_one_call(
    name: str, task: str, learned_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of episodes that begin and of such that go on, also where a call begins and ends on the way."""
    changes = {"episodes_per_update": 2, "learned_start": learned_start, "gradient_clip": 0.5}
    fast, slow = (learner(name, task, **changes) for _ in range(2))
    plainly(monkeypatch, slow)
    assert fast.together == 8
    before = [start.clone() for start in (p for k, p in fast.network.named_parameters() if "initial" in k)]
    for updates in (3, 5, 2):
        same_learning(fast, slow, updates)
    assert fast.learn(100).rewards.shape[2] == 2 * 6  # to the end of what is drawn together
    moved = [(p - start).abs().max() > 0 for (k, p), start in zip(
        ((k, p) for k, p in fast.network.named_parameters() if "initial" in k), before)]  # fmt: skip
    assert all(moved) if learned_start else not any(moved)


@pytest.mark.parametrize("withheld", ["positive", "negative", "all"])
def test_errors_withheld(withheld: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = (learner("prefrontal", "two_step", errors_withheld=withheld) for _ in range(2))
    plainly(monkeypatch, slow)
    same_learning(fast, slow, 2)


@pytest.mark.parametrize("task", ["two_step", "inferred_value", "foraging"])
def test_returns_that_decay(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = (learner("prefrontal", task, trace_decay=0.4) for _ in range(2))
    plainly(monkeypatch, slow)
    same_learning(fast, slow, 2)


@each
def test_how_many_updates_in_a_call_changes_nothing(name: str) -> None:
    for task in ("bandit", "inferred_value"):
        whole, parts = (learner(name, task, episodes_per_update=1) for _ in range(2))
        whole.learn(16), whole.learn(4)
        for updates in (1, 2, 13, 3, 1):
            parts.learn(updates)
        assert whole.update == parts.update == 20
        for p, q in zip(whole.network.parameters(), parts.network.parameters()):
            assert torch.equal(p, q)


def test_stimulation(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Stimulation("risky_reward", -4.0, probability=0.7, first_step=4)
    fast, slow = (learner("actor-critic-rpe", "optogenetics").network for _ in range(2))
    monkeypatch.setattr(slow, "play_plainly", True)
    rngs = [[np.random.default_rng(k) for k in (1, 2)] for _ in range(2)]
    one, other = (play(a, SMALL["optogenetics"], r, 40, stimulation=protocol) for a, r in zip((fast, slow), rngs))
    assert_same(one, other)
    assert (one.seen.added != 0).any() and torch.equal(one.seen.added, other.seen.added)


@pytest.mark.parametrize("name", AGENTS)
def test_which_agents_they_serve(name: str) -> None:
    config = replace(CONFIG, agent=name)
    assert make_agent(config, SMALL["bandit"], [1]).compiled == (name in [*COMPILED, *ALIKE])


def raises(task, episode, trials, action):  # type: ignore[no-untyped-def]
    if action == 1:
        raise ValueError("an error in somebody's task")
    return 0.0


class Raising(Bandit):
    act = staticmethod(raises)


def test_an_error_in_a_task_is_told() -> None:
    """In a function that is called by its address it would be lost, and what is learned from left to chance."""
    made = Learner(CONFIG, Raising(8, 2, "independent"), CONFIG.seeds)
    with pytest.raises(
        RuntimeError, match="^the task raised an error; NUMBA_DISABLE_JIT=1 in the environment shows it$"
    ):
        made.learn()
    with pytest.raises(RuntimeError, match="^the task raised an error"):
        made.play()


class Map(NamedTuple):
    cells: np.ndarray
    time_scale: int = 8


def test_tasks_whose_parameters_differ_are_told_apart() -> None:
    """In shape, type or value."""
    wide, tall = np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32)
    tasks = []
    for cells in (wide, tall, wide.astype(np.int32), wide + 1, wide.copy()):
        tasks.append(Bandit(8, 2, "independent"))
        tasks[-1].parameters = Map(cells)
    first, *others, same = (see_and_step(task, False) for task in tasks)
    assert first is same and all(first is not other for other in others)
