"""MAML: its gradient against finite differences, inner steps against a slow version, copies, and what it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from fakes import SMALL, lively, rngs

from pfc_metarl.errors import ConfigError
from pfc_metarl.maml import Inner, MAMLConfig, MAMLLearner, adapt, copied
from pfc_metarl.networks.feedforward import FeedForward, run
from pfc_metarl.networks.policies import Softmax
from pfc_metarl.rollout import Trajectory
from pfc_metarl.tasks import Bandit, Navigation
from pfc_metarl.tasks.task import Task

CONFIG = MAMLConfig(
    units=4, networks=2, episodes=60, episodes_per_update=3, rollouts=5, inner_updates=2, inner_learning_rate=0.3,
    discount=0.9, learning_rate=0.01,
)  # fmt: skip
BANDIT, NAVIGATION = Bandit(2, 3, "independent"), Navigation(episodes=1, horizon=4)
each_task = pytest.mark.parametrize("task", [BANDIT, NAVIGATION], ids=["bandit", "navigation"])


def learner_of(task: Task, **changes: object) -> MAMLLearner:
    learner = MAMLLearner(replace(CONFIG, **changes), task, CONFIG.seeds)  # type: ignore[arg-type]
    lively(learner.network)
    return learner


def doubled(played: Trajectory) -> Trajectory:
    """In double precision."""
    actions = played.actions.double() if played.actions.is_floating_point() else played.actions
    seen = played.seen._replace(observations=played.seen.observations.double())
    return played._replace(seen=seen, rewards=played.rewards.double(), actions=actions)


@each_task
def test_the_second_order_gradient_is_that_of_finite_differences(task: Task) -> None:
    """Of all weights of one network, in double precision, with what was played held fixed."""
    learner = learner_of(task)
    blocks = [doubled(block) for block in learner.play_blocks()]
    learner.network.double()
    learner.losses_of(blocks).sum().backward()
    told = [p.grad.clone() for p in learner.network.parameters()]  # type: ignore[union-attr]
    first = learner_of(task, second_order=False)
    first.network.double().load_state_dict(learner.network.state_dict())
    first.losses_of(blocks).sum().backward()
    step, largest = 1e-5, 0.0
    for p, gradient, of_first in zip(learner.network.parameters(), told, first.network.parameters()):
        for index in list(np.ndindex(*p.shape))[:: max(1, p.numel() // 12)]:
            losses = []
            for sign in (1, -1):
                with torch.no_grad():
                    p[index] += sign * step
                losses.append(learner.losses_of(blocks).sum().item())
                with torch.no_grad():
                    p[index] -= sign * step
            assert gradient[index].item() == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-4, abs=1e-7)
        assert of_first.grad is not None
        largest = max(largest, float((gradient - of_first.grad).abs().max()))
    assert largest > 1e-4  # the first order is another


def test_an_inner_step_by_hand() -> None:
    """Of each copy alone: the sum over its pulls of grad log pi times the standardised return."""
    network = lively(FeedForward([1, 2], BANDIT.observations, 3, 4))
    assert isinstance(network, FeedForward)
    inner, weights = Inner(Softmax(3), 0.3, 0.9), [w.detach().requires_grad_() for w in copied(network, 2)]
    (played, _) = adapt(network, BANDIT, replace(CONFIG, rollouts=6), rngs(1, 2), 2, 1)
    told = inner.step(weights, played, second_order=False)
    for copy in range(4):
        own = [w[copy : copy + 1].detach().requires_grad_() for w in weights]
        r = played.rewards[:, copy]
        returns = torch.stack([r[0] + 0.9 * r[1], r[1]])
        advantage = returns - returns.mean(1, keepdim=True)
        advantage = advantage / advantage.square().mean().sqrt().clamp(min=1e-8)
        total = torch.zeros(())
        for t in range(2):
            for pull in range(6):
                observation = played.seen.observations[t, copy, pull].view(1, 1, 1, -1)
                log_policy = torch.log_softmax(run(own, observation).logits, -1)[0, 0, 0]
                total = total + log_policy[played.actions[t, copy, pull]] * advantage[t, pull] / 12
        for w, g, after in zip(own, torch.autograd.grad(total, own), told):
            torch.testing.assert_close(after[copy], (w + 0.3 * g)[0], rtol=1e-4, atol=1e-6)


@each_task
def test_copies_play_on_instances_of_their_own(task: Task) -> None:
    """All rollouts of a copy, before and after, are on the same instance; other copies have others."""
    network = FeedForward([1, 2], task.observations, task.actions, 4, task.continuous)
    before, after = adapt(network, task, CONFIG, rngs(1, 2), 3, 1)
    name = "goal_x" if task is NAVIGATION else "p_0"
    for played in (before, after):
        met = played.field(name)
        assert met.shape == (6, CONFIG.rollouts) and (met == met[:, :1]).all() and len(np.unique(met)) == 6
    np.testing.assert_array_equal(before.field(name), after.field(name))
    if task is BANDIT:
        assert (before.field("pays") != after.field("pays")).any()  # chance is drawn anew
    alone, _ = adapt(FeedForward([2], task.observations, task.actions, 4, task.continuous), task, CONFIG, rngs(2), 3, 1)
    torch.testing.assert_close(alone.rewards, before.rewards[:, 3:])


def test_it_learns_to_adapt() -> None:
    """Two arms of which one pays: after ten pulls at random the policy is to choose it."""
    task = Bandit(1, 2, "easy")
    config = replace(CONFIG, episodes=3_000, episodes_per_update=20, rollouts=10, inner_updates=1, units=8)
    learner = MAMLLearner(replace(config, inner_learning_rate=0.5), task, config.seeds)
    start = [p.rewards.mean().item() for p in adapt(learner.network, task, learner.config, rngs(1, 2), 200, 1)]  # type: ignore[arg-type]
    while learner.update < config.updates:
        learner.learn()
    end = [p.rewards.mean().item() for p in adapt(learner.network, task, learner.config, rngs(1, 2), 200, 1)]  # type: ignore[arg-type]
    assert start[0] == pytest.approx(0.5, abs=0.05) and start[1] < 0.78
    assert end[0] == pytest.approx(0.5, abs=0.05) and end[1] > 0.84


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="^agent must be feedforward: MAML adapts .*, not prefrontal$"):
        MAMLConfig(agent="prefrontal")
    with pytest.raises(ConfigError, match="^foraging is drawn anew for each episode: nobody can play several"):
        learner_of(SMALL["foraging"]).learn()
