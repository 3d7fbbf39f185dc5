"""Actor and critic apart, the actor seeing prediction errors in place of rewards (Methods, "Simulation 6")."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.dopamine import prediction_error
from pfc_metarl.networks.agent import Seen, State, Step, Unroll, last_seen
from pfc_metarl.networks.compiled import Compiled
from pfc_metarl.networks.recurrent import Head, Recurrent
from pfc_metarl.tasks.task import Task


class ActorCriticRPE(Compiled):
    """Two LSTMs, of which the actor's gives the policy and the critic's the value V_t.

    The critic sees observation, last reward and last action. The actor sees observation, last action and, in place
    of the reward, the reward prediction error of the last action, which the critic's values give,

        delta = r_{t-1} + gamma V_t - V_{t-1}   (0 on an episode's first step),

    and what a stimulator adds to it. The error is an input like any other: no gradient flows through it.
    The state is the actor's, the critic's, V_{t-1}, and 1 if there was one, else 0.

    Args:
        seeds, observations, actions, units: see `Agent`; units of either LSTM (P: 48).
        discount: gamma of the prediction error.
        learned_start, input_scale: see `Recurrent`.
    """

    sees_prediction_errors = True

    def __init__(
        self,
        seeds: Sequence[int],
        observations: tuple[int, ...],
        actions: int,
        units: int,
        discount: float,
        learned_start: bool = True,
        input_scale: float = 1.0,
    ) -> None:
        super().__init__(seeds, observations, actions, units)
        self.discount, inputs = discount, observations[0] + 1 + actions
        self.actor = self.layer(seeds, inputs, units, 0, learned_start, input_scale)
        self.critic = self.layer(seeds, inputs, units, 1, learned_start, input_scale)
        self.policy = Head(len(seeds), units, actions)
        self.value = Head(len(seeds), units, 1)

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "ActorCriticRPE":
        """The agent that a config describes; see `Agent`."""
        own = (config.units, config.discount, config.learned_start, config.input_scale)
        return cls(seeds, task.observations, task.actions, *own)

    def start(self, episodes: int) -> State:
        """The states at an episode's start, without a last value."""
        nothing = torch.zeros(len(self.seeds), episodes, device=self.device)
        return *self.actor.start(episodes), *self.critic.start(episodes), nothing, nothing

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step: critic, prediction error, actor; see `Agent`."""
        n = self.layer.states
        critic = self.critic.step(last_seen(observation, reward, action, self.action_policy), state[n : 2 * n])
        value = self.value.step(critic[0]).squeeze(-1)
        last, begun = state[2 * n :]
        delta = begun * prediction_error(reward, value, last, self.discount) + added
        actor = self.actor.step(last_seen(observation, delta, action, self.action_policy), state[:n])
        after = (*actor, *critic, value, torch.ones_like(value))
        return Step(self.policy.step(actor[0]), value, actor[0], after)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        n = self.layer.states
        inputs = last_seen(seen.observations, seen.rewards, seen.actions, self.action_policy)
        values = self.value(self.critic(inputs, seen.begins, state[n : 2 * n])).squeeze(-1)
        known = values.detach()
        before = torch.cat([state[2 * n].unsqueeze(0), known[:-1]])
        begun = torch.cat([state[2 * n + 1].unsqueeze(0), torch.ones_like(known[1:])]) * ~seen.begins
        delta = begun * prediction_error(seen.rewards, known, before, self.discount) + seen.added
        of_actor = last_seen(seen.observations, delta, seen.actions, self.action_policy)
        activity = self.actor(of_actor, seen.begins, state[:n])
        return Unroll(self.policy(activity), values, activity)

    @property
    def parts(self) -> list[tuple[Recurrent, Head]]:
        """Actor and critic; see `Compiled`."""
        return [(self.actor, self.policy), (self.critic, self.value)]
