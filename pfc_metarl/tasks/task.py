"""What a task is: an episode told in plain scalar code, and the driver that steps many episodes at once.

Everything random is drawn when an episode begins (`Task.draw`). What follows is told by two small functions for one
episode, in the words of the Methods: `see` says what is shown now, `act` what an action earns and what is recorded.
Both are compiled by numba; with the environment variable NUMBA_DISABLE_JIT=1 the same text runs as plain Python.

An episode is two records: `episode` (what holds for the whole of it, and what it keeps in mind) and `trials`, one
record per trial: what chance has decided about it (`Task.trial_fields`), and what then happens (`outcome_fields`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from pfc_metarl.errors import ConfigError
from pfc_metarl.trial_columns import COLUMNS, NONE

Field = tuple[Any, ...]
"""Name, type and (for an array) shape, as numpy has it; arrays are of numbers ("i1" in place of "?")."""

EPISODE_FIELDS: list[Field] = [("time", "i8"), ("over", "?"), ("trials", "i8"), ("event", "i1")]
"""time: steps taken. over: has the episode ended (set by `act` where it ends early). trials: how many belong to it.
event: what the last action led to, as a number from 1 into `Task.events`; 0: nothing."""
_PLACES: Any = np.dtype(EPISODE_FIELDS, align=True).fields
TIME, OVER, EVENT = (_PLACES[name][1] for name in ("time", "over", "event"))
"""Their places among the bytes of an episode's record."""
LEFT, RIGHT, CENTRE = 0, 1, 2
"""Actions of the tasks that have three; of those that have two, the first two."""


class Contexts(NamedTuple):
    """How a task shows contexts that may come again: an episode is made of stretches, each of which has one."""

    begins: int
    """Place of the observation that is 1 where a stretch begins."""
    first: int
    """Place of the context's first number; where all of them are 0, none is shown."""
    size: int
    """How many numbers a context is."""
    stretches: int
    """How many stretches an episode has."""
    apart: bool
    """Whether networks begin each stretch as they begin an episode, but for what an episodic memory holds."""


