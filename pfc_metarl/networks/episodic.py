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

import torch
from torch import Tensor

from pfc_metarl.config import Config
from pfc_metarl.errors import ConfigError
from pfc_metarl.networks.agent import Agent, Seen, State, Step, Unroll, last_seen
from pfc_metarl.networks.episodic_memory import Memory, entries
from pfc_metarl.networks.recurrent import Head, Recurrent, per_network
from pfc_metarl.tasks.task import Contexts, Task


class EpisodicLSTM(Recurrent):
    """An LSTM to whose cells a recalled state m is added (Ritter et al. 2018; its tanh as in public replications):

        o, i, f, r = sigmoid(x W_x + h W_h + b),  g = tanh(x W_x + h W_h + b)
        c' = f c + i g + r tanh(m),  h' = o tanh(c')

    Gates are stored in the order output, input, forget, candidate, reinstatement; its state is hidden, cell and m. The
    forget gate's bias starts at 1, as that of `LSTM`, that of the reinstatement gate at 0 (our choice).
    """

    gates, states, forget = 5, 2, 2

    def cell(self, gates: Tensor, state: State) -> State:
        """One step; see `Recurrent`."""
        hidden, cell, recalled = state
        o, i, f, g, r = torch.baddbmm(gates, hidden, self.hidden_weight).split(self.units, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh() + r.sigmoid() * recalled.tanh()
        return o.sigmoid() * cell.tanh(), cell, recalled


class EpisodicNetwork(Agent):
    """LSTM with episodic memory, softmax policy and value.

    Its state: hidden and cell; what is recalled now; the context shown last; the three tensors of its `Memory`.

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
        shown = observations[0] + 1 + actions
        self.recurrent = EpisodicLSTM(seeds, shown, units, learned_start=learned_start, input_scale=input_scale)
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
        keys = hidden.new_zeros(*size, entries, self.contexts.size)
        memory = Memory(keys, hidden.new_zeros(*size, entries, self.units), hidden.new_zeros(*size))
        return hidden, cell, torch.zeros_like(hidden), keys.new_zeros(*size, self.contexts.size), *memory

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
        products, anew = self._given(seen)
        if not self.contexts.apart:
            return self._remembering(products, seen, state)[0]
        with torch.no_grad():
            recalled = self._remembering(products, seen, state)[1]
        length = _length(anew)
        folds = -(-len(anew) // length)
        of_steps = (_side_by_side(x, length) for x in (products, recalled, anew))
        state, fresh, out = tuple(s.repeat(1, folds, 1) for s in state[:2]), None, []
        for now, memory, begin in zip(*of_steps):
            if begin.any():
                fresh = fresh or self.recurrent.start(now.shape[1])
                state = _where(begin, fresh, state)
            state = self.recurrent.cell(now, (*state, memory))[:2]
            out.append(state[0])
        return _in_a_row(torch.stack(out), products.shape[2])[: len(products)]

    @torch.no_grad()
    def reinstatement(self, seen: Seen, state: State) -> Tensor:
        """How open the gates for what is recalled are in an unroll, mean over units (time, network, episode)."""
        products, anew = self._given(seen)
        before = torch.cat([state[0].unsqueeze(0), self.unroll_of(seen, state)[:-1]])
        before = torch.where(anew.unsqueeze(-1), self.recurrent.start(before.shape[2])[0], before)
        own = slice(-self.units, None)
        return (products[..., own] + per_network(before, self.recurrent.hidden_weight[..., own])).sigmoid().mean(-1)

    def _given(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """What inputs give at each step of an unroll, and whether units begin anew (time, network, episode, ...)."""
        begin = self._begin(seen.observations)
        inputs = self._inputs(seen.observations, seen.rewards, seen.actions, begin)
        products = per_network(inputs, self.recurrent.input_weight) + self.recurrent.bias
        return products, seen.begins | begin if self.contexts.apart else seen.begins

    def _begin(self, observation: Tensor) -> Tensor:
        """Whether a stretch begins."""
        return observation[..., self.contexts.begins] > 0.5

    def _context(self, observation: Tensor) -> Tensor:
        """The context that is shown."""
        return observation[..., self.contexts.first : self.contexts.first + self.contexts.size]

    def _inputs(self, observation: Tensor, reward: Tensor, action: Tensor, begin: Tensor) -> Tensor:
        """What units see; where stretches that are apart begin, without last reward and action."""
        if self.contexts.apart:
            reward, action = reward.masked_fill(begin, 0), action.masked_fill(begin, -1)
        return last_seen(observation, reward, action, self.action_policy)

    def _step(self, products: Tensor, observation: Tensor, state: State) -> State:
        """From one state to the next: store and recall, if a stretch begins; then the LSTM."""
        hidden, cell, recalled, shown, *held = state
        begin, context = self._begin(observation), self._context(observation)
        if begin.any():
            memory = Memory(*held).store(begin, shown, cell)
            recalled = torch.where(begin.unsqueeze(-1), memory.recall(context), recalled)
            if self.contexts.apart:
                hidden, cell = _where(begin, self.recurrent.start(hidden.shape[1]), (hidden, cell))
            held = list(memory)
        return *self.recurrent.cell(products, (hidden, cell, recalled)), context, *held

    def _remembering(self, products: Tensor, seen: Seen, state: State) -> tuple[Tensor, Tensor]:
        """An unroll step by step: units' output, and what is recalled, both (time, network, episode, unit).

        Which entry is recalled hangs on contexts alone, and is found beforehand for all steps.
        """
        hidden, cell, recalled, shown, *held = state
        memory, begin = Memory(*held), self._begin(seen.observations)
        begins = (begin | seen.begins).flatten(1).any(1).tolist()
        rows = begin.flatten(1).any(1).nonzero().flatten()
        which = entries(memory, self._context(seen.observations), shown, begin, seen.begins, rows)
        empty = memory.cells.new_zeros(*memory.cells.shape[:2], len(rows) + 1, self.units)  # the last one: of nothing
        cells, at, entry = torch.cat([memory.cells, empty], 2), memory.cells.shape[2], -1
        fresh, out, used = self.recurrent.start(hidden.shape[1]), [], []
        for t, now in enumerate(products):
            if begins[t]:
                anew = seen.begins[t]
                recalled = recalled.masked_fill(anew.unsqueeze(-1), 0)
                hidden, cell = _where(anew, fresh, (hidden, cell))
            if begins[t] and begin[t].any():
                entry += 1
                cells[:, :, at + entry] = cell.detach()
                own = which[entry][..., None, None].expand(-1, -1, 1, self.units)
                recalled = torch.where(begin[t].unsqueeze(-1), cells.gather(2, own).squeeze(2), recalled)
                if self.contexts.apart:
                    hidden, cell = _where(begin[t], fresh, (hidden, cell))
            hidden, cell, _ = self.recurrent.cell(now, (hidden, cell, recalled))
            out.append(hidden)
            used.append(recalled)
        return torch.stack(out), torch.stack(used)


def _where(begin: Tensor, fresh: State, state: State) -> State:
    """The fresh state where something begins, else the other; of units (network, episode, unit)."""
    return tuple(torch.where(begin.unsqueeze(-1), s0, s) for s0, s in zip(fresh, state))


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
