"""Advantage actor-critic: how the weights of the prefrontal network are learned (Methods, "Architecture and training").

Per time step, with the n-step return R_t = r_t + gamma R_{t+1} and the prediction error delta_t = R_t - V(s_t),
the paper's gradient is

    grad log pi(a_t | s_t) delta_t  +  beta_v delta_t grad V(s_t)  +  beta_e grad H(pi(s_t))

summed over the steps of the unroll. The code minimises the loss whose negative gradient this is.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.errors import TrainingDiverged
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Lesson
from pfc_metarl.networks.policies import Policy
from pfc_metarl.random_streams import AUXILIARY, RUNNING, TRAINING, generator, generators
from pfc_metarl.rmsprop import RMSProp, clip
from pfc_metarl.rollout import Carry, Trajectory, perform, play
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task

DRAWN_TOGETHER = 16
"""Episodes of a network, if there are less in an update: compiled loops then do several updates in one call."""

BOUNDS = {"none": (-math.inf, math.inf), "positive": (-math.inf, 0.0), "negative": (0.0, math.inf), "all": (0.0, 0.0)}
"""Between which prediction errors are learned from, by those that are withheld."""


def returns(rewards: Tensor, begins: Tensor, following: Tensor, discount: float, decay: float = 1.0) -> Tensor:
    """Bootstrapped returns R_t = r_t + gamma ((1 - lambda) V_{t+1} + lambda R_{t+1}): n-step ones with a lambda of 1.

    Args:
        rewards: (time, ...).
        begins: (time, ...), whether an episode begins after the action, so that another one ended with it: nothing
            comes from beyond.
        following: (time, ...), the value of what follows each step; 0 if the episode ended. The last is R at the end.
        discount: gamma.
        decay: lambda.
    """
    out, later = torch.empty_like(rewards), following[-1]
    for t in reversed(range(len(rewards))):
        later = torch.lerp(following[t], later, decay).masked_fill(begins[t], 0)
        later = torch.add(rewards[t], later, alpha=discount, out=out[t])
    return out


def loss(
    policy: Policy,
    logits: Tensor,
    values: Tensor,
    actions: Tensor,
    targets: Tensor,
    state_value_cost: float,
    entropy_cost: float,
    active: Tensor,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Tensor:
    """Loss of each network: summed over time as in the paper, averaged over episodes.

    The mean over episodes keeps its size, and with it the meaning of clipping and epsilon, the same for any
    number of episodes per update; with one episode it is the paper's sum.

    Args:
        policy: how actions are drawn.
        logits: what the policy is made of (time, network, episode, output).
        values, actions, targets: (time, network, episode); targets are the returns.
        state_value_cost: beta_v, of half the squared prediction error.
        entropy_cost: beta_e.
        active: (time, network, episode), whether the step counts.
        bounds: between which prediction errors are learned from.

    Returns:
        (network,)
    """
    log_chosen, entropy = policy.log_probability(logits, actions), policy.entropy(logits)
    prediction_error = (targets - values).clamp(*bounds)
    per_step = (
        -log_chosen * prediction_error.detach()
        + state_value_cost * 0.5 * prediction_error.square()
        - entropy_cost * entropy
    )
    return (per_step * active).sum(0).mean(-1)


class Learned(NamedTuple):
    """What was played in some updates."""

    rewards: Tensor
    """(time, network, update x episode)."""
    episodes: Episodes
    """In the same order; where they are running, those that have ended."""


class Learner:
    """Networks in training: everything that an interrupted run needs to go on.

    Args:
        config: hyperparameters.
        task: the task to learn.
        seeds: the networks' seeds (a part of config.seeds, when several processes share the work).
        device: where they are trained.
    """

    def __init__(self, config: Config, task: Task, seeds: list[int], device: str = "cpu") -> None:
        self.config, self.task = config, task
        self.network = make_agent(config, task, seeds).to(device)
        order, fixed = self.network.in_order(), self.network.fixed()
        self.optimiser = RMSProp(order, config.rmsprop_decay, config.rmsprop_epsilon, fixed)
        self.update = 0
        self.carry: Carry | None = None  # where the episodes stand, if they run on
        self.gradient = torch.zeros_like(self.optimiser.weights)
        """Of the last update, clipped (network, weight)."""
        self.together = 1 if task.running else max(1, DRAWN_TOGETHER // config.episodes_per_update)
        self._drawn: tuple[int, Episodes, np.ndarray] = (-1, Episodes(task, len(seeds), 1), np.empty(0))

    def schedule(self, start: float, end: float | None, later: int = 0) -> float:
        """A value that goes linearly from start to end over the training; constant without an end.

        Args:
            start, end: the values.
            later: so many updates from now.
        """
        return start if end is None else start + (end - start) * (self.update + later) / self.config.updates

    def draw(self, updates: int) -> tuple[Episodes, np.ndarray]:
        """What chance decides in the next updates, as many of them as are drawn together.

        Returns:
            The episodes at their start (network, update x episode), and noise (network, update, time, episode, action).
        """
        size, number = self.config.episodes_per_update, self.update // self.together
        if self._drawn[0] != number:
            rngs = generators(TRAINING, self.network.seeds, number * self.together)
            world = Episodes(self.task, len(rngs), size * self.together)
            world.begin(rngs)
            noise = self.network.action_policy.noise(rngs, self.together, self.task.steps, size)
            self._drawn = number, world, noise
        first = self.update % self.together
        world = self._drawn[1].copy(slice(first * size, (first + updates) * size))
        if self.carry:
            world.go_on_from(self.carry.episodes)
        return world, self._drawn[2][:, first : first + updates]

    def play(self) -> Trajectory:
        """What the networks will do in the next update."""
        seeds, size = self.network.seeds, self.config.episodes_per_update
        if not self.task.running:
            world, noise = self.draw(1)
            return perform(self.network, world, noise[:, 0], self.carry)

        def renew(network: int, slot: int, number: int) -> np.random.Generator:
            return generator(RUNNING, seeds[network], 0, slot, number)

        return play(
            self.network, self.task, generators(TRAINING, seeds, self.update), size, start=self.carry, renew=renew
        )

    def losses(self, trajectory: Trajectory) -> Tensor:
        """The loss of each network on what it did: (network,)."""
        config, steps = self.config, len(trajectory.actions)
        logits, values, _ = self.network(trajectory.seen, trajectory.start)
        if self.task.continues or self.task.running:  # one step more was seen
            following, begins = values[1:].detach(), trajectory.seen.begins[1:]
        else:
            after = (values.detach() * trajectory.active)[1:]
            following = torch.cat([after, torch.zeros_like(values[:1])])
            begins = torch.zeros_like(trajectory.active)
        targets = returns(trajectory.rewards, begins, following, config.discount, config.trace_decay)
        entropy_cost = self.schedule(config.entropy_cost, config.entropy_cost_end)
        costs, bounds = (config.state_value_cost, entropy_cost), BOUNDS[config.errors_withheld]
        of_steps = (logits[:steps], values[:steps], trajectory.actions, targets)
        own = loss(self.network.action_policy, *of_steps, *costs, trajectory.active, bounds)
        rngs = generators(AUXILIARY, self.network.seeds, self.update)
        return own + self.network.auxiliary_loss(trajectory.end.episodes, rngs)

    def learn(self, most: int = 1) -> Learned:
        """Play, compute the loss, step the weights: one update, or as many as compiled loops do in one call.

        Args:
            most: updates.

        Raises:
            TrainingDiverged: if a loss or gradient is not finite; from there on that network's weights are left alone.
        """
        if self.network.compiled and not self.task.running:
            return self._learn_compiled(min(most, self.together - self.update % self.together))
        trajectory = self.play()
        self._descend(self.losses(trajectory))
        self._go_on(1, trajectory.end)
        return Learned(trajectory.rewards, trajectory.end.episodes)

    def _descend(self, losses: Tensor) -> None:
        """Step the weights down their losses (network,)."""
        losses.sum().backward()  # networks share no weights: each gets its own loss's gradient
        self.gradient = self.optimiser.gradient()
        norms = clip(self.gradient, self.config.gradient_clip)
        self._require_finite((losses + norms).detach().numpy(force=True)[:, None])
        rate = self.schedule(self.config.learning_rate, self.config.learning_rate_end)
        self.optimiser.step(self.gradient, rate)

    def _learn_compiled(self, updates: int) -> Learned:
        config, size = self.config, self.config.episodes_per_update
        world, noise = self.draw(updates)
        lesson = Lesson(
            world=world,
            noise=noise,
            start=self.carry and self.carry[:3],
            optimiser=self.optimiser,
            clip=config.gradient_clip,
            discount=config.discount,
            trace_decay=config.trace_decay,
            state_value_cost=config.state_value_cost,
            bounds=BOUNDS[config.errors_withheld],
            rates=[self.schedule(config.learning_rate, config.learning_rate_end, u) for u in range(updates)],
            entropy_costs=[self.schedule(config.entropy_cost, config.entropy_cost_end, u) for u in range(updates)],
        )
        taught = self.network.learn(lesson)
        self._require_finite(taught.losses)
        self.gradient = taught.gradient
        last, begins = world.copy(slice((updates - 1) * size, None)), torch.zeros_like(taught.end[1], dtype=torch.bool)
        self._go_on(updates, Carry(*taught.end, begins, last))
        rewards = torch.from_numpy(taught.rewards).permute(2, 0, 1, 3).flatten(2)
        return Learned(rewards, world)

    def _require_finite(self, losses: np.ndarray) -> None:
        """TrainingDiverged, if one of (network, update) is not finite."""
        wrong = ~np.isfinite(losses)
        if wrong.any():
            update = wrong.any(axis=0).argmax()
            raise TrainingDiverged(
                f"training diverged at update {self.update + update + 1}: the loss of the network with seed"
                f" {self.network.seeds[wrong[:, update].argmax()]} is not finite; try a smaller --learning-rate (or"
                " costs), with --overwrite"
            )

    def _go_on(self, updates: int, end: Carry) -> None:
        self.update += updates
        if self.task.continues or self.task.running:
            self.carry = end

    def state_dict(self) -> dict[str, object]:
        """All that training depends on besides config and task (random numbers are a function of seed and update)."""
        return {
            "seeds": self.network.seeds,
            "update": self.update,
            "network": self.network.state_dict(),
            "mean_square": [own.clone() for own in self.optimiser.of_parameters(self.optimiser.mean_square)],
            "carry": None if self.carry is None else _saved(self.carry),
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state."""
        self.network.load_state_dict(state["network"])
        for own, saved in zip(
            self.optimiser.of_parameters(self.optimiser.mean_square), state["mean_square"], strict=True
        ):
            own.copy_(saved)
        self.update = state["update"]
        if state["carry"] is not None:
            episodes = Episodes(self.task, len(self.network.seeds), self.config.episodes_per_update)
            self.carry = _loaded(state["carry"], episodes, self.network.device)


def _saved(carry: Carry) -> dict[str, object]:
    """A carry as tensors alone."""
    episodes = {name: torch.from_numpy(array.copy()) for name, array in carry.episodes.state().items()}
    return {**carry._asdict(), "state": list(carry.state), "episodes": episodes}


def _loaded(saved: dict, episodes: Episodes, device: torch.device) -> Carry:
    """A carry from what was saved of it; fills in the episodes."""
    episodes.restore({name: tensor.numpy() for name, tensor in saved["episodes"].items()})
    state = tuple(x.to(device) for x in saved["state"])
    now = {name: saved[name].to(device) for name in ("reward", "action", "begins")}
    return Carry(state=state, episodes=episodes, **now)