class Task(ABC):
    """A family of episodes. Subclasses are built with the parameters of their simulation's config."""

    name: ClassVar[str]
    """Name, under which `pfc_metarl.trials` documents the columns of its trial table."""
    observations: tuple[int, ...]
    """Shape of what is seen; the numbers are float32, or uint8 for pictures (`observation_type`)."""
    observation_type: ClassVar[type] = np.float32
    actions: int
    """Number of actions; or how many numbers one is, where they are continuous."""
    continuous: bool = False
    """Whether an action is numbers: an array, float32. Then the records' field actions stays empty."""
    trials: int
    """Trials of the longest episode."""
    steps_per_trial: ClassVar[int]
    """Time steps of a trial; 0: that depends on what is done, and the episode's field trial_begins says when."""
    choice_step: ClassVar[int]
    """Step of the trial (from 0) at which the choice is made."""
    continues: ClassVar[bool] = False
    """Whether an "episode" is a stretch of one that never ends: then the record `episode` is kept for the next."""
    running: bool = False
    """Whether an episode that ends is followed by the next at once."""
    stretch: int = 0
    """Time steps of one stretch where episodes are running; or of the longest episode, where trials have no fixed
    number of steps."""
    driver: ClassVar[type | None] = None
    """What steps its episodes in place of compiled code, a kind of `Episodes`; then `see` and `act` are not needed."""
    latents: int = 0
    """Of how many kinds an instance may be, which nothing shows (see `latent`); 0: they are not counted."""
    commits: ClassVar[int | None] = None
    """Place of the observation that is 1 where a stretch begins for which one may commit oneself to a guess of the
    latent; None: that is every step."""
    contexts: Contexts | None = None
    """How it shows contexts, for networks with an episodic memory; None: it has none."""
    events: ClassVar[tuple[str, ...]] = ()
    """Names of what an action can lead to, for stimulation."""
    episode_fields: Sequence[Field] = ()
    """Of an episode's record, besides `EPISODE_FIELDS`."""
    trial_fields: Sequence[Field]
    """Of a trial's record: what chance decides."""
    outcome_fields: Sequence[Field]
    """Of a trial's record: what then happens. choice, state and risky are NONE until then, all others 0."""
    parameters: tuple = ()
    """What `see` and `act` are told: a NamedTuple of numbers (or arrays), which do not change."""
    see: Callable[..., None]
    """Called as `see(task, episode, trials, observation)`: fills the observation, all zeros, with what is shown now."""
    act: Callable[..., float]
    """Called as `act(task, episode, trials, action)`: gives the reward; writes what happened into the records."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Draw all that chance decides: fill in the records (episode,) and (episode, trial), which are `blank`."""

    def again(self, rng: np.random.Generator, episodes: np.ndarray, trials: np.ndarray) -> None:
        """Draw anew what chance decides in episodes whose records say already what they are (which bandit, which goal).

        Raises:
            ConfigError: it cannot be told apart.
        """
        raise ConfigError(f"{self.name} is drawn anew for each episode: nobody can play several on the same one")

    def latent(self, episodes: np.ndarray, trials: np.ndarray) -> np.ndarray:
        """Of which kind an instance is, at each trial: numbers from 0 to before `latents`.

        Args:
            episodes, trials: the records (..., ) and (..., trial).
        """
        raise NotImplementedError

    def lead(self, episode: np.ndarray, trials: np.ndarray, met: Mapping[str, np.ndarray]) -> None:
        """Put in place of chance what somebody met in a session. By default: the documented columns that are fields,
        and the rewards where it says what each choice would pay (`pays`), whichever was chosen.

        Args:
            episode, trials: the records of one episode, `blank`: (1,) and (trial,).
            met: columns of the trial table, each (trial,).
        """
        told = {column.name for column in COLUMNS[self.name]} & set(met)
        for records, fields in ((episode, self.episode_fields), (trials, self.trial_fields)):
            for name in told & {field[0] for field in fields}:
                records[name] = met[name][: len(records)]
        if "pays" in (trials.dtype.names or ()) and trials["pays"].ndim == 2:
            trials["pays"] = met["reward"][:, None]

    def responses(self, met: Mapping[str, np.ndarray]) -> np.ndarray:
        """The actions of a session that is given as trials: (trial, step). By default centre, but for the choice."""
        nothing = CENTRE if self.steps_per_trial > 1 else NONE  # where a trial is one step, its actions may be arms
        actions = np.full((len(met["choice"]), self.steps_per_trial), nothing)
        actions[:, self.choice_step] = np.where(met["choice"] == NONE, nothing, met["choice"])
        return actions

    @property
    def steps(self) -> int:
        """Time steps of the longest episode; of one stretch where episodes run on."""
        return self.stretch or self.trials * self.steps_per_trial

    @property
    def blank(self) -> tuple[np.ndarray, np.ndarray]:
        """An episode's record and a trial's, before anything is drawn."""
        actions = ("actions", "i1", (max(1, self.steps_per_trial),))  # what was done at each step of the trial
        episode = _record([*EPISODE_FIELDS, *self.episode_fields])
        trial = _record([actions, *self.trial_fields, *self.outcome_fields])
        for name in {"choice", "state", "risky"} & set(trial.dtype.names or ()):
            trial[name] = NONE
        return episode, trial


def _record(fields: Sequence[Field]) -> np.ndarray:
    return np.zeros((), np.dtype((np.record, np.dtype(list(fields), align=True))))


def uniform(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniform numbers in [0, 1), (episode, ...) from a draw of (..., episode), single precision."""
    drawn = rng.random((*shape[1:], shape[0]), dtype=np.float32)
    return drawn.transpose(-1, *range(len(shape) - 1))


def is_number(value: object) -> bool:
    """Is it a single number (no text, no truth value)?"""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def require_probabilities(**values: float) -> None:
    """Raise a ConfigError that names the first value that is not between 0 and 1."""
    for name, value in values.items():
        if not is_number(value) or not 0 <= value <= 1:
            raise ConfigError(f"{name} must be between 0 and 1, not {value}")


def require_finite(**values: float) -> None:
    """Raise a ConfigError that names the first value that is NaN or infinite."""
    for name, value in values.items():
        if not is_number(value) or not np.isfinite(value):
            raise ConfigError(f"{name} must be finite, not {value}")


def require_temperature(inverse_temperature: float) -> None:
    """Raise a ConfigError if it is not finite, or negative."""
    require_finite(inverse_temperature=inverse_temperature)
    if inverse_temperature < 0:
        raise ConfigError(f"inverse_temperature must be at least 0, not {inverse_temperature}")


def require_counts(**values: int) -> None:
    """Raise a ConfigError that names the first value that is not a whole number from 1."""
    for name, value in values.items():
        if not isinstance(value, int | np.integer) or not is_number(value) or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1, not {value}")
