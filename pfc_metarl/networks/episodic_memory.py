"""A memory of cell states by the contexts in which they were reached, and what is recalled from it."""

from typing import NamedTuple

import torch
from torch import Tensor

ALIKE = 1e-5
"""Cosines that differ by less are the same but for rounding."""


class Memory(NamedTuple):
    """What an episodic memory holds, the newest first."""

    keys: Tensor
    """Contexts, of length 1 (network, episode, entry, number)."""
    cells: Tensor
    """Cell states (network, episode, entry, unit)."""
    stored: Tensor
    """How many entries are filled (network, episode)."""

    def store(self, where: Tensor, context: Tensor, cell: Tensor) -> "Memory":
        """With one entry more where it is said, in place of the oldest; a context of zeros is none, and not stored.

        Args:
            where: (network, episode).
            context, cell: (network, episode, ...).
        """
        where = where & context.any(-1)

        def shifted(old: Tensor, first: Tensor) -> Tensor:
            moved = torch.cat([first.unsqueeze(2), old[:, :, :-1]], 2)
            return moved if where.all() else torch.where(where[..., None, None], moved, old)

        stored = (self.stored + where).clamp(max=self.keys.shape[2])
        return Memory(shifted(self.keys, _unit_length(context)), shifted(self.cells, cell), stored)

    def recall(self, context: Tensor) -> Tensor:
        """The cell state stored with the nearest context, the newest of several that are as near (network, episode,
        unit); 0 where nothing is stored, or no context is shown."""
        age = torch.arange(self.keys.shape[2], device=context.device).expand(self.keys.shape[:3])
        cosine = (self.keys @ _unit_length(context).unsqueeze(-1)).squeeze(-1)
        which = nearest(cosine, age, age < self.stored.unsqueeze(-1))
        found = self.cells.gather(2, which[..., None, None].expand(-1, -1, 1, self.cells.shape[-1])).squeeze(2)
        return found * ((self.stored > 0) & context.any(-1)).unsqueeze(-1)


def nearest(cosine: Tensor, age: Tensor, there: Tensor) -> Tensor:
    """The place of the entry with the largest cosine, of several the newest; arguments are (..., entry)."""
    cosine = cosine.masked_fill(~there, -2)
    return age.masked_fill(cosine < cosine.amax(-1, keepdim=True) - ALIKE, age.shape[-1] * 2).argmin(-1)


def _unit_length(context: Tensor) -> Tensor:
    """Contexts scaled to a length of 1; zeros stay."""
    return context / context.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-12)


def entries(memory: Memory, contexts: Tensor, shown: Tensor, begin: Tensor, begins: Tensor, rows: Tensor) -> Tensor:
    """Which entry is recalled where stretches begin in an unroll.

    Args:
        memory: before it.
        contexts: that are shown (time, network, episode, number); `shown`: the one before the first step.
        begin: whether a stretch begins (time, network, episode); `begins`: whether an episode does, with no memory.
        rows: the steps at which any stretch begins (row,).

    Returns:
        (row, network, episode): the number of the entry of memory, or, as many further, that of the row at which it is
        stored (what is stored is of the step before); the one after the last row: nothing.
    """
    before = torch.cat([shown.unsqueeze(0), contexts])[rows]
    episode, starts = begins.cumsum(0)[rows].movedim(0, -1), begin[rows].movedim(0, -1)  # (network, episode, row)
    is_new = starts & ~begins[rows].movedim(0, -1) & before.any(-1).movedim(0, -1)
    count = is_new.cumsum(-1)
    old, number = memory.keys.shape[2], len(rows)
    # by query and entry: (network, episode, row, entry)
    age_old = count.unsqueeze(-1) + torch.arange(old, device=rows.device)
    age_new = count.unsqueeze(-1) - count.unsqueeze(-2)
    held = torch.arange(old, device=rows.device) < memory.stored.unsqueeze(-1)
    there_old = held.unsqueeze(-2) & (episode == 0).unsqueeze(-1)
    earlier = torch.ones(number, number, dtype=torch.bool, device=rows.device).tril()
    there_new = is_new.unsqueeze(-2) & (episode.unsqueeze(-1) == episode.unsqueeze(-2)) & earlier
    age = torch.cat([age_old, age_new], -1)
    there = torch.cat([there_old, there_new], -1) & (age < old)
    keys = torch.cat([memory.keys, _unit_length(before).movedim(0, 2)], 2)
    query = contexts[rows].movedim(0, 2)
    which = nearest(_unit_length(query) @ keys.transpose(2, 3), age, there)
    nothing = ~there.any(-1) | ~query.any(-1)
    return which.masked_fill(nothing, old + number).movedim(-1, 0)
