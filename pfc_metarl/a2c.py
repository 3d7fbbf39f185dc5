"""Advantage actor-critic: how the weights of the prefrontal network are learned (Methods, "Architecture and training").

Per time step, with the n-step return R_t = r_t + gamma R_{t+1} and the prediction error delta_t = R_t - V(s_t),
the paper's gradient is

    grad log pi(a_t | s_t) delta_t  +  beta_v delta_t grad V(s_t)  +  beta_e grad H(pi(s_t))

summed over the steps of the unroll. The code minimises the loss whose negative gradient this is.
"""

import numpy as np
import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.errors import TrainingDiverged
from pfc_metarl.networks import make_agent
from pfc_metarl.networks.agent import Costs
from pfc_metarl.random_streams import RUNNING, TRAINING, generator, generators
from pfc_metarl.rmsprop import RMSProp, clip
from pfc_metarl.rollout import Carry, Trajectory, play
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task


def returns(rewards: Tensor, begins: Tensor, bootstrap: Tensor, discount: float) -> Tensor:
    """n-step bootstrapped returns R_t = r_t + gamma R_{t+1}; nothing comes from beyond an episode's end.

    Args:
        rewards: (time, ...).
        begins: (time, ...), whether an episode begins after the action, so that another one ended with it.
        bootstrap: R at the end of the unroll: the value of the state that follows, 0 if the episode ended.
        discount: gamma.
    """
    out = torch.empty_like(rewards)
    following = bootstrap
    for reward, begin, slot in zip(reversed(rewards.unbind()), reversed(begins.unbind()), reversed(out.unbind())):
        following = torch.add(reward, following.masked_fill(begin, 0), alpha=discount, out=slot)
    return out


def loss(
    logits: Tensor,
    values: Tensor,
    actions: Tensor,
    targets: Tensor,
    state_value_cost: float,
    entropy_cost: float,
    active: Tensor,
) -> Tensor:
    """Loss of each network: summed over time as in the paper, averaged over episodes.

    The mean over episodes keeps its size, and with it the meaning of clipping and epsilon, the same for any
    number of episodes per update; with one episode it is the paper's sum.

    Args:
        logits: (time, network, episode, action).
        values, actions, targets: (time, network, episode); targets are the returns.
        state_value_cost: beta_v, of half the squared prediction error.
        entropy_cost: beta_e.
        active: (time, network, episode), whether the step counts.

    Returns:
        (network,)
    """
    log_policy = torch.log_softmax(logits, -1)
    entropy = -(log_policy.exp() * log_policy).sum(-1)
    log_chosen = log_policy.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    prediction_error = targets - values
    per_step = (
        -log_chosen * prediction_error.detach()
        + state_value_cost * 0.5 * prediction_error.square()
        - entropy_cost * entropy
    )
    return (per_step * active).sum(0).mean(-1)


