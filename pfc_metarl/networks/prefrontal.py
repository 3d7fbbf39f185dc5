"""The prefrontal network: recurrent units, a policy and a value.

Methods, "Architecture and training": a fully connected LSTM receives the observation, the previous
reward and the previous action; its output feeds a linear softmax policy and a linear value unit.
"""

from collections.abc import Sequence

from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.networks.agent import Seen, State, Step, Unroll, last_seen
from pfc_metarl.networks.compiled import Compiled
from pfc_metarl.networks.recurrent import Head, Recurrent
from pfc_metarl.tasks.task import Task


class PrefrontalNetwork(Compiled):
    """LSTM, softmax policy and value of the paper (simulations 1 to 5).

    Args:
        seeds, observations, actions, units, continuous: see `Agent`; the observation is a vector.
        learned_start, input_scale: see `Recurrent`.
    """

    acts_continuously = True

    def __init__(
        self,
        seeds: Sequence[int],
        observations: tuple[int, ...],
        actions: int,
        units: int,
        learned_start: bool = True,
        input_scale: float = 1.0,
        continuous: bool = False,
    ) -> None:
        super().__init__(seeds, observations, actions, units, continuous)
        inputs = observations[0] + 1 + actions
        self.recurrent = self.layer(seeds, inputs, units, learned_start=learned_start, input_scale=input_scale)
        self.heads = Head(len(seeds), units, self.action_policy.outputs + 1)  # of the policy, and last the value

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "PrefrontalNetwork":
        """The agent that a config describes; see `Agent`."""
        start, scale = config.learned_start, config.input_scale
        return cls(seeds, task.observations, task.actions, config.units, start, scale, task.continuous)

    def start(self, episodes: int) -> State:
        """The state at an episode's start; see `Agent`."""
        return self.recurrent.start(episodes)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        state = self.recurrent.step(last_seen(observation, reward, action, self.action_policy), state)
        out = self.heads.step(state[0])
        return Step(out[..., :-1], out[..., -1], state[0], state)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        inputs = last_seen(seen.observations, seen.rewards, seen.actions, self.action_policy)
        activity = self.recurrent(inputs, seen.begins, state)
        out = self.heads(activity)
        return Unroll(out[..., :-1], out[..., -1], activity)

    @property
    def parts(self) -> list[tuple[Recurrent, Head]]:
        """One layer; see `Compiled`."""
        return [(self.recurrent, self.heads)]
