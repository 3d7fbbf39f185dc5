"""What can be known of an episode's chemistry in Alchemy from what was seen and done: exact Bayesian filtering.

For each rotation that is possible still, what is left of the other three parts is a product of the stone maps and of
pairs of potion map and graph (see `pfc_metarl.agents.alchemy_search`); nothing is approximated.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd

from pfc_metarl.agents.alchemy_bounds import ABSENT, STILL, Tables, tables, total, update, words
from pfc_metarl.tasks.alchemy import POTIONS, STONES, digits
from pfc_metarl.tasks.alchemy_chemistry import PLACES, POTION_MAPS, ROTATIONS, STONE_MAPS, VALUES, graphs, looks
from pfc_metarl.trials import check_trials, sessions_of

PARTS = ("rotation", "stone_map", "potion_map", "graph")
"""Of a chemistry."""


class Belief:
    """About the chemistry of one episode.

    Args:
        rotations: can looks be turned?

    Attributes:
        dynamics: bits of potion maps and graphs, as looks have them (rotation, potion map, word).
        stone_maps: bits of those that are possible (rotation,).
        places: of the stones that are seen now, as looks have them (rotation, stone).
    """

    def __init__(self, rotations: bool) -> None:
        self.tables: Tables = tables()
        many = ROTATIONS if rotations else 1
        self.dynamics = np.broadcast_to(words(np.ones(len(graphs().prior), bool)), (many, POTION_MAPS, 2)).copy()
        self.stone_maps = np.full(many, 2**STONE_MAPS - 1)
        self.places = np.full((many, STONES), ABSENT)
        self._after = np.empty_like(self.dynamics[0])

    def see(self, seen: np.ndarray, worth: np.ndarray) -> None:
        """Stones as they are now: looks (stone, number) and what they would earn (stone,); NaN: used up."""
        for rotation in range(len(self.places)):
            for stone in range(STONES):
                place = ABSENT
                if not np.isnan(worth[stone]):
                    place = _places()[rotation].get(tuple(seen[stone]), ABSENT)
                    agree = self.tables.worth[:, place % PLACES] == worth[stone] if place != ABSENT else [False]
                    self.stone_maps[rotation] &= sum(1 << int(s) for s in np.flatnonzero(agree))
                self.places[rotation, stone] = place

    def learn(self, stone: int, colour: int, seen: np.ndarray, worth: np.ndarray) -> None:
        """A stone was put into a colour; then all are seen, as in `see`."""
        before = self.places[:, stone].copy()
        self.see(seen, worth)
        for rotation in np.flatnonzero(self.stone_maps):
            moved = int(before[rotation] ^ self.places[rotation, stone])
            if moved not in (0, 1, 2, 4):  # along more than one axis
                self.stone_maps[rotation] = 0
                continue
            axis = STILL if moved == 0 else moved.bit_length() - 1
            update(self.tables, self.dynamics[rotation], before[rotation], colour, axis, self._after)
            self.dynamics[rotation] = self._after

    def rotation(self) -> np.ndarray:
        """Probability of each rotation (rotation,)."""
        p = np.zeros(ROTATIONS)
        for rotation, left in enumerate(self.stone_maps):
            p[rotation] = int(left).bit_count() * (total(self.dynamics[rotation]) if left else 0)
        return p / p.sum()

    def marginals(self) -> dict[str, np.ndarray]:
        """Probability of each kind of each part of the chemistry, by the part's name."""
        found = {"rotation": self.rotation(), "stone_map": np.zeros(STONE_MAPS)}
        found |= {"potion_map": np.zeros(POTION_MAPS), "graph": np.zeros(len(graphs().prior))}
        for rotation in np.flatnonzero(found["rotation"]):
            bits = np.unpackbits(self.dynamics[rotation].view(np.uint8), axis=-1, bitorder="little")
            pairs = bits[:, : len(graphs().prior)] * graphs().prior
            pairs /= pairs.sum()
            possible = np.flatnonzero(self.stone_maps[rotation] >> np.arange(STONE_MAPS) & 1)
            for s in possible:
                p = found["rotation"][rotation] / len(possible)
                found["stone_map"][s] += p
                found["potion_map"][np.arange(POTION_MAPS) ^ 7 ^ s] += p * pairs.sum(1)
                found["graph"][_mirrored()[s]] += p * pairs.sum(0)
        return found


@cache
def _places() -> list[dict[tuple, int]]:
    """The place that a stone has by its looks, for each rotation."""
    return [{tuple(look): place for place, look in enumerate(own[-1])} for own in looks()]


@cache
def _mirrored() -> np.ndarray:
    """The graph between places, by the graph between looks: (stone map, graph)."""
    edges = graphs().edges
    number = {own.tobytes(): g for g, own in enumerate(edges)}
    places = np.arange(PLACES)
    return np.array([[number[own[places ^ 7 ^ s].tobytes()] for own in edges] for s in range(STONE_MAPS)])


def as_seen(stones: np.ndarray, rotation: int, stone_map: int) -> tuple[np.ndarray, np.ndarray]:
    """Looks (stone, number) and worth (stone,) of stones as the trial table has them, 1 + place or 0; NaN: used up."""
    gone = stones == 0
    seen = np.where(gone[:, None], np.nan, looks()[rotation, stone_map][stones - 1])
    return seen, np.where(gone, np.nan, VALUES[stones - 1])


def beliefs(trials: pd.DataFrame, rotations: bool) -> dict[str, np.ndarray]:
    """What the ideal observer believes at each step of a trial table of Alchemy, whoever behaved.

    Args:
        trials: the table; of the chemistry it tells, nothing but how stones look is used.
        rotations: can looks be turned?

    Returns:
        By part of the chemistry (`PARTS`): probabilities before the action of each row (row, kind).
    """
    table = check_trials(trials, "alchemy", needs=("graph", "potion_map", "stone_map", "rotation"))
    found = [belief.marginals() for _, own in sessions_of(table) for belief in followed(own, rotations)]
    return {part: np.stack([at[part] for at in found]).astype(np.float32) for part in PARTS}


def followed(session: pd.DataFrame, rotations: bool) -> Iterator[Belief]:
    """The belief before each action of one session (always the same object)."""
    belief = Belief(rotations)
    stones, potions = (
        digits(session[name].to_numpy(), many) for name, many in (("stones", STONES), ("potions", POTIONS))
    )
    inner, choice = session["inner"].to_numpy(), session["choice"].to_numpy()
    rotation, stone_map = session[["rotation", "stone_map"]].to_numpy()[0]
    for t in range(len(session)):
        now = as_seen(stones[t], rotation, stone_map)
        used = potion_used(stones[t - 1], potions[t - 1], choice[t - 1]) if t and inner[t] == inner[t - 1] else None
        if used:
            belief.learn(*used, *now)
        else:
            belief.see(*now)
        yield belief


def potion_used(stones: np.ndarray, potions: np.ndarray, choice: int) -> tuple[int, int] | None:
    """Number of the stone and the colour into which an action puts it; None: it does something else, or nothing."""
    stone, into = divmod(int(choice) - 1, 1 + POTIONS)
    if choice < 1 or into == 0 or stones[stone] == 0 or potions[into - 1] == 0:
        return None
    return stone, int(potions[into - 1]) - 1
