"""Returns, loss, clipping and schedules against slow and obvious versions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import SMALL, TWO_STEP, Running, lively

import pfc_metarl.a2c as a2c
from pfc_metarl.a2c import Learner, loss, returns
from pfc_metarl.config import Config
from pfc_metarl.errors import TrainingDiverged
from pfc_metarl.networks import AGENTS
from pfc_metarl.networks.policies import Softmax
from pfc_metarl.networks.prefrontal import PrefrontalNetwork
from pfc_metarl.networks.updates import Rules, descend
from pfc_metarl.rmsprop import RMSProp, clip
from pfc_metarl.rollout import Carry
from pfc_metarl.tasks.task import Task
from pfc_metarl.tasks.two_step import TwoStep

CONFIG = Config(units=8, episodes=64, episodes_per_update=4, learning_rate=0.01)


def obvious_return(
    t: int, rewards: np.ndarray, begins: np.ndarray, following: np.ndarray, gamma: float, decay: float = 1.0
) -> float:
    """Of one slot: the mean of n-step returns, each rewards up to the episode's end, or n of them and what the state
    that follows is worth; those of n steps count (1 - lambda) lambda^(n - 1), the longest the rest."""
    total, weight, mean = 0.0, 1.0, 0.0
    for k in range(t, len(rewards)):
        total += gamma ** (k - t) * rewards[k]
        if begins[k]:  # the next one begins with what follows
            return mean + weight * total
        n_step = total + gamma ** (k - t + 1) * following[k]
        share = weight if k == len(rewards) - 1 else (1 - decay) * weight
        mean, weight = mean + share * n_step, weight - share
    return mean


@pytest.mark.parametrize("decay", [1.0, 0.6, 0.0])
def test_returns_are_discounted_sums_within_the_episode(decay: float) -> None:
    rng = np.random.default_rng(0)
    rewards, following, gamma = rng.normal(size=(9, 2, 3)), rng.normal(size=(9, 2, 3)), 0.8
    begins = rng.random((9, 2, 3)) < 0.2
    begins[:, 1, 1] = False  # one goes on all along
    assert begins[-1].any() and not begins[-1].all()
    got = returns(*map(torch.from_numpy, (rewards, begins, following)), gamma, decay)
    for t, k, e in np.ndindex(9, 2, 3):
        expected = obvious_return(t, rewards[:, k, e], begins[:, k, e], following[:, k, e], gamma, decay)
        assert got[t, k, e].item() == pytest.approx(expected)


def test_loss_has_the_gradient_of_the_methods() -> None:
    """Sum over active steps of grad log pi delta + beta_v delta grad V + beta_e grad H, by hand for softmax logits."""
    torch.manual_seed(0)
    steps, networks, episodes, actions = 4, 2, 3, 3
    logits = torch.randn(steps, networks, episodes, actions, dtype=torch.double, requires_grad=True)
    values = torch.randn(steps, networks, episodes, dtype=torch.double, requires_grad=True)
    chosen = torch.randint(actions, (steps, networks, episodes))
    targets = torch.randn(steps, networks, episodes, dtype=torch.double)
    active = torch.rand(steps, networks, episodes) < 0.7
    losses = loss(
        Softmax(actions), logits, values, chosen, targets, state_value_cost=0.3, entropy_cost=0.7, active=active
    )
    assert losses.shape == (networks,) and active.any() and not active.all()
    losses.sum().backward()
    for index in np.ndindex(steps, networks, episodes):
        policy = torch.softmax(logits[index].detach(), 0)
        delta = targets[index] - values[index].detach()
        grad_log = torch.eye(actions, dtype=torch.double)[chosen[index]] - policy
        entropy = -(policy * policy.log()).sum()
        grad_entropy = -policy * (policy.log() + entropy)
        counts = active[index] / episodes
        torch.testing.assert_close(logits.grad[index], -(grad_log * delta + 0.7 * grad_entropy) * counts)
        torch.testing.assert_close(values.grad[index], -0.3 * delta * counts)


def targets_of(learner: Learner, monkeypatch: pytest.MonkeyPatch, updates: int) -> list[dict]:
    """What the loss is given at each of some updates, and the trajectory."""
    given: list[dict] = []
    original = a2c.loss

    def spy(policy, logits, values, actions, targets, value_cost, entropy_cost, active, bounds):  # type: ignore[no-untyped-def]
        given.append({"values": values.detach(), "targets": targets, "active": active, "entropy_cost": entropy_cost})
        return original(policy, logits, values, actions, targets, value_cost, entropy_cost, active, bounds)

    monkeypatch.setattr(a2c, "loss", spy)
    learner.network.play_plainly = True  # compiled loops do the same (test_compiled.py)
    for _ in range(updates):
        network = [p.clone() for p in learner.network.parameters()]
        trajectory = learner.play()
        learner.learn()
        given[-1] |= {"trajectory": trajectory, "network": network}
    return given


@pytest.mark.parametrize("decay", [1.0, 0.5])
@pytest.mark.parametrize("kind", ["whole episodes", "stream", "running"])
def test_what_values_and_policy_are_trained_towards(kind: str, decay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole episodes: nothing follows. A stream: the value of the state after the unroll. Running episodes: that too,
    but nothing from beyond an episode's end."""
    task: Task = {"whole episodes": SMALL["foraging"], "stream": SMALL["inferred_value"], "running": Running(7)}[kind]
    learner = Learner(replace(CONFIG, trace_decay=decay), task, [1, 2])
    lively(learner.network)
    ends = []
    for step in targets_of(learner, monkeypatch, 3):
        played = step["trajectory"]
        if kind == "whole episodes":
            begins, nothing = torch.zeros_like(played.active), torch.zeros(1, 2, 4)
            following = torch.cat([(played.values * played.active)[1:], nothing])
        else:
            with torch.no_grad():  # the state after the unroll, as the network saw it that had played
                network = AGENTS["prefrontal"].build(CONFIG, task, [1, 2])
                for p, own in zip(network.parameters(), step["network"]):
                    p.copy_(own)
                after = network(played.seen, played.start).values
            following, begins = after[1:], played.seen.begins[1:]
            assert len(after) == task.steps + 1
        ends.append(begins.sum().item())
        torch.testing.assert_close(step["values"], played.values, rtol=1e-4, atol=1e-5)
        for t, k, e in np.ndindex(*played.rewards.shape):
            own = [x[:, k, e].numpy() for x in (played.rewards, begins, following)]
            expected = obvious_return(t, *own, CONFIG.discount, decay)
            assert step["targets"][t, k, e].item() == pytest.approx(expected, abs=1e-4)
    assert (sum(ends) > 10) == (kind == "running")


