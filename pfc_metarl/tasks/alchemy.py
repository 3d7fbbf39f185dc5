"""Symbolic Alchemy (Wang et al. 2021): dip stones into potions to make them worth more, by rules that an episode hides.

An episode is several trials with one chemistry (`pfc_metarl.tasks.alchemy_chemistry`); each trial brings three stones
of any place and twelve potions of any colour. At each of its steps a stone is put into a potion, which is used up
whatever it does, or into the cauldron, which pays what the stone is worth (-3, -1, 1 or 15) and keeps it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from pfc_metarl.errors import TableError
from pfc_metarl.tasks.alchemy_chemistry import (
    COLOURS,
    PLACES,
    POTION_MAPS,
    ROTATIONS,
    STONE_MAPS,
    VALUES,
    graphs,
    looks,
    transitions,
)
from pfc_metarl.tasks.task import Task, require_counts

STONES, POTIONS = 3, 12
OF_STONE = 5
"""Numbers that are seen of each stone: three of its looks, one of its worth, and whether it is used up."""
GONE = 2.0
"""What is seen in place of the looks, worth and colour of what is used up."""
CAULDRON = 0
"""Where a stone is put: the cauldron, or potion 1 to 12."""


class Rules(NamedTuple):
    """What `see` and `act` are told."""

    values: np.ndarray
    """What stones earn, by place."""


def action(stone: int, into: int) -> int:
    """The action that puts a stone (from 0) into the cauldron (0) or a potion (1 to 12); action 0 does nothing."""
    return 1 + (1 + POTIONS) * stone + into


def see(task, episode, trials, observation):  # type: ignore[no-untyped-def]
    """Of each stone its looks, its worth / 3 (without the bonus) and 0; of each potion its colour, -1 to 2/3, and 0."""
    for stone in range(STONES):
        place, at = episode.stones[stone] - 1, OF_STONE * stone
        for i in range(3):
            observation[at + i] = episode.looks[place, i] if place >= 0 else GONE
        observation[at + 3] = min(task.values[place], 3) / 3 if place >= 0 else GONE
        observation[at + 4] = place < 0
    for potion in range(POTIONS):
        colour, at = episode.potions[potion] - 1, OF_STONE * STONES + 2 * potion
        observation[at] = colour / 3 - 1 if colour >= 0 else GONE
        observation[at + 1] = colour < 0


def act(task, episode, trials, action):  # type: ignore[no-untyped-def]
    """Put a stone into a potion or the cauldron; what is used up already does nothing."""
    now = trials[episode.time]
    now.choice = action
    stones, potions = now.stones, now.potions
    stone, into = divmod(action - 1, 1 + POTIONS)
    if action > 0 and episode.stones[stone] > 0:
        before = int(episode.stones[stone])
        after = before
        if into == CAULDRON:
            now.reward = task.values[before - 1]
            after = 0
        elif episode.potions[into - 1] > 0:
            after = 1 + int(episode.leads[before - 1, episode.potions[into - 1] - 1])
            potions -= int(episode.potions[into - 1]) * 10 ** (POTIONS - into)
            episode.potions[into - 1] = 0
        stones += (after - before) * 10 ** (STONES - 1 - stone)
        episode.stones[stone] = after
    if episode.time + 1 < episode.trials:
        following = trials[episode.time + 1]
        if following.inner == now.inner:
            following.stones, following.potions = stones, potions
        else:
            fill(episode.stones, following.stones)
            fill(episode.potions, following.potions)
    return float(now.reward)


@register_jitable
def fill(digits, number):  # type: ignore[no-untyped-def]
    """Fill in the digits of a number."""
    for i in range(len(digits) - 1, -1, -1):
        digits[i] = number % 10
        number //= 10


class Alchemy(Task):
    """The task.

    Observation: see `see`. Actions: see `action`. In records and tables stones and potions are digits of one number,
    one each: 1 + the place of a stone, 1 + the colour of a potion, 0 where it is used up. A row of the trial table is
    one step; its stones and potions are those before the action.

    Args:
        trials: of an episode.
        steps: of a trial.
        rotations: are looks turned, in three of four episodes?

    Raises:
        ConfigError: no trials, or none that have steps.
    """

    name = "alchemy"
    observations, actions = (OF_STONE * STONES + 2 * POTIONS,), action(STONES, 0)
    steps_per_trial, choice_step = 1, 0
    episode_fields = [
        ("rotation", "i1"),
        ("stone_map", "i1"),
        ("potion_map", "i1"),
        ("graph", "i1"),
        ("leads", "i1", (PLACES, COLOURS)),  # where a potion moves a stone
        ("looks", "f4", (PLACES, 3)),
        ("stones", "i1", (STONES,)),  # as they are now
        ("potions", "i1", (POTIONS,)),
    ]
    trial_fields = [("inner", "i4"), ("stones", "i8"), ("potions", "i8")]
    outcome_fields = [("choice", "i1"), ("reward", "f4")]
    see, act = staticmethod(see), staticmethod(act)

    def __init__(self, trials: int = 10, steps: int = 20, rotations: bool = False) -> None:
        require_counts(trials=trials, steps=steps)
        self.inner_steps, self.rotations = steps, rotations
        self.trials, self.parameters = trials * steps, Rules(VALUES.astype(np.float32))

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """The chemistry of each episode, stones and potions of each trial; see `Task`."""
        for name, kinds in (("stone_map", STONE_MAPS), ("potion_map", POTION_MAPS), ("rotation", ROTATIONS)):
            episodes[name] = rng.integers(kinds if name != "rotation" or self.rotations else 1, size=len(episodes))
        prior = graphs().prior
        episodes["graph"] = rng.choice(len(prior), len(episodes), p=prior)
        begins = trials[:, :: self.inner_steps]
        for name, many, kinds in (("stones", STONES, PLACES), ("potions", POTIONS, COLOURS)):
            begins[name] = number(1 + rng.integers(kinds, size=(*begins.shape, many)))
        self._set_up(episodes, trials)

    def _set_up(self, episodes: np.ndarray, trials: np.ndarray) -> None:
        """What follows from what was drawn: what the chemistry does, and the first trial's stones and potions."""
        trials["inner"] = 1 + np.arange(trials.shape[1]) // self.inner_steps
        episodes["leads"] = transitions()[episodes["potion_map"], episodes["graph"]]
        episodes["looks"] = looks()[episodes["rotation"], episodes["stone_map"]]
        episodes["stones"] = digits(trials["stones"][:, 0], STONES)
        episodes["potions"] = digits(trials["potions"][:, 0], POTIONS)

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """What somebody met: chemistry, stones and potions; TableError if trials had another number of steps."""
        chemistry = ("rotation", "stone_map", "potion_map", "graph")
        super().lead(episode, trials, {name: met[name] for name in (*chemistry, "stones", "potions")})
        self._set_up(episode, trials[None])
        if (trials["inner"] != met["inner"]).any():
            raise TableError(
                f"column inner: a trial of this task has {self.inner_steps} steps, those of the table have not"
            )


def digits(numbers: np.ndarray, many: int) -> np.ndarray:
    """Digits of numbers: (...,) -> (..., digit)."""
    return np.asarray(numbers)[..., None] // 10 ** np.arange(many - 1, -1, -1) % 10


def number(told: np.ndarray) -> np.ndarray:
    """The number of digits: (..., digit) -> (...,)."""
    return (told * 10 ** np.arange(told.shape[-1] - 1, -1, -1)).sum(-1)
