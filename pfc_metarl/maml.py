"""Model-agnostic meta-learning for reinforcement learning (MAML, Finn et al. 2017, Algorithm 3).

Weights are learned from which a policy gradient step or two, on a few rollouts, leads to a good policy for one instance
of a task (one bandit, one goal). Each network plays several instances in an update; on each its weights are copied, and
the copy is adapted: copies are replicas, network by network, along the axis of networks.

What is learned is how well adapted copies do. The gradient goes through the inner steps (second order), or takes the
adapted weights for the ones that are learned (first order). As published, it leaves out how the weights change what is
met before the adaptation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.a2c import Learned, Learner, loss, returns
from pfc_metarl.config import Config, Count, NotNegative, Positive
from pfc_metarl.networks.feedforward import FeedForward, Weights, run
from pfc_metarl.networks.policies import Policy
from pfc_metarl.random_streams import TRAINING, generators
from pfc_metarl.rollout import Trajectory, perform
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task

NOT_USED = ("input_scale", "learned_start", "trace_decay", "state_value_cost", "errors_withheld")
"""Of the settings that all simulations share."""


@dataclass(frozen=True)
class MAMLConfig(Config):
    """What MAML adds to network and learning; an "episode" is an instance of the task, with all rollouts on it."""

    agent: str = "feedforward"
    """Two layers of units, without memory: MAML adapts weights, and takes no other."""
    units: Count = 100
    """Units of either layer (F: 100)."""
    episodes: Count = 10_000
    """Instances of the task in training, per network."""
    episodes_per_update: Count = 40
    """Instances per network and update (F: 40)."""
    rollouts: Count = 20
    """Rollouts of an instance before each inner update, and after the last."""
    inner_updates: Count = 1
    """Inner updates in training."""
    inner_learning_rate: Positive = 0.1
    """Size of an inner step."""
    biases: NotNegative = 1.0
    """The first biases of hidden layers, as a multiple of our usual ones. (At 0 a network that sees nothing, as in a
    bandit's single pull, has units that are silent for good: only the policy's own biases can adapt.)"""
    second_order: bool = True
    """Whether the gradient goes through the inner updates."""

    def __post_init__(self) -> None:
        super().__post_init__()
        alone = "feedforward: MAML adapts the weights of a network that has no memory"
        self.require("agent", self.agent == "feedforward", alone)
        usual = {f.name: f.default for f in fields(Config)}
        for name in NOT_USED:
            self.require(name, getattr(self, name) == usual[name], f"left at {usual[name]}: MAML makes no use of it")


class Inner:
    """Inner updates: policy gradient, with the mean over rollouts as baseline at each step.

    Advantages are divided by their s.d., so that the size of a step depends on no unit of reward (as in the authors'
    code).

    Args:
        policy: how actions are drawn.
        rate: size of a step.
        discount: gamma of returns.
    """

    def __init__(self, policy: Policy, rate: float, discount: float) -> None:
        self.policy, self.rate, self.discount = policy, rate, discount

    def step(self, weights: Weights, played: Trajectory, second_order: bool) -> list[Tensor]:
        """Weights after one step on what replicas played with them; (replica, ...) each.

        Args:
            weights: before; of these the gradient is taken.
            played: by the replicas (time, replica, rollout, ...).
            second_order: whether what follows can be differentiated through the step.
        """
        active = played.active
        _, advantage = self.advantages(played)
        size = (advantage.square().sum((0, 2)) / active.sum((0, 2))).sqrt().view(1, -1, 1)
        log_probability = self.policy.log_probability(run(weights, played.seen.observations).logits, played.actions)
        aim = (log_probability * advantage / (size + 1e-8) * active).sum((0, 2)) / active.sum((0, 2))
        gradients = torch.autograd.grad(aim.sum(), weights, create_graph=second_order)
        return [w + self.rate * g for w, g in zip(weights, gradients)]

    def advantages(self, played: Trajectory) -> tuple[Tensor, Tensor]:
        """Returns, and how far above those of all rollouts at the same step: both (time, replica, rollout)."""
        active, nothing = played.active, torch.zeros_like(played.rewards)
        told = returns(played.rewards, torch.zeros_like(active), nothing, self.discount)
        mean = (told * active).sum(-1, keepdim=True) / active.sum(-1, keepdim=True).clamp(min=1)
        return told, (told - mean) * active


class Replicas:
    """Copies of networks, one for each instance of a task that they are to play.

    Args:
        network: the networks.
        task: the task.
        instances: of each network.
        rollouts: of each instance, side by side.
        rngs: one generator per network.
    """

    def __init__(
        self, network: FeedForward, task: Task, instances: int, rollouts: int, rngs: Sequence[np.random.Generator]
    ) -> None:
        drawn = Episodes(task, len(rngs), instances)
        drawn.begin(rngs)
        self.instances, self.each = drawn.records.reshape(-1), instances
        self.rngs, self.task, self.rollouts = rngs, task, rollouts
        seeds = [seed for seed in network.seeds for _ in range(instances)]
        self.copies = FeedForward(seeds, *_shape(network))

    def play(self, weights: Weights) -> Trajectory:
        """Rollouts with these weights."""
        for p, w in zip(self.copies.parameters(), weights):
            p.data = w.detach()
        world = Episodes(self.task, len(self.instances), self.rollouts)
        world.begin_on(self.instances, [rng for rng in self.rngs for _ in range(self.each)])
        noise = self.copies.action_policy.noise(self.rngs, self.each, self.task.steps, self.rollouts)
        return perform(self.copies, world, noise.reshape(-1, *noise.shape[2:]))


def copied(network: FeedForward, copies: int) -> list[Tensor]:
    """The networks' weights, each so many times in a row; gradients go through."""
    return [p.repeat_interleave(copies, 0) for p in network.parameters()]


