"""Advantage actor-critic: how the weights of the prefrontal network are learned (Methods, "Architecture and training").

Per time step, with the n-step return R_t = r_t + gamma R_{t+1} and the prediction error delta_t = R_t - V(s_t),
the paper's gradient is

    grad log pi(a_t | s_t) delta_t  +  beta_v delta_t grad V(s_t)  +  beta_e grad H(pi(s_t))

summed over the steps of the unroll. The code minimises the loss whose negative gradient this is.
"""

import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.errors import TrainingDiverged
from pfc_metarl.network import Agent, make_agent
from pfc_metarl.rollout import TRAINING, Carry, Trajectory, generators, play
from pfc_metarl.tasks import Task


def returns(rewards: Tensor, bootstrap: Tensor, discount: float) -> Tensor:
    """n-step bootstrapped returns R_t = r_t + gamma R_{t+1}.

    Args:
        rewards: (time, ...).
        bootstrap: R at the end of the unroll: the value of the state that follows, 0 if the episode ended.
        discount: gamma.
    """
    out = torch.empty_like(rewards)
    following = bootstrap
    for reward, slot in zip(reversed(rewards.unbind()), reversed(out.unbind())):
        following = torch.add(reward, following, alpha=discount, out=slot)
    return out


def loss(
    logits: Tensor,
    values: Tensor,
    actions: Tensor,
    targets: Tensor,
    state_value_cost: float,
    entropy_cost: float,
    active: Tensor | None = None,
) -> Tensor:
    """Loss of each network: summed over time as in the paper, averaged over episodes.

    The mean over episodes keeps its size, and with it the meaning of clipping and epsilon, the same for any
    number of episodes per update; with one episode it is the paper's sum.

    Args:
        logits: (time, network, episode, action).
        values, actions, targets: (time, network, episode); targets are the returns.
        state_value_cost: beta_v, of half the squared prediction error.
        entropy_cost: beta_e.
        active: (time, network, episode), steps that count; None: all.

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
    if active is not None:
        per_step = per_step * active
    return per_step.sum(0).mean(-1)


def clip_gradients(network: Agent, largest: float) -> Tensor:
    """Scale each network's gradient down to a norm of at most `largest`; returns the norms before (network,)."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
    scale = (largest / norm).clamp(max=1.0)
    for g in gradients:
        g *= scale.view(-1, *[1] * (g.dim() - 1))
    return norm


class Learner:
    """Networks in training: everything that an interrupted run needs to go on.

    The optimiser is PyTorch's RMSProp: epsilon is added to the root of the mean square, which starts at 0.
    (TensorFlow's, which the paper used, adds it inside the root and starts at 1; the paper gives neither
    decay nor epsilon.) Summed losses give gradients far larger than sqrt(epsilon), so that the place of
    epsilon makes no difference; a mean square that starts at 0 makes the first updates larger.

    Args:
        config: hyperparameters.
        task: the task to learn.
        seeds: the networks' seeds (a part of config.seeds, when several processes share the work).
    """

    def __init__(self, config: Config, task: Task, seeds: list[int]) -> None:
        self.config, self.task = config, task
        self.network = make_agent(config, task, seeds)
        self.optimiser = torch.optim.RMSprop(
            self.network.parameters(), config.learning_rate, config.rmsprop_decay, config.rmsprop_epsilon
        )
        self.update = 0
        self.carry: Carry | None = None  # where the streams stand, if the task is one

    def schedule(self, start: float, end: float | None) -> float:
        """A value that goes linearly from start to end over the training; constant without an end."""
        return start if end is None else start + (end - start) * self.update / self.config.updates

    def learn(self) -> Trajectory:
        """One update: play episodes, compute the loss, step the weights.

        Raises:
            TrainingDiverged: if a loss or gradient is not finite; the weights are left as they were.
        """
        config, network = self.config, self.network
        rngs = generators(network.seeds, TRAINING, self.update)
        trajectory = play(network, self.task, rngs, config.episodes_per_update, self.carry)
        # from an episode's start the gradient also reaches the learned initial state; a stream's state is given
        start = network.start(config.episodes_per_update) if self.carry is None else self.carry.state
        logits, values = network(trajectory.inputs, start)
        bootstrap = values[-1].detach() if self.task.continues else torch.zeros_like(values[0])
        steps = self.task.steps
        logits, values = logits[:steps], values[:steps]
        targets = returns(trajectory.rewards, bootstrap, config.discount)
        entropy_cost = self.schedule(config.entropy_cost, config.entropy_cost_end)
        losses = loss(
            logits, values, trajectory.actions, targets, config.state_value_cost, entropy_cost, trajectory.active
        )
        self.optimiser.zero_grad()
        losses.sum().backward()  # networks share no weights: each gets its own loss's gradient
        norms = clip_gradients(network, config.gradient_clip)
        finite = torch.isfinite(losses) & torch.isfinite(norms)
        if not finite.all():
            bad = [seed for seed, ok in zip(network.seeds, finite.tolist()) if not ok]
            raise TrainingDiverged(
                f"training diverged at update {self.update + 1}: the loss of the network with seed {bad[0]} is not "
                "finite; try a smaller learning rate (the last good checkpoint is kept)"
            )
        self.optimiser.param_groups[0]["lr"] = self.schedule(config.learning_rate, config.learning_rate_end)
        self.optimiser.step()
        self.update += 1
        if self.task.continues:
            self.carry = trajectory.end
        return trajectory

    def state_dict(self) -> dict[str, object]:
        """All that training depends on besides config and task (random numbers are a function of seed and update)."""
        return {
            "seeds": self.network.seeds,
            "update": self.update,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "carry": None if self.carry is None else [list(self.carry.state), self.carry.reward, self.carry.action],
            "task": self.task.carried,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.update = state["update"]
        if state["carry"] is not None:
            agent_state, reward, action = state["carry"]
            self.carry = Carry(type(self.network.start(1))(*agent_state), reward, action)
        self.task.carried = state["task"]
