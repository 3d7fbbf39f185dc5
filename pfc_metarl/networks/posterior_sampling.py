"""Exploring by a belief: the policy takes a guess, drawn from the belief, for the truth as long as it is committed.

Thompson sampling with what was learned: the belief is that of `BeliefNetwork`, and one policy, given a kind in place of
the belief, stands for all guesses. A guess is drawn where the task says that a stretch begins (`Task.commits`: an
episode, a trial), and held through it. It is never drawn in fact: what was done since tells how likely each guess is,
by Bayes' rule, and actions have their mean probability over guesses. So the policy is a function of what was met.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.networks.agent import Seen, State, Step, Unroll
from pfc_metarl.networks.belief import BeliefNetwork
from pfc_metarl.tasks.task import Task


class SamplingNetwork(BeliefNetwork):
    """The network.

    The state is the recurrent network's; how likely each guess was, as logs (network, episode, guess), and what each
    would have done, as logs (network, episode, guess, action), both at the last step; and 1 if there was one, else 0.
    """

    commits: int | None = None
    """See `Task`."""

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "SamplingNetwork":
        """The agent that a config describes; see `Agent`."""
        agent = super().build(config, task, seeds)
        assert isinstance(agent, cls)
        agent.commits = task.commits
        return agent

    def start(self, episodes: int) -> State:
        """The recurrent network's state at an episode's start, and nothing of guesses."""
        size = (len(self.seeds), episodes, self.latents)
        nothing = torch.zeros(*size, device=self.device)
        return *super().start(episodes), nothing, nothing.unsqueeze(-1).expand(*size, self.actions), nothing[..., 0]

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        *recurrent, likely, done, begun = state
        before = super().act(observation, reward, action, tuple(recurrent), added)
        belief = torch.log_softmax(self.inference.step(before.state[0]), -1)
        doing = self._by_guess(observation.unsqueeze(0))[0]
        likely = self._guesses(observation, action, belief, likely, done, begun == 0)
        logits = torch.logsumexp(likely.unsqueeze(-1) + doing, -2)
        return Step(logits, before.value, before.activity, (*before.state, likely, doing, torch.ones_like(begun)))

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        *recurrent, likely, done, begun = state
        unrolled = super().forward(seen, tuple(recurrent))
        beliefs = torch.log_softmax(self.unrolled[1].detach(), -1)
        doing, logits = self._by_guess(seen.observations), []
        for t, begins in enumerate(seen.begins):
            fresh = begins | (begun == 0) if t == 0 else begins
            likely = self._guesses(seen.observations[t], seen.actions[t], beliefs[t], likely, done, fresh)
            done = doing[t]
            logits.append(torch.logsumexp(likely.unsqueeze(-1) + done, -2))
        return unrolled._replace(logits=torch.stack(logits))

    def _by_guess(self, observations: Tensor) -> Tensor:
        """Logs of what is done if each guess is taken for the truth: (time, network, episode, guess, action)."""
        time, networks, episodes, _ = observations.shape
        guesses = torch.eye(self.latents, device=self.device).repeat(episodes, 1)
        seen = observations.repeat_interleave(self.latents, 2)
        out = self._policy(seen, guesses.expand(time, networks, *guesses.shape)).logits
        return torch.log_softmax(out, -1).unflatten(2, (episodes, self.latents))

    def _guesses(
        self, observation: Tensor, action: Tensor, belief: Tensor, likely: Tensor, done: Tensor, begins: Tensor
    ) -> Tensor:
        """How likely each guess is now, as logs: by the belief where a stretch begins, else by what was done since."""
        if self.commits is None:
            return belief
        chosen = action.clamp(min=0).view(*action.shape, 1, 1).expand(*done.shape[:-1], 1)
        own = torch.log_softmax(likely + done.gather(-1, chosen).squeeze(-1), -1)
        fresh = begins | (observation[..., self.commits] > 0)
        return torch.where(fresh.unsqueeze(-1), belief, own)