def test_a_stream_goes_on_where_it_stopped() -> None:
    learner = Learner(CONFIG, SMALL["inferred_value"], [1, 2])
    first = learner.play()
    learner.learn()
    second = learner.play()
    assert first.seen.begins[0].all() and not second.seen.begins.any()
    for before, after in zip(first.end.state, second.start):
        torch.testing.assert_close(before, after)
        assert after.any()
    assert torch.equal(second.seen.actions[0], first.actions[-1])
    learner.learn()
    assert isinstance(learner.carry, Carry)
    np.testing.assert_array_equal(learner.carry.episodes.records, second.end.episodes.records)
    assert Learner(CONFIG, TWO_STEP, [1]).carry is None


def test_clipping_is_per_network() -> None:
    gradient = torch.ones(2, 9) * torch.tensor([[1.0], [1e-3]])
    norms = clip(gradient, 0.5)
    torch.testing.assert_close(norms, torch.tensor([3.0, 3e-3]))
    torch.testing.assert_close(gradient.norm(dim=1), torch.tensor([0.5, 3e-3]))


def test_gradients_whose_squares_overflow_are_clipped_too() -> None:
    """As they explode through time: alone, beside others, and in compiled loops; what is infinite itself is told."""
    gradient = torch.tensor([[3e19, 4e19], [3.0, 4.0], [torch.inf, 1.0]])
    norms = clip(gradient, 0.5)
    torch.testing.assert_close(norms, torch.tensor([5e19, 5.0, torch.inf]))
    torch.testing.assert_close(gradient[:2], torch.tensor([[0.3, 0.4], [0.3, 0.4]]))
    rules = Rules(*np.float32([1, 1, 1, 0.99, 1e-5, 0.5, -1, 1]))
    for own, known in (([3e19, 4e19], True), ([np.inf, 1.0], False)):
        compiled, weights = np.array(own, np.float32), np.zeros(2, np.float32)
        assert descend(weights, np.zeros(2, np.float32), compiled, np.float32(0.1), rules) == known
        assert not known or np.allclose(compiled, [0.3, 0.4]) and (weights < 0).all()


