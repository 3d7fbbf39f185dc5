"""Returns, loss, clipping and schedules against slow and obvious versions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pfc_metarl.a2c import Learner, clip_gradients, loss, returns
from pfc_metarl.errors import TrainingDiverged
from pfc_metarl.network import PrefrontalNetwork
from simulations.two_step import SIMULATION, make_task

CONFIG = replace(SIMULATION.quick_config("fast"), trials=10, units=8)


def test_returns_are_discounted_sums() -> None:
    rng = np.random.default_rng(0)
    rewards, bootstrap, gamma = rng.normal(size=(6, 2, 3)), rng.normal(size=(2, 3)), 0.8
    got = returns(torch.from_numpy(rewards), torch.from_numpy(bootstrap), gamma)
    for t in range(6):
        expected = sum(gamma ** (k - t) * rewards[k] for k in range(t, 6)) + gamma ** (6 - t) * bootstrap
        np.testing.assert_allclose(got[t], expected)


def test_loss_has_the_gradient_of_the_methods() -> None:
    """Sum over steps of grad log pi delta + beta_v delta grad V + beta_e grad H, by hand for softmax logits."""
    torch.manual_seed(0)
    steps, networks, episodes, actions = 4, 2, 3, 3
    logits = torch.randn(steps, networks, episodes, actions, dtype=torch.double, requires_grad=True)
    values = torch.randn(steps, networks, episodes, dtype=torch.double, requires_grad=True)
    chosen = torch.randint(actions, (steps, networks, episodes))
    targets = torch.randn(steps, networks, episodes, dtype=torch.double)
    losses = loss(logits, values, chosen, targets, state_value_cost=0.3, entropy_cost=0.7)
    assert losses.shape == (networks,)
    losses.sum().backward()
    for index in np.ndindex(steps, networks, episodes):
        policy = torch.softmax(logits[index].detach(), 0)
        delta = targets[index] - values[index].detach()
        grad_log = torch.eye(actions, dtype=torch.double)[chosen[index]] - policy
        entropy = -(policy * policy.log()).sum()
        grad_entropy = -policy * (policy.log() + entropy)
        torch.testing.assert_close(logits.grad[index], -(grad_log * delta + 0.7 * grad_entropy) / episodes)
        torch.testing.assert_close(values.grad[index], -0.3 * delta / episodes)


def test_clipping_is_per_network() -> None:
    network = PrefrontalNetwork([1, 2], 2, 2, 3)
    for p in network.parameters():
        p.grad = torch.ones_like(p)
        p.grad[1] *= 1e-3
    size = sum(p[0].numel() for p in network.parameters()) ** 0.5
    norms = clip_gradients(network, 0.5)
    torch.testing.assert_close(norms, torch.tensor([size, size * 1e-3]))
    after = [sum(p.grad[k].square().sum() for p in network.parameters()).sqrt().item() for k in (0, 1)]
    assert after == pytest.approx([0.5, min(0.5, size * 1e-3)], rel=1e-5)


def test_schedule_is_linear() -> None:
    learner = Learner(CONFIG, make_task(CONFIG), [1])
    learner.update = CONFIG.updates // 2
    assert learner.schedule(1.0, 0.0) == pytest.approx(0.5)
    assert learner.schedule(1.0, None) == 1.0


def test_learning_rate_of_the_schedule_is_used() -> None:
    """At a learning rate that has fallen to 0 nothing changes; above 0 something does."""
    for rate_end, changes in ((0.0, False), (0.01, True)):
        config = replace(CONFIG, learning_rate=0.01, learning_rate_end=rate_end)
        learner = Learner(config, make_task(config), [1])
        learner.update = config.updates  # the schedule's end
        before = [p.clone() for p in learner.network.parameters()]
        learner.learn()
        same = [torch.equal(p, old) for p, old in zip(learner.network.parameters(), before)]
        assert all(same) != changes


def test_diverged_training_stops_and_keeps_the_weights() -> None:
    learner = Learner(CONFIG, make_task(CONFIG), [1, 2])
    with torch.no_grad():
        learner.network.heads.bias[1] = float("inf")
    before = [p.clone() for p in learner.network.parameters()]
    with pytest.raises(TrainingDiverged, match="seed 2"):
        learner.learn()
    assert all(torch.equal(p, old) for p, old in zip(learner.network.parameters(), before))
    assert learner.update == 0


def test_a_network_learns_the_same_alone_and_among_others() -> None:
    three, alone = (Learner(CONFIG, make_task(CONFIG), seeds) for seeds in ([1, 2, 3], [2]))
    for _ in range(3):
        among, single = three.learn(), alone.learn()
        assert torch.equal(among.actions[:, 1:2], single.actions)
    for p, own in zip(three.network.parameters(), alone.network.parameters()):
        torch.testing.assert_close(p[1:2], own, rtol=1e-3, atol=1e-5)


def test_learning_finds_the_valid_actions() -> None:
    """Some hundred episodes are enough to learn when to press what (chance: 1 of 3 at fixation, 2 of 3 after)."""
    config = replace(CONFIG, episodes=1600, episodes_per_update=16, trials=20, units=24)
    learner = Learner(config, make_task(config), [1, 2])
    for _ in range(config.updates):
        learner.learn()
        valid = learner.task.record()["valid"].mean()
    assert valid > 0.9
