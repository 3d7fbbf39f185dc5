"""Playing tasks in tests: generators, random and scripted actions, what was met, bounds of frequencies."""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from pfc_metarl.tasks.episodes import Episodes
from pfc_metarl.tasks.task import CENTRE, Task

Choose = Callable[[int, Episodes], object]
"""Actions (network, episode), or one for all, at a time step."""


class Met(NamedTuple):
    """What was met; time first. The records are in `world`."""

    observations: np.ndarray  # before the action (time, network, episode, ...)
    rewards: np.ndarray  # after it (time, network, episode)
    events: np.ndarray  # after it (time, network, episode)
    active: np.ndarray  # does the step count (time, network, episode)
    world: Episodes

    def digest(self) -> str:
        """Of everything."""
        records = [array[name] for array in (self.world.records, self.world.trials) for name in array.dtype.names]
        arrays = [self.observations, self.rewards, self.events, self.active, *records]
        return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def rngs(networks: int = 2, key: int = 9) -> list[np.random.Generator]:
    """One generator per network."""
    return [np.random.default_rng([network, key]) for network in range(networks)]


def renew(network: int, slot: int, number: int) -> np.random.Generator:
    """The generator of an episode that follows another."""
    return np.random.default_rng([network, slot, number])


def begun(task: Task, networks: int = 2, episodes: int = 3, key: int = 9) -> Episodes:
    """Episodes at their start."""
    world = Episodes(task, networks, episodes)
    if task.running:
        world.begin_running(renew)
    else:
        world.begin(rngs(networks, key))
    return world


def play(world: Episodes, choose: Choose, steps: int | None = None) -> Met:
    """Play the longest episode's steps, or so many."""
    met = []
    for t in range(world.task.steps if steps is None else steps):
        seen, active = world.observation.copy(), ~world.records["over"]
        actions = np.asarray(choose(t, world))
        if not world.task.continuous:
            actions = np.broadcast_to(actions, world.reward.shape).astype(np.int64)
        world.step(actions, renew if world.task.running else None)
        met.append((seen, world.reward.copy(), world.records["event"].copy(), active))
    return Met(*(np.stack(x) for x in zip(*met)), world)


def any_actions(task: Task, rng: np.random.Generator, *size: int) -> np.ndarray:
    """Random actions; numbers go beyond the largest move."""
    if task.continuous:
        return rng.uniform(-1.5, 1.5, (*size, task.actions)).astype(np.float32)
    return rng.integers(0, task.actions, size)


def at_random(task: Task, seed: int = 1) -> Choose:
    """Any actions; each network's from a generator of its own, so that they are the same alone and among others."""
    drawn: dict[int, np.random.Generator] = {}

    def choose(t: int, world: Episodes) -> np.ndarray:
        networks, episodes = world.reward.shape
        own = [drawn.setdefault(k, np.random.default_rng([seed, k])) for k in range(networks)]
        return np.stack([any_actions(task, rng, episodes) for rng in own])

    return choose


def choosing(task: Task, choice: Callable[[int, Episodes], object]) -> Choose:
    """The choices that are given for each trial, and the centre at all other steps."""

    def choose(t: int, world: Episodes) -> object:
        trial, step = divmod(t, task.steps_per_trial)
        return choice(trial, world) if step == task.choice_step else CENTRE

    return choose


def left_or_right(seed: int = 1) -> Callable[[int, Episodes], np.ndarray]:
    """Choices of either side at random, for `choosing`."""
    rng = np.random.default_rng(seed)
    return lambda trial, world: rng.integers(0, 2, world.reward.shape)


def within_binomial_bounds(successes: int, n: int, p: float) -> bool:
    """Is that a likely number of successes?"""
    low, high = stats.binom.interval(0.9999, n, p)
    return bool(low <= successes <= high)