def test_schedule_is_linear() -> None:
    learner = Learner(CONFIG, TWO_STEP, [1])
    assert learner.schedule(1.0, 0.0) == 1.0
    learner.update = CONFIG.updates // 2
    assert learner.schedule(1.0, 0.0) == pytest.approx(0.5)
    assert learner.schedule(1.0, None) == 1.0


def test_schedules_of_the_config_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a learning rate that has fallen to 0 nothing changes, above 0 something does; and the entropy cost falls."""
    for rate_end, changes in ((0.0, False), (0.01, True)):
        config = replace(CONFIG, learning_rate_end=rate_end, entropy_cost=1.0, entropy_cost_end=0.25)
        learner = Learner(config, TWO_STEP, [1])
        learner.update = config.updates  # the schedule's end
        before = [p.clone() for p in learner.network.parameters()]
        with monkeypatch.context() as patch:
            (given,) = targets_of(learner, patch, 1)
        assert given["entropy_cost"] == 0.25
        same = [torch.equal(p, old) for p, old in zip(learner.network.parameters(), before)]
        assert all(same) != changes


def test_an_update_is_a_step_of_rmsprop_down_the_clipped_gradient() -> None:
    """The first one by hand: the mean square is (1 - decay) g^2, each weight moves by rate * g / (root + epsilon)."""
    config = replace(CONFIG, gradient_clip=0.5)
    learner, twin = Learner(config, TWO_STEP, [1]), Learner(config, TWO_STEP, [1])
    losses = twin.losses(twin.play())
    losses.sum().backward()
    norm = torch.cat([p.grad.flatten() for p in twin.network.parameters()]).norm().item()
    assert norm > 0.5
    learner.learn()
    for moved, p in zip(learner.network.parameters(), twin.network.parameters()):
        g = p.grad * 0.5 / norm
        step = 0.01 * g / (np.sqrt(1 - 0.99) * g.abs() + 1e-5)
        torch.testing.assert_close(moved.detach(), p.detach() - step, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("plainly", [False, True])
def test_diverged_training_stops_and_keeps_the_weights(plainly: bool) -> None:
    learner = Learner(CONFIG, TWO_STEP, [1, 2])
    learner.network.play_plainly = plainly
    with torch.no_grad():
        learner.network.heads.bias[1] = float("inf")
    before = [p.clone() for p in learner.network.parameters()]
    with pytest.raises(TrainingDiverged, match="^training diverged at update 1: .*seed 2"):
        learner.learn()
    assert all(torch.equal(p[1], old[1]) for p, old in zip(learner.network.parameters(), before))
    assert learner.update == 0


def test_learning_finds_the_valid_actions() -> None:
    """Some hundred episodes are enough to learn when to press what (chance: 1 of 3 at fixation, 2 of 3 after)."""
    task = TwoStep(trials=10, common_probability=0.8, reward_high=0.9, reward_low=0.1, switch_probability=0.025)
    learner = Learner(replace(CONFIG, episodes=400, episodes_per_update=16, units=24, learning_rate=0.02), task, [1, 2])
    first = learner.learn().rewards
    while learner.update < learner.config.updates:
        last = learner.learn().rewards
    assert (first == -1).float().mean() > 0.4
    assert (last == -1).float().mean() < 0.02


def test_rmsprop_over_several_steps() -> None:
    rng = np.random.default_rng(0)
    network = PrefrontalNetwork([1, 2], (2,), 2, 3, learned_start=False)  # whose start is not learned
    before = {name: p.detach().numpy().copy() for name, p in network.named_parameters()}
    optimiser, mean_square = RMSProp(network.in_order(), decay=0.9, epsilon=0.1), dict.fromkeys(before, 0.0)
    for rate in (0.5, 0.3, 0.2):
        for name, p in network.named_parameters():
            if p.requires_grad:
                g = rng.normal(size=p.shape)
                p.grad = torch.from_numpy(g).float()
                mean_square[name] = 0.9 * mean_square[name] + 0.1 * g**2
                before[name] = before[name] - rate * g / (np.sqrt(mean_square[name]) + 0.1)
        optimiser.step(optimiser.gradient(), rate)
        for name, p in network.named_parameters():
            np.testing.assert_allclose(p.detach(), before[name], rtol=1e-5, atol=1e-6, err_msg=name)
    optimiser.step(optimiser.gradient(), 0.5)  # without a gradient nothing moves
    for name, p in network.named_parameters():
        np.testing.assert_allclose(p.detach(), before[name], rtol=1e-5, atol=1e-6, err_msg=name)
