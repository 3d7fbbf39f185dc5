"""The usual way to write this training: one network of torch.nn.LSTMCell, step by step, with autograd."""

import numpy as np
import torch
from torch import nn

from pfc_metarl.config import Config
from pfc_metarl.networks.agent import last_seen
from pfc_metarl.networks.policies import Softmax
from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import Task


class AutogradLoop:
    """A2C on a task whose observation is a vector; whole episodes, or stretches of a stream from its beginning.

    Args:
        config: hyperparameters.
        task: what is learned.
        episodes: that are played per update.
    """

    def __init__(self, config: Config, task: Task, episodes: int) -> None:
        self.config, self.task, self.episodes, self.rng = config, task, episodes, np.random.default_rng(1)
        self.chosen = Softmax(task.actions)
        self.cell = nn.LSTMCell(task.observations[0] + 1 + task.actions, config.units)
        self.heads = nn.Linear(config.units, task.actions + 1)
        self.parameters = [*self.cell.parameters(), *self.heads.parameters()]
        self.optimiser = torch.optim.RMSprop(self.parameters, config.learning_rate)

    def learn(self) -> int:
        """One update; returns environment steps."""
        config, world = self.config, Episodes(self.task, 1, self.episodes)
        world.begin([self.rng])
        reward, action = torch.zeros(self.episodes), torch.full((self.episodes,), -1)
        state = (torch.zeros(self.episodes, config.units), torch.zeros(self.episodes, config.units))
        logs, values, entropies, rewards = [], [], [], []
        for _ in range(self.task.steps):
            observation = torch.from_numpy(world.observation[0].copy())
            state = self.cell(last_seen(observation, reward, action, self.chosen), state)
            out = self.heads(state[0])
            policy = torch.distributions.Categorical(logits=out[:, :-1])
            action = policy.sample()
            world.step(action.numpy()[None])
            reward = torch.from_numpy(world.reward[0].copy())
            logs.append(policy.log_prob(action))
            values.append(out[:, -1])
            entropies.append(policy.entropy())
            rewards.append(reward)
        following, targets = torch.zeros(self.episodes), []
        for earned in reversed(rewards):
            following = earned + config.discount * following
            targets.append(following)
        delta = torch.stack(targets[::-1]) - torch.stack(values)
        costs = config.state_value_cost * 0.5 * delta.square() - config.entropy_cost * torch.stack(entropies)
        (-torch.stack(logs) * delta.detach() + costs).sum(0).mean().backward()
        nn.utils.clip_grad_norm_(self.parameters, config.gradient_clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return delta.numel()
