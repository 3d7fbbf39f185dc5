"""Learning while episodes run on: unrolls of fixed length, the state carried over (Methods, "Simulation 5").

The other simulations learn from whole episodes (a2c.py). Here an update comes after every 100 actions, wherever
the episodes are; the LSTM's state goes on from one unroll to the next and back to zero when an episode ends.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pfc_metarl.a2c import loss
from pfc_metarl.errors import ConfigError, TrainingDiverged
from pfc_metarl.lstm import State
from pfc_metarl.rollout import TRAINING
from pfc_metarl.tasks.harlow_gaze import HarlowGaze
from pfc_metarl.vision import SeeingNetwork


@dataclass(frozen=True)
class UnrollConfig:
    """How to learn; defaults are those of the paper's Methods ("P") unless marked as our choice."""

    updates: int = 900_000
    """Weight updates (P: about 1e5 episodes per thread, of at most 900 actions, 100 in an update)."""
    unroll: int = 100
    """Actions per episode slot and update (P: 100)."""
    learning_rate: float = 7.5e-4
    """Learning rate at the start (P: 7.5e-4)."""
    learning_rate_end: float | None = None
    """Learning rate at the end, reached linearly; None: constant (P)."""
    discount: float = 0.91
    """Discount factor gamma per action (P: 0.91)."""
    state_value_cost: float = 0.4
    """Weight of the state-value loss, beta_v (P: 0.4)."""
    entropy_cost: float = 0.001
    """Weight of the policy's entropy at the start, beta_e (P: 0.001)."""
    entropy_cost_end: float | None = None
    """Entropy cost at the end, reached linearly; None: constant (P)."""
    rmsprop_decay: float = 0.99
    """Decay of RMSProp's mean square (our choice: that of A3C, Mnih et al. 2016)."""
    rmsprop_epsilon: float = 1e-5
    """RMSProp's epsilon, added to the root (our choice)."""
    gradient_clip: float = 50.0
    """Largest norm of the gradient (our choice)."""

    def __post_init__(self) -> None:
        for name in ("updates", "unroll", "learning_rate", "rmsprop_epsilon", "gradient_clip"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be greater than 0, not {getattr(self, name)}")
        for name in ("state_value_cost", "entropy_cost", "learning_rate_end", "entropy_cost_end"):
            if not (getattr(self, name) is None or getattr(self, name) >= 0):
                raise ConfigError(f"{name} must be at least 0, not {getattr(self, name)}")
        for name in ("discount", "rmsprop_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be between 0 and 1, not {getattr(self, name)}")


class Unroll(NamedTuple):
    """What happened in one unroll; all (time, episode)."""

    rewards: Tensor
    ends: Tensor
    """Whether the episode ended with this action."""
    trials: Tensor
    choices: Tensor
    correct: Tensor
    """As in harlow_gaze.Step."""


def running_returns(rewards: Tensor, ends: Tensor, bootstrap: Tensor, discount: float) -> Tensor:
    """n-step returns R_t = r_t + gamma R_{t+1} that stop where an episode ends.

    Args:
        rewards, ends: (time, episode). bootstrap: (episode,), the value of the state after the unroll.
        discount: gamma.
    """
    out = torch.empty_like(rewards)
    following = bootstrap
    for t in range(len(rewards) - 1, -1, -1):
        following = rewards[t] + discount * following * ~ends[t]
        out[t] = following
    return out


class Player:
    """One seeing network in running episodes; goes on where it stopped.

    Args:
        network: its device is where the arithmetic is done.
        task: running episodes.
        forgetful: begin every trial as an episode begins, state, last reward and last action at zero.
    """

    def __init__(self, network: SeeingNetwork, task: HarlowGaze, forgetful: bool = False) -> None:
        self.network, self.task, self.forgetful = network, task, forgetful
        self.device = next(network.parameters()).device
        slots = len(task.keys)
        self.view = task.begin()
        self.reward = torch.zeros(slots)  # last reward and last action, 0 and -1 at an episode's start
        self.action = torch.full((slots,), -1)
        self.state = network.zero_state(slots)

    def act(self, steps: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor, Unroll]:
        """So many actions in every slot, drawn from the softmax policy, weights fixed.

        Returns:
            What the network saw, with one step more for the value that follows: views (time + 1, episode, 3, view,
            view), last rewards and last actions (time + 1, episode); its actions (time, episode); what happened.
        """
        slots, size = len(self.task.keys), self.view.shape[-1]
        noise = -torch.from_numpy(rng.standard_exponential((steps, slots, self.network.actions), np.float32)).log()
        noise = noise.to(self.device)
        # laid out in memory as the task's views are: episode, width, height, channel
        views = torch.empty(steps + 1, slots, size, size, 3, dtype=torch.uint8).permute(0, 1, 4, 3, 2)
        rewards = torch.empty(steps + 1, slots)
        actions, chosen = torch.empty(steps + 1, slots, dtype=torch.int64), torch.empty(steps, slots, dtype=torch.int64)
        happened = []
        for t in range(steps + 1):
            views[t], rewards[t], actions[t] = self.view, self.reward, self.action
            if t == steps:
                break  # seen again when the next actions begin
            carry = (self.action >= 0).float().unsqueeze(-1).to(self.device)
            with torch.no_grad():
                inputs = self.network.inputs(*(x.to(self.device) for x in (self.view, self.reward, self.action)))
            state = State(self.state.hidden * carry, self.state.cell * carry)
            logits, self.state = self.network.act(inputs, state)
            chosen[t] = (logits[0] + noise[t]).argmax(-1).cpu()
            trial = self.task.trial.copy()
            step = self.task.step(chosen[t])
            anew = step.done | torch.from_numpy(self.forgetful & (self.task.trial != trial))
            self.view, self.reward = step.view, step.reward.masked_fill(anew, 0)
            self.action = chosen[t].masked_fill(anew, -1)
            happened.append((step.reward, step.done, step.trial, step.choice, step.correct))
        played = Unroll(*(torch.stack(x) for x in zip(*happened)))
        on_device = (x.to(self.device) for x in (views, rewards, actions, chosen))
        return *on_device, played  # type: ignore[return-value]

    def state_dict(self) -> dict[str, object]:
        """Where the episodes and the network's state stand."""
        return {
            "task": self.task.state_dict(),
            "reward": self.reward,
            "action": self.action,
            "hidden": self.state.hidden,
            "cell": self.state.cell,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state."""
        self.task.load_state_dict(state["task"])
        self.reward, self.action = state["reward"], state["action"]
        self.state = State(state["hidden"].to(self.device), state["cell"].to(self.device))
        self.view = self.task.views()


class UnrollLearner:
    """One seeing network in training, and all that an interrupted run needs to go on.

    Args:
        config: hyperparameters.
        network: to be trained; its device is where the arithmetic is done.
        task: running episodes.
        seed: of the actions.
    """

    def __init__(self, config: UnrollConfig, network: SeeingNetwork, task: HarlowGaze, seed: int) -> None:
        self.config, self.network, self.seed = config, network, seed
        self.player = Player(network, task)
        self.optimiser = torch.optim.RMSprop(
            network.parameters(), config.learning_rate, config.rmsprop_decay, config.rmsprop_epsilon
        )
        self.update = 0

    def schedule(self, start: float, end: float | None) -> float:
        """A value that goes linearly from start to end over the training; constant without an end."""
        return start if end is None else start + (end - start) * self.update / self.config.updates

    def learn(self) -> Unroll:
        """One update: act for an unroll, compute the loss, step the weights.

        Raises:
            TrainingDiverged: the loss or gradient is not finite; the weights are left as they were.
        """
        config, network = self.config, self.network
        before, device = self.player.state, self.player.device
        rng = np.random.default_rng([self.seed, TRAINING, self.update])
        views, rewards, actions, chosen, played = self.player.act(config.unroll, rng)
        logits, values = network(network.inputs(views, rewards, actions), before, actions < 0)
        with torch.no_grad():
            targets = running_returns(played.rewards.to(device), played.ends.to(device), values[-1, 0], config.discount)
        entropy_cost = self.schedule(config.entropy_cost, config.entropy_cost_end)
        total = loss(
            logits[:-1], values[:-1], chosen.unsqueeze(1), targets.unsqueeze(1), config.state_value_cost, entropy_cost
        ).sum()
        self.optimiser.zero_grad()
        total.backward()
        norm = nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
        if not (torch.isfinite(total) and torch.isfinite(norm)):
            raise TrainingDiverged(
                f"training diverged at update {self.update + 1}: the loss is not finite; try a smaller learning rate "
                "(the last good checkpoint is kept)"
            )
        self.optimiser.param_groups[0]["lr"] = self.schedule(config.learning_rate, config.learning_rate_end)
        self.optimiser.step()
        self.update += 1
        return played

    def state_dict(self) -> dict[str, object]:
        """All that training depends on besides config, pictures and seed."""
        return {
            "seed": self.seed,
            "update": self.update,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "player": self.player.state_dict(),
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a saved state."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.player.load_state_dict(state["player"])
        self.update = state["update"]
