"""Reference agents of Alchemy, those of its publication (Wang et al. 2021), from random actions to ideal observer."""

from functools import cache

import numpy as np

from pfc_metarl.agents.agent import Columns, ReferenceAgent
from pfc_metarl.agents.alchemy_belief import PARTS, Belief, as_seen, potion_used
from pfc_metarl.agents.alchemy_bounds import ABSENT, tables, words
from pfc_metarl.agents.alchemy_search import END, Memory, memory, search
from pfc_metarl.tasks.alchemy import POTIONS, STONES, Alchemy, action, digits
from pfc_metarl.tasks.alchemy_chemistry import COLOURS, VALUES, graphs
from pfc_metarl.trial_columns import NETWORKS, NONE, OBSERVER

PUBLICATION = "Wang 2021"
"""Name of the published scores (data/related.csv)."""
PUBLISHED_NAME = {NETWORKS: "V-MPO"}
"""Where the publication has another one."""
RANDOM, HEURISTIC, ORACLE = "random", "random heuristic", "search oracle"
AHEAD, FEW = 3, 4
"""Potions that the ideal observer looks ahead; and how many may then be left for it to look to the end after all."""
ROOM = 20
"""Bits of the number of states that a search remembers."""


class AlchemyAgent(ReferenceAgent):
    """Chooses an action at each step, for each session on its own."""

    task = "alchemy"
    sees = ("stones", "potions", "inner", *PARTS)
    learns_from = ("choice", "stones", "potions", *PARTS)

    def start(self, sessions: int) -> None:
        """Begin so many sessions."""
        self.inner = np.zeros(sessions, int)

    def probabilities(self, shown: Columns) -> np.ndarray:
        """Of each action (session, action)."""
        stones, potions = digits(shown["stones"], STONES), digits(shown["potions"], POTIONS)
        p = np.zeros((len(stones), Alchemy.actions))
        for i in range(len(stones)):
            chemistry = {part: int(shown[part][i]) for part in PARTS}
            self.choose(i, stones[i], potions[i], chemistry, bool(shown["inner"][i] != self.inner[i]), p[i])
        self.inner = shown["inner"].copy()
        return p

    def choose(
        self,
        session: int,
        stones: np.ndarray,
        potions: np.ndarray,
        chemistry: dict[str, int],
        begins: bool,
        p: np.ndarray,
    ) -> None:
        """Fill in the probability of each action, zeros.

        Args:
            session: its number.
            stones, potions: as the trial table has them, a digit each.
            chemistry: by part.
            begins: does a trial begin?
            p: (action,)
        """
        raise NotImplementedError

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Most learn nothing."""
        return {}


class RandomAction(AlchemyAgent):
    """Does anything."""

    def choose(self, session, stones, potions, chemistry, begins, p):  # type: ignore[no-untyped-def]
        """See `AlchemyAgent`."""
        p[:] = 1 / len(p)


class RandomHeuristic(AlchemyAgent):
    """Puts any stone that is not yet the best into any potion; when there are none of either, those that are worth
    something into the cauldron."""

    def choose(self, session, stones, potions, chemistry, begins, p):  # type: ignore[no-untyped-def]
        """See `AlchemyAgent`."""
        worth = np.where(stones > 0, VALUES[stones - 1], np.nan)
        stones_left, potions_left = np.flatnonzero(worth < max(VALUES)).tolist(), np.flatnonzero(potions).tolist()
        useful = [action(stone, 1 + potion) for stone in stones_left for potion in potions_left]
        p[useful or sell(worth)] = 1 / max(1, len(useful))


def sell(worth: np.ndarray) -> int:
    """Put the first stone that is worth something into the cauldron; if there is none, nothing."""
    good = np.flatnonzero(worth > 0)
    return action(int(good[0]), 0) if len(good) else 0


@cache
def room() -> Memory:
    """What all searches of this process share."""
    return memory(ROOM)


class Planner(AlchemyAgent):
    """Plans each trial by a search over what potions may do, and then puts what is worth something into the cauldron.

    Like the published agents it looks to the end of a trial, not to the next ones; needs 15 steps in a trial.
    """

    def start(self, sessions: int) -> None:
        """Begin so many sessions."""
        super().start(sessions)
        self.done = np.zeros(sessions, bool)
        room().keys[:] = 0

    def plan(
        self, places: np.ndarray, potions: np.ndarray, dynamics: np.ndarray, stone_maps: int, ahead: int
    ) -> tuple[int, float]:
        """The action (0: no more potions), and what the trial is expected to earn.

        Args:
            places: of the stones (stone,).
            potions: digits (potion,).
            dynamics: bits (potion map, word).
            stone_maps: bits.
            ahead: potions to look ahead.
        """
        known = room()
        known.beliefs[0], known.stones[0] = dynamics, np.sort(places)
        counts = np.bincount(potions[potions > 0] - 1, minlength=COLOURS).astype(np.int64)
        value, best = search(tables(), known, 0, counts, stone_maps, ahead, FEW, -np.inf)
        if best == END:
            return 0, value
        colour, place = divmod(best, ABSENT)
        return action(int(np.argmax(places == place)), 1 + int(np.argmax(potions == 1 + colour))), value


class SearchOracle(Planner):
    """Knows the chemistry."""

    def choose(self, session, stones, potions, chemistry, begins, p):  # type: ignore[no-untyped-def]
        """See `AlchemyAgent`."""
        places = np.where(stones > 0, stones - 1, ABSENT)
        what = 0
        if begins or not self.done[session]:
            dynamics = np.zeros_like(room().beliefs[0])
            dynamics[chemistry["potion_map"]] = words(np.arange(len(graphs().prior)) == chemistry["graph"])
            what, _ = self.plan(places, potions, dynamics, 1 << 7, POTIONS)
            self.done[session] = what == 0
        p[what or sell(np.where(stones > 0, VALUES[stones - 1], np.nan))] = 1


class IdealObserver(Planner):
    """Knows how chemistries are drawn, and of this one what was seen; acts as if the likeliest rotation were known.

    Its belief is exact. Its search is so too where at most `AHEAD` + `FEW` potions are left; with more it looks `AHEAD`
    potions ahead, where the published one goes to the end (see `pfc_metarl.agents.alchemy_search`).

    Args:
        rotations: can looks be turned?
    """

    def __init__(self, rotations: bool = False) -> None:
        self.rotations = rotations

    def start(self, sessions: int) -> None:
        """Begin with nothing known."""
        super().start(sessions)
        self.beliefs = [Belief(self.rotations) for _ in range(sessions)]
        self.used: list[tuple[int, int] | None] = [None] * sessions

    def choose(self, session, stones, potions, chemistry, begins, p):  # type: ignore[no-untyped-def]
        """See `AlchemyAgent`."""
        belief, used = self.beliefs[session], self.used[session]
        seen, worth = as_seen(stones, chemistry["rotation"], chemistry["stone_map"])
        if used and not begins:
            belief.learn(*used, seen, worth)
        elif begins:
            belief.see(seen, worth)
        what = 0
        if begins or not self.done[session]:
            turned = int(belief.rotation().argmax())
            told = belief.dynamics[turned], int(belief.stone_maps[turned])
            what, _ = self.plan(belief.places[turned], potions, *told, AHEAD)
            self.done[session] = what == 0
        p[what or sell(worth)] = 1

    def observe(self, rows: np.ndarray, trial: Columns) -> dict[str, np.ndarray]:
        """Keep in mind what was done; its outcome is seen with the next step."""
        stones, potions = digits(trial["stones"], STONES), digits(trial["potions"], POTIONS)
        for i, row in enumerate(rows):
            choice = int(trial["choice"][i])
            self.used[row] = None if choice == NONE else potion_used(stones[i], potions[i], choice)
        return {}


AGENTS: dict[str, type[AlchemyAgent]] = {
    RANDOM: RandomAction,
    HEURISTIC: RandomHeuristic,
    ORACLE: SearchOracle,
    OBSERVER: IdealObserver,
}
"""By the names they have in trial tables."""
