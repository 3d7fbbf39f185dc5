"""Families of Gymnasium environments as tasks: one is drawn for each episode, in which it is played several times over.

What Gymnasium calls an episode is a trial here: a row of the trial table. The agent keeps its state from one to the
next, and the last number that it sees says where one begins.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete, Space, flatdim, flatten

from pfc_metarl.errors import ConfigError
from pfc_metarl.tasks.episodes import Episodes, Renew
from pfc_metarl.tasks.task import Task, require_counts

Make = Callable[[], gymnasium.Env]
"""Builds an environment."""
Vary = Callable[[gymnasium.Env, np.random.Generator], None]
"""Makes an environment another one of its family."""


class FamilyEpisodes(Episodes):
    """Episodes of a family, whose environments are stepped one by one; see `Episodes`."""

    task: "Family"

    def __init__(self, task: Task, networks: int, episodes: int, trials: int | None = None) -> None:
        super().__init__(task, networks, episodes, trials)
        self._environments = self.task.environments(networks, episodes)
        self._held = self.task.hold()

    def begin(self, rngs: Sequence[np.random.Generator]) -> None:
        """Draw an environment for each episode; see `Episodes`."""
        super().begin(rngs)
        for place, environment in np.ndenumerate(self._environments):
            record = self.records[place]
            rng = np.random.default_rng(int(record["seed"]))
            self.task.vary(environment, rng)
            self._see(place, environment.reset(seed=int(rng.integers(2**31)))[0], begins=True)
            record["trial_begins"], record["trials"] = True, 1

    def look(self) -> None:
        """Nothing: what is seen is filled in at each step."""

    def step(self, actions: np.ndarray, renew: Renew | None = None) -> np.ndarray:
        """Take actions; see `Episodes`."""
        if not self.task.holds(self._held):
            raise ConfigError("these environments are played by others by now: one play at a time, of one task")
        self.reward[:], self.observation[:] = 0, 0
        for place in zip(*np.nonzero(~self.records["over"])):
            self._step_one(place, actions[place])
        return np.zeros(self.records.shape, bool)

    def _step_one(self, place: tuple[int, ...], action: Any) -> None:
        """Step an environment; where its episode ends the next begins."""
        record, environment = self.records[place], self._environments[place]
        now = self.trials[place][record["trials"] - 1]
        seen, reward, ended, cut, told = environment.step(self.task.action(action))
        self.reward[place] = reward
        now["reward"] += reward
        now["steps"] += 1
        now["success"] = max(now["success"], float(told.get("success", 0)))
        record["time"] += 1
        record["trial_begins"] = ended or cut
        record["over"] = (
            record["time"] == self.task.steps or record["trial_begins"] and record["trials"] == len(self.trials[place])
        )
        if record["over"]:
            return
        if record["trial_begins"]:
            record["trials"] += 1
            seen = environment.reset()[0]
        self._see(place, seen, begins=bool(record["trial_begins"]))

    def _see(self, place: tuple[int, ...], seen: Any, begins: bool) -> None:
        self.observation[place][:-1] = flatten(self.task.seen, seen)
        self.observation[place][-1] = begins

    def copy(self, slots: slice = slice(None)) -> "FamilyEpisodes":
        """See `Episodes`; the environments are the same."""
        other = super().copy(slots)
        assert isinstance(other, FamilyEpisodes)
        other._environments = self._environments[:, slots]
        return other


class Family(Task):
    """A family of environments. Observation: the environment's, as one row of numbers, and whether its episode begins.

    Environments are built once and used again, for each is made another one and reset before it is played.

    Args:
        make: builds an environment, with discrete actions, or with numbers between bounds.
        vary: makes it another one of the family, by a generator. To train in several processes, both are functions
            of a module.
        episodes_per_trial: Gymnasium's episodes on one environment.
        steps: after which all of them are cut short; None: as many as the environment's own limit allows.

    Raises:
        ConfigError: actions or observations of another kind, or no limit of steps.
    """

    name = "gymnasium"
    driver = FamilyEpisodes
    steps_per_trial, choice_step = 0, 0
    episode_fields = [("seed", "i8"), ("trial_begins", "?")]
    trial_fields = []
    outcome_fields = [("steps", "i4"), ("reward", "f4"), ("success", "f4")]

    def __init__(self, make: Make, vary: Vary, episodes_per_trial: int = 3, steps: int | None = None) -> None:
        require_counts(episodes_per_trial=episodes_per_trial)
        self.make, self.vary, self.trials = make, vary, episodes_per_trial
        self._made: dict[tuple[int, ...], gymnasium.Env] = {}
        self._holder: object = None
        first = self.environments(1, 1)[0, 0]
        limit = first.spec.max_episode_steps if first.spec else None
        if steps is None:
            if limit is None:
                raise ConfigError("the environments have no limit of steps: give one, steps=")
            steps = episodes_per_trial * limit
        self.stretch = steps
        require_counts(steps=self.stretch)
        self.seen: Space = first.observation_space
        self.observations, self._acts = (flatdim(self.seen) + 1,), first.action_space
        self.actions, self.continuous = _count(self._acts)

    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """A seed for each episode, on which all else depends; see `Task`."""
        episodes["seed"] = rng.integers(2**31, size=len(episodes))

    def action(self, action: Any) -> Any:
        """As the environment knows it: numbers from -1 to 1 are from its lowest to its highest."""
        if isinstance(self._acts, Discrete):
            return int(action) + int(self._acts.start)
        assert isinstance(self._acts, Box)
        share = (np.clip(action, -1, 1) + 1) / 2
        return (self._acts.low + share * (self._acts.high - self._acts.low)).astype(self._acts.dtype)

    def environments(self, networks: int, episodes: int) -> np.ndarray:
        """One for each episode (network, episode), some used before."""
        told = np.empty((networks, episodes), object)
        for place in np.ndindex(told.shape):
            if place not in self._made:
                self._made[place] = self.make()
            told[place] = self._made[place]
        return told

    def hold(self) -> object:
        """Take the environments for a play; who had them before has them no more."""
        self._holder = object()
        return self._holder

    def holds(self, holder: object) -> bool:
        """Whether somebody has them."""
        return self._holder is holder

    def __getstate__(self) -> dict[str, Any]:
        """Without the environments."""
        return self.__dict__ | {"_made": {}, "_holder": None}


def _count(space: Space) -> tuple[int, bool]:
    """How many actions, or numbers, and whether they are numbers."""
    if isinstance(space, Discrete):
        return int(space.n), False
    if isinstance(space, Box) and len(space.shape) == 1 and space.is_bounded():
        return space.shape[0], True
    raise ConfigError(f"actions are to be discrete, or numbers between bounds, not {space}")
