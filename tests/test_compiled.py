"""The compiled loops against the plain path, which plays and learns step by step in PyTorch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import SMALL, lively

from pfc_metarl.a2c import Learner
from pfc_metarl.config import Config
from pfc_metarl.dopamine import Stimulation
from pfc_metarl.networks import AGENTS, make_agent
from pfc_metarl.rollout import Trajectory, play

CONFIG = Config(units=6, networks=2, episodes=80, episodes_per_update=5, learning_rate=0.002, entropy_cost_end=0.0)
COMPILED = ["prefrontal", "actor-critic-rpe"]
each = pytest.mark.parametrize("name", COMPILED)
every_task = pytest.mark.parametrize("task", SMALL)


def learner(name: str, task: str, **changes: object) -> Learner:
    config = replace(CONFIG, agent=name, **changes)  # type: ignore[arg-type]
    made = Learner(config, SMALL[task], config.seeds)
    lively(made.network)
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


@each
@every_task
def test_they_play_and_learn_alike(name: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actions, outcomes, all gradients and losses, through several updates (and stretches, where episodes run on)."""
    fast, slow = learner(name, task), plainly(monkeypatch, learner(name, task))
    assert fast.network.compiled and not slow.network.compiled
    for _ in range(4):
        one, other = fast.play(), slow.play()
        assert one.played is not None and other.played is None
        assert_same(one, other)
        losses = [own.backward(played) for own, played in ((fast, one), (slow, other))]
        torch.testing.assert_close(*(x.detach() for x in losses), rtol=1e-4, atol=1e-4)
        for (what, p), q in zip(fast.network.named_parameters(), slow.network.parameters()):
            assert p.grad is not None and q.grad is not None, what
            torch.testing.assert_close(p.grad, q.grad, rtol=1e-3, atol=1e-4 * float(q.grad.abs().max()), msg=what)
        for own in (fast, slow):
            own.network.zero_grad()
            own.learn()
        for p, q in zip(fast.network.parameters(), slow.network.parameters()):
            torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)


@each
def test_episodes_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = (learner(name, "two_step", episodes_per_update=1, learned_start=False) for _ in range(2))
    plainly(monkeypatch, slow)
    assert_same(fast.learn(), slow.learn())
    for own in (fast, slow):
        assert own.network.state_dict()[next(k for k in own.network.state_dict() if "initial" in k)].abs().sum() > 0


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
    assert make_agent(config, SMALL["bandit"], [1]).compiled == (name in COMPILED)