class Learner:
    """Networks in training: everything that an interrupted run needs to go on.

    Args:
        config: hyperparameters.
        task: the task to learn.
        seeds: the networks' seeds (a part of config.seeds, when several processes share the work).
    """

    def __init__(self, config: Config, task: Task, seeds: list[int]) -> None:
        self.config, self.task = config, task
        self.network = make_agent(config, task, seeds)
        self.optimiser = RMSProp(self.network, config.rmsprop_decay, config.rmsprop_epsilon)
        self.update = 0
        self.carry: Carry | None = None  # where the episodes stand, if they run on

    def schedule(self, start: float, end: float | None) -> float:
        """A value that goes linearly from start to end over the training; constant without an end."""
        return start if end is None else start + (end - start) * self.update / self.config.updates

    def play(self) -> Trajectory:
        """The episodes of this update (or the next stretch of such as run on)."""
        seeds, episodes = self.network.seeds, self.config.episodes_per_update

        def renew(network: int, slot: int, number: int) -> np.random.Generator:
            return generator(RUNNING, seeds[network], 0, slot, number)

        rngs = generators(TRAINING, seeds, self.update)
        return play(self.network, self.task, rngs, episodes, start=self.carry, renew=renew, learn=True)

    def losses(self, trajectory: Trajectory) -> Tensor:
        """The loss of each network on what it did: (network,)."""
        config, steps = self.config, len(trajectory.actions)
        logits, values, _ = self.network(trajectory.seen, trajectory.start)
        if self.task.continues or self.task.running:  # one step more was seen
            bootstrap, begins = values[steps].detach(), trajectory.seen.begins[1:]
        else:
            bootstrap, begins = torch.zeros_like(values[0]), torch.zeros_like(trajectory.active)
        targets = returns(trajectory.rewards, begins, bootstrap, config.discount)
        entropy_cost = self.schedule(config.entropy_cost, config.entropy_cost_end)
        costs = (config.state_value_cost, entropy_cost)
        own = loss(logits[:steps], values[:steps], trajectory.actions, targets, *costs, trajectory.active)
        return own + self.network.auxiliary_loss()

    def backward(self, trajectory: Trajectory) -> Tensor:
        """Fill in the gradients of the losses, by compiled loops where these have played; returns the losses."""
        if trajectory.played is None:
            losses = self.losses(trajectory)
            losses.sum().backward()  # networks share no weights: each gets its own loss's gradient
            return losses
        following = trajectory.played.values[:, len(trajectory.actions) :]  # none but where episodes run on
        bootstrap = following[:, 0] if following.size else np.zeros_like(trajectory.played.values[:, 0])
        entropy_cost = self.schedule(self.config.entropy_cost, self.config.entropy_cost_end)
        costs = Costs(self.config.discount, self.config.state_value_cost, entropy_cost)
        return self.network.learn(trajectory.played, trajectory.seen.begins[0], bootstrap, costs)

    def learn(self) -> Trajectory:
        """One update: play episodes, compute the loss, step the weights.

        Raises:
            TrainingDiverged: if a loss or gradient is not finite; the weights are left as they were.
        """
        trajectory = self.play()
        losses = self.backward(trajectory)
        gradient = self.optimiser.gradient()
        norms = clip(gradient, self.config.gradient_clip)
        finite = torch.isfinite(losses) & torch.isfinite(norms)
        if not finite.all():
            bad = [seed for seed, ok in zip(self.network.seeds, finite.tolist()) if not ok]
            raise TrainingDiverged(
                f"training diverged at update {self.update + 1}: the loss of the network with seed {bad[0]} is not "
                "finite; try a smaller --learning-rate (or costs), with --overwrite"
            )
        self.optimiser.step(gradient, self.schedule(self.config.learning_rate, self.config.learning_rate_end))
        self.update += 1
        if self.task.continues or self.task.running:
            self.carry = trajectory.end
        return trajectory

    def state_dict(self) -> dict[str, object]:
        """All that training depends on besides config and task (random numbers are a function of seed and update)."""
        return {
            "seeds": self.network.seeds,
            "update": self.update,
            "network": self.network.state_dict(),
            "mean_square": self.optimiser.mean_square.clone(),
            "carry": None if self.carry is None else _saved(self.carry),
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.mean_square.copy_(state["mean_square"])
        self.update = state["update"]
        if state["carry"] is not None:
            episodes = Episodes(self.task, len(self.network.seeds), self.config.episodes_per_update)
            self.carry = _loaded(state["carry"], episodes)


def _saved(carry: Carry) -> dict[str, object]:
    """A carry as tensors alone."""
    episodes = {name: torch.from_numpy(array.copy()) for name, array in carry.episodes.state().items()}
    return {**carry._asdict(), "state": list(carry.state), "episodes": episodes}


def _loaded(saved: dict, episodes: Episodes) -> Carry:
    """A carry from what was saved of it; fills in the episodes."""
    episodes.restore({name: tensor.numpy() for name, tensor in saved["episodes"].items()})
    return Carry(**{**saved, "state": tuple(saved["state"]), "episodes": episodes})