def _shape(network: FeedForward) -> tuple[Any, ...]:
    """What a network of that shape is built with, besides seeds."""
    continuous = network.action_policy.outputs != network.actions
    return network.observations, network.actions, network.units, continuous


def adapt(
    network: FeedForward,
    task: Task,
    config: MAMLConfig,
    rngs: Sequence[np.random.Generator],
    instances: int,
    updates: int,
) -> list[Trajectory]:
    """Adapt networks, whose own weights stay, to fresh instances of a task.

    Args:
        network: the networks.
        task: the task.
        config: of inner updates and rollouts.
        rngs: one generator per network.
        instances: how many, of each network.
        updates: inner updates.

    Returns:
        What was played before any update, after one, and so on: (time, network x instance, rollout, ...).
    """
    replicas = Replicas(network, task, instances, config.rollouts, rngs)
    inner = Inner(network.action_policy, config.inner_learning_rate, config.discount)
    weights, played = copied(network, instances), []
    for update in range(updates + 1):
        played.append(replicas.play(weights))
        if update < updates:
            weights = inner.step([w.detach().requires_grad_() for w in weights], played[-1], second_order=False)
    return played


class MAMLLearner(Learner):
    """Networks whose adapted copies learn; see `Learner`."""

    config: MAMLConfig

    def learn(self, most: int = 1) -> Learned:
        """One update."""
        blocks = self.play_blocks()
        self._descend(self.losses_of(blocks))
        self._go_on(1, blocks[-1].end)
        networks, last = len(self.network.seeds), blocks[-1]
        rewards = last.rewards.reshape(len(last.rewards), networks, -1)
        return Learned(rewards, last.end.episodes.of_networks(networks))

    @property
    def inner(self) -> Inner:
        """Of the inner updates."""
        return Inner(self.network.action_policy, self.config.inner_learning_rate, self.config.discount)

    def play_blocks(self) -> list[Trajectory]:
        """What copies will play in the next update, before each inner update and after the last."""
        config, rngs = self.config, generators(TRAINING, self.network.seeds, self.update)
        assert isinstance(self.network, FeedForward)
        return adapt(self.network, self.task, config, rngs, config.episodes_per_update, config.inner_updates)

    def losses_of(self, blocks: list[Trajectory]) -> Tensor:
        """The loss of each network: of its adapted copies on the last block, mean over instances."""
        assert isinstance(self.network, FeedForward)
        config, weights = self.config, copied(self.network, self.config.episodes_per_update)
        for block in blocks[:-1]:
            weights = self.inner.step(weights, block, config.second_order)
        last, policy = blocks[-1], self.network.action_policy
        told, advantage = self.inner.advantages(last)
        out = run(weights, last.seen.observations)
        entropy_cost = self.schedule(config.entropy_cost, config.entropy_cost_end)
        own = loss(policy, out.logits, told - advantage, last.actions, told, 0.0, entropy_cost, last.active)
        return own.view(len(self.network.seeds), -1).mean(1)
