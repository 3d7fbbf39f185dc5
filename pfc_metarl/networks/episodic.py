"""The prefrontal network with an episodic memory, from which states are reinstated (Ritter et al. 2018).

Where a stretch with a context begins (see `Contexts`), the cell state at the end of the stretch before is stored with
the context that was shown there; and the one that was stored with the nearest context (by cosine) is recalled. It is a
third input of the LSTM's cells, through a gate of its own, until the next stretch begins. Memory is empty where an
episode of the bench begins.

Learning does not reach into memory: what is recalled is a constant, so that gradients end where a stretch begins if
stretches are apart (our choice; of the publication's gradients nothing is known to us). Stretches then learn side by
side, in place of an unroll through hundreds of steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll, last_seen
from pfc_metarl.networks.recurrent import Head, Recurrent, per_network
from pfc_metarl.tasks.task import Contexts, Task

ALIKE = 1e-5
"""Cosines that differ by less are the same but for rounding."""


class Memory(NamedTuple):
    """What an episodic memory holds, the newest first."""

    keys: Tensor
    """Contexts, of length 1; 0 where nothing is stored yet (network, episode, entry, number)."""
    cells: Tensor
    """Cell states (network, episode, entry, unit)."""

    def store(self, where: Tensor, context: Tensor, cell: Tensor) -> "Memory":
        """With one entry more where it is said, in place of the oldest; a context of zeros is none, and not stored.

        Args:
            where: (network, episode).
            context, cell: (network, episode, ...).
        """
        new, where = functional.normalize(context, dim=-1), where & context.any(-1)

        def shifted(old: Tensor, first: Tensor) -> Tensor:
            moved = torch.cat([first.unsqueeze(2), old[:, :, :-1]], 2)
            return torch.where(where[..., None, None], moved, old)

        return Memory(shifted(self.keys, new), shifted(self.cells, cell))

    def recall(self, context: Tensor) -> Tensor:
        """The cell state stored with the nearest context, the newest of several that are as near (network, episode,
        unit); 0 where nothing is stored, or no context is shown."""
        cosine = (self.keys * functional.normalize(context, dim=-1).unsqueeze(2)).sum(-1)
        stored = self.keys.any(-1)
        cosine = cosine.masked_fill(~stored, -2)
        nearest = (cosine >= cosine.amax(-1, keepdim=True) - ALIKE).to(torch.uint8).argmax(-1)  # the first of them
        found = self.cells.gather(2, nearest[..., None, None].expand(-1, -1, 1, self.cells.shape[-1])).squeeze(2)
        return found * (stored.any(-1) & context.any(-1)).unsqueeze(-1)


class EpisodicLSTM(Recurrent):
    """An LSTM to whose cells a recalled state m is added (Ritter et al. 2018; its tanh as in public replications):

        o, i, f, r = sigmoid(x W_x + h W_h + b),  g = tanh(x W_x + h W_h + b)
        c' = f c + i g + r tanh(m),  h' = o tanh(c')

    Gates are stored in the order output, input, forget, candidate, reinstatement; its state is hidden, cell and m. The
    forget gate's bias starts at 1, as that of `LSTM`, that of the reinstatement gate at 0 (our choice).
    """

    gates, states = 5, 2

    def __init__(
        self, seeds: Sequence[int], inputs: int, units: int, learned_start: bool = True, input_scale: float = 1.0
    ) -> None:
        super().__init__(seeds, inputs, units, learned_start=learned_start, input_scale=input_scale)
        with torch.no_grad():
            self.bias[..., 2 * units : 3 * units] = 1.0

    def cell(self, gates: Tensor, state: State) -> State:
        """One step; see `Recurrent`."""
        hidden, cell, recalled = state
        o, i, f, g, r = torch.baddbmm(gates, hidden, self.hidden_weight).split(self.units, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh() + r.sigmoid() * recalled.tanh()
        return o.sigmoid() * cell.tanh(), cell, recalled


class EpisodicNetwork(Agent):
    """LSTM with episodic memory, softmax policy and value.

    Its state: hidden and cell; what is recalled now; the context shown last; keys and cells of its `Memory`.

    Args:
        seeds, observations, actions, units: see `Agent`.
        contexts: how the task shows them.
        learned_start, input_scale: see `Recurrent`.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        observations: tuple[int, ...],
        actions: int,
        units: int,
        contexts: Contexts,
        learned_start: bool = True,
        input_scale: float = 1.0,
    ) -> None:
        super().__init__(seeds, observations, actions, units)
        self.contexts = contexts
        self.recurrent = EpisodicLSTM(seeds, observations[0] + 1 + actions, units, learned_start, input_scale)
        self.heads = Head(len(seeds), units, self.action_policy.outputs + 1)  # of the policy, and last the value

    @classmethod
    def build(cls, config: Config, task: Task, seeds: Sequence[int]) -> "EpisodicNetwork":
        """The agent that a config describes; see `Agent`."""
        if task.contexts is None:
            raise ConfigError(f"agent {config.agent} recalls by contexts that come again; {task.name} shows none")
        start, scale = config.learned_start, config.input_scale
        return cls(seeds, task.observations, task.actions, config.units, task.contexts, start, scale)

    def start(self, episodes: int) -> State:
        """The state at an episode's start, with an empty memory; see `Agent`."""
        hidden, cell = self.recurrent.start(episodes)
        size, entries = (len(self.seeds), episodes), self.contexts.stretches
        shown = hidden.new_zeros(*size, self.contexts.size)
        keys = hidden.new_zeros(*size, entries, self.contexts.size)
        return hidden, cell, torch.zeros_like(hidden), shown, keys, hidden.new_zeros(*size, entries, self.units)

    def act(self, observation: Tensor, reward: Tensor, action: Tensor, state: State, added: Tensor) -> Step:
        """One step; see `Agent`."""
        begin = self._begin(observation)
        inputs = self._inputs(observation, reward, action, begin)
        state = self._step(torch.baddbmm(self.recurrent.bias, inputs, self.recurrent.input_weight), observation, state)
        out = self.heads.step(state[0])
        return Step(out[..., :-1], out[..., -1], state[0], state)

    def forward(self, seen: Seen, state: State) -> Unroll:
        """A whole unroll; see `Agent`."""
        activity = self.unroll_of(seen, state)
        out = self.heads(activity)
        return Unroll(out[..., :-1], out[..., -1], activity)

    def unroll_of(self, seen: Seen, state: State) -> Tensor:
        """The units' output in an unroll (time, network, episode, unit)."""
        products, recalled, anew = self._given(seen, state)
        length = _length(anew)
        folds = -(-len(anew) // length)
        hidden = self._through(
            *(_side_by_side(x, length) for x in (products, recalled, anew)),
            state=tuple(s.repeat(1, folds, 1) for s in state[:2]),
        )
        return _in_a_row(hidden, products.shape[2])[: len(products)]

    def _given(self, seen: Seen, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """What inputs and memory give at each step of an unroll, and whether units begin anew (time, network, ...)."""
        begin = self._begin(seen.observations)
        inputs = self._inputs(seen.observations, seen.rewards, seen.actions, begin)
        products = per_network(inputs, self.recurrent.input_weight) + self.recurrent.bias
        anew = seen.begins | begin if self.contexts.apart else seen.begins
        return products, self._recalled(products.detach(), seen, state), anew

    @torch.no_grad()
    def reinstatement(self, seen: Seen, state: State) -> Tensor:
        """How open the gates for what is recalled are in an unroll, mean over units (time, network, episode)."""
        products, _, anew = self._given(seen, state)
        before = torch.cat([state[0].unsqueeze(0), self.unroll_of(seen, state)[:-1]])
        before = torch.where(anew.unsqueeze(-1), self.recurrent.start(before.shape[2])[0], before)
        own = slice(-self.units, None)
        return (products[..., own] + per_network(before, self.recurrent.hidden_weight[..., own])).sigmoid().mean(-1)

    def _begin(self, observation: Tensor) -> Tensor:
        """Whether a stretch begins."""
        return observation[..., self.contexts.begins] > 0.5

    def _inputs(self, observation: Tensor, reward: Tensor, action: Tensor, begin: Tensor) -> Tensor:
        """What units see; where stretches that are apart begin, without last reward and action."""
        if self.contexts.apart:
            reward, action = reward.masked_fill(begin, 0), action.masked_fill(begin, -1)
        return last_seen(observation, reward, action, self.action_policy)

    def _step(self, products: Tensor, observation: Tensor, state: State) -> State:
        """From one state to the next: store and recall, if a stretch begins; then the LSTM."""
        begin = self._begin(observation)
        hidden, cell, recalled, shown, *held = state
        context = observation[..., self.contexts.first : self.contexts.first + self.contexts.size]
        if begin.any():
            memory = Memory(*held).store(begin, shown, cell)
            held, own = list(memory), begin.unsqueeze(-1)
            recalled = torch.where(own, memory.recall(context), recalled)
            if self.contexts.apart:
                fresh = self.recurrent.start(hidden.shape[1])
                hidden, cell = (torch.where(own, s0, s) for s0, s in zip(fresh, (hidden, cell)))
        return *self.recurrent.cell(products, (hidden, cell, recalled)), context, *held

    @torch.no_grad()
    def _recalled(self, products: Tensor, seen: Seen, state: State) -> Tensor:
        """What is recalled at each step of an unroll (time, network, episode, unit)."""
        fresh, recalled = self.start(products.shape[2]), []
        for gates, observation, begins in zip(products, seen.observations, seen.begins):
            if begins.any():
                state = tuple(
                    torch.where(begins.view(*begins.shape, *[1] * (s.dim() - 2)), s0, s) for s0, s in zip(fresh, state)
                )
            state = self._step(gates, observation, state)
            recalled.append(state[2])
        return torch.stack(recalled)

    def _through(self, products: Tensor, recalled: Tensor, anew: Tensor, state: State) -> Tensor:
        """Outputs from what inputs and memory give, with gradients."""
        fresh, out = self.recurrent.start(products.shape[2]), []
        for now, memory, begin in zip(products, recalled, anew.unsqueeze(-1)):
            if begin.any():
                state = tuple(torch.where(begin, s0, s) for s0, s in zip(fresh, state))
            *state, _ = self.recurrent.cell(now, (*state, memory))
            out.append(state[0])
        return torch.stack(out)


def _length(anew: Tensor) -> int:
    """Steps from one place where all begin anew to the next, if these are all alike; else those of the whole."""
    rows = anew.flatten(1).all(1).nonzero().flatten()
    length = int(rows[1]) if len(rows) > 1 else len(anew)
    return length if torch.equal(rows, torch.arange(0, len(anew), length, device=rows.device)) else len(anew)


def _side_by_side(x: Tensor, length: int) -> Tensor:
    """(stretch x step, network, episode, ...) -> (step, network, stretch x episode, ...), the last one filled up."""
    missing = -len(x) % length
    whole = torch.cat([x, x.new_zeros(missing, *x.shape[1:])]) if missing else x
    return whole.unflatten(0, (-1, length)).movedim(0, 2).flatten(2, 3)


def _in_a_row(x: Tensor, episodes: int) -> Tensor:
    """And back."""
    return x.unflatten(2, (-1, episodes)).movedim(2, 0).flatten(0, 1)
